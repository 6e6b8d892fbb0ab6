//! JSON items as the rows of a table: a column is a path of keys.
//!
//! `price.amount` leads through objects; a list on the way gives the values of each of its objects. A
//! key that holds the whole path counts first. Where the rows are the objects of a list inside each
//! item, a path that begins with `/` starts at the item.

use std::path::Path;

use serde_json::{Map, Value};

use super::{
    SourceError,
    json::{JsonItem, JsonReader},
    ndjson::{Kind, push_value},
    object::kind,
    table::Cells,
    unknown::UnknownKeys,
};
use crate::model::{
    finding::FindingCode,
    record::{FileId, RecordSink},
};

/// Reads items of a file, or the objects of a list in each of them.
#[derive(Debug)]
pub(crate) struct JsonRows {
    reader: JsonReader,
    each: Option<String>,
    item: Option<JsonItem>,
    /// Rows of the item that are still to come, the next one last.
    rows: Vec<Value>,
    /// Paths from items that mean something; where it is not said, no other key is reported.
    known: Option<Vec<String>>,
    unknown: UnknownKeys,
}

impl JsonRows {
    /// The rows of a stream; `each` is the path of the list whose objects they are. Keys of items
    /// with which no `known` path begins are reported, once a file.
    pub(crate) fn new(reader: JsonReader, each: Option<&str>, known: Option<Vec<String>>) -> Self {
        let each = each.map(str::to_owned);
        let (rows, unknown) = (Vec::new(), UnknownKeys::default());
        Self { reader, each, item: None, rows, known, unknown }
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        self.reader.path()
    }

    /// Reads the next row, its values in the order of `columns`; `false` at the end.
    pub(crate) fn read(
        &mut self,
        columns: &[String],
        cells: &mut Cells,
        file: FileId,
        sink: &mut dyn RecordSink,
    ) -> Result<bool, SourceError> {
        let Some(row) = self.advance(file, sink)? else { return Ok(false) };
        let Some(item) = &self.item else { return Ok(false) };
        let row = row.as_ref().unwrap_or(&item.object);
        cells.begin(u64::from(item.at.line));
        for column in columns {
            let (object, path) = match column.strip_prefix('/') {
                Some(path) => (&item.object, path),
                None => (row, column.as_str()),
            };
            let value = find(object, path);
            let pushed = push_value(cells.text_mut(), &value).unwrap_or_else(|found| {
                let text = format!("expected text, a number or a list, found {found}");
                sink.finding(FindingCode::BadValue, item.at, column, &text);
                Kind::Single
            });
            cells.end_cell(pushed == Kind::List);
        }
        Ok(true)
    }

    /// Goes to the next row: the item itself (`Some(None)`) or an object of its list.
    fn advance(
        &mut self,
        file: FileId,
        sink: &mut dyn RecordSink,
    ) -> Result<Option<Option<Map<String, Value>>>, SourceError> {
        loop {
            match (self.rows.pop(), &self.item) {
                (Some(Value::Object(row)), _) => return Ok(Some(Some(row))),
                (Some(other), Some(item)) => {
                    let text = format!("expected a list of objects, found {} in it", kind(&other));
                    let field = self.each.as_deref().unwrap_or_default();
                    sink.finding(FindingCode::BadValue, item.at, field, &text);
                    continue;
                }
                _ => {}
            }
            let Some(mut item) = self.reader.next(file, sink)? else { return Ok(None) };
            self.report_unknown(&item, sink);
            let list = self.each.as_deref().map(|each| take(&mut item.object, each));
            self.item = Some(item);
            match list {
                None => return Ok(Some(None)),
                Some(Value::Array(rows)) => self.rows = rows.into_iter().rev().collect(),
                Some(Value::Null) => {}
                Some(one) => self.rows = vec![one],
            }
        }
    }

    fn report_unknown(&mut self, item: &JsonItem, sink: &mut dyn RecordSink) {
        let Some(known) = &self.known else { return };
        for key in item.object.keys() {
            let begins = |path: &String| {
                let rest = path.strip_prefix(key.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            if !known.iter().any(begins) {
                let expected = || "a key that the mapping names".to_owned();
                self.unknown.report(sink, item.at, key, expected);
            }
        }
    }
}

/// The value at a path; the values of several objects as a list.
fn find(object: &Map<String, Value>, path: &str) -> Value {
    if let Some(value) = object.get(path) {
        return value.clone();
    }
    let Some((head, rest)) = path.split_once('.') else { return Value::Null };
    match object.get(head) {
        Some(Value::Object(inner)) => find(inner, rest),
        Some(Value::Array(items)) => {
            let objects = items.iter().filter_map(Value::as_object);
            let found = objects.map(|object| find(object, rest));
            let flat =
                found.flat_map(
                    |value| {
                        if let Value::Array(values) = value { values } else { vec![value] }
                    },
                );
            Value::Array(flat.collect())
        }
        _ => Value::Null,
    }
}

/// Takes the value at a path out of its object.
fn take(object: &mut Map<String, Value>, path: &str) -> Value {
    if let Some(value) = object.get_mut(path) {
        return value.take();
    }
    let inner = path.split_once('.').and_then(|(head, rest)| {
        let inner = object.get_mut(head)?.as_object_mut()?;
        Some(take(inner, rest))
    });
    inner.unwrap_or_default()
}
