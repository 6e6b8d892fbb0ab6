//! What the server does with a snapshot that it cannot serve: it keeps the one it has, says why, and
//! takes the next good one.

use std::{fs, path::PathBuf};

use kindred::{
    index::{BlobHash, Role},
    store::{Store, Track},
};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::{
    calls::{CROSS_SELL, answer, asking, block_on, client, health, ids, snapshot_id, watch},
    damage::{self, Damage},
    server::{Server, serve},
    shop::{Shop, publish, replace},
};

/// A shop whose only relation leads to this product.
fn shop_with(target: &str) -> Shop {
    let shop = Shop::new();
    point_to(&shop, target);
    shop
}

fn point_to(shop: &Shop, target: &str) {
    shop.write("products.csv", format!("id\nseed\n{target}\n"));
    shop.write("relations.csv", format!("source,type,target\nseed,cross_sell,{target}\n"));
}

/// What the server answers, by which snapshot.
fn answered(server: &Server) -> (Vec<String>, String) {
    block_on(async {
        let mut client = client(server.address).await;
        let answer = answer(&mut client, asking(&[CROSS_SELL], &["seed"])).await;
        let ids = answer.recommendations.into_iter().map(|one| one.product_id);
        (ids.collect(), snapshot_id(answer.data_version))
    })
}

/// Publishes bytes as the catalog, under a hash that is not always theirs; the manifest's number.
fn publish_catalog(store: &Store, track: &Track, bytes: &[u8], hash: BlobHash) -> u64 {
    let staged = store.stage(Role::Catalog).unwrap();
    std::io::Write::write_all(&mut staged.file(), bytes).unwrap();
    let blob = staged.commit(hash, bytes.len() as u64).unwrap();
    publish(track, &[blob]).into_manifest().number
}

/// The line of a refused manifest, up to its number.
fn refusal(number: u64) -> String {
    format!("Snapshot is refused. number={number} ")
}

/// What was refused, in the order of the log: number of the manifest, code. The same one again and
/// again is told once: a publish touches the files that it keeps, so that a server which looks while
/// it does tries the manifest before once more.
fn refusals(server: &Server) -> Vec<(u64, String)> {
    let refused = server.log.read.iter().filter_map(|line| {
        let (_, told) = line.split_once("Snapshot is refused. number=")?;
        let (number, _) = told.split_once(' ').unwrap();
        let (_, fault) = told.split_once(".kdx: ").unwrap();
        let (code, _) = fault.split_once(": ").unwrap();
        Some((number.parse().unwrap(), code.to_owned()))
    });
    let mut refused = refused.collect::<Vec<_>>();
    refused.dedup();
    refused
}

