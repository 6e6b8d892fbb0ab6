//! Opening a blob: map, header, lengths, then checksums. Each step is a type, so that bytes nobody
//! checked cannot be read by mistake: [`UnverifiedBlob`] -> [`Blob`] -> `Catalog` and its like.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use xxhash_rust::xxh3::xxh3_128;
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{
    BlobHash, IndexError, Role,
    error::Fault,
    layout::{
        ENDIAN_MARK, FEATURES_KNOWN, FORMAT, FORMAT_OLDEST, HEADER_BYTES, Header, MAGIC,
        SECTION_ALIGN, SECTIONS_MAX, Section, SectionEntry, TRAILER_BYTES, TRAILER_MAGIC, Trailer,
    },
    map::{Bytes, Loading},
    safe::UnsafeFile,
};

/// A blob whose header was read and whose lengths fit the file; its sections may be damaged.
#[derive(Debug)]
pub struct UnverifiedBlob {
    path: PathBuf,
    bytes: Bytes,
    role: Role,
    format: u32,
    key_seed: u64,
    sections: Vec<(Section, Range<usize>)>,
}

/// A blob whose every byte was as it was written when it was opened.
#[derive(Debug)]
pub struct Blob {
    inner: UnverifiedBlob,
    hash: BlobHash,
    is_spoiled: AtomicBool,
}

impl UnverifiedBlob {
    /// Opens a file and reads its header: mapped, or copied if others could change it.
    ///
    /// # Errors
    /// Every fault that header, trailer and lengths can show, by its own code.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Self::open_paced(path, Loading::Auto, &mut |_| Ok(()))
    }

    /// The same by the way of loading that is wanted; where the file is copied, `before_chunk` is told
    /// the size of each chunk before it is read, and may wait.
    ///
    /// # Errors
    /// As [`UnverifiedBlob::open`].
    pub fn open_paced(
        path: &Path,
        loading: Loading,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<Self, IndexError> {
        let loaded = Bytes::load(path, loading, before_chunk);
        loaded.and_then(|bytes| Self::read(path, bytes)).map_err(|fault| fault.at(path))
    }

    /// Reads a blob out of memory; `name` stands for its path in errors.
    ///
    /// # Errors
    /// As [`UnverifiedBlob::open`].
    pub fn from_bytes(name: &Path, bytes: &[u8]) -> Result<Self, IndexError> {
        Self::read(name, Bytes::hold(bytes)).map_err(|fault| fault.at(name))
    }

    fn read(path: &Path, bytes: Bytes) -> Result<Self, Fault> {
        let file = bytes.as_slice();
        let header = check_start(file, len_u64(file))?;
        check_trailer(header, file)?;
        let role = Role::new(header.role.get()).ok_or_else(|| {
            Fault::structure("header", format!("role {} is unknown", header.role.get()))
        })?;
        let sections = read_sections(header, role)?;
        let (format, key_seed) = (header.format.get(), header.key_seed.get());
        Ok(Self { path: path.to_owned(), role, format, key_seed, sections, bytes })
    }

    /// What the blob is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn format(&self) -> u32 {
        self.format
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(super) fn sections(&self) -> &[(Section, Range<usize>)] {
        &self.sections
    }
}

impl Blob {
    /// Its identity.
    #[must_use]
    pub fn hash(&self) -> BlobHash {
        self.hash
    }

