//! Goal: a live catalog that changes under its mapping is found and does not stay where there is something
//! better. Method: bytes written in place into the file that is mapped, and a watcher that scrubs all the
//! time.

use std::{
    fs::{self, File},
    num::NonZeroU64,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{RecvTimeoutError, channel},
    },
    time::Duration,
};

use super::{Damage, Done, NEVER, P1, P2, PATIENCE, expect, live, refused, shop::Shop};
use crate::{
    index::{Loading, Ordinal, Role},
    snapshot::{
        Gate, Snapshot, Trials, WatchOptions,
        rounds::{Rounds, Scrub, scrub_rate, scrubbing},
    },
    stock::BlockDraft,
    store::Manifest,
};

const P3: &str = "# p3\n";

fn scrubbed() -> WatchOptions {
    WatchOptions {
        poll_interval: Duration::from_millis(20),
        scrub_interval: Some(Duration::from_millis(1)),
        ..WatchOptions::default()
    }
}

fn spoiled(id: &str) -> Done {
    Done::Spoiled(id.to_owned())
}

fn file(shop: &Shop, manifest: &Manifest) -> PathBuf {
    shop.store.blob_path(&manifest.blobs[0])
}

/// Puts a copy in the place of a file, as who restores it from elsewhere does: the file that is mapped is
/// another one from then on.
fn replaced(path: &Path) {
    let beside = path.with_extension("restored");
    fs::copy(path, &beside).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[test]
fn a_live_catalog_that_changed_on_its_disk_gives_way_to_the_snapshot_before_until_it_is_mended() {
    let shop = Shop::new();
    shop.publish("a");
    let second = shop.publish("b");
    let (_watcher, events) = shop.watch_by(scrubbed(), Gate::default());
    expect(&events, live("b"));
    let damage = Damage(file(&shop, &second));
    damage.flip();
    expect(&events, spoiled("b"));
    expect(&events, refused(&second));
    expect(&events, live("a"));
    assert_eq!(shop.live_id(), "a");
    expect(&events, Done::Unmapped(second.snapshot_id.to_string()));
    damage.flip();
    expect(&events, live("b"));
}

#[test]
fn a_live_catalog_that_changed_is_read_anew_where_its_file_is_whole_by_now() {
    let shop = Shop::new();
    let manifest = shop.publish("a");
    let (_watcher, events) = shop.watch_by(scrubbed(), Gate::default());
    expect(&events, live("a"));
    let path = file(&shop, &manifest);
    // Open while its name is another file's already.
    let damage = Damage(path.with_extension("mapped"));
    fs::hard_link(&path, &damage.0).unwrap();
    replaced(&path);
    damage.flip();
    expect(&events, spoiled("a"));
    expect(&events, live("a"));
    let moment = shop.live.load().unwrap();
    assert!(!moment.snapshot.is_spoiled());
    moment.snapshot.catalog().blob().verify_again(&mut |_| Ok(())).unwrap();
}

/// Where nothing is whole, what is live goes on: an answer that may have a wrong byte is better than none,
/// and somebody was told.
#[test]
fn a_live_catalog_that_changed_stays_where_there_is_nothing_else_and_is_told_of_once() {
    let shop = Shop::new();
    let manifest = shop.publish("a");
    let (_watcher, events) = shop.watch_by(scrubbed(), Gate::default());
    expect(&events, live("a"));
    Damage(file(&shop, &manifest)).flip();
    expect(&events, spoiled("a"));
    expect(&events, refused(&manifest));
    assert!(shop.live.load().unwrap().snapshot.is_spoiled());
    // Looks and scrubs go on, and say nothing more of it.
    assert_eq!(events.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout));
    shop.publish("b");
    expect(&events, live("b"));
    expect(&events, Done::Unmapped(manifest.snapshot_id.to_string()));
}

