//! Goal: two systems' ids of one product meet where an alias says so, and nowhere else.

use super::*;
use crate::model::record::{AliasRecord, BundleRecord};

fn alias<'a>(alias: &'a str, product: &'a str) -> Record<'a> {
    Record::Alias(AliasRecord { alias, product })
}

fn titled<'a>(id: &'a str, title: &'a str) -> Record<'a> {
    Record::Product(ProductRecord { id, title: Some(title), ..ProductRecord::default() })
}

fn related<'a>(source: &'a str, target: &'a str) -> Record<'a> {
    Record::Relation(link(source, "related", target))
}

/// Products as `id` or `id=title`, aliases as `alias>product`.
fn said(graph: &Graph<MemoryRuns>) -> Vec<String> {
    let product = |product: &Product| match graph.title(product) {
        Some(title) => format!("{}={title}", graph.id(product)),
        None => graph.id(product).to_owned(),
    };
    let alias = |alias: &Alias| {
        format!("{}>{}", graph.alias_id(alias), graph.id(&graph.products[index(alias.product)]))
    };
    graph.products.iter().map(product).chain(graph.aliases.iter().map(alias)).collect()
}

/// Of sources in this order and in the other, the graph says the same.
#[track_caller]
fn check(sources: &[(&str, &[Record<'_>])], expected: &[&str], found: &[(&'static str, u64)]) {
    let mut reversed = sources.to_vec();
    reversed.reverse();
    for sources in [sources, &reversed] {
        let graph = build(config(), sources);
        assert_eq!(said(&graph), expected);
        assert_eq!(findings(&graph), found);
    }
}

const JOINED: [(&str, u64); 1] = [("merged_product", 1)];

#[test]
fn an_alias_that_is_a_product_of_another_source_joins_the_two() {
    let pim = [titled("1234", "PIM")];
    let shop = [titled("camera", "Shop"), alias("1234", "camera"), alias("gid/1", "camera")];
    let all = |title| [format!("1234={title}"), "camera>1234".into(), "gid/1>1234".into()];
    let check_title = |sources: &[(&str, &[Record<'_>])], title| {
        check(sources, &all(title).each_ref().map(String::as_str), &JOINED);
    };
    // Of equal priority the id stays that the other one names, and the larger title.
    check_title(&[("pim", &pim), ("shop", &shop)], "Shop");
    check_title(&[("high", &pim), ("shop", &shop)], "PIM");
    let shop_first = ["camera=Shop", "1234>camera", "gid/1>camera"];
    check(&[("pim", &pim), ("high", &shop)], &shop_first, &JOINED);
    // Whoever says it.
    let names = [alias("1234", "camera")];
    let three: [(&str, &[Record<'_>]); 3] =
        [("high", &pim), ("shop", &shop[..1]), ("names", &names)];
    check(&three, &["1234=PIM", "camera>1234"], &JOINED);
}

#[test]
fn whatever_speaks_of_either_id_speaks_of_the_one_product() {
    let pim = ["1234", "bag"].map(product);
    let pim = [&pim[..], &[related("1234", "bag"), related("bag", "1234")]].concat();
    let part = BundleRecord {
        bundle: "set",
        option: "camera",
        option_position: 0,
        required: true,
        min_selections: 1,
        max_selections: 1,
        product: "camera",
        selection_position: 0,
        quantity: 1.0,
        is_default: true,
    };
    let shop = [
        product("camera"),
        product("set"),
        product("gift"),
        variant("camera", "gift", None),
        alias("1234", "camera"),
        related("camera", "gift"),
        related("gift", "camera"),
        related("camera", "1234"),
        Record::Bundle(part),
    ];
    let graph = build(config(), &[("shop", &shop), ("pim", &pim)]);
    let expected =
        ["1234 related bag", "1234 related gift", "bag related 1234", "gift related 1234"];
    assert_eq!(links(&graph), expected);
    assert_eq!(findings(&graph), [("self_link", 1), ("merged_product", 1)]);
    let id = |ordinal| graph.id(&graph.products[index(ordinal)]);
    let gift = graph.products.iter().find(|product| graph.id(product) == "gift").unwrap();
    assert_eq!(gift.parent.map(id), Some("1234"));
    assert_eq!(id(graph.bundles[0].options[0].selections[0].product), "1234");
}

#[test]
fn products_that_one_source_knows_apart_stay_apart() {
    let pim = [product("1234")];
    // The alias's own source states the product that it names.
    let both = ["1234", "camera"].map(product);
    let own = [&both[..], &[alias("1234", "camera")]].concat();
    let apart = ["1234", "camera"];
    check(&[("pim", &pim), ("shop", &own)], &apart, &[("bad_alias", 1), ("merged_product", 1)]);
    check(&[("shop", &own)], &apart, &[("bad_alias", 1)]);
    // Another source states both.
    let shop = [product("camera"), alias("1234", "camera")];
    let found = [("bad_alias", 1), ("merged_product", 2)];
    check(&[("pim", &both), ("shop", &shop), ("erp", &pim)], &apart, &found);
    // Two products of one source share what they call the other.
    let two = [product("camera"), product("kit"), alias("1234", "camera"), alias("1234", "kit")];
    let found = [("bad_alias", 2)];
    check(&[("pim", &pim), ("shop", &two)], &["1234", "camera", "kit"], &found);
    // Also where a third source connects them.
    let erp = [product("e"), alias("1234", "e"), alias("kit", "e")];
    let pim = [product("1234"), product("kit")];
    check(&[("pim", &pim), ("erp", &erp)], &["1234", "e", "kit"], &found);
}

#[test]
fn three_systems_meet_in_one_product() {
    let pim = [titled("1234", "PIM")];
    let shop = [product("camera"), alias("1234", "camera")];
    let erp = [product("E-9"), alias("camera", "E-9")];
    let sources: [(&str, &[Record<'_>]); 3] = [("high", &pim), ("shop", &shop), ("low", &erp)];
    let expected = ["1234=PIM", "E-9>1234", "camera>1234"];
    check(&sources, &expected, &[("merged_product", 2)]);
    // Each names the other: the first id stays.
    let left = [product("a"), alias("b", "a")];
    let right = [product("b"), alias("a", "b")];
    check(&[("left", &left), ("right", &right)], &["a", "b>a"], &JOINED);
}

#[test]
fn of_more_sources_than_can_be_told_apart_none_is_joined() {
    let shop = [product("camera"), alias("1234", "camera")];
    let pim = [product("1234")];
    let names: Vec<String> = (0..63).map(|number| format!("s{number}")).collect();
    let graph = |others: usize| {
        let others = names.iter().take(others).map(|name| (name.as_str(), &[] as &[Record<'_>]));
        let sources: Vec<_> = others.chain([("pim", &pim[..]), ("shop", &shop[..])]).collect();
        said(&build(config(), &sources))
    };
    assert_eq!(graph(62), ["1234", "camera>1234"]);
    assert_eq!(graph(63), ["1234", "camera"]);
}
