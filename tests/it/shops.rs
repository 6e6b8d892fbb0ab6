//! Shopify, WooCommerce and Shopware: every form of a shop's data makes the same catalog, and real data
//! gives what an independent count finds. What is read of each cell is tested where it is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
};

use kindred::index::Ordinal;

use crate::{command::program, csv, shop::Shop};

/// A catalog of `tests/data`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A shop made of what lies there, with these further options.
fn compiled(format: &str, path: &Path, options: &[&str]) -> Shop {
    let shop = Shop::new();
    let (from, report) = (format!("{format}={}", path.display()), shop.path("report.json"));
    let args = ["compile", "--from", &from, "--report", report.to_str().unwrap()];
    shop.kindred(&[&args[..], options].concat()).succeeded();
    shop
}

/// Everything that the live catalog links: relations in order, variants, parts of bundles.
fn links(shop: &Shop) -> Vec<String> {
    let snapshot = shop.snapshot();
    let view = snapshot.catalog().view();
    let mut links = Vec::new();
    for product in view.ordinals() {
        let id = view.id(product);
        for run in view.block(product).runs() {
            let targets = run.edges().iter().map(|edge| view.id(Ordinal(edge.target.get())));
            let number = run.relation_type().unwrap().number();
            links.extend(targets.map(|target| format!("{id} {number} {target}")));
        }
        links.extend(view.parent(product).map(|parent| format!("{id} of {}", view.id(parent))));
        let Some(bundle) = view.bundle(product) else { continue };
        for option in view.options(bundle) {
            let name = view.option_name(option);
            for part in view.selections(option) {
                let part_id = view.id(Ordinal(part.product.get()));
                let (required, units) = (option.required.get(), part.quantity.get());
                links.push(format!("{id} [{name} {required}] {part_id} x{units}"));
            }
        }
    }
    links
}

/// Findings of a report by code.
fn findings(shop: &Shop) -> BTreeMap<String, u64> {
    let report = shop.report();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|one| (one["code"].as_str().unwrap().to_owned(), one["count"].as_u64().unwrap()))
        .collect()
}

fn expected<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(code, count)| (code.to_owned(), count)).into()
}

#[test]
fn every_form_of_a_shopify_shop_makes_the_same_catalog() {
    let shops = ["older", "newer", "rest", "graphql", "bulk"]
        .map(|form| compiled("shopify", &fixture("shopify").join(form), &[]));
    let [older, newer, rest, graphql, bulk] = shops.each_ref().map(links);
    // 47 relations of known types without the one to itself, the second of two equal ones, and those to
    // a product that is hidden or not there; and 18 variants.
    let is_part = |link: &&String| link.contains('[');
    assert_eq!((older.len(), older.iter().filter(is_part).count()), (43 + 18, 0));
    assert_eq!(older, newer);
    assert_eq!(older, rest);
    // Only these two know bundles.
    assert_eq!(graphql, bulk);
    assert_eq!(graphql.iter().filter(is_part).count(), 4 + 6);
    assert_eq!(
        graphql.iter().filter(|link| !is_part(link)).collect::<Vec<_>>(),
        older.iter().collect::<Vec<_>>()
    );
    let [older, .., bulk] = shops.each_ref().map(findings);
    // One SKU of three variants names none of them.
    assert_eq!((older["bad_alias"], bulk["bad_alias"]), (3, 3));
    for found in [older, bulk] {
        let one = ["self_link", "dangling_target", "duplicate_relation", "hidden_target"];
        for code in one {
            assert_eq!(found[code], 1, "{code} in {found:?}");
        }
    }
}

