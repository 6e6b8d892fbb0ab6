//! Which batches of each source were applied.
//!
//! A feed's position is the highest sequence up to which none is missing, from 1. What came beyond a
//! gap stands as runs of sequences, merged and sorted, so that a repeat is known as one.

use std::sync::Arc;

use super::{FeedPosition, StockError};
use crate::model::limits::{FEED_GAPS_MAX, FEEDS_MAX};

/// The feeds by source, in the order of first mention.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Feeds {
    feeds: Vec<Feed>,
}

/// One source's feed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Feed {
    pub(super) source: Arc<str>,
    pub(super) position: u64,
    /// First and last sequence of each run beyond the position, in order, never touching.
    pub(super) runs: Vec<(u64, u64)>,
    pub(super) received_s: i64,
    pub(super) event_us_max: i64,
    /// Readings of it that are kept now.
    pub(super) reading_count: usize,
}

/// What a sequence is to its feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It was applied before.
    Repeated,
    /// It counts; so many were skipped directly before it.
    New { gap: u64 },
}

impl Feeds {
    pub(super) fn len(&self) -> usize {
        self.feeds.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Feed> {
        self.feeds.iter()
    }

    pub(super) fn find(&self, source: &str) -> Option<u8> {
        let index = self.feeds.iter().position(|feed| &*feed.source == source)?;
        u8::try_from(index).ok()
    }

    /// The number of a source, which is new perhaps.
    pub(super) fn open(&mut self, source: &str) -> Result<u8, StockError> {
        if let Some(known) = self.find(source) {
            return Ok(known);
        }
        if self.feeds.len() >= FEEDS_MAX {
            return Err(StockError::TooManyFeeds { source_id: source.to_owned() });
        }
        self.feeds.push(Feed::new(source));
        Ok(self.find(source).expect("it was just added, and few feeds are allowed"))
    }

    pub(super) fn get(&self, number: u8) -> &Feed {
        self.feeds.get(usize::from(number)).expect("feeds are never removed")
    }

    pub(super) fn get_mut(&mut self, number: u8) -> &mut Feed {
        self.feeds.get_mut(usize::from(number)).expect("feeds are never removed")
    }

    /// Takes a batch's sequence.
    pub(super) fn admit(
        &mut self,
        source: &str,
        sequence: u64,
    ) -> Result<(u8, Admission), StockError> {
        let number = self.open(source)?;
        let admission = self.get_mut(number).admit(sequence)?;
        Ok((number, admission))
    }

    /// A feed as it was in a checkpoint; `None` if it cannot have been so.
    pub(super) fn restore(&mut self, feed: Feed) -> Option<()> {
        let is_new = self.find(&feed.source).is_none() && self.feeds.len() < FEEDS_MAX;
        let mut last = Some(feed.position);
        for (first, end) in &feed.runs {
            let is_apart = last.and_then(|last| last.checked_add(1)).is_some_and(|l| l < *first);
            last = (is_apart && first <= end).then_some(*end);
        }
        (is_new && last.is_some() && feed.runs.len() <= FEED_GAPS_MAX).then_some(())?;
        self.feeds.push(feed);
        Some(())
    }

    /// The positions as a view shows them: by source.
    pub(super) fn positions(&self) -> Arc<[FeedPosition]> {
        let mut positions = self.feeds.iter().map(Feed::to_position).collect::<Vec<_>>();
        positions.sort_by(|left, right| left.source_id.cmp(&right.source_id));
        positions.into()
    }
}

impl Feed {
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: source.into(),
            position: 0,
            runs: Vec::new(),
            received_s: 0,
            event_us_max: 0,
            reading_count: 0,
        }
    }

    pub(super) fn to_position(&self) -> FeedPosition {
        let beyond = self
            .runs
            .iter()
            .fold(0_u64, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)));
        FeedPosition {
            source_id: Arc::clone(&self.source),
            sequence: self.position,
            applied_beyond_gap: u32::try_from(beyond).unwrap_or(u32::MAX),
            received_s: self.received_s,
            event_us_max: self.event_us_max,
            reading_count: self.reading_count,
        }
    }

    fn admit(&mut self, sequence: u64) -> Result<Admission, StockError> {
        let is_full = self.runs.len() >= FEED_GAPS_MAX;
        // Runs that begin after the sequence stand from here on.
        let at = self.runs.partition_point(|(first, _)| *first <= sequence);
        let (before, after) = self.runs.split_at_mut(at);
        let below = before.last().map_or(self.position, |(_, last)| *last);
        if sequence <= below {
            return Ok(Admission::Repeated);
        }
        let gap = sequence - below - 1;
        let joins_after = after.first().is_some_and(|(first, _)| first - 1 == sequence);
        match (before.last_mut(), after.first_mut()) {
            // It closes the gap to the position, or makes it longer.
            (None, _) if gap == 0 => {
                self.position = sequence;
                self.absorb();
            }
            (Some(before), Some(after)) if gap == 0 && joins_after => {
                before.1 = after.1;
                self.runs.remove(at);
            }
            (Some(before), _) if gap == 0 => before.1 = sequence,
            (_, Some(after)) if joins_after => after.0 = sequence,
            _ if is_full => {
                let (source_id, position) = (self.source.to_string(), self.position);
                return Err(StockError::TooManyGaps { source_id, position });
            }
            _ => self.runs.insert(at, (sequence, sequence)),
        }
        Ok(Admission::New { gap })
    }

    /// Everything up to the sequence is known from now on.
    pub(super) fn advance(&mut self, sequence: u64) {
        self.position = self.position.max(sequence);
        self.absorb();
    }

    /// Takes in the runs that the position reaches.
    fn absorb(&mut self) {
        let reached = self.runs.iter().take_while(|(first, last)| {
            let is_reached = first - 1 <= self.position;
            if is_reached {
                self.position = self.position.max(*last);
            }
            is_reached
        });
        let count = reached.count();
        drop(self.runs.drain(..count));
    }
}
