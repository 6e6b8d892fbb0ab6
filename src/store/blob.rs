//! Blobs as the store sees them: a role, a hash, a size, a file.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Store,
    disk::Share,
    error::{Error, at},
    temp::{self, Put, TempFile},
};
use crate::{
    index::{BlobHash, Role},
    model::limits::STORE_ATTEMPTS_MAX,
};

/// One blob of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobRef {
    /// What it is for.
    pub role: Role,
    /// Its identity.
    pub hash: BlobHash,
    /// Its length.
    pub size_bytes: u64,
}

impl BlobRef {
    /// Its name in the store: `<64 hex>.<role>.kdx`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.{}.kdx", self.hash, self.role.code())
    }

    /// Could this be the name of a blob?
    pub(super) fn is_file_name(name: &str) -> bool {
        let parts = name.strip_suffix(".kdx").and_then(|rest| rest.split_once('.'));
        parts.is_some_and(|(hash, role)| {
            hash.parse::<BlobHash>().is_ok() && Role::from_code(role).is_some()
        })
    }
}

/// A blob that is being written to a temporary file. Dropped without [`Self::commit`], it leaves
/// nothing behind.
#[derive(Debug)]
pub struct StagedBlob {
    store: Store,
    role: Role,
    temp: TempFile,
}

impl StagedBlob {
    pub(super) fn create(store: Store, role: Role) -> Result<Self, Error> {
        let dir = store.blobs_dir();
        let temp = TempFile::create(store.disk.clone(), &dir)?;
        // Here too, so that leftovers on a full disk cannot keep the next blob out.
        temp::sweep(&*store.disk, &dir, temp.modified()?);
        Ok(Self { store, role, temp })
    }

    /// The file to write, open for reading and writing. `&File` is a writer too.
    #[must_use]
    pub fn file(&self) -> &File {
        self.temp.file()
    }

    /// Its temporary name.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temp.path()
    }

    /// Brings the blob to the disk under its name, or leaves the blob that has this name already.
    /// Only a file whose bytes are not those of its name is replaced: a damaged blob would
    /// otherwise stand in the way of every attempt to publish it anew.
    ///
    /// The hash is the writer's word: whoever opens the blob checks it.
    ///
    /// # Errors
    /// [`Error::BlobSizeDiffers`] if the file has another size; [`Error::Io`] if a step fails,
    /// after which the blob may stand or not, but never in part.
    pub fn commit(self, hash: BlobHash, size_bytes: u64) -> Result<BlobRef, Error> {
        let found = self.temp.size_bytes()?;
        if found != size_bytes {
            let path = self.path().to_owned();
            return Err(Error::BlobSizeDiffers { path, expected: size_bytes, found });
        }
        let blob = BlobRef { role: self.role, hash, size_bytes };
        let path = self.store.blob_path(&blob);
        for _ in 0..STORE_ATTEMPTS_MAX {
            if self.temp.put(&path)? == Put::Written {
                return Ok(blob);
            }
            match self.keep_or_replace(&blob) {
                // A clean-up took it between the two steps: its name is free for ours.
                Err(Error::BlobMissing { .. } | Error::BlobCollected { .. }) => {}
                kept => return kept.map(|()| blob),
            }
        }
        Err(Error::LostTooOften { path })
    }

    fn keep_or_replace(&self, blob: &BlobRef) -> Result<(), Error> {
        let path = self.store.blob_path(blob);
        let found = self.store.disk.hash(&path).map_err(missing_or(&path, "hash"))?;
        if found == blob.hash {
            let _lock = self.store.lock_blobs(Share::Shared)?;
            return self.store.touch_blob(blob, self.temp.modified()?);
        }
        self.temp.replace(&path)
    }
}

impl Store {
    /// Makes a blob young, so that no clean-up takes it before its next manifest is written.
    pub(super) fn touch_blob(&self, blob: &BlobRef, now: SystemTime) -> Result<(), Error> {
        let path = self.check_blob(blob)?;
        let touched = self.disk.touch(&path, now).map_err(missing_or(&path, "touch"));
        touched.map_err(|error| self.why_missing(blob, error))
    }

    /// Is the blob there in its right size? Hands back where.
    pub(super) fn check_blob(&self, blob: &BlobRef) -> Result<PathBuf, Error> {
        let path = self.blob_path(blob);
        let found = self.disk.size_bytes(&path).map_err(missing_or(&path, "inspect"));
        let found = found.map_err(|error| self.why_missing(blob, error))?;
        if found == blob.size_bytes {
            Ok(path)
        } else {
            Err(Error::BlobSizeDiffers { path, expected: blob.size_bytes, found })
        }
    }

    fn why_missing(&self, blob: &BlobRef, error: Error) -> Error {
        let is_missing = matches!(error, Error::BlobMissing { .. });
        if is_missing { self.collected(blob).unwrap_or(error) } else { error }
    }
}

fn missing_or(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |error| match error.kind() == io::ErrorKind::NotFound {
        true => Error::BlobMissing { path: path.to_owned() },
        false => at(action, path)(error),
    }
}
