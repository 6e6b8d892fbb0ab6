//! How alike two lists are, and the sums over many.
//!
//! Overlap is the agreement at a depth of Webber, Moffat and Zobel ("A similarity measure for indefinite
//! rankings", 2010). Order is the share of pairs that stand in the same order in both lists, over the
//! products that both have: (tau + 1) / 2 of Kendall's tau ("A new measure of rank correlation", 1938).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

/// Missing products shown of each reason.
const SAMPLES_MAX: usize = 5;

/// Why a product is missing: the code of the reason, and words for this one.
pub(super) struct Reason {
    code: &'static str,
    words: String,
}

impl Reason {
    pub(super) fn new(code: &'static str, words: &str) -> Self {
        Self { code, words: words.to_owned() }
    }
}

/// All lists so far.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    first: usize,
    snapshots: BTreeSet<String>,
    groups: BTreeMap<String, Sums>,
    missing: BTreeMap<&'static str, Missing>,
}

/// Sums over the lists of one type or placement.
#[derive(Clone, Debug, Default)]
struct Sums {
    lists: u64,
    overlap: f64,
    /// Lists that have two products or more in common.
    ordered: u64,
    same_order: f64,
    missing: u64,
    added: u64,
}

/// Products that are missing for one reason.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Missing {
    count: u64,
    /// The first few: `seed -> target: why`.
    samples: Vec<String>,
}

impl Comparison {
    pub(super) fn new(first: usize) -> Self {
        Self { first, ..Self::default() }
    }

    pub(super) fn answered_by(&mut self, snapshot_id: &str) {
        if !self.snapshots.contains(snapshot_id) {
            self.snapshots.insert(snapshot_id.to_owned());
        }
    }

    /// Takes a shown list and the answer to the same question.
    pub(super) fn take(
        &mut self,
        group: &str,
        seed: &str,
        shown: &[String],
        found: &[String],
        reason: impl Fn(&str) -> Reason,
    ) {
        let sums = self.groups.entry(group.to_owned()).or_default();
        sums.lists += 1;
        sums.overlap += overlap(shown, found);
        if let Some(share) = same_order(shown, found) {
            sums.ordered += 1;
            sums.same_order += share;
        }
        sums.added += found.iter().filter(|id| !shown.contains(id)).count() as u64;
        for target in shown.iter().filter(|id| !found.contains(id)) {
            sums.missing += 1;
            let Reason { code, words } = reason(target);
            let missing = self.missing.entry(code).or_default();
            missing.count += 1;
            if missing.samples.len() < SAMPLES_MAX {
                missing.samples.push(format!("{seed} -> {target}: {words}"));
            }
        }
    }

    pub(super) fn report(&self) -> Report<'_> {
        let mut all = Sums::default();
        for one in self.groups.values() {
            all.lists += one.lists;
            all.overlap += one.overlap;
            all.ordered += one.ordered;
            all.same_order += one.same_order;
            all.missing += one.missing;
            all.added += one.added;
        }
        let lists = self.groups.iter().map(|(group, sums)| (group.as_str(), Likeness::of(sums)));
        Report {
            first: self.first,
            snapshot_ids: &self.snapshots,
            all: Likeness::of(&all),
            lists: lists.collect(),
            missing: &self.missing,
        }
    }
}

/// The share of the shown products that were found; an empty list has nothing to miss.
fn overlap(shown: &[String], found: &[String]) -> f64 {
    let both = shown.iter().filter(|id| found.contains(id)).count();
    if shown.is_empty() { 1.0 } else { both as f64 / shown.len() as f64 }
}

/// The share of the pairs that both lists have in the same order; none without a pair.
fn same_order(shown: &[String], found: &[String]) -> Option<f64> {
    let places = shown.iter().filter_map(|id| found.iter().position(|other| other == id));
    let places = places.collect::<Vec<_>>();
    let (mut pairs, mut same) = (0_u32, 0_u32);
    for (at, first) in places.iter().enumerate() {
        for second in places.iter().skip(at + 1) {
            pairs += 1;
            same += u32::from(first < second);
        }
    }
    (pairs > 0).then(|| f64::from(same) / f64::from(pairs))
}

