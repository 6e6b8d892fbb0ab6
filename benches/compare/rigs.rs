//! Rigs that measure a served server while something happens to it: swaps of its catalog, a feed of
//! stock. Each gives a ratio to the same load without it, pair by pair, so that whatever else the
//! machine does meets both.

use std::{
    io::{BufRead as _, BufReader},
    num::NonZeroU32,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use kindred::{
    client::{Replica, Target},
    load::{self, Asked, Feed, Options, RateReport, Schedule},
    store::{BlobRef, Note, Publish, Track},
};

/// A running server; ended with its rig.
pub(crate) struct Served {
    child: Child,
    /// As [`load::run`] takes it.
    pub(crate) address: String,
}

/// Calls that a rig makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    pub(crate) per_s: u32,
    /// How long each side of a pair is measured.
    pub(crate) seconds: u32,
    /// Pairs.
    pub(crate) cycles: usize,
}

/// What came of the pairs of a rig.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paired {
    /// The latency that counts, by the control of the same pair.
    pub(crate) ratios: Vec<f64>,
    /// The same in microseconds: with what happens, and without.
    pub(crate) pairs_us: Vec<(u64, u64)>,
    /// Calls that failed or were not sent, of all.
    pub(crate) failed: u64,
    /// Updates of stock that were acknowledged a second, where there was a feed.
    pub(crate) acked_per_s: Vec<f64>,
    /// How long each swap took from its manifest to its first answer, where there were some.
    pub(crate) swaps: Vec<Duration>,
    /// Of those, how many went on after the calls that were to meet them: more seconds are needed.
    pub(crate) swaps_cut: usize,
}

impl Served {
    /// Starts `kindred serve` on a store with a fresh state, and waits until it serves.
    pub(crate) fn start(kindred: &Path, store: &Path, state: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(kindred);
        command.arg("serve").arg("--store").arg(store).arg("--state").arg(state);
        command.args(["--listen", "127.0.0.1:0"]).args(options).env("KINDRED_LOG", "warn");
        // Stock comes in where lookups do.
        command.env("KINDRED_ADMIN_LISTEN", "same").env("KINDRED_INSECURE_ADMIN", "true");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it ended before it listened").unwrap();
        let address = line.strip_prefix("listening on ").expect("it says where").to_owned();
        Self { child, address: format!("http://{address}") }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Goal 9: the slowest thousandth of calls while a catalog is swapped, by that of the same calls
/// without. Both catalogs stand in the store; each swap loads the other one anew.
pub(crate) fn swap_tail(
    server: &Served,
    track: &Track,
    catalogs: [BlobRef; 2],
    asked: &Arc<Asked>,
    calls: Calls,
) -> Paired {
    let mut found = Paired::default();
    let mut number = 0;
    let mut swapping = |found: &mut Paired| {
        number += 1;
        let catalog = catalogs[number % 2];
        thread::scope(|scope| {
            // A little later, so that some calls come before it.
            let wait = Duration::from_secs(calls.seconds.into()) / 8;
            let swap = scope.spawn(move || swap(server, track, catalog, wait));
            let report = run(server, asked, calls, None);
            found.swaps.push(swap.join().unwrap());
            // On a machine that others keep busy, loading gives way to them, too.
            found.swaps_cut += usize::from(report.snapshots.len() < 2);
            report
        })
    };
    // The first one finds nothing in memory, and is not counted.
    swapping(&mut Paired::default());
    for cycle in 0..calls.cycles {
        // Who comes first changes.
        let (with, without) = if cycle % 2 == 0 {
            let with = swapping(&mut found);
            (with, run(server, asked, calls, None))
        } else {
            let without = run(server, asked, calls, None);
            (swapping(&mut found), without)
        };
        found.take(&with, &without, |report| report.latency_us.p99_9);
    }
    found
}

/// Goal 12: updates of stock acknowledged a second, in batches of `batch` of which one is on its way
/// at a time, while lookups are served, and the slowest hundredth of those by that without a feed.
pub(crate) fn stock_feed(
    server: &Served,
    asked: &Arc<Asked>,
    calls: Calls,
    updates_per_s: u32,
    batch: u32,
) -> Paired {
    let mut found = Paired::default();
    for cycle in 0..calls.cycles {
        let feeding = || run(server, asked, calls, Some((updates_per_s, batch)));
        let (with, without) = if cycle % 2 == 0 {
            let with = feeding();
            (with, run(server, asked, calls, None))
        } else {
            let without = run(server, asked, calls, None);
            (feeding(), without)
        };
        let feed = with.stock.as_ref().expect("there was a feed");
        assert!(feed.errors.is_empty() && feed.rejected_updates == 0, "{:?}", feed.errors);
        found.acked_per_s.push(feed.acked_per_s);
        found.take(&with, &without, |report| report.latency_us.p99);
    }
    found
}

impl Paired {
    fn take(&mut self, with: &RateReport, without: &RateReport, figure: fn(&RateReport) -> u64) {
        let pair = (figure(with), figure(without));
        self.ratios.push(pair.0 as f64 / pair.1.max(1) as f64);
        self.pairs_us.push(pair);
        self.failed += [with, without].map(|report| report.planned - report.ok).iter().sum::<u64>();
    }
}

fn run(server: &Served, asked: &Arc<Asked>, calls: Calls, feed: Option<(u32, u32)>) -> RateReport {
    let schedule = |per_s: u32, per_call: u32| Schedule {
        units_per_s: NonZeroU32::new(per_s).unwrap(),
        units_per_call: NonZeroU32::new(per_call).unwrap(),
        warm_up_s: 0,
        measured_s: calls.seconds,
    };
    let wait = Duration::from_secs(10);
    let options = Options {
        connections: 10,
        threads: 1,
        in_flight_max: 1_000,
        call_wait: wait,
        drain_wait: wait,
    };
    let feed = feed.map(|(per_s, batch)| Feed { schedule: schedule(per_s, batch), seed: 1 });
    let to = Target::from(server.address.as_str());
    let feed = feed.map(|feed| (&to, feed));
    load::run(&to, asked, schedule(calls.per_s, 1), feed, options).unwrap()
}

/// Waits, publishes the catalog and waits until the server answers from it; how long that took.
fn swap(server: &Served, track: &Track, catalog: BlobRef, wait: Duration) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut replica = runtime.block_on(Replica::connect(server.address.as_str())).unwrap();
    let mut live = || {
        let catalog = runtime.block_on(replica.catalog()).unwrap();
        catalog.data_version.unwrap_or_default().snapshot_id
    };
    let before = live();
    thread::sleep(wait);
    let begin = Instant::now();
    let note = Note {
        actor: "bench".to_owned(),
        reason: "bench".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
    };
    let (blobs, guard) = (&[catalog], &|_: Option<&_>| Ok(()));
    track.publish(&Publish { blobs, guard, since: None, over_rollback: true, note }).unwrap();
    while live() == before {
        thread::sleep(Duration::from_millis(20));
    }
    begin.elapsed()
}
