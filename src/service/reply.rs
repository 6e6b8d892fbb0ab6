//! The hot replies: from picks to wire bytes in one buffer, without structs in between.
//!
//! A message is written once, into a buffer that the thread keeps, with the length of a nested one put
//! in when it is known; the reply is one copy of that, in its right size. Fields go out in the order of
//! their numbers and zero values are left out, so the bytes equal those of the generated encoder; a
//! test compares the two.

mod page;
mod parts;
mod wire;

use self::parts::{DataVersion, Recommendation};
use crate::{
    lookup::{Answer, Context, Interval, Scene},
    pb::{EncodedResponse, RecommendationView},
    stock::StockView,
};

pub(super) use page::{begin_page, end_page, write_slot};
pub(super) use wire::Wire;

/// What an answer is shown with.
#[derive(Clone, Copy)]
pub(super) struct Showing<'a> {
    /// What it was computed from.
    pub(super) scene: &'a Scene<'a>,
    pub(super) snapshot_id: &'a str,
    /// The market and inventory of attributes.
    pub(super) context: &'a Context<'a>,
    /// How much of each result is shown.
    pub(super) detail: RecommendationView,
}

impl<'a> Showing<'a> {
    fn version(&self, interval: Interval) -> DataVersion<'a> {
        let stock: &StockView = self.scene.stock;
        DataVersion { snapshot_id: self.snapshot_id, stock, interval }
    }
}

/// Encodes a `GetRecommendationsResponse`. `seed_ids` are those of the query, by position.
pub(super) fn encode<'q>(
    showing: &Showing<'_>,
    answer: &Answer<'_>,
    seed_ids: impl Iterator<Item = &'q str>,
    wire: &mut Wire,
) -> EncodedResponse {
    wire.begin();
    let shown = answer.picks.iter().map(|pick| Recommendation { showing, pick });
    shown.for_each(|recommendation| recommendation.append(1, wire));
    let missing = answer.missing;
    if missing != 0 {
        seed_ids
            .enumerate()
            .filter(|(position, _)| missing >> (position & 63) & 1 == 1)
            .for_each(|(_, id)| wire.element(3, id.as_bytes()));
    }
    wire.message(4, &showing.version(answer.interval));
    wire.message(6, &answer.report);
    EncodedResponse::of(wire.written())
}
