//! What happened to every candidate, for people.
//!
//! The engine tells a [`Sink`] each decision. A lookup's sink is [`Untraced`], whose calls compile
//! to nothing; that of Explain is a [`Trace`]. Both run the same code, but for ordinary candidates
//! (`Checks::ordinary`), of which a lookup decides in a short way; `tests/reference` has each of its
//! lookups explained as well and holds the two against each other.

use std::collections::{HashMap, HashSet};

use super::{answer::Pick, relations::place_in_block, report::Reason, runs::Candidate};
use crate::{
    index::{
        Ordinal, View,
        layout::{Edge, RareRecord},
    },
    model::relation::RelationType,
};

/// Hears every decision.
pub(super) trait Sink {
    /// Is anybody listening? Then every candidate goes the long way, on which there is something to tell,
    /// and those are looked at, too, that a full list left out.
    const ON: bool;

    /// A candidate met its fate, or waits for the ranking.
    fn examined(&mut self, view: &View<'_>, seen: &Seen<'_>, fate: Fate);

    /// The ranking came to a product whose candidates waited.
    fn settled(&mut self, shown: Ordinal, score: u16, fate: Fate);

    /// A rule did what it does to a product.
    fn rule(&mut self, rule: u32, product: Ordinal);
}

/// A candidate as it was examined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'r> {
    /// The product that led here.
    pub(super) known: Option<Ordinal>,
    pub(super) linked: Ordinal,
    pub(super) shown: Ordinal,
    pub(super) origin: From<'r>,
    pub(super) seeds: u64,
    pub(super) fallback_step: u8,
}

/// Where a candidate came from.
#[derive(Clone, Copy, Debug)]
pub(super) enum From<'r> {
    Relation(&'r Candidate<'r>),
    Pin(PinnedBy),
}

/// Nobody listens.
pub(super) struct Untraced;

impl Sink for Untraced {
    const ON: bool = false;

    #[inline(always)]
    fn examined(&mut self, _: &View<'_>, _: &Seen<'_>, _: Fate) {}

    #[inline(always)]
    fn settled(&mut self, _: Ordinal, _: u16, _: Fate) {}

    #[inline(always)]
    fn rule(&mut self, _: u32, _: Ordinal) {}
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands in the answer at this rank, from 1.
    Returned(u32),
    /// Others were better.
    RankedTooLow,
    /// This removed it.
    Removed(Reason),
    /// The product that it would show stands in the list by another relation.
    Repeated,
    /// No relation of this lookup leads to it.
    NotRelated,
}

/// Who pinned a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinnedBy {
    /// The override of this line.
    Override(u32),
    /// The rule of this index in the policy.
    Rule(u32),
}

/// The relation of a traced candidate.
#[derive(Clone, Copy, Debug)]
pub struct TracedRelation {
    /// The product that has it: a known one or an ancestor of it. `None` for best sellers.
    pub source: Option<Ordinal>,
    /// Number of its type; 0 for best sellers.
    pub relation_type: u8,
    /// Target, score and marks, as overrides left them.
    pub edge: Edge,
    /// What few relations have.
    pub rare: Option<RareRecord>,
    /// Its place in the source's block, for provenance; `None` if the catalog has no such relation.
    pub index: Option<usize>,
}

/// One candidate and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct TracedCandidate {
    /// The product that led here: a seed's, or one that a fallback started from.
    pub known: Option<Ordinal>,
    /// The product that the relation names.
    pub linked: Ordinal,
    /// The product that stands for it.
    pub shown: Ordinal,
    /// The relation; `None` for pins and for products that nothing leads to.
    pub relation: Option<TracedRelation>,
    /// Who pinned it.
    pub pinned_by: Option<PinnedBy>,
    /// Bit per position of the query's seeds that led here.
    pub seeds: u64,
    /// Step of the fallback chain; 0 for none.
    pub fallback_step: u8,
    /// In 1/65535: by weight, sum and rules, as far as it came.
    pub score: u16,
    /// What became of it.
    pub fate: Fate,
}

impl TracedCandidate {
    /// A product that nothing is said to lead to.
    fn unrelated(product: Ordinal) -> Self {
        Self {
            known: None,
            linked: product,
            shown: product,
            relation: None,
            pinned_by: None,
            seeds: 0,
            fallback_step: 0,
            score: 0,
            fate: Fate::NotRelated,
        }
    }
}

/// All that is told of one lookup. Bounded: so many candidates, and those of traced products.
#[derive(Clone, Debug)]
pub struct Trace {
    candidates_max: usize,
    traced: Vec<Ordinal>,
    candidates: Vec<TracedCandidate>,
    /// Places of the candidates that wait for the ranking, by the product they show.
    waiting: HashMap<Ordinal, Vec<usize>>,
    rules: Vec<(u32, Ordinal)>,
}

