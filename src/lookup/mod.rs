//! One question, one answer: which products belong with these, here and now?
//!
//! `(&Scene, &Context, &Query) -> Plan -> Answer`, sync and pure: no clock, no I/O, no lock, and no
//! allocation once the scratch has grown. `LOOKUP.md` says rule by rule what comes out.
//!
//! 1. [`Plan`] merges the request with its placement or stage policy.
//! 2. `seeds` finds the known products, `rules` the rules that apply.
//! 3. `pins` come first; then `runs`, patched by overrides (`patch`), give candidates, best first.
//! 4. `checks` and `filter` decide about each; `walk` keeps those of one known product in order,
//!    `rank` the best sums of several; `list` keeps it varied, `kept` knows what is in it.
//! 5. `rotation` lets the pool take turns, `fallback` fills what is missing.
//!
//! `bundles` answers which sets hold a product; `trace` tells people what happened to candidates.
//! Filters come before the limit, and a short list says why in its [`FillReport`]. The work is
//! bounded by the caps in `model/limits.rs`, never by the size of the catalog.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod answer;
mod bundles;
mod categories;
mod checks;
mod fallback;
mod filter;
mod interval;
mod kept;
mod list;
mod page;
mod patch;
mod pins;
mod places;
mod plan;
mod query;
mod rank;
mod relations;
mod report;
mod rotation;
mod rules;
mod runs;
mod scene;
mod seeds;
mod trace;
mod variants;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

pub use answer::{Answer, Pick, Scratch, answer, explain};
pub use bundles::{BundleAnswer, OptionAnswer, SelectionAnswer, Unsellable, bundles};
pub use interval::Interval;
pub use page::{Page, Repeats};
pub use plan::{Plan, PlanError};
pub use query::{FallbackAsk, Query, QuerySeed, ScoreThreshold, SeedTarget};
pub use relations::{Direction, Listed, holders, list};
pub use report::{Bound, FillReport, FilterPart, Reason};
pub use scene::{Context, Scene, price, state};
pub use trace::{Fate, PinnedBy, Trace, TracedCandidate, TracedRelation};
