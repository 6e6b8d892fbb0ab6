//! Goal: an answer is a function of the request and of the versions it names, byte for byte. Method: the
//! demo with a feed and a recall is asked everything, then again after a restart, a kill, with another
//! number of runtimes, over other snapshots between, for every channel, and after the same readings in
//! other batches. Bytes are compared as they come from the wire.

use std::net::SocketAddr;

use bytes::{Buf as _, BufMut as _};
use kindred::pb::{self, Availability, ShoppingStage, seed::Target};
use prost::Message;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use crate::{
    calls::{block_on, channel, seed},
    server::{Server, serve},
    shop::Shop,
    stock::{batch, reading, send, stock},
};

const SEEDS: [&str; 8] = [
    "phone-nova-128",
    "shoe-trailrun",
    "shoe-trailrun-42",
    "toy-car",
    "printer-inkwell-500",
    "camera-traveller",
    "coffee-machine-crema-200",
    "nobody",
];
const PLACEMENTS: [&str; 4] = ["pdp-companions", "pdp-alternatives", "cart-extras", "gift-ideas"];
/// The noon of a day on which lists take turns.
const NOON_S: i64 = 1_764_158_400;

/// A call as it goes over the wire.
struct Call {
    method: &'static str,
    request: Vec<u8>,
}

