//! The effective lookup: which of request, placement, stage policy and default counts.

use super::{
    request::{Outcome, Request, ids},
    shop::Shop,
    world::World,
};
use crate::{
    lookup::{Page, Plan, PlanError, Scratch},
    model::{
        relation::{RelationType, Stage},
        selection::{Diversity, FallbackStep, Filter, VariantResolution},
    },
    policy::{MixEntry, SlotPolicy},
};

fn entry(relation_type: RelationType) -> MixEntry {
    MixEntry { relation_type, weight: 700, max_results: Some(2) }
}

fn slot(types: &[RelationType]) -> SlotPolicy {
    SlotPolicy {
        mix: types.iter().copied().map(entry).collect(),
        max_results: Some(7),
        min_score: Some(99),
        filter: Filter { min_eco_grade: 2, ..Filter::default() },
        fallback: vec![FallbackStep::CategoryPopular],
        diversity: Diversity { max_per_brand: 3, ..Diversity::default() },
        variant_resolution: VariantResolution::Parent,
        rotate: 9,
    }
}

fn world() -> World {
    let shop = Shop::parse("a cross_sell b 90\n a up_sell c 80");
    let undeclared = RelationType::new(199).unwrap();
    let placements = [
        ("full", slot(&[RelationType::CROSS_SELL, undeclared])),
        ("bare", SlotPolicy::default()),
        (
            "home",
            SlotPolicy { fallback: vec![FallbackStep::PopularIn(None)], ..SlotPolicy::default() },
        ),
    ];
    World::of(&shop, &placements, &[(Stage::Checkout, slot(&[RelationType::UP_SELL]))])
}

#[track_caller]
fn check(request: &str, look: impl FnOnce(&Plan<'_>)) {
    let (world, request) = (world(), Request::parse(request));
    let query = request.query();
    look(&Plan::new(&world.scene(), &request.context(), &query).unwrap());
}

#[test]
fn a_placement_sets_what_the_request_leaves_unset() {
    check(": a place=full", |plan| {
        assert_eq!(plan.placement(), Some("full"));
        // The type that the catalog does not declare is left out.
        assert_eq!(plan.mix(), [entry(RelationType::CROSS_SELL)]);
        assert_eq!((plan.max_results(), plan.min_score()), (7, Some(99)));
        assert_eq!(plan.filter().unwrap().min_eco_grade, 2);
        assert_eq!(plan.fallback(), [FallbackStep::CategoryPopular]);
        assert_eq!(plan.diversity().max_per_brand, 3);
        assert_eq!(plan.variant_resolution(), VariantResolution::Parent);
        assert_eq!(plan.rotate(), 9);
    });
}

#[test]
fn what_the_request_sets_counts_whole() {
    let request = "up_sell: a place=full max=3 min=0 any=new then=#* most=0/1/0 as=as_linked";
    check(request, |plan| {
        let [entry] = plan.mix() else { panic!("{:?}", plan.mix()) };
        assert_eq!((entry.relation_type, entry.weight), (RelationType::UP_SELL, 1000));
        assert_eq!(entry.max_results, None);
        assert_eq!((plan.max_results(), plan.min_score()), (3, Some(0)));
        assert_eq!(plan.filter().unwrap().min_eco_grade, 0);
        assert_eq!(plan.fallback(), [FallbackStep::PopularIn(None)]);
        assert_eq!((plan.diversity().max_per_brand, plan.diversity().max_per_category), (0, 1));
        assert_eq!(plan.variant_resolution(), VariantResolution::AsLinked);
        // Nobody but the policy can set it.
        assert_eq!(plan.rotate(), 9);
    });
}

#[test]
fn a_stage_policy_counts_without_placement_and_types() {
    let first = |request: &str, expected: RelationType, results: usize| {
        check(request, |plan| {
            assert_eq!((plan.mix()[0].relation_type, plan.max_results()), (expected, results));
            assert_eq!(plan.placement().is_some(), request.contains("place="));
        });
    };
    first(": a at=checkout", RelationType::UP_SELL, 7);
    first("cross_sell: a at=checkout", RelationType::CROSS_SELL, 10);
    first(": a at=checkout place=full", RelationType::CROSS_SELL, 7);
    check(": a at=checkout place=bare", |plan| assert!(plan.mix().is_empty()));
}

#[test]
fn the_default_is_ten_results_without_conditions() {
    check("cross_sell: a", |plan| {
        assert_eq!((plan.max_results(), plan.min_score(), plan.rotate()), (10, None, 0));
        assert!(plan.filter().is_none() && plan.fallback().is_empty());
        assert_eq!(plan.diversity(), Diversity::default());
        assert_eq!(plan.variant_resolution(), VariantResolution::AsLinked);
    });
    check("cross_sell: a max=5000", |plan| assert_eq!(plan.max_results(), 100));
}

#[test]
fn a_lookup_that_says_too_little_is_refused() {
    let refused = |request: &str| {
        let (world, request) = (world(), Request::parse(request));
        let query = request.query();
        Plan::new(&world.scene(), &request.context(), &query).err()
    };
    assert_eq!(refused(": a place=nowhere"), Some(PlanError::UnknownPlacement));
    assert_eq!(refused("cross_sell: a place=nowhere"), Some(PlanError::UnknownPlacement));
    assert_eq!(refused(": a"), Some(PlanError::NoTypes));
    assert_eq!(refused(": a at=discovery"), Some(PlanError::NoTypes));
    assert_eq!(refused("cross_sell:"), Some(PlanError::NoSeeds));
    assert_eq!(refused("cross_sell: then=category"), Some(PlanError::NoSeeds));
    assert_eq!(refused("cross_sell: then=category,#*"), None);
    assert_eq!(refused(": place=home"), None);
    // A seed that nobody knows is one.
    assert_eq!(refused("cross_sell: nobody"), None);
}

#[test]
fn a_lookup_without_types_only_falls_back() {
    let shop = Shop::parse("a cross_sell b 90\n c popularity 4");
    let home =
        SlotPolicy { fallback: vec![FallbackStep::PopularIn(None)], ..SlotPolicy::default() };
    let world = World::of(&shop, &[("home", home)], &[]);
    let request = Request::parse(": a place=home");
    let mut page = Page::default();
    let outcome = Outcome::of(&world, &request, &mut page, &mut Scratch::default()).unwrap();
    assert_eq!((ids(&outcome), outcome.picks[0].fallback_step), (vec!["c"], 1));
}
