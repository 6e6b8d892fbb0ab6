//! Pages of REST interfaces as deltas: what a page says of a product is all there is of it, what it
//! leaves out stays, and products that are gone are told by a table beside the pages. Before and after,
//! for each system, in the forms of `tests/data`.

use std::{collections::BTreeSet, fs};

use kindred::{index::Ordinal, model::id::IdRule, sources};
use serde_json::{Value, json};

use crate::shop::{Shop, write};

/// A shop whose source `pim` sends deltas.
struct Rig {
    shop: Shop,
    format: &'static str,
}

impl Rig {
    fn new(format: &'static str) -> Self {
        let shop = Shop::new();
        // The table beside the pages has no rule of its own: the catalog says it.
        let rule = sources::format(format).unwrap().id_rule;
        let rule = if rule == IdRule::Exact { "exact" } else { "case_folded" };
        let settings = format!("id_rule = \"{rule}\"\n[sources.pim]\nmode = \"patch\"\n");
        write(&shop.path("settings.toml"), settings);
        fs::create_dir(shop.path("pages")).unwrap();
        fs::create_dir(shop.path("gone")).unwrap();
        Self { shop, format }
    }

    /// A night with these pages, and the ids of products that are gone.
    fn night(&self, pages: &[Value], gone: &[&str]) {
        let (dir, tables) = (self.shop.path("pages"), self.shop.path("gone"));
        for old in fs::read_dir(&dir).unwrap().chain(fs::read_dir(&tables).unwrap()) {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        for (number, page) in pages.iter().enumerate() {
            write(&dir.join(format!("page-{number}.json")), page.to_string());
        }
        let pages = format!("pim:{}={}", self.format, dir.display());
        let deleted = format!("pim:kindred={}", tables.display());
        let mut args = vec!["compile", "--strict", "--allow", "all", "--from", &pages];
        if !gone.is_empty() {
            let rows = gone.iter().map(|id| format!("{id},true\n")).collect::<String>();
            write(&tables.join("products.csv"), format!("id,deleted\n{rows}"));
            args.extend(["--from", &deleted]);
        }
        let (cache, catalog) = (self.shop.path("cache"), self.shop.path("settings.toml"));
        let options = ["--cache", cache.to_str().unwrap(), "--catalog", catalog.to_str().unwrap()];
        self.shop.kindred(&[&args[..], &options].concat()).succeeded();
    }

    #[track_caller]
    fn check(&self, products: &[&str], links: &[&str]) {
        let snapshot = self.shop.snapshot();
        let view = snapshot.catalog().view();
        let mut found = BTreeSet::new();
        for source in view.ordinals() {
            for run in view.block(source).runs() {
                let relation_type = run.relation_type().unwrap();
                let targets = run.edges().iter().map(|edge| view.id(Ordinal(edge.target.get())));
                let name = |target| format!("{} {relation_type} {target}", view.id(source));
                found.extend(targets.map(name));
            }
        }
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), links);
        let ids = view.ordinals().map(|product| view.id(product).to_owned()).collect::<Vec<_>>();
        assert_eq!(ids, products);
    }
}

/// A page of Akeneo's products.
fn akeneo(items: &[Value]) -> Value {
    json!({ "_links": {}, "current_page": 1, "_embedded": { "items": items } })
}

fn akeneo_product(id: &str, associations: Value) -> Value {
    json!({
        "identifier": id, "enabled": true, "family": "tents", "categories": ["tents"],
        "groups": [], "parent": null, "values": {}, "associations": associations,
        "quantified_associations": {}
    })
}

fn akeneo_links(targets: &[&str]) -> Value {
    json!({ "products": targets, "product_models": [], "groups": [] })
}

