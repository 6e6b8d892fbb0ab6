//! Every shape of document gives its items with their lines; what is no document is refused.

use std::{cell::Cell, io::Read, path::Path, rc::Rc};

use super::{Collected, hostile::Endless};
use crate::{
    model::{
        limits::{JSON_DEPTH_MAX, JSON_ITEM_BYTES_MAX, JSON_VALUES_MAX},
        record::{FileId, FileInfo, RecordSink},
    },
    sources::{SourceError, input::Input, json::JsonReader},
};

/// Items as `line container:object`, and findings.
type Read2 = (Vec<String>, Vec<String>);

fn read_stream(
    stream: Box<dyn Read>,
    containers: &'static [&'static str],
) -> Result<Read2, SourceError> {
    let mut reader = JsonReader::new(Input::new(Path::new("a.json"), stream), containers);
    let mut sink = Collected::default();
    let file: FileId = sink.open_file(FileInfo { name: "a.json".to_owned(), modified_s: None });
    let mut items = Vec::new();
    while let Some(item) = reader.next(file, &mut sink)? {
        let object = serde_json::Value::Object(item.object);
        items.push(format!("{} {}:{object}", item.at.line, item.container));
    }
    Ok((items, sink.findings))
}

fn read(text: &str, containers: &'static [&'static str]) -> Result<Read2, SourceError> {
    read_stream(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())), containers)
}

#[track_caller]
fn check(text: &str, containers: &'static [&'static str], items: &[&str], findings: &[&str]) {
    let (found_items, found_findings) = read(text, containers).unwrap();
    assert_eq!(found_items, items);
    assert_eq!(found_findings, findings);
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(read(text, &["items"]).unwrap_err().to_string(), expected);
}

const PAGES: &[&str] = &["_embedded.items"];

