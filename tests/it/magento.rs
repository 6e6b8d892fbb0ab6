//! Magento's sample data, a real catalog: what is read, kept and served equals what [`Truth`] finds
//! in the same files by a reader of its own. Skipped where the files are not there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use kindred::index::Ordinal;
use serde_json::Value;

use crate::{
    calls::{CROSS_SELL, Client, RELATED, UP_SELL, block_on, client, ids, listing, relations},
    csv,
    server::Server,
    shop::Shop,
};

/// What a link file is called, our code for it, and our number, in the order of the numbers.
const LINK_TYPES: [(&str, &str, i32); 3] = [
    ("crosssell", "cross_sell", CROSS_SELL),
    ("upsell", "up_sell", UP_SELL),
    ("related", "related", RELATED),
];

/// What the files say, by the rules of the importer: the source must be a product, the target one
/// that is visible on its own, and the first of two equal links counts.
#[derive(Default)]
struct Truth {
    /// Hidden or not, by id.
    products: BTreeMap<String, bool>,
    /// Parent by variant.
    parents: BTreeMap<String, String>,
    read: BTreeMap<&'static str, u64>,
    findings: BTreeMap<&'static str, u64>,
    /// Targets in order, by type and source.
    kept: BTreeMap<(&'static str, String), Vec<String>>,
}

/// The sample data, if it is on this machine.
fn sample_data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = root.join("../shared/data/catalogs/magento");
    if !data.is_dir() {
        println!("skipped: {} is not there", data.display());
        return None;
    }
    Some(data)
}

impl Truth {
    fn read(data: &Path) -> Self {
        let mut truth = Self::default();
        let files = files(data);
        let (links, others): (Vec<_>, Vec<_>) = files.iter().partition(|path| link(path).is_some());
        for path in others {
            truth.read_products(&csv::records(&fs::read_to_string(path).unwrap()));
        }
        for path in links {
            let code = link(path).unwrap();
            truth.read_links(code, &csv::records(&fs::read_to_string(path).unwrap()));
        }
        truth
    }

    fn read_products(&mut self, rows: &[BTreeMap<String, String>]) {
        for row in rows {
            // Prices to compare with (`msrp`) and orders are no products.
            let (Some(sku), false) = (row.get("sku"), row.contains_key("msrp")) else { continue };
            let visibility = row.get("visibility").map_or("", String::as_str);
            let is_hidden = matches!(visibility, "1" | "Not Visible Individually");
            assert_eq!(self.products.insert(sku.clone(), is_hidden), None, "{sku} twice");
            let variants = row.get("configurable_variations").map_or("", String::as_str);
            for variant in variants.split('|').filter(|variant| !variant.is_empty()) {
                let id = variant.split(',').find_map(|part| part.strip_prefix("sku="));
                self.parents.insert(id.unwrap().to_owned(), sku.clone());
            }
        }
    }

    fn read_links(&mut self, code: &'static str, rows: &[BTreeMap<String, String>]) {
        for row in rows {
            let source = &row["sku"];
            let targets = row["linked_sku"].lines().map(str::trim);
            for target in targets.filter(|target| !target.is_empty()) {
                *self.read.entry(code).or_default() += 1;
                let kept = self.kept.entry((code, source.clone())).or_default();
                let finding = match self.products.get(target) {
                    _ if !self.products.contains_key(source) => "unknown_source",
                    None => "dangling_target",
                    Some(true) => "hidden_target",
                    Some(false) if kept.iter().any(|known| known == target) => "duplicate_relation",
                    Some(false) => {
                        kept.push(target.to_owned());
                        continue;
                    }
                };
                *self.findings.entry(finding).or_default() += 1;
            }
        }
    }

