//! Variant groups: which of them is shown, and when a parent can be bought.

use super::request::{ask, ids};

#[track_caller]
fn check(shop: &str, request: &str, expected: &str) {
    assert_eq!(ids(&ask(shop, request)).join(" "), expected, "{request}");
}

const GROUP: &str = "v < p\n w < p\n a cross_sell p 90, z 80\n";

#[test]
fn a_relation_shows_the_product_that_it_names() {
    check(GROUP, "cross_sell: a", "p z");
    check("v < p\n a cross_sell v 90", "cross_sell: a as=as_linked", "v");
}

#[test]
fn a_parent_stands_for_its_variants() {
    check("v < p\n p < g\n a cross_sell v 90", "cross_sell: a as=parent", "g");
    // Once, and though it is hidden on its own.
    let shop = "p hidden\n v < p\n w < p\n a cross_sell v 90, w 80, z 70";
    check(shop, "cross_sell: a as=parent", "p z");
    assert_eq!(ask(shop, "cross_sell: a as=parent").report.candidates, 2);
    check("p hidden\n v < p\n a cross_sell p 90", "cross_sell: a as=parent", "");
    check("v hidden\n v < p\n a cross_sell v 90", "cross_sell: a as=parent", "");
    check("v < p\n a cross_sell v 90\n p withdrawn", "cross_sell: a as=parent", "");
    check("v < p\n a cross_sell v 90\n $ p blocked", "cross_sell: a as=parent", "");
}

#[test]
fn the_first_variant_that_can_be_bought_stands_for_the_group() {
    let request = "cross_sell: a as=sellable_variant";
    check(GROUP, request, "v z");
    check(&format!("{GROUP} $ v out_of_stock"), request, "w z");
    check(&format!("{GROUP} v sold us"), request, "w z");
    check(&format!("{GROUP} $ v blocked"), request, "w z");
    check(&format!("{GROUP} v withdrawn"), request, "w z");
    // Also a hidden one: it has the visibility of the product that is linked.
    check(&format!("{GROUP} v hidden"), request, "v z");
    check(&format!("{GROUP} v hidden\n p hidden"), request, "z");
    // A linked variant is as it is.
    check("v < p\n w < p\n a cross_sell w 90", request, "w");
    // Leaves come depth first.
    check("x < v\n v < p\n w < p\n a cross_sell p 90\n", request, "x");
    check("x < w\n v < p\n w < p\n a cross_sell p 90\n $ v out_of_stock", request, "x");
}

#[test]
fn without_a_sellable_variant_the_linked_product_is_unavailable() {
    let shop = format!("{GROUP} $ v out_of_stock\n $ w out_of_stock");
    let outcome = ask(&shop, "cross_sell: a as=sellable_variant");
    assert_eq!((ids(&outcome).join(" ").as_str(), outcome.report.removed_unavailable), ("z", 1));
    let outcome = ask(&shop, "cross_sell: a as=sellable_variant -p");
    assert_eq!(outcome.report.removed_excluded, 1);
    check(&shop, "cross_sell: a as=sellable_variant accept=out_of_stock", "v");
}

#[test]
fn a_parent_is_available_with_one_of_its_leaves() {
    check(&format!("{GROUP} $ v out_of_stock"), "cross_sell: a", "p z");
    check(&format!("{GROUP} $ v out_of_stock\n $ w out_of_stock"), "cross_sell: a", "z");
    check(&format!("{GROUP} $ p out_of_stock"), "cross_sell: a", "z");
    check(&format!("{GROUP} v sold us\n w sold us"), "cross_sell: a", "z");
}

#[test]
fn two_hundred_and_fifty_six_leaves_are_looked_at() {
    let group = |good: usize| {
        let variants = (0..260).map(|leaf| format!("v{leaf:03} < p\n"));
        let states = (0..260).filter(|leaf| *leaf != good);
        let states = states.map(|leaf| format!("v{leaf:03} state out_of_stock\n"));
        format!("{}{}a cross_sell p 9", variants.collect::<String>(), states.collect::<String>())
    };
    check(&group(255), "cross_sell: a as=sellable_variant", "v255");
    check(&group(256), "cross_sell: a as=sellable_variant", "");
}

#[test]
fn the_group_of_a_seed_is_never_shown() {
    let shop = "v < p\n w < p\n v cross_sell w 90, z 80\n x < q\n z cross_sell x 9";
    check(shop, "cross_sell: v", "z");
    check(shop, "cross_sell: v as=parent", "z");
}
