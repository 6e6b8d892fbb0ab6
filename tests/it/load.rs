//! `kindred load`: every call of the schedule is accounted for, and what failed decides the exit code.
//! Counts are compared, never times: a busy machine may miss a rate, and then the program says so.

use std::{fs, process::Stdio};

use bytes::Buf as _;
use kindred::pb;
use prost::Message as _;
use serde_json::{Value, json};

use crate::{
    calls::{block_on, client},
    command::{Run, kindred, program},
    server::{Server, eventually},
    shop::Shop,
};

fn load(server: &Server, options: &[&str]) -> Run {
    let to = server.address.to_string();
    kindred(["load", "--to", &to, "--json"].iter().chain(options))
}

/// The report of a run in which nothing failed but, on a busy machine, the rate.
#[track_caller]
fn report(run: Run) -> Value {
    let report: Value = serde_json::from_str(&run.out).expect("the report is JSON");
    let failures = report["failures"].as_array().unwrap().clone();
    for failure in &failures {
        let failure = failure.as_str().unwrap();
        assert!(failure.contains("of what was meant"), "{failure}");
        assert!(run.err.contains(failure), "{}", run.err);
    }
    assert_eq!(run.code, Some(i32::from(!failures.is_empty())), "{}", run.err);
    report
}

/// Of each rate: planned, answered, unsent, kinds of errors.
fn counts(report: &Value) -> Vec<Value> {
    let rates = report["rates"].as_array().unwrap().iter();
    let counts = rates.map(|rate| {
        let kinds = rate["errors"].as_object().unwrap().len();
        json!([rate["planned"], rate["ok"], rate["unsent"], kinds])
    });
    counts.collect()
}

#[test]
fn a_short_run_answers_every_call_of_its_schedule() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let page = shop.path("load.html");
    let options = ["--rate", "200,300", "--seconds", "1", "--warm-up", "1", "--threads", "2"];
    let html = ["--html", page.to_str().unwrap()];
    let report = report(load(&server, &[&options[..], &html].concat()));
    assert_eq!(counts(&report), [json!([200, 200, 0, 0]), json!([300, 300, 0, 0])]);
    let id = shop.snapshot().id().to_string();
    assert_eq!(report["snapshot_id"], id);
    assert_eq!(report["rates"][0]["snapshots"], json!({ id: 200 }));
    // The demo has best sellers, and they lead to most of it.
    assert!(report["asked"].as_u64().unwrap() >= 200, "{}", report["asked"]);
    assert!(report["machine_before"]["cpus"].as_u64().unwrap() > 0);
    assert_eq!(report["kindred_version"], env!("CARGO_PKG_VERSION"));
    let curve = report["rates"][0]["curve"].as_array().unwrap();
    assert_eq!(curve.last().unwrap()["percentile"], 100.0);
    let page = fs::read_to_string(page).unwrap();
    for part in ["Content-Security-Policy", "<svg", "<polyline", "200/s", "300/s", "</html>"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "{page}");
}

#[test]
fn the_feed_of_stock_needs_a_yes_and_is_taken_back() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    let said = || kindred(["stock", "export", "--from", &to]).succeeded().out.lines().count();
    let options = ["--rate", "50", "--seconds", "1", "--warm-up", "0", "--stock-rate", "1000"];
    load(&server, &options).ended(2).complained(&["--yes-change-stock"]);
    for (batch, batches) in [(&[] as &[&str], 10), (&["--stock-batch", "250"] as &[&str], 4)] {
        let options = [&options[..], &["--yes-change-stock"], batch].concat();
        let report = report(load(&server, &options));
        let stock = &report["rates"][0]["stock"];
        let counts = (&stock["planned"], &stock["acked"]);
        assert_eq!(counts, (&json!(batches), &json!(batches)), "{stock}");
        let wrong = (&stock["errors"], &stock["rejected_updates"]);
        assert_eq!(wrong, (&json!({}), &json!(0)), "{stock}");
        assert_eq!(said(), 1, "the header only");
    }
    let too_large = [&options[..], &["--yes-change-stock", "--stock-batch", "10001"]].concat();
    load(&server, &too_large).ended(1).complained(&["expected 1 to 10000, found 10001"]);
}

#[test]
fn recorded_requests_and_lists_of_ids_are_asked() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let replayed =
        "{\"lookup\":{\"relation_types\":[1]},\"seeds\":[{\"product_id\":\"toy-car\"}]}\n";
    shop.write("recorded.ndjson", replayed);
    let file = shop.table("recorded.ndjson");
    let short = ["--rate", "50", "--seconds", "1", "--warm-up", "0"];
    let run = load(&server, &[&short[..], &["--replay", file.to_str().unwrap()]].concat());
    let found = report(run);
    assert_eq!(counts(&found), [json!([50, 50, 0, 0])]);
    assert_eq!((&found["asked"], &found["rates"][0]["empty"]), (&json!(1), &json!(0)));
    shop.write("ids.txt", "toy-car\nno-such-product\n");
    let file = shop.table("ids.txt");
    let ids = ["--ids", file.to_str().unwrap(), "--type", "cross_sell"];
    let found = report(load(&server, &[&short[..], &ids].concat()));
    assert_eq!(counts(&found), [json!([50, 50, 0, 0])]);
    let empty = found["rates"][0]["empty"].as_u64().unwrap();
    assert!((1..50).contains(&empty), "the product that is unknown has none, {empty}");
}

