//! A new file, written from its start in whole huge pages.
//!
//! Newer kernels keep a file in memory in pieces as large as it was written in, if they stand at
//! multiples of their size and the file system can (seen on ext4 with Linux 6.18), and map a piece of
//! 2 MiB as one page: `FORMAT.md` says what lookups gain. Where a system does none of this, there are
//! only fewer writes.

use std::{
    fmt,
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    mem,
    panic::resume_unwind,
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    thread::{self, JoinHandle},
};

/// Bytes of a huge page of x86-64, and of aarch64 with pages of 4 KiB.
pub(super) const HUGE_PAGE_BYTES: usize = 2 << 20;
/// Pages that wait to be written: enough that neither thread waits for the other's moods.
const PAGES_AHEAD: usize = 4;

/// Appends to a file; what is written reaches it a huge page at a time. From the first whole page on another
/// thread writes: by a profile, copying into the memory of the file took a third of the time of who makes a
/// large one. What it brings on a busy disk was not measured.
#[derive(Debug)]
pub(super) struct PageWriter {
    out: Out,
    /// What the next huge page of the file has so far; shorter than that between calls.
    page: Vec<u8>,
}

#[derive(Debug)]
enum Out {
    /// There was no whole page yet.
    Here(File),
    Beside(Beside),
    /// Writing has failed, and it was said why.
    Failed,
}

/// The thread that writes.
struct Beside {
    pieces: SyncSender<Piece>,
    /// Empty pages that were written.
    spare: Receiver<Vec<u8>>,
    thread: JoinHandle<io::Result<File>>,
}

enum Piece {
    Page(Vec<u8>),
    /// A whole page of zeros.
    Hole,
}

impl PageWriter {
    /// Starts at the start of an empty file.
    pub(super) fn new(file: File) -> Self {
        Self { out: Out::Here(file), page: Vec::with_capacity(HUGE_PAGE_BYTES) }
    }

    /// Appends bytes. What cannot be written may be said by a later call.
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
                self.pass(Piece::Hole)?;
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
    pub(super) fn finish(self, start: &[u8]) -> io::Result<()> {
        let mut file = match self.out {
            Out::Here(file) => file,
            Out::Beside(beside) => beside.end()?,
            Out::Failed => return Err(failed()),
        };
        file.write_all(&self.page)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(start)?;
        file.sync_all()
    }

    fn end_page(&mut self) -> io::Result<()> {
        if self.page.len() == HUGE_PAGE_BYTES {
            let page = mem::take(&mut self.page);
            self.pass(Piece::Page(page))?;
            self.page = self.spare();
        }
        Ok(())
    }

    fn spare(&self) -> Vec<u8> {
        let spare = match &self.out {
            Out::Beside(beside) => beside.spare.try_recv().ok(),
            Out::Here(_) | Out::Failed => None,
        };
        spare.unwrap_or_else(|| Vec::with_capacity(HUGE_PAGE_BYTES))
    }

    fn pass(&mut self, piece: Piece) -> io::Result<()> {
        let beside = match mem::replace(&mut self.out, Out::Failed) {
            Out::Here(file) => Beside::of(file)?,
            Out::Beside(beside) => beside,
            Out::Failed => return Err(failed()),
        };
        if beside.pieces.send(piece).is_err() {
            return beside.end().and(Err(failed()));
        }
        self.out = Out::Beside(beside);
        Ok(())
    }
}

impl Beside {
    fn of(mut file: File) -> io::Result<Self> {
        let (pieces, receive) = mpsc::sync_channel(PAGES_AHEAD);
        let (give_back, spare) = mpsc::channel();
        let write = move || write_pieces(&mut file, &receive, &give_back).map(|()| file);
        let thread = thread::Builder::new().name("write".to_owned()).spawn(write)?;
        Ok(Self { pieces, spare, thread })
    }

    /// The file, when everything is written.
    fn end(self) -> io::Result<File> {
        drop(self.pieces);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").finish_non_exhaustive()
    }
}

fn write_pieces(
    file: &mut File,
    pieces: &Receiver<Piece>,
    give_back: &Sender<Vec<u8>>,
) -> io::Result<()> {
    for piece in pieces {
        match piece {
            Piece::Page(mut page) => {
                file.write_all(&page)?;
                page.clear();
                // Nobody needs the last ones.
                drop(give_back.send(page));
            }
            Piece::Hole => file.seek_relative(HUGE_PAGE_BYTES as i64)?,
        }
    }
    Ok(())
}

fn failed() -> io::Error {
    io::Error::other("an earlier part of the file could not be written")
}
