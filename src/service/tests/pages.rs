//! Goal: a page is its slots in order, without repeats, from one moment; a bad slot fails alone and
//! only a bad envelope fails the call. Method: shops in a few lines of text, and random pages held
//! against single lookups.

use proptest::{collection::vec, prelude::*};
use tonic::Code;

use super::world::{category, check_fields, feed, present, seed, types};
use crate::{
    lookup::tests::{shop::Shop, world::World},
    model::{relation::RelationType, selection::FallbackStep},
    pb::{self, RecommendationView, seed::Target},
    policy::{MixEntry, SlotPolicy},
    service::{answers, pages, status::Refusal},
};

const SHOP: &str = "
    a cross_sell b 90, c 80, d 70, e 60
    a accessory c 90, b 80, f 70
    a1 < a
    g cross_sell a 90, b 80, a1 70
    x price 5
    c popularity 9
    c category Cases
    $ d out_of_stock @store
";

fn world() -> World {
    let mix = |relation_type| MixEntry { relation_type, weight: 1_000, max_results: None };
    let slot = SlotPolicy {
        mix: vec![mix(RelationType::ACCESSORY)],
        max_results: Some(2),
        fallback: vec![FallbackStep::RelationType(RelationType::CROSS_SELL)],
        ..SlotPolicy::default()
    };
    let mut world = World::of(&Shop::parse(SHOP), &[("pdp", slot)], &[]);
    feed(&mut world, &[("erp", 7, 0)]);
    world
}

fn slot(slot_id: &str, lookup: pb::LookupSpec) -> pb::Slot {
    pb::Slot { slot_id: slot_id.to_owned(), lookup: Some(lookup), seeds: Vec::new() }
}

fn at_most(relation_type: i32, max_results: i32) -> pb::LookupSpec {
    pb::LookupSpec { max_results, ..types(&[relation_type]) }
}

fn placed(placement_id: &str) -> pb::LookupSpec {
    pb::LookupSpec { placement_id: placement_id.to_owned(), ..<_>::default() }
}

/// Two cross-sells of `a`, then accessories of it.
fn good() -> pb::BatchGetRecommendationsRequest {
    pb::BatchGetRecommendationsRequest {
        slots: vec![slot("top", at_most(1, 2)), slot("side", types(&[6]))],
        seeds: vec![seed("a", 1.0)],
        ..<_>::default()
    }
}

fn batch(
    change: impl FnOnce(&mut pb::BatchGetRecommendationsRequest),
) -> Result<pb::BatchGetRecommendationsResponse, Refusal> {
    let mut request = good();
    change(&mut request);
    let world = world();
    pages::batch(&present(&world), &request).map(|bytes| bytes.decoded_page().unwrap())
}

/// The products of each slot, or the reason and field of its error.
fn slots(page: &pb::BatchGetRecommendationsResponse) -> Vec<String> {
    let results = page.results.iter().map(|one| {
        let ids = one.recommendations.iter().map(|one| &*one.product_id).collect::<Vec<_>>();
        match &one.error {
            None => format!("{}: {}", one.slot_id, ids.join(" ")),
            Some(error) => {
                assert_eq!(error.code, i32::from(Code::InvalidArgument));
                assert!(ids.is_empty() && one.fill_report.is_none());
                assert!(error.message.contains(&error.field), "{error:?}");
                format!("{}: {} {}", one.slot_id, error.reason, error.field)
            }
        }
    });
    results.collect()
}

#[track_caller]
fn check(
    change: impl FnOnce(&mut pb::BatchGetRecommendationsRequest),
    expected: &[&str],
) -> pb::BatchGetRecommendationsResponse {
    let page = batch(change).unwrap();
    assert_eq!(slots(&page), expected);
    page
}

#[test]
fn an_earlier_slot_keeps_a_product_and_the_later_one_refills() {
    let page = check(|_| {}, &["top: b c", "side: f"]);
    let report = page.results[1].fill_report.unwrap();
    assert_eq!((report.candidates, report.removed_on_page), (3, 2));
    let version = page.data_version.unwrap();
    assert_eq!((&*version.snapshot_id, version.availability[0].sequence), ("5eed", 7));
    let other_way = |page: &mut pb::BatchGetRecommendationsRequest| page.slots.reverse();
    check(other_way, &["side: c b f", "top: d e"]);
}

#[test]
fn slots_repeat_each_other_where_they_may() {
    check(|page| page.allow_duplicates = true, &["top: b c", "side: c b f"]);
}

#[test]
fn a_slot_has_seeds_of_its_own_but_never_the_pages() {
    let own = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.slots[1] = pb::Slot { seeds: vec![seed("g", 1.0)], ..slot("side", types(&[1])) };
    };
    // `a` and its variant are the page's; `b` is shown.
    let page = check(own, &["top: b c", "side: "]);
    let report = page.results[1].fill_report.unwrap();
    assert_eq!((report.removed_same_variant_group, report.removed_on_page), (2, 1));
}

