//! A held source stands still, whatever lies where its files were, though nobody named it but its own
//! files.

use std::fs;

use serde_json::Value;

use crate::{
    command::{Run, kindred},
    shop::{Shop, settle, write},
};

/// A directory with Kindred's own tables and an export of a shop.
struct Rig(Shop);

impl Rig {
    fn new() -> Self {
        let rig = Self(Shop::with(&[
            ("products.csv", "id\na\nb\n"),
            ("relations.csv", "source,type,target\na,related,b\n"),
            ("export.csv", "sku,name,upsell_skus\nx,X,y\ny,Y,\n"),
        ]));
        rig.compile().succeeded();
        assert_eq!(rig.states(), ["kindred read", "magento read"]);
        rig
    }

    fn compile(&self) -> Run {
        settle();
        let (report, cache) = (self.0.path("report.json"), self.0.path("cache"));
        let tables = self.0.path("tables");
        let paths = [&report, &cache, &tables].map(|path| path.to_str().unwrap());
        let args = ["compile", "--report", paths[0], "--cache", paths[1], "--from", paths[2]];
        self.0.kindred(&args)
    }

    fn source(&self, action: &str, name: &str) {
        let paths = [self.0.path("cache"), self.0.store_dir()];
        let [cache, store] = paths.each_ref().map(|path| path.to_str().unwrap());
        let store = if action == "release" { &[][..] } else { &["--store", store] };
        kindred([&["source", action, name, "--cache", cache], store].concat()).succeeded();
    }

    fn states(&self) -> Vec<String> {
        let report = self.0.report();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let sources = report["sources"].as_array().unwrap().iter();
        sources.map(|source| text(&source["name"]) + " " + &text(&source["state"])).collect()
    }
}

fn opens(run: &Run, name: &str) -> bool {
    run.err.lines().any(|line| line.contains("file is opened") && line.contains(name))
}

#[test]
fn a_source_that_nobody_named_is_held_without_its_files() {
    let rig = Rig::new();
    let id = rig.0.snapshot().id().to_owned();
    rig.source("hold", "magento");
    // Gone, of no format, of another one: nobody looks.
    let file = rig.0.table("export.csv");
    let whole = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    rig.compile().succeeded();
    assert_eq!(rig.states(), ["kindred unchanged", "magento held"]);
    for bytes in [&b""[..], b"\x01\xff\0", b"ID,Type,SKU,Upsells\n1,simple,z,\n"] {
        write(&file, bytes);
        let run = rig.compile().succeeded();
        assert!(!opens(&run, "export.csv"), "{}", run.err);
        assert!(opens(&run, "products.csv"), "the others are looked into");
        assert_eq!(rig.states(), ["kindred unchanged", "magento held"]);
    }
    assert_eq!(rig.0.snapshot().id(), id);
    // A new file of the held source is known for what it is, and not read either.
    write(&rig.0.table("export-2.csv"), "sku,name,upsell_skus\nx,X,\ny,Y,x\nz,Z,x\n");
    rig.compile().succeeded();
    assert_eq!(rig.0.snapshot().id(), id);
    rig.source("release", "magento");
    fs::remove_file(rig.0.table("export-2.csv")).unwrap();
    write(&file, whole);
    rig.compile().succeeded();
    assert_eq!(rig.states(), ["kindred unchanged", "magento read"]);
    assert_eq!(rig.0.snapshot().id(), id);
}

/// The usual night: a broken export came through, is rolled back, and its source held.
#[test]
fn a_source_that_is_held_after_a_rollback_is_not_opened_either() {
    let rig = Rig::new();
    let id = rig.0.snapshot().id().to_owned();
    write(&rig.0.table("export.csv"), "sku,name,upsell_skus\nx,X,y\ny,Y,x\n");
    rig.compile().succeeded();
    rig.0.kindred(&["rollback"]).succeeded();
    rig.source("hold", "magento");
    write(&rig.0.table("export.csv"), "\u{1}");
    for _ in 0..2 {
        let run = rig.compile().succeeded();
        assert!(!opens(&run, "export.csv"), "{}", run.err);
        assert_eq!(rig.0.snapshot().id(), id);
    }
}

#[test]
fn a_path_may_be_gone_when_all_that_was_found_there_is_held() {
    let rig = Rig::new();
    let id = rig.0.snapshot().id().to_owned();
    rig.source("hold", "magento");
    fs::remove_dir_all(rig.0.path("tables")).unwrap();
    rig.compile().ended(4).complained(&["expected a file or directory, found nothing"]);
    fs::create_dir(rig.0.path("tables")).unwrap();
    rig.compile().ended(4).complained(&["expected a file of a known format"]);
    rig.source("hold", "kindred");
    for _ in ["empty", "gone"] {
        rig.compile().succeeded();
        assert_eq!(rig.states(), ["kindred held", "magento held"]);
        fs::remove_dir(rig.0.path("tables")).ok();
    }
    assert_eq!(rig.0.snapshot().id(), id);
}

#[test]
fn a_held_source_that_was_named_is_not_opened() {
    let shop = Shop::with(&[("products.csv", "id\na\nb\n")]);
    let (tables, cache) = (shop.path("tables"), shop.path("cache"));
    let from = format!("pim:kindred={}", tables.display());
    let args = ["compile", "--from", &from, "--cache", cache.to_str().unwrap()];
    shop.kindred(&args).succeeded();
    shop.kindred(&["source", "hold", "pim", "--cache", cache.to_str().unwrap()]).succeeded();
    shop.write("products.csv", "\u{1}");
    let run = shop.kindred(&args).succeeded();
    assert!(!opens(&run, "products.csv"), "{}", run.err);
    fs::remove_dir_all(tables).unwrap();
    shop.kindred(&args).succeeded();
}
