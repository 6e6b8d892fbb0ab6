//! Stock over gRPC: what was acknowledged is told at the next read, after a restart, and beside
//! whatever snapshot comes; what cannot be taken is refused by its place in the request.

use std::{net::SocketAddr, sync::LazyLock};

use kindred::pb::{self, Availability, availability_service_client::AvailabilityServiceClient};
use tonic::{Code, transport::Channel};

use crate::{
    calls::{block_on, channel, endlessly},
    server::{Server, eventually},
    shop::Shop,
};

pub(crate) type Stock = AvailabilityServiceClient<Channel>;

/// Longest legal messages are sent, too.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

pub(crate) async fn stock(address: SocketAddr) -> Stock {
    AvailabilityServiceClient::new(channel(address).await)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// The product is in this state, read at [`time`].
pub(crate) fn reading(product: &str, state: Availability, at: i64) -> pb::AvailabilityUpdate {
    pb::AvailabilityUpdate {
        product_id: product.to_owned(),
        availability: state as i32,
        event_time: Some(time(at)),
        ..Default::default()
    }
}

/// So many milliseconds after an hour before these tests began: later than the demo's tables were
/// read, and not in the future.
pub(crate) fn time(at: i64) -> pb::Timestamp {
    static BEGIN: LazyLock<i64> = LazyLock::new(|| jiff::Timestamp::now().as_second() - 3_600);
    let nanos = i32::try_from(at % 1_000 * 1_000_000).unwrap();
    pb::Timestamp { seconds: *BEGIN + at / 1_000, nanos }
}

pub(crate) fn batch(
    source: &str,
    sequence: u64,
    updates: Vec<pb::AvailabilityUpdate>,
) -> pb::BatchUpdateAvailabilityRequest {
    pb::BatchUpdateAvailabilityRequest { source_id: source.to_owned(), sequence, updates }
}

pub(crate) async fn send(
    stock: &mut Stock,
    request: pb::BatchUpdateAvailabilityRequest,
) -> pb::BatchUpdateAvailabilityResponse {
    stock.batch_update_availability(request).await.unwrap().into_inner()
}

/// What the server believes of a product in the default inventory and market.
pub(crate) async fn state(stock: &mut Stock, product: &str) -> pb::AvailabilityState {
    let request = pb::BatchGetAvailabilityRequest {
        product_ids: vec![product.to_owned()],
        ..Default::default()
    };
    let mut answer = stock.batch_get_availability(request).await.unwrap().into_inner();
    answer.states.pop().unwrap_or_default()
}

/// Everything overlaid, over all pages.
pub(crate) async fn listed(stock: &mut Stock, source: &str) -> Vec<pb::AvailabilityState> {
    let mut request = pb::ListAvailabilityRequest {
        source_id: source.to_owned(),
        page_size: 3,
        ..Default::default()
    };
    let mut all = Vec::new();
    loop {
        let page = stock.list_availability(request.clone()).await.unwrap().into_inner();
        assert!(page.states.len() <= 3);
        all.extend(page.states);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

#[test]
fn a_batch_is_told_at_the_next_read_and_after_a_restart() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let told = block_on(async {
        let mut stock = stock(server.address).await;
        let update = reading("toy-car", Availability::OutOfStock, 5);
        let done = send(&mut stock, batch("erp", 1, vec![update])).await;
        assert_eq!((done.applied, done.stale, done.gap), (1, 0, 0));
        let told = state(&mut stock, "toy-car").await;
        assert_eq!(told.availability(), Availability::OutOfStock);
        assert_eq!((told.source_id.as_str(), told.since_time), ("erp", Some(time(5))));
        // The same sequence again, and an older reading, change nothing.
        let other = reading("toy-car", Availability::InStock, 9);
        let again = send(&mut stock, batch("erp", 1, vec![other])).await;
        assert_eq!(again.applied, 0);
        let older = reading("toy-car", Availability::InStock, 4);
        let stale = send(&mut stock, batch("erp", 2, vec![older])).await;
        assert_eq!((stale.applied, stale.stale), (0, 1));
        assert_eq!(state(&mut stock, "toy-car").await, told);
        told
    });
    assert_eq!(server.ended(), Some(0));
    let server = Server::start(&shop);
    block_on(async {
        let mut stock = stock(server.address).await;
        assert_eq!(state(&mut stock, "toy-car").await, told);
        let done = send(&mut stock, batch("erp", 3, vec![reading("x", Availability::InStock, 1)]));
        assert_eq!(done.await.position.unwrap().sequence, 3);
    });
}

#[test]
fn single_updates_are_rejected_by_their_place() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async {
        let mut stock = stock(server.address).await;
        let good = reading("toy-car", Availability::LowStock, 5);
        let wrong = [
            pb::AvailabilityUpdate { inventory_id: "the-moon".to_owned(), ..good.clone() },
            pb::AvailabilityUpdate { available_quantity: Some(-1.0), ..good.clone() },
            pb::AvailabilityUpdate { event_time: None, ..good.clone() },
            pb::AvailabilityUpdate { event_time: Some(time(1 << 40)), ..good.clone() },
            pb::AvailabilityUpdate {
                price_minor_units: Some(1),
                currency_code: "JPY".to_owned(),
                ..good.clone()
            },
        ];
        let texts = ["the-moon", "available_quantity", "event_time", "future", "currency_code"];
        let updates = wrong.iter().cloned().chain([good]).collect();
        let done = send(&mut stock, batch("erp", 1, updates)).await;
        assert_eq!(done.applied, 1);
        assert_eq!(done.rejected.len(), wrong.len());
        for ((index, text), one) in (0..).zip(texts).zip(&done.rejected) {
            assert_eq!(one.index, index);
            assert!(one.reason.contains(text), "{one:?}");
        }
        assert_eq!(state(&mut stock, "toy-car").await.availability(), Availability::LowStock);
    });
}

