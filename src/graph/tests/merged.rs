//! Goal: what several sources say of one product meets field by field, whatever their order and
//! whether they share its id or an alias joins their ids.

use super::*;
use crate::model::{
    decimal::Decimal,
    record::{AliasRecord, PriceRecord, ProductMarketRecord, Visibility},
    relation::Availability,
};

const NOTHING: ProductRecord<'_> = ProductRecord {
    id: "a",
    title: None,
    brand: None,
    categories: Vec::new(),
    price: None,
    availability: None,
    read_at_s: None,
    parent: None,
    variant_position: None,
    visibility: Visibility::Visible,
    popularity: None,
    tags: Vec::new(),
    eco_grade: None,
    markets: Vec::new(),
};

fn euros(digits: i64) -> Option<PriceRecord<'static>> {
    Some(PriceRecord { amount: Decimal { digits, scale: 0 }, currency: None })
}

/// Every row of a product has a source of its own; the first product is looked at. The sources come in
/// each order, and once more under ids that aliases join.
#[track_caller]
fn check_in(
    config: &CatalogConfig,
    rows: &[(&str, ProductRecord<'_>)],
    further: &[Record<'_>],
    expected: impl Fn(&Graph<MemoryRuns>, &Product),
) {
    let others = [("others", [&[product("z")], further].concat())];
    let same = rows.iter().map(|(name, row)| (*name, vec![Record::Product(row.clone())]));
    let ids =
        ["a", "b", "c"].map(|id| (id, Record::Alias(AliasRecord { alias: "a", product: id })));
    let joined = rows.iter().zip(&ids).map(|((name, row), (id, alias))| {
        let row = Record::Product(ProductRecord { id, ..row.clone() });
        (*name, if *id == "a" { vec![row] } else { vec![row, alias.clone()] })
    });
    let (same, joined) = (same.collect::<Vec<_>>(), joined.collect::<Vec<_>>());
    for sources in [same, joined] {
        let mut sources = [&sources[..], &others].concat();
        for turn in 0..sources.len() * 2 {
            let sources_now: Vec<_> = sources.iter().map(|(name, all)| (*name, &all[..])).collect();
            let graph = build(config.clone(), &sources_now);
            assert_eq!(graph.products.len(), 2);
            let known = [("merged_product", rows.len() as u64 - 1)];
            assert_eq!(findings(&graph), known[..usize::from(rows.len() > 1)]);
            expected(&graph, &graph.products[0]);
            sources.rotate_left(1);
            if turn + 1 == sources.len() {
                sources.reverse();
            }
        }
    }
}

#[track_caller]
fn check(rows: &[(&str, ProductRecord<'_>)], expected: impl Fn(&Graph<MemoryRuns>, &Product)) {
    check_in(&config(), rows, &[], expected);
}

/// A PIM of the larger priority had only an id and a title, the shop knew that the product was sold
/// out and what it cost: the shop's row was dropped whole, and the product was recommended.
#[test]
fn a_row_of_titles_hides_no_other_sources_stock_and_price() {
    let pim = ProductRecord { title: Some("Camera"), ..NOTHING };
    let shop = ProductRecord {
        title: Some("Z-Camera"),
        price: euros(99),
        availability: Some(Availability::OutOfStock),
        read_at_s: Some(7),
        ..NOTHING
    };
    // Of equal priority it made no difference who said more.
    for pim_name in ["high", "pim", "low"] {
        check(&[(pim_name, pim.clone()), ("shop", shop.clone())], |graph, found| {
            assert_eq!(found.availability, Some(Availability::OutOfStock));
            assert_eq!((found.price, found.read_at_s), (Some(9_900), Some(7)));
            let title = if pim_name == "high" { "Camera" } else { "Z-Camera" };
            assert_eq!(graph.title(found), Some(title));
        });
    }
}

#[test]
fn each_field_is_that_of_the_largest_priority_that_states_it() {
    let full = |word, number: u32| ProductRecord {
        title: Some(word),
        brand: Some(word),
        categories: vec![word, "x"],
        price: euros(i64::from(number)),
        availability: Availability::new(u8::try_from(number).unwrap()),
        parent: Some("z"),
        variant_position: Some(number),
        popularity: Some(f64::from(number)),
        tags: vec![word],
        eco_grade: u8::try_from(number).ok(),
        markets: vec![if number == 1 { "eu" } else { "jp" }],
        ..NOTHING
    };
    let says = |graph: &Graph<MemoryRuns>, found: &Product, word: &str, number: u32| {
        assert_eq!(graph.title(found), Some(word));
        assert_eq!(found.brand.map(|brand| graph.brands[index(brand)].as_str()), Some(word));
        assert_eq!(
            found.category.map(|category| graph.categories.path(category)),
            Some(word.to_owned())
        );
        assert_eq!(found.extra_categories.len(), 1);
        assert_eq!(found.price, Some(i64::from(number) * 100));
        assert_eq!(found.availability.map(|state| state as u32), Some(number));
        assert_eq!((found.parent, found.variant_position), (Some(1), Some(number)));
        assert_eq!(found.popularity, Some(f64::from(number)));
        assert_eq!((graph.tags.join(" ").as_str(), found.tags), (word, 1));
        assert_eq!(found.eco_grade.map(u32::from), Some(number));
        assert_eq!(found.markets, u64::from(number));
    };
    let (mine, other) = (full("mine", 1), full("other", 2));
    check(&[("high", mine.clone()), ("low", other.clone())], |graph, found| {
        says(graph, found, "mine", 1);
    });
    // What the first one leaves open the second one fills, before the third.
    check(&[("high", NOTHING), ("shop", mine), ("low", other.clone())], |graph, found| {
        says(graph, found, "mine", 1);
    });
    let empty = ProductRecord { title: Some(""), categories: vec![" / "], ..NOTHING };
    check(&[("high", empty), ("low", other)], |graph, found| says(graph, found, "other", 2));
}

/// Of equal priority each field has its larger value, as it is in rows of one source; for stock that
/// is the state that sells less.
#[test]
fn of_equal_priority_each_field_has_the_larger_value() {
    let row = |title, digits, availability, position| ProductRecord {
        title: Some(title),
        price: euros(digits),
        availability: Some(availability),
        parent: Some("z"),
        variant_position: Some(position),
        ..NOTHING
    };
    let first = row("A", 5, Availability::OutOfStock, 2);
    let second = row("B", 4, Availability::InStock, 1);
    check(&[("one", first), ("two", second)], |graph, found| {
        assert_eq!((graph.title(found), found.price), (Some("B"), Some(500)));
        assert_eq!(found.availability, Some(Availability::OutOfStock));
        assert_eq!(found.variant_position, Some(1));
    });
}

#[test]
fn a_product_that_one_source_hides_is_hidden() {
    let hidden = ProductRecord { visibility: Visibility::Hidden, ..NOTHING };
    for names in [["high", "low"], ["low", "high"], ["one", "two"]] {
        check(&[(names[0], hidden.clone()), (names[1], NOTHING)], |_, found| {
            assert_eq!(found.visibility, Visibility::Hidden);
        });
        check(&[(names[0], NOTHING), (names[1], NOTHING)], |_, found| {
            assert_eq!(found.visibility, Visibility::Visible);
        });
    }
}

#[test]
fn the_assortment_is_that_of_the_largest_priority_that_names_markets() {
    let sold = |markets: &[&'static str]| ProductRecord { markets: markets.to_vec(), ..NOTHING };
    let check_markets = |high: &[&'static str], low: &[&'static str], expected| {
        check(&[("high", sold(high)), ("low", sold(low))], |_, found| {
            assert_eq!(found.markets, expected);
        });
    };
    check_markets(&[], &[], 0b11);
    check_markets(&[], &["jp"], 0b10);
    check_markets(&["eu"], &["jp"], 0b01);
    check_markets(&["eu", "jp"], &["jp"], 0b11);
    check_markets(&["eu"], &[], 0b01);
}

/// A product has one reading time: a price of today must not make yesterday's stock as new.
#[test]
fn price_and_stock_of_two_rows_were_read_at_the_older_of_their_times() {
    let priced = |read_at_s| ProductRecord { price: euros(9), read_at_s, ..NOTHING };
    let stocked = |read_at_s| ProductRecord {
        availability: Some(Availability::InStock),
        read_at_s,
        ..NOTHING
    };
    let check_times = |config: &CatalogConfig, price, stock, expected| {
        for (pricer, stocker) in [("high", "low"), ("low", "high"), ("one", "two")] {
            let rows = [(pricer, priced(price)), (stocker, stocked(stock))];
            check_in(config, &rows, &[], |_, found| assert_eq!(found.read_at_s, expected));
        }
    };
    check_times(&config(), Some(5), Some(9), Some(5));
    check_times(&config(), Some(9), Some(5), Some(5));
    // Who does not say when takes nothing from who does.
    check_times(&config(), None, Some(9), Some(9));
    check_times(&config(), Some(9), None, Some(9));
    check_times(&config(), None, None, None);
    let dated = CatalogConfig { read_at_s: Some(7), ..config() };
    check_times(&dated, None, Some(9), Some(7));
    check_times(&dated, Some(5), None, Some(5));
    // The time of a row that lost both says nothing.
    let both = |read_at_s| ProductRecord { price: euros(9), ..stocked(read_at_s) };
    check(&[("high", both(Some(9))), ("low", both(Some(5)))], |_, found| {
        assert_eq!(found.read_at_s, Some(9));
    });
}

#[test]
fn two_rows_of_one_source_are_not_merged() {
    let first = ProductRecord { title: Some("B"), ..NOTHING };
    let second =
        ProductRecord { title: Some("A"), brand: Some("acme"), price: euros(1), ..NOTHING };
    let other = [Record::Product(ProductRecord { brand: Some("other"), ..NOTHING })];
    for rows in [[&first, &second], [&second, &first]] {
        let rows = rows.map(|row| Record::Product(row.clone()));
        for sources in [[("one", &rows[..]), ("low", &other)], [("low", &other), ("one", &rows)]] {
            let graph = build(config(), &sources);
            let found = &graph.products[0];
            assert_eq!((graph.title(found), found.price), (Some("B"), None));
            assert_eq!(graph.brands, ["other"]);
            assert_eq!(findings(&graph), [("duplicate_product", 1), ("merged_product", 1)]);
        }
    }
}

/// Every product that two systems know was an error, so that `--strict` could never pass.
#[test]
fn what_several_sources_know_is_worth_knowing_and_no_more() {
    let rows = ["ab", "Ab", "aB"].map(product);
    let sources = [("pim", &rows[..1]), ("shop", &rows[1..2]), ("erp", &rows[2..])];
    let graph = build(case_folded(), &sources);
    assert_eq!(graph.id(&graph.products[0]), "Ab");
    assert_eq!(findings(&graph), [("merged_product", 2)]);
    // One source that spells an id in two ways says two products.
    let folded = |sources: &[(&str, &[Record<'_>])]| findings(&build(case_folded(), sources));
    let expected = [("colliding_id", 1), ("merged_product", 1)];
    assert_eq!(folded(&[("pim", &rows[..1]), ("shop", &rows[1..])]), expected);
    assert_eq!(folded(&[("shop", &rows[1..]), ("pim", &rows[..1])]), expected);
    // A spelling of one source is none of the other's.
    let twice = [&rows[..1], &rows[..1]].concat();
    let expected = [("duplicate_product", 1), ("merged_product", 1)];
    assert_eq!(folded(&[("pim", &twice), ("shop", &rows[1..2])]), expected);
    assert_eq!(folded(&[("shop", &rows[1..2]), ("pim", &twice)]), expected);
    assert_eq!(FindingCode::MergedProduct.severity(), crate::model::finding::Severity::Info);
}

#[test]
fn findings_name_the_row_that_states_the_field() {
    let pim = ProductRecord { title: Some("A"), ..NOTHING };
    let shop = ProductRecord { parent: Some("gone"), tags: vec!["odd"], ..NOTHING };
    let (pim, shop) = ([Record::Product(pim)], [product("z"), Record::Product(shop)]);
    let config = CatalogConfig { tags: vec!["even".to_owned()], ..config() };
    let graph = build(config, &[("high", &pim), ("low", &shop)]);
    for code in [FindingCode::UnknownParent, FindingCode::UnknownTag] {
        let (_, group) = graph.findings.groups().find(|(found, _)| *found == code).unwrap();
        assert!(group.samples[0].starts_with("low.csv:2: "), "{:?}", group.samples);
    }
    assert_eq!(graph.product_place(0), Some("high.csv:1".to_owned()));
}

#[test]
fn a_price_of_the_default_market_is_weighed_against_the_price_it_replaces() {
    let market = |digits, read_at_s| ProductMarketRecord {
        id: "a",
        market: "eu",
        listed: None,
        price: euros(digits),
        read_at_s,
    };
    let stocked =
        ProductRecord { availability: Some(Availability::InStock), read_at_s: Some(5), ..NOTHING };
    let priced = ProductRecord { price: euros(1), read_at_s: Some(6), ..NOTHING };
    let check_price = |rows: &[(&str, ProductRecord<'_>)], read_at_s, price, time| {
        let further = [Record::ProductMarket(market(7, read_at_s))];
        check_in(&config(), rows, &further, |_, found| {
            assert_eq!((found.price, found.read_at_s), (Some(price), time));
        });
    };
    // The row of the larger priority says nothing of a price: that of the market beats the lower one's.
    check_price(&[("high", stocked.clone()), ("low", priced.clone())], None, 700, Some(5));
    check_price(&[("high", priced.clone()), ("low", stocked.clone())], None, 100, Some(5));
    // Stock and price of two rows here, too.
    check_price(&[("high", stocked.clone())], Some(9), 700, Some(5));
    check_price(&[("high", stocked)], Some(3), 700, Some(3));
    check_price(&[("low", priced)], Some(3), 700, Some(3));
    check_price(&[("low", NOTHING)], Some(3), 700, Some(3));
}

/// The same in markets: a second source's row there was an error.
#[test]
fn rows_of_several_sources_for_one_market_are_no_duplicates() {
    let row = |digits, listed| {
        let price = euros(digits);
        [Record::ProductMarket(ProductMarketRecord {
            id: "a",
            market: "jp",
            listed,
            price,
            read_at_s: None,
        })]
    };
    let (pim, shop) = (row(9, None), row(5, Some(false)));
    let base = [product("a")];
    let twice = [&pim[..], &pim].concat();
    let check_prices = |pim: &[Record<'_>], expected: &[(&str, u64)]| {
        let sources = [("base", &base[..]), ("high", pim), ("shop", &shop)];
        let turned = [sources[2], sources[1], sources[0]];
        for sources in [sources, turned] {
            let graph = build(config(), &sources);
            assert_eq!((graph.products[0].markets, graph.market_prices[0].minor), (0b01, 9));
            assert_eq!(findings(&graph), expected);
        }
    };
    check_prices(&pim, &[]);
    check_prices(&twice, &[("duplicate_product", 1)]);
}
