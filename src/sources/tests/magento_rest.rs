//! Magento's REST interface, its three forms of one catalog in `tests/data/magento`, and exports with
//! a separator of the shop's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Collected, directory,
    golden::{fixture, links, scopes},
    hostile_set::{self, Good},
    read,
};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{BundleRecord, Visibility},
        relation::Availability,
    },
    sources::{Encoding, detect, format},
};

fn rest(text: &str) -> Collected {
    read("magento", &[("products.json", text.as_bytes())])
}

/// One product with these members beside its `sku`, and its links.
#[track_caller]
fn check(members: &str, expected: &[&str], findings: &[&str]) {
    let collected = rest(&format!(r#"{{"sku":"A","type_id":"simple",{members}}}"#));
    let lines = links(&collected);
    assert_eq!(lines.lines().skip(1).collect::<Vec<_>>(), expected);
    assert_eq!(collected.findings, findings);
}

fn link(kind: &str, target: &str, more: &str) -> String {
    format!(
        r#"{{"sku":"A","link_type":"{kind}","linked_product_sku":"{target}","linked_product_type":"simple"{more}}}"#
    )
}

#[test]
fn links_follow_their_positions_then_the_list() {
    let list = [
        link("related", "B", r#","position":2"#),
        link("upsell", "X", r#","position":0"#),
        link("related", "C", ""),
        link("related", "D", r#","position":"1""#),
        link("crosssell", "Y", r#","position":null"#),
        link("related", "E", r#","position":1"#),
    ];
    let expected = [
        "A,magento:upsell,X,0,",
        "A,magento:related,D,0,",
        "A,magento:related,E,1,",
        "A,magento:related,B,2,",
        "A,magento:related,C,3,",
        "A,magento:crosssell,Y,0,",
    ];
    check(&format!(r#""product_links":[{}]"#, list.join(",")), &expected, &[]);
    for none in ["[]", "null", "{}"] {
        check(&format!(r#""product_links":{none}"#), &[], &[]);
    }
}

#[test]
fn links_that_cannot_be_read_are_reported() {
    let list = [
        link("crossell", "B", ""),
        link("related", "", ""),
        link("related", "C", r#","position":-1"#),
        "7".to_owned(),
    ];
    check(
        &format!(r#""product_links":[{}]"#, list.join(",")),
        &["A,magento:related,C,0,"],
        &[
            "products.json:1 bad_id linked_product_sku: the id is empty; expected 1 to 128 bytes",
            "products.json:1 bad_value position: expected a whole number from 0 to 4294967295, \
             found `-1`",
            "products.json:1 bad_value product_links: expected an object a link, found `a number`",
            "products.json:1 bad_value link_type: expected related, crosssell, upsell or \
             associated, found `crossell`",
        ],
    );
    let text = r#"{"type_id":"simple","sku":null}"#;
    let found = rest(&format!(r#"[{{"sku":"A","type_id":"simple"}},{text}]"#)).findings;
    let expected =
        "products.json:1 bad_row sku: expected a product with a `sku`, found an object without";
    assert_eq!(found, [expected]);
}

#[test]
fn products_lists_and_pages_are_read() {
    let product = format!(
        r#"{{"sku":"A","type_id":"simple","product_links":[{}]}}"#,
        link("related", "B", "")
    );
    let page = format!(
        r#"{{"items":[{product}],"search_criteria":{{"filter_groups":[]}},"total_count":1}}"#
    );
    let row = "A,magento:related,B,";
    for text in [&product, &format!("[{product}]"), &page] {
        let collected = rest(text);
        assert_eq!(collected.products().len(), 1);
        assert_eq!(links(&collected).lines().last(), Some(format!("{row}0,").as_str()));
    }
    // Pages that were joined.
    assert_eq!(rest(&format!("{page}\n{page}")).relations().len(), 2);
    // `/V1/products/A/links/related`
    let list = format!("[{}]", link("related", "B", r#","position":3"#));
    let collected = rest(&list);
    assert_eq!(links(&collected).lines().last(), Some(format!("{row}3,").as_str()));
    assert!(collected.products().is_empty() && collected.findings.is_empty());
    let found = rest(&format!("[{}]", link("associated", "B", ""))).bundles()[0].clone();
    assert_eq!((found.bundle, found.product, found.quantity), ("A", "B", 1.0));
}

#[test]
fn members_of_a_product_are_read() {
    let text = r#"[{"id":7,"sku":"24-MB01","name":"Joust Duffle Bag","attribute_set_id":15,"price":34,
        "status":1,"visibility":4,"type_id":"simple",
        "extension_attributes":{"stock_item":{"qty":0,"is_in_stock":true}},
        "custom_attributes":[{"attribute_code":"manufacturer","value":"12"},{"attribute_code":"brand","value":"Luma"}]},
        {"sku":8,"type_id":"simple","status":"2","visibility":"4","price":"12.5000"},
        {"sku":"c","type_id":"simple","visibility":1},
        {"sku":"d","type_id":"simple","status":3,"visibility":9,"price":-1,"extension_attributes":[]},
        {"sku":"e","type_id":"simple","visibility":9,"extension_attributes":{"stock_item":{"is_in_stock":false}}}]"#;
    let collected = rest(text);
    let products = collected.products();
    let bag = products[0];
    assert_eq!((bag.id, bag.title, bag.brand), ("24-MB01", Some("Joust Duffle Bag"), Some("Luma")));
    assert_eq!(bag.price.unwrap().amount, Decimal::parse("34").unwrap());
    assert_eq!(bag.availability, Some(Availability::InStock), "`qty` says nothing");
    assert_eq!(products[1].id, "8");
    assert_eq!(products[1].price.unwrap().amount, Decimal::parse("12.5000").unwrap());
    let states: Vec<Visibility> = products.iter().map(|product| product.visibility).collect();
    let (shown, hidden) = (Visibility::Visible, Visibility::Hidden);
    assert_eq!(states, [shown, hidden, hidden, hidden, hidden]);
    assert_eq!(products[4].availability, Some(Availability::OutOfStock));
    assert_eq!(
        collected.findings,
        [
            "products.json:7 bad_value price: expected an amount like `12.50`, found `-1`",
            "products.json:7 bad_value status: expected 1 or 2, found `3`",
            "products.json:8 bad_value visibility: expected a visibility from 1 to 4 or its name, \
             found `9`",
        ]
    );
}

#[test]
fn variants_are_found_by_the_numbers_of_their_rows_in_any_file() {
    let parent = br#"{"sku":"P","type_id":"configurable","extension_attributes":{"configurable_product_links":[2,"1",9]}}"#;
    let variants = br#"[{"id":1,"sku":"P-S","type_id":"simple"},{"id":2,"sku":"P-M","type_id":"simple"},{"id":3,"sku":"Q","type_id":"simple"}]"#;
    for names in [["1.json", "2.json"], ["2.json", "1.json"]] {
        let collected = read("magento", &[(names[0], parent), (names[1], variants)]);
        let found: Vec<_> =
            collected.variants().iter().map(|v| (v.parent, v.variant, v.position)).collect();
        assert_eq!(found, [("P", "P-S", Some(1)), ("P", "P-M", Some(0))]);
        let lost = format!(
            "{}:1 bad_value configurable_product_links: expected the `id` of a product in these \
             files, found 9",
            names[0]
        );
        assert_eq!(collected.findings, [lost]);
    }
}

#[test]
fn options_of_bundles_keep_their_order_and_their_names_apart() {
    let option = |id: u32, title: &str, position: u32, more: &str| {
        format!(
            r#"{{"option_id":{id},"title":"{title}","type":"radio","position":{position},"sku":"A"{more}}}"#
        )
    };
    let links = r#","required":true,"product_links":[{"sku":"Y","qty":2,"position":2},{"sku":"X","qty":0,"position":1,"is_default":true},{"sku":""},5]"#;
    let text = format!(
        r#"{{"sku":"A","type_id":"bundle","extension_attributes":{{"bundle_product_options":[{},{},{},7]}}}}"#,
        option(1, "Size", 3, links),
        option(2, "Size", 1, r#","required":0,"product_links":[{"sku":"Z"}]"#),
        option(3, "", 2, r#","product_links":[{"sku":"W"}]"#),
    );
    let collected = rest(&text);
    let line = |b: &&BundleRecord<'_>| {
        let (count, default) = (b.min_selections, b.is_default);
        format!("{} {} {count} {} {} {default}", b.option_position, b.option, b.product, b.quantity)
    };
    let found: Vec<String> = collected.bundles().iter().map(line).collect();
    let expected = [
        "0 Size 0 Z 1 false",
        "1 (3) 0 W 1 false",
        "2 Size (1) 1 X 1 true",
        "2 Size (1) 1 Y 2 false",
    ];
    assert_eq!(found, expected);
    assert_eq!(
        collected.findings,
        [
            "products.json:1 bad_value bundle_product_options: expected an object an option, found \
             `a number`",
            "products.json:1 bad_value qty: expected a number above 0, found `0`",
            "products.json:1 bad_id sku: the id is empty; expected 1 to 128 bytes",
            "products.json:1 bad_value product_links: expected an object a selection, found `a \
             number`",
        ]
    );
}

#[test]
fn a_product_speaks_of_what_its_members_hold() {
    let all = ["magento:related", "magento:crosssell", "magento:upsell"];
    let of = |text: &str| scopes(&rest(text));
    let none: [&str; 0] = [];
    assert_eq!(of(r#"{"sku":"A","type_id":"simple","price":1}"#), none, "a change of prices");
    let of_a = all.map(|code| format!("{code} A"));
    let expected = [all.map(str::to_owned), of_a.clone()].concat();
    assert_eq!(of(r#"{"sku":"A","type_id":"simple","product_links":[]}"#), expected);
    let found = of(r#"{"sku":"A","type_id":"grouped","product_links":[]}"#);
    let bundles = ["#bundles".to_owned()];
    let expected = [&all.map(str::to_owned)[..], &bundles, &of_a, &["#bundles A".to_owned()]];
    assert_eq!(found, expected.concat());
    let text = r#"{"sku":"A","type_id":"bundle","extension_attributes":{"bundle_product_options":[],"configurable_product_links":[]}}"#;
    assert_eq!(of(text), ["#bundles", "#variants A", "#bundles A"]);
}

/// The catalog in three forms, each with what reads it.
fn forms() -> [(PathBuf, Collected); 3] {
    ["csv", "rest", "separator"].map(|form| {
        let path = fixture("magento").join(form);
        let mut parts = detect(&path, Encoding::Utf8).unwrap();
        assert_eq!(parts.iter().map(|part| part.format().name).collect::<Vec<_>>(), ["magento"]);
        if form == "separator" {
            parts[0].separate_by(';');
        }
        let mut collected = Collected::default();
        parts[0].read(&mut collected).unwrap();
        (path, collected)
    })
}

/// Lines below a header, sorted: the forms have them in orders of their own.
#[track_caller]
fn check_lines(found: Vec<String>, golden: &str, form: &Path) {
    let mut found = found;
    found.sort_unstable();
    let text = fs::read_to_string(fixture("magento").join(golden)).unwrap();
    let expected: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(found, expected, "{} of {}", golden, form.display());
}

#[test]
fn the_catalog_gives_the_same_links_parts_and_variants_from_every_form() {
    for (form, collected) in forms() {
        let rows = links(&collected).lines().skip(1).map(str::to_owned).collect();
        check_lines(rows, "expected-links.csv", &form);
        let quoted =
            |name: &str| if name.contains(',') { format!("\"{name}\"") } else { name.to_owned() };
        let part = |b: &&BundleRecord<'_>| {
            format!(
                "{},{},{},{},{},{},{},{},{}",
                b.bundle,
                quoted(b.option),
                b.option_position,
                b.min_selections,
                b.max_selections,
                b.product,
                b.selection_position,
                b.quantity,
                b.is_default
            )
        };
        let parts = collected.bundles().iter().map(part).collect();
        check_lines(parts, "expected-bundles.csv", &form);
        let variant = |v: &&crate::model::record::VariantRecord<'_>| {
            format!("{},{},{}", v.parent, v.variant, v.position.unwrap())
        };
        let variants = collected.variants().iter().map(variant).collect();
        check_lines(variants, "expected-variants.csv", &form);
        let products = collected.products();
        assert_eq!(products.len(), 35);
        let ids = |is: &dyn Fn(&crate::model::record::ProductRecord<'_>) -> bool| {
            let found = products.iter().filter(|product| is(product));
            let mut found: Vec<&str> = found.map(|product| product.id).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(
            ids(&|product| product.visibility == Visibility::Hidden),
            ["BEL", "JKT-L", "JKT-M", "JKT-S", "SHO-42", "SHO-43"]
        );
        assert_eq!(ids(&|product| product.availability == Some(Availability::OutOfStock)), ["CAP"]);
        assert_eq!(ids(&|product| product.availability.is_none()), ["RAG"]);
        let jacket = products.iter().find(|product| product.id == "JKT").unwrap();
        assert_eq!(jacket.brand, Some("Nordwind, Inc."));
        assert_eq!(jacket.title, Some("Rain Jacket"), "not that of a store view");
        assert_eq!(collected.count(FindingCode::BadValue), 0, "{:?}", collected.findings);
        assert_eq!(collected.findings, [""; 0]);
    }
}

#[test]
fn a_separator_of_the_shops_own_leaves_commas_alone() {
    let files = directory(&[(
        "export.csv",
        b"sku,name,related_skus,related_position\nA,N,\"B,1|C\",1|0\n".as_slice(),
    )]);
    let read = |separator: Option<char>| {
        let mut part = format("magento").unwrap().part(files.path(), Encoding::Utf8).unwrap();
        if let Some(separator) = separator {
            part.separate_by(separator);
        }
        let mut collected = Collected::default();
        part.read(&mut collected).unwrap();
        collected.relations().iter().map(|link| link.target).collect::<Vec<_>>()
    };
    assert_eq!(read(Some('|')), ["C", "B,1"]);
    assert_eq!(read(None), ["B", "1|C"]);
}

#[test]
fn parts_of_grouped_products_follow_their_positions() {
    let text = "sku,associated_skus,associated_position\nG,\"A=1,B=2,C\",\"3,1,\"\n";
    let collected = read("magento", &[("export.csv", text.as_bytes())]);
    let parts: Vec<&str> = collected.bundles().iter().map(|part| part.product).collect();
    assert_eq!(parts, ["B", "A", "C"]);
}

#[test]
fn json_of_others_is_reported() {
    let files: [(&str, &[u8]); 3] = [
        ("a.json", br#"{"sku":"A","type_id":"simple"}"#),
        ("b.json", br#"{"sku":"A","price":1}"#),
        ("c.json", br#"{"message":"The consumer isn't authorized"}"#),
    ];
    let collected = read("magento", &files);
    let other = "expected products or links of the REST interface, found other JSON";
    assert_eq!(
        collected.findings,
        [format!("b.json:1 ignored_file : {other}"), format!("c.json:1 ignored_file : {other}")]
    );
}

#[test]
fn hostile_files_are_refused() {
    let text = "sku,name,store_view_code,related_skus,bundle_values\n\
                A,Bag,,\"B,C\",\nB,Box,,,\"name=L,sku=A|name=L,sku=C\"\nC,Cup,de,,\n";
    hostile_set::check(&Good { format: "magento", name: "export.csv", text, beside: &[] });
    let text = format!(
        "{{\"items\":[\n{{\"sku\":\"A\",\"id\":1,\"type_id\":\"simple\",\"product_links\":[\n{}]}}],\n\
         \"search_criteria\":{{}},\"total_count\":1}}\n",
        link("related", "B", "")
    );
    hostile_set::check(&Good { format: "magento", name: "page.json", text: &text, beside: &[] });
}
