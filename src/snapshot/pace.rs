//! How fast a file may be read.

use std::{num::NonZeroU64, time::Duration};

const NANOS_PER_S: u128 = 1_000_000_000;

/// Says how long to wait before each piece of a file, so that no second brings more than it may. Time
/// comes in; it reads no clock.
///
/// A piece counts from when it was allowed, so that time in which nothing was read makes no room for
/// a burst: a disk that was slow for a second is not asked for twice as much in the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    bytes_per_s: Option<NonZeroU64>,
    /// Before this no piece may begin.
    next: Duration,
}

impl Pace {
    /// Without a rate nothing waits.
    pub(super) const fn new(bytes_per_s: Option<NonZeroU64>) -> Self {
        Self { bytes_per_s, next: Duration::ZERO }
    }

    /// How long to wait at this time, counted from any beginning, before a piece of so many bytes.
    pub(super) fn wait(&mut self, now: Duration, bytes: u64) -> Duration {
        let Some(bytes_per_s) = self.bytes_per_s else { return Duration::ZERO };
        let begin = self.next.max(now);
        let nanos = u128::from(bytes) * NANOS_PER_S / u128::from(bytes_per_s.get());
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.next = begin.saturating_add(takes);
        begin - now
    }
}
