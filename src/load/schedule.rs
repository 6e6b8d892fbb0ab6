//! When calls are meant to start: fixed before the first one is sent.

use std::{num::NonZeroU32, time::Duration};

const NANOS_PER_S: u128 = 1_000_000_000;

/// The intended start of every call of one run at one rate.
///
/// Call `n` starts `n` intervals after the beginning, however long the calls before it took. Starts
/// are computed from the beginning, so no rounding adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What is to be done a second: lookups, or updates of stock.
    pub units_per_s: NonZeroU32,
    /// What one call does of it: one lookup, or a batch of updates.
    pub units_per_call: NonZeroU32,
    /// Calls of so many seconds come first and are not measured.
    pub warm_up_s: u32,
    /// Calls of so many seconds are measured.
    pub measured_s: u32,
}

impl Schedule {
    /// All calls, those of the warm-up among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls_before(u64::from(self.warm_up_s) + u64::from(self.measured_s))
    }

    /// Calls of the warm-up: the first ones.
    #[must_use]
    pub fn warm_up_calls(&self) -> u64 {
        self.calls_before(u64::from(self.warm_up_s))
    }

    /// Calls that are measured.
    #[must_use]
    pub fn measured_calls(&self) -> u64 {
        self.calls() - self.warm_up_calls()
    }

    /// Is this call measured?
    #[must_use]
    pub fn is_measured(&self, call: u64) -> bool {
        call >= self.warm_up_calls()
    }

    /// When a call is meant to start, from the beginning on.
    #[must_use]
    pub fn start(&self, call: u64) -> Duration {
        let units = u128::from(call) * u128::from(self.units_per_call.get());
        let nanos = units * NANOS_PER_S / u128::from(self.units_per_s.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// When the measured part begins, from the beginning on.
    #[must_use]
    pub fn warm_up(&self) -> Duration {
        Duration::from_secs(u64::from(self.warm_up_s))
    }

    /// How long the measured part is meant to take.
    #[must_use]
    pub fn measured(&self) -> Duration {
        Duration::from_secs(u64::from(self.measured_s))
    }

    /// Calls that are meant to start in the first so many seconds.
    fn calls_before(&self, seconds: u64) -> u64 {
        let units = seconds * u64::from(self.units_per_s.get());
        units.div_ceil(u64::from(self.units_per_call.get()))
    }
}
