//! A new input of one source changes what its mode says and nothing else: before and after, mode by
//! mode, over a link file of a PIM, with links that people made beside it.

use std::{collections::BTreeSet, fs};

use kindred::index::{Ordinal, Role};

use crate::shop::{Shop, write};

/// Products of a source of their own.
const PRODUCTS: &str = "id\na\nb\nc\nd\ne\n";

/// What people linked by hand, in a source of its own: of types that the PIM speaks of, too.
const HAND: [&str; 4] = ["a accessory e", "a related e", "b up_sell e", "e related a"];

/// The PIM's export of yesterday.
const BEFORE: &str = "sku,related_skus,upsell_skus,crosssell_skus\n\
                      a,\"b,c\",d,b\n\
                      b,a,d,\n\
                      d,e,,a\n";

/// A shop of the sources `base`, `hand` and `pim`, the last with these settings.
fn shop(settings: &str) -> Shop {
    let shop = Shop::with(&[("products.csv", PRODUCTS)]);
    write(&shop.path("settings.toml"), format!("[sources.pim]\n{settings}\n"));
    fs::create_dir(shop.path("hand")).unwrap();
    let rows = HAND.map(|link| format!("{}\n", link.replace(' ', ","))).concat();
    write(&shop.path("hand").join("relations.csv"), format!("source,type,target\n{rows}"));
    shop
}

/// Compiles with this export of the PIM.
fn sync(shop: &Shop, export: &str) {
    write(&shop.path("pim.csv"), export);
    compile(shop, &[&pim(shop), &hand(shop), &base(shop)]);
}

fn compile(shop: &Shop, from: &[&str]) {
    let (cache, catalog) = (shop.path("cache"), shop.path("settings.toml"));
    let mut args = vec!["compile", "--allow", "all"];
    args.extend(["--cache", cache.to_str().unwrap(), "--catalog", catalog.to_str().unwrap()]);
    args.extend(from.iter().flat_map(|from| ["--from", from]));
    shop.kindred(&args).succeeded();
}

fn pim(shop: &Shop) -> String {
    format!("pim:magento={}", shop.path("pim.csv").display())
}

fn hand(shop: &Shop) -> String {
    format!("hand:kindred={}", shop.path("hand").display())
}

fn base(shop: &Shop) -> String {
    format!("base:kindred={}", shop.path("tables").display())
}

/// The links of the live catalog.
fn links(shop: &Shop) -> BTreeSet<String> {
    let snapshot = shop.snapshot();
    let view = snapshot.catalog().view();
    let mut links = BTreeSet::new();
    for source in view.ordinals() {
        for run in view.block(source).runs() {
            let relation_type = run.relation_type().unwrap();
            for edge in run.edges() {
                let (source, target) = (view.id(source), view.id(Ordinal(edge.target.get())));
                links.insert(format!("{source} {relation_type} {target}"));
            }
        }
    }
    links
}

/// After yesterday's export and this one, the PIM's links are these; those made by hand are all
/// there, too.
#[track_caller]
fn check(settings: &str, export: &str, expected: &[&str]) {
    let shop = shop(settings);
    sync(&shop, BEFORE);
    sync(&shop, export);
    let expected = HAND.iter().chain(expected).map(|link| (*link).to_owned());
    assert_eq!(links(&shop), expected.collect(), "{settings}: {export}");
}

const RELATED: [&str; 4] = ["a related b", "a related c", "b related a", "d related e"];
const UP_SELL: [&str; 2] = ["a up_sell d", "b up_sell d"];
const CROSS_SELL: [&str; 2] = ["a cross_sell b", "d cross_sell a"];

#[test]
fn replace_takes_the_columns_that_are_there_and_no_other() {
    let settings = "mode = \"replace\"";
    let others = [UP_SELL, CROSS_SELL].concat();
    check(settings, "sku,related_skus\na,d\n", &[&others[..], &["a related d"]].concat());
    // A column that is there clears, whatever its cells hold; one that is not leaves all.
    for empty in ["", "a,\n", "a,__EMPTY__VALUE__\n"] {
        check(settings, &format!("sku,related_skus\n{empty}"), &others);
    }
    let export = "sku,related_skus,upsell_skus\na,d,__EMPTY__VALUE__\nc,a,\n";
    check(settings, export, &[&CROSS_SELL[..], &["a related d", "c related a"]].concat());
    check(settings, "sku,name\na,A\n", &[&RELATED[..], &others].concat());
}

#[test]
fn patch_takes_the_products_that_are_there_and_no_other() {
    let settings = "mode = \"patch\"";
    let all = [&RELATED[..], &UP_SELL, &CROSS_SELL].concat();
    // A blank cell is no change, as in Magento; the word for nothing clears.
    check(settings, "sku,related_skus\na,\n", &all);
    check(settings, "sku,related_skus\n", &all);
    let export = "sku,related_skus,upsell_skus\na,d,__EMPTY__VALUE__\nb,,a\n";
    let expected = ["a related d", "b related a", "d related e", "b up_sell a"];
    check(settings, export, &[&CROSS_SELL[..], &expected].concat());
}

