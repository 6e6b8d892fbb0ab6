//! A held source is not read: its last good records are taken until it is released.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    CacheError, SourceCache,
    disk::{self, Writer},
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

    /// Holds the source. A compile that is running goes on without knowing.
    ///
    /// # Errors
    /// [`CacheError::NothingKept`], [`CacheError::AlreadyHeld`], or the system refuses.
    pub fn hold(&self, hold: &Hold) -> Result<(), CacheError> {
        if self.pointer()?.is_none() {
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

    pub(super) fn nothing_kept(&self) -> CacheError {
        CacheError::NothingKept { name: self.name.clone(), dir: self.dir.clone() }
    }

    /// Where the hold stands while one does: a watcher looks here.
    #[must_use]
    pub fn hold_path(&self) -> PathBuf {
        self.dir.join("hold.json")
    }
}
