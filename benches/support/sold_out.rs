//! Live stock in which every fifth product is sold out, over a catalog of any size.

use std::sync::{Arc, mpsc};

use kindred::{
    index::{Catalog, Role},
    pb::Availability,
    snapshot::Snapshot,
    stock::{Stock, StockView, UpdateDraft},
    store::Store,
};

/// Is the product sold out? In an order unlike that of ids.
pub(crate) fn is_sold_out(product: u32) -> bool {
    product.wrapping_mul(2_654_435_761) >> 16 & 0xff < 51
}

/// A view over the snapshot's catalog of so many products in which every fifth is sold out, fed as a
/// warehouse feeds it.
pub(crate) fn view(
    store: &Store,
    snapshot: &Snapshot,
    products: u32,
    id: impl Fn(u32) -> String,
) -> Arc<StockView> {
    let (views, shown) = mpsc::channel();
    let publisher = move |view: &Arc<StockView>| views.send(Arc::clone(view)).unwrap();
    let (stock, writer) = Stock::in_memory(publisher).unwrap();
    let blob = snapshot.manifest().blob(Role::Catalog).unwrap();
    let catalog = Arc::new(Catalog::open(&store.blob_path(blob), Some(blob.hash)).unwrap());
    stock.attach(catalog, Box::new(drop)).unwrap();
    let mut feed = stock.replace("warehouse".to_owned(), 1).unwrap();
    let reading = |product: u32| UpdateDraft {
        product_id: id(product),
        availability: Availability::OutOfStock.into(),
        event_us: Some(1_700_000_000_000_000),
        ..UpdateDraft::default()
    };
    let is_out = |product: &u32| is_sold_out(*product);
    feed.push((0..products).filter(is_out).map(reading).collect()).unwrap();
    feed.commit(Box::new(|done| assert_eq!(done.map(|done| done.rejected_count), Ok(0))));
    stock.stop();
    writer.join().unwrap();
    shown.try_iter().last().unwrap()
}
