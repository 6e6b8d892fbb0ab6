//! What an answer was computed from, and what a request wants it to be computed from at least.

use prost_types::Timestamp;

use crate::{
    lookup::Interval,
    pb,
    service::{
        present::Present,
        status::{Lag, Refusal},
    },
    stock::FeedPosition,
};

/// What an answer was computed from.
pub(in crate::service) fn data_version(
    present: &Present<'_>,
    interval: Interval,
) -> pb::DataVersion {
    let stock = present.scene.stock;
    let positions = stock.positions().iter();
    pb::DataVersion {
        snapshot_id: present.snapshot_id.to_owned(),
        availability: positions.map(feed_position).collect(),
        valid_from_time: timestamp(interval.from_s),
        valid_until_time: timestamp(interval.until_s),
        blocks_digest: stock.blocks_digest(),
    }
}

fn feed_position(position: &FeedPosition) -> pb::FeedPosition {
    pb::FeedPosition {
        source_id: position.source_id.to_string(),
        sequence: position.sequence,
        applied_beyond_gap: position.applied_beyond_gap,
    }
}

/// An instant; none for the ends of time.
pub(in crate::service) fn timestamp(seconds: i64) -> Option<Timestamp> {
    let is_bound = seconds != i64::MIN && seconds != i64::MAX;
    is_bound.then_some(Timestamp { seconds, nanos: 0 })
}

/// Refuses if some feed was not applied as far as the request asks.
pub(in crate::service) fn require_positions(
    asked: &[pb::FeedPosition],
    applied: &[FeedPosition],
) -> Result<(), Refusal> {
    let behind = asked.iter().filter_map(|asked| {
        let applied = applied.iter().find(|applied| *applied.source_id == *asked.source_id);
        let at = applied.map_or(0, |applied| applied.sequence);
        (at < asked.sequence).then(|| Lag {
            source_id: asked.source_id.clone(),
            asked: asked.sequence,
            applied: at,
        })
    });
    let behind = behind.collect::<Vec<_>>();
    if behind.is_empty() { Ok(()) } else { Err(Refusal::Behind(behind)) }
}
