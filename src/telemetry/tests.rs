//! Goal: what is counted is what is read, from every thread, under the names of the one table. Method:
//! count, scrape, compare lines.

use std::{num::NonZeroUsize, thread, time::Duration};

use super::{
    ConnectionEnding, FeedState, Filled, ListenerKind, Metrics, Observed, Outcome, SeatRefusal,
    SnapshotRefusal, SnapshotState, SourceState,
    calls::{BOUNDS_US, bucket},
    names::{self, Kind},
    process::resident_bytes,
};
use crate::{model::limits::SLOT_SERIES_MAX, pb::Method};

fn metrics() -> Metrics {
    Metrics::new(NonZeroUsize::new(4).unwrap())
}

/// The value of a series.
#[track_caller]
fn value(metrics: &Metrics, series: &str) -> Option<String> {
    let page = metrics.scrape().unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(str::to_owned)
}

#[track_caller]
fn check(metrics: &Metrics, series: &str, expected: &str) {
    assert_eq!(value(metrics, series).as_deref(), Some(expected), "{series}");
}

fn call_series(end: &str, method: &str, code: &str, more: &str) -> String {
    format!(
        "rpc_server_call_duration_seconds_{end}{{{more}rpc_system_name=\"grpc\",rpc_method=\"{method}\",\
         rpc_response_status_code=\"{code}\"}}"
    )
}

const FILLED: Filled = Filled { outcome: Outcome::Full, fallback_items: 0, dropped: [0; 14] };

#[test]
fn a_duration_counts_in_the_first_bucket_whose_bound_is_not_below_it() {
    for (at, bound_us) in BOUNDS_US.iter().enumerate() {
        let bound_ns = bound_us * 1_000;
        assert_eq!(bucket(bound_ns), at, "at {bound_us} us");
        assert_eq!(bucket(bound_ns + 1), at + 1, "above {bound_us} us");
        if bound_ns > 0 {
            assert_eq!(bucket(bound_ns - 1), at, "below {bound_us} us");
        }
    }
    assert_eq!(bucket(u64::MAX), BOUNDS_US.len());
}

#[test]
fn calls_of_all_threads_are_summed_by_method_and_code() {
    let metrics = metrics();
    let took = Duration::from_micros(40);
    thread::scope(|scope| {
        for _ in 0..8 {
            let count = || {
                for _ in 0..1_000 {
                    metrics.call(Some(Method::GetRecommendations), super::OK, took);
                }
            };
            scope.spawn(count);
        }
    });
    metrics.call(Some(Method::GetRecommendations), super::INTERNAL, Duration::from_secs(200));
    metrics.call(None, 12, Duration::ZERO);
    // A code beyond all that are known is UNKNOWN.
    metrics.call(None, 99, Duration::ZERO);
    let get = "kindred.v1.RecommendationService/GetRecommendations";
    check(&metrics, &call_series("count", get, "OK", ""), "8000");
    check(&metrics, &call_series("sum", get, "OK", ""), "0.32");
    check(&metrics, &call_series("bucket", get, "OK", "le=\"0.00001\","), "0");
    check(&metrics, &call_series("bucket", get, "OK", "le=\"0.00005\","), "8000");
    check(&metrics, &call_series("bucket", get, "OK", "le=\"+Inf\","), "8000");
    check(&metrics, &call_series("bucket", get, "INTERNAL", "le=\"100.0\","), "0");
    check(&metrics, &call_series("bucket", get, "INTERNAL", "le=\"+Inf\","), "1");
    check(&metrics, &call_series("count", "_OTHER", "UNIMPLEMENTED", ""), "1");
    check(&metrics, &call_series("count", "_OTHER", "UNKNOWN", ""), "1");
    // What never happened has no series.
    assert_eq!(value(&metrics, &call_series("count", get, "NOT_FOUND", "")), None);
}

