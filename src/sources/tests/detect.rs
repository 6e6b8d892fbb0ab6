//! Files are known by their own beginnings; what no format or two formats know is told.

use std::path::Path;

use super::{Collected, directory, hostile_set::gzipped};
use crate::{
    model::finding::FindingCode,
    sources::{Encoding, SourceError, detect, format},
};

/// The formats of these files as a directory, or the error with `DIR` for the directory.
fn formats(files: &[(&str, &[u8])]) -> Result<Vec<&'static str>, String> {
    let directory = directory(files);
    let detected = detect(directory.path(), Encoding::Utf8);
    let formats = |parts: Vec<crate::sources::Part>| {
        parts.iter().map(|part| part.format().name).collect::<Vec<_>>()
    };
    let text =
        |error: SourceError| error.to_string().replace(directory.path().to_str().unwrap(), "DIR");
    detected.map(formats).map_err(text)
}

#[track_caller]
fn check(files: &[(&str, &[u8])], expected: &[&str]) {
    assert_eq!(formats(files).unwrap(), expected);
}

const MAGENTO: &[u8] = b"sku,store_view_code,name,crosssell_skus\nA,,Jacket,B\nB,,Hood,\n";
const RELATIONS: &[u8] = b"source,type,target\nA,related,B\n";

#[test]
fn an_interfaces_answer_about_an_error_is_no_page() {
    let page = br#"{"_embedded":{"items":[{"identifier":"a","enabled":true}]}}"#;
    for answer in [
        r#"{"code":401,"message":"Unauthorized"}"#,
        r#"{"error":"rate limited"}"#,
        r#"{"errors":"Not Found"}"#,
        r#"{"code":"x","message":"y","data":{"status":401}}"#,
    ] {
        let dir = directory(&[("1.json", page), ("2.json", answer.as_bytes())]);
        let error = detect(dir.path(), Encoding::Utf8).unwrap_err().to_string();
        assert!(error.contains("2.json: ") && error.contains("about an error"), "{error}");
    }
    let dir = directory(&[("1.json", page), ("2.json", br#"{"message":"hi","tables":[]}"#)]);
    assert!(detect(dir.path(), Encoding::Utf8).is_ok());
}

#[test]
fn linked_directories_are_entered_once() {
    let dir = directory(&[("exports/today/products.csv", b"sku,enabled\na,1\n")]);
    let outside = directory(&[("categories.csv", b"code,label-en_US\nc,C\n")]);
    let link = |to: &Path, name: &str| {
        std::os::unix::fs::symlink(to, dir.path().join(name)).unwrap();
    };
    link(outside.path(), "current");
    link(dir.path(), "exports/loop");
    link(&dir.path().join("exports/today"), "again");
    let part = format("akeneo").unwrap().part(dir.path(), Encoding::Utf8).unwrap();
    let names = part.files().map(|file| file.name.clone()).collect::<Vec<_>>();
    assert!(names.contains(&"current/categories.csv".to_owned()), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with("products.csv")).count(), 1, "{names:?}");
}

#[test]
fn a_file_is_known_by_its_header() {
    check(&[("export.csv", MAGENTO)], &["magento"]);
    check(&[("relations.csv", RELATIONS)], &["kindred"]);
    check(&[("products.ndjson", b"{\"id\":\"a\"}\n")], &["kindred"]);
    check(&[("sub/dir/export.csv", MAGENTO)], &["magento"]);
}

#[test]
fn each_file_of_a_directory_is_read_by_its_format_and_others_are_reported() {
    let directory = directory(&[
        ("export.csv", MAGENTO),
        ("relations.csv", RELATIONS),
        ("notes.txt", b"hello world\n"),
        ("catalog.toml", b""),
    ]);
    let parts = detect(directory.path(), Encoding::Utf8).unwrap();
    let mut collected = Collected::default();
    parts.iter().for_each(|part| part.read(&mut collected).unwrap());
    assert_eq!(parts.len(), 2);
    assert_eq!((collected.products().len(), collected.relations().len()), (2, 2));
    assert_eq!(
        collected.findings,
        ["notes.txt:1 ignored_file : expected a file of a known format, found a table with `,` \
             between the columns `hello world`"]
    );
}

#[test]
fn a_file_that_no_format_knows_is_described() {
    let expected = |found: &str| {
        format!(
            "DIR: expected a file of a known format, found {found}; known formats are {}; name \
             one by --from FORMAT=PATH",
            crate::sources::FORMATS.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        )
    };
    let check = |files: &[(&str, &[u8])], found: &str| {
        assert_eq!(formats(files).unwrap_err(), expected(found));
    };
    check(&[], "an empty directory");
    let first = |name: &str, seen: &str| {
        format!("1 files that none knows, the first of them `{name}`: {seen}")
    };
    let many = "a table with `;` between the columns `a`, `b`";
    check(&[("x.csv", b"a;b\n1;2\n")], &first("x.csv", many));
    check(&[("x.json", b"[{\"a\":1,\"b\":2}]")], &first("x.json", "JSON with the keys `a`, `b`"));
    check(&[("x.json", b"[]")], &first("x.json", "JSON without any object"));
    check(
        &[("x.xlsx", b"PK\x03\x04...")],
        &first("x.xlsx", "a ZIP or Excel file; export it as CSV"),
    );
    check(
        &[("x", b"")],
        &first(
            "x",
            "a file that cannot be looked into: expected a header with the names of the columns, or \
             JSON, found an empty file; export it again, or take it away",
        ),
    );
}

/// A night whose file of relations was empty or cut beside good products published no relations: the
/// file was passed over like a readme.
#[test]
fn a_file_named_like_a_table_that_is_none_ends_the_run() {
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let beside: [(&str, &[u8]); 2] = [("export.csv", MAGENTO), (name, bytes)];
        let error = formats(&beside).unwrap_err();
        assert!(error.starts_with(&format!("DIR/{name}:")), "{error}");
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    };
    let (gzip, no_table) =
        (gzipped(RELATIONS), "expected a table or JSON as its name says, found ");
    let empty = "found an empty file; export it again, or take it away";
    for name in ["relations.csv", "sub/r.tsv", "r.txt", "r.json", "r.jsonl", "r.ndjson", "r.CSV"] {
        check(name, b"", empty);
        check(name, b" \r\n ", empty);
        check(name, b"source\xfc", "expected UTF-8, found byte 0xfc");
        check(name, &gzipped(b""), empty);
    }
    for name in ["relations.csv.gz", "relations.ndjson.gz", "relations.csv"] {
        check(name, &gzip[..gzip.len() / 2], "expected gzip data up to its end");
        check(
            name,
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff\xff\xff",
            "expected sound gzip data",
        );
    }
    check("relations.csv.zst", b"\x28\xb5\x2f\xfd\x04", "expected Zstandard data up to its end");
    check("relations.csv", b"PK\x03\x04...", &format!("{no_table}a ZIP or Excel file"));
    let page = b"<!DOCTYPE html><title>502 Bad Gateway</title>";
    check("relations.csv", page, &format!("{no_table}a page of HTML or XML"));
    check("relations.csv", b"source,target,target\n", "expected each column once");
    for text in ["{\"source\":\"a\"", "[{\"source\"", "[", "{"] {
        check("relations.json", text.as_bytes(), "to go on to its end, found the end of the file");
    }
    check("relations.json", page, &format!("{no_table}a page of HTML or XML"));
    check("relations.json", b"null", "relations.json:1: expected");
    check("relations.json", b"Bad Gateway", "expected");
    check("relations.json", b"source,type,target\n", "expected");
    check("relations.json", &[b'['; 100_000], "nested at most");
}

#[test]
fn what_is_no_table_by_its_name_is_reported_whatever_it_holds() {
    let png = b"\x89PNG\r\n\x1a\n\x00\x00";
    let others: [(&str, &[u8]); 8] = [
        (".DS_Store", b"\x00\x00\x00\x01Bud1"),
        ("._relations.csv", b"\x00\x05\x16\x07"),
        ("LICENSE", b""),
        ("README.md", b""),
        ("a.jpg", b"\xff\xd8\xff\xe0"),
        ("a.png.gz", b"\x1f\x8b\x08"),
        ("b.png", png),
        ("c.html", b"<html>"),
    ];
    let readable: [(&str, &[u8]); 3] =
        [("d.csv", b"a;b\n1;2\n"), ("e.json", b"[]"), ("f.txt", b"Prices of May\n")];
    let files = [[("export.csv", MAGENTO)].as_slice(), &others, &readable].concat();
    let directory = directory(&files);
    let parts = detect(directory.path(), Encoding::Utf8).unwrap();
    let mut collected = Collected::default();
    parts.iter().for_each(|part| part.read(&mut collected).unwrap());
    let ignored = collected.count(FindingCode::IgnoredFile);
    assert_eq!((collected.findings.len(), ignored), (11, 11), "{:?}", collected.findings);
    assert_eq!(collected.relations().len(), 1);
}

/// An export of products without rows, and one whose link leads nowhere.
#[cfg(unix)]
#[test]
fn a_header_without_rows_is_a_table_and_a_link_to_nothing_is_an_error() {
    let empty: &[u8] = b"source,type,target\n";
    check(&[("export.csv", MAGENTO), ("relations.csv", empty)], &["kindred", "magento"]);
    for name in ["magento", "shopify", "woocommerce", "shopware", "salsify", "mapping"] {
        let file = if name == "salsify" { "links.json" } else { "links.csv" };
        let map: &[u8] = b"[[tables]]\nfile = \"links.csv\"\n[tables.relation]\nsource = \"s\"\n\
            type = \"t\"\ntarget = \"u\"\n";
        let directory = directory(&[("mapping.toml", map)]);
        let link = directory.path().join(file);
        std::os::unix::fs::symlink(directory.path().join("gone"), &link).unwrap();
        let error = format(name).unwrap().read(directory.path(), &mut Collected::default());
        let error = error.unwrap_err();
        assert!(matches!(&error, SourceError::Missing { path } if *path == link), "{error:?}");
    }
}

#[test]
fn a_file_that_two_formats_know_is_told() {
    let error = formats(&[("x.csv", b"sku,name,family,categories\na,A,f,c\n")]).unwrap_err();
    assert_eq!(
        error,
        "DIR/x.csv: expected a file of one format, found a table with `,` between the columns \
         `sku`, `name`, `family`, `categories`, which could be akeneo or magento; name one by \
         --from FORMAT=PATH"
    );
}

#[test]
fn a_table_of_another_system_under_the_wrong_format_is_told_by_name() {
    let directory = directory(&[("products.csv", MAGENTO)]);
    let path = directory.path().join("products.csv");
    let error = format("kindred").unwrap().read(&path, &mut Collected::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: expected a file of the format kindred, found a table with `,` between the \
             columns `sku`, `store_view_code`, `name`, `crosssell_skus`, which looks like magento; \
             try --from magento=PATH",
            path.display()
        )
    );
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let error = detect(Path::new("/nowhere/at/all"), Encoding::Utf8).unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error:?}");
}
