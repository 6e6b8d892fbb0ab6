//! The watcher: one thread that follows a track, has loaded what becomes current, and unmaps what was.

use std::{
    fs, io,
    num::NonZeroU64,
    os::unix::fs::MetadataExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use notify::{RecursiveMode, Watcher as _};
use tracing::{debug, error, info, warn};

use super::{Live, LoadError, Moment, Snapshot, load::load, moment::go_live, touch::Toucher};
use crate::{
    index::Loading,
    stock::Stock,
    store::{Manifest, Store, Track},
};

/// How often retired snapshots are looked at.
const REAP_INTERVAL: Duration = Duration::from_millis(20);

/// How to follow a track.
#[derive(Clone, Copy, Debug)]
pub struct WatchOptions {
    /// Look for a newer manifest this often, also where the file system notifies of nothing.
    pub poll_interval: Duration,
    /// Read the files of a later snapshot no faster than so many bytes a second: the first one
    /// comes as fast as it goes. `None`: as fast as those who answer leave room for.
    pub load_rate: Option<NonZeroU64>,
    /// How files come into memory.
    pub loading: Loading,
    /// Lock catalogs in memory.
    pub is_locked: bool,
    /// Read a byte of each page of the live catalog this often, so that the system sees it in use.
    pub touch_interval: Option<Duration>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(2),
            load_rate: None,
            loading: Loading::Auto,
            is_locked: false,
            touch_interval: Some(Duration::from_secs(60)),
        }
    }
}