#[test]
fn a_gap_is_told_and_closes_with_what_was_missing_or_with_a_resync() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async {
        let mut stock = stock(server.address).await;
        let update = || vec![reading("toy-car", Availability::LowStock, 5)];
        let position = |done: pb::BatchUpdateAvailabilityResponse| {
            let position = done.position.unwrap();
            (position.sequence, position.applied_beyond_gap, done.gap)
        };
        assert_eq!(position(send(&mut stock, batch("erp", 1, update())).await), (1, 0, 0));
        assert_eq!(position(send(&mut stock, batch("erp", 4, update())).await), (1, 1, 2));
        assert_eq!(position(send(&mut stock, batch("erp", 2, update())).await), (2, 1, 0));
        assert_eq!(position(send(&mut stock, batch("erp", 3, update())).await), (4, 0, 0));
        assert_eq!(position(send(&mut stock, batch("erp", 9, update())).await), (4, 1, 4));
        let part = pb::ReplaceAvailabilityRequest {
            source_id: "erp".to_owned(),
            sequence: 9,
            updates: vec![reading("toy-bear", Availability::OutOfStock, 6)],
            end: true,
        };
        let done = stock.replace_availability(tokio_stream::iter([part])).await;
        let done = done.unwrap().into_inner();
        let position = done.position.unwrap();
        assert_eq!((position.sequence, position.applied_beyond_gap), (9, 0));
        assert_eq!((done.applied, done.removed), (1, 1));
    });
}