/// Candidates told of one traced product: every way that leads to it, within reason.
const PER_TRACED_MAX: usize = 64;

impl Trace {
    /// Room for this many candidates; those of `traced` products are always told.
    #[must_use]
    pub fn new(candidates_max: usize, traced: Vec<Ordinal>) -> Self {
        Self {
            candidates_max,
            traced,
            candidates: Vec::new(),
            waiting: HashMap::new(),
            rules: Vec::new(),
        }
    }

    /// The candidates in the order of examination, then traced products that nothing led to.
    #[must_use]
    pub fn candidates(&self) -> &[TracedCandidate] {
        &self.candidates
    }

    /// Indexes of the rules that did something, each with a product it did it to.
    #[must_use]
    pub fn rules(&self) -> &[(u32, Ordinal)] {
        &self.rules
    }

    /// Forgets the lookup before, keeps the limits.
    pub(super) fn begin(&mut self) {
        self.candidates.clear();
        self.waiting.clear();
        self.rules.clear();
    }

    /// Gives ranks, once the list is final. What stands in it is told, whatever there was room for.
    pub(super) fn finish(&mut self, picks: &[Pick]) {
        let told = self.candidates.iter().map(|one| one.shown).collect::<HashSet<_>>();
        let untold = picks.iter().filter(|pick| !told.contains(&pick.product));
        let untold = untold.map(|pick| TracedCandidate {
            seeds: pick.seeds,
            fallback_step: pick.fallback_step,
            score: pick.score,
            fate: Fate::Returned(0),
            ..TracedCandidate::unrelated(pick.product)
        });
        self.candidates.extend(untold);
        for one in &mut self.candidates {
            if matches!(one.fate, Fate::RankedTooLow | Fate::Returned(_)) {
                let mut ranked = (1_u32..).zip(picks);
                let found = ranked.find(|(_, pick)| pick.product == one.shown);
                one.fate = found.map_or(Fate::RankedTooLow, |(rank, _)| Fate::Returned(rank));
            }
        }
        for product in std::mem::take(&mut self.traced) {
            let is_about = |one: &TracedCandidate| one.linked == product || one.shown == product;
            if !self.candidates.iter().any(is_about) {
                self.candidates.push(TracedCandidate::unrelated(product));
            }
            self.traced.push(product);
        }
    }

    /// Is there room for one more candidate of these products?
    fn has_room(&self, linked: Ordinal, shown: Ordinal) -> bool {
        if self.candidates.len() < self.candidates_max {
            return true;
        }
        let is_traced = self.traced.iter().any(|traced| *traced == linked || *traced == shown);
        let told = self.traced.len().saturating_mul(PER_TRACED_MAX);
        is_traced && self.candidates.len() < self.candidates_max.saturating_add(told)
    }
}

impl Sink for Trace {
    const ON: bool = true;

    fn examined(&mut self, view: &View<'_>, seen: &Seen<'_>, fate: Fate) {
        if !self.has_room(seen.linked, seen.shown) {
            return;
        }
        let (relation, pinned_by, score) = match seen.origin {
            From::Relation(candidate) => (Some(traced(view, candidate)), None, candidate.score),
            From::Pin(by) => (None, Some(by), u16::MAX),
        };
        if fate == Fate::RankedTooLow {
            self.waiting.entry(seen.shown).or_default().push(self.candidates.len());
        }
        self.candidates.push(TracedCandidate {
            known: seen.known,
            linked: seen.linked,
            shown: seen.shown,
            relation,
            pinned_by,
            seeds: seen.seeds,
            fallback_step: seen.fallback_step,
            score,
            fate,
        });
    }

    fn settled(&mut self, shown: Ordinal, score: u16, fate: Fate) {
        for place in self.waiting.remove(&shown).unwrap_or_default() {
            if let Some(one) = self.candidates.get_mut(place) {
                (one.score, one.fate) = (score, fate);
            }
        }
    }

    fn rule(&mut self, rule: u32, product: Ordinal) {
        if self.rules.len() < self.candidates_max && !self.rules.contains(&(rule, product)) {
            self.rules.push((rule, product));
        }
    }
}

fn traced(view: &View<'_>, candidate: &Candidate<'_>) -> TracedRelation {
    let relation_type = RelationType::new(candidate.relation_type);
    let index = relation_type
        .and_then(|one| place_in_block(view, candidate.source, one, candidate.linked()));
    TracedRelation {
        source: relation_type.map(|_| candidate.source),
        relation_type: candidate.relation_type,
        edge: candidate.edge,
        rare: candidate.rare.copied(),
        index,
    }
}
