//! What a source said that no publish has taken yet, as far as the cache knows.
//!
//! Nobody sends the delta of a night twice. So what was read in any mode but `full` is written down,
//! merged onto what was good, before anything is asked of the store; and it waits:
//!
//! - The catalog it went into was published: it is good. The pointer says so at once, or, if the
//!   process died in between, as soon as someone who writes to the cache finds that catalog in the
//!   store ([`Cache::settle`]). So the hash of the catalog is written down before the publish, and the
//!   store alone decides; who only looks sees the same without a write.
//! - The run failed or was refused, for whatever reason and whichever source: the next input is merged
//!   onto what waits, as if that had been published. Every mode merges the same input twice to the
//!   same records, so each delta counts exactly once, be its file there still or not.
//!   What was found in it is found again, once, until someone lets it pass: a clean delta that comes
//!   after a bad one does not let that through under `--strict`.
//! - What waits is itself bad: [`SourceCache::forget_pending`], and the next input meets what is good.
//!
//! What a source in mode `full` said it says again, and nothing of it waits. But its entry and catalog
//! are written down in the same way for the time of the publish (`whole.json`), so that a crash does not
//! leave as good what was good before.
//!
//! One merged entry waits, not a list of deltas: merging `b` onto the merge of `a` is what two
//! publishes would have done, and a month of refused nights takes the room of one. Its price: what
//! waits is bound to the entry below it. If a rollback takes that away, nobody knows which part of it
//! is still wanted, and the next compile says so instead of choosing.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    Cache, CacheError, CacheLock, SourceCache,
    disk::{self, Writer},
    pointer::{Entry, Lineage, Pointer},
};
use crate::sources::records::RecordsHash;

/// An entry that waits for a publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// All that the source says with it.
    pub entry: Entry,
    /// The good records it was merged onto; none, if nothing was published with the source.
    pub(super) base: Option<RecordsHash>,
    /// The catalog that was to be published with it, once that was known.
    pub(super) catalog: Option<String>,
    /// How many times the store was written to when it was read: a catalog of before is another one
    /// that happens to be the same.
    pub(super) after: u64,
}

/// Which of the two a source's entry is on its way to a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// What is lost unless it is published, now or later.
    Delta,
    /// What the source says again.
    Whole,
}

impl Way {
    const fn file_name(self) -> &'static str {
        match self {
            Self::Delta => "pending.json",
            Self::Whole => "whole.json",
        }
    }
}

/// What is kept of a source, as the store decides it.
#[derive(Debug)]
pub struct Known {
    /// The entries that were published.
    pub pointer: Option<Pointer>,
    /// What waits.
    pub pending: Option<Pending>,
    /// The disk does not say so yet.
    pub(super) is_late: bool,
}

impl Known {
    /// What was on its way has arrived.
    fn publish(&mut self, arrived: Pending) {
        let Pending { entry, catalog, .. } = arrived;
        let catalog = catalog.expect("who was published had a catalog");
        self.pointer = Some(Pointer::after(self.pointer.take(), entry, &catalog));
        self.pending = None;
        self.is_late = true;
    }

    /// What a new input of a mode that keeps anything is merged onto.
    pub(super) fn base(
        &self,
        source: &SourceCache,
        good: Option<&Entry>,
    ) -> Result<Option<Entry>, CacheError> {
        if self.pointer.is_some() && good.is_none() {
            return Err(source.not_good(self));
        }
        match &self.pending {
            None => Ok(good.cloned()),
            Some(pending) if pending.base == good.map(|good| good.records) => {
                Ok(Some(pending.entry.clone()))
            }
            Some(pending) => Err(CacheError::PendingOutdated {
                name: source.name.clone(),
                read_at: pending.entry.read_at.clone(),
            }),
        }
    }
}

impl Cache {
    /// Writes down of every source what the store says became of it: what was published is good, and
    /// waits no more. Before anything else is written to a cache.
    ///
    /// # Errors
    /// The system refuses.
    pub fn settle(&self, _lock: &CacheLock, store: &dyn Lineage) -> Result<(), CacheError> {
        for source in self.sources()? {
            // What is damaged is named by who asks for the source.
            if let Ok(mut known) = source.known(store) {
                source.settle(&mut known)?;
            }
        }
        Ok(())
    }
}

impl SourceCache {
    /// What waits for a publish, if anything does.
    ///
    /// # Errors
    /// Its file is damaged or cannot be read.
    pub fn pending(&self) -> Result<Option<Pending>, CacheError> {
        disk::read_json(&self.way_path(Way::Delta))
    }

    /// Forgets what waits. Only who has the [`CacheLock`] may, after [`Cache::settle`].
    ///
    /// # Errors
    /// [`CacheError::NothingPending`], or the system refuses.
    pub fn forget_pending(&self) -> Result<Pending, CacheError> {
        let pending = self.pending()?;
        let pending =
            pending.ok_or_else(|| CacheError::NothingPending { name: self.name.clone() })?;
        self.end(Way::Delta)?;
        self.clean()?;
        Ok(pending)
    }

    /// What is kept, as this store decides it, whether the disk says so already or not.
    ///
    /// # Errors
    /// Files are damaged or cannot be read.
    pub fn known(&self, store: &dyn Lineage) -> Result<Known, CacheError> {
        let (pointer, pending) = (self.pointer()?, self.pending()?);
        let whole = disk::read_json::<Pending>(&self.way_path(Way::Whole))?;
        let mut known = Known { pointer, pending: None, is_late: whole.is_some() };
        let published = |pending: &Pending| {
            let catalog = pending.catalog.as_deref();
            catalog.is_some_and(|catalog| store.was_published(catalog, pending.after))
        };
        match pending {
            Some(pending) if published(&pending) => known.publish(pending),
            Some(pending) => known.pending = Some(Pending { catalog: None, ..pending }),
            None => {}
        }
        if let Some(whole) = whole.filter(published) {
            known.publish(whole);
        }
        Ok(known)
    }

    /// Writes down what is known.
    pub(super) fn settle(&self, known: &mut Known) -> Result<(), CacheError> {
        if !known.is_late {
            return Ok(());
        }
        if let Some(pointer) = &known.pointer {
            self.point(pointer)?;
        }
        if known.pending.is_none() {
            self.end(Way::Delta)?;
        }
        self.end(Way::Whole)?;
        known.is_late = false;
        self.clean()
    }

    pub(super) fn put(&self, way: Way, pending: &Pending) -> Result<(), CacheError> {
        disk::write_json(&self.way_path(way), Writer::Compile, pending)?;
        self.clean()
    }

    pub(super) fn end(&self, way: Way) -> Result<(), CacheError> {
        let path = self.way_path(way);
        if fs::exists(&path).map_err(disk::failed("look for", &path))? {
            disk::remove(&path)?;
        }
        Ok(())
    }

    /// Takes away the records that nothing names any more.
    pub(super) fn clean(&self) -> Result<(), CacheError> {
        let (pointer, pending) = (self.pointer()?, self.pending()?);
        let whole = disk::read_json::<Pending>(&self.way_path(Way::Whole))?;
        let good = pointer.iter().flat_map(Pointer::entries);
        let entries = good.chain(pending.iter().chain(&whole).map(|pending| &pending.entry));
        let kept = entries.map(|entry| entry.records.to_string()).collect::<Vec<_>>();
        disk::keep_only(&self.dir, &kept);
        Ok(())
    }

    fn way_path(&self, way: Way) -> PathBuf {
        self.dir.join(way.file_name())
    }
}
