//! Goal: each call is counted once, by its method and how it ended, and each connection likewise. Method:
//! a server with its metrics, calls on every way through it, the lines of the scrape after its drain.

use std::{io::Write as _, net::TcpListener, num::NonZeroUsize, sync::Arc};

use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{
    Server, asking, block_on, channel, options,
    peer::{DATA, HEADERS, Peer, RST_STREAM, call_headers, framed},
    spawn,
    world::{seed, types},
};
use crate::{
    pb::{
        self, BatchGetRecommendationsRequest, GetRecommendationsRequest,
        recommendation_service_client::RecommendationServiceClient,
    },
    service::{
        AccessLog, Availabilities, Health, Recommendations, ServeOptions, Services, Stop, routes,
    },
    snapshot::tests::shop::Shop,
    telemetry::{self, Metrics},
};

/// Methods, codes and counts of a scrape.
fn calls(metrics: &Metrics) -> Vec<(String, String, u64)> {
    let page = metrics.scrape().unwrap();
    let lines =
        page.lines().filter(|line| line.starts_with("rpc_server_call_duration_seconds_count"));
    let count = |line: &str| {
        let label = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let method = label("rpc_method");
        let method = method.rsplit('/').next().unwrap().to_owned();
        let count = line.rsplit(' ').next().unwrap().parse().unwrap();
        (method, label("rpc_response_status_code"), count)
    };
    lines.map(count).collect()
}

#[track_caller]
fn check(metrics: &Metrics, expected: &[(&str, &str, u64)]) {
    let own = |(method, code, count): &(&str, &str, u64)| {
        ((*method).to_owned(), (*code).to_owned(), *count)
    };
    assert_eq!(calls(metrics), expected.iter().map(own).collect::<Vec<_>>());
}

fn value(metrics: &Metrics, series: &str) -> u64 {
    let page = metrics.scrape().unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().unwrap()
}

fn lookup() -> GetRecommendationsRequest {
    GetRecommendationsRequest {
        lookup: Some(types(&[1])),
        seeds: vec![seed("a", 1.0)],
        ..<_>::default()
    }
}

#[test]
fn every_way_of_a_call_is_counted_once_by_method_and_code() {
    let shop = Shop::new();
    shop.serve("a");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let recommendations = Recommendations::new(Arc::clone(&shop.live));
    let availability = Availabilities::new(shop.stock.clone(), Arc::clone(&shop.live));
    let (health, stop, metrics) = (Health::new(), Stop::new(), Metrics::default());
    let routes = routes(recommendations.clone(), availability, None, &health, false);
    let services = Services::new(routes, recommendations);
    let services = services.measured(metrics.clone(), AccessLog::default());
    let report = spawn(listener, services, &health, options(1), &stop);
    block_on(async {
        let channel = channel(addr).await;
        let mut client = RecommendationServiceClient::new(channel.clone());
        client.get_recommendations(lookup()).await.unwrap();
        client.get_recommendations(lookup()).await.unwrap();
        // Refused on the hot path, and by the router.
        client.get_recommendations(asking("another")).await.unwrap_err();
        client
            .batch_get_recommendations(BatchGetRecommendationsRequest::default())
            .await
            .unwrap_err();
        client.list_relations(pb::ListRelationsRequest::default()).await.unwrap_err();
        client.describe_catalog(pb::DescribeCatalogRequest::default()).await.unwrap();
        let mut late = tonic::Request::new(lookup());
        late.metadata_mut().insert("grpc-timeout", "1x".parse().unwrap());
        assert_eq!(
            client.get_recommendations(late).await.unwrap_err().code(),
            Code::InvalidArgument
        );
        // A stream that the peer leaves, and one that the drain ends.
        let mut health = HealthClient::new(channel);
        let mut left = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
        left.next().await.unwrap().unwrap();
        drop(left);
        let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
        watch.next().await.unwrap().unwrap();
        // A service that nobody knows.
        let (mut peer, _) = Peer::connected(addr);
        peer.send(HEADERS, 4, 1, &call_headers("/shop.v1.Cart/Get"));
        peer.send(DATA, 1, 1, &framed(&GetRecommendationsRequest::default()));
        peer.until(HEADERS);
        stop.drain();
        while watch.next().await.is_some_and(|told| told.is_ok()) {}
    });
    report.recv().unwrap().unwrap();
    check(
        &metrics,
        &[
            ("GetRecommendations", "OK", 2),
            ("GetRecommendations", "INVALID_ARGUMENT", 1),
            ("GetRecommendations", "FAILED_PRECONDITION", 1),
            ("BatchGetRecommendations", "INVALID_ARGUMENT", 1),
            ("ListRelations", "INVALID_ARGUMENT", 1),
            ("DescribeCatalog", "OK", 1),
            ("Watch", "CANCELLED", 1),
            ("Watch", "UNAVAILABLE", 1),
            ("_OTHER", "UNIMPLEMENTED", 1),
        ],
    );
}

/// A server of the double with its metrics.
fn double(options: ServeOptions) -> (Server, Metrics) {
    let metrics = Metrics::new(NonZeroUsize::MIN);
    (Server::told(options, None, metrics.clone()), metrics)
}

