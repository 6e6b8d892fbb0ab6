//! Answering: resolve seeds, walk candidates in rank order, filter, stop when full.

use std::cmp::Reverse;

use arrayvec::ArrayVec;

use super::{
    candidates::{Candidate, Runs, group_root},
    query::{Query, ScoreThreshold},
    scratch::Scratch,
};
use crate::{
    index::{
        Ordinal, View,
        layout::{FLAG_HIDDEN, META_SCORED},
    },
    model::{
        limits::{CANDIDATES_MAX, CANDIDATES_PER_SEED_MAX, SEEDS_MAX},
        relation::Availability,
    },
};

/// The answer to a query; it lives in the scratch it was computed in.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'s> {
    /// Best first.
    pub picks: &'s [Pick],
    /// Bit per position of the query's seeds: the catalog does not know it.
    pub missing: u64,
    /// Why the list is as long as it is.
    pub report: FillReport,
}

/// A recommended product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// The product.
    pub product: Ordinal,
    /// Number of the type of the relation that led here; with several seeds, of the one that
    /// weighs most.
    pub relation_type: u8,
    /// Number of that relation's origin.
    pub origin: u8,
    /// In 1/65535.
    pub score: u16,
    /// Units that go with the seed quantities asked for; 0 not said.
    pub quantity: f64,
    /// Bit per position of the query's seeds that led here.
    pub seeds: u64,
    /// The relation is not valid from this second since 1970 on; `i64::MAX` never ends.
    pub valid_to_s: i64,
}

/// Counts of candidates by the first reason that removed them, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillReport {
    /// Products examined in rank order up to the one that filled the list; with several seeds all.
    pub candidates: u32,
    /// Hidden or withdrawn.
    pub removed_hidden: u32,
    /// A seed, or in the variant group of one.
    pub removed_same_variant_group: u32,
    /// Excluded by the request.
    pub removed_excluded: u32,
    /// Below `min_score`.
    pub removed_below_score: u32,
    /// Results missing to `max_results`.
    pub shortfall: u32,
    /// Seeds beyond the limit.
    pub ignored_seeds: u32,
    /// Exclusions beyond the limit.
    pub ignored_exclusions: u32,
}

/// A seed that the catalog knows.
#[derive(Clone, Copy, Debug)]
struct KnownSeed {
    product: Ordinal,
    /// Bit per position in the query.
    positions: u64,
    quantity: f64,
}

/// Answers a query from one catalog.
///
/// With one known seed, candidates come in rank order until the list is full. With several, each
/// product reached gets a weighted sum of scores (`FORMAT.md`, Scores) and the best sums win, ties
/// by id. A seed named twice counts once, with its quantities added.
#[must_use]
pub fn answer<'s>(view: &View<'_>, query: &Query<'_>, scratch: &'s mut Scratch) -> Answer<'s> {
    let mut known = ArrayVec::<KnownSeed, SEEDS_MAX>::new();
    let missing = resolve(view, query, &mut known);
    scratch.excluded.clear();
    let excluded = query.exclude.iter().filter_map(|id| view.find(id));
    scratch.excluded.extend(excluded.map(|product| product.0));
    scratch.excluded.sort_unstable();
    scratch.picks.clear();

    let mut report = match known.as_slice() {
        [] => FillReport::default(),
        [seed] => from_one(view, query, seed, scratch),
        seeds => from_several(view, query, seeds, scratch),
    };
    report.shortfall = count(query.max_results.saturating_sub(scratch.picks.len()));
    report.ignored_seeds = query.ignored_seeds;
    report.ignored_exclusions = query.ignored_exclusions;
    Answer { picks: &scratch.picks, missing, report }
}

/// Fills in the known seeds; returns the positions of the others.
fn resolve(view: &View<'_>, query: &Query<'_>, known: &mut ArrayVec<KnownSeed, SEEDS_MAX>) -> u64 {
    let mut missing = 0;
    for (position, seed) in query.seeds.iter().enumerate() {
        let bit = 1_u64 << (position & 63);
        let Some(product) = view.find(seed.id) else {
            missing |= bit;
            continue;
        };
        if let Some(same) = known.iter_mut().find(|known| known.product == product) {
            same.positions |= bit;
            same.quantity = (same.quantity + seed.quantity).min(f64::MAX);
        } else {
            known.push(KnownSeed { product, positions: bit, quantity: seed.quantity });
        }
    }
    missing
}

fn from_one(
    view: &View<'_>,
    query: &Query<'_>,
    seed: &KnownSeed,
    scratch: &mut Scratch,
) -> FillReport {
    let Scratch { picks, seen, excluded, .. } = scratch;
    let mut runs = Runs::default();
    runs.open(view, seed.product, &query.types, query.max_results.saturating_mul(2));
    let roots = roots(view, std::slice::from_ref(seed));
    let mut filter = Filter { view, roots: &roots, excluded, report: FillReport::default() };
    for candidate in runs.candidates(seen).take(CANDIDATES_MAX) {
        let edge = candidate.relation.edge;
        let is_scored = edge.meta.get() & META_SCORED != 0;
        let min_score = query.min_score.filter(|_| is_scored);
        if filter.keeps(Ordinal(edge.target.get()), edge.score.get(), min_score) {
            picks.push(pick(&candidate, seed));
            if picks.len() == query.max_results {
                break;
            }
        }
    }
    filter.report
}