/// The standard input has no name: what it holds decides.
#[test]
fn a_file_is_known_without_its_name() {
    for (file, products) in [
        ("shopify/older/products_export_1.csv", 52),
        ("shopify/bulk/bulk-1234567890.jsonl", 52),
        ("shopify/rest/products.json", 52),
        ("woocommerce/rest/products.json", 34),
        ("shopware/export/Default product_20261127-080000.csv", 32),
    ] {
        let shop = Shop::new();
        let mut compile = program();
        compile.args(["compile", "--from", "-", "--store"]).arg(shop.store_dir());
        let run = compile.stdin(File::open(fixture(file)).unwrap()).output().unwrap();
        assert!(run.status.success(), "{file}: {}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(shop.snapshot().catalog().view().ordinals().count(), products, "{file}");
    }
}

#[test]
fn both_forms_of_a_woocommerce_shop_make_the_same_catalog() {
    let csv = compiled("woocommerce", &fixture("woocommerce/csv"), &[]);
    let rest = compiled("woocommerce", &fixture("woocommerce/rest"), &[]);
    // Options are named as the file names their products.
    let by_number = |link: &String| link.split('[').next().unwrap().to_owned();
    let [csv_links, rest_links] = [&csv, &rest].map(links);
    let [csv_links, rest_links] =
        [csv_links, rest_links].map(|links| links.iter().map(by_number).collect::<BTreeSet<_>>());
    assert_eq!(csv_links, rest_links);
    let lost = [
        ("dangling_target", 1),
        ("duplicate_relation", 1),
        ("self_link", 1),
        ("unknown_column", 1),
    ];
    assert_eq!(findings(&csv), expected(lost));
    assert_eq!(findings(&rest), expected(lost));
}

#[test]
fn a_shopware_shop_says_in_catalog_toml_what_its_groups_are() {
    let toml = "[[relation_types]]\nnumber = 6\nsource_codes = [\"shopware:Zubehör\"]\n\
                [[relation_types]]\nnumber = 4\nsource_codes = [\"shopware:Ähnliche Räder\"]\n\
                [[relation_types]]\nnumber = 5\nsource_codes = [\"shopware:Ersatzteile\"]\n\
                [[relation_types]]\nnumber = 100\ncode = \"fits\"\nsource_codes = [\"shopware:Passend dazu\"]\n";
    let other = Shop::new();
    other.write("catalog.toml", toml);
    let catalog = other.table("catalog.toml");
    let options = ["--catalog", catalog.to_str().unwrap()];
    let shop = compiled("shopware", &fixture("shopware/export"), &options);
    let report = shop.report();
    let kept = |code: &str| report["relations"][code]["kept"].as_u64().unwrap();
    assert_eq!(
        [kept("accessory"), kept("alternative"), kept("spare_part"), kept("fits")],
        [14, 4, 6, 5]
    );
    // Two groups of one name stand in the order of their positions.
    let of_city_bike: Vec<String> =
        links(&shop).into_iter().filter(|link| link.starts_with("SW-102 6 ")).collect();
    assert_eq!(of_city_bike, ["SW-102 6 SW-202", "SW-102 6 SW-300", "SW-102 6 SW-301"]);
    let lost = [
        ("bad_value", 2),
        ("dangling_target", 1),
        ("duplicate_relation", 1),
        ("inactive_relation", 2),
        ("self_link", 1),
        ("unknown_column", 3),
        ("unknown_type", 1),
    ];
    assert_eq!(findings(&shop), expected(lost));
}

#[test]
fn woocommerces_sample_data_equals_an_independent_count() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = root.join("../shared/data/catalogs/woocommerce");
    if !data.is_dir() {
        println!("skipped: {} is not there", data.display());
        return;
    }
    let rows = csv::records(&fs::read_to_string(data.join("sample_products.csv")).unwrap());
    let parents: BTreeSet<String> = rows
        .iter()
        .filter(|row| !row["Parent"].is_empty())
        .map(|row| format!("{} of {}", row["SKU"], row["Parent"]))
        .collect();
    let groups = rows.iter().filter(|row| !row["Grouped products"].is_empty());
    let parts: BTreeSet<String> = groups
        .flat_map(|row| {
            let parts = row["Grouped products"].split(", ");
            parts.map(|part| format!("{} [{part} 0] {part} x1", row["SKU"])).collect::<Vec<_>>()
        })
        .collect();
    // The count by hand, so that the two readers cannot be wrong together.
    assert_eq!((rows.len(), parents.len(), parts.len()), (24, 9, 3));
    let shop = compiled("woocommerce", &data, &[]);
    assert_eq!(shop.report()["products"], 24);
    assert_eq!(links(&shop).into_iter().collect::<BTreeSet<_>>(), &parents | &parts);
    let found = findings(&shop);
    assert_eq!(found["no_relations"], 1, "its up-sells and cross-sells are empty: {found:?}");
}
