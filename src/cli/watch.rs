//! `kindred compile --watch`: compiles again when what it reads has changed.
//!
//! Notifications and a poll only say when to look; whether something changed is asked of the marks of
//! the files (name, length, times of change, inode), so our own reading and writing wakes nobody
//! twice. Where notifications are not to be had, the poll alone finds every change, only later. A
//! compile that failed on what may pass by itself is tried again without any change.

use std::{
    collections::BTreeSet,
    path::{self, Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use notify::{RecursiveMode, Watcher as _};
use tracing::{debug, info, warn};

use crate::sources::cache::{FileMark, marks};

/// Files that go on changing within so long are still being written.
const QUIET: Duration = Duration::from_millis(500);

/// A writer that never pauses is compiled with what it has by then.
const QUIET_MAX: Duration = Duration::from_secs(60);

/// Look this often where nobody notifies.
const POLL: Duration = Duration::from_secs(5);

/// Try again after so long, and twice as long each time, up to the second.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(300);

/// What stands at some paths; `None` where nothing can be looked at.
type Marks = Vec<Option<Vec<FileMark>>>;

/// What a compile reads, whether it is there or not.
pub(super) struct Watched {
    read: Vec<PathBuf>,
    /// What it writes itself, which may lie in between.
    written: Vec<PathBuf>,
}

/// What came of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Done, or refused in a way that the same input is again.
    Settled,
    /// Failed on something that may pass by itself: a lock, a disk, a file that is half there.
    MayPass,
}

/// Runs `work` now, after each change, and, as long as it fails on what may pass, again after a while
/// that grows. Ends only with the process.
pub(super) fn run(watched: &Watched, work: &mut dyn FnMut() -> Outcome) -> ! {
    let (wake, wakes) = mpsc::channel();
    // Looked at before the work: what changes meanwhile is found after it.
    let mut seen = watched.look();
    let mut outcome = work();
    let watching = watch(&watched.read, wake);
    info!(notified = watching.is_some(), "Watching for changes.");
    let mut failures = 0;
    loop {
        let retry = (outcome == Outcome::MayPass).then(|| pause(failures));
        match wait_for_change(watched, &mut seen, &wakes, retry) {
            Woken::Change => failures = 0,
            Woken::Retry => failures += 1,
        }
        outcome = work();
    }
}

/// How long to wait after so many failures in a row that nothing changed.
fn pause(failures: u32) -> Duration {
    RETRY.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(RETRY_MAX)
}

/// Why the work is to be done again.
enum Woken {
    Change,
    Retry,
}

/// Waits until something at the paths differs from what was seen, and no longer changes; or so long,
/// if a time is given.
fn wait_for_change(
    watched: &Watched,
    seen: &mut Marks,
    wakes: &Receiver<()>,
    retry: Option<Duration>,
) -> Woken {
    let end = retry.map(|retry| Instant::now() + retry);
    let mut found = watched.look();
    while found == *seen {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            info!("Trying again what failed.");
            return Woken::Retry;
        }
        sleep(wakes, left.map_or(POLL, |left| left.min(POLL)));
        found = watched.look();
    }
    info!("The tables have changed: compiling when they are quiet.");
    let start = Instant::now();
    while start.elapsed() < QUIET_MAX {
        rest(wakes, QUIET);
        let again = watched.look();
        if again == found {
            break;
        }
        found = again;
    }
    *seen = found;
    Woken::Change
}

/// Sleeps until something wakes us, at most so long.
fn sleep(wakes: &Receiver<()>, time: Duration) {
    match wakes.recv_timeout(time) {
        // One change is several events: one look answers all that wait.
        Ok(()) => wakes.try_iter().for_each(drop),
        Err(RecvTimeoutError::Timeout) => {}
        Err(RecvTimeoutError::Disconnected) => std::thread::sleep(time),
    }
}

/// Sleeps so long, whoever wakes us.
fn rest(wakes: &Receiver<()>, time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        sleep(wakes, left);
    }
}

impl Watched {
    /// What is read at `read`, but for what is written at `written`.
    pub(super) fn new(read: Vec<PathBuf>, written: &[&Path]) -> Self {
        let absolute = |path: &Path| path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            read: read.iter().map(|path| absolute(path)).collect(),
            written: written.iter().map(|path| absolute(path)).collect(),
        }
    }

    fn look(&self) -> Marks {
        let is_read = |path: &Path| !self.written.iter().any(|written| path.starts_with(written));
        let at = |path: &PathBuf| {
            let mut marks = marks(path).ok()?;
            // What is named itself counts wherever it lies: a hold lies in the cache.
            marks.retain(|mark| mark.name.is_empty() || is_read(&path.join(&mark.name)));
            Some(marks)
        };
        self.read.iter().map(at).collect()
    }
}

fn watch(paths: &[PathBuf], wake: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let on_event = move |event: notify::Result<notify::Event>| {
        // Our own reading is an event, too.
        if matches!(&event, Ok(event) if event.kind.is_access()) {
            return;
        }
        if wake.send(()).is_err() {
            debug!("Nobody waits for changes any more.");
        }
    };
    let mut watcher = notify::recommended_watcher(on_event)
        .inspect_err(|error| warn!(%error, "No file notifications: changes are polled for."))
        .ok()?;
    let trees = paths.iter().filter(|path| path.is_dir()).map(PathBuf::as_path);
    let trees = trees.collect::<BTreeSet<_>>();
    // A file that is replaced is another file: its directory is told.
    let parents = paths.iter().filter(|path| !path.is_dir()).map(|path| parent(path));
    let parents = parents.filter(|dir| !trees.contains(dir)).collect::<BTreeSet<_>>();
    let trees = trees.into_iter().map(|dir| (dir, RecursiveMode::Recursive));
    let parents = parents.into_iter().map(|dir| (dir, RecursiveMode::NonRecursive));
    for (dir, depth) in trees.chain(parents) {
        if let Err(error) = watcher.watch(dir, depth) {
            let dir = dir.display();
            warn!(%dir, %error, "No notifications here: changes are polled for.");
        }
    }
    Some(watcher)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::{RETRY, RETRY_MAX, pause};

    #[test]
    fn each_failure_waits_twice_as_long_up_to_five_minutes() {
        assert_eq!(pause(0), RETRY);
        assert_eq!(pause(3), RETRY * 8);
        for failures in [8, 31, 32, u32::MAX] {
            assert_eq!(pause(failures), RETRY_MAX);
        }
    }
}