#[test]
fn append_adds_and_removes_nothing() {
    let settings = "mode = \"append\"";
    let all = [&RELATED[..], &UP_SELL, &CROSS_SELL].concat();
    check(settings, "sku,related_skus\na,__EMPTY__VALUE__\n", &all);
    let export = "sku,related_skus,upsell_skus\na,\"d,b\",__EMPTY__VALUE__\n";
    check(settings, export, &[&all[..], &["a related d"]].concat());
}

/// A link that is said again is no duplicate: `--strict` passes.
#[test]
fn what_is_appended_twice_stands_once() {
    let shop = shop("mode = \"append\"");
    sync(&shop, BEFORE);
    write(&shop.path("pim.csv"), format!("{BEFORE}e,b,,\n"));
    let (cache, catalog) = (shop.path("cache"), shop.path("settings.toml"));
    let (pim, base) = (pim(&shop), base(&shop));
    let args = ["compile", "--strict", "--allow", "all", "--from", &pim, "--from", &base];
    let options = ["--cache", cache.to_str().unwrap(), "--catalog", catalog.to_str().unwrap()];
    let run = shop.kindred(&[&args[..], &options].concat()).succeeded();
    assert!(!run.out.contains("duplicate"), "{}", run.out);
}

#[test]
fn full_is_all_there_is_and_the_mode_where_none_is_said() {
    for settings in ["", "mode = \"full\""] {
        check(settings, "sku,related_skus\na,d\n", &["a related d"]);
        check(settings, "sku,related_skus\na,\n", &[]);
    }
}

#[test]
fn a_type_may_have_a_mode_of_its_own() {
    let settings = "mode = \"full\"\nmodes = { cross_sell = \"append\" }";
    let export = "sku,related_skus,crosssell_skus\na,d,\n";
    check(settings, export, &[&CROSS_SELL[..], &["a related d"]].concat());
}

/// Kindred's own tables say row by row what they speak of; a deleted product takes its links along.
#[test]
fn a_deleted_product_takes_its_links_along() {
    for mode in ["patch", "replace", "append"] {
        let shop = Shop::with(&[
            ("products.csv", "id,title\na,A\nb,B\nc,C\n"),
            ("relations.csv", "source,type,target\na,related,b\na,related,c\nb,related,a\n"),
        ]);
        write(&shop.path("modes.toml"), format!("[sources.kindred]\nmode = \"{mode}\"\n"));
        let (catalog, cache) = (shop.path("modes.toml"), shop.path("cache"));
        let options = ["--allow", "all", "--catalog", catalog.to_str().unwrap(), "--cache"];
        let options = [&options[..], &[cache.to_str().unwrap()]].concat();
        shop.compile(&options).succeeded();
        shop.write("products.csv", "id,deleted\nb,true\n");
        fs::remove_file(shop.table("relations.csv")).unwrap();
        shop.compile(&options).succeeded();
        let all = ["a related b", "a related c", "b related a"];
        let left = if mode == "append" { &all[..] } else { &all[1..2] };
        assert_eq!(links(&shop), left.iter().map(|link| (*link).to_owned()).collect(), "{mode}");
        let snapshot = shop.snapshot();
        assert_eq!(snapshot.catalog().view().find("b").is_some(), mode == "append");
        assert!(snapshot.catalog().view().find("a").is_some());
    }
}

#[test]
fn overrides_are_not_touched_by_a_sync() {
    for mode in ["full", "replace", "patch", "append"] {
        let shop = shop(&format!("mode = \"{mode}\""));
        sync(&shop, BEFORE);
        let pin = ["override", "add", "--action", "pin", "--source", "a", "--target", "e"];
        let by = ["--position", "1", "--author", "ann", "--reason", "by hand"];
        shop.kindred(&[&pin[..], &by].concat()).succeeded();
        let hash = |shop: &Shop| {
            let snapshot = shop.snapshot();
            snapshot.manifest().blob(Role::Overrides).map(|blob| blob.hash.to_string())
        };
        let before = hash(&shop);
        assert!(before.is_some());
        sync(&shop, "sku,related_skus\na,__EMPTY__VALUE__\n");
        assert_eq!(hash(&shop), before, "{mode}");
    }
}

/// Whatever stands first: links of the same rank are told apart by what they say.
#[test]
fn the_order_of_sources_does_not_matter_in_any_mode() {
    for mode in ["full", "replace", "patch", "append"] {
        let ids = [false, true].map(|is_reversed| {
            let shop = shop(&format!("mode = \"{mode}\""));
            sync(&shop, BEFORE);
            write(&shop.path("pim.csv"), "sku,related_skus\na,\"d,b\"\nc,b\n");
            let mut from = [pim(&shop), hand(&shop), base(&shop)];
            if is_reversed {
                from.reverse();
            }
            compile(&shop, &from.each_ref().map(String::as_str));
            shop.snapshot().id().to_owned()
        });
        assert_eq!(ids[0], ids[1], "{mode}");
    }
}

