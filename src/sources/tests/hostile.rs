//! Input that is broken: which error or finding it gets, and where.

use std::{
    cell::Cell,
    io::{self, Read},
    path::Path,
    rc::Rc,
};

use super::{Collected, read, refused};
use crate::{
    model::limits::{COLUMNS_MAX, EXPORT_COLUMNS_MAX, ROW_BYTES_MAX},
    sources::{
        SourceError, csv::CsvReader, format, input::Input, ndjson::NdjsonReader, table::Cells,
    },
};

#[track_caller]
fn refused_csv(text: &[u8], expected: &str) -> SourceError {
    refused("kindred", &[("products.csv", text)], expected)
}

#[track_caller]
fn refused_ndjson(text: &[u8], expected: &str) -> SourceError {
    refused("kindred", &[("products.ndjson", text)], expected)
}

/// Ids that a table of products gives, and its findings.
#[track_caller]
fn check(name: &str, text: &[u8], ids: &[&str], findings: &[&str]) {
    let collected = read("kindred", &[(name, text)]);
    let found: Vec<&str> = collected.products().iter().map(|product| product.id).collect();
    assert_eq!(found, ids);
    assert_eq!(collected.findings, findings);
}

#[test]
fn a_missing_file_is_named() {
    let error = format("kindred")
        .unwrap()
        .read(Path::new("/nowhere/at/all"), &mut Collected::default())
        .unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error:?}");
    assert_eq!(error.to_string(), "/nowhere/at/all: expected a file or directory, found nothing");
}

/// A pipe named like a table once held the compile for ever.
#[test]
fn a_pipe_is_refused_without_waiting_for_its_writer() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("products.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [dir.path(), &pipe] {
        let read = format("kindred").unwrap().read(path, &mut Collected::default());
        let error = read.unwrap_err().to_string();
        assert!(error.contains("products.csv: cannot be read: expected a regular file"), "{error}");
    }
}

#[test]
fn a_file_that_the_system_refuses_is_named() {
    struct Refusing;
    impl Read for Refusing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    let input = Input::new(Path::new("a.csv"), Box::new(Refusing));
    let error = CsvReader::new(input, b',').unwrap_err();
    assert!(matches!(error, SourceError::Io { .. }), "{error:?}");
    assert_eq!(error.to_string(), "a.csv: cannot be read: the disk is on fire");
}

#[test]
fn a_directory_without_tables_is_refused() {
    let expected = "DIR: expected products, product_markets, relations, bundles or aliases as \
                    .csv, .ndjson or .parquet, found none";
    refused("kindred", &[], expected);
    let error = refused("kindred", &[("prices.csv", b"id\n1\n"), ("products.txt", b"")], expected);
    assert!(matches!(error, SourceError::NoTable { .. }), "{error:?}");
    refused(
        "magento",
        &[("msrp.csv", b"sku,msrp\nA,1\n")],
        "DIR: expected a .csv with a column `sku` and columns for products or links, or a .json of \
         products, found none",
    );
}

#[test]
fn a_table_in_both_forms_is_refused() {
    let files: [(&str, &[u8]); 2] =
        [("products.csv", b"id\n1\n"), ("products.ndjson", b"{\"id\":1}\n")];
    let error = refused(
        "kindred",
        &files,
        "DIR/products.csv: expected one form of the table, found DIR/products.ndjson beside it",
    );
    assert!(matches!(error, SourceError::TwoForms { .. }), "{error:?}");
}

#[test]
fn an_empty_file_is_refused() {
    let expected = "DIR/products.csv: expected a header with the names of the columns, found an \
                    empty file; export it again, or take it away";
    refused_csv(b"", expected);
    refused_csv(b"\xef\xbb\xbf", expected);
    let error = refused_csv(b"\r\n\n\n", expected);
    assert!(matches!(error, SourceError::Empty { .. }), "{error:?}");
    let expected = "DIR/products.ndjson: expected one JSON object a line, found an empty file; export it again, or take it away";
    refused_ndjson(b"", expected);
    refused_ndjson(b"\n  \n", expected);
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    check("products.csv", b"id,title", &[], &[]);
    check("products.csv", b"id,title\r\n", &[], &[]);
}

