//! Several seeds: weights, sums, ties, quantities, positions.

use super::request::{Outcome, ask, ask_shop, ids};
use super::shop::{Link, Shop};
use crate::{lookup::FillReport, model::relation::RelationType};

/// `id:score` of each pick.
#[track_caller]
fn check(shop: &str, request: &str, expected: &str) -> Outcome {
    let outcome = ask(shop, request);
    let picks = outcome.picks.iter().map(|pick| format!("{}:{}", pick.id, pick.score));
    assert_eq!(picks.collect::<Vec<_>>().join(" "), expected);
    outcome
}

#[test]
fn scores_are_sums_weighed_by_the_seeds() {
    let shop = "a cross_sell x 100, y 60\n b cross_sell y 80, z 20";
    check(shop, "cross_sell: a b", "y:70 x:50 z:10");
    // Weights 3 and 1.
    check(shop, "cross_sell: a*3 b", "x:75 y:65 z:5");
    // What is left of a division is cut off.
    check("a cross_sell x 99\n b cross_sell y 98", "cross_sell: a b", "x:49 y:49");
}

#[test]
fn a_quantity_weighs_one_to_four() {
    let check = |quantity: &str, weight: u16| {
        let outcome = ask("a cross_sell x 60000\n b", &format!("cross_sell: a*{quantity} b"));
        assert_eq!(outcome.picks[0].score, 60_000 / (weight + 1) * weight, "{quantity}");
    };
    check("0.01", 1);
    check("1", 1);
    check("1.49", 1);
    check("1.5", 2);
    check("2.49", 2);
    check("2.5", 3);
    check("3.49", 3);
    check("3.5", 4);
    check("4", 4);
    check("1000000", 4);
}

#[test]
fn a_repeated_seed_weighs_by_all_its_units() {
    let shop = "old = a\n a cross_sell x 90 x2\n b cross_sell y 90";
    let outcome = check(shop, "cross_sell: a b old", "x:60 y:30");
    assert_eq!(outcome.picks[0].seeds, [0, 2]);
    assert_eq!(outcome.picks[0].quantity, 4.0);
    assert_eq!(outcome.picks[1].seeds, [1]);
}

#[test]
fn unknown_seeds_weigh_nothing() {
    let shop = "a cross_sell x 90\n b cross_sell y 80";
    let outcome = check(shop, "cross_sell: nobody a none b", "x:45 y:40");
    assert_eq!(outcome.missing, [0, 2]);
    assert_eq!(outcome.picks[1].seeds, [3]);
    // With one known seed its own scores stand.
    check(shop, "cross_sell: nobody a", "x:90");
}

#[test]
fn equal_sums_go_by_id() {
    check("a cross_sell z 90, y 80\n b cross_sell x 90", "cross_sell: a b", "x:45 z:45 y:40");
}

#[test]
fn a_sum_shows_the_relation_that_weighs_most() {
    let shop = "a cross_sell x 90 curated\n b up_sell x 50 model";
    let shown = |request: &str| {
        let picks = ask(shop, request).picks;
        (picks[0].relation_type, picks[0].origin)
    };
    assert_eq!(shown("cross_sell,up_sell: a b"), (1, 1));
    assert_eq!(shown("cross_sell,up_sell: a b*2"), (2, 4));
    // The seed named first, if they weigh the same.
    let shop = "a cross_sell x 90 curated\n b up_sell x 90 model";
    let shown = |request: &str| ask(shop, request).picks[0].relation_type;
    assert_eq!(shown("cross_sell,up_sell: a b"), 1);
    assert_eq!(shown("cross_sell,up_sell: b a"), 2);
}

#[test]
fn a_seed_adds_its_best_relation_to_a_product() {
    let shop = "v < p\n v cross_sell x 40\n v up_sell x 60\n p related x 50\n b";
    check(shop, "cross_sell,up_sell,related: v b", "x:30");
}

#[test]
fn quantities_add_up() {
    let shop = "a cross_sell x 90 x2\n b cross_sell x 80 x3\n c cross_sell x 70";
    let quantity = |request: &str| ask(shop, request).picks[0].quantity;
    assert_eq!(quantity("cross_sell: a*2 b"), 7.0);
    assert_eq!(quantity("cross_sell: a c"), 2.0);
    assert_eq!(quantity("cross_sell: c b*0.5"), 1.5);
}

#[test]
fn the_earliest_end_counts() {
    let shop = "a cross_sell x 90 until=70\n b cross_sell x 80 until=60\n c cross_sell x 70";
    let end = |request: &str| ask(shop, request).picks[0].valid_to_s;
    assert_eq!(end("cross_sell: a b"), 60);
    assert_eq!(end("cross_sell: a c"), 70);
}

