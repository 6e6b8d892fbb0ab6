//! What stands in for spans in a build without them: nothing is kept of a call, and nothing is asked.

use std::{convert::Infallible, error::Error, fmt};

use super::{Metrics, TracedCall};

/// What is known of a caller's trace: nothing.
#[derive(Clone, Copy, Debug)]
pub struct Caller;

/// The URL of a collector. There is none.
#[derive(Clone, Debug)]
pub struct CollectorUrl(Infallible);

impl fmt::Display for CollectorUrl {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

/// Why spans cannot be sent. There is no reason.
#[derive(Clone, Debug)]
pub struct TraceError(Infallible);

impl fmt::Display for TraceError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl Error for TraceError {}

/// Where sampled calls go: nowhere.
#[derive(Clone, Debug, Default)]
pub struct Traces(());

impl Traces {
    /// Does not look.
    #[inline]
    pub fn caller<'h>(&self, _: impl FnOnce() -> Option<&'h [u8]>) -> Caller {
        Caller
    }

    /// Takes none.
    #[must_use]
    #[inline]
    pub const fn takes(&self, _: Caller, _: bool) -> bool {
        false
    }

    /// Never called: none is taken.
    #[inline]
    pub fn add(&self, _: Caller, _: TracedCall) {}
}

/// Sends spans on. There is none.
#[derive(Debug)]
pub struct Exporter(Infallible);

impl Exporter {
    /// Never called: there is no collector.
    ///
    /// # Errors
    /// None.
    pub fn start(collector: &CollectorUrl, _: &Metrics) -> Result<(Traces, Self), TraceError> {
        match collector.0 {}
    }
}

/// So that dropping it means something, as it does where there is one.
impl Drop for Exporter {
    fn drop(&mut self) {
        match self.0 {}
    }
}
