//! `kindred check` says everything that is wrong, where it stands and what to do, in three forms, and
//! publishes nothing.

use std::{fs, time::SystemTime};

use serde_json::Value;

use crate::{
    command::{Run, kindred},
    shop::Shop,
};

/// One fault of each kind that only the finished catalog shows.
const PRODUCTS: &str = "\
id,title,category,price,availability,parent,visibility
phone,Phone,Phones/Smart,500,in_stock,,
phone-red,Phone red,Phones/Smart,500,in_stock,phone,
phone-old,Old phone,Phones/Smart,100,discontinued,,
case,Case,Cases,10,in_stock,,
gift,Gift,Gifts,0,in_stock,,
secret,Secret,Gifts,5,in_stock,,hidden
sold,Sold,Cases,7,out_of_stock,,
";
const RELATIONS: &str = "\
source,type,target,score
phone,up_sell,case,0.9
phone,alternative,phone-red,
phone,alternative,phone-old,0.05
phone,accessory,case,
phone,accessory,sold,
case,cross_sell,secret,
case,cross_sell,nowhere,
case,cross_sell,case,
case,cross_sell,gift,
case,cross_sell,gift,
case,accessory,sold,
case,accessory,phone,
case,accessory,gift,
";
const AT: &str = "2030-01-01T00:00:00Z";

fn shop() -> Shop {
    let shop = Shop::with(&[("products.csv", PRODUCTS), ("relations.csv", RELATIONS)]);
    // The products' file is new, the relations' a year old.
    let at = AT.parse::<jiff::Timestamp>().unwrap();
    touch(&shop, "products.csv", at - jiff::SignedDuration::from_hours(5 * 24));
    touch(&shop, "relations.csv", at - jiff::SignedDuration::from_hours(365 * 24));
    shop
}

fn touch(shop: &Shop, name: &str, at: jiff::Timestamp) {
    let file = fs::File::options().append(true).open(shop.table(name)).unwrap();
    file.set_modified(SystemTime::from(at)).unwrap();
}

fn check(shop: &Shop, options: &[&str]) -> Run {
    let from = format!("kindred={}", shop.path("tables").display());
    kindred([&["check", "--from", &from, "--at", AT], options].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap()
}

#[track_caller]
fn finding<'r>(report: &'r Value, code: &str) -> (u64, &'r str) {
    let mut findings = report["findings"].as_array().unwrap().iter();
    let found = findings.find(|one| one["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code} in {report:#}"));
    assert!(!found["what_to_do"].as_str().unwrap().is_empty(), "{code}");
    (found["count"].as_u64().unwrap(), found["samples"][0].as_str().unwrap())
}

