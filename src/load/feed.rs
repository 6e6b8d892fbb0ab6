//! A feed of stock beside the calls: what a shop's stock system sends while pages render.
//!
//! It changes what the server believes, so it is for test servers. Its source is [`SOURCE`], and
//! [`retire`] takes back all that it has said.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::runtime::Runtime;

use super::{
    asked::{Asked, mixed},
    error::LoadError,
    report::{FeedReport, Percentiles, per_second},
    run::{Feed, sleep_until},
    tally::{count, histogram, micros},
};
use crate::{
    client::{ClientError, Replica, Target},
    pb::{self, Availability},
};

/// The source whose readings the feed sends.
pub const SOURCE: &str = "load";

/// One product in so many is sold out.
const SOLD_OUT_ONE_IN: u64 = 5;

/// A feed that is connected and knows where to go on.
pub(super) struct Feeder {
    runtime: Runtime,
    replica: Replica,
    next: u64,
    ids: Vec<String>,
    feed: Feed,
}

impl Feeder {
    pub(super) fn connect(to: &Target, asked: &Arc<Asked>, feed: Feed) -> Result<Self, LoadError> {
        let ids = asked.product_ids();
        if ids.is_empty() {
            return Err(LoadError::NothingToAsk);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (replica, next) = runtime.block_on(async {
            let mut replica = Replica::connect(to.clone()).await?;
            let next = next_sequence(&mut replica).await?;
            Ok::<_, ClientError>((replica, next))
        })?;
        Ok(Self { runtime, replica, next, ids, feed })
    }

    /// Sends batch after batch, none before its time and none before the one before is
    /// acknowledged: a feed has an order.
    pub(super) fn run(mut self, begin: Instant) -> FeedReport {
        let schedule = self.feed.schedule;
        let (mut ack_us, mut report) = (histogram(), FeedReport::default());
        let (mut errors, mut updates, mut last) = (BTreeMap::new(), 0, Duration::ZERO);
        for call in 0..schedule.calls() {
            let intended = schedule.start(call);
            sleep_until(begin + intended);
            let batch = self.batch(call);
            let done = self.runtime.block_on(self.replica.batch(batch));
            let is_measured = schedule.is_measured(call);
            match done {
                Ok(done) => {
                    self.next += 1;
                    report.rejected_updates += u64::try_from(done.rejected.len()).unwrap_or(0);
                    if is_measured {
                        last = begin.elapsed();
                        ack_us.saturating_record(micros(last.saturating_sub(intended)));
                        // One that was heard of before counts nothing.
                        updates += u64::from(done.applied) + u64::from(done.stale);
                    }
                }
                // Also of the warm-up: a feed that fails there will not be whole later.
                Err(ClientError::Refused { code, .. }) => count(&mut errors, &code, 1),
                Err(ClientError::Unreachable { .. }) => count(&mut errors, "Unavailable", 1),
            }
        }
        let took = last.saturating_sub(schedule.warm_up()).max(schedule.measured());
        FeedReport {
            intended_per_s: schedule.units_per_s.get(),
            acked_per_s: per_second(updates, took.as_secs_f64()),
            planned: schedule.measured_calls(),
            acked: ack_us.len(),
            errors,
            ack_us: Percentiles::of(&ack_us),
            ..report
        }
    }

    fn batch(&self, call: u64) -> pb::BatchUpdateAvailabilityRequest {
        let per_call = u64::from(self.feed.schedule.units_per_call.get());
        let count = u64::try_from(self.ids.len()).unwrap_or(u64::MAX).max(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let event_time = Some(pb::Timestamp {
            seconds: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(now.subsec_nanos()).unwrap_or(0),
        });
        let update = |number| {
            let picked = mixed(self.feed.seed, number);
            let place = usize::try_from(picked % count).unwrap_or(0);
            let is_sold_out = (picked >> 32).is_multiple_of(SOLD_OUT_ONE_IN);
            let state = if is_sold_out { Availability::OutOfStock } else { Availability::InStock };
            Some(pb::AvailabilityUpdate {
                product_id: self.ids.get(place)?.clone(),
                availability: state.into(),
                event_time,
                ..Default::default()
            })
        };
        let numbers = call * per_call..(call + 1) * per_call;
        pb::BatchUpdateAvailabilityRequest {
            source_id: SOURCE.to_owned(),
            sequence: self.next,
            updates: numbers.filter_map(update).collect(),
        }
    }
}

/// Takes back all that the feed has ever said to a server.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub async fn retire(to: Target) -> Result<(), ClientError> {
    let mut replica = Replica::connect(to).await?;
    let sequence = next_sequence(&mut replica).await?;
    let source_id = SOURCE.to_owned();
    let nothing = pb::ReplaceAvailabilityRequest { source_id, sequence, ..Default::default() };
    replica.replace(vec![nothing]).await.map(drop)
}

/// Where the feed goes on, also behind batches that came after a gap.
async fn next_sequence(replica: &mut Replica) -> Result<u64, ClientError> {
    let position = replica.position(SOURCE).await?;
    Ok(position.sequence.saturating_add(u64::from(position.applied_beyond_gap)).saturating_add(1))
}
