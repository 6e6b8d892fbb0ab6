//! The store, on real files in temporary directories.
//!
//! Stories are told in one line a step: `publish c1 p1` publishes a catalog with the text `c1` and
//! a policy `p1` (`o`, `v`, `d`: overrides, provenance, dropped); `rollback 2 cp` goes back to
//! manifest 2 in the roles of `c` and `p`. What comes out is `number:live texts`, with `*` while
//! held, `=` before an unchanged publish, or the name of the error. Goal: each rule of publish,
//! rollback, hold and release as a line that a person can check by hand.

mod crash;
mod disk;
mod errors;
mod files;
mod hostile;
mod race;
mod retain;

use std::{fs, io::Write, path::Path};

use super::*;
use crate::index::BlobHash;

pub(super) struct Shop {
    pub(super) dir: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) track: Track,
}

pub(super) fn shop() -> Shop {
    shop_on(Arc::new(LocalDisk))
}

pub(super) fn shop_on(disk: Arc<dyn Disk>) -> Shop {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create_on(&dir.path().join("store"), disk).unwrap();
    let track = store.track(MAIN_TRACK).unwrap();
    Shop { dir, store, track }
}

pub(super) fn note(reason: &str) -> Note {
    Note {
        actor: "ana".to_owned(),
        reason: reason.to_owned(),
        created_at: "2026-03-01T04:05:06Z".to_owned(),
    }
}

fn role_of(letter: char) -> Role {
    match letter {
        'c' => Role::Catalog,
        'p' => Role::Policy,
        'o' => Role::Overrides,
        'v' => Role::Provenance,
        'd' => Role::Dropped,
        _ => panic!("no role {letter}"),
    }
}

/// Commits a blob whose bytes are this text; its first letter says the role.
pub(super) fn commit(store: &Store, text: &str) -> Result<BlobRef, Error> {
    let staged = store.stage(role_of(text.chars().next().unwrap()))?;
    staged.file().write_all(text.as_bytes()).unwrap();
    staged.commit(BlobHash::of(text.as_bytes()), text.len() as u64)
}

pub(super) fn no_guard(_: Option<&Manifest>) -> Result<(), GuardRefusal> {
    Ok(())
}

pub(super) fn publish(track: &Track, texts: &str) -> Result<Published, Error> {
    let blobs: Result<Vec<_>, _> =
        texts.split_whitespace().map(|text| commit(&track.store, text)).collect();
    track.publish(&plain(&blobs?))
}

pub(super) fn plain(blobs: &[BlobRef]) -> Publish<'_> {
    Publish { blobs, guard: &no_guard, since: None, over_rollback: false, note: note("nightly") }
}

pub(super) fn rollback_to(to: Option<u64>) -> Rollback<'static> {
    Rollback { to, roles: &[], expected_active: None, note: note("bad prices") }
}

/// The texts of a manifest's blobs, in the order of their roles.
pub(super) fn texts(store: &Store, manifest: &Manifest) -> String {
    let read = |blob: &BlobRef| fs::read_to_string(store.blob_path(blob)).unwrap();
    manifest.blobs.iter().map(read).collect::<Vec<_>>().join(" ")
}

pub(super) fn error_name(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split([' ', '(', '{']).next().unwrap().to_owned()
}

fn step(track: &Track, line: &str) -> Result<Published, Error> {
    let line = line.trim();
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "publish" => publish(track, rest),
        "hold" => track.hold(&note("sale")).map(Published::Written),
        "release" => track.release(&|_, _| Ok(()), &note("sale over")).map(Published::Written),
        "rollback" => {
            let to = rest.split_whitespace().find_map(|word| word.parse().ok());
            let letters = rest.split_whitespace().find(|word| word.parse::<u64>().is_err());
            let roles: Vec<Role> = letters.unwrap_or("").chars().map(role_of).collect();
            let rollback = Rollback { roles: &roles, ..rollback_to(to) };
            track.rollback(&rollback).map(Published::Written)
        }
        _ => panic!("no step {line}"),
    }
}

/// Takes the steps and says after each what it gave.
fn tell(track: &Track, story: &str) -> String {
    let said = story.split(';').map(|line| {
        let done = match step(track, line) {
            Ok(done) => done,
            Err(error) => return error_name(&error),
        };
        let sign = if matches!(done, Published::Unchanged(_)) { "=" } else { "" };
        let manifest = done.into_manifest();
        assert_eq!(track.head().unwrap().unwrap(), manifest, "writes hand back the head");
        let live = track.current().unwrap().unwrap();
        let held = if manifest.held { "*" } else { "" };
        format!("{sign}{}{held}:{}", manifest.number, texts(&track.store, &live))
    });
    said.collect::<Vec<_>>().join(" | ")
}

