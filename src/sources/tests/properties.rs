//! Random bytes never panic a reader, and every table that is written is read back equal.

use std::path::Path;

use proptest::prelude::*;

use super::Collected;
use crate::{
    model::record::{FileId, FileInfo, RecordSink},
    sources::{
        csv::CsvReader,
        input::Input,
        json::JsonReader,
        ndjson::NdjsonReader,
        row::trimmed,
        table::{COMMA_CSV, Cells, Form, Table},
    },
};

fn input(bytes: &[u8]) -> Input {
    Input::new(Path::new("random"), Box::new(std::io::Cursor::new(bytes.to_vec())))
}

/// A sink that knows one file.
fn with_file() -> (FileId, Collected) {
    let mut sink = Collected::default();
    let file = sink.open_file(FileInfo { name: "random".to_owned(), modified_s: None });
    (file, sink)
}

/// Reads a table with one known column to its end or its error.
fn drain(form: Form, bytes: &[u8]) {
    let (file, mut sink) = with_file();
    let Ok(mut table) = Table::new(form, input(bytes), file, &mut sink) else { return };
    let column = table.optional("a");
    table.report_unknown(|_| true);
    while let Ok(true) = table.advance() {
        let mut row = table.row();
        row.id(column);
        row.list(column);
        row.price(column, column);
        row.instant(column);
        row.categories(column);
        assert!(row.at().line >= 1);
        assert!(row.at_cell(column).line >= row.at().line);
    }
}

/// Writes a table as any program may: all cells in quotes, quotes doubled.
fn written(rows: &[Vec<String>], line_end: &str) -> String {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",");
    rows.iter().map(|row| line(row) + line_end).collect()
}

fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let cell = prop_oneof![
        "[a-c,\"\r\n|; ]{0,6}",
        any::<String>(),
        // Longer than the first buffer of a row.
        "[x\u{20ac}]{200,400}",
    ];
    (1_usize..40).prop_flat_map(move |width| {
        prop::collection::vec(prop::collection::vec(cell.clone(), width), 0..6)
    })
}

/// Bytes that look like a table often enough to reach the readers' corners.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let tablish = prop::sample::select(b"a,\"\n\r{}[]:1\\ \xc3\xa9\xff\xef\xbb\xbf".to_vec());
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        prop::collection::vec(tablish, 0..400),
        prop::collection::vec(
            prop::sample::select(vec![
                "{\"a\":",
                "\"x\"",
                "}\n",
                "[",
                "]",
                "{\"a\":1}\n",
                ",",
                "null"
            ]),
            0..60
        )
        .prop_map(|parts| parts.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn a_cell_is_trimmed_as_unicode_says(text in "[ \t\u{a0}\u{3000}\u{85}a!~é]{0,4}|\\PC{0,6}") {
        prop_assert_eq!(trimmed(&text), text.trim());
    }

    #[test]
    fn random_bytes_never_panic(bytes in bytes()) {
        drain(COMMA_CSV, &bytes);
        drain(Form::Ndjson, &bytes);
        let mut reader = JsonReader::new(input(&bytes), &["a", "b.c"]);
        let (file, mut sink) = with_file();
        while let Ok(Some(item)) = reader.next(file, &mut sink) {
            assert!(item.at.line >= 1);
        }
        let mut with_header = b"a,b\n".to_vec();
        with_header.extend(&bytes);
        drain(COMMA_CSV, &with_header);
    }

    #[test]
    fn tables_are_read_back_as_they_were_written(
        rows in rows(),
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
        last in any::<bool>(),
    ) {
        let width = rows.first().map_or(1, Vec::len);
        let header: Vec<String> = (0..width).map(|index| format!("c{index}")).collect();
        let mut text = written(&[vec![header], rows.clone()].concat(), line_end);
        if last {
            text.truncate(text.len() - line_end.len());
        }
        let mut reader = CsvReader::new(input(text.as_bytes()), b',').unwrap();
        let mut cells = Cells::default();
        // Lines are counted as an editor counts them.
        let mut line = 2;
        for row in &rows {
            prop_assert!(reader.read(&mut cells).unwrap());
            prop_assert_eq!(cells.count(), row.len());
            prop_assert_eq!(cells.line(), line);
            for (index, cell) in row.iter().enumerate() {
                prop_assert_eq!(cells.text(index), cell.as_str());
                prop_assert_eq!(cells.line_of(index), line);
                line += cell.matches('\n').count() as u64;
            }
            line += 1;
        }
        prop_assert!(!reader.read(&mut cells).unwrap());
    }

    #[test]
    fn documents_are_read_back_in_every_shape(
        values in prop::collection::vec((any::<String>(), any::<i32>()), 0..6),
        shape in 0..4,
    ) {
        let objects: Vec<serde_json::Value> = values
            .iter()
            .map(|(text, number)| serde_json::json!({ text: number, "list": [text, { "a": text }] }))
            .collect();
        let text = match shape {
            0 => serde_json::json!(objects).to_string(),
            1 => serde_json::to_string_pretty(&serde_json::json!({ "a": 1, "b": { "c": objects } })).unwrap(),
            2 => objects.iter().map(|object| format!("{object}\n")).collect(),
            _ => format!("[]{}", serde_json::json!([objects, []])),
        };
        prop_assume!(!text.is_empty());
        let mut reader = JsonReader::new(input(text.as_bytes()), &["b.c"]);
        let mut found = Vec::new();
        let (file, mut sink) = with_file();
        while let Some(item) = reader.next(file, &mut sink).unwrap() {
            found.push(serde_json::Value::Object(item.object));
        }
        prop_assert_eq!(found, objects);
        prop_assert!(sink.findings.is_empty());
    }

    #[test]
    fn objects_are_read_back_as_they_were_written(
        values in prop::collection::vec((any::<String>(), any::<i32>(), any::<bool>()), 1..6),
    ) {
        let columns = ["text", "number", "switch", "list"].map(str::to_owned);
        let mut text = String::new();
        // Amounts as shops write them; serde_json may round the seventeenth digit.
        let amount = |number: i32| f64::from(number) / 1000.0;
        for (string, number, switch) in &values {
            let number = amount(*number);
            let object = serde_json::json!({
                "text": string, "number": number, "switch": switch, "list": [number, switch],
            });
            text += &format!("{object}\n");
        }
        let mut reader = NdjsonReader::new(input(text.as_bytes()));
        let (mut cells, mut sink) = (Cells::default(), Collected::default());
        for (string, number, switch) in &values {
            prop_assert!(reader.read(&columns, &mut cells, FileId(0), &mut sink).unwrap());
            prop_assert_eq!(cells.text(0), string.as_str());
            prop_assert_eq!(cells.text(1).parse::<f64>().unwrap(), amount(*number));
            prop_assert_eq!(cells.text(2), switch.to_string());
            prop_assert!(cells.is_list(3) && !cells.is_list(0));
            prop_assert_eq!(cells.text(3).split_terminator('\u{1f}').count(), 2);
        }
        prop_assert!(!reader.read(&columns, &mut cells, FileId(0), &mut sink).unwrap());
    }
}
