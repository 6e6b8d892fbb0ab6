//! Goal: a wrong request is refused by the path of each wrong field, and everything else is read as
//! the proto file says. Method: one good request, and one change a case.

use prost_types::Timestamp;

use super::world::{Asked, NOW_S, category, check_fields, feed, present, query, seed, with_view};
use crate::{
    lookup::{
        FallbackAsk, QuerySeed, SeedTarget,
        tests::{shop::Shop, world::World},
    },
    model::{
        relation::{Availability, RelationType, Stage},
        selection::{
            AvailabilitySet, Diversity, FallbackStep, Filter, PriceCondition, SeedMatch,
            VariantResolution,
        },
    },
    pb::{self, fallback_step::Step},
    policy::SlotPolicy,
    service::{
        answers,
        status::{Lag, Reason, Refusal},
    },
};

fn good() -> pb::GetRecommendationsRequest {
    let lookup =
        pb::LookupSpec { relation_types: vec![1, 2], min_score: Some(0.5), ..<_>::default() };
    pb::GetRecommendationsRequest {
        lookup: Some(lookup),
        seeds: vec![seed("a", 2.0), seed("b", 0.0)],
        ..<_>::default()
    }
}

fn spec(request: &mut pb::GetRecommendationsRequest) -> &mut pb::LookupSpec {
    request.lookup.as_mut().unwrap()
}

fn filter(request: &mut pb::GetRecommendationsRequest) -> &mut pb::Filter {
    spec(request).filter.get_or_insert_default()
}

fn price(request: &mut pb::GetRecommendationsRequest) -> &mut pb::PriceCondition {
    filter(request).price.get_or_insert_default()
}

fn context(request: &mut pb::GetRecommendationsRequest) -> &mut pb::Context {
    request.context.get_or_insert_default()
}

fn steps(request: &mut pb::GetRecommendationsRequest) -> &mut Vec<pb::FallbackStep> {
    &mut spec(request).fallback.get_or_insert_default().steps
}

fn step(step: Step) -> pb::FallbackStep {
    pb::FallbackStep { step: Some(step) }
}

fn world() -> World {
    let placements = [("pdp", SlotPolicy::default())];
    World::of(&Shop::parse("a cross_sell b 90\n a accessory c 80"), &placements, &[])
}

fn answered(
    world: &World,
    change: impl FnOnce(&mut pb::GetRecommendationsRequest),
) -> Result<(), Refusal> {
    let mut request = good();
    change(&mut request);
    answers::get(&present(world), &request).map(drop)
}

/// The fields that are wrong with a changed good request.
#[track_caller]
fn check(change: impl FnOnce(&mut pb::GetRecommendationsRequest), expected: &[&str]) {
    check_fields(answered(&world(), change), expected);
}

#[test]
fn a_good_request_is_read_whole() {
    let mut request = good();
    *spec(&mut request) = pb::LookupSpec {
        placement_id: "pdp".to_owned(),
        relation_types: vec![1, 2],
        max_results: 7,
        min_score: Some(0.5),
        filter: Some(pb::Filter::default()),
        fallback: Some(pb::Fallback::default()),
        diversity: Some(pb::Diversity {
            max_per_brand: 1,
            max_per_category: 2,
            max_per_variant_group: 3,
        }),
        variant_resolution: pb::VariantResolution::Parent.into(),
    };
    request.seeds.push(category("A/B"));
    request.exclude_product_ids = vec!["x".to_owned()];
    request.view = pb::RecommendationView::Full.into();
    with_view(|view| {
        let Asked { query, detail, .. } = query(&request, view, NOW_S).unwrap();
        assert_eq!(query.placement, Some("pdp"));
        assert_eq!(query.types.as_slice(), [RelationType::CROSS_SELL, RelationType::UP_SELL]);
        let seeds = query.seeds.iter().map(|QuerySeed { target, quantity }| (*target, *quantity));
        let expected = [
            (SeedTarget::Product("a"), 2.0),
            (SeedTarget::Product("b"), 1.0),
            (SeedTarget::Category("A/B"), 1.0),
        ];
        assert_eq!(seeds.collect::<Vec<_>>(), expected);
        assert_eq!((query.exclude, query.max_results), (&["x".to_owned()][..], Some(7)));
        assert!(query.min_score.is_some());
        // A message that is set counts whole, even if it sets nothing.
        assert_eq!(query.filter, Some(Filter::default()));
        assert_eq!(query.fallback, FallbackAsk::Unset);
        let diversity =
            Diversity { max_per_brand: 1, max_per_category: 2, max_per_variant_group: 3 };
        assert_eq!(query.diversity, Some(diversity));
        assert_eq!(query.variant_resolution, Some(VariantResolution::Parent));
        assert_eq!((query.ignored_seeds, query.ignored_exclusions), (0, 0));
        assert_eq!(detail, pb::RecommendationView::Full);
    });
    let bare = pb::GetRecommendationsRequest { lookup: Some(<_>::default()), ..good() };
    with_view(|view| {
        let Asked { query, context, .. } = query(&bare, view, NOW_S).unwrap();
        assert!(query.placement.is_none() && query.types.is_empty() && query.filter.is_none());
        assert!(query.max_results.is_none() && query.min_score.is_none());
        assert!(query.diversity.is_none() && query.variant_resolution.is_none());
        assert_eq!((context.market, context.inventory, context.stage), (0, 0, None));
        assert_eq!((context.visitor, context.at_s, context.is_as_of), ("", NOW_S, false));
    });
}

