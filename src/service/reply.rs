//! The hot replies: from picks to wire bytes in one buffer, without structs in between.
//!
//! Each message is walked twice by the same code: once by a [`Length`] that measures it, once by the
//! buffer that takes it, which is therefore allocated once and in its right size. Fields go out in
//! the order of their numbers and zero values are left out, so the bytes equal those of the
//! generated encoder; a test compares the two.

mod page;
mod parts;
mod wire;

use self::{
    parts::{DataVersion, Recommendation},
    wire::{Length, Message, Sink},
};
use crate::{
    lookup::{Answer, Context, Interval, Scene},
    model::limits::RESULTS_MAX,
    pb::{EncodedResponse, FrameBuffer, RecommendationView},
    stock::StockView,
};
use arrayvec::ArrayVec;

pub(super) use page::{PageBuffer, encode_page};

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
    seed_ids: impl Iterator<Item = &'q str> + Clone,
) -> EncodedResponse {
    let recommendation = |pick| Recommendation { showing, pick };
    let tail = Tail { showing, answer, seed_ids };
    let mut len = Length::of(&tail);
    let mut lengths = ArrayVec::<usize, RESULTS_MAX>::new();
    for pick in answer.picks.iter().take(RESULTS_MAX) {
        let length = Length::of(&recommendation(pick)).0;
        len.block(1, length);
        lengths.push(length);
    }
    // Exactly full, so that `Bytes` takes the buffer as it is.
    let mut frame = FrameBuffer::with_capacity(len.0);
    let out = frame.message();
    for (pick, length) in answer.picks.iter().zip(lengths) {
        out.head(1, length);
        recommendation(pick).write(out);
    }
    tail.write(out);
    frame.finish()
}

/// What follows the recommendations.
struct Tail<'a, S> {
    showing: &'a Showing<'a>,
    answer: &'a Answer<'a>,
    seed_ids: S,
}

impl<'q, S: Iterator<Item = &'q str> + Clone> Message for Tail<'_, S> {
    fn write(&self, out: &mut impl Sink) {
        let missing = self.answer.missing;
        if missing != 0 {
            let seeds = self.seed_ids.clone().enumerate();
            seeds
                .filter(|(position, _)| missing >> (position & 63) & 1 == 1)
                .for_each(|(_, id)| out.element(3, id.as_bytes()));
        }
        out.message(4, &self.showing.version(self.answer.interval));
        out.message(6, &self.answer.report);
    }
}
