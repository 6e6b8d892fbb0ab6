//! Goal: an explanation's response is the answer, and each candidate's fate is told with what is behind
//! it. Method: shops in a few lines of text, one fate a case; random requests against page calls.

use proptest::{collection::vec, prelude::*};

use super::world::{category, check_fields, present, seed, types};
use crate::{
    lookup::tests::{shop::Shop, world::World},
    model::{relation::RelationType, selection::FallbackStep},
    pb::{self, Decision, explain_recommendations_request::Request as Asked},
    policy::{MixEntry, SlotPolicy},
    service::{answers, explain::explain, pages, status::Refusal},
};

const SHOP: &str = "
    a cross_sell b 90 x2, c 80, d 70, e 60 given, f 50, g 40 until=5, h 30 at=checkout
    a accessory b 90, i 80
    p cross_sell k 90
    j up_sell q 10
    a < p
    a1 < p
    a up_sell a1 90, q 80
    q1 < q
    h cross_sell b 1
    c hidden
    d state out_of_stock
    i sold us
    k brand acme
    r category A
    r popularity 3
    b2 = b
    ! remove a cross_sell f
    ! add a cross_sell j @1
    ? boost 2000 products=b
    ? hide products=k
    $ e blocked
";

fn world() -> World {
    let mix = |relation_type, weight, max_results| MixEntry { relation_type, weight, max_results };
    let slot = SlotPolicy {
        mix: vec![
            mix(RelationType::CROSS_SELL, 1_000, None),
            mix(RelationType::ACCESSORY, 600, Some(3)),
        ],
        max_results: Some(4),
        min_score: Some(7),
        fallback: vec![FallbackStep::PopularIn(None)],
        rotate: 5,
        ..SlotPolicy::default()
    };
    World::of(&Shop::parse(SHOP), &[("pdp", slot)], &[])
}

fn get(types: pb::LookupSpec, seeds: &[&str]) -> pb::GetRecommendationsRequest {
    pb::GetRecommendationsRequest {
        lookup: Some(types),
        seeds: seeds.iter().map(|id| seed(id, 1.0)).collect(),
        ..<_>::default()
    }
}

fn explained(
    world: &World,
    asked: Asked,
    traced: &[&str],
    max_candidates: i32,
) -> Result<pb::ExplainRecommendationsResponse, Refusal> {
    let request = pb::ExplainRecommendationsRequest {
        trace_product_ids: traced.iter().map(|id| (*id).to_owned()).collect(),
        max_candidates,
        request: Some(asked),
    };
    explain(&present(world), &request)
}

/// The one slot of a single lookup that is explained.
fn slot(single: pb::GetRecommendationsRequest, traced: &[&str]) -> pb::SlotExplanation {
    let mut explanation = explained(&world(), Asked::Get(single), traced, 0).unwrap();
    assert_eq!(explanation.slots.len(), 1);
    explanation.slots.remove(0)
}

/// `id DECISION rank detail` of each candidate.
fn fates(slot: &pb::SlotExplanation) -> Vec<String> {
    let told = slot.candidates.iter().map(|one| {
        let decision = one.decision().as_str_name().trim_start_matches("DECISION_");
        let text = format!("{} {decision} {} {}", one.product_id, one.rank, one.detail);
        text.trim_end().to_owned()
    });
    told.collect()
}

#[test]
fn every_candidate_is_told_with_its_fate() {
    let slot = slot(get(types(&[1]), &["a"]), &[]);
    let expected = [
        "j RETURNED 2",
        "b RETURNED 1",
        "c HIDDEN 0 hidden",
        "d UNAVAILABLE 0 out_of_stock",
        "k RULE 0 hide products=k",
        "e BLOCKED 0",
        "f OVERRIDDEN 0 overrides:1: remove by tester: test",
        "g OUTSIDE_VALIDITY 0",
        "h RETURNED 3",
    ];
    let mut found = fates(&slot);
    let mut expected = expected.map(str::to_owned).to_vec();
    // The order is that of scores after overrides moved them: it is the lookup's to test.
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let b = slot.candidates.iter().find(|one| one.product_id == "b").unwrap();
    let relation = &b.relations[0];
    assert_eq!((&*relation.source_product_id, &*relation.target_product_id), ("a", "b"));
    assert_eq!((relation.relation_type, relation.quantity), (1, 2.0));
    let inherited = slot.candidates.iter().find(|one| one.product_id == "k").unwrap();
    assert_eq!(inherited.relations[0].source_product_id, "p");
    let added = slot.candidates.iter().find(|one| one.product_id == "j").unwrap();
    assert_eq!(added.relations[0].provenance, "overrides:2: add by tester: test");
    let rules = slot.rules.iter().map(|one| (&*one.rule_id, &*one.action, &*one.product_ids));
    let (b, k) = (["b".to_owned()], ["k".to_owned()]);
    let expected =
        [("boost 2000 products=b", "boost", &b[..]), ("hide products=k", "hide", &k[..])];
    assert_eq!(rules.collect::<Vec<_>>(), expected);
}

