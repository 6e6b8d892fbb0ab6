//! What live stock costs at 1,000,000 readings of as many products, and with `KINDRED_FULL` at
//! 10,000,000: a batch of updates, durable and visible when it is acknowledged, and a checkpoint of
//! everything, during which the writer takes nothing else.

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

const BATCHES: [usize; 2] = [10, 1_000];
/// Readings of one message of the first feed.
const MESSAGE: usize = 10_000;
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
    at(criterion, 1_000_000, "1m");
    if std::env::var_os("KINDRED_FULL").is_some() {
        at(criterion, 10_000_000, "10m");
    }
}

fn at(criterion: &mut Criterion, products: u32, size: &str) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let snapshot = support::publish(&store, |file, path| synthetic::write(file, path, products, 1));
    let blob = snapshot.manifest().blob(Role::Catalog).unwrap();
    let catalog = Arc::new(Catalog::open(&store.blob_path(blob), Some(blob.hash)).unwrap());
    let state = dir.path().join("state");
    let publisher = |_: &Arc<StockView>| {};
    // No checkpoint comes by itself, so that batches are timed alone.
    let options = StockOptions { checkpoint_bytes: u64::MAX, ..StockOptions::default() };
    let (stock, writer) = Stock::open(&state, options, publisher).unwrap();
    stock.attach(catalog, Box::new(drop)).unwrap();
    let mut random = support::Random(3);
    // A warehouse does not know the order of the catalog.
    let mut order = (0..products).collect::<Vec<_>>();
    random.shuffle(&mut order);
    let mut sequence = 0;
    for part in order.chunks(MESSAGE) {
        sequence += 1;
        let updates = part.iter().map(|product| reading(*product, 0)).collect();
        wait(|reply| stock.batch(SOURCE.to_owned(), sequence, updates, reply));
    }
    wait(|reply| stock.checkpoint(reply));

    let mut group = criterion.benchmark_group("stock");
    for batch in BATCHES {
        group.sample_size(20).throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("batch_of_{batch}/{size}"), |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    sequence += 1;
                    let number = i64::try_from(sequence).unwrap();
                    let updates = (0..batch).map(|_| reading(random.below(products), number));
                    let updates = updates.collect();
                    let start = Instant::now();
                    wait(|reply| stock.batch(SOURCE.to_owned(), sequence, updates, reply));
                    spent += start.elapsed();
                }
                spent
            });
        });
    }
    group.sample_size(10).throughput(Throughput::Elements(u64::from(products)));
    group.bench_function(format!("checkpoint/{size}"), |bencher| {
        bencher.iter(|| wait(|reply| stock.checkpoint(reply)));
    });
    group.finish();
    stock.stop();
    writer.join().unwrap();
}

criterion_group!(benches, stock);
criterion_main!(benches);
