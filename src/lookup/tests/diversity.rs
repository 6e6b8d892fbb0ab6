//! What keeps a list varied: bounds, caps of a mix, turns by visitor and day, and the page.

use super::{
    reasons::removed,
    request::{Outcome, Request, ask, ids},
    shop::Shop,
    world::World,
};
use crate::{
    lookup::{Page, QuerySeed, Repeats, Scratch},
    model::relation::RelationType,
    policy::{MixEntry, SlotPolicy},
};

#[track_caller]
fn check(shop: &str, request: &str, expected: &str, refused: u32) {
    let outcome = ask(shop, request);
    assert_eq!(ids(&outcome).join(" "), expected, "{request}");
    assert_eq!(outcome.report.removed_by_diversity, refused, "{request}");
}

#[test]
fn brands_categories_and_groups_have_bounds() {
    let shop = "a cross_sell b 90, c 80, d 70, e 60, f 50\n b brand x\n c brand x\n d brand x\n\
                b category P\n c category P/Q\n e category P\n v < b\n v < b\n";
    check(shop, "cross_sell: a", "b c d e f", 0);
    check(shop, "cross_sell: a most=2/0/0", "b c e f", 1);
    check(shop, "cross_sell: a most=1/1/0", "b f", 3);
    check(shop, "cross_sell: a most=0/1/0", "b c d f", 1);
    // What is not known counts for nothing.
    check("a cross_sell b 9, c 8", "cross_sell: a most=1/1/1", "b c", 0);
}

#[test]
fn one_of_a_variant_group_unless_more_are_asked_for() {
    let shop = "v < p\n w < p\n u < p\n a cross_sell v 90, w 80, u 70, p 60, z 50";
    check(shop, "cross_sell: a", "v z", 3);
    check(shop, "cross_sell: a most=0/0/2", "v w z", 2);
    check(shop, "cross_sell: a most=0/0/9", "v w u p z", 0);
    check(shop, "cross_sell: a b most=0/0/2", "v w z", 2);
}

#[test]
fn pins_count_for_diversity_and_are_never_removed_by_it() {
    let shop = "b brand x\n c brand x\n d brand x\n a cross_sell b 90, e 80\n\
                ! pin a * c @1\n ! pin a * d @2";
    check(shop, "cross_sell: a most=1/0/0", "c d e", 1);
}

/// A slot of two types with weights in thousandths and caps.
fn slot(weights: [(u16, Option<u32>); 2], rotate: u32) -> SlotPolicy {
    let types = [RelationType::CROSS_SELL, RelationType::UP_SELL];
    let entry =
        |(relation_type, (weight, max_results))| MixEntry { relation_type, weight, max_results };
    let mix = types.into_iter().zip(weights).map(entry).collect();
    SlotPolicy { mix, rotate, ..SlotPolicy::default() }
}

#[track_caller]
fn at_slot(slot: &SlotPolicy, shop: &str, request: &str) -> Outcome {
    let world = World::of(&Shop::parse(shop), &[("s", slot.clone())], &[]);
    let (request, mut page) = (Request::parse(request), Page::default());
    Outcome::of(&world, &request, &mut page, &mut Scratch::default()).unwrap()
}

#[test]
fn types_of_a_mix_have_weights_and_caps() {
    let shop = "a cross_sell b 90, c 80, d 70\n a up_sell e 100, f 99, g 50";
    let shown = |weights, request: &str| {
        let outcome = at_slot(&slot(weights, 0), shop, request);
        let picks = outcome.picks.iter().map(|pick| format!("{}:{}", pick.id, pick.score));
        (picks.collect::<Vec<_>>().join(" "), outcome.report.removed_by_diversity)
    };
    let check = |weights, expected: &str, refused| {
        assert_eq!(shown(weights, ": a place=s"), (expected.to_owned(), refused));
    };
    check([(1000, None), (1000, None)], "e:100 f:99 b:90 c:80 d:70 g:50", 0);
    check([(1000, None), (855, None)], "b:90 e:85 f:84 c:80 d:70 g:42", 0);
    check([(1000, Some(1)), (1000, Some(2))], "e:100 f:99 b:90", 3);
    check([(1000, Some(0)), (1000, None)], "e:100 f:99 g:50", 3);
    // The weight counts for the sum and for the minimum, too.
    let outcome = at_slot(&slot([(500, None), (1000, Some(1))], 0), shop, ": a h place=s max=3");
    assert_eq!(outcome.missing, [1]);
    let given = "a cross_sell b 60000 given\n a up_sell c 60000 given";
    let outcome = at_slot(&slot([(500, None), (1000, None)], 0), given, ": a place=s min=0.6");
    assert_eq!(ids(&outcome), ["c"]);
    // Types that the request names replace the mix, weights and caps.
    let weights = [(1, Some(1)), (1, Some(1))];
    assert_eq!(shown(weights, "cross_sell: a place=s").0, "b:90 c:80 d:70");
}

