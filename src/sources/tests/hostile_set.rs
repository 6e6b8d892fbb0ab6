//! What every format bears: a good file in every packing reads the same, and a broken one gives an
//! error, never a panic, and never more memory than an item may take.

use std::{fs::OpenOptions, io::Write};

use flate2::{Compression, write::GzEncoder};

use super::{Collected, directory};
use crate::sources::{Encoding, FORMATS, SourceError, detect, format};

/// A good file of one format, alone or with others beside it.
pub(super) struct Good<'a> {
    pub(super) format: &'static str,
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) beside: &'a [(&'a str, &'a [u8])],
}

/// Files of other systems.
const OTHERS: [(&str, &str, &str); 7] = [
    ("akeneo", "export.csv", "sku;family;enabled;X_SELL-products\nA;f;1;B\n"),
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

    /// Refused in little time, whatever follows: the text, and a line of a gibibyte behind it.
    #[track_caller]
    fn is_refused_at_its_line(&self, begin: &str, expected: &str) {
        let files: Vec<(&str, &[u8])> =
            self.beside.iter().copied().chain([(self.name, begin.as_bytes())]).collect();
        let directory = directory(&files);
        let path = directory.path().join(self.name);
        // A hole: nothing is written, and zeros are UTF-8.
        OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(1 << 30)).unwrap();
        let read = format(self.format).unwrap().read(directory.path(), &mut Collected::default());
        let error = read.unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    }

    /// One JSON object a line, read by lines.
    fn is_lines(&self) -> bool {
        self.format == "kindred" && self.is_json()
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
        good.read(good.name, good.text.replacen('\n', "\r\n", 1).as_bytes()),
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
    check_values(good, &whole);
    check_beside(good);
    check_damage(good);
    check_others(good);
}

/// Input that is too much of something.
#[track_caller]
fn check_shapes(good: &Good<'_>) {
    if good.is_json() {
        let (deep, nested) = ("[".repeat(100_000), "{\"a\":".repeat(100_000));
        let expected =
            if good.is_lines() { "expected one JSON object a line" } else { "nested at most" };
        good.is_refused(good.name, deep.as_bytes(), expected);
        good.is_refused(good.name, nested.as_bytes(), "nested at most");
        // Whether it is an item too long or another system's document, is seen at 16 MiB.
        let expected = if good.is_lines() { "a row of at most" } else { "expected" };
        good.is_refused_at_its_line("{\"a\":\"", expected);
        return;
    }
    let header = good.text.lines().next().unwrap();
    good.is_refused_at_its_line(&format!("{header}\n\""), "expected a row of at most");
    good.is_refused_at_its_line(&format!("{header}\n"), "expected a row of at most");
    good.is_refused_at_its_line("", "expected a row of at most");
    let delimiter = if header.contains(';') { ";" } else { "," };
    let wide = format!("{header}{}", delimiter.repeat(1_000_000));
    good.is_refused(good.name, wide.as_bytes(), "cells in a row, found more");
    let twice = format!("{header}\n{}", good.text);
    let collected = good.read(good.name, twice.as_bytes()).unwrap();
    assert!(collected.findings.iter().any(|found| found.contains("found the header again")));
    let open = format!("{header}\n\"");
    good.is_refused(good.name, open.as_bytes(), "to be closed, found the end of the file");
}

/// Keys that stand twice are reported, and numbers mean the same in quotes.
#[track_caller]
fn check_values(good: &Good<'_>, whole: &Collected) {
    if !good.is_json() {
        return;
    }
    let (before, last) = good.text.rsplit_once("{\"").unwrap();
    let twice = format!("{before}{{\"zz\":1,\"zz\":2,\"{last}");
    match good.read(good.name, twice.as_bytes()) {
        Ok(collected) => {
            let told = collected.findings.iter().any(|found| found.contains("twice"));
            assert!(told, "{:?}", collected.findings);
        }
        // Where it was the only object, none is left.
        Err(error) => assert!(error.to_string().contains("twice"), "{error}"),
    }
    let mut quoted = String::new();
    let mut is_text = false;
    for part in good.text.split_inclusive(|at: char| "\":,[]{} \n".contains(at)) {
        let word = part.trim_end_matches(['"', ':', ',', '[', ']', '{', '}', ' ', '\n']);
        let is_number = !is_text && word.parse::<f64>().is_ok();
        match part.get(word.len()..).filter(|_| is_number) {
            Some(rest) => quoted.extend(["\"", word, "\"", rest]),
            None => quoted.push_str(part),
        }
        is_text ^= part.ends_with('"');
    }
    assert_eq!(good.read(good.name, quoted.as_bytes()).unwrap().records, whole.records, "{quoted}");
}

