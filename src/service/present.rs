//! What a call answers from, and what it asks of that before anything else.

use rustix::time::{ClockId, clock_gettime};

use super::{convert, status::Refusal};
use crate::{
    index::{Dropped, Provenance},
    lookup::Scene,
    pb,
    snapshot::Moment,
    telemetry::SlotTable,
};

/// One moment, borrowed for a call: the snapshot and the stock over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Present<'a> {
    pub(super) snapshot_id: &'a str,
    pub(super) scene: Scene<'a>,
    /// For people: where relations were read, and which were refused.
    pub(super) provenance: Option<&'a Provenance>,
    pub(super) dropped: Option<&'a Dropped>,
    /// Where its slots are counted.
    pub(super) slots: Option<&'a SlotTable>,
    /// The clock at arrival, in seconds since 1970.
    pub(super) now_s: i64,
}

impl<'a> Present<'a> {
    /// The moment as it is now. The clock is read here, once a call.
    pub(super) fn of(moment: &'a Moment) -> Self {
        let Moment { snapshot, stock } = moment;
        let view = snapshot.catalog().view();
        Self {
            snapshot_id: snapshot.id(),
            scene: Scene { view, policy: snapshot.policy(), stock },
            provenance: snapshot.provenance(),
            dropped: snapshot.dropped(),
            slots: snapshot.slots(),
            now_s: now_s(),
        }
    }

    /// Refuses another snapshot than the one asked for, if one is.
    pub(super) fn require_snapshot(&self, asked: &str) -> Result<(), Refusal> {
        if asked.is_empty() || asked == self.snapshot_id {
            return Ok(());
        }
        Err(Refusal::not_active(asked, self.snapshot_id))
    }

    /// Refuses if some feed was not applied as far as the request asks.
    pub(super) fn require_positions(&self, asked: &[pb::FeedPosition]) -> Result<(), Refusal> {
        convert::require_positions(asked, self.scene.stock.positions())
    }
}

/// The clock, in whole seconds since 1970: as of the last tick, a few milliseconds ago, which takes a third of
/// the time of a reading to the nanosecond.
fn now_s() -> i64 {
    clock_gettime(ClockId::RealtimeCoarse).tv_sec
}
