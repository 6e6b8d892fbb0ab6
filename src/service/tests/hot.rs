//! Goal: whoever calls a hot method cannot tell whether the router answered it. Method: two servers of
//! one catalog, one with the hot path and one without, are sent the same headers and DATA frames, good
//! and bad; status, headers, the whole body and the trailers are compared.

use std::{
    cell::Cell,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use bytes::Bytes;
use h2::client::SendRequest;
use hyper::{HeaderMap, Request, header};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{TestCaseError, TestRunner},
};
use prost::Message as _;
use tokio::net::TcpStream;

use super::{
    block_on, options, spawn,
    world::{seed, types},
};
use crate::{
    model::limits::REQUEST_BYTES_MAX,
    pb::{self, EncodedResponse},
    service::{Availabilities, Health, Recommendations, Services, Stop, connection, routes},
    snapshot::tests::shop::Shop,
};

const METHODS: [&str; 3] = ["GetRecommendations", "BatchGetRecommendations", "DescribeCatalog"];

/// The same catalog behind the hot path and behind the router only.
struct Pair {
    hot: SocketAddr,
    routed: SocketAddr,
    _shop: Shop,
}

impl Pair {
    fn start() -> Self {
        let shop = Shop::new();
        shop.serve("a");
        let recommendations = Recommendations::new(Arc::clone(&shop.live));
        let start = |is_hot: bool| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            let availability = Availabilities::new(shop.stock.clone(), Arc::clone(&shop.live));
            let health = Health::new();
            let routes = routes(recommendations.clone(), availability, None, &health, false);
            let services = if is_hot {
                Services::new(routes, recommendations.clone())
            } else {
                Services::from(routes)
            };
            // Nobody waits for its end, which is that of the tests.
            drop(spawn(listener, services, &health, options(1), &Stop::new()));
            addr
        };
        Self { hot: start(true), routed: start(false), _shop: shop }
    }

    /// What both answer, which must be the same.
    fn answer(&self, call: &Call) -> Result<Answer, TestCaseError> {
        let [hot, routed] = [self.hot, self.routed].map(|addr| block_on(call.make(addr)));
        prop_assert_eq!(&hot, &routed);
        Ok(hot)
    }
}

/// How a request ends.
#[derive(Clone, Copy, Debug)]
enum End {
    WithData,
    EmptyData,
    Trailers,
    /// Not at all.
    Open,
}

/// A request, DATA frame by DATA frame.
#[derive(Clone, Debug)]
struct Call {
    method: &'static str,
    verb: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    pieces: Vec<Bytes>,
    end: End,
}

/// All that a caller sees, but for the date.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
}

/// What was told, or the code by which the stream was reset.
type Answer = Result<Told, Option<u32>>;

impl Call {
    /// A call of this body in one piece.
    fn plain(method: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("te", "trailers"), ("content-type", "application/grpc")];
        Self { method, verb: "POST", headers, pieces: vec![body.into()], end: End::WithData }
    }

    async fn make(&self, addr: SocketAddr) -> Answer {
        let stream = TcpStream::connect(addr).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(async { connection.await.ok() });
        let answer = self.send(sender.ready().await.unwrap(), addr).await;
        connection.abort();
        answer.map_err(|error| error.reason().map(u32::from))
    }

    async fn send(
        &self,
        mut sender: SendRequest<Bytes>,
        addr: SocketAddr,
    ) -> Result<Told, h2::Error> {
        let uri = format!("http://{addr}/kindred.v1.RecommendationService/{}", self.method);
        let mut request = Request::builder().method(self.verb).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let (response, mut body) = sender.send_request(request.body(()).unwrap(), false)?;
        for (place, piece) in self.pieces.iter().enumerate() {
            let is_last = place + 1 == self.pieces.len() && matches!(self.end, End::WithData);
            // A server that has answered may have closed the stream.
            body.send_data(piece.clone(), is_last).ok();
            // Else the pieces would leave as one.
            tokio::task::yield_now().await;
        }
        match self.end {
            End::WithData | End::Open => {}
            End::EmptyData => drop(body.send_data(Bytes::new(), true)),
            End::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-trailer", "1".parse().unwrap());
                body.send_trailers(trailers).ok();
            }
        }
        let (head, mut body) = response.await?.into_parts();
        let mut bytes = Vec::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            bytes.extend_from_slice(&data);
        }
        let mut headers = head.headers;
        headers.remove(header::DATE);
        let trailers = body.trailers().await?;
        Ok(Told { status: head.status.as_u16(), headers, body: bytes, trailers })
    }
}

/// A frame that says so of its message.
fn frame(flag: u8, length: usize, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&[flag], length.as_slice(), message].concat()
}

fn good(message: &[u8]) -> Vec<u8> {
    frame(0, message.len(), message)
}

