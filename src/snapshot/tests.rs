//! Goal: only what is whole goes live, what was live stays until something better is, and no reader
//! unmaps a file. Method: a store of tiny catalogs, a watcher, and a channel of what it did; every
//! wait is for an event, under [`PATIENCE`].

mod gate;
mod scrub;
pub(crate) mod shop;
mod stock;
mod trials;
mod warm;

use std::{fs, path::Path, sync::mpsc::Receiver, time::Duration};

use self::shop::{Damage, Done, Shop, code_of, commit, first_id, note};
use super::*;
use crate::{
    index::{Ordinal, write_text},
    store::{MAIN_TRACK, Rollback},
};

/// Longer than any event takes on a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// No test lasts that long: what happens is not the poll's doing.
const NEVER: Duration = Duration::from_secs(3_600);

/// Texts that are read, and say little.
const P1: &str = "# p1\n";
const P2: &str = "# p2\n";
const O1: &str = "action,target,author,reason\n";
const O2: &str = "action,target,author,reason,type\n";

fn live(id: &str) -> Done {
    Done::Live(id.to_owned())
}

fn refused(manifest: &Manifest) -> Done {
    Done::Refused(manifest.number, "CHECKSUM".to_owned())
}

fn unmapped(manifest: &Manifest) -> Done {
    Done::Unmapped(manifest.snapshot_id.to_string())
}

#[track_caller]
fn expect(events: &Receiver<Done>, expected: Done) {
    assert_eq!(events.recv_timeout(PATIENCE).expect("the watcher does something"), expected);
}

/// Waits for the next snapshot to go live, whatever is unmapped meanwhile.
#[track_caller]
fn expect_live(events: &Receiver<Done>, id: &str) {
    loop {
        match events.recv_timeout(PATIENCE).expect("the watcher does something") {
            Done::Unmapped(_) => {}
            done
            @ (Done::Live(_) | Done::Refused(..) | Done::Quarantined(_) | Done::Spoiled(_)) => {
                return assert_eq!(done, live(id));
            }
        }
    }
}

#[test]
fn a_snapshot_is_what_its_manifest_names() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let blobs = [catalog, shop.provenance(catalog.hash), shop.dropped()];
    let manifest = shop.publish_blobs(&blobs);
    let snapshot = Snapshot::load(&shop.store, &manifest).unwrap();
    assert_eq!(snapshot.id(), manifest.snapshot_id.to_string());
    assert_eq!(snapshot.manifest(), &manifest);
    assert_eq!(first_id(&snapshot), "a");
    assert_eq!(snapshot.provenance().unwrap().place(Ordinal(0), 0).unwrap().line, 7);

    let manifest = shop.publish("b");
    let snapshot = Snapshot::load(&shop.store, &manifest).unwrap();
    assert!(snapshot.provenance().is_none());
}

/// A store that an older version filled: its snapshot serves, the next one of this version replaces it,
/// and a rollback brings the old format back, also beside a policy of the new one.
#[test]
fn snapshots_of_two_formats_take_turns_in_one_store() {
    const KINDS: [Role; 3] = [Role::Catalog, Role::Provenance, Role::Dropped];
    let shop = Shop::new();
    let [old, new] = [1, 2].map(|format| {
        KINDS.map(|role| shop.golden(&format!("format-{format}.{}.kdx", role.code()), role))
    });
    let found = || {
        let moment = shop.live.load().unwrap();
        let view = moment.snapshot.catalog().view();
        assert!(moment.snapshot.provenance().is_some());
        assert_eq!(view.find("Old-CAR").map(|product| view.id(product)), Some("TOY-car"));
        moment.snapshot.id().to_owned()
    };
    let first = shop.publish_blobs(&old);
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("battery-aa"));
    assert_eq!(found(), first.snapshot_id.to_string());

    let second = shop.publish_blobs(&new);
    assert_ne!(first.snapshot_id, second.snapshot_id, "other bytes, another snapshot");
    expect_live(&events, "battery-aa");
    assert_eq!(found(), second.snapshot_id.to_string());

    let rollback = Rollback { to: None, roles: &[], expected_active: None, note: note() };
    let back = shop.track.rollback(&rollback).unwrap();
    expect_live(&events, "battery-aa");
    assert_eq!((found(), back.snapshot_id), (first.snapshot_id.to_string(), first.snapshot_id));

    // A text of this version stands beside the catalog of the one before.
    let mixed = shop.publish_blobs(&[shop.text(Role::Policy, P1)]);
    expect_live(&events, "battery-aa");
    assert_eq!(found(), mixed.snapshot_id.to_string());
    assert!(![first.snapshot_id, second.snapshot_id].contains(&mixed.snapshot_id));
}

