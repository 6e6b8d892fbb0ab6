//! What is newer than any snapshot: stock, prices and recalls.
//!
//! Sources feed readings ([`Stock`]); one writer thread journals them, applies them to a state that
//! is keyed by ids and knows no catalog, and projects that state on the live catalog as an immutable
//! [`StockView`]. The order is a promise: journal, sync, publish the view, acknowledge. A recalled
//! product stays blocked whatever feeds, snapshots and rollbacks say. This room knows nothing of
//! gRPC or of tokio: answers go to callbacks.

#![warn(clippy::indexing_slicing)]

mod layer;
mod view;

pub use view::{FeedPosition, ProductBlock, StockView};
