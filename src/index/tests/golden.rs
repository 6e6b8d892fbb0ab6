//! Format 2 bytes never change: the golden files under `tests/data` were written once, and the same
//! input still gives the same bytes. `tests/compat.rs` reads them as a user of the crate does, and
//! those of format 1, which nobody writes any more.
//!
//! A golden file that is missing is written and the test fails, so that a new one is looked at
//! before it is committed. A golden file that stands is never written again: a format that changes
//! gets a new number and a new file.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{
    round_trip,
    testkit::{self, TOYS, model, written},
};
use crate::index::{Role, write_dropped, write_text};

/// A golden file.
pub(super) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("the golden file")
}

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "data", name].iter().collect()
}

#[track_caller]
fn check(name: &str, bytes: &[u8]) {
    let path = path(name);
    assert!(bytes.len() < 64 << 10, "{name} has {} bytes", bytes.len());
    if !path.exists() {
        let mut file = File::create_new(&path).expect("a new golden file");
        file.write_all(bytes).expect("written");
        panic!("{} was missing and is written now: look at it and commit it", path.display());
    }
    let golden = self::bytes(name);
    let differs = golden.iter().zip(bytes).position(|(golden, now)| golden != now);
    assert!(golden == bytes, "{name}: format 2 bytes changed at byte {differs:?}");
}

#[test]
fn format_2_bytes_of_a_catalog_never_change() {
    check("format-2.catalog.kdx", &model(TOYS).catalog());
}

#[test]
fn format_2_bytes_of_provenance_never_change() {
    let toys = model(TOYS);
    let catalog = testkit::catalog(&toys.catalog()).expect("it opens");
    check("format-2.provenance.kdx", &toys.provenance(catalog.blob().hash()));
}

#[test]
fn format_2_bytes_of_dropped_relations_never_change() {
    let dropped = round_trip::dropped();
    let bytes = written(|file| write_dropped(file, Path::new("dropped"), &dropped));
    check("format-2.dropped.kdx", &bytes);
}

#[test]
fn format_2_bytes_of_a_policy_never_change() {
    let text = "[placements.product_page]\nmix = [\"cross_sell\"]\n";
    let bytes = written(|file| write_text(file, Path::new("policy"), Role::Policy, text));
    check("format-2.policy.kdx", &bytes);
}

#[test]
fn format_2_bytes_of_overrides_never_change() {
    let text = "action,source,target,reason\npin,toy-car,charger,für die Messe\n";
    let bytes = written(|file| write_text(file, Path::new("overrides"), Role::Overrides, text));
    check("format-2.overrides.kdx", &bytes);
}
