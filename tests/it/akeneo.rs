//! Akeneo's exports from the files to the snapshot: the catalog of `tests/data` in three forms gives
//! one graph, types of the shop's own are asked for, and bad trees and packed files are told.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use kindred::index::Ordinal;
use serde_json::Value;

use crate::{
    command::program,
    shop::{Shop, write},
};

fn fixture(form: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/akeneo").join(form)
}

/// What maps the two types of the fixture that are not Akeneo's own.
const CATALOG: &str = r#"
[[relation_types]]
number = 100
code = "set"
source_codes = ["akeneo:PRODUCT_SET"]

[[relation_types]]
number = 6
source_codes = ["akeneo:cross-sell"]
"#;

/// Compiles what lies at a path, with its report.
fn compiled(shop: &Shop, from: &Path, options: &[&str]) -> Value {
    let (from, report) = (from.to_str().unwrap().to_owned(), shop.path("report.json"));
    let args = ["compile", "--from", &from, "--report", report.to_str().unwrap()];
    shop.kindred(&[&args, options].concat()).succeeded();
    shop.report()
}

/// How many findings of each code that matters a report has.
fn lost(report: &Value) -> BTreeMap<String, u64> {
    let findings = report["findings"].as_array().unwrap().iter();
    let lost = findings.filter(|finding| finding["severity"] != "info");
    let of = |finding: &Value| {
        (finding["code"].as_str().unwrap().to_owned(), finding["count"].as_u64().unwrap())
    };
    lost.map(of).collect()
}

#[test]
fn the_catalog_is_one_graph_in_whatever_form_it_comes() {
    let mut graphs = Vec::new();
    for form in ["csv", "rest", "rest-uuid"] {
        let shop = Shop::new();
        write(&shop.path("catalog.toml"), CATALOG);
        let catalog = shop.path("catalog.toml");
        let options = ["--catalog", catalog.to_str().unwrap()];
        let report = compiled(&shop, &fixture(form), &options);
        // Both rows of a two-way pair state it, and each says the other's way, too: nothing is lost.
        let null = u64::from(form == "rest");
        let expected = [("bad_value", null), ("hidden_target", 1)];
        let expected = expected.into_iter().filter(|(_, count)| *count > 0);
        let expected = expected.map(|(code, count)| (code.to_owned(), count)).collect();
        assert_eq!(lost(&report), expected, "{form}");
        assert_eq!(report["products"], 40);
        let kept = |code: &str| report["relations"][code]["kept"].as_u64().unwrap();
        let counts =
            ["cross_sell", "up_sell", "bundle", "alternative", "accessory", "set"].map(kept);
        assert_eq!(counts, [38, 6, 5, 6, 3, 9], "{form}");
        graphs.push(graph(&shop));
    }
    assert_eq!(graphs[0], graphs[1]);
    assert_eq!(graphs[0], graphs[2]);
    let links = &graphs[0];
    assert_eq!(links.len(), 67);
    assert!(links.contains(&"kit-cook 100 mug-steel 4".to_owned()));
    // By its uuid alone.
    let unnamed = "b244f45c-d5ec-4993-8cff-7ccd04e8a035 1 battery-aaa ";
    assert!(links.contains(&unnamed.to_owned()));
}

/// Every relation of the live catalog as `source type target quantity`, sorted.
fn graph(shop: &Shop) -> Vec<String> {
    let snapshot = shop.snapshot();
    let view = snapshot.catalog().view();
    let mut links = Vec::new();
    for source in view.ordinals() {
        for run in view.block(source).runs() {
            let number = run.relation_type().unwrap().number();
            for relation in run.relations() {
                let target = view.id(Ordinal(relation.edge.target.get()));
                let quantity = relation.rare.map(|rare| rare.quantity.get());
                let quantity = quantity.filter(|quantity| *quantity > 0.0);
                let quantity = quantity.map(|one| one.to_string()).unwrap_or_default();
                links.push(format!("{} {number} {target} {quantity}", view.id(source)));
            }
        }
    }
    links.sort();
    links
}