    fn targets(&self, code: &'static str, source: &str) -> &[String] {
        self.kept.get(&(code, source.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn kept_count(&self, code: &str) -> u64 {
        let lists = self.kept.iter().filter(|((of, _), _)| *of == code);
        lists.map(|(_, targets)| targets.len() as u64).sum()
    }
}

/// Our code for the links of a file, if it holds some.
fn link(path: &Path) -> Option<&'static str> {
    let is_link = path.parent()?.file_name()?.to_str()?.starts_with("Link");
    let stem = path.file_stem()?.to_str()?;
    LINK_TYPES.iter().find(|(name, ..)| is_link && *name == stem).map(|(_, code, _)| *code)
}

/// Every table below a directory, by name.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn compiled(data: &Path) -> Shop {
    let shop = Shop::new();
    let (from, report) = (format!("magento={}", data.display()), shop.path("report.json"));
    let args = ["compile", "--from", &from, "--report", report.to_str().unwrap()];
    shop.kindred(&args).succeeded();
    shop
}

#[test]
fn the_report_on_magentos_sample_data_equals_an_independent_count() {
    let Some(data) = sample_data() else { return };
    let (shop, truth) = (compiled(&data), Truth::read(&data));
    let report = shop.report();
    // The count by hand, so that the two readers cannot be wrong together.
    for (code, read, kept) in
        [("cross_sell", 736, 488), ("related", 509, 454), ("up_sell", 325, 325)]
    {
        let counts = &report["relations"][code];
        assert_eq!([&counts["read"], &counts["kept"]], [read, kept], "{code}");
        assert_eq!([truth.read[code], truth.kept_count(code)], [read, kept], "{code}");
    }
    let expected = [
        ("dangling_target", 1),
        ("duplicate_relation", 3),
        ("hidden_target", 275),
        ("unknown_source", 24),
    ];
    assert_eq!(truth.findings, BTreeMap::from(expected));
    let findings = report["findings"].as_array().unwrap();
    let lost = findings.iter().filter(|finding| finding["severity"] != "info");
    let lost = lost.map(|finding| (finding["code"].as_str().unwrap(), finding["count"].as_u64()));
    let lost = lost.collect::<BTreeMap<_, _>>();
    assert_eq!(lost, expected.map(|(code, count)| (code, Some(count))).into());
    assert_eq!([report["products"].as_u64(), Some(truth.products.len() as u64)], [Some(2046); 2]);
    assert_eq!(report["snapshot_id"], shop.snapshot().id());
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    assert!(report["peak_memory_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(findings.iter().all(|one| !one["samples"].as_array().unwrap().is_empty()));
    let sample = |code: &str| {
        let one = findings.iter().find(|finding| finding["code"] == code).unwrap();
        one["samples"][0].as_str().unwrap().to_owned()
    };
    let dangling = sample("dangling_target");
    assert!(dangling.starts_with("BundleSampleData/Links/crosssell.csv:5: "), "{dangling}");
    assert!(dangling.contains("24-WG080") && dangling.contains("24-WG082"), "{dangling}");
    assert!(matches!(
        report["relations"]["cross_sell"]["dropped"]["hidden_target"],
        Value::Number(_)
    ));
}

#[test]
fn every_kept_link_of_magentos_sample_data_is_served_in_order() {
    let Some(data) = sample_data() else { return };
    let (shop, truth) = (compiled(&data), Truth::read(&data));
    let server = Server::start(&shop);
    let served = block_on(async {
        let mut client = client(server.address).await;
        let mut served = 0;
        for product in truth.products.keys() {
            served += check_relations(&mut client, &truth, product).await;
        }
        for product in truth.products.keys().filter(|id| !truth.parents.contains_key(*id)) {
            check_recommendations(&mut client, &truth, product, product).await;
        }
        // One variant of each parent, so that inheritance is seen on every one of them.
        let of_parents = truth.parents.iter().map(|(variant, parent)| (parent, variant));
        for (parent, variant) in of_parents.collect::<BTreeMap<_, _>>() {
            check_recommendations(&mut client, &truth, parent, variant).await;
        }
        served
    });
    assert_eq!(served, 488 + 454 + 325);
}

/// `ListRelations` gives exactly the links kept of a product, by type and in order; how many.
async fn check_relations(client: &mut Client, truth: &Truth, product: &str) -> usize {
    let listed = relations(client, listing(product)).await.unwrap();
    let listed = listed.iter().map(|one| (one.relation_type, one.target_product_id.as_str()));
    let expected = LINK_TYPES.iter().flat_map(|(_, code, number)| {
        truth.targets(code, product).iter().map(|target| (*number, target.as_str()))
    });
    let (listed, expected) = (listed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!(listed, expected, "{product}");
    listed.len()
}

/// Asking for a product gives the links kept of `source`: itself, or the parent it inherits from.
async fn check_recommendations(client: &mut Client, truth: &Truth, source: &str, asked: &str) {
    for (_, code, number) in LINK_TYPES {
        let found = ids(client, number, asked).await;
        let is_own =
            |id: &String| *id == source || truth.parents.get(id).is_some_and(|of| of == source);
        assert!(!truth.targets(code, source).iter().any(is_own), "the data has no such link");
        assert_eq!(found, truth.targets(code, source), "{code} of {asked}");
    }
}

#[test]
fn magentos_variants_bundle_and_grouped_product_are_in_the_catalog() {
    let Some(data) = sample_data() else { return };
    let (shop, truth) = (compiled(&data), Truth::read(&data));
    let snapshot = shop.snapshot();
    let view = snapshot.catalog().view();
    let with_parent = view.ordinals().filter_map(|one| Some((one, view.parent(one)?)));
    let found = with_parent.map(|(one, of)| (view.id(one).to_owned(), view.id(of).to_owned()));
    let found = found.collect::<BTreeMap<_, _>>();
    assert_eq!(found, truth.parents);
    assert_eq!([found.len(), found.values().collect::<BTreeSet<_>>().len()], [1_847, 147]);

    let parts = |id: &str| {
        let bundle = view.bundle(view.find(id).unwrap()).unwrap();
        let option = |option| {
            let selections = view.selections(option).iter();
            let ids = selections.map(|one| view.id(Ordinal(one.product.get()))).collect::<Vec<_>>();
            (view.option_name(option), ids)
        };
        view.options(bundle).iter().map(option).collect::<Vec<_>>()
    };
    assert_eq!(view.bundles().len(), 2);
    let kit = [
        ("Sprite Stasis Ball", vec!["24-WG081-blue", "24-WG082-blue", "24-WG083-blue"]),
        ("Sprite Foam Yoga Brick", vec!["24-WG084"]),
        ("Sprite Yoga Strap", vec!["24-WG085", "24-WG086", "24-WG087"]),
        ("Sprite Foam Roller", vec!["24-WG088"]),
    ];
    assert_eq!(parts("24-WG080"), kit);
    let group = ["24-WG085", "24-WG086", "24-WG087"].map(|id| (id, vec![id]));
    assert_eq!(parts("24-WG085_Group"), group);
}

#[test]
fn an_export_with_another_separator_gives_the_same_relations_by_an_option() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/magento");
    let relations = |form: &str, options: &[&str]| {
        let shop = Shop::new();
        let from = format!("magento={}", fixture.join(form).display());
        let report = shop.path("report.json");
        let args = ["compile", "--from", &from, "--report", report.to_str().unwrap()];
        shop.kindred(&[args.as_slice(), options].concat()).succeeded();
        shop.report()["relations"].clone()
    };
    let expected = relations("csv", &[]);
    assert_eq!(expected["cross_sell"]["read"], 20);
    assert_eq!(relations("rest", &[]), expected);
    assert_eq!(relations("separator", &["--multi-value-separator", ";"]), expected);
    assert_ne!(relations("separator", &[]), expected);
}

#[test]
fn skus_compare_without_case_unless_a_catalog_toml_says_otherwise() {
    let header = "sku,product_type,store_view_code,name,related_skus";
    let shop = Shop::with(&[
        ("export.csv", &format!("{header}\nAb,simple,,A,cD\nCd,simple,,C,\n")),
        ("catalog.toml", "tags = [\"new\"]\n"),
    ]);
    let from = format!("magento={}", shop.path("tables").display());
    shop.kindred(&["compile", "--from", &from]).succeeded();
    let snapshot = shop.snapshot();
    let view = snapshot.catalog().view();
    assert!(view.find("AB").is_some() && view.meta().relation_count == 1);

    shop.write("catalog.toml", "id_rule = \"exact\"\n");
    shop.kindred(&["compile", "--from", &from, "--allow", "all"]).succeeded();
    assert_eq!(shop.snapshot().catalog().view().find("AB"), None);

    let other = Shop::with(&[("products.csv", "id\nx\n")]);
    let also = format!("kindred={}", other.path("tables").display());
    let run = shop.kindred(&["compile", "--from", &from, "--from", &also, "--allow", "all"]);
    assert!(!run.succeeded().err.contains("compares ids without case"), "catalog.toml says it");
    shop.write("catalog.toml", "");
    let run = shop.kindred(&["compile", "--from", &from, "--from", &also, "--allow", "all"]);
    run.succeeded().complained(&["source \"magento\" compares ids without case"]);
    let snapshot = shop.snapshot();
    assert!(snapshot.catalog().view().find("AB").is_some(), "its own links would dangle else");
}
