//! Goal: products, their dictionaries, parents, prices and assortments.

use super::*;
use crate::model::{
    decimal::Decimal,
    limits::{
        CATEGORY_DEPTH_MAX, EXTRA_CATEGORIES_MAX, ID_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX,
        VARIANT_DEPTH_MAX,
    },
    record::{PriceRecord, ProductMarketRecord, Visibility},
    relation::Availability,
};

fn row<'a>(id: &'a str, title: &'a str) -> ProductRecord<'a> {
    ProductRecord { id, title: Some(title), ..ProductRecord::default() }
}

fn ids<R: SortedRuns>(graph: &Graph<R>) -> Vec<&str> {
    graph.products.iter().map(|product| graph.id(product)).collect()
}

/// The only product of a row, and the findings.
#[track_caller]
fn check_row(record: ProductRecord<'_>, expected: &[(&str, u64)]) -> (Graph<MemoryRuns>, Product) {
    let graph = one(&[Record::Product(record)]);
    assert_eq!(findings(&graph), expected);
    let product = graph.products[0].clone();
    (graph, product)
}

#[test]
fn ordinals_stand_in_the_order_of_folded_ids() {
    let records = ["b", "C", "a", "B2"].map(product);
    assert_eq!(ids(&build(config(), &[("test", &records)])), ["B2", "C", "a", "b"]);
    assert_eq!(ids(&build(case_folded(), &[("test", &records)])), ["a", "b", "B2", "C"]);
}

#[test]
fn every_column_survives() {
    let (graph, found) = check_row(
        ProductRecord {
            id: "a",
            title: Some("A thing"),
            brand: Some("acme"),
            categories: vec!["x/y", "z"],
            price: Some(PriceRecord { amount: Decimal::parse("1.5").unwrap(), currency: None }),
            availability: Some(Availability::LowStock),
            read_at_s: Some(5),
            parent: None,
            variant_position: Some(3),
            visibility: Visibility::Hidden,
            popularity: Some(0.5),
            tags: vec!["new"],
            eco_grade: Some(4),
            markets: vec!["jp"],
        },
        &[],
    );
    assert_eq!((graph.id(&found), graph.title(&found)), ("a", Some("A thing")));
    assert_eq!((graph.brands.as_slice(), found.brand), (["acme".to_owned()].as_slice(), Some(0)));
    assert_eq!(graph.categories.path(found.category.unwrap()), "x/y");
    assert_eq!(
        found.extra_categories.iter().map(|id| graph.categories.path(*id)).collect::<Vec<_>>(),
        ["z"]
    );
    assert_eq!((found.price, found.availability), (Some(150), Some(Availability::LowStock)));
    assert_eq!((found.read_at_s, found.visibility), (Some(5), Visibility::Hidden));
    assert_eq!((found.parent, found.variant_position), (None, None));
    assert_eq!((found.popularity, found.eco_grade), (Some(0.5), Some(4)));
    assert_eq!((found.tags, found.markets), (1, 0b10));
}

#[test]
fn rows_without_a_reading_time_take_the_catalogs() {
    let config = CatalogConfig { read_at_s: Some(77), ..config() };
    let graph = build(config, &[("test", &[product("a")])]);
    assert_eq!(graph.products[0].read_at_s, Some(77));
}

#[test]
fn bad_ids_lose_the_row() {
    let long = "x".repeat(ID_BYTES_MAX + 1);
    let graph = one(&[product("a"), product(""), product(&long), product(&long[1..])]);
    assert_eq!(findings(&graph), [("bad_id", 2)]);
    assert_eq!(graph.products.len(), 2);
}

#[test]
fn the_winning_row_never_depends_on_the_order() {
    let (cheap, dear) = (row("a", "Cheap"), row("a", "Dear"));
    for records in [[cheap.clone(), dear.clone()], [dear.clone(), cheap.clone()]] {
        let graph = one(&records.map(Record::Product));
        assert_eq!(graph.title(&graph.products[0]), Some("Dear"));
        assert_eq!(findings(&graph), [("duplicate_product", 1)]);
    }
    let (cheap, dear) = ([Record::Product(cheap)], [Record::Product(dear)]);
    let high_first = build(config(), &[("high", &cheap), ("low", &dear)]);
    let high_last = build(config(), &[("low", &dear), ("high", &cheap)]);
    for graph in [high_first, high_last] {
        assert_eq!(graph.title(&graph.products[0]), Some("Cheap"));
        assert_eq!(findings(&graph), [("duplicate_product", 1)]);
    }
}

