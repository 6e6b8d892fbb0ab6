//! Files: nothing is overwritten, nothing stays behind, nothing of the living is removed.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    time::{Duration, SystemTime},
};

use super::*;
use crate::store::temp::{Put, TempFile};

fn set_modified(path: &Path, time: SystemTime) {
    File::open(path).unwrap().set_modified(time).unwrap();
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

const LONG_AGO: SystemTime = SystemTime::UNIX_EPOCH;

#[test]
fn put_never_overwrites() {
    let shop = shop();
    let path = shop.dir.path().join("store/blobs/name");
    put_file(&path, b"first");
    let temp = TempFile::create(Arc::new(LocalDisk), &shop.store.blobs_dir()).unwrap();
    temp.write(b"second").unwrap();
    assert_eq!(temp.put(&path).unwrap(), Put::Taken);
    assert_eq!(fs::read(&path).unwrap(), b"first");
}

#[test]
fn a_commit_leaves_the_blob_that_has_its_name() {
    let shop = shop();
    let blob = commit(&shop.store, "c1").unwrap();
    let path = shop.store.blob_path(&blob);
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let before = inode(&path);
    assert_eq!(commit(&shop.store, "c1").unwrap(), blob);
    assert_eq!(inode(&path), before);
}

/// The store once kept whatever had a blob's name and size, so that a damaged blob survived every
/// attempt to publish it anew.
#[test]
fn a_commit_replaces_a_blob_whose_bytes_are_not_those_of_its_name() {
    for damaged in ["c2", "longer than c1", ""] {
        let shop = shop();
        let blob = commit(&shop.store, "c1").unwrap();
        let path = shop.store.blob_path(&blob);
        fs::remove_file(&path).unwrap();
        put_file(&path, damaged.as_bytes());
        let reader = File::open(&path).unwrap();
        assert_eq!(commit(&shop.store, "c1").unwrap(), blob);
        assert_eq!(fs::read(&path).unwrap(), b"c1", "over {damaged:?}");
        assert_eq!(io::read_to_string(reader).unwrap(), damaged, "who reads it keeps it");
    }
}

#[test]
fn finished_files_are_named_by_the_rule_and_read_only() {
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    let blob = format!("store/blobs/{}.catalog.kdx", blake3::hash(b"c1").to_hex());
    for name in [&blob, "store/tracks/main/00000000000000000001.json"] {
        let mode = fs::metadata(shop.dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o444, "{name}");
    }
}

#[test]
fn a_staged_blob_that_is_dropped_leaves_nothing() {
    let shop = shop();
    let staged = shop.store.stage(Role::Policy).unwrap();
    let path = staged.path().to_owned();
    assert!(path.is_file());
    drop(staged);
    assert!(!path.exists());
    publish(&shop.track, "c1").unwrap();
    assert_eq!(fs::read_dir(shop.store.blobs_dir()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(shop.track.dir()).unwrap().count(), 1);
}

#[test]
fn a_taken_temporary_name_is_passed_over() {
    let shop = shop();
    // The next few names of this process, as a dead one of the same number would have left them.
    let first = shop.store.stage(Role::Policy).unwrap();
    let (prefix, counter) = first.path().to_str().unwrap().rsplit_once('-').unwrap();
    let counter: u64 = counter.parse().unwrap();
    let taken: Vec<_> = (1..50).map(|n| format!("{prefix}-{}", counter + n)).collect();
    for path in &taken {
        put_file(Path::new(path), b"left behind");
    }
    let second = shop.store.stage(Role::Policy).unwrap();
    assert!(second.file().metadata().unwrap().len() == 0);
    assert!(taken.iter().all(|path| fs::read(path).unwrap() == b"left behind"));
}

#[test]
fn a_reused_blob_is_made_young() {
    let shop = shop();
    let blob = commit(&shop.store, "c1").unwrap();
    let path = shop.store.blob_path(&blob);
    for reuse in ["commit", "publish", "rollback"] {
        set_modified(&path, LONG_AGO);
        match reuse {
            "commit" => drop(commit(&shop.store, "c1").unwrap()),
            "publish" => drop(publish(&shop.track, "p1 c1").unwrap()),
            _ => {
                publish(&shop.track, "c2").unwrap();
                set_modified(&path, LONG_AGO);
                shop.track.rollback(&rollback_to(Some(1))).unwrap();
            }
        }
        assert!(modified(&path) > LONG_AGO + Duration::from_secs(1), "{reuse}");
    }
}

#[test]
fn a_publish_removes_what_dead_writers_left_and_nothing_else() {
    let shop = shop();
    let now = modified(shop.store.dir());
    let hour = Duration::from_secs(3_600);
    let blobs = shop.store.blobs_dir();
    let old = now - hour - Duration::from_secs(60);
    let young = now - hour + Duration::from_secs(60);
    let files = [
        (blobs.join("tmp-4194999-0"), old, false),
        (blobs.join(format!("tmp-{}-999999", std::process::id())), old, false),
        (shop.track.dir().join("tmp-4194999-1"), old, false),
        (blobs.join("tmp-4194999-2"), young, true),
        (blobs.join("notes.txt"), old, true),
    ];
    for (path, time, _) in &files {
        put_file(path, b"half");
        set_modified(path, *time);
    }
    fs::create_dir(blobs.join("tmp-dir")).unwrap();
    let slow = shop.store.stage(Role::Policy).unwrap();
    slow.file().set_modified(old).unwrap();

    publish(&shop.track, "c1").unwrap();
    for (path, _, stays) in &files {
        assert_eq!(path.exists(), *stays, "{}", path.display());
    }
    assert!(slow.path().exists(), "a writer that lives keeps its file");
    assert!(blobs.join("tmp-dir").exists());
}

#[test]
fn other_files_in_a_track_do_not_count() {
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    let others = [
        "00000000000000000009.json~",
        "9.json",
        "0000000000000000000x.json",
        "+0000000000000000009.json",
        "99999999999999999999.json",
        "tmp-1-1",
    ];
    for name in others {
        put_file(&shop.track.dir().join(name), b"not ours");
    }
    assert_eq!(shop.track.head_number().unwrap(), Some(1));
}

#[test]
fn a_store_that_cannot_be_written_can_be_read() {
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    let before = modified(shop.track.dir());
    let track = Store::open(shop.store.dir()).unwrap().track(MAIN_TRACK).unwrap();
    let head = track.current().unwrap().unwrap();
    assert_eq!(track.history().count() + track.fallbacks(&head).count(), 1);
    assert_eq!(modified(shop.track.dir()), before);
}

/// The null device and `/proc` are opened like others, and refuse a sync.
#[test]
fn the_local_disk_hands_every_sync_to_the_system() {
    let refused = |synced: io::Result<()>| synced.unwrap_err().kind();
    let null = File::open("/dev/null").unwrap();
    assert_eq!(refused(LocalDisk.sync_file(&null)), io::ErrorKind::InvalidInput);
    assert_eq!(refused(LocalDisk.sync_dir(Path::new("/proc"))), io::ErrorKind::InvalidInput);
}
