//! Requests from the wire into checked queries, and what is not a hot answer back.
//!
//! What is wrong is named by its path, `slots[2].lookup.filter.category_level`, all of it at once. A
//! value out of its range is never read as another one.

mod bundles;
mod catalog;
mod context;
mod effective;
mod explain;
mod filter;
mod listing;
mod lookup;
mod page;
mod query;
mod relation;
mod version;
mod violations;

pub(super) use bundles::{bundles_answer, bundles_query};
pub(super) use catalog::description;
pub(super) use effective::{effective_lookup, mix};
pub(super) use explain::explain_limits;
pub(super) use listing::listing;
pub(super) use lookup::unplanned;
pub(super) use page::{Envelope, SlotIds, envelope};
pub(super) use query::read_query;
pub(super) use relation::{Stored, cut, relation};
pub(super) use version::{data_version, require_positions, timestamp};
pub(super) use violations::Violations;

use crate::index::{Ordinal, View};

/// The id of a product for a message.
pub(super) fn text(view: &View<'_>, product: Ordinal) -> String {
    String::from_utf8_lossy(view.id_bytes(product)).into_owned()
}

fn over(found: usize, limit: usize) -> u32 {
    u32::try_from(found.saturating_sub(limit)).unwrap_or(u32::MAX)
}