#[test]
fn marks_blank_lines_and_line_ends_do_not_matter() {
    check("products.csv", b"\xef\xbb\xbfid,title\r\na,A\r\n\r\nb,B\r\n", &["a", "b"], &[]);
    check("products.csv", b"id\na\n\n\nb", &["a", "b"], &[]);
    check("products.csv", b"\"id\"\n\" a \"\n", &["a"], &[]);
    check("products.ndjson", b"\xef\xbb\xbf{\"id\":\"a\"}\r\n\r\n{\"id\":7}", &["a", "7"], &[]);
}

#[test]
fn rows_and_cells_know_their_lines_behind_marks_breaks_and_blank_lines() {
    let text = b"\xef\xbb\xbfid,title,price\r\n\r\na,\"two\r\nlines\",x\r\n\r\n\r\nb,\"\n\n\",y\n";
    let findings = [
        "products.csv:4 bad_value price: expected an amount like `12.50`, found `x`",
        "products.csv:9 bad_value price: expected an amount like `12.50`, found `y`",
    ];
    check("products.csv", text, &["a", "b"], &findings);
    let collected = read("kindred", &[("products.csv", text)]);
    let places: Vec<&str> = collected.records.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["products.csv:3", "products.csv:7"]);
}

#[test]
fn a_wrong_delimiter_is_named() {
    let expected = |found: &str| {
        format!(
            "DIR/products.csv:1: expected cells delimited by `,`, found a header with `{found}`"
        )
    };
    refused_csv(b"id;title\n1;x\n", &expected(";"));
    refused_csv(b"id|title\n1|x\n", &expected("|"));
    let error = refused_csv(b"id\ttitle\n1\tx\n", &expected("\\t"));
    assert!(matches!(error, SourceError::WrongDelimiter { .. }), "{error:?}");
}

#[test]
fn bytes_that_are_no_utf8_are_named_by_offset_line_and_column() {
    let error = refused_csv(
        b"id,title\n1,ok\n2,\"x\nM\xfcsli\"\n",
        "DIR/products.csv:4: column `title`: expected UTF-8, found byte 0xfc at offset 20; \
         if the file is Latin-1, say --encoding latin1",
    );
    assert!(matches!(error, SourceError::NotUtf8 { .. }), "{error:?}");
    refused_csv(
        b"id,t\xfctle\n",
        "DIR/products.csv:1: column `2`: expected UTF-8, found byte 0xfc at offset 4; if \
         the file is Latin-1, say --encoding latin1",
    );
    refused_csv(
        b"id,title\n1,\xc3",
        "DIR/products.csv:2: column `title`: expected UTF-8, found byte 0xc3 at offset 11",
    );
    // Without the quotes the two bytes would be a character; in the file they are none.
    refused_csv(
        b"id,title\n1,\"\xc3\"\xa9\n",
        "DIR/products.csv:2: column `title`: expected UTF-8, found byte 0xc3 at offset 12; if \
         the file is Latin-1, say --encoding latin1",
    );
    refused_ndjson(
        b"{\"id\":\"a\"}\n{\"id\":\"\xff\"}\n",
        "DIR/products.ndjson:2: expected UTF-8, found byte 0xff at offset 18; if the file is \
         Latin-1, say --encoding latin1",
    );
}

#[test]
fn utf16_is_named() {
    refused_csv(
        b"\xff\xfei\0d\0\n\0",
        "DIR/products.csv:1: column `1`: expected UTF-8, found byte 0xff at offset 0; the file \
         begins with the mark of UTF-16",
    );
    refused_ndjson(
        b"\xfe\xff\0{\0}",
        "DIR/products.ndjson:1: expected UTF-8, found byte 0xfe at offset 0; the file begins with \
         the mark of UTF-16",
    );
}

#[test]
fn offsets_are_right_beyond_the_first_chunk() {
    // A character of three bytes lies across every possible end of a chunk.
    for pad in 0..4 {
        let mut text = b"id,title\n1,".to_vec();
        text.extend(std::iter::repeat_n(b'x', pad));
        text.extend("\u{20ac}".repeat(100_000).bytes());
        let offset = text.len();
        text.push(0x80);
        let expected = format!(
            "DIR/products.csv:2: column `title`: expected UTF-8, found byte 0x80 at offset {offset}"
        );
        refused_csv(&text, &expected);
    }
}