#[test]
fn each_finding_has_its_count_place_and_advice() {
    let shop = shop();
    let stock = "product_id,inventory_id,availability,event_time,since_time\n\
                 sold,,in_stock,2029-09-30T00:00:00Z,2029-09-01T00:00:00Z\n\
                 sold,,out_of_stock,2029-12-31T00:00:00Z,2029-10-01T00:00:00Z\n\
                 sold,,in_stock,2029-09-29T00:00:00Z,\n\
                 case,a,out_of_stock,2029-12-31T00:00:00Z,2029-10-01T00:00:00Z\n\
                 case,b,in_stock,2029-12-31T00:00:00Z,2029-10-01T00:00:00Z\n\
                 gift,,out_of_stock,2029-12-31T00:00:00Z,2029-12-30T00:00:00Z\n";
    shop.write("../stock.csv", stock);
    let stock = shop.path("stock.csv");
    let options =
        ["--json", "--stock", stock.to_str().unwrap(), "--min-score", "0.1", "--list-max", "2"];
    let report = json(&check(&shop, &options).succeeded());
    let expected = [
        ("dangling_target", 1, "relations.csv:8: case cross_sell nowhere: "),
        ("self_link", 1, "relations.csv:9: "),
        ("duplicate_relation", 1, "relations.csv:11: "),
        ("hidden_target", 1, "relations.csv:7: "),
        ("withdrawn_target", 1, "relations.csv:4: phone alternative phone-old: "),
        ("variant_target", 1, "relations.csv:3: phone alternative phone-red: "),
        ("cheaper_up_sell", 1, "relations.csv:2: phone up_sell case: expected a price of 50000"),
        ("zero_price", 1, "products.csv:6: gift: "),
        ("low_score", 1, "relations.csv:4: phone alternative phone-old: expected a score of 0.1"),
        ("long_list", 1, "products.csv:5: case accessory: expected at most 2 relations, found 3"),
        ("no_links", 3, "products.csv:6: gift: has no links"),
        ("unconfirmed", 9, "relations.csv:"),
        (
            "sold_out_target",
            2,
            "relations.csv:12: case accessory sold: the target is out of stock for 92 days",
        ),
    ];
    for (code, count, sample) in expected {
        let (found, first) = finding(&report, code);
        assert_eq!(found, count, "{code}: {first}");
        assert!(first.starts_with(sample), "{code}: expected {sample:?}, found {first:?}");
    }
    assert!(!report["findings"].to_string().contains("silent_source"), "one file is new");
    let rows = report["coverage"].as_array().unwrap();
    let row = |category: &str| rows.iter().find(|row| row["category"] == category).unwrap();
    assert_eq!((&row("Cases")["products"], &row("Cases")["linked"]), (&2.into(), &1.into()));
    // The red phone has what the phone has.
    assert_eq!((&row("Phones")["products"], &row("Phones")["linked"]), (&3.into(), &2.into()));
    assert_eq!(row("Gifts")["products"], 1, "hidden products are no gap");
    let source = &report["sources"][0];
    assert_eq!((&source["relations"], &source["age_days"]), (&9.into(), &5.into()));
    // A week later, the source is silent.
    let later = [&options[..], &["--silent-days", "4"]].concat();
    let report = json(&check(&shop, &later).succeeded());
    assert_eq!(finding(&report, "silent_source").0, 1);
}

#[test]
fn exit_codes_say_whether_to_go_on_and_nothing_is_published() {
    let shop = shop();
    check(&shop, &[]).succeeded();
    check(&shop, &["--strict"]).ended(2).complained(&["findings under --strict"]);
    check(&shop, &["--min-score", "2"]).ended(2).complained(&["expected a score from 0 to 1"]);
    check(&shop, &["--stock", "/nowhere"]).ended(1).complained(&["/nowhere"]);
    shop.write("relations.csv", "source,type,target\nphone,accessory,case\n");
    check(&shop, &["--unconfirmed-days", "9999"]).succeeded();
    let store = shop.store_dir();
    let run = check(&shop, &["--store", store.to_str().unwrap()]).succeeded();
    run.complained(&["is not there yet; nothing to compare with"]);
    let tables = shop.path("tables");
    let run = check(&shop, &["--store", tables.to_str().unwrap()]).ended(5);
    run.complained(&[tables.to_str().unwrap()]);
    check(&shop, &["--html", "/nowhere/page.html"]).ended(1).complained(&["cannot write the page"]);
    assert!(!shop.store_dir().exists());
}

#[test]
fn against_a_store_it_says_what_changes_and_what_guards_would_refuse() {
    let shop = shop();
    shop.compile(&[]).succeeded();
    let store = shop.store_dir();
    let against = ["--json", "--store", store.to_str().unwrap()];
    let report = json(&check(&shop, &against).succeeded());
    assert_eq!(report["changes"]["products_removed"], 0);
    assert_eq!(report["guards"], serde_json::json!([]));

    shop.write("products.csv", PRODUCTS.replace("sold,Sold", "more,More"));
    let relations = RELATIONS.lines().filter(|line| !line.contains("phone,a"));
    let relations = relations.collect::<Vec<_>>().join("\n");
    shop.write("relations.csv", format!("{relations}\nphone-old,related,gift,\n"));
    let run = check(&shop, &against).ended(3).complained(&["guards would refuse the publish"]);
    let report = json(&run);
    assert_eq!(finding(&report, "product_removed"), (1, "sold"));
    assert_eq!(finding(&report, "relation_removed").0, 5);
    assert_eq!(finding(&report, "relation_added"), (1, "related: phone-old -> gift"));
    let (count, pair) = finding(&report, "new_category_pair");
    assert_eq!(count, 1);
    assert!(
        pair.ends_with("phone-old related gift: Phones/Smart never led to Gifts before"),
        "{pair}"
    );
    let guarded = &report["guards"][0];
    assert_eq!(
        (&guarded["guard"], &guarded["relation_type"]),
        (&"shrink".into(), &"accessory".into())
    );
    assert_eq!((&guarded["before"], &guarded["after"]), (&5.into(), &2.into()));
    let allowed = [&against[..], &["--allow", "shrink"]].concat();
    check(&shop, &allowed).succeeded();
    assert_eq!(shop.manifests(), 1);
}

