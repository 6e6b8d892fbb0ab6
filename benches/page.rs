//! What a page costs: 4 slots of 10 results at 1,000,000 products with 30 relations each, with live
//! stock (a fifth is sold out) and a filter on brands, request struct to encoded reply.
//!
//! A product has 10 relations of each of three types. Three slots ask for one type each and the
//! fourth for all three, so with one seed every slot walks to the end of its lists. Products are
//! asked for in an order that no cache can guess. Beside criterion's figures each case prints the
//! median and the 99th percentile of single calls.

#![expect(clippy::unwrap_used, reason = "a setup that fails must end the run")]
#![expect(clippy::print_stdout, reason = "criterion has no percentiles of single calls")]

use std::{
    hint::black_box,
    sync::{Arc, mpsc},
    time::Instant,
};

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use kindred::{
    index::{Catalog, Role},
    pb::{
        Availability, BatchGetRecommendationsRequest, BatchGetRecommendationsResponse, Filter,
        GetRecommendationsRequest, LookupSpec, RelationType, Seed, SeedMatch, Slot, seed::Target,
    },
    service::{batch_get_recommendations, get_recommendations},
    snapshot::{Moment, Snapshot},
    stock::{Stock, StockView, UpdateDraft},
    store::Store,
};
use prost::Message as _;

#[path = "support/mod.rs"]
mod support;
#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

const PRODUCTS: u32 = 1_000_000;
const RELATIONS_PER_TYPE: u32 = 10;
const RESULTS: i32 = 10;
/// Calls timed one by one.
const SINGLE_CALLS: usize = 20_000;
const TYPES: [RelationType; 3] =
    [RelationType::CrossSell, RelationType::Alternative, RelationType::Related];

/// A view over the snapshot's catalog in which every fifth product is sold out.
fn sold_out(store: &Store, snapshot: &Snapshot) -> Arc<StockView> {
    let (views, shown) = mpsc::channel();
    let publisher = move |view: &Arc<StockView>| views.send(Arc::clone(view)).unwrap();
    let (stock, writer) = Stock::in_memory(publisher).unwrap();
    let blob = snapshot.manifest().blob(Role::Catalog).unwrap();
    let catalog = Arc::new(Catalog::open(&store.blob_path(blob), Some(blob.hash)).unwrap());
    stock.attach(catalog, Box::new(drop)).unwrap();
    let mut feed = stock.replace("warehouse".to_owned(), 1).unwrap();
    let reading = |product: u32| UpdateDraft {
        product_id: synthetic::id(product),
        availability: Availability::OutOfStock.into(),
        event_us: Some(1_700_000_000_000_000),
        ..UpdateDraft::default()
    };
    // In an order unlike that of ids.
    let is_out = |product: &u32| product.wrapping_mul(2_654_435_761) >> 16 & 0xff < 51;
    feed.push((0..PRODUCTS).filter(is_out).map(reading).collect()).unwrap();
    feed.commit(Box::new(|done| assert_eq!(done.map(|done| done.rejected_count), Ok(0))));
    stock.stop();
    writer.join().unwrap();
    shown.try_iter().last().unwrap()
}

fn spec(types: &[RelationType], filter: Option<Filter>) -> Option<LookupSpec> {
    let relation_types = types.iter().map(|one| i32::from(*one)).collect();
    Some(LookupSpec { relation_types, max_results: RESULTS, filter, ..LookupSpec::default() })
}

fn seeds(ids: &[String]) -> Vec<Seed> {
    let seed = |id: &String| Seed { target: Some(Target::ProductId(id.clone())), quantity: 1.0 };
    ids.iter().map(seed).collect()
}

fn page(ids: &[String]) -> BatchGetRecommendationsRequest {
    let other_brands = Filter { brand: SeedMatch::Different.into(), ..Filter::default() };
    let slot = |(slot_id, types): (&str, &[RelationType])| Slot {
        slot_id: slot_id.to_owned(),
        lookup: spec(types, Some(other_brands.clone())),
        ..Slot::default()
    };
    let slots = [("a", &TYPES[..1]), ("b", &TYPES[1..2]), ("c", &TYPES[2..]), ("d", &TYPES[..])];
    BatchGetRecommendationsRequest {
        slots: slots.map(slot).into(),
        seeds: seeds(ids),
        ..BatchGetRecommendationsRequest::default()
    }
}

/// Times one call after another, each with the next request.
fn time<Request>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    requests: &[Request],
    call: impl Fn(&Request) -> usize,
) {
    let mut asked = requests.iter().cycle();
    let mut nanos = Vec::with_capacity(SINGLE_CALLS);
    for _ in 0..SINGLE_CALLS {
        let request = asked.next().unwrap();
        let start = Instant::now();
        black_box(call(request));
        nanos.push(start.elapsed().as_nanos());
    }
    nanos.sort_unstable();
    let (p50, p99) = (nanos[SINGLE_CALLS / 2], nanos[SINGLE_CALLS * 99 / 100]);
    println!("page/{name}: p50 {p50} ns, p99 {p99} ns of {SINGLE_CALLS} single calls");
    group.bench_function(name, |bencher| bencher.iter(|| call(asked.next().unwrap())));
}

fn pages(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let snapshot = support::publish(&store, |file, path| {
        synthetic::write(file, path, PRODUCTS, RELATIONS_PER_TYPE)
    });
    let stock = sold_out(&store, &snapshot);
    let moment = Moment { snapshot: Arc::new(snapshot), stock };
    let mut ids = (0..PRODUCTS).map(synthetic::id).collect::<Vec<_>>();
    support::Random(2).shuffle(&mut ids);
    let with_seeds = |count: usize| ids.chunks_exact(count).take(SINGLE_CALLS).map(page);

    let bare = |ids: &[String]| GetRecommendationsRequest {
        lookup: spec(&TYPES[..1], None),
        seeds: seeds(ids),
        ..GetRecommendationsRequest::default()
    };
    let bare = ids.chunks_exact(1).take(SINGLE_CALLS).map(bare).collect::<Vec<_>>();
    let (one, ten) = (with_seeds(1).collect::<Vec<_>>(), with_seeds(10).collect::<Vec<_>>());
    let results = |page: &BatchGetRecommendationsRequest| {
        let reply = batch_get_recommendations(&moment, page).unwrap();
        let page = BatchGetRecommendationsResponse::decode(reply.message()).unwrap();
        assert!(page.results.iter().all(|slot| slot.error.is_none()));
        page.results.iter().map(|slot| slot.recommendations.len()).collect::<Vec<_>>()
    };
    assert_eq!(results(&ten[0]), [10, 10, 10, 10]);
    // An eighth of its relations each: what is in stock and of another brand.
    assert!(results(&one[0]).iter().take(3).all(|found| *found > 4), "{:?}", results(&one[0]));

    let mut group = criterion.benchmark_group("page");
    time(&mut group, "bare/1m", &bare, |request| {
        get_recommendations(&moment, request).unwrap().into_frame().len()
    });
    for (name, requests) in [("one_seed/1m", &one), ("ten_seeds/1m", &ten)] {
        time(&mut group, name, requests, |request| {
            batch_get_recommendations(&moment, request).unwrap().into_frame().len()
        });
    }
    group.finish();
}

criterion_group!(benches, pages);
criterion_main!(benches);
