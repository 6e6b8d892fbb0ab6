//! `kindred compare`: a shop that moves sees what its lists lose, and why.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    calls::{CROSS_SELL, block_on, client, ids},
    command::kindred,
    server::Server,
    shop::Shop,
};

#[test]
fn lists_of_today_are_held_against_a_server_and_a_store() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let own = block_on(async {
        let mut client = client(server.address).await;
        ids(&mut client, CROSS_SELL, "toy-car").await
    });
    assert!(own.len() >= 3, "{own:?}");
    let reversed = own.iter().rev().collect::<Vec<_>>();
    let strangers = json!([own[0], "toy-bear", "no-such-product"]);
    let mut lists = String::new();
    for (seed, kind, targets) in [
        ("toy-car", "cross_sell", json!(own)),
        ("toy-car", "1", json!(reversed)),
        ("toy-car", "100", strangers),
        ("no-such-seed", "up_sell", json!(["toy-car"])),
    ] {
        let line = json!({ "seed": seed, "type": kind, "targets": targets });
        writeln!(lists, "{line}").unwrap();
    }
    shop.write("lists.ndjson", &lists);
    let file = shop.table("lists.ndjson");
    let file = file.to_str().unwrap();
    let to = server.address.to_string();
    let asked = ["compare", "--against", file, "--json"];
    let told = kindred(asked.iter().chain(&["--to", &to])).succeeded().out;
    assert_eq!(shop.kindred(&asked).succeeded().out, told, "a store answers as its server does");
    let report: Value = serde_json::from_str(&told).unwrap();
    let likeness = |group: &str| &report["lists"][group];
    let both = |group: &str| {
        let Value::Object(one) = likeness(group) else { panic!("{group} in {report}") };
        (one["overlap"].clone(), one["same_order"].clone())
    };
    assert_eq!(both("cross_sell"), (json!(1.0), json!(1.0)));
    assert_eq!(both("1"), (json!(1.0), json!(0.0)), "all are there, in the opposite order");
    assert_eq!(both("up_sell"), (json!(0.0), Value::Null));
    assert_eq!(report["snapshot_ids"], json!([shop.snapshot().id().to_string()]));
    let missing = &report["missing"];
    assert_eq!(missing["UNKNOWN_PRODUCT"]["count"], 1, "{missing}");
    assert_eq!(missing["NOT_RELATED"]["count"], 2, "{missing}");
    assert_eq!(
        missing["SEED_UNKNOWN"]["samples"],
        json!(["no-such-seed -> toy-car: its seed is not in the catalog"])
    );
    let table = shop.kindred(&["compare", "--against", file]).succeeded().out;
    assert!(table.contains("toy-car -> toy-bear: no relation leads to it"), "{table}");
}

#[test]
fn a_list_that_cannot_be_asked_for_is_named_by_its_line() {
    let shop = Shop::demo();
    let check = |line: &str, complaint: &str| {
        let good = "{\"seed\":\"toy-car\",\"type\":\"cross_sell\",\"targets\":[]}";
        shop.write("lists.ndjson", format!("{good}\n{line}\n"));
        let file = shop.table("lists.ndjson");
        let run = shop.kindred(&["compare", "--against", file.to_str().unwrap()]).ended(1);
        run.complained(&["lists.ndjson line 2", complaint]);
    };
    check("{\"seed\":\"toy-car\",\"type\":\"crossly\",\"targets\":[]}", "crossly");
    check("{\"seed\":\"toy-car\",\"targets\":[]}", "expected a `type` or a `placement`");
    check("{\"seed\":\"toy-car\",\"placement\":\"nowhere\",\"targets\":[]}", "nowhere");
    check("{\"seed\":\"toy-car\",\"type\":\"cross_sell\",\"tergets\":[]}", "tergets");
}
