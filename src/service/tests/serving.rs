//! Connections and runtimes while the server serves.

use std::{
    collections::BTreeSet,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    num::NonZeroUsize,
    thread,
    time::{Duration, Instant},
};

use tonic::Code;

use super::{
    Server, asking, block_on, call, options,
    peer::{GOAWAY, HEADERS, Peer, WINDOW_UPDATE, goaway},
};
use crate::{
    pb,
    service::{Address, Listener, ServeOptions, accept, connection, listener},
};

#[test]
fn a_call_is_answered_by_each_runtime() {
    let server = Server::start(options(3));
    let threads = block_on(async {
        let mut clients = [server.client().await, server.client().await, server.client().await];
        let mut threads = BTreeSet::new();
        for client in &mut clients {
            threads.insert(call(client).await);
        }
        threads
    });
    let expected = ["kindred-rt-0", "kindred-rt-1", "kindred-rt-2"].map(String::from);
    assert_eq!(threads, BTreeSet::from(expected));
    let report = server.drained();
    assert_eq!(report.accepted_by_runtime, [1, 1, 1]);
}

#[test]
fn connections_spread_evenly_over_runtimes() {
    let server = Server::start(options(4));
    let peers: Vec<_> = (0..12).map(|_| Peer::connected(server.addr)).collect();
    server.stop.now();
    assert_eq!(server.ended().accepted_by_runtime, [3, 3, 3, 3]);
    drop(peers);
}

#[test]
fn a_handler_that_panics_ends_only_its_own_call() {
    let server = Server::start(options(1));
    block_on(async {
        let mut client = server.client().await;
        let fault = client.get_recommendations(asking("panic")).await.unwrap_err();
        assert_eq!(fault.code(), Code::Internal, "{fault}");
        assert_eq!(call(&mut client).await, "kindred-rt-0");
    });
    let report = server.drained();
    assert_eq!((report.accepted_by_runtime, report.failed), (vec![1], 0), "one connection");
}

#[test]
fn an_unknown_method_is_unimplemented_and_a_large_request_is_refused() {
    let server = Server::start(options(1));
    block_on(async {
        let mut client = server.client().await;
        let large = asking(&"x".repeat(crate::model::limits::REQUEST_BYTES_MAX));
        let refused = client.get_recommendations(large).await.unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange);
        let request = pb::ListRelationsRequest::default();
        assert_eq!(client.list_relations(request).await.unwrap_err().code(), Code::Unimplemented);
    });
    server.drained();
}

#[test]
fn settings_on_the_wire_are_the_ones_meant() {
    let server = Server::start(options(1));
    let (mut peer, frame) = Peer::connected(server.addr);
    let settings: Vec<_> = frame
        .payload
        .chunks(6)
        .map(|entry| {
            let value = u32::from_be_bytes(entry[2..6].try_into().unwrap());
            (u16::from_be_bytes([entry[0], entry[1]]), value)
        })
        .collect();
    for expected in [(3, 64), (4, 65_536), (5, 16_384), (6, 8_192)] {
        assert!(settings.contains(&expected), "{expected:?} in {settings:?}");
    }
    let window = peer.until(WINDOW_UPDATE).payload;
    assert_eq!(window, (1_048_576_u32 - 65_535).to_be_bytes());
    server.stop.now();
    server.ended();
}

#[test]
fn a_flood_of_forced_resets_ends_its_connection() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    let mut reader = Peer(peer.0.try_clone().unwrap());
    // Each stream begins with POST, http, "/" and dies of a window beyond 2^31 - 1.
    let flood = thread::spawn(move || {
        for stream in (1..).step_by(2).take(connection::LOCAL_RESETS_MAX + 8) {
            peer.send(HEADERS, 4, stream, &[0x83, 0x86, 0x84]);
            peer.send(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
        }
        peer
    });
    let (_, code) = goaway(&reader.until(GOAWAY));
    assert_eq!(code, 11, "ENHANCE_YOUR_CALM");
    flood.join().ok();
    assert_eq!(server.drained().failed, 1);
}