fn from_several(
    view: &View<'_>,
    query: &Query<'_>,
    seeds: &[KnownSeed],
    scratch: &mut Scratch,
) -> FillReport {
    let weight_total = sum(view, query, seeds, scratch);
    let Scratch { picks, excluded, sums, .. } = scratch;
    let roots = roots(view, seeds);
    let mut filter = Filter { view, roots: &roots, excluded, report: FillReport::default() };
    for sum in sums.iter() {
        let score = sum.weighted_score.checked_div(weight_total).unwrap_or(0);
        let score = u16::try_from(score).unwrap_or(u16::MAX);
        if filter.keeps(sum.pick.product, score, query.min_score) {
            picks.push(Pick { score, ..sum.pick });
        }
    }
    // Only the part that is shown is put in order.
    let rank = |pick: &Pick| (Reverse(pick.score), pick.product);
    if picks.len() > query.max_results {
        picks.select_nth_unstable_by_key(query.max_results, rank);
        picks.truncate(query.max_results);
    }
    picks.sort_unstable_by_key(rank);
    filter.report
}

/// What several seeds add to one product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    /// As in the answer but for the score.
    pick: Pick,
    weighted_score: u32,
    /// The largest part of it: that of the relation shown.
    weighted_score_max: u32,
}

/// Fills in the sums of all products that the seeds reach; returns the weight of all seeds.
fn sum(view: &View<'_>, query: &Query<'_>, seeds: &[KnownSeed], scratch: &mut Scratch) -> u32 {
    let Scratch { seen, sums, places, .. } = scratch;
    let mut runs = Runs::default();
    // A first look at each seed finds the size, and has the second find its blocks in the cache.
    let sizes = seeds.iter().map(|seed| {
        runs.open(view, seed.product, &query.types, 0);
        runs.len().min(CANDIDATES_PER_SEED_MAX)
    });
    places.begin(sizes.fold(0, usize::saturating_add));
    sums.clear();
    let mut weight_total = 0_u32;
    for seed in seeds {
        let weight = weight(seed.quantity);
        weight_total = weight_total.saturating_add(weight);
        runs.open(view, seed.product, &query.types, CANDIDATES_PER_SEED_MAX);
        for candidate in runs.candidates(seen).take(CANDIDATES_PER_SEED_MAX) {
            let pick = pick(&candidate, seed);
            let weighted_score = u32::from(pick.score).saturating_mul(weight);
            let place = places.find_or_put(pick.product.0, count(sums.len()));
            match place.and_then(|place| sums.get_mut(place as usize)) {
                Some(sum) => sum.add(&pick, weighted_score),
                None => {
                    sums.push(Sum { pick, weighted_score, weighted_score_max: weighted_score });
                }
            }
        }
    }
    weight_total
}

impl Sum {
    /// Adds what a later seed says of the product.
    fn add(&mut self, pick: &Pick, weighted_score: u32) {
        self.weighted_score = self.weighted_score.saturating_add(weighted_score);
        self.pick.quantity = (self.pick.quantity + pick.quantity).min(f64::MAX);
        self.pick.seeds |= pick.seeds;
        self.pick.valid_to_s = self.pick.valid_to_s.min(pick.valid_to_s);
        if weighted_score > self.weighted_score_max {
            self.weighted_score_max = weighted_score;
            self.pick.relation_type = pick.relation_type;
            self.pick.origin = pick.origin;
        }
    }
}

/// The weight of a seed: its quantity rounded, at least 1 and at most 4, so that a dozen batteries
/// do not drown one camera.
fn weight(quantity: f64) -> u32 {
    [1.5, 2.5, 3.5]
        .iter()
        .fold(1, |weight, step| weight.saturating_add(u32::from(quantity >= *step)))
}

fn pick(candidate: &Candidate<'_>, seed: &KnownSeed) -> Pick {
    let (edge, rare) = (candidate.relation.edge, candidate.relation.rare);
    Pick {
        product: Ordinal(edge.target.get()),
        relation_type: candidate.relation_type.number(),
        origin: edge.origin_number(),
        score: edge.score.get(),
        quantity: rare.map_or(0.0, |rare| (rare.quantity.get() * seed.quantity).min(f64::MAX)),
        seeds: seed.positions,
        valid_to_s: rare.map_or(i64::MAX, |rare| rare.valid_to_s.get()),
    }
}

/// Decides about candidates and counts why they were removed.
struct Filter<'a> {
    view: &'a View<'a>,
    /// Tops of the seeds' variant groups, sorted.
    roots: &'a [Ordinal],
    /// Sorted.
    excluded: &'a [u32],
    report: FillReport,
}

impl Filter<'_> {
    /// Does the candidate stay? `min_score` is `None` where it does not apply.
    #[inline]
    fn keeps(&mut self, product: Ordinal, score: u16, min_score: Option<ScoreThreshold>) -> bool {
        let report = &mut self.report;
        report.candidates = report.candidates.saturating_add(1);
        let visible = self.view.product(product).filter(|record| {
            record.flags & FLAG_HIDDEN == 0
                && record.availability != Availability::Discontinued as u8
        });
        let reason = if let Some(record) = visible {
            if self.roots.binary_search(&group_root(self.view, product, record)).is_ok() {
                &mut report.removed_same_variant_group
            } else if self.excluded.binary_search(&product.0).is_ok() {
                &mut report.removed_excluded
            } else if min_score.is_some_and(|min| score < min.0) {
                &mut report.removed_below_score
            } else {
                return true;
            }
        } else {
            &mut report.removed_hidden
        };
        *reason = reason.saturating_add(1);
        false
    }
}

/// The tops of the seeds' variant groups, sorted.
fn roots(view: &View<'_>, seeds: &[KnownSeed]) -> ArrayVec<Ordinal, SEEDS_MAX> {
    let known = seeds.iter().filter_map(|seed| {
        let record = view.product(seed.product)?;
        Some(group_root(view, seed.product, record))
    });
    let mut roots = known.collect::<ArrayVec<_, SEEDS_MAX>>();
    roots.sort_unstable();
    roots
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
