//! Goal: whose variant a product is.

use super::{products::row, *};
use crate::model::limits::VARIANT_DEPTH_MAX;

/// Each `child<parent` or `child<parent@position`, by child; products without a parent are left out.
fn parents(graph: &Graph<MemoryRuns>) -> Vec<String> {
    let line = |product: &Product| {
        let parent = graph.id(&graph.products[index(product.parent?)]);
        let position = product.variant_position.map(|position| format!("@{position}"));
        Some(format!("{}<{parent}{}", graph.id(product), position.unwrap_or_default()))
    };
    graph.products.iter().filter_map(line).collect()
}

#[track_caller]
fn check_parents(records: &[Record<'_>], expected: &[&str], codes: &[(&str, u64)]) {
    let graph = one(records);
    assert_eq!(parents(&graph), expected);
    assert_eq!(findings(&graph), codes);
}

fn child<'a>(id: &'a str, parent: &'a str, position: Option<u32>) -> Record<'a> {
    let record =
        ProductRecord { id, parent: Some(parent), variant_position: position, ..row(id, "") };
    Record::Product(record)
}

#[test]
fn parents_come_from_the_row_else_from_the_parent() {
    let own = child("b", "a", Some(2));
    check_parents(&[own.clone(), product("a")], &["b<a@2"], &[]);
    check_parents(&[variant("a", "b", Some(1)), product("b"), product("a")], &["b<a@1"], &[]);
    check_parents(&[own.clone(), variant("a", "b", Some(1)), product("a")], &["b<a@2"], &[]);
    check_parents(
        &[child("b", "a", None), variant("a", "b", Some(1)), product("a")],
        &["b<a@1"],
        &[],
    );
    let records = [own, variant("c", "b", Some(1)), product("a"), product("c")];
    check_parents(&records, &["b<a@2"], &[("bad_value", 1)]);
}

#[test]
fn of_two_claims_the_authority_then_the_smaller_id_wins() {
    let products = ["a", "b", "c"].map(product);
    let (to_a, to_b) = ([variant("a", "c", None)], [variant("b", "c", None)]);
    let graph = build(config(), &[("high", &to_b), ("low", &products), ("low", &to_a)]);
    assert_eq!(
        (parents(&graph), findings(&graph)),
        (vec!["c<b".to_owned()], vec![("bad_value", 1)])
    );
    let graph = build(config(), &[("low", &to_b), ("low", &products), ("low", &to_a)]);
    assert_eq!(
        (parents(&graph), findings(&graph)),
        (vec!["c<a".to_owned()], vec![("bad_value", 1)])
    );
}

#[test]
fn unknown_parents_are_left_out() {
    let unknown = [("unknown_parent", 1)];
    check_parents(&[child("a", "x", Some(1))], &[], &unknown);
    check_parents(&[product("a"), variant("x", "a", None)], &[], &unknown);
    check_parents(&[product("a"), variant("a", "x", None)], &[], &unknown);
    check_parents(&[product("a"), variant("", "a", None)], &[], &[("bad_id", 1)]);
    // Then the parent's own claim counts.
    check_parents(
        &[child("a", "x", None), product("b"), variant("b", "a", None)],
        &["a<b"],
        &unknown,
    );
}

#[test]
fn parents_in_a_circle_are_left_out() {
    check_parents(&[child("a", "a", Some(1))], &[], &[("parent_cycle", 1)]);
    let circle = [child("a", "b", None), child("b", "c", None), child("c", "a", None)];
    check_parents(&circle, &[], &[("parent_cycle", 3)]);
    // What hangs below a circle stays where it hangs.
    let hanging = [
        child("0", "b", None),
        child("a", "b", None),
        child("b", "a", None),
        child("z", "0", None),
    ];
    check_parents(&hanging, &["0<b", "z<0"], &[("parent_cycle", 2)]);
}

#[test]
fn parents_are_not_too_deep() {
    assert_eq!(VARIANT_DEPTH_MAX, 4);
    let chain = [
        product("0"),
        child("1", "0", None),
        child("2", "1", None),
        child("3", "2", None),
        child("4", "3", None),
    ];
    let fitting = ["1<0", "2<1", "3<2", "4<3"];
    check_parents(&chain, &fitting, &[]);
    let mut chain = chain.to_vec();
    chain.insert(0, child("5", "4", None));
    chain.insert(0, child("6", "5", None));
    let cut = ["1<0", "2<1", "3<2", "4<3", "6<5"];
    check_parents(&chain, &cut, &[("parent_cycle", 1)]);
}
