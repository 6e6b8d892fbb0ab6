//! Why the cache cannot say what a source said.

use std::{io, path::PathBuf};

use crate::model::limits::{CACHE_FILE_BYTES_MAX, SOURCE_NAME_BYTES_MAX};
use crate::sources::{SourceError, records::RecordsError};

/// Why a source cannot be taken from, or kept in, a cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The system refused: check space, rights and the disk.
    #[error("{}: expected to {step} it for the cache, found: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another compile uses the cache: wait for its end, or give each store a cache of its own.
    #[error("{}: expected a cache that no other compile uses, found one that is in use; try again when it is done", path.display())]
    InUse {
        /// The cache.
        path: PathBuf,
    },
    /// A small file of the cache is damaged or of another version: take away the directory of the
    /// source, and compile once with its whole input.
    #[error("{}: expected a file of the cache of at most {CACHE_FILE_BYTES_MAX} bytes, found: {found}; without the directory it lies in, the source begins anew", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// Nothing was published with this source yet: compile once without `@previous`.
    #[error("source {name:?}: expected records of a publish in {}, found none; compile once with its files and --cache", dir.display())]
    NothingKept {
        /// The source.
        name: String,
        /// Where they would lie.
        dir: PathBuf,
    },
    /// The store went back to a catalog that was made of older records than are kept, or of none of
    /// this cache: say by `source use` which records count, or read the source whole in mode `full`.
    #[error(
        "source {name:?}: expected kept records of which the newest catalog of the store or one it followed was made, found none; `kindred source list` shows what is kept, `kindred source use {name} HASH` says which of it counts"
    )]
    NotOfStore {
        /// The source.
        name: String,
    },
    /// No kept records, or several, have a hash that begins so.
    #[error(
        "source {name:?}: expected the beginning of the hash of one of its kept records ({known}), found {prefix:?}"
    )]
    NoSuchEntry {
        /// The source.
        name: String,
        /// What was given.
        prefix: String,
        /// The hashes there are.
        known: String,
    },
    /// A rollback took away what the waiting records were merged onto: forget them, and let the source
    /// send what it said since.
    #[error(
        "source {name:?}: expected what was read at {read_at} and waits for a publish to build on what is good, found that a rollback took that away; `kindred source drop {name}` forgets what waits"
    )]
    PendingOutdated {
        /// The source.
        name: String,
        /// When what waits was read.
        read_at: String,
    },
    /// Nothing of the source waits: there is nothing to do.
    #[error("source {name:?}: expected something that waits for a publish, found nothing")]
    NothingPending {
        /// The source.
        name: String,
    },
    /// The source is held already: release it first to change the reason.
    #[error("source {name:?}: expected it not to be held, found a hold of {since} by {actor}")]
    AlreadyHeld {
        /// The source.
        name: String,
        /// When it was held.
        since: String,
        /// Who held it.
        actor: String,
    },
    /// The source is not held: `source list` shows which are.
    #[error("source {name:?}: expected a hold to end, found none")]
    NotHeld {
        /// The source.
        name: String,
    },
    /// Give the source a shorter name.
    #[error("expected a name of a source of 1 to {SOURCE_NAME_BYTES_MAX} bytes, found {name:?}")]
    BadName {
        /// The name.
        name: String,
    },
    /// The source's files cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The kept records cannot be read or written.
    #[error(transparent)]
    Records(#[from] RecordsError),
}
