//! What is tried, step after step, while the list is short.

use super::{
    patch::only,
    runs::Runs,
    seeds::{Known, join_derived},
    trace::Sink,
    variants::{Leaves, group_root},
    walk::{Lists, Walk},
};
use crate::model::{
    limits::{CANDIDATES_MAX, FALLBACK_STEPS_MAX, SIBLINGS_MAX},
    relation::RelationType,
    selection::FallbackStep,
};

/// Alternatives of one known product that a fallback starts from.
const ALTERNATIVES_MAX: usize = 10;

impl<S: Sink> Walk<'_, '_, S> {
    /// Walks the chain of fallbacks until the list is full.
    pub(super) fn fallbacks(&mut self, known: &[Known], derived: &mut Vec<Known>) {
        let steps = self.plan.fallback().iter().take(FALLBACK_STEPS_MAX);
        for (step, what) in (1_u8..).zip(steps) {
            self.step = step;
            if self.is_full() {
                return;
            }
            match what {
                // Without this, overrides of every type would be met for nothing.
                FallbackStep::RelationType(relation_type) => {
                    if self.checks.view.declares(*relation_type) {
                        self.from(Lists::Mix(&only(*relation_type)), known);
                    }
                }
                FallbackStep::CategoryPopular => self.from(Lists::CategoryPopular, known),
                FallbackStep::ViaAlternatives => {
                    derived.clear();
                    known.iter().for_each(|one| self.alternatives(one, derived));
                    self.several(Lists::Mix(self.plan.mix()), derived);
                }
                FallbackStep::VariantGroup => {
                    derived.clear();
                    known.iter().for_each(|one| self.siblings(one, derived));
                    self.several(Lists::Mix(self.plan.mix()), derived);
                }
                FallbackStep::PopularIn(None) => self.popular(None),
                FallbackStep::PopularIn(Some(id)) => {
                    if let Some(category) = self.checks.view.category(id) {
                        self.popular(Some(category));
                    }
                }
            }
        }
    }

    /// Walks the lists of one known product as they are, of several by sums.
    pub(super) fn from(&mut self, lists: Lists<'_>, known: &[Known]) {
        match known {
            [] => {}
            [one] => self.one(lists, one),
            several => self.several(lists, several),
        }
    }

    /// Collects the alternatives of a known product that hold here and now.
    fn alternatives(&mut self, known: &Known, derived: &mut Vec<Known>) {
        let checks = self.checks;
        let mix = only(RelationType::ALTERNATIVE);
        let lists = Lists::Mix(&mix);
        let mut patched = std::mem::take(&mut self.bench.patched);
        lists.prepare(&mut patched, checks, known, self.interval);
        {
            // Only edges are read.
            let mut runs = Runs::default();
            lists.open(&mut runs, checks, known, &patched, 0);
            let mut found = 0_usize;
            for candidate in runs.by_ref().take(CANDIDATES_MAX) {
                let is_used = candidate.removed_by.is_none()
                    && checks.wrong_market(&candidate).is_none()
                    && checks.wrong_time(&candidate, self.interval).is_none();
                if is_used {
                    join_derived(derived, candidate.linked(), known.positions);
                    found = found.saturating_add(1);
                    if found == ALTERNATIVES_MAX {
                        break;
                    }
                }
            }
        }
        self.bench.patched = patched;
    }

    /// Collects the other leaves of a known product's variant group.
    fn siblings(&self, known: &Known, derived: &mut Vec<Known>) {
        let view = &self.checks.view;
        let Some(record) = view.product(known.product) else { return };
        let root = group_root(view, known.product, record);
        for (leaf, _) in Leaves::below(view, root).take(SIBLINGS_MAX) {
            if leaf != known.product {
                join_derived(derived, leaf, known.positions);
            }
        }
    }
}
