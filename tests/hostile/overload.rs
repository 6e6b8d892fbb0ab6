//! More calls than there is room for: what is answered is answered in time, the rest is told at once, and
//! it passes.
//!
//! Meanwhile health is asked on both listeners, and the blocks on that of operators: neither is refused.
//!
//! The calls are full pages of many seeds, which cost the server much more than a refusal does; of calls
//! that cost no more than their transport, refusing some gains nothing for the others. Capacity is what
//! few calls at once reach, measured here on the same machine in the same minute, and all other figures are
//! ratios to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    Tier,
    asker::{Asker, Told},
    calls::endlessly,
    hangers::page,
    raw::{BATCH_GET, framed},
    server::{Server, serve},
    shop::Shop,
};

const OK: Told = Told::Status(0);
const RESOURCE_EXHAUSTED: Told = Told::Status(8);

/// Connections over which calls are spread.
const CONNECTIONS: usize = 8;

/// Calls at once while capacity is measured: the runtime is never idle, and nobody waits for long.
const AT_ONCE: usize = 2;

/// How often operators ask meanwhile.
const OPERATORS_PACE: Duration = Duration::from_millis(50);
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const BLOCKED: &str = "/kindred.v1.AvailabilityService/ListBlockedProducts";

/// What a span of calls came to.
#[derive(Debug, Default)]
struct Span {
    seconds: f64,
    /// Milliseconds from the intended start, of calls that were answered; sorted.
    answered: Vec<f64>,
    refused: usize,
    others: Vec<Told>,
    /// Refused ones that were to begin in the last half of the span.
    refused_late: usize,
}

impl Span {
    fn per_s(&self) -> f64 {
        self.answered.len() as f64 / self.seconds
    }

    fn p99_ms(&self) -> f64 {
        self.answered.get(self.answered.len() * 99 / 100).copied().unwrap_or(f64::INFINITY)
    }
}

struct Load {
    askers: Vec<Asker>,
    body: Bytes,
}

impl Load {
    async fn connect(address: SocketAddr) -> Self {
        let mut askers = Vec::new();
        for _ in 0..CONNECTIONS {
            askers.push(Asker::connect(address).await.unwrap());
        }
        Self { askers, body: framed(0, &page().encode_to_vec()).into() }
    }

    /// A few calls at once, each as soon as the one before it has ended.
    async fn closed(&self, span: Duration) -> Span {
        let (begun, permits) = (Instant::now(), Arc::new(Semaphore::new(AT_ONCE)));
        let mut all = JoinSet::new();
        for call in 0.. {
            let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
            if begun.elapsed() >= span {
                break;
            }
            let (asker, body) = (self.askers[call % CONNECTIONS].clone(), self.body.clone());
            all.spawn(async move {
                let begun = Instant::now();
                let told = asker.ask(BATCH_GET, &[], body).await;
                drop(permit);
                (told, begun.elapsed(), false)
            });
        }
        collect(all, begun).await
    }

    /// So many calls a second, each at its time, whatever became of those before.
    async fn open(&self, per_s: f64, span: Duration) -> Span {
        let begun = Instant::now();
        let mut all = JoinSet::new();
        for call in 0..(per_s * span.as_secs_f64()) as usize {
            let offset = Duration::from_secs_f64(call as f64 / per_s);
            let at = begun + offset;
            sleep_until(at).await;
            let (asker, body) = (self.askers[call % CONNECTIONS].clone(), self.body.clone());
            let is_late = offset > span / 2;
            all.spawn(async move {
                let told = asker.ask(BATCH_GET, &[], body).await;
                (told, at.elapsed(), is_late)
            });
        }
        collect(all, begun).await
    }
}