#[test]
fn every_blob_that_is_served_must_be_whole() {
    let load = |damaged: Role| {
        let shop = Shop::new();
        let catalog = shop.catalog("a");
        let texts = [shop.text(Role::Policy, P1), shop.text(Role::Overrides, O1)];
        let blobs = [catalog, texts[0], texts[1], shop.provenance(catalog.hash), shop.dropped()];
        let manifest = shop.publish_blobs(&blobs);
        Damage(shop.store.blob_path(manifest.blob(damaged).unwrap())).flip();
        let error = Snapshot::load(&shop.store, &manifest).unwrap_err();
        assert!(!error.may_pass(), "{error}");
        code_of(&error)
    };
    for role in Role::ALL {
        assert_eq!(load(role), "CHECKSUM");
    }
}

#[test]
fn texts_are_those_of_the_manifest() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let snapshot = Snapshot::load(&shop.store, &shop.publish_blobs(&[catalog])).unwrap();
    assert_eq!((snapshot.policy_text(), snapshot.overrides_text()), (None, None));
    let first = shop.publish_blobs(&[shop.text(Role::Policy, P1)]);
    let second = shop.publish_blobs(&[shop.text(Role::Overrides, O1)]);
    let snapshot = Snapshot::load(&shop.store, &second).unwrap();
    assert_eq!((snapshot.policy_text(), snapshot.overrides_text()), (Some(P1), Some(O1)));
    let before = Snapshot::load(&shop.store, &first).unwrap();
    assert_eq!((before.policy_text(), before.overrides_text()), (Some(P1), None));
    assert_ne!(snapshot.id(), before.id(), "overrides shape answers");
}

/// A pin or placement goes live without a compile: a publish of its text, and back by its role.
#[test]
fn a_text_is_published_and_taken_back_alone() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    shop.publish_blobs(&[catalog, shop.provenance(catalog.hash), shop.dropped()]);
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    let compiled = Arc::clone(&shop.live.load().unwrap().snapshot);
    let texts = || {
        let moment = shop.live.load().unwrap();
        let live = &moment.snapshot;
        assert!(std::ptr::eq(live.catalog(), compiled.catalog()));
        assert!(std::ptr::eq(live.provenance().unwrap(), compiled.provenance().unwrap()));
        assert!(std::ptr::eq(live.dropped().unwrap(), compiled.dropped().unwrap()));
        [live.policy_text(), live.overrides_text()].map(|text| text.map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    let publish = |role, text| {
        shop.publish_blobs(&[shop.text(role, text)]);
        expect_live(&events, "a");
        texts()
    };
    assert_eq!(publish(Role::Policy, P1), [some(P1), None]);
    assert_eq!(publish(Role::Overrides, O1), [some(P1), some(O1)]);
    assert_eq!(publish(Role::Overrides, O2), [some(P1), some(O2)]);
    assert_eq!(publish(Role::Policy, P2), [some(P2), some(O2)]);
    let rollback =
        Rollback { to: Some(3), roles: &[Role::Overrides], expected_active: None, note: note() };
    shop.track.rollback(&rollback).unwrap();
    expect_live(&events, "a");
    assert_eq!(texts(), [some(P2), some(O1)], "the policy stays");
    // The same text again is no news.
    let number = shop.track.head_number().unwrap();
    shop.publish_blobs(&[shop.text(Role::Overrides, O1)]);
    assert_eq!(shop.track.head_number().unwrap(), number);
}

#[test]
fn refused_relations_are_those_of_the_manifest() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let bare = Snapshot::load(&shop.store, &shop.publish_blobs(&[catalog])).unwrap();
    assert!(bare.dropped().is_none());
    let manifest = shop.publish_blobs(&[catalog, shop.dropped()]);
    let snapshot = Snapshot::load(&shop.store, &manifest).unwrap();
    assert_eq!(snapshot.dropped().unwrap().get().unlisted.to_native(), 5);
    assert_eq!(snapshot.id(), bare.id(), "what was refused does not shape answers");
}

