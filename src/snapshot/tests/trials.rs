//! Goal: what ended the process twice at its first use is not taken again, and nothing else is. Method:
//! starts are `Trials::open` on one directory; a death is a `Trials` that is dropped in the middle.

use std::{
    fs, io, mem,
    os::unix::fs::symlink,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    PATIENCE, expect, live,
    shop::{Done, Shop},
};
use crate::{
    index::Loading,
    snapshot::{Gate, Quarantine, Snapshot, Trials, WatchOptions, trials::write_durably, try_out},
    store::SnapshotId,
};

const SPAN: Duration = Duration::from_secs(30);

fn id(digit: char) -> SnapshotId {
    String::from_iter([digit; 32]).parse().unwrap()
}

/// What is quarantined after each of these starts, which try these snapshots and die.
#[track_caller]
fn check(starts: &[&str], expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    for (number, (tried, expected)) in starts.iter().zip(expected).enumerate() {
        let trials = Trials::open(dir.path(), SPAN);
        assert_eq!(quarantined(dir.path()), *expected, "after start {number}");
        tried.chars().for_each(|digit| die(&trials, id(digit)));
    }
    assert_eq!(starts.len(), expected.len());
}

/// Tries a snapshot and never comes to the end of it.
fn die(trials: &Trials, id: SnapshotId) {
    mem::forget(trials.begin(id));
}

/// Makes a snapshot live.
fn go_live(trials: &Trials, id: SnapshotId, now: Instant) {
    trials.begin(id).went_live(now);
}

/// The digits of what is quarantined, sorted.
fn quarantined(dir: &Path) -> String {
    let all = Quarantine::of(dir).list().unwrap();
    let mut all = all.iter().map(|one| one.snapshot_id.to_string()).collect::<Vec<_>>();
    all.sort();
    all.iter().filter_map(|id| id.chars().next()).collect()
}

#[test]
fn two_starts_that_find_a_snapshot_still_tried_quarantine_it() {
    check(&["a", "a", ""], &["", "", "a"]);
    // Each is counted by itself.
    check(&["a", "b", ""], &["", "", ""]);
    check(&["a", "b", "a", ""], &["", "", "", "a"]);
    check(&["ab", "b", ""], &["", "", "b"]);
    // The one that serves instead has its own two.
    check(&["a", "a", "b", "b", ""], &["", "", "a", "a", "ab"]);
}

#[test]
fn what_was_live_for_its_span_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let now = Instant::now();
    for start in 0..5 {
        let trials = Trials::open(dir.path(), SPAN);
        go_live(&trials, id('a'), now);
        assert_eq!(trials.due(), Some(now + SPAN));
        if start % 2 == 0 {
            // A moment too early.
            trials.settle(now + SPAN - Duration::from_nanos(1));
            assert_eq!(trials.due(), Some(now + SPAN));
        } else {
            trials.settle(now + SPAN);
            assert_eq!(trials.due(), None);
        }
    }
    assert_eq!(quarantined(dir.path()), "", "no two in a row died");
}

#[test]
fn what_is_refused_or_left_or_told_to_end_is_not_to_blame() {
    let dir = tempfile::tempdir().unwrap();
    let ends: [fn(&Trials); 3] = [
        |trials| drop(trials.begin(id('a'))),
        // Another one is live by now.
        |trials| {
            go_live(trials, id('a'), Instant::now());
            go_live(trials, id('b'), Instant::now());
            trials.settle(Instant::now() + SPAN);
        },
        |trials| {
            go_live(trials, id('a'), Instant::now());
            die(trials, id('b'));
            trials.end();
            // Nor is what comes after.
            die(trials, id('c'));
        },
    ];
    for end in ends {
        for _ in 0..3 {
            end(&Trials::open(dir.path(), SPAN));
        }
        assert_eq!(quarantined(dir.path()), "");
    }
}

#[test]
fn a_try_to_load_what_is_live_once_more_leaves_it_in_its_span() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let trials = Trials::open(dir.path(), SPAN);
        go_live(&trials, id('a'), Instant::now());
        drop(trials.begin(id('a')));
    }
    drop(Trials::open(dir.path(), SPAN));
    assert_eq!(quarantined(dir.path()), "a");
}

#[test]
fn two_that_try_the_same_do_not_take_it_from_each_other() {
    let ends: [fn(&Trials); 3] = [
        // An operator's check ends while the watcher loads.
        |trials| {
            let check = trials.begin(id('a'));
            die(trials, id('a'));
            drop(check);
        },
        // The watcher leaves it while an operator's check goes on.
        |trials| {
            let load = trials.begin(id('a'));
            die(trials, id('a'));
            drop(load);
        },
        // Another one goes live and passes while an operator's check goes on.
        |trials| {
            die(trials, id('a'));
            go_live(trials, id('b'), Instant::now());
            trials.settle(Instant::now() + SPAN);
        },
    ];
    for end in ends {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            end(&Trials::open(dir.path(), SPAN));
        }
        drop(Trials::open(dir.path(), SPAN));
        assert_eq!(quarantined(dir.path()), "a");
    }
}

