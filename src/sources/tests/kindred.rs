//! Kindred's own tables: what each column becomes.

use super::{Collected, read};
use crate::{
    model::{
        decimal::Decimal,
        record::{
            AliasRecord, BundleRecord, PriceRecord, ProductMarketRecord, ProductRecord, Record,
            RelationRecord, ScopeRecord, TombstoneRecord, Visibility,
        },
        relation::{Availability, Origin, Stage, StageMask},
    },
    sources::format,
};

/// The records of one table, without their places.
#[track_caller]
fn check(name: &str, text: &str, expected: &[Record<'_>], findings: &[&str]) {
    let collected = read("kindred", &[(name, text.as_bytes())]);
    assert_eq!(collected.findings, findings);
    let records: Vec<_> = collected.records.into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, expected);
}

/// One column of one row: the record it gives is `expected`, and it is reported as `finding`.
#[track_caller]
fn check_relation(column: &str, cell: &str, expected: RelationRecord<'_>, finding: Option<&str>) {
    let text = format!("source,type,target,{column}\na,accessory,b,\"{cell}\"\n");
    let finding = finding.map(|expected| {
        format!("relations.csv:2 bad_value {column}: expected {expected}, found `{cell}`")
    });
    let findings: Vec<&str> = finding.iter().map(String::as_str).collect();
    check("relations.csv", &text, &[Record::Relation(expected)], &findings);
}

fn plain() -> RelationRecord<'static> {
    RelationRecord::new("a", "accessory", "b", Origin::Curated)
}

fn price(digits: i64, scale: u8, currency: Option<&str>) -> Option<PriceRecord<'_>> {
    Some(PriceRecord { amount: Decimal { digits, scale }, currency })
}

fn full_product() -> ProductRecord<'static> {
    ProductRecord {
        id: "toy-car",
        title: Some("Toy car, red"),
        brand: Some("Vroom"),
        categories: vec!["Toys/Cars", "Gifts"],
        price: price(1999, 2, Some("EUR")),
        availability: Some(Availability::LowStock),
        // 2026-01-31T08:00:00Z: 20484 days of 86400 seconds after 1970, and eight hours.
        read_at_s: Some(20_484 * 86_400 + 8 * 3_600),
        parent: Some("toy-cars"),
        variant_position: Some(2),
        visibility: Visibility::Hidden,
        popularity: Some(0.5),
        tags: vec!["new", "kids"],
        eco_grade: Some(4),
        markets: vec!["de", "at"],
    }
}

#[test]
fn every_column_of_products_is_read() {
    let text = "id,title,brand,category,price,currency,availability,read_at,parent,\
                variant_position,visibility,popularity,tags,eco_grade,markets\n\
                toy-car, \"Toy car, red\",Vroom,Toys/Cars| Gifts,19.99,EUR,low_stock,\
                2026-01-31T09:00:00+01:00,toy-cars,2,hidden,0.5,new|kids|,B,de|at\n";
    let text = text.replace(", \"Toy", ",\"Toy");
    check("products.csv", &text, &[Record::Product(full_product())], &[]);
}

#[test]
fn ndjson_gives_the_same_records() {
    let text = r#"{"id":"toy-car","title":"Toy car, red","brand":"Vroom","category":["Toys/Cars","Gifts"],"price":19.99,"currency":"EUR","availability":"low_stock","read_at":"2026-01-31T08:00:00Z","parent":"toy-cars","variant_position":2,"visibility":"hidden","popularity":0.5,"tags":"new|kids","eco_grade":4,"markets":["de",null,"at",""]}"#;
    check("products.ndjson", text, &[Record::Product(full_product())], &[]);
    let text = r#"{"target":"b","type":"accessory","source":"a","active":true,"score":null}"#;
    check("relations.ndjson", text, &[Record::Relation(plain())], &[]);
}

#[test]
fn items_of_a_json_array_stay_whole() {
    let text = r#"{"id":"a","category":["Toys|Games/Cars"],"tags":["x|y","z"]}"#;
    let product = ProductRecord {
        id: "a",
        categories: vec!["Toys|Games/Cars"],
        tags: vec!["x|y", "z"],
        ..ProductRecord::default()
    };
    check("products.ndjson", text, &[Record::Product(product)], &[]);
}

#[test]
fn empty_cells_are_absent() {
    let product = ProductRecord { id: "a", ..ProductRecord::default() };
    let text = "id,title,price,currency,tags,visibility,popularity\na, ,,EUR,|,,\n";
    check("products.csv", text, &[Record::Product(product.clone())], &[]);
    let text = r#"{"id":"a","title":"","price":null,"tags":[],"brand":[]}"#;
    check("products.ndjson", text, &[Record::Product(product)], &[]);
}