#[test]
fn what_to_look_up_is_required() {
    check(|_| {}, &[]);
    check(|request| request.lookup = None, &["lookup"]);
    check(|request| spec(request).relation_types.clear(), &["lookup.relation_types"]);
    check(|request| request.seeds.clear(), &["seeds"]);
    let popular = |request: &mut pb::GetRecommendationsRequest| {
        request.seeds.clear();
        steps(request).push(step(Step::PopularInCategoryId("*".to_owned())));
    };
    check(popular, &[]);
    let placed = |id: &str| {
        let id = id.to_owned();
        move |request: &mut pb::GetRecommendationsRequest| {
            *spec(request) = pb::LookupSpec { placement_id: id, ..<_>::default() };
        }
    };
    check(placed("pdp"), &[]);
    check(placed("plp"), &["lookup.placement_id"]);
    check(|request| spec(request).placement_id = "x".repeat(1_000), &["lookup.placement_id"]);
    let Err(Refusal::Invalid(violations)) = answered(&world(), placed("plp")) else { panic!() };
    assert_eq!(violations[0].reason, Reason::PlacementNotFound);
}

#[test]
fn relation_types_are_those_of_the_catalog() {
    for unknown in [0, -1, 10, 99, 140, 200, 256 + 1] {
        check(|request| spec(request).relation_types[1] = unknown, &["lookup.relation_types[1]"]);
    }
    check(|request| spec(request).relation_types = vec![9, 100, 139, 9, 9], &[]);
    let every = || (1..=9).chain(100..=139);
    check(|request| spec(request).relation_types = every().take(32).chain([1, 2]).collect(), &[]);
    let too_many = |request: &mut pb::GetRecommendationsRequest| {
        spec(request).relation_types = every().take(33).collect();
    };
    check(too_many, &["lookup.relation_types"]);
}

#[test]
fn numbers_of_the_lookup_are_in_range() {
    check(|request| spec(request).max_results = -1, &["lookup.max_results"]);
    check(|request| spec(request).max_results = i32::MIN, &["lookup.max_results"]);
    check(|request| spec(request).max_results = i32::MAX, &[]);
    for share in [-0.01, 1.01, f32::NAN, f32::NEG_INFINITY] {
        check(|request| spec(request).min_score = Some(share), &["lookup.min_score"]);
    }
    for share in [Some(0.0), Some(1.0), None] {
        check(|request| spec(request).min_score = share, &[]);
    }
    check(|request| request.view = 4, &["view"]);
    check(|request| request.view = -1, &["view"]);
}

