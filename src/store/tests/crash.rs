//! A store whose n-th step on the file system fails, for every n.
//!
//! Goal: what was acknowledged stands, the write that failed stands whole or not at all, and the
//! next writer goes on. Method: a story that uses every kind of write runs to its end once, to count
//! its steps and to keep its manifests; then again and again with one step failing.

use std::{fs, sync::Arc};

use super::{
    disk::{Failure, TestDisk},
    *,
};

const STORY: [&str; 8] = [
    "publish c1 v1",
    "publish c2 p1",
    "publish p1 c2",
    "rollback",
    "hold",
    "publish c1 p2",
    "release",
    "rollback 2 p",
];

/// Takes the steps until one fails and hands back the number of the last manifest that was told.
fn acknowledged(dir: &Path, disk: Arc<dyn Disk>) -> u64 {
    let Ok(track) = Store::create_on(dir, disk).and_then(|store| store.track(MAIN_TRACK)) else {
        return 0;
    };
    let mut number = 0;
    for line in STORY {
        match step(&track, line) {
            Ok(done) => number = done.into_manifest().number,
            Err(_) => break,
        }
    }
    number
}

fn manifests(track: &Track) -> Vec<Manifest> {
    let mut found: Vec<_> = track.history().map(Result::unwrap).collect();
    found.reverse();
    found
}

fn temps(dir: &Path) -> usize {
    let names = ["blobs", "tracks/main"].map(|sub| fs::read_dir(dir.join(sub)));
    let names = names.into_iter().flatten().flatten();
    names
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("tmp-"))
        .count()
}

#[track_caller]
fn check_failures(failure: Failure) {
    let whole = tempfile::tempdir().unwrap();
    let counting = Arc::new(TestDisk::default());
    assert_eq!(acknowledged(whole.path(), counting.clone()), 7);
    let expected = manifests(&Store::open(whole.path()).unwrap().track(MAIN_TRACK).unwrap());
    assert!(counting.steps() > 150, "the story takes every kind of step");

    for n in 0..counting.steps() {
        let dir = tempfile::tempdir().unwrap();
        let told = acknowledged(dir.path(), Arc::new(TestDisk::failing(n, failure)));
        let store = Store::create_on(dir.path(), Arc::new(TestDisk::default())).unwrap();
        let track = store.track(MAIN_TRACK).unwrap();
        let found = manifests(&track);
        let count = found.len() as u64;
        assert!(count == told || count == told + 1, "step {n}: told {told}, found {count}");
        assert_eq!(found, expected[..found.len()], "step {n}");
        for manifest in &found {
            let texts = texts(&store, manifest);
            let of = |blob: &BlobRef| fs::read(store.blob_path(blob)).unwrap();
            let right = |blob: &BlobRef| BlobHash::of(&of(blob)) == blob.hash;
            assert!(manifest.blobs.iter().all(right), "step {n}: {texts}");
        }
        // Only the removal itself may leave a temporary file to a process that lives on.
        assert!(failure == Failure::Crash || temps(dir.path()) <= 1, "step {n}");
        let next = publish(&track, "c9 o9").unwrap().into_manifest();
        assert_eq!(next.number, count + 1, "step {n}");
    }
}

#[test]
fn a_failing_step_leaves_the_old_state_or_the_new_one() {
    check_failures(Failure::Once);
}

#[test]
fn a_crash_at_any_step_leaves_the_old_state_or_the_new_one() {
    check_failures(Failure::Crash);
}

/// What a step did, without reading.
#[test]
fn a_damaged_blob_is_replaced_whole_or_not_at_all() {
    let attempt = |disk: Arc<TestDisk>| {
        let dir = tempfile::tempdir().unwrap();
        let plain = Store::create(dir.path()).unwrap();
        let path = plain.blob_path(&commit(&plain, "c1").unwrap());
        fs::remove_file(&path).unwrap();
        put_file(&path, b"damaged");
        let store = Store::create_on(dir.path(), disk).unwrap();
        let result = commit(&store, "c1");
        (result.is_ok(), fs::read_to_string(&path).unwrap())
    };
    let counting = Arc::new(TestDisk::default());
    assert_eq!(attempt(counting.clone()), (true, "c1".to_owned()));
    let steps = done(&counting);
    let before = steps.iter().position(|step| step.starts_with("hash")).unwrap();
    assert!(steps[before..].iter().any(|step| step.starts_with("replace")));
    for failure in [Failure::Once, Failure::Crash] {
        for n in before..steps.len() {
            let (told, found) = attempt(Arc::new(TestDisk::failing(n, failure)));
            let expected: &[&str] = if told { &["c1"] } else { &["damaged", "c1"] };
            assert!(expected.contains(&found.as_str()), "step {n}: told {told}, found {found}");
        }
    }
}

