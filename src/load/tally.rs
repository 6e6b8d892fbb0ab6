//! What is counted while a run goes on; one a thread, added up at its end.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use prost::Message as _;
use tonic::Code;

use super::raw::Skim;
use crate::model::limits::LOAD_LATENCY_US_MAX;

/// Digits that a latency keeps: a thousandth of it is noise anywhere.
const DIGITS: u8 = 3;

/// Counts of the calls of one rate.
#[derive(Debug)]
pub(super) struct Tally {
    /// From the intended start to the answer, in microseconds; calls that were answered only.
    pub(super) latency_us: Histogram<u64>,
    /// From the intended start to when the call was sent, in microseconds.
    pub(super) delay_us: Histogram<u64>,
    /// Of the calls measured those that the bound of calls in flight held up.
    pub(super) late: u64,
    /// Of the calls measured those that failed, by status code.
    pub(super) errors: BTreeMap<String, u64>,
    /// Answers by the snapshot that gave them.
    pub(super) snapshots: BTreeMap<String, u64>,
    /// Answers without a single recommendation.
    pub(super) empty: u64,
    pub(super) bytes_sum: u64,
    pub(super) bytes_min: u64,
    pub(super) bytes_max: u64,
    pub(super) warm_up_errors: BTreeMap<String, u64>,
    /// When the last measured answer came, from the beginning on.
    pub(super) last_answer: Duration,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latency_us: histogram(),
            delay_us: histogram(),
            late: 0,
            errors: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            empty: 0,
            bytes_sum: 0,
            bytes_min: u64::MAX,
            bytes_max: 0,
            warm_up_errors: BTreeMap::new(),
            last_answer: Duration::ZERO,
        }
    }
}

/// How one measured call went, in time from the beginning on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) intended: Duration,
    pub(super) sent: Duration,
    pub(super) done: Duration,
}

impl Tally {
    /// A measured call was answered with these bytes.
    pub(super) fn answered(&mut self, times: Times, answer: &[u8]) {
        let Times { intended, sent, done } = times;
        let Ok(read) = Skim::decode(answer) else {
            // The server and this program speak of different messages.
            return self.failed(Code::DataLoss);
        };
        self.latency_us.saturating_record(micros(done.saturating_sub(intended)));
        self.delay_us.saturating_record(micros(sent.saturating_sub(intended)));
        self.last_answer = self.last_answer.max(done);
        let bytes = u64::try_from(answer.len()).unwrap_or(u64::MAX);
        self.bytes_sum += bytes;
        self.bytes_min = self.bytes_min.min(bytes);
        self.bytes_max = self.bytes_max.max(bytes);
        self.empty += u64::from(read.recommendations.is_empty());
        match self.snapshots.get_mut(read.snapshot_id()) {
            Some(count) => *count += 1,
            None => count(&mut self.snapshots, read.snapshot_id(), 1),
        }
    }

    /// A measured call failed.
    pub(super) fn failed(&mut self, code: Code) {
        count(&mut self.errors, &format!("{code:?}"), 1);
    }

    /// A call of the warm-up failed.
    pub(super) fn failed_warming_up(&mut self, code: Code) {
        count(&mut self.warm_up_errors, &format!("{code:?}"), 1);
    }

    /// Calls that were answered.
    pub(super) fn ok(&self) -> u64 {
        self.latency_us.len()
    }

    /// Adds what another thread has counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (all, more) in
            [(&mut self.latency_us, &other.latency_us), (&mut self.delay_us, &other.delay_us)]
        {
            all.add(more).expect("histograms of the same bounds add up");
        }
        for (all, more) in [
            (&mut self.errors, &other.errors),
            (&mut self.snapshots, &other.snapshots),
            (&mut self.warm_up_errors, &other.warm_up_errors),
        ] {
            more.iter().for_each(|(key, by)| count(all, key, *by));
        }
        self.late += other.late;
        self.empty += other.empty;
        self.bytes_sum += other.bytes_sum;
        self.bytes_min = self.bytes_min.min(other.bytes_min);
        self.bytes_max = self.bytes_max.max(other.bytes_max);
        self.last_answer = self.last_answer.max(other.last_answer);
    }
}

/// An empty histogram of latencies in microseconds.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LOAD_LATENCY_US_MAX, DIGITS).expect("the bounds are constants")
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Counts something under a name.
pub(super) fn count(counts: &mut BTreeMap<String, u64>, name: &str, by: u64) {
    *counts.entry(name.to_owned()).or_default() += by;
}