#[test]
fn a_call_whose_stream_is_reset_is_cancelled_and_a_panic_is_internal() {
    let (mut server, metrics) = double(options(1));
    let (mut peer, _) = Peer::connected(server.addr);
    peer.send(HEADERS, 4, 1, &call_headers(pb::Method::GetRecommendations.path()));
    peer.send(DATA, 1, 1, &framed(&asking("wait")));
    block_on(async {
        server.started.recv().await.unwrap();
        assert_eq!(calls(&metrics), [], "it has not ended");
        peer.send(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
        let fault = server.client().await.get_recommendations(asking("panic")).await;
        assert_eq!(fault.unwrap_err().code(), Code::Internal);
    });
    drop(peer);
    server.drained();
    check(
        &metrics,
        &[("GetRecommendations", "CANCELLED", 1), ("GetRecommendations", "INTERNAL", 1)],
    );
}

#[test]
fn connections_are_counted_from_seat_to_end() {
    let preface_wait = std::time::Duration::from_millis(50);
    let two = NonZeroUsize::new(2);
    let (server, metrics) =
        double(ServeOptions { preface_wait, connections_max: two, ..options(1) });
    let (peer, _) = Peer::connected(server.addr);
    assert_eq!(value(&metrics, "kindred_connections_max{listener=\"lookup\"}"), 2);
    assert_eq!(value(&metrics, "kindred_connections_open{listener=\"lookup\"}"), 1);
    let half = Peer::silent(server.addr);
    (&half.0).write_all(b"PRI").unwrap();
    Peer::silent(server.addr).assert_closed();
    assert_eq!(
        value(&metrics, "kindred_connections_refused_total{listener=\"lookup\",reason=\"full\"}"),
        1
    );
    half.assert_closed();
    server.stop.now();
    server.ended();
    drop(peer);
    for (series, expected) in [
        ("kindred_connections_open{listener=\"lookup\"}", 0),
        ("kindred_connections_accepted_total{listener=\"lookup\"}", 2),
        ("kindred_connections_refused_total{listener=\"lookup\",reason=\"full\"}", 1),
        ("kindred_connections_ended_total{listener=\"lookup\",ending=\"without_preface\"}", 1),
        ("kindred_connections_ended_total{listener=\"lookup\",ending=\"cut\"}", 1),
        ("kindred_connections_ended_total{listener=\"lookup\",ending=\"closed\"}", 0),
        ("kindred_connections_ended_total{listener=\"lookup\",ending=\"failed\"}", 0),
    ] {
        assert_eq!(value(&metrics, series), expected, "{series}");
    }
}

#[test]
fn the_access_log_takes_the_share_that_it_is_told() {
    let taken = |share: f64| {
        let log = AccessLog::sampled(share).unwrap();
        assert!(log.takes(telemetry::INTERNAL), "a fault is always written");
        (0..100_000).filter(|_| log.takes(telemetry::OK)).count()
    };
    assert_eq!(taken(0.0), 0);
    assert_eq!(taken(1.0), 100_000);
    let quarter = taken(0.25);
    assert!((24_000..26_000).contains(&quarter), "{quarter} of 100,000");
    for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(AccessLog::sampled(wrong), None, "{wrong}");
    }
}

#[test]
fn a_slot_is_full_short_or_empty_and_an_explained_one_is_none() {
    use crate::{
        lookup::tests::world::World,
        service::{answers, explain, pages},
    };
    let world = World::parse("a cross_sell b 90, c 80\n d\n $ c out_of_stock");
    let metrics = Metrics::default();
    let table = metrics.slot_table([], &["default"]);
    let present =
        crate::service::present::Present { slots: Some(&table), ..super::world::present(&world) };
    let asked = |id: &str, max_results: i32| GetRecommendationsRequest {
        lookup: Some(pb::LookupSpec { max_results, ..types(&[1]) }),
        seeds: vec![seed(id, 1.0)],
        ..<_>::default()
    };
    answers::get(&present, &asked("a", 1)).unwrap();
    answers::get(&present, &asked("a", 9)).unwrap();
    answers::get(&present, &asked("d", 9)).unwrap();
    let slot =
        |slot_id: &str, lookup| pb::Slot { slot_id: slot_id.to_owned(), lookup, ..<_>::default() };
    let page = BatchGetRecommendationsRequest {
        // The second slot has a fault, and is none that was answered.
        slots: vec![slot("1", Some(types(&[1]))), slot("2", None)],
        seeds: vec![seed("d", 1.0)],
        ..<_>::default()
    };
    pages::batch(&present, &page).unwrap();
    let explained = pb::ExplainRecommendationsRequest {
        request: Some(pb::explain_recommendations_request::Request::Get(asked("a", 1))),
        ..<_>::default()
    };
    explain::explain(&present, &explained).unwrap();
    let slots = |outcome: &str| {
        let labels = format!("placement=\"\",market=\"default\",outcome=\"{outcome}\"");
        value(&metrics, &format!("kindred_slots_total{{{labels}}}"))
    };
    assert_eq!([slots("full"), slots("short"), slots("empty")], [1, 1, 2]);
    let dropped = "kindred_candidates_dropped_total{reason=\"unavailable\"}";
    assert_eq!(value(&metrics, dropped), 1, "by the list that was not full before");
}
