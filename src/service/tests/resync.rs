//! Goal: a resync counts when its caller said that it is whole, and in no other case. Method: callers
//! made of raw frames that stop where a proper client would not, and streams of messages without a
//! socket.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio_stream::StreamExt as _;
use tonic::{Code, Status};

use super::{
    PATIENCE, Server, block_on, options,
    peer::{DATA, HEADERS, Peer, RST_STREAM, call_headers, framed},
};
use crate::{
    lookup::tests::shop::Shop,
    pb::{self, Availability},
    service::availability::resync::{Patience, collect},
    stock::{Reading, Reply, Said, Stock, StockError, StockView, UpdateDraft},
};

const PATH: &str = "/kindred.v1.AvailabilityService/ReplaceAvailability";
/// The error code of a call that its caller gave up.
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// Waits for the answer of a command.
fn wait<T: Send + 'static>(send: impl FnOnce(Reply<T>)) -> Result<T, StockError> {
    let (sender, answers) = mpsc::channel();
    send(Box::new(move |answer| sender.send(answer).unwrap()));
    answers.recv_timeout(PATIENCE).unwrap()
}

/// A shop is live, and `erp` has said that `a` is low.
fn begin(stock: &Stock) {
    let catalog = Shop::parse("a cross_sell b 90").catalog();
    stock.attach(catalog.into(), Box::new(|_| {})).unwrap();
    let update = UpdateDraft {
        product_id: "a".to_owned(),
        availability: Availability::LowStock as i32,
        event_us: Some(1),
        ..UpdateDraft::default()
    };
    wait(|reply| stock.batch("erp".to_owned(), 1, vec![update], reply)).unwrap();
}

/// All readings, and the position of the one feed.
fn told(stock: &Stock) -> (Vec<Reading>, u64) {
    let page = wait(|reply| stock.readings(None, String::new(), 100, reply)).unwrap();
    let [position] = &*page.positions else { panic!("{:?}", page.positions) };
    (page.readings, position.sequence)
}

fn part(end: bool) -> pb::ReplaceAvailabilityRequest {
    let update = pb::AvailabilityUpdate {
        product_id: "a".to_owned(),
        availability: Availability::OutOfStock as i32,
        event_time: Some(pb::Timestamp { seconds: 2, nanos: 0 }),
        ..Default::default()
    };
    pb::ReplaceAvailabilityRequest {
        source_id: "erp".to_owned(),
        sequence: 2,
        updates: vec![update],
        end,
    }
}

/// Waits until so many resyncs have a place.
fn until_open(stock: &Stock, count: usize) {
    let begun = Instant::now();
    while stock.resyncs_open() != count {
        assert!(begun.elapsed() < PATIENCE, "{} are open", stock.resyncs_open());
        thread::yield_now();
    }
}

/// A client that runs out of time resets its stream. The server's codec tells that like a proper end,
/// and drops a message that came half: all that had come was once committed as if it were whole, and
/// everything else of the source was gone.
#[test]
fn a_resync_cancelled_by_its_caller_changes_nothing() {
    let server = Server::start(options(1));
    begin(&server.stock);
    let before = told(&server.stock);
    let end = framed(&part(true));
    let half = end.get(..end.len() / 2).unwrap();
    for rest in [None, Some(half)] {
        let (mut peer, _) = Peer::connected(server.addr);
        let end_of_headers = 4;
        peer.send(HEADERS, end_of_headers, 1, &call_headers(PATH));
        peer.send(DATA, 0, 1, &framed(&part(false)));
        if let Some(half) = rest {
            peer.send(DATA, 0, 1, half);
        }
        until_open(&server.stock, 1);
        peer.send(RST_STREAM, 0, 1, &CANCEL);
        until_open(&server.stock, 0);
        assert_eq!(told(&server.stock), before);
    }
    // The same messages count when they are whole.
    let (mut peer, _) = Peer::connected(server.addr);
    peer.send(HEADERS, 4, 1, &call_headers(PATH));
    peer.send(DATA, 0, 1, &framed(&part(false)));
    let end_of_stream = 1;
    peer.send(DATA, end_of_stream, 1, &end);
    peer.until(HEADERS);
    let (readings, sequence) = told(&server.stock);
    assert_eq!(sequence, 2);
    let said = readings.into_iter().map(|reading| match reading.said {
        Said::Stock { availability, .. } => availability.map(|(state, ..)| state as i32),
        Said::Price { .. } => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), [Some(Availability::OutOfStock as i32)]);
}