#[test]
fn a_text_that_is_none_is_refused() {
    let shop = Shop::new();
    shop.publish("a");
    // Whole, but the blob of another role under the role's name.
    let staged = shop.store.stage(Role::Policy).unwrap();
    let file = staged.file().try_clone().unwrap();
    write_text(file, staged.path(), Role::Overrides, "a").unwrap();
    let manifest = shop.publish_blobs(&[commit(staged)]);
    let error = Snapshot::load(&shop.store, &manifest).unwrap_err();
    assert_eq!((code_of(&error), error.may_pass()), ("WRONG_ROLE", false));
}

/// A publish of a few overrides must not read gigabytes: what is live already is taken as it is.
#[test]
fn what_is_live_is_not_read_again() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let rest = [
        catalog,
        shop.text(Role::Policy, P1),
        shop.text(Role::Overrides, O1),
        shop.provenance(catalog.hash),
        shop.dropped(),
    ];
    let first = Snapshot::load(&shop.store, &shop.publish_blobs(&rest)).unwrap();
    let manifest = shop.publish_blobs(&[shop.text(Role::Overrides, O2)]);
    for blob in &rest {
        fs::remove_file(shop.store.blob_path(blob)).unwrap();
    }
    let second =
        Snapshot::load_after(Some(&first), &shop.store, &manifest, &mut |_| Ok(())).unwrap();
    assert!(std::ptr::eq(first.catalog(), second.catalog()));
    assert!(std::ptr::eq(first.provenance().unwrap(), second.provenance().unwrap()));
    assert!(std::ptr::eq(first.dropped().unwrap(), second.dropped().unwrap()));
    assert!(std::ptr::eq(first.policy_text().unwrap(), second.policy_text().unwrap()));
    assert_eq!(second.overrides_text(), Some(O2));
    assert_eq!(code_of(&Snapshot::load(&shop.store, &manifest).unwrap_err()), "IO");
}

/// A policy of one rule about the product `a`, and an override that adds a relation.
const RULE: &str = "[[rules]]\nid = \"no-a\"\naction = \"hide\"\nproducts = [\"a\"]\n";
const ADD: &str = "action,source,type,target,author,reason\n\
    add,a,cross_sell,target,ana,test\nadd,gone,cross_sell,target,ana,test\n";

#[test]
fn a_snapshot_binds_its_policy_to_its_catalog() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let bare = Snapshot::load(&shop.store, &shop.publish_blobs(&[catalog])).unwrap();
    assert_eq!(*bare.policy(), Policy::default());
    // Overrides need no policy, nor the other way round.
    let rows = shop.publish_blobs(&[shop.text(Role::Overrides, ADD)]);
    let rows = Snapshot::load(&shop.store, &rows).unwrap();
    assert_eq!(rows.policy().overrides().of(0).len(), 1, "the unknown source is left out");
    let both = shop.publish_blobs(&[shop.text(Role::Policy, RULE)]);
    let both = Snapshot::load(&shop.store, &both).unwrap();
    assert_eq!(both.policy().rules().len(), 1);
    assert_eq!(both.policy().overrides(), rows.policy().overrides());
}

#[test]
fn a_policy_of_the_same_files_is_not_bound_again() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let blobs = [catalog, shop.text(Role::Policy, RULE), shop.text(Role::Overrides, ADD)];
    let first = Snapshot::load(&shop.store, &shop.publish_blobs(&blobs)).unwrap();
    let manifest = shop.publish_blobs(&[shop.provenance(catalog.hash)]);
    let second =
        Snapshot::load_after(Some(&first), &shop.store, &manifest, &mut |_| Ok(())).unwrap();
    assert!(std::ptr::eq(first.policy(), second.policy()));
    let manifest = shop.publish_blobs(&[shop.text(Role::Overrides, O1)]);
    let third =
        Snapshot::load_after(Some(&second), &shop.store, &manifest, &mut |_| Ok(())).unwrap();
    assert_eq!((third.policy().rules().len(), third.policy().overrides().of(0).len()), (1, 0));
}

