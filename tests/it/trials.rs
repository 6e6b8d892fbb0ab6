//! A snapshot that ends the server at its first use, twice, is not taken a third time. Method: the built
//! program, killed (-9) within the span after a start or a swap.

use std::fs;

use crate::{
    command::kindred,
    server::{Server, serve},
    shop::Shop,
};

/// No test lasts as long: whoever is killed is killed within the span.
const LONG: &str = "600";

/// A shop whose store holds these snapshots: their ids, oldest first.
fn shop_of(products: &[&str]) -> (Shop, Vec<String>) {
    let shop = Shop::new();
    let ids = products.iter().map(|id| publish(&shop, id)).collect();
    (shop, ids)
}

fn publish(shop: &Shop, target: &str) -> String {
    shop.write("products.csv", format!("id\nseed\n{target}\n"));
    shop.write("relations.csv", format!("source,type,target\nseed,cross_sell,{target}\n"));
    shop.published()
}

/// Starts a server, and says which snapshot it serves.
fn start(shop: &Shop, span: &str) -> (Server, String) {
    let mut command = serve(shop, "state");
    let server = Server::listening(command.env("KINDRED_TRIAL_SECONDS", span));
    let live = server.log.read.iter().rev().find(|line| line.contains("Snapshot is live."));
    let id = served(live.unwrap());
    (server, id)
}

fn served(line: &str) -> String {
    let (_, id) = line.split_once("snapshot_id=\"").unwrap();
    id.split('"').next().unwrap().to_owned()
}

fn listed(shop: &Shop) -> String {
    let state = shop.path("state");
    kindred(["quarantine", "--state", state.to_str().unwrap()]).succeeded().out
}

#[test]
fn a_snapshot_whose_first_use_ended_the_server_twice_gives_way_to_the_one_before() {
    let (shop, ids) = shop_of(&["a", "b", "c"]);
    let [_, before, newest] = ids.as_slice() else { panic!("{ids:?}") };
    for _ in 0..2 {
        // Dropped is killed.
        assert_eq!(start(&shop, LONG).1, *newest);
    }
    let (server, id) = start(&shop, LONG);
    assert_eq!(id, *before);
    let told = server.log.read.join("\n");
    for text in ["ERROR", newest, "Snapshot is quarantined: two processes ended"] {
        assert!(told.contains(text), "{text} in {told}");
    }
    assert!(listed(&shop).starts_with(&format!("{newest}  since 20")), "{}", listed(&shop));
    // One more kill hits the one before for the first time, and does not cascade.
    drop(server);
    let (mut server, id) = start(&shop, LONG);
    assert_eq!(id, *before);
    // A running server takes what was lifted.
    let state = shop.path("state");
    let args = ["quarantine", "--state", state.to_str().unwrap(), "--lift", newest];
    kindred(args).succeeded();
    kindred(args).ended(1).complained(&["expected a quarantined snapshot"]);
    assert_eq!(served(&server.log.until("Snapshot is live.")), *newest);
    assert_eq!(listed(&shop), "no snapshot is quarantined\n");
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_death_soon_after_a_swap_counts_as_one_after_a_start() {
    let (shop, mut ids) = shop_of(&["a"]);
    let (mut server, _) = start(&shop, "1");
    // It was live for its span: this kill is not its fault.
    let trying = shop.path("state").join("trying.json");
    crate::server::eventually(
        || fs::read_to_string(&trying).unwrap(),
        |text| !text.contains(&ids[0]),
    );
    ids.push(publish(&shop, "b"));
    assert_eq!(served(&server.log.until("Snapshot is live.")), ids[1]);
    drop(server);
    assert_eq!(start(&shop, LONG).1, ids[1], "once may be anything");
    assert_eq!(start(&shop, LONG).1, ids[0]);
}

#[test]
fn a_server_that_was_told_to_end_does_not_count_nor_does_one_without_a_span() {
    let (shop, ids) = shop_of(&["a", "b"]);
    for _ in 0..3 {
        let (server, id) = start(&shop, LONG);
        assert_eq!(id, ids[1]);
        assert_eq!(server.ended(), Some(0));
    }
    for _ in 0..3 {
        assert_eq!(start(&shop, "0").1, ids[1]);
    }
    assert_eq!(listed(&shop), "no snapshot is quarantined\n");
}
