//! Stored relations for the wire.

use super::{text, timestamp};
use crate::{
    index::{
        Ordinal, Place, View,
        layout::{Edge, RareRecord},
    },
    lookup::Listed,
    model::{limits::PROVENANCE_BYTES_MAX, score},
    pb,
};

/// A relation as a catalog has it, or as overrides left it.
pub(in crate::service) struct Stored<'a> {
    pub(in crate::service) source: Ordinal,
    pub(in crate::service) target: Ordinal,
    pub(in crate::service) relation_type: u8,
    pub(in crate::service) edge: &'a Edge,
    pub(in crate::service) rare: Option<&'a RareRecord>,
}

impl<'a> From<&Listed<'a>> for Stored<'a> {
    fn from(listed: &Listed<'a>) -> Self {
        Self {
            source: listed.source,
            target: listed.target,
            relation_type: listed.relation_type.number(),
            edge: listed.relation.edge,
            rare: listed.relation.rare,
        }
    }
}

/// A stored relation for the wire.
pub(in crate::service) fn relation(
    view: &View<'_>,
    stored: &Stored<'_>,
    place: Option<Place<'_>>,
) -> pb::Relation {
    let Stored { edge, rare, .. } = *stored;
    pb::Relation {
        source_product_id: text(view, stored.source),
        target_product_id: text(view, stored.target),
        relation_type: stored.relation_type.into(),
        score: score::share(edge.score.get()),
        origin: edge.origin_number().into(),
        quantity: rare.map_or(0.0, |rare| rare.quantity.get()),
        stages: edge.stages().stages().map(|stage| stage as i32).collect(),
        start_time: rare.and_then(|rare| timestamp(rare.valid_from_s.get())),
        expire_time: rare.and_then(|rare| timestamp(rare.valid_to_s.get())),
        provenance: place.map_or_else(String::new, |place| provenance(&place)),
        confirm_time: place
            .and_then(|place| timestamp(place.file.confirmed_s.as_ref()?.to_native())),
        market_ids: market_ids(view, rare.map_or(0, |rare| rare.markets.get())),
    }
}

/// Where a relation was read: source name, file, line.
fn provenance(place: &Place<'_>) -> String {
    cut(format!("{}: {}:{}", place.source, place.file.name, place.line))
}

/// As much of a text as the wire takes of where something was read.
pub(in crate::service) fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(PROVENANCE_BYTES_MAX));
    text
}

/// The markets of a mask; none for every one.
fn market_ids(view: &View<'_>, mask: u64) -> Vec<String> {
    let markets = (0..).zip(view.meta().markets.iter());
    let named = markets.filter(|(bit, _)| mask.unbounded_shr(*bit) & 1 == 1);
    named.map(|(_, market)| market.id.to_string()).collect()
}
