//! Following a track: load what becomes current, make it live, unmap what was.
//!
//! Whatever happens to one snapshot, following goes on, also where this program has a fault. What is no
//! longer current when it is loaded is dropped; what is quarantined is not taken while there is another one
//! to serve.

use std::{
    fs, iter, mem,
    os::unix::fs::MetadataExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use tracing::{debug, error, info, warn};

use super::{
    Event, Gate, Live, LoadError, Moment, Standing, WatchOptions,
    load::Errand,
    moment::go_live,
    notice::{LOOK_INTERVAL, Notice},
    trials::Trial,
    watch::Command,
};
use crate::{
    stock::Stock,
    store::{Manifest, Store, Track},
};

/// How often retired snapshots are looked at.
const REAP_INTERVAL: Duration = Duration::from_millis(20);

pub(super) struct Follower {
    store: Store,
    track: Track,
    live: Live,
    /// Its writer makes snapshots live.
    stock: Stock,
    options: WatchOptions,
    gate: Gate,
    is_stopped: Arc<AtomicBool>,
    /// The manifest whose content is live, as far as this thread knows.
    shown: Option<Manifest>,
    /// What was refused; it is not tried again while its files are the same.
    refused: Option<Refused>,
    /// The number of the manifest that was current, and the files of what is live, when it was last tried to
    /// find something better than what is spoiled.
    tried: Option<(u64, Vec<Option<FileMark>>)>,
    /// Blobs that were refused in this look: other manifests that name them are not tried in it.
    broken: Vec<PathBuf>,
    /// The number of the manifest whose quarantine was told of.
    told: Option<u64>,
    standing: Standing,
    retired: Vec<Arc<Moment>>,
    on_event: Box<dyn Fn(Event<'_>)>,
}

/// What became of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Live,
    /// An earlier one is live in the place of what was refused.
    Earlier,
    Refused,
    /// The track has none.
    Nothing,
    /// Another manifest became current meanwhile, or the watcher is gone.
    Unwanted,
}

/// A manifest that was refused for what its files hold.
struct Refused {
    number: u64,
    files: Vec<Option<FileMark>>,
}

/// Tells whether another file stands under a name: its inode, length and time of change.
type FileMark = (u64, u64, i64, i64);

impl Follower {
    pub(super) fn new(
        (store, track, live, stock): (Store, Track, Live, Stock),
        options: WatchOptions,
        gate: Gate,
        is_stopped: Arc<AtomicBool>,
        on_event: Box<dyn Fn(Event<'_>)>,
    ) -> Self {
        Self {
            store,
            track,
            live,
            stock,
            options,
            gate,
            is_stopped,
            shown: None,
            refused: None,
            tried: None,
            broken: Vec::new(),
            told: None,
            standing: Standing::default(),
            retired: Vec::new(),
            on_event,
        }
    }

    pub(super) fn run(&mut self, inbox: &Receiver<Command>) {
        let poll_interval = self.options.poll_interval;
        let mut notice = Notice::new(self.track.dir());
        self.look();
        let mut polled = Instant::now();
        while !self.is_stopped() {
            match inbox.recv_timeout(self.wait(polled)) {
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(command) => {
                    // All that wait are one look.
                    for command in iter::once(command).chain(inbox.try_iter()) {
                        match command {
                            Command::Stop => return,
                            Command::Retry => {}
                            Command::Spoiled(snapshot) => {
                                (self.on_event)(Event::Spoiled(&snapshot));
                            }
                        }
                    }
                    self.refused = None;
                    self.tried = None;
                    self.look();
                }
                Err(RecvTimeoutError::Timeout) => {
                    let is_polled = polled.elapsed() >= poll_interval;
                    if notice.is_changed() || is_polled {
                        self.look();
                    }
                    if is_polled {
                        polled = Instant::now();
                    }
                }
            }
            self.gate.trials.settle(Instant::now());
            self.reap();
        }
    }

    /// How long nothing is to be done, if nobody asks for anything.
    fn wait(&self, polled: Instant) -> Duration {
        let now = Instant::now();
        let poll = self.options.poll_interval.saturating_sub(now.duration_since(polled));
        let due = self.gate.trials.due().map(|due| due.saturating_duration_since(now));
        let reap = (!self.retired.is_empty()).then_some(REAP_INTERVAL);
        [Some(poll), due, reap].into_iter().flatten().fold(LOOK_INTERVAL, Duration::min)
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Takes what is current, and what becomes current meanwhile; tells how that left things. A panic on
    /// the way ends this look and not the following.
    fn look(&mut self) {
        let standing = self.survive(|follower| {
            loop {
                match follower.take_current() {
                    Taken::Live | Taken::Nothing => return Some(Standing::Current),
                    Taken::Earlier | Taken::Refused => return Some(Standing::Behind),
                    Taken::Unwanted if follower.is_stopped() => return None,
                    Taken::Unwanted => {}
                }
            }
        });
        let standing = standing.unwrap_or_else(|error| {
            error!(%error, "A look at the track was not finished; the next one comes all the same.");
            Some(Standing::Behind)
        });
        let Some(standing) = standing else { return };
        if mem::replace(&mut self.standing, standing) != standing {
            (self.on_event)(Event::Stands(standing));
        }
    }

    /// Works; a panic is an error. It may have struck behind a swap: what this thread goes by then is what
    /// is live.
    fn survive<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, LoadError> {
        catch_unwind(AssertUnwindSafe(|| work(self))).map_err(|panic| {
            let live = self.live.load();
            self.shown = live.map(|moment| moment.snapshot.manifest().clone());
            LoadError::of_panic(&*panic)
        })
    }

    /// Takes what is current, if it is not live yet.
    fn take_current(&mut self) -> Taken {
        let current = match self.track.current() {
            Ok(Some(current)) => current,
            Ok(None) => {
                debug!("The track has no manifest yet.");
                return Taken::Nothing;
            }
            Err(error) => {
                error!(%error, "The track cannot be read; nothing changes.");
                return Taken::Refused;
            }
        };
        let is_shown = self.shown.as_ref().is_some_and(|shown| shown.blobs == current.blobs);
        let is_spoiled = self.live.load().is_some_and(|live| live.snapshot.is_spoiled());
        if is_shown && !is_spoiled {
            return Taken::Live;
        }
        // A file that is mended under what is spoiled is a reason to look again, and nothing else is.
        let spoiled = self.shown.as_ref().filter(|_| is_spoiled);
        let spoiled = spoiled.map(|shown| (current.number, self.marks(shown)));
        let is_tried = spoiled.is_some() && self.tried == spoiled;
        if self.is_refused(&current) && (spoiled.is_none() || is_tried) {
            return Taken::Refused;
        }
        self.broken.clear();
        let is_quarantined = self.gate.trials.refuses(current.snapshot_id);
        if is_quarantined {
            self.tell_quarantined(&current);
        } else {
            let taken = self.take(&current, &current);
            if taken != Taken::Refused {
                return taken;
            }
        }
        if self.shown.is_some() && (spoiled.is_none() || is_tried) {
            return Taken::Refused;
        }
        self.tried = spoiled;
        let taken = self.fall_back(&current);
        // What ended the process twice is worse than what has a wrong byte.
        if taken != Taken::Refused || !is_quarantined || self.shown.is_some() {
            return taken;
        }
        let (number, snapshot_id) = (current.number, current.snapshot_id);
        error!(number, %snapshot_id, "Nothing else can be served: trying what is quarantined.");
        self.take(&current, &current)
    }

    /// Says once that a manifest is not taken.
    fn tell_quarantined(&mut self, manifest: &Manifest) {
        if self.told.replace(manifest.number) == Some(manifest.number) {
            return;
        }
        let (number, snapshot_id) = (manifest.number, manifest.snapshot_id);
        error!(
            number,
            %snapshot_id,
            "Snapshot is quarantined and not taken; `kindred quarantine` lists and lifts."
        );
        (self.on_event)(Event::Quarantined(manifest));
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

    /// With nothing live that is whole: the newest earlier snapshot that loads is better than none.
    fn fall_back(&mut self, current: &Manifest) -> Taken {
        let readable = |read: Result<Manifest, _>| {
            read.inspect_err(|error| error!(%error, "An earlier manifest cannot be read.")).ok()
        };
        let earlier = self.track.fallbacks(current).map_while(readable).collect::<Vec<_>>();
        for manifest in earlier {
            let is_broken = |blob| self.broken.contains(&self.store.blob_path(blob));
            if self.gate.trials.refuses(manifest.snapshot_id)
                || manifest.blobs.iter().any(is_broken)
            {
                continue;
            }
            warn!(manifest = manifest.number, "Trying an earlier snapshot.");
            match self.take_or_remember(&manifest, current) {
                Taken::Refused => {}
                Taken::Live => return Taken::Earlier,
                taken @ (Taken::Earlier | Taken::Nothing | Taken::Unwanted) => return taken,
            }
        }
        Taken::Refused
    }

    /// Loads a manifest and makes it live; if that fails, remembers whether to try again.
    fn take(&mut self, manifest: &Manifest, current: &Manifest) -> Taken {
        let taken = self.take_or_remember(manifest, current);
        if taken == Taken::Live {
            self.refused = None;
        }
        taken
    }

    fn take_or_remember(&mut self, manifest: &Manifest, current: &Manifest) -> Taken {
        // Marked first: a repair while it loads is another file.
        let files = self.marks(manifest);
        let trial = self.gate.trials.begin(manifest.snapshot_id);
        let taken = self.survive(|follower| follower.load_and_swap(manifest, current, trial));
        taken.flatten().unwrap_or_else(|error| {
            let (number, snapshot_id) = (manifest.number, manifest.snapshot_id);
            let is_newest = self.refused.as_ref().is_none_or(|other| other.number <= number);
            if !error.may_pass() && is_newest {
                self.refused = Some(Refused { number, files });
            }
            if let LoadError::Blob(broken) = &error {
                self.broken.push(broken.path.clone());
            }
            (self.on_event)(Event::Refused(manifest, &error));
            // Last: who reads this and asks the server is told the same.
            error!(number, %snapshot_id, %error, "Snapshot is refused.");
            Taken::Refused
        })
    }

    /// Makes the snapshot live, unless another one than `current` is wanted by then.
    fn load_and_swap(
        &mut self,
        manifest: &Manifest,
        current: &Manifest,
        trial: Trial,
    ) -> Result<Taken, LoadError> {
        let begun = Instant::now();
        let live = self.live.load();
        let live = live.as_deref().map(|moment| &*moment.snapshot);
        let (track, is_stopped) = (&self.track, &*self.is_stopped);
        let is_wanted = || {
            let now = || track.current().ok().flatten();
            !is_stopped.load(Ordering::Relaxed)
                && now().is_none_or(|now| now.blobs == current.blobs)
        };
        let errand = Errand {
            store: &self.store,
            manifest,
            options: &self.options,
            check: self.gate.check.as_ref(),
            is_wanted: &is_wanted,
        };
        let loaded = errand.run(live);
        // Whatever came of it: nobody asks for it any more.
        if !is_wanted() {
            let (number, snapshot_id) = (manifest.number, manifest.snapshot_id);
            info!(number, %snapshot_id, "Snapshot is dropped: another one is wanted by now.");
            return Ok(Taken::Unwanted);
        }
        let snapshot = loaded?;
        let file_len_bytes = snapshot.catalog().blob().size_bytes();
        (self.on_event)(Event::Loaded(&snapshot, begun));
        let before = go_live(&self.live, &self.stock, &snapshot).map_err(LoadError::Stock)?;
        self.retired.extend(before);
        self.shown = Some(manifest.clone());
        info!(snapshot_id = snapshot.id(), manifest.number, file_len_bytes, "Snapshot is live.");
        (self.on_event)(Event::Live(&snapshot));
        // Behind the news: whoever waits for them does not wait for the disk.
        trial.went_live(Instant::now());
        Ok(Taken::Live)
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
