//! The bytes of one file, mapped read-only or held in memory. The only place that maps files.
//!
//! A mapped file must not change: the store writes each file once, under a name that is put if
//! absent, and never opens it for writing again. What a writer outside that protocol can do is
//! limited by reading through types for which any bytes are a value (`layout`); truncation ends the
//! process by SIGBUS, which no check before can prevent. So what others could write is not mapped but
//! copied (`safe`), unless the caller says which of the two it is to be.

#![allow(unsafe_code, reason = "mapping a file is an unsafe call")]

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    ops::Range,
    path::Path,
};

use memmap2::{Advice, Mmap, MmapMut};
use rkyv::util::AlignedVec;

use super::{
    error::Fault,
    layout::{HEADER_BYTES, Header},
    open::{check_start, usize_of},
    safe::{Opened, UnsafeFile, open_regular},
};

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 256 << 10;

/// How the bytes of a file come into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loading {
    /// Mapped where nobody else can change the file, else copied.
    #[default]
    Auto,
    /// Mapped; a file that others can change is refused.
    Mmap,
    /// Copied, whatever the file: what happens to it later is of no matter.
    Copy,
}

/// Bytes of a blob; aligned to 64 at least, so that the archives inside stand aligned.
pub(crate) enum Bytes {
    /// Whole pages, of a file or of a copy: one variant, as each read of a catalog asks which it is.
    Pages(Mmap, Pages),
    Held(AlignedVec<64>),
}

/// What pages show.
pub(crate) enum Pages {
    File,
    /// What the file held, with what spoke against mapping it.
    Copy(Option<UnsafeFile>),
}

impl Bytes {
    /// Brings a regular file into memory; a copy tells the size of each chunk before it reads it.
    pub(super) fn load(
        path: &Path,
        loading: Loading,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<Self, Fault> {
        let Opened { file, size_bytes, unmappable } = open_regular(path)?;
        if size_bytes == 0 {
            return Err(Fault::Truncated { expected: HEADER_BYTES, found: 0 });
        }
        match (loading, unmappable) {
            (Loading::Mmap, Some(why)) => Err(Fault::UnsafeFile { why }),
            (Loading::Auto | Loading::Mmap, None) => Self::map(&file),
            (Loading::Auto | Loading::Copy, why) => {
                let copy = copy(&file, size_bytes, before_chunk)?;
                Ok(Self::Pages(copy, Pages::Copy(why)))
            }
        }
    }

    fn map(file: &File) -> Result<Self, Fault> {
        // SAFETY: the file is regular, and only root and this user can write it (`open_regular`, asked
        // by `load`), and no writer changes it after it got its name: `store` links finished files
        // into place and never writes them again.
        let map = unsafe { Mmap::map(file) }.map_err(Fault::io("map it"))?;
        // Where the file comes from the disk, it comes in huge pages; `pages` says what they bring.
        // Only advice: without it, or where the system has none, everything else is the same.
        map.advise(Advice::HugePage).ok();
        Ok(Self::Pages(map, Pages::File))
    }

    /// What spoke against mapping the file that was copied.
    pub(super) fn copied_because(&self) -> Option<&UnsafeFile> {
        match self {
            Self::Pages(_, Pages::Copy(why)) => why.as_ref(),
            Self::Pages(_, Pages::File) | Self::Held(_) => None,
        }
    }

    /// Copies bytes into memory of the right alignment.
    pub(crate) fn hold(bytes: &[u8]) -> Self {
        let mut held = AlignedVec::with_capacity(bytes.len());
        held.extend_from_slice(bytes);
        Self::Held(held)
    }

    /// Asks the system to fetch these bytes from the disk; they may come at any time, or not.
    pub(super) fn read_ahead(&self, range: Range<usize>) {
        if let Self::Pages(map, Pages::File) = self
            && !range.is_empty()
        {
            // Only advice: where it is not taken the bytes are read all the same, later.
            map.advise_range(Advice::WillNeed, range.start, range.len()).ok();
        }
    }

    /// Keeps a mapped file in memory until it is unmapped; what is held is left as it is.
    pub(super) fn lock(&self) -> io::Result<()> {
        match self {
            Self::Pages(map, _) => map.lock(),
            Self::Held(_) => Ok(()),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Pages(map, _) => map,
            Self::Held(held) => held,
        }
    }
}

/// A copy in pages of the system's, which go back to it whole. The start of the file is read first: one
/// that only says to be large must not ask for memory.
fn copy(
    file: &File,
    size_bytes: u64,
    before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
) -> Result<Mmap, Fault> {
    let mut start = [0; size_of::<Header>()];
    let start_bytes = usize_of(size_bytes.min(HEADER_BYTES));
    let start = start.get_mut(..start_bytes).unwrap_or_default();
    read_exact(file, start, 0)?;
    check_start(start, size_bytes)?;
    let mut pages =
        MmapMut::map_anon(usize_of(size_bytes)).map_err(Fault::io("make room for its copy"))?;
    pages.advise(Advice::HugePage).ok();
    let (copied, mut rest) = pages.split_at_mut(start_bytes);
    copied.copy_from_slice(start);
    let mut at = start_bytes;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at_mut(rest.len().min(CHUNK_BYTES));
        before_chunk(chunk.len() as u64).map_err(Fault::io("read the whole file"))?;
        read_exact(file, chunk, at)?;
        at += chunk.len();
        rest = behind;
    }
    pages.make_read_only().map_err(Fault::io("keep its copy from change"))
}

/// Reads on in the file, of which `at` bytes were read; says so if it ended meanwhile.
fn read_exact(mut file: &File, chunk: &mut [u8], at: usize) -> Result<(), Fault> {
    file.read_exact(chunk).map_err(|error| {
        if error.kind() != io::ErrorKind::UnexpectedEof {
            return Fault::io("read it")(error);
        }
        let expected = (at + chunk.len()) as u64;
        let found = file.metadata().map_or(at as u64, |metadata| metadata.len());
        Fault::Truncated { expected, found }
    })
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Pages(_, Pages::File) => "mapped",
            Self::Pages(_, Pages::Copy(_)) => "copied",
            Self::Held(_) => "held",
        };
        write!(f, "{kind}({})", self.as_slice().len())
    }
}
