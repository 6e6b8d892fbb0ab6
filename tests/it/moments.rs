//! Goal: an answer is made of one moment. Method: batches that flip two products together under
//! pages of sixteen slots, and recalls under whatever else changes.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use kindred::{
    pb::{self, Availability},
    store::Rollback,
};

use crate::{
    calls::{CROSS_SELL, Client, answer, asking, block_on, client, endlessly, seed},
    server::{Server, eventually},
    shop::{Shop, note},
    stock::{batch, reading, send, stock, time},
};

const SLOTS: usize = 16;

/// One of two products can be bought, by turns: the first after odd batches.
fn flip(sequence: u64) -> pb::BatchUpdateAvailabilityRequest {
    let at = i64::try_from(sequence).unwrap();
    let [first, second] = if sequence % 2 == 1 { ["a", "b"] } else { ["b", "a"] };
    let updates = vec![
        reading(first, Availability::InStock, at),
        reading(second, Availability::OutOfStock, at),
    ];
    batch("erp", sequence, updates)
}

fn page(least: u64) -> pb::BatchGetRecommendationsRequest {
    let slot = |index: usize| pb::Slot {
        slot_id: format!("slot-{index}"),
        lookup: asking(&[CROSS_SELL], &[]).lookup,
        seeds: Vec::new(),
    };
    let position =
        pb::FeedPosition { source_id: "erp".to_owned(), sequence: least, ..Default::default() };
    pb::BatchGetRecommendationsRequest {
        slots: (0..SLOTS).map(slot).collect(),
        seeds: vec![seed("seed")],
        allow_duplicates: true,
        min_availability: vec![position],
        ..Default::default()
    }
}

/// The page shows what the batch that it names has made, in every slot. Says which batch.
async fn check_page(client: &mut Client, least: u64) -> u64 {
    let page = client.batch_get_recommendations(page(least)).await.unwrap().into_inner();
    let sequence = page.data_version.unwrap().availability[0].sequence;
    assert!(sequence >= least, "asked for {least}, answered from {sequence}");
    assert_eq!(page.results.len(), SLOTS);
    let expected = if sequence % 2 == 1 { ["a"] } else { ["b"] };
    for slot in &page.results {
        let ids = slot.recommendations.iter().map(|one| one.product_id.as_str());
        assert_eq!(ids.collect::<Vec<_>>(), expected, "batch {sequence}: {}", slot.slot_id);
    }
    sequence
}

#[test]
fn a_page_never_sees_half_a_batch_and_always_the_last_acknowledged_one() {
    let batches = if std::env::var_os("KINDRED_FULL").is_some() { 10_000 } else { 500 };
    let shop = Shop::with(&[
        ("products.csv", "id\nseed\na\nb\n"),
        ("relations.csv", "source,type,target\nseed,cross_sell,a\nseed,cross_sell,b\n"),
    ]);
    shop.published();
    let server = Server::start(&shop);
    let address = server.address;
    let (is_over, pages) = (AtomicBool::new(false), AtomicUsize::new(0));
    block_on(async { send(&mut stock(address).await, flip(1)).await });
    thread::scope(|scope| {
        let read = || read_pages(&is_over, &pages, address);
        let readers = [scope.spawn(read), scope.spawn(read)];
        let stop = crate::swap::SetOnDrop(&is_over);
        endlessly(async {
            let (mut stock, mut client) = (stock(address).await, client(address).await);
            for sequence in 2..=batches {
                let done = send(&mut stock, flip(sequence)).await;
                assert_eq!((done.applied, done.stale), (2, 0), "batch {sequence}");
                // Whoever was told reads what he wrote.
                if sequence % 16 == 0 {
                    assert_eq!(check_page(&mut client, sequence).await, sequence);
                }
            }
        });
        eventually(|| pages.load(Ordering::Relaxed), |count| *count >= 100);
        drop(stop);
        for reader in readers {
            reader.join().expect("no page is mixed");
        }
    });
    // A replica that is behind says so.
    block_on(async {
        let mut client = client(address).await;
        let behind = client.batch_get_recommendations(page(batches + 1)).await.unwrap_err();
        assert_eq!(behind.code(), tonic::Code::Unavailable);
        assert!(behind.message().contains("erp"), "{behind:?}");
    });
}

