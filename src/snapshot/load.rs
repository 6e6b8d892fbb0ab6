//! Bringing a snapshot into memory beside one that answers: on a thread of its own that gives way to
//! those who answer, no faster than is allowed, and only as long as somebody wants it.

use std::{
    io,
    num::NonZeroU64,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setpriority_process};
use tracing::{debug, error, warn};

use super::{Check, Gate, LoadError, Snapshot, WatchOptions, pace::Pace};
use crate::{
    index::{Blob, Catalog, Fault, Loading, UnverifiedBlob},
    store::{BlobRef, Manifest, Store},
};

/// The lowest priority: whoever answers comes first whenever both want a core.
const NICE: i32 = 19;

/// How often a load asks whether it is still wanted; no wait is longer.
const ASK_INTERVAL: Duration = Duration::from_millis(100);

/// A snapshot that is to be loaded.
pub(super) struct Errand<'a> {
    pub(super) store: &'a Store,
    pub(super) manifest: &'a Manifest,
    pub(super) options: &'a WatchOptions,
    pub(super) check: Option<&'a Check>,
    /// Does anybody still want it? Asked between two pieces of a file.
    pub(super) is_wanted: &'a (dyn Fn() -> bool + Sync),
}

/// Loads and checks a snapshot beside the one that is live as the watcher would, on a thread of the lowest
/// priority, and makes nothing live. No rate holds it: somebody waits. What ends the process meanwhile is
/// counted as if it had been live.
///
/// # Errors
/// What would refuse it.
pub fn try_out(
    live: Option<&Snapshot>,
    store: &Store,
    manifest: &Manifest,
    gate: &Gate,
    loading: Loading,
) -> Result<Arc<Snapshot>, LoadError> {
    let options = &WatchOptions { loading, ..WatchOptions::default() };
    let check = gate.check.as_ref();
    let _trial = gate.trials.begin(manifest.snapshot_id);
    Errand { store, manifest, options, check, is_wanted: &|| true }.run(live)
}

impl Errand<'_> {
    /// Loads and checks the snapshot. The first one is loaded here and as fast as it goes, as nobody is
    /// answered before it is live; a later one on the thread `kindred-loader`. A panic on the way is an
    /// error of the snapshot.
    pub(super) fn run(&self, live: Option<&Snapshot>) -> Result<Arc<Snapshot>, LoadError> {
        let Some(live) = live else {
            let work = || self.load(None, None);
            let done = catch_unwind(AssertUnwindSafe(work));
            return done.unwrap_or_else(|panic| Err(LoadError::of_panic(&*panic)));
        };
        let work = || {
            lower_priority();
            self.load(Some(live), self.options.load_rate)
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("kindred-loader".to_owned());
            let loader = thread.spawn_scoped(scope, work).map_err(LoadError::Thread)?;
            loader.join().unwrap_or_else(|panic| Err(LoadError::of_panic(&*panic)))
        })
    }

    fn load(
        &self,
        live: Option<&Snapshot>,
        rate: Option<NonZeroU64>,
    ) -> Result<Arc<Snapshot>, LoadError> {
        let mut wait = self.waiting(rate);
        let Self { store, manifest, options, .. } = self;
        let snapshot = Snapshot::load_by(options.loading, live, store, manifest, &mut wait)?;
        lock(&snapshot, live, self.options);
        let snapshot = Arc::new(snapshot);
        self.check.map_or(Ok(()), |check| check(&snapshot))?;
        Ok(snapshot)
    }

    /// Waits before each piece of a file as the rate asks; an error once nobody wants the file any more.
    fn waiting(&self, rate: Option<NonZeroU64>) -> impl FnMut(u64) -> io::Result<()> {
        let (mut pace, begin) = (Pace::new(rate), Instant::now());
        let mut asked = begin;
        move |bytes| {
            let mut wait = pace.wait(begin.elapsed(), bytes);
            loop {
                if asked.elapsed() >= ASK_INTERVAL {
                    asked = Instant::now();
                    if !(self.is_wanted)() {
                        return Err(io::Error::other("another snapshot is wanted by now"));
                    }
                }
                if wait.is_zero() {
                    return Ok(());
                }
                let step = wait.min(ASK_INTERVAL);
                thread::sleep(step);
                wait -= step;
            }
        }
    }
}

/// Opens and reads the blob that is named.
pub(super) fn open(
    named: &BlobRef,
    store: &Store,
    loading: Loading,
    before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
) -> Result<Blob, LoadError> {
    let path = store.blob_path(named);
    let opened = UnverifiedBlob::open_paced(&path, loading, before_chunk);
    let blob = opened.and_then(|blob| blob.verify_paced(Some(named.hash), before_chunk));
    let blob = blob.map_err(|error| match (&error.fault, store.collected(named)) {
        (Fault::Io { source, .. }, Some(collected)) if source.kind() == io::ErrorKind::NotFound => {
            LoadError::Store(collected)
        }
        _ => LoadError::Blob(error),
    })?;
    if let Some(why) = blob.copied_because() {
        let (path, file_len_bytes) = (path.display(), blob.size_bytes());
        warn!(%path, file_len_bytes, %why, "The file is copied into memory, as others could change it.");
    }
    Ok(blob)
}

/// Waits before each piece of what is live as the rate asks; not once the watcher is gone.
pub(super) fn waiting<'s>(
    rate: Option<NonZeroU64>,
    is_stopped: &'s AtomicBool,
) -> impl FnMut(u64) + use<'s> {
    let (mut pace, begin) = (Pace::new(rate), Instant::now());
    move |bytes| {
        let wait = pace.wait(begin.elapsed(), bytes);
        if !wait.is_zero() && !is_stopped.load(Ordering::Relaxed) {
            thread::sleep(wait);
        }
    }
}

/// Gives this thread the lowest priority. On Linux a thread has its own, and one of its own it is.
pub(super) fn lower_priority() {
    if let Err(error) = setpriority_process(None, NICE) {
        warn!(%error, "Loading keeps the priority of answering.");
    }
}

/// Locks a catalog that is not locked already. One that cannot be is served all the same: what is
/// locked answers no better, only never slower, and the one before would grow old instead.
fn lock(snapshot: &Snapshot, live: Option<&Snapshot>, options: &WatchOptions) {
    let is_live = |live: &Snapshot| Arc::ptr_eq(&live.parts.catalog, &snapshot.parts.catalog);
    if !options.is_locked || live.is_some_and(is_live) {
        return;
    }
    let catalog = snapshot.catalog();
    let (snapshot_id, file_len_bytes) = (snapshot.id(), catalog.blob().size_bytes());
    match catalog.blob().lock() {
        Ok(()) => debug!(snapshot_id, file_len_bytes, "The catalog is locked in memory."),
        Err(error) => {
            let limit_bytes = getrlimit(Resource::Memlock).current;
            error!(
                snapshot_id,
                file_len_bytes,
                limit_bytes,
                %error,
                "The catalog is not locked in memory and may be slow after idle times: raise the \
                 limit of locked memory to two catalogs (`ulimit -l`, LimitMEMLOCK= of systemd, \
                 --ulimit memlock= of a container), or leave out --mlock."
            );
        }
    }
}

/// Reads a byte of each page of a catalog; says how many bytes it has.
pub(super) fn touch(catalog: &Catalog, wait: &mut dyn FnMut(u64)) -> u64 {
    std::hint::black_box(catalog.blob().warm(wait));
    catalog.blob().size_bytes()
}
