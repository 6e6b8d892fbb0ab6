//! More calls than there is room for: what is answered is answered in time, the rest is told at once, and
//! it passes.
//!
//! Meanwhile health is asked on both listeners, and the blocks on that of operators: neither is refused.
//!
//! The calls are pages of four hundred seeds each, which cost the server about a millisecond and much more than a
//! refusal; of calls that cost no more than their transport, refusing some gains nothing for the others.
//! Capacity is what a few calls at once reach, measured here on the same machine in the same minute, and all
//! other figures are ratios to it.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use kindred::{model::limits::SEEDS_MAX, pb};
use prost::Message as _;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    Tier,
    asker::{Asker, Told},
    calls::{CROSS_SELL, UP_SELL, asking, endlessly},
    command::kindred,
    raw::{BATCH_GET, framed},
    server::{Server, serve},
    shop::Shop,
};

const OK: Told = Told::Status(0);
const RESOURCE_EXHAUSTED: Told = Told::Status(8);

/// Connections over which calls are spread.
const CONNECTIONS: usize = 8;

/// Calls at once while capacity is measured: the runtime is never idle, and nobody waits for long.
const AT_ONCE: usize = 4;

/// Pages that are asked in turns.
const PAGES: usize = 64;
const SLOTS: usize = 8;

/// How often operators ask meanwhile.
const OPERATORS_PACE: Duration = Duration::from_millis(50);
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const BLOCKED: &str = "/kindred.v1.AvailabilityService/ListBlockedProducts";

/// In its first moments more load than room is not told from a burst, and all of it is answered, however late.
/// Such answers are below one in a hundred of the full tier's; the quick one does not count them.
const BURST: Duration = Duration::from_millis(500);

/// All is to be as before so long after.
const RECOVERY: Duration = Duration::from_secs(2);

/// What a span of calls came to.
#[derive(Debug, Default)]
struct Span {
    seconds: f64,
    /// When calls that were answered were to begin, from the span's beginning on, and how long they took from then.
    answered: Vec<(Duration, Duration)>,
    /// When calls that were refused were to begin.
    refused: Vec<Duration>,
    others: Vec<Told>,
}

impl Span {
    fn per_s(&self) -> f64 {
        self.answered.len() as f64 / self.seconds
    }

    /// Of calls that were to begin then or later.
    fn p99_ms(&self, from: Duration) -> f64 {
        let late = self.answered.iter().filter(|(offset, _)| *offset >= from);
        let mut took = late.map(|(_, took)| *took).collect::<Vec<_>>();
        took.sort_unstable();
        took.get(took.len() * 99 / 100).map_or(f64::INFINITY, |took| took.as_secs_f64() * 1e3)
    }

    fn refused_from(&self, from: Duration) -> usize {
        self.refused.iter().filter(|offset| **offset >= from).count()
    }
}

struct Load {
    askers: Vec<Asker>,
    pages: Vec<Bytes>,
}

impl Load {
    async fn connect(address: SocketAddr, pages: &[Bytes]) -> Self {
        let mut askers = Vec::new();
        for _ in 0..CONNECTIONS {
            askers.push(Asker::connect(address).await.unwrap());
        }
        Self { askers, pages: pages.to_vec() }
    }

    fn call(&self, number: usize) -> (Asker, Bytes) {
        (self.askers[number % CONNECTIONS].clone(), self.pages[number % PAGES].clone())
    }

    /// A few calls at once, each as soon as the one before it has ended.
    async fn closed(&self, span: Duration) -> Span {
        let (begun, permits) = (Instant::now(), Arc::new(Semaphore::new(AT_ONCE)));
        let mut all = JoinSet::new();
        for call in 0.. {
            let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
            let offset = begun.elapsed();
            if offset >= span {
                break;
            }
            let (asker, body) = self.call(call);
            all.spawn(async move {
                let begun = Instant::now();
                let told = asker.ask(BATCH_GET, &[], body).await;
                drop(permit);
                (offset, told, begun.elapsed())
            });
        }
        collect(all, begun).await
    }

    /// So many calls a second, each at its time, whatever became of those before.
    async fn open(&self, per_s: f64, span: Duration) -> Span {
        let begun = Instant::now();
        let mut all = JoinSet::new();
        for call in 0.. {
            let offset = Duration::from_secs_f64(1.0 / per_s) * u32::try_from(call).unwrap();
            if offset >= span {
                break;
            }
            let at = begun + offset;
            sleep_until(at).await;
            let (asker, body) = self.call(call);
            all.spawn(async move {
                let told = asker.ask(BATCH_GET, &[], body).await;
                (offset, told, at.elapsed())
            });
        }
        collect(all, begun).await
    }
}

