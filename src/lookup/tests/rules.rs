//! Rules of merchandising: when they apply, what they match, what they do.

use super::{
    request::{Outcome, Request, ask, ids},
    shop::Shop,
    world::World,
};
use crate::{
    lookup::{Page, Scratch},
    model::relation::RelationType,
    policy::{MixEntry, SlotPolicy},
};

#[track_caller]
fn check(rule: &str, request: &str, expected: &str) {
    let outcome = ask(&format!("{SHOP}{rule}"), request);
    let picks = outcome.picks.iter().map(|pick| format!("{}:{}", pick.id, pick.score));
    assert_eq!(picks.collect::<Vec<_>>().join(" "), expected, "{rule} / {request}");
}

const SHOP: &str = "a category P/Q\n b brand x\n c brand y\n c category R/S\n c tags new\n\
                    b2 cross_sell c 40\n v < d\n\
                    a cross_sell b 90, c 80, d 70\n";
const PLAIN: &str = "b:90 c:80 d:70";

#[test]
fn boosts_and_buries_change_scores_and_the_order() {
    check("? boost 1500 products=c", "cross_sell: a", "c:120 b:90 d:70");
    check("? bury 500 products=b", "cross_sell: a", "c:80 d:70 b:45");
    check("? bury 0 products=b,c", "cross_sell: a", "d:70 b:0 c:0");
    // Ties stay in the order of examination; thousandths are cut off.
    check("? boost 1125 products=c", "cross_sell: a", "b:90 c:90 d:70");
    check("? boost 1124 products=c", "cross_sell: a", "b:90 c:89 d:70");
    // One after the other.
    check("? boost 2000 products=c\n ? bury 500 products=c", "cross_sell: a", PLAIN);
    let many = "? boost 10000 products=c\n".repeat(5);
    check(&many, "cross_sell: a", "c:65535 b:90 d:70");
}

#[test]
fn rules_match_by_every_kind_that_they_state() {
    let boosted = "c:160 b:90 d:70";
    check("? boost 2000 brands=y", "cross_sell: a", boosted);
    check("? boost 2000 tags=new", "cross_sell: a", boosted);
    check("? boost 2000 categories=R", "cross_sell: a", boosted);
    check("? boost 2000 categories=R/S,P", "cross_sell: a", boosted);
    check("? boost 2000 categories=P", "cross_sell: a", PLAIN);
    check("? boost 2000 brands=y tags=new categories=R products=c,b", "cross_sell: a", boosted);
    check("? boost 2000 brands=x tags=new", "cross_sell: a", PLAIN);
    // By products also the linked one, by anything else the shown one only.
    check("? boost 2000 products=d", "cross_sell: a as=sellable_variant", "v:140 b:90 c:80");
    check("? boost 2000 products=v", "cross_sell: a as=sellable_variant", "v:140 b:90 c:80");
}

#[test]
fn rules_apply_under_all_their_conditions() {
    let boosted = "c:160 b:90 d:70";
    let rule = |when: &str| format!("? boost 2000 products=c {when}");
    check(&rule("markets=us"), "cross_sell: a", PLAIN);
    check(&rule("markets=us+eu"), "cross_sell: a", boosted);
    check(&rule("stages=checkout"), "cross_sell: a", PLAIN);
    check(&rule("stages=checkout+discovery"), "cross_sell: a at=discovery", boosted);
    check(&rule("stages=checkout"), "cross_sell: a at=discovery", PLAIN);
    check(&rule("seeds=a"), "cross_sell: a", boosted);
    check(&rule("seeds=b"), "cross_sell: a", PLAIN);
    check(&rule("seed_categories=P"), "cross_sell: a", boosted);
    check(&rule("seed_categories=R"), "cross_sell: a", PLAIN);
    check(&rule("from=3 until=5"), "cross_sell: a t=2", PLAIN);
    check(&rule("from=3 until=5"), "cross_sell: a t=3", boosted);
    check(&rule("from=3 until=5"), "cross_sell: a t=5", PLAIN);
    check(&rule("placements=slot"), "cross_sell: a", PLAIN);
}

#[test]
fn rules_of_a_placement_apply_there_only() {
    let mix =
        vec![MixEntry { relation_type: RelationType::CROSS_SELL, weight: 1000, max_results: None }];
    let slot = SlotPolicy { mix, ..SlotPolicy::default() };
    let shop = Shop::parse(&format!("{SHOP}? hide products=b placements=slot,x"));
    let world = World::of(&shop, &[("slot", slot.clone()), ("other", slot)], &[]);
    let first = |request: &str| {
        let (request, mut page) = (Request::parse(request), Page::default());
        let outcome = Outcome::of(&world, &request, &mut page, &mut Scratch::default()).unwrap();
        ids(&outcome)[0].to_owned()
    };
    assert_eq!(first(": a place=slot"), "c");
    assert_eq!(first(": a place=other"), "b");
    assert_eq!(first("cross_sell: a"), "b");
}

#[test]
fn rules_hide() {
    check("? hide brands=x", "cross_sell: a", "c:80 d:70");
    let outcome = ask(&format!("{SHOP}? hide brands=x"), "cross_sell: a");
    assert_eq!(outcome.report.removed_by_rule, 1);
    check("? hide products=d", "cross_sell: a as=sellable_variant", "b:90 c:80");
}

#[test]
fn rules_pin() {
    check("? pin 2 products=b2,c", "cross_sell: a", "b:90 b2:65535 c:65535 d:70");
    check("? pin 1 products=d seeds=b", "cross_sell: a", PLAIN);
    check("? hide products=c\n ? pin 1 products=c", "cross_sell: a", "b:90 d:70");
    let outcome = ask(&format!("{SHOP}? pin 1 products=b2 until=9"), "cross_sell: a");
    let pick = &outcome.picks[0];
    assert_eq!((pick.relation_type, pick.origin, pick.valid_to_s), (0, 1, 9));
    assert!(pick.seeds.is_empty());
}

#[test]
fn the_minimum_is_compared_before_rules() {
    let shop = "a cross_sell b 30000 given, c 20000 given\n";
    let boosted = format!("{shop}? boost 10000 products=c");
    assert_eq!(ids(&ask(&boosted, "cross_sell: a min=0.4")), ["b"]);
    let buried = format!("{shop}? bury 1 products=b");
    assert_eq!(ids(&ask(&buried, "cross_sell: a min=0.4")), ["b"]);
}

#[test]
fn sums_are_boosted_too() {
    check("? boost 2500 products=c", "cross_sell: a b2", "c:150 b:45 d:35");
    check("? bury 100 brands=x", "cross_sell: a b2", "c:60 d:35 b:4");
    check("? hide tags=new", "cross_sell: a b2", "b:45 d:35");
}

#[test]
fn under_a_boost_what_is_not_reached_is_no_candidate() {
    let outcome = ask(&format!("{SHOP}? boost 2000 products=d"), "cross_sell: a max=1");
    assert_eq!((ids(&outcome)[0], outcome.report.candidates), ("d", 1));
    // Two relations to one product: the better one counts, the other is skipped.
    let shop = "a cross_sell b 90, c 80\n a up_sell b 70\n ? boost 2000 products=c";
    let outcome = ask(shop, "cross_sell,up_sell: a");
    assert_eq!((ids(&outcome).join(" ").as_str(), outcome.report.candidates), ("c b", 2));
    assert_eq!(outcome.picks[1].score, 90);
}
