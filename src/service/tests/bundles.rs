//! Goal: a bundle is told with its options, selections, quantities and prices as it can be bought
//! here and now, and a wrong request is refused by field. Method: a camera kit in a few lines of
//! text, and one change a case.

use prost_types::Timestamp;

use super::world::{NOW_S, check_fields, feed, present};
use crate::{
    lookup::tests::{shop::Shop, world::World},
    model::limits::{BUNDLES_MAX, FEEDS_MAX},
    pb::{self, Availability},
    service::{
        answers,
        status::{Lag, Reason, Refusal},
    },
};

/// A fixed body, a lens to choose, two bags if wanted; 50 less than its parts.
const SHOP: &str = "
    kit holds body 1 required default; lens-a 1 required, lens-b 1 default; bag 2
    kit price 700
    body price 500
    lens-a price 300
    lens-b price 250
    bag price 20
    body alternative x 90, y 80, z 70
    x hidden
    red < body
    camera = body
    lone price 5
";

fn world(more: &str) -> World {
    World::of(&Shop::parse(&format!("{SHOP}\n{more}")), &[], &[])
}

fn asking(product_id: &str) -> pb::GetBundlesRequest {
    pb::GetBundlesRequest { product_id: product_id.to_owned(), ..<_>::default() }
}

/// The answer in a shop with these further lines to a changed request for the kit.
fn answer(
    more: &str,
    change: impl FnOnce(&mut pb::GetBundlesRequest),
) -> Result<pb::GetBundlesResponse, Refusal> {
    let mut request = asking("kit");
    change(&mut request);
    answers::bundles(&present(&world(more)), &request)
}

/// The kit with these further lines, whether it can be bought or not.
#[track_caller]
fn kit(more: &str) -> pb::Bundle {
    let answer = answer(more, |request| request.include_unsellable = true).unwrap();
    let [kit] = <[_; 1]>::try_from(answer.bundles).unwrap();
    kit
}

fn ids(answer: &pb::GetBundlesResponse) -> Vec<&str> {
    answer.bundles.iter().map(|one| &*one.bundle_id).collect()
}

fn component(product_id: &str, quantity: f64, is_default: bool) -> pb::BundleComponent {
    let product_id = product_id.to_owned();
    pb::BundleComponent { product_id, quantity, is_default, ..<_>::default() }
}

#[test]
fn a_bundle_is_told_whole() {
    let mut world = world("$ body x4\n $ lens-b x9\n $ lens-b low_stock");
    feed(&mut world, &[("erp", 7, 0)]);
    let option = |name: &str, required: bool, selections| pb::BundleOption {
        option_id: name.to_owned(),
        title: name.to_owned(),
        required,
        min_selections: 0,
        max_selections: 1,
        selections,
    };
    let mut lens_b = component("lens-b", 1.0, true);
    lens_b.availability = Availability::LowStock.into();
    let kit = pb::Bundle {
        bundle_id: "kit".to_owned(),
        options: vec![
            option("0", true, vec![component("body", 1.0, true)]),
            option("1", true, vec![component("lens-a", 1.0, false), lens_b]),
            option("2", false, vec![component("bag", 2.0, false)]),
        ],
        sellable: true,
        sellable_quantity: Some(4),
        price_minor_units: Some(700),
        components_price_minor_units: Some(750),
        currency_code: "EUR".to_owned(),
    };
    let position =
        pb::FeedPosition { source_id: "erp".to_owned(), sequence: 7, applied_beyond_gap: 0 };
    let version = pb::DataVersion {
        snapshot_id: "5eed".to_owned(),
        availability: vec![position],
        ..<_>::default()
    };
    let expected = pb::GetBundlesResponse {
        bundles: vec![kit],
        product_missing: false,
        data_version: Some(version),
    };
    for product in ["kit", "body", "camera", "red", "lens-a", "bag"] {
        let found = answers::bundles(&present(&world), &asking(product)).unwrap();
        assert_eq!(found, expected, "{product}");
    }
}

