//! What a run found, as people and scripts read it. Times are whole microseconds.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{machine::Machine, schedule::Schedule, tally::Tally};

/// The achieved rate that is taken for the intended one, in percent of it.
const ACHIEVED_PERCENT_MIN: f64 = 95.0;

/// Points of a curve between one halving of the rest and the next.
const POINTS_PER_HALVING: i32 = 4;

/// A run: where, against what, and what came of it at each rate.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// The version of this program.
    pub kindred_version: String,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// The server's address, as it was given.
    pub target: String,
    /// The snapshot that was live when the run began.
    pub snapshot_id: String,
    /// Products or recorded requests that were asked about.
    pub asked: usize,
    /// What picked them.
    pub seed: u64,
    /// Connections over which the calls were spread.
    pub connections: usize,
    /// Threads that asked.
    pub threads: usize,
    /// Most calls that waited for an answer at once.
    pub in_flight_max: usize,
    /// The machine that asked, before the run.
    pub machine_before: Machine,
    /// The same after it.
    pub machine_after: Machine,
    /// One rate after the other, as asked for.
    pub rates: Vec<RateReport>,
    /// Why the run counts as failed; empty if it does not.
    pub failures: Vec<String>,
}

/// What came of one rate.
#[derive(Clone, Debug, Serialize)]
pub struct RateReport {
    /// Calls a second that were meant.
    pub intended_per_s: u32,
    /// Calls a second that were answered, over the measured part or up to its last answer.
    pub achieved_per_s: f64,
    /// Measured seconds that were meant.
    pub measured_s: u32,
    /// Calls that the schedule had, without the warm-up.
    pub planned: u64,
    /// Those that were answered.
    pub ok: u64,
    /// Those that failed, by the name of their status code.
    pub errors: BTreeMap<String, u64>,
    /// Those that could not be sent before the end.
    pub unsent: u64,
    /// Those that the bound of calls in flight held up; they are measured all the same.
    pub late: u64,
    /// Answers without a single recommendation.
    pub empty: u64,
    /// Calls of the warm-up that failed, by the name of their status code.
    pub warm_up_errors: BTreeMap<String, u64>,
    /// From the intended start to the answer, of calls that were answered.
    pub latency_us: Percentiles,
    /// From the intended start to when the call was sent: what the asker itself adds.
    pub delay_us: Percentiles,
    /// Sizes of the answers.
    pub answer_bytes: AnswerBytes,
    /// Answers by the snapshot that gave them.
    pub snapshots: BTreeMap<String, u64>,
    /// Latency by percentile, for a plot.
    pub curve: Vec<Point>,
    /// The feed of stock beside it, if there was one.
    pub stock: Option<FeedReport>,
}

/// Percentiles of times in microseconds; zero where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of all were at most this.
    pub p50: u64,
    /// Nine of ten.
    pub p90: u64,
    /// 99 of a hundred.
    pub p99: u64,
    /// 999 of a thousand.
    #[serde(rename = "p99.9")]
    pub p99_9: u64,
    /// The longest.
    pub max: u64,
}

/// A point of a latency curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Share of the calls that took at most so long, in percent.
    pub percentile: f64,
    /// Microseconds.
    pub latency_us: u64,
}

/// Sizes of answers in bytes, without gRPC's framing; zero where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct AnswerBytes {
    /// The smallest.
    pub min: u64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: u64,
}

/// What came of the feed of stock beside one rate.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FeedReport {
    /// Updates a second that were meant.
    pub intended_per_s: u32,
    /// Updates a second that were acknowledged, over the measured part or up to its last batch.
    pub acked_per_s: f64,
    /// Batches that the schedule had, without the warm-up.
    pub planned: u64,
    /// Those that were acknowledged.
    pub acked: u64,
    /// Those that failed, by the name of their status code.
    pub errors: BTreeMap<String, u64>,
    /// Updates that the server rejected though it took their batch.
    pub rejected_updates: u64,
    /// From the intended start of a batch to its acknowledgement.
    pub ack_us: Percentiles,
}

