//! When health says `SERVING`: a snapshot is live and, where asked for, its stock is young enough.
//!
//! A replica that was away answers from the stock of then, and its feeds may take minutes to tell it
//! what sold out meanwhile. With an age it waits for them: each feed that is known must have been
//! heard of within it. A feed of which no reading is kept says nothing that could be old: who retires a
//! source takes everything back by an empty resync, and nobody waits for it. One feed must have been
//! heard of at any rate: who states an age has feeds, and a new replica without any stock is the one
//! that should not answer. Once ready it stays so: a feed that falls silent later says nothing wrong.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tracing::info;

use super::Health;
use crate::stock::FeedPosition;

/// Moves health to `SERVING` at the right time.
#[derive(Debug)]
pub struct Readiness {
    health: Health,
    stock_age: Option<Duration>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    is_live: bool,
    is_ready: bool,
    /// The feeds that were last said to be waited for.
    awaited: Option<Vec<String>>,
}

impl Readiness {
    /// Serves when a snapshot is live and, with an age, when every feed with readings was heard of
    /// within it.
    #[must_use]
    pub fn new(health: Health, stock_age: Option<Duration>) -> Self {
        Self { health, stock_age, known: Mutex::default() }
    }

    /// A snapshot is live, over stock of these feeds.
    pub fn snapshot_is_live(&self, feeds: &[FeedPosition]) {
        self.look(feeds, SystemTime::now(), |known| known.is_live = true);
    }

    /// The feeds stand so now. Before a snapshot is live this changes nothing.
    pub fn stock_changed(&self, feeds: &[FeedPosition]) {
        self.look(feeds, SystemTime::now(), |_| {});
    }

    /// Why health does not say `SERVING`; `None` while it does.
    #[must_use]
    pub fn why_not(&self) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.health.is_serving() {
            return None;
        }
        Some(match &known.awaited {
            _ if self.health.is_draining() => "the server is draining".to_owned(),
            _ if !known.is_live => "no snapshot is live yet".to_owned(),
            Some(feeds) if feeds.is_empty() => "no feed of stock was heard of yet".to_owned(),
            Some(feeds) => format!("waiting for feeds of stock: {}", feeds.join(", ")),
            None => "health was told NOT_SERVING".to_owned(),
        })
    }

    fn look(&self, feeds: &[FeedPosition], now: SystemTime, learn: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        learn(&mut known);
        if known.is_ready || !known.is_live {
            return;
        }
        let awaited = self.stock_age.and_then(|age| awaited(feeds, now, age));
        match &awaited {
            None => {
                known.is_ready = true;
                self.health.set_serving(true);
                info!(feeds = feeds.len(), "Ready: health says SERVING.");
            }
            Some(_) if known.awaited == awaited => {}
            Some(sources) if sources.is_empty() => {
                info!("Not serving before the first feed of stock is heard of.");
            }
            Some(sources) => {
                let sources = sources.join(", ");
                info!(sources, "Not serving before each feed of stock is heard of again.");
            }
        }
        known.awaited = awaited;
    }
}

/// The feeds with readings that were not heard of for so long; none of them where no feed at all was
/// heard of. `None` when nothing is waited for.
pub(super) fn awaited(
    feeds: &[FeedPosition],
    now: SystemTime,
    age: Duration,
) -> Option<Vec<String>> {
    let now_s = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let oldest_s = i64::try_from(now_s.saturating_sub(age.as_secs())).unwrap_or(i64::MAX);
    let is_old = |feed: &&FeedPosition| feed.received_s < oldest_s;
    let old = feeds.iter().filter(is_old).filter(|feed| feed.reading_count > 0);
    let old = old.map(|feed| feed.source_id.to_string()).collect::<Vec<_>>();
    let none_came = feeds.iter().all(|feed| is_old(&feed));
    (none_came || !old.is_empty()).then_some(old)
}