#[test]
fn spellings_of_one_id_collide_and_the_smallest_names_it() {
    let check = |spellings: &[&str], expected: &[(&str, u64)]| {
        let records: Vec<_> = spellings.iter().map(|id| product(id)).collect();
        let graph = build(case_folded(), &[("test", &records)]);
        assert_eq!(ids(&graph), ["Ab"]);
        assert_eq!(findings(&graph), expected);
    };
    check(&["Ab"], &[]);
    check(&["ab", "Ab"], &[("colliding_id", 1)]);
    check(&["Ab", "ab", "aB"], &[("colliding_id", 2)]);
    check(&["aB", "ab", "Ab", "aB", "Ab"], &[("colliding_id", 2), ("duplicate_product", 2)]);
    check(&["ab", "aB", "Ab", "Ab", "aB"], &[("colliding_id", 2), ("duplicate_product", 2)]);
}

#[test]
fn other_rows_do_not_spell_products() {
    let records = [Record::Relation(link("AB", "related", "B")), product("ab"), product("b")];
    let graph = build(case_folded(), &[("test", &records)]);
    assert_eq!(links(&graph), ["ab related b"]);
}

#[test]
fn long_texts_are_cut_or_left_out() {
    let at_most = "é".repeat(TITLE_BYTES_MAX / 2);
    let (graph, found) = check_row(row("a", &at_most), &[]);
    assert_eq!(graph.title(&found), Some(at_most.as_str()));
    let longer = format!("x{at_most}");
    let (graph, found) = check_row(row("a", &longer), &[("bad_value", 1)]);
    assert_eq!(graph.title(&found).unwrap().len(), TITLE_BYTES_MAX - 1);

    let long = "x".repeat(ID_BYTES_MAX + 1);
    let labelled = |text| ProductRecord { brand: Some(text), tags: vec![text], ..row("a", "") };
    let (graph, found) = check_row(labelled(&long), &[("bad_value", 2)]);
    assert_eq!((found.brand, found.tags, graph.title(&found)), (None, 0, None));
    let (_, found) = check_row(labelled(&long[1..]), &[]);
    assert_eq!((found.brand, found.tags), (Some(0), 1));
    let (_, found) = check_row(labelled(""), &[]);
    assert_eq!((found.brand, found.tags), (None, 0));
}

#[test]
fn declared_tags_have_their_bits_and_others_are_unknown() {
    let config = CatalogConfig { tags: vec!["z".to_owned(), "a".to_owned()], ..config() };
    let tagged = ProductRecord { tags: vec!["a", "b", "a"], ..row("p", "") };
    let graph = build(config, &[("test", &[Record::Product(tagged)])]);
    assert_eq!(
        (graph.products[0].tags, graph.tags.as_slice()),
        (0b10, ["z".to_owned(), "a".to_owned()].as_slice())
    );
    assert_eq!(findings(&graph), [("unknown_tag", 1)]);
}

#[test]
fn undeclared_tags_are_those_found_up_to_64() {
    let tags: Vec<_> = (0..=TAGS_MAX).map(|n| format!("t{n:02}")).collect();
    let check = |count: usize, expected: &[(&str, u64)]| {
        let tags = tags.iter().take(count).rev().map(String::as_str).collect();
        let (graph, found) = check_row(ProductRecord { tags, ..row("a", "") }, expected);
        assert_eq!(graph.tags.len(), count.min(TAGS_MAX));
        assert_eq!(
            (graph.tags[0].as_str(), found.tags.count_ones() as usize),
            ("t00", graph.tags.len())
        );
    };
    check(TAGS_MAX - 1, &[]);
    check(TAGS_MAX, &[]);
    check(TAGS_MAX + 1, &[("unknown_tag", 1)]);
}

