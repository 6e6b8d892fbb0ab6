//! The present moment: a snapshot and the stock over its catalog, replaced as one pair.
//!
//! The stock writer's thread is the only one that stores it: for each batch with the snapshot that
//! is there, and for a new snapshot inside [`Stock::attach`], so that no update falls between.

use std::sync::{Arc, mpsc};

use super::Snapshot;
use crate::{
    slot::Slot,
    stock::{Publisher, Stock, StockError, StockView},
};

/// The place of the present moment, shared by all who answer from it.
pub type Live = Arc<Slot<Moment>>;

/// What one request answers from: loaded once, kept to its end.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Products, relations and policy.
    pub snapshot: Arc<Snapshot>,
    /// Stock, prices and blocks; its ordinals are those of the snapshot's catalog.
    pub stock: Arc<StockView>,
}

/// Puts each view of the stock writer beside the snapshot that is live.
#[derive(Clone, Debug)]
pub struct LivePublisher(Live);

impl LivePublisher {
    /// Publishes into this slot. Only one stock writer may store there.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self(live)
    }
}

impl Publisher for LivePublisher {
    fn publish(&mut self, view: &Arc<StockView>) {
        let Some(now) = self.0.load() else { return };
        let of_snapshot = now.snapshot.catalog().blob().hash();
        assert_eq!(view.catalog(), Some(of_snapshot), "only `go_live` attaches catalogs");
        let snapshot = Arc::clone(&now.snapshot);
        // The pair before shares nearly all with this one, so that its end costs nothing; the
        // snapshot itself is kept by this one.
        drop(self.0.swap(Arc::new(Moment { snapshot, stock: Arc::clone(view) })));
    }
}

/// Makes a snapshot live, with the stock over its catalog, and hands back the pair that was. Waits
/// for the stock writer.
///
/// # Errors
/// The writer has ended; nothing changed.
pub(super) fn go_live(
    live: &Live,
    stock: &Stock,
    snapshot: &Arc<Snapshot>,
) -> Result<Option<Arc<Moment>>, StockError> {
    let (swapped, retired) = mpsc::sync_channel(1);
    let (slot, next) = (Arc::clone(live), Arc::clone(snapshot));
    let swap = move |view: Arc<StockView>| {
        let before = slot.swap(Arc::new(Moment { snapshot: next, stock: view }));
        // The pair goes to whoever waits, and ends there: it may be the last of its catalog.
        swapped.send(before).expect("the watcher waits for it");
    };
    stock.attach(snapshot.shared_catalog(), Box::new(swap))?;
    retired.recv().map_err(|_| StockError::Closed)
}
