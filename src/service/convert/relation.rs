//! Stored relations for the wire.

use super::{text, timestamp};
use crate::{
    index::{Place, View},
    lookup::Listed,
    model::{limits::PROVENANCE_BYTES_MAX, score},
    pb,
};

/// A stored relation for the wire.
pub(in crate::service) fn relation(
    view: &View<'_>,
    listed: &Listed<'_>,
    place: Option<Place<'_>>,
) -> pb::Relation {
    let edge = listed.relation.edge;
    let rare = listed.relation.rare;
    pb::Relation {
        source_product_id: text(view, listed.source),
        target_product_id: text(view, listed.target),
        relation_type: i32::from(listed.relation_type.number()),
        score: score::share(edge.score.get()),
        origin: i32::from(edge.origin_number()),
        quantity: rare.map_or(0.0, |rare| rare.quantity.get()),
        stages: edge.stages().stages().map(|stage| stage as i32).collect(),
        start_time: rare.and_then(|rare| timestamp(rare.valid_from_s.get())),
        expire_time: rare.and_then(|rare| timestamp(rare.valid_to_s.get())),
        provenance: place.map_or_else(String::new, |place| provenance(&place)),
        confirm_time: place.and_then(|place| timestamp(place.file.confirmed_s.as_ref()?.to_native())),
        market_ids: market_ids(view, rare.map_or(0, |rare| rare.markets.get())),
    }
}

/// Where a relation was read: source name, file, line.
pub(in crate::service) fn provenance(place: &Place<'_>) -> String {
    cut(format!("{}: {}:{}", place.source, place.file.name, place.line))
}

/// As much of a text as the wire takes of where something was read.
pub(in crate::service) fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(PROVENANCE_BYTES_MAX));
    text
}

/// The markets of a mask; none for every one.
pub(in crate::service) fn market_ids(view: &View<'_>, mask: u64) -> Vec<String> {
    let markets = (0..).zip(view.meta().markets.iter());
    let named = markets.filter(|(bit, _)| mask.unbounded_shr(*bit) & 1 == 1);
    named.map(|(_, market)| market.id.to_string()).collect()
}