/// Every kind of answer, for shoppers of this channel.
fn calls(channel: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let stages =
        [ShoppingStage::Unspecified, ShoppingStage::Consideration, ShoppingStage::Checkout];
    for (number, product) in SEEDS.into_iter().enumerate() {
        for (placement, stage) in PLACEMENTS.into_iter().zip(stages.into_iter().cycle()) {
            // Only what takes turns by the day would change at midnight.
            let is_as_of = number % 2 == 0 || placement == "gift-ideas";
            let as_of_time =
                is_as_of.then_some(pb::Timestamp { seconds: NOON_S, nanos: 500_000_000 });
            let context = Some(pb::Context {
                stage: stage as i32,
                channel: channel.to_owned(),
                visitor_id: format!("visitor-{number}"),
                as_of_time,
                ..Default::default()
            });
            let lookup = Some(pb::LookupSpec {
                placement_id: placement.to_owned(),
                max_results: 8,
                ..Default::default()
            });
            let seeds = vec![seed(product)];
            let request = pb::GetRecommendationsRequest {
                lookup: lookup.clone(),
                seeds: seeds.clone(),
                context: context.clone(),
                view: pb::RecommendationView::Full as i32,
                ..Default::default()
            };
            calls.push(Call { method: "GetRecommendations", request: request.encode_to_vec() });
            let other = Target::ProductId(SEEDS[(number + 3) % SEEDS.len()].to_owned());
            let cart = pb::Seed { target: Some(other), quantity: 2.0 };
            let slot = |slot_id: &str, seeds| pb::Slot {
                slot_id: slot_id.to_owned(),
                lookup: lookup.clone(),
                seeds,
            };
            let page = pb::BatchGetRecommendationsRequest {
                slots: vec![slot("top", Vec::new()), slot("cart", vec![cart, seed("toy-car")])],
                seeds,
                context,
                view: pb::RecommendationView::Full as i32,
                ..Default::default()
            };
            calls.push(Call { method: "BatchGetRecommendations", request: page.encode_to_vec() });
        }
        let bundles = pb::GetBundlesRequest {
            product_id: product.to_owned(),
            context: Some(pb::Context { channel: channel.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        calls.push(Call { method: "GetBundles", request: bundles.encode_to_vec() });
    }
    calls
}

/// Bytes of the answers to all calls.
fn answers(address: SocketAddr, of_channel: &str) -> Vec<Vec<u8>> {
    block_on(async {
        let mut client = Grpc::new(channel(address).await);
        let mut answers = Vec::new();
        for call in calls(of_channel) {
            answers.push(ask(&mut client, call).await);
        }
        answers
    })
}

async fn ask(client: &mut Grpc<Channel>, call: Call) -> Vec<u8> {
    client.ready().await.unwrap();
    let path = format!("/kindred.v1.RecommendationService/{}", call.method).parse().unwrap();
    let answer = client.unary(Request::new(call.request), path, Plain).await;
    answer.unwrap_or_else(|status| panic!("{} says {status}", call.method)).into_inner()
}

/// The readings of these tests, in the order in which they were made.
fn readings() -> Vec<pb::AvailabilityUpdate> {
    let states = [Availability::OutOfStock, Availability::LowStock, Availability::InStock];
    let sold = ["case-nova-clear", "shoe-ridgeline", "aa-batteries-4", "lens-18-55", "shoe-tind"];
    let updates = sold.into_iter().zip(states.into_iter().cycle()).zip(1..);
    let mut updates =
        updates.map(|((product, state), at)| reading(product, state, at)).collect::<Vec<_>>();
    updates.push(pb::AvailabilityUpdate {
        available_quantity: Some(3.0),
        ..reading("lens-35-prime", Availability::LowStock, 9)
    });
    updates.push(reading("aa-batteries-4", Availability::OutOfStock, 10));
    updates
}

/// Blocks a product, for ever.
async fn recall(address: SocketAddr) {
    let request = pb::BlockProductsRequest {
        product_ids: vec!["glass-nova-2".to_owned()],
        reason: "it splinters".to_owned(),
        ..Default::default()
    };
    stock(address).await.block_products(request).await.unwrap();
}

#[test]
fn equal_versions_give_equal_bytes() {
    let shop = Shop::demo();
    let start =
        |runtimes: &str| Server::listening(serve(&shop, "state").env("KINDRED_RUNTIMES", runtimes));
    let mut server = start("1");
    let before = answers(server.address, "");
    block_on(async {
        let mut stock = stock(server.address).await;
        send(&mut stock, batch("erp", 1, readings())).await;
        recall(server.address).await;
    });
    let expected = answers(server.address, "");
    let changed = before.iter().zip(&expected).filter(|(before, now)| before != now);
    assert_eq!(changed.count(), expected.len(), "every answer names the feed's position");
    for of_channel in ["web", "app", "a channel that nobody knows"] {
        assert!(answers(server.address, of_channel) == expected, "channel {of_channel}");
    }

    // Another snapshot, and back to the one before.
    shop.write("products.csv", "id,title\ntoy-car,Car\nother,Other\n");
    shop.write("relations.csv", "source,type,target\ntoy-car,cross_sell,other\n");
    let first = shop.snapshot().id().to_owned();
    let second = shop.published();
    server.log.until(&second);
    server.log.until("Snapshot is live.");
    shop.kindred(&["rollback", "--reason", "a test", "--actor", "ann"]).succeeded();
    server.log.until("Snapshot is live.");
    assert_eq!(shop.snapshot().id(), first);
    assert!(answers(server.address, "") == expected, "after a swap and back");

    assert_eq!(server.ended(), Some(0));
    let server = start("2");
    assert!(answers(server.address, "") == expected, "after a restart, with two runtimes");
    // Ends it by SIGKILL.
    drop(server);
    let server = start("1");
    assert!(answers(server.address, "") == expected, "after a kill");
}

#[test]
fn other_batches_of_the_same_readings_differ_by_positions_alone() {
    let shop = Shop::demo();
    let told = |state: &str, batches: Vec<Vec<pb::AvailabilityUpdate>>| {
        let server = Server::listening(&mut serve(&shop, state));
        block_on(async {
            let mut stock = stock(server.address).await;
            for (sequence, updates) in (1..).zip(batches) {
                send(&mut stock, batch("erp", sequence, updates)).await;
            }
            recall(server.address).await;
        });
        let methods = calls("").into_iter().map(|call| call.method);
        let answers = methods.zip(answers(server.address, ""));
        answers.map(|(method, bytes)| without_positions(method, &bytes)).collect::<Vec<_>>()
    };
    let one = told("state-one", vec![readings()]);
    let many = readings().into_iter().map(|update| vec![update]).collect::<Vec<_>>();
    assert!(told("state-many", many.clone()) == one, "each reading by itself");
    let backwards = many.into_iter().rev().collect();
    assert!(told("state-backwards", backwards) == one, "the last reading first");
    // An older reading that comes late changes nothing.
    let late = reading("shoe-tind", Availability::InStock, 0);
    assert!(told("state-late", vec![readings(), vec![late]]) == one, "a reading that is late");
}

/// The answer without how far its feeds were.
fn without_positions(method: &str, bytes: &[u8]) -> Vec<u8> {
    fn cut<M: Message + Default>(
        bytes: &[u8],
        version: impl Fn(&mut M) -> &mut Option<pb::DataVersion>,
    ) -> Vec<u8> {
        let mut answer = M::decode(bytes).unwrap();
        let version = version(&mut answer).as_mut().expect("every answer names its versions");
        assert!(!version.availability.is_empty());
        version.availability.clear();
        answer.encode_to_vec()
    }
    match method {
        "GetRecommendations" => {
            cut::<pb::GetRecommendationsResponse>(bytes, |answer| &mut answer.data_version)
        }
        "BatchGetRecommendations" => {
            cut::<pb::BatchGetRecommendationsResponse>(bytes, |answer| &mut answer.data_version)
        }
        _ => cut::<pb::GetBundlesResponse>(bytes, |answer| &mut answer.data_version),
    }
}

/// Messages as their bytes.
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}
