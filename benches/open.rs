//! How long it takes to open and verify a catalog of 100,000 products with 30 relations each: what
//! a server does before it swaps. `cargo bench --bench open`.

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::{fs::File, hint::black_box, path::Path};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kindred::index::{Catalog, Ordinal, UnverifiedBlob};

const PRODUCTS: u32 = 100_000;

fn open(path: &Path) -> Catalog {
    Catalog::open(path, None).expect("what was written opens")
}

fn bench(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("catalog");
    let file = File::create_new(&path).expect("an empty file");
    synthetic::write(file, &path, PRODUCTS, 10).expect("it is written");
    check(&open(&path));

    let mut group = criterion.benchmark_group("open");
    group.throughput(Throughput::Bytes(open(&path).blob().size_bytes())).sample_size(20);
    group.bench_function("checksums/100k x 30", |bencher| {
        bencher.iter(|| UnverifiedBlob::open(&path).and_then(|blob| blob.verify(None)));
    });
    group.bench_function("verify/100k x 30", |bencher| bencher.iter(|| black_box(open(&path))));
    group.finish();
}

/// The catalog is the one that was meant.
fn check(catalog: &Catalog) {
    let view = catalog.view();
    assert_eq!(view.meta().relation_count.to_native(), u64::from(PRODUCTS) * 30);
    let last = PRODUCTS - 1;
    assert_eq!(view.find(&synthetic::id(last)), Some(Ordinal(last)));
    let targets = view.block(Ordinal(last)).runs().flat_map(|run| run.edges());
    let expected = (0..30).map(|relation| synthetic::target(PRODUCTS, last, relation));
    assert!(targets.map(|edge| edge.target.get()).eq(expected));
}

criterion_group!(benches, bench);
criterion_main!(benches);