#[test]
fn a_policy_that_cannot_be_read_is_refused_and_the_old_one_stays() {
    let shop = Shop::new();
    shop.publish("a");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    for (role, text, place) in [
        (Role::Overrides, "action,target,author,reason\nfly,a,ana,test\n", "overrides.csv:2:"),
        (Role::Policy, "[[rules]]\nid = 7\n", "placements.toml:2:"),
    ] {
        let manifest = shop.publish_blobs(&[shop.text(role, text)]);
        // It may be looked at more than once: only what is the matter with it counts.
        let is_refused = |done: Done| done == Done::Refused(manifest.number, "POLICY".to_owned());
        while !is_refused(events.recv_timeout(PATIENCE).expect("it is refused")) {}
        assert_eq!(shop.live_id(), "a");
        let error = Snapshot::load(&shop.store, &manifest).unwrap_err();
        assert!(!error.may_pass() && error.to_string().contains(place), "{error}");
    }
}

/// Provenance that is live beside one catalog is not taken for another one's.
#[test]
fn live_provenance_is_held_against_another_catalog() {
    let shop = Shop::new();
    let (a, b) = (shop.catalog("a"), shop.catalog("b"));
    let provenance = shop.provenance(a.hash);
    let first = Snapshot::load(&shop.store, &shop.publish_blobs(&[a, provenance])).unwrap();
    let manifest = shop.publish_blobs(&[b, provenance]);
    let error =
        Snapshot::load_after(Some(&first), &shop.store, &manifest, &mut |_| Ok(())).unwrap_err();
    assert_eq!(code_of(&error), "WRONG_HASH");
}

#[test]
fn a_catalog_that_is_live_is_not_read_again() {
    let shop = Shop::new();
    let catalog = shop.catalog("a");
    let first = Snapshot::load(&shop.store, &shop.publish_blobs(&[catalog])).unwrap();
    let provenance = shop.provenance(catalog.hash);
    let manifest = shop.publish_blobs(&[catalog, provenance]);
    fs::remove_file(shop.store.blob_path(&catalog)).unwrap();
    let second =
        Snapshot::load_after(Some(&first), &shop.store, &manifest, &mut |_| Ok(())).unwrap();
    assert!(std::ptr::eq(first.catalog(), second.catalog()));
    assert!(second.provenance().is_some());
    assert_eq!(code_of(&Snapshot::load(&shop.store, &manifest).unwrap_err()), "IO");
}

#[test]
fn blobs_of_one_snapshot_fit_each_other() {
    let shop = Shop::new();
    let other = shop.catalog("b");
    let manifest = shop.publish_blobs(&[shop.catalog("a"), shop.provenance(other.hash)]);
    let error = Snapshot::load(&shop.store, &manifest).unwrap_err();
    assert_eq!(code_of(&error), "WRONG_HASH");
    assert!(error.to_string().starts_with("a blob is refused: "), "{error}");
}

#[test]
fn a_blob_is_known_by_its_hash() {
    let shop = Shop::new();
    let mut manifest = shop.publish("a");
    let (name, other) = (shop.store.blob_path(&manifest.blobs[0]), shop.catalog("b"));
    fs::rename(shop.store.blob_path(&other), &name).unwrap();
    assert_eq!(code_of(&Snapshot::load(&shop.store, &manifest).unwrap_err()), "WRONG_HASH");
    fs::remove_file(&name).unwrap();
    let error = Snapshot::load(&shop.store, &manifest).unwrap_err();
    assert_eq!((code_of(&error), error.may_pass()), ("IO", true));
    manifest.blobs.clear();
    let error = Snapshot::load(&shop.store, &manifest).unwrap_err();
    assert_eq!((code_of(&error), error.may_pass()), ("NO_CATALOG", false));
    assert!(error.to_string().starts_with("manifest 1 names no catalog blob"), "{error}");
    let error = LoadError::from(Store::open(&shop.dir.path().join("none")).unwrap_err());
    assert_eq!((code_of(&error), error.may_pass()), ("STORE", true));
}

#[test]
fn the_first_publish_goes_live() {
    let shop = Shop::new();
    let (watcher, events) = shop.watch(NEVER);
    assert!(shop.live.load().is_none());
    // The watcher may not watch yet: whatever comes first finds the manifest.
    shop.publish("a");
    watcher.retry()();
    expect(&events, live("a"));
    assert_eq!(shop.live_id(), "a");
}

#[test]
fn a_newer_manifest_is_taken_at_once() {
    let shop = Shop::new();
    let first = shop.publish("a");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    shop.publish("b");
    expect(&events, live("b"));
    assert_eq!(shop.live_id(), "b");
    expect(&events, unmapped(&first));
}

