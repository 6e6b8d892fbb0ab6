//! Lists and bundles that begin with other products, and products that are known no more.

use std::collections::BTreeMap;

use super::{Counts, holds};
use crate::{
    compile::place::{Dimensions, Key, Names, Place, Side, Tally, UNKNOWN_SOURCE},
    index::{
        Ordinal, View,
        layout::{BundleRecord, NONE},
    },
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

/// Lists that both catalogs have, and those whose first targets are the same in the same order, as
/// they are now. A list belongs to the source of its first relation before.
pub(super) fn lists<'a>(
    before: Side<'a>,
    after: Side<'_>,
    same: &[u32],
    (top, now_s): (usize, i64),
    dimensions: Dimensions,
) -> Parts<'a> {
    let names = Names::new(before);
    let (mut all, mut unchanged) = (Tally::default(), Tally::default());
    let known = before.view.ordinals().zip(same).filter(|(_, new)| **new != NONE);
    let mut was = Vec::new();
    for (product, new) in known {
        let key = names.product(product);
        let mut sources = names.sources(product);
        let block = after.view.block(Ordinal(*new));
        for run in before.view.block(product).runs() {
            was.clear();
            let mut first_source = None;
            for relation in run.relations() {
                let source = sources.next().unwrap_or(UNKNOWN_SOURCE);
                if holds(&relation, now_s) {
                    first_source.get_or_insert(source);
                    was.push(relation.edge.target.get());
                }
            }
            let known = first_source.zip(run.relation_type());
            let Some((source, relation_type)) = known else { continue };
            let is = block.run(relation_type).relations();
            let is = is.filter(|relation| holds(relation, now_s));
            let mut is = is.map(|relation| relation.edge.target.get()).peekable();
            if is.peek().is_none() {
                continue;
            }
            let key = Key { relation_type: relation_type.number(), source, ..key };
            all.add(key);
            let renamed = |old: &u32| same.get(*old as usize).copied().unwrap_or(NONE);
            if was.iter().take(top).map(renamed).eq(is.take(top)) {
                unchanged.add(key);
            }
        }
    }
    parts(&names, all, unchanged, dimensions)
}

/// Bundles that both catalogs have, and those whose first selections are the same, as many of each, in
/// the same order.
pub(super) fn bundles<'a>(
    before: Side<'a>,
    after: Side<'_>,
    same: &[u32],
    top: usize,
    dimensions: Dimensions,
) -> Parts<'a> {
    let names = Names::new(before);
    let (mut all, mut unchanged) = (Tally::default(), Tally::default());
    let renamed = |old: u32| same.get(old as usize).copied().unwrap_or(NONE);
    for bundle in before.view.bundles() {
        let new = renamed(bundle.product.get());
        let Some(now) = after.view.bundle(Ordinal(new)) else { continue };
        let key = names.product(Ordinal(bundle.product.get()));
        all.add(key);
        let was = selections(before.view, bundle).take(top);
        let was = was.map(|(product, quantity)| (renamed(product), quantity));
        if was.eq(selections(after.view, now).take(top)) {
            unchanged.add(key);
        }
    }
    parts(&names, all, unchanged, dimensions)
}

/// The products of a bundle, option by option, and the bits of their quantities.
fn selections<'a>(
    view: View<'a>,
    bundle: &BundleRecord,
) -> impl Iterator<Item = (u32, u64)> + use<'a> {
    let all = view.options(bundle).iter().flat_map(move |option| view.selections(option));
    all.map(|selection| (selection.product.get(), selection.quantity.get().to_bits()))
}

fn parts<'a>(names: &Names<'a>, all: Tally, left: Tally, dimensions: Dimensions) -> Parts<'a> {
    let left: Counts<'a> = names.places(&left.into_cells(), dimensions);
    let all: Counts<'a> = names.places(&all.into_cells(), dimensions);
    let part = |place| left.get(&place).copied().unwrap_or_default();
    all.into_iter().map(|(place, count)| (place, (count, part(place)))).collect()
}
