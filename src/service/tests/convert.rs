//! Goal: a wrong request is refused by the path of each wrong field, and everything else is read as
//! the proto file says. Method: one good request, and one change a case.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::block_on;
use crate::{
    index::View,
    lookup::{
        Direction, list,
        tests::shop::{Shop, ordinal},
    },
    model::{id::IdRule, relation::RelationType},
    pb::{self, seed::Target, server::recommendation_service_server::RecommendationService},
    service::{
        Recommendations, convert,
        status::{Refusal, Violation},
        to_json,
    },
};

fn seed(id: &str, quantity: f64) -> pb::Seed {
    pb::Seed { target: Some(Target::ProductId(id.to_owned())), quantity }
}

fn good() -> pb::GetRecommendationsRequest {
    let lookup =
        pb::LookupSpec { relation_types: vec![1, 2], max_results: 0, min_score: Some(0.5) };
    pb::GetRecommendationsRequest {
        lookup: Some(lookup),
        seeds: vec![seed("a", 2.0), seed("b", 0.0)],
        ..<_>::default()
    }
}

fn spec(request: &mut pb::GetRecommendationsRequest) -> &mut pb::LookupSpec {
    request.lookup.as_mut().unwrap()
}

fn with_view<T>(look: impl FnOnce(&View<'_>) -> T) -> T {
    let catalog = Shop::parse("a cross_sell b 90\n a accessory c 80").catalog();
    look(&catalog.view())
}

/// The fields that are wrong with a changed good request.
#[track_caller]
fn check(change: impl FnOnce(&mut pb::GetRecommendationsRequest), expected: &[&str]) {
    let mut request = good();
    change(&mut request);
    let refused = with_view(|view| convert::query(&request, view).map(drop));
    check_fields(refused, expected);
}

#[track_caller]
fn check_fields(refused: Result<(), Refusal>, expected: &[&str]) {
    let violations = match refused {
        Ok(()) => Vec::new(),
        Err(Refusal::Invalid(violations)) => violations,
        Err(other) => panic!("{other:?}"),
    };
    let fields = violations.iter().map(|one| &*one.field).collect::<Vec<_>>();
    assert_eq!(fields, expected, "{violations:?}");
    assert!(violations.iter().all(
        |one| one.description.starts_with("expected") || one.description.starts_with("the id")
    ));
}

#[test]
fn a_good_request_is_read_whole() {
    let mut request = good();
    request.exclude_product_ids = vec!["x".to_owned()];
    request.view = pb::RecommendationView::Full.into();
    with_view(|view| {
        let (query, detail) = convert::query(&request, view).unwrap();
        assert_eq!(query.types.as_slice(), [RelationType::CROSS_SELL, RelationType::UP_SELL]);
        let seeds = query.seeds.iter().map(|seed| (seed.id(), seed.quantity));
        assert_eq!(seeds.collect::<Vec<_>>(), [("a", 2.0), ("b", 1.0)]);
        assert_eq!((query.exclude, query.max_results), (&["x".to_owned()][..], None));
        assert!(query.min_score.is_some());
        assert_eq!((query.ignored_seeds, query.ignored_exclusions), (0, 0));
        assert_eq!(detail, pb::RecommendationView::Full);
    });
}

#[test]
fn what_to_look_up_is_required() {
    check(|_| {}, &[]);
    check(|request| request.lookup = None, &["lookup"]);
    check(|request| spec(request).relation_types.clear(), &["lookup.relation_types"]);
    check(|request| request.seeds.clear(), &["seeds"]);
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
        *spec(request) =
            pb::LookupSpec { relation_types: vec![77], max_results: -5, min_score: Some(7.0) };
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
            let (query, _) = convert::query(&request, view).unwrap();
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

fn listing_of(product_id: &str) -> pb::ListRelationsRequest {
    pb::ListRelationsRequest { product_id: product_id.to_owned(), ..<_>::default() }
}

#[track_caller]
fn check_listing(change: impl FnOnce(&mut pb::ListRelationsRequest), expected: &[&str]) {
    let mut request = listing_of("a");
    change(&mut request);
    let refused = with_view(|view| convert::listing(&request, view, "5eed").map(drop));
    check_fields(refused, expected);
}

#[test]
fn a_listing_names_its_wrong_fields() {
    check_listing(|_| {}, &[]);
    check_listing(|request| request.product_id.clear(), &["product_id"]);
    check_listing(|request| request.product_id = "x".repeat(129), &["product_id"]);
    check_listing(|request| request.relation_types = vec![1, 77], &["relation_types[1]"]);
    check_listing(|request| request.page_size = -1, &["page_size"]);
    for token in ["5eed", "5eed-", "5eed-x", "5eed--1", "-"] {
        check_listing(|request| request.page_token = token.to_owned(), &["page_token"]);
    }
    // Cross-sell (1) is not declared reverse, accessory (6) is.
    let incoming = |types: &[i32]| {
        let types = types.to_vec();
        move |request: &mut pb::ListRelationsRequest| {
            request.incoming = true;
            request.relation_types = types;
        }
    };
    check_listing(incoming(&[]), &[]);
    check_listing(incoming(&[6]), &[]);
    check_listing(incoming(&[6, 1]), &["relation_types[1]"]);
    check_listing(|request| request.relation_types = vec![1], &[]);
}

#[test]
fn a_page_goes_on_where_the_one_before_ended() {
    let page = |page_size: i32, page_token: &str| {
        let page_token = page_token.to_owned();
        let request = pb::ListRelationsRequest { page_size, page_token, ..listing_of("a") };
        with_view(|view| {
            let listing = convert::listing(&request, view, "5eed").unwrap();
            (listing.token.skip, listing.page_size)
        })
    };
    assert_eq!(page(0, ""), (0, 100));
    assert_eq!(page(7, &token(&listing_of("a"), "5eed", 21)), (21, 7));
    assert_eq!(page(1_000, ""), (0, 1_000));
    assert_eq!(page(1_001, ""), (0, 1_000));
}

/// The token of a later page of this listing.
fn token(request: &pb::ListRelationsRequest, snapshot_id: &str, skip: usize) -> String {
    with_view(|view| convert::listing(request, view, snapshot_id).unwrap().token.at(skip))
}

#[test]
fn a_page_of_another_snapshot_or_request_is_refused() {
    let page_token = token(&listing_of("a"), "01d", 5);
    check_listing(|request| request.page_token = page_token, &["page_token"]);
    let other = pb::ListRelationsRequest { relation_types: vec![6], ..listing_of("a") };
    let page_token = token(&other, "5eed", 5);
    check_listing(|request| request.page_token = page_token, &["page_token"]);
}

#[test]
fn a_refusal_has_one_status() {
    let violations = vec![Violation::new("seeds[2]", "expected x"), Violation::new("view", "y")];
    let status = Status::from(Refusal::Invalid(violations));
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "seeds[2]: expected x; view: y");
    let details = status.get_details_bad_request().unwrap().field_violations;
    let fields = details.iter().map(|one| (&*one.field, &*one.description)).collect::<Vec<_>>();
    assert_eq!(fields, [("seeds[2]", "expected x"), ("view", "y")]);

    let refusal = Refusal::SnapshotNotActive { asked: "01d".to_owned(), active: "5eed".to_owned() };
    let status = Status::from(refusal);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "snapshot 01d is not active; active is 5eed");
    let violation = &status.get_details_precondition_failure().unwrap().violations[0];
    assert_eq!((&*violation.r#type, &*violation.subject), ("SNAPSHOT", "01d"));

    assert_eq!(Status::from(Refusal::NotServing).code(), Code::Unavailable);
}

#[test]
fn without_a_snapshot_every_method_is_unavailable() {
    let service = Recommendations::new(Default::default());
    block_on(async {
        let get = service.get_recommendations(tonic::Request::new(good())).await.map(drop);
        let list = service.list_relations(tonic::Request::new(listing_of("a"))).await.map(drop);
        let describe = pb::DescribeCatalogRequest::default();
        let describe = service.describe_catalog(tonic::Request::new(describe)).await.map(drop);
        for answer in [get, list, describe] {
            assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
        }
    });
}

#[test]
fn a_stored_relation_is_told_whole() {
    let shop = Shop::parse("a accessory b 65535 x2 until=70 curated, c 0");
    let catalog = shop.catalog();
    let view = catalog.view();
    let listed = list(&view, ordinal(&view, "a"), Direction::Outgoing, &[], 0);
    let told = listed.map(|one| convert::relation(&view, &one, None)).collect::<Vec<_>>();
    let whole = pb::Relation {
        source_product_id: "a".to_owned(),
        target_product_id: "b".to_owned(),
        relation_type: pb::RelationType::Accessory.into(),
        score: 1.0,
        origin: pb::RelationOrigin::Curated.into(),
        quantity: 2.0,
        expire_time: Some(prost_types::Timestamp { seconds: 70, nanos: 0 }),
        ..pb::Relation::default()
    };
    let plain = pb::Relation {
        target_product_id: "c".to_owned(),
        score: 0.0,
        origin: pb::RelationOrigin::Imported.into(),
        quantity: 0.0,
        expire_time: None,
        ..whole.clone()
    };
    assert_eq!(told, [whole, plain]);
}

#[test]
fn a_catalog_is_described_as_it_declares_itself() {
    let shop = Shop::parse_with(IdRule::CaseFolded, "a accessory b 9, c 8\n b cross_sell c 7");
    let catalog = shop.catalog();
    let described = convert::description(&catalog.view(), "5eed");
    assert_eq!(described.data_version.unwrap().snapshot_id, "5eed");
    assert!(described.product_ids_case_folded);
    assert_eq!(described.inventory_ids, ["main"]);
    let market = pb::MarketInfo {
        market_id: "eu".to_owned(),
        currency_code: "EUR".to_owned(),
        default_inventory_id: "main".to_owned(),
        product_count: 3,
    };
    assert_eq!(described.markets, [market]);
    let types = &described.relation_types;
    assert_eq!(types.len(), 49);
    let accessory = pb::RelationTypeInfo {
        relation_type: 6,
        code: "accessory".to_owned(),
        display_name: "Accessory".to_owned(),
        two_way: false,
        relation_count: 2,
        reverse: true,
    };
    assert_eq!(types[5], accessory);
    assert_eq!((types[0].relation_count, types[0].reverse), (1, false));
    assert_eq!((&*types[9].code, types[9].two_way), ("own_100", true));
}

#[test]
fn messages_become_the_json_of_grpc_tools() {
    let check = |message: &str, bytes: &[u8], expected: &str| {
        assert_eq!(to_json(message, bytes).unwrap(), expected);
    };
    check("Seed", b"", "{}");
    check("Seed", b"\x0a\x01a\x11\0\0\0\0\0\0\0\x40", r#"{"productId":"a","quantity":2.0}"#);
    check(
        "Recommendation",
        b"\x0a\x01a\x10\x01",
        r#"{"productId":"a","relationType":"RELATION_TYPE_CROSS_SELL"}"#,
    );
    // A type of the catalog has no name in the enum.
    check("Recommendation", b"\x10\x64", r#"{"relationType":100}"#);
    check("Recommendation", b"\x4a\x02\x08\x3c", r#"{"expireTime":"1970-01-01T00:01:00Z"}"#);
    // 64-bit integers are strings in JSON.
    check("ProductAttributes", b"\x10\x05", r#"{"priceMinorUnits":"5"}"#);
}

#[test]
fn what_is_no_message_is_not_shown() {
    let check = |message: &str, bytes: &[u8], expected: &str| {
        let error = to_json(message, bytes).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    check("Nothing", b"", "cannot show the message as JSON: no message kindred.v1.Nothing");
    check("Seed", b"\x0a\x05a", "cannot show the message as JSON: ");
}
