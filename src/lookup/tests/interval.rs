//! How long an answer holds: the edges that a lookup met, and none that it did not.

use super::{
    request::{Request, ask},
    world::World,
};
use crate::lookup::{Interval, Page, Plan, Scratch, answer};

/// `from..until` with nothing for no bound.
#[track_caller]
fn check(shop: &str, request: &str, expected: &str) {
    let Interval { from_s, until_s } = ask(shop, request).interval;
    let from = if from_s == i64::MIN { String::new() } else { from_s.to_string() };
    let until = if until_s == i64::MAX { String::new() } else { until_s.to_string() };
    assert_eq!(format!("{from}..{until}"), expected, "{request}");
}

#[test]
fn relations_that_were_looked_at_bound_it() {
    let shop = "a cross_sell b 90 from=10 until=20, c 80 until=15, d 70 from=30";
    check(shop, "cross_sell: a t=5", "..10");
    check(shop, "cross_sell: a t=10", "10..15");
    check(shop, "cross_sell: a t=15", "15..20");
    check(shop, "cross_sell: a t=40", "30..");
    // Behind a full list nothing is looked at.
    check(shop, "cross_sell: a t=10 max=1", "10..20");
    // Nor at the time of what fell out before.
    check(&format!("{shop}\n $ b blocked"), "cross_sell: a t=10", "..15");
    check("a cross_sell b 9 until=7 in=us", "cross_sell: a", "..");
    check("a cross_sell b 9 until=7\n b state out_of_stock", "cross_sell: a", "..7");
}

#[test]
fn blocks_bound_it_until_they_expire() {
    let shop = "a cross_sell b 90, c 80\n $ b blocked until=20\n $ c blocked until=9 in=us";
    check(shop, "cross_sell: a t=5", "..20");
    check(shop, "cross_sell: a t=20", "20..");
    check(shop, "cross_sell: a t=5 in=us", "..9");
    // In the search for a variant up to the first that can be bought.
    let group = "v < p\n w < p\n x < p\n a cross_sell p 9\n $ v blocked until=20\n\
                 $ w blocked until=30 in=us\n $ x blocked until=7";
    check(group, "cross_sell: a as=sellable_variant", "..20");
    check(group, "cross_sell: a as=sellable_variant in=us", "..7");
    check(group, "cross_sell: a", "..20");
    check(&format!("{group}\n p state out_of_stock"), "cross_sell: a", "..");
}

#[test]
fn overrides_of_opened_runs_bound_it() {
    let shop = "z\n b\n a cross_sell b 90, c 80\n v < a\n";
    let with = |order: &str| format!("{shop} ! {order} from=10 until=20");
    check(&with("add a cross_sell z"), "cross_sell: a", "..10");
    check(&with("add a cross_sell z"), "cross_sell: a t=10", "10..20");
    check(&with("remove a * z"), "cross_sell: a", "..10");
    check(&with("reorder a up_sell z @1"), "cross_sell: a", "..");
    check(&with("add b cross_sell z"), "cross_sell: a", "..");
    // Handed down from the parent.
    check(&with("add a cross_sell z"), "cross_sell: v", "..10");
    check(&with("add a cross_sell z in=us"), "cross_sell: a", "..");
    // A pin bounds also where nothing of its type is opened.
    check(&with("pin a * z @1"), "cross_sell: a", "..10");
    check(&with("pin a up_sell z @1"), "cross_sell: a", "..");
    // Hidden everywhere: if somebody looks.
    check(&with("hide * * c"), "cross_sell: a", "..10");
    check(&with("hide * * c"), "cross_sell: a max=1", "..");
    check(&with("hide * * z"), "cross_sell: a", "..");
}

#[test]
fn rules_that_could_apply_bound_it() {
    let shop = "a cross_sell b 90\n";
    let with = |rule: &str| format!("{shop} ? {rule} from=10 until=20");
    check(&with("boost 1500 products=b"), "cross_sell: a", "..10");
    check(&with("hide products=b"), "cross_sell: a t=15", "10..20");
    check(&with("hide products=b markets=us"), "cross_sell: a", "..");
    check(&with("hide products=b seeds=b"), "cross_sell: a", "..");
}

#[test]
fn fallbacks_bound_it_as_far_as_they_are_tried() {
    let shop = "a cross_sell x 9\n a up_sell b 90 until=10\n\
                a alternative c 80 until=20\n c cross_sell d 5 until=30";
    check(shop, "cross_sell: a max=1 then=up_sell", "..");
    check(shop, "cross_sell: a then=up_sell", "..10");
    check(shop, "cross_sell: a then=alternatives", "..20");
    check(shop, "cross_sell: a then=alternatives t=25", "20..");
}

#[test]
fn an_answer_for_a_named_instant_never_changes() {
    let world = World::parse("a cross_sell b 90 until=10");
    let request = Request::parse("cross_sell: a");
    let (scene, query) = (world.scene(), request.query());
    let context = crate::lookup::Context { is_as_of: true, ..request.context() };
    let plan = Plan::new(&scene, &context, &query).unwrap();
    let (mut page, mut scratch) = (Page::default(), Scratch::default());
    let answer = answer(&scene, &context, &query, &plan, &mut page, &mut scratch);
    assert_eq!((answer.picks.len(), answer.interval), (1, Interval::UNBOUNDED));
}

#[test]
fn intervals_of_slots_intersect() {
    let all = Interval::UNBOUNDED;
    let one = Interval { from_s: 3, until_s: 9 };
    let other = Interval { from_s: 5, until_s: 20 };
    assert_eq!(all.intersect(one), one);
    assert_eq!(one.intersect(other), Interval { from_s: 5, until_s: 9 });
}
