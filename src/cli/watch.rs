//! `kindred compile --watch`: compiles again when what it reads has changed.
//!
//! Notifications and a poll only say when to look; whether something changed is asked of the marks of
//! the files (name, length, times of change, inode), so our own reading and writing wakes nobody
//! twice. Where notifications are not to be had, the poll alone finds every change, only later. A
//! compile that failed on what may pass by itself is tried again without any change.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{self, Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use notify::{RecursiveMode, Watcher as _};
use tracing::{debug, info, warn};

use crate::sources::cache::{Cache, FileMark, marks};

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
#[derive(Debug, PartialEq, Eq)]
struct Marks {
    read: Vec<Option<Vec<FileMark>>>,
    /// Those of the holds that stand.
    holds: BTreeMap<PathBuf, Vec<FileMark>>,
}

/// What a compile reads, whether it is there or not.
pub(super) struct Watched {
    read: Vec<PathBuf>,
    /// What it writes itself, which may lie in between.
    written: Vec<PathBuf>,
    /// Where sources are held. Which there are is known only after they were read.
    cache: Option<PathBuf>,
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
    let watching = watch(watched, wake);
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
    /// What is read at `read`, but for what a compile writes into `store`, `cache` and `report`.
    pub(super) fn new(
        read: Vec<PathBuf>,
        store: &Path,
        cache: Option<&Path>,
        report: Option<&Path>,
    ) -> Self {
        let absolute = |path: &Path| path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // Tables may lie in the directory of the store or the cache: beside what those hold.
        let of_store = [store.to_owned(), store.join("blobs"), store.join("tracks")];
        let of_cache = cache.map(|cache| {
            [cache.to_owned(), cache.join(Cache::SOURCES_DIR), cache.join(Cache::LOCK_FILE)]
        });
        let written = of_store.into_iter().chain(of_cache.into_iter().flatten());
        Self {
            read: read.iter().map(|path| absolute(path)).collect(),
            written: written.chain(report.map(Path::to_owned)).map(|one| absolute(&one)).collect(),
            cache: cache.map(absolute),
        }
    }

    fn look(&self) -> Marks {
        let at = |path: &PathBuf| {
            let mut marks = marks(path).ok()?;
            // Only what is written below the path can hide something there.
            let written = self.written.iter().filter(|one| one.starts_with(path) && *one != path);
            let written = written.collect::<Vec<_>>();
            let is_written =
                |file: PathBuf| written.iter().any(|written| file.starts_with(written));
            marks.retain(|mark| mark.name.is_empty() || !is_written(path.join(&mark.name)));
            Some(marks)
        };
        Marks { read: self.read.iter().map(at).collect(), holds: self.holds() }
    }

    fn holds(&self) -> BTreeMap<PathBuf, Vec<FileMark>> {
        let sources = self.cache.as_deref().map(|cache| Cache::open(cache)?.sources());
        let sources = sources.into_iter().flatten().flatten();
        let paths = sources.map(|source| source.hold_path());
        paths.filter_map(|path| marks(&path).ok().map(|marks| (path, marks))).collect()
    }
}

fn watch(watched: &Watched, wake: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let paths = &watched.read;
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
    let sources = watched.cache.as_ref().map(|cache| cache.join(Cache::SOURCES_DIR));
    let trees = paths.iter().chain(&sources).filter(|path| path.is_dir()).map(PathBuf::as_path);
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
    use std::{
        fs::{self, File},
        io::Write as _,
    };

    use super::{Cache, Path, RETRY, RETRY_MAX, Watched, pause};

    fn put(path: &Path) {
        File::create(path).unwrap().write_all(b"x").unwrap();
    }

    /// A cache or store above the tables hid every change of them.
    #[test]
    fn tables_below_or_in_the_cache_and_the_store_are_watched() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["in", "store", "store/blobs", "store/tracks"] {
            fs::create_dir(path(name)).unwrap();
        }
        Cache::open(dir.path()).unwrap();
        let check = |read: &str, cache: &str, store: &str| {
            let read = path(read);
            let (cache, store) = (path(cache), path(store));
            let report = read.join("report.json");
            let watched = Watched::new(vec![read.clone()], &store, Some(&cache), Some(&report));
            let before = watched.look();
            for name in ["sources/x", "lock", "store/blobs/x", "store/tracks/x"] {
                put(&path(name));
            }
            put(&report);
            assert!(watched.look() == before, "what is written is no change");
            put(&read.join("relations.csv"));
            assert!(watched.look() != before, "what is read is one");
            for name in ["in/relations.csv", "relations.csv", "sources/x", "lock"] {
                fs::remove_file(path(name)).ok();
            }
            for name in ["report.json", "in/report.json", "store/blobs/x", "store/tracks/x"] {
                fs::remove_file(path(name)).ok();
            }
        };
        check("in", "", "store");
        check("", "", "store");
        fs::create_dir_all(path("blobs")).unwrap();
        check("in", "", "");
    }

    /// Which sources there are came out with the first compile, and their holds were not seen.
    #[test]
    fn a_hold_of_a_source_that_was_found_later_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let watched = Watched::new(Vec::new(), &dir.path().join("store"), Some(dir.path()), None);
        let before = watched.look();
        let hold = cache.source("magento").unwrap().hold_path();
        fs::create_dir_all(hold.parent().unwrap()).unwrap();
        assert!(watched.look() == before, "a source is none");
        put(&hold);
        assert!(watched.look() != before);
        fs::remove_file(hold).unwrap();
        assert!(watched.look() == before);
    }

    #[test]
    fn each_failure_waits_twice_as_long_up_to_five_minutes() {
        assert_eq!(pause(0), RETRY);
        assert_eq!(pause(3), RETRY * 8);
        for failures in [8, 31, 32, u32::MAX] {
            assert_eq!(pause(failures), RETRY_MAX);
        }
    }
}