/// The head is refused and an earlier one serves; that one spoils, too. Only the head's files were looked at.
#[test]
fn what_serves_in_the_place_of_another_one_is_read_anew_when_it_is_mended() {
    let shop = Shop::new();
    let first = shop.publish("a");
    let (second, _) = shop.publish_damaged("b");
    let (_watcher, events) = shop.watch_by(scrubbed(), Gate::default());
    expect(&events, refused(&second));
    expect(&events, live("a"));
    let damage = Damage(file(&shop, &first));
    damage.flip();
    expect(&events, spoiled("a"));
    for manifest in [&second, &first] {
        expect(&events, refused(manifest));
    }
    // It is not read again at each look.
    assert_eq!(events.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout));
    damage.flip();
    expect(&events, refused(&second));
    expect(&events, live("a"));
    assert!(!shop.live.load().unwrap().snapshot.is_spoiled());
}

#[test]
fn what_is_quarantined_is_not_tried_for_a_wrong_byte_in_what_serves() {
    let shop = Shop::new();
    let first = shop.publish("a");
    let second = shop.publish("b");
    let trials = Trials::open(&shop.dir.path().join("state"), Duration::ZERO);
    let quarantine = shop.dir.path().join("state").join("quarantine");
    fs::create_dir_all(&quarantine).unwrap();
    File::create(quarantine.join(format!("{}.quarantined", second.snapshot_id))).unwrap();
    let gate = Gate { trials, ..Gate::default() };
    let (_watcher, events) = shop.watch_by(scrubbed(), gate);
    expect(&events, Done::Quarantined(second.number));
    expect(&events, live("a"));
    Damage(file(&shop, &first)).flip();
    expect(&events, spoiled("a"));
    expect(&events, refused(&first));
    assert_eq!(events.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout));
    assert_eq!(shop.live_id(), "a");
}

/// Each override that was published since the last catalog names that catalog, and each was a read of it.
#[test]
fn a_damaged_catalog_is_read_once_however_many_manifests_name_it() {
    let shop = Shop::new();
    shop.publish("a");
    let catalog = shop.catalog("b");
    for text in [P1, P2] {
        shop.publish_blobs(&[catalog, shop.text(Role::Policy, text)]);
    }
    let newest = shop.publish_blobs(&[catalog, shop.text(Role::Policy, P3)]);
    Damage(shop.store.blob_path(&catalog)).flip();
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, refused(&newest));
    expect(&events, live("a"));
}

/// A recall of what the bytes of the moment did not show was lost: the view over them was taken for one over
/// the whole catalog, which is the same by its name.
#[test]
fn stock_is_held_against_the_whole_catalog_again() {
    let shop = Shop::new();
    let manifest = shop.publish("a");
    let slow = WatchOptions { scrub_interval: Some(Duration::from_secs(3)), ..scrubbed() };
    let (_watcher, events) = shop.watch_by(slow, Gate::default());
    expect(&events, live("a"));
    let path = file(&shop, &manifest);
    let mapped = Damage(path.with_extension("mapped"));
    fs::hard_link(&path, &mapped.0).unwrap();
    replaced(&path);
    mapped.wipe();
    // Whatever it reads as now: it is read, and nothing of it is found.
    let before = shop.live.load().unwrap();
    let view = before.snapshot.catalog().view();
    assert_eq!(view.find("a"), None);
    assert!(view.meta().markets.iter().any(|market| market.id.as_str() == "eu"));
    drop(view.id(Ordinal(0)).to_owned());
    assert_eq!(view.block(Ordinal(0)).runs().count(), 0);
    let (reply, done) = channel();
    let draft = BlockDraft {
        product_ids: vec!["a".to_owned()],
        market_ids: Vec::new(),
        reason: "recall".to_owned(),
        actor: "ana".to_owned(),
        expire_s: None,
    };
    shop.stock.block(draft, Box::new(move |done| reply.send(done).unwrap()));
    assert_eq!(done.recv().unwrap().unwrap().missing, ["a"]);
    // Its first product has no name now.
    expect(&events, spoiled(""));
    expect(&events, live("a"));
    let moment = shop.live.load().unwrap();
    let product = moment.snapshot.catalog().view().find("a").unwrap();
    assert_eq!(moment.stock.blocks(product).len(), 1);
}

