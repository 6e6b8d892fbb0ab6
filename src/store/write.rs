//! Writing to a track: publish, rollback, hold, release. Each adds one manifest.
//!
//! A new manifest follows from the head alone (and a rollback's target), so losing the race for a
//! number costs reading the head again and deciding anew.

use std::fmt;

use super::{
    blob::BlobRef,
    disk::Share,
    error::Error,
    manifest::{Draft, Kind, Manifest, Note},
    snapshot_id::{SnapshotId, snapshot_id},
    temp::{self, Put, TempFile},
    track::Track,
    wire,
};
use crate::{index::Role, model::limits::STORE_ATTEMPTS_MAX};

/// A publisher's own reason not to publish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the publish was refused: {0}")]
pub struct GuardRefusal(pub String);

/// A publish.
pub struct Publish<'a> {
    /// What it brings, committed to the store. Other roles come from the head; provenance and
    /// dropped only with the very catalog they belong to.
    pub blobs: &'a [BlobRef],
    /// Asked before each attempt, with the head, whose `blobs` the publish would replace.
    pub guard: &'a dyn Fn(Option<&Manifest>) -> Result<(), GuardRefusal>,
    /// The number of the head when the work began, zero for an empty track; none means now.
    pub since: Option<u64>,
    /// Publish even if a rollback or hold came after `since`.
    pub over_rollback: bool,
    /// Who, why, when.
    pub note: Note,
}

/// What came of a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The manifest that was written.
    Written(Manifest),
    /// The head, which names the very same blobs; nothing was written.
    Unchanged(Manifest),
}

impl Published {
    /// The newest manifest, written or found.
    #[must_use]
    pub fn into_manifest(self) -> Manifest {
        match self {
            Self::Written(manifest) | Self::Unchanged(manifest) => manifest,
        }
    }
}

/// A rollback.
#[derive(Clone, Debug)]
pub struct Rollback<'a> {
    /// The manifest whose blobs come back; none means the last content that was live before and
    /// differs in `roles`.
    pub to: Option<u64>,
    /// Which roles come back; none named means all. Provenance and dropped go with the catalog.
    pub roles: &'a [Role],
    /// Only if this snapshot is live.
    pub expected_active: Option<SnapshotId>,
    /// Who, why, when.
    pub note: Note,
}

impl Track {
    /// Publishes blobs. While a hold stands they are stored and wait.
    ///
    /// A publish that lost a race is built anew on what won; it stops at a rollback or hold. One
    /// that brings back what a rollback left is a publish like any other.
    ///
    /// # Errors
    /// [`Error::Overtaken`], [`Error::Refused`], [`Error::BlobMissing`] and others by name.
    pub fn publish(&self, publish: &Publish<'_>) -> Result<Published, Error> {
        let since = match publish.since {
            Some(number) => number,
            None => self.head_number()?.unwrap_or(0),
        };
        self.append(&publish.note, |head| {
            if !publish.over_rollback {
                self.check_overtaken(since, head)?;
            }
            let blobs = inherit(publish.blobs, head)?;
            for blob in &blobs {
                self.store.check_blob(blob)?;
            }
            if head.is_some_and(|head| head.blobs == blobs) {
                return Ok(None);
            }
            (publish.guard)(head)?;
            let waits_behind = head.filter(|head| head.held).map(|head| head.active);
            let held = waits_behind.is_some();
            Ok(Some(Draft { kind: Kind::Publish, blobs, held, active: waits_behind }))
        })
    }

    /// Makes earlier blobs live again, also while a hold stands, which then goes on. Publishes that
    /// wait behind that hold are older than this decision and do not become live with its release.
    ///
    /// # Errors
    /// [`Error::NothingToRollBackTo`], [`Error::RollbackChangesNothing`],
    /// [`Error::UnexpectedActive`], [`Error::UnknownManifest`] and others by name.
    pub fn rollback(&self, rollback: &Rollback<'_>) -> Result<Manifest, Error> {
        let mut expected = rollback.expected_active;
        let written = self.append(&rollback.note, |head| {
            let head = head.ok_or_else(|| self.empty())?;
            let live = self.live_after(head.clone())?;
            if let Some(expected) = expected.filter(|expected| *expected != live.snapshot_id) {
                return Err(Error::UnexpectedActive { expected, found: live.snapshot_id });
            }
            if rollback.to.is_none() {
                // If a race is lost, "before" must not come to mean before the winner.
                expected = Some(live.snapshot_id);
            }
            let (to, blobs) = self.taken_back(&live, rollback.to, rollback.roles)?;
            if blobs == live.blobs && blobs == head.blobs {
                return Err(Error::RollbackChangesNothing { to });
            }
            let kind = Kind::Rollback { to, roles: rollback.roles.to_vec() };
            Ok(Some(Draft { kind, blobs, held: head.held, active: None }))
        });
        written.map(Published::into_manifest)
    }