#[test]
fn exclusions_and_the_situation_are_the_pages() {
    check(|page| page.exclude_product_ids = vec!["b".to_owned()], &["top: c d", "side: f"]);
    let elsewhere = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.exclude_product_ids = vec!["b".to_owned()];
        page.context.get_or_insert_default().inventory_id = "store".to_owned();
    };
    check(elsewhere, &["top: c e", "side: f"]);
}

#[test]
fn a_placement_fills_a_slot() {
    let change = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.slots = vec![slot("top", at_most(1, 2)), slot("pdp", placed("pdp"))];
    };
    let page = check(change, &["top: b c", "pdp: f d"]);
    let steps = page.results[1].recommendations.iter().map(|one| one.fallback_step);
    assert_eq!(steps.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_bad_slot_fails_alone() {
    let bad = |change: fn(&mut pb::Slot), expected: &str| {
        let change = |page: &mut pb::BatchGetRecommendationsRequest| {
            page.slots.insert(1, slot("bad", types(&[2])));
            change(&mut page.slots[1]);
        };
        check(change, &["top: b c", &format!("bad: {expected}"), "side: f"]);
    };
    bad(|slot| slot.lookup = None, "INVALID_FIELD slots[1].lookup");
    bad(
        |slot| slot.lookup = Some(placed("plp")),
        "PLACEMENT_NOT_FOUND slots[1].lookup.placement_id",
    );
    bad(|slot| slot.lookup = Some(placed("")), "INVALID_FIELD slots[1].lookup.relation_types");
    bad(|slot| slot.lookup = Some(at_most(2, -1)), "INVALID_FIELD slots[1].lookup.max_results");
    bad(|slot| slot.seeds = vec![seed("", 1.0)], "INVALID_FIELD slots[1].seeds[0].product_id");
    let level = |slot: &mut pb::Slot| {
        let filter = pb::Filter { category_level: 17, ..<_>::default() };
        slot.lookup = Some(pb::LookupSpec { filter: Some(filter), ..types(&[1]) });
    };
    bad(level, "INVALID_FIELD slots[1].lookup.filter.category_level");
}

#[test]
fn a_slot_without_any_seed_needs_a_fallback_that_needs_none() {
    let change = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.seeds.clear();
        let popular = pb::fallback_step::Step::PopularInCategoryId("*".to_owned());
        let steps = vec![pb::FallbackStep { step: Some(popular) }];
        let fallback = Some(pb::Fallback { steps, disabled: false });
        page.slots[1].lookup.as_mut().unwrap().fallback = fallback;
    };
    check(change, &["top: INVALID_FIELD slots[0].seeds", "side: c"]);
}

#[test]
fn an_unknown_market_or_inventory_fails_every_slot() {
    let market = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.context.get_or_insert_default().market_id = "mars".to_owned();
        page.slots[1].lookup = None;
    };
    let error = "MARKET_NOT_FOUND context.market_id";
    let page = check(market, &[&format!("top: {error}"), &format!("side: {error}")]);
    let message = &page.results[1].error.as_ref().unwrap().message;
    assert!(message.contains("slots[1].lookup: expected"), "{message}");
    let inventory = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.context.get_or_insert_default().inventory_id = "moon".to_owned();
    };
    let error = "INVENTORY_NOT_FOUND context.inventory_id";
    check(inventory, &[&format!("top: {error}"), &format!("side: {error}")]);
}

#[test]
fn a_bad_envelope_fails_the_call() {
    let bad = |change: fn(&mut pb::BatchGetRecommendationsRequest), expected: &[&str]| {
        check_fields(batch(change).map(drop), expected);
    };
    let named = |count: usize| {
        (0..count).map(|index| slot(&format!("s{index}"), types(&[1]))).collect::<Vec<_>>()
    };
    bad(|page| page.slots.clear(), &["slots"]);
    check_fields(batch(|page| page.slots = named(16)).map(drop), &[]);
    check_fields(batch(|page| page.slots = named(17)).map(drop), &["slots"]);
    bad(|page| page.slots[1].slot_id.clear(), &["slots[1].slot_id"]);
    bad(|page| page.slots[1].slot_id = "x".repeat(128), &[]);
    bad(|page| page.slots[1].slot_id = "x".repeat(129), &["slots[1].slot_id"]);
    bad(|page| page.slots[1].slot_id = "top".to_owned(), &["slots[1].slot_id"]);
    bad(|page| page.seeds[0].quantity = f64::NAN, &["seeds[0].quantity"]);
    bad(|page| page.seeds.push(category("")), &["seeds[1].category_id"]);
    bad(|page| page.view = 9, &["view"]);
    bad(|page| page.context.get_or_insert_default().stage = 9, &["context.stage"]);
    let positions = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.min_availability = vec![pb::FeedPosition::default()];
    };
    bad(positions, &["min_availability[0].source_id"]);
    let behind = |page: &mut pb::BatchGetRecommendationsRequest| {
        let source_id = "erp".to_owned();
        page.min_availability =
            vec![pb::FeedPosition { source_id, sequence: 8, applied_beyond_gap: 0 }];
    };
    assert!(matches!(batch(behind), Err(Refusal::Behind(_))));
    let other = |page: &mut pb::BatchGetRecommendationsRequest| page.snapshot_id = "x".to_owned();
    assert!(matches!(batch(other), Err(Refusal::SnapshotNotActive { .. })));
}