    /// What it is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.inner.role
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        len_u64(self.inner.bytes.as_slice())
    }

    /// Its sections and their lengths, in file order.
    pub fn sections(&self) -> impl Iterator<Item = (Section, u64)> {
        self.inner.sections.iter().map(|(section, range)| (*section, range.len() as u64))
    }

    /// Keeps its pages in memory until it is unmapped.
    ///
    /// # Errors
    /// The system refuses, most often because the limit of locked memory is lower (`ulimit -l`).
    pub fn lock(&self) -> io::Result<()> {
        self.inner.bytes.lock()
    }

    /// What spoke against mapping the file, if that is why it was copied.
    #[must_use]
    pub fn copied_because(&self) -> Option<&UnsafeFile> {
        self.inner.bytes.copied_because()
    }

    /// What was read whole.
    pub(super) fn verified(inner: UnverifiedBlob, hash: BlobHash) -> Self {
        Self { inner, hash, is_spoiled: AtomicBool::new(false) }
    }

    /// Was a byte of it found to be another than when it was opened? Answers from it may be wrong then, and
    /// nothing worse: any bytes are a value of what they are read as.
    #[must_use]
    pub fn is_spoiled(&self) -> bool {
        self.is_spoiled.load(Ordering::Relaxed)
    }

    pub(super) fn spoil(&self) {
        self.is_spoiled.store(true, Ordering::Relaxed);
    }

    pub(super) fn unverified(&self) -> &UnverifiedBlob {
        &self.inner
    }

    pub(super) fn all_bytes(&self) -> &[u8] {
        self.inner.bytes.as_slice()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The format it was written in.
    pub(crate) fn format(&self) -> u32 {
        self.inner.format
    }

    #[inline]
    pub(crate) fn key_seed(&self) -> u64 {
        self.inner.key_seed
    }

    pub(crate) fn range(&self, section: Section) -> Range<usize> {
        let sections = &self.inner.sections;
        // The numbers of a role's sections follow each other without gaps.
        let at = sections.first().and_then(|(first, _)| {
            let first = *first as u32;
            usize::try_from((section as u32).checked_sub(first)?).ok()
        });
        let found = at.and_then(|at| sections.get(at)).filter(|(found, _)| *found == section);
        found.map_or(0..0, |(_, range)| range.clone())
    }

    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.inner.bytes.as_slice().get(range.clone()).unwrap_or_default()
    }

    pub(crate) fn require(&self, role: Role) -> Result<(), Fault> {
        if self.inner.role == role {
            return Ok(());
        }
        Err(Fault::WrongRole { expected: role.code(), found: self.inner.role.code().to_owned() })
    }
}

/// The header of a file of this length, by its first bytes.
pub(super) fn check_start(start: &[u8], file_len: u64) -> Result<&Header, Fault> {
    check_magic(start)?;
    let Ok((header, _)) = Header::ref_from_prefix(start) else {
        return Err(Fault::Truncated { expected: HEADER_BYTES, found: file_len });
    };
    check_header(header, file_len)?;
    Ok(header)
}

fn check_magic(file: &[u8]) -> Result<(), Fault> {
    let Some(found) = file.first_chunk::<8>() else {
        return Err(Fault::Truncated { expected: HEADER_BYTES, found: len_u64(file) });
    };
    if *found == MAGIC {
        return Ok(());
    }
    Err(Fault::NotAnIndex { expected: MAGIC, found: *found })
}

fn check_header(header: &Header, file_len: u64) -> Result<(), Fault> {
    if header.endian.get() != ENDIAN_MARK {
        if header.endian.get() == ENDIAN_MARK.swap_bytes() {
            return Err(Fault::WrongEndian { found: header.endian.get() });
        }
        return Err(Fault::Checksum { part: "header" });
    }
    // A newer format may lay out the rest of the page differently: its number comes first.
    let format = header.format.get();
    if format > FORMAT {
        return Err(Fault::FormatTooNew { found: format, newest: FORMAT });
    }
    if format < FORMAT_OLDEST {
        return Err(Fault::FormatTooOld { found: format, oldest: FORMAT_OLDEST });
    }
    if header_checksum(header) != header.checksum {
        return Err(Fault::Checksum { part: "header" });
    }
    let required = header.required_features.get();
    if required & !FEATURES_KNOWN != 0 {
        return Err(Fault::UnknownFeature { found: required, known: FEATURES_KNOWN });
    }
    let expected = header.file_len.get();
    if file_len < expected {
        return Err(Fault::Truncated { expected, found: file_len });
    }
    if file_len > expected {
        return Err(Fault::TrailingBytes { expected, found: file_len });
    }
    if file_len < HEADER_BYTES + TRAILER_BYTES {
        return Err(Fault::structure("header", "the file has no room for a trailer"));
    }
    Ok(())
}

