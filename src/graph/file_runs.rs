//! Runs in files without a name: memory holds two chunks at most and one buffer a run.
//!
//! With two threads, one reads and resolves a chunk while the other sorts and writes the one before,
//! and one merges runs ahead of whoever reads them. What comes out does not depend on it.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind},
    mem,
    num::NonZeroUsize,
    os::unix::fs::FileExt as _,
    panic::resume_unwind,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread::{self, JoinHandle},
};

use super::{
    edge::{Edge, PACKED_BYTES_MAX},
    intern::{TOGETHER, index},
    merged::Merged,
    runs::{RunStore, SortedRuns},
};

/// Memory that an edge of a chunk takes at most, while two chunks of two-way relations are at hand:
/// four times 64 bytes for the edges, the others for their order and their packed bytes.
const CHUNK_EDGE_BYTES: u64 = 384;
/// Of the memory, the part that buffers of runs take at most.
const BUFFERS_SHARE: u64 = 8;
/// What a run reads at once.
const BUFFER_BYTES_MAX: usize = 64 << 10;
const BUFFER_BYTES_MIN: usize = 1 << 10;
/// Edges that go from thread to thread at once: 128 KiB.
const BATCH_EDGES: usize = 1 << 11;
/// Batches that are merged ahead.
const BATCHES_AHEAD: usize = 8;

/// Keeps edges in files of a directory. Nobody else can open them, and they are gone with this
/// process, however it ends.
#[derive(Debug)]
pub struct FileStore {
    chunk_edges: usize,
    buffers_bytes: u64,
    threads: NonZeroUsize,
    chunks: EdgeFile,
    /// Where sorted runs will go.
    runs: EdgeFile,
    packed: Vec<u8>,
}

/// Sorted runs in a file.
#[derive(Debug)]
pub struct FileRuns {
    file: Arc<EdgeFile>,
    buffers_bytes: u64,
    threads: NonZeroUsize,
}

/// Pieces of packed edges, one behind the other.
#[derive(Debug)]
struct EdgeFile {
    file: File,
    /// Where each piece ends, in bytes; it starts where the one before ends.
    ends: Vec<u64>,
}

impl FileStore {
    /// Memory that sorting takes unless somebody says another limit.
    pub const MEMORY_BYTES: u64 = 256 << 20;
    /// The least memory that makes sense: with less, hundreds of millions of relations would be too
    /// many runs to merge at once.
    pub const MEMORY_BYTES_MIN: u64 = 16 << 20;

    /// An empty store in this directory, for one thread. It takes about ten bytes a relation, and as
    /// much again while they are sorted.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn in_dir(dir: &Path) -> io::Result<Self> {
        let file = || tempfile::tempfile_in(dir);
        let (chunks, runs) = (EdgeFile::new(file()?), EdgeFile::new(file()?));
        let (threads, packed) = (NonZeroUsize::MIN, Vec::new());
        let store = Self { chunk_edges: 1, buffers_bytes: 0, threads, chunks, runs, packed };
        Ok(store.with_memory(Self::MEMORY_BYTES))
    }

    /// Takes so many bytes of memory at most, or [`Self::MEMORY_BYTES_MIN`], beside what the catalog
    /// takes itself.
    #[must_use]
    pub fn with_memory(self, bytes: u64) -> Self {
        let bytes = bytes.max(Self::MEMORY_BYTES_MIN);
        let buffers_bytes = bytes / BUFFERS_SHARE;
        let edges = (bytes - buffers_bytes) / CHUNK_EDGE_BYTES;
        // Places in a chunk are 32 bits, and two-way relations double it.
        let edges = index(u32::try_from(edges).unwrap_or(u32::MAX).min(u32::MAX / 2));
        // So that the same ids are looked for together, whatever the memory.
        let edges = edges - edges % TOGETHER;
        Self { buffers_bytes, ..self.with_chunk_edges(edges) }
    }

    /// Chunks of so many edges, at least one.
    #[must_use]
    pub fn with_chunk_edges(self, chunk_edges: usize) -> Self {
        Self { chunk_edges: chunk_edges.max(1), ..self }
    }

    /// Uses a second thread if there may be one.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads, ..self }
    }
}

impl RunStore for FileStore {
    type Runs = FileRuns;

    fn chunk_edges(&self) -> usize {
        self.chunk_edges
    }

    fn append(&mut self, chunk: &[Edge]) -> io::Result<()> {
        self.chunks.push(chunk.iter(), &mut self.packed)
    }

