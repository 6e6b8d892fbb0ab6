//! Comma-separated tables: quotes, line breaks inside cells, CRLF, each row with its line.
//!
//! `csv-core` knows the syntax; this file bounds what a row may hold and knows where it began. A row
//! beyond the limit is refused before it is buffered.

use std::{collections::BTreeMap, path::Path, str};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{
    SourceError,
    input::{Input, Next},
    table::Cells,
};
use crate::model::limits::{EXPORT_COLUMNS_MAX, ROW_BYTES_MAX};

/// What other programs write between cells.
const OTHER_DELIMITERS: [char; 4] = [';', '\t', '|', ','];

/// Reads rows of a table.
#[derive(Debug)]
pub(crate) struct CsvReader {
    input: Input,
    core: Box<Reader>,
    /// Names of the columns, once the header is read.
    header: Vec<String>,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Did the file end without a break behind the row?
    is_cut: bool,
}

/// How far a row has come.
struct Progress {
    line: u64,
    text_len: usize,
    cell_count: usize,
}

impl CsvReader {
    /// Reads the header of a table.
    pub(crate) fn new(input: Input, delimiter: u8) -> Result<Self, SourceError> {
        let core = Box::new(ReaderBuilder::new().delimiter(delimiter).build());
        let mut reader = Self {
            input,
            core,
            header: Vec::new(),
            text: vec![0; 256],
            ends: vec![0; 32],
            is_cut: false,
        };
        let mut cells = Cells::default();
        if !reader.read(&mut cells)? {
            let expected = "a header with the names of the columns";
            return Err(SourceError::Empty { path: reader.input.path().to_owned(), expected });
        }
        if cells.text(0).trim_start().starts_with('<') {
            let found = "a page of HTML or XML; look whether it is an error's, and export again";
            return Err(SourceError::NoTableAsNamed {
                path: reader.input.path().to_owned(),
                found,
            });
        }
        reader.check_delimiter(&cells, char::from(delimiter))?;
        reader.header =
            (0..cells.count()).map(|index| cells.text(index).trim().to_owned()).collect();
        check_unique(reader.input.path(), &reader.header)?;
        Ok(reader)
    }

    /// Reads the header of a table whatever stands between its cells: the delimiter that gives the
    /// most columns, and those. `open` opens the file.
    pub(crate) fn sniff(
        open: impl Fn() -> Result<Input, SourceError>,
    ) -> Result<(u8, Vec<String>), SourceError> {
        let (mut best, mut failed) = ((b',', Vec::new()), None);
        for delimiter in [b',', b';', b'\t', b'|'] {
            match Self::new(open()?, delimiter) {
                Ok(reader) if reader.header.len() > best.1.len() => {
                    best = (delimiter, reader.header);
                }
                Ok(_) | Err(SourceError::WrongDelimiter { .. }) => {}
                // Another delimiter may tell the cells apart.
                Err(
                    error @ (SourceError::RowTooLong { .. } | SourceError::DuplicateColumn { .. }),
                ) => {
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match failed {
            Some(error) if best.1.is_empty() => Err(error),
            _ => Ok(best),
        }
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        self.input.path()
    }

    /// The names of the columns, trimmed.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Was the row the last one, without a break behind it? One that lacks cells was cut off then.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Reads the next row; `false` at the end of the file. Blank lines are no rows.
    pub(crate) fn read(&mut self, cells: &mut Cells) -> Result<bool, SourceError> {
        if !self.skip_line_breaks()? {
            return Ok(false);
        }
        let mut row = Progress { line: self.core.line(), text_len: 0, cell_count: 0 };
        while !self.step(&mut row)? {}
        let text = str::from_utf8(&self.text[..row.text_len])
            .expect("the input is checked, and only whole ASCII bytes are taken out of it");
        cells.set(row.line, text, &self.ends[..row.cell_count]);
        Ok(true)
    }

    /// Goes to the first byte of the next row; `false` at the end of the file.
    fn skip_line_breaks(&mut self) -> Result<bool, SourceError> {
        loop {
            match self.input.fill()? {
                Next::End => return Ok(false),
                Next::NotUtf8 => return Err(self.not_utf8(0)),
                Next::Bytes => {}
            }
            let bytes = self.input.bytes();
            let breaks = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let (count, lines) =
                breaks.fold((0, 0), |(n, lines), byte| (n + 1, lines + u64::from(*byte == b'\n')));
            self.core.set_line(self.core.line() + lines);
            let found = count < bytes.len();
            self.input.consume(count);
            if found {
                return Ok(true);
            }
        }
    }

    /// Feeds what is at hand; `true` when the row is complete.
    fn step(&mut self, row: &mut Progress) -> Result<bool, SourceError> {
        let next = self.input.fill()?;
        // At the end a line break completes the row, unless it lands inside an open quote.
        let bytes = match next {
            Next::Bytes => self.input.bytes(),
            Next::End => b"\n",
            Next::NotUtf8 => return Err(self.not_utf8(row.cell_count)),
        };
        let (result, read, written, ended) = self.core.read_record(
            bytes,
            &mut self.text[row.text_len..],
            &mut self.ends[row.cell_count..],
        );
        row.text_len += written;
        row.cell_count += ended;
        let path = || self.input.path().to_owned();
        if row.text_len > ROW_BYTES_MAX {
            return Err(SourceError::RowTooLong { path: path(), line: row.line });
        }
        if row.cell_count > EXPORT_COLUMNS_MAX {
            return Err(SourceError::TooManyColumns { path: path(), line: row.line });
        }
        match result {
            ReadRecordResult::Record => {}
            // One more than allowed, so that a row at the limit still has room to end.
            ReadRecordResult::OutputFull => grow(&mut self.text, ROW_BYTES_MAX + 1),
            ReadRecordResult::OutputEndsFull => grow(&mut self.ends, EXPORT_COLUMNS_MAX + 1),
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {
                if next == Next::End {
                    return Err(SourceError::OpenQuote { path: path(), line: row.line });
                }
            }
        }
        if next == Next::Bytes {
            self.input.consume(read);
        }
        self.is_cut = next == Next::End;
        Ok(matches!(result, ReadRecordResult::Record))
    }

    fn not_utf8(&self, cell: usize) -> SourceError {
        let number = || format!("{}", cell + 1);
        let column = self.header.get(cell).cloned().unwrap_or_else(number);
        self.input.not_utf8(self.core.line(), Some(column))
    }

    fn check_delimiter(&self, header: &Cells, expected: char) -> Result<(), SourceError> {
        let other =
            |text: &str| OTHER_DELIMITERS.into_iter().find(|c| *c != expected && text.contains(*c));
        match other(header.text(0)) {
            Some(found) if header.count() == 1 => Err(SourceError::WrongDelimiter {
                path: self.input.path().to_owned(),
                line: header.line(),
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }
}

/// Columns without a name are nobody's; programs that pad rows write several of them.
pub(crate) fn check_unique(path: &Path, columns: &[String]) -> Result<(), SourceError> {
    let mut known = BTreeMap::new();
    for (second, name) in columns.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = known.insert(name, second) {
            return Err(SourceError::DuplicateColumn {
                path: path.to_owned(),
                column: name.clone(),
                first: first + 1,
                second: second + 1,
            });
        }
    }
    Ok(())
}

/// Doubles a buffer up to a limit.
fn grow<T: Clone + Default>(buffer: &mut Vec<T>, len_max: usize) {
    let len = (buffer.len() * 2).min(len_max);
    buffer.resize(len, T::default());
}
