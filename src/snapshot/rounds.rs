//! Going over what is live every so often.
//!
//! To touch it keeps it in memory: a system that is short of memory, or that takes back what was long idle,
//! takes pages that nobody has read for a while, and the first shopper in the morning would wait for the
//! disk. To scrub it finds what a faulty disk, or a writer that keeps no rule, did to a file that was whole
//! when it was mapped: a mapping shows what is written later, whoever writes it.

use std::{
    convert::Infallible,
    io,
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use tracing::debug;

use super::{
    Live, Snapshot,
    load::{lower_priority, touch, waiting},
};
use crate::index::{Fault, IndexError};

/// No catalog is scrubbed faster, in bytes a second: a scrub takes about a twentieth of a core while it
/// lasts, and one of 1 GiB lasts a quarter of a minute.
const SCRUB_RATE_MAX: NonZeroU64 = NonZeroU64::new(64 << 20).expect("it is not 0");

/// A thread that goes round until it is dropped.
#[derive(Debug)]
pub(super) struct Rounds {
    /// Nothing is sent; its end is what is heard of.
    _end: Sender<Infallible>,
}

impl Rounds {
    /// Starts a thread of the lowest priority that goes over what is live every so often. What it is given
    /// stays mapped to the end of the round.
    pub(super) fn spawn(
        name: &str,
        live: Live,
        interval: Duration,
        mut round: impl FnMut(&Arc<Snapshot>) + Send + 'static,
    ) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let run = move || {
            lower_priority();
            while is_time(&ended, interval) {
                let snapshot = live.load().map(|moment| Arc::clone(&moment.snapshot));
                if let Some(snapshot) = snapshot {
                    round(&snapshot);
                }
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
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

/// A round that reads a byte of each page of the catalog, no faster than so many bytes a second;
/// `on_touch` hears how many bytes were gone over. Waits no more once another catalog is live.
pub(super) fn touching(
    live: Live,
    rate: Option<NonZeroU64>,
    is_stopped: Arc<AtomicBool>,
    mut on_touch: impl FnMut(u64),
) -> impl FnMut(&Arc<Snapshot>) {
    move |snapshot| {
        let mut wait = waiting(rate, &is_stopped);
        let mut wait_while_live = |bytes| {
            // What was replaced meanwhile is to be unmapped soon.
            if has_catalog_of(&live, snapshot) {
                wait(bytes);
            }
        };
        on_touch(touch(snapshot.catalog(), &mut wait_while_live));
    }
}

/// A round that reads every byte of the catalog and holds it against its checksums, no faster than so many
/// bytes a second; `on_scrub` hears of each that went to the end whether the catalog is as it was. One that
/// was found spoiled is not read again.
pub(super) fn scrubbing(
    live: Live,
    rate: Option<NonZeroU64>,
    is_stopped: Arc<AtomicBool>,
    mut on_scrub: impl FnMut(Scrub<'_>),
) -> impl FnMut(&Arc<Snapshot>) {
    let rate = scrub_rate(rate);
    move |snapshot| {
        let blob = snapshot.catalog().blob();
        if blob.is_spoiled() {
            return;
        }
        let mut wait = waiting(Some(rate), &is_stopped);
        let mut wait_while_live = |bytes| {
            wait(bytes);
            if is_stopped.load(Ordering::Relaxed) || !has_catalog_of(&live, snapshot) {
                return Err(io::Error::other("another catalog is live by now"));
            }
            Ok(())
        };
        match blob.verify_again(&mut wait_while_live) {
            Ok(()) => on_scrub(Scrub::Whole { size_bytes: blob.size_bytes() }),
            Err(error) if matches!(error.fault, Fault::Io { .. }) => {
                debug!(%error, "A scrub was not finished.");
            }
            Err(error) => on_scrub(Scrub::Spoiled { snapshot, error: &error }),
        }
    }
}

/// Bytes a second for a scrub where loading has this rate.
pub(super) fn scrub_rate(rate: Option<NonZeroU64>) -> NonZeroU64 {
    rate.map_or(SCRUB_RATE_MAX, |rate| rate.min(SCRUB_RATE_MAX))
}

/// What a scrub found that went to the end.
#[derive(Debug)]
pub(super) enum Scrub<'a> {
    /// The catalog, of this size, is as it was.
    Whole { size_bytes: u64 },
    /// It is not, and this is what differs first.
    Spoiled { snapshot: &'a Arc<Snapshot>, error: &'a IndexError },
}

fn has_catalog_of(live: &Live, snapshot: &Snapshot) -> bool {
    live.load().is_some_and(|now| Arc::ptr_eq(&now.snapshot.parts.catalog, &snapshot.parts.catalog))
}