#[test]
fn what_is_no_bundle_and_in_none_has_none_and_is_not_missing() {
    let found = answer("", |request| request.product_id = "lone".to_owned()).unwrap();
    assert_eq!((ids(&found), found.product_missing), (vec![], false));
    let unknown = answer("", |request| request.product_id = "nobody".to_owned()).unwrap();
    assert_eq!((ids(&unknown), unknown.product_missing), (vec![], true));
    assert_eq!(unknown.data_version, found.data_version);
    assert_eq!(found.data_version.unwrap().snapshot_id, "5eed");
}

#[test]
fn a_sold_out_selection_is_followed_by_its_substitute_which_never_counts() {
    let sold_out = "$ body out_of_stock\n $ y out_of_stock\n $ z low_stock";
    let found = kit(sold_out);
    let mut body = component("body", 1.0, true);
    body.availability = Availability::OutOfStock.into();
    let mut other = component("z", 1.0, false);
    other.availability = Availability::LowStock.into();
    other.substitute_for_product_id = "body".to_owned();
    assert_eq!(found.options[0].selections, [body, other]);
    assert_eq!((found.sellable, found.sellable_quantity), (false, Some(0)));
    assert_eq!(found.components_price_minor_units, Some(750), "of what the kit holds");
    // Nobody can buy it, so that it comes only where it is asked for.
    let answer = answer(sold_out, |_| {}).unwrap();
    assert_eq!((ids(&answer), answer.product_missing), (vec![], false));
}

#[test]
fn a_choice_and_an_optional_part_may_be_sold_out() {
    assert!(kit("$ lens-b out_of_stock").sellable, "lens-a is left");
    assert!(kit("$ bag out_of_stock").sellable);
    assert!(kit("$ bag x1").sellable);
    assert!(!kit("$ lens-a out_of_stock\n $ lens-b out_of_stock").sellable);
    assert!(!kit("$ kit out_of_stock").sellable);
    let few = kit("$ body x0.5");
    assert_eq!((few.sellable, few.sellable_quantity), (false, Some(0)));
    // Not every default part is counted.
    assert_eq!(kit("$ body x4").sellable_quantity, None);
}

#[test]
fn prices_and_stock_are_those_of_the_market_and_inventory() {
    let more = "kit price.us 900\n $ body out_of_stock @store\n $ lens-b 240";
    assert_eq!(kit(more).components_price_minor_units, Some(740), "a feed's price counts");
    let abroad = answer(more, |request| {
        request.context.get_or_insert_default().market_id = "us".to_owned();
    });
    let [abroad] = <[_; 1]>::try_from(abroad.unwrap().bundles).unwrap();
    let prices = (abroad.price_minor_units, abroad.components_price_minor_units);
    assert_eq!((prices, &*abroad.currency_code), ((Some(900), None), "USD"));
    let in_store = |request: &mut pb::GetBundlesRequest| {
        request.context.get_or_insert_default().inventory_id = "store".to_owned();
    };
    assert_eq!(ids(&answer(more, in_store).unwrap()), [""; 0]);
    // Without any price there is no currency.
    let bare = World::parse("k holds b 1 required");
    let found = answers::bundles(&present(&bare), &asking("k")).unwrap();
    let found = &found.bundles[0];
    let prices = (found.price_minor_units, found.components_price_minor_units);
    assert_eq!((prices, &*found.currency_code), ((None, None), ""));
}

#[test]
fn a_blocked_bundle_is_not_shown_for_as_long_as_the_answer_says() {
    let blocked = answer("$ kit blocked until=2000", |request| request.include_unsellable = true);
    let blocked = blocked.unwrap();
    assert_eq!(ids(&blocked), [""; 0]);
    let until = blocked.data_version.unwrap().valid_until_time;
    assert_eq!(until, Some(Timestamp { seconds: 2_000, nanos: 0 }));
    const { assert!(NOW_S < 2_000) };
    let later = answer("$ kit blocked until=2000", |request| {
        let at = Timestamp { seconds: 2_000, nanos: 0 };
        request.context.get_or_insert_default().as_of_time = Some(at);
    });
    assert_eq!(ids(&later.unwrap()), ["kit"]);
}

