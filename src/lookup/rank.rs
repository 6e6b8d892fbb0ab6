//! Several known products: what each adds to a product, and the best sums first.

use super::{
    answer::Pick,
    checks::Sight,
    patch::Patched,
    report::Reason,
    runs::{DISTANCE, FIRST_DISTANCE, Runs},
    seeds::Known,
    trace::{Fate, Sink},
    walk::{Lists, Walk, pick, seen},
};
use crate::{index::Ordinal, model::limits::CANDIDATES_PER_SEED_MAX};

/// What known products add to one product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    /// As in the answer but for the score.
    pub(super) pick: Pick,
    /// Target of the relation shown: the one that weighs most.
    pub(super) linked: Ordinal,
    /// Place of its type in the mix.
    pub(super) mix: u8,
    /// The known product that added last, by its place.
    last: u8,
    weighted_score: u32,
    /// The largest part of it: that of the relation shown.
    weighted_score_max: u32,
}

impl Sum {
    /// What one relation says alone.
    pub(super) fn single(pick: Pick, linked: Ordinal, mix: u8) -> Self {
        let weighted_score = u32::from(pick.score);
        Self { pick, linked, mix, last: 0, weighted_score, weighted_score_max: weighted_score }
    }

    /// Adds what a relation of another known product says.
    fn add(&mut self, other: &Self) {
        self.weighted_score = self.weighted_score.saturating_add(other.weighted_score);
        self.pick.quantity = (self.pick.quantity + other.pick.quantity).min(f64::MAX);
        self.pick.seeds |= other.pick.seeds;
        self.pick.valid_to_s = self.pick.valid_to_s.min(other.pick.valid_to_s);
        self.last = other.last;
        if other.weighted_score > self.weighted_score_max {
            self.weighted_score_max = other.weighted_score;
            self.pick.relation_type = other.pick.relation_type;
            self.pick.origin = other.pick.origin;
            self.linked = other.linked;
            self.mix = other.mix;
        }
    }
}

/// An order that is worked out only as far as it is asked for.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    /// Score (inverted), tie break and index; smallest first.
    keys: Vec<u64>,
    /// So many keys are in order.
    sorted: usize,
    next: usize,
    /// How many are put in order next.
    chunk: usize,
}

const INDEX_BITS: u32 = 16;
const TIE_BITS: u32 = 32;

impl Ranking {
    /// Ranks by score, larger first, then by tie break, then by index. There are fewer than 65,536.
    pub(super) fn begin(&mut self, scores: impl Iterator<Item = (u16, u32)>) {
        self.keys.clear();
        (self.sorted, self.next, self.chunk) = (0, 0, 32);
        let keyed = scores.zip(0_u16..).map(|((score, tie), index)| {
            u64::from(u16::MAX ^ score) << (INDEX_BITS + TIE_BITS)
                | u64::from(tie) << INDEX_BITS
                | u64::from(index)
        });
        self.keys.extend(keyed);
    }

    /// The index that comes next, and its score.
    pub(super) fn next(&mut self) -> Option<(usize, u16)> {
        if self.next >= self.sorted {
            let rest = self.keys.get_mut(self.sorted..)?;
            if rest.len() > self.chunk {
                rest.select_nth_unstable(self.chunk);
            }
            let count = rest.len().min(self.chunk);
            rest.get_mut(..count)?.sort_unstable();
            self.sorted = self.sorted.saturating_add(count);
            self.chunk = self.chunk.saturating_mul(2);
        }
        let key = self.keys.get(self.next)?;
        self.next = self.next.saturating_add(1);
        let index = usize::try_from(key & u64::from(u16::MAX)).ok()?;
        let score = u16::try_from(key >> (INDEX_BITS + TIE_BITS)).ok()?;
        Some((index, u16::MAX ^ score))
    }
}

impl<S: Sink> Walk<'_, '_, S> {
    /// Walks the lists of several known products and keeps the best sums.
    pub(super) fn several(&mut self, lists: Lists<'_>, known: &[Known]) {
        self.begin_sums(lists, known);
        let mut weight_total = 0_u32;
        for (place, one) in (0_u8..).zip(known) {
            weight_total = weight_total.saturating_add(one.weight());
            self.sum(lists, one, place);
        }
        self.keep_sums(weight_total.max(1));
    }

