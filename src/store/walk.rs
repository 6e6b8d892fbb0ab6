//! Walks down a track. Numbers only ever fall, so every walk ends.

use std::collections::HashSet;

use super::{
    blob::BlobRef,
    error::Error,
    manifest::{Kind, Manifest},
    snapshot_id::SnapshotId,
    track::Track,
};
use crate::model::limits::MANIFESTS_WALKED_MAX;

/// The manifests of a track, newest first. Ends after an error.
#[derive(Debug)]
pub struct History<'a> {
    track: &'a Track,
    next: Next,
    left: usize,
}

/// Where a walk goes on.
#[derive(Debug)]
enum Next {
    Head,
    Number(u64),
    End,
}

impl<'a> History<'a> {
    pub(super) fn new(track: &'a Track) -> Self {
        Self { track, next: Next::Head, left: MANIFESTS_WALKED_MAX }
    }
}

impl Iterator for History<'_> {
    type Item = Result<Manifest, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let read = match std::mem::replace(&mut self.next, Next::End) {
            Next::Head => self.track.head().transpose()?,
            Next::Number(number) => self.track.read(number),
            Next::End => return None,
        };
        if let Ok(Manifest { parent: Some(parent), .. }) = &read {
            self.next = Next::Number(*parent);
        }
        Some(read)
    }
}

/// Snapshots to fall back to: see [`Track::fallbacks`].
#[derive(Debug)]
pub struct Fallbacks<'a> {
    track: &'a Track,
    at: Option<Manifest>,
    /// Contents that were offered, and the one we fall back from.
    offered: HashSet<Vec<BlobRef>>,
    /// Snapshots that a rollback left for an older one.
    abandoned: HashSet<SnapshotId>,
    left: usize,
    started: bool,
}

impl<'a> Fallbacks<'a> {
    pub(super) fn new(track: &'a Track, from: &Manifest) -> Self {
        Self {
            track,
            at: Some(from.clone()),
            offered: HashSet::new(),
            abandoned: HashSet::new(),
            left: MANIFESTS_WALKED_MAX,
            started: false,
        }
    }

    /// What was live before this one, or where its rollback went.
    fn below(&mut self, at: &Manifest) -> Result<Option<Manifest>, Error> {
        let Some(parent) = at.parent else { return Ok(None) };
        let before = self.track.live_after(self.track.read(parent)?)?;
        let Kind::Rollback { to, .. } = at.kind else { return Ok(Some(before)) };
        let target = self.track.read(to)?;
        // A rollback to something newer undoes an earlier one and says nothing against what it
        // leaves.
        let differs = before.snapshot_id != at.snapshot_id;
        if differs && self.origin(before.clone())? > self.origin(target.clone())? {
            self.abandoned.insert(before.snapshot_id);
        }
        Ok(Some(target))
    }

    /// The publish that first brought this content, as far as manifests say.
    fn origin(&self, mut at: Manifest) -> Result<u64, Error> {
        loop {
            let from = match (&at.kind, at.parent) {
                (Kind::Rollback { to, .. }, _) => *to,
                (Kind::Hold | Kind::Release, Some(parent)) => parent,
                (Kind::Publish, _) | (Kind::Hold | Kind::Release, None) => return Ok(at.number),
            };
            at = self.track.read(from)?;
        }
    }

    fn step(&mut self, at: Manifest) -> Result<Option<Manifest>, Error> {
        if self.started {
            return self.below(&at);
        }
        // What is live now is where the walk begins, and is not offered.
        self.started = true;
        let live = self.track.live_after(at)?;
        self.offered.insert(live.blobs.clone());
        self.below(&live)
    }
}

impl Iterator for Fallbacks<'_> {
    type Item = Result<Manifest, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let at = self.at.take()?;
            let found = match self.step(at).transpose()? {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            self.at = Some(found.clone());
            let is_new = self.offered.insert(found.blobs.clone());
            if is_new && !self.abandoned.contains(&found.snapshot_id) {
                return Some(Ok(found));
            }
        }
    }
}
