//! Salsify: each construct of exports, single products and files of 2013, the catalog of
//! `tests/data/salsify`, and the real one where it is there.

use std::path::Path;

use super::{
    Collected,
    golden::{check_links, fixture, links, read_fixture, scopes},
    hostile_set::{self, Good},
    read,
};
use crate::{model::finding::FindingCode, sources::detect};

fn export(text: &str) -> Collected {
    read("salsify", &[("a.json", text.as_bytes())])
}

/// Reads products of an export without a header, and gives its links.
#[track_caller]
fn check(text: &str, expected: &[&str], findings: &[&str]) {
    let collected = export(text);
    let lines = links(&collected);
    assert_eq!(lines.lines().skip(1).collect::<Vec<_>>(), expected);
    assert_eq!(collected.findings, findings);
}

#[test]
fn the_type_stands_in_the_property_that_has_its_role() {
    let relation = |key: &str| {
        format!(
            r#"{{"products":[{{"salsify:id":"A","salsify:relations":[{{"{key}":"Part","salsify:target_product_id":"B"}}]}}]}}"#
        )
    };
    let role = |role: &str| format!(r#"{{"attributes":[{{"salsify:id":"Kind",{role}}}]}}"#);
    let link = ["A,salsify:Part,B,0,"];
    for roles in [
        r#""salsify:role":"relation_type""#,
        r#""salsify:role":["relation_type"]"#,
        r#""roles":{"accessories":["category"]}"#,
    ] {
        check(&format!("[{},{}]", role(roles), relation("Kind")), &link, &[]);
        // Files that were made by hand keep the names of the documentation.
        check(&format!("[{},{}]", role(roles), relation("relation_type")), &link, &[]);
    }
    check(&relation("relation_type"), &link, &[]);
    check(&relation("salsify:relation_type"), &link, &[]);
    let lost = "a.json:1 bad_row salsify:relations: expected a relation with a type and a target, \
                found one without";
    check(&relation("Kind"), &[], &[lost]);
}

#[test]
fn one_value_is_as_good_as_a_list_of_it() {
    let product =
        |relations: &str| format!(r#"{{"salsify:id":["A 1"],"salsify:relations":{relations}}}"#);
    let link = ["A 1,salsify:X,B,0,"];
    let one = r#"{"relation_type":"X","salsify:target_product_id":"B"}"#;
    check(&product(one), &link, &[]);
    check(&product(&format!("[{one}]")), &link, &[]);
    check(
        &product(r#"{"relation_type":["X","Y"],"salsify:target_product_id":[7,"B"]}"#),
        &["A 1,salsify:X,7,0,", "A 1,salsify:X,B,1,", "A 1,salsify:Y,7,2,", "A 1,salsify:Y,B,3,"],
        &[],
    );
    for none in ["null", "[]"] {
        check(&product(none), &[], &[]);
    }
    let text = "a.json:1 bad_value salsify:relations: expected an object a relation, found `text`";
    check(&product(r#""x""#), &[], &[text]);
}

#[test]
fn ids_are_kept_as_they_are_written() {
    let text = r#"[{"salsify:id":"ab 1","salsify:parent_id":"Gone 7"},{"salsify:id":"AB 1"}]"#;
    let collected = export(text);
    let products: Vec<_> = collected.products().iter().map(|p| (p.id, p.parent)).collect();
    assert_eq!(products, [("ab 1", Some("Gone 7")), ("AB 1", None)]);
    assert_eq!(collected.findings, [""; 0]);
}

#[test]
fn what_is_no_product_is_reported() {
    let long = "x".repeat(129);
    let text = format!(
        r#"[{{"a":1,"b":2}},
        {{"salsify:id":""}},
        {{"salsify:id":"{long}"}},
        {{"salsify:id":"A","salsify:parent_id":"{long}","salsify:relations":[{{"relation_type":"X","salsify:target_product_id":"{long}"}},{{"relation_type":"X","salsify:target_product_id":"B","Note":1,"Quantity":"many"}}]}}]"#
    );
    let collected = export(&text);
    let xs = "x".repeat(80);
    assert_eq!(
        collected.findings,
        [
            "a.json:1 bad_row : expected a product with `salsify:id`, found an object with the keys \
             `a`, `b`"
                .to_owned(),
            "a.json:2 bad_id salsify:id: the id is empty; expected 1 to 128 bytes".to_owned(),
            "a.json:3 bad_id salsify:id: the id has 129 bytes; expected 1 to 128".to_owned(),
            format!("a.json:4 bad_value salsify:parent_id: expected at most 128 bytes, found `{xs}...`"),
            "a.json:4 bad_value Quantity: expected a number above 0, found `\"many\"`".to_owned(),
            "a.json:4 unknown_column Note: expected the type, the target or the quantity of a \
             relation, found another key"
                .to_owned(),
            "a.json:4 bad_id salsify:relations: the id has 129 bytes; expected 1 to 128".to_owned(),
        ]
    );
    assert_eq!(links(&collected).lines().last(), Some("A,salsify:X,B,1,"));
}

#[test]
fn an_export_of_everything_speaks_of_every_type_of_every_product() {
    let export_of = |scope: &str| {
        format!(
            r#"[{{"header":{{"version":"2","scope":{scope}}}}},
            {{"attribute_values":[{{"salsify:attribute_id":"relation_type","salsify:id":"X"}},{{"salsify:attribute_id":"Color","salsify:id":"Red"}}]}},
            {{"products":[{{"salsify:id":"A"}},{{"salsify:id":"B","salsify:relations":[]}},{{"salsify:id":"C","salsify:relations":[{{"relation_type":"Y","salsify:target_product_id":"A"}}]}}]}}]"#
        )
    };
    let (x, y) = ("salsify:X", "salsify:Y");
    let given = |products: &[&str]| {
        let of = |product: &&str| [format!("#every salsify: {product}"), format!("{x} {product}")];
        let mut lines: Vec<String> = products.iter().flat_map(of).collect();
        // A file says once that it speaks of a type.
        lines.insert(1, x.to_owned());
        lines.extend([y.to_owned(), format!("{y} C")]);
        lines
    };
    assert_eq!(scopes(&export(&export_of(r#"["all"]"#))), given(&["A", "B", "C"]));
    // A product without the key may have relations that were not asked for.
    assert_eq!(scopes(&export(&export_of(r#"["products"]"#))), given(&["B", "C"]));
}

/// A product of the CRUD interface names no types beside its list: without this, the last links of a
/// product stayed for ever in `patch`.
#[test]
fn a_list_that_is_there_speaks_of_every_type_of_its_product() {
    let of = |relations: &str| {
        scopes(&export(&format!(r#"{{"salsify:id":"A","salsify:relations":{relations}}}"#)))
    };
    let every = "#every salsify: A";
    assert_eq!(of("[]"), [every]);
    let good = r#"{"relation_type":"X","salsify:target_product_id":"B"}"#;
    assert_eq!(of(&format!("[{good}]")), [every, "salsify:X", "salsify:X A"]);
    // What cannot be read may have been of any type.
    assert_eq!(of(r#"["x"]"#), [""; 0]);
    assert_eq!(of(r#"[{"relation_type":"X"}]"#), [""; 0]);
    assert_eq!(scopes(&export(r#"{"salsify:id":"A"}"#)), [""; 0]);
}

#[test]
fn single_products_lists_and_webhooks_are_read() {
    let product = r#"{"salsify:id":"A","salsify:relations":[{"relation_type":"X","salsify:target_product_id":"B"}]}"#;
    let link = ["A,salsify:X,B,0,"];
    check(product, &link, &[]);
    check(&format!("[{product}]"), &link, &[]);
    check(
        &format!(r#"{{"channel_id":"s-1","products":[{product}],"parent_products":[]}}"#),
        &link,
        &[],
    );
    check(&format!(r#"{{"parent_products":[{product}]}}"#), &link, &[]);
}

#[test]
fn accessories_of_2013_are_read() {
    let attributes = r#"{"attributes":[{"id":"sku","roles":{"products":["id","name"]}}]}"#;
    let product = |accessory: &str| {
        format!(r#"[{attributes},{{"products":[{{"sku":"A","accessories":[{accessory}]}}]}}]"#)
    };
    check(&product(r#"{"kind":"Part","sku":"B"}"#), &["A,salsify:Part,B,0,"], &[]);
    let lost = "a.json:1 bad_row accessories: expected a relation with a type and a target, found \
                one without";
    // Which of two says the type, nobody knows.
    check(&product(r#"{"kind":"Part","colour":"red","sku":"B"}"#), &[], &[lost]);
    check(&product(r#"{"kind":"Part"}"#), &[], &[lost]);
}

#[test]
fn the_catalog_gives_the_links_of_the_golden_file() {
    let directory = fixture("salsify");
    let collected = read_fixture("salsify", &directory);
    check_links(&collected, &directory.join("expected-links.csv"));
    let products = collected.products();
    assert_eq!(products.len(), 31 + 1 + 2 + 3);
    let named = |id: &str| *products.iter().find(|product| product.id == id).unwrap();
    assert_eq!(named("BAG-15").title, Some("Sleeping Bag -15"));
    assert_eq!(named("BAG-15").parent, Some("BAG-Parent"), "it is no product, and is kept");
    assert_eq!(named("OLD-1").title, Some("Lantern"));
    assert_eq!(named("MAT-L").parent, Some("MAT"));
    let lost: Vec<&str> = collected.findings.iter().map(String::as_str).collect();
    let place = |line: &str| line.split(": ").next().unwrap().to_owned();
    let lost: Vec<String> = lost.into_iter().map(place).collect();
    let at = |suffix: &str| lost.iter().filter(|line| line.ends_with(suffix)).count();
    assert_eq!(at("unknown_column Fit Note"), 1);
    assert_eq!(at("bad_value Quantity"), 1);
    assert_eq!(at("bad_row salsify:relations"), 2);
    assert_eq!(at("bad_value salsify:relations"), 1);
    assert_eq!(collected.count(FindingCode::IgnoredFile), 1, "the golden file");
    assert_eq!(lost.len(), 6, "{lost:?}");
}

#[test]
fn every_file_of_the_catalog_is_known_for_itself() {
    for name in ["export.json", "crud-knife.json", "webhook.json", "legacy-2013.json"] {
        let parts = detect(&fixture("salsify").join(name), crate::sources::Encoding::Utf8).unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.format().name).collect();
        assert_eq!(names, ["salsify"], "{name}");
    }
}

/// Counted by hand: 3 products, Related Products 2, Variation 1, a parent that is not there.
#[test]
fn the_real_export_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../shared/data/catalogs/salsify/exampleJSON.json");
    if !path.is_file() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let collected = read_fixture("salsify", &path);
    let count =
        |code: &str| collected.relations().iter().filter(|link| link.relation_type == code).count();
    assert_eq!([count("salsify:Related Products"), count("salsify:Variation")], [2, 1]);
    let products: Vec<_> = collected.products().iter().map(|p| (p.id, p.parent)).collect();
    let parent = Some("ABC12-Parent");
    let expected = [("AB12-Parent", None), ("ABC1234 5x8", parent), ("ABC1234 8x10", parent)];
    assert_eq!(products, expected);
    assert_eq!(collected.findings, [""; 0]);
}

#[test]
fn hostile_files_are_refused() {
    let text = "[\n{\"header\":{\"version\":\"2\",\"scope\":[\"all\"]}},\n{\"products\":[\n\
                {\"salsify:id\":\"A\",\"salsify:relations\":[\n\
                {\"relation_type\":\"X\",\"salsify:target_product_id\":\"B\"}]},\n\
                {\"salsify:id\":\"B\"}\n]}\n]\n";
    hostile_set::check(&Good { format: "salsify", name: "export.json", text, beside: &[] });
}