fn check_trailer(header: &Header, file: &[u8]) -> Result<(), Fault> {
    match Trailer::ref_from_suffix(file) {
        Ok((_, trailer))
            if trailer.magic == TRAILER_MAGIC
                && trailer.file_len == header.file_len
                && trailer.header_checksum == header.checksum =>
        {
            Ok(())
        }
        _ => Err(Fault::Checksum { part: "trailer" }),
    }
}

fn read_sections(header: &Header, role: Role) -> Result<Vec<(Section, Range<usize>)>, Fault> {
    let expected = sections_of(role);
    let count = header.section_count.get() as usize;
    if count != expected.len() {
        let what = format!("expected {} sections, found {count}", expected.len());
        return Err(Fault::structure("header", what));
    }
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let unused = header.sections.get(count..).unwrap_or_default();
    let reserved = header.reserved.get() == 0 && is_zero(&header.padding);
    let reserved_entries = header.sections.iter().all(|entry| entry.reserved.get() == 0);
    if !(reserved && reserved_entries && is_zero(unused.as_bytes())) {
        return Err(Fault::structure("header", "a reserved place is not zero"));
    }
    let end_max = header.file_len.get() - TRAILER_BYTES;
    let mut free_from = HEADER_BYTES;
    let mut sections = Vec::with_capacity(SECTIONS_MAX);
    for (section, entry) in expected.iter().zip(&header.sections) {
        let shape = section.shape(header.format.get());
        let range = read_section((*section, shape), entry, free_from, end_max)?;
        free_from = range.end as u64;
        sections.push((*section, range));
    }
    if free_from.next_multiple_of(SECTION_ALIGN) != end_max {
        let what = format!("the sections end at {free_from}, the trailer is at {end_max}");
        return Err(Fault::structure("header", what));
    }
    Ok(sections)
}

fn read_section(
    (section, (schema_expected, record_bytes)): (Section, (u32, usize)),
    entry: &SectionEntry,
    free_from: u64,
    end_max: u64,
) -> Result<Range<usize>, Fault> {
    let fail = |what: String| Err(Fault::structure(section.code(), what));
    let (kind, schema) = (entry.kind.get(), entry.schema.get());
    if kind != section as u32 || schema != schema_expected {
        return fail(format!(
            "expected section {} schema {schema_expected}, found {kind} schema {schema}",
            section as u32,
        ));
    }
    let (offset, len) = (entry.offset.get(), entry.len.get());
    let Some(end) = offset.checked_add(len).filter(|end| *end <= end_max) else {
        return fail(format!("{len} bytes at {offset} pass the end at {end_max}"));
    };
    if offset != free_from.next_multiple_of(SECTION_ALIGN) {
        return fail(format!("offset {offset} does not follow {free_from} aligned"));
    }
    if len % record_bytes as u64 != 0 {
        return fail(format!("{len} bytes are no multiple of {record_bytes}"));
    }
    Ok(usize_of(offset)..usize_of(end))
}

/// The sections of a role.
pub(crate) fn sections_of(role: Role) -> &'static [Section] {
    match role {
        Role::Catalog => Section::CATALOG,
        Role::Provenance => Section::PROVENANCE,
        Role::Dropped => Section::DROPPED,
        Role::Policy => Section::POLICY,
        Role::Overrides => Section::OVERRIDES,
    }
}

pub(crate) fn header_checksum(header: &Header) -> [u8; 16] {
    let bytes = header.as_bytes();
    xxh3_128(bytes.split_at(bytes.len() - 16).0).to_le_bytes()
}

fn len_u64(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

pub(super) fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).expect("bounded by a mapped file, whose length is a usize")
}
