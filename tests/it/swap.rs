//! Hot swap, a hundred times under load (a thousand with `KINDRED_FULL`), while a feed of stock runs.
//! No call fails, each answer comes wholly from the snapshot that it names, what was live before is
//! unmapped, and at the end the stock is what the feed has said.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use kindred::{pb, store::Rollback};

use crate::{
    calls::{
        CROSS_SELL, Client, answer, asking, block_on, client, endlessly, listing, snapshot_id,
    },
    server::{Server, eventually},
    shop::{Shop, note, publish},
    stock::{Stock, batch, listed, reading, send, stock},
};

/// Answers that are waited for between two swaps.
const ANSWERS: usize = 9;

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
fn swaps_under_load_fail_no_call_mix_no_answer_and_lose_no_stock() {
    let swaps = if std::env::var_os("KINDRED_FULL").is_some() { 1_000 } else { 100 };
    let shop = Shop::in_memory();
    let faces = FACES.map(|face| {
        face.write(&shop);
        (shop.published(), face)
    });
    let by_id = BTreeMap::from(faces.clone());
    let (_, track) = shop.open();
    let first = track.read(1).unwrap().blobs;
    let mut server = Server::start(&shop);
    let one_snapshot = server.mapped_blobs();
    let of_role = |role: &str| one_snapshot.iter().filter(|name| name.contains(role)).count();
    assert_eq!([of_role(".catalog."), of_role(".provenance.")], [1, 1], "{one_snapshot:?}");
    let (is_over, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (calls, fed) = thread::scope(|scope| {
        let load = || ask_until(&is_over, &answers, server.address, &by_id);
        let clients = [scope.spawn(load), scope.spawn(load), scope.spawn(load)];
        let feeder = scope.spawn(|| feed_until(&is_over, server.address));
        let stop = SetOnDrop(&is_over);
        for swap in 0..swaps {
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
            // Each client may be on its way from one answer to the next, so some calls span a swap.
            let before = answers.load(Ordering::Relaxed);
            eventually(|| answers.load(Ordering::Relaxed), |now| *now >= before + ANSWERS);
        }
        drop(stop);
        let calls =
            clients.map(|client| client.join().expect("no call fails and no answer is mixed"));
        (calls, feeder.join().expect("no batch is refused"))
    });
    assert!(fed.len() > 100, "{} readings were fed", fed.len());
    let listed = block_on(async { listed(&mut stock(server.address).await, "").await });
    let listed = listed.into_iter().map(|one| (one.product_id, one.available_quantity));
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), fed);
    let seen = calls
        .iter()
        .flatten()
        .fold([0; 2], |[a, b], id| if **id == faces[0].0 { [a + 1, b] } else { [a, b + 1] });
    assert!(seen.iter().all(|count| *count >= swaps), "answers of each snapshot: {seen:?}");
    eventually(|| server.mapped_blobs(), |blobs| blobs.len() == one_snapshot.len());
    assert_eq!(server.ended(), Some(0));
}

/// Feeds stock until told to stop, of products of both snapshots; the quantities that count. All can
/// be bought, so that answers stay as they are.
fn feed_until(is_over: &AtomicBool, address: SocketAddr) -> BTreeMap<String, Option<f64>> {
    let mut fed = BTreeMap::new();
    endlessly(async {
        let mut stock = stock(address).await;
        let mut sequence = 0;
        while !is_over.load(Ordering::Relaxed) {
            sequence += 1;
            let number = |place: i64| (sequence * 7 + place * 13) % 90;
            let updates = (0..10).map(|place| pb::AvailabilityUpdate {
                available_quantity: Some((sequence * 10 + place) as f64),
                ..reading(
                    &format!("{}{:03}", FACES[usize::from(place % 2 == 1)].prefix, number(place)),
                    pb::Availability::LowStock,
                    sequence.min(3_600_000),
                )
            });
            let updates = updates.collect::<Vec<_>>();
            for update in &updates {
                fed.insert(update.product_id.clone(), update.available_quantity);
            }
            let sequence = u64::try_from(sequence).unwrap();
            let done = send(&mut stock, batch("erp", sequence, updates)).await;
            assert_eq!((done.gap, done.rejected), (0, Vec::new()));
        }
    });
    fed
}

/// Ends the load also when a swap fails.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls until told to stop; the snapshot of each answer.
fn ask_until<'f>(
    is_over: &AtomicBool,
    answers: &AtomicUsize,
    address: SocketAddr,
    by_id: &'f BTreeMap<String, Face>,
) -> Vec<&'f String> {
    let mut seen = Vec::new();
    endlessly(async {
        let (mut client, mut stock) = (client(address).await, stock(address).await);
        while !is_over.load(Ordering::Relaxed) {
            let named = ask(&mut client, by_id).await;
            ask_stock(&mut stock, by_id).await;
            answers.fetch_add(named.len(), Ordering::Relaxed);
            seen.extend(named);
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

/// The stock, too, is told beside the snapshot that it names: what only the other one has is missing.
async fn ask_stock(stock: &mut Stock, by_id: &BTreeMap<String, Face>) {
    let product_ids = FACES.map(|face| format!("{}000", face.prefix)).to_vec();
    let request = pb::BatchGetAvailabilityRequest { product_ids, ..Default::default() };
    let answer = stock.batch_get_availability(request).await.unwrap().into_inner();
    let face = by_id[&named(&answer.data_version)];
    let missing = FACES.iter().filter(|other| **other != face);
    let missing = missing.map(|other| format!("{}000", other.prefix)).collect::<Vec<_>>();
    assert_eq!(answer.missing_product_ids, missing);
}

fn named(version: &Option<pb::DataVersion>) -> String {
    snapshot_id(version.clone())
}
