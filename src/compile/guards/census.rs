//! What one catalog holds, counted by place.

use std::collections::BTreeMap;

use super::Counts;
use crate::{
    compile::place::{Dimensions, Key, Names, Place, Side, Tally, UNKNOWN_SOURCE, bits},
    index::Ordinal,
    model::relation::Availability,
};

/// The counts of one catalog.
pub(super) struct Census<'a> {
    pub(super) relations: Counts<'a>,
    pub(super) products: Counts<'a>,
    /// Products that can be bought, as far as the catalog knows.
    pub(super) sellable: Counts<'a>,
    /// Products with a price in a market; the market always stands in the place.
    pub(super) priced: Counts<'a>,
    /// Median prices in minor units, and of how many, by the same places.
    pub(super) medians: Medians<'a>,
    pub(super) bundles: u64,
    pub(super) aliases: u64,
}

impl<'a> Census<'a> {
    pub(super) fn new(side: Side<'a>, dimensions: Dimensions) -> Self {
        let view = side.view;
        let names = Names::new(side);
        let [mut relations, mut products, mut sellable] = [(); 3].map(|()| Tally::default());
        let mut prices = BTreeMap::new();
        for product in view.ordinals() {
            let key = names.product(product);
            products.add(key);
            if is_sellable(&names, product) {
                sellable.add(key);
            }
            count_relations(&names, product, key, &mut relations);
            collect_prices(&names, product, key, &mut prices);
        }
        let (priced, medians) = medians(&names, prices);
        Self {
            relations: names.places(&relations.into_cells(), dimensions),
            products: names.places(&products.into_cells(), dimensions),
            sellable: names.places(&sellable.into_cells(), dimensions),
            priced,
            medians,
            bundles: view.bundles().len() as u64,
            aliases: view.aliases().count() as u64,
        }
    }
}

fn is_sellable(names: &Names<'_>, product: Ordinal) -> bool {
    const OUT: [u8; 2] = [Availability::OutOfStock as u8, Availability::Discontinued as u8];
    names.view().product(product).is_some_and(|product| !OUT.contains(&product.availability))
}

fn count_relations(names: &Names<'_>, product: Ordinal, key: Key, tally: &mut Tally) {
    let mut sources = names.sources(product);
    for run in names.view().block(product).runs() {
        let Some(relation_type) = run.relation_type() else { continue };
        for relation in run.relations() {
            let own = relation.rare.map_or(0, |rare| rare.markets.get());
            tally.add(Key {
                relation_type: relation_type.number(),
                source: sources.next().unwrap_or(UNKNOWN_SOURCE),
                // No market of its own: every one of the product's.
                markets: if own == 0 { key.markets } else { key.markets & own },
                ..key
            });
        }
    }
}

/// A median, and of how many.
pub(super) type Medians<'a> = BTreeMap<Place<'a>, (i64, u64)>;

/// Prices by market and top category.
type Prices = BTreeMap<(u32, u32), Vec<i64>>;

fn collect_prices(names: &Names<'_>, product: Ordinal, key: Key, prices: &mut Prices) {
    for market in bits(key.markets) {
        if let Some((price, _)) = names.view().market_price(product, market) {
            prices.entry((market, key.top)).or_default().push(price);
        }
    }
}

fn medians<'a>(names: &Names<'a>, prices: Prices) -> (Counts<'a>, Medians<'a>) {
    let mut medians = Medians::new();
    let mut all: Vec<i64> = Vec::new();
    let mut prices = prices.into_iter().peekable();
    while let Some(((market, top), mut found)) = prices.next() {
        all.extend(&found);
        let place = Place { market: names.market(market), ..Place::default() };
        let in_category = Place { category: Some(names.category(top)), ..place };
        medians.extend(median(&mut found).map(|found| (in_category, found)));
        if prices.peek().is_none_or(|((next, _), _)| *next != market) {
            medians.extend(median(&mut all).map(|found| (place, found)));
            all.clear();
        }
    }
    let counts = medians.iter().map(|(place, (_, count))| (*place, *count));
    (counts.collect(), medians)
}

/// The upper median.
fn median(prices: &mut [i64]) -> Option<(i64, u64)> {
    let count = prices.len();
    (count > 0).then(|| (*prices.select_nth_unstable(count / 2).1, count as u64))
}
