//! Reading every byte of a blob once: the checksum of each section, the zeros between them, and the
//! hash of the whole file, chunk by chunk while the chunk is in the processor's cache.
//!
//! Before each chunk the caller is told its size and may wait, so that a file that comes from a disk
//! comes as slowly as is wanted, or say that nobody wants the file any more; the chunk behind it is
//! asked for meanwhile. Nothing waits here.

use std::{io, ops::Range, slice};

use xxhash_rust::xxh3::Xxh3;
use zerocopy::FromBytes as _;

use super::{
    BlobHash, IndexError,
    error::Fault,
    layout::{HEADER_BYTES, Header, Section, TRAILER_BYTES},
    open::{Blob, UnverifiedBlob, usize_of},
};

/// Bytes that are read at once: both hashes find them in the cache of a core, and a wait between two
/// of them is short at any rate worth setting.
const CHUNK_BYTES: usize = 256 << 10;

/// Bytes between two that are touched: no page is smaller.
const PAGE_BYTES: usize = 4 << 10;

impl UnverifiedBlob {
    /// Reads every byte: section checksums, zero padding, and the hash of the whole file.
    ///
    /// # Errors
    /// Names the first damaged part; with `expected`, also a whole blob of another name.
    pub fn verify(self, expected: Option<BlobHash>) -> Result<Blob, IndexError> {
        self.verify_paced(expected, &mut |_| Ok(()))
    }

    /// The same; `before_chunk` is told the size of each chunk before it is read, and may wait. Its
    /// error ends the reading there.
    ///
    /// # Errors
    /// As [`UnverifiedBlob::verify`], and `IO` for the error of `before_chunk`.
    pub fn verify_paced(
        self,
        expected: Option<BlobHash>,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<Blob, IndexError> {
        let found = self.verified_hash(expected, before_chunk)?;
        Ok(Blob::verified(self, found))
    }

    fn verified_hash(
        &self,
        expected: Option<BlobHash>,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<BlobHash, IndexError> {
        let fail = |fault: Fault| fault.at(self.path());
        let found = self.hash_of_whole(CHUNK_BYTES, before_chunk).map_err(fail)?;
        match expected {
            Some(expected) if expected != found => Err(fail(Fault::WrongHash { expected, found })),
            _ => Ok(found),
        }
    }

    /// The hash of a file whose every part is whole.
    pub(super) fn hash_of_whole(
        &self,
        chunk_bytes: usize,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<BlobHash, Fault> {
        let file = self.bytes().as_slice();
        let parts = self.parts()?;
        let mut walk = Walk { rest: parts.iter(), part: None, begin: 0 };
        walk.next();
        let mut hasher = blake3::Hasher::new();
        let mut end = 0;
        for chunk in file.chunks(chunk_bytes) {
            before_chunk(chunk.len() as u64).map_err(Fault::io("read the whole file"))?;
            let begin = end;
            end += chunk.len();
            self.bytes().read_ahead(end..end.saturating_add(chunk_bytes).min(file.len()));
            hasher.update(chunk);
            walk.take(chunk, begin)?;
        }
        Ok(BlobHash::of_hasher(&hasher))
    }

    /// What stands between header and trailer, in file order.
    fn parts(&self) -> Result<Vec<Part>, Fault> {
        let file = self.bytes().as_slice();
        let Ok((header, _)) = Header::ref_from_prefix(file) else {
            return Err(Fault::Checksum { part: "header" });
        };
        let mut parts = Vec::with_capacity(2 * header.sections.len() + 1);
        let mut padding_from = usize_of(HEADER_BYTES);
        for ((section, range), entry) in self.sections().iter().zip(&header.sections) {
            parts.push(Part { range: padding_from..range.start, kind: Kind::Padding });
            let kind = Kind::Section { section: *section, checksum: entry.checksum };
            parts.push(Part { range: range.clone(), kind });
            padding_from = range.end;
        }
        let trailer_at = file.len() - usize_of(TRAILER_BYTES);
        parts.push(Part { range: padding_from..trailer_at, kind: Kind::Padding });
        Ok(parts)
    }
}

impl Blob {
    /// Reads every byte again: a mapped file that somebody writes to shows it. What is found to differ makes
    /// the blob spoiled from then on. `before_chunk` is told the size of each chunk and may wait; its
    /// error ends the reading there, and nothing is known.
    ///
    /// # Errors
    /// Names the first damaged part; `IO` for the error of `before_chunk`.
    pub fn verify_again(
        &self,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<(), IndexError> {
        let found = self.unverified().verified_hash(Some(self.hash()), before_chunk);
        if found.as_ref().is_err_and(|error| !matches!(error.fault, Fault::Io { .. })) {
            self.spoil();
        }
        found.map(drop)
    }

    /// Reads one byte of each page, so that the first request after a swap meets no page fault, and
    /// so that the system sees the pages in use. `before_chunk` is told of each chunk and may wait.
    /// The sum only keeps the reads from being left out.
    #[must_use]
    pub fn warm(&self, before_chunk: &mut dyn FnMut(u64)) -> u64 {
        let mut sum = 0;
        for chunk in self.all_bytes().chunks(CHUNK_BYTES) {
            before_chunk(chunk.len() as u64);
            let pages = chunk.chunks(PAGE_BYTES).filter_map(|page| page.first());
            sum += pages.map(|byte| u64::from(*byte)).sum::<u64>();
        }
        sum
    }
}

/// Bytes that are checked together.
#[derive(Debug)]
struct Part {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Zeros.
    Padding,
    Section {
        section: Section,
        checksum: [u8; 16],
    },
}

/// The parts of a file as its chunks come by.
struct Walk<'p> {
    rest: slice::Iter<'p, Part>,
    /// The part that is being read, with what was read of it.
    part: Option<(&'p Part, Xxh3)>,
    /// Where the next byte of it stands.
    begin: usize,
}

impl Walk<'_> {
    fn next(&mut self) {
        self.part = self.rest.next().map(|part| (part, Xxh3::new()));
        self.begin = self.part.as_ref().map_or(self.begin, |(part, _)| part.range.start);
    }

    /// Takes the next chunk of the file, which stands at `at`.
    fn take(&mut self, chunk: &[u8], at: usize) -> Result<(), Fault> {
        let chunk_end = at + chunk.len();
        while let Some((part, hasher)) = &mut self.part {
            let end = part.range.end.min(chunk_end);
            // Nothing of it is here where it stands behind this chunk.
            let inside = self.begin.saturating_sub(at)..end.saturating_sub(at);
            let bytes = chunk.get(inside).unwrap_or_default();
            match part.kind {
                Kind::Padding if bytes.iter().any(|byte| *byte != 0) => {
                    return Err(Fault::Checksum { part: "padding" });
                }
                Kind::Padding => {}
                Kind::Section { .. } => hasher.update(bytes),
            }
            self.begin += bytes.len();
            if self.begin < part.range.end {
                return Ok(());
            }
            if let Kind::Section { section, checksum } = part.kind
                && hasher.digest128().to_le_bytes() != checksum
            {
                return Err(Fault::Checksum { part: section.code() });
            }
            self.next();
        }
        Ok(())
    }
}