#[test]
fn an_open_quote_names_the_line_where_its_row_begins() {
    let expected = |line: u32| {
        format!(
            "DIR/products.csv:{line}: expected the quotes of the row that begins here to be \
             closed, found the end of the file"
        )
    };
    let error = refused_csv(b"id,title\na,A\nb,\"B\nc,C\n", &expected(3));
    assert!(matches!(error, SourceError::OpenQuote { .. }), "{error:?}");
    refused_csv(b"id,title\na,\"", &expected(2));
    refused_csv(b"id,title\n\n\na,\"x\"\"", &expected(4));
    refused_csv(b"id,\"title", &expected(1));
    check("products.csv", b"id,title\na,\"\"", &["a"], &[]);
    check("products.csv", b"id,title\na,\"x\"\"\"", &["a"], &[]);
    check("products.csv", b"id,title\na,x\"", &["a"], &[]);
    check("products.csv", b"id,title\na,", &["a"], &[]);
}

#[test]
fn a_ragged_row_is_reported_and_skipped() {
    check(
        "products.csv",
        b"id,title\na\nb,B\nc,C,\n",
        &["b"],
        &[
            "products.csv:2 ragged_row : expected 2 cells as in the header, found 1",
            "products.csv:4 ragged_row : expected 2 cells as in the header, found 3",
        ],
    );
}

#[test]
fn a_header_that_stands_again_is_reported_and_skipped() {
    check(
        "products.csv",
        b"id,title\na,A\nid, title\nb,B\n",
        &["a", "b"],
        &["products.csv:3 bad_row : expected a row, found the header again; was the file joined \
           from several?"],
    );
    // One column is not enough to tell.
    check("products.csv", b"id\na\nid\n", &["a", "id"], &[]);
}

#[test]
fn mixed_line_ends_end_rows_alike() {
    check("products.csv", b"id,title\r\na,A\nb,B\rc,C\r\n\nd,D", &["a", "b", "c", "d"], &[]);
}

#[test]
fn a_column_that_is_missing_is_named_with_those_that_are_there() {
    let error = refused_csv(
        b"sku,title\n1,x\n",
        "DIR/products.csv: expected a column `id`, found `sku`, `title`",
    );
    assert!(matches!(error, SourceError::MissingColumn { .. }), "{error:?}");
    let many: Vec<String> = (0..45).map(|number| format!("c{number}")).collect();
    let expected: Vec<String> = many[..40].iter().map(|name| format!("`{name}`")).collect();
    let expected = format!(
        "DIR/products.csv: expected a column `id`, found {} and 5 more",
        expected.join(", ")
    );
    refused_csv(many.join(",").as_bytes(), &expected);
}

#[test]
fn a_column_that_stands_twice_is_refused() {
    let error = refused_csv(
        b"id,title, id \n",
        "DIR/products.csv: expected each column once, found `id` as columns 1 and 3",
    );
    assert!(matches!(error, SourceError::DuplicateColumn { .. }), "{error:?}");
    // Padding of the whole table.
    let unknown = "unknown_column : expected one of `id`, found another column";
    let unknown = format!("products.csv:1 {unknown}");
    check("products.csv", b"id,,\na,,\n", &["a"], &[&unknown, &unknown]);
}

#[test]
fn unknown_columns_are_reported_once_a_file() {
    let collected =
        read("kindred", &[("aliases.csv", b"alias,product,colour\na,b,red\nc,d,blue\n")]);
    let expected = "aliases.csv:1 unknown_column colour: expected one of `alias`, `product`, found another column";
    assert_eq!(collected.findings, [expected]);
    let lines =
        b"{\"alias\":\"a\",\"product\":\"b\"}\n{\"alias\":\"c\",\"product\":\"d\",\"x\":1}\n\
                  {\"x\":2,\"alias\":\"e\",\"product\":\"f\"}\n";
    let collected = read("kindred", &[("aliases.ndjson", lines)]);
    let expected =
        "aliases.ndjson:2 unknown_column x: expected one of `alias`, `product`, found another key";
    assert_eq!(collected.findings, [expected]);
    assert_eq!(collected.records.len(), 3);
}