#[test]
fn seeds_are_ids_with_units() {
    check(|request| request.seeds[1].target = None, &["seeds[1]"]);
    check(|request| request.seeds[1] = category("A/B"), &[]);
    check(|request| request.seeds[1] = category(""), &["seeds[1].category_id"]);
    check(|request| request.seeds[1] = category(&"x".repeat(1024)), &[]);
    check(|request| request.seeds[1] = category(&"x".repeat(1025)), &["seeds[1].category_id"]);
    check(|request| request.seeds[0] = seed("", 1.0), &["seeds[0].product_id"]);
    check(|request| request.seeds[0] = seed(&"x".repeat(128), 1.0), &[]);
    check(|request| request.seeds[1] = seed(&"x".repeat(129), 1.0), &["seeds[1].product_id"]);
    for quantity in [-1.0, f64::NAN, f64::INFINITY] {
        check(|request| request.seeds[1].quantity = quantity, &["seeds[1].quantity"]);
    }
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let request = |request: &mut pb::GetRecommendationsRequest| {
        *spec(request) = pb::LookupSpec {
            relation_types: vec![77],
            max_results: -5,
            min_score: Some(7.0),
            ..<_>::default()
        };
        request.seeds = vec![seed("", 1.0), seed("a", -1.0)];
        request.view = 9;
    };
    let expected = [
        "lookup.relation_types[0]",
        "lookup.max_results",
        "lookup.min_score",
        "seeds[0].product_id",
        "seeds[1].quantity",
        "view",
    ];
    check(request, &expected);
}

#[test]
fn lists_over_their_limit_are_cut_and_counted() {
    let ignored = |seeds: usize, exclusions: usize| {
        let mut request = good();
        request.seeds = vec![seed("a", 1.0); seeds];
        request.exclude_product_ids = vec!["x".to_owned(); exclusions];
        with_view(|view| {
            let Asked { query, .. } = query(&request, view, NOW_S).unwrap();
            assert_eq!(query.seeds.len(), seeds.min(50));
            assert_eq!(query.exclude.len(), exclusions.min(500));
            (query.ignored_seeds, query.ignored_exclusions)
        })
    };
    assert_eq!(ignored(49, 499), (0, 0));
    assert_eq!(ignored(50, 500), (0, 0));
    assert_eq!(ignored(51, 501), (1, 1));
    assert_eq!(ignored(200, 2_000), (150, 1_500));
    // What is not looked at is not refused either.
    let bad_last = |request: &mut pb::GetRecommendationsRequest| {
        request.seeds = vec![seed("a", 1.0); 50];
        request.seeds.push(seed("", -1.0));
    };
    check(bad_last, &[]);
}

#[test]
fn every_condition_of_a_filter_is_read() {
    let words = |words: [&str; 2]| words.map(str::to_owned).to_vec();
    let mut request = good();
    *filter(&mut request) = pb::Filter {
        availabilities: vec![3, 1, 6, 3],
        price: Some(pb::PriceCondition {
            min_minor_units: Some(-5),
            max_minor_units: Some(9),
            min_seed_ratio: Some(0.8),
            max_seed_ratio: Some(1.2),
        }),
        brand: 1,
        category: 2,
        brand_ids: words(["acme", "b"]),
        category_ids: words(["A/B", "C"]),
        any_tags: words(["x", "y"]),
        none_tags: words(["z", "z"]),
        min_eco_grade: 5,
        category_level: 16,
    };
    let expected = Filter {
        availabilities: AvailabilitySet::default()
            .with(Availability::InStock)
            .with(Availability::Backorder),
        price: PriceCondition {
            min_minor: Some(-5),
            max_minor: Some(9),
            min_seed_ppm: Some(800_000),
            max_seed_ppm: Some(1_200_000),
        },
        brand: SeedMatch::Same,
        category: SeedMatch::Different,
        brand_ids: words(["acme", "b"]),
        category_ids: words(["A/B", "C"]),
        any_tags: words(["x", "y"]),
        none_tags: words(["z", "z"]),
        min_eco_grade: 5,
        category_level: 16,
    };
    with_view(|view| {
        let Asked { query, .. } = query(&request, view, NOW_S).unwrap();
        assert_eq!(query.filter, Some(expected));
    });
}