fn done(disk: &TestDisk) -> Vec<String> {
    let reading = ["names", "read", "size", "modified", "is_abandoned", "lock"];
    let mut done = disk.take_done();
    done.retain(|step| !reading.contains(&step.split(' ').next().unwrap()));
    done
}

#[test]
fn a_name_appears_only_after_its_bytes_and_what_it_names_are_synced() {
    let disk = Arc::new(TestDisk::default());
    let shop = shop_on(disk.clone());
    let made = ["store", "blobs", "tracks", "main"].map(|name| format!("create_dir {name}"));
    let creating = done(&disk);
    for (dir, parent) in made.iter().zip(["", "store", "store", "tracks"]) {
        let at = creating.iter().position(|step| step == dir).unwrap();
        assert!(creating[at + 1].starts_with(&format!("sync_dir {parent}")), "{creating:?}");
    }

    let blob = commit(&shop.store, "c1").unwrap();
    let put_blob = [
        "create tmp",
        "make_read_only",
        "sync_file",
        "link catalog.kdx",
        "sync_dir blobs",
        "remove tmp",
    ];
    assert_eq!(done(&disk), put_blob);

    shop.track.publish(&plain(&[blob])).unwrap();
    let put_manifest = [
        "create tmp",
        "touch catalog.kdx",
        "write",
        "make_read_only",
        "sync_file",
        "link 1.json",
        "sync_dir main",
        "remove tmp",
    ];
    assert_eq!(done(&disk), put_manifest);

    // Whoever linked this blob before may not have lived to sync it.
    commit(&shop.store, "c1").unwrap();
    let again = disk.take_done();
    assert!(again.contains(&"sync_dir blobs".to_owned()), "{again:?}");
    assert!(again.contains(&"touch catalog.kdx".to_owned()), "{again:?}");
}

#[test]
fn a_name_that_changes_hands_is_synced_before_anyone_hears_so() {
    let disk = Arc::new(TestDisk::default());
    let shop = shop_on(disk.clone());
    let path = shop.store.blob_path(&commit(&shop.store, "c1").unwrap());
    fs::remove_file(&path).unwrap();
    put_file(&path, b"damaged");
    done(&disk);
    commit(&shop.store, "c1").unwrap();
    let steps = done(&disk);
    let at = steps.iter().position(|step| step == "replace catalog.kdx").unwrap();
    assert_eq!(steps[at + 1], "sync_dir blobs", "{steps:?}");
}

#[test]
fn who_finds_the_directories_of_a_store_made_syncs_them_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    Store::create(&path).unwrap();
    let disk = Arc::new(TestDisk::default());
    Store::create_on(&path, disk.clone()).unwrap();
    assert_eq!(done(&disk), ["sync_dir store", "sync_dir tracks"]);
}

#[test]
fn a_blob_that_vanishes_while_its_manifest_is_written_is_named() {
    let disk = Arc::new(TestDisk::default());
    let shop = shop_on(disk.clone());
    let blob = commit(&shop.store, "c1").unwrap();
    let path = shop.store.blob_path(&blob);
    disk.before_manifest(move || fs::remove_file(path).unwrap());
    let error = shop.track.publish(&plain(&[blob])).unwrap_err();
    assert_eq!(error_name(&error), "BlobVanished");
    assert!(error.to_string().contains("manifest 1 is written"), "{error}");
    // Publishing the same again repairs it, and the manifest is there already.
    assert!(matches!(publish(&shop.track, "c1").unwrap(), Published::Unchanged(_)));
}