#[test]
fn a_resync_takes_back_only_what_its_source_said() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async {
        let mut stock = stock(server.address).await;
        let ids = ["toy-car", "toy-bear", "lens-18-55", "card-sd-128"];
        let all = |state, at| ids.iter().map(|id| reading(id, state, at)).collect::<Vec<_>>();
        send(&mut stock, batch("erp", 1, all(Availability::LowStock, 1))).await;
        send(&mut stock, batch("wms", 1, all(Availability::OutOfStock, 2))).await;
        assert_eq!(listed(&mut stock, "").await.len(), 8);
        let begin = pb::ReplaceAvailabilityRequest {
            source_id: "wms".to_owned(),
            sequence: 7,
            updates: vec![reading("toy-car", Availability::Backorder, 3)],
            end: false,
        };
        let rest = pb::ReplaceAvailabilityRequest {
            updates: vec![reading("toy-bear", Availability::Preorder, 3)],
            end: true,
            ..Default::default()
        };
        let done = stock.replace_availability(tokio_stream::iter([begin, rest])).await;
        assert_eq!(done.unwrap().into_inner().applied, 2);
        let mut states = Vec::new();
        for id in ids {
            states.push(state(&mut stock, id).await.availability());
        }
        let expected = [
            Availability::Backorder,
            Availability::Preorder,
            Availability::LowStock,
            Availability::LowStock,
        ];
        assert_eq!(states, expected, "what the other source said is uncovered");
        assert_eq!(listed(&mut stock, "wms").await.len(), 2);
        assert_eq!(listed(&mut stock, "erp").await.len(), 4);
    });
}

#[test]
fn a_resync_names_the_first_updates_that_it_rejects_and_counts_all() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async {
        let mut stock = stock(server.address).await;
        let said = |state| vec![reading("toy-car", state, 1), reading("toy-bear", state, 1)];
        send(&mut stock, batch("erp", 1, said(Availability::OutOfStock))).await;
        let wrong = pb::AvailabilityUpdate {
            event_time: None,
            ..reading("toy-car", Availability::InStock, 2)
        };
        let part = pb::ReplaceAvailabilityRequest {
            source_id: "erp".to_owned(),
            sequence: 2,
            updates: vec![wrong; 10_000],
            end: false,
        };
        let last = pb::ReplaceAvailabilityRequest {
            updates: part.updates[..7].to_vec(),
            end: true,
            ..part.clone()
        };
        let done = stock.replace_availability(tokio_stream::iter([part, last])).await;
        let done = done.unwrap().into_inner();
        assert_eq!((done.rejected_count, done.rejected.len()), (10_007, 10_000));
        assert_eq!(done.rejected[9_999].index, 9_999);
        assert_eq!((done.applied, done.removed), (0, 1));
        // What was sold out and could not be read anew is not sold again.
        let told = state(&mut stock, "toy-car").await;
        assert_eq!(told.availability(), Availability::OutOfStock);
        assert_eq!(state(&mut stock, "toy-bear").await.source_id, "");
    });
}

