//! Where relations wait between reading and merging.
//!
//! A run store takes chunks of edges in any order, then sorts each into a run. It may keep them in
//! memory or in files; only the chunk at hand has to be in memory.

use std::{io, iter, slice};

use super::edge::Edge;

/// Edges of one chunk: 16 MiB, twice that while two-way relations are reversed. A hundred million
/// relations make 400 runs, few enough to merge at once.
pub const CHUNK_EDGES: usize = 1 << 18;

/// Keeps chunks of edges until every source was read.
pub trait RunStore {
    /// What it becomes when sealed.
    type Runs: SortedRuns;

    /// Edges of a chunk, at least one.
    fn chunk_edges(&self) -> usize {
        CHUNK_EDGES
    }

    /// Keeps a chunk of at most [`RunStore::chunk_edges`] edges.
    ///
    /// # Errors
    /// The store cannot keep it.
    fn append(&mut self, chunk: &[Edge]) -> io::Result<()>;

    /// Hands each chunk once to `sort`, which resolves, adds, removes and sorts its edges, and keeps
    /// what it leaves as a run. A chunk may grow to twice its length.
    ///
    /// # Errors
    /// The store cannot read a chunk or keep a run.
    fn seal(self, sort: &mut dyn FnMut(&mut Vec<Edge>)) -> io::Result<Self::Runs>;
}

/// Sorted runs that can be read from the beginning as often as needed.
pub trait SortedRuns {
    /// Reads one run.
    type Run<'a>: Iterator<Item = io::Result<Edge>>
    where
        Self: 'a;

    /// Every run from its beginning.
    ///
    /// # Errors
    /// A run cannot be opened.
    fn runs(&self) -> io::Result<Vec<Self::Run<'_>>>;
}

/// Keeps every edge in memory.
#[derive(Debug)]
pub struct MemoryStore {
    chunk_edges: usize,
    chunks: Vec<Vec<Edge>>,
}

impl MemoryStore {
    /// An empty store for chunks of so many edges, at least one.
    #[must_use]
    pub fn with_chunk_edges(chunk_edges: usize) -> Self {
        Self { chunk_edges: chunk_edges.max(1), chunks: Vec::new() }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_chunk_edges(CHUNK_EDGES)
    }
}

impl RunStore for MemoryStore {
    type Runs = MemoryRuns;

    fn chunk_edges(&self) -> usize {
        self.chunk_edges
    }

    fn append(&mut self, chunk: &[Edge]) -> io::Result<()> {
        self.chunks.push(chunk.to_vec());
        Ok(())
    }

    fn seal(mut self, sort: &mut dyn FnMut(&mut Vec<Edge>)) -> io::Result<MemoryRuns> {
        self.chunks.iter_mut().for_each(sort);
        Ok(MemoryRuns { runs: self.chunks })
    }
}

/// Runs in memory.
#[derive(Debug)]
pub struct MemoryRuns {
    runs: Vec<Vec<Edge>>,
}

impl SortedRuns for MemoryRuns {
    type Run<'a> = iter::Map<slice::Iter<'a, Edge>, fn(&Edge) -> io::Result<Edge>>;

    fn runs(&self) -> io::Result<Vec<Self::Run<'_>>> {
        let read: fn(&Edge) -> io::Result<Edge> = |edge| Ok(*edge);
        Ok(self.runs.iter().map(|run| run.iter().map(read)).collect())
    }
}
