//! Files are known by their own beginnings; what no format or two formats know is told.

use std::path::Path;

use super::{Collected, directory};
use crate::sources::{Encoding, SourceError, detect, format};

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
        &[("x.csv", b"")],
        &first(
            "x.csv",
            "a file that cannot be looked into: expected a header with the names of the columns, \
             found an empty file",
        ),
    );
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
