//! Temporary files: made under a name of their own, given their real name when whole.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{
    disk::Disk,
    error::{Error, at},
};
use crate::model::limits::{STALE_TEMP_AGE_S, STORE_ATTEMPTS_MAX};

const PREFIX: &str = "tmp-";

/// A file under a temporary name, which goes away with this value.
#[derive(Debug)]
pub(super) struct TempFile {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    path: PathBuf,
    file: File,
}

/// What became of a wish to have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// The name is ours.
    Written,
    /// Someone else has it.
    Taken,
}

impl TempFile {
    /// Makes an empty file `tmp-<process>-<counter>` in the directory.
    pub(super) fn create(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let dir = dir.to_owned();
        for _ in 0..STORE_ATTEMPTS_MAX {
            let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{PREFIX}{}-{counter}", process::id()));
            match disk.create_new(&path) {
                Ok(file) => return Ok(Self { disk, dir, path, file }),
                // A container's process often has the number of the one that died before it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(at("create", &path)(error)),
            }
        }
        Err(Error::LostTooOften { path: dir })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.disk.write(&self.file, bytes).map_err(at("write", &self.path))
    }

    pub(super) fn size_bytes(&self) -> Result<u64, Error> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(at("inspect", &self.path))
    }

    /// The time of the last change by the file system's own clock.
    pub(super) fn modified(&self) -> Result<SystemTime, Error> {
        let modified = self.file.metadata().and_then(|metadata| metadata.modified());
        modified.map_err(at("inspect", &self.path))
    }

    /// Brings the file to the disk and gives it its name unless the name is taken. Either way the
    /// name is on the disk afterwards: who took it may have died before its own sync.
    pub(super) fn put(&self, path: &Path) -> Result<Put, Error> {
        self.disk.make_read_only(&self.file).map_err(at("make read-only", &self.path))?;
        self.disk.sync_file(&self.file).map_err(at("sync", &self.path))?;
        let put = match self.disk.link(&self.path, path) {
            Ok(()) => Put::Written,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Put::Taken,
            Err(error) => return Err(at("link", path)(error)),
        };
        self.disk.sync_dir(&self.dir).map_err(at("sync directory", &self.dir))?;
        Ok(put)
    }
}

impl TempFile {
    /// Takes the name away from whatever has it, after a [`Self::put`] that found it taken.
    pub(super) fn replace(&self, path: &Path) -> Result<(), Error> {
        self.disk.replace(&self.path, path).map_err(at("replace", path))?;
        self.disk.sync_dir(&self.dir).map_err(at("sync directory", &self.dir))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // A name that stays behind harms nobody; `sweep` takes it later.
        drop(self.disk.remove(&self.path));
    }
}

/// Removes what dead writers left behind in a directory. A failure leaves it for the next time.
pub(super) fn sweep(disk: &dyn Disk, dir: &Path, now: SystemTime) {
    let Some(stale) = now.checked_sub(Duration::from_secs(STALE_TEMP_AGE_S)) else { return };
    for path in abandoned(disk, dir, stale) {
        drop(disk.remove(&path));
    }
}

/// The files of dead writers in a directory that were last written before a time.
pub(super) fn abandoned(disk: &dyn Disk, dir: &Path, before: SystemTime) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut keep = |name: &str| {
        if name.starts_with(PREFIX) {
            paths.push(dir.join(name));
        }
    };
    drop(disk.names(dir, &mut keep));
    paths.retain(|path| disk.is_abandoned(path, before).unwrap_or(false));
    paths
}
