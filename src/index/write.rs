//! Writing a blob: sections one after the other, then the header that names them.

use std::{
    fmt,
    fs::File,
    mem,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromZeros as _, IntoBytes};

use super::{
    IndexError, Role,
    error::Fault,
    layout::{
        ENDIAN_MARK, FORMAT, HEADER_BYTES, Header, MAGIC, SECTION_ALIGN, Section, SectionEntry,
        TRAILER_BYTES, TRAILER_MAGIC, Trailer,
    },
    open::{header_checksum, sections_of},
    pages::PageWriter,
};

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
/// Records are hashed and copied by so many bytes, not one by one.
const GATHERED_BYTES: usize = 4 << 10;

/// Writes the sections of one role in their order, streaming. The same calls write the same bytes.
pub struct BlobWriter {
    out: PageWriter,
    path: PathBuf,
    role: Role,
    at: u64,
    header: Box<Header>,
    written: usize,
    open: Option<OpenSection>,
    /// Memory in which records gather; empty.
    gathered: Vec<u8>,
}

/// The section that is being written.
struct OpenSection {
    section: Section,
    start: u64,
    hasher: Box<Xxh3>,
}

impl BlobWriter {
    /// Starts a blob at the start of an empty file; `path` stands in errors.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn new(file: File, path: &Path, role: Role) -> Result<Self, IndexError> {
        let mut writer = Self {
            out: PageWriter::new(file),
            path: path.to_owned(),
            role,
            at: 0,
            header: Box::new(Header::zeroed()),
            written: 0,
            open: None,
            gathered: Vec::new(),
        };
        writer.skip(HEADER_BYTES)?;
        Ok(writer)
    }

    /// Names the seed of the key hash.
    pub fn key_seed(&mut self, seed: u64) {
        self.header.key_seed.set(seed);
    }

    /// Starts the next section.
    ///
    /// # Panics
    /// If the role's next section is another one, or the last one was not ended.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn begin(&mut self, section: Section) -> Result<(), IndexError> {
        assert!(self.open.is_none(), "a section ends before the next begins");
        let next = sections_of(self.role).get(self.written);
        assert_eq!(next, Some(&section), "sections are written in the order of the role");
        self.align()?;
        let hasher = Box::new(Xxh3::new());
        self.open = Some(OpenSection { section, start: self.at, hasher });
        Ok(())
    }

    /// Appends bytes to the section.
    ///
    /// # Panics
    /// If no section was begun.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        self.hasher().update(bytes);
        self.at += bytes.len() as u64;
        self.out.write(bytes).map_err(|source| Fault::io("write it")(source).at(&self.path))
    }

    /// Appends records to the section.
    ///
    /// # Panics
    /// If no section was begun.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn put_records<T: IntoBytes + zerocopy::Immutable>(
        &mut self,
        records: impl IntoIterator<Item = T>,
    ) -> Result<(), IndexError> {
        let mut gathered = mem::take(&mut self.gathered);
        for record in records {
            gathered.extend_from_slice(record.as_bytes());
            if gathered.len() >= GATHERED_BYTES {
                self.put(&gathered)?;
                gathered.clear();
            }
        }
        self.put(&gathered)?;
        gathered.clear();
        self.gathered = gathered;
        Ok(())
    }

    /// Appends zeros, as a hole where the file system has holes.
    ///
    /// # Panics
    /// If no section was begun.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn put_zeros(&mut self, len: u64) -> Result<(), IndexError> {
        let mut left = len;
        while left > 0 {
            let step = left.min(ZEROS.len() as u64);
            let zeros = ZEROS.split_at(usize::try_from(step).expect("at most 64 KiB")).0;
            self.hasher().update(zeros);
            left -= step;
        }
        self.skip(len)
    }

    /// Bytes of the section so far.
    #[must_use]
    pub fn section_len(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| self.at - open.start)
    }

    /// Ends the section.
    ///
    /// # Panics
    /// If no section was begun, or its length is no multiple of its record.
    pub fn end(&mut self) {
        let len = self.section_len();
        let open = self.open.take().expect("a section was begun");
        assert_eq!(len % open.section.record_bytes() as u64, 0, "whole records were written");
        let mut entry = SectionEntry::new_zeroed();
        entry.kind.set(open.section as u32);
        entry.schema.set(open.section.schema());
        entry.offset.set(open.start);
        entry.len.set(len);
        entry.checksum = open.hasher.digest128().to_le_bytes();
        let slot = self.header.sections.get_mut(self.written);
        *slot.expect("a role has fewer sections than the header has room for") = entry;
        self.written += 1;
    }

    /// Writes header and trailer and syncs the file.
    ///
    /// # Panics
    /// If sections of the role are missing.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn finish(mut self) -> Result<(), IndexError> {
        assert!(self.open.is_none(), "the last section was ended");
        assert_eq!(self.written, sections_of(self.role).len(), "every section was written");
        self.align()?;
        let header = &mut self.header;
        header.magic = MAGIC;
        header.endian.set(ENDIAN_MARK);
        header.format.set(FORMAT);
        header.role.set(self.role as u32);
        header.section_count.set(u32::try_from(self.written).expect("at most 80 sections"));
        header.file_len.set(self.at + TRAILER_BYTES);
        header.checksum = header_checksum(header);
        let (file_len, header_checksum) = (header.file_len, header.checksum);
        let trailer = Trailer { magic: TRAILER_MAGIC, file_len, header_checksum };
        let written = self.out.write(trailer.as_bytes());
        let written = written.and_then(|()| self.out.finish(self.header.as_bytes()));
        written.map_err(|source| Fault::io("write and sync it")(source).at(&self.path))
    }

    /// A fault of what is being written.
    pub(super) fn fault(&self, fault: Fault) -> IndexError {
        fault.at(&self.path)
    }

    fn hasher(&mut self) -> &mut Xxh3 {
        &mut self.open.as_mut().expect("a section was begun").hasher
    }

    fn align(&mut self) -> Result<(), IndexError> {
        self.skip(self.at.next_multiple_of(SECTION_ALIGN) - self.at)
    }

    /// Leaves zeros.
    fn skip(&mut self, len: u64) -> Result<(), IndexError> {
        self.at += len;
        let zeros = self.out.write_zeros(len);
        zeros.map_err(|source| Fault::io("write it")(source).at(&self.path))
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobWriter({}, {} bytes)", self.path.display(), self.at)
    }
}
