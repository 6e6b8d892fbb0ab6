//! Where relations wait between reading and merging.
//!
//! A run store takes chunks of edges in any order, then sorts each into a run, then reads all runs as
//! one. It may keep them in memory or in files, and use threads; only the chunks at hand have to be in
//! memory, and what comes out is the same whatever their size.

use std::{io, iter, slice};

use super::{edge::Edge, merged::Merged};

/// Edges of one chunk in memory: 16 MiB.
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

    /// Hands each chunk once to `resolve`, in the order in which they came, which resolves, adds and
    /// removes edges; sorts what it leaves, and keeps that as a run. A chunk may grow to twice its
    /// length.
    ///
    /// # Errors
    /// The store cannot read a chunk or keep a run.
    fn seal(self, resolve: &mut dyn FnMut(&mut Vec<Edge>)) -> io::Result<Self::Runs>;
}

/// Sorted runs that can be read from the beginning as often as needed.
pub trait SortedRuns {
    /// Reads all runs as one.
    type Edges<'a>: Iterator<Item = io::Result<Edge>>
    where
        Self: 'a;

    /// Every edge, in the order of runs.
    ///
    /// # Errors
    /// A run cannot be read.
    fn edges(&self) -> io::Result<Self::Edges<'_>>;
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

    fn seal(mut self, resolve: &mut dyn FnMut(&mut Vec<Edge>)) -> io::Result<MemoryRuns> {
        for chunk in &mut self.chunks {
            resolve(chunk);
            chunk.sort_unstable_by(Edge::merge_order);
        }
        Ok(MemoryRuns { runs: self.chunks })
    }
}

/// Runs in memory.
#[derive(Debug)]
pub struct MemoryRuns {
    runs: Vec<Vec<Edge>>,
}

/// Reads a run in memory.
type MemoryRun<'a> = iter::Map<slice::Iter<'a, Edge>, fn(&Edge) -> io::Result<Edge>>;

impl SortedRuns for MemoryRuns {
    type Edges<'a> = Merged<MemoryRun<'a>>;

    fn edges(&self) -> io::Result<Self::Edges<'_>> {
        let read: fn(&Edge) -> io::Result<Edge> = |edge| Ok(*edge);
        Merged::new(self.runs.iter().map(|run| run.iter().map(read)).collect())
    }
}
