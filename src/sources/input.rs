//! A file as chunks of checked UTF-8: gzip and Zstandard are unpacked, the byte order mark is skipped,
//! a byte that is no UTF-8 is named by its offset behind unpacking, and never more than one chunk is
//! held.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    str,
};

use tracing::debug;

use super::{Encoding, SourceError, unpack::unpacked};

/// Bytes read at once: large enough that the call is no cost, small enough to stay in cache.
const CHUNK_BYTES: usize = 64 << 10;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A stream of checked bytes.
pub(crate) struct Input {
    path: PathBuf,
    reader: Box<dyn Read>,
    chunk: Box<[u8]>,
    /// `chunk[start..checked]` is UTF-8 not yet consumed, `chunk[checked..end]` is not yet checked.
    start: usize,
    checked: usize,
    end: usize,
    /// Offset of `chunk[0]` in the file.
    offset: u64,
    at_begin: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// [`Input::bytes`] is not empty.
    Bytes,
    /// The file is read.
    End,
    /// The next byte is no UTF-8.
    NotUtf8,
}

impl Input {
    /// Opens the regular file at `place`, called `path` in errors. A pipe is refused before it is
    /// opened, which would wait for ever.
    pub(crate) fn open(path: &Path, place: &Path, encoding: Encoding) -> Result<Self, SourceError> {
        let file = open_regular(path, place)?;
        let reader = unpacked(Box::new(file)).map_err(|error| SourceError::io(path, error))?;
        Ok(Self::new(path, encoding.decoded(reader)))
    }

    /// Reads a stream that is called `path` in errors.
    pub(crate) fn new(path: &Path, reader: Box<dyn Read>) -> Self {
        let chunk = vec![0; CHUNK_BYTES].into_boxed_slice();
        let path = path.to_owned();
        Self { path, reader, chunk, start: 0, checked: 0, end: 0, offset: 0, at_begin: true }
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that [`Self::bytes`] holds something, unless nothing comes.
    pub(crate) fn fill(&mut self) -> Result<Next, SourceError> {
        if self.start < self.checked {
            return Ok(Next::Bytes);
        }
        self.chunk.copy_within(self.checked..self.end, 0);
        self.offset += to_u64(self.checked);
        self.end -= self.checked;
        self.start = 0;
        self.checked = 0;
        self.read_chunk().map_err(|error| SourceError::io(&self.path, error))?;
        let begins = std::mem::take(&mut self.at_begin);
        self.checked = match str::from_utf8(&self.chunk[..self.end]) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        if begins && self.chunk[..self.checked].starts_with(UTF8_MARK) {
            self.start = UTF8_MARK.len();
            if self.start == self.checked {
                return self.fill();
            }
        }
        // A sequence cut by the end of a full chunk goes on in the next one, so a full chunk always
        // has checked bytes unless its first byte is bad.
        Ok(match (self.checked, self.end) {
            (0, 0) => Next::End,
            (0, _) => Next::NotUtf8,
            _ => Next::Bytes,
        })
    }

    /// The bytes at hand, cut between characters.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.chunk[self.start..self.checked]
    }

    /// Drops the first `count` bytes at hand.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.checked.min(self.start + count);
    }

    /// The error for the byte that [`Next::NotUtf8`] announced.
    pub(crate) fn not_utf8(&self, line: u64, column: Option<String>) -> SourceError {
        let rest = &self.chunk[self.checked..self.end];
        let hint = match rest {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if self.offset == 0 => {
                "; the file begins with the mark of UTF-16"
            }
            [0x80..=0xff, 0x20..=0x7f, ..] => "; if the file is Latin-1, say --encoding latin1",
            _ => "",
        };
        SourceError::NotUtf8 {
            path: self.path.clone(),
            line,
            column,
            offset: self.offset + to_u64(self.checked),
            found: rest.first().copied().unwrap_or_default(),
            hint,
        }
    }

    fn read_chunk(&mut self) -> io::Result<()> {
        while self.end < self.chunk.len() {
            match self.reader.read(&mut self.chunk[self.end..]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Opens the regular file at `place`, called `path` in errors.
pub(crate) fn open_regular(path: &Path, place: &Path) -> Result<File, SourceError> {
    let failed = |error| SourceError::io(path, error);
    if !fs::metadata(place).map_err(failed)?.is_file() {
        let what = "expected a regular file, found a directory, pipe or device";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, what)));
    }
    let file = File::open(place).map_err(failed)?;
    debug!(path = %path.display(), "A source's file is opened.");
    Ok(file)
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("path", &self.path).finish_non_exhaustive()
    }
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).expect("memory has less than 2^64 bytes")
}