#[test]
fn a_damaged_snapshot_is_refused_by_name_and_the_old_one_serves_on() {
    let shop = shop_with("old");
    let old = shop.published();
    let mut server = Server::start(&shop);
    let (store, track) = shop.open();
    let catalog = fs::read(shop.catalog_file()).unwrap();
    let mut expected = Vec::new();
    for Damage { name, code, bytes } in damage::all(&catalog) {
        let number = publish_catalog(&store, &track, &bytes, BlobHash::of(name.as_bytes()));
        server.log.until(&refusal(number));
        expected.push((number, code.to_owned()));
        assert_eq!(refusals(&server), expected, "{name}");
        assert_eq!(answered(&server), (vec!["old".to_owned()], old.clone()), "{name}");
    }
    assert_eq!(block_on(health(server.address)), ServingStatus::Serving);

    // Whole, but not what its name says: a copy of the live catalog, and a blob of another role.
    let number = publish_catalog(&store, &track, &catalog, BlobHash::of(b"another"));
    server.log.until(&refusal(number));
    expected.push((number, "WRONG_HASH".to_owned()));
    let dropped = *track.read(1).unwrap().blob(Role::Dropped).unwrap();
    let bytes = fs::read(store.blob_path(&dropped)).unwrap();
    let number = publish_catalog(&store, &track, &bytes, dropped.hash);
    server.log.until(&refusal(number));
    expected.push((number, "WRONG_ROLE".to_owned()));
    assert_eq!(refusals(&server), expected);
    assert_eq!(answered(&server).1, old);

    // What stands at the head cannot be compared with, so the guard asks a person.
    point_to(&shop, "new");
    let manifests = shop.manifests();
    shop.compile(&[]).ended(3).complained(&["cannot be compared", "--allow all"]);
    assert_eq!(shop.manifests(), manifests);
    let new = shop.published();
    assert!(server.log.until("Snapshot is live.").contains(&new));
    assert_eq!(refusals(&server), expected, "each by its own code, and nothing else");
    assert_eq!(answered(&server), (vec!["new".to_owned()], new));
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn at_the_start_the_newest_snapshot_that_is_whole_is_served() {
    let shop = shop_with("old");
    let old = shop.published();
    let (store, track) = shop.open();
    let catalog = fs::read(shop.catalog_file()).unwrap();
    publish_catalog(&store, &track, &catalog[..catalog.len() - 1], BlobHash::of(b"short"));
    publish_catalog(&store, &track, b"not a blob", BlobHash::of(b"other"));
    let server = Server::start(&shop);
    let refused = server.log.read.iter().filter(|line| line.contains("Snapshot is refused."));
    let refused = refused.collect::<Vec<_>>();
    assert_eq!(refused.len(), 2, "{:?}", server.log.read);
    assert!(refused[0].contains("NOT_AN_INDEX") && refused[1].contains("TRUNCATED"), "{refused:?}");
    assert_eq!(answered(&server), (vec!["old".to_owned()], old));
}

/// A shop with an old snapshot, and a new one whose catalog is damaged: the file, and its bytes as
/// they should be.
fn shop_with_damage() -> (Shop, [String; 2], PathBuf, Vec<u8>) {
    let shop = shop_with("old");
    let old = shop.published();
    point_to(&shop, "new");
    let new = shop.published();
    let file = shop.catalog_file();
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    replace(&file, bad);
    (shop, [old, new], file, good)
}

#[test]
fn after_a_repair_a_hang_up_signal_takes_what_was_refused() {
    let (shop, [old, new], file, good) = shop_with_damage();
    // So slow a poll that it has no part in this.
    let mut server = Server::listening(serve(&shop, "state").env("KINDRED_POLL_MS", "600000"));
    assert_eq!(answered(&server), (vec!["old".to_owned()], old));
    replace(&file, good);
    server.signal("HUP");
    assert!(server.log.until("Snapshot is live.").contains(&new));
    assert_eq!(answered(&server), (vec!["new".to_owned()], new));
}

/// The refusal says "publish it anew". That puts the good blob in the place of the damaged one, but
/// writes no manifest, as nothing changes: a server that only followed manifests never saw it.
#[test]
fn publishing_a_damaged_snapshot_anew_heals_it() {
    let (shop, [old, new], ..) = shop_with_damage();
    let mut server = Server::listening(serve(&shop, "state").env("KINDRED_POLL_MS", "20"));
    assert_eq!(answered(&server), (vec!["old".to_owned()], old));
    // The guard cannot look into a damaged catalog, but this is the very same one.
    let run = shop.compile(&[]).succeeded();
    assert!(run.out.contains(&format!("snapshot {new} is published already")), "{}", run.out);
    assert!(server.log.until("Snapshot is live.").contains(&new));
    assert_eq!(answered(&server), (vec!["new".to_owned()], new));
    // It was tried once more, not at every look.
    let refused = server.log.read.iter().filter(|line| line.contains("Snapshot is refused."));
    assert_eq!(refused.count(), 1, "{:?}", server.log.read);
}

#[test]
fn a_server_on_an_empty_store_serves_from_the_first_publish_on() {
    let shop = shop_with("first");
    shop.open();
    let mut server = Server::starting(&shop);
    block_on(async {
        assert_eq!(health(server.address).await, ServingStatus::NotServing);
        let mut client = client(server.address).await;
        let refused = client.get_recommendations(asking(&[CROSS_SELL], &["seed"])).await;
        assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
        let mut watch = watch(server.address).await;
        let mut told = async || watch.message().await.unwrap().unwrap().status();
        assert_eq!(told().await, ServingStatus::NotServing);
        shop.published();
        assert_eq!(told().await, ServingStatus::Serving);
        assert_eq!(ids(&mut client, CROSS_SELL, "seed").await, ["first"]);
    });
    let address = server.address;
    assert_eq!(server.out.until("listening on "), format!("listening on {address}"));
    assert_eq!(server.ended(), Some(0));
}
