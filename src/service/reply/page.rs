//! The reply of a page call: slot after slot in one buffer.

use super::{Showing, Wire, parts::Recommendation, wire::Message};
use crate::{
    lookup::{Answer, Interval},
    pb::{self, EncodedResponse},
};

/// Begins a page.
pub(in crate::service) fn begin_page(wire: &mut Wire) {
    wire.begin();
}

/// Writes the next slot of a page: its answer, or why it has none.
pub(in crate::service) fn write_slot(
    showing: &Showing<'_>,
    slot_id: &str,
    answer: Result<&Answer<'_>, &pb::SlotError>,
    wire: &mut Wire,
) {
    wire.nested(1, |out| {
        out.bytes(1, slot_id.as_bytes());
        match answer {
            Ok(answer) => {
                let shown = answer.picks.iter().map(|pick| Recommendation { showing, pick });
                shown.for_each(|recommendation| recommendation.append(2, out));
                out.message(4, &answer.report);
            }
            Err(error) => out.message(5, error),
        }
    });
}

/// The whole `BatchGetRecommendationsResponse`. `missing` are seeds that the catalog does not know, each
/// once.
pub(in crate::service) fn end_page<'q>(
    showing: &Showing<'_>,
    missing: impl Iterator<Item = &'q str>,
    interval: Interval,
    wire: &mut Wire,
) -> EncodedResponse {
    missing.for_each(|id| wire.element(3, id.as_bytes()));
    wire.message(4, &showing.version(interval));
    EncodedResponse::of(wire.written())
}

impl Message for pb::SlotError {
    fn write(&self, out: &mut Wire) {
        out.int32(1, self.code);
        out.bytes(2, self.reason.as_bytes());
        out.bytes(3, self.field.as_bytes());
        out.bytes(4, self.message.as_bytes());
    }
}
