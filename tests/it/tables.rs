//! Tables that are wrong: each fault has its exit code and is named with file, line and field; the
//! program never panics ([`crate::command::kindred`] looks), and an error publishes nothing.

use serde_json::Value;

use crate::shop::Shop;

const PRODUCTS: &str = "id,title,price,currency,markets\na,A,1.00,EUR,\nb,B,2.00,EUR,\n";
const RELATIONS: &str = "source,type,target,score\na,cross_sell,b,\n";

/// A good shop but for one table.
fn shop_with(name: &str, bytes: &[u8]) -> Shop {
    let shop = Shop::with(&[("products.csv", PRODUCTS), ("relations.csv", RELATIONS)]);
    shop.write(name, bytes);
    shop
}

/// The file cannot be read as a table: exit code 1, a message with these texts, nothing published.
#[track_caller]
fn check_error(name: &str, bytes: &[u8], texts: &[&str]) {
    let shop = shop_with(name, bytes);
    let path = shop.table(name);
    let run = shop.compile(&[]).ended(4).complained(&["error: ", path.to_str().unwrap()]);
    run.complained(texts);
    assert_eq!(shop.manifests(), 0, "nothing is published");
}

/// The run goes on without the row or cell: one finding of this code, at this place; `--strict`
/// fails on it. Says how many products and relations are left.
#[track_caller]
fn check_finding(name: &str, bytes: &[u8], code: &str, sample: &str) -> (u64, u64) {
    let shop = shop_with(name, bytes);
    let path = shop.path("report.json");
    let options = ["--report", path.to_str().unwrap()];
    shop.compile(&[&options[..], &["--strict"]].concat()).ended(2);
    assert_eq!(shop.manifests(), 0, "nothing is published");
    shop.compile(&options).succeeded();
    let report = shop.report();
    let finding = find(&report, code);
    assert_eq!(finding["count"], 1, "{finding}");
    let found = finding["samples"][0].as_str().unwrap();
    assert!(found.starts_with(sample), "expected {sample:?}, found {found:?}");
    assert!(found.contains("expected") || found.contains("outranked by"), "{found:?}");
    let kept = report["relations"].as_object().unwrap().values();
    let kept = kept.map(|counts| counts["kept"].as_u64().unwrap()).sum();
    (report["products"].as_u64().unwrap(), kept)
}

#[track_caller]
fn find<'r>(report: &'r Value, code: &str) -> &'r Value {
    let mut findings = report["findings"].as_array().unwrap().iter();
    let found = findings.find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} in {report:#}"))
}

/// The table is good: no finding at all.
#[track_caller]
fn check_good(name: &str, bytes: &[u8]) {
    shop_with(name, bytes).compile(&["--strict"]).succeeded();
}

#[test]
fn a_file_that_is_missing_or_no_table_is_named() {
    let shop = Shop::new();
    let run = shop.compile(&[]).ended(4);
    run.complained(&["error: ", "/tables: expected products, product_markets", "found none"]);
    let from = format!("kindred={}", shop.table("nowhere").display());
    let run = shop.kindred(&["compile", "--from", &from]).ended(4);
    run.complained(&["/tables/nowhere: expected a file or directory, found nothing"]);
    let from = format!("magento={}", shop.table("nowhere.csv").display());
    let run = shop.kindred(&["compile", "--from", &from]).ended(4);
    run.complained(&["/tables/nowhere.csv: expected a file or directory, found nothing"]);
    let run = shop.kindred(&["compile", "--from", "oracle=tables"]).ended(2);
    run.complained(&["oracle", "known are akeneo, kindred, magento"]);
    assert_eq!(shop.manifests(), 0);
}

#[test]
fn an_empty_file_is_an_error() {
    for empty in ["", "\n\r\n\n", "\u{feff}"] {
        check_error("products.csv", empty.as_bytes(), &["expected a header", "an empty file"]);
        check_error("relations.csv", empty.as_bytes(), &["expected a header", "an empty file"]);
    }
    check_error("aliases.ndjson", b"", &["expected one JSON object a line", "an empty file"]);
}

#[test]
fn no_products_at_all_is_an_error() {
    let shop = shop_with("products.csv", b"id,title\n");
    let run = shop.compile(&[]).ended(4);
    run.complained(&["expected at least one product", "products.csv"]);
    assert_eq!(shop.manifests(), 0);
    // Nor if all of its rows are lost: then the message says to what.
    let shop = shop_with("products.csv", b"id,title\n,A\n,B\n");
    shop.compile(&[]).ended(4).complained(&["expected at least one product", "bad_id 2"]);
    assert_eq!(shop.manifests(), 0);
}

