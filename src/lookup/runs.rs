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
    #[inline(always)]
    pub(super) fn linked(&self) -> Ordinal {
        Ordinal(self.edge.target.get())
    }

    /// Did the source of the relation give it a score?
    #[inline]
    pub(super) fn is_scored(&self) -> bool {
        self.edge.meta.get() & META_SCORED != 0
    }

    /// Units of the target that go with so many of the known product; 0 not said.
    #[inline(always)]
    pub(super) fn quantity(&self, units: f64) -> f64 {
        self.rare.map_or(0.0, |rare| (rare.quantity.get() * units).min(f64::MAX))
    }

    /// When it ends.
    #[inline(always)]
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
    /// By cursor: one more than the weighted score of the next relation, 0 at the end. They stand
    /// together, since the best of them is looked for again and again.
    heads: ArrayVec<u32, RUNS_MAX>,
    ahead: Option<Ahead<'r>>,
}

struct Cursor<'r> {
    /// What is left of a run of the catalog; nothing if the run is another one.
    stored: Relations<'r>,
    other: Option<Other<'r>>,
    whole: Whole<'r>,
    source: Ordinal,
    relation_type: u8,
    level: u8,
    mix: u8,
    weight: u16,
}

/// What is left of a run that the catalog does not have like this.
enum Other<'r> {
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
                let (whole, stored, other) = if let Some(relations) = changed {
                    let other = Some(Other::Patched(relations));
                    (Whole::Patched(relations), Relations::NONE, other)
                } else {
                    let run = block.run(entry.relation_type);
                    (Whole::Stored(run.edges()), run.relations(), None)
                };
                let cursor = Cursor {
                    stored,
                    other,
                    whole,
                    source,
                    relation_type: entry.relation_type.number(),
                    level,
                    mix: place,
                    weight: entry.weight,
                };
                if cursor.len() > 0 && !self.cursors.is_full() {
                    self.cursors.push(cursor);
                }
            }
        }
        if self.cursors.iter().any(|cursor| cursor.level > 0) {
            // Ties of score go to the type named first, then to the nearer product.
            self.cursors.sort_unstable_by_key(|cursor| (cursor.mix, cursor.level));
        }
        self.begin(ahead);
    }

    /// Opens a list of best sellers as the only run.
    pub(super) fn open_popular(&mut self, list: &'r [U32], ahead: Ahead<'r>) {
        self.cursors.clear();
        self.cursors.push(Cursor {
            stored: Relations::NONE,
            other: Some(Other::Popular { list, rank: 0 }),
            whole: Whole::Popular,
            source: Ordinal(crate::index::layout::NONE),
            relation_type: 0,
            level: 0,
            mix: u8::MAX,
            weight: WEIGHT_ONE,
        });
        self.begin(ahead);
    }

    /// Asks for what the first candidates need, and looks at the first of each run.
    fn begin(&mut self, ahead: Ahead<'r>) {
        let Ahead { checks, distance } = ahead;
        // In turns, as the merge will come to them.
        for place in 0..distance {
            let mut is_end = true;
            for cursor in &self.cursors {
                if let Some(target) = cursor.target(place) {
                    checks.prefetch(target);
                    is_end = false;
                }
            }
            if is_end {
                break;
            }
        }
        self.heads = self.cursors.iter().map(Cursor::head).collect();
        self.ahead = (distance > 0).then_some(ahead);
    }

    /// Relations in all runs.
    pub(super) fn len(&self) -> usize {
        self.cursors.iter().fold(0, |len, cursor| len.saturating_add(cursor.len()))
    }

    /// Are all of them the known product's own, as the catalog has them?
    pub(super) fn are_own(&self) -> bool {
        self.cursors.iter().all(|cursor| cursor.other.is_none() && cursor.level == 0)
    }

    /// The run with the best next relation, the first of equals, and its head. Without a branch for each
    /// head, since nothing foretells which one is the best.
    #[inline(always)]
    fn best(&self) -> Option<(usize, u32)> {
        let (place, head) = match self.heads.as_slice() {
            [only] => (0, *only),
            [one, two] => (usize::from(two > one), *one.max(two)),
            heads => heads.iter().enumerate().fold((0, 0), |best, (place, head)| {
                if *head > best.1 { (place, *head) } else { best }
            }),
        };
        (head > 0).then_some((place, head))
    }

    /// Does a product nearer to the known one name this target by the same type?
    fn is_inherited_over(&self, mix: u8, level: u8, target: u32) -> bool {
        self.cursors
            .iter()
            .any(|nearer| nearer.mix == mix && nearer.level < level && nearer.whole.names(target))
    }
}

impl<'r> Iterator for Runs<'r> {
    type Item = Candidate<'r>;

    fn next(&mut self) -> Option<Candidate<'r>> {
        self.next_of::<false>()
    }
}