#[track_caller]
fn check_bad_product(column: &str, cell: &str, expected: &str) {
    let text = format!("id,{column}\na,\"{cell}\"\n");
    let product = ProductRecord { id: "a", ..ProductRecord::default() };
    let finding = format!("products.csv:2 bad_value {column}: expected {expected}, found `{cell}`");
    check("products.csv", &text, &[Record::Product(product)], &[&finding]);
}

#[test]
fn bad_cells_of_products_are_reported_and_absent() {
    let amount = "an amount like `12.50`";
    for cell in ["12,50", "free", "-1", "1e3", "NaN"] {
        check_bad_product("price", cell, amount);
    }
    let states =
        "`in_stock`, `low_stock`, `backorder`, `preorder`, `out_of_stock` or `discontinued`";
    check_bad_product("availability", "In stock", states);
    let instant = "an instant like `2026-01-31T08:00:00Z` or a date";
    for cell in ["yesterday", "2026-02-30", "2026-01-31T08:00:00", "31.01.2026"] {
        check_bad_product("read_at", cell, instant);
    }
    let place = "a whole number from 0 to 4294967295";
    for cell in ["-1", "1.5", "4294967296"] {
        check_bad_product("variant_position", cell, place);
    }
    for cell in ["-0.1", "inf", "NaN", "much"] {
        check_bad_product("popularity", cell, "a number not below 0");
    }
    for cell in ["0", "6", "F", "A+"] {
        check_bad_product("eco_grade", cell, "1 to 5, or A (best) to E");
    }
}

#[test]
fn names_that_are_too_long_are_reported_and_absent() {
    let long = "x".repeat(129);
    let shown = format!("{}...", "x".repeat(80));
    for column in ["brand", "parent", "tags", "markets"] {
        let text = format!("id,{column}\na,{long}\n");
        let product = ProductRecord { id: "a", ..ProductRecord::default() };
        let finding = format!(
            "products.csv:2 bad_value {column}: expected at most 128 bytes, found `{shown}`"
        );
        check("products.csv", &text, &[Record::Product(product)], &[&finding]);
    }
}

#[test]
fn category_paths_that_cannot_be_stored_are_reported_and_absent() {
    let good = format!("{}z", "a/".repeat(15));
    let text = format!("id,category\np,{good}|{good}/y|a//b|/a|{}\n", "x".repeat(129));
    let collected = read("kindred", &[("products.csv", text.as_bytes())]);
    assert_eq!(collected.products()[0].categories, [&good]);
    assert_eq!(collected.findings.len(), 4);
    assert_eq!(
        collected.findings[1],
        "products.csv:2 bad_value category: expected at most 16 levels of 1 to 128 bytes joined by \
         `/`, 1024 bytes in all, found `a//b`"
    );
}

#[test]
fn long_titles_are_cut_between_characters() {
    let fits = "x".repeat(1024);
    let text = format!("id,title\na,{fits}\nb,{}\u{20ac}\n", "x".repeat(1022));
    let collected = read("kindred", &[("products.csv", text.as_bytes())]);
    let titles: Vec<&str> = collected.products().iter().filter_map(|p| p.title).collect();
    assert_eq!(titles, [fits.as_str(), "x".repeat(1022).as_str()]);
    assert_eq!(collected.findings.len(), 1);
    assert!(
        collected.findings[0].starts_with(
            "products.csv:3 bad_value title: expected at most 1024 bytes, cut there, found `xxx"
        ),
        "{:?}",
        collected.findings
    );
}

#[test]
fn eco_grades_are_digits_or_letters() {
    for (cell, grade) in [("1", 1), ("5", 5), ("A", 5), ("b", 4), ("C", 3), ("d", 2), ("E", 1)] {
        let product = ProductRecord { id: "a", eco_grade: Some(grade), ..Default::default() };
        let text = format!("id,eco_grade\na,{cell}\n");
        check("products.csv", &text, &[Record::Product(product)], &[]);
    }
}

#[test]
fn product_markets_are_read() {
    let text = "id,market,listed,price,currency,read_at\n\
                a,ch,yes,21.50,CHF,2026-01-31\n\
                a,at,0,,EUR,\n\
                a,,1,,,\n\
                a,de,maybe,,,\n";
    let bare = |market, listed| {
        let record = ProductMarketRecord { id: "a", market, listed, price: None, read_at_s: None };
        Record::ProductMarket(record)
    };
    let swiss = ProductMarketRecord {
        id: "a",
        market: "ch",
        listed: Some(true),
        price: price(2150, 2, Some("CHF")),
        read_at_s: Some(20_484 * 86_400),
    };
    let expected = [Record::ProductMarket(swiss), bare("at", Some(false)), bare("de", None)];
    let findings = [
        "product_markets.csv:4 bad_row market: expected a value, without which the row has no meaning, \
         found none",
        "product_markets.csv:5 bad_value listed: expected `true` or `false`, `1` or `0`, `yes` or \
         `no`, found `maybe`",
    ];
    check("product_markets.csv", text, &expected, &findings);
}

