//! Goal: a bad update is refused by its index with what was expected, and the others pass. Method:
//! one draft that is right, edited.

use super::{
    rig::{Rig, S},
    shop::shop,
};
use crate::{
    model::limits::{
        BLOCK_TEXT_BYTES_MAX, BLOCKS_PER_CALL_MAX, FUTURE_SKEW_S, ID_BYTES_MAX, MARKETS_MAX,
        PRICE_MAX, REPLACE_UPDATES_MAX, SEQUENCE_MAX, UPDATES_PER_BATCH_MAX,
    },
    stock::{BlockDraft, StockError, UpdateDraft, check, entry::Update},
};

const NOW_S: i64 = 1_000;

fn right() -> UpdateDraft {
    UpdateDraft {
        product_id: "a".to_owned(),
        inventory_id: "east".to_owned(),
        availability: 5,
        quantity: Some(2.0),
        price: Some(100),
        currency_code: "USD".to_owned(),
        market_id: "us".to_owned(),
        event_us: Some(NOW_S * S),
    }
}

fn checked(edit: impl FnOnce(&mut UpdateDraft)) -> Result<Update, String> {
    let mut draft = right();
    edit(&mut draft);
    let rig = Rig::new(&shop("a"));
    // A right one before it, so that the index says something.
    let drafts = vec![right(), draft, right()];
    let mut checked = check::updates(drafts, &rig.projection.places, NOW_S);
    match checked.rejected.as_slice() {
        [] => Ok(checked.updates.remove(1)),
        [rejected] => {
            assert_eq!((checked.updates.len(), rejected.index), (2, 1));
            assert!(checked.rejected_products.iter().all(|id| id == "a"));
            Err(rejected.reason.clone())
        }
        more => panic!("{more:?}"),
    }
}

