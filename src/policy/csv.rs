//! Rows of a comma-separated text that is in memory: each cell with its line and column.
//!
//! Importers stream files of any size and know lines only (`sources/csv.rs`); here the whole text is
//! at hand, and a person who mends a cell wants to know where it is.

use std::ops::Range;

use csv_core::{ReadFieldResult, Reader};

use super::error::Fault;
use crate::model::{
    limits::{COLUMNS_MAX, ROW_BYTES_MAX},
    text::{Place, behind},
};

/// Reads rows.
pub(super) struct Rows<'t> {
    rest: &'t str,
    place: Place,
    core: Box<Reader>,
    /// The cell being read.
    cell: Vec<u8>,
}

/// One row. Kept and filled again, so that a long table costs few allocations.
#[derive(Default)]
pub(super) struct Row {
    text: String,
    cells: Vec<(Range<usize>, Place)>,
}

impl Row {
    /// A cell without blanks around it, and where it begins.
    pub(super) fn cell(&self, index: usize) -> (&str, Place) {
        let Some((range, place)) = self.cells.get(index) else { return Default::default() };
        (self.text.get(range.clone()).unwrap_or_default().trim(), *place)
    }

    /// How many cells it has.
    pub(super) fn count(&self) -> usize {
        self.cells.len()
    }

    /// Where it begins.
    pub(super) fn place(&self) -> Place {
        self.cells.first().map_or(Place::default(), |(_, place)| *place)
    }

    /// Adds a cell.
    pub(super) fn push(&mut self, text: &str, place: Place) {
        let begin = self.text.len();
        self.text.push_str(text);
        self.cells.push((begin..self.text.len(), place));
    }

    fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }
}

impl<'t> Rows<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let place = Place { line: 1, column: 1 };
        Self { rest, place, core: Box::new(Reader::new()), cell: vec![0; 256] }
    }

    /// Reads the next row; `false` at the end of the text. Blank lines are no rows.
    ///
    /// # Errors
    /// What cannot be read as cells, and where the row begins; the rows behind it cannot be told
    /// apart.
    pub(super) fn read(&mut self, row: &mut Row) -> Result<bool, (Place, Fault)> {
        row.clear();
        let content = self.rest.trim_start_matches(['\r', '\n']);
        self.consume(self.rest.len() - content.len());
        if self.rest.is_empty() {
            return Ok(false);
        }
        let begin = self.place;
        loop {
            let place = self.place;
            let is_last = self.read_cell(row, place).map_err(|fault| (begin, fault))?;
            if is_last {
                return Ok(true);
            }
            if row.count() == COLUMNS_MAX {
                return Err((begin, Fault::TooMany { max: COLUMNS_MAX, noun: "cells in a row" }));
            }
        }
    }

    /// Reads one cell; says whether it ends the row.
    fn read_cell(&mut self, row: &mut Row, place: Place) -> Result<bool, Fault> {
        let mut len = 0;
        loop {
            // At the end a line break completes the row, unless it lands inside an open quote.
            let is_at_end = self.rest.is_empty();
            let bytes = if is_at_end { b"\n" } else { self.rest.as_bytes() };
            let room = self.cell.get_mut(len..).unwrap_or_default();
            let (result, read, written) = self.core.read_field(bytes, room);
            len += written;
            if !is_at_end {
                self.consume(read);
            }
            match result {
                ReadFieldResult::Field { record_end } => {
                    let cell = self.cell.get(..len).unwrap_or_default();
                    let text = str::from_utf8(cell).expect("only ASCII bytes are taken out");
                    row.push(text, place);
                    return Ok(record_end);
                }
                ReadFieldResult::OutputFull if self.cell.len() < ROW_BYTES_MAX => {
                    self.cell.resize((self.cell.len() * 2).min(ROW_BYTES_MAX), 0);
                }
                ReadFieldResult::OutputFull => {
                    let expected = format!("a cell of at most {ROW_BYTES_MAX} bytes");
                    return Err(Fault::Conflict { expected, found: "a longer one".to_owned() });
                }
                ReadFieldResult::InputEmpty if !is_at_end => {}
                ReadFieldResult::InputEmpty | ReadFieldResult::End => {
                    let expected = "the quotes of the row that begins here to be closed".to_owned();
                    let found = "the end of the text".to_owned();
                    return Err(Fault::Conflict { expected, found });
                }
            }
        }
    }

    fn consume(&mut self, count: usize) {
        let (passed, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, ""));
        self.place = behind(self.place, passed);
        self.rest = rest;
    }
}

/// Appends a cell, in quotes where it needs them.
pub(super) fn write_cell(text: &str, to: &mut String) {
    let is_plain = !text.contains([',', '"', '\r', '\n']) && text.trim() == text;
    if is_plain {
        to.push_str(text);
        return;
    }
    to.push('"');
    for char in text.chars() {
        if char == '"' {
            to.push('"');
        }
        to.push(char);
    }
    to.push('"');
}
