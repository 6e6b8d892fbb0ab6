//! Shopify: one shop in five forms against golden files, and each rule by itself.

use super::{
    Collected, directory,
    hostile_set::{self, Good},
    ranked::{self, aliases, product, scopes},
    read, refused,
};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{Record, ScopeRecord, Visibility},
        relation::Availability,
    },
    sources::{Encoding, detect},
};

const LINKS: &str = "shopify/expected-links.csv";
const RELATED: &str =
    "product.metafields.shopify--discovery--product_recommendation.related_products";

/// The catalog of a directory, with the links of these golden files.
#[track_caller]
fn shop(directory: &str, goldens: &[&str]) -> Collected {
    ranked::check("shopify", &format!("shopify/{directory}"), goldens)
}

fn csv(text: &str) -> Collected {
    read("shopify", &[("products.csv", text.as_bytes())])
}

fn json(text: &str) -> Collected {
    read("shopify", &[("products.json", text.as_bytes())])
}

/// What every form of the shop says of products and their states.
#[track_caller]
fn check_products(collected: &Collected) {
    assert_eq!(collected.products().len(), 34 + 18);
    let availability = |id| product(collected, id).availability;
    assert_eq!(availability("espresso-machine-one"), Some(Availability::InStock));
    assert_eq!(availability("burr-grinder"), Some(Availability::OutOfStock));
    assert_eq!(availability("single-origin-yirga"), Some(Availability::Backorder));
    assert_eq!(availability("decaf-espresso"), Some(Availability::InStock), "nobody counts it");
    assert_eq!(availability("espresso-machine-duo"), None, "its variants decide");
    assert_eq!(availability("espresso-machine-duo/Steel"), Some(Availability::InStock));
    assert_eq!(availability("espresso-machine-duo/Black"), Some(Availability::OutOfStock));
    assert_eq!(availability("espresso-machine-duo/Red"), Some(Availability::Backorder));
    let price = |id| product(collected, id).price.unwrap().amount;
    let euros = |text| Decimal::parse(text).unwrap();
    assert_eq!(price("burr-grinder"), euros("199.90"));
    assert_eq!(price("espresso-machine-duo"), euros("899.00"), "it is sold from this price on");
    assert_eq!(price("espresso-machine-duo/Red"), euros("919.00"));
    let mut hidden = collected.products();
    hidden.retain(|product| product.visibility == Visibility::Hidden);
    let hidden: Vec<&str> = hidden.iter().map(|product| product.id).collect();
    assert_eq!(hidden, ["old-roaster", "new-roaster", "wholesale-beans"]);
    let machine = product(collected, "espresso-machine-one");
    assert_eq!(machine.title, Some("Espresso Machine One"));
    assert_eq!(machine.brand, Some("Brew & Co"));
    assert_eq!(machine.tags, ["gift", "bestseller"]);
    assert_eq!(product(collected, "descaler").categories, ["Care"], "its type stands in");
    assert!(product(collected, "sticker").categories.is_empty());
    assert!(aliases(collected, "espresso-machine-one").contains(&"EM-1"));
    assert!(aliases(collected, "espresso-machine-duo/Steel").contains(&"EM-2-ST"));
    // Three variants share a SKU: each claims it, and the graph gives it to none.
    for id in ["cup-set/Two", "cup-set/Four", "cup-travel"] {
        assert!(aliases(collected, id).contains(&"CUP"), "{id}");
    }
}

#[test]
fn both_generations_of_the_product_csv_give_the_expected_links() {
    for directory in ["older", "newer"] {
        let collected = shop(directory, &[LINKS, "shopify/expected-links-csv.csv"]);
        check_products(&collected);
        assert_eq!(
            product(&collected, "espresso-machine-one").categories,
            ["Home & Garden/Kitchen & Dining"]
        );
        let unread =
            ["Color (product.metafields.shopify.color-pattern)", "related_products_display)"];
        assert_eq!(collected.findings.len(), 2, "{:?}", collected.findings);
        for (finding, column) in collected.findings.iter().zip(unread) {
            assert!(finding.contains("unknown_column") && finding.contains(column), "{finding}");
        }
    }
}

