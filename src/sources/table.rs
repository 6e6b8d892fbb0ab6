//! A table of either form: columns by name, rows as cells, so that there is one parser a table.

use std::path::Path;

use super::{
    SourceError, csv::CsvReader, input::Input, json_rows::JsonRows, ndjson::NdjsonReader,
    parquet::ParquetRows, row::Row,
};
use crate::model::{
    finding::FindingCode,
    record::{FileId, Location, Record, RecordSink, ScopeRecord},
    text::shown,
};

/// What ends each item of a list cell that came from a JSON array: the unit separator, which no
/// item may hold.
pub(crate) const ITEM_END: char = '\u{1f}';

/// How a file writes its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Cells between delimiters, under a header.
    Csv {
        /// What stands between cells: `,`, `;` or a tab.
        delimiter: u8,
    },
    /// A JSON object a line, keys instead of columns.
    Ndjson,
}

/// Cells between commas, under a header.
pub(crate) const COMMA_CSV: Form = Form::Csv { delimiter: b',' };

/// A column of one table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name, if the format knows it; the header has the others'.
    pub(crate) name: &'static str,
    /// Its place in the row, if the file has it.
    pub(crate) index: Option<usize>,
}

/// The cells of one row.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    line: u64,
    text: String,
    /// Where cells begin and end: 0, then the end of each.
    bounds: Vec<usize>,
    lists: Vec<bool>,
}

/// A table being read.
pub(crate) struct Table<'s> {
    rows: Rows,
    /// Columns of the header; with NDJSON the keys that were asked for.
    columns: Vec<String>,
    asked: Vec<bool>,
    cells: Cells,
    file: FileId,
    sink: &'s mut dyn RecordSink,
    blank: &'static str,
}

#[derive(Debug)]
enum Rows {
    Csv(CsvReader),
    Ndjson(NdjsonReader),
    Json(JsonRows),
    Parquet(Box<ParquetRows>),
}

impl<'s> Table<'s> {
    /// Reads the header of a table that the sink knows as `file`.
    pub(crate) fn new(
        form: Form,
        input: Input,
        file: FileId,
        sink: &'s mut dyn RecordSink,
    ) -> Result<Self, SourceError> {
        let (rows, columns) = match form {
            Form::Csv { delimiter } => {
                let reader = CsvReader::new(input, delimiter)?;
                let header = reader.header().to_vec();
                (Rows::Csv(reader), header)
            }
            Form::Ndjson => (Rows::Ndjson(NdjsonReader::new(input)), Vec::new()),
        };
        let asked = vec![false; columns.len()];
        Ok(Self { rows, columns, asked, cells: Cells::default(), file, sink, blank: "" })
    }

    /// Items of JSON documents as rows of a table that the sink knows as `file`; its columns are
    /// those that are asked for.
    pub(crate) fn json(rows: JsonRows, file: FileId, sink: &'s mut dyn RecordSink) -> Self {
        let (columns, asked) = (Vec::new(), Vec::new());
        Self {
            rows: Rows::Json(rows),
            columns,
            asked,
            cells: Cells::default(),
            file,
            sink,
            blank: "",
        }
    }

    /// Rows of a Parquet file that the sink knows as `file`.
    pub(crate) fn parquet(rows: ParquetRows, file: FileId, sink: &'s mut dyn RecordSink) -> Self {
        let columns = rows.columns().to_vec();
        let asked = vec![false; columns.len()];
        let rows = Rows::Parquet(Box::new(rows));
        Self { rows, columns, asked, cells: Cells::default(), file, sink, blank: "" }
    }

    /// The columns of the header.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// A column that the file may have.
    pub(crate) fn optional(&mut self, name: &'static str) -> Column {
        let index = self.columns.iter().position(|column| column == name);
        let index = match (index, &self.rows) {
            (None, Rows::Ndjson(_) | Rows::Json(_)) => {
                self.columns.push(name.to_owned());
                self.asked.push(true);
                Some(self.columns.len() - 1)
            }
            (index, _) => index,
        };
        if let Some(index) = index {
            self.asked[index] = true;
        }
        Column { name, index }
    }