#[test]
fn pages_of_akeneo_patch_the_products_they_hold() {
    let rig = Rig::new("akeneo");
    let first = [
        akeneo_product(
            "a",
            json!({ "X_SELL": akeneo_links(&["b", "c"]), "UPSELL": akeneo_links(&["d"]) }),
        ),
        akeneo_product("b", json!({ "X_SELL": akeneo_links(&["a"]) })),
    ];
    let second = [
        akeneo_product(
            "c",
            json!({ "X_SELL": akeneo_links(&["d"]), "UPSELL": akeneo_links(&["d"]) }),
        ),
        akeneo_product("d", json!({ "SUBSTITUTION": akeneo_links(&["c"]) })),
    ];
    rig.night(&[akeneo(&first), akeneo(&second)], &[]);
    let all = [
        "a cross_sell b",
        "a cross_sell c",
        "a up_sell d",
        "b cross_sell a",
        "c cross_sell d",
        "c up_sell d",
        "d alternative c",
    ];
    rig.check(&["a", "b", "c", "d"], &all);

    // One type of `a` is another, an emptied one clears, and so does one that a page leaves out: its
    // map of associations is whole. `e` is new.
    let delta = [
        akeneo_product("a", json!({ "X_SELL": akeneo_links(&["e"]), "UPSELL": akeneo_links(&[]) })),
        akeneo_product("c", json!({ "X_SELL": [] })),
        akeneo_product("e", json!({ "X_SELL": akeneo_links(&["a"]) })),
    ];
    rig.night(&[akeneo(&delta)], &[]);
    let all = ["a cross_sell e", "b cross_sell a", "d alternative c", "e cross_sell a"];
    rig.check(&["a", "b", "c", "d", "e"], &all);

    // What is gone takes its links along, to it and from it.
    rig.night(
        &[akeneo(&[akeneo_product("b", json!({ "X_SELL": akeneo_links(&["d"]) }))])],
        &["a", "c"],
    );
    rig.check(&["b", "d", "e"], &["b cross_sell d"]);
}

/// A page of a search of Magento's products.
fn magento(items: &[Value]) -> Value {
    json!({ "items": items, "search_criteria": {}, "total_count": items.len() })
}

fn magento_product(number: u32, sku: &str, links: Option<&[(&str, &str)]>) -> Value {
    let mut product = json!({
        "id": number, "sku": sku, "name": sku, "attribute_set_id": 4, "price": 10, "status": 1,
        "visibility": 4, "type_id": "simple"
    });
    if let Some(links) = links {
        let links = links.iter().enumerate().map(|(position, (kind, target))| {
            json!({
                "sku": sku, "link_type": kind, "linked_product_sku": target,
                "linked_product_type": "simple", "position": position
            })
        });
        product["product_links"] = links.collect();
    }
    product
}

#[test]
fn pages_of_magento_patch_the_products_they_hold() {
    let rig = Rig::new("magento");
    let first = [
        magento_product(1, "a", Some(&[("related", "b"), ("related", "c"), ("upsell", "d")])),
        magento_product(2, "b", Some(&[("crosssell", "a")])),
    ];
    let second = [
        magento_product(3, "c", Some(&[("related", "d")])),
        magento_product(4, "d", Some(&[("upsell", "c")])),
    ];
    rig.night(&[magento(&first), magento(&second)], &[]);
    let all = [
        "a related b",
        "a related c",
        "a up_sell d",
        "b cross_sell a",
        "c related d",
        "d up_sell c",
    ];
    rig.check(&["a", "b", "c", "d"], &all);

    // A list is all the links of its product, whatever their types; an absent one says nothing.
    let delta = [
        magento_product(1, "a", Some(&[("related", "e")])),
        magento_product(2, "b", None),
        magento_product(3, "c", Some(&[])),
        magento_product(5, "e", Some(&[("crosssell", "a")])),
    ];
    rig.night(&[magento(&delta)], &[]);
    let all = ["a related e", "b cross_sell a", "d up_sell c", "e cross_sell a"];
    rig.check(&["a", "b", "c", "d", "e"], &all);

    rig.night(&[magento(&[magento_product(2, "b", Some(&[("upsell", "d")]))])], &["A", "c"]);
    rig.check(&["b", "d", "e"], &["b up_sell d"]);
}
