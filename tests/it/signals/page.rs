//! What the page says of a program that was used: each metric moved by what moves it. (The alerts' tests
//! move the others; those of the library each one by itself.)

use kindred::pb;
use tonic::metadata::MetadataValue;

use super::scrape::Watched;
use crate::{
    calls::{CROSS_SELL, asking, block_on, client, seed},
    server::serve,
    shop::Shop,
};

const GET: &str = "kindred.v1.RecommendationService/GetRecommendations";

/// Two markets, one placement with room for two and a fallback.
fn shop() -> Shop {
    let shop = Shop::with(&[
        ("products.csv", "id,popularity\nseed,1\na,5\nb,4\nc,3\n"),
        (
            "relations.csv",
            "source,type,target\nseed,cross_sell,a\nb,cross_sell,c\nb,cross_sell,a\n",
        ),
    ]);
    shop.published();
    let policy = "[[placements]]\nid = \"cart\"\nmix = [{ type = \"cross_sell\" }]\nmax_results = 2\n\
                  fallback = [{ popular_in = \"*\" }]\n";
    crate::shop::write(&shop.path("placements.toml"), policy);
    let file = shop.path("placements.toml");
    shop.kindred(&["policy", "publish", "--file", file.to_str().unwrap()]).succeeded();
    shop
}

#[test]
fn slots_fallbacks_calls_and_snapshots_are_told_by_placement_and_method() {
    let shop = shop();
    let watched = Watched::start(&shop);
    let slots = |outcome: &str| {
        let labels = [("placement", "cart"), ("outcome", outcome)];
        watched.scrape().value("kindred_slots_total", &labels)
    };
    assert_eq!(slots("full"), None, "nobody asked");
    block_on(async {
        let mut client = client(watched.server.address).await;
        let placed = |id: &str| pb::GetRecommendationsRequest {
            lookup: Some(pb::LookupSpec { placement_id: "cart".to_owned(), ..<_>::default() }),
            seeds: vec![seed(id)],
            ..<_>::default()
        };
        // One by relation and one by the fallback; then two by relations.
        let answer = client.get_recommendations(placed("seed")).await.unwrap().into_inner();
        assert_eq!(answer.recommendations.len(), 2, "{answer:?}");
        client.get_recommendations(placed("b")).await.unwrap();
        // Excluded: the candidate is dropped.
        let mut request = asking(&[CROSS_SELL], &["seed"]);
        request.exclude_product_ids = vec!["a".to_owned()];
        client.get_recommendations(request).await.unwrap();
    });
    let page = watched.scrape();
    assert_eq!(slots("full"), Some(2.0));
    assert_eq!(slots("short"), Some(0.0));
    let ad_hoc = [("placement", ""), ("outcome", "empty")];
    assert_eq!(page.value("kindred_slots_total", &ad_hoc), Some(1.0));
    assert_eq!(page.value("kindred_fallback_items_total", &[]), Some(1.0));
    let excluded = [("reason", "excluded")];
    assert_eq!(page.value("kindred_candidates_dropped_total", &excluded), Some(1.0));
    let count = "rpc_server_call_duration_seconds_count";
    assert_eq!(page.value(count, &[("rpc_method", GET)]), Some(3.0));
    assert!(page.value("kindred_snapshot_swap_seconds", &[]) > Some(0.0));
    assert_eq!(page.value("kindred_stock_journal_writable", &[]), Some(1.0));
    assert!(page.value("process_resident_memory_bytes", &[]) > Some(1e6));
    // Its live snapshot is the one that the store has.
    let id = shop.snapshot().id().to_owned();
    assert_eq!(page.value("kindred_snapshot_info", &[("snapshot_id", &id)]), Some(1.0));
}

#[test]
fn calls_are_in_the_access_log_with_the_request_id_of_their_caller() {
    let shop = shop();
    let mut command = serve(&shop, "state");
    command.args(["--access-log", "1"]);
    let mut watched = Watched::listening(command);
    block_on(async {
        let mut client = client(watched.server.address).await;
        let mut request = tonic::Request::new(asking(&[CROSS_SELL], &["seed"]));
        let id = MetadataValue::from_static("page-7f3a");
        request.metadata_mut().insert("x-request-id", id);
        client.get_recommendations(request).await.unwrap();
        let mut request = tonic::Request::new(asking(&[CROSS_SELL], &[]));
        let id = "x".repeat(129).parse().unwrap();
        request.metadata_mut().insert("x-request-id", id);
        client.get_recommendations(request).await.unwrap_err();
    });
    let line = watched.server.log.until("kindred::access");
    for part in
        [&format!("method=\"/{GET}\""), "code=\"OK\"", "request_id=\"page-7f3a\"", "peer=127."]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(line.contains("duration_us=") && !line.contains("seed"), "{line}");
    // An id that is too long is not taken over: one is made.
    let line = watched.server.log.until("kindred::access");
    let id = line.split("request_id=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(line.contains("code=\"INVALID_ARGUMENT\""), "{line}");
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
}

#[test]
fn without_a_share_no_call_is_in_the_log() {
    let shop = shop();
    let watched = Watched::start(&shop);
    block_on(async {
        let mut client = client(watched.server.address).await;
        for _ in 0..20 {
            client.get_recommendations(asking(&[CROSS_SELL], &["seed"])).await.unwrap();
        }
    });
    let mut server = watched.server;
    server.signal("TERM");
    let log = server.log.until_end();
    assert!(log.iter().any(|line| line.contains("Drained")));
    assert!(log.iter().all(|line| !line.contains("kindred::access")), "{log:?}");
}

#[test]
fn a_socket_file_serves_metrics_and_one_left_over_is_replaced() {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixStream,
    };
    let shop = shop();
    let path = shop.path("metrics.sock");
    for _ in 0..2 {
        let mut command = serve(&shop, "state");
        command.env("KINDRED_METRICS_LISTEN", format!("unix:{}", path.display()));
        let server = crate::server::Server::listening(&mut command);
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: kindred\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ready\n"), "{answer}");
        // Killed: its socket stays behind.
        drop(server);
        assert!(path.exists());
    }
    // What is no socket is left alone.
    std::fs::remove_file(&path).unwrap();
    crate::shop::write(&path, "mine");
    let run = shop.kindred(&[
        "serve",
        "--state",
        shop.path("state").to_str().unwrap(),
        "--metrics-listen",
        &format!("unix:{}", path.display()),
    ]);
    run.ended(1).complained(&["cannot listen on", "--metrics-listen"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}
