//! Bounds of signals for operators.

use std::time::Duration;

/// Pairs of placement and market that are counted apart, over the life of a process: 64 placements in 64
/// markets, each with three series. A shop has a dozen of each; what is beyond is counted as `_OTHER`, so
/// that a policy of a thousand placements cannot make a scrape, or whoever stores it, grow without end.
pub const SLOT_SERIES_MAX: usize = 4_096;

/// Connections at once of the listener for metrics: a few scrapers and probes, with room. One more has the
/// place of whoever has been silent for longest.
pub const WEB_CONNECTIONS_MAX: usize = 64;

/// How long one of them may take to send the head of its request.
pub const WEB_HEAD_WAIT: Duration = Duration::from_secs(5);

/// How long it may take in all. A scrape takes milliseconds.
pub const WEB_CALL_WAIT: Duration = Duration::from_secs(10);

/// Longest `x-request-id` that is taken over. A UUID takes 36, a trace context 55.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Spans that wait for the collector: a second's worth of two thousand sampled calls, in about half a
/// mebibyte. What comes while so many wait is dropped and counted.
pub const SPANS_WAITING_MAX: usize = 2_048;

/// Spans in one message to the collector: some hundred kibibytes, far below the 4 MiB that gRPC takes.
pub const SPANS_BATCH_MAX: usize = 512;

/// How long spans wait for others to go with them.
pub const SPANS_GATHER_WAIT: Duration = Duration::from_secs(1);

/// How long the collector may take for a message, tries again included. Calls wait for none of it.
pub const SPANS_EXPORT_WAIT: Duration = Duration::from_secs(5);

/// How long the end of the program waits until the last spans are taken.
pub const SPANS_FLUSH_WAIT: Duration = Duration::from_secs(2);
