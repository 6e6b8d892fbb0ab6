//! Changes: a manifest is written, and this replica follows it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use prost_types::Timestamp;
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    Inner, SnapshotParts,
    describe::{invalid, snapshot_id},
};
use crate::{
    index::Role,
    pb,
    service::status::{Refusal, Why, quoted},
    snapshot::{self, Snapshot},
    store::{GuardRefusal, Manifest, Note, Rollback, SnapshotId},
};

/// Who acts where a call names nobody.
const NOBODY: &str = "grpc";

/// How often a wait asks whether someone else decided meanwhile.
const ASK_INTERVAL: Duration = Duration::from_millis(500);

/// A change that is stored: what is to be live, and what was.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) active: Manifest,
    pub(super) previous: Option<Manifest>,
}

/// What this replica made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    Live,
    Refused(String),
    Overtaken,
    Late,
}

impl Inner {
    /// Waits until what a manifest names is live here.
    pub(super) async fn follow(self: &Arc<Self>, manifest: &Manifest, span: Duration) -> Followed {
        let mut changes = self.parts.news.subscribe();
        self.parts.news.look();
        let begin = Instant::now();
        loop {
            changes.mark_unchanged();
            if self.is_live(manifest) {
                return Followed::Live;
            }
            if let Some(why) = self.parts.news.refusal(manifest.number) {
                return Followed::Refused(why);
            }
            let Some(left) = span.checked_sub(begin.elapsed()) else { return Followed::Late };
            if timeout(left.min(ASK_INTERVAL), changes.changed()).await.is_err() {
                let (inner, blobs) = (Arc::clone(self), manifest.blobs.clone());
                let is_overtaken = spawn_blocking(move || {
                    let current = inner.parts.track.current().ok().flatten();
                    current.is_some_and(|current| current.blobs != blobs)
                });
                if is_overtaken.await.unwrap_or(false) {
                    return Followed::Overtaken;
                }
            }
        }
    }

    fn is_live(&self, manifest: &Manifest) -> bool {
        let live = self.parts.live.load();
        live.is_some_and(|live| live.snapshot.manifest().blobs == manifest.blobs)
    }

    pub(super) fn roll_back(
        &self,
        request: pb::RollbackSnapshotRequest,
    ) -> Result<Change, Refusal> {
        let asked = expected(&request.expected_active_snapshot_id)?;
        let roles = roles(&request.roles)?;
        let live = self.current()?;
        if let Some(asked) = asked {
            require(asked, live.snapshot_id)?;
        }
        let track = &self.parts.track;
        let to = match request.target_manifest_number {
            0 if roles.is_empty() => Some(self.before(&live)?),
            0 => None,
            number => Some(number),
        };
        let note = note(request.actor, request.reason);
        // What is live then must load, or the next server to start would serve nothing. Of some roles it is
        // another thing than what they come from.
        self.check(&track.would_roll_back(to, &roles, &note)?)?;
        let expected_active = Some(live.snapshot_id);
        let active = track.rollback(&Rollback { to, roles: &roles, expected_active, note })?;
        Ok(Change { active, previous: Some(live) })
    }

    pub(super) fn hold(&self, request: pb::HoldSnapshotRequest) -> Result<pb::Snapshot, Refusal> {
        let asked = expected(&request.expected_active_snapshot_id)?;
        self.parts.track.hold_expecting(asked, &note(request.actor, request.reason))?;
        Ok(self.describe(&self.current()?))
    }

    pub(super) fn release(&self, request: pb::ReleaseSnapshotRequest) -> Result<Change, Refusal> {
        let previous = self.current()?;
        let track = &self.parts.track;
        let head = track.head()?.filter(|head| head.held);
        if let Some(head) = &head {
            self.check(head)?;
        }
        let note = note(request.actor, request.reason);
        let active = self.release_checked(head.map(|head| head.snapshot_id), &note)?;
        Ok(Change { active, previous: Some(previous) })
    }

