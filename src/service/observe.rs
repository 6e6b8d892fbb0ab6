//! What the metrics are told of snapshots and stock.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use super::Health;
use crate::{
    lookup::{Answer, Plan},
    model::instant,
    snapshot::{Event, Live, LoadError, Moment, Snapshot, Standing},
    stock::JournalState,
    telemetry::{
        DROP_REASONS, FeedState, Filled, Metrics, Observed, Outcome, SlotTable, SnapshotRefusal,
        SnapshotState, SourceState,
    },
};

/// Tells the metrics of one server.
#[derive(Clone, Debug)]
pub struct Observer {
    metrics: Metrics,
    /// When the snapshot that goes live next was first looked at.
    loading_since: Arc<Mutex<Option<Instant>>>,
}

impl Observer {
    /// Lets the metrics see what is live, what health says, and the state of the journal.
    #[must_use]
    pub fn new(metrics: Metrics, live: &Live, health: &Health, journal: JournalState) -> Self {
        let (live, health) = (Live::clone(live), health.clone());
        metrics.observe(move || {
            let moment = live.load();
            Observed {
                is_ready: health.is_serving(),
                snapshot: moment.as_deref().map(|moment| snapshot_state(&moment.snapshot)),
                feeds: moment.as_deref().map(feeds).unwrap_or_default(),
                is_journal_writable: journal.is_writable(),
                now_s: now_s(),
            }
        });
        Self { metrics, loading_since: Arc::default() }
    }

    /// Hears what the watcher did.
    pub fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Loaded(snapshot, since) => self.loaded(snapshot, *since),
            Event::Live(_) => self.live(),
            Event::Refused(_, error) => self.refused(error),
            Event::Quarantined(_) => self.metrics.snapshot_refused(SnapshotRefusal::Quarantined),
            Event::Stands(standing) => {
                self.metrics.snapshot_stands(*standing == Standing::Behind);
            }
            Event::Spoiled(_) => self.metrics.catalog_spoiled(),
            Event::Unmapped(_) => {}
        }
    }

    /// A snapshot is loaded, and goes live next: its slots are counted.
    fn loaded(&self, snapshot: &Snapshot, since: Instant) {
        let view = snapshot.catalog().view();
        let markets = view.meta().markets.iter().map(|market| market.id.as_str());
        let markets = markets.collect::<Vec<_>>();
        let table = self.metrics.slot_table(snapshot.policy().placement_ids(), &markets);
        snapshot.count_slots(table);
        *self.loading_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(since);
    }

    /// It is live.
    fn live(&self) {
        let since = self.loading_since.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(since) = since {
            self.metrics.snapshot_swapped(since.elapsed());
        }
    }

    /// A snapshot is refused.
    fn refused(&self, error: &LoadError) {
        self.metrics.snapshot_refused(match error {
            LoadError::Store(_) => SnapshotRefusal::Store,
            LoadError::Blob(_) => SnapshotRefusal::Blob,
            LoadError::Policy(_) => SnapshotRefusal::Policy,
            LoadError::Stock(_) => SnapshotRefusal::Stock,
            LoadError::Check(_) => SnapshotRefusal::Check,
            LoadError::Panicked(_) => SnapshotRefusal::Panicked,
            LoadError::Thread(_) | LoadError::NoCatalog { .. } => SnapshotRefusal::Other,
        });
    }
}

fn snapshot_state(snapshot: &Snapshot) -> SnapshotState {
    let sources = snapshot.provenance().into_iter().flat_map(|all| {
        (0_u32..).zip(all.sources()).filter_map(|(number, name)| {
            let files = all.files().filter(move |file| file.source.to_native() == number);
            let confirmed = files.filter_map(|file| file.confirmed_s.as_ref());
            let confirmed_s = confirmed.map(|at_s| at_s.to_native()).max()?;
            Some(SourceState { name: name.to_owned(), confirmed_s })
        })
    });
    SnapshotState {
        id: snapshot.id().to_owned(),
        created_s: instant::parse(&snapshot.manifest().note.created_at),
        sources: sources.collect(),
    }
}

fn feeds(moment: &Moment) -> Vec<FeedState> {
    // One without readings was retired, or never said anything that could be old.
    let feeds = moment.stock.positions().iter().filter(|feed| feed.reading_count > 0);
    let states = feeds.map(|feed| FeedState {
        source: feed.source_id.to_string(),
        received_s: feed.received_s,
        beyond_gap: feed.applied_beyond_gap,
    });
    states.collect()
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Counts a slot that was answered, if this snapshot's slots are counted.
#[inline]
pub(super) fn count_slot(
    slots: Option<&SlotTable>,
    plan: &Plan<'_>,
    market: u32,
    answer: &Answer<'_>,
) {
    let Some(slots) = slots else { return };
    let report = &answer.report;
    let outcome = match (answer.picks.is_empty(), report.shortfall) {
        (true, _) => Outcome::Empty,
        (false, 0) => Outcome::Full,
        (false, _) => Outcome::Short,
    };
    let dropped: [u32; DROP_REASONS.len()] = [
        report.removed_blocked,
        report.removed_hidden,
        report.removed_by_override,
        report.removed_same_variant_group,
        report.removed_excluded,
        report.removed_outside_market,
        report.removed_outside_validity,
        report.removed_by_stage,
        report.removed_by_filter,
        report.removed_unavailable,
        report.removed_below_score,
        report.removed_by_rule,
        report.removed_on_page,
        report.removed_by_diversity,
    ];
    let filled = Filled { outcome, fallback_items: report.added_by_fallback, dropped };
    slots.count(plan.placement_number(), market, &filled);
}
