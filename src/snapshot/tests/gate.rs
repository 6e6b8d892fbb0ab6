//! Goal: nothing that happens to one snapshot keeps the next one out. Method: a check that panics,
//! refuses or waits, and a rate so slow that a load would take hours.

use std::{
    num::NonZeroU64,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use super::{
    NEVER, P1, P2, PATIENCE, expect, is_mapped, live,
    shop::{Done, Shop, code_of, first_id, note},
};
use crate::{
    index::Role,
    snapshot::{
        Check, CheckRefusal, Event, Gate, LoadError, Snapshot, Standing, Trials, WatchOptions,
        Watcher, load::Errand,
    },
    store::Rollback,
};

fn refused(number: u64, code: &str) -> Done {
    Done::Refused(number, code.to_owned())
}

fn gate(check: impl Fn(&str) -> Result<(), CheckRefusal> + Send + Sync + 'static) -> Gate {
    let check: Check = Arc::new(move |snapshot: &Arc<Snapshot>| check(&first_id(snapshot)));
    Gate { check: Some(check), trials: Trials::default() }
}

fn options() -> WatchOptions {
    WatchOptions { poll_interval: NEVER, ..WatchOptions::default() }
}

#[test]
fn a_check_that_refuses_or_panics_keeps_one_snapshot_out_and_no_other() {
    let shop = Shop::new();
    let (_watcher, events) = shop.watch_by(
        options(),
        gate(|id| match id {
            "bad" => Err(CheckRefusal("golden.jsonl line 3: no".to_owned())),
            "fatal" => panic!("as the test asked"),
            _ => Ok(()),
        }),
    );
    // Also the first ones, which the watcher's own thread loads.
    let mut expected = Vec::new();
    for (id, code) in [("fatal", "PANIC"), ("bad", "CHECK")] {
        expected.push(refused(shop.publish(id).number, code));
        let told = events.recv_timeout(PATIENCE).unwrap();
        assert_eq!(Some(&told), expected.last());
        // Nothing is live, so that what was before is tried, too.
        if id == "bad" {
            expect(&events, refused(1, "PANIC"));
        }
    }
    shop.publish("a");
    expect(&events, live("a"));
    for (id, code) in [("fatal", "PANIC"), ("bad", "CHECK")] {
        expect(&events, refused(shop.publish(id).number, code));
        assert_eq!(shop.live_id(), "a");
    }
    shop.publish("b");
    expect(&events, live("b"));
}

/// A panic of the watcher's own thread once ended it without a word, and nothing was followed any more.
#[test]
fn a_panic_of_the_watcher_refuses_a_snapshot_or_ends_a_look_and_never_the_following() {
    let shop = Shop::new();
    let (done, events) = mpsc::channel();
    let (stood, standings) = mpsc::channel();
    let hear = move |event: Event<'_>| match event {
        Event::Loaded(snapshot, _) => assert_ne!(first_id(snapshot), "before", "as the test asked"),
        Event::Live(snapshot) => {
            done.send(live(&first_id(snapshot))).ok();
            assert_ne!(first_id(snapshot), "behind", "as the test asked");
        }
        Event::Refused(manifest, error) => {
            done.send(refused(manifest.number, code_of(error))).ok();
            assert_ne!(code_of(error), "CHECKSUM", "as the test asked");
        }
        Event::Stands(standing) => drop(stood.send(standing)),
        Event::Quarantined(_) | Event::Spoiled(_) | Event::Unmapped(_) => {}
    };
    let (store, track, slot) = (shop.store.clone(), shop.track.clone(), Arc::clone(&shop.live));
    let (stock, gate) = (shop.stock.clone(), Gate::default());
    let _watcher = Watcher::spawn(store, track, slot, stock, options(), gate, hear).unwrap();
    let expect_good = |id: &str, standing: &[Standing]| {
        shop.publish(id);
        expect(&events, live(id));
        for expected in standing {
            assert_eq!(standings.recv_timeout(PATIENCE), Ok(*expected));
        }
    };
    let was_behind = [Standing::Behind, Standing::Current];
    expect_good("a", &[]);
    // Before the swap: what was live stays.
    expect(&events, refused(shop.publish("before").number, "PANIC"));
    assert_eq!(shop.live_id(), "a");
    expect_good("b", &was_behind);
    // In what becomes of a refusal.
    expect(&events, refused(shop.publish_damaged("damaged").0.number, "CHECKSUM"));
    expect_good("c", &was_behind);
    // Behind the swap: it is live, and is known to be.
    let behind = shop.publish("behind");
    expect(&events, live("behind"));
    expect(&events, refused(behind.number, "PANIC"));
    assert_eq!(shop.live_id(), "behind");
    expect_good("d", &was_behind);
    assert!(events.try_recv().is_err() && standings.try_recv().is_err());
}

#[test]
fn a_panic_is_told_by_its_words() {
    let shop = Shop::new();
    let manifest = shop.publish("a");
    let check: Check = Arc::new(|_: &Arc<Snapshot>| panic!("number {}", 7));
    let options = options();
    let errand = Errand {
        store: &shop.store,
        manifest: &manifest,
        options: &options,
        check: Some(&check),
        is_wanted: &|| true,
    };
    let Err(error @ LoadError::Panicked(_)) = errand.run(None) else { panic!("no panic") };
    assert!(error.to_string().contains("(number 7)"), "{error}");
    assert!(!error.may_pass());
}

/// At one byte a second the second file is hours away; what takes it back does not wait for that.
#[test]
fn a_rollback_ends_the_load_of_what_it_takes_back() {
    let shop = Shop::new();
    shop.publish("a");
    let options = WatchOptions { load_rate: NonZeroU64::new(1), ..options() };
    let (_watcher, events) = shop.watch_by(options, Gate::default());
    expect(&events, live("a"));
    let catalog = shop.catalog("b");
    shop.publish_blobs(&[catalog, shop.text(Role::Policy, P1)]);
    let begin = Instant::now();
    while !is_mapped(&shop.store.blob_path(&catalog)) {
        assert!(begin.elapsed() < PATIENCE, "the load has not begun");
        thread::yield_now();
    }
    let rollback = Rollback { to: Some(1), roles: &[], expected_active: None, note: note() };
    shop.track.rollback(&rollback).unwrap();
    // A text beside the live catalog is one piece, which waits for nothing.
    shop.publish_blobs(&[shop.text(Role::Policy, P2)]);
    expect(&events, live("a"));
    assert!(!is_mapped(&shop.store.blob_path(&catalog)));
}

/// Between the last piece and the swap lies the check: who decides then is heard, too.
#[test]
fn what_is_taken_back_while_it_is_checked_never_goes_live() {
    let shop = Shop::new();
    shop.publish("a");
    let (begun, begins) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let waits = std::sync::Mutex::new((begun, goes_on));
    let (_watcher, events) = shop.watch_by(
        options(),
        gate(move |id| {
            if id == "b" {
                let (begun, goes_on) = &*waits.lock().unwrap();
                begun.send(()).unwrap();
                goes_on.recv_timeout(PATIENCE).unwrap();
            }
            Ok(())
        }),
    );
    expect(&events, live("a"));
    shop.publish("b");
    begins.recv_timeout(PATIENCE).unwrap();
    let rollback = Rollback { to: None, roles: &[], expected_active: None, note: note() };
    shop.track.rollback(&rollback).unwrap();
    go_on.send(()).unwrap();
    shop.publish("c");
    expect(&events, live("c"));
    assert_eq!(shop.live_id(), "c");
}
