//! Goal: metrics and probes are told to whoever asks properly, and nobody else holds the listener up;
//! `/readyz` and the health service never disagree. Method: raw requests over sockets.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    num::NonZeroUsize,
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tonic_health::pb::health_check_response::ServingStatus;

use super::{PATIENCE, Server, block_on, check_health, options};
use crate::{
    model::limits::WEB_CONNECTIONS_MAX,
    service::{Address, Health, Listener, Readiness, Web, web::Waits},
    stock::FeedPosition,
    telemetry::Metrics,
};

/// Head and body of an answer.
fn talk(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(addr: SocketAddr, verb: &str, path: &str) -> (String, String) {
    let request =
        format!("{verb} {path} HTTP/1.1\r\nhost: kindred\r\ncontent-length: 2\r\n\r\n{{}}");
    talk(connect(addr), &request)
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn serve(readiness: Readiness, waits: Waits) -> (Web, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let metrics = Metrics::new(NonZeroUsize::MIN);
    let listener = Listener::from(listener);
    (Web::spawn_with(listener, metrics, Arc::new(readiness), waits).unwrap(), addr)
}

fn ready() -> Readiness {
    let health = Health::new();
    let readiness = Readiness::new(health, None);
    readiness.snapshot_is_live(&[]);
    readiness
}

#[test]
fn paths_and_verbs_have_their_answers() {
    let (_web, addr) = serve(ready(), Waits::default());
    let check = |verb: &str, path: &str, code: u16, body: &str| {
        let (head, found) = ask(addr, verb, path);
        assert_eq!(status(&head), code, "{verb} {path}: {head}");
        assert!(found.starts_with(body), "{verb} {path}: {found}");
        (head.to_lowercase(), found)
    };
    let (head, page) = check("GET", "/metrics", 200, "# HELP ");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(page.contains("kindred_shed_total 0") && page.ends_with("# EOF\n"), "{page}");
    check("GET", "/metrics?name=x", 200, "# HELP ");
    check("GET", "/healthz", 200, "ok\n");
    check("GET", "/readyz", 200, "ready\n");
    let (head, body) = check("HEAD", "/metrics", 200, "");
    assert!(head.contains("content-length: ") && body.is_empty(), "{head}");
    check("GET", "/", 404, "expected /metrics");
    check("GET", "/metrics/", 404, "expected");
    let (head, _) = check("POST", "/metrics", 405, "expected GET or HEAD");
    assert!(head.contains("allow: get, head"), "{head}");
    check("DELETE", "/healthz", 405, "expected");
    // No HTTP at all, and a head without end.
    let (head, _) = talk(connect(addr), "hello\r\n\r\n");
    assert!(head.is_empty() || status(&head) == 400, "{head}");
    let long = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let mut stream = connect(addr);
    // It may close before it has read all.
    stream.write_all(long.as_bytes()).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
    check("GET", "/healthz", 200, "ok\n");
}

#[test]
fn a_socket_file_serves_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.sock");
    let listener = Listener::bind(&Address::Unix(path.clone())).unwrap();
    let _web = Web::spawn(listener, Metrics::default(), Arc::new(ready())).unwrap();
    let request = "GET /readyz HTTP/1.1\r\nhost: kindred\r\n\r\n";
    let (head, body) = talk(UnixStream::connect(&path).unwrap(), request);
    assert_eq!((status(&head), body.as_str()), (200, "ready\n"));
}

#[test]
fn silent_peers_are_closed() {
    let head = Duration::from_millis(200);
    let (_web, addr) = serve(ready(), Waits { head, call: PATIENCE });
    let silent = (0..WEB_CONNECTIONS_MAX).map(|_| connect(addr)).collect::<Vec<_>>();
    for mut stream in silent {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
}

/// Who opened as many connections as there are seats and said nothing kept probes out for five seconds
/// each time.
#[test]
fn a_probe_is_answered_at_once_however_many_peers_are_silent() {
    // With no deadline in sight.
    let never = 10 * PATIENCE;
    let (_web, addr) = serve(ready(), Waits { head: never, call: never });
    let mut silent = Vec::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..4 {
        for number in 0..WEB_CONNECTIONS_MAX {
            let mut peer = connect(addr);
            // Half of them begin a head that they do not end.
            if number % 2 == 0 {
                peer.write_all(b"GET /healthz HTTP/1.1\r\nhost: ").unwrap();
            }
            silent.push(peer);
        }
        let begun = Instant::now();
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(status(&ask(addr, "GET", path).0), 200, "{path}");
        }
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "three probes took {slowest:?}");
    // Those that waited longest made room, and no more than there was need for.
    let is_open = |peer: &mut TcpStream| {
        peer.set_nonblocking(true).unwrap();
        let read = peer.read(&mut [0]);
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    };
    let open = silent.iter_mut().map(is_open).collect::<Vec<_>>();
    let (gone, last) = open.split_at(open.len() - WEB_CONNECTIONS_MAX);
    assert!(gone.iter().all(|is_open| !is_open), "{open:?}");
    assert!(last.iter().filter(|is_open| **is_open).count() >= WEB_CONNECTIONS_MAX - 3, "{last:?}");
}

#[test]
fn a_peer_that_does_not_read_is_cut_at_its_deadline() {
    let call = Duration::from_millis(200);
    let (_web, addr) = serve(ready(), Waits { head: PATIENCE, call });
    let mut slow = connect(addr);
    slow.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).ok();
    assert_eq!(rest, b"");
}

#[test]
fn readyz_says_200_exactly_while_health_says_serving() {
    let server = Server::start(options(1));
    let readiness = Readiness::new(server.health.clone(), Some(Duration::from_secs(3_600)));
    let readiness = Arc::new(readiness);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let listener = Listener::from(listener);
    let _web = Web::spawn(listener, Metrics::default(), Arc::clone(&readiness)).unwrap();
    let check = |expected: ServingStatus, why: &str| {
        let (head, body) = ask(addr, "GET", "/readyz");
        assert_eq!(block_on(check_health(&server, "")), Ok(expected), "{why}");
        let code = if expected == ServingStatus::Serving { 200 } else { 503 };
        assert_eq!((status(&head), body.trim_end()), (code, why));
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let feed = |ago_s: u64| FeedPosition {
        source_id: "erp".into(),
        sequence: 1,
        applied_beyond_gap: 0,
        received_s: i64::try_from(now - ago_s).unwrap(),
        event_us_max: 0,
        reading_count: 1,
    };
    check(ServingStatus::NotServing, "no snapshot is live yet");
    readiness.stock_changed(&[feed(9_999)]);
    check(ServingStatus::NotServing, "no snapshot is live yet");
    readiness.snapshot_is_live(&[]);
    check(ServingStatus::NotServing, "no feed of stock was heard of yet");
    readiness.stock_changed(&[feed(9_999)]);
    check(ServingStatus::NotServing, "waiting for feeds of stock: erp");
    readiness.stock_changed(&[feed(0)]);
    check(ServingStatus::Serving, "ready");
    server.health.set_serving(false);
    check(ServingStatus::NotServing, "health was told NOT_SERVING");
    server.health.set_serving(true);
    check(ServingStatus::Serving, "ready");
    server.health.drain();
    check(ServingStatus::NotServing, "the server is draining");
    server.health.set_serving(true);
    check(ServingStatus::NotServing, "the server is draining");
    server.drained();
}
