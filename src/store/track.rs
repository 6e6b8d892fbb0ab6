//! Reading a track: its head, what is live, single manifests.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    Store,
    error::{Error, at},
    manifest::Manifest,
    walk::{Fallbacks, History},
    wire,
};
use crate::model::limits::MANIFEST_BYTES_MAX;

/// A series of manifests. Every call reads the directory: another process may write to it.
#[derive(Clone, Debug)]
pub struct Track {
    pub(super) store: Store,
    pub(super) dir: PathBuf,
}

impl Track {
    pub(super) fn new(store: Store, dir: PathBuf) -> Self {
        Self { store, dir }
    }

    /// Its directory, for those who watch it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The number of the newest manifest; files with other names do not count.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be read.
    pub fn head_number(&self) -> Result<Option<u64>, Error> {
        let mut head = None;
        let mut each = |name: &str| head = head.max(number_in(name));
        self.store.disk.names(&self.dir, &mut each).map_err(at("list", &self.dir))?;
        Ok(head)
    }

    /// The newest manifest.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn head(&self) -> Result<Option<Manifest>, Error> {
        self.head_number()?.map(|number| self.read(number)).transpose()
    }

    /// The manifest whose blobs are live.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn current(&self) -> Result<Option<Manifest>, Error> {
        self.head()?.map(|head| self.live_after(head)).transpose()
    }

    /// One manifest, checked in itself.
    ///
    /// # Errors
    /// [`Error::UnknownManifest`], or what is wrong with its file.
    pub fn read(&self, number: u64) -> Result<Manifest, Error> {
        let path = self.manifest_path(number);
        let limit_bytes = MANIFEST_BYTES_MAX as u64 + 1;
        let bytes = match self.store.disk.read(&path, limit_bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::UnknownManifest { number, path });
            }
            read => read.map_err(at("read", &path))?,
        };
        wire::decode(&bytes, number, &path)
    }

    /// The manifests from the newest down, at most [`MANIFESTS_WALKED_MAX`].
    ///
    /// [`MANIFESTS_WALKED_MAX`]: crate::model::limits::MANIFESTS_WALKED_MAX
    #[must_use]
    pub fn history(&self) -> History<'_> {
        History::new(self)
    }

    /// What to try in this order if the snapshot that is live after `from` cannot be opened.
    ///
    /// The walk goes down over what was live: a publish that waited behind a hold is left out. From
    /// a rollback it goes on at the rollback's target, so that what lies between is not offered;
    /// nor is, under another number, the content that a rollback left for an older one. Contents
    /// come once. After an error the walk ends: a manifest that cannot be read may be a rollback.
    #[must_use]
    pub fn fallbacks(&self, from: &Manifest) -> Fallbacks<'_> {
        Fallbacks::new(self, from)
    }

    pub(super) fn live_after(&self, manifest: Manifest) -> Result<Manifest, Error> {
        if manifest.active == manifest.number { Ok(manifest) } else { self.read(manifest.active) }
    }

    pub(super) fn manifest_path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:020}.json"))
    }
}

/// The number in a manifest's file name.
fn number_in(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}