#[test]
fn a_call_that_is_refused_fails_the_run_by_its_code() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let options = ["--rate", "20", "--seconds", "1", "--warm-up", "0", "--slots", "no-such-slot"];
    let run = load(&server, &options).ended(1).complained(&["20 InvalidArgument"]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["rates"][0]["errors"], json!({ "InvalidArgument": 20 }));
    assert_eq!(report["rates"][0]["latency_us"]["max"], 0, "a refusal is no answer");
}

#[test]
fn a_server_that_goes_away_is_told_by_code_and_exit_code() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    let options = ["--rate", "100", "--seconds", "5", "--warm-up", "0", "--connections", "4"];
    let mut command = program();
    command.args(["load", "--to", &to, "--json"]).args(options);
    let asker = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Before the run it has one connection at a time.
    let port = format!(":{:04X}", server.address.port());
    let connections = || {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Local address, remote address, state; 01 is established.
        rows.filter(|row| row[2].ends_with(&port) && row[3] == "01").count()
    };
    eventually(connections, |count| *count >= 4);
    server.signal("KILL");
    let output = asker.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("Unavailable"), "{err}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    let rate = &report["rates"][0];
    let errors = rate["errors"].as_object().unwrap();
    let failed = errors.values().map(|count| count.as_u64().unwrap()).sum::<u64>();
    let [planned, ok, unsent] = ["planned", "ok", "unsent"].map(|key| rate[key].as_u64().unwrap());
    assert!(errors.contains_key("Unavailable"), "{rate}");
    assert_eq!((planned, ok + failed + unsent), (500, 500), "{rate}");
}

#[test]
fn files_for_other_tools_hold_requests_that_the_server_answers() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    let write = |dir: &str, seed: &str| {
        let out = shop.path(dir);
        let args = ["load", "files", "--to", &to, "--count", "20", "--seed", seed, "--out"];
        let run = kindred(args.iter().copied().chain([out.to_str().unwrap()])).succeeded();
        ["ghz.json", "ghz.bin", "h2load.bin"].map(|name| {
            let path = out.join(name);
            assert!(run.out.contains(path.to_str().unwrap()), "{}", run.out);
            fs::read(path).unwrap()
        })
    };
    let [ghz_json, ghz_binary, body] = write("first", "1");
    assert_eq!(write("again", "1"), [ghz_json.clone(), ghz_binary.clone(), body.clone()]);
    assert_ne!(write("other", "2")[1], ghz_binary);
    let (mut rest, mut requests) = (&ghz_binary[..], Vec::new());
    while !rest.is_empty() {
        requests.push(pb::GetRecommendationsRequest::decode_length_delimited(&mut rest).unwrap());
    }
    assert_eq!(requests.len(), 20);
    let json: Vec<Value> = serde_json::from_slice(&ghz_json).unwrap();
    let from_json = json.iter().map(|one| {
        kindred::service::from_json("GetRecommendationsRequest", &one.to_string()).unwrap()
    });
    assert_eq!(from_json.collect::<Vec<pb::GetRecommendationsRequest>>(), requests);
    assert_eq!(body[0], 0, "no compression");
    assert_eq!((&body[1..5]).get_u32() as usize, body.len() - 5);
    assert_eq!(pb::GetRecommendationsRequest::decode(&body[5..]).unwrap(), requests[0]);
    block_on(async {
        let mut client = client(server.address).await;
        for request in requests {
            let answer = client.get_recommendations(request).await.unwrap().into_inner();
            assert_eq!(answer.missing_product_ids, [] as [&str; 0]);
        }
    });
}

#[test]
fn what_cannot_be_run_is_said_before_anything_is_sent() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    load(&server, &["--connections", "0"]).ended(1).complained(&["--connections: expected 1 to"]);
    load(&server, &["--rate", "2000000"]).ended(1).complained(&["--rate: expected 1 to 1000000"]);
    load(&server, &["--rate", "0"]).ended(2).complained(&["--rate"]);
    shop.write("ids.txt", "\n\n");
    let file = shop.table("ids.txt");
    let run = load(&server, &["--ids", file.to_str().unwrap()]).ended(1);
    run.complained(&["expected at least one product or request"]);
    shop.write("recorded.ndjson", "{\"lookup\":{}}\n{\"looked\":{}}\n");
    let file = shop.table("recorded.ndjson");
    let run = load(&server, &["--replay", file.to_str().unwrap()]).ended(1);
    run.complained(&["recorded.ndjson", "line 2", "looked"]);
    let to = server.address.to_string();
    drop(server);
    kindred(["load", "--to", &to]).ended(1).complained(&[&to, "cannot be reached"]);
}