#[test]
fn a_seed_that_nobody_knows_is_named_once() {
    let change = |page: &mut pb::BatchGetRecommendationsRequest| {
        page.seeds = vec![seed("nobody", 1.0), seed("a", 1.0), category("No/Where")];
        let own = |slot_id: &str, seeds: &[&str]| pb::Slot {
            seeds: seeds.iter().map(|id| seed(id, 1.0)).collect(),
            ..slot(slot_id, types(&[1]))
        };
        page.slots.push(own("own", &["none", "g", "nobody"]));
        page.slots.push(own("last", &["none", "never"]));
    };
    let page = batch(change).unwrap();
    assert_eq!(page.missing_product_ids, ["nobody", "No/Where", "none", "never"]);
}

fn lookups() -> impl Strategy<Value = pb::LookupSpec> {
    let relation_types = vec(prop_oneof![Just(1), Just(6), Just(9)], 1..3);
    (relation_types, 0..5).prop_map(|(relation_types, max_results)| pb::LookupSpec {
        max_results,
        ..types(&relation_types)
    })
}

fn pages() -> impl Strategy<Value = pb::BatchGetRecommendationsRequest> {
    let seeds = || vec(prop_oneof!["[a-g]", Just("a1".to_owned())], 0..3);
    let slots = vec((lookups(), seeds()), 1..5);
    let view = prop_oneof![Just(RecommendationView::Basic), Just(RecommendationView::Full)];
    (slots, seeds(), any::<bool>(), view).prop_map(|(slots, seeds, allow_duplicates, view)| {
        let seeds_of = |ids: Vec<String>| ids.iter().map(|id| seed(id, 1.0)).collect();
        let slots = (0..).zip(slots).map(|(index, (lookup, seeds))| pb::Slot {
            seeds: seeds_of(seeds),
            ..slot(&format!("s{index}"), lookup)
        });
        pb::BatchGetRecommendationsRequest {
            slots: slots.collect(),
            seeds: seeds_of(seeds),
            allow_duplicates,
            view: view.into(),
            ..<_>::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_page_shows_a_product_twice_or_its_own_seed(request in pages()) {
        let world = world();
        let page = pages::batch(&present(&world), &request).unwrap().decoded_page().unwrap();
        prop_assert_eq!(page.results.len(), request.slots.len());
        let seeds = request.seeds.iter().filter_map(|seed| seed.target.as_ref());
        let names_a = seeds.into_iter().any(|target| {
            let Target::ProductId(id) = target else { return false };
            ["a", "a1"].contains(&&**id)
        });
        let mut ids = std::collections::BTreeSet::new();
        for one in page.results.iter().flat_map(|one| &one.recommendations) {
            let is_own = names_a && ["a", "a1"].contains(&&*one.product_id);
            prop_assert!(!is_own);
            prop_assert!(ids.insert(&one.product_id) || request.allow_duplicates);
        }
    }

    #[test]
    fn a_page_of_one_slot_is_the_single_lookup(request in pages()) {
        let world = world();
        let request = pb::BatchGetRecommendationsRequest {
            slots: request.slots.iter().take(1).cloned().collect(),
            seeds: Vec::new(),
            ..request
        };
        let page = pages::batch(&present(&world), &request).unwrap().decoded_page().unwrap();
        let single = pb::GetRecommendationsRequest {
            lookup: request.slots[0].lookup.clone(),
            seeds: request.slots[0].seeds.clone(),
            view: request.view,
            ..<_>::default()
        };
        let result = &page.results[0];
        match answers::get(&present(&world), &single) {
            Ok(answer) => {
                let answer = answer.decoded().unwrap();
                prop_assert_eq!(&result.recommendations, &answer.recommendations);
                prop_assert_eq!(&result.fill_report, &answer.fill_report);
                prop_assert_eq!(&page.data_version, &answer.data_version);
                prop_assert!(result.error.is_none());
            }
            Err(_) => prop_assert!(result.error.is_some()),
        }
    }

    #[test]
    fn the_channel_never_changes_a_byte(request in pages(), channel in ".{0,20}") {
        let world = world();
        let answer = |channel: &str| {
            let channel = channel.to_owned();
            let context = Some(pb::Context { channel, ..<_>::default() });
            let request = pb::BatchGetRecommendationsRequest { context, ..request.clone() };
            pages::batch(&present(&world), &request).unwrap()
        };
        prop_assert_eq!(answer(&channel), answer("web"));
    }
}
