//! `kindred.v1.SnapshotService`: what is live, what may be, and the way back.
//!
//! Whatever touches a file runs on a thread that may block; few such calls run at once. A change is a
//! manifest in the store, which the watcher follows as it follows anyone's; the call returns when it has.
//! A caller that is gone does not take its change back.

mod change;
mod describe;
mod diff;
mod news;
mod stream;
mod validate;

use std::{fmt, panic, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::spawn_blocking};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

pub use self::news::SnapshotNews;
use self::{
    change::{Change, Followed},
    describe::Facts,
};
#[cfg(test)]
pub(super) use self::{diff::diff, validate::shrinks};
use super::{
    Health,
    status::{Refusal, Why},
};
use crate::{
    index::Loading,
    model::limits::{
        SNAPSHOT_CALLS_MAX, SNAPSHOT_CHANGES_MAX, SNAPSHOT_FOLLOW_S, SNAPSHOT_WATCHES_MAX,
    },
    pb::{self, server::snapshot_service_server::SnapshotService},
    snapshot::{Gate, Live, Quarantine},
    store::{GuardRefusal, Manifest, Store, Track},
};

/// Says no to the end of a hold: what is live, and what would be.
pub type ReleaseGuard = Arc<dyn Fn(&Manifest, &Manifest) -> Result<(), GuardRefusal> + Send + Sync>;

/// What snapshots are made of.
pub struct SnapshotParts {
    /// The store.
    pub store: Store,
    /// The track that this replica follows.
    pub track: Track,
    /// What is live.
    pub live: Live,
    /// What the watcher does.
    pub news: SnapshotNews,
    /// Ends streams with the server.
    pub health: Health,
    /// What is not taken any more.
    pub quarantine: Quarantine,
    /// How the watcher brings files into memory.
    pub loading: Loading,
    /// The watcher's, which a check passes, too.
    pub gate: Gate,
    /// Guards of a publish, for the end of a hold.
    pub release_guard: ReleaseGuard,
}

/// Answers the service. Clones are the same.
#[derive(Clone, Debug)]
pub struct Snapshots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: SnapshotParts,
    facts: Facts,
    calls: Arc<Semaphore>,
    changes: Arc<Semaphore>,
    watches: Arc<Semaphore>,
}

impl Snapshots {
    /// Serves these.
    #[must_use]
    pub fn new(parts: SnapshotParts) -> Self {
        Self(Arc::new(Inner {
            parts,
            facts: Facts::default(),
            calls: Arc::new(Semaphore::new(SNAPSHOT_CALLS_MAX)),
            changes: Arc::new(Semaphore::new(SNAPSHOT_CHANGES_MAX)),
            watches: Arc::new(Semaphore::new(SNAPSHOT_WATCHES_MAX)),
        }))
    }

    /// Does work on a thread that may block. It goes on where the caller does not wait for it.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let seat = Arc::clone(&self.0.calls).try_acquire_owned();
        self.work_in(seat.map_err(|_| busy(SNAPSHOT_CALLS_MAX, "calls"))?, work).await
    }

    /// The same for what changes something.
    async fn decide<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let seat = Arc::clone(&self.0.changes).try_acquire_owned();
        self.work_in(seat.map_err(|_| busy(SNAPSHOT_CHANGES_MAX, "changes"))?, work).await
    }

    async fn work_in<T: Send + 'static>(
        &self,
        seat: impl Send + 'static,
        work: impl FnOnce(&Inner) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let inner = Arc::clone(&self.0);
        let done = spawn_blocking(move || {
            let _seat = seat;
            work(&inner)
        });
        // A panic is the call's, and answered as one of its own.
        done.await.unwrap_or_else(|ended| panic::resume_unwind(ended.into_panic()))
    }

    /// Makes a change and waits until this replica has followed it.
    async fn change(
        &self,
        change: impl FnOnce(&Inner) -> Result<Change, Refusal> + Send + 'static,
    ) -> Result<(pb::Snapshot, Option<pb::Snapshot>), Refusal> {
        let Change { active, previous } = self.decide(change).await?;
        let span = Duration::from_secs(SNAPSHOT_FOLLOW_S);
        let followed = self.0.follow(&active, span).await;
        let (number, id) = (active.number, active.snapshot_id);
        match followed {
            Followed::Live => {}
            Followed::Refused(why) => {
                let text = format!(
                    "manifest {number} is stored and names snapshot {id}, which this replica does not \
                     take: {why}"
                );
                return Err(Refusal::Snapshots(Why::Precondition, text));
            }
            Followed::Overtaken => {
                let text = format!(
                    "manifest {number} was stored, and someone else decided after it; look again"
                );
                return Err(Refusal::Snapshots(Why::Overtaken, text));
            }
            Followed::Late => {
                let text = format!(
                    "manifest {number} is stored and names snapshot {id}; this replica has not followed \
                     within {SNAPSHOT_FOLLOW_S} s and goes on; do not repeat the call"
                );
                return Err(Refusal::Snapshots(Why::Pending, text));
            }
        }
        // Whoever is busy by now: the change is done, and is not to be answered as if it were not.
        self.work_in((), move |inner| {
            let previous = previous.map(|previous| inner.describe(&previous));
            Ok((inner.describe(&active), previous))
        })
        .await
    }
}

