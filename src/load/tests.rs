//! Goal: nothing is lost or made to look better than it was, and the same seed asks the same. Method:
//! schedules, tallies and files by value; runs against sockets that never answer or go away, which need
//! no clock to be right: only counts are compared.

use std::{
    collections::BTreeMap, net::TcpListener, num::NonZeroU32, sync::Arc, thread, time::Duration,
};

use bytes::Buf as _;
use prost::Message as _;
use tonic::Code;

use super::{
    Asked, LoadError, Options, Percentiles, RateReport, Schedule, framed, length_prefixed,
    machine::{cpu_model, load_average, memory_bytes},
    report::curve,
    run,
    tally::{Tally, Times, histogram},
};
use crate::pb::{self, seed::Target};

fn schedule(units_per_s: u32, units_per_call: u32, warm_up_s: u32, measured_s: u32) -> Schedule {
    let units_per_s = NonZeroU32::new(units_per_s).unwrap();
    let units_per_call = NonZeroU32::new(units_per_call).unwrap();
    Schedule { units_per_s, units_per_call, warm_up_s, measured_s }
}

fn lookup(placement_id: &str) -> pb::GetRecommendationsRequest {
    let lookup = pb::LookupSpec { placement_id: placement_id.to_owned(), ..Default::default() };
    pb::GetRecommendationsRequest { lookup: Some(lookup), ..Default::default() }
}

fn products(seed: u64) -> Asked {
    let ids = (0..100).map(|number| format!("p{number}")).collect();
    Asked::products(vec![lookup("a"), lookup("b")], ids, seed).unwrap()
}

fn answer(snapshot_id: &str, results: usize) -> Vec<u8> {
    let data_version =
        pb::DataVersion { snapshot_id: snapshot_id.to_owned(), ..Default::default() };
    let one = pb::Recommendation { product_id: "x".to_owned(), ..Default::default() };
    pb::GetRecommendationsResponse {
        recommendations: vec![one; results],
        missing_product_ids: vec!["gone".to_owned()],
        data_version: Some(data_version),
        fill_report: Some(pb::FillReport { candidates: 7, ..Default::default() }),
    }
    .encode_to_vec()
}

fn times(intended_us: u64, sent_us: u64, done_us: u64) -> Times {
    let [intended, sent, done] = [intended_us, sent_us, done_us].map(Duration::from_micros);
    Times { intended, sent, done }
}

#[test]
fn starts_are_computed_from_the_beginning_so_no_rounding_adds_up() {
    let third = schedule(3, 1, 0, 10);
    assert_eq!(third.start(1), Duration::from_nanos(333_333_333));
    assert_eq!(third.start(3), Duration::from_secs(1));
    assert_eq!(third.start(3_000_000_000), Duration::from_secs(1_000_000_000));
    assert_eq!(third.calls(), 30);
}

#[test]
fn a_call_belongs_to_the_part_in_which_it_starts() {
    let both = schedule(200, 1, 2, 3);
    assert_eq!((both.warm_up_calls(), both.measured_calls(), both.calls()), (400, 600, 1_000));
    assert_eq!((both.is_measured(399), both.is_measured(400)), (false, true));
    assert_eq!(both.start(400), both.warm_up());
    // Batches of 100 at 150 updates a second: at 0, 2/3 and 4/3 of a second.
    let batches = schedule(150, 100, 1, 1);
    assert_eq!((batches.warm_up_calls(), batches.measured_calls()), (2, 1));
    assert_eq!(batches.start(3), Duration::from_secs(2));
}

#[test]
fn the_same_seed_asks_the_same_and_another_one_does_not() {
    let asked = |seed| (0..500).map(|number| products(seed).request(number)).collect::<Vec<_>>();
    assert_eq!(asked(1), asked(1));
    assert_ne!(asked(1), asked(2));
}

