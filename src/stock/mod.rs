//! What is newer than any snapshot: stock, prices and recalls.
//!
//! Sources feed readings ([`Stock`]); one writer thread journals them, applies them to a state that
//! is keyed by ids and knows no catalog, and projects that state on the live catalog as an immutable
//! [`StockView`]. The order is a promise: journal, sync, publish the view, acknowledge. A recalled
//! product stays blocked whatever feeds, snapshots and rollbacks say. This room knows nothing of
//! gRPC or of tokio: answers go to callbacks.

#![warn(clippy::indexing_slicing)]

mod blocks;
mod check;
mod checkpoint;
mod command;
mod durable;
mod entry;
mod error;
mod feeds;
mod handle;
mod journal;
mod layer;
mod log;
mod names;
mod projection;
mod readings;
mod reads;
mod resolve;
mod room;
mod seats;
mod state;
mod update;
mod view;
mod wire;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use command::{Attached, Reply};
pub use error::{DecodeError, StockError};
pub use handle::{Clock, JournalState, Publisher, ReplaceStream, Stock, StockOptions};
pub use update::{
    BatchDone, BlockDone, BlockDraft, BlockPage, Effective, EffectiveList, ListedBlock, Reading,
    ReadingPage, Rejected, ReplaceDone, Said, Told, UnblockDone, UnblockDraft, UpdateDraft,
};
#[cfg(test)]
pub(crate) use view::BlockedProducts;
pub use view::{FeedPosition, ProductBlock, Readings, StockView};
