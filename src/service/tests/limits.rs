//! Goal: the largest legal request of each method is read, and the largest answer written; one more is
//! cut or refused. Method: messages with every list full and every text as long as it may be.

use prost::Message as _;
use prost_types::Timestamp;

use super::world::{NOW_S, present, query, with_view};
use crate::{
    lookup::tests::world::World,
    model::limits::*,
    pb::{self, explain_recommendations_request::Request as Asked, fallback_step::Step},
    service::{
        convert::{self, SlotIds},
        explain, pages,
    },
};

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn id() -> String {
    text(ID_BYTES_MAX)
}

fn category() -> String {
    text(CATEGORY_PATH_BYTES_MAX)
}

fn instant() -> Timestamp {
    // As long as an instant gets that is not valid, too: relations may begin at any second.
    Timestamp { seconds: -62_135_596_800, nanos: 999_999_999 }
}

fn seeds() -> Vec<pb::Seed> {
    let target = Some(pb::seed::Target::CategoryId(category()));
    vec![pb::Seed { target, quantity: 0.1 }; SEEDS_MAX]
}

fn positions() -> Vec<pb::FeedPosition> {
    let position = |index: usize| pb::FeedPosition {
        source_id: format!("{index:0128}"),
        sequence: u64::MAX,
        applied_beyond_gap: u32::MAX,
    };
    (0..FEEDS_MAX).map(position).collect()
}

fn lookup() -> pb::LookupSpec {
    let words = |bytes| vec![text(bytes); FILTER_VALUES_MAX];
    let step = pb::FallbackStep { step: Some(Step::PopularInCategoryId(category())) };
    pb::LookupSpec {
        placement_id: text(SLOT_ID_BYTES_MAX),
        relation_types: (1..=9).chain(100..123).collect(),
        max_results: i32::MAX,
        min_score: Some(0.1),
        filter: Some(pb::Filter {
            availabilities: vec![5; FILTER_VALUES_MAX],
            price: Some(pb::PriceCondition {
                min_minor_units: Some(-1),
                max_minor_units: Some(-1),
                min_seed_ratio: Some(0.1),
                max_seed_ratio: Some(0.1),
            }),
            brand: 2,
            category: 2,
            brand_ids: words(ID_BYTES_MAX),
            category_ids: words(CATEGORY_PATH_BYTES_MAX),
            any_tags: words(ID_BYTES_MAX),
            none_tags: words(ID_BYTES_MAX),
            min_eco_grade: 5,
            category_level: 16,
        }),
        fallback: Some(pb::Fallback { steps: vec![step; FALLBACK_STEPS_MAX], disabled: true }),
        diversity: Some(pb::Diversity {
            max_per_brand: u32::MAX,
            max_per_category: u32::MAX,
            max_per_variant_group: u32::MAX,
        }),
        variant_resolution: 3,
    }
}

fn context() -> pb::Context {
    pb::Context {
        stage: 5,
        channel: text(CHANNEL_BYTES_MAX),
        visitor_id: text(VISITOR_BYTES_MAX),
        inventory_id: id(),
        market_id: id(),
        as_of_time: Some(instant()),
    }
}

fn single() -> pb::GetRecommendationsRequest {
    pb::GetRecommendationsRequest {
        lookup: Some(lookup()),
        seeds: seeds(),
        context: Some(context()),
        exclude_product_ids: vec![id(); EXCLUSIONS_MAX],
        view: 3,
        snapshot_id: id(),
        min_availability: positions(),
    }
}

fn page() -> pb::BatchGetRecommendationsRequest {
    let slot = |index: usize| pb::Slot {
        slot_id: format!("{index:0128}"),
        lookup: Some(lookup()),
        seeds: seeds(),
    };
    pb::BatchGetRecommendationsRequest {
        slots: (0..SLOTS_MAX).map(slot).collect(),
        seeds: seeds(),
        context: Some(context()),
        exclude_product_ids: vec![id(); EXCLUSIONS_MAX],
        allow_duplicates: true,
        view: 3,
        snapshot_id: id(),
        min_availability: positions(),
    }
}

fn explained() -> pb::ExplainRecommendationsRequest {
    pb::ExplainRecommendationsRequest {
        trace_product_ids: vec![id(); TRACED_MAX],
        max_candidates: i32::MAX,
        request: Some(Asked::Batch(page())),
    }
}

/// The limit holds the message, and is no more than this many bytes beyond it.
#[track_caller]
fn check(message: &impl prost::Message, limit: usize, slack: usize) {
    let len = message.encoded_len();
    assert!(len <= limit, "{len} > {limit}");
    assert!(limit - len <= slack, "{limit} is {} beyond {len}", limit - len);
}