#[test]
fn turns_are_by_visitor_and_day_and_stable_inside() {
    let links = (0..20).map(|rank| format!("p{rank:02} {}", 99 - rank)).collect::<Vec<_>>();
    let shop = format!("z\n a cross_sell {}", links.join(", "));
    let slot = slot([(1000, None), (1000, None)], 10);
    let turn = |request: &str| at_slot(&slot, &shop, &format!(": a place=s max=3 {request}"));
    let first = turn("by=ann t=0");
    assert_eq!(first.picks.len(), 3);
    assert!(first.picks.iter().all(|pick| pick.id.as_str() < "p10"), "one of the best ten");
    assert_eq!(first.report.candidates, 10);
    assert_eq!(turn("by=ann t=86399").picks, first.picks);
    let others = ["by=ann t=86400", "by=bob t=0", "by=eve t=0", "by=ann t=-1"];
    assert!(others.iter().any(|request| turn(request).picks != first.picks));
    assert_eq!((first.interval.from_s, first.interval.until_s), (0, 86_400));
    let before = turn("by=ann t=-1").interval;
    assert_eq!((before.from_s, before.until_s), (-86_400, 0));
    // Everybody sees everything in the end.
    let seen = (0..200).flat_map(|day| ids_of(&turn(&format!("by=ann t={}", day * 86_400))));
    assert_eq!(seen.collect::<std::collections::BTreeSet<_>>().len(), 10);
    // Pins stay, and the order is the hash's also where all fit.
    let pinned = format!("{shop}\n ! pin a * z @2");
    let pinned = at_slot(&slot, &pinned, ": a place=s max=3 by=ann t=0");
    let mut expected = ids_of(&first);
    expected.insert(1, "z".to_owned());
    assert_eq!(ids_of(&pinned), expected[..3]);
    let all = at_slot(&slot, &shop, ": a place=s max=20 by=ann t=0");
    assert_ne!(ids_of(&all)[..10], ids_of(&at_slot(&slot, &shop, "cross_sell: a max=20"))[..10]);
}

fn ids_of(outcome: &Outcome) -> Vec<String> {
    outcome.picks.iter().map(|pick| pick.id.clone()).collect()
}

#[test]
fn an_earlier_slot_keeps_a_product_and_the_later_one_refills() {
    let world = World::parse("w < v\n a cross_sell b 90, c 80, w 75, d 70\n a up_sell c 60, b 50");
    let (mut page, mut scratch) = (Page::default(), Scratch::default());
    let mut ask = |page: &mut Page, request: &str| {
        Outcome::of(&world, &Request::parse(request), page, &mut scratch).unwrap()
    };
    let begin = |page: &mut Page, repeats| {
        page.begin(&world.scene(), [QuerySeed::product("v", 1.0)], repeats);
    };
    begin(&mut page, Repeats::Refused);
    assert_eq!(ids_of(&ask(&mut page, "up_sell: a max=1")), ["c"]);
    let second = ask(&mut page, "cross_sell: a");
    assert_eq!(ids_of(&second), ["b", "d"]);
    let counts = removed(&second.report);
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u32>(), 2);
    assert_eq!(second.report.removed_on_page, 1);
    assert_eq!(second.report.removed_same_variant_group, 1, "the page is about v");
    assert_eq!(ids_of(&ask(&mut page, "up_sell: a")), [""; 0]);
    assert_eq!(ids_of(&ask(&mut page, "up_sell: a b")), [""; 0], "nor as sums");
    // Another page begins anew; some let slots repeat each other.
    begin(&mut page, Repeats::Allowed);
    assert_eq!(ids_of(&ask(&mut page, "up_sell: a")), ["c", "b"]);
    assert_eq!(ids_of(&ask(&mut page, "cross_sell: a")), ["b", "c", "d"]);
    begin(&mut page, Repeats::Refused);
    assert_eq!(ids_of(&ask(&mut page, "cross_sell: a")), ["b", "c", "d"]);
}