#[test]
fn types_of_the_shops_own_are_told_with_what_to_do() {
    let shop = Shop::new();
    let report = compiled(&shop, &fixture("csv"), &[]);
    assert_eq!(lost(&report)["unknown_type"], 12);
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == "unknown_type").unwrap();
    let sample = finding["samples"][0].as_str().unwrap();
    assert!(
        sample
            .ends_with("put it into the source_codes of one of catalog.toml's [[relation_types]]"),
        "{sample}"
    );
    shop.kindred(&["compile", "--strict", "--from", fixture("csv").to_str().unwrap()]).ended(2);
}

#[test]
fn parents_in_a_circle_are_told_and_cut() {
    let shop = Shop::new();
    let models = "code;family_variant;parent\na;v;b\nb;v;c\nc;v;a\n";
    write(&shop.table("models.csv"), models);
    write(
        &shop.table("products.csv"),
        "sku;family;enabled;parent;X_SELL-products\np;f;1;a;a\nq;f;1;;p\n",
    );
    let report = compiled(&shop, &shop.path("tables"), &[]);
    assert!(lost(&report).contains_key("parent_cycle"), "{report}");
    assert_eq!(report["products"], 5);
}

#[test]
fn packed_files_and_the_standard_input_are_read_like_files() {
    let table = fs::read(fixture("csv").join("products.csv")).unwrap();
    let plain = Shop::new();
    write(&plain.table("products.csv"), &table);
    compiled(&plain, &plain.table("products.csv"), &[]);
    let gzip = Shop::new();
    let file = fs::File::create(gzip.table("export.csv.gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    encoder.write_all(&table).unwrap();
    encoder.finish().unwrap();
    compiled(&gzip, &gzip.table("export.csv.gz"), &[]);
    let piped = Shop::new();
    let mut run = program()
        .args(["compile", "--from", "-", "--store"])
        .arg(piped.store_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    run.stdin.take().unwrap().write_all(&table).unwrap();
    assert!(run.wait().unwrap().success());
    let expected = plain.snapshot().id().to_owned();
    assert_eq!([gzip.snapshot().id(), piped.snapshot().id()], [&expected; 2]);
}

#[test]
fn latin1_is_read_where_it_is_said() {
    let shop = Shop::new();
    let table = b"sku;family;enabled;X_SELL-products\nM\xfcsli;f;1;b\nb;f;1;\n";
    write(&shop.table("p.csv"), table);
    let from = shop.table("p.csv");
    let refused = shop.kindred(&["compile", "--from", from.to_str().unwrap()]).ended(4);
    refused.complained(&["if the file is Latin-1, say --encoding latin1"]);
    compiled(&shop, &from, &["--encoding", "latin1"]);
    assert_eq!(graph(&shop), ["M\u{fc}sli 1 b "]);
    let unknown = ["compile", "--encoding", "utf-16", "--from", "x"];
    shop.kindred(&unknown).ended(2).complained(&["expected utf-8 or latin1"]);
}

#[test]
fn a_source_that_cannot_be_read_publishes_nothing() {
    let shop = Shop::new();
    let file = shop.table("products.json");
    let cases: [(&[u8], &str); 4] = [
        (
            b"[{\"identifier\":\"a\",\"enabled\":true},\n{\"ident",
            "products.json:2: expected the JSON",
        ),
        (b"\x1f\x8b\x08\x00\x00", "expected gzip data up to its end, found the end of the file"),
        (b"{\"a\":1}", "found JSON with the keys `a`; known formats are akeneo, kindred, magento"),
        (b"sku;family;enabled\na;\xff\xff;1\n", "expected UTF-8, found byte 0xff at offset 21"),
    ];
    for (bytes, expected) in cases {
        write(&file, bytes);
        let from = format!("akeneo={}", file.display());
        let named = shop.kindred(&["compile", "--from", &from]).ended(4);
        let found = shop.kindred(&["compile", "--from", file.to_str().unwrap()]).ended(4);
        assert!(
            named.err.contains(expected) || found.err.contains(expected),
            "{}{}",
            named.err,
            found.err
        );
        assert_eq!(shop.manifests(), 0);
    }
}