#[test]
fn the_largest_legal_requests_are_read() {
    // Lists of types may come unpacked, and fractions of seconds be negative in bytes.
    check(&single(), LOOKUP_REQUEST_BYTES_MAX, 128);
    check(&page(), PAGE_REQUEST_BYTES_MAX, SLOTS_MAX * 128);
    check(&explained(), EXPLAIN_REQUEST_BYTES_MAX, SLOTS_MAX * 128);
    const { assert!(EXPLAIN_REQUEST_BYTES_MAX < REQUEST_BYTES_MAX) };

    with_view(|view| {
        let mut single = single();
        // Nobody's catalog has them.
        let context = single.context.as_mut().unwrap();
        (context.market_id, context.inventory_id) = (String::new(), String::new());
        query(&single, view, NOW_S).unwrap();
        let envelope = page();
        let envelope = convert::envelope(&envelope, SlotIds::Required, view, NOW_S).unwrap();
        assert_eq!(envelope.unknown.len(), 2);
    });
    assert_eq!(convert::explain_limits(&explained()).unwrap(), EXPLAINED_MAX);
}

#[test]
fn lists_that_are_cut_may_be_longer_than_what_counts() {
    let mut page = page();
    for slot in &mut page.slots {
        slot.seeds.extend(seeds());
    }
    page.seeds.extend(seeds());
    page.exclude_product_ids.extend(vec![id(); EXCLUSIONS_MAX]);
    let explained =
        pb::ExplainRecommendationsRequest { request: Some(Asked::Batch(page)), ..explained() };
    check(&explained, REQUEST_BYTES_MAX, SLOTS_MAX * 128);
}

fn version() -> pb::DataVersion {
    pb::DataVersion {
        snapshot_id: text(64),
        availability: positions(),
        valid_from_time: Some(Timestamp { seconds: -1, nanos: 0 }),
        valid_until_time: Some(Timestamp { seconds: -1, nanos: 0 }),
        blocks_digest: u64::MAX,
    }
}

fn recommendation() -> pb::Recommendation {
    pb::Recommendation {
        product_id: id(),
        relation_type: 199,
        score: 0.1,
        origin: 7,
        quantity: 0.1,
        fallback_step: 16,
        seed_indexes: (0..50).collect(),
        attributes: Some(pb::ProductAttributes {
            availability: 6,
            price_minor_units: -1,
            brand_id: id(),
            category_id: category(),
            eco_grade: 5,
            currency_code: "EUR".to_owned(),
            title: text(TITLE_BYTES_MAX),
        }),
        expire_time: Some(Timestamp { seconds: -1, nanos: 0 }),
        variant_group_id: id(),
    }
}

fn report() -> pb::FillReport {
    let most = u32::MAX;
    pb::FillReport {
        candidates: most,
        removed_unavailable: most,
        removed_by_filter: most,
        removed_below_score: most,
        removed_excluded: most,
        removed_by_diversity: most,
        removed_by_rule: most,
        removed_on_page: most,
        added_by_fallback: most,
        shortfall: most,
        ignored_seeds: most,
        ignored_exclusions: most,
        removed_outside_market: most,
        removed_by_stage: most,
        removed_blocked: most,
        removed_outside_validity: most,
        removed_hidden: most,
        removed_same_variant_group: most,
        removed_by_override: most,
    }
}

fn page_answer() -> pb::BatchGetRecommendationsResponse {
    let result = pb::SlotResult {
        slot_id: text(SLOT_ID_BYTES_MAX),
        recommendations: vec![recommendation(); RESULTS_MAX],
        fill_report: Some(report()),
        error: None,
    };
    pb::BatchGetRecommendationsResponse {
        results: vec![result; SLOTS_MAX],
        missing_product_ids: vec![category(); (SLOTS_MAX + 1) * SEEDS_MAX],
        data_version: Some(version()),
    }
}

#[test]
fn the_largest_answers_are_written() {
    let single = pb::GetRecommendationsResponse {
        recommendations: vec![recommendation(); RESULTS_MAX],
        missing_product_ids: vec![category(); SEEDS_MAX],
        data_version: Some(version()),
        fill_report: Some(report()),
    };
    check(&single, LOOKUP_RESPONSE_BYTES_MAX, 2_000);
    check(&page_answer(), PAGE_RESPONSE_BYTES_MAX, 32_000);
    check(&relations_answer(), RELATIONS_RESPONSE_BYTES_MAX, 64_000);
    check(&bundles_answer(), BUNDLES_RESPONSE_BYTES_MAX, 200);
    check(&catalog_answer(), CATALOG_RESPONSE_BYTES_MAX, 64_000);
    let explanation = pb::ExplainRecommendationsResponse {
        response: Some(page_answer()),
        slots: Vec::new(),
        lookup_nanos: u32::MAX,
    };
    check(&explanation, EXPLAIN_RESPONSE_BYTES_MAX - EXPLANATION_BYTES_MAX, 32_100);
    for limit in [
        LOOKUP_RESPONSE_BYTES_MAX,
        PAGE_RESPONSE_BYTES_MAX,
        RELATIONS_RESPONSE_BYTES_MAX,
        BUNDLES_RESPONSE_BYTES_MAX,
        CATALOG_RESPONSE_BYTES_MAX,
        EXPLAIN_RESPONSE_BYTES_MAX,
    ] {
        assert!(limit <= RESPONSE_BYTES_MAX);
    }
}

