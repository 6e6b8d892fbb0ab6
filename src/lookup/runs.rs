//! Candidates of one known product, best first: its own relations and those it inherits.
//!
//! A run is all relations of one type of one product, as the catalog has them or patched by
//! overrides. A variant has its own runs and, of each ancestor, what it and nearer ancestors do not
//! name themselves. Runs are merged by weighted score, then by the order of the mix, then the nearer
//! product first.

use arrayvec::ArrayVec;
use zerocopy::little_endian::U32;

use super::{
    checks::Checks,
    patch::{Patched, PatchedRelation},
    plan::WEIGHT_ONE,
    variants::{LEVELS_MAX, lineage},
};
use crate::{
    index::{
        Ordinal, Relations,
        layout::{Edge, META_ORIGIN_SHIFT, META_SCORED, RareRecord},
    },
    model::{limits::RELATION_TYPES_PER_REQUEST_MAX, relation::Origin, score},
    policy::MixEntry,
};

/// Runs merged at most.
const RUNS_MAX: usize = RELATION_TYPES_PER_REQUEST_MAX * LEVELS_MAX;

/// One relation of a known product as it came out of the merge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'r> {
    pub(super) edge: Edge,
    pub(super) rare: Option<&'r RareRecord>,
    /// The product that has the relation: the known one or an ancestor of it.
    pub(super) source: Ordinal,
    /// Number of its type; 0 for best sellers.
    pub(super) relation_type: u8,
    /// Place of its type in the mix.
    pub(super) mix: u8,
    /// Its score by the weight of its type.
    pub(super) score: u16,
    /// Line of the override that takes it out.
    pub(super) removed_by: Option<u32>,
}

impl Candidate<'_> {
    /// The product that the relation leads to.
    #[inline]
    pub(super) fn linked(&self) -> Ordinal {
        Ordinal(self.edge.target.get())
    }

    /// Did the source of the relation give it a score?
    #[inline]
    pub(super) fn is_scored(&self) -> bool {
        self.edge.meta.get() & META_SCORED != 0
    }

    /// Units of the target that go with so many of the known product; 0 not said.
    #[inline]
    pub(super) fn quantity(&self, units: f64) -> f64 {
        self.rare.map_or(0.0, |rare| (rare.quantity.get() * units).min(f64::MAX))
    }

    /// When it ends.
    #[inline]
    pub(super) fn valid_to_s(&self) -> i64 {
        self.rare.map_or(i64::MAX, |rare| rare.valid_to_s.get())
    }
}

/// So many relations ahead of the one that is looked at, measured in `index/FORMAT.md`.
pub(super) const DISTANCE: usize = 12;
/// So many of each run in a first look at several known products.
pub(super) const FIRST_DISTANCE: usize = 4;

/// Whose candidates are asked for before they are looked at, and how far ahead; 0 for none.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'r> {
    pub(super) checks: &'r Checks<'r>,
    pub(super) distance: usize,
}

/// The runs of one known product, merged. Large: it is filled where it lies and never moved.
#[derive(Default)]
pub(super) struct Runs<'r> {
    cursors: ArrayVec<Cursor<'r>, RUNS_MAX>,
}

struct Cursor<'r> {
    rest: Rest<'r>,
    whole: Whole<'r>,
    source: Ordinal,
    relation_type: u8,
    level: u8,
    mix: u8,
    weight: u16,
    ahead: Ahead<'r>,
    /// Weighted score of the next relation; `None` at the end.
    head: Option<u16>,
}

