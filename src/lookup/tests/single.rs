//! One seed: rank, inheritance, filters, limits, the report.

use super::{
    request::{Request, ask, ask_shop, ids},
    shop::{Link, Shop, type_of},
};
use crate::{
    lookup::{FillReport, Query, QuerySeed, ScoreThreshold},
    model::{id::IdRule, relation::RelationType},
};

/// The ids that are recommended, best first.
#[track_caller]
fn check(shop: &str, request: &str, expected: &str) {
    let outcome = ask(shop, request);
    assert_eq!(ids(&outcome), expected.split_whitespace().collect::<Vec<_>>());
}

#[track_caller]
fn check_report(shop: &str, request: &str, expected: FillReport) {
    assert_eq!(ask(shop, request).report, expected);
}

/// `id:type:score` of each pick.
#[track_caller]
fn check_picks(shop: &str, request: &str, expected: &str) {
    let outcome = ask(shop, request);
    let picks = outcome.picks.iter().map(|pick| {
        let relation_type = RelationType::new(pick.relation_type).unwrap();
        format!("{}:{relation_type}:{}", pick.id, pick.score)
    });
    assert_eq!(picks.collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn the_best_score_comes_first_across_types() {
    let shop = "a cross_sell b 90, c 50\n a up_sell d 70, e 40";
    check(shop, "cross_sell,up_sell: a", "b d c e");
    check(shop, "up_sell,cross_sell: a", "b d c e");
    check(shop, "up_sell: a", "d e");
    check(shop, "related: a", "");
}

#[test]
fn ties_of_score_go_to_the_type_asked_first() {
    let shop = "a cross_sell b 70\n a up_sell c 70\n a related d 70";
    check(shop, "cross_sell,up_sell,related: a", "b c d");
    check(shop, "related,up_sell,cross_sell: a", "d c b");
    check(shop, "up_sell,related,up_sell,cross_sell: a", "c d b");
}

#[test]
fn ties_of_score_and_type_go_to_the_nearer_product() {
    let shop = "v < p\n p < g\n v cross_sell z 70\n p cross_sell y 70\n g cross_sell x 70";
    check(shop, "cross_sell: v", "z y x");
    let shop = "v < p\n v up_sell b 70\n p cross_sell c 70";
    check(shop, "cross_sell,up_sell: v", "c b");
    check(shop, "up_sell,cross_sell: v", "b c");
}

#[test]
fn a_product_reached_twice_counts_once_by_its_best_relation() {
    let shop = "a cross_sell b 50\n a up_sell b 90, c 60";
    check_picks(shop, "cross_sell,up_sell: a", "b:up_sell:90 c:up_sell:60");
    let candidates = FillReport { candidates: 2, shortfall: 8, ..FillReport::default() };
    check_report(shop, "cross_sell,up_sell: a", candidates);
    let tied = "a cross_sell b 50\n a up_sell b 50";
    check_picks(tied, "cross_sell,up_sell: a", "b:cross_sell:50");
    check_picks(tied, "up_sell,cross_sell: a", "b:up_sell:50");
    let inherited = "v < p\n v cross_sell b 50\n p up_sell b 90";
    check_picks(inherited, "cross_sell,up_sell: v", "b:up_sell:90");
}

#[test]
fn a_variant_inherits_from_parent_and_grandparent() {
    let shop = "v < p\n p < g\n v cross_sell a 10\n p cross_sell b 30\n g cross_sell c 20";
    check(shop, "cross_sell: v", "b c a");
    check(shop, "cross_sell: p", "b c");
    check(shop, "cross_sell: g", "c");
    check("v < p\n p cross_sell b 30", "cross_sell: v", "b");
}

#[test]
fn inheritance_goes_to_the_top() {
    // The longest chain there is: four steps.
    let chain = "e < d\n d < c\n c < b\n b < a\n";
    check(&format!("{chain} a cross_sell x 10"), "cross_sell: e", "x");
    check(&format!("{chain} b cross_sell x 10\n a cross_sell x 90, y 5"), "cross_sell: e", "x y");
    check(&format!("{chain} e cross_sell a 10, d 9, x 8"), "cross_sell: e", "x");
}

#[test]
fn own_relations_override_those_of_ancestors() {
    let shop = "v < p\n v cross_sell b 10\n p cross_sell b 90, c 50";
    check_picks(shop, "cross_sell: v", "c:cross_sell:50 b:cross_sell:10");
    let shop = "v < p\n p < g\n v cross_sell d 5\n p cross_sell b 10\n g cross_sell b 90, d 80";
    check_picks(shop, "cross_sell: v", "b:cross_sell:10 d:cross_sell:5");
}

#[test]
fn own_relations_override_only_those_of_the_same_type_and_target() {
    let shop = "v < p\n v up_sell b 10\n p cross_sell b 90";
    check_picks(shop, "cross_sell,up_sell: v", "b:cross_sell:90");
    // A type that is not asked for says nothing.
    check_picks(shop, "cross_sell: v", "b:cross_sell:90");
    check_picks(
        "v < p\n v cross_sell c 10\n p cross_sell b 9",
        "cross_sell: v",
        "c:cross_sell:10 b:cross_sell:9",
    );
}

#[test]
fn an_override_counts_even_if_it_is_filtered_itself() {
    let shop = "v < p\n v cross_sell b 10 given\n p cross_sell b 60000 given";
    check(shop, "cross_sell: v min=0.5", "");
    let report =
        FillReport { candidates: 1, removed_below_score: 1, shortfall: 10, ..<_>::default() };
    check_report(shop, "cross_sell: v min=0.5", report);
}

#[test]
fn no_seed_and_no_variant_of_its_group_is_recommended() {
    let shop = "s < p\n v < p\n p < g\n w < v\n v cross_sell s 90, p 80, g 70, w 60, x 50\n \
                p cross_sell v 40";
    check(shop, "cross_sell: v", "x");
    let report = FillReport {
        candidates: 6,
        removed_same_variant_group: 5,
        shortfall: 9,
        ..FillReport::default()
    };
    check_report(shop, "cross_sell: v", report);
    // To other products they are candidates like any other.
    check("v < p\n a cross_sell v 9", "cross_sell: a", "v");
}

#[test]
fn nothing_hidden_or_withdrawn_is_recommended() {
    let shop = "h hidden\n w withdrawn\n a cross_sell h 90, w 80, b 70";
    check(shop, "cross_sell: a", "b");
    let report = FillReport { candidates: 3, removed_hidden: 2, shortfall: 9, ..<_>::default() };
    check_report(shop, "cross_sell: a", report);
    // As a seed it still says what goes with it.
    check("h hidden\n h cross_sell b 70", "cross_sell: h", "b");
    check("w withdrawn\n w cross_sell b 70", "cross_sell: w", "b");
}

#[test]
fn what_the_request_excludes_is_not_recommended() {
    let shop = "a cross_sell b 90, c 80, d 70\n old = c";
    check(shop, "cross_sell: a -b", "c d");
    check(shop, "cross_sell: a -old -nobody", "b d");
    let report = FillReport { candidates: 3, removed_excluded: 2, shortfall: 9, ..<_>::default() };
    check_report(shop, "cross_sell: a -d -b -b", report);
}

#[test]
fn the_first_reason_counts() {
    let reasons = |shop: &str| {
        let report = ask(shop, "cross_sell: v -x min=1").report;
        assert_eq!(report.candidates, 1);
        let FillReport { removed_hidden, removed_same_variant_group, .. } = report;
        [
            removed_hidden,
            removed_same_variant_group,
            report.removed_excluded,
            report.removed_below_score,
        ]
    };
    assert_eq!(reasons("x hidden\n x < v\n v cross_sell x 9 given"), [1, 0, 0, 0]);
    assert_eq!(reasons("x < v\n v cross_sell x 9 given"), [0, 1, 0, 0]);
    assert_eq!(reasons("v cross_sell x 9 given"), [0, 0, 1, 0]);
    assert_eq!(reasons("v cross_sell y 9 given"), [0, 0, 0, 1]);
}

#[test]
fn min_score_applies_to_given_scores_only() {
    let shop = "a cross_sell b 60000, c 32768 given, d 32767 given, e 10";
    check(shop, "cross_sell: a min=0.5", "b c e");
    check(shop, "cross_sell: a min=0", "b c d e");
    check(shop, "cross_sell: a min=1", "b e");
    check("a cross_sell b 65535 given", "cross_sell: a min=1", "b");
    let report =
        FillReport { candidates: 4, removed_below_score: 1, shortfall: 7, ..<_>::default() };
    check_report(shop, "cross_sell: a min=0.5", report);
}

#[test]
fn a_threshold_is_a_share() {
    for share in [0.0, 0.25, 1.0] {
        assert!(ScoreThreshold::new(share).is_some(), "{share}");
    }
    for share in [-0.001, 1.001, f32::NAN, f32::INFINITY] {
        assert!(ScoreThreshold::new(share).is_none(), "{share}");
    }
}

#[test]
fn a_full_list_ends_the_walk() {
    let shop = "h hidden\n a cross_sell h 95, b 90, c 80, d 70";
    check(shop, "cross_sell: a max=2", "b c");
    let report = FillReport { candidates: 3, removed_hidden: 1, ..FillReport::default() };
    check_report(shop, "cross_sell: a max=2", report);
    let report = FillReport { candidates: 4, removed_hidden: 1, ..FillReport::default() };
    check_report(shop, "cross_sell: a max=3", report);
    let report = FillReport { shortfall: 1, ..report };
    check_report(shop, "cross_sell: a max=4", report);
}

/// A shop whose product `a` has this many relations of one type.
fn long_list(len: u16) -> Shop {
    let mut shop = Shop::parse("a");
    let links = (0..len).map(|rank| Link::new(&format!("p{rank:04}"), 60_000 - rank));
    let links = links.collect::<Vec<_>>();
    let text = links.iter().map(|link| format!("{}\n", link.target)).collect::<String>();
    shop.products.extend(Shop::parse(&text).products);
    let product = shop.products.get_mut("a").unwrap();
    product.lists.insert(RelationType::CROSS_SELL, links);
    shop
}

#[test]
fn results_are_ten_unless_asked_and_a_hundred_at_most() {
    let shop = long_list(1000);
    let count = |request: &str| ask_shop(&shop, request).picks.len();
    assert_eq!(count("cross_sell: a"), 10);
    assert_eq!(count("cross_sell: a max=0"), 10);
    assert_eq!(count("cross_sell: a max=1"), 1);
    assert_eq!(count("cross_sell: a max=99"), 99);
    assert_eq!(count("cross_sell: a max=100"), 100);
    assert_eq!(count("cross_sell: a max=101"), 100);
    assert_eq!(ask_shop(&long_list(30), "cross_sell: a max=5000").report.shortfall, 70);
}

#[test]
fn unknown_seeds_are_told_by_position() {
    let outcome = ask("a cross_sell b 9", "cross_sell: nobody a none");
    assert_eq!(outcome.missing, [0, 2]);
    assert_eq!(ids(&outcome), ["b"]);
    assert_eq!(outcome.picks[0].seeds, [1]);
    let outcome = ask("a", "cross_sell: nobody max=3");
    assert_eq!(outcome.missing, [0]);
    assert_eq!(outcome.report, FillReport { shortfall: 3, ..FillReport::default() });
}

#[test]
fn aliases_are_seeds_too() {
    let shop = "old = a\n a cross_sell b 9";
    check(shop, "cross_sell: old", "b");
    // The product is the seed, not its name.
    check("old = a\n x < a\n a cross_sell x 9", "cross_sell: old", "");
}

#[test]
fn ids_compare_by_the_rule_of_the_catalog() {
    let text = "Aa cross_sell b 9\n B2\n Old = Aa";
    let picks = |rule, request: &str| ask_shop(&Shop::parse_with(rule, text), request).picks.len();
    assert_eq!(picks(IdRule::Exact, "cross_sell: Aa"), 1);
    assert_eq!(picks(IdRule::Exact, "cross_sell: aa"), 0);
    assert_eq!(picks(IdRule::CaseFolded, "cross_sell: aA"), 1);
    assert_eq!(picks(IdRule::CaseFolded, "cross_sell: oLD"), 1);
    assert_eq!(picks(IdRule::CaseFolded, "cross_sell: aA -B"), 0);
}

#[test]
fn quantities_multiply() {
    let quantities = |request: &str| {
        let outcome = ask("v < p\n v cross_sell b 9 x2, c 8\n p cross_sell d 7 x0.5", request);
        outcome.picks.iter().map(|pick| pick.quantity).collect::<Vec<_>>()
    };
    assert_eq!(quantities("cross_sell: v"), [2.0, 0.0, 0.5]);
    assert_eq!(quantities("cross_sell: v*3"), [6.0, 0.0, 1.5]);
    assert_eq!(quantities("cross_sell: v*0.25"), [0.5, 0.0, 0.125]);
}

#[test]
fn picks_tell_the_relation_that_led_to_them() {
    let shop = "a cross_sell b 9 curated until=70, c 8 model x3, d 7 x3 until=80 given";
    let picks = ask(shop, "cross_sell: a").picks;
    let told = |index: usize| (picks[index].origin, picks[index].valid_to_s, picks[index].quantity);
    assert_eq!(told(0), (1, 70, 0.0));
    assert_eq!(told(1), (4, i64::MAX, 3.0));
    assert_eq!(told(2), (7, 80, 3.0));
}

#[test]
fn a_seed_named_twice_counts_once_with_its_units_added() {
    let outcome = ask("old = a\n a cross_sell b 9 x2, c 8 given", "cross_sell: a*2 old*3 min=0.5");
    assert_eq!(ids(&outcome), ["b"]);
    assert_eq!(outcome.picks[0].seeds, [0, 1]);
    assert_eq!((outcome.picks[0].score, outcome.picks[0].quantity), (9, 10.0));
}

#[test]
fn a_query_takes_what_fits() {
    let every = (1..=9).chain(100..=199).map(|number| RelationType::new(number).unwrap());
    let seed = QuerySeed::product("a", 1.0);
    let query = Query::new(every.clone().chain(every), vec![seed; 60]);
    assert_eq!((query.types.len(), query.seeds.len()), (32, 50));
    assert_eq!(query.max_results, None);
    let request = Request::parse("up_sell,cross_sell,up_sell: a");
    assert_eq!(
        request.query().types.as_slice(),
        [type_of("up_sell").unwrap(), type_of("cross_sell").unwrap()]
    );
}