    /// Makes a snapshot live by what leads there: the end of the hold that it waits behind, or a rollback
    /// to its newest manifest.
    pub(super) fn activate(
        &self,
        request: &pb::ActivateSnapshotRequest,
    ) -> Result<Change, Refusal> {
        let id = snapshot_id("snapshot_id", &request.snapshot_id)?;
        let live = self.current()?;
        if live.snapshot_id == id {
            return Ok(Change { previous: Some(live.clone()), active: live });
        }
        let target = self.validated(id, request.max_shrink_ratio)?;
        let track = &self.parts.track;
        let note = note(String::new(), "activated by its id".to_owned());
        let waits = track.head()?.is_some_and(|head| head.held && head.snapshot_id == id);
        let active = if waits {
            self.release_checked(Some(id), &note)?
        } else {
            let to = Some(target.number);
            let expected_active = Some(live.snapshot_id);
            track.rollback(&Rollback { to, roles: &[], expected_active, note })?
        };
        Ok(Change { active, previous: Some(live) })
    }

    /// Ends a hold, unless something else waits behind it by now than what was checked.
    fn release_checked(
        &self,
        checked: Option<SnapshotId>,
        note: &Note,
    ) -> Result<Manifest, Refusal> {
        let guard = |live: &Manifest, waiting: &Manifest| {
            let found = waiting.snapshot_id;
            if checked.is_some_and(|checked| checked != found) {
                let text = format!("snapshot {found} was published meanwhile; look again");
                return Err(GuardRefusal(text));
            }
            (self.parts.release_guard)(live, waiting)
        };
        Ok(self.parts.track.release(&guard, note)?)
    }

    /// The manifest that is live by the store's word.
    pub(super) fn current(&self) -> Result<Manifest, Refusal> {
        let nothing = || {
            let text = "the track is empty; publish first".to_owned();
            Refusal::Snapshots(Why::Precondition, text)
        };
        self.parts.track.current()?.ok_or_else(nothing)
    }

    /// What was live before and may be again.
    fn before(&self, live: &Manifest) -> Result<u64, Refusal> {
        for earlier in self.parts.track.fallbacks(live) {
            let earlier = earlier?;
            if !self.parts.quarantine.holds(earlier.snapshot_id) {
                return Ok(earlier.number);
            }
        }
        let number = live.number;
        let text = format!("manifest {number} is live, and nothing before it can be; expected one");
        Err(Refusal::Snapshots(Why::Precondition, text))
    }

    /// Loads a manifest as the watcher would, and asks what it would ask.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<Arc<Snapshot>, Refusal> {
        self.require_not_quarantined(manifest)?;
        let live = self.parts.live.load();
        let live = live.as_deref().map(|moment| &*moment.snapshot);
        let SnapshotParts { store, gate, loading, .. } = &self.parts;
        Ok(snapshot::try_out(live, store, manifest, gate, *loading)?)
    }

    /// What ended the process twice is opened by nobody.
    pub(super) fn require_not_quarantined(&self, manifest: &Manifest) -> Result<(), Refusal> {
        let (number, id) = (manifest.number, manifest.snapshot_id);
        if !self.parts.quarantine.holds(id) {
            return Ok(());
        }
        let text = format!(
            "snapshot {id} of manifest {number} is quarantined on this replica; `kindred quarantine \
             --lift` lifts that"
        );
        Err(Refusal::Snapshots(Why::Precondition, text))
    }
}

fn require(expected: SnapshotId, found: SnapshotId) -> Result<(), Refusal> {
    if expected == found {
        return Ok(());
    }
    Err(crate::store::Error::UnexpectedActive { expected, found }.into())
}

fn expected(text: &str) -> Result<Option<SnapshotId>, Refusal> {
    match text {
        "" => Ok(None),
        text => snapshot_id("expected_active_snapshot_id", text).map(Some),
    }
}

fn roles(texts: &[String]) -> Result<Vec<Role>, Refusal> {
    let mut roles = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let role = Role::from_code(text).filter(|role| role.shapes_answers());
        let role = role.filter(|role| !roles.contains(role)).ok_or_else(|| {
            let found = quoted(text);
            let text = format!("expected catalog, policy or overrides, each once, found {found:?}");
            invalid(&format!("roles[{index}]"), text)
        })?;
        roles.push(role);
    }
    Ok(roles)
}

/// Who acts now, and why.
fn note(actor: String, reason: String) -> Note {
    let actor = if actor.is_empty() { NOBODY.to_owned() } else { actor };
    Note { actor, reason, created_at: Timestamp::from(SystemTime::now()).to_string() }
}
