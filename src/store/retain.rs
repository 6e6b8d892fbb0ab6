//! Which blobs a store keeps, and the removal of the others.
//!
//! Kept is what a manifest names that is live, newest or among the last contents, what a server would
//! fall back to, and what is young: its manifest may be about to be written. Of every track; if one
//! cannot be read, nothing is removed. Manifests stay, since their numbers have no gap.
//!
//! All of it happens under the lock that writers of manifests share, from the reading of the tracks to
//! the last removal: who names a blob finds it gone and says so, or has named it before we look. A kill
//! between two removals leaves blobs that the next clean-up takes.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Store,
    blob::BlobRef,
    disk::Share,
    error::{Error, at},
    manifest::Manifest,
    temp::{self, Put, TempFile},
    track::Track,
};
use crate::model::limits::{COLLECTED_BYTES_MAX, COLLECTED_NAMES_MAX};

/// How much is kept beyond what is live.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Distinct contents of each track, newest first, two at least; and as many to fall back to.
    pub contents: NonZeroUsize,
    /// What was written or named within this time stays. Publishes that take longer may lose what they
    /// have brought so far, and are refused then.
    pub age: Duration,
}

/// Whether anything is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is.
    Done,
    /// It is only said what would be.
    Planned,
}

/// Why a blob stays: the first reason counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// It is live.
    Live,
    /// The newest manifest names it, which may wait behind a hold.
    Newest,
    /// A server would fall back to it, or a rollback go back.
    Fallback,
    /// One of the last contents names it.
    Recent,
    /// It was written or named lately.
    Young,
}

/// A file that went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gone {
    /// Where it was.
    pub path: PathBuf,
    /// Its length.
    pub size_bytes: u64,
}

/// What a clean-up did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs that went, by name.
    pub blobs: Vec<Gone>,
    /// Temporary files of dead writers that went.
    pub temps: Vec<Gone>,
    /// How many blobs stay, and their bytes, by reason.
    pub kept: BTreeMap<Kept, (usize, u64)>,
}

impl Store {
    /// Removes the blobs that nothing needs, and what dead writers left behind.
    ///
    /// # Errors
    /// Whatever is wrong with a manifest that has to be read: nothing is removed then. [`Error::Io`]
    /// if a removal fails; what was removed before stays so.
    pub fn collect(&self, retention: &Retention, removal: Removal) -> Result<Collected, Error> {
        let dir = self.blobs_dir();
        // The file system's own clock, which is what the times of files are from.
        let clock = TempFile::create(self.disk.clone(), &dir)?.modified()?;
        let before = clock.checked_sub(retention.age).unwrap_or(SystemTime::UNIX_EPOCH);
        let share = if removal == Removal::Done { Share::Alone } else { Share::Shared };
        let _lock = self.lock_blobs(share)?;
        let tracks = self.tracks()?;
        let needed = needed(&tracks, retention.contents.get())?;
        let mut collected = Collected::default();
        for (name, path) in self.blobs()? {
            let Some(size_bytes) = unless_gone(self.disk.size_bytes(&path), "inspect", &path)?
            else {
                continue;
            };
            let reason = match needed.get(&name) {
                Some(reason) => Some(*reason),
                None => self.is_young(&path, before)?.then_some(Kept::Young),
            };
            match reason {
                Some(reason) => {
                    let (count, bytes) = collected.kept.entry(reason).or_default();
                    (*count, *bytes) = (*count + 1, *bytes + size_bytes);
                }
                None => collected.blobs.push(Gone { path, size_bytes }),
            }
        }
        let dirs = tracks.iter().map(Track::dir).chain([&*dir, &*self.dir]);
        for path in dirs.flat_map(|dir| temp::abandoned(&*self.disk, dir, before)) {
            let size_bytes = self.disk.size_bytes(&path).unwrap_or_default();
            collected.temps.push(Gone { path, size_bytes });
        }
        if removal == Removal::Done {
            self.remove(&collected, before)?;
        }
        Ok(collected)
    }

    /// The error that says so, if a clean-up took this blob.
    #[must_use]
    pub fn collected(&self, blob: &BlobRef) -> Option<Error> {
        let name = blob.file_name();
        let is_known = self.collected_names().contains(&name);
        is_known.then(|| Error::BlobCollected { path: self.blob_path(blob) })
    }