#[track_caller]
fn check(story: &str, expected: &str) {
    assert_eq!(tell(&shop().track, story), expected, "{story}");
}

/// Takes the steps, then lists what boot would try.
#[track_caller]
fn check_fallbacks(story: &str, expected: &str) {
    let shop = shop();
    tell(&shop.track, story);
    let head = shop.track.head().unwrap().unwrap();
    let offered = shop.track.fallbacks(&head).map(|offered| {
        let offered = offered.unwrap();
        format!("{}:{}", offered.number, texts(&shop.store, &offered))
    });
    assert_eq!(offered.collect::<Vec<_>>().join(" | "), expected, "{story}");
}

#[test]
fn a_publish_takes_the_roles_it_does_not_bring_from_its_parent() {
    check("publish c1 p1; publish p2; publish o1", "1:c1 p1 | 2:c1 p2 | 3:c1 p2 o1");
    check("publish c1 p1; publish c2", "1:c1 p1 | 2:c2 p1");
    check("publish p1; publish c1", "NoCatalog | 1:c1");
}

#[test]
fn a_policy_or_overrides_alone_keep_all_that_was_compiled() {
    check(
        "publish c1 v1 d1; publish p1; publish o1; publish o1; publish o2; publish p2",
        "1:c1 v1 d1 | 2:c1 p1 v1 d1 | 3:c1 p1 o1 v1 d1 | =3:c1 p1 o1 v1 d1 | 4:c1 p1 o2 v1 d1 | \
         5:c1 p2 o2 v1 d1",
    );
    // A compile keeps them in turn.
    check(
        "publish c1 v1 d1; publish o1; publish c2 v2 d2",
        "1:c1 v1 d1 | 2:c1 o1 v1 d1 | 3:c2 o1 v2 d2",
    );
    check(
        "publish c1 v1 d1; publish p1 o1; publish o2; rollback o; rollback 2 po",
        "1:c1 v1 d1 | 2:c1 p1 o1 v1 d1 | 3:c1 p1 o2 v1 d1 | 4:c1 p1 o1 v1 d1 | RollbackChangesNothing",
    );
}

#[test]
fn provenance_and_dropped_are_inherited_only_with_their_catalog() {
    check("publish c1 v1 d1; publish p1", "1:c1 v1 d1 | 2:c1 p1 v1 d1");
    check("publish c1 v1 d1; publish c2 v2", "1:c1 v1 d1 | 2:c2 v2");
    check("publish c1 v1; publish c1 d1", "1:c1 v1 | 2:c1 v1 d1");
    check("publish c1 v1; publish v2", "1:c1 v1 | 2:c1 v2");
}

#[test]
fn a_publish_equal_to_the_newest_one_writes_nothing() {
    check("publish c1 p1; publish c1 p1; publish p1", "1:c1 p1 | =1:c1 p1 | =1:c1 p1");
    check("publish c1 v1; publish c1 v2", "1:c1 v1 | 2:c1 v2");
    check("publish c1; hold; publish c2; publish c2", "1:c1 | 2*:c1 | 3*:c1 | =3*:c1");
}

#[test]
fn what_a_rollback_left_can_be_published_again() {
    check(
        "publish c1; publish c2; rollback; publish c2; publish c2",
        "1:c1 | 2:c2 | 3:c1 | 4:c2 | =4:c2",
    );
}

#[test]
fn a_rollback_goes_to_the_content_that_was_live_before() {
    check(
        "publish c1; publish c2; publish c3; rollback; rollback; rollback",
        "1:c1 | 2:c2 | 3:c3 | 4:c2 | 5:c1 | NothingToRollBackTo",
    );
    check("publish c1; publish c2 v1; publish v2; rollback", "1:c1 | 2:c2 v1 | 3:c2 v2 | 4:c1");
    check("publish c1; publish c2; rollback; publish c3; rollback", {
        "1:c1 | 2:c2 | 3:c1 | 4:c3 | 5:c1"
    });
    check("rollback; publish c1; rollback", "EmptyTrack | 1:c1 | NothingToRollBackTo");
}

#[test]
fn a_rollback_never_returns_to_what_an_earlier_one_left() {
    // Manifest 2 has the content that the first rollback left as manifest 4.
    check(
        "publish c1; publish c2; publish c1; publish c2; rollback; rollback",
        "1:c1 | 2:c2 | 3:c1 | 4:c2 | 5:c1 | NothingToRollBackTo",
    );
}

#[test]
fn a_rollback_that_was_undone_speaks_against_nothing() {
    check(
        "publish c1; publish c2; rollback; rollback 2; rollback",
        "1:c1 | 2:c2 | 3:c1 | 4:c2 | 5:c1",
    );
}

