//! Why stock is not taken or told.

use crate::model::limits::{
    BLOCKS_MAX, BLOCKS_PER_PRODUCT_MAX, FEED_GAPS_MAX, FEEDS_MAX, READINGS_MAX,
    REPLACE_STREAMS_MAX, REPLACE_UPDATES_MAX, STOCK_QUEUE_MAX,
};

/// A command that the stock writer did not carry out; nothing of it counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StockError {
    /// More commands come than are carried out. Try again after a pause.
    #[error("{STOCK_QUEUE_MAX} commands wait for the stock writer already; try again later")]
    Busy,
    /// Too many resyncs at once. Try again when another one has ended.
    #[error(
        "{REPLACE_STREAMS_MAX} ReplaceAvailability streams are under way already; try again later"
    )]
    TooManyStreams,
    /// The writer has ended: the server stops, or a fault of the program was logged.
    #[error("the stock writer has ended; ask another replica")]
    Closed,
    /// Inventories, markets and currencies cannot be checked yet. Try again when a snapshot is live.
    #[error("no snapshot is live yet, so that inventories, markets and currencies are unknown")]
    NoCatalog,
    /// A field of the command is wrong. Correct it.
    #[error("{field}: {reason}")]
    Invalid {
        /// Its path in the command, as on the wire: `market_ids[2]`.
        field: String,
        /// What was expected and found.
        reason: String,
    },
    /// Another source wants to feed. Reuse source ids.
    #[error("{FEEDS_MAX} sources feed already; source `{source_id}` would be one more")]
    TooManyFeeds {
        /// The source.
        source_id: String,
    },
    /// The feed lost too many batches. Send all its readings anew.
    #[error(
        "feed `{source_id}` has {FEED_GAPS_MAX} runs of batches beyond a gap after sequence \
         {position}; send ReplaceAvailability"
    )]
    TooManyGaps {
        /// The source.
        source_id: String,
        /// Its position.
        position: u64,
    },
    /// More is said than is kept. Remove what no catalog needs by ReplaceAvailability.
    #[error("more than {READINGS_MAX} readings would be kept; resync sources with fewer")]
    TooManyReadings,
    /// The resync is too long.
    #[error("more than {REPLACE_UPDATES_MAX} updates in one ReplaceAvailability")]
    TooManyUpdates,
    /// More is blocked than a recall is. Withdraw products in the catalog instead.
    #[error("{count} blocks would stand, at most {BLOCKS_MAX} can")]
    TooManyBlocks {
        /// Blocks that would stand.
        count: usize,
    },
    /// One product has many blocks that differ in markets and end. Unblock it, then block it anew.
    #[error(
        "product `{product_id}` has {BLOCKS_PER_PRODUCT_MAX} blocks already; unblock it and block it \
         anew, or block it everywhere and for good"
    )]
    TooManyBlocksOfOne {
        /// The product.
        product_id: String,
    },
    /// The disk is full: nothing was acknowledged, reads go on. Free space; writes resume by
    /// themselves.
    #[error("the stock journal cannot grow, the disk is full: {reason}; free space and try again")]
    Full {
        /// What the system said.
        reason: String,
    },
    /// The journal cannot be written: nothing was acknowledged, reads go on. Look at the disk;
    /// writes resume by themselves when it takes them.
    #[error("the stock journal cannot be written: {reason}; check the disk and try again")]
    Broken {
        /// What the system said.
        reason: String,
    },
    /// The writer's thread cannot be started. Look at the limits of the process.
    #[error("the stock writer cannot be started: {reason}")]
    NoThread {
        /// What the system said.
        reason: String,
    },
    /// The journal holds what this version cannot have written. Restore the state directory, or
    /// remove it and send ReplaceAvailability and blocks anew.
    #[error("the stock journal does not replay: {reason}; restore the state directory")]
    Unreadable {
        /// What was expected and found.
        reason: String,
    },
}

impl StockError {
    pub(super) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }
}

/// Bytes that are no entry and no piece of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, byte {offset}: {reason}")]
pub struct DecodeError {
    pub(super) what: &'static str,
    pub(super) offset: usize,
    pub(super) reason: String,
}
