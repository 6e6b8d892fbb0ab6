//! A held source is not read: its last good records are taken until it is released.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Cache, CacheError, SourceCache,
    disk::{self, Writer},
    pending::Known,
    pointer::{Lineage, kept_path},
};

/// Who held a source, why and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Who.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
    /// When, in RFC 3339.
    pub since: String,
}

impl SourceCache {
    /// The hold that stands, if one does.
    ///
    /// # Errors
    /// Its file is damaged or cannot be read.
    pub fn held(&self) -> Result<Option<Hold>, CacheError> {
        disk::read_json(&self.hold_path())
    }

    /// Holds the source, of which the store has something. A compile that is running goes on without
    /// knowing.
    ///
    /// # Errors
    /// [`CacheError::NothingKept`], [`CacheError::AlreadyHeld`], or the system refuses.
    pub fn hold(&self, hold: &Hold, store: &dyn Lineage) -> Result<(), CacheError> {
        if self.known(store)?.pointer.is_none() {
            return Err(self.nothing_kept());
        }
        if let Some(Hold { actor, since, .. }) = self.held()? {
            return Err(CacheError::AlreadyHeld { name: self.name.clone(), since, actor });
        }
        disk::write_json(&self.hold_path(), Writer::Hold, hold)
    }

    /// Ends the hold; the next compile reads the source again.
    ///
    /// # Errors
    /// [`CacheError::NotHeld`], or the system refuses.
    pub fn release(&self) -> Result<(), CacheError> {
        match self.held()? {
            Some(_) => disk::remove(&self.hold_path()),
            None => Err(CacheError::NotHeld { name: self.name.clone() }),
        }
    }

    /// Why nothing of what is known is good.
    pub(super) fn not_good(&self, known: &Known) -> CacheError {
        match known.pointer {
            None => self.nothing_kept(),
            Some(_) => CacheError::NotOfStore { name: self.name.clone() },
        }
    }

    pub(super) fn nothing_kept(&self) -> CacheError {
        CacheError::NothingKept { name: self.name.clone(), dir: self.dir.clone() }
    }

    /// Where the hold stands while one does: a watcher looks here.
    #[must_use]
    pub fn hold_path(&self) -> PathBuf {
        self.dir.join("hold.json")
    }
}

/// What is kept of the sources that were found at a path by looking into its files.
#[derive(Debug, Default)]
pub struct FoundAt {
    /// Those that are held: their names, and the formats of their files.
    pub held: Vec<(String, String)>,
    /// The names of their files, as last seen.
    pub files: BTreeSet<String>,
    /// Is there one that is not held?
    pub has_others: bool,
    /// The formats of all of them.
    pub formats: BTreeSet<String>,
}

impl Cache {
    /// What is known of a path without looking at it.
    ///
    /// # Errors
    /// What is kept cannot be read.
    pub fn found_at(&self, path: &Path, store: &dyn Lineage) -> Result<FoundAt, CacheError> {
        let path = kept_path(path);
        let mut found = FoundAt::default();
        for source in self.sources()? {
            let Known { pointer, pending, .. } = source.known(store)?;
            let Some(pointer) = pointer else { continue };
            let entries = pending.iter().map(|pending| &pending.entry).chain(pointer.entries());
            let inputs = entries.flat_map(|entry| &entry.inputs);
            let inputs = inputs.filter(|input| input.path == path && input.files.is_some());
            let inputs = inputs.collect::<Vec<_>>();
            let Some(newest) = inputs.first() else { continue };
            found.formats.insert(newest.format.clone());
            if source.held()?.is_none() {
                found.has_others = true;
                continue;
            }
            found.held.push((source.name.clone(), newest.format.clone()));
            found
                .files
                .extend(inputs.iter().flat_map(|input| input.files.iter().flatten().cloned()));
        }
        Ok(found)
    }
}
