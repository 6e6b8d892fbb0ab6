//! From candidates to kept products: one known product in rank order, several by sums, and both by
//! rules that change scores.

use super::{
    answer::Pick,
    checks::{Asked, Checks, Sight},
    interval::Interval,
    list::{List, Quota},
    patch::Patched,
    places::Places,
    plan::Plan,
    rank::{Ranking, Sum},
    report::{FillReport, Reason},
    runs::{Ahead, Candidate, DISTANCE, Runs},
    seeds::Known,
    trace::{Fate, From, Seen, Sink},
};
use crate::{
    index::layout::{NONE, ProductRecord},
    model::limits::CANDIDATES_MAX,
    policy::MixEntry,
};

/// Everything that a walk over candidates reads and writes.
pub(super) struct Walk<'w, 'c, S> {
    pub(super) checks: &'w Checks<'c>,
    pub(super) plan: &'w Plan<'c>,
    pub(super) list: &'w mut List,
    pub(super) report: &'w mut FillReport,
    pub(super) interval: &'w mut Interval,
    pub(super) bench: &'w mut Bench,
    pub(super) sink: &'w mut S,
    /// Step of the fallback chain; 0 for the lookup's own.
    pub(super) step: u8,
}

/// Working memory of walks.
#[derive(Debug, Default)]
pub(super) struct Bench {
    pub(super) patched: Patched,
    pub(super) sums: Vec<Sum>,
    /// Where in `sums` a product stands.
    pub(super) places: Places,
    pub(super) ranking: Ranking,
}

/// Which lists of a known product are walked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lists<'l> {
    /// Its relations of these types.
    Mix(&'l [MixEntry]),
    /// The best sellers of its primary category.
    CategoryPopular,
}

impl Lists<'_> {
    /// Opens the lists of a known product. `patched` was prepared for it.
    pub(super) fn open<'r>(
        self,
        runs: &mut Runs<'r>,
        checks: &'r Checks<'r>,
        known: &Known,
        patched: &'r Patched,
        distance: usize,
    ) {
        let ahead = Ahead { checks, distance };
        match self {
            Self::Mix(mix) => runs.open(known.product, mix, patched, ahead),
            Self::CategoryPopular => {
                let attributes = checks.view.attributes(known.product);
                let category = attributes.map_or(NONE, |attributes| attributes.category.get());
                let list = if category == NONE { &[] } else { checks.view.popular(Some(category)) };
                runs.open_popular(list, ahead);
            }
        }
    }

    /// Patches what overrides change of these lists.
    pub(super) fn prepare(
        self,
        patched: &mut Patched,
        checks: &Checks<'_>,
        known: &Known,
        interval: &mut Interval,
    ) {
        let overrides = checks.scene.policy.overrides();
        let mix = if let Self::Mix(mix) = self { mix } else { &[] };
        if checks.has_overrides {
            let when = (overrides, checks.context);
            patched.prepare(&checks.view, when, known.product, mix, interval);
        } else {
            patched.clear();
        }
    }
}

