//! Candidates of one seed, best first: its own relations of the asked types and those it inherits.
//!
//! A variant has its own relations and, of each ancestor, those that it and nearer ancestors do not
//! name themselves. Runs are merged by score, then by the order of types asked, then the nearer
//! product first. A product reached twice counts once, by its best relation.

use arrayvec::ArrayVec;

use super::scratch::Seen;
use crate::{
    index::{Ordinal, Relation, Relations, Run, View},
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

/// What one seed adds to a product's sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contribution {
    pub(super) target: u32,
    /// Position of the seed among the known ones.
    pub(super) seed: u8,
    pub(super) relation_type: u8,
    pub(super) origin: u8,
    pub(super) weighted_score: u32,
    pub(super) quantity: f64,
    pub(super) valid_to_s: i64,
}

/// Merges the runs of one seed.
pub(super) struct Candidates<'a, 's> {
    cursors: ArrayVec<Cursor<'a>, RUNS_MAX>,
    seen: &'s mut Seen,
}

struct Cursor<'a> {
    relation_type: RelationType,
    level: u8,
    run: Run<'a>,
    rest: Relations<'a>,
}

impl<'a, 's> Candidates<'a, 's> {
    /// The candidates of a seed. `prefetch` says how many of each run are likely to be looked at.
    pub(super) fn new(
        view: &View<'a>,
        seed: Ordinal,
        types: &[RelationType],
        seen: &'s mut Seen,
        prefetch: usize,
    ) -> Self {
        let mut cursors = ArrayVec::new();
        let mut total = 0_usize;
        for (level, product) in (0_u8..).zip(lineage(view, seed)) {
            let block = view.block(product);
            for relation_type in types {
                let run = block.run(*relation_type);
                if run.edges().is_empty() || cursors.is_full() {
                    continue;
                }
                for edge in run.edges().iter().take(prefetch) {
                    view.prefetch(Ordinal(edge.target.get()));
                }
                total = total.saturating_add(run.edges().len());
                let (relation_type, rest) = (*relation_type, run.relations());
                cursors.push(Cursor { relation_type, level, run, rest });
            }
        }
        if cursors.len() > 1 {
            // Ties of score go to the type asked first, then to the nearer product.
            let rank =
                |cursor: &Cursor<'_>| types.iter().position(|asked| *asked == cursor.relation_type);
            cursors.sort_by_key(|cursor| (rank(cursor), cursor.level));
            seen.begin(total);
        }
        Self { cursors, seen }
    }

    /// Does a product nearer to the seed name this target by the same type?
    fn is_overridden(&self, relation_type: RelationType, level: u8, target: u32) -> bool {
        level > 0
            && self.cursors.iter().any(|nearer| {
                nearer.level < level
                    && nearer.relation_type == relation_type
                    && nearer.run.edges().iter().any(|edge| edge.target.get() == target)
            })
    }
}

impl<'a> Iterator for Candidates<'a, '_> {
    type Item = Candidate<'a>;

    fn next(&mut self) -> Option<Candidate<'a>> {
        loop {
            let scores =
                self.cursors.iter().map(|cursor| cursor.rest.peek().map(|e| e.score.get()));
            // The first of equal maxima: `max_by_key` would take the last.
            let (best, _) = scores
                .enumerate()
                .filter_map(|(index, score)| Some((index, score?)))
                .reduce(|best, next| if next.1 > best.1 { next } else { best })?;
            let single = self.cursors.len() == 1;
            let cursor = self.cursors.get_mut(best)?;
            let (relation_type, level) = (cursor.relation_type, cursor.level);
            let relation = cursor.rest.next()?;
            let target = relation.edge.target.get();
            if single
                || !self.is_overridden(relation_type, level, target) && self.seen.insert(target)
            {
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
pub(super) fn group_root(view: &View<'_>, product: Ordinal) -> Ordinal {
    lineage(view, product).last().unwrap_or(product)
}
