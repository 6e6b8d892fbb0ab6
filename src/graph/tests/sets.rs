//! Goal: bundles and aliases.

use super::*;
use crate::model::{
    limits::{BUNDLE_OPTIONS_MAX, BUNDLE_SELECTIONS_MAX},
    record::{AliasRecord, BundleRecord},
};

fn part<'a>(option: &'a str, product: &'a str) -> BundleRecord<'a> {
    BundleRecord {
        bundle: "set",
        option,
        option_position: 0,
        required: true,
        min_selections: 1,
        max_selections: 0,
        product,
        selection_position: 0,
        quantity: 1.0,
        is_default: false,
    }
}

/// Products `set`, `a`, `b`, `c` and these parts; bundles as `set: option(product ...) ...`.
#[track_caller]
fn check(
    parts: &[BundleRecord<'_>],
    expected: &[&str],
    codes: &[(&str, u64)],
) -> Graph<MemoryRuns> {
    let mut records: Vec<_> = parts.iter().cloned().map(Record::Bundle).collect();
    records.extend(["set", "a", "b", "c"].map(product));
    let graph = one(&records);
    let id = |ordinal| graph.id(&graph.products[index(ordinal)]);
    let option = |option: &BundleOption| {
        let selections: Vec<_> = option.selections.iter().map(|part| id(part.product)).collect();
        format!(" {}({})", option.name, selections.join(" "))
    };
    let bundle = |bundle: &Bundle| {
        format!("{}:{}", id(bundle.product), bundle.options.iter().map(option).collect::<String>())
    };
    assert_eq!(graph.bundles.iter().map(bundle).collect::<Vec<_>>(), expected);
    assert_eq!(findings(&graph), codes);
    graph
}

#[test]
fn options_and_selections_stand_by_position_then_name() {
    let placed = |option, option_position, product, selection_position| BundleRecord {
        option_position,
        selection_position,
        ..part(option, product)
    };
    let parts = [
        placed("y", 1, "a", 2),
        placed("x", 1, "b", 0),
        placed("z", 0, "c", 0),
        placed("y", 1, "b", 1),
    ];
    check(&parts, &["set: z(c) x(b) y(b a)"], &[]);
    let parts = [placed("x", 0, "b", 0), placed("x", 0, "a", 0)];
    check(&parts, &["set: x(a b)"], &[]);
}

#[test]
fn bundles_stand_by_product() {
    let other = BundleRecord { bundle: "c", ..part("x", "a") };
    check(&[part("x", "a"), other], &["c: x(a)", "set: x(a)"], &[]);
}

#[test]
fn terms_and_selections_survive() {
    let rich = BundleRecord {
        required: false,
        min_selections: 2,
        max_selections: 5,
        quantity: 2.5,
        is_default: true,
        ..part("x", "a")
    };
    let graph = check(&[rich], &["set: x(a)"], &[]);
    let option = &graph.bundles[0].options[0];
    assert_eq!((option.required, option.min_selections, option.max_selections), (false, 2, 5));
    assert_eq!(option.selections, [Selection { product: 0, quantity: 2.5, is_default: true }]);
}

#[test]
fn zero_selections_at_most_mean_one_and_never_less_than_at_least() {
    let check = |min_selections, max_selections, expected, codes: &[(&str, u64)]| {
        let part = BundleRecord { min_selections, max_selections, ..part("x", "a") };
        let graph = check(&[part], &["set: x(a)"], codes);
        assert_eq!(graph.bundles[0].options[0].max_selections, expected);
    };
    check(0, 0, 1, &[]);
    check(1, 0, 1, &[]);
    check(3, 3, 3, &[]);
    check(3, 2, 3, &[("bad_value", 1)]);
}

#[test]
fn unknown_products_leave_and_empty_options_and_bundles_with_them() {
    check(&[part("x", "nope"), part("y", "a")], &["set: y(a)"], &[("unknown_bundle_product", 1)]);
    check(&[part("x", "nope")], &[], &[("unknown_bundle_product", 1)]);
    let unknown = BundleRecord { bundle: "nope", ..part("x", "a") };
    check(&[unknown], &[], &[("unknown_bundle_product", 1)]);
    check(&[part("x", "")], &[], &[("bad_id", 1)]);
    check(&[part("x", "set")], &[], &[("bad_value", 1)]);
}

#[test]
fn rows_of_an_option_agree_or_the_smaller_terms_count() {
    let optional = BundleRecord { required: false, ..part("x", "a") };
    let graph = check(&[optional, part("x", "b")], &["set: x(a b)"], &[("bad_value", 1)]);
    assert!(graph.bundles[0].options[0].required);
}

#[test]
fn an_option_offers_a_product_once() {
    let twice = BundleRecord { quantity: 2.0, ..part("x", "a") };
    let graph = check(&[twice, part("x", "a")], &["set: x(a)"], &[("bad_value", 1)]);
    assert_eq!(graph.bundles[0].options[0].selections[0].quantity, 1.0);
    check(&[part("x", "a"), part("y", "a")], &["set: x(a) y(a)"], &[]);
}

#[test]
fn bundles_have_limits() {
    let names: Vec<_> = (0..=BUNDLE_SELECTIONS_MAX).map(|n| format!("p{n:04}")).collect();
    let check = |parts: Vec<BundleRecord<'_>>, selections: usize, over: u64| {
        let mut records: Vec<_> = names.iter().map(|id| product(id)).collect();
        records.push(product("set"));
        records.extend(parts.into_iter().map(Record::Bundle));
        let graph = one(&records);
        let options = &graph.bundles[0].options;
        assert_eq!(options.iter().map(|option| option.selections.len()).sum::<usize>(), selections);
        assert_eq!(graph.findings.count(FindingCode::BadValue), over);
    };
    let options = |count| names.iter().take(count).map(|name| part(name, "p0000")).collect();
    check(options(BUNDLE_OPTIONS_MAX - 1), BUNDLE_OPTIONS_MAX - 1, 0);
    check(options(BUNDLE_OPTIONS_MAX), BUNDLE_OPTIONS_MAX, 0);
    check(options(BUNDLE_OPTIONS_MAX + 1), BUNDLE_OPTIONS_MAX, 1);
    let selections = |count| names.iter().take(count).map(|name| part("x", name)).collect();
    check(selections(BUNDLE_SELECTIONS_MAX - 1), BUNDLE_SELECTIONS_MAX - 1, 0);
    check(selections(BUNDLE_SELECTIONS_MAX), BUNDLE_SELECTIONS_MAX, 0);
    check(selections(BUNDLE_SELECTIONS_MAX + 1), BUNDLE_SELECTIONS_MAX, 1);
}