/// What is left of a run.
enum Rest<'r> {
    Stored(Relations<'r>),
    Patched(&'r [PatchedRelation]),
    Popular { list: &'r [U32], rank: usize },
}

/// All relations of a run.
#[derive(Clone, Copy)]
enum Whole<'r> {
    Stored(&'r [Edge]),
    Patched(&'r [PatchedRelation]),
    Popular,
}

impl<'r> Runs<'r> {
    /// Opens the runs of a known product; `patched` stand for those of the catalog where there are
    /// any.
    pub(super) fn open(
        &mut self,
        product: Ordinal,
        mix: &[MixEntry],
        patched: &'r Patched,
        ahead: Ahead<'r>,
    ) {
        let view = &ahead.checks.view;
        self.cursors.clear();
        let is_patched = !patched.is_empty();
        for (level, source) in (0_u8..).zip(lineage(view, product)) {
            let block = view.block(source);
            for (place, entry) in (0_u8..).zip(mix) {
                let changed = if is_patched { patched.run(level, place) } else { None };
                let (whole, rest) = if let Some(relations) = changed {
                    (Whole::Patched(relations), Rest::Patched(relations))
                } else {
                    let run = block.run(entry.relation_type);
                    (Whole::Stored(run.edges()), Rest::Stored(run.relations()))
                };
                if rest.head().is_none() || self.cursors.is_full() {
                    continue;
                }
                let mut cursor = Cursor {
                    rest,
                    whole,
                    source,
                    relation_type: entry.relation_type.number(),
                    level,
                    mix: place,
                    weight: entry.weight,
                    ahead,
                    head: None,
                };
                cursor.begin();
                self.cursors.push(cursor);
            }
        }
        // Ties of score go to the type named first, then to the nearer product.
        self.cursors.sort_unstable_by_key(|cursor| (cursor.mix, cursor.level));
    }

    /// Opens a list of best sellers as the only run.
    pub(super) fn open_popular(&mut self, list: &'r [U32], ahead: Ahead<'r>) {
        self.cursors.clear();
        let mut cursor = Cursor {
            rest: Rest::Popular { list, rank: 0 },
            whole: Whole::Popular,
            source: Ordinal(crate::index::layout::NONE),
            relation_type: 0,
            level: 0,
            mix: u8::MAX,
            weight: WEIGHT_ONE,
            ahead,
            head: None,
        };
        cursor.begin();
        self.cursors.push(cursor);
    }

    /// Relations in all runs.
    pub(super) fn len(&self) -> usize {
        self.cursors.iter().fold(0, |len, cursor| len.saturating_add(cursor.rest.len()))
    }

    /// Can no target come twice?
    pub(super) fn is_distinct(&self) -> bool {
        self.cursors.len() <= 1
    }

    /// The run with the best next relation, the first of equals.
    fn best(&self) -> Option<usize> {
        let mut best = None;
        for (index, cursor) in self.cursors.iter().enumerate() {
            if let Some(head) = cursor.head
                && best.is_none_or(|(_, score)| head > score)
            {
                best = Some((index, head));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Does a product nearer to the known one name this target by the same type?
    fn is_inherited_over(&self, mix: u8, level: u8, target: u32) -> bool {
        level > 0
            && self.cursors.iter().any(|nearer| {
                nearer.mix == mix && nearer.level < level && nearer.whole.names(target)
            })
    }
}

impl<'r> Iterator for Runs<'r> {
    type Item = Candidate<'r>;

    #[inline]
    fn next(&mut self) -> Option<Candidate<'r>> {
        // Inside one run no product stands twice, and nothing is nearer.
        if let [cursor] = self.cursors.as_mut_slice() {
            return cursor.next();
        }
        loop {
            let best = self.best()?;
            let cursor = self.cursors.get_mut(best)?;
            let (mix, level) = (cursor.mix, cursor.level);
            let candidate = cursor.next()?;
            if !self.is_inherited_over(mix, level, candidate.edge.target.get()) {
                return Some(candidate);
            }
        }
    }
}

impl<'r> Cursor<'r> {
    /// Asks for what its first candidates need, and looks at the first.
    fn begin(&mut self) {
        for place in 0..self.ahead.distance {
            let Some(target) = self.rest.target(place) else { break };
            self.ahead.checks.prefetch(target);
        }
        self.look_ahead();
    }

    /// Takes the next relation.
    #[inline]
    fn next(&mut self) -> Option<Candidate<'r>> {
        let score = self.head?;
        let Ahead { checks, distance } = self.ahead;
        if distance > 0
            && let Some(target) = self.rest.target(distance)
        {
            checks.prefetch(target);
        }
        let (edge, rare, removed_by) = match &mut self.rest {
            Rest::Stored(relations) => {
                let relation = relations.next()?;
                (*relation.edge, relation.rare, None)
            }
            Rest::Patched(relations) => {
                let (relation, rest) = relations.split_first()?;
                *relations = rest;
                (relation.edge, relation.rare.as_ref(), relation.removed_by)
            }
            Rest::Popular { list, rank } => {
                let (target, rest) = list.split_first()?;
                let score = score::of_rank(*rank);
                *list = rest;
                *rank = rank.saturating_add(1);
                (popular_edge(*target, score), None, None)
            }
        };
        self.look_ahead();
        let Self { source, relation_type, mix, .. } = *self;
        Some(Candidate { edge, rare, source, relation_type, mix, score, removed_by })
    }

    #[inline]
    fn look_ahead(&mut self) {
        self.head = self.rest.head().map(|score| weighted(score, self.weight));
    }
}

impl Rest<'_> {
    /// Score of the next relation.
    #[inline]
    fn head(&self) -> Option<u16> {
        match self {
            Self::Stored(relations) => relations.peek().map(|edge| edge.score.get()),
            Self::Patched(relations) => relations.first().map(|relation| relation.edge.score.get()),
            Self::Popular { list, rank } => list.first().map(|_| score::of_rank(*rank)),
        }
    }

    /// The target this many places behind the next one.
    #[inline]
    fn target(&self, places: usize) -> Option<u32> {
        match self {
            Self::Stored(relations) => relations.peek_behind(places).map(|edge| edge.target.get()),
            Self::Patched(all) => all.get(places).map(|relation| relation.edge.target.get()),
            Self::Popular { list, .. } => list.get(places).map(|target| target.get()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Stored(relations) => relations.count_left(),
            Self::Patched(relations) => relations.len(),
            Self::Popular { list, .. } => list.len(),
        }
    }
}

impl<'r> Whole<'r> {
    /// Is there a relation to this product?
    fn names(self, target: u32) -> bool {
        match self {
            Self::Stored(edges) => edges.iter().any(|edge| edge.target.get() == target),
            Self::Patched(all) => all.iter().any(|relation| relation.edge.target.get() == target),
            Self::Popular => false,
        }
    }
}

/// A score by the weight of its type, rounded down.
#[inline]
fn weighted(score: u16, weight: u16) -> u16 {
    if weight == WEIGHT_ONE {
        return score;
    }
    scaled(score, weight)
}

/// A score times so many thousandths, rounded down, at most the largest score.
#[inline]
pub(super) fn scaled(score: u16, thousandths: u16) -> u16 {
    let product = u32::from(score).saturating_mul(u32::from(thousandths));
    u16::try_from(product / 1_000).unwrap_or(u16::MAX)
}

fn popular_edge(target: U32, score: u16) -> Edge {
    let meta = (Origin::Popular as u16) << META_ORIGIN_SHIFT;
    Edge { target, score: score.into(), meta: meta.into() }
}
