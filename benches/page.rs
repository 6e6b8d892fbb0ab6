//! What a page costs: 4 slots of 10 results at 1,000,000 products with 30 relations each, with live
//! stock (a fifth is sold out) and a filter on brands, request struct to encoded reply.
//!
//! A product has 10 relations of each of three types. Three slots ask for one type each and the
//! fourth for all three, so with one seed every slot walks to the end of its lists. Products are
//! asked for in an order that no cache can guess. Beside criterion's figures each case prints the
//! median and the 99th percentile of single calls.

#![expect(clippy::unwrap_used, reason = "a setup that fails must end the run")]
#![expect(clippy::print_stdout, reason = "criterion has no percentiles of single calls")]

use std::{hint::black_box, sync::Arc, time::Instant};

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use kindred::{
    pb::{
        BatchGetRecommendationsRequest, BatchGetRecommendationsResponse, GetRecommendationsRequest,
        RelationType,
    },
    service::{batch_get_recommendations, get_recommendations},
    snapshot::Moment,
    store::Store,
};
use prost::Message as _;

#[path = "support/requests.rs"]
mod requests;
#[path = "support/sold_out.rs"]
mod sold_out;
#[path = "support/mod.rs"]
mod support;
#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

const PRODUCTS: u32 = 1_000_000;
const RELATIONS_PER_TYPE: u32 = 10;
/// Calls timed one by one.
const SINGLE_CALLS: usize = 20_000;

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
    let stock = sold_out::view(&store, &snapshot, PRODUCTS, synthetic::id);
    let moment = Moment { snapshot: Arc::new(snapshot), stock };
    let mut ids = (0..PRODUCTS).map(synthetic::id).collect::<Vec<_>>();
    support::Random(2).shuffle(&mut ids);
    let with_seeds = |count: usize| ids.chunks_exact(count).take(SINGLE_CALLS).map(requests::page);

    let bare = |ids: &[String]| GetRecommendationsRequest {
        lookup: requests::spec(&[RelationType::CrossSell], requests::PAGE_RESULTS, None),
        seeds: requests::seeds(ids),
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
