//! Prices and assortments by market.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{
    GraphError, Product,
    intake::Intake,
    intern::{index, number},
    ledger::Ledger,
    rows::ProductRow,
    words::{Ordinals, Words},
};
use crate::model::{
    config::{CatalogConfig, Market},
    currency::Currency,
    finding::FindingCode,
    record::{Location, PriceRecord, ProductMarketRecord},
};

/// A price in another market than the default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketPrice {
    /// The product.
    pub product: u32,
    /// Index into `CatalogConfig::markets`.
    pub market: u32,
    /// In minor units of the market's currency.
    pub minor: i64,
    /// When the source read it, in seconds since 1970.
    pub read_at_s: Option<i64>,
}

/// A row about a product in one market.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarketRow {
    product: u32,
    market: u32,
    listed: Option<bool>,
    price: Option<(i64, Option<i64>)>,
    authority: u16,
    at: Location,
}

impl Intake {
    pub(super) fn product_market(
        &mut self,
        at: Location,
        record: &ProductMarketRecord<'_>,
    ) -> Result<(), GraphError> {
        let Some(product) = self.checked_node(at, "id", record.id)? else { return Ok(()) };
        let named = self.config.markets.iter().position(|market| market.id == record.market);
        let Some(market) = named else {
            self.ledger.find(FindingCode::UnknownMarket, at, "market", || {
                format!("expected a declared market, found {}", record.market)
            });
            return Ok(());
        };
        let price = record.price.as_ref().and_then(|price| {
            minor_units(price, &self.config.markets[market], at, &mut self.ledger)
        });
        let authority = self.authority(at);
        let (listed, price) = (record.listed, price.map(|minor| (minor, record.read_at_s)));
        let market = number(market);
        self.market_rows.push(MarketRow { product, market, listed, price, authority, at });
        Ok(())
    }
}

/// The mask of every declared market.
pub(super) fn every_market(config: &CatalogConfig) -> u64 {
    let beyond = 64_usize.saturating_sub(config.markets.len());
    u64::MAX.checked_shr(number(beyond)).unwrap_or_default()
}

/// The mask of the markets named, and the names of those that nobody declares.
pub(super) fn find_markets<'a>(config: &CatalogConfig, names: &[&'a str]) -> (u64, Vec<&'a str>) {
    let mut mask = 0;
    let mut unknown = Vec::new();
    for name in names {
        match config.markets.iter().position(|market| market.id == *name) {
            Some(market) => mask |= 1 << market,
            None => unknown.push(*name),
        }
    }
    (mask, unknown)
}

/// The price in minor units of the market's currency, `None` with a finding if it is none.
pub(super) fn minor_units(
    price: &PriceRecord<'_>,
    market: &Market,
    at: Location,
    ledger: &mut Ledger,
) -> Option<i64> {
    if let Some(code) = price.currency {
        let currency = Currency::parse(code);
        if currency.is_none() {
            ledger.find(FindingCode::UnknownCurrency, at, "currency", || {
                format!("expected a code of ISO 4217 in capitals, found {code}")
            });
            return None;
        }
        if currency != Some(market.currency) {
            ledger.find(FindingCode::MixedCurrency, at, "currency", || {
                format!("expected {} in market {}, found {code}", market.currency, market.id)
            });
            return None;
        }
    }
    let minor = price.amount.minor_units(market.currency.exponent());
    let minor = minor.filter(|minor| *minor >= 0);
    if minor.is_none() {
        ledger.find(FindingCode::BadValue, at, "price", || {
            format!("expected an amount from 0 that fits 64 bits, found {}", price.amount)
        });
    }
    minor
}

/// Applies the rows to the products and returns the prices outside the default market.
///
/// Listing and price count apart, so that one source may say the one and another the other: of each
/// the larger authority wins, then "not listed", then the smaller price. A price in the default
/// market becomes the product's unless the row that states the product's price has more authority. A
/// product has one reading time for price and availability: the older of the two.
pub(super) fn settle(
    rows: Vec<MarketRow>,
    product_rows: &[ProductRow],
    products: &mut [Product],
    config: &CatalogConfig,
    words: &Words,
    ordinals: &Ordinals,
    ledger: &mut Ledger,
) -> Vec<MarketPrice> {
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        match ordinals.of(row.product) {
            Some(product) => known.push(MarketRow { product, ..row }),
            None => ledger.find(FindingCode::UnknownMarketProduct, row.at, "id", || {
                format!("expected a product, found none of id {}", words.ids.text(row.product))
            }),
        }
    }
    known.sort_unstable_by_key(|row| {
        let value = (row.listed.is_none(), row.listed, row.price.is_none(), row.price);
        (row.product, row.market, Reverse(row.authority), value, row.at)
    });
    let mut prices = Vec::new();
    for rows in known.chunk_by(|a, b| (a.product, a.market) == (b.product, b.market)) {
        let merged = merge(rows, products, words, ledger);
        let product = &mut products[index(merged.product)];
        match merged.listed {
            Some(true) => product.markets |= 1 << merged.market,
            Some(false) => product.markets &= !(1 << merged.market),
            None => {}
        }
        let Some((minor, read_at_s)) = merged.price else { continue };
        if index(merged.market) != config.default_market {
            let read_at_s = read_at_s.or(config.read_at_s);
            let (product, market) = (merged.product, merged.market);
            prices.push(MarketPrice { product, market, minor, read_at_s });
            continue;
        }
        let row = &product_rows[index(merged.product)];
        if row.price.is_none() || row.price_authority <= merged.authority {
            product.price = Some(minor);
            let of_stock = row.availability.and(row.availability_read_at_s.or(config.read_at_s));
            let times = [of_stock, read_at_s.or(config.read_at_s)];
            product.read_at_s = times.into_iter().flatten().min().or(product.read_at_s);
        }
    }
    prices
}

/// The best listing and the best price of one product and market; `authority` is the price's.
fn merge(
    rows: &[MarketRow],
    products: &[Product],
    words: &Words,
    ledger: &mut Ledger,
) -> MarketRow {
    // What another source says, too, is no second row.
    let mut said = BTreeSet::new();
    for row in rows.iter().filter(|_| rows.len() > 1) {
        let source = ledger.source(row.at);
        let parts = [row.listed.map(|_| Part::Listing), row.price.map(|_| Part::Price)];
        let are_new = parts.into_iter().flatten().map(|part| said.insert((source, part)));
        if are_new.fold(false, |again, is_new| again | !is_new) {
            ledger.find(FindingCode::DuplicateProduct, row.at, "", || {
                let id = words.ids.text(products[index(row.product)].node);
                format!("expected one row for product {id} in this market, found another")
            });
        }
    }
    let listings = rows.iter().filter_map(|row| Some((Reverse(row.authority), row.listed?)));
    let prices = rows.iter().filter_map(|row| Some((Reverse(row.authority), row.price?)));
    let price = prices.min();
    MarketRow {
        listed: listings.min().map(|(_, listed)| listed),
        price: price.map(|(_, price)| price),
        authority: price.map_or(rows[0].authority, |(authority, _)| authority.0),
        ..rows[0]
    }
}

/// What a row says of a product in a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Listing,
    Price,
}