fn collected(
    stock: &Stock,
    messages: impl tokio_stream::Stream<Item = Result<pb::ReplaceAvailabilityRequest, Status>> + Unpin,
    patience: Patience,
) -> Result<(), (Code, String)> {
    let done = block_on(collect(stock, messages, patience));
    assert_eq!(stock.resyncs_open(), usize::from(done.is_ok()));
    done.map(drop).map_err(|status| (status.code(), status.message().to_owned()))
}

/// A stream that stays open once these messages have come.
fn open_after(
    parts: &[pb::ReplaceAvailabilityRequest],
) -> impl tokio_stream::Stream<Item = Result<pb::ReplaceAvailabilityRequest, Status>> + Unpin {
    tokio_stream::iter(parts.to_vec()).map(Ok).chain(tokio_stream::pending())
}

#[test]
fn a_resync_that_falls_silent_or_never_ends_gives_up_its_place() {
    let (stock, _) = Stock::in_memory(|_: &Arc<StockView>| {}).unwrap();
    let moment = Duration::from_millis(20);
    let patience = |silence, whole| Patience { silence, whole };
    for begun in [&[][..], &[part(false)], &[part(false), part(false)]] {
        let silent = collected(&stock, open_after(begun), patience(moment, PATIENCE));
        let (code, text) = silent.unwrap_err();
        assert_eq!(code, Code::DeadlineExceeded);
        assert!(text.starts_with("no message came"), "{text}");
        let slow = collected(&stock, open_after(begun), patience(PATIENCE, moment));
        let (code, text) = slow.unwrap_err();
        assert_eq!(code, Code::DeadlineExceeded);
        assert!(text.starts_with("the stream did not end"), "{text}");
    }
    // Messages that are always there are no end either.
    let endless = tokio_stream::iter(std::iter::repeat_with(|| Ok(part(false))));
    let (code, text) = collected(&stock, endless, patience(PATIENCE, moment)).unwrap_err();
    assert_eq!((code, text.starts_with("the stream did not end")), (Code::DeadlineExceeded, true));
    let whole = tokio_stream::iter([Ok(part(false)), Ok(part(true))]);
    collected(&stock, whole, patience(PATIENCE, PATIENCE)).unwrap();
}

#[test]
fn a_message_without_updates_is_refused_unless_it_is_the_end() {
    let (stock, _) = Stock::in_memory(|_: &Arc<StockView>| {}).unwrap();
    let empty = |end| pb::ReplaceAvailabilityRequest { updates: Vec::new(), ..part(end) };
    let sent = |parts: &[pb::ReplaceAvailabilityRequest]| {
        let parts = tokio_stream::iter(parts.to_vec()).map(Ok);
        collected(&stock, parts, Patience::default()).map_err(|(code, text)| {
            assert_eq!(code, Code::InvalidArgument);
            text.split(':').next().unwrap().to_owned()
        })
    };
    assert_eq!(sent(&[empty(true)]), Ok(()));
    assert_eq!(sent(&[part(false), empty(true)]), Ok(()));
    assert_eq!(sent(&[empty(false), part(true)]), Err("updates".to_owned()));
    assert_eq!(sent(&[part(false), empty(false), part(true)]), Err("updates".to_owned()));
    assert_eq!(sent(&[part(false)]), Err("end".to_owned()));
    assert_eq!(sent(&[part(true), part(true)]), Err("end".to_owned()));
    assert_eq!(sent(&[]), Err("source_id".to_owned()));
    let many = |count| pb::ReplaceAvailabilityRequest {
        updates: vec![pb::AvailabilityUpdate::default(); count],
        ..part(true)
    };
    assert_eq!(sent(&[many(10_000)]), Ok(()));
    assert_eq!(sent(&[many(10_001)]), Err("updates".to_owned()));
}