#[test]
fn graphql_rest_and_bulk_lines_give_the_same_links_as_the_csv() {
    let json = "shopify/expected-links-json.csv";
    let bundles = "shopify/expected-bundles.csv";
    for (directory, goldens) in [
        ("graphql", vec![LINKS, json, bundles]),
        ("bulk", vec![LINKS, json, bundles]),
        ("rest", vec![LINKS, json]),
    ] {
        let collected = shop(directory, &goldens);
        check_products(&collected);
        let gid = "gid://shopify/Product/8000000000001";
        let expected = ["8000000000001", gid, "EM-1"];
        let found = aliases(&collected, "espresso-machine-one");
        for alias in expected {
            assert!(found.contains(&alias), "{directory}: {alias} in {found:?}");
        }
        let found = aliases(&collected, "espresso-machine-duo/Steel");
        assert!(found.contains(&"gid://shopify/ProductVariant/44000000000101"), "{found:?}");
        let display =
            collected.findings.iter().filter(|one| one.contains("related_products_display"));
        assert_eq!(display.count(), 1, "{directory}: {:?}", collected.findings);
        let others = if directory == "bulk" { 1 } else { 0 };
        assert_eq!(collected.findings.len(), 1 + others, "{directory}: {:?}", collected.findings);
    }
}

#[test]
fn a_column_speaks_of_its_type_and_an_empty_cell_of_its_product() {
    let related = "shopify:related_products";
    let text = format!("Handle,Title,{RELATED}\na,A,b\na,,\nb,B,\n");
    let collected = csv(&text);
    assert_eq!(scopes(&collected), [(related, None), (related, Some("a")), (related, Some("b"))]);
    assert_eq!(collected.relations().len(), 1);
    // Without the column, nothing is said of the type.
    assert_eq!(scopes(&csv("Handle,Variant SKU\na,A\n")), []);
}

#[test]
fn a_metafield_speaks_of_its_type_and_an_absent_one_says_nothing() {
    let metafield = "{\"namespace\":\"custom\",\"key\":\"fits\",\"type\":\"list.product_reference\",\
                     \"value\":\"[]\"}";
    let text = format!(
        "[{{\"id\":\"gid://shopify/Product/1\",\"handle\":\"a\",\"metafields\":[{metafield}]}},\
         {{\"id\":\"gid://shopify/Product/2\",\"handle\":\"b\",\"metafields\":[],\
         \"bundleComponents\":[]}}]"
    );
    let collected = json(&text);
    let expected = [
        ("shopify:custom.fits", None),
        ("shopify:custom.fits", Some("a")),
        (ScopeRecord::BUNDLES, None),
        (ScopeRecord::BUNDLES, Some("b")),
    ];
    assert_eq!(scopes(&collected), expected);
    assert_eq!(collected.findings, [""; 0]);
}

#[test]
fn bad_cells_are_reported_with_their_lines() {
    let text = format!(
        "Handle,Title,{RELATED},Variant Price,Variant Inventory Qty,Variant Inventory Policy,Status\n\
         a,A,[1,-1,x,maybe,gone\n,B,,,,,\n"
    );
    let collected = csv(&text);
    assert_eq!(
        collected.findings,
        [
            "products.csv:2 bad_value Status: expected `active`, `draft`, `archived` or \
             `unlisted`, found `gone`",
            "products.csv:2 bad_value Variant Inventory Qty: expected a whole number, found `x`",
            "products.csv:2 bad_value Variant Inventory Policy: expected `deny` or `continue`, \
             found `maybe`",
            "products.csv:2 bad_value Variant Price: expected an amount like `12.50`, found `-1`",
            &format!(
                "products.csv:2 bad_value {RELATED}: expected at most 10000 handles, or a JSON \
                 array of GIDs, found `[1`"
            ),
            "products.csv:3 bad_id Handle: the id is empty; expected 1 to 128 bytes",
        ]
    );
    assert_eq!(product(&collected, "a").visibility, Visibility::Hidden, "unreadable, so hidden");
}

#[test]
fn a_cell_of_gids_names_products_too() {
    let text = format!("Handle,{RELATED}\na,\"[\"\"gid://shopify/Product/7\"\"]\"\n");
    let collected = csv(&text);
    assert_eq!(collected.relations()[0].target, "gid://shopify/Product/7");
}

#[test]
fn variants_beyond_shopifys_own_limit_are_reported_once() {
    let rows = |count: usize| {
        let row = |number| format!("a,S{number}\n");
        let rows: String = (0..count).map(row).collect();
        csv(&format!("Handle,Option1 Value\n{rows}")
            .replace("Value\n", "Value,Variant SKU\n")
            .replace(",S", ",o,S"))
    };
    assert_eq!(rows(3).products().len(), 4);
    let many = rows(2_048);
    assert_eq!((many.products().len(), many.findings.len()), (2_049, 0));
    let more = rows(2_050);
    assert_eq!((more.products().len(), more.findings.len()), (2_049, 1));
    assert!(more.findings[0].contains("at most 2048 variants"), "{:?}", more.findings);
}

