//! What every format bears: a good file in every packing reads the same, and a broken one gives an
//! error, never a panic, and never more memory than an item may take.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::{Collected, directory};
use crate::{
    model::limits::{EXPORT_COLUMNS_MAX, JSON_ITEM_BYTES_MAX, ROW_BYTES_MAX},
    sources::{FORMATS, SourceError, format},
};

/// A good file of one format, alone or with others beside it.
pub(super) struct Good<'a> {
    pub(super) format: &'static str,
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) beside: &'a [(&'a str, &'a [u8])],
}

/// Files of other systems.
const OTHERS: [(&str, &str, &str); 6] = [
    ("magento", "export.csv", "sku,store_view_code,name,crosssell_skus\nA,,Jacket,B\n"),
    ("kindred", "relations.csv", "source,type,target\nA,related,B\n"),
    ("salsify", "export.json", "[{\"products\":[{\"salsify:id\":\"A\"}]}]"),
    ("shopify", "export.csv", "Handle,Title,Variant SKU\nA,Jacket,B\n"),
    ("shopware", "groups.csv", "id;name;product_id;assigned_products\n1;Set;A;B\n"),
    ("woocommerce", "export.csv", "ID,SKU,Upsells,Cross-sells\n1,A,B,\n"),
];

impl Good<'_> {
    fn read(&self, name: &str, bytes: &[u8]) -> Result<Collected, SourceError> {
        let files: Vec<(&str, &[u8])> =
            self.beside.iter().copied().chain([(name, bytes)]).collect();
        let directory = directory(&files);
        let mut collected = Collected::default();
        format(self.format).unwrap().read(directory.path(), &mut collected).map(|()| collected)
    }

    #[track_caller]
    fn is_refused(&self, name: &str, bytes: &[u8], expected: &str) {
        let error = self.read(name, bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    }

    fn is_json(&self) -> bool {
        self.text.trim_start().starts_with(['[', '{'])
    }
}

pub(super) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads the file in every disguise and every breakage.
#[track_caller]
pub(super) fn check(good: &Good<'_>) {
    let text = good.text.as_bytes();
    let whole = good.read(good.name, text).unwrap();
    assert!(!whole.records.is_empty());
    let packed = format!("{}.gz", good.name);
    let gzip = gzipped(text);
    let renamed = |collected: &Collected| {
        let records = collected.records.iter();
        records.map(|(at, r)| (at.replace(".gz:", ":"), r.clone())).collect::<Vec<_>>()
    };
    let same = [
        good.read(&packed, &gzip),
        good.read(good.name, &[b"\xef\xbb\xbf", text].concat()),
        good.read(good.name, good.text.replace('\n', "\r\n").as_bytes()),
    ];
    for disguised in same {
        assert_eq!(renamed(&disguised.unwrap()), renamed(&whole));
    }
    let half = text.len() / 2;
    let latin1 = [&text[..half], b"\xfc ", &text[half..]].concat();
    good.is_refused(good.name, &latin1, "expected UTF-8, found byte 0xfc");
    good.is_refused(&packed, &gzip[..gzip.len() - 6], "expected gzip data up to its end");
    let mut damaged = gzip.clone();
    damaged[gzip.len() - 5] ^= 1;
    good.is_refused(&packed, &damaged, "expected sound gzip data");
    let bomb = gzipped(&vec![b' '; 64 << 20]);
    assert!(good.read(&packed, &bomb).is_err(), "a bomb");
    good.is_refused(good.name, b"", "found an empty file");
    let utf16: Vec<u8> = good.text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = [b"\xff\xfe".as_slice(), &utf16].concat();
    good.is_refused(good.name, &utf16, "the file begins with the mark of UTF-16");
    check_shapes(good);
    check_damage(good);
    check_others(good);
}

/// Input that is too much of something.
#[track_caller]
fn check_shapes(good: &Good<'_>) {
    if good.is_json() {
        let deep = "[".repeat(100_000);
        good.is_refused(good.name, deep.as_bytes(), "nested at most");
        let long = format!("[{{\"a\":\"{}\"}}]", "x".repeat(JSON_ITEM_BYTES_MAX));
        assert!(good.read(good.name, long.as_bytes()).is_err(), "a long item");
        return;
    }
    let header = good.text.lines().next().unwrap();
    let long = format!("{header}\n\"{}", "x".repeat(ROW_BYTES_MAX + 1));
    good.is_refused(good.name, long.as_bytes(), "expected a row of at most");
    let delimiter = if header.contains(';') { ";" } else { "," };
    let wide = format!("{header}{}", delimiter.repeat(EXPORT_COLUMNS_MAX));
    good.is_refused(good.name, wide.as_bytes(), "cells in a row, found more");
    let twice = format!("{header}\n{}", good.text);
    let collected = good.read(good.name, twice.as_bytes()).unwrap();
    assert!(collected.findings.iter().any(|found| found.contains("found the header again")));
    let open = format!("{header}\n\"");
    good.is_refused(good.name, open.as_bytes(), "to be closed, found the end of the file");
}

/// A file that ends anywhere, or of which any byte is another one, is read or refused.
fn check_damage(good: &Good<'_>) {
    let text = good.text.as_bytes();
    // Every byte of a small file, some of a larger one.
    let step = text.len() / 300 + 1;
    for at in (0..good.text.trim_end().len()).step_by(step) {
        let cut = good.read(good.name, &text[..at]);
        assert!(cut.is_err() || !good.is_json(), "cut at {at}");
        let mut flipped = text.to_vec();
        flipped[at] ^= 1 << (at % 7);
        drop(good.read(good.name, &flipped));
    }
}

/// A table of another system is refused by the name of that system.
#[track_caller]
fn check_others(good: &Good<'_>) {
    for (other, name, text) in OTHERS.into_iter().filter(|(other, ..)| *other != good.format) {
        assert!(FORMATS.iter().any(|format| format.name == other));
        let files = directory(&[(name, text.as_bytes())]);
        let read = format(good.format).unwrap().read(files.path(), &mut Collected::default());
        let error = read.unwrap_err().to_string();
        assert!(error.contains(&format!("which looks like {other}")), "{error}");
    }
}
