//! How a server ends, and what may not keep it.

use std::{
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use tokio_stream::StreamExt as _;
use tonic::transport::Endpoint;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{
    PATIENCE, SLACK, Server, asking, block_on, call, check_health, options,
    peer::{DATA, GOAWAY, HEADERS, PING, Peer, SETTINGS, call_headers, framed, goaway},
};
use crate::{
    pb::recommendation_service_client::RecommendationServiceClient,
    service::{ServeOptions, connection},
};

#[test]
fn during_the_drain_delay_calls_are_answered_and_health_says_no() {
    let server = Server::start(ServeOptions { drain_delay: PATIENCE, ..options(1) });
    server.health.set_serving(true);
    block_on(async {
        let mut watch = server.watch("").await;
        assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
        server.stop.drain();
        assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert_eq!(check_health(&server, "").await, Ok(ServingStatus::NotServing));
        assert_eq!(call(&mut server.client().await).await, "kindred-rt-0");
    });
    server.stop.now();
    server.ended();
}

#[test]
fn a_drain_sends_goaway_and_ends_when_the_peer_acknowledges() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    server.stop.drain();
    assert_eq!(goaway(&peer.until(GOAWAY)), (0x7fff_ffff, 0), "first all streams are let in");
    let ping = peer.until(PING);
    assert_eq!(ping.flags, 0);
    peer.send(PING, 1, 0, &ping.payload);
    assert_eq!(goaway(&peer.until(GOAWAY)), (0, 0), "then none");
    assert!(peer.next().is_none());
    let report = server.ended();
    assert_eq!((report.drained, report.cut, report.failed), (1, 0, 0));
}

#[test]
fn a_preface_that_comes_during_the_drain_is_answered_with_goaway() {
    let server = Server::start(options(1));
    let mut late = Peer::silent(server.addr);
    let (mut witness, _) = Peer::connected(server.addr);
    server.stop.drain();
    witness.until(GOAWAY);
    late.0.write_all(connection::PREFACE).unwrap();
    late.send(SETTINGS, 0, 0, &[]);
    assert_eq!(goaway(&late.until(GOAWAY)), (0x7fff_ffff, 0));
    let ping = late.until(PING);
    late.send(PING, 1, 0, &ping.payload);
    assert_eq!(goaway(&late.until(GOAWAY)), (0, 0));
    drop(witness);
    let report = server.ended();
    assert_eq!((report.drained, report.cut), (2, 0));
}

#[test]
fn an_old_connection_has_its_goaway_and_the_server_takes_others() {
    let connection_age = Some(Duration::from_millis(50));
    let server = Server::start(ServeOptions { connection_age, ..options(1) });
    let (mut peer, _) = Peer::connected(server.addr);
    assert_eq!(goaway(&peer.until(GOAWAY)), (0x7fff_ffff, 0), "first all streams are let in");
    let ping = peer.until(PING);
    peer.send(PING, 1, 0, &ping.payload);
    assert_eq!(goaway(&peer.until(GOAWAY)), (0, 0), "then none");
    assert!(peer.next().is_none());
    let other = Peer::connected(server.addr);
    server.stop.now();
    assert_eq!(server.ended().failed, 0);
    drop(other);
}

#[test]
fn a_call_in_flight_outlives_the_age_of_its_connection() {
    let connection_age = Some(Duration::from_millis(50));
    let mut server = Server::start(ServeOptions { connection_age, ..options(1) });
    let (mut peer, _) = Peer::connected(server.addr);
    peer.send(HEADERS, 4, 1, &call_headers("/kindred.v1.RecommendationService/GetRecommendations"));
    peer.send(DATA, 1, 1, &framed(&asking("wait")));
    block_on(server.started.recv()).unwrap();
    peer.until(GOAWAY);
    let ping = peer.until(PING);
    peer.send(PING, 1, 0, &ping.payload);
    assert_eq!(goaway(&peer.until(GOAWAY)), (1, 0), "this stream is the last one");
    server.release.add_permits(1);
    peer.until(HEADERS);
    peer.until(DATA);
    server.drained();
}

