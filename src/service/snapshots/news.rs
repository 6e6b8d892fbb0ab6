//! What the watcher and the stock writer have done: told by their threads, asked by calls and streams.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::SystemTime,
};

use tokio::sync::watch;

use crate::{
    model::limits::SNAPSHOTS_REMEMBERED_MAX,
    snapshot::Event,
    store::{Manifest, SnapshotId},
};

/// The news of one replica; clones share them.
#[derive(Clone, Debug)]
pub struct SnapshotNews(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    told: Mutex<Told>,
    changes: watch::Sender<Change>,
    look: OnceLock<Look>,
}

/// Something that shoppers may see, or that a call waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) at: SystemTime,
    blocks_digest: u64,
}

/// Makes the watcher look at once.
struct Look(Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

#[derive(Debug, Default)]
struct Told {
    /// When each snapshot went live last.
    activated: BTreeMap<String, SystemTime>,
    /// How many times each is mapped.
    mapped: BTreeMap<String, usize>,
    /// The latest at the end.
    refused: VecDeque<Refused>,
}

/// A manifest that was not taken.
#[derive(Clone, Debug)]
struct Refused {
    number: u64,
    snapshot_id: SnapshotId,
    why: String,
}

impl Default for SnapshotNews {
    fn default() -> Self {
        let change = Change { at: SystemTime::now(), blocks_digest: 0 };
        Self(Arc::new(Inner {
            told: Mutex::default(),
            changes: watch::Sender::new(change),
            look: OnceLock::new(),
        }))
    }
}

impl SnapshotNews {
    /// Nothing happened yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the handle that makes the watcher look; only the first one counts.
    pub fn looks_by(&self, look: impl Fn() + Send + Sync + 'static) {
        drop(self.0.look.set(Look(Box::new(look))));
    }

    /// Hears what the watcher did, after it did it.
    pub fn hear(&self, event: &Event<'_>) {
        let now = SystemTime::now();
        match event {
            Event::Live(snapshot) => {
                let mut told = self.told();
                let id = snapshot.id();
                told.activated.insert(id.to_owned(), now);
                *told.mapped.entry(id.to_owned()).or_default() += 1;
                told.refused.retain(|one| one.snapshot_id != snapshot.manifest().snapshot_id);
                forget_oldest(&mut told.activated);
            }
            Event::Loaded(..) | Event::Stands(_) | Event::Spoiled(_) => return,
            Event::Refused(manifest, error) => self.refuse(manifest, error.to_string()),
            Event::Quarantined(manifest) => {
                self.refuse(manifest, "it is quarantined (`kindred quarantine`)".to_owned());
            }
            Event::Unmapped(id) => {
                let mut told = self.told();
                if let Some(count) = told.mapped.get_mut(*id) {
                    *count = count.saturating_sub(1);
                }
                told.mapped.retain(|_, count| *count > 0);
                return;
            }
        }
        self.0.changes.send_modify(|change| change.at = now);
    }

    /// Hears the digest of the blocks of each view of stock, after it is live.
    pub fn stock_changed(&self, blocks_digest: u64) {
        self.0.changes.send_if_modified(|change| {
            let is_new = change.blocks_digest != blocks_digest;
            if is_new {
                *change = Change { at: SystemTime::now(), blocks_digest };
            }
            is_new
        });
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Makes the watcher look at once, where it is known.
    pub(super) fn look(&self) {
        if let Some(Look(look)) = self.0.look.get() {
            look();
        }
    }

    /// Why this manifest is not taken, if it is not.
    pub(in crate::service) fn refusal(&self, number: u64) -> Option<String> {
        let told = self.told();
        let found = told.refused.iter().rev().find(|one| one.number == number);
        found.map(|one| one.why.clone())
    }

    /// Was this snapshot refused, and never live since?
    pub(super) fn is_refused(&self, id: SnapshotId) -> bool {
        self.told().refused.iter().any(|one| one.snapshot_id == id)
    }

    pub(super) fn is_mapped(&self, id: SnapshotId) -> bool {
        self.told().mapped.contains_key(&id.to_string())
    }

    pub(super) fn activated(&self, id: SnapshotId) -> Option<SystemTime> {
        self.told().activated.get(&id.to_string()).copied()
    }

    fn refuse(&self, manifest: &Manifest, why: String) {
        let mut told = self.told();
        told.refused.retain(|one| one.number != manifest.number);
        if told.refused.len() == SNAPSHOTS_REMEMBERED_MAX {
            told.refused.pop_front();
        }
        let (number, snapshot_id) = (manifest.number, manifest.snapshot_id);
        told.refused.push_back(Refused { number, snapshot_id, why });
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_oldest(activated: &mut BTreeMap<String, SystemTime>) {
    if activated.len() > SNAPSHOTS_REMEMBERED_MAX
        && let Some(oldest) = activated.iter().min_by_key(|(_, at)| **at)
    {
        let oldest = oldest.0.clone();
        activated.remove(&oldest);
    }
}