#[test]
fn sockets_send_at_once_and_ask_whether_the_peer_lives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    listener::prepare(&stream).unwrap();
    assert!(stream.nodelay().unwrap());
    let socket = socket2::SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
    assert!(socket.nonblocking().unwrap());
}

#[test]
fn a_peer_without_a_preface_is_closed_at_the_deadline() {
    let preface_wait = Duration::from_millis(50);
    let server = Server::start(ServeOptions { preface_wait, ..options(1) });
    let half = Peer::silent(server.addr);
    (&half.0).write_all(&connection::PREFACE[..23]).unwrap();
    Peer::silent(server.addr).assert_closed();
    half.assert_closed();
    let foreign = Peer::silent(server.addr);
    (&foreign.0).write_all(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n").unwrap();
    foreign.assert_closed();
    assert_eq!(server.drained().without_preface, 3);
}

#[test]
fn connections_beyond_the_cap_are_closed_and_counted() {
    let connections_max = NonZeroUsize::new(1);
    let server = Server::start(ServeOptions { connections_max, ..options(2) });
    let (first, _) = Peer::connected(server.addr);
    Peer::silent(server.addr).assert_closed();
    drop(first);
    // The seat is free when the server has seen the end; until then the next peer is refused.
    let mut refused = 1;
    loop {
        let mut peer = Peer::silent(server.addr);
        // A write may reach a socket that is closed already.
        peer.0.write_all(connection::PREFACE).ok();
        let mut byte = [0];
        if matches!(peer.0.read(&mut byte), Ok(1)) {
            break;
        }
        refused += 1;
    }
    let report = server.drained();
    assert_eq!((report.refused, report.accepted_by_runtime.iter().sum::<u64>()), (refused, 2));
}

/// All clients of a replica that ends come to its neighbours at once, and who finds no place to wait stands
/// there for a second: that was so from the 130th on.
#[test]
fn hundreds_of_peers_may_wait_to_be_accepted() {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let Address::Tcp(address) = listener.address().unwrap() else { panic!("it has a port") };
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let allowed = allowed.trim().parse::<usize>().unwrap();
    // Nobody accepts. A second is what the system waits before it tries again.
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(900)).unwrap();
    let peers = (0..allowed.min(400)).map(|_| connect()).collect::<Vec<_>>();
    assert_eq!(peers.len(), allowed.min(400));
}

#[test]
fn only_an_error_of_one_peer_lets_the_next_accept_go_at_once() {
    let check = |errno: i32, expected: bool| {
        let error = io::Error::from_raw_os_error(errno);
        assert_eq!(accept::is_of_one_peer(&error), expected, "{error}");
    };
    check(103, true); // ECONNABORTED
    check(104, true); // ECONNRESET
    check(4, true); // EINTR
    check(24, false); // EMFILE
    check(23, false); // ENFILE
    check(105, false); // ENOBUFS
    check(12, false); // ENOMEM
    check(22, false); // EINVAL
}

#[test]
fn a_warning_passes_once_in_five_seconds() {
    let mut throttle = accept::Throttle::default();
    let start = Instant::now();
    let passes = [0, 1, 4_999, 5_000, 5_001, 9_999, 10_000]
        .map(|millis| throttle.allows(start + Duration::from_millis(millis)));
    assert_eq!(passes, [true, false, false, true, false, false, true]);
}

#[test]
fn seats_leave_descriptors_for_the_rest() {
    let line = "Max open files            1024                 524288               files     \n";
    let check = |limits: &str, expected| {
        assert_eq!(accept::descriptors_soft_limit(limits), expected, "{limits:?}");
    };
    check(&format!("Limit  Soft Limit  Hard Limit  Units\n{line}"), Some(1024));
    check("Max open files unlimited unlimited files", Some(usize::MAX));
    check("Max processes 1 1 processes", None);
    check("", None);
    let seats = [0, 1, 2, 511, 512, 513, 1024, usize::MAX].map(accept::seats_within);
    assert_eq!(seats, [1, 1, 1, 256, 256, 257, 768, 65_536]);
    assert!(accept::connections_allowed() > 1, "this process has a limit to read");
}