#[test]
fn slots_go_on_over_snapshots_by_the_names_of_placement_and_market() {
    let metrics = metrics();
    let first = metrics.slot_table(["cart", "pdp"], &["de", "fr"]);
    first.count(Some(1), 0, &FILLED);
    first.count(None, 1, &Filled { outcome: Outcome::Empty, ..FILLED });
    // In the next snapshot the same names have other numbers.
    let second = metrics.slot_table(["pdp"], &["fr", "de"]);
    let mut dropped = [0; 14];
    dropped[9] = 3;
    second.count(Some(0), 1, &Filled { outcome: Outcome::Short, fallback_items: 2, dropped });
    first.count(Some(1), 0, &FILLED);
    let series = |placement: &str, market: &str, outcome: &str| {
        format!(
            "kindred_slots_total{{placement=\"{placement}\",market=\"{market}\",outcome=\"{outcome}\"}}"
        )
    };
    check(&metrics, &series("pdp", "de", "full"), "2");
    check(&metrics, &series("pdp", "de", "short"), "1");
    check(&metrics, &series("pdp", "de", "empty"), "0");
    check(&metrics, &series("", "fr", "empty"), "1");
    assert_eq!(value(&metrics, &series("cart", "de", "full")), None, "nobody asked for it");
    check(&metrics, "kindred_fallback_items_total", "2");
    check(&metrics, "kindred_candidates_dropped_total{reason=\"unavailable\"}", "3");
    check(&metrics, "kindred_candidates_dropped_total{reason=\"filter\"}", "0");
    // Numbers that no table has count for no pair, and hurt nothing.
    second.count(Some(7), 99, &FILLED);
    second.count(Some(usize::MAX), u32::MAX, &FILLED);
    check(&metrics, &series("pdp", "de", "full"), "2");
}

#[test]
fn pairs_beyond_the_cap_are_counted_together() {
    let metrics = metrics();
    let placements = (0..1_000).map(|n| format!("p{n:04}")).collect::<Vec<_>>();
    let markets = (0..64).map(|n| format!("m{n}")).collect::<Vec<_>>();
    let markets = markets.iter().map(String::as_str).collect::<Vec<_>>();
    let table = metrics.slot_table(placements.iter().map(String::as_str), &markets);
    for placement in 0..1_000 {
        for market in 0..64 {
            table.count(Some(placement), market, &FILLED);
        }
    }
    let page = metrics.scrape().unwrap();
    let full = page.lines().filter(|line| line.contains("outcome=\"full\""));
    let counts = full.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    let counts = counts.collect::<Vec<_>>();
    // A row of the cap is that of lookups without a placement, which nobody asked for; beyond stands one.
    assert_eq!(counts.len(), SLOT_SERIES_MAX - 64 + 1);
    assert_eq!(counts.iter().sum::<u64>(), 64_000);
    let other = "kindred_slots_total{placement=\"_OTHER\",market=\"_OTHER\",outcome=\"full\"}";
    check(&metrics, other, &(64_000 - (SLOT_SERIES_MAX - 64)).to_string());
}

#[test]
fn names_are_escaped() {
    let metrics = metrics();
    metrics.slot_table(["a\"b\\c\nd"], &["de"]).count(Some(0), 0, &FILLED);
    let series = r#"kindred_slots_total{placement="a\"b\\c\nd",market="de",outcome="full"}"#;
    check(&metrics, series, "1");
}

#[test]
fn connections_of_each_listener_are_open_until_they_end() {
    let metrics = metrics();
    let connections = metrics.connections(ListenerKind::Lookup);
    connections.add_seats(10);
    for _ in 0..7 {
        connections.accepted();
    }
    connections.refused(SeatRefusal::Peer);
    let series =
        |name: &str, more: &str| format!("kindred_connections_{name}{{listener=\"lookup\"{more}}}");
    check(&metrics, &series("open", ""), "7");
    for how in ConnectionEnding::ALL {
        connections.ended(how);
        let ending = format!(",ending=\"{}\"", how.label());
        check(&metrics, &series("ended_total", &ending), "1");
    }
    check(&metrics, &series("open", ""), "2");
    check(&metrics, &series("max", ""), "10");
    check(&metrics, &series("accepted_total", ""), "7");
    check(&metrics, &series("refused_total", ",reason=\"peer\""), "1");
    check(&metrics, &series("refused_total", ",reason=\"full\""), "0");
    // The other listener is none here.
    assert!(!metrics.scrape().unwrap().contains("listener=\"admin\""));
    metrics.connections(ListenerKind::Admin).add_seats(3);
    check(&metrics, "kindred_connections_open{listener=\"admin\"}", "0");
}

/// Everything that can be seen, provoked.
fn observed() -> Observed {
    Observed {
        is_ready: true,
        snapshot: Some(SnapshotState {
            id: "5eed".to_owned(),
            created_s: Some(900),
            sources: vec![SourceState { name: "akeneo".to_owned(), confirmed_s: 700 }],
        }),
        feeds: vec![FeedState { source: "erp".to_owned(), received_s: 990, beyond_gap: 4 }],
        is_journal_writable: true,
        now_s: 1_000,
    }
}