#[track_caller]
fn check_aliases(sources: &[(&str, &[(&str, &str)])], expected: &[&str], codes: &[(&str, u64)]) {
    let products = ["a", "b"].map(product);
    let mut builder = builder(case_folded(), &[("test", &products)]);
    for (name, rows) in sources {
        builder.begin_source(name);
        let file = builder.open_file(FileInfo { name: (*name).to_owned(), modified_s: None });
        for (line, (alias, product)) in (1..).zip(*rows) {
            builder.record(Location { file, line }, Record::Alias(AliasRecord { alias, product }));
        }
    }
    let graph = builder.finish().unwrap();
    let line = |alias: &Alias| {
        format!("{}={}", graph.alias_id(alias), graph.id(&graph.products[index(alias.product)]))
    };
    assert_eq!(graph.aliases.iter().map(line).collect::<Vec<_>>(), expected);
    assert_eq!(findings(&graph), codes);
}

#[test]
fn aliases_stand_in_the_order_of_folded_ids() {
    check_aliases(
        &[("x", &[("z", "a"), ("Y", "b"), ("x", "A"), ("z", "a")])],
        &["x=a", "Y=b", "z=a"],
        &[],
    );
}

#[test]
fn bad_aliases_are_left_out() {
    let bad = [("bad_alias", 1)];
    check_aliases(&[("x", &[("B", "a")])], &[], &bad);
    check_aliases(&[("x", &[("y", "nope")])], &[], &bad);
    check_aliases(&[("x", &[("y", "a"), ("z", "y")])], &["y=a"], &bad);
    check_aliases(&[("x", &[("", "a")])], &[], &[("bad_id", 1)]);
}

#[test]
fn an_alias_of_two_products_belongs_to_the_authority_or_to_none() {
    check_aliases(&[("x", &[("y", "a"), ("Y", "b")])], &[], &[("bad_alias", 2)]);
    let high: (_, &[_]) = ("high", &[("y", "b")]);
    check_aliases(&[("low", &[("y", "a")]), high], &["y=b"], &[("bad_alias", 1)]);
}
