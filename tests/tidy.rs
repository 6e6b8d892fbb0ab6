//! Goal: the rules of the house that the compiler does not know are kept. Method: read every Rust
//! file of the crate and fail with file and line; then break each rule on purpose and see it fail.

#[path = "tidy/proofs.rs"]
mod proofs;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/scan.rs"]
mod scan;
#[path = "tidy/supply.rs"]
mod supply;

use std::{
    fs,
    path::{Path, PathBuf},
};

use kindred::ROOMS;

use rules::{RULES, room_table};
use scan::Source;

#[test]
fn every_file_keeps_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("build.rs")];
    for directory in ["src", "tests", "benches"] {
        rust_files(&root.join(directory), &mut files);
    }
    assert!(files.len() > 10, "found {} files below {}", files.len(), root.display());
    let mut faults = Vec::new();
    for file in files {
        let path = file.strip_prefix(root).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let source = Source::new(path, &text);
        let found = RULES.iter().flat_map(|rule| rule(&source, ROOMS));
        faults.extend(found.map(|(line, message)| format!("{path}:{line}: {message}")));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_table_of_rooms_is_the_tree_of_rooms() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = fs::read_dir(src).unwrap().map(|entry| entry.unwrap().path());
    let rooms: Vec<String> = entries
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !matches!(name.as_str(), "lib" | "main"))
        .collect();
    let faults = room_table(ROOMS, &rooms);
    assert!(faults.is_empty(), "src/lib.rs:\n{}", faults.join("\n"));
}

/// Every `.rs` file below the directory, which need not exist, in the order of names.
fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a directory that opened can be read").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
