//! How prices moved from one catalog to the next, product by product: products that come and go move
//! none.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::{
    compile::place::{Names, Place, Side, bits},
    index::{Ordinal, View, layout::NONE},
};

/// A product's price before and after, in minor units.
pub(super) type Pair = (u64, u64);

/// How the prices of a place moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moves {
    /// Products that have a price on both sides.
    pub(super) products: u64,
    /// The price in the middle of all by ratio. Of two in the middle the one that moved farther: where
    /// half of the prices are wrong, nobody knows which half.
    pub(super) median: Pair,
    /// The price that moved least.
    pub(super) least: Pair,
}

/// Moves by market, and by market and top category.
pub(super) fn moves<'a>(
    before: Side<'a>,
    after: Side<'_>,
    same: &[u32],
) -> BTreeMap<Place<'a>, Moves> {
    let names = Names::new(before);
    let markets = same_markets(&before.view, &after.view);
    let mut pairs = BTreeMap::<(u32, u32), Vec<Pair>>::new();
    let known = before.view.ordinals().zip(same).filter(|(_, new)| **new != NONE);
    for (product, new) in known {
        let key = names.product(product);
        for market in bits(key.markets) {
            let renumbered = markets.get(market as usize).copied().flatten();
            let pair = || {
                let was = price(&before.view, product, market)?;
                Some((was, price(&after.view, Ordinal(*new), renumbered?)?))
            };
            if let Some(pair) = pair() {
                pairs.entry((market, key.top)).or_default().push(pair);
            }
        }
    }
    let mut moves = BTreeMap::new();
    let mut all = BTreeMap::<u32, Vec<Pair>>::new();
    for ((market, top), mut found) in pairs {
        all.entry(market).or_default().extend(&found);
        let (market, category) = (names.market(market), Some(names.category(top)));
        let place = Place { market, category, ..Place::default() };
        moves.extend(moved(&mut found).map(|found| (place, found)));
    }
    for (market, mut found) in all {
        let place = Place { market: names.market(market), ..Place::default() };
        moves.extend(moved(&mut found).map(|found| (place, found)));
    }
    moves
}

/// By market of the first catalog, the one of the same id in the second.
fn same_markets(before: &View<'_>, after: &View<'_>) -> Vec<Option<u32>> {
    let find = |id: &str| {
        let mut markets = (0..).zip(after.meta().markets.iter());
        markets.find(|(_, market)| market.id == id).map(|(index, _)| index)
    };
    before.meta().markets.iter().map(|market| find(market.id.as_str())).collect()
}

fn price(view: &View<'_>, product: Ordinal, market: u32) -> Option<u64> {
    view.market_price(product, market).and_then(|(price, _)| u64::try_from(price).ok())
}

fn moved(pairs: &mut [Pair]) -> Option<Moves> {
    let products = pairs.len();
    let least = *pairs.iter().min_by(|left, right| by_distance(left, right))?;
    let mut nth = |n: usize| *pairs.select_nth_unstable_by(n, by_ratio).1;
    let middle = [nth(products.saturating_sub(1) / 2), nth(products / 2)];
    let median = middle.into_iter().max_by(by_distance)?;
    Some(Moves { products: products as u64, median, least })
}

/// How far a price moved, and of what: the larger of the two, so that up and down weigh the same.
pub(super) fn distance((was, is): Pair) -> (u64, u64) {
    (was.abs_diff(is), was.max(is))
}

/// By the share that they moved, then by themselves.
fn by_distance(left: &Pair, right: &Pair) -> Ordering {
    let share = |pair: Pair| {
        let (moved, larger) = distance(pair);
        (moved, larger.max(1))
    };
    compare(share(*left), share(*right)).then_with(|| left.cmp(right))
}

/// By the new price to the old one, then by themselves. Nothing to nothing has not moved.
fn by_ratio(left: &Pair, right: &Pair) -> Ordering {
    let ratio = |(was, is): Pair| if (was, is) == (0, 0) { (1, 1) } else { (is, was) };
    compare(ratio(*left), ratio(*right)).then_with(|| left.cmp(right))
}

/// Compares fractions. A denominator may be zero where its numerator is not.
fn compare(left: (u64, u64), right: (u64, u64)) -> Ordering {
    let cross = |numerator: u64, denominator: u64| u128::from(numerator) * u128::from(denominator);
    cross(left.0, right.1).cmp(&cross(right.0, left.1))
}