#[test]
fn the_page_stands_alone_and_escapes_what_comes_from_outside() {
    let shop = shop();
    let evil = "<script>alert('x')</script>";
    shop.write("products.csv", format!("{PRODUCTS}evil,E,{evil}/Sub & more,1,in_stock,,\n"));
    shop.write("relations.csv", format!("{RELATIONS}evil,cross_sell,\"{evil}\",\n"));
    let page = shop.path("page.html");
    let run = check(&shop, &["--html", page.to_str().unwrap()]).succeeded();
    assert!(run.out.contains("cheaper_up_sell: 1: make it an alternative"), "{}", run.out);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</body></html>\n"));
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;"), "{page}");
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside} in {page}");
    }
    for part in ["<svg role=\"img\"", "cheaper up sell", "relations.csv:2", "Products with links"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    // Charts fill a bar by the share: 1 of 2 cases is linked.
    assert!(page.contains("default: Cases") && page.contains("1 of 2, 50 %"), "{page}");
    assert!(page.contains("width=\"210\" height=\"18\" fill=\"#2f7d5b\""), "{page}");
}

#[test]
fn variants_of_variants_belong_to_the_product_at_the_top() {
    let shop = Shop::with(&[
        (
            "products.csv",
            "id,category,price,parent\nshoe,Shoes,50,\nshoe-red,Shoes,50,shoe\n\
             shoe-red-42,Shoes,50,shoe-red\nshoe-blue,Shoes,50,shoe\n\
             shoe-blue-40,Shoes,50,shoe-blue\nsock,Shoes,5,\n",
        ),
        (
            "relations.csv",
            "source,type,target\nshoe,accessory,sock\nshoe-red-42,alternative,shoe-blue-40\n\
             shoe-red-42,alternative,shoe\nsock,cross_sell,shoe-red-42\n",
        ),
    ]);
    let report = json(&check(&shop, &["--json"]).succeeded());
    let (count, first) = finding(&report, "variant_target");
    assert_eq!(count, 2, "{first}");
    // All five shoes have what the shoe has.
    assert!(!report["findings"].to_string().contains("no_links"), "{report:#}");
    let row = &report["coverage"][0];
    assert_eq!((&row["products"], &row["linked"]), (&6.into(), &6.into()));
    assert_eq!(row["by_type"]["accessory"], 5);
}

#[test]
fn a_link_is_as_old_as_its_own_confirmation_or_else_its_file() {
    let shop = Shop::with(&[
        ("products.csv", "id,price\na,1\nb,1\nc,1\nd,1\n"),
        (
            "relations.csv",
            "source,type,target,confirmed_at\na,related,b,2029-12-31\na,related,c,2029-09-01\n\
             a,related,d,\nb,related,a,2029-09-30\nb,related,a,2029-10-04T12:00:00Z\n\
             b,related,c,2029-10-02\n",
        ),
    ]);
    let at = AT.parse::<jiff::Timestamp>().unwrap();
    let unconfirmed = |days_old: i64| {
        touch(&shop, "relations.csv", at - jiff::SignedDuration::from_hours(days_old * 24));
        let report = json(&check(&shop, &["--json"]).succeeded());
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["code"] == "unconfirmed").unwrap();
        found["samples"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let own = [
        "relations.csv:3: a related c: not confirmed for 122 days",
        "relations.csv:7: b related c: not confirmed for 91 days",
    ];
    assert_eq!(unconfirmed(90), own);
    let file = "relations.csv:4: a related d: not confirmed for 91 days";
    assert_eq!(unconfirmed(91), [own[0], file, own[1]]);
}