async fn collect(all: JoinSet<(Duration, Told, Duration)>, begun: Instant) -> Span {
    let mut span = Span::default();
    for (offset, told, took) in all.join_all().await {
        if told == OK {
            span.answered.push((offset, took));
        } else if told == RESOURCE_EXHAUSTED {
            span.refused.push(offset);
        } else {
            span.others.push(told);
        }
    }
    span.seconds = begun.elapsed().as_secs_f64();
    span
}

/// Fills the shop with a synthetic catalog, and gives pages of its products.
fn pages(shop: &Shop) -> Vec<Bytes> {
    let dir = shop.path("tables");
    let dir = dir.to_str().unwrap();
    kindred(["generate", "--products", "4000", "--relations", "60", "--out", dir]).succeeded();
    shop.published();
    let table = fs::read_to_string(shop.table("products.csv")).unwrap();
    let ids = table.lines().skip(1).map(|line| line.split(',').next().unwrap());
    let mut seeds = ids.cycle();
    let mut slot = |place| {
        let seeds = seeds.by_ref().take(SEEDS_MAX).collect::<Vec<_>>();
        let asked = asking(&[CROSS_SELL, UP_SELL], &seeds);
        let lookup = asked.lookup.map(|lookup| pb::LookupSpec { max_results: 12, ..lookup });
        pb::Slot { slot_id: format!("slot-{place}"), lookup, seeds: asked.seeds }
    };
    let mut page = || pb::BatchGetRecommendationsRequest {
        slots: (0..SLOTS).map(&mut slot).collect(),
        ..Default::default()
    };
    (0..PAGES).map(|_| framed(0, &page().encode_to_vec()).into()).collect()
}

pub(crate) fn overload(tier: Tier) -> String {
    let (span, shop) = (Duration::from_secs(tier.of(4, 30)), Shop::new());
    let (pages, burst) = (pages(&shop), tier.of(BURST, Duration::ZERO));
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
        match measured(server.address, admin, &pages, span, burst) {
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
fn measured(
    address: SocketAddr,
    admin: SocketAddr,
    pages: &[Bytes],
    span: Duration,
    burst: Duration,
) -> Result<String, String> {
    let (closed, half, over, after, (asked, slowest)) = endlessly(async {
        let load = Load::connect(address, pages).await;
        load.closed(span / 4).await;
        let closed = load.closed(span / 2).await;
        let half = load.open(closed.per_s() / 2.0, span / 2).await;
        let operators = tokio::spawn(operators(address, admin, span));
        let over = load.open(closed.per_s() * 3.0, span).await;
        let operators = operators.await.unwrap();
        let after = load.open(closed.per_s() / 2.0, RECOVERY * 2).await;
        (closed, half, over, after, operators)
    });
    let others = [&closed, &half, &over, &after].map(|span| span.others.first());
    assert_eq!(others, [None; 4], "each call is answered or told that the server is busy");
    let (at_half, at_three) = (half.p99_ms(Duration::ZERO), over.p99_ms(burst));
    let recovered = after.p99_ms(RECOVERY);
    let (at_once, refused) = (closed.refused.len(), over.refused.len());
    let counts = format!(
        "capacity {:.0}/s, {at_once} refused; at half p99 {at_half:.1} ms; at three times {:.0} % of it answered, p99 {at_three:.1} ms, \
         {refused} told to come again; after {RECOVERY:?} p99 {recovered:.1} ms, {} refused; \
         {asked} questions of operators answered, the slowest in {slowest:?}",
        closed.per_s(),
        over.per_s() / closed.per_s() * 100.0,
        after.refused_from(RECOVERY),
    );
    // Ten milliseconds are what a shared machine takes from one of two processes at a time; it may also
    // take a few of those that were to wait for nobody.
    let is_right = at_once * 100 <= closed.answered.len()
        && over.per_s() >= 0.8 * closed.per_s()
        && at_three <= (5.0 * at_half).max(at_half + 10.0)
        && refused > 0
        && after.refused_from(RECOVERY) == 0
        && recovered <= (3.0 * at_half).max(at_half + 10.0);
    if is_right { Ok(counts) } else { Err(counts) }
}
