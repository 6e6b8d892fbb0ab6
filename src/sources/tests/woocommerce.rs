//! WooCommerce: one shop as CSV and as the REST API gives it against golden files, and each rule by
//! itself.

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
        record::{ScopeRecord, Visibility},
        relation::Availability,
    },
    sources::{Encoding, SourceError, detect},
};

const LINKS: &str = "woocommerce/expected-links.csv";

fn csv(text: &str) -> Collected {
    read("woocommerce", &[("products.csv", text.as_bytes())])
}

fn json(text: &str) -> Collected {
    read("woocommerce", &[("products.json", text.as_bytes())])
}

/// What both forms of the shop say of products.
#[track_caller]
fn check_products(collected: &Collected) {
    assert_eq!(collected.products().len(), 34);
    let availability = |id| product(collected, id).availability;
    assert_eq!(availability("ruck-30"), Some(Availability::InStock));
    assert_eq!(availability("ruck-50"), Some(Availability::LowStock), "2 of 3 are left");
    assert_eq!(availability("ruck-70"), Some(Availability::OutOfStock));
    assert_eq!(availability("tee-red-m"), Some(Availability::Backorder));
    let price = |id| product(collected, id).price.unwrap().amount;
    let euros = |text| Decimal::parse(text).unwrap();
    assert_eq!(price("ruck-30"), euros("79.00"), "on sale");
    assert_eq!(price("cap-wool"), euros("25.00"), "on sale for some days only");
    assert_eq!(price("ÜBER-01"), euros("0.00"));
    assert_eq!(product(collected, "cap-wool").brand, Some("Müller"));
    assert_eq!(product(collected, "ruck-30").tags, ["new", "vegan"]);
    let mut hidden = collected.products();
    hidden.retain(|product| product.visibility == Visibility::Hidden);
    let hidden: Vec<&str> = hidden.iter().map(|product| product.id).collect();
    assert_eq!(hidden, ["hoodie-green", "pole-spare", "course", "proto"]);
    assert_eq!(aliases(collected, "bottle, 1 l"), ["id:105"]);
    assert_eq!(aliases(collected, "id:118"), [""; 0], "it has no SKU");
}

#[test]
fn the_product_csv_gives_the_expected_links() {
    let goldens = [LINKS, "woocommerce/expected-links-csv.csv"];
    let collected = ranked::check("woocommerce", "woocommerce/csv", &goldens);
    check_products(&collected);
    assert_eq!(product(&collected, "ruck-30").categories, ["Bags/Rucksacks", "Travel"]);
    assert_eq!(product(&collected, "rain-cover").categories, ["Bags/Covers, Straps"]);
    assert_eq!(product(&collected, "tee-red-m").variant_position, Some(2));
    assert_eq!(collected.findings.len(), 1, "{:?}", collected.findings);
    assert!(collected.findings[0].contains("unknown_column Swatches Attributes"));
}

#[test]
fn the_rest_api_gives_the_same_links_by_number() {
    let goldens = [LINKS, "woocommerce/expected-links-rest.csv"];
    let collected = ranked::check("woocommerce", "woocommerce/rest", &goldens);
    check_products(&collected);
    assert_eq!(product(&collected, "ruck-30").categories, ["Rucksacks", "Travel"]);
    assert_eq!(product(&collected, "ruck-30").popularity, Some(303.0));
    assert_eq!(product(&collected, "ruck-50").popularity, Some(7.0), "a number as text");
    assert_eq!(collected.findings.len(), 1, "{:?}", collected.findings);
    assert!(collected.findings[0].contains("unknown_column related_ids"));
}

