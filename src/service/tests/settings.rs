//! Goal: each limit of HTTP/2 that the rim sets is kept, and a peer that does not do its part is let
//! go. Method: raw frames against a server whose waits are short; those that have tests elsewhere are
//! the preface, the age and forced resets.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use tokio::io::AsyncWriteExt as _;
use tonic::Code;

use super::{
    PATIENCE, Server, asking, block_on, call, check_health, options,
    peer::{
        DATA, Frame, GOAWAY, HEADERS, PING, Peer, RST_STREAM, SETTINGS, WINDOW_UPDATE,
        call_headers, frame, framed, goaway,
    },
};
use crate::{
    model::limits::{REQUEST_BYTES_MAX, STOCK_REQUEST_BYTES_MAX},
    pb::{self, availability_service_client::AvailabilityServiceClient},
    service::{
        ServeOptions, connection,
        socket::{Socket, Stream},
    },
};

const GET: &str = "/kindred.v1.RecommendationService/GetRecommendations";
/// A wait that a test sits out.
const SHORT: Duration = Duration::from_millis(100);

fn call_of(stream: u32, what: &str) -> Vec<u8> {
    let headers = frame(HEADERS, 4, stream, &call_headers(GET));
    [headers, frame(DATA, 1, stream, &framed(&asking(what)))].concat()
}

/// A header whose value is so long.
fn long_header(bytes: usize) -> Vec<u8> {
    let mut header = vec![0, 1, b'x', 0x7f];
    let mut rest = bytes - 0x7f;
    while rest >= 0x80 {
        header.push(u8::try_from(rest % 0x80).unwrap() | 0x80);
        rest /= 0x80;
    }
    header.push(u8::try_from(rest).unwrap());
    header.extend(vec![b'v'; bytes]);
    header
}

fn code(reset: &Frame) -> u32 {
    u32::from_be_bytes(reset.payload[..4].try_into().unwrap())
}

/// The server still answers on a connection of its own.
fn assert_serving(server: &Server) {
    block_on(async { call(&mut server.client().await).await });
}

#[test]
fn a_stream_beyond_the_limit_is_refused_and_the_others_go_on() {
    let mut server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    for stream in (1..).step_by(2).take(64) {
        peer.write(&call_of(stream, "wait"));
        block_on(server.started.recv()).unwrap();
    }
    peer.write(&call_of(129, ""));
    let reset = peer.until(RST_STREAM);
    assert_eq!((reset.stream, code(&reset)), (129, 7), "REFUSED_STREAM");
    server.release.add_permits(64);
    let trailers = (0..128).map(|_| peer.until(HEADERS)).filter(|frame| frame.flags & 1 == 1);
    assert_eq!(trailers.count(), 64, "every other call is answered");
    peer.write(&call_of(131, ""));
    assert_eq!(peer.until(HEADERS).stream, 131, "there is room again");
    server.stop.now();
    server.ended();
}

/// So many calls that are cancelled at once, in one piece, so that they come in one turn.
fn resets(count: usize) -> Vec<u8> {
    let reset = |stream: u32| {
        let headers = frame(HEADERS, 4, stream, &[0x83, 0x86, 0x84]);
        [headers, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    (1..).step_by(2).take(count).flat_map(reset).collect()
}

/// Who asks two replicas and cancels the later one is no attacker: h2's own limit is 20.
#[test]
fn as_many_cancelled_calls_as_are_allowed_end_no_connection() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    let count = connection::PENDING_RESETS_MAX;
    let next = u32::try_from(2 * count + 1).unwrap();
    peer.write(&[resets(count), call_of(next, "")].concat());
    let answer = peer.until_any(&[HEADERS, GOAWAY]);
    assert_eq!((answer.kind, answer.stream), (HEADERS, next));
    server.stop.now();
    server.ended();
}

#[test]
fn streams_reset_before_they_were_taken_end_the_connection() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    peer.write(&resets(4 * connection::PENDING_RESETS_MAX));
    let end = peer.until(GOAWAY);
    assert_eq!(goaway(&end).1, 11, "ENHANCE_YOUR_CALM");
    assert_eq!(&end.payload[8..], b"too_many_resets");
    assert_serving(&server);
    assert_eq!(server.drained().failed, 1);
}

