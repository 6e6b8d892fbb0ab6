//! Takes sockets from the listener and seats each with a worker.
//!
//! Running out of descriptors must neither spin nor stop the server, and a peer that is refused
//! must know it at once: so there is a pause after an error, and a cap whose excess is closed.

use std::{
    fs, io,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use super::{
    listener::{Accepted, BACKLOG, Listener, Watched},
    peers::Peers,
    worker::{Seat, Terms, Worker},
};
use crate::telemetry::SeatRefusal;

/// Pause after an error of the whole machine: without it a starved server burns a core on accept. It is
/// short because of those who wait: with few descriptors a full queue is taken in many turns.
const PAUSE: Duration = Duration::from_millis(10);

/// The same warning is not repeated sooner.
const WARN_INTERVAL: Duration = Duration::from_secs(5);

/// Descriptors kept for blobs, journals, logs and runtimes.
const DESCRIPTORS_KEPT: usize = 256;

/// What the kernel grants a process when nobody says otherwise.
const DESCRIPTORS_DEFAULT: usize = 1024;

/// Connections at most, however many descriptors there are: at 1 MiB of receive window each this
/// is the memory of a large machine already.
const CONNECTIONS_MAX: usize = 65_536;

/// The one place that accepts.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: Watched,
    seating: Seating,
}

/// Who gets a seat, and who was refused one.
#[derive(Debug)]
struct Seating {
    seats: Arc<Semaphore>,
    peers: Peers,
    refused: Refused,
    warning: Throttle,
}

/// Connections closed at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refused {
    /// All seats were taken.
    pub(super) full: u64,
    /// The peer had as many as one may have.
    pub(super) of_peer: u64,
}

impl Acceptor {
    /// Accepts from this listener as long as there are seats. Needs a runtime around it.
    ///
    /// # Errors
    /// When the listener cannot be made non-blocking or watched.
    pub(super) fn new(
        listener: Listener,
        seats: Arc<Semaphore>,
        per_peer: Option<NonZeroUsize>,
    ) -> io::Result<Self> {
        let seating = Seating {
            seats,
            peers: Peers::new(per_peer),
            refused: Refused::default(),
            warning: Throttle::default(),
        };
        Ok(Self { listener: listener.watched()?, seating })
    }

    /// Accepts for ever. Dropping the future loses no socket.
    pub(super) async fn run(&mut self, workers: &mut [Worker], terms: &Terms) {
        loop {
            match self.listener.accept().await {
                Ok(stream) => self.seating.seat(stream, workers, terms),
                Err(error) if is_of_one_peer(&error) => {}
                Err(error) => {
                    if self.seating.warning.allows(Instant::now()) {
                        tracing::warn!(%error, "Connections cannot be accepted; trying on.");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Seats whoever is connected already, closes the listener, and says how many were refused in
    /// all. Closing it alone would reset peers that the kernel had let in.
    ///
    /// # Errors
    /// When the runtime does not hand the listener back.
    pub(super) fn close(self, workers: &mut [Worker], terms: &Terms) -> io::Result<Refused> {
        let Self { listener, mut seating } = self;
        // Without a bound, peers that connect fast enough could put off the drain.
        for accepted in listener.close(BACKLOG.into())? {
            seating.seat(accepted, workers, terms);
        }
        Ok(seating.refused)
    }
}

impl Seating {
    fn seat(&mut self, accepted: Accepted, workers: &mut [Worker], terms: &Terms) {
        let Some(of_peer) = self.peers.one_more(accepted.socket.peer()) else {
            self.refused.of_peer += 1;
            terms.services.connections().refused(SeatRefusal::Peer);
            if self.warning.allows(Instant::now()) {
                let (peer, refused) = (accepted.socket.peer(), self.refused.of_peer);
                tracing::warn!(?peer, refused, "A peer has as many connections as one may have.");
            }
            return;
        };
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            self.refused.full += 1;
            terms.services.connections().refused(SeatRefusal::Full);
            if self.warning.allows(Instant::now()) {
                tracing::warn!(refused = self.refused.full, "All connections are taken.");
            }
            return;
        };
        if let Err(error) = accepted.socket.prepare() {
            tracing::debug!(%error, "A peer was gone before it was served.");
            return;
        }
        if let Some(worker) = workers.iter_mut().min_by_key(|worker| worker.load()) {
            worker.serve(accepted, Seat { _of_all: seat, _of_peer: of_peer }, terms);
        }
    }
}

/// Did only this peer fail? Then the next one may be accepted at once. Everything else waits:
/// EMFILE, ENFILE and ENOBUFS pass with time, and an error nobody thought of must not spin.
pub(super) fn is_of_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Connections that the descriptor limit of this process allows.
pub(super) fn connections_allowed() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    seats_within(descriptors_soft_limit(&limits).unwrap_or(DESCRIPTORS_DEFAULT))
}

/// The soft limit of open files in the text of `/proc/self/limits`.
pub(super) fn descriptors_soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

/// Seats under this many descriptors, with head-room; a small limit is shared half and half.
pub(super) fn seats_within(descriptors: usize) -> usize {
    (descriptors - DESCRIPTORS_KEPT.min(descriptors / 2)).clamp(1, CONNECTIONS_MAX)
}

/// Lets a warning through once in a while.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    last: Option<Instant>,
}

impl Throttle {
    /// May the warning be given at this instant?
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.duration_since(last) >= WARN_INTERVAL);
        if due {
            self.last = Some(now);
        }
        due
    }
}