#[test]
fn arrays_objects_and_lines_give_their_objects() {
    check(r#"[{"a":1},{"a":2}]"#, &[], &[r#"1 :{"a":1}"#, r#"1 :{"a":2}"#], &[]);
    check("[\n{\"a\":1}\n,\n  {\"a\":\n2}]\n", &[], &[r#"2 :{"a":1}"#, r#"4 :{"a":2}"#], &[]);
    check(
        "{\"a\":1}\n{\"a\":2}\r\n\r\n{}\n",
        &[],
        &[r#"1 :{"a":1}"#, r#"2 :{"a":2}"#, "4 :{}"],
        &[],
    );
    check("\u{feff} {\"a\": {\"b\": [1, \"}]\"]}}", &[], &[r#"1 :{"a":{"b":[1,"}]"]}}"#], &[]);
    check("[]", &[], &[], &[]);
    check("[[], [[{}]]]", &[], &["1 :{}"], &[]);
    check("{\"a\":\"\\\"\\\\\"}", &[], &["1 :{\"a\":\"\\\"\\\\\"}"], &[]);
}

#[test]
fn wrappers_give_the_items_of_their_containers() {
    let page = "{\"_links\":{\"x\":[1]},\n\"_embedded\":{\"n\":1,\"items\":[\n{\"a\":1},\n{\"a\":2}]},\"z\":{}}";
    let items = [r#"3 _embedded.items:{"a":1}"#, r#"4 _embedded.items:{"a":2}"#];
    check(page, PAGES, &items, &[]);
    // Pages that were joined, and a page in a list of pages.
    let both = format!("{page}\n{page}");
    let more = [items[0], items[1], r#"7 _embedded.items:{"a":1}"#, r#"8 _embedded.items:{"a":2}"#];
    check(&both, PAGES, &more, &[]);
    check(&format!("[{page},\n{{\"b\":3}}]"), PAGES, &[items[0], items[1], r#"5 :{"b":3}"#], &[]);
    // Several containers of one document tell which is which.
    let document =
        r#"[{"header":{"version":"2"}},{"attributes":[{"id":1}]},{"products":[{"id":2}]}]"#;
    let found =
        [r#"1 :{"header":{"version":"2"}}"#, r#"1 attributes:{"id":1}"#, r#"1 products:{"id":2}"#];
    check(document, &["attributes", "products"], &found, &[]);
    // A member of the same name elsewhere is none.
    let other = r#"{"items":[{"a":1}],"_embedded":{"list":[]}}"#;
    check(other, PAGES, &[r#"1 :{"_embedded":{"list":[]},"items":[{"a":1}]}"#], &[]);
}

#[test]
fn an_empty_container_gives_no_item() {
    check(r#"{"_embedded":{"items":[]}}"#, PAGES, &[], &[]);
    check(r#"{"_embedded":{"items":null},"total":0}"#, PAGES, &[], &[]);
}

#[test]
fn what_is_no_object_is_reported_with_its_line() {
    let twice = "a.json:2 bad_value a: expected each key once in an object, found it twice; the last one counts";
    check("[\n{\"a\":1,\"b\":{\"a\":3},\"a\":2}]", &[], &[r#"2 :{"a":2,"b":{"a":3}}"#], &[twice]);
    check(
        "[1,\n\"x\", null,{\"a\":\n\n01},{\"a\":1}]",
        &[],
        &[r#"4 :{"a":1}"#],
        &[
            "a.json:1 bad_row : expected a JSON object, found `1`",
            "a.json:2 bad_row : expected a JSON object, found `\"x\"`",
            "a.json:2 bad_row : expected a JSON object, found `null`",
            "a.json:4 bad_row : expected a JSON object, found: invalid number",
        ],
    );
}

#[test]
fn a_file_that_is_no_json_is_refused_with_its_line() {
    refused(
        "",
        "a.json: expected a JSON object or array, found an empty file; export it again, or take it away",
    );
    refused(
        " \n ",
        "a.json: expected a JSON object or array, found an empty file; export it again, or take it away",
    );
    refused("\nid,title", "a.json:2: expected `{` or `[`, found `i`");
    refused("{\"a\":1}\n}", "a.json:2: expected `{` or `[`, found `}`");
    refused("{\"a\":[1}", "a.json:1: expected the bracket that was opened last, found `}`");
    refused("{\"a\" 1}", "a.json:1: expected `:` behind a key, found `1`");
    refused("{a:1}", "a.json:1: expected a key in quotes or `}`, found `a`");
    refused(
        "{\"a\":\u{fc}\"}",
        "a.json:1: expected the JSON that begins here to go on to its end, found the end of the file; fetch it again",
    );
    refused("[{\"a\":}]", "a.json:1: expected a value, found `}`");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let whole = "{\"_embedded\":{\"items\":[\n{\"a\":\"x\\\"\"},{\"b\":[1]}\n]},\"c\":{\"d\":1}}";
    assert!(read(whole, PAGES).is_ok());
    for len in 1..whole.len() {
        let error = read(whole.get(..len).unwrap(), PAGES).unwrap_err();
        assert!(matches!(error, SourceError::JsonEnds { .. }), "{len}: {error}");
    }
}

#[test]
fn nesting_is_bounded_in_every_place() {
    let nested =
        |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(read(&nested(JSON_DEPTH_MAX), &[]).unwrap().0.len(), 1);
    let expected = "a.json:1: expected JSON nested at most 127 deep, found more";
    for text in [
        nested(JSON_DEPTH_MAX + 1),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        format!("{{\"items\":{}", "[".repeat(100_000)),
        format!("{{\"items\":[{{\"a\":{}", "[{\"b\":".repeat(50_000)),
    ] {
        refused(&text, expected);
    }
}

#[test]
fn values_of_an_item_are_bounded() {
    let of = |count: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(count - 3));
    assert_eq!(read(&of(JSON_VALUES_MAX), &[]).unwrap().0.len(), 1);
    let (items, findings) = read(&of(JSON_VALUES_MAX + 1), &[]).unwrap();
    assert!(items.is_empty());
    assert!(findings[0].contains("more than 200000 values in one item"), "{findings:?}");
}

#[test]
fn bytes_of_an_item_are_bounded_but_not_those_of_a_wrapper() {
    let item = |len: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(len - 8));
    assert_eq!(read(&item(JSON_ITEM_BYTES_MAX), &[]).unwrap().0.len(), 1);
    refused(
        &format!("[{{}},\n{}", item(JSON_ITEM_BYTES_MAX + 1)),
        "a.json:2: expected an item of at most 16777216 bytes, found that the one that begins \
         here is longer",
    );
    let half = item(JSON_ITEM_BYTES_MAX / 2);
    let page = format!("{{\"items\":[{half},{half},{half}],\"more\":[{half},{half},{half}]}}");
    assert_eq!(read(&page, &["items"]).unwrap().0.len(), 3);
}

#[test]
fn a_line_without_end_is_given_up_long_before_it_fills_the_memory() {
    let cases = [
        ("{\"a\":\"", b'x'),
        ("[{\"", b'x'),
        ("[1", b'x'),
        ("[", b','),
        ("{\"items\":[{\"a\":[", b'0'),
        ("{\"items\":[{\"a\":[", b'"'),
    ];
    for (begin, byte) in cases {
        let taken = Rc::new(Cell::new(0));
        let endless = Endless { byte, taken: Rc::clone(&taken) };
        let stream = std::io::Cursor::new(begin.as_bytes().to_vec()).chain(endless);
        let read = read_stream(Box::new(stream), &["items"]);
        assert!(read.is_err(), "{begin} {byte}");
        assert!(taken.get() < 2 * JSON_ITEM_BYTES_MAX, "took {} of {byte}", taken.get());
    }
}

#[test]
fn bytes_that_are_no_utf8_are_named_by_offset_and_line() {
    let stream = std::io::Cursor::new(b"[{\"a\":1},\n{\"b\":\"M\xfcsli\"}]".to_vec());
    let error = read_stream(Box::new(stream), &[]).unwrap_err();
    let expected = "a.json:2: expected UTF-8, found byte 0xfc at offset 17; if the file is \
                    Latin-1, say --encoding latin1";
    assert_eq!(error.to_string(), expected);
}
