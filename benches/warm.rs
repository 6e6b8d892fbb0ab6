//! What a server does to those it answers while its catalog is swapped and while stock is fed:
//! `cargo bench --bench warm`, or `-- --products 10000000 --cycles 10 --seconds 10`.

#![expect(clippy::unwrap_used, reason = "a setup that fails must end the run")]
#![expect(clippy::print_stdout, reason = "it prints a table")]
#![expect(clippy::cast_precision_loss, reason = "figures have three digits")]

use std::{env, fs::File, path::Path, sync::Arc};

use kindred::{
    index::{Catalog, IndexError, Role},
    load::Asked,
    pb,
    store::{BlobRef, MAIN_TRACK, Note, Publish, Store},
};

#[path = "support/rigs.rs"]
mod rigs;
#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use rigs::{Calls, Paired, Served};

/// Products that are asked about, at most.
const ASKED_MAX: u32 = 200_000;

fn main() {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let number = |name: &str, unsaid: u32, of_test: u32| {
        let place = arguments.iter().position(|argument| argument == name);
        let said = place.and_then(|place| arguments.get(place + 1));
        said.map_or(if is_test { of_test } else { unsaid }, |text| text.parse().unwrap())
    };
    let products = number("--products", 1_000_000, 2_000);
    let cycles = usize::try_from(number("--cycles", 10, 1)).unwrap();
    let seconds = number("--seconds", 3, 1);
    let kindred = Path::new(env!("CARGO_BIN_EXE_kindred"));
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Store::create(&dir.path().join("store")).unwrap();
    let catalogs = [10, 9].map(|per_type| {
        catalog(&store, |file, path| synthetic::write(file, path, products, per_type))
    });
    let track = store.track(MAIN_TRACK).unwrap();
    let note = Note {
        actor: "bench".to_owned(),
        reason: "bench".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
    };
    let (blobs, guard) = (&[catalogs[0]], &|_: Option<&_>| Ok(()));
    track.publish(&Publish { blobs, guard, since: None, over_rollback: false, note }).unwrap();
    let asked = Arc::new(asked(products));
    let calls = Calls { per_s: number("--rate", 10_000, 200), seconds, cycles };

    let server = Served::start(kindred, store.dir(), &dir.path().join("swaps"), &[]);
    let found = rigs::swap_tail(&server, &track, catalogs, &asked, calls);
    print("9", &format!("p99.9 at {}/s during a swap / without", calls.per_s), &found);
    let took = found.swaps.iter().map(|took| took.as_secs_f64()).collect();
    let cut = found.swaps_cut;
    println!("      seconds from manifest to answer {}; {cut} longer than measured", spread(took));
    drop(server);

    let calls = Calls { per_s: number("--lookups", 5_000, 200), ..calls };
    let updates = number("--updates", 100_000, 2_000);
    let server = Served::start(kindred, store.dir(), &dir.path().join("stock"), &[]);
    let found = rigs::stock_feed(&server, &asked, calls, updates, 1_000);
    print("12", &format!("p99 at {}/s with {updates} updates/s / without", calls.per_s), &found);
    println!("      updates acknowledged a second {}", spread(found.acked_per_s.clone()));
}

fn print(goal: &str, what: &str, found: &Paired) {
    let Paired { ratios, pairs_us, failed, .. } = found;
    println!("{goal:<5} {what}: {}, {failed} failed", spread(ratios.clone()));
    println!("      us {pairs_us:?}");
}

/// The median and the quartiles.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |share: usize| values[(values.len() - 1) * share / 4];
    format!("{:.2} ({:.2} to {:.2})", at(2), at(1), at(3))
}

fn catalog(store: &Store, write: impl FnOnce(File, &Path) -> Result<(), IndexError>) -> BlobRef {
    let staged = store.stage(Role::Catalog).unwrap();
    write(staged.file().try_clone().unwrap(), staged.path()).unwrap();
    let (hash, size_bytes) = {
        let catalog = Catalog::open(staged.path(), None).unwrap();
        (catalog.blob().hash(), catalog.blob().size_bytes())
    };
    staged.commit(hash, size_bytes).unwrap()
}

/// Cross-sells of products from all over the catalog.
fn asked(products: u32) -> Asked {
    let count = products.min(ASKED_MAX);
    let ids = (0..count).map(|number| synthetic::id(products / count * number)).collect();
    let lookup =
        pb::LookupSpec { relation_types: vec![1, 4], max_results: 20, ..Default::default() };
    let request = pb::GetRecommendationsRequest { lookup: Some(lookup), ..Default::default() };
    Asked::products(vec![request], ids, 1).unwrap()
}