#[test]
fn headers_over_their_limit_are_refused_and_far_over_it_end_the_connection() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    let mut ask = |stream: u32, bytes: usize| {
        let headers = [call_headers(GET), long_header(bytes)].concat();
        let [first, rest @ ..] = &headers.chunks(16_384).collect::<Vec<_>>()[..] else {
            unreachable!("there are headers")
        };
        let end = |is_last: bool| if is_last { 4 } else { 0 };
        let mut frames = frame(HEADERS, end(rest.is_empty()), stream, first);
        for (at, part) in rest.iter().enumerate() {
            frames.extend(frame(9, end(at + 1 == rest.len()), stream, part));
        }
        frames.extend(frame(DATA, 1, stream, &framed(&asking(""))));
        peer.write(&frames);
        loop {
            let answer = peer.until_any(&[HEADERS, GOAWAY]);
            if answer.kind == GOAWAY || answer.stream == stream {
                return answer;
            }
        }
    };
    // The static table has a status of 200 at 8; 431 must be spelled.
    let answer = ask(1, 7_000);
    assert_eq!((answer.kind, answer.payload[0]), (HEADERS, 0x88), "within the limit");
    let refused = ask(3, 9_000);
    assert_eq!(refused.kind, HEADERS);
    // `431` as text, or in Huffman's code.
    let is_431 = |part: &[u8]| part == b"431" || part == [0x69, 0x90, 0xff];
    assert!(refused.payload.windows(3).any(is_431), "{:x?}", refused.payload);
    let end = ask(5, 40_000);
    assert_eq!(end.kind, GOAWAY);
    assert_ne!(goaway(&end).1, 0);
    server.drained();
}

#[test]
fn a_frame_over_its_limit_ends_the_connection() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    peer.write(&frame(HEADERS, 4, 1, &call_headers(GET)));
    peer.write(&frame(DATA, 0, 1, &vec![0; 16_385]));
    assert_eq!(goaway(&peer.until(GOAWAY)).1, 6, "FRAME_SIZE_ERROR");
    assert_serving(&server);
    assert_eq!(server.drained().failed, 1);
}

#[test]
fn a_request_beyond_the_window_of_its_stream_is_a_fault_of_flow_control() {
    let mut server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    let (mut other, _) = Peer::connected(server.addr);
    // The runtime stands still meanwhile, so that nobody gives the window back.
    other.write(&call_of(1, "block"));
    block_on(server.started.recv()).unwrap();
    let mut body = vec![0, 0, 2, 0, 0];
    body.resize(5 * 16_384, 0);
    let data = body.chunks(16_384).flat_map(|part| frame(DATA, 0, 1, part));
    let frames = [frame(HEADERS, 4, 1, &call_headers(GET)), data.collect()].concat();
    let sender = thread::spawn(move || {
        peer.write(&frames);
        peer
    });
    let mut peer = sender.join().unwrap();
    server.unblock.send(()).unwrap();
    let end = peer.until_any(&[RST_STREAM, GOAWAY]);
    let code = if end.kind == GOAWAY { goaway(&end).1 } else { code(&end) };
    assert_eq!(code, 3, "FLOW_CONTROL_ERROR");
    server.stop.now();
    server.ended();
}

#[test]
fn a_quiet_peer_is_pinged_and_one_that_does_not_answer_is_let_go() {
    let server =
        Server::start(ServeOptions { ping_interval: SHORT, ping_wait: SHORT, ..options(1) });
    let (mut dead, _) = Peer::connected(server.addr);
    let (mut alive, _) = Peer::connected(server.addr);
    for _ in 0..5 {
        let ping = alive.until(PING);
        assert_eq!(ping.flags, 0);
        alive.send(PING, 1, 0, &ping.payload);
    }
    dead.until(PING);
    while dead.next().is_some() {}
    alive.write(&call_of(1, ""));
    alive.until(DATA);
    server.stop.now();
    server.ended();
}