    /// The manifest that a rollback to this one, or to the one before, would write now; it writes nothing.
    ///
    /// # Errors
    /// As [`Self::rollback`].
    pub fn would_roll_back(
        &self,
        to: Option<u64>,
        roles: &[Role],
        note: &Note,
    ) -> Result<Manifest, Error> {
        let head = self.head()?.ok_or_else(|| self.empty())?;
        let (number, held) = (head.number, head.held);
        let (to, blobs) = self.taken_back(&self.live_after(head)?, to, roles)?;
        let kind = Kind::Rollback { to, roles: roles.to_vec() };
        let draft = Draft { kind, blobs, held, active: None };
        Ok(draft.into_manifest(number.saturating_add(1), note))
    }

    /// Where a rollback leads, and what is live then.
    fn taken_back(
        &self,
        live: &Manifest,
        to: Option<u64>,
        roles: &[Role],
    ) -> Result<(u64, Vec<BlobRef>), Error> {
        match to {
            Some(to) => Ok((to, take_back(live, &self.read(to)?, roles))),
            None => self.before(live, roles),
        }
    }

    /// Keeps live what is live, whatever is published, until [`Self::release`].
    ///
    /// # Errors
    /// [`Error::AlreadyHeld`], [`Error::EmptyTrack`] and others by name.
    pub fn hold(&self, note: &Note) -> Result<Manifest, Error> {
        self.hold_expecting(None, note)
    }

    /// The same, only if this snapshot is live.
    ///
    /// # Errors
    /// As [`Self::hold`], and [`Error::UnexpectedActive`].
    pub fn hold_expecting(
        &self,
        expected: Option<SnapshotId>,
        note: &Note,
    ) -> Result<Manifest, Error> {
        let written = self.append(note, |head| {
            let head = head.ok_or_else(|| self.empty())?;
            if let Some(expected) = expected {
                let found = self.live_after(head.clone())?.snapshot_id;
                if expected != found {
                    return Err(Error::UnexpectedActive { expected, found });
                }
            }
            if head.held {
                return Err(Error::AlreadyHeld { active: head.active });
            }
            let blobs = head.blobs.clone();
            Ok(Some(Draft { kind: Kind::Hold, blobs, held: true, active: Some(head.active) }))
        });
        written.map(Published::into_manifest)
    }

    /// Ends a hold: the newest publish becomes live, unless a rollback came after it. `guard` is asked
    /// before each attempt, with the manifest that is live and the one whose blobs would be.
    ///
    /// # Errors
    /// [`Error::NotHeld`], [`Error::Refused`], [`Error::EmptyTrack`] and others by name.
    pub fn release(
        &self,
        guard: &dyn Fn(&Manifest, &Manifest) -> Result<(), GuardRefusal>,
        note: &Note,
    ) -> Result<Manifest, Error> {
        let written = self.append(note, |head| {
            let head = head.ok_or_else(|| self.empty())?;
            if !head.held {
                return Err(Error::NotHeld { number: head.number });
            }
            guard(&self.live_after(head.clone())?, head)?;
            let blobs = head.blobs.clone();
            Ok(Some(Draft { kind: Kind::Release, blobs, held: false, active: None }))
        });
        written.map(Published::into_manifest)
    }

    /// Writes what `decide` makes of the head; nothing, if it wants nothing. Decides again as often
    /// as someone else was faster.
    fn append(
        &self,
        note: &Note,
        mut decide: impl FnMut(Option<&Manifest>) -> Result<Option<Draft>, Error>,
    ) -> Result<Published, Error> {
        for _ in 0..STORE_ATTEMPTS_MAX {
            let head = self.head()?;
            let Some(draft) = decide(head.as_ref())? else {
                let head = head.expect("only a publish equal to the head wants nothing");
                return Ok(Published::Unchanged(head));
            };
            let head_number = head.map_or(0, |head| head.number);
            let number = head_number
                .checked_add(1)
                .ok_or_else(|| Error::TrackFull { path: self.manifest_path(head_number) })?;
            let manifest = draft.into_manifest(number, note);
            match self.put(&manifest)? {
                Put::Written => return Ok(Published::Written(manifest)),
                Put::Taken => {}
            }
        }
        Err(Error::LostTooOften { path: self.dir.clone() })
    }

