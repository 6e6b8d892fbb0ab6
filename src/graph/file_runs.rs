//! Runs in files without a name: memory holds the chunk at hand and one buffer a run.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
    path::Path,
};

use zerocopy::{FromZeros as _, IntoBytes as _};

use super::{
    edge::Edge,
    runs::{CHUNK_EDGES, RunStore, SortedRuns},
};

/// Edges that a run reads at once: 64 KiB, so that the runs of a hundred million relations take
/// 25 MiB.
const BUFFER_EDGES: usize = 1 << 10;

/// Keeps edges in files of a directory. Nobody else can open them, and they are gone with this
/// process, however it ends.
#[derive(Debug)]
pub struct FileStore {
    chunk_edges: usize,
    chunks: EdgeFile,
    /// Where sorted runs will go.
    runs: EdgeFile,
}

/// Sorted runs in a file.
#[derive(Debug)]
pub struct FileRuns(EdgeFile);

/// Pieces of edges, one behind the other.
#[derive(Debug)]
struct EdgeFile {
    file: File,
    /// Where each piece ends, in edges; it starts where the one before ends.
    ends: Vec<u64>,
}

impl FileStore {
    /// An empty store in this directory. It takes 64 bytes a relation, and as much again while they
    /// are sorted.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn in_dir(dir: &Path) -> io::Result<Self> {
        Self::with_chunk_edges(dir, CHUNK_EDGES)
    }

    /// An empty store for chunks of so many edges, at least one.
    ///
    /// # Errors
    /// As [`Self::in_dir`].
    pub fn with_chunk_edges(dir: &Path, chunk_edges: usize) -> io::Result<Self> {
        let file = || tempfile::tempfile_in(dir);
        let (chunks, runs) = (EdgeFile::new(file()?), EdgeFile::new(file()?));
        Ok(Self { chunk_edges: chunk_edges.max(1), chunks, runs })
    }
}

impl RunStore for FileStore {
    type Runs = FileRuns;

    fn chunk_edges(&self) -> usize {
        self.chunk_edges
    }

    fn append(&mut self, chunk: &[Edge]) -> io::Result<()> {
        self.chunks.push(chunk)
    }

    fn seal(mut self, sort: &mut dyn FnMut(&mut Vec<Edge>)) -> io::Result<FileRuns> {
        let mut chunk = Vec::new();
        for piece in 0..self.chunks.ends.len() {
            let (begin, end) = self.chunks.piece(piece);
            self.chunks.read(begin, to_len(end - begin)?, &mut chunk)?;
            sort(&mut chunk);
            self.runs.push(&chunk)?;
        }
        Ok(FileRuns(self.runs))
    }
}

impl SortedRuns for FileRuns {
    type Run<'a> = FileRun<'a>;

    fn runs(&self) -> io::Result<Vec<FileRun<'_>>> {
        let run = |piece| {
            let (next, end) = self.0.piece(piece);
            FileRun { file: &self.0, next, end, buffer: Vec::new(), taken: 0 }
        };
        Ok((0..self.0.ends.len()).map(run).collect())
    }
}

impl EdgeFile {
    fn new(file: File) -> Self {
        Self { file, ends: Vec::new() }
    }

    fn piece(&self, piece: usize) -> (u64, u64) {
        let begin = piece.checked_sub(1).map_or(0, |before| self.ends[before]);
        (begin, self.ends[piece])
    }

    fn push(&mut self, edges: &[Edge]) -> io::Result<()> {
        let begin = self.ends.last().copied().unwrap_or_default();
        self.file.write_all_at(edges.as_bytes(), offset(begin))?;
        self.ends.push(begin + to_u64(edges.len()));
        Ok(())
    }

    /// Fills `edges` with `count` of them from the place `begin` on.
    fn read(&self, begin: u64, count: usize, edges: &mut Vec<Edge>) -> io::Result<()> {
        edges.resize_with(count, Edge::new_zeroed);
        self.file.read_exact_at(edges.as_mut_bytes(), offset(begin))
    }
}

/// Reads one run, a buffer at a time.
pub struct FileRun<'a> {
    file: &'a EdgeFile,
    /// The next edge that is not in the buffer.
    next: u64,
    end: u64,
    buffer: Vec<Edge>,
    /// Edges of the buffer that were handed out.
    taken: usize,
}

impl FileRun<'_> {
    fn fill(&mut self) -> io::Result<()> {
        let count = to_len(self.end - self.next)?.min(BUFFER_EDGES);
        self.file.read(self.next, count, &mut self.buffer)?;
        self.next += to_u64(count);
        self.taken = 0;
        Ok(())
    }
}

impl Iterator for FileRun<'_> {
    type Item = io::Result<Edge>;

    fn next(&mut self) -> Option<io::Result<Edge>> {
        if self.taken == self.buffer.len() {
            if self.next == self.end {
                return None;
            }
            if let Err(error) = self.fill() {
                return Some(Err(error));
            }
        }
        let edge = self.buffer.get(self.taken).copied()?;
        self.taken += 1;
        Some(Ok(edge))
    }
}

impl fmt::Debug for FileRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { next, end, .. } = self;
        f.debug_struct("FileRun").field("next", next).field("end", end).finish_non_exhaustive()
    }
}

fn offset(edges: u64) -> u64 {
    edges * to_u64(size_of::<Edge>())
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).expect("memory has less than 2^64 bytes")
}

fn to_len(edges: u64) -> io::Result<usize> {
    usize::try_from(edges).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))
}