#[test]
fn bundles_come_by_id_and_at_most_so_many() {
    let many = (0..BUNDLES_MAX + 5).rev().map(|number| format!("b{number:02} holds part 1"));
    let world = World::parse(&many.collect::<Vec<_>>().join("\n"));
    let expected = (0..BUNDLES_MAX).map(|number| format!("b{number:02}")).collect::<Vec<_>>();
    let most = i32::try_from(BUNDLES_MAX).unwrap();
    for (asked, count) in [(0, 3), (1, 1), (4, 4), (most, 20), (most + 1, 20), (i32::MAX, 20)] {
        let request = pb::GetBundlesRequest { max_results: asked, ..asking("part") };
        let found = answers::bundles(&present(&world), &request).unwrap();
        assert_eq!(ids(&found), expected[..count], "{asked}");
    }
}

#[test]
fn a_refusal_names_every_wrong_field() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut pb::GetBundlesRequest), expected: &[&str]) {
        check_fields(answer("", change).map(drop), expected);
    }
    let position =
        |source_id: &str| pb::FeedPosition { source_id: source_id.to_owned(), ..<_>::default() };
    check(|_| {}, &[]);
    check(|request| request.product_id.clear(), &["product_id"]);
    check(|request| request.product_id = "x".repeat(129), &["product_id"]);
    check(|request| request.product_id = "x".repeat(128), &[]);
    check(|request| request.max_results = -1, &["max_results"]);
    check(|request| request.min_availability = vec![position("erp"); FEEDS_MAX], &[]);
    let too_many = vec![position("erp"); FEEDS_MAX + 1];
    check(|request| request.min_availability = too_many, &["min_availability"]);
    let nameless = vec![position("erp"), position("")];
    check(|request| request.min_availability = nameless, &["min_availability[1].source_id"]);
    let all = |request: &mut pb::GetBundlesRequest| {
        *request = pb::GetBundlesRequest { max_results: i32::MIN, ..<_>::default() };
        let context = request.context.get_or_insert_default();
        context.stage = 6;
        (context.market_id, context.inventory_id) = ("mars".to_owned(), "moon".to_owned());
    };
    let wrong =
        ["product_id", "context.stage", "context.market_id", "context.inventory_id", "max_results"];
    check(all, &wrong);
    let Err(Refusal::Invalid(violations)) = answer("", all) else { panic!("it is refused") };
    assert_eq!(violations[2].reason, Reason::MarketNotFound);
    assert_eq!(violations[3].reason, Reason::InventoryNotFound);
}

#[test]
fn another_snapshot_or_stock_that_is_behind_is_refused() {
    let pinned = |snapshot_id: &str| {
        answer("", |request| request.snapshot_id = snapshot_id.to_owned()).map(drop)
    };
    assert_eq!(pinned("5eed"), Ok(()));
    let (asked, active) = ("01d".to_owned(), "5eed".to_owned());
    assert_eq!(pinned("01d"), Err(Refusal::SnapshotNotActive { asked, active }));
    let mut world = world("");
    feed(&mut world, &[("erp", 7, 0)]);
    let waiting = |sequence: u64| {
        let position = pb::FeedPosition { source_id: "erp".to_owned(), sequence, ..<_>::default() };
        let request = pb::GetBundlesRequest { min_availability: vec![position], ..asking("kit") };
        answers::bundles(&present(&world), &request).map(drop)
    };
    assert_eq!(waiting(7), Ok(()));
    let lag = Lag { source_id: "erp".to_owned(), asked: 8, applied: 7 };
    assert_eq!(waiting(8), Err(Refusal::Behind(vec![lag])));
}
