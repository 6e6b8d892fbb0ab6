//! Snapshots that are not taken any more, whatever a manifest says: one small file each, named by the
//! snapshot, so that the server and the command that lifts one need no lock between them.

use std::{
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::trials::write_durably;
use crate::{model::limits::QUARANTINED_LISTED_MAX, store::SnapshotId};

/// Names its files.
const SUFFIX: &str = ".quarantined";

/// The quarantined snapshots of one state directory. Every call reads the directory.
#[derive(Clone, Debug)]
pub struct Quarantine {
    dir: PathBuf,
}

/// A quarantined snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// Since when.
    pub since: SystemTime,
}

impl Quarantine {
    /// That of a server's state directory; makes nothing.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self { dir: state_dir.join("quarantine") }
    }

    /// Is this snapshot quarantined? A directory that cannot be read holds nothing.
    #[must_use]
    pub fn holds(&self, id: SnapshotId) -> bool {
        self.path(id).exists()
    }

    /// All of them, the latest first; at most [`QUARANTINED_LISTED_MAX`].
    ///
    /// # Errors
    /// The directory is there and cannot be read.
    pub fn list(&self) -> io::Result<Vec<Quarantined>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries.take(QUARANTINED_LISTED_MAX) {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            let Some(snapshot_id) = id.and_then(|id| id.parse().ok()) else { continue };
            found.push(Quarantined { snapshot_id, since: entry.metadata()?.modified()? });
        }
        found.sort_by_key(|one| std::cmp::Reverse(one.since));
        Ok(found)
    }

    /// Lets a snapshot be taken again, which has two starts then; says whether it was quarantined.
    ///
    /// # Errors
    /// Its file cannot be removed.
    pub fn lift(&self, id: SnapshotId) -> io::Result<bool> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    /// Quarantines a snapshot; durable when it returns.
    pub(super) fn add(&self, id: SnapshotId) -> io::Result<()> {
        match DirBuilder::new().create(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        let text = format!("snapshot {id} ended this server at its first use, twice\n");
        write_durably(&self.path(id), text.as_bytes())
    }

    fn path(&self, id: SnapshotId) -> PathBuf {
        self.dir.join(format!("{id}{SUFFIX}"))
    }
}