fn relations_answer() -> pb::ListRelationsResponse {
    let instant = Timestamp { seconds: -1, nanos: 0 };
    let relation = pb::Relation {
        source_product_id: id(),
        target_product_id: id(),
        relation_type: 199,
        score: 0.1,
        origin: 7,
        quantity: 0.1,
        stages: vec![1, 2, 3, 4, 5],
        start_time: Some(instant),
        expire_time: Some(instant),
        provenance: text(PROVENANCE_BYTES_MAX),
        confirm_time: Some(instant),
        market_ids: vec![id(); MARKETS_MAX],
    };
    pb::ListRelationsResponse {
        relations: vec![relation; PAGE_SIZE_MAX],
        next_page_token: text(64 + 1 + 16 + 1 + 20),
        data_version: Some(version()),
        product_missing: true,
    }
}

fn bundles_answer() -> pb::GetBundlesResponse {
    let selection = |substitute: bool| pb::BundleComponent {
        product_id: id(),
        quantity: 0.1,
        is_default: !substitute,
        availability: 6,
        substitute_for_product_id: if substitute { id() } else { String::new() },
    };
    let option = |selections: usize| pb::BundleOption {
        option_id: text(TITLE_BYTES_MAX),
        title: text(TITLE_BYTES_MAX),
        required: true,
        min_selections: u32::MAX,
        max_selections: u32::MAX,
        selections: (0..2 * selections).map(|index| selection(index % 2 == 1)).collect(),
    };
    let mut options = vec![option(1); BUNDLE_OPTIONS_MAX - 1];
    options.push(option(BUNDLE_SELECTIONS_MAX - options.len()));
    let bundle = pb::Bundle {
        bundle_id: id(),
        options,
        sellable: true,
        sellable_quantity: Some(u32::MAX),
        price_minor_units: Some(-1),
        components_price_minor_units: Some(-1),
        currency_code: "EUR".to_owned(),
    };
    pb::GetBundlesResponse {
        bundles: vec![bundle; BUNDLES_MAX],
        product_missing: true,
        data_version: Some(version()),
    }
}

fn catalog_answer() -> pb::DescribeCatalogResponse {
    let relation_type = pb::RelationTypeInfo {
        relation_type: 199,
        code: id(),
        display_name: text(TITLE_BYTES_MAX),
        two_way: true,
        relation_count: u64::MAX,
        reverse: true,
    };
    let market = pb::MarketInfo {
        market_id: id(),
        currency_code: "EUR".to_owned(),
        default_inventory_id: id(),
        product_count: u64::MAX,
    };
    pb::DescribeCatalogResponse {
        relation_types: vec![relation_type; 109],
        placement_ids: vec![text(SLOT_ID_BYTES_MAX); PLACEMENTS_MAX],
        markets: vec![market; MARKETS_MAX],
        inventory_ids: vec![id(); INVENTORIES_MAX],
        data_version: Some(version()),
        product_ids_case_folded: true,
    }
}

#[test]
fn the_largest_requests_are_answered() {
    let world = World::parse("a cross_sell b 90");
    let mut page = page();
    page.context = None;
    page.snapshot_id.clear();
    page.min_availability.clear();
    let answer = pages::batch(&present(&world), &page).unwrap();
    assert!(answer.message().len() <= PAGE_RESPONSE_BYTES_MAX);
    let page = answer.decoded_page().unwrap();
    assert!(page.results.iter().all(|one| {
        one.error.as_ref().is_some_and(|error| error.reason == "PLACEMENT_NOT_FOUND")
    }));
    let request = pb::ExplainRecommendationsRequest {
        request: Some(Asked::Batch(pb::BatchGetRecommendationsRequest {
            context: None,
            snapshot_id: String::new(),
            min_availability: Vec::new(),
            ..self::page()
        })),
        ..explained()
    };
    let answer = explain::explain(&present(&world), &request).unwrap();
    assert!(answer.encoded_len() <= EXPLAIN_RESPONSE_BYTES_MAX);
}