    /// The columns of the header that `known` understands, each with what it says about it.
    pub(crate) fn matching<T>(
        &mut self,
        mut known: impl FnMut(&str) -> Option<T>,
    ) -> Vec<(T, Column)> {
        let mut found = Vec::new();
        for (index, name) in self.columns.iter().enumerate() {
            if let Some(what) = known(name) {
                self.asked[index] = true;
                found.push((what, Column { name: "", index: Some(index) }));
            }
        }
        found
    }

    /// A column whose name is not known before; any path is one of JSON documents.
    pub(crate) fn named(&mut self, name: &str) -> Option<Column> {
        let index = self.columns.iter().position(|column| column == name);
        let index = match (index, &self.rows) {
            (None, Rows::Json(_)) => {
                self.columns.push(name.to_owned());
                self.asked.push(true);
                self.columns.len() - 1
            }
            (index, _) => index?,
        };
        self.asked[index] = true;
        Some(Column { name: "", index: Some(index) })
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        self.rows.path()
    }

    /// Are its rows items of JSON documents?
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.rows, Rows::Json(_))
    }

    /// Reports something about the file as a whole.
    pub(crate) fn finding(&mut self, code: FindingCode, field: &str, text: &str) {
        let at = Location { file: self.file, line: 1 };
        self.sink.finding(code, at, &shown(field), text);
    }

    /// A column that the file must have. A JSON object without the key is found row by row.
    pub(crate) fn required(&mut self, name: &'static str) -> Result<Column, SourceError> {
        let column = self.optional(name);
        if column.index.is_some() {
            return Ok(column);
        }
        let path = self.rows.path().to_owned();
        Err(SourceError::MissingColumn { path, column: name, found: listed(&self.columns) })
    }

    /// Takes cells of this text for empty ones.
    pub(crate) fn treat_as_blank(&mut self, text: &'static str) {
        self.blank = text;
    }

    /// Says that the file speaks of a relation type at all.
    pub(crate) fn speak_of(&mut self, relation_type: &str) {
        let at = Location { file: self.file, line: 1 };
        let scope = ScopeRecord { relation_type, product: None };
        self.sink.record(at, Record::Scope(scope));
    }

    /// Reports the columns that were not asked for and of which `counts` is true.
    pub(crate) fn report_unknown(&mut self, counts: impl Fn(&str) -> bool) {
        let known = self.columns.iter().zip(&self.asked).filter(|(_, asked)| **asked);
        let known: Vec<&str> = known.map(|(column, _)| column.as_str()).collect();
        let message = format!("expected one of `{}`, found another column", known.join("`, `"));
        let unknown = self.columns.iter().zip(&self.asked).filter(|(_, asked)| !**asked);
        for (column, _) in unknown.filter(|(column, _)| counts(column)) {
            let at = Location { file: self.file, line: 1 };
            self.sink.finding(FindingCode::UnknownColumn, at, &shown(column), &message);
        }
    }

    /// Goes to the next row; `false` at the end. Rows that cannot be read are reported and skipped.
    pub(crate) fn advance(&mut self) -> Result<bool, SourceError> {
        loop {
            let reader = match &mut self.rows {
                Rows::Csv(reader) => reader,
                Rows::Ndjson(reader) => {
                    return reader.read(&self.columns, &mut self.cells, self.file, self.sink);
                }
                Rows::Json(rows) => {
                    return rows.read(&self.columns, &mut self.cells, self.file, self.sink);
                }
                Rows::Parquet(rows) => {
                    return rows.read(&self.asked, &mut self.cells, self.file, self.sink);
                }
            };
            if !reader.read(&mut self.cells)? {
                return Ok(false);
            }
            let (expected, found) = (self.columns.len(), self.cells.count());
            if expected == found && !repeats_header(&self.columns, &self.cells) {
                return Ok(true);
            }
            if expected == found {
                let at = Location { file: self.file, line: to_u32(self.cells.line) };
                let message = "expected a row, found the header again; was the file joined from \
                               several?";
                self.sink.finding(FindingCode::BadRow, at, "", message);
                continue;
            }
            if found < expected && reader.is_cut() {
                let (path, line) = (reader.path().to_owned(), self.cells.line);
                return Err(SourceError::TableEnds { path, line, expected, found });
            }
            let at = Location { file: self.file, line: to_u32(self.cells.line) };
            let message = format!("expected {expected} cells as in the header, found {found}");
            self.sink.finding(FindingCode::RaggedRow, at, "", &message);
        }
    }

    /// The row that [`Self::advance`] went to.
    pub(crate) fn row(&mut self) -> Row<'_> {
        Row::new(&self.columns, &self.cells, self.file, self.sink, self.blank)
    }
}

