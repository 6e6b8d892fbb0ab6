//! Candidates of one seed, best first: its own relations of the asked types and those it inherits.
//!
//! A variant has its own relations and, of each ancestor, those that it and nearer ancestors do not
//! name themselves. Runs are merged by score, then by the order of types asked, then the nearer
//! product first. A product reached twice counts once, by its best relation.

use arrayvec::ArrayVec;

use super::scratch::Places;
use crate::{
    index::{
        Ordinal, Relation, Relations, View,
        layout::{Edge, NONE, ProductRecord},
    },
    model::{
        limits::{RELATION_TYPES_PER_REQUEST_MAX, VARIANT_DEPTH_MAX},
        relation::RelationType,
    },
};

/// Levels of inheritance: the seed and its ancestors.
const LEVELS_MAX: usize = 1 + VARIANT_DEPTH_MAX;
/// Runs merged at most.
const RUNS_MAX: usize = RELATION_TYPES_PER_REQUEST_MAX * LEVELS_MAX;

/// One relation of a seed as it came out of the merge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) relation_type: RelationType,
    pub(super) relation: Relation<'a>,
}

/// The runs of one seed. Large: it is filled where it lies and never moved.
#[derive(Default)]
pub(super) struct Runs<'a> {
    cursors: ArrayVec<Cursor<'a>, RUNS_MAX>,
}

struct Cursor<'a> {
    relation_type: RelationType,
    level: u8,
    /// Where in the request the type was asked for.
    rank: u8,
    edges: &'a [Edge],
    rest: Relations<'a>,
}

impl<'a> Runs<'a> {
    /// Opens the runs of a seed. `prefetch` says how many of each are likely to be looked at.
    pub(super) fn open(
        &mut self,
        view: &View<'a>,
        seed: Ordinal,
        types: &[RelationType],
        prefetch: usize,
    ) {
        self.cursors.clear();
        for (level, product) in (0_u8..).zip(lineage(view, seed)) {
            let block = view.block(product);
            for (rank, relation_type) in (0_u8..).zip(types) {
                let run = block.run(*relation_type);
                let edges = run.edges();
                if edges.is_empty() || self.cursors.is_full() {
                    continue;
                }
                for edge in edges.iter().take(prefetch) {
                    view.prefetch(Ordinal(edge.target.get()));
                }
                let (relation_type, rest) = (*relation_type, run.relations());
                self.cursors.push(Cursor { relation_type, level, rank, edges, rest });
            }
        }
        // Ties of score go to the type asked first, then to the nearer product.
        self.cursors.sort_unstable_by_key(|cursor| (cursor.rank, cursor.level));
    }

    /// Relations in all runs.
    pub(super) fn len(&self) -> usize {
        self.cursors.iter().fold(0, |len, cursor| len.saturating_add(cursor.edges.len()))
    }

    /// Merges the runs.
    pub(super) fn candidates<'r>(&'r mut self, seen: &'r mut Places) -> Candidates<'a, 'r> {
        if self.cursors.len() > 1 {
            seen.begin(self.len());
        }
        Candidates { cursors: &mut self.cursors, seen }
    }
}

/// The candidates of one seed, best first.
pub(super) struct Candidates<'a, 'r> {
    cursors: &'r mut [Cursor<'a>],
    seen: &'r mut Places,
}

impl<'a> Candidates<'a, '_> {
    /// The run with the best next relation, the first of equals.
    fn best(&self) -> Option<usize> {
        let heads = self.cursors.iter().enumerate().filter_map(|(index, cursor)| {
            let edge = cursor.rest.peek()?;
            Some((index, edge.score.get()))
        });
        // `max_by_key` would take the last of equals.
        let best = heads.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(index, _)| index)
    }

    /// Does a product nearer to the seed name this target by the same type?
    fn is_overridden(&self, relation_type: RelationType, level: u8, target: u32) -> bool {
        level > 0
            && self.cursors.iter().any(|nearer| {
                nearer.level < level
                    && nearer.relation_type == relation_type
                    && nearer.edges.iter().any(|edge| edge.target.get() == target)
            })
    }
}

impl<'a> Iterator for Candidates<'a, '_> {
    type Item = Candidate<'a>;

    #[inline]
    fn next(&mut self) -> Option<Candidate<'a>> {
        // Inside one run no product stands twice, and nothing is nearer.
        if let [cursor] = self.cursors {
            let relation_type = cursor.relation_type;
            return cursor.rest.next().map(|relation| Candidate { relation_type, relation });
        }
        loop {
            let best = self.best()?;
            let cursor = self.cursors.get_mut(best)?;
            let (relation_type, level) = (cursor.relation_type, cursor.level);
            let relation = cursor.rest.next()?;
            let target = relation.edge.target.get();
            if !self.is_overridden(relation_type, level, target) && self.seen.insert(target) {
                return Some(Candidate { relation_type, relation });
            }
        }
    }
}

/// The product and its ancestors, nearest first.
pub(super) fn lineage<'a>(view: &View<'a>, product: Ordinal) -> impl Iterator<Item = Ordinal> {
    let view = *view;
    std::iter::successors(Some(product), move |product| view.parent(*product)).take(LEVELS_MAX)
}

/// The product at the top of a variant group; itself if it is in none.
#[inline]
pub(super) fn group_root(view: &View<'_>, product: Ordinal, record: &ProductRecord) -> Ordinal {
    // Most products are in no group, and their record is at hand.
    if record.parent.get() == NONE {
        return product;
    }
    lineage(view, product).last().unwrap_or(product)
}