/// What the watcher did.
#[derive(Debug)]
pub enum Event<'a> {
    /// This snapshot is live from now on.
    Live(&'a Snapshot),
    /// This manifest is refused; what was live stays live.
    Refused(&'a Manifest, &'a LoadError),
    /// The last reader of this snapshot is gone, and it was unmapped.
    Unmapped(&'a str),
}

/// Follows a track until it is dropped. Dropping it does not wait for a snapshot that is being
/// loaded: its thread only reads, makes nothing live any more, and ends by itself.
#[derive(Debug)]
pub struct Watcher {
    commands: Sender<Command>,
    is_stopped: Arc<AtomicBool>,
    _toucher: Option<Toucher>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    /// Something in the track's directory changed, or the watcher is dropped.
    Look,
    /// Try again also what was refused.
    Retry,
}

impl Watcher {
    /// Starts following. The first snapshot is loaded on the watcher's thread, too. What goes live
    /// goes through the stock's writer, which publishes its views into the same slot.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn spawn(
        store: Store,
        track: Track,
        live: Live,
        stock: Stock,
        options: WatchOptions,
        on_event: impl Fn(Event<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let is_stopped = Arc::<AtomicBool>::default();
        let (notices, stopped) = (commands.clone(), Arc::clone(&is_stopped));
        // Also of what is locked, since a lock may be refused: to touch it costs little.
        let touch = |interval| {
            let (live, is_stopped) = (Live::clone(&live), Arc::clone(&is_stopped));
            let on_touch = |size_bytes| debug!(size_bytes, "The live catalog was touched.");
            Toucher::spawn(live, interval, options, is_stopped, on_touch)
        };
        let toucher = options.touch_interval.map(touch).transpose()?;
        let follow = move || {
            // Without notifications the poll still finds every manifest, only later.
            let watching = watch_directory(&track, notices);
            let mut follower = Follower {
                store,
                track,
                live,
                stock,
                options,
                is_stopped: stopped,
                shown: None,
                refused: None,
                retired: Vec::new(),
                on_event: Box::new(on_event),
            };
            follower.run(&inbox);
            drop(watching);
        };
        thread::Builder::new().name("kindred-watch".to_owned()).spawn(follow)?;
        Ok(Self { commands, is_stopped, _toucher: toucher })
    }

    /// A handle that makes it look now and try again what was refused; it outlives the watcher.
    pub fn retry(&self) -> impl Fn() + Send + use<> {
        let commands = self.commands.clone();
        move || {
            if commands.send(Command::Retry).is_err() {
                debug!("The watcher is gone already.");
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        if self.commands.send(Command::Look).is_err() {
            error!("The watcher ended early: this is a fault of the program.");
        }
    }
}

fn watch_directory(track: &Track, commands: Sender<Command>) -> Option<notify::RecommendedWatcher> {
    let look = move |event: notify::Result<notify::Event>| {
        // Our own reading of the directory is an event, too.
        if matches!(&event, Ok(event) if event.kind.is_access()) {
            return;
        }
        debug!(?event, "The track's directory changed.");
        if commands.send(Command::Look).is_err() {
            debug!("The watcher is gone already.");
        }
    };
    let started = notify::recommended_watcher(look).and_then(|mut watcher| {
        watcher.watch(track.dir(), RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    started
        .inspect_err(|error| warn!(%error, "No file notifications: new snapshots are polled for."))
        .ok()
}

struct Follower {
    store: Store,
    track: Track,
    live: Live,
    /// Its writer makes snapshots live.
    stock: Stock,
    options: WatchOptions,
    is_stopped: Arc<AtomicBool>,
    /// The manifest whose content is live, as far as this thread knows.
    shown: Option<Manifest>,
    /// What was refused; it is not tried again while its files are the same.
    refused: Option<Refused>,
    retired: Vec<Arc<Moment>>,
    on_event: Box<dyn Fn(Event<'_>)>,
}

/// A manifest that was refused for what its files hold.
struct Refused {
    number: u64,
    files: Vec<Option<FileMark>>,
}

/// Tells whether another file stands under a name: its inode, length and time of change.
type FileMark = (u64, u64, i64, i64);

impl Follower {
    fn run(&mut self, inbox: &Receiver<Command>) {
        let poll_interval = self.options.poll_interval;
        let mut since_poll = Duration::ZERO;
        self.look();
        while !self.is_stopped() {
            let wait = if self.retired.is_empty() { poll_interval } else { REAP_INTERVAL };
            match inbox.recv_timeout(wait) {
                Ok(first) => {
                    // One publish is several events: one look answers all that wait.
                    if self.is_stopped() {
                        return;
                    }
                    let waiting = std::iter::once(first).chain(inbox.try_iter());
                    if waiting.fold(false, |retry, next| retry | (next == Command::Retry)) {
                        self.refused = None;
                    }
                    self.look();
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    since_poll += wait;
                    if since_poll >= poll_interval {
                        since_poll = Duration::ZERO;
                        self.look();
                    }
                }
            }
            self.reap();
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Takes what is current, if it is not live yet.
    fn look(&mut self) {
        let current = match self.track.current() {
            Ok(Some(current)) => current,
            Ok(None) => return debug!("The track has no manifest yet."),
            Err(error) => return error!(%error, "The track cannot be read; nothing changes."),
        };
        let is_shown = self.shown.as_ref().is_some_and(|shown| shown.blobs == current.blobs);
        if is_shown || self.is_refused(&current) {
            return;
        }
        if self.take(&current) || self.shown.is_some() {
            return;
        }
        self.fall_back(&current);
    }

    /// Was this manifest refused, and are its files still the same? A blob that is published anew
    /// takes the place of a damaged one without a new manifest.
    fn is_refused(&self, manifest: &Manifest) -> bool {
        let refused = self.refused.as_ref().filter(|refused| refused.number == manifest.number);
        refused.is_some_and(|refused| refused.files == self.marks(manifest))
    }

    fn marks(&self, manifest: &Manifest) -> Vec<Option<FileMark>> {
        let mark = |metadata: fs::Metadata| {
            (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
        };
        let files = manifest.blobs.iter().map(|blob| fs::metadata(self.store.blob_path(blob)));
        files.map(|metadata| metadata.ok().map(mark)).collect()
    }

    /// At the start, with nothing live: the newest earlier snapshot that loads is better than none.
    fn fall_back(&mut self, current: &Manifest) {
        let readable = |read: Result<Manifest, _>| {
            read.inspect_err(|error| error!(%error, "An earlier manifest cannot be read.")).ok()
        };
        let earlier = self.track.fallbacks(current).map_while(readable).collect::<Vec<_>>();
        for manifest in earlier {
            warn!(manifest = manifest.number, "Trying an earlier snapshot.");
            if self.take_unless_refused(&manifest) {
                return;
            }
        }
    }

    /// Loads a manifest and makes it live; if that fails, remembers whether to try again.
    fn take(&mut self, manifest: &Manifest) -> bool {
        let taken = self.take_unless_refused(manifest);
        if taken {
            self.refused = None;
        }
        taken
    }

    fn take_unless_refused(&mut self, manifest: &Manifest) -> bool {
        // Marked first: a repair while it loads is another file.
        let files = self.marks(manifest);
        match self.load_and_swap(manifest) {
            Ok(is_live) => is_live,
            Err(error) => {
                let (number, snapshot_id) = (manifest.number, manifest.snapshot_id);
                error!(number, %snapshot_id, %error, "Snapshot is refused.");
                let is_newest = self.refused.as_ref().is_none_or(|other| other.number <= number);
                if !error.may_pass() && is_newest {
                    self.refused = Some(Refused { number, files });
                }
                (self.on_event)(Event::Refused(manifest, &error));
                false
            }
        }
    }

    /// Whether the snapshot is live now; a stopped watcher makes none live.
    fn load_and_swap(&mut self, manifest: &Manifest) -> Result<bool, LoadError> {
        let live = self.live.load();
        let live = live.as_deref().map(|moment| &*moment.snapshot);
        let snapshot = load(live, &self.store, manifest, &self.options, &self.is_stopped)?;
        let snapshot = Arc::new(snapshot);
        if self.is_stopped() {
            return Ok(false);
        }
        let file_len_bytes = snapshot.catalog().blob().size_bytes();
        let before = go_live(&self.live, &self.stock, &snapshot).map_err(LoadError::Stock)?;
        self.retired.extend(before);
        self.shown = Some(manifest.clone());
        info!(snapshot_id = snapshot.id(), manifest.number, file_len_bytes, "Snapshot is live.");
        (self.on_event)(Event::Live(&snapshot));
        Ok(true)
    }

    /// Unmaps the retired snapshots that nobody reads any more.
    fn reap(&mut self) {
        // Views of earlier batches may keep the snapshot in their own pairs.
        let is_unread = |moment: &mut Arc<Moment>| {
            Arc::strong_count(moment) == 1 && Arc::strong_count(&moment.snapshot) == 1
        };
        for moment in self.retired.extract_if(.., is_unread) {
            let id = moment.snapshot.id().to_owned();
            debug!(snapshot_id = id, "Snapshot is unmapped.");
            drop(moment);
            (self.on_event)(Event::Unmapped(&id));
        }
    }
}
