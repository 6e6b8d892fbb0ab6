//! Policies and overrides by the command line: refused with their places, published without a
//! compile, edited one by one.

use kindred::policy::BUILT_IN_POLICY;
use serde_json::{Value, json};

use crate::{
    command::Run,
    shop::{Shop, write},
};

const HEADER: &str =
    "action,source,type,target,position,quantity,markets,valid_from,valid_to,author,reason";

/// A shop with three products and one relation, and no policy of its own.
fn shop() -> Shop {
    Shop::with(&[
        ("products.csv", "id\nphone\ncase\nfilm\n"),
        ("relations.csv", "source,type,target\nphone,accessory,case\n"),
    ])
}

/// A shop whose catalog is published.
fn published() -> Shop {
    let shop = shop();
    shop.published();
    shop
}

/// Runs a command on a file of the shop with this text.
fn with_file(shop: &Shop, command: &[&str], text: &str) -> Run {
    let file = shop.path("given");
    write(&file, text);
    shop.kindred(&[command, &["--file", file.to_str().unwrap()]].concat())
}

fn pin(shop: &Shop, target: &str, position: &str) -> Run {
    let pinned =
        ["--action", "pin", "--source", "phone", "--target", target, "--position", position];
    let by = ["--author", "ann", "--reason", "new case"];
    shop.kindred(&[["override", "add"].as_slice(), &pinned, &by].concat())
}

fn listed(shop: &Shop) -> String {
    shop.kindred(&["override", "list"]).succeeded().out
}

#[test]
fn a_policy_is_checked_published_shown_and_taken_back() {
    let shop = published();
    let shown = || shop.kindred(&["policy", "show"]).succeeded().out;
    assert_eq!(shown().trim_end(), BUILT_IN_POLICY.trim_end());
    let good = "[[placements]]\nid = \"p\"\nmix = [{ type = \"accessory\" }]\n";
    with_file(&shop, &["policy", "check"], good).succeeded();
    assert_eq!(shop.manifests(), 1);
    let run = with_file(&shop, &["policy", "publish", "--reason", "first", "--actor", "ann"], good);
    assert!(run.succeeded().out.contains("as manifest 2"));
    assert_eq!(shown(), good);
    let again = with_file(&shop, &["policy", "publish"], good).succeeded();
    assert!(again.out.contains("nothing changed"), "{}", again.out);
    // A new catalog keeps the policy.
    shop.write("products.csv", "id\nphone\ncase\nfilm\ncharger\n");
    shop.published();
    assert_eq!(shown(), good);
    shop.kindred(&["rollback", "--roles", "policy"]).succeeded();
    assert_eq!(shown().trim_end(), BUILT_IN_POLICY.trim_end());
    let history = shop.kindred(&["history"]).succeeded();
    assert!(history.out.contains("ann: first"), "{}", history.out);
}

#[test]
fn a_wrong_policy_is_refused_with_every_place() {
    let shop = published();
    let wrong =
        "[[placements]]\nid = \"p\"\nmix = [{ type = \"accessory\", weight = 2 }]\nrotte = 1\n";
    let texts = [
        "given:3:39: placements[0].mix[0].weight: expected a number from 0.001 to 1, found `2`",
        "given:4:1: placements[0]: expected one of `id`, ",
    ];
    for command in ["check", "publish"] {
        with_file(&shop, &["policy", command], wrong).ended(1).complained(&texts);
    }
    // Whether a name is known only the catalog can say.
    let unknown =
        "[[rules]]\nid = \"r\"\naction = \"hide\"\nproducts = [\"gone\"]\nbrands = [\"Gone\"]\n";
    let refused = ["given:4:13: expected a product of the catalog, found `gone`"];
    with_file(&shop, &["policy", "publish"], unknown).ended(1).complained(&refused);
    let told = unknown.replace("products = [\"gone\"]\n", "");
    with_file(&shop, &["policy", "publish"], &told).succeeded().complained(&[
        "given:4:11: expected a brand of the catalog, found `Gone`; it matches nothing",
    ]);
    assert_eq!(shop.manifests(), 2);
    with_file(&shop, &["policy", "check"], "\u{feff}").succeeded();
    shop.kindred(&["policy", "check", "--file", "no-such"])
        .ended(1)
        .complained(&["no-such: cannot be read"]);
}