#[test]
fn every_product_is_asked_about_and_slots_come_in_turn() {
    let asked = products(7);
    let mut seen = BTreeMap::<String, u64>::new();
    for number in 0..2_000 {
        let request = asked.request(number);
        let placement = request.lookup.as_ref().unwrap().placement_id.clone();
        assert_eq!(placement, if number % 2 == 0 { "a" } else { "b" });
        let Some(Target::ProductId(id)) = &request.seeds[0].target else { panic!("a product") };
        *seen.entry(id.clone()).or_default() += 1;
        assert_eq!(pb::GetRecommendationsRequest::decode(asked.bytes(number)).unwrap(), request);
    }
    assert_eq!(seen.len(), 100);
}

#[test]
fn recorded_requests_are_asked_in_their_order_from_the_front_again() {
    let recorded = Asked::recorded(vec![lookup("a"), lookup("b"), lookup("c")]).unwrap();
    let found = (0..5).map(|number| recorded.request(number).lookup.unwrap().placement_id);
    assert_eq!(found.collect::<String>(), "abcab");
}

#[test]
fn nothing_to_ask_is_an_error() {
    for nothing in [
        Asked::recorded(Vec::new()),
        Asked::products(vec![lookup("a")], Vec::new(), 1),
        Asked::products(Vec::new(), vec!["p".to_owned()], 1),
    ] {
        assert!(matches!(nothing, Err(LoadError::NothingToAsk)));
    }
}

#[test]
fn the_feed_speaks_of_each_product_of_recorded_requests_once() {
    let seed = |target| pb::Seed { target: Some(target), quantity: 0.0 };
    let product = |id: &str| seed(Target::ProductId(id.to_owned()));
    let category = seed(Target::CategoryId("toys".to_owned()));
    let with = |seeds| pb::GetRecommendationsRequest { seeds, ..lookup("a") };
    let requests = vec![with(vec![product("b"), category]), with(vec![product("a"), product("b")])];
    assert_eq!(Asked::recorded(requests).unwrap().product_ids(), ["a", "b"]);
}

#[test]
fn a_late_call_counts_from_its_intended_start() {
    let mut tally = Tally::default();
    tally.answered(times(1_000_000, 3_000_000, 3_001_000), &answer("s", 1));
    let report = RateReport::new(&schedule(1, 1, 0, 1), &tally);
    let near = |found: u64, expected: u64| found.abs_diff(expected) * 1_000 <= expected;
    assert!(near(report.latency_us.max, 2_001_000), "{:?}", report.latency_us);
    assert!(near(report.delay_us.max, 2_000_000), "{:?}", report.delay_us);
}

#[test]
fn percentiles_of_known_times_are_known() {
    let mut known = histogram();
    (1..=1_000).for_each(|micros| known.record(micros).unwrap());
    let expected = Percentiles { p50: 500, p90: 900, p99: 990, p99_9: 999, max: 1_000 };
    assert_eq!(Percentiles::of(&known), expected);
    let points = curve(&known);
    assert!(
        points.is_sorted_by(|a, b| a.percentile < b.percentile && a.latency_us <= b.latency_us)
    );
    assert_eq!(points.last().map(|last| (last.percentile, last.latency_us)), Some((100.0, 1_000)));
    let halves = points.iter().find(|point| point.percentile == 50.0);
    assert_eq!(halves.unwrap().latency_us, 500);
    assert_eq!(Percentiles::of(&histogram()), Percentiles::default());
    assert_eq!(curve(&histogram()), []);
}

#[test]
fn a_time_beyond_the_histogram_counts_as_the_longest() {
    let mut tally = Tally::default();
    tally.answered(times(0, 0, 8_000_000_000), &answer("s", 1));
    let report = RateReport::new(&schedule(1, 1, 0, 1), &tally);
    assert!(report.latency_us.max >= 3_600_000_000, "{:?}", report.latency_us);
    assert_eq!(report.ok, 1);
}

