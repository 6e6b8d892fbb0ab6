//! A new file, written from its start in whole huge pages.
//!
//! Newer kernels keep a file in memory in pieces as large as it was written in, if they stand at
//! multiples of their size and the file system can (seen on ext4 with Linux 6.18), and map a piece of
//! 2 MiB as one page: `FORMAT.md` says what lookups gain. Where a system does none of this, there are
//! only fewer writes.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
};

/// Bytes of a huge page of x86-64, and of aarch64 with pages of 4 KiB.
pub(super) const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Appends to a file; what is written reaches it a huge page at a time.
#[derive(Debug)]
pub(super) struct PageWriter {
    file: File,
    /// What the next huge page of the file has so far; shorter than that between calls.
    page: Vec<u8>,
}

impl PageWriter {
    /// Starts at the start of an empty file.
    pub(super) fn new(file: File) -> Self {
        Self { file, page: Vec::with_capacity(HUGE_PAGE_BYTES) }
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = HUGE_PAGE_BYTES - self.page.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.page.extend_from_slice(now);
            self.end_page()?;
            bytes = later;
        }
        Ok(())
    }

    /// Appends zeros; whole pages of them are a hole where the file system has holes.
    pub(super) fn write_zeros(&mut self, len: u64) -> io::Result<()> {
        let mut left = len;
        while left > 0 {
            if self.page.is_empty() && left >= HUGE_PAGE_BYTES as u64 {
                self.file.seek_relative(HUGE_PAGE_BYTES as i64)?;
                left -= HUGE_PAGE_BYTES as u64;
                continue;
            }
            let room = HUGE_PAGE_BYTES - self.page.len();
            let now = usize::try_from(left).map_or(room, |left| left.min(room));
            self.page.resize(self.page.len() + now, 0);
            self.end_page()?;
            left -= now as u64;
        }
        Ok(())
    }

    /// Writes what is left, then these bytes over the start of the file, and syncs it.
    pub(super) fn finish(mut self, start: &[u8]) -> io::Result<()> {
        self.file.write_all(&self.page)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(start)?;
        self.file.sync_all()
    }

    fn end_page(&mut self) -> io::Result<()> {
        if self.page.len() == HUGE_PAGE_BYTES {
            self.file.write_all(&self.page)?;
            self.page.clear();
        }
        Ok(())
    }
}