    fn put(&self, manifest: &Manifest) -> Result<Put, Error> {
        let bytes = wire::encode(manifest)?;
        let disk = &self.store.disk;
        let temp = TempFile::create(disk.clone(), &self.dir)?;
        let now = temp.modified()?;
        temp::sweep(&**disk, &self.dir, now);
        temp::sweep(&**disk, &self.store.blobs_dir(), now);
        // A hold makes nothing live: it must be possible even if a blob is lost.
        let named = if manifest.kind == Kind::Hold { &[] } else { manifest.blobs.as_slice() };
        // To the end: what is touched under it is either gone already, or named before a clean-up looks.
        let _lock = self.store.lock_blobs(Share::Shared)?;
        for blob in named {
            self.store.touch_blob(blob, now)?;
        }
        temp.write(&bytes)?;
        if temp.put(&self.manifest_path(manifest.number))? == Put::Taken {
            return Ok(Put::Taken);
        }
        for blob in named {
            self.store.check_blob(blob).map_err(|error| vanished(error, manifest.number))?;
        }
        Ok(Put::Written)
    }

    /// Refuses if a rollback or hold stands among the manifests after `since`.
    fn check_overtaken(&self, since: u64, head: Option<&Manifest>) -> Result<(), Error> {
        let head_number = head.map_or(0, |head| head.number);
        if since > head_number {
            let path = self.manifest_path(since);
            return Err(Error::UnknownManifest { number: since, path });
        }
        for number in since + 1..=head_number {
            let Manifest { kind, note, .. } = self.read(number)?;
            match kind {
                Kind::Publish | Kind::Release => {}
                Kind::Rollback { .. } | Kind::Hold => {
                    let Note { actor, reason, .. } = note;
                    let kind = kind.code();
                    return Err(Error::Overtaken { number, kind, actor, reason });
                }
            }
        }
        Ok(())
    }

    /// The last content that was live before and differs in these roles, with its manifest.
    fn before(&self, live: &Manifest, roles: &[Role]) -> Result<(u64, Vec<BlobRef>), Error> {
        for found in self.fallbacks(live) {
            let found = found?;
            let blobs = take_back(live, &found, roles);
            if snapshot_id(&blobs) != live.snapshot_id {
                return Ok((found.number, blobs));
            }
        }
        Err(Error::NothingToRollBackTo { active: live.number })
    }

    fn empty(&self) -> Error {
        Error::EmptyTrack { path: self.dir.clone() }
    }
}

impl fmt::Debug for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blobs, guard: _, since, over_rollback, note } = self;
        f.debug_struct("Publish")
            .field("blobs", blobs)
            .field("since", since)
            .field("over_rollback", over_rollback)
            .field("note", note)
            .finish_non_exhaustive()
    }
}

/// What is brought, and from the head what is not.
fn inherit(brought: &[BlobRef], head: Option<&Manifest>) -> Result<Vec<BlobRef>, Error> {
    let of = |role| move |blob: &&BlobRef| blob.role == role;
    let old_catalog = head.and_then(|head| head.blob(Role::Catalog));
    let catalog = brought.iter().find(of(Role::Catalog)).or(old_catalog).ok_or(Error::NoCatalog)?;
    let same_catalog = Some(catalog) == old_catalog;
    let mut blobs = Vec::new();
    for role in Role::ALL {
        if brought.iter().filter(of(role)).count() > 1 {
            return Err(Error::RoleTwice { role });
        }
        let inherited = head
            .filter(|_| same_catalog || !belongs_to_catalog(role))
            .and_then(|head| head.blob(role));
        blobs.extend(brought.iter().find(of(role)).or(inherited));
    }
    Ok(blobs)
}

/// The live blobs with these roles taken from the target. A role that the target lacks goes away.
fn take_back(live: &Manifest, target: &Manifest, roles: &[Role]) -> Vec<BlobRef> {
    let goes_back = |role| {
        let with = if belongs_to_catalog(role) { Role::Catalog } else { role };
        roles.is_empty() || roles.contains(&with)
    };
    let blob = |role| if goes_back(role) { target.blob(role) } else { live.blob(role) };
    Role::ALL.into_iter().filter_map(blob).copied().collect()
}

/// Provenance and dropped speak of the ordinals of one catalog and mean nothing beside another.
const fn belongs_to_catalog(role: Role) -> bool {
    match role {
        Role::Catalog | Role::Provenance | Role::Dropped => true,
        Role::Policy | Role::Overrides => false,
    }
}

/// After the manifest is written, a missing blob is another kind of trouble.
fn vanished(error: Error, number: u64) -> Error {
    if let Error::BlobMissing { path } | Error::BlobCollected { path } = error {
        Error::BlobVanished { number, path }
    } else {
        error
    }
}
