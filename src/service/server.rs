//! A server from its listener to its end.

use std::{
    io,
    num::NonZeroUsize,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Builder,
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    Health, Stop,
    accept::{self, Acceptor},
    connection::{Ending, Spans},
    hot::Services,
    listener::Listener,
    stop::Phase,
    worker::{Endings, Terms, Worker},
};
use crate::model::limits::{DELIVERY_WAIT_S, REQUEST_WAIT_S};

/// How long connections and threads have to notice the cut. Only a handler that never returns
/// needs more, and nothing waits for that.
const CUT_WAIT: Duration = Duration::from_millis(500);

/// How a server serves and ends.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Runtime threads; one a core by default.
    pub runtimes: NonZeroUsize,
    /// Connections at once, if fewer than the descriptor limit allows.
    pub connections_max: Option<NonZeroUsize>,
    /// Connections at once from one address; as many as there are seats by default, since what looks like
    /// one peer may be a proxy in front of all.
    pub connections_per_peer: Option<NonZeroUsize>,
    /// How long a peer may take to send its HTTP/2 preface: 5 s by default.
    pub preface_wait: Duration,
    /// After the stop, how long connections are still accepted while health says `NOT_SERVING`, so
    /// that load balancers turn away first. None by default.
    pub drain_delay: Duration,
    /// How long connections have after the GOAWAY before they are dropped: 20 s by default.
    pub drain_wait: Duration,
    /// How old a connection gets before it has its GOAWAY, a tenth more or less, so that clients spread
    /// over new replicas and do not all come back at once: 30 minutes by default, `None` for ever. Its open
    /// calls take the time they need.
    pub connection_age: Option<Duration>,
    /// How long a connection is quiet before it is asked whether it still lives: 30 s by default.
    pub ping_interval: Duration,
    /// How long it may leave that unanswered: 10 s by default.
    pub ping_wait: Duration,
    /// How long a request of one message may be on its way: 10 s by default.
    pub request_wait: Duration,
    /// How long an answer waits for its peer to take it, and a connection for its peer to take
    /// anything: 30 s by default.
    pub delivery_wait: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            runtimes: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            connections_max: None,
            connections_per_peer: None,
            preface_wait: Duration::from_secs(5),
            drain_delay: Duration::ZERO,
            drain_wait: Duration::from_secs(20),
            connection_age: Some(Duration::from_secs(30 * 60)),
            ping_interval: Duration::from_secs(30),
            ping_wait: Duration::from_secs(10),
            request_wait: Duration::from_secs(REQUEST_WAIT_S),
            delivery_wait: Duration::from_secs(DELIVERY_WAIT_S),
        }
    }
}

impl ServeOptions {
    fn spans(&self) -> Spans {
        Spans {
            preface_wait: self.preface_wait,
            age: self.connection_age,
            ping_interval: self.ping_interval,
            ping_wait: self.ping_wait,
            request_wait: self.request_wait,
            delivery_wait: self.delivery_wait,
        }
    }
}

/// What a server did with its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Connections each runtime was given.
    pub accepted_by_runtime: Vec<u64>,
    /// Connections closed at once because all seats were taken.
    pub refused: u64,
    /// Connections closed at once because their peer had as many as one may have.
    pub refused_of_peer: u64,
    /// Connections whose TLS handshake failed or took too long.
    pub without_tls: u64,
    /// Connections that sent no HTTP/2 preface in time.
    pub without_preface: u64,
    /// Connections that ended with an error of protocol or transport.
    pub failed: u64,
    /// Connections that were open when the drain began and ended before its deadline.
    pub drained: u64,
    /// Connections that were dropped at the deadline.
    pub cut: u64,
    /// Runtime threads that a handler still held when the server gave up on them.
    pub runtimes_stuck: usize,
    /// From the GOAWAY to the end.
    pub took: Duration,
}