#[test]
fn each_service_has_its_own_limit_of_a_request() {
    let server = Server::start(options(1));
    block_on(async {
        let mut client = AvailabilityServiceClient::new(server.channel().await);
        let ids = vec!["x".repeat(STOCK_REQUEST_BYTES_MAX)];
        let request = pb::BatchGetAvailabilityRequest { product_ids: ids, ..<_>::default() };
        let refused = client.batch_get_availability(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
        let name = "x".repeat(REQUEST_BYTES_MAX);
        assert_eq!(check_health(&server, &name).await.unwrap_err(), Code::OutOfRange);
    });
    server.drained();
}

#[test]
fn a_request_that_trickles_is_refused_after_its_wait() {
    let server = Server::start(ServeOptions { request_wait: SHORT, ..options(1) });
    let (mut peer, _) = Peer::connected(server.addr);
    let begun = Instant::now();
    peer.send(HEADERS, 4, 1, &call_headers(GET));
    peer.send(DATA, 0, 1, &[0, 0, 0, 1, 0]);
    let answer = loop {
        peer.send(DATA, 0, 1, &[7]);
        peer.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut byte = [0];
        if matches!(peer.0.peek(&mut byte), Ok(1)) {
            peer.0.set_read_timeout(Some(PATIENCE)).unwrap();
            let frame = peer.next().unwrap();
            if frame.kind == HEADERS {
                break frame;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "it trickles on");
    };
    assert!(begun.elapsed() >= SHORT);
    assert_eq!(answer.flags & 1, 1, "a status alone");
    // A conversation has its own bounds.
    let resync = call_headers("/kindred.v1.AvailabilityService/ReplaceAvailability");
    peer.send(HEADERS, 4, 3, &resync);
    let (mut witness, _) = Peer::connected(server.addr);
    witness.send(HEADERS, 4, 1, &call_headers(GET));
    witness.until(HEADERS);
    peer.0.set_read_timeout(Some(SHORT / 2)).unwrap();
    peer.send(PING, 0, 0, &[9; 8]);
    while peer.next().is_some_and(|frame| frame.kind != PING) {}
    server.stop.now();
    server.ended();
}

/// What a peer makes the server hold counted only in time: sixty-four of the largest answers a connection, for
/// half a minute.
#[test]
fn answers_that_a_peer_does_not_take_have_room_for_four_megabytes() {
    let server = Server::start(options(1));
    let mut peer = Peer::silent(server.addr);
    peer.write(connection::PREFACE);
    // No window for any stream.
    peer.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let heads = |peer: &mut Peer, first: u32| {
        for place in 0..8 {
            peer.write(&call_of(first + 2 * place, "large"));
        }
        let heads = (0..8).map(|_| peer.until(HEADERS)).collect::<Vec<_>>();
        heads.iter().filter(|head| head.flags & 1 == 1).count()
    };
    assert_eq!(heads(&mut peer, 1), 5, "three of a mebibyte and a little have room");
    // A small one is never refused, and another connection has its own room.
    peer.write(&call_of(17, ""));
    let head = peer.until(HEADERS);
    assert_eq!((head.stream, head.flags & 1), (17, 0));
    block_on(async {
        let answer = server.client().await.get_recommendations(asking("large")).await.unwrap();
        assert_eq!(answer.into_inner().missing_product_ids[0].len(), 1 << 20);
    });
    for stream in (1..16).step_by(2) {
        peer.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    }
    assert_eq!(heads(&mut peer, 19), 5, "there is room again");
    server.stop.now();
    server.ended();
}

/// A call that is answered at its headers sends its request to a stream that is no more, and HTTP/2 ends a
/// connection that does so often, with all its calls.
#[test]
fn refused_calls_are_answered_behind_their_requests_and_do_not_end_their_connection() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    peer.0.set_nodelay(true).unwrap();
    // Room for all answers.
    peer.send(WINDOW_UPDATE, 0, 0, &(16_u32 << 20).to_be_bytes());
    let late = [call_headers(GET), b"\x00\x0cgrpc-timeout\x020n".to_vec()].concat();
    let calls = u32::try_from(connection::LOCAL_RESETS_MAX).unwrap() + 50;
    for stream in (1..).step_by(4).take(calls as usize) {
        peer.send(HEADERS, 4, stream, &late);
        // Its answer says that the server had time for one to the call before.
        peer.write(&call_of(stream + 2, ""));
        let first = peer.until_any(&[HEADERS, RST_STREAM]);
        assert_eq!(first.stream, stream + 2, "the call before has no request yet");
        peer.until(HEADERS);
        peer.send(DATA, 1, stream, &framed(&asking("")));
        let answer = peer.until_any(&[HEADERS, RST_STREAM, GOAWAY]);
        let found = (answer.kind, answer.flags & 1, answer.stream);
        assert_eq!(found, (HEADERS, 1, stream), "a status alone");
    }
    server.stop.now();
    server.ended();
}

#[test]
fn an_answer_that_its_peer_never_takes_is_dropped() {
    let mut server = Server::start(ServeOptions { delivery_wait: SHORT, ..options(1) });
    let (mut peer, _) = Peer::connected(server.addr);
    // No window for any stream.
    peer.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    peer.write(&call_of(1, ""));
    let reset = peer.until(RST_STREAM);
    assert_eq!((reset.stream, code(&reset)), (1, 8), "CANCEL");
    // Work of ours may take longer than that.
    peer.write(&call_of(3, "wait"));
    block_on(server.started.recv()).unwrap();
    let (mut witness, _) = Peer::connected(server.addr);
    witness.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    witness.write(&call_of(1, ""));
    witness.until(RST_STREAM);
    server.release.add_permits(1);
    peer.send(WINDOW_UPDATE, 0, 3, &100_000_u32.to_be_bytes());
    let answer = peer.until_any(&[DATA, RST_STREAM]);
    assert_eq!((answer.kind, answer.stream), (DATA, 3));
    server.stop.now();
    server.ended();
}

/// A peer whose windows have room for one byte.
fn narrow(server: &Server) -> Peer {
    let (mut peer, _) = Peer::connected(server.addr);
    peer.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]);
    peer
}

