//! Lists that begin with other products, and products that are known no more.

use std::collections::BTreeMap;

use super::Counts;
use crate::{
    compile::place::{Dimensions, Key, Names, Place, Side, Tally, UNKNOWN_SOURCE},
    index::{Ordinal, View, layout::NONE},
};

/// By product of the first catalog, the same one in the second, or [`NONE`]. An alias keeps an old id
/// known.
pub(super) fn same_products(before: View<'_>, after: View<'_>) -> Vec<u32> {
    let find = |old: Ordinal| after.find(before.id(old)).map_or(NONE, |new| new.0);
    before.ordinals().map(find).collect()
}

/// How many there were, and how many of them are as they were.
pub(super) type Parts<'a> = BTreeMap<Place<'a>, (u64, u64)>;

/// Products of the first catalog, and those that the second knows.
pub(super) fn kept<'a>(before: Side<'a>, same: &[u32], dimensions: Dimensions) -> Parts<'a> {
    let names = Names::new(before);
    let (mut all, mut known) = (Tally::default(), Tally::default());
    for (product, new) in before.view.ordinals().zip(same) {
        // Markets are no matter of ids.
        let key = Key { markets: 0, ..names.product(product) };
        all.add(key);
        if *new != NONE {
            known.add(key);
        }
    }
    parts(&names, all, known, dimensions)
}

/// Lists that both catalogs have, and those whose first targets are the same in the same order. A
/// list belongs to the source of its first relation before.
pub(super) fn lists<'a>(
    before: Side<'a>,
    after: Side<'_>,
    same: &[u32],
    top: usize,
    dimensions: Dimensions,
) -> Parts<'a> {
    let names = Names::new(before);
    let (mut all, mut unchanged) = (Tally::default(), Tally::default());
    let known = before.view.ordinals().zip(same).filter(|(_, new)| **new != NONE);
    for (product, new) in known {
        let key = names.product(product);
        let mut sources = names.sources(product);
        let block = after.view.block(Ordinal(*new));
        for run in before.view.block(product).runs() {
            let source = sources.next().unwrap_or(UNKNOWN_SOURCE);
            // To the first relation of the next run.
            if let Some(others) = run.edges().len().checked_sub(2) {
                sources.nth(others);
            }
            let Some(relation_type) = run.relation_type() else { continue };
            let now = block.run(relation_type).edges();
            if now.is_empty() {
                continue;
            }
            let key = Key { relation_type: relation_type.number(), source, ..key };
            all.add(key);
            let renamed = |old: u32| same.get(old as usize).copied().unwrap_or(NONE);
            let was = run.edges().iter().take(top).map(|edge| renamed(edge.target.get()));
            if was.eq(now.iter().take(top).map(|edge| edge.target.get())) {
                unchanged.add(key);
            }
        }
    }
    parts(&names, all, unchanged, dimensions)
}

fn parts<'a>(names: &Names<'a>, all: Tally, left: Tally, dimensions: Dimensions) -> Parts<'a> {
    let left: Counts<'a> = names.places(&left.into_cells(), dimensions);
    let all: Counts<'a> = names.places(&all.into_cells(), dimensions);
    let part = |place| left.get(&place).copied().unwrap_or_default();
    all.into_iter().map(|(place, count)| (place, (count, part(place)))).collect()
}