#[test]
fn losing_rows_leave_no_words_behind() {
    let rich = |title, word| ProductRecord {
        brand: Some(word),
        categories: vec![word],
        tags: vec![word],
        ..row("a", title)
    };
    let graph = one(&[rich("A", "gone"), rich("B", "kept")].map(Record::Product));
    assert_eq!((graph.brands.join(" "), graph.tags.join(" ")), ("kept".into(), "kept".into()));
    assert_eq!(graph.categories.nodes().len(), 1);
}

#[test]
fn categories_are_a_tree_in_pre_order() {
    // By bytes `a b` stands before `a/b`; in the tree it stands after all of `a`.
    let paths = vec!["a b", "a/c/d", " a / b /", "a", "//", "z/é"];
    let (graph, found) = check_row(ProductRecord { categories: paths, ..row("p", "") }, &[]);
    let tree = &graph.categories;
    let all: Vec<_> = (0..7).map(|id| tree.path(id)).collect();
    assert_eq!(all, ["a", "a/b", "a/c", "a/c/d", "a b", "z", "z/é"]);
    assert_eq!(tree.nodes().iter().map(|node| node.end).collect::<Vec<_>>(), [4, 2, 4, 4, 5, 7, 7]);
    let parents = [None, Some(0), Some(0), Some(2), None, None, Some(5)];
    assert_eq!(tree.nodes().iter().map(|node| node.parent).collect::<Vec<_>>(), parents);
    for (id, path) in (0..).zip(&all) {
        assert_eq!(tree.find(path), Some(id));
    }
    for path in ["", "b", "a/b/c", "a/d", "z/"] {
        assert_eq!(tree.find(path), None, "{path}");
    }
    assert!(tree.is_within(3, 0) && tree.is_within(3, 3) && tree.is_within(3, 2));
    assert!(!tree.is_within(4, 0) && !tree.is_within(0, 3));
    assert_eq!((found.category, &*found.extra_categories), (Some(4), &[0, 1, 3, 6][..]));
}

#[test]
fn categories_have_limits() {
    let check = |path: String, expected: &[(&str, u64)]| {
        let record = ProductRecord { categories: vec![&path], ..row("p", "") };
        let (_, found) = check_row(record, expected);
        assert_eq!(found.category.is_none(), !expected.is_empty());
    };
    let bad = [("bad_value", 1)];
    check(vec!["x"; CATEGORY_DEPTH_MAX].join("/"), &[]);
    check(vec!["x"; CATEGORY_DEPTH_MAX + 1].join("/"), &bad);
    check("x".repeat(128), &[]);
    check("x".repeat(129), &bad);
    // Eight levels of 127 bytes and their seven slashes make 1,023.
    let levels = vec!["x".repeat(127); 8].join("/");
    check(levels.clone(), &[]);
    check(format!("x{levels}"), &[]);
    check(levels.replace("/x", "/xx"), &bad);
}

#[test]
fn further_categories_have_a_limit() {
    let paths: Vec<_> = (0..EXTRA_CATEGORIES_MAX + 2).map(|n| format!("c{n:02}")).collect();
    let check = |count: usize, expected: &[(&str, u64)]| {
        let categories = paths.iter().take(count).map(String::as_str).collect();
        let (_, found) = check_row(ProductRecord { categories, ..row("p", "") }, expected);
        assert_eq!(found.extra_categories.len(), (count - 1).min(EXTRA_CATEGORIES_MAX));
    };
    check(EXTRA_CATEGORIES_MAX, &[]);
    check(EXTRA_CATEGORIES_MAX + 1, &[]);
    check(EXTRA_CATEGORIES_MAX + 2, &[("bad_value", 1)]);
}

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

/// Each `child<parent` or `child<parent@position`, by child; products without a parent are left out.
fn parents(graph: &Graph<MemoryRuns>) -> Vec<String> {
    let line = |product: &Product| {
        let parent = graph.id(&graph.products[index(product.parent?)]);
        let position = product.variant_position.map(|position| format!("@{position}"));
        Some(format!("{}<{parent}{}", graph.id(product), position.unwrap_or_default()))
    };
    graph.products.iter().filter_map(line).collect()
}