#[test]
fn every_column_of_relations_is_read() {
    let text = "source,type,target,position,score,quantity,origin,two_way,valid_from,valid_to,\
                stages,markets,active,confirmed_at\n\
                cam,accessory,lens,3,0.25,2,co_purchase,true,2026-01-31,2026-02-01T00:00:00Z,\
                checkout|discovery,de|at,no,2026-01-31T00:00:01Z\n";
    let relation = RelationRecord {
        source: "cam",
        relation_type: "accessory",
        target: "lens",
        position: Some(3),
        score: Some(0.25),
        quantity: Some(2.0),
        origin: Origin::CoPurchase,
        two_way: Some(true),
        valid_from_s: Some(20_484 * 86_400),
        valid_to_s: Some(20_485 * 86_400),
        stages: StageMask::EVERY.with(Stage::Discovery).with(Stage::Checkout),
        markets: vec!["de", "at"],
        active: false,
        confirmed_at_s: Some(20_484 * 86_400 + 1),
    };
    check("relations.csv", text, &[Record::Relation(relation)], &[]);
}

#[test]
fn relations_with_a_bad_cell_go_on_without_it() {
    check(
        "relations.csv",
        "source,type,target\na,accessory,b\n",
        &[Record::Relation(plain())],
        &[],
    );
    for cell in ["NaN", "1.01", "-0.1", "inf", "high", "0,5"] {
        check_relation("score", cell, plain(), Some("a number from 0 to 1"));
    }
    for score in [0.0, 1.0] {
        let relation = RelationRecord { score: Some(score), ..plain() };
        check_relation("score", &score.to_string(), relation, None);
    }
    for cell in ["0", "-1", "NaN", "inf", "two"] {
        check_relation("quantity", cell, plain(), Some("a number above 0"));
    }
    let origins = "`curated`, `rule`, `co_purchase`, `model`, `popular`, `co_view` or `imported`";
    check_relation("origin", "guess", plain(), Some(origins));
    let switch = "`true` or `false`, `1` or `0`, `yes` or `no`";
    check_relation("two_way", "both", plain(), Some(switch));
    check_relation("position", "first", plain(), Some("a whole number from 0 to 4294967295"));
}

/// An unreadable end of validity once meant for ever, and misspelt stages every stage.
#[test]
fn a_relation_whose_limits_cannot_be_read_is_switched_off() {
    let off = || RelationRecord { active: false, ..plain() };
    let instant = "an instant like `2026-01-31T08:00:00Z` or a date";
    check_relation("confirmed_at", "lately", plain(), Some(instant));
    check_relation("valid_from", "soon", off(), Some(instant));
    check_relation("valid_to", "31.12.2026", off(), Some(instant));
    let switch = "`true` or `false`, `1` or `0`, `yes` or `no`";
    check_relation("active", "perhaps", off(), Some(switch));
    let stages = "`discovery`, `consideration`, `purchase_decision`, `checkout` or `post_purchase`";
    check_relation("stages", "cart", off(), Some(stages));
}

#[test]
fn words_of_closed_lists_are_known_in_any_case() {
    let stages = StageMask::EVERY.with(Stage::Checkout);
    check_relation("stages", "Checkout", RelationRecord { stages, ..plain() }, None);
    let origin = Origin::CoPurchase;
    check_relation("origin", "CO_PURCHASE", RelationRecord { origin, ..plain() }, None);
    let discontinued = ProductRecord {
        id: "a",
        availability: Some(Availability::Discontinued),
        visibility: Visibility::Hidden,
        ..ProductRecord::default()
    };
    let text = "id,availability,visibility\na,Discontinued,HIDDEN\n";
    check("products.csv", text, &[Record::Product(discontinued)], &[]);
}

/// `visibility=Off` once made a product visible.
#[test]
fn a_product_whose_visibility_cannot_be_read_is_hidden() {
    let visibility = Visibility::Hidden;
    let hidden = ProductRecord { id: "a", visibility, ..ProductRecord::default() };
    let finding =
        "products.csv:2 bad_value visibility: expected `visible` or `hidden`, found `off`";
    check("products.csv", "id,visibility\na,off\n", &[Record::Product(hidden)], &[finding]);
}

#[test]
fn relations_without_an_end_or_a_type_are_skipped() {
    let text = "source,type,target\n,accessory,b\na,,b\na,accessory,\n";
    let findings = [
        "relations.csv:2 bad_id source: the id is empty; expected 1 to 128 bytes",
        "relations.csv:3 bad_row type: expected a value, without which the row has no meaning, \
         found none",
        "relations.csv:4 bad_id target: the id is empty; expected 1 to 128 bytes",
    ];
    check("relations.csv", text, &[], &findings);
}