#[test]
fn overrides_are_edited_one_by_one() {
    let shop = published();
    assert_eq!(listed(&shop), format!("{HEADER}\n"));
    let run = pin(&shop, "film", "2").succeeded();
    assert!(run.out.starts_with("added one override\npublished snapshot "), "{}", run.out);
    pin(&shop, "case", "1").succeeded();
    assert!(pin(&shop, "film", "3").succeeded().out.starts_with("replaced one override\n"));
    let rows = "pin,phone,,case,1,,,,,ann,new case\npin,phone,,film,3,,,,,ann,new case\n";
    assert_eq!(listed(&shop), format!("{HEADER}\n{rows}"));
    let json = shop.kindred(&["override", "list", "--json"]).succeeded().out;
    let expected = json!({
        "action": "pin", "source": "phone", "target": "case", "position": "1",
        "author": "ann", "reason": "new case",
    });
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()[0], expected);

    let remove = |options: &[&str]| shop.kindred(&[&["override", "remove"], options].concat());
    remove(&["--target", "gone"]).ended(1).complained(&["found none; nothing changed"]);
    remove(&[]).ended(1).complained(&["expected one of --action, --source, --type, --target"]);
    remove(&["--action", "lift"]).ended(2).complained(&["expected one of add, remove"]);
    remove(&["--source", "phone", "--target", "film"]).succeeded();
    assert_eq!(listed(&shop).lines().count(), 2);
    shop.kindred(&["rollback", "--roles", "overrides"]).succeeded();
    assert_eq!(listed(&shop), format!("{HEADER}\n{rows}"));
}

#[test]
fn a_wrong_override_is_refused_and_one_of_an_unknown_product_is_told() {
    let shop = published();
    pin(&shop, "case", "0")
        .ended(1)
        .complained(&["the override: position: expected a whole number from 1 to 100, found `0`"]);
    pin(&shop, "gone", "1")
        .succeeded()
        .complained(&["overrides.csv:2:12: expected a product of the catalog, found `gone`"]);
    let rows = format!("{HEADER}\nhide,,,case,,,us,,,ann,x\nadd,phone,nope,film,,,,,,ann,x\n");
    with_file(&shop, &["override", "publish"], &rows).ended(1).complained(&[
        "given:2:15: markets: expected a market of the catalog, found `us`",
        "given:3:11: type: expected a relation type of the catalog, found `nope`",
    ]);
    assert_eq!(shop.manifests(), 2);
    let rows = format!("{HEADER}\nhide,,,case,,,,,,ann,x\n");
    let run = with_file(&shop, &["override", "publish"], &rows).succeeded();
    assert!(run.out.starts_with("1 overrides\n"), "{}", run.out);
    assert_eq!(listed(&shop), rows);
}

#[test]
fn overrides_that_a_compile_has_overtaken_do_not_stand_in_the_way() {
    let shop = shop();
    let with_type = "[[relation_types]]\ncode = \"look\"\nnumber = 100\n";
    shop.write("catalog.toml", with_type);
    shop.published();
    let rows = format!("{HEADER}\nadd,phone,look,film,,,,,,ann,x\n");
    with_file(&shop, &["override", "publish"], &rows).succeeded();
    shop.write("catalog.toml", "");
    let stale = |line: u32| {
        format!("overrides.csv:{line}:11: expected a relation type of the catalog, found `look`")
    };
    shop.compile(&[]).succeeded().complained(&[&stale(2)]);
    // The pin stands before it.
    pin(&shop, "case", "1").succeeded().complained(&[&stale(3)]);
    assert_eq!(listed(&shop).lines().count(), 3);
    let new = ["--action", "add", "--source", "case", "--type", "nope", "--target", "film"];
    let by = ["--author", "ann", "--reason", "x"];
    let run = shop.kindred(&[["override", "add"].as_slice(), &new, &by].concat());
    run.ended(1).complained(&["expected a relation type of the catalog, found `nope`"]);
}

#[test]
fn a_compile_publishes_both_files_along() {
    let shop = shop();
    let policy = "[[rules]]\nid = \"r\"\naction = \"hide\"\nbrands = [\"Gone\"]\n";
    shop.write("placements.toml", policy);
    shop.write("overrides.csv", "author,reason,action,target\nann,x,hide,film\n");
    shop.compile(&["--strict"]).ended(2).complained(&["unknown names under --strict"]);
    assert_eq!(shop.manifests(), 0);
    shop.compile(&[]).succeeded().complained(&["placements.toml:4:11: expected a brand"]);
    assert_eq!(shop.kindred(&["policy", "show"]).succeeded().out, policy);
    assert_eq!(listed(&shop), format!("{HEADER}\nhide,,,film,,,,,,ann,x\n"));
    // Files that are named outrank those beside the tables.
    let other = shop.path("other.toml");
    write(&other, "[stages.checkout]\nmax_results = 3\n");
    shop.compile(&["--policy", other.to_str().unwrap()]).succeeded();
    let shown = shop.kindred(&["policy", "show"]).succeeded().out;
    assert_eq!(shown, "[stages.checkout]\nmax_results = 3\n");
    shop.write("placements.toml", "[stages.cart]\n");
    shop.compile(&[]).ended(1).complained(&["placements.toml:1:9: stages: expected one of"]);
}

#[test]
fn a_store_without_a_catalog_takes_no_policy() {
    let shop = shop();
    shop.open();
    with_file(&shop, &["policy", "publish"], "").ended(1).complained(&["holds no catalog yet"]);
    pin(&shop, "case", "1").ended(1).complained(&["holds no catalog yet"]);
}
