//! How a server begins and ends under load: it serves nothing that it has not verified, it fails no
//! call of a client that honours GOAWAY, and who hangs does not keep it.

use std::{
    fs,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use prost::Message as _;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    Tier,
    asker::{Asker, Told},
    calls::{CROSS_SELL, answer, asking, block_on, channel, client, endlessly},
    raw::{DATA, END_HEADERS, END_STREAM, GET, HEADERS, PING, Raw, call_headers, frame, framed},
    readings::pass,
    server::Server,
    serving,
    shop::{DEMO_TABLES, Shop, replace},
};

const DRAIN_WAIT: Duration = Duration::from_millis(500);
/// What an end may take beyond it.
const SLACK: Duration = Duration::from_secs(1);

/// What the log says of a snapshot that is not served.
const REFUSED: &str = "Snapshot is refused.";

/// Peers that would keep a server for ever.
fn hangers(address: SocketAddr) -> Vec<Raw> {
    let silent = Raw::silent(address).unwrap();
    // It never acknowledges a ping.
    let deaf = Raw::connected(address, &[]).unwrap();
    let mut watch = Raw::connected(address, &[]).unwrap();
    let headers = call_headers("/grpc.health.v1.Health/Watch", &[]);
    let body = frame(DATA, END_STREAM, 1, &framed(0, &[]));
    watch.write(&[frame(HEADERS, END_HEADERS, 1, &headers), body].concat()).unwrap();
    let mut stock = Raw::connected(address, &[]).unwrap();
    let headers = call_headers("/kindred.v1.AvailabilityService/ReplaceAvailability", &[]);
    stock.write(&frame(HEADERS, END_HEADERS, 1, &headers)).unwrap();
    vec![silent, deaf, watch, stock]
}

/// What a client that honours GOAWAY saw.
#[derive(Default)]
struct Calls {
    first: usize,
    second: usize,
    failed: Vec<Told>,
}

/// Calls one server until it says GOAWAY, then the other one; what the GOAWAY left out is asked again.
fn calls(first: SocketAddr, second: SocketAddr, is_over: &AtomicBool) -> Calls {
    endlessly(async {
        let body = framed(0, &asking(&[CROSS_SELL], &["toy-car"]).encode_to_vec());
        let (mut seen, mut is_second) = (Calls::default(), false);
        let mut asker = Asker::connect(first).await.unwrap();
        while !is_over.load(Ordering::Relaxed) {
            match asker.ask(GET, &[], body.clone()).await {
                Told::Status(0) if is_second => seen.second += 1,
                Told::Status(0) => seen.first += 1,
                Told::GoAway(0) if !is_second => {
                    asker = Asker::connect(second).await.unwrap();
                    is_second = true;
                }
                other @ (Told::Status(_)
                | Told::Http(_)
                | Told::Reset(_)
                | Told::GoAway(_)
                | Told::Nothing) => seen.failed.push(other),
            }
        }
        seen
    })
}

/// As many pings as a connection may send for nothing, so that it always has more to read.
fn chatter(address: SocketAddr, is_over: &AtomicBool) {
    let mut raw = Raw::connected(address, &[]).unwrap();
    let mut reader = raw.other();
    thread::scope(|scope| {
        scope.spawn(move || reader.read_to_end(Duration::from_secs(20)));
        let pings = frame(PING, 0, 0, &[0; 8]).repeat(10);
        while !is_over.load(Ordering::Relaxed) && raw.write(&pings).is_ok() {
            pass(Duration::from_millis(1));
        }
        raw.close();
    });
}