#[track_caller]
fn check_parents(records: &[Record<'_>], expected: &[&str], codes: &[(&str, u64)]) {
    let graph = one(records);
    assert_eq!(parents(&graph), expected);
    assert_eq!(findings(&graph), codes);
}

fn child<'a>(id: &'a str, parent: &'a str, position: Option<u32>) -> Record<'a> {
    let record =
        ProductRecord { id, parent: Some(parent), variant_position: position, ..row(id, "") };
    Record::Product(record)
}

#[test]
fn parents_come_from_the_row_else_from_the_parent() {
    let own = child("b", "a", Some(2));
    check_parents(&[own.clone(), product("a")], &["b<a@2"], &[]);
    check_parents(&[variant("a", "b", Some(1)), product("b"), product("a")], &["b<a@1"], &[]);
    check_parents(&[own.clone(), variant("a", "b", Some(1)), product("a")], &["b<a@2"], &[]);
    check_parents(
        &[child("b", "a", None), variant("a", "b", Some(1)), product("a")],
        &["b<a@1"],
        &[],
    );
    let records = [own, variant("c", "b", Some(1)), product("a"), product("c")];
    check_parents(&records, &["b<a@2"], &[("bad_value", 1)]);
}

#[test]
fn of_two_claims_the_authority_then_the_smaller_id_wins() {
    let products = ["a", "b", "c"].map(product);
    let (to_a, to_b) = ([variant("a", "c", None)], [variant("b", "c", None)]);
    let graph = build(config(), &[("high", &to_b), ("low", &products), ("low", &to_a)]);
    assert_eq!(
        (parents(&graph), findings(&graph)),
        (vec!["c<b".to_owned()], vec![("bad_value", 1)])
    );
    let graph = build(config(), &[("low", &to_b), ("low", &products), ("low", &to_a)]);
    assert_eq!(
        (parents(&graph), findings(&graph)),
        (vec!["c<a".to_owned()], vec![("bad_value", 1)])
    );
}

#[test]
fn unknown_parents_are_left_out() {
    let unknown = [("unknown_parent", 1)];
    check_parents(&[child("a", "x", Some(1))], &[], &unknown);
    check_parents(&[product("a"), variant("x", "a", None)], &[], &unknown);
    check_parents(&[product("a"), variant("a", "x", None)], &[], &unknown);
    check_parents(&[product("a"), variant("", "a", None)], &[], &[("bad_id", 1)]);
    // Then the parent's own claim counts.
    check_parents(
        &[child("a", "x", None), product("b"), variant("b", "a", None)],
        &["a<b"],
        &unknown,
    );
}

#[test]
fn parents_in_a_circle_are_left_out() {
    check_parents(&[child("a", "a", Some(1))], &[], &[("parent_cycle", 1)]);
    let circle = [child("a", "b", None), child("b", "c", None), child("c", "a", None)];
    check_parents(&circle, &[], &[("parent_cycle", 3)]);
    // What hangs below a circle stays where it hangs.
    let hanging = [
        child("0", "b", None),
        child("a", "b", None),
        child("b", "a", None),
        child("z", "0", None),
    ];
    check_parents(&hanging, &["0<b", "z<0"], &[("parent_cycle", 2)]);
}

#[test]
fn parents_are_not_too_deep() {
    assert_eq!(VARIANT_DEPTH_MAX, 4);
    let chain = [
        product("0"),
        child("1", "0", None),
        child("2", "1", None),
        child("3", "2", None),
        child("4", "3", None),
    ];
    let fitting = ["1<0", "2<1", "3<2", "4<3"];
    check_parents(&chain, &fitting, &[]);
    let mut chain = chain.to_vec();
    chain.insert(0, child("5", "4", None));
    chain.insert(0, child("6", "5", None));
    let cut = ["1<0", "2<1", "3<2", "4<3", "6<5"];
    check_parents(&chain, &cut, &[("parent_cycle", 1)]);
}
