//! Goal: listings and descriptions say what the catalog has, page by page, and refuse wrong requests
//! by field. Method: one good request, and one change a case.

use super::world::{check_fields, feed, present, with_view};
use crate::{
    lookup::{
        Direction, list,
        tests::{
            shop::{Shop, ordinal},
            world::World,
        },
    },
    model::id::IdRule,
    pb,
    policy::SlotPolicy,
    service::convert::{self, Stored},
};

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
fn a_stored_relation_is_told_whole() {
    let shop = Shop::parse("a accessory b 65535 x2 until=70 curated, c 0");
    let catalog = shop.catalog();
    let view = catalog.view();
    let listed = list(&view, ordinal(&view, "a"), Direction::Outgoing, &[], 0);
    let told =
        listed.map(|one| convert::relation(&view, &Stored::from(&one), None)).collect::<Vec<_>>();
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
    let placements = ["pdp", "cart"].map(|id| (id, SlotPolicy::default()));
    let mut world = World::of(&shop, &placements, &[]);
    feed(&mut world, &[("erp", 7, 0), ("wms", 3, 2)]);
    let described = convert::description(&present(&world));
    let positions = [("erp", 7, 0), ("wms", 3, 2)].map(|(source_id, sequence, gap)| {
        let source_id = source_id.to_owned();
        pb::FeedPosition { source_id, sequence, applied_beyond_gap: gap }
    });
    let version = described.data_version.unwrap();
    assert_eq!((&*version.snapshot_id, version.availability), ("5eed", positions.to_vec()));
    assert_eq!((version.valid_from_time, version.valid_until_time), (None, None));
    assert_eq!(described.placement_ids, ["cart", "pdp"]);
    assert!(described.product_ids_case_folded);
    assert_eq!(described.inventory_ids, ["main", "store"]);
    let market = |id: &str, currency: &str| pb::MarketInfo {
        market_id: id.to_owned(),
        currency_code: currency.to_owned(),
        default_inventory_id: "main".to_owned(),
        product_count: 3,
    };
    assert_eq!(described.markets, [market("eu", "EUR"), market("us", "USD")]);
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
