//! Sorted runs read as one: the least of their first edges, again and again.

use std::{fmt, io};

use super::{
    edge::Edge,
    intern::{index, number},
};

/// The edges of sorted runs in the order of runs.
pub struct Merged<I> {
    /// Each with its first edge that was not yet taken; what stands for one that is empty is not read.
    runs: Vec<(I, Edge)>,
    /// A heap: none stands before the one at half its place. Neighbours in a run most often follow
    /// each other in all of them, so most steps compare the new first one with two others and end.
    heads: Vec<Head>,
}

/// The first edge of a run.
#[derive(Clone, Copy)]
struct Head {
    /// What decides between edges of two links, which most are.
    key: u128,
    run: u32,
}

impl<I: Iterator<Item = io::Result<Edge>>> Merged<I> {
    /// Reads the first edge of each run.
    ///
    /// # Errors
    /// A run cannot be read.
    pub fn new(runs: Vec<I>) -> io::Result<Self> {
        let mut merged = Self { runs: Vec::with_capacity(runs.len()), heads: Vec::new() };
        for mut run in runs {
            let first = run.next().transpose()?;
            let place = number(merged.runs.len());
            let head = first.map(|edge| Head { key: edge.link_key(), run: place });
            merged.heads.extend(head);
            merged.runs.push((run, first.unwrap_or(Edge::NOTHING)));
        }
        for at in (0..merged.heads.len() / 2).rev() {
            merged.sink(at);
        }
        Ok(merged)
    }

    /// Appends up to `count` edges; fewer are the last ones.
    pub(super) fn fill(&mut self, batch: &mut Vec<Edge>, count: usize) -> io::Result<()> {
        batch.reserve(count);
        for _ in 0..count {
            let Some(edge) = self.take()? else { break };
            batch.push(edge);
        }
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<Edge>> {
        let Some(head) = self.heads.first_mut() else { return Ok(None) };
        let (run, first) = &mut self.runs[index(head.run)];
        let edge = *first;
        if let Some(next) = run.next().transpose()? {
            (*first, head.key) = (next, next.link_key());
        } else {
            self.heads.swap_remove(0);
        }
        self.sink(0);
        Ok(Some(edge))
    }

    /// Brings a head down to where none below stands before it.
    fn sink(&mut self, mut at: usize) {
        loop {
            let below = 2 * at + 1;
            let Some(mut least) = self.heads.get(below).map(|_| below) else { return };
            if below + 1 < self.heads.len() && self.stands_before(below + 1, below) {
                least = below + 1;
            }
            if !self.stands_before(least, at) {
                return;
            }
            self.heads.swap(at, least);
            at = least;
        }
    }

    fn stands_before(&self, left: usize, right: usize) -> bool {
        let (left, right) = (self.heads[left], self.heads[right]);
        let edge = |head: Head| &self.runs[index(head.run)].1;
        let order = left.key.cmp(&right.key);
        let order = order.then_with(|| edge(left).merge_order(edge(right)));
        order.then(left.run.cmp(&right.run)).is_lt()
    }
}

impl<I: Iterator<Item = io::Result<Edge>>> Iterator for Merged<I> {
    type Item = io::Result<Edge>;

    fn next(&mut self) -> Option<io::Result<Edge>> {
        self.take().transpose()
    }
}

impl<I> fmt::Debug for Merged<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merged").field("runs", &self.runs.len()).finish_non_exhaustive()
    }
}