#[test]
fn an_override_of_a_category_seeds_best_seller_is_told() {
    let shop = "r cross_sell b 90, c 80\n r category A\n r popularity 3\n ! remove r cross_sell c";
    let world = World::of(&Shop::parse(shop), &[], &[]);
    let single =
        pb::GetRecommendationsRequest { seeds: vec![category("A")], ..get(types(&[1]), &[]) };
    let explanation = explained(&world, Asked::Get(single), &[], 0).unwrap();
    let expected = ["b RETURNED 1", "c OVERRIDDEN 0 overrides:1: remove by tester: test"];
    assert_eq!(fates(&explanation.slots[0]), expected);
}

#[test]
fn traced_products_are_told_whatever_became_of_them() {
    let single = pb::GetRecommendationsRequest {
        exclude_product_ids: vec!["b".to_owned()],
        ..get(types(&[1, 6]), &["a"])
    };
    let traced = ["nobody", "r", "b2", "i", "nobody"];
    let slot = slot(single, &traced);
    let told = fates(&slot);
    for expected in ["nobody UNKNOWN_PRODUCT 0", "r NOT_RELATED 0", "b EXCLUDED 0"] {
        assert_eq!(told.iter().filter(|one| *one == expected).count(), 1, "{told:?}");
    }
    assert!(told.contains(&"i OUTSIDE_MARKET 0 eu".to_owned()), "{told:?}");
}

#[test]
fn a_product_that_another_one_stands_for_is_told_too() {
    let resolution = pb::VariantResolution::SellableVariant.into();
    let lookup = pb::LookupSpec { variant_resolution: resolution, ..types(&[2]) };
    let told = fates(&slot(get(lookup, &["a"]), &["q"]));
    assert!(told.contains(&"q1 RETURNED 1".to_owned()), "{told:?}");
    assert!(told.contains(&"q RETURNED 1 shown as q1".to_owned()), "{told:?}");
    assert!(told.contains(&"a1 SAME_VARIANT_GROUP 0".to_owned()), "{told:?}");
}

#[test]
fn the_effective_lookup_is_spelled_out() {
    let lookup = pb::LookupSpec { placement_id: "pdp".to_owned(), ..<_>::default() };
    let slot = slot(get(lookup, &["a"]), &[]);
    let effective = slot.effective_lookup.unwrap();
    assert_eq!((&*effective.placement_id, effective.max_results), ("pdp", 4));
    assert_eq!(effective.relation_types, [1, 6]);
    assert_eq!(effective.min_score, Some(7.0 / 65_535.0));
    assert_eq!(effective.diversity.unwrap().max_per_variant_group, 1);
    assert_eq!(effective.variant_resolution(), pb::VariantResolution::AsLinked);
    let popular = pb::fallback_step::Step::PopularInCategoryId("*".to_owned());
    let fallback = effective.fallback.unwrap();
    assert_eq!(fallback.steps, [pb::FallbackStep { step: Some(popular) }]);
    assert!(!fallback.disabled);
    let mix = slot.mix.iter().map(|one| (one.relation_type, one.weight, one.max_results));
    assert_eq!(mix.collect::<Vec<_>>(), [(1, 1.0, 0), (6, 0.6, 3)]);
}

#[test]
fn a_page_tells_which_slot_shows_a_product() {
    let slots = ["top", "side"].map(|slot_id| pb::Slot {
        slot_id: slot_id.to_owned(),
        lookup: Some(types(&[6])),
        seeds: Vec::new(),
    });
    let mut page = pb::BatchGetRecommendationsRequest {
        slots: slots.to_vec(),
        seeds: vec![seed("a", 1.0)],
        ..<_>::default()
    };
    page.slots.insert(1, pb::Slot { slot_id: "bad".to_owned(), ..<_>::default() });
    let explanation = explained(&world(), Asked::Batch(page), &[], 0).unwrap();
    let ids = explanation.slots.iter().map(|slot| &*slot.slot_id).collect::<Vec<_>>();
    assert_eq!(ids, ["top", "bad", "side"]);
    assert!(fates(&explanation.slots[0]).contains(&"b RETURNED 1".to_owned()));
    assert!(explanation.slots[1].candidates.is_empty());
    assert!(fates(&explanation.slots[2]).contains(&"b ON_PAGE 0 top".to_owned()));
}

#[test]
fn a_short_list_of_candidates_begins_with_the_answer() {
    let single = get(pb::LookupSpec { max_results: 2, ..types(&[1]) }, &["a"]);
    let count = |max_candidates| {
        let asked = Asked::Get(single.clone());
        let mut explanation = explained(&world(), asked, &["d"], max_candidates).unwrap();
        fates(&explanation.slots.remove(0))
    };
    let one = count(2);
    assert_eq!(one.len(), 3, "{one:?}");
    assert_eq!(one.iter().filter(|one| one.contains("RETURNED")).count(), 2, "{one:?}");
    assert!(one.contains(&"d UNAVAILABLE 0 out_of_stock".to_owned()), "{one:?}");
    assert_eq!(count(1_000).len(), 9);
    assert_eq!(count(i32::MAX), count(1_000));
}

