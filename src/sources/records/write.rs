//! Writing a file of records: entries gather in a block, and each block goes out with its checksum.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_64;

use super::{MAGIC, RecordsError, RecordsHash, VERSION, encode::Encoder};
use crate::model::{
    finding::FindingCode,
    limits::RECORD_BYTES_MAX,
    record::{FileId, FileInfo, Location, Record, RecordSink},
};

/// Payload at which a block goes out: a read of it is no cost, and it stays in cache.
const BLOCK_BYTES: usize = 64 << 10;

/// Takes what a source yields and writes it. A failure is kept until [`Self::finish`].
pub(crate) struct RecordWriter<W> {
    out: W,
    path: PathBuf,
    hasher: blake3::Hasher,
    block: Vec<u8>,
    file_count: u32,
    entry_count: u64,
    record_count: u64,
    failure: Option<RecordsError>,
}

/// A file of records that was written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its name.
    pub(crate) hash: RecordsHash,
    /// Records in it, findings and files not counted.
    pub(crate) record_count: u64,
}

impl<W: Write> RecordWriter<W> {
    /// Begins a file that errors call `path`.
    pub(crate) fn new(out: W, path: &Path) -> Self {
        let mut writer = Self {
            out,
            path: path.to_owned(),
            hasher: blake3::Hasher::new(),
            block: Vec::new(),
            file_count: 0,
            entry_count: 0,
            record_count: 0,
            failure: None,
        };
        writer.write(&MAGIC);
        writer.write(&[VERSION]);
        writer
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> Result<Written, RecordsError> {
        self.end_block();
        let entry_count = self.entry_count;
        self.write(&0_u32.to_le_bytes());
        self.write(&entry_count.to_le_bytes());
        if let Err(source) = self.out.flush() {
            self.fail(source);
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(Written {
                hash: RecordsHash(*self.hasher.finalize().as_bytes()),
                record_count: self.record_count,
            }),
        }
    }

    /// Adds one entry, if everything before it could be written.
    fn push(&mut self, encode: impl FnOnce(&mut Encoder<'_>)) {
        if self.failure.is_some() {
            return;
        }
        let begin = self.block.len();
        encode(&mut Encoder(&mut self.block, None));
        self.entry_count += 1;
        let found = self.block.len() - begin;
        if found > RECORD_BYTES_MAX {
            self.failure = Some(RecordsError::TooLong { path: self.path.clone(), found });
        } else if self.block.len() >= BLOCK_BYTES {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let block = std::mem::take(&mut self.block);
        let len = u32::try_from(block.len()).expect("a block and an entry stay far below 4 GiB");
        self.write(&len.to_le_bytes());
        self.write(&xxh3_64(&block).to_le_bytes());
        self.write(&block);
        self.block = block;
        self.block.clear();
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        self.hasher.update(bytes);
        if let Err(source) = self.out.write_all(bytes) {
            self.fail(source);
        }
    }

    fn fail(&mut self, source: std::io::Error) {
        let path = self.path.clone();
        self.failure.get_or_insert(RecordsError::Io { path, step: "write", source });
    }
}

impl<W: Write> RecordSink for RecordWriter<W> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.push(|encoder| encoder.file(&file));
        self.file_count += 1;
        FileId(self.file_count - 1)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        self.record_count += 1;
        self.push(|encoder| encoder.record(at, &record));
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.push(|encoder| encoder.finding(code, at, field, message));
    }
}

/// Keeps what it passes on; scopes and tombstones end here, for they have been obeyed.
pub(crate) struct Tee<'s, W> {
    kept: RecordWriter<W>,
    sink: &'s mut dyn RecordSink,
    /// What the sink calls each file.
    files: Vec<FileId>,
}

impl<'s, W: Write> Tee<'s, W> {
    /// Keeps in `kept` what goes to `sink`.
    pub(crate) fn new(kept: RecordWriter<W>, sink: &'s mut dyn RecordSink) -> Self {
        Self { kept, sink, files: Vec::new() }
    }

    /// Ends what is kept.
    pub(crate) fn finish(self) -> Result<Written, RecordsError> {
        self.kept.finish()
    }

    fn place(&self, at: Location) -> Location {
        let file = usize::try_from(at.file.0).ok().and_then(|index| self.files.get(index));
        Location { file: *file.expect("rows stand in files that open_file numbered"), ..at }
    }
}

impl<W: Write> RecordSink for Tee<'_, W> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.files.push(self.sink.open_file(file.clone()));
        self.kept.open_file(file)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        if matches!(record, Record::Scope(_) | Record::Tombstone(_)) {
            return;
        }
        self.kept.record(at, record.clone());
        self.sink.record(self.place(at), record);
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.kept.finding(code, at, field, message);
        self.sink.finding(code, self.place(at), field, message);
    }
}
