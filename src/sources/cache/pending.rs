//! What a source said that no publish has taken yet.
//!
//! Nobody sends the delta of a night twice. So what was read in any mode but `full` is written down,
//! merged onto what was good, before anything is asked of the store; and it waits:
//!
//! - The catalog it went into was published: it is good. The pointer says so at once, or, if the
//!   process died in between, as soon as the next compile finds that catalog in the store. So the
//!   hash of the catalog is written down before the publish, and the store alone decides.
//! - The run failed or was refused, for whatever reason and whichever source: the next input is merged
//!   onto what waits, as if that had been published. Every mode merges the same input twice to the
//!   same records, so each delta counts exactly once, be its file there still or not.
//!   What was found in it is found again, once, until someone lets it pass: a clean delta that comes
//!   after a bad one does not let that through under `--strict`.
//! - What waits is itself bad: [`SourceCache::forget_pending`], and the next input meets what is good.
//!
//! One merged entry waits, not a list of deltas: merging `b` onto the merge of `a` is what two
//! publishes would have done, and a month of refused nights takes the room of one. Its price: what
//! waits is bound to the entry below it. If a rollback takes that away, nobody knows which part of it
//! is still wanted, and the next compile says so instead of choosing.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    CacheError, SourceCache,
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

/// What is kept of a source, as the store decides it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) pointer: Option<Pointer>,
    pub(super) pending: Option<Pending>,
    /// What waited was published, and the disk does not say so yet.
    pub(super) is_late: bool,
}

impl Known {
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

impl SourceCache {
    /// What waits for a publish, if anything does.
    ///
    /// # Errors
    /// Its file is damaged or cannot be read.
    pub fn pending(&self) -> Result<Option<Pending>, CacheError> {
        disk::read_json(&self.pending_path())
    }

    /// Forgets what waits. Only who has the [`CacheLock`](super::CacheLock) may.
    ///
    /// # Errors
    /// [`CacheError::NothingPending`], or the system refuses.
    pub fn forget_pending(&self) -> Result<Pending, CacheError> {
        let pending = self.pending()?;
        let pending =
            pending.ok_or_else(|| CacheError::NothingPending { name: self.name.clone() })?;
        self.end_pending()?;
        self.clean()?;
        Ok(pending)
    }

    pub(super) fn known(&self, store: &dyn Lineage) -> Result<Known, CacheError> {
        let (pointer, pending) = (self.pointer()?, self.pending()?);
        let Some(Pending { entry, base, catalog, after }) = pending else {
            return Ok(Known { pointer, pending: None, is_late: false });
        };
        match catalog.filter(|catalog| store.was_published(catalog, after)) {
            Some(catalog) => {
                let pointer = Some(Pointer::after(pointer, entry, &catalog));
                Ok(Known { pointer, pending: None, is_late: true })
            }
            None => {
                let pending = Some(Pending { entry, base, catalog: None, after });
                Ok(Known { pointer, pending, is_late: false })
            }
        }
    }

    pub(super) fn put_pending(&self, pending: &Pending) -> Result<(), CacheError> {
        disk::write_json(&self.pending_path(), Writer::Compile, pending)?;
        self.clean()
    }

    pub(super) fn end_pending(&self) -> Result<(), CacheError> {
        let path = self.pending_path();
        if fs::exists(&path).map_err(disk::failed("look for", &path))? {
            disk::remove(&path)?;
        }
        Ok(())
    }

    /// Takes away the records that nothing names any more.
    pub(super) fn clean(&self) -> Result<(), CacheError> {
        let (pointer, pending) = (self.pointer()?, self.pending()?);
        let good = pointer.iter().flat_map(Pointer::entries);
        let entries = good.chain(pending.as_ref().map(|pending| &pending.entry));
        let kept = entries.map(|entry| entry.records.to_string()).collect::<Vec<_>>();
        disk::keep_only(&self.dir, &kept);
        Ok(())
    }

    fn pending_path(&self) -> PathBuf {
        self.dir.join("pending.json")
    }
}