#[test]
fn a_resync_that_is_not_ended_changes_nothing() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let part = |source: &str, sequence| pb::ReplaceAvailabilityRequest {
        source_id: source.to_owned(),
        sequence,
        updates: vec![reading("toy-car", Availability::OutOfStock, 2)],
        end: false,
    };
    let end = || pb::ReplaceAvailabilityRequest { end: true, ..part("erp", 2) };
    block_on(async {
        let mut stock = stock(server.address).await;
        send(&mut stock, batch("erp", 1, vec![reading("toy-car", Availability::LowStock, 1)]))
            .await;
        for (parts, field) in [
            (vec![part("erp", 2), part("wms", 2), end()], "source_id: "),
            (vec![part("erp", 2), part("erp", 2)], "end: "),
            (vec![part("erp", 2), end(), part("erp", 2)], "end: "),
            (vec![end(), end()], "end: "),
        ] {
            let refused = stock.replace_availability(tokio_stream::iter(parts)).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
            assert!(refused.message().starts_with(field), "{}", refused.message());
        }
    });
    // A caller that goes away in the middle: its connection ends, its stream does not. There are more
    // of them than streams that may be open at once.
    for _ in 0..8 {
        let (parts, stream) = tokio::sync::mpsc::channel(2);
        let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
        endlessly(async {
            let mut stock = stock(server.address).await;
            let call = tokio::spawn(async move { stock.replace_availability(stream).await });
            for _ in 0..4 {
                // The last ones go in when the first ones went out.
                if parts.send(part("erp", 2)).await.is_err() {
                    break;
                }
            }
            drop(call);
        });
        drop(parts);
    }
    block_on(async {
        let mut stock = stock(server.address).await;
        assert_eq!(state(&mut stock, "toy-car").await.availability(), Availability::LowStock);
        // Their places are free again.
        let mut done = Err(Code::Unknown);
        for _ in 0..1_000 {
            let last = stock.replace_availability(tokio_stream::iter([end()])).await;
            done = last.map(|done| done.into_inner().applied).map_err(|status| status.code());
            if done != Err(Code::ResourceExhausted) {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(done, Ok(1));
    });
}

#[test]
fn stock_of_a_product_waits_for_the_snapshot_that_brings_it() {
    let shop = Shop::with(&[("products.csv", "id\na\nb\n"), ("relations.csv", RELATIONS)]);
    shop.published();
    let mut server = Server::start(&shop);
    let address = server.address;
    block_on(async {
        let mut stock = stock(address).await;
        let update = reading("new", Availability::OutOfStock, 5);
        let done = send(&mut stock, batch("erp", 1, vec![update])).await;
        assert_eq!(done.missing_product_ids, ["new"]);
    });
    shop.write("products.csv", "id\na\nb\nnew\n");
    shop.published();
    server.log.until("Snapshot is live.");
    block_on(async {
        let mut stock = stock(address).await;
        let request = pb::BatchGetAvailabilityRequest {
            product_ids: vec!["new".to_owned()],
            ..Default::default()
        };
        let answer = stock.batch_get_availability(request).await.unwrap().into_inner();
        assert_eq!(answer.missing_product_ids, [""; 0]);
        assert_eq!(answer.states[0].availability(), Availability::OutOfStock);
    });
}

const RELATIONS: &str = "source,type,target\na,cross_sell,b\n";

#[test]
fn the_largest_legal_batch_passes_and_one_more_is_refused_in_words() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async {
        let mut stock = stock(server.address).await;
        let update = |index: usize| pb::AvailabilityUpdate {
            product_id: format!("{index:x<128}"),
            inventory_id: "i".repeat(128),
            available_quantity: Some(1.5),
            price_minor_units: Some(i64::MAX),
            currency_code: "EUR".to_owned(),
            market_id: "m".repeat(128),
            event_time: Some(pb::Timestamp { seconds: 1 << 40, nanos: 999_999_999 }),
            ..reading("", Availability::LowStock, 0)
        };
        let updates = (0..10_000).map(update).collect::<Vec<_>>();
        let source = "s".repeat(128);
        let done = send(&mut stock, batch(&source, 1, updates.clone())).await;
        assert_eq!(done.rejected.len(), 10_000);
        let more = updates.into_iter().chain([update(10_000)]).collect();
        let refused = stock.batch_update_availability(batch(&source, 2, more)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with("updates: expected 1 to 10000"), "{refused:?}");
    });
}

#[test]
fn a_replica_waits_for_its_feeds_where_it_is_told_to() {
    let shop = Shop::demo();
    let mut command = crate::server::serve(&shop, "state");
    let mut server = Server::listening(command.args(["--ready-stock-age", "3600"]));
    let address = server.address;
    let health = || block_on(crate::calls::health(address)).as_str_name();
    server.log.until("first feed of stock");
    assert_eq!(health(), "NOT_SERVING");
    block_on(async {
        let mut stock = stock(address).await;
        send(&mut stock, batch("erp", 1, vec![reading("toy-car", Availability::InStock, 1)])).await;
    });
    eventually(health, |said| *said == "SERVING");
    // What was heard of a moment ago is young enough for the next start.
    assert_eq!(server.ended(), Some(0));
    let server = Server::listening(&mut command);
    assert_eq!(block_on(crate::calls::health(server.address)).as_str_name(), "SERVING");
}