impl Percentiles {
    pub(super) fn of(times: &Histogram<u64>) -> Self {
        if times.is_empty() {
            return Self::default();
        }
        let at = |quantile| times.value_at_quantile(quantile).min(times.max());
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p99_9: at(0.999), max: times.max() }
    }
}

/// The curve of a histogram: ever finer towards the slowest call, where it matters.
pub(super) fn curve(times: &Histogram<u64>) -> Vec<Point> {
    let mut points = Vec::new();
    if times.is_empty() {
        return points;
    }
    for step in 0.. {
        let rest = 0.5_f64.powf(f64::from(step) / f64::from(POINTS_PER_HALVING));
        // Beyond this the one slowest call stands for everything.
        if rest * (times.len() as f64) < 1.0 {
            break;
        }
        let latency_us = times.value_at_quantile(1.0 - rest).min(times.max());
        points.push(Point { percentile: 100.0 * (1.0 - rest), latency_us });
    }
    points.push(Point { percentile: 100.0, latency_us: times.max() });
    points
}

impl RateReport {
    pub(super) fn new(schedule: &Schedule, tally: &Tally) -> Self {
        let planned = schedule.measured_calls();
        let failed = tally.errors.values().sum::<u64>();
        let ok = tally.ok();
        let meant = schedule.measured();
        let took = tally.last_answer.saturating_sub(schedule.warm_up()).max(meant);
        let answer_bytes = AnswerBytes {
            min: if ok == 0 { 0 } else { tally.bytes_min },
            mean: if ok == 0 { 0.0 } else { tally.bytes_sum as f64 / ok as f64 },
            max: tally.bytes_max,
        };
        Self {
            intended_per_s: schedule.units_per_s.get(),
            achieved_per_s: per_second(ok, took.as_secs_f64()),
            measured_s: schedule.measured_s,
            planned,
            ok,
            errors: tally.errors.clone(),
            unsent: planned.saturating_sub(ok + failed),
            late: tally.late,
            empty: tally.empty,
            warm_up_errors: tally.warm_up_errors.clone(),
            latency_us: Percentiles::of(&tally.latency_us),
            delay_us: Percentiles::of(&tally.delay_us),
            answer_bytes,
            snapshots: tally.snapshots.clone(),
            curve: curve(&tally.latency_us),
            stock: None,
        }
    }

    /// Why this rate counts as failed.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let rate = self.intended_per_s;
        for (errors, what) in [(&self.errors, "calls"), (&self.warm_up_errors, "warm-up calls")] {
            if !errors.is_empty() {
                failures.push(format!("{rate}/s: {what} failed: {}", listed(errors)));
            }
        }
        if self.unsent > 0 {
            failures.push(format!("{rate}/s: {} calls could not be sent in time", self.unsent));
        }
        let achieved = 100.0 * self.achieved_per_s / f64::from(rate);
        if achieved < ACHIEVED_PERCENT_MIN {
            failures.push(format!(
                "{rate}/s: {:.0} answers a second are {achieved:.1} % of what was meant, less than \
                 {ACHIEVED_PERCENT_MIN} %",
                self.achieved_per_s
            ));
        }
        if let Some(stock) = &self.stock {
            failures.extend(stock.failures().into_iter().map(|one| format!("{rate}/s: {one}")));
        }
        failures
    }
}

impl FeedReport {
    fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if !self.errors.is_empty() {
            failures.push(format!("batches of stock failed: {}", listed(&self.errors)));
        }
        if self.rejected_updates > 0 {
            failures.push(format!("{} updates of stock were rejected", self.rejected_updates));
        }
        let achieved = 100.0 * self.acked_per_s / f64::from(self.intended_per_s.max(1));
        if achieved < ACHIEVED_PERCENT_MIN {
            failures.push(format!(
                "{:.0} updates of stock a second were acknowledged, {achieved:.1} % of what was \
                 meant, less than {ACHIEVED_PERCENT_MIN} %",
                self.acked_per_s
            ));
        }
        failures
    }
}

/// Something a second; none if no time passed.
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Codes with their counts: `12 Unavailable, 1 Internal`.
fn listed(counts: &BTreeMap<String, u64>) -> String {
    let counts = counts.iter().map(|(code, count)| format!("{count} {code}"));
    counts.collect::<Vec<_>>().join(", ")
}