#[test]
fn rows_at_the_byte_limit_are_read_and_longer_ones_refused() {
    let with_title = |len: usize| {
        let mut text = b"id,title\na,".to_vec();
        text.extend(std::iter::repeat_n(b'x', len));
        text
    };
    // The id takes one byte of the row.
    for len in [ROW_BYTES_MAX - 2, ROW_BYTES_MAX - 1] {
        let collected = read("kindred", &[("products.csv", &with_title(len))]);
        assert_eq!(collected.products().len(), 1);
    }
    let expected = "DIR/products.csv:2: expected a row of at most 1048576 bytes, found a longer \
                    one; is a quote left open?";
    let error = refused_csv(&with_title(ROW_BYTES_MAX), expected);
    assert!(matches!(error, SourceError::RowTooLong { .. }), "{error:?}");
    refused_csv(&with_title(10 << 20), expected);

    let object = |len: usize| format!("{{\"id\":\"a\",\"title\":\"{}\"}}", "x".repeat(len));
    let frame = object(0).len();
    let fits = object(ROW_BYTES_MAX - frame);
    assert_eq!(read("kindred", &[("products.ndjson", fits.as_bytes())]).products().len(), 1);
    refused_ndjson(
        object(ROW_BYTES_MAX - frame + 1).as_bytes(),
        "DIR/products.ndjson:1: expected a row of at most 1048576 bytes, found a longer one; is a \
         quote left open?",
    );
}

/// A gigabyte of one byte; counts what was taken of it.
pub(super) struct Endless {
    pub(super) byte: u8,
    pub(super) taken: Rc<Cell<usize>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(self.byte);
        self.taken.set(self.taken.get() + buffer.len());
        Ok(if self.taken.get() > 1 << 30 { 0 } else { buffer.len() })
    }
}

#[test]
fn a_line_without_end_is_given_up_long_before_it_fills_the_memory() {
    for byte in [b'x', b'"', b',', b' '] {
        let taken = Rc::new(Cell::new(0));
        let endless = || Box::new(Endless { byte, taken: Rc::clone(&taken) });
        let input = Input::new(Path::new("a.csv"), endless());
        assert!(CsvReader::new(input, b',').is_err());
        let mut reader = NdjsonReader::new(Input::new(Path::new("a.ndjson"), endless()));
        let mut sink = Collected::default();
        let file = crate::model::record::FileId(0);
        assert!(reader.read(&[], &mut Cells::default(), file, &mut sink).is_err());
        assert!(taken.get() < 8 * ROW_BYTES_MAX, "took {} bytes of {byte}", taken.get());
    }
}

#[test]
fn columns_up_to_the_limit_are_read_and_more_refused() {
    let table = |count: usize| {
        let header: Vec<String> = (1..count).map(|number| format!("c{number}")).collect();
        format!("id,{}\na{}", header.join(","), ",".repeat(count - 1))
    };
    for count in [31, 32, 33, 64, EXPORT_COLUMNS_MAX - 1, EXPORT_COLUMNS_MAX] {
        let collected = read("kindred", &[("products.csv", table(count).as_bytes())]);
        assert_eq!(collected.products().len(), 1, "{count} columns");
    }
    let error = refused_csv(
        table(EXPORT_COLUMNS_MAX + 1).as_bytes(),
        "DIR/products.csv:1: expected at most 8192 cells in a row, found more",
    );
    assert!(matches!(error, SourceError::TooManyColumns { .. }), "{error:?}");
}

#[test]
fn bad_ids_are_reported_and_their_rows_skipped() {
    let long = "x".repeat(129);
    let fits = "y".repeat(128);
    check(
        "products.csv",
        format!("id,title\n,A\n{long},B\n\"  \",C\n{fits},D\n").as_bytes(),
        &[&fits],
        &[
            "products.csv:2 bad_id id: the id is empty; expected 1 to 128 bytes",
            "products.csv:3 bad_id id: the id has 129 bytes; expected 1 to 128",
            "products.csv:4 bad_id id: the id is empty; expected 1 to 128 bytes",
        ],
    );
    check(
        "products.ndjson",
        b"{\"title\":\"A\"}\n{\"id\":null}\n{\"id\":\"b\"}\n",
        &["b"],
        &[
            "products.ndjson:1 bad_id id: the id is empty; expected 1 to 128 bytes",
            "products.ndjson:2 bad_id id: the id is empty; expected 1 to 128 bytes",
        ],
    );
}