#[test]
fn what_is_looked_up_is_looked_up_at_each_scrape() {
    let metrics = metrics();
    assert_eq!(value(&metrics, "kindred_ready"), None, "nobody knows yet");
    assert_eq!(value(&metrics, "kindred_snapshot_swap_seconds"), None);
    metrics.observe(observed);
    metrics.snapshot_swapped(Duration::from_millis(1_500));
    metrics.snapshot_refused(SnapshotRefusal::Blob);
    check(&metrics, "kindred_snapshot_behind", "0");
    metrics.snapshot_stands(true);
    metrics.catalog_spoiled();
    metrics.shed();
    metrics.spans_dropped(3);
    for (series, expected) in [
        ("kindred_ready", "1"),
        ("kindred_snapshot_info{snapshot_id=\"5eed\"}", "1"),
        ("kindred_snapshot_age_seconds", "100"),
        ("kindred_snapshot_swap_seconds", "1.5"),
        ("kindred_snapshot_refused_total{reason=\"blob\"}", "1"),
        ("kindred_snapshot_refused_total{reason=\"policy\"}", "0"),
        ("kindred_snapshot_behind", "1"),
        ("kindred_catalog_spoiled_total", "1"),
        ("kindred_source_age_seconds{source=\"akeneo\"}", "300"),
        ("kindred_stock_feed_age_seconds{feed=\"erp\"}", "10"),
        ("kindred_stock_feed_batches_beyond_gap{feed=\"erp\"}", "4"),
        ("kindred_stock_journal_writable", "1"),
        ("kindred_shed_total", "1"),
        ("kindred_trace_spans_dropped_total", "3"),
    ] {
        check(&metrics, series, expected);
    }
}

#[test]
fn the_process_is_seen_as_the_system_sees_it() {
    let metrics = metrics();
    let number = |series: &str| value(&metrics, series).unwrap().parse::<f64>().unwrap();
    assert!(number("process_resident_memory_bytes") > 1e6);
    assert!(number("process_start_time_seconds") > 1.7e9);
    let before = number("process_open_fds");
    assert!(before > 2.0 && before < number("process_max_fds"));
    let spent = number("process_cpu_seconds_total");
    while number("process_cpu_seconds_total") <= spent {
        std::hint::black_box(0);
    }
    assert_eq!(resident_bytes("VmSize:\t 9 kB\nVmRSS:\t    12 kB\n"), Some(12 * 1024));
    assert_eq!(resident_bytes("VmRSS:\t12 MB\n"), None);
}

/// The table is what is scraped: no family beside it, none of it missing, each with its kind and labels.
#[test]
fn a_scrape_has_the_families_of_the_table_and_no_others() {
    let metrics = metrics();
    metrics.observe(observed);
    metrics.connections(ListenerKind::Lookup).add_seats(1);
    metrics.snapshot_swapped(Duration::from_secs(1));
    metrics.call(Some(Method::GetRecommendations), super::OK, Duration::ZERO);
    metrics.slot_table(["pdp"], &["de"]).count(Some(0), 0, &FILLED);
    let page = metrics.scrape().unwrap();
    assert!(page.ends_with("# EOF\n"), "{page}");
    let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut found = families.map(str::to_owned).collect::<Vec<_>>();
    found.sort();
    let family = |metric: &names::Metric| {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        };
        format!("{} {kind}", metric.family())
    };
    let mut expected = names::ALL.iter().map(family).collect::<Vec<_>>();
    expected.sort();
    assert_eq!(found, expected);
    for metric in names::ALL {
        let begin = match metric.kind {
            Kind::Histogram => format!("{}_count", metric.name),
            Kind::Counter | Kind::Gauge | Kind::Info => metric.name.to_owned(),
        };
        let of_metric = |line: &&str| {
            line.strip_prefix(&*begin).is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        let line = page.lines().find(of_metric);
        let line = line.unwrap_or_else(|| panic!("no series of {}", metric.name));
        let labels = line.split_once('{').map_or("", |(_, rest)| rest);
        let labels = labels.split(',').filter_map(|one| one.split_once('=')).map(|(name, _)| name);
        assert_eq!(labels.collect::<Vec<_>>(), metric.labels, "{line}");
    }
}
