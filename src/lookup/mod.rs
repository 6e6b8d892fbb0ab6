//! One question, one answer: which products belong with these?
//!
//! `(&View, &Query, &mut Scratch) -> Answer`, sync and pure: no clock, no I/O, no lock, and no
//! allocation once the scratch has grown. Filters come before the limit, and a short list says why
//! in its [`FillReport`]. The work is bounded by the caps of the compiler, never by the size of the
//! catalog.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod answer;
mod candidates;
mod query;
mod relations;
mod scratch;

#[cfg(test)]
pub(crate) mod tests;

pub use answer::{Answer, FillReport, Pick, answer};
pub use query::{Query, QuerySeed, ScoreThreshold};
pub use relations::{Direction, Listed, holders, list};
pub use scratch::Scratch;