#[test]
fn a_rollback_may_name_a_manifest() {
    check("publish c1; publish c2; publish c3; rollback 1", "1:c1 | 2:c2 | 3:c3 | 4:c1");
    check("publish c1; publish c2; rollback 2; rollback 3", {
        "1:c1 | 2:c2 | RollbackChangesNothing | UnknownManifest"
    });
    check("publish c1; rollback 0", "1:c1 | UnknownManifest");
}

#[test]
fn a_rollback_may_name_roles() {
    let story = "publish c1 p1 v1; publish c2 p2 v2";
    let so_far = "1:c1 p1 v1 | 2:c2 p2 v2";
    let both = |line: &str, expected: &str| {
        check(&format!("{story}; {line}"), &format!("{so_far} | {expected}"));
    };
    both("rollback 1 c", "3:c1 p2 v1");
    both("rollback 1 p", "3:c2 p1 v2");
    both("rollback 1 cp", "3:c1 p1 v1");
    both("rollback 1 v", "RollbackChangesNothing");
    both("rollback v", "NothingToRollBackTo");
    both("rollback 1 o", "RollbackChangesNothing");
    // A role that the target lacks goes away, provenance with its catalog.
    check("publish c1; publish c2 o1 v2; rollback o", "1:c1 | 2:c2 o1 v2 | 3:c2 v2");
    check("publish c1; publish c2 o1 v2; rollback c", "1:c1 | 2:c2 o1 v2 | 3:c1 o1");
}

#[test]
fn a_rollback_of_roles_goes_to_where_those_roles_differ() {
    check(
        "publish c1 p1; publish c1 p2; publish c2 p2; rollback p; rollback p",
        "1:c1 p1 | 2:c1 p2 | 3:c2 p2 | 4:c2 p1 | NothingToRollBackTo",
    );
}

#[test]
fn while_a_hold_stands_publishes_are_stored_but_not_live() {
    check(
        "publish c1; hold; publish c2; publish p1; release; publish c3",
        "1:c1 | 2*:c1 | 3*:c1 | 4*:c1 | 5:c2 p1 | 6:c3 p1",
    );
    check("publish c1; hold; release; rollback", "1:c1 | 2*:c1 | 3:c1 | NothingToRollBackTo");
}

#[test]
fn holds_and_releases_alternate() {
    check("hold; publish c1; release; hold; hold", {
        "EmptyTrack | 1:c1 | NotHeld | 2*:c1 | AlreadyHeld"
    });
    check("release; publish c1; hold; release; release; hold", {
        "EmptyTrack | 1:c1 | 2*:c1 | 3:c1 | NotHeld | 4*:c1"
    });
}

#[test]
fn a_rollback_while_held_is_live_and_keeps_the_hold() {
    check(
        "publish c1; publish c2; hold; rollback; publish c3; release",
        "1:c1 | 2:c2 | 3*:c2 | 4*:c1 | 5*:c1 | 6:c3",
    );
}

#[test]
fn a_release_brings_back_nothing_older_than_a_rollback() {
    check("publish c1; publish c2; hold; rollback; release", {
        "1:c1 | 2:c2 | 3*:c2 | 4*:c1 | 5:c1"
    });
    // Publish 4 waited when the operator decided for c1.
    check("publish c1; publish c2; hold; publish c3; rollback; release", {
        "1:c1 | 2:c2 | 3*:c2 | 4*:c2 | 5*:c1 | 6:c1"
    });
    // A rollback to what is live throws away what waits, and only then is a change.
    check("publish c1; hold; publish c2; rollback 1; release", {
        "1:c1 | 2*:c1 | 3*:c1 | 4*:c1 | 5:c1"
    });
    check("publish c1; hold; rollback 1", "1:c1 | 2*:c1 | RollbackChangesNothing");
}

#[test]
fn a_rollback_after_a_release_goes_to_what_was_held() {
    check("publish c1; hold; publish c2; publish c3; release; rollback", {
        "1:c1 | 2*:c1 | 3*:c1 | 4*:c1 | 5:c3 | 6:c1"
    });
}

#[test]
fn fallbacks_walk_down_what_was_live() {
    check_fallbacks("publish c1", "");
    check_fallbacks("publish c1; publish c2; publish c3", "2:c2 | 1:c1");
    check_fallbacks("publish c1; publish c2; publish c1; publish c3", "3:c1 | 2:c2");
    // Provenance is no reason to call two contents one: the blob may be what cannot be opened.
    check_fallbacks("publish c1 v1; publish v2", "1:c1 v1");
}

