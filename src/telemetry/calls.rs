//! Calls by method and code: how many, and how long each took.
//!
//! Names and labels are OpenTelemetry's for RPC servers, bounds those of gRFC A66. A call costs two
//! additions: to a bucket and to a sum.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::shards::Shards;
use crate::pb::Method;

/// The number of a gRPC status.
pub type Code = usize;

/// The call was answered.
pub const OK: Code = 0;
/// The peer, or its connection, went away before the end.
pub const CANCELLED: Code = 1;
/// A code that nobody knows.
pub const UNKNOWN: Code = 2;
/// A fault of the program.
pub const INTERNAL: Code = 13;

/// The names of the codes, by number.
pub const CODE_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Upper bounds of the buckets in microseconds (gRFC A66); a last bucket holds what took longer.
pub(super) const BOUNDS_US: [u64; 41] = [
    0,
    10,
    50,
    100,
    300,
    600,
    800,
    1_000,
    2_000,
    3_000,
    4_000,
    5_000,
    6_000,
    8_000,
    10_000,
    13_000,
    16_000,
    20_000,
    25_000,
    30_000,
    40_000,
    50_000,
    65_000,
    80_000,
    100_000,
    130_000,
    160_000,
    200_000,
    250_000,
    300_000,
    400_000,
    500_000,
    650_000,
    800_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
];

const BUCKETS: usize = BOUNDS_US.len() + 1;
/// What methods that nobody knows are called, as OpenTelemetry says.
pub(super) const OTHER: &str = "_OTHER";
const METHODS: usize = Method::ALL.len() + 1;
const ROWS: usize = METHODS * CODE_NAMES.len();

/// The calls of one method that ended with one code, on one thread.
#[derive(Debug, Default)]
struct Row {
    sum_ns: AtomicU64,
    buckets: Buckets,
}

#[derive(Debug)]
struct Buckets([AtomicU64; BUCKETS]);

impl Default for Buckets {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

/// All calls.
#[derive(Debug)]
pub(super) struct Calls(Shards<Box<[Row]>>);

/// A row over all threads.
#[derive(Debug)]
pub(super) struct CallSum {
    pub(super) method: &'static str,
    pub(super) code: &'static str,
    pub(super) count: u64,
    pub(super) sum_ns: u64,
    /// In the order of the bounds; the last one has none.
    pub(super) buckets: [u64; BUCKETS],
}

impl Calls {
    pub(super) fn new(threads: NonZeroUsize) -> Self {
        let rows = || std::iter::repeat_with(Row::default).take(ROWS).collect();
        Self(Shards::new(threads, rows))
    }

    #[inline]
    pub(super) fn count(&self, method: Option<Method>, code: Code, took: Duration) {
        let code = if code < CODE_NAMES.len() { code } else { UNKNOWN };
        let method = method.map_or(METHODS - 1, |method| method as usize);
        let row = self.0.mine().and_then(|rows| rows.get(method * CODE_NAMES.len() + code));
        let Some(row) = row else { return };
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = row.buckets.0.get(bucket(took_ns)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        row.sum_ns.fetch_add(took_ns, Ordering::Relaxed);
    }

    /// Every method and code that a call ended with.
    pub(super) fn sums(&self) -> impl Iterator<Item = CallSum> {
        let methods = Method::ALL.iter().map(|method| name(*method)).chain([OTHER]);
        let named = methods.flat_map(|method| CODE_NAMES.iter().map(move |code| (method, *code)));
        named.enumerate().filter_map(|(at, (method, code))| {
            let mut sum = CallSum { method, code, count: 0, sum_ns: 0, buckets: [0; BUCKETS] };
            for row in self.0.iter().filter_map(|rows| rows.get(at)) {
                sum.sum_ns = sum.sum_ns.wrapping_add(row.sum_ns.load(Ordering::Relaxed));
                for (total, bucket) in sum.buckets.iter_mut().zip(&row.buckets.0) {
                    *total = total.wrapping_add(bucket.load(Ordering::Relaxed));
                }
            }
            sum.count = sum.buckets.iter().sum();
            (sum.count > 0).then_some(sum)
        })
    }
}

/// The bucket of a duration: the first whose bound is not below it. Most calls take tens of microseconds,
/// so that going up from the shortest is quick.
#[inline]
pub(super) fn bucket(took_ns: u64) -> usize {
    let is_above = |bound_us: &u64| took_ns > bound_us.wrapping_mul(1_000);
    match BOUNDS_US.iter().take(8).position(|bound| !is_above(bound)) {
        Some(short) => short,
        None => BOUNDS_US.partition_point(is_above),
    }
}

/// OpenTelemetry writes a method without the slash before it.
pub(super) fn name(method: Method) -> &'static str {
    method.path().trim_start_matches('/')
}