#[test]
fn lines_that_are_no_objects_are_reported_and_skipped() {
    let text = b"{\"id\":\"a\"}\n[1]\n{\"id\":\n{\"id\":\"b\",\"id\":\"c\"}\n{\"id\":\"d\"} x\n{\"id\":\"e\"}";
    let findings = [
        "products.ndjson:2 bad_row : expected a JSON object, found: invalid type: sequence, \
         expected a JSON object at byte 0",
        "products.ndjson:3 bad_row : expected a JSON object, found: EOF while parsing a value at \
         byte 6",
        "products.ndjson:4 bad_row : expected a JSON object, found: key `id` twice at byte \
         19",
        "products.ndjson:5 bad_row : expected a JSON object, found: trailing characters at byte \
         12",
    ];
    check("products.ndjson", text, &["a", "e"], &findings);
    let keys: Vec<String> = (0..=COLUMNS_MAX).map(|key| format!("\"k{key}\":1")).collect();
    let wide = format!("{{\"id\":\"a\"}}\n{{{}}}\n", keys.join(","));
    let collected = read("kindred", &[("products.ndjson", wide.as_bytes())]);
    assert!(collected.findings[0].contains("more than 1024 keys"), "{:?}", collected.findings);
}

#[test]
fn a_file_that_is_cut_off_or_too_deep_is_refused_whatever_it_held_before() {
    let deep = format!("{{\"id\":\"a\"}}\n{{\"id\":{}\n", "[".repeat(100_000));
    refused(
        "kindred",
        &[("products.ndjson", deep.as_bytes())],
        "DIR/products.ndjson:2: expected JSON nested at most 127 deep, found more",
    );
    refused(
        "kindred",
        &[("products.ndjson", b"{\"id\":\"a\"}\n{\"id\":\"b\",\"title\":\"x")],
        "DIR/products.ndjson:2: expected the JSON that begins here to go on to its end, found the \
         end of the file; fetch it again",
    );
    refused(
        "kindred",
        &[("products.csv", b"id,title,price\na,x,1\nb,y")],
        "DIR/products.csv:3: expected 3 cells as in the header, found 2 and the end of the file \
         without a line break; fetch it again, or end the row if it is whole",
    );
    // With a break behind it the row is short, and the file is whole.
    check(
        "products.csv",
        b"id,title\na,x\nb\n",
        &["a"],
        &["products.csv:3 ragged_row : expected 2 cells as in the header, found 1"],
    );
    check("products.csv", b"id,title\na,x\nb,y", &["a", "b"], &[]);
}

#[test]
fn a_file_of_which_no_line_is_an_object_is_refused() {
    let error = refused_ndjson(
        b"\nid,title\n1,x\n",
        "DIR/products.ndjson:2: expected one JSON object a line, found none in the file; first \
         line: expected value at byte 1",
    );
    assert!(matches!(error, SourceError::NotNdjson { .. }), "{error:?}");
}

#[test]
fn values_that_no_cell_can_hold_are_reported() {
    let text = b"{\"id\":\"a\",\"title\":{\"en\":\"A\"},\"tags\":[[\"x\"]],\"brand\":[\"b\"],\
                 \"markets\":[\"de\",{}]}";
    let collected = read("kindred", &[("products.ndjson", text)]);
    let expected = "expected text, a number or a list";
    assert_eq!(
        collected.findings,
        [
            format!("products.ndjson:1 bad_value title: {expected}, found an object"),
            format!("products.ndjson:1 bad_value tags: {expected}, found a list in a list"),
            format!("products.ndjson:1 bad_value markets: {expected}, found an object"),
            "products.ndjson:1 bad_value brand: expected one value, found `a list`".to_owned(),
        ]
    );
    let product = collected.products()[0];
    assert_eq!((product.title, product.brand), (None, None));
    assert!(product.tags.is_empty() && product.markets.is_empty());
}

#[test]
fn files_that_are_not_read_are_reported() {
    let files: [(&str, &[u8]); 5] = [
        ("products.csv", b"id\na\n"),
        ("catalog.toml", b""),
        ("README.md", b""),
        ("old/products.csv", b"id\nb\n"),
        ("relations.CSV", b""),
    ];
    let collected = read("kindred", &files);
    let expected = "expected products, product_markets, relations, bundles or aliases as .csv, \
                    .ndjson or .parquet, found another file";
    let line = |name: &str| format!("{name}:1 ignored_file : {expected}");
    assert_eq!(collected.findings, [line("README.md"), line("old"), line("relations.CSV")]);
    assert_eq!(collected.products().len(), 1);
}

#[test]
fn long_or_many_lined_cells_are_cut_in_messages() {
    let text = format!("id,price\na,\"1\n{}\"\n", "2".repeat(1000));
    let collected = read("kindred", &[("products.csv", text.as_bytes())]);
    let expected = format!(
        "products.csv:2 bad_value price: expected an amount like `12.50`, found `1\\n{}...`",
        "2".repeat(78)
    );
    assert_eq!(collected.findings, [expected]);
}