/// A policy that is published meanwhile shares the catalog of what is live, and must not share its fault.
#[test]
fn a_snapshot_of_the_same_catalog_does_not_take_the_bytes_that_changed() {
    let shop = Shop::new();
    let manifest = shop.publish("a");
    let load = |live: Option<&Snapshot>| {
        Snapshot::load_after(live, &shop.store, &manifest, &mut |_| Ok(()))
    };
    let first = load(None).unwrap();
    let shared = load(Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first.parts.catalog, &shared.parts.catalog));
    Damage(file(&shop, &manifest)).flip();
    assert!(!first.is_spoiled(), "nobody looked");
    first.catalog().blob().verify_again(&mut |_| Ok(())).unwrap_err();
    assert!(first.is_spoiled());
    assert_eq!(load(Some(&first)).unwrap_err().to_string().matches("CHECKSUM").count(), 1);
    Damage(file(&shop, &manifest)).flip();
    let anew = load(Some(&first)).unwrap();
    assert!(!Arc::ptr_eq(&first.parts.catalog, &anew.parts.catalog));
}

/// What is copied is not its file's.
#[test]
fn a_copied_catalog_does_not_change_with_its_file() {
    let shop = Shop::new();
    let manifest = shop.publish("a");
    let load = |loading| {
        Snapshot::load_by(loading, None, &shop.store, &manifest, &mut |_| Ok(())).unwrap()
    };
    let [mapped, copied] = [Loading::Mmap, Loading::Copy].map(load);
    Damage(file(&shop, &manifest)).flip();
    let verify = |snapshot: &Snapshot| snapshot.catalog().blob().verify_again(&mut |_| Ok(()));
    verify(&copied).unwrap();
    assert!(verify(&mapped).is_err());
}

#[test]
fn a_scrub_is_broken_off_where_another_catalog_is_live_by_now() {
    let shop = Shop::new();
    shop.serve("a");
    let first = shop.live.load().unwrap();
    let scrub = |is_stopped: bool| {
        let mut found = None;
        let on_scrub = |scrub: Scrub<'_>| found = Some(matches!(scrub, Scrub::Whole { .. }));
        let is_stopped = Arc::new(AtomicBool::new(is_stopped));
        scrubbing(Arc::clone(&shop.live), None, is_stopped, on_scrub)(&first.snapshot);
        found
    };
    assert_eq!(scrub(false), Some(true));
    assert_eq!(scrub(true), None, "the watcher is gone");
    shop.serve("b");
    assert_eq!(scrub(false), None, "`b` is live");
    assert!(!first.snapshot.is_spoiled(), "what was broken off says nothing");
}

#[test]
fn a_scrub_reads_64_mib_a_second_and_no_more_than_loading_may() {
    let mib = |count: u64| NonZeroU64::new(count << 20).unwrap();
    assert_eq!(scrub_rate(None), mib(64));
    assert_eq!(scrub_rate(Some(mib(200))), mib(64));
    assert_eq!(scrub_rate(Some(mib(5))), mib(5));
}

#[test]
fn scrubs_come_again_and_again_until_nobody_wants_them() {
    let shop = Shop::new();
    let (done, scrubs) = channel();
    let on_scrub = move |scrub: Scrub<'_>| {
        done.send(matches!(scrub, Scrub::Whole { .. })).ok();
    };
    let live = || Arc::clone(&shop.live);
    let round = scrubbing(live(), None, Arc::default(), on_scrub);
    let rounds = Rounds::spawn("kindred-scrub", live(), Duration::from_millis(1), round).unwrap();
    shop.serve("a");
    for _ in 0..3 {
        assert_eq!(scrubs.recv_timeout(PATIENCE), Ok(true));
    }
    drop(rounds);
    while scrubs.recv_timeout(PATIENCE).is_ok() {}
    assert_eq!(Arc::strong_count(&shop.live.load().unwrap().snapshot), 1);
}
