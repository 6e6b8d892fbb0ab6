//! A CSV file written cell by cell through one small buffer.
//!
//! Cells are never quoted: the generator makes no comma, quote or line break.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::error::SynthError;

/// Bytes gathered before a write: few system calls, and small beside any catalog.
const BUFFER_BYTES: usize = 64 << 10;

/// Room for the row that crosses the mark above.
const ROW_BYTES_SPARE: usize = 4 << 10;

/// A file being written.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    written: Written,
}

/// What a finished file holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Rows that ended, the header not counted.
    pub(super) row_count: u64,
    pub(super) size_bytes: u64,
}

impl Table {
    pub(super) fn create(dir: &Path, name: &str) -> Result<Self, SynthError> {
        let path = dir.join(name);
        let file = File::create(&path).map_err(|source| io_error(&path, source))?;
        let buffer = Vec::with_capacity(BUFFER_BYTES + ROW_BYTES_SPARE);
        Ok(Self { path, file, buffer, written: Written::default() })
    }

    pub(super) fn with_header(dir: &Path, name: &str, header: &str) -> Result<Self, SynthError> {
        let mut table = Self::create(dir, name)?;
        table.raw(header.as_bytes());
        table.raw(b"\n");
        Ok(table)
    }

    /// Appends bytes that are no cell.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn empty(&mut self) -> &mut Self {
        self.buffer.push(b',');
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.cell(|buffer| buffer.extend_from_slice(text.as_bytes()))
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.cell(|buffer| push_number(buffer, number, 1))
    }

    /// A cell whose bytes `fill` appends.
    pub(super) fn cell(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        fill(&mut self.buffer);
        self.empty()
    }

    pub(super) fn end_row(&mut self) -> Result<(), SynthError> {
        if let Some(last) = self.buffer.last_mut() {
            *last = b'\n';
        }
        self.written.row_count += 1;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> Result<Written, SynthError> {
        self.flush()?;
        Ok(self.written)
    }

    fn flush(&mut self) -> Result<(), SynthError> {
        self.file.write_all(&self.buffer).map_err(|source| io_error(&self.path, source))?;
        self.written.size_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Appends decimal digits, at least `width` of them.
pub(super) fn push_number(buffer: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    let mut rest = number;
    while rest > 0 || digits.len() - start < width {
        start -= 1;
        digits[start] = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
    }
    buffer.extend_from_slice(&digits[start..]);
}

pub(super) fn io_error(path: &Path, source: io::Error) -> SynthError {
    SynthError::Io { path: path.to_owned(), source }
}
