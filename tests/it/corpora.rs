//! What fuzzing found once is read in every run of the tests: `fuzz/corpus`, by the same code.

use std::{fs, path::Path};

// Public as they are in the fuzz crate.
#[path = "../../fuzz/src/blob.rs"]
pub mod blob;
#[path = "../../fuzz/src/csv.rs"]
pub mod csv;
#[path = "../../fuzz/src/journal.rs"]
pub mod journal;
#[path = "../../fuzz/src/json.rs"]
pub mod json;
#[path = "../../fuzz/src/source.rs"]
mod source;

/// Runs every file of a corpus through its target.
#[track_caller]
fn replay(name: &str, run: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut count = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 10, "{} holds {count} files", dir.display());
}

#[test]
fn tables_that_fuzzing_found_are_read_or_refused() {
    replay("csv", csv::run);
}

#[test]
fn json_that_fuzzing_found_is_read_or_refused() {
    replay("json", json::run);
}

#[test]
fn blobs_that_fuzzing_found_are_read_or_refused() {
    replay("blob", blob::run);
}

#[test]
fn journals_that_fuzzing_found_are_read_or_refused() {
    replay("journal", journal::run);
}