    /// A first look at each known product finds how many products there can be, and has the second
    /// look find its blocks and first candidates in the cache.
    fn begin_sums(&mut self, lists: Lists<'_>, known: &[Known]) {
        let unpatched = Patched::default();
        let mut runs = Runs::default();
        let mut products = 0_usize;
        for one in known {
            lists.open(&mut runs, self.checks, one, &unpatched, FIRST_DISTANCE);
            // What overrides add is not known yet.
            let len = if self.checks.has_overrides { CANDIDATES_PER_SEED_MAX } else { runs.len() };
            products = products.saturating_add(len.min(CANDIDATES_PER_SEED_MAX));
        }
        self.bench.sums.clear();
        self.bench.places.begin(products);
    }

    /// Adds what one known product says.
    fn sum(&mut self, lists: Lists<'_>, known: &Known, place: u8) {
        let mut patched = std::mem::take(&mut self.bench.patched);
        lists.prepare(&mut patched, self.checks, known, self.interval);
        self.add_all(lists, known, place, &patched);
        self.bench.patched = patched;
    }

    /// Adds the relations of one known product. Its runs end with this function, where they lie: to
    /// drop them by name would copy them first.
    fn add_all(&mut self, lists: Lists<'_>, known: &Known, place: u8, patched: &Patched) {
        let (checks, weight) = (self.checks, known.weight());
        let asked = checks.asked(known);
        let mut runs = Runs::default();
        lists.open(&mut runs, checks, known, patched, DISTANCE);
        for _ in 0..CANDIDATES_PER_SEED_MAX {
            let Some(candidate) = runs.next_of::<false>() else { break };
            let ordinary = if S::ON { None } else { checks.ordinary(&candidate, &asked) };
            let sight = match ordinary {
                Some((known, _)) => Some(Sight::as_linked(candidate.linked(), known)),
                None => checks.look(candidate.linked(), self.interval),
            };
            let Some(sight) = sight else {
                self.report.remove(Reason::Hidden);
                continue;
            };
            let told = seen(&candidate, &sight, &asked, self.step);
            let index = self.bench.places.place(sight.shown.0);
            let before = index.and_then(|index| self.bench.sums.get_mut(index as usize));
            let has_added = before.as_ref().is_some_and(|sum| sum.last == place);
            if has_added || self.list.has(sight.shown) {
                self.sink.examined(&checks.view, &told, Fate::Repeated);
                continue;
            }
            let reason = match ordinary {
                Some(known) => checks.against(&candidate.edge, known, &asked),
                None => checks.early(&sight, &candidate, &asked, self.interval),
            };
            if let Some(reason) = reason {
                self.report.remove(reason);
                self.sink.examined(&checks.view, &told, Fate::Removed(reason));
                continue;
            }
            self.sink.examined(&checks.view, &told, Fate::RankedTooLow);
            let pick = pick(&candidate, &sight, &asked, self.step);
            let weighted_score = u32::from(pick.score).saturating_mul(weight);
            let sum = Sum {
                last: place,
                weighted_score,
                weighted_score_max: weighted_score,
                ..Sum::single(pick, sight.linked, candidate.mix)
            };
            match before {
                Some(before) => before.add(&sum),
                None => {
                    let index = u32::try_from(self.bench.sums.len()).unwrap_or(u32::MAX);
                    self.bench.places.find_or_put(sight.shown.0, index);
                    self.bench.sums.push(sum);
                }
            }
        }
    }

    /// Keeps the best sums until the list is full.
    fn keep_sums(&mut self, weight_total: u32) {
        let mut sums = std::mem::take(&mut self.bench.sums);
        let mut ranking = std::mem::take(&mut self.bench.ranking);
        let by_rules = self.step == 0 && self.checks.rules.change_scores();
        for sum in &mut sums {
            let score = sum.weighted_score.checked_div(weight_total).unwrap_or(0);
            sum.pick.score = u16::try_from(score).unwrap_or(u16::MAX);
        }
        let (checks, sink) = (self.checks, &mut *self.sink);
        let mut score = |sum: &Sum| {
            if !by_rules {
                return sum.pick.score;
            }
            let products = (sum.pick.product, sum.linked);
            checks.rules.score(checks.scene, products, sum.pick.score, sink)
        };
        ranking.begin(sums.iter().map(|sum| (score(sum), sum.pick.product.0)));
        while !self.is_full() {
            let Some((index, score)) = ranking.next() else { break };
            let Some(sum) = sums.get(index) else { break };
            let least = self.plan.min_score().filter(|_| self.step == 0);
            let too_low = least.is_some_and(|least| sum.pick.score < least);
            let reason = too_low
                .then_some(Reason::Score)
                .or_else(|| checks.late(sum.pick.product, sum.linked));
            self.take(sum, score, reason);
        }
        (self.bench.sums, self.bench.ranking) = (sums, ranking);
    }
}
