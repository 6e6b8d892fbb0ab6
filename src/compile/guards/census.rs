//! What one catalog holds, counted by place.

use std::collections::BTreeMap;

use super::{Counts, holds, is_over};
use crate::{
    compile::place::{
        Dimensions, Key, Names, Place, Side, Tally, UNKNOWN_SOURCE, bits, stage_bits,
    },
    index::{Ordinal, layout::FLAG_HIDDEN},
    model::relation::Availability,
};

/// The counts of one catalog.
pub(super) struct Census<'a> {
    /// Relations that hold now.
    pub(super) relations: Counts<'a>,
    /// Relations that hold now or later.
    pub(super) coming: Counts<'a>,
    pub(super) products: Counts<'a>,
    /// Products that shoppers see on their own.
    pub(super) visible: Counts<'a>,
    /// Products that can be bought, as far as the catalog knows.
    pub(super) sellable: Counts<'a>,
    /// Products with a price in a market; the market always stands in the place.
    pub(super) priced: Counts<'a>,
    pub(super) bundles: u64,
    /// What bundles hold, by the bundle's category.
    pub(super) selections: Counts<'a>,
    pub(super) aliases: u64,
}

impl<'a> Census<'a> {
    pub(super) fn new(side: Side<'a>, dimensions: Dimensions, now_s: i64) -> Self {
        let view = side.view;
        let names = Names::new(side);
        let [mut relations, mut coming, mut products, mut visible, mut sellable] =
            [(); 5].map(|()| Tally::default());
        let mut priced = BTreeMap::new();
        for product in view.ordinals() {
            let key = names.product(product);
            products.add(key);
            if is_visible(&names, product) {
                visible.add(key);
            }
            if is_sellable(&names, product) {
                sellable.add(key);
            }
            for (key, holds) in relations_of(&names, product, key, now_s) {
                coming.add(key);
                if holds {
                    relations.add(key);
                }
            }
            count_prices(&names, product, key, &mut priced);
        }
        Self {
            relations: names.places(&relations.into_cells(), dimensions),
            coming: names.places(&coming.into_cells(), dimensions),
            products: names.places(&products.into_cells(), dimensions),
            visible: names.places(&visible.into_cells(), dimensions),
            sellable: names.places(&sellable.into_cells(), dimensions),
            priced,
            bundles: view.bundles().len() as u64,
            selections: names.places(&selections(&names).into_cells(), dimensions),
            aliases: view.aliases().count() as u64,
        }
    }
}

fn is_visible(names: &Names<'_>, product: Ordinal) -> bool {
    names.view().product(product).is_some_and(|product| product.flags & FLAG_HIDDEN == 0)
}

/// Selections of all bundles. Markets are no matter of what a bundle holds.
fn selections(names: &Names<'_>) -> Tally {
    let view = names.view();
    let mut tally = Tally::default();
    for bundle in view.bundles() {
        let key = Key { markets: 0, ..names.product(Ordinal(bundle.product.get())) };
        let options = view.options(bundle).iter();
        options.flat_map(|option| view.selections(option)).for_each(|_| tally.add(key));
    }
    tally
}

fn is_sellable(names: &Names<'_>, product: Ordinal) -> bool {
    const OUT: [u8; 2] = [Availability::OutOfStock as u8, Availability::Discontinued as u8];
    names.view().product(product).is_some_and(|product| !OUT.contains(&product.availability))
}

/// The relations of a product that are not over yet, and whether each holds now.
fn relations_of<'a>(
    names: &Names<'a>,
    product: Ordinal,
    key: Key,
    now_s: i64,
) -> impl Iterator<Item = (Key, bool)> {
    let mut sources = names.sources(product);
    let typed = names
        .view()
        .block(product)
        .runs()
        .flat_map(|run| run.relations().map(move |relation| (run.relation_type(), relation)));
    typed.filter_map(move |(relation_type, relation)| {
        let source = sources.next().unwrap_or(UNKNOWN_SOURCE);
        let relation_type = relation_type?.number();
        if is_over(&relation, now_s) {
            return None;
        }
        let own = relation.rare.map_or(0, |rare| rare.markets.get());
        // No market of its own: every one of the product's.
        let markets = if own == 0 { key.markets } else { key.markets & own };
        let stages = stage_bits(relation.edge.stages());
        Some((Key { relation_type, source, markets, stages, ..key }, holds(&relation, now_s)))
    })
}

fn count_prices<'a>(names: &Names<'a>, product: Ordinal, key: Key, priced: &mut Counts<'a>) {
    for market in bits(key.markets) {
        if names.view().market_price(product, market).is_some() {
            let place = Place { market: names.market(market), ..Place::default() };
            let in_category = Place { category: Some(names.category(key.top)), ..place };
            for place in [place, in_category] {
                *priced.entry(place).or_default() += 1;
            }
        }
    }
}