/// A comparison as people and scripts read it.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    /// Products compared of each list.
    first: usize,
    snapshot_ids: &'a BTreeSet<String>,
    all: Likeness,
    /// By relation type or placement.
    lists: BTreeMap<&'a str, Likeness>,
    /// By the code of the reason.
    missing: &'a BTreeMap<&'static str, Missing>,
}

/// How alike the lists of one kind are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Likeness {
    lists: u64,
    /// Mean share of the shown products that were found; none without a list.
    overlap: Option<f64>,
    /// Mean share of the pairs in the same order; none without a pair.
    same_order: Option<f64>,
    /// Shown, not found.
    missing: u64,
    /// Found, not shown.
    added: u64,
}

impl Likeness {
    fn of(sums: &Sums) -> Self {
        let Sums { lists, overlap, ordered, same_order, missing, added } = *sums;
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        Self {
            lists,
            overlap: mean(overlap, lists),
            same_order: mean(same_order, ordered),
            missing,
            added,
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshots = self.snapshot_ids.iter().map(String::as_str).collect::<Vec<_>>();
        writeln!(f, "the first {} of each list; snapshot {}", self.first, snapshots.join(", "))?;
        let share =
            |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{share:.3}"));
        write!(
            f,
            "{:<24} {:>8} {:>8} {:>10} {:>8} {:>8}",
            "LISTS OF", "LISTS", "OVERLAP", "SAME ORDER", "MISSING", "ADDED"
        )?;
        let all = std::iter::once(("all", self.all));
        for (group, one) in self.lists.iter().map(|(group, one)| (*group, *one)).chain(all) {
            let Likeness { lists, overlap, same_order, missing, added } = one;
            let (overlap, order) = (share(overlap), share(same_order));
            write!(f, "\n{group:<24} {lists:>8} {overlap:>8} {order:>10} {missing:>8} {added:>8}")?;
        }
        for (code, Missing { count, samples }) in self.missing {
            write!(f, "\nmissing, {code}: {count}")?;
            samples.iter().try_for_each(|sample| write!(f, "\n  {sample}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Reason, overlap, same_order};

    fn list(ids: &str) -> Vec<String> {
        ids.chars().map(String::from).collect()
    }

    #[test]
    fn overlap_is_the_share_of_the_shown_products() {
        for (shown, found, expected) in
            [("abcd", "abcd", 1.0), ("abcd", "bx", 0.25), ("ab", "cd", 0.0), ("", "ab", 1.0)]
        {
            assert_eq!(overlap(&list(shown), &list(found)), expected, "{shown} {found}");
        }
    }

    #[test]
    fn order_counts_the_pairs_that_both_lists_have() {
        for (shown, found, expected) in [
            ("abc", "abc", Some(1.0)),
            ("abc", "cba", Some(0.0)),
            ("abcd", "abdc", Some(5.0 / 6.0)),
            ("axb", "bya", Some(0.0)),
            ("abc", "c", None),
            ("", "", None),
        ] {
            assert_eq!(same_order(&list(shown), &list(found)), expected, "{shown} {found}");
        }
    }

    #[test]
    fn means_are_over_the_lists_that_have_a_value() {
        let mut comparison = Comparison::new(10);
        let reason = |target: &str| Reason::new("NOT_RELATED", &format!("no {target}"));
        comparison.take("cross_sell", "s", &list("ab"), &list("ab"), reason);
        comparison.take("cross_sell", "t", &list("ab"), &list("bc"), reason);
        comparison.take("up_sell", "s", &list("ab"), &list("ba"), reason);
        let report = serde_json::to_value(comparison.report()).unwrap();
        let expected = serde_json::json!({
            "lists": 2, "overlap": 0.75, "same_order": 1.0, "missing": 1, "added": 1
        });
        assert_eq!(report["lists"]["cross_sell"], expected);
        assert_eq!(report["all"]["same_order"], 0.5);
        let missing = serde_json::json!({ "count": 1, "samples": ["t -> a: no a"] });
        assert_eq!(report["missing"]["NOT_RELATED"], missing);
    }
}
