//! Goal: prices and assortments by market.

use super::{
    products::{check_row, row},
    *,
};
use crate::model::{
    decimal::Decimal,
    record::{PriceRecord, ProductMarketRecord},
};

fn price<'a>(amount: &str, currency: Option<&'a str>) -> Option<PriceRecord<'a>> {
    Some(PriceRecord { amount: Decimal::parse(amount).unwrap(), currency })
}

#[test]
fn prices_are_in_the_markets_currency() {
    let check = |price, expected, codes: &[(&str, u64)]| {
        let (_, found) = check_row(ProductRecord { price, ..row("a", "") }, codes);
        assert_eq!(found.price, expected);
    };
    check(price("12.345", None), Some(1235), &[]);
    check(price("12.34", Some("EUR")), Some(1234), &[]);
    check(price("0", Some("EUR")), Some(0), &[]);
    check(price("12", Some("JPY")), None, &[("mixed_currency", 1)]);
    check(price("12", Some("EURO")), None, &[("unknown_currency", 1)]);
    check(price("-1", None), None, &[("bad_value", 1)]);
    check(price("999999999999999999", None), None, &[("bad_value", 1)]);
}

fn in_market<'a>(
    id: &'a str,
    market: &'a str,
    price: Option<PriceRecord<'a>>,
) -> ProductMarketRecord<'a> {
    ProductMarketRecord { id, market, listed: None, price, read_at_s: None }
}

#[track_caller]
fn check_markets(rows: &[ProductMarketRecord<'_>], codes: &[(&str, u64)]) -> Graph<MemoryRuns> {
    let limited = ProductRecord { markets: vec!["eu"], price: price("1", None), ..row("a", "") };
    let mut records = vec![product("b"), Record::Product(limited)];
    records.extend(rows.iter().cloned().map(Record::ProductMarket));
    let graph = one(&records);
    assert_eq!(findings(&graph), codes);
    graph
}

#[test]
fn market_rows_list_and_unlist() {
    let listed = |id, market, listed| ProductMarketRecord { listed, ..in_market(id, market, None) };
    let check = |row, a, b| {
        let graph = check_markets(&[row], &[]);
        assert_eq!((graph.products[0].markets, graph.products[1].markets), (a, b));
    };
    check(listed("a", "jp", Some(true)), 0b11, 0b11);
    check(listed("a", "eu", Some(false)), 0b00, 0b11);
    check(listed("b", "eu", Some(false)), 0b01, 0b10);
    check(listed("b", "eu", None), 0b01, 0b11);
}

#[test]
fn market_prices_are_sparse_and_sorted() {
    let read =
        ProductMarketRecord { read_at_s: Some(9), ..in_market("a", "jp", price("300", None)) };
    let graph = check_markets(&[in_market("b", "jp", price("500", Some("JPY"))), read], &[]);
    assert_eq!(
        graph.market_prices,
        [
            MarketPrice { product: 0, market: 1, minor: 300, read_at_s: Some(9) },
            MarketPrice { product: 1, market: 1, minor: 500, read_at_s: None },
        ]
    );
}

#[test]
fn a_default_market_row_prices_the_product() {
    let rows = [in_market("a", "eu", price("7", None)), in_market("b", "eu", price("8", None))];
    let graph = check_markets(&rows, &[]);
    assert_eq!(graph.market_prices, []);
    assert_eq!((graph.products[0].price, graph.products[1].price), (Some(700), Some(800)));

    let records = [Record::Product(ProductRecord { price: price("1", None), ..row("a", "") })];
    let markets = [Record::ProductMarket(in_market("a", "eu", price("7", None)))];
    let graph = build(config(), &[("high", &records), ("low", &markets)]);
    assert_eq!(graph.products[0].price, Some(100));
}

#[test]
fn bad_market_rows_are_findings() {
    let paid = |currency| in_market("a", "jp", price("5", Some(currency)));
    check_markets(&[in_market("x", "jp", None)], &[("unknown_market_product", 1)]);
    check_markets(&[in_market("", "jp", None)], &[("bad_id", 1)]);
    check_markets(&[in_market("a", "us", None)], &[("unknown_market", 1)]);
    let graph = check_markets(&[paid("EUR")], &[("mixed_currency", 1)]);
    assert_eq!(graph.market_prices, []);
    check_markets(&[paid("yen")], &[("unknown_currency", 1)]);
}

#[test]
fn the_smaller_of_two_market_prices_wins_and_one_is_reported() {
    let rows = [in_market("a", "jp", price("6", None)), in_market("a", "jp", price("5", None))];
    let graph = check_markets(&rows, &[("duplicate_product", 1)]);
    assert_eq!(graph.market_prices.len(), 1);
    assert_eq!(graph.market_prices[0].minor, 5);
    // One row lists, another one prices: both count.
    let lists = ProductMarketRecord { listed: Some(true), ..in_market("a", "jp", None) };
    let graph = check_markets(&[lists, in_market("a", "jp", price("5", None))], &[]);
    assert_eq!((graph.products[0].markets, graph.market_prices[0].minor), (0b11, 5));
}

#[test]
fn unknown_markets_never_widen_the_assortment() {
    let check = |markets, mask| {
        let (_, found) =
            check_row(ProductRecord { markets, ..row("a", "") }, &[("unknown_market", 1)]);
        assert_eq!(found.markets, mask);
    };
    check(vec!["us", "jp"], 0b10);
    check(vec!["us", "uk"], 0);
}

#[test]
fn sixty_four_markets_fill_the_mask() {
    let mut config = config();
    let model = config.markets[0].clone();
    config.markets = (0..64).map(|n| Market { id: format!("m{n}"), ..model.clone() }).collect();
    let record = ProductRecord { markets: vec!["m63"], ..row("b", "") };
    let graph = build(config, &[("test", &[product("a"), Record::Product(record)])]);
    assert_eq!((graph.products[0].markets, graph.products[1].markets), (u64::MAX, 1 << 63));
}
