//! The bytes of one file, mapped read-only or held in memory. The only place that maps files.
//!
//! A mapped file must not change: the store writes each file once, under a name that is put if
//! absent, and never opens it for writing again. What a writer outside that protocol can do is
//! limited by reading through types for which any bytes are a value (`layout`); truncation ends the
//! process by SIGBUS, which no check before can prevent.

#![allow(unsafe_code, reason = "mapping a file is an unsafe call")]

use std::{
    fmt,
    fs::{self, File, Metadata},
    io,
    ops::Range,
    path::Path,
};

use memmap2::{Advice, Mmap};
use rkyv::util::AlignedVec;

use super::error::Fault;

/// Bytes of a blob; aligned to 64 at least, so that the archives inside stand aligned.
pub(crate) enum Bytes {
    Mapped(Mmap),
    Held(AlignedVec<64>),
}

impl Bytes {
    /// Maps a regular file.
    pub(crate) fn map(path: &Path) -> Result<Self, Fault> {
        // Asked before as well, because opening a pipe waits for its writer.
        regular(&fs::metadata(path).map_err(Fault::io("read its metadata"))?)?;
        let file = File::open(path).map_err(Fault::io("open it"))?;
        let metadata = file.metadata().map_err(Fault::io("read its metadata"))?;
        regular(&metadata)?;
        if metadata.len() == 0 {
            return Err(Fault::Truncated { expected: super::layout::HEADER_BYTES, found: 0 });
        }
        // SAFETY: the file is regular (checked above) and no writer changes it after it got its
        // name: `store` links finished files into place and never writes them again.
        let map = unsafe { Mmap::map(&file) }.map_err(Fault::io("map it"))?;
        // Where the file comes from the disk, it comes in huge pages; `pages` says what they bring.
        // Only advice: without it, or where the system has none, everything else is the same.
        #[cfg(target_os = "linux")]
        map.advise(Advice::HugePage).ok();
        Ok(Self::Mapped(map))
    }

    /// Copies bytes into memory of the right alignment.
    pub(crate) fn hold(bytes: &[u8]) -> Self {
        let mut held = AlignedVec::with_capacity(bytes.len());
        held.extend_from_slice(bytes);
        Self::Held(held)
    }

    /// Asks the system to fetch these bytes from the disk; they may come at any time, or not.
    pub(super) fn read_ahead(&self, range: Range<usize>) {
        if let Self::Mapped(map) = self
            && !range.is_empty()
        {
            // Only advice: where it is not taken the bytes are read all the same, later.
            map.advise_range(Advice::WillNeed, range.start, range.len()).ok();
        }
    }

    /// Keeps a mapped file in memory until it is unmapped; what is held is left as it is.
    pub(super) fn lock(&self) -> io::Result<()> {
        match self {
            Self::Mapped(map) => map.lock(),
            Self::Held(_) => Ok(()),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Held(held) => held,
        }
    }
}

fn regular(metadata: &Metadata) -> Result<(), Fault> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Fault::UnsafeFile { why: "not a regular file" })
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Mapped(_) => "mapped",
            Self::Held(_) => "held",
        };
        write!(f, "{kind}({})", self.as_slice().len())
    }
}
