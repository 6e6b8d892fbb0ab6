//! One JSON object a line, laid out as the cells that a table with those columns would have.
//!
//! Strings stay as they are, numbers (of 64 bits) and booleans become text, arrays of those become
//! lists, null is absent. A line beyond the row limit is refused before it is buffered.

use std::{fmt, path::Path};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::{
    SourceError,
    input::{Input, Next},
    table::{Cells, ITEM_END, to_u32},
    unknown::UnknownKeys,
};
use crate::model::{
    finding::FindingCode,
    limits::{COLUMNS_MAX, ROW_BYTES_MAX},
    record::{FileId, Location, RecordSink},
    text::shown,
};

/// Reads objects of a file.
#[derive(Debug)]
pub(crate) struct NdjsonReader {
    input: Input,
    /// The current line, without its break.
    line: Vec<u8>,
    line_number: u64,
    /// Did the current line end with a break?
    ended: bool,
    any_object: bool,
    /// The first line that is no object, until one line is.
    first_bad: Option<(u64, String)>,
    unknown: UnknownKeys,
}

/// An object with its keys in order.
struct Object(Vec<(String, Value)>);

impl NdjsonReader {
    /// Reads a stream.
    pub(crate) fn new(input: Input) -> Self {
        Self {
            input,
            line: Vec::new(),
            line_number: 0,
            ended: true,
            any_object: false,
            first_bad: None,
            unknown: UnknownKeys::default(),
        }
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        self.input.path()
    }

    /// Reads the next object, its values in the order of `columns`; `false` at the end.
    pub(crate) fn read(
        &mut self,
        columns: &[String],
        cells: &mut Cells,
        file: FileId,
        sink: &mut dyn RecordSink,
    ) -> Result<bool, SourceError> {
        while self.read_line()? {
            let at = Location { file, line: to_u32(self.line_number) };
            match serde_json::from_slice::<Object>(&self.line) {
                Ok(object) => {
                    self.any_object = true;
                    for (key, _) in object.0.iter().filter(|(key, _)| !columns.contains(key)) {
                        let expected = || format!("one of `{}`", columns.join("`, `"));
                        self.unknown.report(sink, at, key, expected);
                    }
                    cells.begin(self.line_number);
                    for column in columns {
                        let value = object.value(column);
                        let kind = push_value(cells.text_mut(), value).unwrap_or_else(|found| {
                            let text = format!("expected text, a number or a list, found {found}");
                            sink.finding(FindingCode::BadValue, at, column, &text);
                            Kind::Single
                        });
                        cells.end_cell(kind == Kind::List);
                    }
                    return Ok(true);
                }
                Err(error) => {
                    self.check_whole(&error)?;
                    let found = without_line(&error);
                    let text = format!("expected a JSON object, found: {found}");
                    sink.finding(FindingCode::BadRow, at, "", &text);
                    self.first_bad.get_or_insert((self.line_number, found));
                }
            }
        }
        self.check_any().map(|()| false)
    }

    /// A file that was cut off and nesting that no export has are no matter of one line.
    fn check_whole(&self, error: &serde_json::Error) -> Result<(), SourceError> {
        let (path, line) = (self.input.path().to_owned(), self.line_number);
        if error.is_eof() && !self.ended {
            return Err(SourceError::JsonEnds { path, line });
        }
        if error.to_string().starts_with("recursion limit exceeded") {
            return Err(SourceError::JsonTooDeep { path, line });
        }
        Ok(())
    }

    /// Reads the next line that is not blank; `false` at the end.
    fn read_line(&mut self) -> Result<bool, SourceError> {
        loop {
            self.line.clear();
            self.line_number += 1;
            self.ended = self.read_to_break()?;
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
            if !self.ended {
                return Ok(false);
            }
        }
    }

    /// Collects bytes up to a line break; `false` if the file ends first.
    fn read_to_break(&mut self) -> Result<bool, SourceError> {
        loop {
            match self.input.fill()? {
                Next::End => return Ok(false),
                Next::NotUtf8 => return Err(self.input.not_utf8(self.line_number, None)),
                Next::Bytes => {}
            }
            let bytes = self.input.bytes();
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + part.len() > ROW_BYTES_MAX {
                let path = self.input.path().to_owned();
                return Err(SourceError::RowTooLong { path, line: self.line_number });
            }
            self.line.extend_from_slice(part);
            let read = part.len() + usize::from(end.is_some());
            self.input.consume(read);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    fn check_any(&mut self) -> Result<(), SourceError> {
        let path = self.input.path().to_owned();
        match self.first_bad.take() {
            _ if self.any_object => Ok(()),
            Some((line, found)) => Err(SourceError::NotNdjson { path, line, found }),
            None => Err(SourceError::Empty { path, expected: "one JSON object a line" }),
        }
    }
}

impl Object {
    fn value(&self, key: &str) -> &Value {
        let found = self.0.iter().find(|(found, _)| found == key);
        found.map_or(&Value::Null, |(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// What serde says; its line is always the first, which is not that of the file.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(text) => format!("{text} at byte {}", error.column()),
        None => text,
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if pairs.len() == COLUMNS_MAX {
                return Err(A::Error::custom(format!("more than {COLUMNS_MAX} keys")));
            }
            if pairs.iter().any(|(earlier, _)| *earlier == key) {
                return Err(A::Error::custom(format!("key `{}` twice", shown(&key))));
            }
            pairs.push((key, value));
        }
        Ok(Object(pairs))
    }
}

/// Is a cell one value or a list?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    List,
}

/// Adds a value as text; `Err` says what stands there instead, and nothing is added.
pub(super) fn push_value(text: &mut String, value: &Value) -> Result<Kind, &'static str> {
    let Value::Array(items) = value else {
        return push_single(text, value).map(|()| Kind::Single);
    };
    let begin = text.len();
    for item in items {
        let pushed = match item {
            Value::Array(_) => Err("a list in a list"),
            Value::String(item) if item.contains(ITEM_END) => Err("a control character in a list"),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => push_single(text, item),
        };
        if pushed.is_err() {
            text.truncate(begin);
        }
        pushed?;
        text.push(ITEM_END);
    }
    Ok(Kind::List)
}

fn push_single(text: &mut String, value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Null => {}
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => text.push_str(&value.to_string()),
        Value::String(value) => text.push_str(value),
        Value::Array(_) => return Err("a list"),
        Value::Object(_) => return Err("an object"),
    }
    Ok(())
}