#[test]
fn answers_are_counted_by_snapshot_size_and_emptiness() {
    let mut tally = Tally::default();
    tally.answered(times(0, 1, 2), &answer("old", 2));
    tally.answered(times(0, 1, 3), &answer("new", 0));
    let mut other = Tally::default();
    other.answered(times(0, 1, 4), &answer("new", 1));
    other.failed(Code::Unavailable);
    other.failed_warming_up(Code::Internal);
    tally.add(&other);
    let report = RateReport::new(&schedule(10, 1, 0, 1), &tally);
    let counts = |pairs: &[(&str, u64)]| {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(report.snapshots, counts(&[("new", 2), ("old", 1)]));
    assert_eq!(report.errors, counts(&[("Unavailable", 1)]));
    assert_eq!(report.warm_up_errors, counts(&[("Internal", 1)]));
    assert_eq!((report.planned, report.ok, report.unsent, report.empty), (10, 3, 6, 1));
    let sizes = [answer("old", 2), answer("new", 0), answer("new", 1)].map(|answer| answer.len());
    let (min, max) = (*sizes.iter().min().unwrap() as u64, *sizes.iter().max().unwrap() as u64);
    let mean = sizes.iter().sum::<usize>() as f64 / 3.0;
    let found = report.answer_bytes;
    assert_eq!((found.min, found.mean, found.max), (min, mean, max));
}

#[test]
fn an_answer_that_is_no_message_is_a_failed_call() {
    let mut tally = Tally::default();
    tally.answered(times(0, 1, 2), &[0xff; 3]);
    let report = RateReport::new(&schedule(1, 1, 0, 1), &tally);
    assert_eq!((report.ok, report.errors.get("DataLoss")), (0, Some(&1)));
}

/// A report of 100 calls in a second, of which so many were answered, the last one then.
fn report(ok: u64, last_us: u64) -> RateReport {
    let mut tally = Tally::default();
    (0..ok).for_each(|_| tally.answered(times(0, 0, last_us), &answer("s", 1)));
    RateReport::new(&schedule(100, 1, 0, 1), &tally)
}

#[test]
fn a_run_fails_below_95_percent_of_its_rate_or_by_any_call() {
    assert_eq!(report(100, 1_000_000).failures(), [] as [&str; 0]);
    // All were answered, but it took longer than the rate allows.
    assert_eq!(report(100, 1_052_000).failures(), [] as [&str; 0]);
    let slow = report(100, 1_060_000).failures();
    assert!(matches!(&slow[..], [one] if one.contains("94.3 % of what was meant")), "{slow:?}");
    let unsent = report(99, 1_000_000).failures();
    assert_eq!(unsent, ["100/s: 1 calls could not be sent in time"]);
    let mut failed = report(100, 1_000_000);
    failed.errors.insert("Unavailable".to_owned(), 2);
    assert_eq!(failed.failures(), ["100/s: calls failed: 2 Unavailable"]);
    let mut warming = report(100, 1_000_000);
    warming.warm_up_errors.insert("Internal".to_owned(), 1);
    assert_eq!(warming.failures(), ["100/s: warm-up calls failed: 1 Internal"]);
}

#[test]
fn a_feed_fails_by_batches_updates_and_rate() {
    let with = |stock: super::FeedReport| {
        let report = RateReport { stock: Some(stock), ..report(100, 1_000_000) };
        report.failures().join("; ")
    };
    let good =
        || super::FeedReport { intended_per_s: 200, acked_per_s: 190.0, ..Default::default() };
    assert_eq!(with(good()), "");
    let mut refused = good();
    refused.errors.insert("ResourceExhausted".to_owned(), 1);
    assert_eq!(with(refused), "100/s: batches of stock failed: 1 ResourceExhausted");
    let rejected = super::FeedReport { rejected_updates: 3, ..good() };
    assert_eq!(with(rejected), "100/s: 3 updates of stock were rejected");
    assert!(with(super::FeedReport { acked_per_s: 189.0, ..good() }).contains("94.5 %"));
}

#[test]
fn files_of_other_tools_decode_back_to_the_requests() {
    let asked = products(3);
    let requests = (0..50).map(|number| asked.request(number)).collect::<Vec<_>>();
    let bytes = length_prefixed(&requests);
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while rest.has_remaining() {
        found.push(pb::GetRecommendationsRequest::decode_length_delimited(&mut rest).unwrap());
    }
    assert_eq!(found, requests);
    let body = framed(&requests[0]).unwrap();
    assert_eq!(body[0], 0, "no compression");
    assert_eq!((&body[1..5]).get_u32() as usize, body.len() - 5);
    assert_eq!(pb::GetRecommendationsRequest::decode(&body[5..]).unwrap(), requests[0]);
    let exclude_product_ids = vec!["x".repeat(1 << 20); 8];
    let large = pb::GetRecommendationsRequest { exclude_product_ids, ..Default::default() };
    assert_eq!(framed(&large), None);
}

#[test]
fn the_machine_is_read_as_the_kernel_writes_it() {
    let cpus = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: fpu\nmodel name\t: other\n";
    assert_eq!(cpu_model(cpus), "AMD EPYC");
    assert_eq!(cpu_model("processor : 0\nModel : Raspberry Pi 5\n"), "Raspberry Pi 5");
    assert_eq!(cpu_model(""), "");
    assert_eq!(load_average("0.50 1.25 3.00 2/345 6789\n"), [0.5, 1.25, 3.0]);
    assert_eq!(load_average(""), [0.0; 3]);
    let memory = "MemTotal: 100 kB\nMemAvailable:    50 kB\nCached: 7 kB\nSwapCached: 9 kB\n";
    assert_eq!(memory_bytes(memory, "MemAvailable"), 51_200);
    assert_eq!(memory_bytes(memory, "Cached"), 7_168);
    assert_eq!(memory_bytes(memory, "Nothing"), 0);
}

/// One connection; nothing is given up before its time.
fn options(in_flight_max: usize, call_wait: Duration) -> Options {
    let drain_wait = Duration::from_secs(60);
    Options { connections: 1, threads: 1, in_flight_max, call_wait, drain_wait }
}

fn lost(report: &RateReport) -> u64 {
    report.planned - report.ok - report.errors.values().sum::<u64>() - report.unsent
}

#[test]
fn calls_over_the_bound_are_late_or_unsent_but_never_dropped() {
    // It never accepts: the system takes the connection, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let asked = Arc::new(products(1));
    let options = Options { drain_wait: Duration::ZERO, ..options(1, Duration::from_millis(50)) };
    let report =
        run(&address.as_str().into(), &asked, schedule(100, 1, 0, 1), None, options).unwrap();
    assert_eq!((report.planned, report.ok, lost(&report)), (100, 0, 0), "{report:?}");
    // A hundred calls of 50 ms, one at a time, do not go into the second they were meant for.
    assert!(report.late > 0 && report.unsent > 0, "{report:?}");
    assert!(report.errors.contains_key("DeadlineExceeded"), "{report:?}");
    assert!(report.failures().iter().any(|one| one.contains("could not be sent")), "{report:?}");
}

#[test]
fn a_server_that_goes_away_gives_errors_by_code() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let gone = thread::spawn(move || drop(listener.accept().unwrap()));
    let asked = Arc::new(products(1));
    let options = options(100, Duration::from_secs(5));
    let report =
        run(&address.as_str().into(), &asked, schedule(100, 1, 0, 1), None, options).unwrap();
    gone.join().unwrap();
    assert_eq!((report.ok, lost(&report), report.unsent), (0, 0, 0), "{report:?}");
    assert!(report.errors.contains_key("Unavailable"), "{report:?}");
    assert_eq!(report.failures().len(), 2, "errors and the rate: {:?}", report.failures());
}

#[test]
fn a_server_that_is_not_there_is_an_error_before_the_run() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let asked = Arc::new(products(1));
    let options = options(1, Duration::from_secs(1));
    let found = run(&nobody.as_str().into(), &asked, schedule(1, 1, 0, 1), None, options);
    assert!(matches!(&found, Err(LoadError::Client(error)) if error.to_string().contains(&nobody)));
}