pub(crate) fn sigterms(tier: Tier) -> String {
    // In memory: a disk that is busy with others' writes holds up whoever syncs, and its end.
    let (count, shop) = (tier.of(5, 100), Shop::in_memory());
    shop.kindred(&["compile", "--from", &format!("demo:kindred={DEMO_TABLES}")]).succeeded();
    let second = Server::listening(&mut serving(&shop, "second"));
    let (mut all, mut slowest) = (Calls::default(), Duration::ZERO);
    for _ in 0..count {
        let wait = DRAIN_WAIT.as_millis().to_string();
        let first = Server::listening(serving(&shop, "first").env("KINDRED_DRAIN_WAIT_MS", wait));
        let (address, is_over) = (first.address, AtomicBool::new(false));
        let hanging = hangers(address);
        thread::scope(|scope| {
            let call = || calls(address, second.address, &is_over);
            let clients = [scope.spawn(call), scope.spawn(call)];
            scope.spawn(|| chatter(address, &is_over));
            pass(Duration::from_millis(300));
            let begun = Instant::now();
            let (code, log) = first.ended_saying();
            assert_eq!(code, Some(0));
            let took = begun.elapsed();
            slowest = slowest.max(took);
            if took > DRAIN_WAIT + SLACK {
                // Its times say which step took so long.
                println!(
                    "an end took {took:?}:\n{}",
                    log[log.len().saturating_sub(12)..].join("\n")
                );
            }
            // The second one takes over.
            pass(Duration::from_millis(50));
            is_over.store(true, Ordering::Relaxed);
            for client in clients {
                let seen = client.join().unwrap();
                assert!(seen.first > 0 && seen.second > 0, "a client called both");
                all.first += seen.first;
                all.second += seen.second;
                all.failed.extend(seen.failed);
            }
        });
        drop(hanging);
    }
    assert!(all.failed.is_empty(), "{} calls failed: {:?}", all.failed.len(), all.failed);
    assert!(slowest <= DRAIN_WAIT + SLACK, "an end took {slowest:?}");
    assert_eq!(second.ended(), Some(0));
    format!(
        "{count} ends, the slowest in {slowest:.0?} of {DRAIN_WAIT:?} + {SLACK:?}; {} calls of the one that ended, {} of the other, 0 failed",
        all.first, all.second
    )
}

/// What the health service says of the server.
async fn says(address: SocketAddr) -> ServingStatus {
    let mut client = HealthClient::new(channel(address).await);
    let answer = client.check(HealthCheckRequest::default()).await.unwrap();
    answer.into_inner().status()
}

/// Half of the starts find a snapshot that is sound but for one bit, which only its verification can
/// see: a server that says SERVING before it has verified says so here, however fast it verifies.
pub(crate) fn starts(tier: Tier) -> String {
    let (count, shop) = (tier.of(20, 200), Shop::demo());
    let file = shop.catalog_file();
    let sound = fs::read(&file).unwrap();
    let (mut asked, mut before) = (0_usize, 0_usize);
    for start in 0..count {
        let is_sound = start % 2 == 0;
        let mut bytes = sound.clone();
        if !is_sound {
            let at = bytes.len() * (start + 1) / (count + 2);
            bytes[at] ^= 1;
        }
        replace(&file, &bytes);
        let mut server = Server::starting(&shop);
        let (address, is_over) = (server.address, AtomicBool::new(false));
        thread::scope(|scope| {
            let poll = scope.spawn(|| {
                let mut said = 0;
                while !is_over.load(Ordering::Relaxed) {
                    if block_on(says(address)) == ServingStatus::Serving {
                        // Who says so answers.
                        let request = asking(&[CROSS_SELL], &["toy-car"]);
                        block_on(async { answer(&mut client(address).await, request).await });
                        return (said, true);
                    }
                    said += 1;
                    pass(Duration::from_millis(1));
                }
                (said, false)
            });
            server.log.until(if is_sound { "Snapshot is live." } else { REFUSED });
            if !is_sound {
                pass(Duration::from_millis(50));
                is_over.store(true, Ordering::Relaxed);
            }
            let (said, is_serving) = poll.join().unwrap();
            assert_eq!(is_serving, is_sound, "start {start}");
            asked += said + usize::from(is_serving);
            before += said;
        });
        assert_eq!(server.ended(), Some(0));
    }
    format!(
        "{count} starts, half of them on a snapshot with one wrong bit: {asked} polls, {before} before SERVING"
    )
}