/// The process ends while an operator has a snapshot checked: what its state directory holds then.
#[test]
fn what_ends_the_process_in_an_operators_check_twice_is_quarantined() {
    let (shop, dir) = (Shop::new(), tempfile::tempdir().unwrap());
    shop.serve("a");
    let checked = shop.publish("b");
    let live = shop.live.load().unwrap();
    for starts in 1..=2 {
        let dead = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("trying.json"), dead.path().join("trying.json"));
        let check = Arc::new(move |_: &Arc<Snapshot>| {
            fs::copy(&from, &to).unwrap();
            Ok(())
        });
        let gate = Gate { check: Some(check), trials: Trials::open(dir.path(), SPAN) };
        try_out(Some(&live.snapshot), &shop.store, &checked, &gate, Loading::Auto).unwrap();
        // It lived on; had it not, the next start would find this.
        fs::copy(dead.path().join("trying.json"), dir.path().join("trying.json")).unwrap();
        let trials = Trials::open(dir.path(), SPAN);
        assert_eq!(trials.refuses(checked.snapshot_id), starts == 2);
    }
}

#[test]
fn what_was_lifted_has_two_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let trials = Trials::open(dir.path(), SPAN);
        die(&trials, id('a'));
        trials.refuses(id('a'))
    };
    assert_eq!([start(), start(), start()], [false, false, true]);
    let quarantine = Quarantine::of(dir.path());
    assert!(quarantine.lift(id('a')).unwrap());
    assert!(!quarantine.lift(id('a')).unwrap(), "once");
    // The start that tried it in spite of its quarantine counts.
    assert_eq!([start(), start()], [false, true]);
}

#[test]
fn a_damaged_file_begins_anew_and_keeps_what_is_quarantined() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        die(&Trials::open(dir.path(), SPAN), id('a'));
    }
    let trials = Trials::open(dir.path(), SPAN);
    die(&trials, id('b'));
    let file = dir.path().join("trying.json");
    let whole = fs::read(&file).unwrap();
    let damages = [&b""[..], b"{", b"\xff\0", b"[]", b"{\"trying\":[1],\"endings\":{}}"];
    let cuts = (0..whole.len()).map(|len| &whole[..len]);
    for damage in damages.into_iter().chain(cuts) {
        fs::remove_file(&file).unwrap();
        io::Write::write_all(&mut fs::File::create(&file).unwrap(), damage).unwrap();
        let trials = Trials::open(dir.path(), SPAN);
        assert!(trials.refuses(id('a')));
        die(&trials, id('b'));
    }
    assert_eq!(quarantined(dir.path()), "a", "what was damaged counted nothing");
    // Names of no snapshot in a whole file are passed over.
    let odd = b"{\"trying\":[\"x\",\"../../etc\"],\"endings\":{\"x\":7}}";
    io::Write::write_all(&mut fs::File::create(&file).unwrap(), odd).unwrap();
    drop(Trials::open(dir.path(), SPAN));
    assert_eq!(quarantined(dir.path()), "a");
}

/// No rights stop a test that runs as root, so a directory stands where the file should.
#[test]
fn a_disk_that_takes_no_write_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("trying.tmp")).unwrap();
    let trials = Trials::open(dir.path(), SPAN);
    go_live(&trials, id('a'), Instant::now());
    trials.settle(Instant::now() + SPAN);
    assert!(!dir.path().join("trying.json").exists());
    let gone = Trials::open(&dir.path().join("gone"), SPAN);
    die(&gone, id('a'));
    assert!(!gone.refuses(id('a')));
}

/// Starts that die while they try what this shop published last.
fn dying_starts(shop: &Shop, dir: &Path, starts: usize) {
    let current = shop.track.current().unwrap().unwrap();
    for _ in 0..starts {
        die(&Trials::open(dir, SPAN), current.snapshot_id);
    }
}

fn watch(shop: &Shop, dir: &Path) -> (crate::snapshot::Watcher, std::sync::mpsc::Receiver<Done>) {
    let gate = Gate { check: None, trials: Trials::open(dir, SPAN) };
    let poll_interval = Duration::from_millis(5);
    shop.watch_by(WatchOptions { poll_interval, ..WatchOptions::default() }, gate)
}

#[test]
fn the_one_before_serves_in_the_place_of_what_is_quarantined() {
    let (shop, dir) = (Shop::new(), tempfile::tempdir().unwrap());
    let catalog = shop.catalog("b");
    shop.publish("a");
    let bad = shop.publish_blobs(&[catalog]);
    dying_starts(&shop, dir.path(), 2);
    let (_watcher, events) = watch(&shop, dir.path());
    expect(&events, Done::Quarantined(bad.number));
    expect(&events, live("a"));
    // The same snapshot under another number is not taken either; another one is.
    shop.publish("c");
    expect(&events, live("c"));
    expect(&events, Done::Unmapped(shop.track.read(1).unwrap().snapshot_id.to_string()));
    let again = shop.publish_blobs(&[catalog]);
    assert_eq!(again.snapshot_id, bad.snapshot_id);
    expect(&events, Done::Quarantined(again.number));
    assert_eq!(shop.live_id(), "c");
    // Lifted, it is taken at the next look.
    assert!(Quarantine::of(dir.path()).lift(bad.snapshot_id).unwrap());
    expect(&events, live("b"));
}

#[test]
fn what_is_quarantined_serves_where_there_is_nothing_else() {
    let (shop, dir) = (Shop::new(), tempfile::tempdir().unwrap());
    let only = shop.publish("a");
    dying_starts(&shop, dir.path(), 2);
    let (_watcher, events) = watch(&shop, dir.path());
    expect(&events, Done::Quarantined(only.number));
    expect(&events, live("a"));
    let deadline = Instant::now() + PATIENCE;
    shop.publish("b");
    expect(&events, live("b"));
    assert!(Instant::now() < deadline);
}

/// The null device takes every byte, and no sync.
#[test]
fn what_is_remembered_has_its_name_only_when_the_system_has_synced_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trying.json");
    symlink("/dev/null", path.with_extension("tmp")).unwrap();
    let error = write_durably(&path, b"bytes").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    assert!(!path.exists());
}
