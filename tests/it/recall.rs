//! Recalls: a block outranks everything until it is taken back or ends, and names what it does.

use kindred::pb;

use crate::{calls::block_on, command::kindred, server::Server, shop::Shop, stock::stock};

#[test]
fn a_recall_is_made_listed_and_taken_back_on_every_server() {
    let shops = [Shop::demo(), Shop::demo()];
    let servers = shops.each_ref().map(Server::start);
    let to = servers.each_ref().map(|server| server.address.to_string()).join(",");
    let run = kindred(["block", "toy-car", "gone", "--reason", "it burns", "--to", &to]);
    let run = run.succeeded();
    assert_eq!(run.out.matches("2 blocked, blocks digest ").count(), 2, "{}", run.out);
    assert_eq!(run.out.matches("gone is not in the catalog; blocked all the same").count(), 2);
    let digests = servers.each_ref().map(|server| {
        block_on(async {
            let mut stock = stock(server.address).await;
            let all = pb::ListAvailabilityRequest::default();
            let page = stock.list_availability(all).await.unwrap().into_inner();
            page.data_version.unwrap().blocks_digest
        })
    });
    assert!(digests[0] != 0 && digests[0] == digests[1], "{digests:?}");
    let listed = kindred(["blocked", "--to", &to]).succeeded().out;
    assert_eq!(listed.matches("everywhere for good, tester: it burns").count(), 4, "{listed}");

    let [first, second] = servers;
    assert_eq!(first.ended(), Some(0));
    let first = Server::start(&shops[0]);
    let to = format!("{},{}", first.address, second.address);
    let listed = kindred(["blocked", "--to", &to]).succeeded().out;
    assert_eq!(listed.matches("toy-car").count(), 2, "still blocked after a restart: {listed}");
    kindred(["unblock", "toy-car", "gone", "--to", &to]).succeeded();
    let listed = kindred(["blocked", "--to", &to]).succeeded().out;
    assert_eq!(listed.matches(": 0 blocked").count(), 2, "{listed}");
}

#[test]
fn explain_asks_a_server_of_its_own_blocks() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    kindred(["block", "aa-batteries-4", "--reason", "leaks", "--to", &to]).succeeded();
    let ask = ["--seed", "toy-car", "--type", "cross_sell"];
    let why = |out: &str| {
        let line = out.lines().find(|line| line.contains("aa-batteries-4"));
        line.unwrap_or_else(|| panic!("{out}")).to_owned()
    };
    let live = kindred(["explain", "--to", &to].iter().chain(&ask)).succeeded().out;
    assert!(why(&live).contains("blocked: recalled"), "{live}");
    let store = shop.store_dir();
    let stored = ["explain", "--store", store.to_str().unwrap()];
    let stored = kindred(stored.iter().chain(&ask)).succeeded().out;
    assert!(why(&stored).contains("cross_sell, "), "{stored}");
    let snapshot = |out: &str| out.lines().last().map(str::to_owned);
    assert_eq!(snapshot(&live), snapshot(&stored));
    kindred(["explain"].iter().chain(&ask)).ended(2).complained(&["--store", "--to"]);
}

#[test]
fn a_server_that_fails_is_named_and_the_others_go_on() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    // Nobody listens on the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let to = format!("{gone},{}", server.address);
    let run = kindred(["block", "toy-car", "--reason", "it burns", "--to", &to]).ended(1);
    assert!(run.out.contains(&format!("{}: 1 blocked", server.address)), "{}", run.out);
    run.complained(&[&format!("1 of 2 servers failed: {gone}"), "cannot be reached"]);
    let run = kindred(["block", "toy-car", "--reason", "r", "--market", "fr", "--to", &to]);
    run.ended(1).complained(&["2 of 2 servers failed", "market_ids[0]"]);
}