    fn seal(self, resolve: &mut dyn FnMut(&mut Vec<Edge>)) -> io::Result<FileRuns> {
        let Self { chunks, runs, buffers_bytes, threads, packed, .. } = self;
        let mut sorter = Sorter { runs, keys: Vec::new(), packed };
        if threads == NonZeroUsize::MIN {
            let (mut bytes, mut chunk) = (Vec::new(), Vec::new());
            for piece in 0..chunks.ends.len() {
                chunks.read(piece, &mut bytes, &mut chunk)?;
                resolve(&mut chunk);
                sorter.keep(&chunk)?;
            }
        } else {
            sorter = sort_beside(&chunks, resolve, sorter)?;
        }
        Ok(FileRuns { file: Arc::new(sorter.runs), buffers_bytes, threads })
    }
}

/// Resolves chunks here while another thread sorts those before.
fn sort_beside(
    chunks: &EdgeFile,
    resolve: &mut dyn FnMut(&mut Vec<Edge>),
    mut sorter: Sorter,
) -> io::Result<Sorter> {
    thread::scope(|scope| {
        // Nothing waits in between, so that two chunks are all there are.
        let (send, receive) = mpsc::sync_channel::<Vec<Edge>>(0);
        let (give_back, spare) = mpsc::channel();
        let sort = move || {
            for chunk in receive {
                sorter.keep(&chunk)?;
                // Nobody needs the last ones.
                drop(give_back.send(chunk));
            }
            Ok(sorter)
        };
        let sorting = thread::Builder::new().name("sort".to_owned()).spawn_scoped(scope, sort)?;
        let mut bytes = Vec::new();
        let read = (0..chunks.ends.len()).try_for_each(|piece| {
            let mut chunk = spare.try_recv().unwrap_or_default();
            chunks.read(piece, &mut bytes, &mut chunk)?;
            resolve(&mut chunk);
            // Where the other thread has failed, it says why.
            send.send(chunk).map_err(|_| io::Error::other("the sort of relations has ended"))
        });
        drop(send);
        let sorted: io::Result<Sorter> =
            sorting.join().unwrap_or_else(|panic| resume_unwind(panic));
        let sorter = sorted?;
        read.map(|()| sorter)
    })
}

/// Makes runs of resolved chunks.
struct Sorter {
    runs: EdgeFile,
    /// Of each edge what decides most often, then its place in the chunk.
    keys: Vec<u128>,
    packed: Vec<u8>,
}

