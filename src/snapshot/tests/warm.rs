//! Goal: a snapshot comes into memory slowly where that is asked for, on a thread that gives way, and
//! stays there. Method: paces under times that are passed in; what the system says of this thread and
//! of this process's mappings.

use std::{
    fs,
    num::NonZeroU64,
    path::Path,
    sync::{Arc, mpsc::channel},
    thread,
    time::Duration,
};

use super::{
    P1, PATIENCE, is_mapped,
    shop::{Shop, first_id},
};
use crate::{
    index::Role,
    snapshot::{
        Snapshot, WatchOptions,
        load::{self, Errand},
        pace::Pace,
        rounds::{Rounds, touching},
    },
    store::Manifest,
};

#[test]
fn a_pace_lets_no_second_bring_more_than_its_rate() {
    let mib = 1 << 20;
    let mut pace = Pace::new(NonZeroU64::new(4 * mib));
    let quarter = Duration::from_millis(250);
    let at = |quarters: u32| quarter * quarters;
    // The first piece waits for nothing, each one behind it for the time of those before.
    assert_eq!(pace.wait(at(0), mib), at(0));
    assert_eq!(pace.wait(at(0), mib), at(1));
    assert_eq!(pace.wait(at(1), 2 * mib), at(1));
    assert_eq!(pace.wait(at(2), mib), at(2));
    // A time in which nothing was read makes no room for a burst.
    assert_eq!(pace.wait(at(100), mib), at(0));
    assert_eq!(pace.wait(at(100), mib), at(1));
    // Nor does a piece that came a little late.
    let late = Duration::from_millis(100);
    assert_eq!(pace.wait(at(102) + late, mib), at(0));
    assert_eq!(pace.wait(at(103), mib), late);
}

#[test]
fn a_pace_without_a_rate_waits_for_nothing_and_the_slowest_one_overflows_nothing() {
    let mut pace = Pace::new(None);
    for _ in 0..3 {
        assert_eq!(pace.wait(Duration::ZERO, u64::MAX), Duration::ZERO);
    }
    let mut pace = Pace::new(NonZeroU64::new(1));
    assert_eq!(pace.wait(Duration::ZERO, u64::MAX), Duration::ZERO);
    let first = pace.wait(Duration::ZERO, u64::MAX);
    assert_eq!(first, Duration::from_nanos(u64::MAX));
    assert!(pace.wait(Duration::from_secs(1), 1) > first);
}

#[test]
fn loading_tells_of_every_byte_of_what_is_new_before_it_reads_it() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let manifest = shop.publish_blobs(&[catalog, shop.provenance(catalog.hash)]);
    let sizes = manifest.blobs.iter().map(|blob| blob.size_bytes).sum::<u64>();
    let load = |live: Option<&Snapshot>, manifest: &Manifest| {
        let mut told = 0;
        let mut tell = |bytes| {
            told += bytes;
            Ok(())
        };
        let snapshot = Snapshot::load_after(live, &shop.store, manifest, &mut tell).unwrap();
        (snapshot, told)
    };
    let (first, told) = load(None, &manifest);
    assert_eq!(told, sizes);
    // What is live already is not read again.
    let text = shop.text(Role::Policy, P1);
    let [catalog, provenance] = [manifest.blobs[0], manifest.blobs[1]];
    let (_, told) = load(Some(&first), &shop.publish_blobs(&[catalog, provenance, text]));
    assert_eq!(told, text.size_bytes);
}

#[test]
fn a_later_snapshot_is_loaded_on_a_thread_of_the_lowest_priority() {
    let shop = Shop::new();
    let first = shop.publish("a");
    let second = shop.publish("b");
    let options = WatchOptions::default();
    let load = |live: Option<&Snapshot>, manifest| wanted(&shop, manifest, &options).run(live);
    let before = niceness();
    let first = load(None, &first).unwrap();
    let second = load(Some(&first), &second).unwrap();
    assert_eq!([first_id(&first), first_id(&second)], ["a", "b"]);
    assert_eq!(niceness(), before, "whoever asked for it keeps its own");
    let lowered = thread::spawn(|| {
        load::lower_priority();
        niceness()
    });
    assert_eq!(lowered.join().unwrap(), 19);
    assert_eq!(niceness(), before);
}

/// A load that is wanted to its end.
fn wanted<'a>(shop: &'a Shop, manifest: &'a Manifest, options: &'a WatchOptions) -> Errand<'a> {
    Errand { store: &shop.store, manifest, options, check: None, is_wanted: &|| true }
}

/// The niceness of this thread: field 19 of its `stat`, behind a name that may hold blanks.
fn niceness() -> i32 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(16).unwrap().parse().unwrap()
}

#[test]
fn a_catalog_is_locked_and_unlocked_with_its_mapping() {
    let shop = Shop::new();
    let manifest = shop.publish("a");
    let path = shop.store.blob_path(&manifest.blobs[0]);
    let options = WatchOptions { is_locked: true, ..WatchOptions::default() };
    let load = |live: Option<&Snapshot>| wanted(&shop, &manifest, &options).run(live).unwrap();
    assert_eq!(locked_kib(&path), 0);
    let snapshot = load(None);
    let whole_kib = snapshot.catalog().blob().size_bytes().div_ceil(4_096) * 4;
    assert_eq!(locked_kib(&path), whole_kib);
    // A snapshot of the same catalog keeps the lock that is there.
    let same = load(Some(&snapshot));
    drop(snapshot);
    assert_eq!(locked_kib(&path), whole_kib);
    drop(same);
    assert!(!is_mapped(&path));
}

/// What is locked of the mappings of a file.
fn locked_kib(path: &Path) -> u64 {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut is_of_file = false;
    let mut locked = 0;
    for line in maps.lines() {
        // A mapping begins with its addresses; what is said of it is `Name: value`.
        if line.split(' ').next().is_some_and(|word| word.contains('-')) {
            is_of_file = line.contains(path.to_str().unwrap());
        } else if let Some(kib) = line.strip_prefix("Locked:").filter(|_| is_of_file) {
            locked += kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
        }
    }
    locked
}

#[test]
fn the_live_catalog_is_touched_again_and_again_until_nobody_wants_it() {
    let shop = Shop::new();
    let (touched, touches) = channel();
    let on_touch = move |size_bytes| {
        touched.send(size_bytes).ok();
    };
    let every = Duration::from_millis(1);
    let live = || Arc::clone(&shop.live);
    let round = touching(live(), None, Arc::default(), on_touch);
    let rounds = Rounds::spawn("kindred-touch", live(), every, round).unwrap();
    shop.serve("a");
    let size_bytes = shop.live.load().unwrap().snapshot.catalog().blob().size_bytes();
    for _ in 0..3 {
        assert_eq!(touches.recv_timeout(PATIENCE), Ok(size_bytes));
    }
    drop(rounds);
    // The thread had the only sender; it ends by itself, soon.
    while touches.recv_timeout(PATIENCE).is_ok() {}
    assert_eq!(Arc::strong_count(&shop.live.load().unwrap().snapshot), 1);
}
