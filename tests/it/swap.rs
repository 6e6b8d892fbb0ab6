//! Hot swap: 200 of them under load. No call fails, each answer comes wholly from the snapshot that
//! it names, and what was live before is unmapped.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use kindred::{pb, store::Rollback};

use crate::{
    calls::{CROSS_SELL, Client, answer, asking, block_on, client, listing, snapshot_id},
    server::{Server, eventually},
    shop::{Shop, note, publish},
};

const SWAPS: usize = 200;

/// What one snapshot answers, and nothing that the other one has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Face {
    /// Every product but the seed begins so.
    prefix: &'static str,
    relations: usize,
    /// Blank lines before the relations, so that provenance tells the snapshots apart.
    blank_lines: usize,
}

const FACES: [Face; 2] = [
    Face { prefix: "a-", relations: 100, blank_lines: 0 },
    Face { prefix: "b-", relations: 90, blank_lines: 1_000 },
];

impl Face {
    fn write(self, shop: &Shop) {
        let Self { prefix, relations, blank_lines } = self;
        let mut products = "id\nseed\n".to_owned();
        let mut links = format!("{}source,type,target,position\n", "\n".repeat(blank_lines));
        for place in 0..relations {
            writeln!(products, "{prefix}{place:03}").unwrap();
            writeln!(links, "seed,cross_sell,{prefix}{place:03},{place}").unwrap();
        }
        shop.write("products.csv", products);
        shop.write("relations.csv", links);
    }

    /// The only list of targets that this snapshot may give.
    fn targets(self) -> Vec<String> {
        (0..self.relations).map(|place| format!("{}{place:03}", self.prefix)).collect()
    }

    /// Asks everything that this snapshot, or the other one, answers; says which one did.
    fn check_recommendations(self, answer: &pb::GetRecommendationsResponse) {
        let ids = answer.recommendations.iter().map(|one| one.product_id.clone());
        assert_eq!(ids.collect::<Vec<_>>(), self.targets());
    }

    fn check_relations(self, page: &pb::ListRelationsResponse) {
        let ids = page.relations.iter().map(|one| one.target_product_id.clone());
        assert_eq!(ids.collect::<Vec<_>>(), self.targets());
        for (one, line) in page.relations.iter().zip(self.blank_lines + 2..) {
            assert_eq!(one.provenance, format!("kindred: relations.csv:{line}"));
        }
    }

    fn check_catalog(self, catalog: &pb::DescribeCatalogResponse) {
        let cross_sell = catalog.relation_types.iter().find(|one| one.relation_type == CROSS_SELL);
        assert_eq!(cross_sell.unwrap().relation_count, self.relations as u64);
    }
}

#[test]
fn two_hundred_swaps_under_load_fail_no_call_and_mix_no_answer() {
    let shop = Shop::new();
    let faces = FACES.map(|face| {
        face.write(&shop);
        (shop.published(), face)
    });
    let by_id = BTreeMap::from(faces.clone());
    let (_, track) = shop.open();
    let first = track.read(1).unwrap().blobs;
    let mut server = Server::start(&shop);
    let one_snapshot = server.mapped_blobs().len();
    assert_eq!(one_snapshot, 3, "catalog, provenance and dropped: {:?}", server.mapped_blobs());

    let is_over = AtomicBool::new(false);
    let calls = thread::scope(|scope| {
        let load = || ask_until(&is_over, server.address, &by_id);
        let clients = [scope.spawn(load), scope.spawn(load), scope.spawn(load)];
        for swap in 0..SWAPS {
            // Out by a publish, back by a rollback.
            let (id, _) = &faces[swap % 2];
            if swap % 2 == 0 {
                publish(&track, &first);
            } else {
                let back = Rollback { to: None, roles: &[], expected_active: None, note: note() };
                track.rollback(&back).unwrap();
            }
            let live = server.log.until("Snapshot is live.");
            assert!(live.contains(id), "swap {swap}: {live}");
        }
        is_over.store(true, Ordering::Relaxed);
        clients.map(|client| client.join().expect("no call fails and no answer is mixed"))
    });
    let seen = calls
        .iter()
        .flatten()
        .fold([0; 2], |[a, b], id| if **id == faces[0].0 { [a + 1, b] } else { [a, b + 1] });
    assert!(seen.iter().all(|count| *count >= SWAPS), "answers of each snapshot: {seen:?}");
    eventually(|| server.mapped_blobs(), |blobs| blobs.len() == one_snapshot);
    assert_eq!(server.ended(), Some(0));
}

/// Calls until told to stop; the snapshot of each answer.
fn ask_until<'f>(
    is_over: &AtomicBool,
    address: SocketAddr,
    by_id: &'f BTreeMap<String, Face>,
) -> Vec<&'f String> {
    let mut seen = Vec::new();
    block_on(async {
        let mut client = client(address).await;
        while !is_over.load(Ordering::Relaxed) {
            seen.extend(ask(&mut client, by_id).await);
        }
    });
    seen
}

/// One round of calls; each answer is compared with the snapshot that it names.
async fn ask<'f>(client: &mut Client, by_id: &'f BTreeMap<String, Face>) -> [&'f String; 3] {
    let recommended = answer(client, asking(&[CROSS_SELL], &["seed"])).await;
    let (first, face) = by_id.get_key_value(&named(&recommended.data_version)).unwrap();
    face.check_recommendations(&recommended);
    let listed = client.list_relations(listing("seed")).await.unwrap().into_inner();
    let (second, face) = by_id.get_key_value(&named(&listed.data_version)).unwrap();
    face.check_relations(&listed);
    let catalog = client.describe_catalog(pb::DescribeCatalogRequest::default()).await;
    let catalog = catalog.unwrap().into_inner();
    let (third, face) = by_id.get_key_value(&named(&catalog.data_version)).unwrap();
    face.check_catalog(&catalog);
    [first, second, third]
}

fn named(version: &Option<pb::DataVersion>) -> String {
    snapshot_id(version.clone())
}