fn lookup(id: &str, snapshot_id: &str, max_results: i32) -> pb::GetRecommendationsRequest {
    let lookup = pb::LookupSpec { max_results, ..types(&[1]) };
    pb::GetRecommendationsRequest {
        lookup: Some(lookup),
        seeds: vec![seed(id, 1.0)],
        snapshot_id: snapshot_id.to_owned(),
        ..<_>::default()
    }
}

fn page(slots: Vec<pb::GetRecommendationsRequest>) -> pb::BatchGetRecommendationsRequest {
    let slot = |(place, one): (usize, pb::GetRecommendationsRequest)| pb::Slot {
        slot_id: format!("slot-{place}"),
        lookup: one.lookup,
        seeds: one.seeds,
    };
    pb::BatchGetRecommendationsRequest {
        slots: slots.into_iter().enumerate().map(slot).collect(),
        ..<_>::default()
    }
}

/// Messages of a method that are read, and those that are refused.
fn message(method: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let (lookups, pages) = if method == METHODS[0] { (8, 1) } else { (1, 8) };
    let one = || {
        let id = select(vec!["a", "target", "nobody", ""]);
        let snapshot_id = select(vec!["", "", "", "another"]);
        (id, snapshot_id, -2..120)
            .prop_map(|(id, snapshot_id, max_results)| lookup(id, snapshot_id, max_results))
    };
    prop_oneof![
        lookups => one().prop_map(|lookup| lookup.encode_to_vec()),
        pages => prop::collection::vec(one(), 0..20).prop_map(|slots| page(slots).encode_to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

/// Bodies that are one frame, and those that only nearly are.
fn body(method: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let message = || message(method);
    prop_oneof![
        9 => message().prop_map(|message| good(&message)),
        1 => (message(), 1..=255_u8).prop_map(|(bytes, flag)| frame(flag, bytes.len(), &bytes)),
        1 => (message(), 0..3_000_000_usize).prop_map(|(bytes, length)| frame(0, length, &bytes)),
        1 => (message(), 0..8_usize).prop_map(|(bytes, cut)| {
            let frame = good(&bytes);
            frame[..frame.len().saturating_sub(cut)].to_vec()
        }),
        1 => (message(), message()).prop_map(|(one, two)| [good(&one), good(&two)].concat()),
        1 => (message(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(one, more)| [good(&one), more].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ]
}

/// The bytes cut at these places of a thousand.
fn pieces(body: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut cuts = cuts.iter().map(|cut| body.len() * cut / 1_000).collect::<Vec<_>>();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|ends| Bytes::copy_from_slice(&body[ends[0]..ends[1]])).collect()
}

fn call() -> impl Strategy<Value = Call> {
    let cuts =
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(0..=1_000_usize, 1..6)];
    let end = select(vec![End::WithData, End::WithData, End::EmptyData, End::Trailers]);
    let verb = prop_oneof![9 => Just("POST"), 1 => select(vec!["GET", "PUT"])];
    let extra = prop_oneof![
        6 => Just(None),
        4 => select(vec![
            ("grpc-encoding", "gzip"),
            ("grpc-encoding", "identity"),
            ("grpc-accept-encoding", "gzip"),
            ("grpc-timeout", "1n"),
            ("grpc-timeout", "20S"),
            ("x-anything", "1"),
        ]).prop_map(Some),
    ];
    let method = select(METHODS.to_vec());
    let asked = method.prop_flat_map(|method| (Just(method), body(method)));
    (asked, verb, cuts, end, extra).prop_map(|((method, body), verb, cuts, end, extra)| {
        let plain = Call::plain(method, Bytes::new());
        let headers = plain.headers.iter().copied().chain(extra).collect();
        Call { verb, headers, pieces: pieces(&body, &cuts), end, ..plain }
    })
}

#[test]
fn no_caller_can_tell_the_hot_path_from_the_router() {
    let pair = Pair::start();
    // Told by the message; a file of seeds would need the name of this one.
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_536) };
    let mut runner = TestRunner::new(config);
    let (good, refused) = (Cell::new(0), Cell::new(0));
    runner
        .run(&call(), |call| {
            let answer = pair.answer(&call)?;
            let count = match answer {
                Ok(Told { trailers: Some(_), .. }) => &good,
                Ok(_) | Err(_) => &refused,
            };
            count.set(count.get() + 1);
            Ok(())
        })
        .unwrap();
    let (good, refused) = (good.get(), refused.get());
    assert!(good > 200 && refused > 200, "{good} answered, {refused} refused");
}

#[test]
fn a_request_over_the_limit_is_refused_as_by_the_router() {
    let pair = Pair::start();
    let mut request = lookup("a", "", 1);
    request.exclude_product_ids = vec!["x".repeat(100); REQUEST_BYTES_MAX / 100];
    let call = Call::plain(METHODS[0], good(&request.encode_to_vec()));
    let Told { headers, .. } = pair.answer(&call).unwrap().unwrap();
    assert_eq!(headers.get("grpc-status").unwrap(), "11", "OUT_OF_RANGE, as tonic says");
}

#[test]
fn what_can_only_be_refused_is_refused_before_the_stream_ends() {
    let pair = Pair::start();
    let message = lookup("a", "", 1).encode_to_vec();
    let compressed = frame(1, message.len(), &message);
    let oversized = frame(0, REQUEST_BYTES_MAX + 1, &message);
    for body in [compressed, oversized] {
        let call = Call { end: End::Open, ..Call::plain(METHODS[0], body) };
        let Told { headers, .. } = pair.answer(&call).unwrap().unwrap();
        assert!(headers.contains_key("grpc-status"), "{headers:?}");
    }
}

/// The gRPC status of a lookup with this deadline.
fn code_by(pair: &Pair, timeout: &'static str, end: End) -> (String, HeaderMap) {
    let body = good(&lookup("a", "", 1).encode_to_vec());
    let mut call = Call { end, ..Call::plain(METHODS[0], body) };
    call.headers.push(("grpc-timeout", timeout));
    if matches!(end, End::Open) {
        call.pieces.clear();
    }
    let Told { mut headers, trailers, .. } = pair.answer(&call).unwrap().unwrap();
    headers.extend(trailers.unwrap_or_default());
    (headers.get("grpc-status").unwrap().to_str().unwrap().to_owned(), headers)
}

#[test]
fn a_call_is_answered_by_its_deadline_or_with_deadline_exceeded() {
    let pair = Pair::start();
    for over in ["0n", "0H", "1n", "00000001n"] {
        assert_eq!(code_by(&pair, over, End::WithData).0, "4", "{over}");
    }
    for ahead in ["20S", "1M", "1H", "99999999H", "20000m", "20000000u"] {
        assert_eq!(code_by(&pair, ahead, End::WithData).0, "0", "{ahead}");
    }
    // Its request never comes, and no handler can be begun.
    assert_eq!(code_by(&pair, "50m", End::Open).0, "4");
}

/// Of a client whose requests come in pieces, and that is answered before they are whole.
#[test]
fn calls_that_come_too_late_do_not_end_their_connection() {
    let pair = Pair::start();
    let body = Bytes::from(good(&lookup("a", "", 1).encode_to_vec()));
    let pieces = vec![body.slice(..1), body.slice(1..)];
    let mut call = Call { pieces, ..Call::plain(METHODS[0], Bytes::new()) };
    call.headers.push(("grpc-timeout", "0n"));
    block_on(async {
        let stream = TcpStream::connect(pair.hot).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(async { connection.await.ok() });
        for number in 0..2 * connection::LOCAL_RESETS_MAX {
            sender = sender.ready().await.unwrap();
            let answer = call.send(sender.clone(), pair.hot).await;
            let told = answer.unwrap_or_else(|error| panic!("call {number}: {error}"));
            assert_eq!(told.headers["grpc-status"], "4");
        }
        connection.abort();
    });
}

#[test]
fn a_deadline_that_cannot_be_read_is_refused_and_says_so() {
    let pair = Pair::start();
    for bad in ["", "m", "1", "123456789S", "1.5S", "-1S", "+1S", "1s", "1 S", "S1", "0x1S"] {
        let (code, headers) = code_by(&pair, bad, End::WithData);
        assert_eq!(code, "3", "{bad}");
        let message = headers.get("grpc-message").unwrap().to_str().unwrap();
        assert!(message.contains("expected%20one%20to%20eight%20digits"), "{message}");
    }
}

#[test]
fn a_request_of_many_small_frames_is_answered() {
    let pair = Pair::start();
    let body = good(&lookup("a", "", 1).encode_to_vec());
    let pieces = body.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect();
    let call = Call { pieces, ..Call::plain(METHODS[0], Bytes::new()) };
    let Told { body, .. } = pair.answer(&call).unwrap().unwrap();
    let reply = EncodedResponse::of(&body[5..]).decoded().unwrap();
    assert_eq!(reply.recommendations[0].product_id, "target");
}

#[test]
fn an_answer_of_many_pieces_arrives_whole() {
    let pair = Pair::start();
    let slots = (0..16).map(|_| lookup("a", "", 1)).collect::<Vec<_>>();
    let request = page(slots).encode_to_vec();
    let call = Call::plain(METHODS[1], good(&request));
    let Told { body, .. } = pair.answer(&call).unwrap().unwrap();
    let reply = EncodedResponse::of(&body[5..]).decoded_page().unwrap();
    assert_eq!(reply.results.len(), 16);
}

/// A call's future is moved from HTTP/2's hands to its task in several steps, each a copy.
#[test]
fn what_a_call_carries_to_its_task_is_small() {
    fn carried<A, B, C, D, R>(_: fn(A, B, C, D) -> R) -> usize {
        size_of::<R>()
    }
    let bytes = carried(crate::service::hot::answer);
    println!("{bytes} bytes");
    assert!(bytes <= 896, "{bytes} bytes");
}