impl Sorter {
    fn keep(&mut self, chunk: &[Edge]) -> io::Result<()> {
        let keys = chunk.iter().zip(0_u32..);
        let keys = keys.map(|(edge, place)| edge.link_key() << 32 | u128::from(place));
        self.keys.clear();
        self.keys.extend(keys);
        self.keys.sort_unstable();
        let edge = |key: &u128| &chunk[index(place(*key))];
        for statements in self.keys.chunk_by_mut(|left, right| left >> 32 == right >> 32) {
            statements.sort_unstable_by(|left, right| edge(left).merge_order(edge(right)));
        }
        self.runs.push(self.keys.iter().map(edge), &mut self.packed)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the place is what stands in the low half")]
fn place(key: u128) -> u32 {
    key as u32
}

impl SortedRuns for FileRuns {
    type Edges<'a> = FileEdges;

    fn edges(&self) -> io::Result<FileEdges> {
        let share = self.buffers_bytes / u64::try_from(self.file.ends.len()).unwrap_or(1).max(1);
        let share = usize::try_from(share).unwrap_or(BUFFER_BYTES_MAX);
        let buffer_bytes = share.clamp(BUFFER_BYTES_MIN, BUFFER_BYTES_MAX);
        let run = |piece| {
            let (next, end) = self.file.piece(piece);
            let (buffer, before) = (Vec::new(), Edge::NOTHING);
            let file = Arc::clone(&self.file);
            FileRun { file, next, end, buffer_bytes, buffer, taken: 0, before }
        };
        let merged = Merged::new((0..self.file.ends.len()).map(run).collect())?;
        Ok(FileEdges(match self.threads {
            NonZeroUsize::MIN => Merging::Here(merged),
            _ => Merging::Ahead(Ahead::of(merged)?),
        }))
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

    /// Appends a piece; `packed` is memory to do it in.
    fn push<'e>(
        &mut self,
        edges: impl Iterator<Item = &'e Edge>,
        packed: &mut Vec<u8>,
    ) -> io::Result<()> {
        packed.clear();
        let mut before = &Edge::NOTHING;
        for edge in edges {
            edge.pack(before, packed);
            before = edge;
        }
        let begin = self.ends.last().copied().unwrap_or_default();
        self.file.write_all_at(packed, begin)?;
        self.ends.push(begin + to_u64(packed.len()));
        Ok(())
    }

    /// Fills `edges` with those of a piece; `bytes` is memory to do it in.
    fn read(&self, piece: usize, bytes: &mut Vec<u8>, edges: &mut Vec<Edge>) -> io::Result<()> {
        let (begin, end) = self.piece(piece);
        bytes.resize(to_len(end - begin)?, 0);
        self.file.read_exact_at(bytes, begin)?;
        let (mut rest, mut before) = (bytes.as_slice(), Edge::NOTHING);
        edges.clear();
        while !rest.is_empty() {
            before = Edge::unpack(&mut rest, &before).ok_or_else(cut)?;
            edges.push(before);
        }
        Ok(())
    }
}

/// Reads one run, a buffer at a time.
struct FileRun {
    file: Arc<EdgeFile>,
    /// The next byte that is not in the buffer.
    next: u64,
    end: u64,
    buffer_bytes: usize,
    buffer: Vec<u8>,
    /// Bytes of the buffer whose edges were handed out.
    taken: usize,
    before: Edge,
}

impl FileRun {
    /// Reads on behind what was not handed out.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let kept = self.buffer.len();
        let count = to_len(self.end - self.next)?.min(self.buffer_bytes);
        self.buffer.resize(kept + count, 0);
        self.file.file.read_exact_at(&mut self.buffer[kept..], self.next)?;
        self.next += to_u64(count);
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<Edge>> {
        if self.buffer.len() - self.taken < PACKED_BYTES_MAX && self.next < self.end {
            self.fill()?;
        }
        let mut rest = &self.buffer[self.taken..];
        if rest.is_empty() {
            return Ok(None);
        }
        self.before = Edge::unpack(&mut rest, &self.before).ok_or_else(cut)?;
        self.taken = self.buffer.len() - rest.len();
        Ok(Some(self.before))
    }
}

impl Iterator for FileRun {
    type Item = io::Result<Edge>;

    fn next(&mut self) -> Option<io::Result<Edge>> {
        self.take().transpose()
    }
}

/// The edges of all runs in a file.
pub struct FileEdges(Merging);

enum Merging {
    Here(Merged<FileRun>),
    Ahead(Ahead),
}

/// Edges that another thread merges.
struct Ahead {
    batches: Receiver<io::Result<Vec<Edge>>>,
    give_back: Sender<Vec<Edge>>,
    batch: Vec<Edge>,
    /// Edges of the batch that were handed out.
    taken: usize,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    fn of(merged: Merged<FileRun>) -> io::Result<Self> {
        let (send, batches) = mpsc::sync_channel(BATCHES_AHEAD);
        let (give_back, spare) = mpsc::channel();
        let merge = move || merge_into(merged, &send, &spare);
        let thread = thread::Builder::new().name("merge".to_owned()).spawn(merge)?;
        Ok(Self { batches, give_back, batch: Vec::new(), taken: 0, thread: Some(thread) })
    }

    fn next(&mut self) -> Option<io::Result<Edge>> {
        loop {
            if let Some(edge) = self.batch.get(self.taken) {
                self.taken += 1;
                return Some(Ok(*edge));
            }
            match self.batches.recv() {
                Ok(Ok(batch)) => {
                    self.taken = 0;
                    // Nobody needs the last ones.
                    drop(self.give_back.send(mem::replace(&mut self.batch, batch)));
                }
                Ok(Err(error)) => return Some(Err(error)),
                // That was the last one, unless the thread has panicked.
                Err(mpsc::RecvError) => {
                    if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                        resume_unwind(panic);
                    }
                    return None;
                }
            }
        }
    }
}

/// Ends with the runs, an error, or when nobody reads any more.
fn merge_into(
    mut merged: Merged<FileRun>,
    send: &SyncSender<io::Result<Vec<Edge>>>,
    spare: &Receiver<Vec<Edge>>,
) {
    loop {
        let mut batch = spare.try_recv().unwrap_or_default();
        batch.clear();
        let filled = merged.fill(&mut batch, BATCH_EDGES);
        let is_last = filled.is_err() || batch.len() < BATCH_EDGES;
        if send.send(filled.map(|()| batch)).is_err() || is_last {
            return;
        }
    }
}

impl Iterator for FileEdges {
    type Item = io::Result<Edge>;

    fn next(&mut self) -> Option<io::Result<Edge>> {
        match &mut self.0 {
            Merging::Here(merged) => merged.next(),
            Merging::Ahead(ahead) => ahead.next(),
        }
    }
}

impl fmt::Debug for FileEdges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileEdges").finish_non_exhaustive()
    }
}

/// The file is ours alone: it ends inside an edge only if somebody cut it.
fn cut() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "a piece ends inside of a relation")
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).expect("memory has less than 2^64 bytes")
}

fn to_len(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))
}
