//! What one peer may do to a connection beside asking: bounds on frames that are no work, and on waits
//! for a peer that does not do its part.

/// What a frame is charged, in bytes: a frame that brings as many pays for itself. h2 draws the line
/// between good and small DATA frames at the same size.
pub const FRAME_CHARGE_BYTES: u32 = 256;

/// What a request earns for its connection: it may be followed by eight frames without content, such as
/// window updates of the answer, a ping that measures the link, and a reset by a client that hedges.
pub const REQUEST_EARNS_BYTES: u32 = 8 * FRAME_CHARGE_BYTES;

/// Frames without content that a connection may have each second for nothing. Taking one costs less
/// than a tenth of a lookup, and a connection may ask thousands of lookups a second, so this many are
/// a hundredth of a core. No client that means well comes near: keepalives are some in a minute, and
/// messages of a resync carry up to a thousand updates each.
pub const SPARE_FRAMES_PER_S: u32 = 16_384;

/// How many of them may come at once: two seconds' worth, some milliseconds of a core.
pub const SPARE_FRAMES_MAX: u32 = 2 * SPARE_FRAMES_PER_S;

/// How long the body of a request of one message may be on its way: nearly all are below a kilobyte, the largest
/// legal one is some megabytes, and a caller who needs this long has given up.
pub const REQUEST_WAIT_S: u64 = 10;

/// How long an answer, or the stream of a peer that takes no byte, may wait for its peer. A lookup's
/// answer is some kilobytes; the longest explanation, 32 MiB, needs a link of a megabyte a second. What is
/// left of one below a kilobyte may wait half as long again, until its connection ends.
pub const DELIVERY_WAIT_S: u64 = 30;

/// A message up to this size is not counted among those that wait for a peer: lookups are below a kilobyte, their
/// answers some kilobytes, and all streams of a connection together hold half a MiB of such.
pub const HELD_SMALL_BYTES: usize = 8 << 10;

/// Larger ones that wait for one peer, in all: 64 pages of 64 KiB, more than a busy storefront has under way. One
/// message that is alone may be larger.
pub const HELD_BYTES_PER_CONNECTION_MAX: usize = 4 << 20;

/// The same at a listener of operators and feeds, which has few connections: a job may send the batches of many
/// sources side by side, each up to a MiB.
pub const HELD_BYTES_PER_FEEDER_MAX: usize = 32 << 20;

/// What a message has beyond this is counted for its listener, too: no page that a shop shows is as large.
pub const HELD_LARGE_BYTES: usize = 256 << 10;

/// Room for that in all: seven of the longest explanations, or sixty of the largest pages, that nobody takes.
pub const HELD_BYTES_PER_LISTENER_MAX: usize = 256 << 20;

/// How long a Watch of health may last, in seconds: longer than a connection lives that ends by its age, so that
/// only who keeps one open beyond that meets it.
pub const HEALTH_WATCH_S: u64 = 3_600;

/// Streams of reflection at once: people with tools. A tool has one.
pub const REFLECTION_STREAMS_MAX: usize = 16;

/// How long such a stream may ask nothing. Tools ask all they need in a second, and open another one when
/// they are told to.
pub const REFLECTION_SILENCE_S: u64 = 30;

/// How long it may last in all. Somebody who tries calls out opens a few in an hour.
pub const REFLECTION_STREAM_S: u64 = 600;