impl<'c, S: Sink> Walk<'_, 'c, S> {
    /// Is the list as long as this walk makes it?
    pub(super) fn is_full(&self) -> bool {
        self.list.picks.len() >= self.room()
    }

    /// Kept products, pins aside, at which this walk ends.
    fn room(&self) -> usize {
        if self.step == 0 {
            self.plan.pool()
        } else {
            self.plan.max_results().saturating_sub(self.list.pins.len())
        }
    }

    /// Walks the lists of one known product.
    pub(super) fn one(&mut self, lists: Lists<'_>, known: &Known) {
        let checks = self.checks;
        let asked = checks.asked(known);
        // Taken out for the walk: the runs borrow it, and the walk borrows the rest.
        let mut patched = std::mem::take(&mut self.bench.patched);
        lists.prepare(&mut patched, checks, known, self.interval);
        {
            // Ends with this block, where it lies: to drop it by name would copy it first.
            let mut runs = Runs::default();
            lists.open(&mut runs, checks, known, &patched, DISTANCE);
            self.walk(&mut runs, &asked);
        }
        self.bench.patched = patched;
    }

    /// Walks a list of best sellers that nobody's product leads to.
    pub(super) fn popular(&mut self, category: Option<u32>) {
        let checks = self.checks;
        let list = checks.view.popular(category);
        let mut runs = Runs::default();
        runs.open_popular(list, Ahead { checks, distance: DISTANCE });
        self.walk(&mut runs, &checks.asked_by_nobody(None));
    }

    fn walk(&mut self, runs: &mut Runs<'_>, asked: &Asked<'c>) {
        if self.step == 0 && self.checks.rules.change_scores() {
            self.by_rules(runs, asked);
        } else if runs.are_own() {
            self.in_order::<true>(runs, asked);
        } else {
            self.in_order::<false>(runs, asked);
        }
    }

    /// Keeps candidates as they come until the list is full.
    ///
    /// Most lookups spend most of their instructions in this loop. What it calls for each candidate is
    /// `inline(always)`: a call takes as long as what is decided in it, and left to itself the compiler
    /// calls (measured: 380 instructions a candidate instead of 220).
    fn in_order<const OWN: bool>(&mut self, runs: &mut Runs<'_>, asked: &Asked<'c>) {
        let (mut left, room) = (CANDIDATES_MAX, self.room());
        // What does not change is asked once. The most usual lookups ask for nothing beside stage and stock.
        let is_simple = self.checks.is_simple() && self.plan.min_score().is_none();
        let has_bounds = self.list.has_bounds() || self.plan.has_quotas();
        while left > 0 && self.list.picks.len() < room {
            let Some(candidate) = runs.next_of::<OWN>() else { break };
            left = left.saturating_sub(1);
            let Some((known, state)) = self.ordinary(&candidate, asked) else {
                // By value, so that the loop keeps its own in registers.
                self.offer(candidate, asked);
                continue;
            };
            let product = candidate.linked();
            if self.list.has(product) {
                continue;
            }
            let reason = if is_simple {
                self.checks.against_simple(&candidate.edge, state)
            } else {
                self.all_against(candidate, (known, state), asked)
            };
            if let Some(reason) = reason {
                self.report.remove(reason);
                continue;
            }
            let (mut kinds, mut quota) = (None, None);
            if has_bounds {
                kinds = self.list.kinds(&self.checks.view, product, known);
                quota = self.quota(candidate.mix);
                if let Some(bound) = self.list.refuses(kinds.as_ref(), quota) {
                    self.report.remove(Reason::Diversity(bound));
                    continue;
                }
            }
            self.report.keep(self.step);
            let sight = Sight::as_linked(product, known);
            self.list.keep(pick(&candidate, &sight, asked, self.step), kinds, quota);
        }
        if S::ON {
            runs.take(left).for_each(|candidate| self.leave_out(&candidate, asked));
        }
    }

    /// Examines all candidates, then keeps the best by the score that rules give them.
    fn by_rules(&mut self, runs: &mut Runs<'_>, asked: &Asked<'c>) {
        self.bench.sums.clear();
        for candidate in runs.take(CANDIDATES_MAX) {
            let Some(sight) = self.pass(&candidate, asked) else { continue };
            let products = (sight.shown, sight.linked);
            let rules = self.checks.rules;
            let score = rules.score(self.checks.scene, products, candidate.score, self.sink);
            let told = seen(&candidate, &sight, asked, self.step);
            self.sink.examined(&self.checks.view, &told, Fate::RankedTooLow);
            let pick = Pick { score, ..pick(&candidate, &sight, asked, self.step) };
            self.bench.sums.push(Sum::single(pick, sight.linked, candidate.mix));
        }
        let sums = std::mem::take(&mut self.bench.sums);
        let mut ranking = std::mem::take(&mut self.bench.ranking);
        ranking.begin(sums.iter().map(|sum| (sum.pick.score, 0)));
        while !self.is_full() {
            let Some((index, score)) = ranking.next() else { break };
            let Some(sum) = sums.get(index) else { break };
            // Another relation of the product may have come first.
            if !self.list.has(sum.pick.product) {
                self.take(sum, score, None);
            }
        }
        (self.bench.sums, self.bench.ranking) = (sums, ranking);
    }

    /// The record and the state of an ordinary candidate's product, if nobody traces.
    #[inline(always)]
    fn ordinary(
        &self,
        candidate: &Candidate<'_>,
        asked: &Asked<'c>,
    ) -> Option<(&'c ProductRecord, u8)> {
        if S::ON { None } else { self.checks.ordinary(candidate, asked) }
    }

    /// The reasons from market to on page for an ordinary candidate.
    #[inline(never)]
    fn all_against(
        &self,
        candidate: Candidate<'_>,
        known: (&'c ProductRecord, u8),
        asked: &Asked<'c>,
    ) -> Option<Reason> {
        let product = candidate.linked();
        self.checks
            .against(&candidate.edge, known, asked)
            .or_else(|| self.is_below_score(&candidate).then_some(Reason::Score))
            .or_else(|| self.checks.late(product, product))
    }

    /// Keeps a candidate, or counts and tells why not.
    #[inline(never)]
    fn offer(&mut self, candidate: Candidate<'_>, asked: &Asked<'c>) {
        if let Some(sight) = self.examine(&candidate, asked) {
            let kinds = self.list.kinds(&self.checks.view, sight.shown, sight.known);
            let quota = self.quota(candidate.mix);
            let reason = self.list.refuses(kinds.as_ref(), quota).map(Reason::Diversity);
            self.end(&seen(&candidate, &sight, asked, self.step), reason);
            if reason.is_none() {
                self.list.keep(pick(&candidate, &sight, asked, self.step), kinds, quota);
            }
        }
    }

    /// The products of a candidate of one known product, if no reason from blocked to on page removes it.
    #[inline]
    fn pass(&mut self, candidate: &Candidate<'_>, asked: &Asked<'c>) -> Option<Sight<'c>> {
        let Some(known) = self.ordinary(candidate, asked) else {
            return self.examine(candidate, asked);
        };
        let product = candidate.linked();
        if self.list.has(product) {
            return None;
        }
        if let Some(reason) = self.all_against(*candidate, known, asked) {
            self.report.remove(reason);
            return None;
        }
        Some(Sight::as_linked(product, known.0))
    }

    /// The same for any candidate, and for whoever traces.
    #[inline(never)]
    fn examine(&mut self, candidate: &Candidate<'_>, asked: &Asked<'c>) -> Option<Sight<'c>> {
        let checks = self.checks;
        let Some(sight) = checks.look(candidate.linked(), self.interval) else {
            self.report.remove(Reason::Hidden);
            return None;
        };
        if self.list.has(sight.shown) {
            let told = seen(candidate, &sight, asked, self.step);
            self.sink.examined(&checks.view, &told, Fate::Repeated);
            return None;
        }
        let reason = checks
            .early(&sight, candidate, asked, self.interval)
            .or_else(|| self.is_below_score(candidate).then_some(Reason::Score))
            .or_else(|| checks.late(sight.shown, sight.linked));
        let Some(reason) = reason else { return Some(sight) };
        self.end(&seen(candidate, &sight, asked, self.step), Some(reason));
        None
    }

    #[inline(always)]
    fn is_below_score(&self, candidate: &Candidate<'_>) -> bool {
        let least = self.plan.min_score().filter(|_| self.step == 0 && candidate.is_scored());
        least.is_some_and(|least| candidate.score < least)
    }

    /// Counts and tells the end of a candidate: removed, or kept without a reason.
    #[inline]
    pub(super) fn end(&mut self, told: &Seen<'_>, reason: Option<Reason>) {
        let fate = match reason {
            Some(reason) => {
                self.report.remove(reason);
                if let Reason::Rule(rule) = reason {
                    self.sink.rule(rule, told.shown);
                }
                Fate::Removed(reason)
            }
            None => {
                self.report.keep(self.step);
                Fate::Returned(0)
            }
        };
        self.sink.examined(&self.checks.view, told, fate);
    }

    /// Tells of a candidate that came after the list was full. What it meets counts for nothing.
    fn leave_out(&mut self, candidate: &Candidate<'_>, asked: &Asked<'c>) {
        if let Some(sight) = self.checks.look(candidate.linked(), &mut Interval::UNBOUNDED.clone())
        {
            let is_shown = self.list.has(sight.shown);
            let fate = if is_shown { Fate::Repeated } else { Fate::RankedTooLow };
            let told = seen(candidate, &sight, asked, self.step);
            self.sink.examined(&self.checks.view, &told, fate);
        }
    }

    /// Diversity, and if it holds the end of the way into the list.
    pub(super) fn take(&mut self, sum: &Sum, score: u16, earlier: Option<Reason>) {
        let product = sum.pick.product;
        let Some(known) = self.checks.view.product(product) else { return };
        let kinds = self.list.kinds(&self.checks.view, product, known);
        let quota = self.quota(sum.mix);
        let refused = || self.list.refuses(kinds.as_ref(), quota).map(Reason::Diversity);
        let reason = earlier.or_else(refused);
        match reason {
            Some(reason) => {
                self.report.remove(reason);
                if let Reason::Rule(rule) = reason {
                    self.sink.rule(rule, product);
                }
                self.sink.settled(product, score, Fate::Removed(reason));
            }
            None => {
                self.report.keep(self.step);
                self.sink.settled(product, score, Fate::Returned(0));
                self.list.keep(Pick { score, ..sum.pick }, kinds, quota);
            }
        }
    }

    /// The entry of the mix that a product counts for, if it takes no more than so many; none in
    /// fallbacks.
    #[inline(always)]
    fn quota(&self, mix: u8) -> Option<Quota> {
        let most = self.plan.mix().get(usize::from(mix))?.max_results?;
        (self.step == 0).then_some(Quota { mix, most })
    }
}

/// What an answer shows of a candidate.
#[inline(always)]
pub(super) fn pick(
    candidate: &Candidate<'_>,
    sight: &Sight<'_>,
    asked: &Asked<'_>,
    fallback_step: u8,
) -> Pick {
    let (seeds, units) = asked.known.map_or((0, 1.0), |known| (known.positions, known.quantity));
    Pick {
        product: sight.shown,
        relation_type: candidate.relation_type,
        origin: candidate.edge.origin_number(),
        score: candidate.score,
        quantity: candidate.quantity(units),
        seeds,
        valid_to_s: candidate.valid_to_s(),
        fallback_step,
    }
}

/// A candidate for the trace.
#[inline]
pub(super) fn seen<'r>(
    candidate: &'r Candidate<'r>,
    sight: &Sight<'_>,
    asked: &Asked<'_>,
    fallback_step: u8,
) -> Seen<'r> {
    Seen {
        known: asked.known.map(|known| known.product),
        linked: sight.linked,
        shown: sight.shown,
        origin: From::Relation(candidate),
        seeds: asked.known.map_or(0, |known| known.positions),
        fallback_step,
    }
}