#[test]
fn a_wrong_condition_is_named() {
    for wrong in [0, 7, -1] {
        let expected = ["lookup.filter.availabilities[1]"];
        check(|request| filter(request).availabilities = vec![1, wrong], &expected);
    }
    let withdrawn = ["lookup.filter.availabilities"];
    check(|request| filter(request).availabilities = vec![6, 6], &withdrawn);
    check(|request| filter(request).availabilities = vec![6, 5], &[]);
    check(|request| filter(request).availabilities = vec![1; 64], &[]);
    check(|request| filter(request).availabilities = vec![1; 65], &withdrawn);
    for ratio in [-0.1, f32::NAN, f32::INFINITY, 1_000.1] {
        let expected = ["lookup.filter.price.min_seed_ratio"];
        check(|request| price(request).min_seed_ratio = Some(ratio), &expected);
        let expected = ["lookup.filter.price.max_seed_ratio"];
        check(|request| price(request).max_seed_ratio = Some(ratio), &expected);
    }
    check(|request| price(request).max_seed_ratio = Some(1_000.0), &[]);
    for wrong in [-1, 3] {
        check(|request| filter(request).brand = wrong, &["lookup.filter.brand"]);
        check(|request| filter(request).category = wrong, &["lookup.filter.category"]);
    }
    check(|request| filter(request).min_eco_grade = 6, &["lookup.filter.min_eco_grade"]);
    check(|request| filter(request).min_eco_grade = u32::MAX, &["lookup.filter.min_eco_grade"]);
    check(|request| filter(request).category_level = 17, &["lookup.filter.category_level"]);
    check(|request| filter(request).category_level = 256, &["lookup.filter.category_level"]);

    type List = fn(&mut pb::Filter) -> &mut Vec<String>;
    let lists: [(&str, List, usize); 4] = [
        ("brand_ids", |filter| &mut filter.brand_ids, 128),
        ("category_ids", |filter| &mut filter.category_ids, 1024),
        ("any_tags", |filter| &mut filter.any_tags, 128),
        ("none_tags", |filter| &mut filter.none_tags, 128),
    ];
    for (field, list, bytes_max) in lists {
        let field = format!("lookup.filter.{field}");
        let values = |count: usize, len: usize| vec!["x".repeat(len); count];
        check(|request| *list(filter(request)) = values(64, bytes_max), &[]);
        check(|request| *list(filter(request)) = values(65, 1), &[&field]);
        check(
            |request| *list(filter(request)) = values(1, bytes_max + 1),
            &[&format!("{field}[0]")],
        );
        check(|request| *list(filter(request)) = values(1, 0), &[&format!("{field}[0]")]);
    }
}

#[test]
fn every_step_of_a_chain_is_read() {
    let mut request = good();
    *steps(&mut request) = [
        Step::RelationType(4),
        Step::CategoryPopular(true),
        Step::ViaAlternatives(true),
        Step::VariantGroup(true),
        Step::PopularInCategoryId("A/B".to_owned()),
        Step::PopularInCategoryId("*".to_owned()),
    ]
    .map(step)
    .to_vec();
    let expected = vec![
        FallbackStep::RelationType(RelationType::ALTERNATIVE),
        FallbackStep::CategoryPopular,
        FallbackStep::ViaAlternatives,
        FallbackStep::VariantGroup,
        FallbackStep::PopularIn(Some("A/B".to_owned())),
        FallbackStep::PopularIn(None),
    ];
    let read = |request: &pb::GetRecommendationsRequest| {
        with_view(|view| query(request, view, NOW_S).unwrap().query.fallback)
    };
    assert_eq!(read(&request), FallbackAsk::Steps(expected));
    spec(&mut request).fallback.as_mut().unwrap().disabled = true;
    assert_eq!(read(&request), FallbackAsk::Disabled);
}

#[test]
fn a_wrong_step_is_named() {
    let popular = |id: String| Step::PopularInCategoryId(id);
    let wrong = [
        (None, ""),
        (Some(Step::RelationType(0)), ".relation_type"),
        (Some(Step::RelationType(140)), ".relation_type"),
        (Some(Step::CategoryPopular(false)), ".category_popular"),
        (Some(Step::ViaAlternatives(false)), ".via_alternatives"),
        (Some(Step::VariantGroup(false)), ".variant_group"),
        (Some(popular(String::new())), ".popular_in_category_id"),
        (Some(popular("x".repeat(1025))), ".popular_in_category_id"),
    ];
    for (wrong, name) in wrong {
        let field = format!("lookup.fallback.steps[1]{name}");
        let change = |request: &mut pb::GetRecommendationsRequest| {
            *steps(request) = vec![step(popular("*".to_owned())), pb::FallbackStep { step: wrong }];
        };
        check(change, &[&field]);
    }
    let many = |count| vec![step(Step::VariantGroup(true)); count];
    check(|request| *steps(request) = many(16), &[]);
    check(|request| *steps(request) = many(17), &["lookup.fallback.steps"]);
    for wrong in [-1, 4] {
        let expected = ["lookup.variant_resolution"];
        check(|request| spec(request).variant_resolution = wrong, &expected);
    }
}

