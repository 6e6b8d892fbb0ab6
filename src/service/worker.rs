//! One thread with a single-threaded runtime of its own, and the connections it was given.
//!
//! A request then never crosses threads: two such runtimes served 1.45 times what one runtime of
//! two threads did at many streams a connection.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::{OwnedSemaphorePermit, oneshot, watch},
};

use super::{
    call,
    connection::{self, Ending, Spans},
    hot::Services,
    listener::Accepted,
    peers::OfPeer,
    stop::{Phase, advance},
};
use crate::telemetry::ConnectionEnding;

/// How connections ended, over all workers.
#[derive(Debug, Default)]
pub(super) struct Endings {
    closed: AtomicU64,
    no_tls: AtomicU64,
    no_preface: AtomicU64,
    failed: AtomicU64,
    cut: AtomicU64,
}

impl Endings {
    /// Connections that ended this way so far.
    pub(super) fn count(&self, ending: Ending) -> u64 {
        self.counter(ending).load(Ordering::Relaxed)
    }

    fn counter(&self, ending: Ending) -> &AtomicU64 {
        match ending {
            Ending::Closed => &self.closed,
            Ending::NoTls => &self.no_tls,
            Ending::NoPreface => &self.no_preface,
            Ending::Failed => &self.failed,
            Ending::Cut => &self.cut,
        }
    }
}

/// A connection's place among all and among those of its peer; free again once dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) _of_all: OwnedSemaphorePermit,
    pub(super) _of_peer: OfPeer,
}

/// What every connection of a server shares.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Answers its requests.
    pub(super) services: Services,
    /// How long what may take.
    pub(super) spans: Spans,
    /// Where its end is counted.
    pub(super) endings: Arc<Endings>,
}

/// A runtime thread. Dropping it ends the thread and all its connections.
#[derive(Debug)]
pub(super) struct Worker {
    runtime: Handle,
    // Each worker has its own, so that connections of two cores never touch one lock.
    phases: watch::Sender<Phase>,
    open: Arc<AtomicUsize>,
    accepted: u64,
    /// The thread runs until this is dropped.
    _running: oneshot::Sender<Infallible>,
    /// The thread drops its end when it is done.
    ended: oneshot::Receiver<Infallible>,
}

impl Worker {
    /// Starts the thread of this number.
    ///
    /// # Errors
    /// When the system refuses the thread or the runtime's descriptors.
    pub(super) fn start(index: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .on_thread_park(call::waits)
            .on_thread_unpark(call::works)
            .build()?;
        let handle = runtime.handle().clone();
        let (running, stopped) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        thread::Builder::new().name(format!("kindred-rt-{index}")).spawn(move || {
            // Nothing is ever sent: this returns when the worker is dropped.
            runtime.block_on(stopped).ok();
            drop(runtime);
            drop(ending);
        })?;
        Ok(Self {
            runtime: handle,
            phases: watch::Sender::new(Phase::Serving),
            open: Arc::default(),
            accepted: 0,
            _running: running,
            ended,
        })
    }

    /// Connections open now, and given in all: the order in which workers get the next one.
    pub(super) fn load(&self) -> (usize, u64) {
        (self.open.load(Ordering::Relaxed), self.accepted)
    }

    /// Takes a connection over; its seat is free again when it has ended.
    pub(super) fn serve(&mut self, accepted: Accepted, seat: Seat, terms: &Terms) {
        self.accepted += 1;
        terms.services.connections().accepted();
        self.open.fetch_add(1, Ordering::Relaxed);
        let mut ticket = Ticket {
            ending: Ending::Failed,
            open: Arc::clone(&self.open),
            endings: Arc::clone(&terms.endings),
            services: terms.services.clone(),
            _seat: seat,
        };
        let (services, spans) = (terms.services.clone(), terms.spans);
        let phases = self.phases.subscribe();
        self.runtime.spawn(async move {
            ticket.ended(connection::serve(accepted, services, spans, phases).await);
        });
    }

    /// Moves all its connections on to this phase.
    pub(super) fn advance(&self, phase: Phase) {
        advance(&self.phases, phase);
    }

    /// Ends the thread and returns when it has ended, which a handler that never returns prevents.
    pub(super) async fn end(self) {
        let Self { _running: running, ended, .. } = self;
        drop(running);
        ended.await.ok();
    }
}

/// What a connection holds while it lives. Dropping it is the account of its end, so that even a
/// panic leaves the counts right.
struct Ticket {
    ending: Ending,
    open: Arc<AtomicUsize>,
    endings: Arc<Endings>,
    /// Which counts its end, too.
    services: Services,
    // Freed last: fields are dropped after `drop` has counted.
    _seat: Seat,
}

impl Ticket {
    /// A method, so that the task captures the whole ticket: a mere assignment would capture one
    /// field, and the rest would be dropped before the connection began.
    fn ended(&mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.endings.counter(self.ending).fetch_add(1, Ordering::Relaxed);
        self.services.connections().ended(match self.ending {
            Ending::Closed => ConnectionEnding::Closed,
            Ending::NoTls => ConnectionEnding::WithoutTls,
            Ending::NoPreface => ConnectionEnding::WithoutPreface,
            Ending::Failed => ConnectionEnding::Failed,
            Ending::Cut => ConnectionEnding::Cut,
        });
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
