//! Fixtures of `tests/data`: what is read of them equals their golden files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Collected;
use crate::{
    model::record::{Record, RelationRecord},
    sources::{Encoding, format},
};

/// Where a fixture lies.
pub(super) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

/// Reads a fixture.
#[track_caller]
pub(super) fn read_fixture(format_name: &str, path: &Path) -> Collected {
    let mut collected = Collected::default();
    let part = format(format_name).unwrap().part(path, Encoding::Utf8).unwrap();
    part.read(&mut collected).unwrap();
    collected
}

/// The links in the order in which they were read, as golden files spell them.
pub(super) fn links(collected: &Collected) -> String {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let line = |link: &&RelationRecord<'_>| {
        let quantity = link.quantity.map(|quantity| quantity.to_string()).unwrap_or_default();
        let (from, code, to) = (link.source, link.relation_type, link.target);
        let cells = [from, code, to].map(|cell| match cell.contains([',', '"']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.to_owned(),
        });
        format!("{},{},{quantity}\n", cells.join(","), number(link.position))
    };
    let header = "source,type,target,position,quantity\n".to_owned();
    collected.relations().iter().fold(header, |text, link| text + &line(link))
}

/// Asserts that the links are those of the golden file; names the first line that is not.
#[track_caller]
pub(super) fn check_links(collected: &Collected, golden: &Path) {
    let (found, expected) = (links(collected), fs::read_to_string(golden).unwrap());
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{}:{}", golden.display(), number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{}", golden.display());
}

/// What the input speaks of, each as `type` or `type product`, in order.
pub(super) fn scopes(collected: &Collected) -> Vec<String> {
    let scope = |(_, record): &(String, Record<'static>)| {
        let Record::Scope(scope) = record else { return None };
        Some(match scope.product {
            Some(product) => format!("{} {product}", scope.relation_type),
            None => scope.relation_type.to_owned(),
        })
    };
    collected.records.iter().filter_map(scope).collect()
}