#[test]
fn a_column_speaks_of_its_type_and_an_empty_cell_of_its_product() {
    let collected = csv("SKU,Upsells\na,b\nb,\n");
    let upsell = "woocommerce:upsell";
    assert_eq!(scopes(&collected), [(upsell, None), (upsell, Some("a")), (upsell, Some("b"))]);
    assert_eq!(collected.relations().len(), 1);
    assert_eq!(scopes(&csv("SKU,Regular price\na,1\n")), []);
    let collected = json(r#"[{"id":1,"sku":"a","upsell_ids":[]},{"id":2,"grouped_products":[1]}]"#);
    let expected = [
        (upsell, None),
        (upsell, Some("a")),
        (ScopeRecord::BUNDLES, None),
        (ScopeRecord::BUNDLES, Some("id:2")),
    ];
    assert_eq!(scopes(&collected), expected);
}

#[test]
fn a_header_in_another_language_is_refused_with_what_was_expected() {
    let expected = |found: &str| {
        format!(
            "DIR/products.csv: expected the columns of an English export (`ID` or `SKU`, and \
             `Type`, `Published`, `In stock?`, `Parent`, `Grouped products`, `Upsells`, \
             `Cross-sells`), found {found}; export it in English, or say in a mapping.toml which \
             column is what"
        )
    };
    let german = "ID,Typ,Artikelnummer,Name,Veröffentlicht,Vorrätig?,Übergeordnetes Produkt\n";
    let found = "`ID`, `Typ`, `Artikelnummer`, `Name`, `Veröffentlicht`, `Vorrätig?`, \
                 `Übergeordnetes Produkt`";
    let files: [(&str, &[u8]); 1] = [("products.csv", german.as_bytes())];
    let error = refused("woocommerce", &files, &expected(found));
    assert!(matches!(error, SourceError::ForeignColumns { .. }), "{error:?}");
    // Dutch keeps some English words; half of the links would be lost.
    let dutch = "ID,Type,SKU,Naam,Gepubliceerd,Op voorraad?,Hoofd,Gegroepeerde producten,Upsells\n";
    let found = "`ID`, `Type`, `SKU`, `Naam`, `Gepubliceerd`, `Op voorraad?`, `Hoofd`, \
                 `Gegroepeerde producten`, `Upsells`";
    refused("woocommerce", &[("products.csv", dutch.as_bytes())], &expected(found));
}

#[test]
fn bad_cells_are_reported_with_their_lines() {
    let text = "ID,SKU,Type,Published,Visibility in catalog,In stock?,Stock,Regular price,Parent,\
                Grouped products,Upsells\n\
                1,a,bundle,maybe,shown,many,few,1.250,\"p\",\"b, c\",\"x,\n,y\"\n\
                ,,simple,1,visible,1,,1,,,\n";
    let collected = csv(text);
    assert_eq!(
        collected.findings,
        [
            "products.csv:2 bad_value Type: expected `simple`, `variable`, `variation`, `grouped` \
             or `external`, whose parts are known, found `bundle`",
            "products.csv:2 bad_value Parent: expected a parent in a row of the type `variation` \
             only, found `p`",
            "products.csv:2 bad_value In stock?: expected `1`, `0` or `backorder`, found `many`",
            "products.csv:2 bad_value Stock: expected a number of units, found `few`",
            "products.csv:2 bad_value Published: expected `1`, `0` or `-1`, found `maybe`",
            "products.csv:2 bad_value Grouped products: expected products in a row of the type \
             `grouped` only, found `b, c`",
            "products.csv:4 bad_id SKU: the id is empty; expected 1 to 128 bytes",
        ]
    );
    assert_eq!(product(&collected, "a").visibility, Visibility::Hidden, "unreadable, so hidden");
    assert_eq!(collected.relations().len(), 2);
}

#[test]
fn bad_members_are_reported_with_their_lines() {
    let text = r#"[{"id":1,"sku":"a","type":"bundle","status":"publish","catalog_visibility":"shown",
        "price":"-1","stock_status":"few","upsell_ids":{"x":1},"cross_sell_ids":[2,{"id":3},null]},
        {"name":"nameless"}]"#;
    let collected = json(text);
    assert_eq!(
        collected.findings,
        [
            "products.json:1 bad_value type: expected `simple`, `variable`, `variation`, `grouped` \
             or `external`, whose parts are known, found `bundle`",
            "products.json:1 bad_value price: expected an amount like `12.50`, found `-1`",
            "products.json:1 bad_value stock_status: expected `instock`, `outofstock` or \
             `onbackorder`, found `few`",
            "products.json:1 bad_value catalog_visibility: expected `visible`, `catalog`, `search` \
             or `hidden`, found `shown`",
            "products.json:1 bad_value upsell_ids: expected a list, found `an object`",
            "products.json:1 bad_value cross_sell_ids: expected text or a number, found `an object`",
            "products.json:3 bad_row : expected a product with a `sku` or an `id`, found neither",
        ]
    );
    assert_eq!(collected.relations()[0].target, "id:2");
    assert_eq!(collected.relations().len(), 1);
    assert_eq!(product(&collected, "a").visibility, Visibility::Hidden, "unreadable, so hidden");
}

#[test]
fn any_delimiter_of_an_export_is_read() {
    for delimiter in [",", ";", "\t"] {
        let text = "SKU,Regular price,Upsells\na,\"1,50\",\"b, c\"\n";
        let text = text.replace("SKU,", &format!("SKU{delimiter}"));
        let text = text.replace("price,", &format!("price{delimiter}"));
        let text = text.replace("a,\"", &format!("a{delimiter}\""));
        let text = text.replace("\",\"", &format!("\"{delimiter}\""));
        let collected = csv(&text);
        assert_eq!(collected.relations().len(), 2, "{delimiter}");
        let price = product(&collected, "a").price.unwrap().amount;
        assert_eq!(price, Decimal::parse("1.50").unwrap());
    }
}

#[test]
fn files_are_known_by_their_own_beginnings() {
    for name in ["csv", "rest"] {
        let parts = detect(&ranked::path(&format!("woocommerce/{name}")), Encoding::Utf8).unwrap();
        let formats: Vec<&str> = parts.iter().map(|part| part.format().name).collect();
        assert_eq!(formats, ["woocommerce"], "{name}");
    }
    let orders = directory(&[("orders.csv", b"ID,SKU,Total\n1,a,2\n")]);
    assert!(detect(orders.path(), Encoding::Utf8).is_err());
}

#[test]
fn other_files_are_reported_and_none_is_refused() {
    let files: [(&str, &[u8]); 4] = [
        ("a.csv", b"SKU,Upsells\na,b\n"),
        ("orders.csv", b"Order,Email\n1,x\n"),
        ("orders.json", b"[{\"id\":1,\"total\":\"2\"}]"),
        ("logo.png", b"\x89PNG"),
    ];
    let collected = read("woocommerce", &files);
    assert_eq!(collected.count(FindingCode::IgnoredFile), 3);
    let expected = "DIR: expected a product export (.csv) or products of the REST API (.json), \
                    found none";
    refused("woocommerce", &files[2..], expected);
}

#[test]
fn both_forms_bear_what_is_hostile() {
    let table = "ID,Type,SKU,Upsells,Cross-sells\n1,simple,a,\"b, id:7\",c\n2,simple,b,,\n";
    let list = "[{\"id\":1,\"sku\":\"a\",\"name\":\"Aa\",\"upsell_ids\":[2],\n\"cross_sell_ids\":[]},\n\
                {\"id\":2,\"sku\":\"b\",\"upsell_ids\":[]}]\n";
    for (name, text) in [("p.csv", table), ("p.json", list)] {
        hostile_set::check(&Good { format: "woocommerce", name, text, beside: &[] });
    }
}
