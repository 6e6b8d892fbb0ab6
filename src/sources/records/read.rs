//! Reading a file of records back into a sink, believing nothing.

use std::{
    io::{self, Read},
    path::Path,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    BLOCK_HEAD_BYTES, MAGIC, RecordsError, RecordsHash, VERSION, VERSION_MIN,
    decode::{Decoder, Entry, Expected},
};
use crate::model::{
    limits::RECORD_BYTES_MAX,
    record::{FileId, Location, RecordSink},
};

/// Longest payload: a block that was nearly full, and the longest entry.
const BLOCK_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;

/// Repeats every call of a file of records that is called `path`; gives the number of records. After
/// an error, what the sink got is worth nothing.
pub(crate) fn replay(
    input: impl Read,
    path: &Path,
    expected: RecordsHash,
    sink: &mut dyn RecordSink,
) -> Result<u64, RecordsError> {
    let mut reader = Reader { input, path, hasher: blake3::Hasher::new(), offset: 0 };
    reader.head()?;
    let mut files = Files(Vec::new());
    let (mut block, mut entry_count, mut record_count) = (Vec::new(), 0, 0);
    loop {
        let offset = reader.offset;
        let damaged = |Expected(expected)| {
            let path = path.to_owned();
            RecordsError::Damaged { path, offset, expected }
        };
        let check = match reader.block(&mut block)? {
            Block::Entries(check) => check,
            Block::End(count) if count == entry_count => break,
            Block::End(_) => return Err(damaged(Expected("the number of all entries"))),
        };
        if xxh3_64(&block) != check {
            return Err(damaged(Expected("the bytes of its checksum")));
        }
        let mut decoder = Decoder(&block, None);
        while let Some(entry) = decoder.entry().map_err(damaged)? {
            entry_count += 1;
            record_count += u64::from(matches!(entry, Entry::Record(..)));
            files.pass(entry, sink).map_err(damaged)?;
        }
    }
    reader.end()?;
    let found = RecordsHash(*reader.hasher.finalize().as_bytes());
    if found != expected {
        return Err(RecordsError::WrongHash { path: path.to_owned(), expected, found });
    }
    Ok(record_count)
}

/// What the sink calls each file.
pub(super) struct Files(pub(super) Vec<FileId>);

impl Files {
    pub(super) fn pass(
        &mut self,
        entry: Entry<'_>,
        sink: &mut dyn RecordSink,
    ) -> Result<(), Expected> {
        match entry {
            Entry::File(file) => self.0.push(sink.open_file(file)),
            Entry::Record(at, record) => sink.record(self.place(at)?, record),
            Entry::Finding { code, at, field, message } => {
                sink.finding(code, self.place(at)?, field, message);
            }
        }
        Ok(())
    }

    fn place(&self, at: Location) -> Result<Location, Expected> {
        let index = usize::try_from(at.file.0).ok();
        let file = index.and_then(|index| self.0.get(index)).copied();
        file.map(|file| Location { file, ..at }).ok_or(Expected("a file that was named before"))
    }
}

struct Reader<'p, R> {
    input: R,
    path: &'p Path,
    hasher: blake3::Hasher,
    offset: u64,
}

/// What a head of a block says.
enum Block {
    /// The payload was read; this should be its checksum.
    Entries(u64),
    /// No more; so many entries stood before.
    End(u64),
}

impl<R: Read> Reader<'_, R> {
    fn head(&mut self) -> Result<(), RecordsError> {
        let mut head = Vec::new();
        self.read(MAGIC.len() + 1, &mut head)?;
        let found = match head.strip_prefix(&MAGIC) {
            Some([VERSION_MIN..=VERSION]) => return Ok(()),
            Some([version]) => format!("version {version}"),
            _ if head.is_empty() => "an empty file".to_owned(),
            _ => "another file".to_owned(),
        };
        Err(RecordsError::NotRecords { path: self.path.to_owned(), found })
    }

    fn block(&mut self, block: &mut Vec<u8>) -> Result<Block, RecordsError> {
        let (path, offset) = (self.path, self.offset);
        let damaged = |expected| RecordsError::Damaged { path: path.to_owned(), offset, expected };
        let cut = || damaged("a whole block");
        self.read(BLOCK_HEAD_BYTES, block)?;
        let (len, check) = block.split_first_chunk::<4>().ok_or_else(cut)?;
        let check = u64::from_le_bytes(*check.first_chunk::<8>().ok_or_else(cut)?);
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        match len {
            0 => return Ok(Block::End(check)),
            1..=BLOCK_BYTES_MAX => self.read(len, block)?,
            _ => return Err(damaged("a length of a block")),
        }
        if block.len() < len { Err(cut()) } else { Ok(Block::Entries(check)) }
    }

    /// Nothing may follow.
    fn end(&mut self) -> Result<(), RecordsError> {
        let mut rest = Vec::new();
        let offset = self.offset;
        self.read(1, &mut rest)?;
        if rest.is_empty() {
            return Ok(());
        }
        let path = self.path.to_owned();
        Err(RecordsError::Damaged { path, offset, expected: "the end of the file" })
    }

    /// Reads up to `len` bytes into the buffer, less only at the end of the file.
    fn read(&mut self, len: usize, buffer: &mut Vec<u8>) -> Result<(), RecordsError> {
        buffer.clear();
        let failed = |source: io::Error| {
            let path = self.path.to_owned();
            RecordsError::Io { path, step: "read", source }
        };
        let limit = u64::try_from(len).unwrap_or(u64::MAX);
        self.input.by_ref().take(limit).read_to_end(buffer).map_err(failed)?;
        self.hasher.update(buffer);
        self.offset += buffer.len() as u64;
        Ok(())
    }
}