#[test]
fn the_poll_finds_what_nobody_tells_of() {
    let shop = Shop::new();
    shop.publish("a");
    let (_watcher, events) = shop.watch(Duration::from_millis(5));
    expect(&events, live("a"));
    // Nobody watches the directory that takes the place of the watched one.
    fs::rename(shop.track.dir(), shop.dir.path().join("moved")).unwrap();
    shop.store.create_track(MAIN_TRACK).unwrap();
    shop.publish("b");
    expect(&events, live("b"));
}

#[test]
fn a_rollback_brings_the_old_snapshot_back() {
    let shop = Shop::new();
    shop.publish("a");
    shop.publish("b");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("b"));
    let rollback = Rollback { to: None, roles: &[], expected_active: None, note: note() };
    shop.track.rollback(&rollback).unwrap();
    expect(&events, live("a"));
}

#[test]
fn what_is_held_back_goes_live_with_the_release() {
    let shop = Shop::new();
    shop.publish("a");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    shop.track.hold(&note()).unwrap();
    shop.publish("b");
    let release = shop.track.release(&|_, _| Ok(()), &note()).unwrap();
    expect(&events, live("b"));
    assert_eq!(shop.live.load().unwrap().snapshot.manifest(), &release);
}

#[test]
fn a_damaged_snapshot_is_refused_and_the_old_one_stays() {
    let shop = Shop::new();
    shop.publish("a");
    let (watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    let (second, _damage) = shop.publish_damaged("b");
    expect(&events, refused(&second));
    assert_eq!(shop.live_id(), "a");
    // Refused again only because somebody asks.
    watcher.retry()();
    expect(&events, refused(&second));
    assert_eq!(shop.live_id(), "a");
    shop.publish("c");
    expect(&events, live("c"));
}

#[test]
fn a_repaired_snapshot_goes_live_at_the_next_try() {
    let shop = Shop::new();
    shop.publish("a");
    let (watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    let (second, damage) = shop.publish_damaged("b");
    expect(&events, refused(&second));
    damage.flip();
    watcher.retry()();
    expect(&events, live("b"));
}

#[test]
fn at_the_start_the_newest_snapshot_that_loads_is_taken() {
    let shop = Shop::new();
    shop.publish("a");
    shop.publish("b");
    let (third, _) = shop.publish_damaged("c");
    let (fourth, damage) = shop.publish_damaged("d");
    let (watcher, events) = shop.watch(NEVER);
    expect(&events, refused(&fourth));
    expect(&events, refused(&third));
    expect(&events, live("b"));
    damage.flip();
    watcher.retry()();
    expect(&events, live("d"));
}

#[test]
fn nothing_is_live_if_nothing_loads() {
    let shop = Shop::new();
    let (first, _) = shop.publish_damaged("a");
    let (second, _) = shop.publish_damaged("b");
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, refused(&second));
    expect(&events, refused(&first));
    assert!(shop.live.load().is_none());
    shop.publish("c");
    expect(&events, live("c"));
}

/// Does this process map the blob?
fn is_mapped(path: &Path) -> bool {
    // By its whole path: other tests map blobs of the same name.
    fs::read_to_string("/proc/self/maps").unwrap().contains(path.to_str().unwrap())
}

#[test]
fn a_snapshot_is_unmapped_after_its_last_reader() {
    let shop = Shop::new();
    let first = shop.publish("a");
    let first_path = shop.store.blob_path(&first.blobs[0]);
    let (_watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    let reader = shop.live.load().unwrap();
    let second = shop.publish("b");
    expect(&events, live("b"));
    shop.publish("c");
    expect(&events, live("c"));
    // The second was retired after the first, and nobody reads it.
    expect(&events, unmapped(&second));
    assert!(!is_mapped(&shop.store.blob_path(&second.blobs[0])));
    assert!(is_mapped(&first_path));
    assert_eq!(first_id(&reader.snapshot), "a");
    drop(reader);
    expect(&events, unmapped(&first));
    assert!(!is_mapped(&first_path));
}

#[test]
fn a_dropped_watcher_leaves_no_thread_behind() {
    let shop = Shop::new();
    shop.publish("a");
    let (watcher, events) = shop.watch(NEVER);
    expect(&events, live("a"));
    let retry = watcher.retry();
    drop(watcher);
    // The thread had the only sender; it ends by itself, soon.
    assert!(events.recv().is_err());
    retry();
    assert_eq!(shop.live_id(), "a");
}
