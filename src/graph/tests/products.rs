//! Goal: products, their ids and their dictionaries.

use super::*;
use crate::model::{
    decimal::Decimal,
    limits::{CATEGORY_DEPTH_MAX, EXTRA_CATEGORIES_MAX, ID_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX},
    record::{PriceRecord, Visibility},
    relation::Availability,
};

pub(super) fn row<'a>(id: &'a str, title: &'a str) -> ProductRecord<'a> {
    ProductRecord { id, title: Some(title), ..ProductRecord::default() }
}

fn ids<R: SortedRuns>(graph: &Graph<R>) -> Vec<&str> {
    graph.products.iter().map(|product| graph.id(product)).collect()
}

/// The only product of a row, and the findings.
#[track_caller]
pub(super) fn check_row(
    record: ProductRecord<'_>,
    expected: &[(&str, u64)],
) -> (Graph<MemoryRuns>, Product) {
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
    let (longest, long) = ("x".repeat(ID_BYTES_MAX), "x".repeat(ID_BYTES_MAX + 1));
    let graph = one(&[product("a"), product(""), product(&long), product(&longest)]);
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
        assert_eq!(findings(&graph), [("merged_product", 1)]);
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

/// Rows compare parents by folded id: by spelling, the winner would depend on whether a later row
/// had already respelled the parent.
#[test]
fn a_later_spelling_of_a_parent_changes_no_winner() {
    let child = |parent| Record::Product(ProductRecord { parent: Some(parent), ..row("c", "") });
    let respelled = Record::Relation(RelationRecord { active: false, ..link("X", "related", "c") });
    let check = |records: &[Record<'_>]| {
        let graph = build(case_folded(), &[("test", records)]);
        let parent = graph.products[0].parent.unwrap();
        assert_eq!(graph.id(&graph.products[index(parent)]), "Y");
    };
    let parents = [product("X"), product("Y")];
    check(&[&[child("x"), child("Y"), respelled.clone()], &parents[..]].concat());
    check(&[&[child("Y"), respelled, child("x")], &parents[..]].concat());
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

    let (longest, long) = ("x".repeat(ID_BYTES_MAX), "x".repeat(ID_BYTES_MAX + 1));
    let labelled = |text| ProductRecord { brand: Some(text), tags: vec![text], ..row("a", "") };
    let (graph, found) = check_row(labelled(&long), &[("bad_value", 2)]);
    assert_eq!((found.brand, found.tags, graph.title(&found)), (None, 0, None));
    let (_, found) = check_row(labelled(&longest), &[]);
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