#[test]
fn fallbacks_jump_over_what_a_rollback_left() {
    check_fallbacks("publish c1; publish c2; publish c3; rollback 1", "");
    check_fallbacks("publish c1; publish c2; publish c3; rollback", "1:c1");
    check_fallbacks("publish c1; publish c2; rollback; publish c3", "3:c1");
    check_fallbacks("publish c1; publish c2; publish c1; publish c2; rollback; publish c3", "5:c1");
    check_fallbacks("publish c1; publish c2; rollback; publish c2; publish c3", "4:c2 | 3:c1");
    check_fallbacks("publish c1; publish c2; rollback; rollback 2", "1:c1");
    check_fallbacks("publish c1 p1; publish c2 p2; rollback 1 c", "1:c1 p1");
}

#[test]
fn fallbacks_leave_out_what_waits_behind_a_hold() {
    check_fallbacks("publish c1; publish c2; hold; publish c3", "1:c1");
    check_fallbacks("publish c1; hold; publish c2; publish c3; release", "1:c1");
}

#[test]
fn history_is_newest_first() {
    let shop = shop();
    assert_eq!(shop.track.history().count(), 0);
    tell(&shop.track, "publish c1; hold; publish c2; release; rollback");
    let kinds = shop.track.history().map(|manifest| manifest.unwrap().kind.code());
    assert_eq!(kinds.collect::<Vec<_>>(), ["rollback", "release", "publish", "hold", "publish"]);
}

#[test]
fn an_empty_track_has_no_head() {
    let shop = shop();
    assert_eq!(shop.track.head_number().unwrap(), None);
    assert_eq!(shop.track.head().unwrap(), None);
    assert_eq!(shop.track.current().unwrap(), None);
}

#[test]
fn a_manifest_reads_as_it_was_written() {
    let shop = shop();
    publish(&shop.track, "c1 p1").unwrap();
    publish(&shop.track, "c2").unwrap();
    let rollback = Rollback { roles: &[Role::Catalog], ..rollback_to(Some(1)) };
    let written = shop.track.rollback(&rollback).unwrap();
    let read = Store::open(shop.store.dir()).unwrap().track("main").unwrap().read(3).unwrap();
    assert_eq!(read, written);
    assert_eq!(read.parent, Some(2));
    assert_eq!(read.kind, Kind::Rollback { to: 1, roles: vec![Role::Catalog] });
    assert_eq!((read.active, read.held), (3, false));
    assert_eq!(read.note, note("bad prices"));
    assert_eq!(read.tool_version, format!("kindred {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(read.snapshot_id, snapshot_id(&read.blobs));
}

#[test]
fn tracks_are_apart() {
    let shop = shop();
    let canary = shop.store.create_track("canary-2").unwrap();
    publish(&canary, "c1").unwrap();
    assert_eq!(shop.track.head().unwrap(), None);
    assert_eq!(canary.head().unwrap().unwrap().number, 1);
    let made_again = shop.store.create_track("canary-2").unwrap();
    assert_eq!(made_again.head_number().unwrap(), Some(1));
}

#[test]
fn creating_a_store_twice_keeps_it() {
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    let again = Store::create(shop.store.dir()).unwrap();
    assert_eq!(again.track(MAIN_TRACK).unwrap().head_number().unwrap(), Some(1));
}

#[test]
fn a_snapshot_id_is_over_number_and_hash_of_what_shapes_answers() {
    let blob = |text: &str| BlobRef {
        role: role_of(text.chars().next().unwrap()),
        hash: BlobHash::of(text.as_bytes()),
        size_bytes: text.len() as u64,
    };
    let (c, p, o, v, d) = (blob("c"), blob("p"), blob("o"), blob("v"), blob("d"));
    let mut spelled = b"kindred snapshot id 1\n".to_vec();
    for (number, text) in [(1, "c"), (2, "p"), (3, "o")] {
        spelled.extend([number, 0, 0, 0]);
        spelled.extend(blake3::hash(text.as_bytes()).as_bytes());
    }
    let expected: String = blake3::hash(&spelled).to_hex().chars().take(32).collect();
    assert_eq!(snapshot_id(&[c, p, o]).to_string(), expected);
    assert_eq!(snapshot_id(&[d, o, c, v, p]).to_string(), expected);
    assert_ne!(snapshot_id(&[c, p]), snapshot_id(&[c, p, o]));
    assert_ne!(snapshot_id(&[c]), snapshot_id(&[BlobRef { role: Role::Policy, ..c }]));
    assert_eq!(expected.parse(), Ok(snapshot_id(&[c, p, o])));
    for wrong in ["", "0123", &expected.to_uppercase(), &format!("{expected}0"), &"g".repeat(32)] {
        assert_eq!(wrong.parse::<SnapshotId>(), Err(SnapshotIdError), "{wrong}");
    }
}

/// Writes a file that the store did not make.
pub(super) fn put_file(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all(bytes).unwrap();
}
