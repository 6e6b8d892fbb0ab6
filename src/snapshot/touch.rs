//! Keeping what is live in memory: a system that is short of memory, or that takes back what was
//! long idle, takes pages that nobody has read for a while, and the first shopper in the morning
//! would wait for the disk.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use super::{
    Live, Moment, WatchOptions,
    load::{lower_priority, touch, waiting},
};

/// Touches until it is dropped.
#[derive(Debug)]
pub(super) struct Toucher {
    /// Nothing is sent; its end is what is heard of.
    _end: Sender<Infallible>,
}

impl Toucher {
    /// Starts a thread of the lowest priority that reads a byte of each page of the live catalog
    /// every so often; `on_touch` hears how many bytes were gone over. `is_stopped` ends the waits
    /// between two pieces.
    pub(super) fn spawn(
        live: Live,
        interval: Duration,
        options: WatchOptions,
        is_stopped: Arc<AtomicBool>,
        mut on_touch: impl FnMut(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let run = move || {
            lower_priority();
            while is_time(&ended, interval) {
                // The moment is kept to the end of the walk, so that its file stays mapped.
                let Some(moment) = live.load() else { continue };
                let is_live = |now: &Moment| Arc::ptr_eq(&now.snapshot, &moment.snapshot);
                let mut wait = waiting(&options, &is_stopped);
                let mut wait_while_live = |bytes| {
                    // What was replaced meanwhile is to be unmapped soon.
                    if live.load().is_some_and(|now| is_live(&now)) {
                        wait(bytes);
                    }
                };
                on_touch(touch(moment.snapshot.catalog(), &mut wait_while_live));
            }
        };
        thread::Builder::new().name("kindred-touch".to_owned()).spawn(run)?;
        Ok(Self { _end: end })
    }
}

/// Waits for the interval; says no as soon as whoever holds the other end is gone.
fn is_time(ended: &Receiver<Infallible>, interval: Duration) -> bool {
    match ended.recv_timeout(interval) {
        Err(RecvTimeoutError::Timeout) => true,
        Err(RecvTimeoutError::Disconnected) => false,
        Ok(never) => match never {},
    }
}
