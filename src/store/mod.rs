//! The snapshot store in a local directory: immutable blobs and numbered manifests.
//!
//! ```text
//! DIR/blobs/<64 hex>.<role>.kdx      written once, named by its hash
//! DIR/tracks/<track>/<20 digits>.json   manifest N; the highest number counts
//! DIR/collected                      names of blobs that a clean-up took, for a better error
//! ```
//!
//! Invariants: nothing that is whole is overwritten (a blob whose bytes are not those of its name is
//! replaced when it is published anew); a name appears only when its file is whole and on the disk;
//! a manifest appears only when its blobs are. So a crash at any moment leaves the old head or the
//! new one. Two writers race for the next number by a hard link, which exactly one of them gets;
//! the other one reads again and checks its preconditions again.
//!
//! A clean-up (`retain`) removes blobs, never manifests, and never what is or could go live. Writers of
//! manifests share a lock of the blobs' directory that it has alone, and touch what they name: where the
//! file system has no locks, youth keeps a blob.
//!
//! This room knows nothing of the inside of blobs or of serving. Beside the wait for a lock, which has an
//! end, it reads no clock but the times of
//! files: instants come in as text.

mod blob;
mod disk;
mod error;
mod manifest;
mod retain;
mod snapshot_id;
mod temp;
#[cfg(test)]
mod tests;
mod track;
mod walk;
mod wire;
mod write;

pub use blob::{BlobRef, StagedBlob};
pub use error::Error;
pub use manifest::{Kind, Manifest, Note};
pub use retain::{Collected, Gone, Kept, Removal, Retention};
pub use snapshot_id::{SnapshotId, SnapshotIdError, snapshot_id};
pub use track::Track;
pub use walk::{Fallbacks, History};
pub use write::{GuardRefusal, Publish, Published, Rollback};

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::index::Role;
use disk::{Disk, LocalDisk, Share};
use error::at;

/// The track that servers follow unless told otherwise.
pub const MAIN_TRACK: &str = "main";

/// A store in a directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Store {
    /// Makes the directories of a store with the track [`MAIN_TRACK`], or opens the one that is
    /// there.
    ///
    /// # Errors
    /// [`Error::Io`] if a directory cannot be made or synced.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        Self::create_on(dir, Arc::new(LocalDisk))
    }

    /// Opens a store; writes nothing.
    ///
    /// # Errors
    /// [`Error::NotAStore`] if the directory does not look like one.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let store = Self { dir: dir.to_owned(), disk: Arc::new(LocalDisk) };
        for missing in [store.blobs_dir(), store.tracks_dir()] {
            if !missing.is_dir() {
                return Err(Error::NotAStore { path: dir.to_owned(), missing });
            }
        }
        Ok(store)
    }

    fn create_on(dir: &Path, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let store = Self { dir: dir.to_owned(), disk };
        store.make_dir(dir)?;
        store.make_dir(&store.blobs_dir())?;
        store.make_dir(&store.tracks_dir())?;
        store.create_track(MAIN_TRACK)?;
        // Synced even if nothing was made: a creator before us may have died before its sync.
        for dir in [dir.to_owned(), store.tracks_dir()] {
            store.disk.sync_dir(&dir).map_err(at("sync directory", &dir))?;
        }
        Ok(store)
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A track that exists.
    ///
    /// # Errors
    /// [`Error::BadTrackName`] or [`Error::UnknownTrack`].
    pub fn track(&self, name: &str) -> Result<Track, Error> {
        let dir = self.track_dir(name)?;
        if !dir.is_dir() {
            return Err(Error::UnknownTrack { path: dir });
        }
        Ok(Track::new(self.clone(), dir))
    }

    /// Makes a track, or opens the one that is there.
    ///
    /// # Errors
    /// [`Error::BadTrackName`], or [`Error::Io`] if its directory cannot be made.
    pub fn create_track(&self, name: &str) -> Result<Track, Error> {
        let dir = self.track_dir(name)?;
        self.make_dir(&dir)?;
        Ok(Track::new(self.clone(), dir))
    }

    /// Opens a temporary file for a blob, on the file system of the store.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be made.
    pub fn stage(&self, role: Role) -> Result<StagedBlob, Error> {
        StagedBlob::create(self.clone(), role)
    }

    /// Where a blob stands, if it is there.
    #[must_use]
    pub fn blob_path(&self, blob: &BlobRef) -> PathBuf {
        self.blobs_dir().join(blob.file_name())
    }

    fn blobs_dir(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    /// Keeps a clean-up out while manifests name blobs, or writers while one cleans up.
    fn lock_blobs(&self, share: Share) -> Result<Option<File>, Error> {
        let dir = self.blobs_dir();
        self.disk.lock(&dir, share).map_err(at("lock", &dir))
    }

    fn tracks_dir(&self) -> PathBuf {
        self.dir.join("tracks")
    }

    fn track_dir(&self, name: &str) -> Result<PathBuf, Error> {
        let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(legal) {
            return Err(Error::BadTrackName { found: name.to_owned() });
        }
        Ok(self.tracks_dir().join(name))
    }

    /// Makes a directory and its parents where they are missing, each synced into its parent.
    fn make_dir(&self, dir: &Path) -> Result<(), Error> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.make_dir(parent)?;
        }
        match self.disk.create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(at("make directory", dir))?,
        }
        let parent = parent.unwrap_or(Path::new("."));
        self.disk.sync_dir(parent).map_err(at("sync directory", parent))
    }
}