fn read_pages(is_over: &AtomicBool, pages: &AtomicUsize, address: SocketAddr) {
    endlessly(async {
        let mut client = client(address).await;
        let mut last = 1;
        while !is_over.load(Ordering::Relaxed) {
            last = check_page(&mut client, last).await;
            pages.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// What a server recommends for the seed.
fn shown(address: SocketAddr) -> Vec<String> {
    block_on(async {
        let mut client = client(address).await;
        let answer = answer(&mut client, asking(&[CROSS_SELL], &["seed"])).await;
        answer.recommendations.into_iter().map(|one| one.product_id).collect()
    })
}

fn block(address: SocketAddr, ids: &[&str], expire_time: Option<pb::Timestamp>) {
    let request = pb::BlockProductsRequest {
        product_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        reason: "recall".to_owned(),
        expire_time,
        ..Default::default()
    };
    block_on(async { stock(address).await.block_products(request).await.unwrap() });
}

const PRODUCTS: &str = "id,parent\nseed,\na,\ngroup,\ngroup-1,group\n";
const RELATIONS: &str =
    "source,type,target,position\nseed,cross_sell,a,1\nseed,cross_sell,group-1,2\n";

#[test]
fn a_recalled_product_is_in_no_answer_whatever_else_changes() {
    let shop = Shop::with(&[("products.csv", PRODUCTS), ("relations.csv", RELATIONS)]);
    shop.published();
    let mut server = Server::start(&shop);
    let address = server.address;
    assert_eq!(shown(address), ["a", "group-1"]);
    // A variant goes with its parent.
    block(address, &["a", "group"], None);
    assert_eq!(shown(address), [""; 0]);
    block_on(async {
        let updates = ["a", "group-1"].map(|id| reading(id, Availability::InStock, 1)).to_vec();
        send(&mut stock(address).await, batch("erp", 1, updates)).await;
    });
    assert_eq!(shown(address), [""; 0], "stock says it is there");
    shop.write("products.csv", format!("{PRODUCTS}new,\n"));
    shop.write("relations.csv", format!("{RELATIONS}seed,cross_sell,new,3\n"));
    shop.published();
    server.log.until("Snapshot is live.");
    assert_eq!(shown(address), ["new"], "another snapshot");
    let (_, track) = shop.open();
    let back = Rollback { to: None, roles: &[], expected_active: None, note: note() };
    track.rollback(&back).unwrap();
    server.log.until("Snapshot is live.");
    assert_eq!(shown(address), [""; 0], "a rollback");
    // Killed, not ended.
    drop(server);
    let server = Server::start(&shop);
    let address = server.address;
    assert_eq!(shown(address), [""; 0], "a restart");
    let request =
        pb::UnblockProductsRequest { product_ids: vec!["a".to_owned()], ..Default::default() };
    block_on(async { stock(address).await.unblock_products(request).await.unwrap() });
    assert_eq!(shown(address), ["a"]);
}

#[test]
fn a_recall_ends_by_itself_where_it_says_when() {
    let shop = Shop::with(&[("products.csv", PRODUCTS), ("relations.csv", RELATIONS)]);
    shop.published();
    let server = Server::start(&shop);
    let address = server.address;
    // Two hours after the beginning of time, which is one hour from now.
    let end = time(2 * 3_600_000);
    block(address, &["a"], Some(end));
    let at = |seconds: i64| {
        let mut request = asking(&[CROSS_SELL], &["seed"]);
        let as_of_time = Some(pb::Timestamp { seconds: end.seconds + seconds, nanos: 0 });
        request.context = Some(pb::Context { as_of_time, ..Default::default() });
        block_on(async {
            let answer = answer(&mut client(address).await, request).await;
            answer.recommendations.into_iter().map(|one| one.product_id).collect::<Vec<_>>()
        })
    };
    assert_eq!(shown(address), ["group-1"]);
    assert_eq!(at(-1), ["group-1"]);
    assert_eq!(at(0), ["a", "group-1"]);
}