#[test]
fn bundles_are_read() {
    let text = "bundle,option,required,min,max,product,quantity,default,option_position,position\n\
                kit,Lens,true,1,1,lens-50,1,true,2,7\n\
                kit,Cards,,2,,card,2.5,,,\n\
                kit,Bag,,,,bag,0,,,\n\
                kit,Strap,1,,0,strap,,,,\n\
                kit,,1,,,x,,,,\n";
    let lens = BundleRecord {
        bundle: "kit",
        option: "Lens",
        option_position: 2,
        required: true,
        min_selections: 1,
        max_selections: 1,
        product: "lens-50",
        selection_position: 7,
        quantity: 1.0,
        is_default: true,
    };
    let bare = BundleRecord {
        option_position: 0,
        selection_position: 0,
        is_default: false,
        ..lens.clone()
    };
    let cards = BundleRecord {
        option: "Cards",
        product: "card",
        min_selections: 2,
        max_selections: 2,
        quantity: 2.5,
        ..bare.clone()
    };
    let bag = BundleRecord {
        option: "Bag",
        product: "bag",
        required: false,
        min_selections: 0,
        ..bare.clone()
    };
    let strap = BundleRecord { option: "Strap", product: "strap", ..bare };
    let findings = [
        "bundles.csv:4 bad_value quantity: expected a number above 0, found `0`",
        "bundles.csv:5 bad_value max: expected a whole number not below 1, found `0`",
        "bundles.csv:6 bad_row option: expected a value, without which the row has no meaning, \
         found none",
    ];
    let scope = Record::Scope(ScopeRecord { relation_type: "#bundles", product: None });
    let [lens, cards, bag, strap] = [lens, cards, bag, strap].map(Record::Bundle);
    check("bundles.csv", text, &[scope, lens, cards, bag, strap], &findings);
}

/// A product that is gone is no product, and says so only.
#[test]
fn deleted_products_are_tombstones() {
    let text = "id,title,deleted\na,A,yes\nb,B,0\nc,C,\nd,D,maybe\n";
    let tombstone = Record::Tombstone(TombstoneRecord { product: "a" });
    let product = |id, title| {
        Record::Product(ProductRecord { id, title: Some(title), ..ProductRecord::default() })
    };
    let findings =
        ["products.csv:5 bad_value deleted: expected `true` or `false`, `1` or `0`, `yes` \
                     or `no`, found `maybe`"];
    // What may be deleted is not shown.
    let hidden = Record::Product(ProductRecord {
        id: "d",
        title: Some("D"),
        visibility: Visibility::Hidden,
        ..ProductRecord::default()
    });
    let expected = [tombstone, product("b", "B"), product("c", "C"), hidden];
    check("products.csv", text, &expected, &findings);
}

#[test]
fn aliases_are_read() {
    let text = "alias,product\n 4006381333931 ,toy-car\n,toy-car\nx,\n";
    let findings = [
        "aliases.csv:3 bad_id alias: the id is empty; expected 1 to 128 bytes",
        "aliases.csv:4 bad_id product: the id is empty; expected 1 to 128 bytes",
    ];
    let alias = AliasRecord { alias: "4006381333931", product: "toy-car" };
    check("aliases.csv", text, &[Record::Alias(alias)], &findings);
}

#[test]
fn all_tables_of_a_directory_are_read_and_say_when_they_changed() {
    let files: [(&str, &[u8]); 3] = [
        ("relations.ndjson", br#"{"source":"a","type":"accessory","target":"b"}"#),
        ("products.csv", b"id\na\nb\n"),
        ("aliases.csv", b"alias,product\nx,a\n"),
    ];
    let collected = read("kindred", &files);
    let names: Vec<&str> = collected.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["aliases.csv", "products.csv", "relations.ndjson"]);
    assert!(collected.files.iter().all(|file| file.modified_s > Some(1_700_000_000)));
    let places: Vec<&str> = collected.records.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["aliases.csv:2", "products.csv:2", "products.csv:3", "relations.ndjson:1"]);
}

#[test]
fn a_single_file_is_known_by_its_name() {
    let directory =
        super::directory(&[("aliases.csv", b"alias,product\nx,a\n"), ("a.csv", b"id\n")]);
    let kindred = format("kindred").unwrap();
    let mut collected = Collected::default();
    kindred.read(&directory.path().join("aliases.csv"), &mut collected).unwrap();
    assert_eq!(collected.records.len(), 1);
    assert_eq!(collected.files[0].name, "aliases.csv");
    assert!(kindred.read(&directory.path().join("a.csv"), &mut collected).is_err());
}