#[test]
fn a_wrong_request_is_refused_by_path() {
    let check = |request: pb::ExplainRecommendationsRequest, expected: &[&str]| {
        check_fields(explain(&present(&world()), &request).map(drop), expected);
    };
    let good = || pb::ExplainRecommendationsRequest {
        request: Some(Asked::Get(get(types(&[1]), &["a"]))),
        ..<_>::default()
    };
    let traced =
        |ids: Vec<String>| pb::ExplainRecommendationsRequest { trace_product_ids: ids, ..good() };
    check(good(), &[]);
    check(pb::ExplainRecommendationsRequest { request: None, ..good() }, &["request"]);
    check(pb::ExplainRecommendationsRequest { max_candidates: -1, ..good() }, &["max_candidates"]);
    check(traced(vec!["x".to_owned(); 100]), &[]);
    check(traced(vec!["x".to_owned(); 101]), &["trace_product_ids"]);
    check(traced(vec!["x".to_owned(), String::new()]), &["trace_product_ids[1]"]);
    let asking = |asked| pb::ExplainRecommendationsRequest { request: Some(asked), ..good() };
    let seedless = Asked::Get(get(types(&[1]), &[]));
    check(asking(seedless), &["get.seeds"]);
    let untyped = Asked::Get(get(types(&[0]), &["a"]));
    check(asking(untyped), &["get.lookup.relation_types[0]"]);
    check(asking(Asked::Batch(<_>::default())), &["batch.slots"]);
}

fn lookups() -> impl Strategy<Value = pb::LookupSpec> {
    let relation_types = vec(prop_oneof![Just(1), Just(2), Just(6), Just(9)], 0..3);
    let placement_id = prop_oneof![4 => Just(""), 3 => Just("pdp"), 1 => Just("plp")];
    (relation_types, placement_id, -1..5, 0..4).prop_map(
        |(relation_types, placement_id, max_results, resolution)| pb::LookupSpec {
            placement_id: placement_id.to_owned(),
            max_results,
            variant_resolution: resolution,
            ..types(&relation_types)
        },
    )
}

fn seeds() -> impl Strategy<Value = Vec<pb::Seed>> {
    let id = prop_oneof!["[a-k]", Just("a1".to_owned()), Just("b2".to_owned())];
    vec(id.prop_map(|id| seed(&id, 1.0)), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_response_is_what_the_page_call_answers(
        slots in vec((lookups(), seeds()), 1..4),
        seeds in seeds(),
        allow_duplicates in any::<bool>(),
        traced in vec("[a-r]", 0..4),
    ) {
        let world = world();
        let slots = (0..).zip(slots).map(|(index, (lookup, seeds))| pb::Slot {
            slot_id: format!("s{index}"),
            lookup: Some(lookup),
            seeds,
        });
        let request = pb::BatchGetRecommendationsRequest {
            slots: slots.collect(),
            seeds,
            allow_duplicates,
            view: pb::RecommendationView::Full.into(),
            ..<_>::default()
        };
        let expected = pages::batch(&present(&world), &request).unwrap().decoded_page().unwrap();
        let traced = traced.iter().map(String::as_str).collect::<Vec<_>>();
        let explanation = explained(&world, Asked::Batch(request), &traced, 0).unwrap();
        let found = explanation.response.unwrap();
        prop_assert_eq!(&found, &expected);
        // Every result is told with its rank, and nothing else has one.
        for (result, slot) in found.results.iter().zip(&explanation.slots) {
            prop_assert_eq!(&result.slot_id, &slot.slot_id);
            for (one, rank) in result.recommendations.iter().zip(1..) {
                let told = slot.candidates.iter().find(|told| told.product_id == one.product_id);
                let told = told.unwrap();
                prop_assert_eq!((told.rank, told.decision()), (rank, Decision::Returned));
                prop_assert_eq!(told.fallback_step, one.fallback_step);
            }
        }
    }

    #[test]
    fn a_single_lookup_is_explained_as_its_answer(lookup in lookups(), seeds in seeds()) {
        let world = world();
        let single = pb::GetRecommendationsRequest {
            lookup: Some(lookup),
            seeds,
            view: pb::RecommendationView::Full.into(),
            ..<_>::default()
        };
        let answer = answers::get(&present(&world), &single);
        let explanation = explained(&world, Asked::Get(single), &[], 0);
        match (answer, explanation) {
            (Ok(answer), Ok(explanation)) => {
                let (answer, page) = (answer.decoded().unwrap(), explanation.response.unwrap());
                prop_assert_eq!(&page.results[0].slot_id, "");
                prop_assert_eq!(&page.results[0].recommendations, &answer.recommendations);
                prop_assert_eq!(&page.results[0].fill_report, &answer.fill_report);
                prop_assert_eq!(&page.data_version, &answer.data_version);
                prop_assert_eq!(&page.missing_product_ids, &answer.missing_product_ids);
            }
            (Err(answer), Err(explanation)) => prop_assert_eq!(answer.below("get"), explanation),
            (answer, explanation) => prop_assert!(false, "{answer:?} {explanation:?}"),
        }
    }
}
