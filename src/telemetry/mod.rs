//! Signals for operators: every metric by name, counted where it happens, read when somebody asks.
//!
//! What a request counts goes into `shards`: one a thread, so that two runtimes never write to one
//! cache line, and found by index, so that nothing is hashed, locked or allocated. Everything else is
//! looked up at the scrape. Counts only grow while the process lives, also over snapshots. No metric has
//! a label that takes a value for each product, visitor or peer.

mod calls;
mod connections;
pub mod names;
mod observed;
#[cfg(feature = "otel")]
mod otel;
#[cfg(not(feature = "otel"))]
#[path = "otel_disabled.rs"]
mod otel;
mod page;
mod process;
mod shards;
mod slots;
#[cfg(test)]
mod tests;
mod traced;

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

pub use calls::{CANCELLED, CODE_NAMES, Code, INTERNAL, OK, UNKNOWN};
pub use connections::{ConnectionEnding, Connections, ListenerKind, SeatRefusal};
pub use observed::{FeedState, Observed, SnapshotRefusal, SnapshotState, SourceState};
pub use otel::{Caller, CollectorUrl, Exporter, TraceError, Traces};
pub use slots::{DROP_REASONS, Filled, Outcome, SlotTable};
pub use traced::{TraceParent, TracedCall};

use self::{calls::Calls, slots::Slots};
use crate::pb::Method;

/// All counts of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Counts>);

/// Tells how things stand at a scrape.
type Observe = Box<dyn Fn() -> Observed + Send + Sync>;

struct Counts {
    calls: Calls,
    slots: Slots,
    connections: [Connections; ListenerKind::ALL.len()],
    shed: AtomicU64,
    spans_dropped: AtomicU64,
    refused: [AtomicU64; SnapshotRefusal::ALL.len()],
    is_behind: AtomicBool,
    spoiled: AtomicU64,
    /// Nanoseconds; all ones before the first.
    swap_ns: AtomicU64,
    observe: OnceLock<Observe>,
    start: SystemTime,
}

/// No snapshot went live yet.
const NO_SWAP: u64 = u64::MAX;

impl Default for Metrics {
    fn default() -> Self {
        Self::new(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl Metrics {
    /// Nothing counted yet, with room for so many threads that count at once. More may, only slower.
    #[must_use]
    pub fn new(threads: NonZeroUsize) -> Self {
        Self(Arc::new(Counts {
            calls: Calls::new(threads),
            slots: Slots::new(threads),
            connections: <_>::default(),
            shed: AtomicU64::new(0),
            spans_dropped: AtomicU64::new(0),
            refused: <_>::default(),
            is_behind: AtomicBool::new(false),
            spoiled: AtomicU64::new(0),
            swap_ns: AtomicU64::new(NO_SWAP),
            observe: OnceLock::new(),
            start: SystemTime::now(),
        }))
    }

    /// Counts a call that has ended; `None` for a method that nobody knows.
    #[inline]
    pub fn call(&self, method: Option<Method>, code: Code, took: Duration) {
        self.0.calls.count(method, code, took);
    }

    /// Where the slots of a snapshot are counted: its placements, in the order of their numbers, and its
    /// markets, likewise. Made before the snapshot goes live.
    #[must_use]
    pub fn slot_table<'n>(
        &self,
        placements: impl IntoIterator<Item = &'n str>,
        markets: &[&str],
    ) -> SlotTable {
        self.0.slots.table(placements, markets)
    }

    /// Connections of a listener.
    #[must_use]
    pub fn connections(&self, of: ListenerKind) -> &Connections {
        let [lookup, admin] = &self.0.connections;
        match of {
            ListenerKind::Lookup => lookup,
            ListenerKind::Admin => admin,
        }
    }

    /// Counts a call that was refused because the server had too much to do.
    #[inline]
    pub fn shed(&self) {
        self.0.shed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts spans that the collector will not have.
    pub fn spans_dropped(&self, count: usize) {
        self.0.spans_dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts a snapshot that was refused.
    pub fn snapshot_refused(&self, reason: SnapshotRefusal) {
        if let Some(count) = self.0.refused.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes note of whether what is live is what the track names.
    pub fn snapshot_stands(&self, is_behind: bool) {
        self.0.is_behind.store(is_behind, Ordering::Relaxed);
    }

    /// Counts a live catalog whose bytes are no longer what was verified.
    pub fn catalog_spoiled(&self) {
        self.0.spoiled.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of how long it took from the first look at a snapshot until it was live.
    pub fn snapshot_swapped(&self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(NO_SWAP - 1);
        self.0.swap_ns.store(took_ns, Ordering::Relaxed);
    }

    /// Asks this at every scrape how things stand; only the first such question counts.
    pub fn observe(&self, how: impl Fn() -> Observed + Send + Sync + 'static) {
        if self.0.observe.set(Box::new(how)).is_err() {
            tracing::debug!("The metrics have somebody to ask already.");
        }
    }

    /// Everything in the text form of OpenMetrics.
    ///
    /// # Errors
    /// A text cannot be written, which does not happen in memory.
    pub fn scrape(&self) -> Result<String, fmt::Error> {
        page::write(self)
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").field("connections", &self.connections).finish_non_exhaustive()
    }
}