#[test]
fn a_mode_that_needs_a_cache_is_refused_without_one() {
    for mode in ["mode = \"patch\"", "modes = { related = \"append\" }", "mode = \"replace\""] {
        let shop = shop(mode);
        write(&shop.path("pim.csv"), BEFORE);
        let (catalog, pim, base) = (shop.path("settings.toml"), pim(&shop), base(&shop));
        let args =
            ["compile", "--catalog", catalog.to_str().unwrap(), "--from", &pim, "--from", &base];
        let run = shop.kindred(&args).ended(1);
        run.complained(&["source \"pim\"", "name its directory by --cache, or say `full`"]);
        assert_eq!(shop.manifests(), 0);
    }
}

/// What a PIM and a shop say of cameras; whether the shop's rows have the PIM's numbers as their SKUs.
fn two_systems(skus: [&str; 2], priority: u32) -> Shop {
    let shop = Shop::new();
    let pim = "sku;family;enabled;name;X_SELL-products\n\
               1234;camera;1;Camera of the PIM;5678,9999\n\
               5678;bag;1;Bag;1234\n\
               9999;strap;1;Strap;\n";
    write(&shop.path("pim.csv"), pim);
    let [camera, bag] = skus;
    let metafields = "product.metafields.shopify--discovery--product_recommendation.";
    let web = format!(
        "Handle,Title,Variant SKU,{metafields}related_products,{metafields}complementary_products\n\
         camera,Camera of the shop,{camera},bag,gift\n\
         bag,Bag,{bag},,\n\
         gift,Gift,,camera,\n"
    );
    write(&shop.path("web.csv"), web);
    write(&shop.path("settings.toml"), format!("[sources.web]\npriority = {priority}\n"));
    shop
}

/// Compiles the two in this order; the id of the snapshot.
fn compile_two(shop: &Shop, is_reversed: bool) -> String {
    let mut from = [("pim", "akeneo"), ("web", "shopify")].map(|(name, format)| {
        format!("{name}:{format}={}", shop.path(&format!("{name}.csv")).display())
    });
    if is_reversed {
        from.reverse();
    }
    let catalog = shop.path("settings.toml");
    let mut args = vec!["compile", "--allow", "all", "--catalog", catalog.to_str().unwrap()];
    args.extend(from.iter().flat_map(|from| ["--from", from]));
    shop.kindred(&args).succeeded();
    shop.snapshot().id().to_owned()
}

/// A PIM's number that is a shop's SKU was refused as an alias, so that the links of the two systems
/// never stood in one list. Before and after the shop writes it down; then with the shop in front.
#[test]
fn aliases_over_two_systems_make_two_ids_one_product() {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let check = |skus, priority, products: &[&str], expected: &[&str]| {
        let shop = two_systems(skus, priority);
        let ids = [false, true].map(|is_reversed| compile_two(&shop, is_reversed));
        assert_eq!(ids[0], ids[1], "the order of sources");
        let expected = expected.iter().map(|link| (*link).to_owned()).collect();
        assert_eq!(links(&shop), expected);
        let snapshot = shop.snapshot();
        let view = snapshot.catalog().view();
        assert_eq!(view.ordinals().map(|product| view.id(product)).collect::<Vec<_>>(), products);
        let title = view.find("camera").map(|product| text(view.title_bytes(product)));
        (view.find("camera") == view.find("1234"), title)
    };
    let pim = ["1234 cross_sell 5678", "1234 cross_sell 9999", "5678 cross_sell 1234"];
    let web = ["camera cross_sell gift", "camera related bag", "gift related camera"];
    let apart = ["1234", "5678", "9999", "bag", "camera", "gift"];
    let (is_one, title) = check(["", ""], 50, &apart, &[pim, web].concat());
    assert!(!is_one);
    assert_eq!(title.as_deref(), Some("Camera of the shop"));

    let web = ["1234 cross_sell gift", "1234 related 5678", "gift related 1234"];
    let joined = ["1234", "5678", "9999", "gift"];
    let (is_one, title) = check(["1234", "5678"], 50, &joined, &[pim, web].concat());
    assert!(is_one);
    assert_eq!(title.as_deref(), Some("Camera of the PIM"), "its row counts");

    let pim = ["camera cross_sell bag", "camera cross_sell 9999", "bag cross_sell camera"];
    let web = ["camera cross_sell gift", "camera related bag", "gift related camera"];
    let joined = ["9999", "bag", "camera", "gift"];
    let (is_one, title) = check(["1234", "5678"], 200, &joined, &[pim, web].concat());
    assert!(is_one);
    assert_eq!(title.as_deref(), Some("Camera of the shop"));
}