impl Rows {
    fn path(&self) -> &Path {
        match self {
            Self::Csv(reader) => reader.path(),
            Self::Ndjson(reader) => reader.path(),
            Self::Json(rows) => rows.path(),
            Self::Parquet(rows) => rows.path(),
        }
    }
}

impl Cells {
    /// Takes over a row.
    pub(crate) fn set(&mut self, line: u64, text: &str, ends: &[usize]) {
        self.begin(line);
        self.text.push_str(text);
        self.bounds.extend_from_slice(ends);
    }

    /// Empties the row.
    pub(crate) fn begin(&mut self, line: u64) {
        self.line = line;
        self.text.clear();
        self.bounds.clear();
        self.bounds.push(0);
        self.lists.clear();
    }

    /// Ends the cell whose text was added.
    pub(crate) fn end_cell(&mut self, is_list: bool) {
        self.bounds.push(self.text.len());
        self.lists.push(is_list);
    }

    /// Where the text of the next cell goes.
    pub(crate) fn text_mut(&mut self) -> &mut String {
        &mut self.text
    }

    /// How many cells the row has.
    pub(crate) fn count(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// The line where the row begins.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The text of a cell, empty beyond the row.
    pub(crate) fn text(&self, index: usize) -> &str {
        let bounds = self.bounds.get(index..).and_then(|bounds| bounds.first_chunk::<2>());
        let text = bounds.and_then(|[begin, end]| self.text.get(*begin..*end));
        text.unwrap_or_default()
    }

    /// Is there no text, and no item, in the cell?
    pub(crate) fn is_bare(&self, index: usize) -> bool {
        let bounds = self.bounds.get(index..).and_then(|bounds| bounds.first_chunk::<2>());
        bounds.is_none_or(|[begin, end]| begin == end)
    }

    /// Was the cell a JSON array?
    pub(crate) fn is_list(&self, index: usize) -> bool {
        self.lists.get(index).copied().unwrap_or(false)
    }

    /// Was there no key for the cell, or nothing behind it?
    pub(crate) fn is_absent(&self, index: usize) -> bool {
        !self.lists.is_empty() && !self.is_list(index) && self.text(index).is_empty()
    }

    /// The line where a cell begins: line breaks of a row stand only inside its cells.
    pub(crate) fn line_of(&self, index: usize) -> u64 {
        let before = self.text.as_bytes().get(..self.begin_of(index)).unwrap_or_default();
        // An object of NDJSON stands on one line, whatever its strings hold.
        if self.lists.is_empty() { self.line + line_breaks(before) } else { self.line }
    }

    fn begin_of(&self, index: usize) -> usize {
        self.bounds.get(index).copied().unwrap_or(self.text.len())
    }
}

/// Is the row the header over again? One column is not enough to tell.
fn repeats_header(columns: &[String], cells: &Cells) -> bool {
    let mut columns = columns.iter().enumerate();
    columns.len() > 1 && columns.all(|(index, column)| cells.text(index).trim() == column)
}

/// A line as locations hold it; a file has fewer than 2^32 of them, or the last ones share a number.
pub(crate) fn to_u32(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Column names for a message, the first few.
fn listed(columns: &[String]) -> String {
    const SHOWN_MAX: usize = 40;
    let names = columns.iter().take(SHOWN_MAX).map(|name| format!("`{}`", shown(name)));
    let names = names.collect::<Vec<_>>().join(", ");
    match columns.len().checked_sub(SHOWN_MAX) {
        Some(more) if more > 0 => format!("{names} and {more} more"),
        _ => names,
    }
}
