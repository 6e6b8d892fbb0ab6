//! What the shop wants: placements, stage policy, rules and overrides.
//!
//! Two layers. *Documents* are the files as people write them, checked with line and column:
//! `placements.toml` and `overrides.csv`; `POLICY.md` says what may stand in them. *Bound* to one
//! catalog, names have become numbers, and [`Policy`] is what lookups read. What the catalog does
//! not know matches nothing. No I/O, no clock; the catalog is known only as [`Names`].

mod bits;
mod bound;
mod names;
mod overrides;
mod rules;

pub use bound::{MixEntry, Placement, Policy, SlotPolicy};
pub use names::Names;
pub use overrides::{Override, OverrideAction, Overrides};
pub use rules::{Rule, RuleAction, RuleMatch, RuleWhen, Window};