/// One broken file beside the good one ends the run by its own name, whatever it is.
#[track_caller]
fn check_beside(good: &Good<'_>) {
    let gzip = gzipped(good.text.as_bytes());
    let broken: [(&str, &[u8], &str); 6] = [
        ("zz.csv", b"", "an empty file"),
        ("zz.csv.gz", &gzip[..12], "gzip data up to its end"),
        ("zz.csv", b"\xfc\xfc", "expected UTF-8"),
        ("zz.json", b"{\"id\":", "to go on to its end"),
        ("zz.json", b"[[\"x\"", "to go on to its end"),
        ("zz.json", b"<html>", "a page of HTML"),
    ];
    for (name, bytes, expected) in broken {
        let files = [(good.name, good.text.as_bytes()), (name, bytes)];
        let files: Vec<(&str, &[u8])> = good.beside.iter().copied().chain(files).collect();
        let directory = directory(&files);
        let parts = detect(directory.path(), Encoding::Utf8);
        // A mapping may name every file there is, and then reads the broken one.
        let read = |part: &crate::sources::Part| part.read(&mut Collected::default());
        let error = match parts {
            Ok(parts) => parts.iter().map(read).find_map(Result::err),
            Err(error) => Some(error),
        };
        let error = error.unwrap_or_else(|| panic!("{name} was passed over")).to_string();
        assert!(error.contains(name) && error.contains(expected), "{expected:?} in {error:?}");
    }
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

#[test]
fn akeneo_bears_what_is_hostile_in_both_forms() {
    let table = "sku;family;enabled;name;groups;X_SELL-products;P-products;P-products-quantity\n\
                 a;f;1;A;g;b,c;b;2\nb;f;1;B;;a;;\n";
    let page = "{\"_embedded\":{\"items\":[\n\
                {\"identifier\":\"a\",\"family\":\"f\",\"enabled\":true,\"groups\":[],\"values\":{},\n\
                \"associations\":{\"X_SELL\":{\"products\":[\"b\"]}},\n\
                \"quantified_associations\":{\"P\":{\"products\":[\n\
                {\"identifier\":\"b\",\"quantity\":2}]}}},\n\
                {\"identifier\":\"b\",\"family\":\"f\",\"enabled\":true,\"associations\":[]}]}}\n";
    for (name, text) in [("products.csv", table), ("products.json", page)] {
        check(&Good { format: "akeneo", name, text, beside: &[] });
    }
}

#[test]
fn our_own_tables_bear_what_is_hostile_in_both_forms() {
    let links = "source,type,target,position,score\na,related,b,1,0.5\nb,accessory,a,,\n";
    let line =
        "{\"id\":\"a\",\"title\":\"Aa\",\"price\":12.5,\"tags\":[\"x\",\"y\"],\"popularity\":3}\n";
    for (name, text) in [("relations.csv", links), ("products.ndjson", line)] {
        check(&Good { format: "kindred", name, text, beside: &[] });
    }
}

/// Who is whose parent is not asked here: a circle passes as it stands, and nobody walks it.
#[test]
fn cyclic_parents_pass_as_they_stand() {
    let check = |format_name: &str, name: &str, text: &str| {
        let files = directory(&[(name, text.as_bytes())]);
        let mut collected = Collected::default();
        format(format_name).unwrap().read(files.path(), &mut collected).unwrap();
        let parents: Vec<(&str, Option<&str>)> =
            collected.products().iter().map(|product| (product.id, product.parent)).collect();
        assert_eq!(parents, [("a", Some("b")), ("b", Some("a"))], "{format_name}");
    };
    check("kindred", "products.csv", "id,parent\na,b\nb,a\n");
    check("akeneo", "p.csv", "sku;family;enabled;parent\na;f;1;b\nb;f;1;a\n");
    let models = "{\"code\":\"a\",\"family_variant\":\"f\",\"parent\":\"b\"}\n\
                  {\"code\":\"b\",\"family_variant\":\"f\",\"parent\":\"a\"}\n";
    check("akeneo", "p.json", models);
    let pair = "[{\"salsify:id\":\"a\",\"salsify:parent_id\":\"b\"},\
                {\"salsify:id\":\"b\",\"salsify:parent_id\":\"a\"}]";
    check("salsify", "p.json", pair);
    check("wisepim", "p.csv", "sku,name,parent\na,A,b\nb,B,a\n");
}
