//! Goal: a resync counts when its caller said that it is whole, and in no other case. Method: callers
//! made of raw frames that stop where a proper client would not, and streams of messages without a
//! socket.

use std::{sync::mpsc, thread, time::Instant};

use super::{
    PATIENCE, Server, options,
    peer::{DATA, HEADERS, Peer, RST_STREAM, call_headers, framed},
};
use crate::{
    lookup::tests::shop::Shop,
    pb::{self, Availability},
    stock::{Reading, Reply, Said, Stock, StockError, UpdateDraft},
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
