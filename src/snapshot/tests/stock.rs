//! Goal: a request never sees stock of another catalog than its snapshot's, and no update is lost
//! between two snapshots. Method: the stock's own writer under a watcher.

use std::sync::{Arc, mpsc};

use super::{
    NEVER, expect, live,
    shop::{Done, Shop},
    unmapped,
};
use crate::{
    index::Ordinal,
    model::relation::Availability,
    stock::{Stock, StockError, UpdateDraft},
};

/// Says that the product `target` is in this state, and waits until that counts.
fn say(stock: &Stock, sequence: u64, availability: Availability) -> Result<u32, StockError> {
    let update = UpdateDraft {
        product_id: "target".to_owned(),
        availability: availability as i32,
        event_us: Some(i64::try_from(sequence).unwrap()),
        ..UpdateDraft::default()
    };
    let (reply, done) = mpsc::channel();
    let reply = move |done| reply.send(done).unwrap();
    stock.batch("erp".to_owned(), sequence, vec![update], Box::new(reply));
    // A callback that is dropped: the writer has ended.
    done.recv().unwrap_or(Err(StockError::Closed)).map(|done| done.applied)
}

/// What the present moment says of the product `target`, which is the later one of two.
fn said(shop: &Shop) -> Option<Availability> {
    let moment = shop.live.load().unwrap();
    let view = moment.snapshot.catalog().view();
    assert_eq!(moment.stock.catalog(), Some(moment.snapshot.catalog().blob().hash()));
    moment.stock.reading(view.find("target").unwrap(), 0)
}

#[test]
fn each_batch_is_seen_beside_the_snapshot_that_is_live() {
    let shop = Shop::new();
    assert_eq!(say(&shop.stock, 1, Availability::InStock), Err(StockError::NoCatalog));
    shop.publish("a");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    assert_eq!(said(&shop), None);
    assert_eq!(say(&shop.stock, 1, Availability::OutOfStock), Ok(1));
    assert_eq!(said(&shop), Some(Availability::OutOfStock));
    let before = shop.live.load().unwrap();
    assert_eq!(say(&shop.stock, 2, Availability::LowStock), Ok(1));
    let after = shop.live.load().unwrap();
    assert!(Arc::ptr_eq(&before.snapshot, &after.snapshot));
    assert_eq!(before.stock.reading(Ordinal(1), 0), Some(Availability::OutOfStock));
    assert_eq!(after.stock.reading(Ordinal(1), 0), Some(Availability::LowStock));
}

#[test]
fn stock_follows_its_products_into_the_next_catalog() {
    let shop = Shop::new();
    let first = shop.publish("a");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    assert_eq!(say(&shop.stock, 1, Availability::OutOfStock), Ok(1));
    // A batch that was in a reader's hand keeps its pair mapped.
    let reader = shop.live.load().unwrap();
    assert_eq!(say(&shop.stock, 2, Availability::Backorder), Ok(1));
    // In the next catalog its ordinal is another one: `z` stands behind it, not before.
    shop.publish("z");
    expect(&events, live("target"));
    assert_eq!(said(&shop), Some(Availability::Backorder));
    let moment = shop.live.load().unwrap();
    let other = moment.snapshot.catalog().view().find("z").unwrap();
    assert_eq!(moment.stock.reading(other, 0), None);
    assert_eq!(reader.stock.reading(Ordinal(1), 0), Some(Availability::OutOfStock));
    drop(reader);
    expect(&events, unmapped(&first));
}

#[test]
fn nothing_goes_live_without_the_writer() {
    let shop = Shop::new();
    shop.publish("a");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    shop.stock.stop();
    assert_eq!(say(&shop.stock, 1, Availability::InStock), Err(StockError::Closed));
    let second = shop.publish("b");
    expect(&events, Done::Refused(second.number, "STOCK".to_owned()));
    assert_eq!(shop.live_id(), "a");
}