/// Reads whatever comes; is that the end of the connection?
fn is_at_its_end(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// hyper hands a whole piece to h2 when the window has room for one byte of it, and is done with the
/// stream: the rest waited there for ever, and no reset could take it away.
#[test]
fn a_peer_that_takes_one_byte_of_an_answer_ends_with_its_connection() {
    let server = Server::start(ServeOptions { delivery_wait: SHORT, ..options(1) });
    let begun = Instant::now();
    let mut peer = narrow(&server);
    peer.write(&call_of(1, ""));
    assert_eq!(peer.until(DATA).payload.len(), 1);
    // Nor does it help to take a byte of another one now and then.
    let mut stream = 1;
    peer.0.set_read_timeout(Some(SHORT / 4)).unwrap();
    while !is_at_its_end(&mut peer.0) {
        assert!(begun.elapsed() < PATIENCE, "the connection goes on");
        stream += 2;
        let one_more = frame(WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes());
        // It may be closed already.
        peer.0.write_all(&[call_of(stream, ""), one_more].concat()).ok();
    }
    assert!(begun.elapsed() >= SHORT, "it was closed after {:?}", begun.elapsed());
    assert_serving(&server);
    server.stop.now();
    server.ended();
}

#[test]
fn a_peer_with_narrow_windows_that_takes_each_answer_in_time_goes_on() {
    let server = Server::start(ServeOptions { delivery_wait: 5 * SHORT, ..options(1) });
    let (begun, mut peer) = (Instant::now(), narrow(&server));
    let (mut answers, mut stream) = (0, 1);
    peer.write(&call_of(stream, ""));
    // The next answer begins before this one is taken: something is always there.
    while begun.elapsed() < 20 * SHORT {
        peer.until(DATA);
        peer.write(&call_of(stream + 2, ""));
        // As much for the connection as for the stream: its window would be used up after a thousand answers.
        peer.send(WINDOW_UPDATE, 0, 0, &101_u32.to_be_bytes());
        peer.send(WINDOW_UPDATE, 0, stream, &100_u32.to_be_bytes());
        let ended = loop {
            let frame = peer.until_any(&[DATA, HEADERS, RST_STREAM]);
            assert_ne!(frame.kind, RST_STREAM);
            if frame.stream == stream && frame.kind == HEADERS && frame.flags & 1 == 1 {
                break frame;
            }
        };
        assert_eq!(ended.stream, stream);
        (answers, stream) = (answers + 1, stream + 2);
        peer.send(WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes());
    }
    assert!(answers > 5, "{answers} answers");
    server.stop.now();
    server.ended();
}

#[test]
fn a_watch_outlives_the_wait_for_answers() {
    let server = Server::start(ServeOptions { delivery_wait: SHORT, ..options(1) });
    block_on(async {
        let mut watch = server.watch("").await;
        watch.message().await.unwrap().unwrap();
        let (mut witness, _) = Peer::connected(server.addr);
        witness.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
        witness.write(&call_of(1, ""));
        witness.until(RST_STREAM);
        server.health.set_serving(true);
        watch.message().await.unwrap().unwrap();
    });
    server.stop.now();
    server.ended();
}

#[test]
fn a_connection_whose_peer_takes_no_byte_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    let peer = TcpStream::connect(addr).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let error = block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        let mut socket = Socket::new(b"", Stream::Tcp(stream), SHORT);
        loop {
            match socket.write_all(&[0; 65_536]).await {
                Ok(()) => {}
                Err(error) => break error,
            }
        }
    });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    drop(peer);
}
