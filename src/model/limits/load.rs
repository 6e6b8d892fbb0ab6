//! Bounds of `kindred load`: what one machine can ask and keep in memory.

use std::num::NonZeroU32;

/// Rates of one run, one after the other: a curve has no more points.
pub const LOAD_RATES_MAX: usize = 16;

/// Calls a second: ten times what a core of a server answers.
pub const LOAD_RATE_MAX: u32 = 1_000_000;

/// Seconds at one rate, and of its warm-up: an hour shows what a night would.
pub const LOAD_SECONDS_MAX: u32 = 3_600;

/// Connections: each is a socket and some tens of kilobytes on both sides.
pub const LOAD_CONNECTIONS_MAX: usize = 1_024;

/// Threads that ask.
pub const LOAD_THREADS_MAX: usize = 64;

/// Calls that wait for their answers at once: more would measure the queue of the asker.
pub const LOAD_IN_FLIGHT_MAX: usize = 100_000;

/// Products or requests of a run, which are held in memory.
pub const LOAD_PRODUCTS_MAX: usize = 10_000_000;

/// Bytes of a file of ids or requests.
pub const LOAD_FILE_BYTES_MAX: u64 = 2 << 30;

/// Longest latency told apart, in microseconds: an hour. A longer one counts as this.
pub const LOAD_LATENCY_US_MAX: u64 = 3_600_000_000;

/// Updates in one batch of the feed of stock: what a shop sends at once.
pub const LOAD_STOCK_BATCH: NonZeroU32 = NonZeroU32::new(100).expect("a batch has updates");
