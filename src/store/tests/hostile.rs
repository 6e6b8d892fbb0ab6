//! Manifests that no writer of ours made: refused by name, or equal; never a panic.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{
    model::limits::{MANIFEST_BYTES_MAX, MANIFEST_TEXT_BYTES_MAX},
    store::wire::{self, KindCode, ManifestFile},
};

/// A track of four manifests, the last one a rollback with every field set.
fn rich() -> Shop {
    let shop = shop();
    tell(&shop.track, "publish c1 p1 v1 d1; publish c2 o1; hold; rollback 1 cp");
    shop
}

fn path(number: u64) -> PathBuf {
    PathBuf::from(format!("{number:020}.json"))
}

fn bytes(shop: &Shop, number: u64) -> Vec<u8> {
    fs::read(shop.track.dir().join(path(number))).unwrap()
}

#[test]
fn a_truncated_manifest_is_refused_at_every_byte() {
    let shop = rich();
    let whole = bytes(&shop, 4);
    assert_eq!(whole.last(), Some(&b'\n'));
    for len in 0..whole.len() - 1 {
        let error = wire::decode(&whole[..len], 4, &path(4)).unwrap_err();
        assert_eq!(error_name(&error), "DamagedManifest", "{len} bytes");
    }
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    let shop = rich();
    let expected = shop.track.read(4).unwrap();
    let whole = bytes(&shop, 4);
    let mut refused = 0;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            match wire::decode(&bytes, 4, &path(4)) {
                Ok(manifest) => assert_eq!(manifest, expected, "byte {at}, bit {bit}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > whole.len() * 7, "{refused} of {} bits", whole.len() * 8);
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(wire::decode(&bytes, 1, &path(1)).is_err());
    }

    #[test]
    fn a_manifest_with_any_piece_replaced_is_refused_or_equal(
        start in 0.0..1.0, len in 0_usize..40, piece in "[\"{}\\[\\],:0-9a-z\\\\ ]{0,40}",
    ) {
        let shop = shop();
        let expected = publish(&shop.track, "c1").unwrap().into_manifest();
        let mut bytes = bytes(&shop, 1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
        let start = (start * bytes.len() as f64) as usize;
        let end = bytes.len().min(start + len);
        bytes.splice(start..end, piece.into_bytes());
        if let Ok(manifest) = wire::decode(&bytes, 1, &path(1)) {
            prop_assert_eq!(manifest, expected);
        }
    }
}

/// What reading manifest 4 says when its text is changed by hand.
#[track_caller]
fn check_text(from: &str, to: &str, expected: &str, says: &str) {
    let shop = rich();
    let text = String::from_utf8(bytes(&shop, 4)).unwrap();
    assert!(text.contains(from), "{text}");
    let error = wire::decode(text.replacen(from, to, 1).as_bytes(), 4, &path(4)).unwrap_err();
    assert_eq!(error_name(&error), expected, "{to}: {error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn damage_is_named_with_line_and_column() {
    check_text("\"held\": true", "\"held\": yes", "DamagedManifest", "at line 40 column 11");
    check_text("\"held\": true", "\"held\": 1", "DamagedManifest", "expected a boolean");
    check_text("\"held\"", "\"helt\"", "DamagedManifest", "unknown field `helt`");
    check_text("\"held\": true", "\"held\": true, \"held\": true", "DamagedManifest", "duplicate");
    check_text("\"catalog\"", "\"katalog\"", "DamagedManifest", "expected a role");
    check_text("\"hash\": \"", "\"hash\": \"F", "DamagedManifest", "64 hexadecimal digits");
    check_text("\"snapshot_id\": \"", "\"snapshot_id\": \"0", "DamagedManifest", "32 hexadecimal");
    check_text("\"rollback\"", "\"undo\"", "DamagedManifest", "unknown variant `undo`");
    check_text("\"\n}\n", "\"\n}{}\n", "DamagedManifest", "trailing");
    check_text("bad prices", "good prices", "ManifestChecksum", "checksum");
    check_text("\"checksum\": \"", "\"checksum\": \"0", "ManifestChecksum", "checksum");
}

#[test]
fn another_format_is_refused_by_name_whatever_its_fields() {
    check_text("\"format\": 1", "\"format\": 2, \"shards\": 3", "UnknownFormat", "2, expected 1");
    check_text("\"format\": 1", "\"format\": 0", "UnknownFormat", "0, expected 1");
    check_text("\"format\": 1,", "", "DamagedManifest", "missing field `format`");
}

#[test]
fn whitespace_is_no_damage() {
    let shop = rich();
    let mut padded = bytes(&shop, 4);
    padded.resize(MANIFEST_BYTES_MAX, b' ');
    assert_eq!(wire::decode(&padded, 4, &path(4)).unwrap(), shop.track.read(4).unwrap());
    padded.push(b' ');
    let error = wire::decode(&padded, 4, &path(4)).unwrap_err();
    assert_eq!(error_name(&error), "ManifestTooLarge");
}

#[test]
fn a_huge_manifest_is_not_read_to_its_end() {
    let shop = shop();
    let file = File::create(shop.track.dir().join(path(1))).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(error_name(&shop.track.head().unwrap_err()), "ManifestTooLarge");
}

#[test]
fn nested_json_is_refused() {
    let error = wire::decode("[".repeat(60_000).as_bytes(), 1, &path(1)).unwrap_err();
    assert_eq!(error_name(&error), "DamagedManifest");
}

/// What reading says of manifest 4 after a change that its writer made on purpose.
#[track_caller]
fn check_forged(forge: impl FnOnce(&mut ManifestFile), expected: &str, says: &str) {
    let shop = rich();
    let mut file = wire::to_file(&shop.track.read(4).unwrap());
    forge(&mut file);
    let bytes = wire::file_bytes(&mut file);
    let error = wire::decode(&bytes, 4, &path(4)).unwrap_err();
    assert_eq!(error_name(&error), expected, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_manifest_that_breaks_a_rule_is_refused() {
    let rule = "InconsistentManifest";
    check_forged(|file| file.number = 5, "NumberMismatch", "number is 5");
    check_forged(|file| file.parent = None, rule, "the parent is the number before");
    check_forged(|file| file.parent = Some(4), rule, "the parent is the number before");
    check_forged(|file| file.rollback_to = None, rule, "says where it goes");
    check_forged(|file| file.rollback_to = Some(4), rule, "goes to an earlier manifest");
    check_forged(|file| file.rollback_to = Some(0), rule, "goes to an earlier manifest");
    check_forged(|file| file.kind = KindCode::Publish, rule, "says where it goes");
    check_forged(|file| file.active = 3, rule, "active is the manifest itself");
    check_forged(|file| file.active = u64::MAX, rule, "active is the manifest itself");
    check_forged(|file| file.blobs.swap(0, 1), rule, "one blob a role");
    check_forged(|file| file.blobs.insert(0, file.blobs[0]), rule, "one blob a role");
    check_forged(|file| file.blobs.truncate(0), rule, "one blob is the catalog");
    let turn_into = |kind: KindCode, held: bool, active: u64| {
        move |file: &mut ManifestFile| {
            file.rollback_to = None;
            file.rollback_roles.clear();
            (file.kind, file.held, file.active) = (kind, held, active);
        }
    };
    check_forged(turn_into(KindCode::Hold, false, 4), rule, "a hold is held");
    check_forged(turn_into(KindCode::Release, true, 4), rule, "a release is not held");
    check_forged(turn_into(KindCode::Hold, true, 4), rule, "active is");
    check_forged(turn_into(KindCode::Publish, true, 0), rule, "active is");
    check_forged(turn_into(KindCode::Publish, false, 3), rule, "active is");
}

#[test]
fn a_snapshot_id_that_is_not_that_of_its_blobs_is_refused() {
    let other = snapshot_id(&[]);
    check_forged(|file| file.snapshot_id = other, "SnapshotIdMismatch", &other.to_string());
    check_forged(|file| drop(file.blobs.drain(1..2)), "SnapshotIdMismatch", "");
}

#[test]
fn a_copied_manifest_is_refused() {
    let shop = rich();
    put_file(&shop.track.dir().join(path(5)), &bytes(&shop, 4));
    assert_eq!(error_name(&shop.track.head().unwrap_err()), "NumberMismatch");
    assert_eq!(error_name(&shop.track.hold(&note("")).unwrap_err()), "NumberMismatch");
}

#[test]
fn the_last_number_has_no_next() {
    let shop = rich();
    let mut file = wire::to_file(&shop.track.read(1).unwrap());
    file.number = u64::MAX;
    file.active = u64::MAX;
    file.parent = Some(u64::MAX - 1);
    put_file(&shop.track.dir().join(path(u64::MAX)), &wire::file_bytes(&mut file));
    assert_eq!(error_name(&shop.track.hold(&note("sale")).unwrap_err()), "TrackFull");
}

#[test]
fn fallbacks_end_at_a_manifest_that_may_have_been_a_rollback() {
    let shop = shop();
    tell(&shop.track, "publish c1; publish c2; publish c3; publish c4");
    let damaged = shop.track.dir().join(path(2));
    fs::remove_file(&damaged).unwrap();
    put_file(&damaged, b"{}");
    let head = shop.track.head().unwrap().unwrap();
    let offered = shop.track.fallbacks(&head).map(|offered| offered.map(|found| found.number));
    let offered: Vec<_> = offered.map(|found| found.map_err(|error| error_name(&error))).collect();
    assert_eq!(offered, [Ok(3), Err("DamagedManifest".to_owned())]);
    assert_eq!(shop.track.history().count(), 3);
}

#[test]
fn a_link_to_a_device_is_no_manifest() {
    let shop = shop();
    let target = shop.track.dir().join(path(1));
    std::os::unix::fs::symlink("/dev/zero", &target).unwrap();
    assert_eq!(error_name(&shop.track.head().unwrap_err()), "Io");
}

/// What `hold` says about a note.
#[track_caller]
fn check_note(note: Note, expected: Result<(), &str>) {
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    let done = shop.track.hold(&note);
    if let Ok(written) = &done {
        assert_eq!(shop.track.head().unwrap().as_ref(), Some(written));
        assert_eq!(written.note, note);
    }
    let said = done.map(drop).map_err(|error| error.to_string());
    assert_eq!(said.as_ref().copied().map_err(String::as_str), expected);
}

#[test]
fn notes_have_limits_and_the_largest_fits() {
    // Control characters take six bytes each in JSON.
    let longest = "\u{1}".repeat(MANIFEST_TEXT_BYTES_MAX);
    let too_long = "x".repeat(MANIFEST_TEXT_BYTES_MAX + 1);
    let below = "x".repeat(MANIFEST_TEXT_BYTES_MAX - 1);
    check_note(Note { actor: longest.clone(), reason: longest, ..note("") }, Ok(()));
    check_note(note(&below), Ok(()));
    check_note(note("\"quotes\", \n lines and \u{1f600}"), Ok(()));
    let start = "x".repeat(40);
    let says = |field| format!("{field} is \"{start}\"; expected at most 2048 bytes");
    check_note(note(&too_long), Err(&says("reason")));
    check_note(Note { actor: too_long.clone(), ..note("") }, Err(&says("actor")));
    check_note(Note { created_at: too_long, ..note("") }, Err(&says("created_at")));
    for wrong in ["", "yesterday", "2026-03-01", "2026-13-01T00:00:00Z"] {
        let expected = format!("created_at is {wrong:?}; expected an instant as of RFC 3339");
        check_note(Note { created_at: wrong.to_owned(), ..note("") }, Err(&expected));
    }
    check_note(Note { created_at: "2026-03-01T04:05:06+01:00".to_owned(), ..note("") }, Ok(()));
}
