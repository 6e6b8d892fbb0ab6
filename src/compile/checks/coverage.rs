//! Which products have relations at all: by market, top category and type.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Question, lineage};
use crate::{
    compile::place::{Names, Side, bits},
    index::{Ordinal, View, layout::FLAG_HIDDEN},
    model::finding::{FindingCode, Findings},
};

/// Products of one market and top category that shoppers see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The market.
    pub market: String,
    /// The top category; empty for products without one.
    pub category: String,
    /// Its products, hidden ones left out.
    pub products: u64,
    /// Those with a relation of any type, of their own or of a product they are a variant of.
    pub linked: u64,
    /// The same for each type that any of them has, by code.
    pub by_type: BTreeMap<String, u64>,
}

/// Products and those linked, by market, top category and type number; 0 is any type.
type Cells = BTreeMap<(u32, u32), BTreeMap<u8, u64>>;

/// In no list of types: the count of products.
const PRODUCTS: u8 = u8::MAX;
const ANY_TYPE: u8 = 0;

pub(super) fn coverage(side: Side<'_>) -> Vec<Coverage> {
    let view = side.view;
    let names = Names::new(side);
    let mut cells = Cells::new();
    for product in visible(&view) {
        let key = names.product(product);
        let types = types(&view, product);
        for market in bits(key.markets) {
            let cell = cells.entry((market, key.top)).or_default();
            *cell.entry(PRODUCTS).or_default() += 1;
            for number in &types {
                *cell.entry(*number).or_default() += 1;
            }
            if !types.is_empty() {
                *cell.entry(ANY_TYPE).or_default() += 1;
            }
        }
    }
    let row = |((market, top), mut cell): ((u32, u32), BTreeMap<u8, u64>)| Coverage {
        market: names.market(market).unwrap_or_default().to_owned(),
        category: names.category(top).to_owned(),
        products: cell.remove(&PRODUCTS).unwrap_or_default(),
        linked: cell.remove(&ANY_TYPE).unwrap_or_default(),
        by_type: by_code(&view, &cell),
    };
    cells.into_iter().map(row).collect()
}

fn by_code(view: &View<'_>, counts: &BTreeMap<u8, u64>) -> BTreeMap<String, u64> {
    let types = view.meta().relation_types.iter();
    let counted = types.filter_map(|declared| {
        counts.get(&declared.number).map(|count| (declared.code.to_string(), *count))
    });
    counted.collect()
}

fn visible(view: &View<'_>) -> impl Iterator<Item = Ordinal> {
    let is_hidden =
        |product: Ordinal| view.product(product).is_none_or(|one| one.flags & FLAG_HIDDEN != 0);
    view.ordinals().filter(move |product| !is_hidden(*product))
}

/// Types of which a product has relations, or else one of those it is a variant of: lookups inherit
/// them from all the way up.
fn types(view: &View<'_>, product: Ordinal) -> Vec<u8> {
    let of = |product: Ordinal| {
        let runs = view.block(product).runs();
        runs.filter_map(|run| run.relation_type()).map(|known| known.number()).collect::<Vec<_>>()
    };
    let mut types = lineage(view, product).flat_map(of).collect::<Vec<_>>();
    types.sort_unstable();
    types.dedup();
    types
}

/// Products without links, and those that cost nothing.
pub(super) fn check(question: &Question<'_>, findings: &mut Findings) {
    let view = question.after.view;
    let market = view.meta().default_market.to_native();
    let sample = |product: Ordinal, message: &str| {
        format!("{}: {}: {message}", (question.place)(product), view.id(product))
    };
    for product in visible(&view) {
        if types(&view, product).is_empty() {
            findings.add(FindingCode::NoLinks, || sample(product, "has no links"));
        }
    }
    for product in view.ordinals() {
        if view.market_price(product, market).is_some_and(|(price, _)| price == 0) {
            findings.add(FindingCode::ZeroPrice, || {
                sample(product, "expected a price over 0, found 0")
            });
        }
    }
}