#[track_caller]
fn refused(edit: impl FnOnce(&mut UpdateDraft), reason: &str) {
    let error = checked(edit).unwrap_err();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn a_right_update_passes_with_every_field() {
    let update = checked(|_| {}).unwrap();
    assert_eq!((update.product.as_str(), update.inventory.as_str()), ("a", "east"));
    assert_eq!((update.availability.map(|s| s as u8), update.quantity), (Some(5), Some(2.0)));
    let price = update.price.unwrap();
    assert_eq!((price.price, price.currency.code(), price.market.as_str()), (100, "USD", "us"));
    assert_eq!(update.event_us, NOW_S * S);
}

#[test]
fn what_is_absent_stays_absent() {
    let update = checked(|draft| {
        (draft.availability, draft.price, draft.quantity) = (0, None, Some(-0.0));
        draft.inventory_id.clear();
        // Without a price nobody looks at these.
        draft.currency_code = "XXX".to_owned();
        draft.market_id = "mars".to_owned();
    });
    let update = update.unwrap();
    assert_eq!((update.availability, update.price), (None, None));
    assert!(update.quantity.unwrap().is_sign_positive());
}

#[test]
fn each_wrong_field_is_refused_by_name() {
    refused(|draft| draft.product_id.clear(), "product_id: the id is empty");
    refused(|draft| draft.product_id = "x".repeat(ID_BYTES_MAX + 1), "product_id: the id has 129");
    refused(|draft| draft.inventory_id = "moon".to_owned(), "inventory \"moon\" is unknown");
    refused(|draft| draft.market_id = "mars".to_owned(), "market \"mars\" is unknown");
    refused(|draft| draft.currency_code = "EUR".to_owned(), "expected USD in market `us`");
    refused(|draft| draft.currency_code.clear(), "expected USD in market `us`, found \"\"");
    refused(|draft| draft.market_id.clear(), "expected EUR in market `eu`, found \"USD\"");
    refused(|draft| draft.price = Some(-1), "price_minor_units: expected 0 to");
    refused(|draft| draft.price = Some(PRICE_MAX + 1), "price_minor_units: expected 0 to");
    for quantity in [-0.5, f64::NAN, f64::INFINITY] {
        refused(|draft| draft.quantity = Some(quantity), "available_quantity: expected a number");
    }
    for state in [7, -1, i32::MAX] {
        refused(|draft| draft.availability = state, "is unknown");
    }
    refused(|draft| draft.event_us = None, "event_time: required");
    refused(|draft| draft.event_us = Some(-1), "after 1970");
    let late = (NOW_S + FUTURE_SKEW_S) * S + 1;
    refused(|draft| draft.event_us = Some(late), "more than 600 s in the future");
    refused(
        |draft| (draft.availability, draft.quantity, draft.price) = (0, None, None),
        "expected an availability, a quantity or a price",
    );
}

#[test]
fn values_at_their_limits_pass() {
    checked(|draft| draft.product_id = "x".repeat(ID_BYTES_MAX)).unwrap();
    checked(|draft| draft.price = Some(PRICE_MAX)).unwrap();
    checked(|draft| draft.price = Some(0)).unwrap();
    checked(|draft| draft.event_us = Some((NOW_S + FUTURE_SKEW_S) * S)).unwrap();
    checked(|draft| draft.event_us = Some(0)).unwrap();
    for state in 1..=6 {
        checked(|draft| draft.availability = state).unwrap();
    }
}

fn field(result: Result<(), StockError>) -> Option<String> {
    match result {
        Ok(()) => None,
        Err(StockError::Invalid { field, .. }) => Some(field),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_frame_of_a_batch_is_checked() {
    let updates = |count| vec![UpdateDraft::default(); count];
    let batch =
        |source: &str, sequence, count| field(check::batch(source, sequence, &updates(count)));
    assert_eq!(batch("pos", 1, 1), None);
    assert_eq!(batch("pos", SEQUENCE_MAX, UPDATES_PER_BATCH_MAX), None);
    assert_eq!(batch("pos", 1, UPDATES_PER_BATCH_MAX + 1).as_deref(), Some("updates"));
    assert_eq!(batch("pos", 1, 0).as_deref(), Some("updates"));
    assert_eq!(batch("pos", 0, 1).as_deref(), Some("sequence"));
    assert_eq!(batch("pos", SEQUENCE_MAX + 1, 1).as_deref(), Some("sequence"));
    assert_eq!(batch("", 1, 1).as_deref(), Some("source_id"));
    assert_eq!(batch(&"x".repeat(129), 1, 1).as_deref(), Some("source_id"));
}

#[test]
fn a_resync_may_have_so_many_updates_and_no_more() {
    assert_eq!(check::replace_len(REPLACE_UPDATES_MAX), Ok(()));
    assert_eq!(check::replace_len(REPLACE_UPDATES_MAX + 1), Err(StockError::TooManyUpdates));
}

/// A change to a draft that was right.
type Edit<'e> = &'e dyn Fn(&mut BlockDraft);

#[test]
fn the_frame_of_a_block_is_checked() {
    let right = BlockDraft {
        product_ids: vec!["a".to_owned()],
        reason: "glass".to_owned(),
        expire_s: Some(NOW_S + 1),
        ..BlockDraft::default()
    };
    let block = |edit: Edit<'_>| {
        let mut draft = right.clone();
        edit(&mut draft);
        field(check::block(&draft, NOW_S))
    };
    let ids = |count| vec!["a".to_owned(); count];
    assert_eq!(block(&|_| {}), None);
    assert_eq!(block(&|draft| draft.product_ids = ids(BLOCKS_PER_CALL_MAX)), None);
    assert_eq!(block(&|draft| draft.reason = "x".repeat(BLOCK_TEXT_BYTES_MAX)), None);
    assert_eq!(block(&|draft| draft.market_ids = ids(MARKETS_MAX)), None);
    let wrong: [(&str, Edit<'_>); 8] = [
        ("product_ids", &|draft| draft.product_ids.clear()),
        ("product_ids", &|draft| draft.product_ids = ids(BLOCKS_PER_CALL_MAX + 1)),
        ("product_ids[1]", &|draft| draft.product_ids.push(String::new())),
        ("market_ids", &|draft| draft.market_ids = ids(MARKETS_MAX + 1)),
        ("reason", &|draft| draft.reason.clear()),
        ("reason", &|draft| draft.reason = "x".repeat(BLOCK_TEXT_BYTES_MAX + 1)),
        ("actor", &|draft| draft.actor = "x".repeat(BLOCK_TEXT_BYTES_MAX + 1)),
        ("expire_time", &|draft| draft.expire_s = Some(NOW_S)),
    ];
    for (expected, edit) in wrong {
        assert_eq!(block(edit).as_deref(), Some(expected));
    }
    let places = &Rig::new(&shop("a")).projection.places;
    let markets = ["us", "mars"].map(str::to_owned);
    assert_eq!(field(check::block_markets(&markets, places)).as_deref(), Some("market_ids[1]"));
    assert_eq!(
        field(check::block_markets(&[String::new()], places)).as_deref(),
        Some("market_ids[0]")
    );
    assert_eq!(field(check::block_markets(&markets[..1], places)), None);
}