#[test]
fn the_situation_is_read() {
    let mut request = good();
    *context(&mut request) = pb::Context {
        stage: 4,
        channel: "web".to_owned(),
        visitor_id: "v".to_owned(),
        inventory_id: "store".to_owned(),
        market_id: "us".to_owned(),
        as_of_time: Some(Timestamp { seconds: -1, nanos: 999_999_999 }),
    };
    with_view(|view| {
        let Asked { context, .. } = query(&request, view, NOW_S).unwrap();
        assert_eq!((context.market, context.inventory), (1, 1));
        assert_eq!((context.stage, context.visitor), (Some(Stage::Checkout), "v"));
        // The fraction is dropped.
        assert_eq!((context.at_s, context.is_as_of), (-1, true));
    });
}

#[test]
fn a_wrong_situation_is_named() {
    for wrong in [-1, 6] {
        check(|request| context(request).stage = wrong, &["context.stage"]);
    }
    check(|request| context(request).channel = "x".repeat(128), &[]);
    check(|request| context(request).channel = "x".repeat(129), &["context.channel"]);
    check(|request| context(request).visitor_id = "x".repeat(256), &[]);
    check(|request| context(request).visitor_id = "x".repeat(257), &["context.visitor_id"]);
    let at = |seconds, nanos| {
        move |request: &mut pb::GetRecommendationsRequest| {
            context(request).as_of_time = Some(Timestamp { seconds, nanos });
        }
    };
    check(at(253_402_300_799, 999_999_999), &[]);
    check(at(-62_135_596_800, 0), &[]);
    let wrong =
        [(253_402_300_800, 0), (-62_135_596_801, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000)];
    for (seconds, nanos) in wrong {
        check(at(seconds, nanos), &["context.as_of_time"]);
    }
    let unknown = [
        ("context.market_id", Reason::MarketNotFound),
        ("context.inventory_id", Reason::InventoryNotFound),
    ];
    let nowhere = |request: &mut pb::GetRecommendationsRequest| {
        context(request).market_id = "mars".to_owned();
        context(request).inventory_id = "x".repeat(500);
    };
    let Err(Refusal::Invalid(violations)) = answered(&world(), nowhere) else { panic!() };
    let found = violations.iter().map(|one| (&*one.field, one.reason)).collect::<Vec<_>>();
    assert_eq!(found, unknown);
}

#[test]
fn a_request_waits_for_no_stock_but_goes_to_another_replica() {
    let mut world = world();
    feed(&mut world, &[("erp", 7, 0), ("wms", 3, 2)]);
    let waiting = |positions: &[(&str, u64)]| {
        let positions = positions.iter().map(|(source_id, sequence)| pb::FeedPosition {
            source_id: (*source_id).to_owned(),
            sequence: *sequence,
            applied_beyond_gap: 0,
        });
        let positions = positions.collect::<Vec<_>>();
        answered(&world, |request| request.min_availability = positions)
    };
    assert_eq!(waiting(&[("erp", 7), ("wms", 1), ("pos", 0)]), Ok(()));
    let lag =
        |source_id: &str, asked, applied| Lag { source_id: source_id.to_owned(), asked, applied };
    let behind = Refusal::Behind(vec![lag("erp", 8, 7), lag("pos", 1, 0)]);
    assert_eq!(waiting(&[("erp", 8), ("wms", 3), ("pos", 1)]), Err(behind));
    check_fields(waiting(&[("erp", 9), ("", 1)]), &["min_availability[1].source_id"]);
    check_fields(waiting(&vec![("erp", 1); 64]), &[]);
    check_fields(waiting(&vec![("erp", 1); 65]), &["min_availability"]);
}

#[test]
fn another_snapshot_is_refused() {
    let world = world();
    assert_eq!(answered(&world, |request| request.snapshot_id = "5eed".to_owned()), Ok(()));
    let refused = answered(&world, |request| request.snapshot_id = "01d".to_owned());
    assert_eq!(refused, Err(Refusal::not_active("01d", "5eed")));
}