#[test]
fn an_id_too_long_with_its_options_falls_back_to_an_alias() {
    let option = "x".repeat(125);
    let collected = csv(&format!("Handle,Option1 Value,Variant SKU\nabc,{option},S-1\n"));
    let ids: Vec<&str> = collected.products().iter().map(|product| product.id).collect();
    assert_eq!(ids, ["abc", "S-1"]);
    assert_eq!(aliases(&collected, "S-1"), [""; 0]);
}

#[test]
fn the_storefronts_own_words_are_read() {
    let text = r#"{"data":{"product":{"id":"gid://shopify/Product/1","handle":"kit",
        "priceRange":{"minVariantPrice":{"amount":"30.0","currencyCode":"EUR"}},
        "variants":{"nodes":[{"id":"gid://shopify/ProductVariant/2","title":"Default Title",
            "availableForSale":false,"price":{"amount":"30.0","currencyCode":"EUR"},
            "requiresComponents":true,"groupedBy":{"nodes":[]},
            "components":{"nodes":[{"quantity":2,
                "productVariant":{"id":"gid://shopify/ProductVariant/9","title":"Red"}}]}}]}}}}"#;
    let collected = json(text);
    assert_eq!(collected.findings, [""; 0]);
    let kit = product(&collected, "kit");
    assert_eq!(kit.price.unwrap().currency, Some("EUR"));
    assert_eq!(kit.availability, Some(Availability::OutOfStock));
    let part = collected.bundles()[0];
    assert_eq!(
        (part.bundle, part.option, part.product),
        ("kit", "Red", "gid://shopify/ProductVariant/9")
    );
    assert!(part.required && part.is_default);
    assert_eq!(part.quantity.to_string(), "2");
}

#[test]
fn what_json_lacks_is_reported() {
    let text = r#"[{"id":"gid://shopify/Product/1","handle":"a","variants":{"edges":[
            {"node":{"id":"gid://shopify/ProductVariant/2","requiresComponents":true,
                "productVariantComponents":{"nodes":[]}}}],"pageInfo":{"hasNextPage":true}},
            "bundleComponents":[{"quantity":1}]},
        {"title":"nameless"},
        {"id":"gid://shopify/Collection/5"},
        {"id":"gid://shopify/ProductVariant/3","sku":"S","__parentId":"gid://shopify/Product/77"},
        {"__parentId":"gid://shopify/Product/1"}]"#;
    let collected = json(text);
    let expected = [
        "products.json:1 bad_value variants: expected the whole list, found `the first page of it`",
        "products.json:1 bad_value bundleComponents: expected a `componentProduct` or \
         `productVariant`, found `a component without one`",
        "products.json:5 bad_row : expected a product with a `handle` or an `id`, found neither",
        "products.json:6 unknown_column Collection: expected a product, a variant, a metafield or a \
         component; others are not read",
        "products.json:7 bad_row __parentId: expected a product gid://shopify/Product/77 among \
         the first of the file, some 500,000, found none",
        "products.json:8 bad_row : expected a metafield or a component of its parent, found neither",
    ];
    assert_eq!(collected.findings, expected);
    let bundle = r#"{"id":"gid://shopify/Product/1","handle":"a","variants":[{"id":2,
        "requiresComponents":true,"components":[]}]}"#;
    assert_eq!(
        json(bundle).findings,
        ["products.json:1 bad_value requiresComponents: expected the components without which it \
          cannot be sold, found none"]
    );
}

/// The lines of a query with `references` repeat the products that metafields list: each became a
/// product of its own without a title, and took the GID from the one that has it.
#[test]
fn products_below_what_refers_to_them_are_no_products() {
    let references = r#"{"id":"gid://shopify/Product/2","__parentId":"gid://shopify/Metafield/9"}
{"id":"gid://shopify/Product/1","title":"Cam","__parentId":"gid://shopify/Metafield/8"}
{"id":"gid://shopify/ProductVariant/5","__parentId":"gid://shopify/Metafield/9"}
{"id":"gid://shopify/Product/2","handle":"bag","__parentId":"gid://shopify/Collection/3"}
"#;
    let own = r#"{"id":"gid://shopify/Product/1","handle":"cam","title":"Camera"}
{"id":"gid://shopify/Product/2","handle":"bag","title":"Bag","status":"DRAFT"}
"#;
    let metafield = r#"{"id":"gid://shopify/Metafield/9","namespace":"shopify--discovery--product_recommendation","key":"related_products","value":"[\"gid://shopify/Product/2\"]","__parentId":"gid://shopify/Product/1"}
"#;
    for lines in [[own, metafield, references], [references, own, metafield]] {
        let collected = read("shopify", &[("bulk.jsonl", lines.concat().as_bytes())]);
        let products: Vec<_> = collected.products().iter().map(|p| (p.id, p.title)).collect();
        assert_eq!(products, [("cam", Some("Camera")), ("bag", Some("Bag"))]);
        assert_eq!(product(&collected, "bag").visibility, Visibility::Hidden);
        let relation = collected.relations()[0];
        assert_eq!((relation.source, relation.target), ("cam", "gid://shopify/Product/2"));
        assert_eq!(aliases(&collected, "cam"), ["1", "gid://shopify/Product/1"]);
        assert_eq!(aliases(&collected, "bag"), ["2", "gid://shopify/Product/2"]);
        // Once a kind.
        let [products, variants] = &*collected.findings else { panic!("{:?}", collected.findings) };
        let said = "expected each on a line of its own, found what other objects refer to";
        assert!(products.contains("unknown_column __parentId of Product:"), "{products}");
        assert!(variants.contains("__parentId of ProductVariant:"), "{variants}");
        assert!(products.contains(said) && variants.contains(said));
    }
    // A collection of products with all that they are, and no lines of their own.
    let nested = r#"{"id":"gid://shopify/Collection/3"}
{"id":"gid://shopify/Product/2","handle":"bag","title":"Bag","__parentId":"gid://shopify/Collection/3"}
"#;
    let collected = read("shopify", &[("bulk.jsonl", nested.as_bytes())]);
    assert_eq!(product(&collected, "bag").title, Some("Bag"));
}