#[test]
fn an_age_of_any_length_is_an_age() {
    for span in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let age = connection::jittered(span);
        assert!(age >= span - span / 10, "{age:?}");
    }
}

#[test]
fn ages_differ_by_a_tenth_at_most() {
    let span = Duration::from_secs(1_800);
    let ages = (0..1_000).map(|_| connection::jittered(span)).collect::<Vec<_>>();
    let (least, most) = (ages.iter().min().unwrap(), ages.iter().max().unwrap());
    assert!(*least >= span * 9 / 10 && *most <= span * 11 / 10, "{least:?} to {most:?}");
    assert!(*most - *least > span / 10, "a thousand connections part: {least:?} to {most:?}");
}

#[test]
fn a_call_in_flight_finishes_during_the_drain() {
    let mut server = Server::start(options(1));
    block_on(async {
        let mut client = server.client().await;
        let flight = tokio::spawn(async move { client.get_recommendations(asking("wait")).await });
        server.started.recv().await.unwrap();
        let (mut witness, _) = Peer::connected(server.addr);
        server.stop.drain();
        witness.until(GOAWAY);
        assert!(TcpStream::connect(server.addr).is_err(), "nobody is let in any more");
        drop(witness);
        server.release.add_permits(1);
        flight.await.unwrap().unwrap();
    });
    let report = server.ended();
    assert_eq!((report.drained, report.cut), (2, 0));
}

#[test]
fn peers_that_hang_do_not_keep_a_drain_beyond_its_deadline() {
    let drain_wait = Duration::from_millis(200);
    let mut server = Server::start(ServeOptions { drain_wait, ..options(2) });
    let silent = Peer::silent(server.addr);
    let (deaf, _) = Peer::connected(server.addr);
    block_on(async {
        // Client and connection stand still with their runtime until the server is gone.
        let mut watch = server.watch("").await;
        watch.next().await.unwrap().unwrap();
        let mut client = server.client().await;
        let flight = tokio::spawn(async move { client.get_recommendations(asking("wait")).await });
        server.started.recv().await.unwrap();
        let begun = Instant::now();
        let report = server.drained();
        assert!(begun.elapsed() < drain_wait + SLACK, "{:?}", begun.elapsed());
        assert!(report.took >= drain_wait);
        assert_eq!((report.drained, report.cut, report.runtimes_stuck), (0, 4, 0));
        assert!(flight.await.unwrap().is_err());
    });
    drop((silent, deaf));
}

#[test]
fn a_handler_that_never_returns_does_not_keep_the_server() {
    let mut server = Server::start(ServeOptions { drain_wait: Duration::ZERO, ..options(1) });
    let addr = server.addr;
    let caller = thread::spawn(move || {
        block_on(async move {
            let endpoint = Endpoint::from_shared(format!("http://{addr}")).unwrap();
            let mut client = RecommendationServiceClient::new(endpoint.connect().await.unwrap());
            // Whether the answer still gets out when the handler returns is nobody's promise.
            client.get_recommendations(asking("block")).await.ok();
        });
    });
    block_on(server.started.recv()).unwrap();
    let unblock = server.unblock.clone();
    let begun = Instant::now();
    let report = server.drained();
    assert!(begun.elapsed() < SLACK, "{:?}", begun.elapsed());
    assert_eq!(report.runtimes_stuck, 1);
    unblock.send(()).unwrap();
    caller.join().unwrap();
}

#[test]
fn a_second_stop_skips_the_wait() {
    let server = Server::start(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    server.stop.drain();
    peer.until(GOAWAY);
    server.stop.now();
    let report = server.ended();
    assert_eq!((report.drained, report.cut), (0, 1));
    assert!(report.took < PATIENCE);
}