async fn collect(all: JoinSet<(Told, Duration, bool)>, begun: Instant) -> Span {
    let mut span = Span::default();
    for (told, took, is_late) in all.join_all().await {
        if told == OK {
            span.answered.push(took.as_secs_f64() * 1e3);
        } else if told == RESOURCE_EXHAUSTED {
            span.refused += 1;
            span.refused_late += usize::from(is_late);
        } else {
            span.others.push(told);
        }
    }
    span.seconds = begun.elapsed().as_secs_f64();
    span.answered.sort_by(f64::total_cmp);
    span
}

pub(crate) fn overload(tier: Tier) -> String {
    let (span, shop) = (Duration::from_secs(tier.of(4, 30)), Shop::demo());
    let mut command = serve(&shop, "state");
    // One runtime, so that there is a core for who asks; refusals as they are by default.
    command.env("KINDRED_RUNTIMES", "1").env("KINDRED_SHED_AFTER_MS", "5");
    command.env("KINDRED_ADMIN_LISTEN", "127.0.0.1:0");
    let mut server = Server::listening(&mut command);
    let line = server.out.until("stock, blocks and snapshots on ");
    let admin = line.rsplit(' ').next().unwrap().parse().unwrap();
    let mut tries = 0;
    let counts = loop {
        tries += 1;
        match measured(server.address, admin, span) {
            Ok(counts) => break counts,
            // Somebody else's minute on a shared machine.
            Err(reason) if tries < 3 => println!("once more: {reason}"),
            Err(reason) => panic!("{reason}"),
        }
    };
    assert_eq!(server.ended(), Some(0));
    counts
}

/// Asks for so long what operators ask, and gives how often and the longest wait. All of it is answered.
async fn operators(lookups: SocketAddr, admin: SocketAddr, span: Duration) -> (usize, Duration) {
    let (begun, mut asked, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    let lookups = Asker::connect(lookups).await.unwrap();
    let admin = Asker::connect(admin).await.unwrap();
    while begun.elapsed() < span {
        for (asker, path) in [(&lookups, HEALTH), (&admin, HEALTH), (&admin, BLOCKED)] {
            let before = Instant::now();
            assert_eq!(asker.ask(path, &[], framed(0, &[])).await, OK, "{path}");
            slowest = slowest.max(before.elapsed());
            asked += 1;
        }
        tokio::time::sleep(OPERATORS_PACE).await;
    }
    (asked, slowest)
}

/// One go; what was not as promised.
fn measured(address: SocketAddr, admin: SocketAddr, span: Duration) -> Result<String, String> {
    let (closed, half, over, after, (asked, slowest)) = endlessly(async {
        let load = Load::connect(address).await;
        load.closed(span / 4).await;
        let closed = load.closed(span / 2).await;
        let half = load.open(closed.per_s() / 2.0, span / 2).await;
        let operators = tokio::spawn(operators(address, admin, span));
        let over = load.open(closed.per_s() * 3.0, span).await;
        let operators = operators.await.unwrap();
        let after = load.open(closed.per_s() / 2.0, Duration::from_secs(4)).await;
        (closed, half, over, after, operators)
    });
    let others = [&closed, &half, &over, &after].map(|span| span.others.first());
    assert_eq!(others, [None; 4], "each call is answered or told that the server is busy");
    let counts = format!(
        "capacity {:.0}/s; at half p99 {:.1} ms; at three times {:.0} % of it answered, p99 {:.1} ms, {} told to come \
         again; then p99 {:.1} ms, {} refused after 2 s; \
         {asked} questions of operators answered, the slowest in {slowest:?}",
        closed.per_s(),
        half.p99_ms(),
        over.per_s() / closed.per_s() * 100.0,
        over.p99_ms(),
        over.refused,
        after.p99_ms(),
        after.refused_late,
    );
    // Ten milliseconds are what a shared machine takes from one of two processes at a time.
    let is_right = closed.refused == 0
        && over.per_s() >= 0.8 * closed.per_s()
        && over.p99_ms() <= (5.0 * half.p99_ms()).max(half.p99_ms() + 10.0)
        && over.refused > 0
        && after.refused_late == 0;
    if is_right { Ok(counts) } else { Err(counts) }
}
