//! Checks of a catalog that is about to be published: what merchandisers should look at, where it
//! stands and what they do about it. Nothing here refuses anything.
//!
//! Findings of the import come from the graph; here the finished catalog is asked, alone and beside
//! the one before. The clock, stock and rows of products come in as arguments.

mod coverage;
mod links;
mod pairs;
mod sources;

use std::{collections::BTreeMap, fmt, iter};

pub use coverage::Coverage;
pub use sources::SourceAge;

use super::{
    compare::{Diff, diff},
    guards::{Breach, breaches, overrides_breach},
    place::Side,
};
use crate::{
    index::{Ordinal, View},
    model::{
        finding::{FindingCode, Findings},
        guard::GuardLimits,
        limits::{FINDING_SAMPLES_MAX, VARIANT_DEPTH_MAX},
    },
};

const SECONDS_PER_DAY: i64 = 86_400;

/// What is checked, and against what.
pub struct Question<'a> {
    /// The new catalog.
    pub after: Side<'a>,
    /// The one before, if there is one.
    pub before: Option<Side<'a>>,
    /// How many overrides there were and are, if a file of them is published along.
    pub overrides: Option<(u64, u64)>,
    /// The guards' limits.
    pub guards: &'a GuardLimits,
    /// The checks' limits.
    pub limits: CheckLimits,
    /// Products that are out of stock everywhere, and since which second since 1970.
    pub sold_out: &'a BTreeMap<Ordinal, i64>,
    /// When each relation was last confirmed, as [`confirmed_days`](super::confirmed_days) says it.
    pub confirmed_days: &'a [Option<u16>],
    /// Where the row of a product stands: `products.csv:12`.
    pub place: &'a dyn Fn(Ordinal) -> String,
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// How much, how old and how weak is too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckLimits {
    /// The clock, in seconds since 1970.
    pub now_s: i64,
    /// Links that were not confirmed for more days are found.
    pub unconfirmed_days: u32,
    /// Sources none of whose files was renewed for more days are found.
    pub silent_days: u32,
    /// Links to products that are out of stock for more days are found.
    pub sold_out_days: u32,
    /// Given scores below are found, from 0 to 1.
    pub score_min: f32,
    /// Lists with more relations are found.
    pub list_max: usize,
}

impl CheckLimits {
    /// The limits where nobody says otherwise.
    #[must_use]
    pub const fn at(now_s: i64) -> Self {
        Self {
            now_s,
            unconfirmed_days: 90,
            silent_days: 7,
            sold_out_days: 30,
            score_min: 0.0,
            list_max: 100,
        }
    }

    fn is_older(&self, since_s: i64, days: u32) -> bool {
        self.now_s.saturating_sub(since_s) > i64::from(days) * SECONDS_PER_DAY
    }

    /// Days from this one to now, if they are more than links may be without confirmation.
    fn unconfirmed_days(&self, since_day: u16) -> Option<i64> {
        let days = self.now_s.div_euclid(SECONDS_PER_DAY) - i64::from(since_day);
        Some(days).filter(|days| *days > i64::from(self.unconfirmed_days))
    }

    fn age_days(&self, since_s: i64) -> i64 {
        self.now_s.saturating_sub(since_s) / SECONDS_PER_DAY
    }
}

/// What the checks found.
#[derive(Debug)]
pub struct Checks {
    /// By code.
    pub findings: Findings,
    /// By market and top category.
    pub coverage: Vec<Coverage>,
    /// By source.
    pub sources: Vec<SourceAge>,
    /// What guards would refuse.
    pub breaches: Vec<Breach>,
    /// What changes for shoppers, if there is something before.
    pub changes: Option<Diff>,
}

/// Asks everything. `findings` are those of the import; those of the checks are added.
#[must_use]
pub fn check(question: &Question<'_>, findings: Findings) -> Checks {
    let mut checks = Checks {
        findings,
        coverage: coverage::coverage(question.after),
        sources: sources::ages(question.after, &question.limits),
        breaches: Vec::new(),
        changes: None,
    };
    let findings = &mut checks.findings;
    links::check(question, findings);
    coverage::check(question, findings);
    sources::check(&checks.sources, &question.limits, findings);
    if let Some(before) = question.before {
        let mut breaches = breaches(before, question.after, question.guards, question.limits.now_s);
        if let Some(counts) = question.overrides {
            breaches.extend(overrides_breach(counts, question.guards));
        }
        let texts = breaches.iter().map(ToString::to_string);
        findings.add_all(FindingCode::Guarded, breaches.len() as u64, texts);
        let diff = diff(&before.view, &question.after.view);
        changes(&diff, before, question.after, findings);
        (checks.breaches, checks.changes) = (breaches, Some(diff));
    }
    checks
}

/// A product and all it is a variant of, up to the one that shoppers see.
fn lineage<'a>(view: &View<'a>, product: Ordinal) -> impl Iterator<Item = Ordinal> + use<'a> {
    let view = *view;
    iter::successors(Some(product), move |product| view.parent(*product))
        .take(1 + VARIANT_DEPTH_MAX)
}

fn changes(diff: &Diff, before: Side<'_>, after: Side<'_>, findings: &mut Findings) {
    let is_gone = |old: &Ordinal| after.view.find(before.view.id(*old)).is_none();
    let gone = before.view.ordinals().filter(is_gone).take(FINDING_SAMPLES_MAX);
    let gone = gone.map(|old| before.view.id(old).to_owned());
    findings.add_all(FindingCode::ProductRemoved, diff.products_removed, gone);
    for (code, one) in &diff.relation_types {
        let mut tell = |finding, count, samples: &[String]| {
            findings.add_all(finding, count, samples.iter().map(|text| format!("{code}: {text}")));
        };
        tell(FindingCode::RelationRemoved, one.removed, &one.removed_samples);
        tell(FindingCode::RelationAdded, one.added, &one.added_samples);
        tell(FindingCode::ListReordered, one.reordered, &one.reordered_samples);
    }
}
