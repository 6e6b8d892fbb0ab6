//! Connections of each listener: seats, who took one, who was refused one, how each ended.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// For lookups, or for everything.
    Lookup,
    /// For stock, blocks and snapshots, where that is another one.
    Admin,
}

impl ListenerKind {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 2] = [Self::Lookup, Self::Admin];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Admin => "admin",
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnding {
    /// In good order.
    Closed,
    /// No TLS came to be.
    WithoutTls,
    /// No HTTP/2 preface came in time.
    WithoutPreface,
    /// By an error of protocol or transport.
    Failed,
    /// Dropped at the drain's deadline.
    Cut,
}

impl ConnectionEnding {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 5] =
        [Self::Closed, Self::WithoutTls, Self::WithoutPreface, Self::Failed, Self::Cut];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::WithoutTls => "without_tls",
            Self::WithoutPreface => "without_preface",
            Self::Failed => "failed",
            Self::Cut => "cut",
        }
    }
}

/// Why a connection was closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatRefusal {
    /// All seats were taken.
    Full,
    /// Its peer had as many as one may have.
    Peer,
}

impl SeatRefusal {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 2] = [Self::Full, Self::Peer];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Peer => "peer",
        }
    }
}

/// Counts of the connections of one listener.
#[derive(Debug, Default)]
pub struct Connections {
    max: AtomicU64,
    accepted: AtomicU64,
    refused: [AtomicU64; SeatRefusal::ALL.len()],
    ended: [AtomicU64; ConnectionEnding::ALL.len()],
}

/// The counts at one moment, each in the order of its numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionCounts {
    pub(super) max: u64,
    pub(super) open: u64,
    pub(super) accepted: u64,
    pub(super) refused: [u64; SeatRefusal::ALL.len()],
    pub(super) ended: [u64; ConnectionEnding::ALL.len()],
}

impl Connections {
    /// There are so many seats more.
    pub fn add_seats(&self, count: usize) {
        self.max.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A connection has a seat.
    pub fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was closed at once.
    pub fn refused(&self, why: SeatRefusal) {
        if let Some(count) = self.refused.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection has ended.
    pub fn ended(&self, how: ConnectionEnding) {
        if let Some(count) = self.ended.get(how as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn counts(&self) -> ConnectionCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // Read first: who is accepted meanwhile is not counted as one that ended before.
        let ended = self.ended.each_ref().map(read);
        let accepted = read(&self.accepted);
        ConnectionCounts {
            max: read(&self.max),
            open: accepted.saturating_sub(ended.iter().sum()),
            accepted,
            refused: self.refused.each_ref().map(read),
            ended,
        }
    }
}