#[tonic::async_trait]
impl SnapshotService for Snapshots {
    async fn get_snapshot(
        &self,
        request: Request<pb::GetSnapshotRequest>,
    ) -> Result<Response<pb::GetSnapshotResponse>, Status> {
        let id = request.into_inner().snapshot_id;
        Ok(Response::new(self.work(move |inner| inner.get(&id)).await?))
    }

    async fn list_snapshots(
        &self,
        request: Request<pb::ListSnapshotsRequest>,
    ) -> Result<Response<pb::ListSnapshotsResponse>, Status> {
        let request = request.into_inner();
        Ok(Response::new(self.work(move |inner| inner.list(&request)).await?))
    }

    async fn activate_snapshot(
        &self,
        request: Request<pb::ActivateSnapshotRequest>,
    ) -> Result<Response<pb::ActivateSnapshotResponse>, Status> {
        let request = request.into_inner();
        if request.validate_only {
            let valid = self.work(move |inner| inner.validate(&request)).await?;
            return Ok(Response::new(valid));
        }
        let (active, previous) = self.change(move |inner| inner.activate(&request)).await?;
        Ok(Response::new(pb::ActivateSnapshotResponse { active: Some(active), previous }))
    }

    async fn rollback_snapshot(
        &self,
        request: Request<pb::RollbackSnapshotRequest>,
    ) -> Result<Response<pb::RollbackSnapshotResponse>, Status> {
        let request = request.into_inner();
        let (active, previous) = self.change(move |inner| inner.roll_back(request)).await?;
        Ok(Response::new(pb::RollbackSnapshotResponse { active: Some(active), previous }))
    }

    async fn hold_snapshot(
        &self,
        request: Request<pb::HoldSnapshotRequest>,
    ) -> Result<Response<pb::HoldSnapshotResponse>, Status> {
        let request = request.into_inner();
        // What is live does not change, so nothing is waited for.
        let active = self.decide(move |inner| inner.hold(request)).await?;
        Ok(Response::new(pb::HoldSnapshotResponse { active: Some(active) }))
    }

    async fn release_snapshot(
        &self,
        request: Request<pb::ReleaseSnapshotRequest>,
    ) -> Result<Response<pb::ReleaseSnapshotResponse>, Status> {
        let request = request.into_inner();
        let (active, _) = self.change(move |inner| inner.release(request)).await?;
        Ok(Response::new(pb::ReleaseSnapshotResponse { active: Some(active) }))
    }

    async fn diff_snapshots(
        &self,
        request: Request<pb::DiffSnapshotsRequest>,
    ) -> Result<Response<pb::DiffSnapshotsResponse>, Status> {
        let request = request.into_inner();
        Ok(Response::new(self.work(move |inner| inner.diff(&request)).await?))
    }

    type WatchActiveSnapshotStream =
        ReceiverStream<Result<pb::WatchActiveSnapshotResponse, Status>>;

    async fn watch_active_snapshot(
        &self,
        _: Request<pb::WatchActiveSnapshotRequest>,
    ) -> Result<Response<Self::WatchActiveSnapshotStream>, Status> {
        let seat = Arc::clone(&self.0.watches).try_acquire_owned().map_err(|_| {
            let text = format!("{SNAPSHOT_WATCHES_MAX} streams watch already; end one");
            Refusal::Snapshots(Why::Busy, text)
        })?;
        let stream = stream::open(&self.0.parts, seat);
        Ok(Response::new(stream))
    }
}

fn busy(count: usize, what: &str) -> Refusal {
    let text = format!("{count} {what} of snapshots run already; wait for one");
    Refusal::Snapshots(Why::Busy, text)
}

impl fmt::Debug for SnapshotParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, track, news, quarantine, .. } = self;
        f.debug_struct("SnapshotParts")
            .field("store", store)
            .field("track", track)
            .field("news", news)
            .field("quarantine", quarantine)
            .finish_non_exhaustive()
    }
}
