//! What live stock costs at 1,000,000 readings of as many products: a batch of 1,000 updates, durable
//! and visible when it is acknowledged, and a checkpoint of everything, during which the writer takes
//! nothing else.

#![expect(clippy::unwrap_used, reason = "a setup that fails must end the run")]

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kindred::{
    index::{Catalog, Role},
    pb::Availability,
    stock::{Stock, StockOptions, StockView, UpdateDraft},
    store::Store,
};

#[path = "support/mod.rs"]
mod support;
#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

const PRODUCTS: u32 = 1_000_000;
const BATCH: usize = 1_000;
const SOURCE: &str = "warehouse";
/// In microseconds since 1970.
const START_US: i64 = 1_700_000_000_000_000;

/// Calls the writer and waits for its answer.
fn wait<T: Send + 'static, E: std::fmt::Debug + Send + 'static>(
    call: impl FnOnce(Box<dyn FnOnce(Result<T, E>) + Send>),
) -> T {
    let (done, answer) = mpsc::sync_channel(1);
    call(Box::new(move |result| done.send(result).unwrap()));
    answer.recv().unwrap().unwrap()
}

fn reading(product: u32, number: i64) -> UpdateDraft {
    let state = if number % 2 == 0 { Availability::OutOfStock } else { Availability::InStock };
    UpdateDraft {
        product_id: synthetic::id(product),
        availability: state.into(),
        quantity: Some(f64::from(product % 50)),
        event_us: Some(START_US + number),
        ..UpdateDraft::default()
    }
}

fn stock(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let snapshot = support::publish(&store, |file, path| synthetic::write(file, path, PRODUCTS, 1));
    let blob = snapshot.manifest().blob(Role::Catalog).unwrap();
    let catalog = Arc::new(Catalog::open(&store.blob_path(blob), Some(blob.hash)).unwrap());
    let state = dir.path().join("state");
    let publisher = |_: &Arc<StockView>| {};
    // No checkpoint comes by itself, so that batches are timed alone.
    let options = StockOptions { checkpoint_bytes: u64::MAX, ..StockOptions::default() };
    let (stock, writer) = Stock::open(&state, options, publisher).unwrap();
    stock.attach(catalog, Box::new(drop)).unwrap();
    let mut random = support::Random(3);
    let mut feed = stock.replace(SOURCE.to_owned(), 1).unwrap();
    // A warehouse does not know the order of the catalog.
    let mut products = (0..PRODUCTS).collect::<Vec<_>>();
    random.shuffle(&mut products);
    feed.push(products.iter().map(|product| reading(*product, 0)).collect()).unwrap();
    let done = wait(|reply| feed.commit(reply));
    assert_eq!(done.applied, u64::from(PRODUCTS));

    let mut sequence = 1;
    let mut group = criterion.benchmark_group("stock");
    group.sample_size(20).throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("batch_of_1000/1m", |bencher| {
        bencher.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                sequence += 1;
                let number = i64::try_from(sequence).unwrap();
                let products = (0..BATCH).map(|_| random.below(PRODUCTS));
                let updates = products.map(|product| reading(product, number)).collect();
                let start = Instant::now();
                wait(|reply| stock.batch(SOURCE.to_owned(), sequence, updates, reply));
                spent += start.elapsed();
            }
            spent
        });
    });
    group.sample_size(10).throughput(Throughput::Elements(u64::from(PRODUCTS)));
    group.bench_function("checkpoint/1m", |bencher| {
        bencher.iter(|| wait(|reply| stock.checkpoint(reply)));
    });
    group.finish();
    stock.stop();
    writer.join().unwrap();
}

criterion_group!(benches, stock);
criterion_main!(benches);