#[test]
fn a_byte_order_mark_and_either_line_end_are_fine() {
    let with_mark = format!("\u{feff}{PRODUCTS}");
    check_good("products.csv", with_mark.as_bytes());
    check_good("products.csv", PRODUCTS.replace('\n', "\r\n").as_bytes());
    check_good("products.csv", with_mark.replace('\n', "\r\n").as_bytes());
    check_good("products.csv", PRODUCTS.trim_end().as_bytes());
    check_good("aliases.ndjson", "\u{feff}{\"alias\":\"x\",\"product\":\"a\"}\r\n".as_bytes());
}

#[test]
fn another_delimiter_is_an_error() {
    for (delimiter, named) in [(";", "`;`"), ("\t", "`\\t`"), ("|", "`|`")] {
        let table = PRODUCTS.replace(',', delimiter);
        let texts = ["products.csv:1: expected cells delimited by `,`", named];
        check_error("products.csv", table.as_bytes(), &texts);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_an_error() {
    // Latin-1: the byte before which 26 others stand.
    let table = b"id,title\na,A\nb,Caf\xe9 noir\n";
    let place = "products.csv:3: column `title`: expected UTF-8, found byte 0xe9 at offset 18";
    check_error("products.csv", table, &[place]);
    let utf16 = "id,title\na,A\n".encode_utf16().flat_map(u16::to_le_bytes);
    let utf16 = [0xff, 0xfe].into_iter().chain(utf16).collect::<Vec<_>>();
    check_error("products.csv", &utf16, &["products.csv:1: ", "expected UTF-8", "UTF-16"]);
}

#[test]
fn a_quote_that_never_ends_is_an_error() {
    let table = b"id,title\na,A\nb,\"B\nc,C\n";
    let place = "products.csv:3: expected the quotes of the row that begins here to be closed";
    check_error("products.csv", table, &[place]);
}

#[test]
fn a_cell_of_ten_mebibytes_is_an_error() {
    let table = format!("id,title\na,A\nb,{}\n", "x".repeat(10 << 20));
    let place = "products.csv:3: expected a row of at most 1048576 bytes";
    check_error("products.csv", table.as_bytes(), &[place]);
    let line = format!("{{\"alias\":\"{}\",\"product\":\"a\"}}\n", "x".repeat(10 << 20));
    check_error(
        "aliases.ndjson",
        line.as_bytes(),
        &["aliases.ndjson:1: expected a row of at most"],
    );
}

#[test]
fn a_missing_or_doubled_column_is_an_error() {
    check_error(
        "relations.csv",
        b"source,target\na,b\n",
        &["expected a column `type`", "`target`"],
    );
    check_error("products.csv", b"id,id\na,b\n", &["expected each column once", "`id`"]);
    check_error(
        "aliases.ndjson",
        b"alias,product\n",
        &["aliases.ndjson:1: expected one JSON object"],
    );
}

#[test]
fn a_ragged_row_is_lost_and_reported() {
    for row in ["c,C", "c,C,3.00,EUR,,"] {
        let table = format!("{PRODUCTS}{row}\n");
        let place = "products.csv:4: expected 5 cells";
        let left = check_finding("products.csv", table.as_bytes(), "ragged_row", place);
        assert_eq!(left, (2, 1));
    }
}

#[test]
fn a_second_row_for_a_product_is_reported() {
    let table = format!("{PRODUCTS}a,Another,3.00,EUR,\n");
    let place = "products.csv:4: id: ";
    let left = check_finding("products.csv", table.as_bytes(), "duplicate_product", place);
    assert_eq!(left, (2, 1));
}

#[test]
fn an_id_that_is_empty_or_too_long_is_reported() {
    for (id, found) in [(String::new(), "empty"), ("x".repeat(129), "129 bytes")] {
        let table = format!("{PRODUCTS}{id},C,3.00,EUR,\n");
        let left =
            check_finding("products.csv", table.as_bytes(), "bad_id", "products.csv:4: id: ");
        assert_eq!(left, (2, 1), "{found}");
        let table = format!("{RELATIONS}a,up_sell,{id},\n");
        let place = "relations.csv:3: target: ";
        let left = check_finding("relations.csv", table.as_bytes(), "bad_id", place);
        assert_eq!(left, (2, 1), "{found}");
    }
    check_good("products.csv", format!("{PRODUCTS}{},C,3.00,EUR,\n", "x".repeat(128)).as_bytes());
}

#[test]
fn an_unknown_currency_or_market_is_reported() {
    let table = format!("{PRODUCTS}c,C,3.00,EURO,\n");
    let place = "products.csv:4: currency: ";
    let left = check_finding("products.csv", table.as_bytes(), "unknown_currency", place);
    assert_eq!(left, (3, 1));
    let table = format!("{PRODUCTS}c,C,3.00,USD,\n");
    let place = "products.csv:4: currency: ";
    check_finding("products.csv", table.as_bytes(), "mixed_currency", place);
    let table = format!("{PRODUCTS}c,C,3.00,EUR,mars\n");
    let place = "products.csv:4: markets: ";
    check_finding("products.csv", table.as_bytes(), "unknown_market", place);
    let place = "product_markets.csv:2: market: ";
    check_finding("product_markets.csv", b"id,market\na,mars\n", "unknown_market", place);
    let table = "source,type,target,markets\na,cross_sell,b,mars\na,up_sell,b,default\n";
    let place = "relations.csv:2: ";
    let left = check_finding("relations.csv", table.as_bytes(), "unknown_market", place);
    assert_eq!(left, (2, 1), "a relation for no market of ours is for nobody");
}

#[test]
fn a_score_that_is_no_share_is_reported_and_counts_as_absent() {
    for score in ["NaN", "2.0", "-0.1", "inf", "1e9", "much", "0,5"] {
        let cell = if score.contains(',') { format!("\"{score}\"") } else { score.to_owned() };
        let table = format!("source,type,target,score\na,cross_sell,b,{cell}\n");
        let place = "relations.csv:2: score: ";
        let left = check_finding("relations.csv", table.as_bytes(), "bad_value", place);
        assert_eq!(left, (2, 1), "{score}");
    }
    for score in ["0", "1", "1.0", "0.5", "1e-3"] {
        check_good("relations.csv", RELATIONS.replace(",\n", &format!(",{score}\n")).as_bytes());
    }
}

#[test]
fn other_cells_that_cannot_be_read_are_reported() {
    let cases = [
        ("price", "-1.00"),
        ("price", "1.2.3"),
        ("availability", "maybe"),
        ("read_at", "yesterday"),
        ("popularity", "-1"),
        ("popularity", "NaN"),
        ("eco_grade", "6"),
        ("variant_position", "-1"),
        ("category", "//"),
    ];
    for (column, cell) in cases {
        let table = format!("id,{column}\na,\nb,{cell}\n");
        let place = format!("products.csv:3: {column}: ");
        let left = check_finding("products.csv", table.as_bytes(), "bad_value", &place);
        assert_eq!(left, (2, 1), "{column} {cell}");
    }
    for (column, cell) in [("quantity", "0"), ("quantity", "inf"), ("position", "1.5")] {
        let table = format!("source,type,target,{column}\na,cross_sell,b,{cell}\n");
        let place = format!("relations.csv:2: {column}: ");
        let left = check_finding("relations.csv", table.as_bytes(), "bad_value", &place);
        assert_eq!(left, (2, 1), "{column} {cell}");
    }
}

/// Shown without its limit, a product or relation would stand where the shop does not want it.
#[test]
fn a_limit_that_cannot_be_read_is_reported_and_keeps_what_it_limits_out() {
    let table = "id,visibility\na,\nb,opaque\n";
    let place = "products.csv:3: visibility: ";
    let left = check_finding("products.csv", table.as_bytes(), "bad_value", place);
    assert_eq!(left, (2, 0));
    let long = "x".repeat(129);
    for (column, cell) in [
        ("valid_from", "soon"),
        ("valid_to", "31.12.2026"),
        ("stages", "bedtime"),
        ("active", "so"),
        ("markets", &long),
    ] {
        let table = format!("source,type,target,{column}\na,cross_sell,b,{cell}\n");
        let place = format!("relations.csv:2: {column}: ");
        let left = check_finding("relations.csv", table.as_bytes(), "bad_value", &place);
        assert_eq!(left, (2, 0), "{column} {cell}");
    }
}

#[test]
fn relations_that_lead_nowhere_are_dropped_by_reason() {
    let cases = [
        ("x,cross_sell,b", "unknown_source"),
        ("a,cross_sell,x", "dangling_target"),
        ("a,cross_sell,a", "self_link"),
        ("a,cross_sell,b", "duplicate_relation"),
        ("a,goes_with,b", "unknown_type"),
    ];
    for (row, code) in cases {
        let table = format!("{RELATIONS}{row},\n");
        let left = check_finding("relations.csv", table.as_bytes(), code, "relations.csv:3: ");
        assert_eq!(left, (2, 1), "{code}");
    }
    let hidden = "id,visibility\na,\nb,\nc,hidden\n";
    let shop = Shop::with(&[("products.csv", hidden), ("relations.csv", RELATIONS)]);
    shop.write("relations.csv", format!("{RELATIONS}a,cross_sell,c,\n"));
    let run = shop.compile(&["--strict"]).ended(2);
    assert!(run.out.contains("warning: hidden_target: 1\n  relations.csv:3: "), "{}", run.out);
}

#[test]
fn parents_in_a_circle_or_too_deep_are_reported() {
    let deep = "id,parent\na,\nb,a\nc,b\nd,c\ne,d\n";
    check_good("products.csv", deep.as_bytes());
    let place = "products.csv:7: parent: ";
    let table = format!("{deep}f,e\n");
    let left = check_finding("products.csv", table.as_bytes(), "parent_cycle", place);
    assert_eq!(left, (6, 1));
    let place = "products.csv:2: parent: ";
    check_finding("products.csv", b"id,parent\na,a\nb,\n", "parent_cycle", place);
    let place = "products.csv:3: parent: ";
    check_finding("products.csv", b"id,parent\na,\nb,x\n", "unknown_parent", place);
}

#[test]
fn ids_that_the_rule_cannot_tell_apart_are_reported() {
    let shop = Shop::with(&[
        ("catalog.toml", "id_rule = \"case_folded\"\n"),
        ("products.csv", "id\nLamp\nlamp\nLAMPE\n"),
    ]);
    let run = shop.compile(&["--strict"]).ended(2);
    assert!(run.out.contains("error: colliding_id: 1\n  products.csv:"), "{}", run.out);
}

#[test]
fn a_wrong_declaration_is_named_with_line_and_column() {
    let cases = [
        ("market = 1\n", "catalog.toml:1:1: "),
        (
            "id_rule = \"exact\"\n\n[[markets]]\nid = \"de\"\ncurrency = \"EURO\"\n",
            "catalog.toml:5:",
        ),
        ("id_rule = \n", "catalog.toml:1:"),
        ("[[relation_types]]\nnumber = 42\ncode = \"x\"\n", "catalog.toml:2:"),
    ];
    for (text, place) in cases {
        check_error("catalog.toml", text.as_bytes(), &[place, "expected"]);
    }
}

#[test]
fn columns_and_files_that_mean_nothing_are_reported_but_fail_nothing() {
    let shop = shop_with("products.csv", b"id,colour\na,red\nb,blue\n");
    shop.write("notes.txt", "read me");
    let run = shop.compile(&["--strict"]).succeeded();
    for text in ["info: unknown_column: 1\n  products.csv:1: colour: ", "info: ignored_file: 1\n"] {
        assert!(run.out.contains(text), "expected {text:?} in\n{}", run.out);
    }
}

#[test]
fn eco_alternatives_are_derived_where_a_shop_asks_for_them() {
    let products = "id,price,eco_grade\nold,9,D\nnew,9,B\nworse,9,E\n";
    let relations = "source,type,target,position\nold,alternative,worse,1\nold,alternative,new,2\n";
    let shop = Shop::with(&[("products.csv", products), ("relations.csv", relations)]);
    let path = shop.path("report.json");
    let options = ["--report", path.to_str().unwrap()];
    let look = ["lookup", "--seed", "old", "--type", "eco_alternative"];
    shop.compile(&options).succeeded();
    assert_eq!(shop.report()["relations"]["eco_alternative"]["derived"], 0);
    let run = shop.kindred(&look).succeeded();
    assert!(!run.out.contains("new"), "{}", run.out);
    shop.write("catalog.toml", "[derive]\neco_alternatives = true\n");
    shop.compile(&options).succeeded();
    assert_eq!(shop.report()["relations"]["eco_alternative"]["derived"], 1);
    let run = shop.kindred(&look).succeeded();
    assert!(run.out.contains("new") && !run.out.contains("worse"), "{}", run.out);
    shop.write("catalog.toml", "[derive]\neco = true\n");
    shop.compile(&options).ended(4).complained(&["catalog.toml:2:1", "eco_alternatives"]);
}