#[test]
fn files_are_known_by_their_own_beginnings() {
    for name in ["older", "newer", "graphql", "bulk", "rest"] {
        let parts = detect(&ranked::path(&format!("shopify/{name}")), Encoding::Utf8).unwrap();
        let formats: Vec<&str> = parts.iter().map(|part| part.format().name).collect();
        assert_eq!(formats, ["shopify"], "{name}");
    }
    // An inventory export is none of products.
    let inventory = b"Handle,Title,Option1 Name,SKU,Location,Available\na,A,,S,Berlin,1\n";
    let directory = directory(&[("inventory.csv", inventory)]);
    assert!(detect(directory.path(), Encoding::Utf8).is_err());
}

/// Children stand anywhere behind their parents: side by side, or all of a kind.
#[test]
fn lines_of_a_bulk_operation_make_the_same_in_any_order_behind_their_parents() {
    let text = std::fs::read_to_string(ranked::path("shopify/bulk/bulk-1234567890.jsonl")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    // Parts and metafields stand in the order of their lines, so only kinds change places.
    let kind = |line: &&str| (line.contains("__parentId"), line.contains("inventoryPolicy"));
    lines.sort_by_key(kind);
    let of = |text: &str| {
        let collected = read("shopify", &[("bulk.jsonl", text.as_bytes())]);
        let mut said: Vec<String> = collected
            .records
            .iter()
            .filter(|(_, record)| matches!(record, Record::Product(_) | Record::Alias(_)))
            .map(|(_, record)| format!("{record:?}"))
            .collect();
        said.sort_unstable();
        said.iter()
            .map(|text| text.split("variant_position").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let reversed = of(&lines.join("\n"));
    assert_eq!(reversed.len(), of(&text).len());
    assert_eq!(reversed, of(&text));
}

#[test]
fn other_files_are_reported_and_none_is_refused() {
    let files: [(&str, &[u8]); 4] = [
        ("a.csv", b"Handle,Variant SKU\na,A\n"),
        ("orders.csv", b"Name,Email\n#1,x\n"),
        ("orders.json", b"{\"orders\":[]}"),
        ("logo.png", b"\x89PNG"),
    ];
    let collected = read("shopify", &files);
    assert_eq!(collected.count(FindingCode::IgnoredFile), 3);
    assert_eq!(collected.products().len(), 1);
    let expected = "DIR: expected a product export (.csv) or products of the Admin API (.json, \
                    .jsonl), found none";
    refused("shopify", &files[1..], expected);
}

#[test]
fn every_form_bears_what_is_hostile() {
    let table = format!("Handle,Title,Variant SKU,{RELATED}\na,A,S-1,b; c\nb,B,S-2,\n");
    let page = "{\"products\":[{\"id\":1,\"handle\":\"a\",\"vendor\":\"V\",\"title\":\"A\",\n\
                \"variants\":[{\"id\":2,\"sku\":\"S\"}]},\n{\"id\":3,\"handle\":\"b\"}]}\n";
    // One line: a file of several is whole wherever a line ends.
    let line = "{\"id\":\"gid://shopify/Product/1\",\"handle\":\"a\",\"title\":\"Aa\"}\n";
    for (name, text) in [("p.csv", table.as_str()), ("p.json", page), ("p.jsonl", line)] {
        hostile_set::check(&Good { format: "shopify", name, text, beside: &[] });
    }
}
