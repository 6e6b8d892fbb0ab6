//! Goal: a flood of frames that are no work ends its connection, however its bytes are cut, and nobody
//! who asks is cut off. Method: the account alone over made frames and a clock that is passed; then each
//! kind of flood against a server.

use std::{
    cell::Cell,
    io::Write as _,
    iter, thread,
    time::{Duration, Instant},
};

use super::{
    Server, options,
    peer::{
        DATA, GOAWAY, HEADERS, PING, PRIORITY, Peer, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
        goaway,
    },
};
use crate::{
    model::limits::{SPARE_FRAMES_MAX, SPARE_FRAMES_PER_S},
    service::budget::Budget,
};

/// Whoever reads this clock has paid for a system call that a good peer never causes.
fn no_clock() -> Instant {
    panic!("the clock was read for a peer that asks")
}

fn ping() -> Vec<u8> {
    frame(PING, 0, 0, &[0; 8])
}

/// How many such frames are read before the account is empty, all at one moment.
fn read_before_the_end(budget: &mut Budget, frame: &[u8], now: Instant) -> usize {
    let more = |_: &usize| budget.charge(frame, || now).is_none();
    (0..).take_while(more).count()
}

#[test]
fn an_account_holds_so_many_frames_and_one_second_brings_more() {
    let start = Instant::now();
    let mut budget = Budget::new(start);
    let most = usize::try_from(SPARE_FRAMES_MAX).unwrap();
    for _ in 0..most {
        assert_eq!(budget.charge(&ping(), || start), None);
    }
    let per_s = usize::try_from(SPARE_FRAMES_PER_S).unwrap();
    let later = start + Duration::from_secs(1);
    // The frame that empties the account is read, too.
    assert_eq!(read_before_the_end(&mut budget, &ping(), later), per_s);
    let mut rested = Budget::new(start);
    let later = start + Duration::from_secs(3600);
    assert_eq!(read_before_the_end(&mut rested, &ping(), later), 2 * most, "it holds no more");
}

#[test]
fn a_flood_is_cut_at_the_same_byte_however_it_is_cut_into_reads() {
    let start = Instant::now();
    let most = usize::try_from(SPARE_FRAMES_MAX).unwrap();
    let bytes = ping().repeat(most + 50);
    let expected = ping().len() * (most + 1);
    for step in [1, 2, 8, 9, 10, 17, 18, 8192, bytes.len()] {
        let mut budget = Budget::new(start);
        let mut read = 0;
        let kept = bytes.chunks(step).find_map(|chunk| {
            let kept = budget.charge(chunk, || start);
            read += kept.unwrap_or(chunk.len());
            kept
        });
        assert_eq!((kept.is_some(), read), (true, expected), "reads of {step} bytes");
    }
}

#[test]
fn who_asks_is_never_cut_off_and_the_clock_is_not_read() {
    let mut budget = Budget::new(Instant::now());
    for stream in (1..200_000).step_by(2) {
        let request = [
            frame(HEADERS, 4, stream, &[0; 40]),
            frame(DATA, 1, stream, &[0; 30]),
            // What clients add: windows of stream and connection, a ping, a reset.
            frame(WINDOW_UPDATE, 0, stream, &[0; 4]),
            frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
            ping(),
            ping(),
            frame(RST_STREAM, 0, stream, &[0; 4]),
        ];
        assert_eq!(budget.charge(&request.concat(), no_clock), None);
    }
}

#[test]
fn data_pays_for_its_frames_and_answers_for_their_window_updates() {
    let mut budget = Budget::new(Instant::now());
    let data = frame(DATA, 0, 1, &[0; 256]);
    let update = frame(WINDOW_UPDATE, 0, 1, &[0; 4]);
    for _ in 0..100_000 {
        assert_eq!(budget.charge(&data, no_clock), None);
        budget.sent(1_000);
        // Of the stream and of the connection, for each DATA frame of an answer.
        assert_eq!(budget.charge(&[update.clone(), update.clone()].concat(), no_clock), None);
    }
}

#[test]
fn only_the_first_headers_of_a_stream_earn() {
    let start = Instant::now();
    let mut budget = Budget::new(start);
    let trailers = frame(HEADERS, 5, 1, &[]);
    let read = read_before_the_end(&mut budget, &trailers, start);
    assert_eq!(read, usize::try_from(SPARE_FRAMES_MAX).unwrap() + 1);
}

/// Sends these frames as long as it can, and sees how the connection ends.
#[track_caller]
fn flood(name: &str, first: &[u8], frames: &[u8]) {
    let is_answered = ["PING", "SETTINGS"].contains(&name);
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    let mut reader = Peer(peer.0.try_clone().unwrap());
    let (first, frames) = (first.to_vec(), frames.repeat(1_000));
    let sender = thread::spawn(move || {
        let all = iter::once(&first).chain(iter::repeat(&frames));
        all.map(|bytes| peer.0.write_all(bytes)).take_while(Result::is_ok).count()
    });
    let mut end = None;
    while let Some(frame) = reader.next_or_reset() {
        end = end.or_else(|| (frame.kind == GOAWAY).then(|| goaway(&frame).1));
    }
    // Where acknowledgements are queued before it, the reset of a socket with bytes unread can
    // overtake it.
    assert!(end == Some(11) || (end.is_none() && is_answered), "{name}: found {end:?}");
    drop(reader);
    assert!(sender.join().unwrap() > 1, "{name}");
    assert_eq!(server.drained().failed, 1, "{name}");
}

#[test]
fn every_flood_of_frames_that_are_no_work_ends_in_goaway() {
    let call = frame(HEADERS, 4, 1, &[0x83, 0x86, 0x84]);
    flood("PING", &[], &ping());
    flood("PING that answers nothing", &[], &frame(PING, 1, 0, &[1; 8]));
    flood("SETTINGS", &[], &frame(SETTINGS, 0, 0, &[]));
    flood("WINDOW_UPDATE", &[], &frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]));
    flood("PRIORITY", &[], &frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 1]));
    flood("RST_STREAM of a stream that is gone", &call, &frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]));
    flood("unknown", &[], &frame(0xfa, 0, 0, &[]));
    flood("empty DATA", &call, &frame(DATA, 0, 1, &[]));
}

#[test]
fn a_flood_that_stops_in_time_costs_nothing_but_its_time() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    let half = usize::try_from(SPARE_FRAMES_MAX / 2).unwrap();
    let mut reader = Peer(peer.0.try_clone().unwrap());
    let pongs = Cell::new(0);
    thread::scope(|scope| {
        scope.spawn(move || peer.0.write_all(&ping().repeat(half)).unwrap());
        while pongs.get() < half {
            let frame = reader.next().unwrap();
            assert_ne!(frame.kind, GOAWAY);
            pongs.set(pongs.get() + usize::from(frame.kind == PING));
        }
    });
    server.stop.now();
    assert_eq!(server.ended().failed, 0);
}