/// Serves until told to stop, and drains. It blocks the calling thread, which must not be inside
/// an async runtime. The listener is the caller's, bound already.
///
/// On [`Stop::drain`]: health is `NOT_SERVING` at once; after the delay the listener closes, health
/// Watches end, and every connection gets its GOAWAY; at the deadline the rest is dropped. On
/// [`Stop::now`] the rest is dropped at once.
///
/// # Errors
/// When the system refuses a thread, a runtime or to watch the listener. Nothing that a peer does
/// is an error here.
pub fn serve(
    listener: impl Into<Listener>,
    services: impl Into<Services>,
    health: &Health,
    options: &ServeOptions,
    stop: &Stop,
) -> io::Result<DrainReport> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(Box::pin(run(listener.into(), services.into(), health, options, stop)))
}

async fn run(
    listener: Listener,
    services: Services,
    health: &Health,
    options: &ServeOptions,
    stop: &Stop,
) -> io::Result<DrainReport> {
    let allowed = accept::connections_allowed();
    let seats_max = options.connections_max.map_or(allowed, |max| allowed.min(max.get()));
    let seats = Arc::new(Semaphore::new(seats_max));
    services.connections().add_seats(seats_max);
    let mut acceptor = Acceptor::new(listener, Arc::clone(&seats), options.connections_per_peer)?;
    let mut workers =
        (0..options.runtimes.get()).map(Worker::start).collect::<io::Result<Vec<_>>>()?;
    let endings = Arc::<Endings>::default();
    let spans = options.spans();
    let terms = Terms { services, spans, endings: Arc::clone(&endings) };

    tokio::select! {
        biased;
        () = stop.reached(Phase::Draining) => {}
        () = acceptor.run(&mut workers, &terms) => {}
    }
    health.drain();
    tokio::select! {
        biased;
        () = stop.reached(Phase::Cut) => {}
        () = sleep(options.drain_delay) => {}
        () = acceptor.run(&mut workers, &terms) => {}
    }

    let begun = Instant::now();
    let refused = acceptor.close(&mut workers, &terms)?;
    // Counted before anyone is told: the quick ones may be gone a moment later.
    let open = taken(&seats, seats_max);
    health.end_watches();
    workers.iter().for_each(|worker| worker.advance(Phase::Draining));
    tokio::select! {
        biased;
        () = all_free(&seats, seats_max) => {}
        () = sleep(options.drain_wait) => {}
        () = stop.reached(Phase::Cut) => {}
    }

    let cut = taken(&seats, seats_max);
    workers.iter().for_each(|worker| worker.advance(Phase::Cut));
    timeout(CUT_WAIT, all_free(&seats, seats_max)).await.ok();
    let accepted_by_runtime = workers.iter().map(|worker| worker.load().1).collect();
    let runtimes_stuck = end_all(workers).await;
    Ok(DrainReport {
        accepted_by_runtime,
        refused: refused.full,
        refused_of_peer: refused.of_peer,
        without_tls: endings.count(Ending::NoTls),
        without_preface: endings.count(Ending::NoPreface),
        failed: endings.count(Ending::Failed),
        drained: open.saturating_sub(cut),
        cut,
        runtimes_stuck,
        took: begun.elapsed(),
    })
}

/// Ends every thread and says how many would not.
async fn end_all(workers: Vec<Worker>) -> usize {
    let mut endings: tokio::task::JoinSet<()> = workers.into_iter().map(Worker::end).collect();
    let all = async { while endings.join_next().await.is_some() {} };
    timeout(CUT_WAIT, all).await.ok();
    endings.len()
}

fn taken(seats: &Semaphore, seats_max: usize) -> u64 {
    (seats_max - seats.available_permits()) as u64
}

/// Returns when no connection is left. Nobody is seated any more, so the seats can be taken.
async fn all_free(seats: &Semaphore, seats_max: usize) {
    let seats_max = u32::try_from(seats_max).expect("there are at most 65,536 seats");
    seats.acquire_many(seats_max).await.map(drop).expect("nobody closes the semaphore");
}
