//! What the shop wants: placements, stage policy, rules and overrides.
//!
//! Two layers. *Documents* are the files as people write them, checked with line and column:
//! `placements.toml` and `overrides.csv`; `POLICY.md` says what may stand in them. *Bound* to one
//! catalog, names have become numbers, and [`Policy`] is what lookups read. What the catalog does
//! not know matches nothing. No I/O, no clock; the catalog is known only as [`Names`].

mod bind;
mod bits;
mod bound;
mod chains;
mod csv;
mod document;
mod error;
mod names;
mod overrides;
mod overrides_document;
mod reader;
mod row_reader;
mod rule_reader;
mod rules;
mod slot_reader;
#[cfg(test)]
mod tests;

pub use crate::model::config::{OVERRIDES_FILE_NAME, POLICY_FILE_NAME};
pub use bound::{MixEntry, Placement, Policy, SlotPolicy};
pub use document::{BUILT_IN_POLICY, PolicyDoc};
pub use error::{Fault, PolicyError, PolicyErrors};
pub use names::{Names, Noun, Unbound};
pub use overrides::{Override, OverrideAction, Overrides};
pub use overrides_document::{
    Added, OverrideColumn, OverrideRow, OverrideWord, OverridesDoc, Which,
};
pub use rules::{Rule, RuleAction, RuleMatch, RuleWhen, Window};