impl<'r> Runs<'r> {
    /// As `next`, for the loop that most lookups spend their time in: so for any runs, or only for
    /// those that [are own](Self::are_own).
    #[inline(always)]
    pub(super) fn next_of<const OWN: bool>(&mut self) -> Option<Candidate<'r>> {
        loop {
            let (place, head) = self.best()?;
            let ahead = self.ahead;
            let cursor = self.cursors.get_mut(place)?;
            let candidate = if OWN || cursor.other.is_none() {
                cursor.next_stored(head, ahead)?
            } else {
                cursor.next_other(head, ahead)?
            };
            let next = if OWN { cursor.stored_head() } else { cursor.head() };
            let (mix, level) = (cursor.mix, cursor.level);
            *self.heads.get_mut(place)? = next;
            // Nothing is nearer than the known product itself.
            if OWN || level == 0 || !self.is_inherited_over(mix, level, candidate.edge.target.get())
            {
                return Some(candidate);
            }
        }
    }
}

impl<'r> Cursor<'r> {
    /// Takes the next relation of the catalog, of which the head is known.
    #[inline(always)]
    fn next_stored(&mut self, head: u32, ahead: Option<Ahead<'_>>) -> Option<Candidate<'r>> {
        if let Some(Ahead { checks, distance }) = ahead
            && let Some(edge) = self.stored.peek_behind(distance)
        {
            checks.prefetch(edge.target.get());
        }
        let relation = self.stored.next()?;
        Some(self.candidate(head, *relation.edge, relation.rare, None))
    }

    #[inline(never)]
    fn next_other(&mut self, head: u32, ahead: Option<Ahead<'_>>) -> Option<Candidate<'r>> {
        if let Some(Ahead { checks, distance }) = ahead
            && let Some(target) = self.target(distance)
        {
            checks.prefetch(target);
        }
        let (edge, rare, removed_by) = self.other.as_mut()?.next()?;
        Some(self.candidate(head, edge, rare, removed_by))
    }

    #[inline(always)]
    fn candidate(
        &self,
        head: u32,
        edge: Edge,
        rare: Option<&'r RareRecord>,
        removed_by: Option<u32>,
    ) -> Candidate<'r> {
        let Self { source, relation_type, mix, .. } = *self;
        // A head is at most one more than a score.
        let score = u16::try_from(head.wrapping_sub(1)).unwrap_or(u16::MAX);
        Candidate { edge, rare, source, relation_type, mix, score, removed_by }
    }

    /// One more than the weighted score of the next relation; 0 at the end.
    #[inline]
    fn head(&self) -> u32 {
        match &self.other {
            None => self.stored_head(),
            Some(other) => other.score().map_or(0, |score| head(score, self.weight)),
        }
    }

    #[inline(always)]
    fn stored_head(&self) -> u32 {
        self.stored.peek().map_or(0, |edge| head(edge.score.get(), self.weight))
    }

    /// The target this many places behind the next one.
    #[inline]
    fn target(&self, places: usize) -> Option<u32> {
        match &self.other {
            None => self.stored.peek_behind(places).map(|edge| edge.target.get()),
            Some(other) => other.target(places),
        }
    }

    fn len(&self) -> usize {
        match &self.other {
            None => self.stored.count_left(),
            Some(Other::Patched(relations)) => relations.len(),
            Some(Other::Popular { list, .. }) => list.len(),
        }
    }
}

impl<'r> Other<'r> {
    fn next(&mut self) -> Option<(Edge, Option<&'r RareRecord>, Option<u32>)> {
        match self {
            Self::Patched(relations) => {
                let (relation, rest) = relations.split_first()?;
                *relations = rest;
                Some((relation.edge, relation.rare.as_ref(), relation.removed_by))
            }
            Self::Popular { list, rank } => {
                let (target, rest) = list.split_first()?;
                let score = score::of_rank(*rank);
                *list = rest;
                *rank = rank.saturating_add(1);
                Some((popular_edge(*target, score), None, None))
            }
        }
    }

    fn score(&self) -> Option<u16> {
        match self {
            Self::Patched(relations) => relations.first().map(|relation| relation.edge.score.get()),
            Self::Popular { list, rank } => list.first().map(|_| score::of_rank(*rank)),
        }
    }

    #[inline]
    fn target(&self, places: usize) -> Option<u32> {
        match self {
            Self::Patched(all) => all.get(places).map(|relation| relation.edge.target.get()),
            Self::Popular { list, .. } => list.get(places).map(|target| target.get()),
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

/// One more than a score by the weight of its type, rounded down.
#[inline(always)]
fn head(score: u16, weight: u16) -> u32 {
    let weighted = if weight == WEIGHT_ONE { score } else { scaled(score, weight) };
    u32::from(weighted).wrapping_add(1)
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
