//! Two catalogs side by side: what changes for shoppers?

use std::{cmp::Ordering, collections::BTreeMap};

use serde::Serialize;

use crate::index::{Ordinal, View};

/// Samples of each kind that a diff keeps.
const SAMPLES_MAX: usize = 10;
/// Results of a list that shoppers are likely to see.
const TOP: usize = 10;

/// What changes between two catalogs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// Products that only the second has.
    pub products_added: u64,
    /// Products that only the first has.
    pub products_removed: u64,
    /// By type code.
    pub relation_types: BTreeMap<String, TypeDiff>,
}

/// What changes in one relation type.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TypeDiff {
    /// Relations that only the second has.
    pub added: u64,
    /// Relations that only the first has.
    pub removed: u64,
    /// Lists that hold the same products in another order.
    pub reordered: u64,
    /// Lists compared: those that either catalog has.
    pub lists: u64,
    /// Mean over the lists of the share of the first ten results that both have, 0 to 1.
    pub top10_overlap: f64,
    /// The first few relations added, `source -> target`.
    pub added_samples: Vec<String>,
    /// The first few relations removed, `source -> target`.
    pub removed_samples: Vec<String>,
    /// The first few products whose list is reordered.
    pub reordered_samples: Vec<String>,
}

/// Compares two catalogs list by list.
#[must_use]
pub fn diff(before: &View<'_>, after: &View<'_>) -> Diff {
    let mut diff = Diff::default();
    let mut left = before.ordinals().peekable();
    let mut right = after.ordinals().peekable();
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(old), Some(new)) => {
                after.id_rule().order(before.id_bytes(*old), after.id_bytes(*new))
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let old = if order.is_le() { left.next() } else { None };
        let new = if order.is_ge() { right.next() } else { None };
        diff.products_added += u64::from(old.is_none());
        diff.products_removed += u64::from(new.is_none());
        compare_product(&mut diff, (before, old), (after, new));
    }
    for one in diff.relation_types.values_mut().filter(|one| one.lists > 0) {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let lists = one.lists as f64;
        one.top10_overlap /= lists;
    }
    diff
}

type Side<'v, 'a> = (&'v View<'a>, Option<Ordinal>);

/// Type code, and the ids of the targets, best first.
type Lists<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn compare_product(diff: &mut Diff, before: Side<'_, '_>, after: Side<'_, '_>) {
    let lists_before = lists(before);
    let lists_after = lists(after);
    let id = |(view, product): Side<'_, '_>| product.map(|product| view.id(product).to_owned());
    let source = id(after).or_else(|| id(before)).unwrap_or_default();
    let codes = lists_before.keys().chain(lists_after.keys()).copied();
    for code in codes.collect::<std::collections::BTreeSet<_>>() {
        let types = diff.relation_types.entry(code.to_owned()).or_default();
        let none = Vec::new();
        let old = lists_before.get(code).unwrap_or(&none);
        let new = lists_after.get(code).unwrap_or(&none);
        compare_lists(types, &source, old, new);
    }
}

fn lists<'a>((view, product): Side<'_, 'a>) -> Lists<'a> {
    let Some(product) = product else { return Lists::new() };
    let types = &view.meta().relation_types;
    let runs = view.block(product).runs().filter_map(|run| {
        let number = run.relation_type()?.number();
        let declared = types.iter().find(|declared| declared.number == number)?;
        let targets = run.edges().iter().map(|edge| view.id(Ordinal(edge.target.get())));
        Some((declared.code.as_str(), targets.collect()))
    });
    runs.collect()
}

fn compare_lists(types: &mut TypeDiff, source: &str, old: &[&str], new: &[&str]) {
    let sorted = |list: &[&str]| {
        let mut list = list.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        list.sort_unstable();
        list
    };
    let (old_sorted, new_sorted) = (sorted(old), sorted(new));
    let lost = |from: &[String], than: &[String]| {
        let lost = from.iter().filter(|id| than.binary_search(id).is_err());
        lost.map(|target| format!("{source} -> {target}")).collect::<Vec<_>>()
    };
    let (added, removed) = (lost(&new_sorted, &old_sorted), lost(&old_sorted, &new_sorted));
    types.lists += 1;
    types.added += added.len() as u64;
    types.removed += removed.len() as u64;
    if added.is_empty() && removed.is_empty() && old != new {
        types.reordered += 1;
        keep(&mut types.reordered_samples, [source.to_owned()]);
    }
    keep(&mut types.added_samples, added);
    keep(&mut types.removed_samples, removed);
    types.top10_overlap += top_overlap(old, new);
}

fn keep(samples: &mut Vec<String>, found: impl IntoIterator<Item = String>) {
    samples.extend(found);
    samples.truncate(SAMPLES_MAX);
}

/// The share of the longer of the two tops that both have.
fn top_overlap(old: &[&str], new: &[&str]) -> f64 {
    let top = |list: &[&str]| list.len().min(TOP);
    let (old_top, new_top) = (&old[..top(old)], &new[..top(new)]);
    let shared = new_top.iter().filter(|id| old_top.contains(id)).count();
    let longest = old_top.len().max(new_top.len()).max(1);
    #[expect(clippy::cast_precision_loss, reason = "at most ten")]
    let share = shared as f64 / longest as f64;
    share
}
