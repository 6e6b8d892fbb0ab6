//! Calls with deadlines from a microsecond to fifty milliseconds: each is answered in time or told that
//! it is late, and a deadline that is none is refused.

use std::{net::SocketAddr, time::Duration};

use prost::Message as _;
use tokio::time::Instant;

use crate::{
    Tier,
    asker::{Asker, Told},
    calls::endlessly,
    chance::Chance,
    hangers::page,
    raw::{BATCH_GET, framed},
    shop::Shop,
    started,
};

const OK: Told = Told::Status(0);
const INVALID_ARGUMENT: Told = Told::Status(3);
const DEADLINE_EXCEEDED: Told = Told::Status(4);

/// An answer that was begun in time may be so much later than its deadline and the control.
const SLACK: Duration = Duration::from_millis(5);

/// Calls at once on one connection, so that they wait for each other.
const AT_ONCE: usize = 16;

/// One call of a page, if it may take `wait`; what was told, and how long it took.
async fn call(asker: &Asker, body: &[u8], wait: Option<Duration>) -> (Told, Duration) {
    let value = wait.map(|wait| format!("{}u", wait.as_micros()));
    let header = value.as_ref().map(|value| ("grpc-timeout", value.as_bytes()));
    let begun = Instant::now();
    let told = asker.ask(BATCH_GET, header.as_slice(), body.to_vec()).await;
    (told, begun.elapsed())
}

/// So many calls with these deadlines, some at once.
async fn calls(
    address: SocketAddr,
    body: &[u8],
    waits: &[Option<Duration>],
) -> Vec<(Option<Duration>, Told, Duration)> {
    let asker = Asker::connect(address).await.unwrap();
    let mut all = Vec::new();
    for some in waits.chunks(AT_ONCE) {
        let mut tasks = tokio::task::JoinSet::new();
        for wait in some.iter().copied() {
            let (asker, body) = (asker.clone(), body.to_vec());
            tasks.spawn(async move {
                let (told, took) = call(&asker, &body, wait).await;
                (wait, told, took)
            });
        }
        all.extend(tasks.join_all().await);
    }
    all
}

pub(crate) fn deadlines(tier: Tier) -> String {
    let (count, shop) = (tier.of(2_000, 10_000), Shop::demo());
    let server = started(&shop);
    let body = framed(0, &page().encode_to_vec());
    let mut chance = Chance::new(7);
    // Evenly over the powers, since most of what goes wrong goes wrong below a millisecond.
    let waits = (0..count)
        .map(|_| Some(Duration::from_micros(1 << chance.below(16)).min(Duration::from_millis(50))));
    let waits = waits.collect::<Vec<_>>();
    let (ok, late, slowest) = endlessly(async {
        let mut tries = 0;
        loop {
            // As many at once without a deadline: from the first of their answers to the last.
            let control = calls(server.address, &body, &vec![None; 50 * AT_ONCE]).await;
            let unanswered = control.iter().find(|(_, told, _)| *told != OK);
            assert!(unanswered.is_none(), "the control is answered: {unanswered:?}");
            let mut took = control.iter().map(|(.., took)| *took).collect::<Vec<_>>();
            took.sort();
            let control = took[took.len() * 99 / 100];
            let all = calls(server.address, &body, &waits).await;
            let known = |told: &Told| [OK, DEADLINE_EXCEEDED].contains(told);
            let others = all.iter().filter(|(_, told, _)| !known(told)).collect::<Vec<_>>();
            assert!(others.is_empty(), "{others:?}");
            let ok = all.iter().filter(|(_, told, _)| *told == OK);
            let over = ok.clone().map(|(wait, _, took)| took.saturating_sub(wait.unwrap()));
            let slowest = over.max().unwrap_or_default();
            tries += 1;
            if slowest <= control + SLACK || tries == 2 {
                assert!(slowest <= control + SLACK, "{slowest:?} late, control {control:?}");
                let ok = ok.count();
                assert!(all.iter().any(|(_, told, _)| *told == DEADLINE_EXCEEDED), "some are late");
                return (ok, all.len() - ok, format!("{slowest:?}, control {control:?}"));
            }
            println!("once more: {slowest:?} late, control {control:?}");
        }
    });
    let bad = ["", "1", "u", "-1u", "1.5S", "1 S", "123456789u", "1s", "zzz", "1µ", "0x1u", "1uu"];
    endlessly(async {
        let asker = Asker::connect(server.address).await.unwrap();
        for value in bad {
            let header = [("grpc-timeout", value.as_bytes())];
            let told = asker.ask(BATCH_GET, &header, body.clone()).await;
            assert_eq!(told, INVALID_ARGUMENT, "grpc-timeout: {value:?}");
        }
    });
    assert_eq!(server.ended(), Some(0));
    format!(
        "{count} calls: {ok} answered, {late} DEADLINE_EXCEEDED, the latest answer {slowest} after its deadline; {} bad values refused",
        bad.len()
    )
}
