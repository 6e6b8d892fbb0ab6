//! The watcher: one thread that follows a track (`follow.rs`), and what others know of it.

use std::{
    io,
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::{debug, error};

use super::{
    Gate, Live, LoadError, Snapshot,
    follow::Follower,
    rounds::{Rounds, Scrub, scrubbing, touching},
};
use crate::{
    index::Loading,
    stock::Stock,
    store::{Manifest, Store, Track},
};

/// How to follow a track.
#[derive(Clone, Copy, Debug)]
pub struct WatchOptions {
    /// Look for a newer manifest this often, also where the directory's time tells of nothing.
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
    /// Hold every byte of the live catalog against its checksums this often: a file that is mapped shows
    /// what somebody writes to it. What is spoiled is replaced by what the store has by then.
    pub scrub_interval: Option<Duration>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(2),
            load_rate: None,
            loading: Loading::Auto,
            is_locked: false,
            touch_interval: Some(Duration::from_secs(60)),
            scrub_interval: Some(Duration::from_secs(600)),
        }
    }
}

/// What the watcher did.
#[derive(Debug)]
pub enum Event<'a> {
    /// This snapshot is loaded whole and goes live next; it was looked at first at this instant.
    Loaded(&'a Snapshot, Instant),
    /// This snapshot is live from now on.
    Live(&'a Snapshot),
    /// This manifest is refused; what was live stays live.
    Refused(&'a Manifest, &'a LoadError),
    /// This manifest names a snapshot that is quarantined, and is not taken; told once.
    Quarantined(&'a Manifest),
    /// The bytes of a catalog that was live are no longer what was verified. Told once for each; what is
    /// taken in its place is told of next, if it was not before.
    Spoiled(&'a Snapshot),
    /// The last reader of this snapshot is gone, and it was unmapped.
    Unmapped(&'a str),
    /// After a look: how what is live stands to what the track names. Told when that changes.
    Stands(Standing),
}

/// How what is live stands to what the track names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is that, or there is nothing yet; what is being loaded does not change it.
    #[default]
    Current,
    /// That was refused, is quarantined or cannot be read: something else is live, or nothing.
    Behind,
}

/// Follows a track until it is dropped. Dropping it does not wait for a snapshot that is being
/// loaded: its thread only reads, makes nothing live any more, and ends by itself.
#[derive(Debug)]
pub struct Watcher {
    commands: Sender<Command>,
    is_stopped: Arc<AtomicBool>,
    _rounds: [Option<Rounds>; 2],
}

#[derive(Debug)]
pub(super) enum Command {
    /// The watcher is dropped.
    Stop,
    /// Try again also what was refused.
    Retry,
    /// The catalog of this snapshot, which was live, was found spoiled.
    Spoiled(Arc<Snapshot>),
}

impl Watcher {
    /// Starts following. The first snapshot is loaded on the watcher's thread, too. What goes live
    /// goes through the stock's writer, which publishes its views into the same slot, and has passed the
    /// gate before.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn spawn(
        store: Store,
        track: Track,
        live: Live,
        stock: Stock,
        options: WatchOptions,
        gate: Gate,
        on_event: impl Fn(Event<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let is_stopped = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&is_stopped);
        let shared = || (Live::clone(&live), Arc::clone(&is_stopped));
        // Also of what is locked, since a lock may be refused: to touch it costs little.
        let touch = |interval| {
            let (live, is_stopped) = shared();
            let on_touch = |size_bytes| debug!(size_bytes, "The live catalog was touched.");
            let round = touching(Live::clone(&live), options.load_rate, is_stopped, on_touch);
            Rounds::spawn("kindred-touch", live, interval, round)
        };
        let scrub = |interval| {
            let ((live, is_stopped), commands) = (shared(), commands.clone());
            let on_scrub = move |scrub: Scrub<'_>| tell_of(scrub, &commands);
            let round = scrubbing(Live::clone(&live), options.load_rate, is_stopped, on_scrub);
            Rounds::spawn("kindred-scrub", live, interval, round)
        };
        let rounds = [
            options.touch_interval.map(touch).transpose()?,
            options.scrub_interval.map(scrub).transpose()?,
        ];
        let follow = move || {
            let place = (store, track, live, stock);
            let mut follower = Follower::new(place, options, gate, stopped, Box::new(on_event));
            follower.run(&inbox);
        };
        thread::Builder::new().name("kindred-watch".to_owned()).spawn(follow)?;
        Ok(Self { commands, is_stopped, _rounds: rounds })
    }

    /// A handle that makes it look now and try again what was refused; it outlives the watcher.
    pub fn retry(&self) -> impl Fn() + Send + Sync + use<> {
        let commands = self.commands.clone();
        move || {
            if commands.send(Command::Retry).is_err() {
                debug!("The watcher is gone already.");
            }
        }
    }
}

/// Says what a scrub found; what is spoiled is the watcher's to replace.
fn tell_of(scrub: Scrub<'_>, commands: &Sender<Command>) {
    match scrub {
        Scrub::Whole { size_bytes } => debug!(size_bytes, "The live catalog is as it was."),
        Scrub::Spoiled { snapshot, error } => {
            let snapshot_id = snapshot.id();
            error!(
                snapshot_id,
                %error,
                "The live catalog has changed since it was verified: its file was written to, or its disk \
                 or memory is at fault. Taking what the store has by now."
            );
            if commands.send(Command::Spoiled(Arc::clone(snapshot))).is_err() {
                debug!("The watcher is gone already.");
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        if self.commands.send(Command::Stop).is_err() {
            error!("The watcher ended early: this is a fault of the program.");
        }
    }
}