    fn remove(&self, collected: &Collected, before: SystemTime) -> Result<(), Error> {
        if !collected.blobs.is_empty() {
            self.remember(&collected.blobs)?;
        }
        for Gone { path, .. } in &collected.blobs {
            // Asked once more, for file systems without locks: whoever names it has touched it.
            if !self.is_young(path, before)? {
                unless_gone(self.disk.remove(path), "remove", path)?;
            }
        }
        for Gone { path, .. } in &collected.temps {
            unless_gone(self.disk.remove(path), "remove", path)?;
        }
        let dir = self.blobs_dir();
        self.disk.sync_dir(&dir).map_err(at("sync directory", &dir))
    }

    /// A blob that is gone meanwhile is not young either.
    fn is_young(&self, path: &Path, before: SystemTime) -> Result<bool, Error> {
        let modified = unless_gone(self.disk.modified(path), "inspect", path)?;
        Ok(modified.is_some_and(|modified| modified >= before))
    }

    fn tracks(&self) -> Result<Vec<Track>, Error> {
        let dir = self.tracks_dir();
        let mut names = BTreeSet::new();
        let mut each = |name: &str| names.extend([name.to_owned()]);
        self.disk.names(&dir, &mut each).map_err(at("list", &dir))?;
        // What cannot be the name of a track is none, nor is a file. What cannot be looked at may be one,
        // and then nothing is deleted.
        let may_be = |name: &String| {
            let dir = self.track_dir(name);
            dir.is_ok_and(|dir| !dir.symlink_metadata().is_ok_and(|found| found.is_file()))
        };
        names.into_iter().filter(may_be).map(|name| self.track(&name)).collect()
    }

    /// Names and paths of what could be blobs; other files are nobody's business here.
    fn blobs(&self) -> Result<BTreeMap<String, PathBuf>, Error> {
        let dir = self.blobs_dir();
        let mut found = BTreeMap::new();
        let mut each = |name: &str| {
            if BlobRef::is_file_name(name) {
                found.insert(name.to_owned(), dir.join(name));
            }
        };
        self.disk.names(&dir, &mut each).map_err(at("list", &dir))?;
        Ok(found)
    }

    fn collected_path(&self) -> PathBuf {
        self.dir.join("collected")
    }

    /// What clean-ups took, oldest first. It only makes errors better: what cannot be read is nothing.
    fn collected_names(&self) -> Vec<String> {
        let read = self.disk.read(&self.collected_path(), COLLECTED_BYTES_MAX as u64);
        let text = read.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        text.lines().filter(|name| BlobRef::is_file_name(name)).map(ToOwned::to_owned).collect()
    }

    /// Writes down what is about to go, before it goes.
    fn remember(&self, gone: &[Gone]) -> Result<(), Error> {
        let is_back = |name: &String| self.blobs_dir().join(name).exists();
        let mut names = self.collected_names();
        names.retain(|name| !is_back(name));
        let new = gone.iter().filter_map(|gone| gone.path.file_name()?.to_str());
        names.extend(new.map(ToOwned::to_owned));
        let oldest = names.len().saturating_sub(COLLECTED_NAMES_MAX);
        let text = names.split_off(oldest).join("\n") + "\n";
        let path = self.collected_path();
        let file = TempFile::create(self.disk.clone(), &self.dir)?;
        file.write(text.as_bytes())?;
        match file.put(&path)? {
            Put::Written => Ok(()),
            Put::Taken => file.replace(&path),
        }
    }
}

/// Every blob that a manifest needs, by name, with the first of the reasons.
fn needed(tracks: &[Track], contents: usize) -> Result<BTreeMap<String, Kept>, Error> {
    let mut needed = BTreeMap::new();
    let mut need = |manifest: &Manifest, reason: Kept| {
        for blob in &manifest.blobs {
            let known = needed.entry(blob.file_name()).or_insert(reason);
            *known = reason.min(*known);
        }
    };
    for track in tracks {
        let Some(head) = track.head()? else { continue };
        need(&track.live_after(head.clone())?, Kept::Live);
        need(&head, Kept::Newest);
        for fallback in track.fallbacks(&head).take(contents) {
            need(&fallback?, Kept::Fallback);
        }
        let mut distinct = HashSet::new();
        for manifest in track.history() {
            let manifest = manifest?;
            distinct.insert(manifest.blobs.clone());
            // What was there before the newest decision stays: the decision may be undone.
            if distinct.len() > contents.max(2) {
                break;
            }
            need(&manifest, Kept::Recent);
        }
    }
    Ok(needed)
}

/// Nothing, where the file is gone: another clean-up was faster.
fn unless_gone<T>(
    done: io::Result<T>,
    action: &'static str,
    path: &Path,
) -> Result<Option<T>, Error> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some).map_err(at(action, path)),
    }
}
