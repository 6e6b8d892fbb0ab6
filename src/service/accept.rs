//! Takes sockets from the listener and seats each with a worker.
//!
//! Running out of descriptors must neither spin nor stop the server, and a peer that is refused
//! must know it at once: so there is a pause after an error, and a cap whose excess is closed.

use std::{
    fs, io,
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{net::TcpListener, sync::Semaphore};

use super::worker::{Terms, Worker};

/// Pause after an error of the whole machine: without it a starved server burns a core on accept.
const PAUSE: Duration = Duration::from_millis(100);

/// The same warning is not repeated sooner.
const WARN_INTERVAL: Duration = Duration::from_secs(5);

/// Descriptors kept for blobs, journals, logs and runtimes.
const DESCRIPTORS_KEPT: usize = 256;

/// What the kernel grants a process when nobody says otherwise.
const DESCRIPTORS_DEFAULT: usize = 1024;

/// Connections at most, however many descriptors there are: at 1 MiB of receive window each this
/// is the memory of a large machine already.
const CONNECTIONS_MAX: usize = 65_536;

/// Sockets that may wait in the kernel when the listener closes: Linux's `somaxconn`. Without a
/// bound, peers that connect fast enough could put off the drain.
const BACKLOG_MAX: usize = 4096;

/// Half-open peers on quiet networks: asked after a minute, given up after three unanswered
/// questions. HTTP/2 pings find most of them sooner; this also holds before the preface.
const KEEPALIVE_TIME: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// The one place that accepts.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    seating: Seating,
}

/// Who gets a seat, and who was refused one.
#[derive(Debug)]
struct Seating {
    seats: Arc<Semaphore>,
    refused: u64,
    warning: Throttle,
}

impl Acceptor {
    /// Accepts from this listener as long as there are seats. Needs a runtime around it.
    ///
    /// # Errors
    /// When the listener cannot be made non-blocking or watched.
    pub(super) fn new(listener: std::net::TcpListener, seats: Arc<Semaphore>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, seating: Seating { seats, refused: 0, warning: Throttle::default() } })
    }

    /// Accepts for ever. Dropping the future loses no socket.
    pub(super) async fn run(&mut self, workers: &mut [Worker], terms: &Terms) {
        loop {
            match self.accept().await {
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

    /// The next socket, free of this runtime: it is watched by the one that serves it.
    async fn accept(&self) -> io::Result<TcpStream> {
        self.listener.accept().await?.0.into_std()
    }

    /// Seats whoever is connected already, closes the listener, and says how many were refused in
    /// all. Closing it alone would reset peers that the kernel had let in.
    ///
    /// # Errors
    /// When the runtime does not hand the listener back.
    pub(super) fn close(self, workers: &mut [Worker], terms: &Terms) -> io::Result<u64> {
        let Self { listener, mut seating } = self;
        let listener = listener.into_std()?;
        for _ in 0..BACKLOG_MAX {
            let Ok((stream, _)) = listener.accept() else { break };
            seating.seat(stream, workers, terms);
        }
        Ok(seating.refused)
    }
}

impl Seating {
    fn seat(&mut self, stream: TcpStream, workers: &mut [Worker], terms: &Terms) {
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            self.refused += 1;
            if self.warning.allows(Instant::now()) {
                tracing::warn!(refused = self.refused, "All connections are taken.");
            }
            return;
        };
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "A peer was gone before it was served.");
            return;
        }
        if let Some(worker) = workers.iter_mut().min_by_key(|worker| worker.load()) {
            worker.serve(stream, seat, terms);
        }
    }
}

/// Socket options. Without `TCP_NODELAY` a reply waits for the peer's acknowledgement of the last
/// one, which cost 97 % of the throughput when measured.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    // A socket from the closing listener still blocks.
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_TIME)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
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
