//! What people are told of each candidate, and that listening changes nothing.

use super::{
    request::{Outcome, Request},
    world::World,
};
use crate::lookup::{
    Bound, Fate, FilterPart, Page, PinnedBy, Plan, Reason, Scratch, Trace, explain,
};

/// Explains a lookup; checks that its picks are the answer's.
fn told(shop: &str, request: &str, max: usize, traced: &[&str]) -> (World, Trace) {
    let (world, request) = (World::parse(shop), Request::parse(request));
    let (mut page, mut scratch) = (Page::default(), Scratch::default());
    let expected = Outcome::of(&world, &request, &mut page, &mut scratch).unwrap();
    let (scene, query, context) = (world.scene(), request.query(), request.context());
    let traced = traced.iter().map(|id| scene.view.find(id).unwrap()).collect();
    let mut trace = Trace::new(max, traced);
    let plan = Plan::new(&scene, &context, &query).unwrap();
    page.begin(&scene, [], crate::lookup::Repeats::Refused);
    let answer = explain(&scene, &context, &query, &plan, &mut page, &mut scratch, &mut trace);
    assert_eq!((answer.report, answer.interval), (expected.report, expected.interval));
    let picks = answer.picks.iter().map(|pick| scene.view.id(pick.product));
    assert!(picks.eq(expected.picks.iter().map(|pick| pick.id.as_str())));
    (world, trace)
}

/// `linked fate` of each candidate.
#[track_caller]
fn check(shop: &str, request: &str, expected: &[(&str, Fate)]) {
    let (world, trace) = told(shop, request, 99, &[]);
    let view = world.catalog.view();
    let found = trace.candidates().iter().map(|one| (view.id(one.linked), one.fate));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn every_candidate_of_one_seed_has_its_fate() {
    let shop = "a cross_sell b 90, c 80, d 70, e 60, f 50\n b hidden\n d brand x\n e brand x\n\
                ! remove a * c";
    check(
        shop,
        "cross_sell: a most=1/0/0 max=2",
        &[
            ("b", Fate::Removed(Reason::Hidden)),
            ("c", Fate::Removed(Reason::Overridden(1))),
            ("d", Fate::Returned(1)),
            ("e", Fate::Removed(Reason::Diversity(Bound::Brand))),
            ("f", Fate::Returned(2)),
        ],
    );
    check(
        shop,
        "cross_sell: a max=1",
        &[
            ("b", Fate::Removed(Reason::Hidden)),
            ("c", Fate::Removed(Reason::Overridden(1))),
            ("d", Fate::Returned(1)),
            // Nobody looked at them.
            ("e", Fate::RankedTooLow),
            ("f", Fate::RankedTooLow),
        ],
    );
    check(
        shop,
        "cross_sell: a brands=y max=1",
        &[
            ("b", Fate::Removed(Reason::Hidden)),
            ("c", Fate::Removed(Reason::Overridden(1))),
            ("d", Fate::Removed(Reason::Filter(FilterPart::BrandIds))),
            ("e", Fate::Removed(Reason::Filter(FilterPart::BrandIds))),
            ("f", Fate::Removed(Reason::Filter(FilterPart::BrandIds))),
        ],
    );
}

#[test]
fn sums_settle_the_relations_that_added() {
    let shop = "a cross_sell b 90, c 80\n z cross_sell c 70, d 60 until=5\n ? hide products=b";
    check(
        shop,
        "cross_sell: a z t=9",
        &[
            ("b", Fate::Removed(Reason::Rule(0))),
            ("c", Fate::Returned(1)),
            ("c", Fate::Returned(1)),
            ("d", Fate::Removed(Reason::Validity)),
        ],
    );
    check(
        shop,
        "cross_sell: a z max=1",
        &[
            ("b", Fate::RankedTooLow),
            ("c", Fate::Returned(1)),
            ("c", Fate::Returned(1)),
            ("d", Fate::RankedTooLow),
        ],
    );
}

#[test]
fn boosted_candidates_and_pins_are_told() {
    let shop = "z\n a cross_sell b 90, c 80\n ? boost 2000 products=c\n ? pin 1 products=z";
    check(
        shop,
        "cross_sell: a max=2",
        &[("z", Fate::Returned(1)), ("b", Fate::RankedTooLow), ("c", Fate::Returned(2))],
    );
    let (_, trace) = told(shop, "cross_sell: a", 99, &[]);
    assert_eq!(trace.candidates()[0].pinned_by, Some(PinnedBy::Rule(1)));
    assert_eq!(trace.candidates()[2].score, 160);
    assert_eq!(trace.rules().iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_relation_is_told_with_its_place() {
    let shop = "d\n v < p\n p alternative y 9\n p cross_sell b 90, c 80 x2\n ! add v cross_sell d";
    let (world, trace) = told(shop, "cross_sell: v", 99, &[]);
    let view = world.catalog.view();
    let places = trace.candidates().iter().map(|one| {
        let relation = one.relation.unwrap();
        let source = view.id(relation.source.unwrap());
        (view.id(one.linked), source, relation.relation_type, relation.index)
    });
    let places = places.collect::<Vec<_>>();
    assert_eq!(places, [("d", "v", 1, None), ("b", "p", 1, Some(0)), ("c", "p", 1, Some(1))]);
    assert!(trace.candidates()[2].relation.unwrap().rare.unwrap().quantity.get() > 1.0);
}

#[test]
fn traced_products_are_told_beyond_the_limit_and_without_relation() {
    let shop = "q\n a cross_sell b 90, c 80, d 70\n a up_sell e 9";
    let (world, trace) = told(shop, "cross_sell: a then=up_sell", 1, &["q", "d", "e"]);
    let view = world.catalog.view();
    let found = trace.candidates().iter();
    let found = found.map(|one| (view.id(one.linked), one.fate, one.fallback_step));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("b", Fate::Returned(1), 0),
            ("d", Fate::Returned(3), 0),
            ("e", Fate::Returned(4), 1),
            // There was no room for it, but it stands in the answer.
            ("c", Fate::Returned(2), 0),
            ("q", Fate::NotRelated, 0),
        ]
    );
}

#[test]
fn a_product_that_another_relation_shows_is_told() {
    let shop = "v < p\n a cross_sell v 90, p 80";
    check(shop, "cross_sell: a as=parent", &[("v", Fate::Returned(1)), ("p", Fate::Repeated)]);
}
