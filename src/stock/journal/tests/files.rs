//! The journal on real files.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::{
    Journal, JournalError, LocalStorage, Sink, Storage as _, append,
    format::{Kind, NUMBER_MAX, checkpoint_name, kind_of, segment_name},
    open, texts,
};
use crate::model::limits::JOURNAL_PAYLOAD_BYTES_MAX;

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_appended_comes_back_and_checkpoints_take_files_away() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("journal");
    let local = || LocalStorage::create(&dir).unwrap();
    let (mut journal, _, found) = open(local()).unwrap();
    assert_eq!(found, texts(""));
    append(&mut journal, &texts("a b")).unwrap();
    append(&mut journal, &texts("c")).unwrap();
    drop(journal);
    let (mut journal, _, found) = open(local()).unwrap();
    assert_eq!(found, texts("a b c"));
    let sealed = journal.rotate().unwrap();
    append(&mut journal, &texts("d")).unwrap();
    journal.checkpoint(sealed, &mut texts("abc").into_iter()).unwrap();
    assert_eq!(names(&dir), [checkpoint_name(3), segment_name(3)]);
    drop(journal);
    File::create_new(dir.join("new.tmp")).unwrap();
    File::create_new(dir.join("lock")).unwrap();
    let (_, recovery, found) = open(local()).unwrap();
    assert_eq!((found, recovery.checkpoint_records), (texts("abc d"), 1));
    assert_eq!(names(&dir), [&checkpoint_name(3), &segment_name(3), "lock"]);
    assert_eq!((mode(&dir), mode(&dir.join(segment_name(3)))), (0o700, 0o600));
    assert_eq!(mode(&dir.join(checkpoint_name(3))), 0o600);
}

#[test]
fn a_torn_tail_is_cut() {
    let temp = tempfile::tempdir().unwrap();
    let local = || LocalStorage::create(temp.path()).unwrap();
    let (mut journal, _, _) = open(local()).unwrap();
    append(&mut journal, &texts("a")).unwrap();
    append(&mut journal, &texts("b")).unwrap();
    drop(journal);
    let path = temp.path().join(segment_name(1));
    let len = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len + 77).unwrap();
    let (_, recovery, found) = open(local()).unwrap();
    assert_eq!((recovery.torn_bytes, found), (77, texts("a b")));
    assert_eq!(fs::metadata(&path).unwrap().len(), len);
}

#[test]
fn payloads_of_any_length_up_to_the_limit_come_back() {
    let temp = tempfile::tempdir().unwrap();
    let local = || LocalStorage::create(temp.path()).unwrap();
    let (mut journal, _, _) = open(local()).unwrap();
    let payloads: Vec<_> = [0, 1, 300_000, JOURNAL_PAYLOAD_BYTES_MAX, 5]
        .map(|len| vec![u8::try_from(len % 251).unwrap(); len])
        .into();
    append(&mut journal, &payloads).unwrap();
    append(&mut journal, &texts("")).unwrap();
    let over = vec![vec![0; JOURNAL_PAYLOAD_BYTES_MAX + 1]];
    let error = append(&mut journal, &over).unwrap_err();
    assert!(matches!(error, JournalError::PayloadTooLong { .. }), "{error}");
    assert!(!journal.is_broken());
    let sealed = journal.rotate().unwrap();
    let error = journal.checkpoint(sealed, &mut over.into_iter()).unwrap_err();
    assert!(matches!(error, JournalError::PayloadTooLong { .. }), "{error}");
    let sealed = journal.rotate().unwrap();
    assert_eq!(open(local()).unwrap().2, payloads);
    journal.checkpoint(sealed, &mut payloads.clone().into_iter()).unwrap();
    assert_eq!(open(local()).unwrap().2, payloads);
}

#[test]
fn a_seal_older_than_the_newest_checkpoint_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(LocalStorage::create(temp.path()).unwrap()).unwrap();
    append(&mut journal, &texts("a")).unwrap();
    let older = journal.rotate().unwrap();
    append(&mut journal, &texts("b")).unwrap();
    let newer = journal.rotate().unwrap();
    journal.checkpoint(newer, &mut texts("a b").into_iter()).unwrap();
    journal.checkpoint(older, &mut texts("a").into_iter()).unwrap();
    assert_eq!(open(LocalStorage::create(temp.path()).unwrap()).unwrap().2, texts("a b"));
}

#[test]
fn a_payload_that_its_owner_refuses_ends_the_recovery_and_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let local = || Box::new(LocalStorage::create(temp.path()).unwrap());
    let (mut journal, _, _) = open(*local()).unwrap();
    append(&mut journal, &texts("good bad")).unwrap();
    drop(journal);
    let before = names(temp.path());
    let refuse = &mut |payload: &[u8]| match payload {
        b"bad" => Err("no such change".to_owned()),
        _ => Ok(()),
    };
    let error = Journal::open(local(), &mut |_| Ok(()), refuse).unwrap_err();
    assert!(matches!(error, JournalError::Refused { sequence: 2, offset: 68, .. }), "{error}");
    assert!(error.to_string().contains("no such change"), "{error}");
    assert_eq!(names(temp.path()), before);
}

#[test]
fn a_directory_in_the_place_of_a_segment_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join(segment_name(1))).unwrap();
    let error = open(LocalStorage::create(temp.path()).unwrap()).unwrap_err().to_string();
    assert!(error.contains("expected a regular file"), "{error}");
}

#[test]
fn only_names_as_the_journal_writes_them_count() {
    let is = |name: &str, kind| assert_eq!(kind_of(name), kind, "{name}");
    is(&segment_name(7), Kind::Segment(7));
    is(&checkpoint_name(NUMBER_MAX), Kind::Checkpoint(NUMBER_MAX));
    is("new.tmp", Kind::Temp);
    for name in ["7.log", "lock", "+0000000000000000007.log", "00000000000000000007.log~", ""] {
        is(name, Kind::Other);
    }
    is(&segment_name(0), Kind::Other);
    is(&segment_name(NUMBER_MAX + 1), Kind::Other);
}

/// The null device and `/proc` are opened like others, and refuse a sync.
#[test]
fn the_local_directory_hands_every_sync_to_the_system() {
    let refused = |synced: io::Result<()>| synced.unwrap_err().kind();
    let mut null = File::options().write(true).open("/dev/null").unwrap();
    assert_eq!(refused(Sink::sync_data(&mut null)), io::ErrorKind::InvalidInput);
    let proc = LocalStorage::create(Path::new("/proc")).unwrap();
    assert_eq!(refused(proc.sync_dir()), io::ErrorKind::InvalidInput);
    let inside = LocalStorage::create(Path::new("/proc/self"));
    assert_eq!(refused(inside.map(drop)), io::ErrorKind::InvalidInput, "its parent is synced");
}
