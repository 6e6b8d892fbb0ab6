//! Errors that no other test here produces by name.

use std::fs;

use super::*;

#[track_caller]
fn check(result: Result<impl Sized, Error>, expected: &str, says: &str) {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error_name(&error), expected, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_directory_without_blobs_and_tracks_is_no_store() {
    let dir = tempfile::tempdir().unwrap();
    check(Store::open(dir.path()), "NotAStore", "expected the directory");
    fs::create_dir(dir.path().join("blobs")).unwrap();
    check(Store::open(dir.path()), "NotAStore", "tracks");
    check(Store::open(&dir.path().join("nowhere")), "NotAStore", "nowhere/blobs");
}

#[test]
fn a_store_under_a_file_cannot_be_made() {
    let dir = tempfile::tempdir().unwrap();
    put_file(&dir.path().join("file"), b"");
    check(Store::create(&dir.path().join("file/store")), "Io", "cannot make directory");
}

#[test]
fn a_track_name_leads_nowhere_else() {
    let shop = shop();
    for name in ["", "..", "a/b", "Main", "main\0", "m\u{e4}in", &"x".repeat(65)] {
        check(shop.store.track(name), "BadTrackName", "expected 1 to 64");
        check(shop.store.create_track(name), "BadTrackName", "expected 1 to 64");
    }
    check(shop.store.track(&"x".repeat(64)), "UnknownTrack", "no such track");
}

#[test]
fn a_track_that_vanished_is_not_an_empty_one() {
    let shop = shop();
    fs::remove_dir(shop.track.dir()).unwrap();
    check(shop.track.head(), "Io", "cannot list");
}

#[test]
fn an_unknown_manifest_is_named() {
    check(shop().track.read(7), "UnknownManifest", "no manifest 7");
}

#[test]
fn a_publish_brings_one_blob_a_role() {
    let shop = shop();
    check(publish(&shop.track, "c1 c2"), "RoleTwice", "role catalog");
    check(publish(&shop.track, "c1 p1 p2"), "RoleTwice", "role policy");
    assert_eq!(shop.track.head_number().unwrap(), None);
}

#[test]
fn a_blob_has_the_size_that_was_said() {
    let shop = shop();
    let staged = shop.store.stage(Role::Catalog).unwrap();
    staged.file().write_all(b"abc").unwrap();
    let says = "has 3 bytes, expected 4";
    check(staged.commit(BlobHash::of(b"abc"), 4), "BlobSizeDiffers", says);
    assert_eq!(fs::read_dir(shop.store.blobs_dir()).unwrap().count(), 0);
}

#[test]
fn a_blob_of_another_size_is_not_published() {
    let shop = shop();
    let blob = commit(&shop.store, "c1").unwrap();
    let path = shop.store.blob_path(&blob);
    fs::remove_file(&path).unwrap();
    put_file(&path, b"c");
    check(shop.track.publish(&plain(&[blob])), "BlobSizeDiffers", "has 1 bytes, expected 2");
    assert_eq!(shop.track.head_number().unwrap(), None);
}

#[test]
fn a_missing_blob_stops_every_write_that_would_make_it_live() {
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    publish(&shop.track, "c2").unwrap();
    let first = shop.track.read(1).unwrap().blobs[0];
    fs::remove_file(shop.store.blob_path(&first)).unwrap();
    check(shop.track.publish(&plain(&[first])), "BlobMissing", "no blob");
    check(shop.track.rollback(&rollback_to(None)), "BlobMissing", &first.file_name());
    assert_eq!(shop.track.head_number().unwrap(), Some(2));

    let second = shop.track.read(2).unwrap().blobs[0];
    fs::remove_file(shop.store.blob_path(&second)).unwrap();
    shop.track.hold(&note("what is mapped still serves")).unwrap();
    check(shop.track.release(&|_, _| Ok(()), &note("")), "BlobMissing", &second.file_name());
}

#[test]
fn a_held_track_says_what_it_keeps_live() {
    let shop = shop();
    tell(&shop.track, "publish c1; publish c2; hold; publish c3");
    check(shop.track.hold(&note("")), "AlreadyHeld", "keeps manifest 2 live");
}