#[test]
fn no_seed_is_recommended_nor_a_variant_of_its_group() {
    let shop = "v < b\n a cross_sell b 90, v 80, x 70\n b cross_sell a 60";
    let outcome = check(shop, "cross_sell: a b", "x:35");
    let report = FillReport {
        candidates: 4,
        removed_same_variant_group: 3,
        shortfall: 9,
        ..FillReport::default()
    };
    assert_eq!(outcome.report, report);
}

#[test]
fn min_score_applies_to_the_sum() {
    let shop = "a cross_sell x 65535, y 65534 given\n b cross_sell y 65535";
    let outcome = check(shop, "cross_sell: a b min=0.6", "y:65534");
    assert_eq!(outcome.report.removed_below_score, 1);
    // Half of 65535 is 32767, and 0.5 is 32768.
    check(shop, "cross_sell: a b min=0.5", "y:65534");
    check(shop, "cross_sell: a b min=0.49", "y:65534 x:32767");
}

#[test]
fn sums_beyond_a_full_list_are_no_candidates() {
    let shop = "h hidden\n a cross_sell x 90, y 80, h 70\n b cross_sell z 60";
    let outcome = check(shop, "cross_sell: a b max=1", "x:45");
    let report = FillReport { candidates: 2, removed_hidden: 1, ..FillReport::default() };
    assert_eq!(outcome.report, report);
    let outcome = check(shop, "cross_sell: a b max=2", "x:45 y:40");
    assert_eq!(outcome.report.candidates, 3);
}

#[test]
fn relations_that_do_not_pass_add_nothing() {
    // What a product is removed for by one relation may not hold for another.
    let shop = "a cross_sell x 90\n b cross_sell x 80 until=5, y 10";
    let outcome = check(shop, "cross_sell: a b t=5", "x:45 y:5");
    let report = FillReport {
        candidates: 3,
        removed_outside_validity: 1,
        shortfall: 8,
        ..FillReport::default()
    };
    assert_eq!(outcome.report, report);
    let outcome = check(shop, "cross_sell: b a t=5", "x:45 y:5");
    assert_eq!(outcome.report, report);
    assert_eq!(outcome.picks[0].seeds, [1]);
    check(shop, "cross_sell: a b t=4", "x:85 y:5");
}

#[test]
fn many_sums_are_ranked_as_far_as_they_are_shown() {
    let of_a = |product: u16| 60_000 - product * 3;
    let of_b = |product: u16| 50_000 - product * 7 % 200 * 5;
    let list = |score: &dyn Fn(u16) -> u16| {
        let mut links = (0..200).map(|product| (score(product), product)).collect::<Vec<_>>();
        links.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let links = links.iter().map(|(score, product)| format!("p{product:03} {score}"));
        links.collect::<Vec<_>>().join(", ")
    };
    let shop = format!("a cross_sell {}\n b cross_sell {}", list(&of_a), list(&of_b));
    let outcome = ask(&shop, "cross_sell: a b max=100");
    let sum = |product| (u32::from(of_a(product)) + u32::from(of_b(product))) / 2;
    let mut expected = (0..200).map(|product| (sum(product), product)).collect::<Vec<_>>();
    expected.sort_by_key(|(score, product)| (std::cmp::Reverse(*score), *product));
    let expected = expected.iter().take(100).map(|(_, rank)| format!("p{rank:03}"));
    assert_eq!(ids(&outcome), expected.collect::<Vec<_>>());
}

#[test]
fn a_seed_adds_its_best_256_relations() {
    let mut shop = Shop::parse("b cross_sell last 65535");
    let links = (0..256).map(|rank| Link::new(&format!("p{rank:03}"), 60_000 - rank));
    let links = links.chain([Link::new("q256", 50_000), Link::new("last", 40_000)]);
    let links = links.collect::<Vec<_>>();
    let all = links.iter().map(|link| format!("{}\n", link.target)).collect::<String>();
    shop.products.extend(Shop::parse(&format!("{all} a")).products);
    shop.products.get_mut("b").unwrap().lists =
        Shop::parse("b cross_sell last 65535").products["b"].lists.clone();
    shop.products.get_mut("a").unwrap().lists.insert(RelationType::CROSS_SELL, links);
    let outcome = ask_shop(&shop, "cross_sell: a b max=100");
    assert_eq!(outcome.report.candidates, 100);
    assert_eq!((ids(&outcome)[0], outcome.picks[0].score), ("last", 32_767));
    assert_eq!(outcome.picks[0].seeds, [1]);
}
