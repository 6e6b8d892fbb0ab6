//! Lists whose product is far larger than the file are cut or left out with their counts: nothing that
//! is read multiplies without a bound.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Collected, read};
use crate::model::finding::FindingCode;

const RELATED: &str =
    "product.metafields.shopify--discovery--product_recommendation.related_products";

fn shopify_csv(text: &str) -> Collected {
    read("shopify", &[("p.csv", text.as_bytes())])
}

fn shopify_json(text: &str) -> Collected {
    read("shopify", &[("p.json", text.as_bytes())])
}

/// The numbers below `count` as a JSON list.
fn numbers(count: usize) -> String {
    let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

/// One relation with ninety thousand types and as many targets would have made 8,100,000,000 links.
#[test]
fn two_long_lists_of_a_salsify_relation_do_not_multiply() {
    let product = |types: usize, targets: usize| {
        let long = format!(
            r#"{{"relation_type":{},"salsify:target_product_id":{}}}"#,
            numbers(types),
            numbers(targets)
        );
        let one = r#"{"relation_type":"X","salsify:target_product_id":"B"}"#;
        let text = format!(r#"[{{"salsify:id":"A","salsify:relations":[{one},{long},{one}]}}]"#);
        read("salsify", &[("p.json", text.as_bytes())])
    };
    let check = |types: usize, targets: usize| {
        let collected = product(types, targets);
        assert_eq!(collected.relations().len(), 2);
        let expected = format!(
            "p.json:1 bad_value salsify:relations: expected at most 100000 links of one product, \
             found {types} types of {targets} targets behind 1 links; they are left out"
        );
        assert_eq!(collected.findings, [expected]);
    };
    check(90_000, 90_000);
    check(1_000, 100);
    let below = product(99, 1_010);
    assert_eq!((below.relations().len(), below.findings.len()), (2 + 99 * 1_010, 0));
}

#[test]
fn variants_of_a_shopify_product_without_options_are_bounded() {
    let expected = "expected at most 2048 variants of a product";
    let rows: String = (0..5_000).map(|number| format!("a,,S-{number}\n")).collect();
    let collected = shopify_csv(&format!("Handle,Option1 Value,Variant SKU\n{rows}"));
    assert_eq!((collected.records.len(), collected.findings.len()), (1 + 2_048, 1));
    assert!(collected.findings[0].contains(expected), "{:?}", collected.findings);
    let variants: Vec<String> = (1_000..41_000)
        .map(|number| format!("{{\"id\":{number},\"sku\":\"S-{number}\"}}"))
        .collect();
    let product = format!(
        "{{\"id\":1,\"handle\":\"a\",\"vendor\":\"V\",\"variants\":[{}]}}",
        variants.join(",")
    );
    let collected = shopify_json(&format!("{{\"products\":[{product}]}}"));
    assert_eq!(collected.records.len(), 1 + 2 + 3 * 2_048);
    assert_eq!(collected.findings.len(), 1);
    assert!(collected.findings[0].contains(expected), "{:?}", collected.findings);
}

/// The name of the n-th of them asked for each number before it.
#[test]
fn components_of_one_name_get_names_of_their_own_without_asking_for_each() {
    let part = "{\"componentProduct\":{\"id\":\"gid://shopify/Product/2\",\"title\":\"Strap\"}}";
    let product = format!(
        "{{\"id\":\"gid://shopify/Product/1\",\"handle\":\"a\",\"bundleComponents\":[{}]}}",
        [part; 3_000].join(",")
    );
    let collected = shopify_json(&format!("[{product}]"));
    let names: BTreeSet<&str> = collected.bundles().iter().map(|part| part.option).collect();
    assert_eq!((collected.bundles().len(), names.len()), (1_000, 1_000));
    let found = "p.json:1 bad_value bundleComponents: expected at most 1000 components of a bundle, \
                 found 3000; the first ones are read";
    assert_eq!(collected.findings, [found]);
    // On lines of their own.
    let mut lines = "{\"id\":\"gid://shopify/Product/1\",\"handle\":\"a\"}\n".to_owned();
    let own = part.replacen('{', "{\"__parentId\":\"gid://shopify/Product/1\",", 1);
    for _ in 0..10_000 {
        writeln!(lines, "{own}").unwrap();
    }
    let collected = read("shopify", &[("p.jsonl", lines.as_bytes())]);
    let names: BTreeSet<&str> = collected.bundles().iter().map(|part| part.option).collect();
    assert_eq!(names.len(), 10_000);
    assert!(names.contains("Strap") && names.contains("Strap 2") && names.contains("Strap 10000"));
}

#[test]
fn links_of_a_shopify_product_are_bounded() {
    let header = format!("Handle,Variant SKU,{RELATED}\n");
    let list = |count: usize| vec!["b"; count].join(";");
    let collected = shopify_csv(&format!("{header}a,,{}\n", list(10_001)));
    assert_eq!((collected.relations().len(), collected.count(FindingCode::BadValue)), (0, 1));
    let row = format!("a,,{}\n", list(10_000));
    let collected = shopify_csv(&format!("{header}{}", row.repeat(11)));
    assert_eq!(collected.relations().len(), 100_000);
    assert_eq!(collected.findings.len(), 1);
    let expected =
        format!("p.csv:12 bad_value {RELATED}: expected at most 100000 links of one product");
    assert!(collected.findings[0].starts_with(&expected), "{:?}", collected.findings);
}
