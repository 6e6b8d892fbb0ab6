//! Slots by placement and market: how each was filled, and what was dropped on the way.
//!
//! A snapshot's table is made before it goes live; its cells are those of every other snapshot that has
//! the same placement and market, so that counts go on over swaps.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::shards::Shards;
use crate::model::limits::SLOT_SERIES_MAX;

/// Labels of the reasons, in the order in which [`Filled::dropped`] counts them: the names that the fill
/// report has for them.
pub const DROP_REASONS: [&str; 14] = [
    "blocked",
    "hidden",
    "override",
    "same_variant_group",
    "excluded",
    "outside_market",
    "outside_validity",
    "stage",
    "filter",
    "unavailable",
    "below_score",
    "rule",
    "on_page",
    "diversity",
];

/// What is beyond the cap is counted under this name.
const OTHER: &str = "_OTHER";

/// How a slot was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With as many products as it has room for.
    Full,
    /// With fewer.
    Short,
    /// With none.
    Empty,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 3] = [Self::Full, Self::Short, Self::Empty];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Short => "short",
            Self::Empty => "empty",
        }
    }
}

/// One slot that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// How.
    pub outcome: Outcome,
    /// Products that a fallback step brought.
    pub fallback_items: u32,
    /// Candidates that were dropped, by reason.
    pub dropped: [u32; DROP_REASONS.len()],
}

type Outcomes = [AtomicU64; Outcome::ALL.len()];

/// The slots of one placement in one market.
#[derive(Debug)]
struct Cell(Shards<Outcomes>);

/// What is counted of all slots together.
#[derive(Debug, Default)]
struct Items {
    fallback: AtomicU64,
    dropped: [AtomicU64; DROP_REASONS.len()],
}

/// All slots of the process.
#[derive(Debug)]
pub(super) struct Slots {
    threads: NonZeroUsize,
    items: Arc<Shards<Items>>,
    /// By placement and market; whoever makes a table or scrapes locks it, no request does.
    cells: Mutex<BTreeMap<(String, String), Arc<Cell>>>,
}

/// Where the slots of one snapshot are counted.
#[derive(Debug)]
pub struct SlotTable {
    items: Arc<Shards<Items>>,
    /// A row of markets for lookups that name no placement, then one for each placement.
    cells: Box<[Arc<Cell>]>,
    markets: usize,
}

impl Slots {
    pub(super) fn new(threads: NonZeroUsize) -> Self {
        let items = Arc::new(Shards::new(threads, Items::default));
        Self { threads, items, cells: Mutex::default() }
    }

    pub(super) fn table<'n>(
        &self,
        placements: impl IntoIterator<Item = &'n str>,
        markets: &[&str],
    ) -> SlotTable {
        let mut known = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cell = |placement: &str, market: &str| {
            let mut key = (placement.to_owned(), market.to_owned());
            if known.len() >= SLOT_SERIES_MAX && !known.contains_key(&key) {
                key = (OTHER.to_owned(), OTHER.to_owned());
            }
            let new = || Arc::new(Cell(Shards::new(self.threads, Outcomes::default)));
            Arc::clone(known.entry(key).or_insert_with(new))
        };
        let placements = std::iter::once("").chain(placements);
        let cells = placements.flat_map(|placement| markets.iter().map(move |m| (placement, *m)));
        let cells = cells.map(|(placement, market)| cell(placement, market)).collect();
        SlotTable { items: Arc::clone(&self.items), cells, markets: markets.len() }
    }

    /// Placement, market, outcome and count of every pair that was asked for.
    pub(super) fn outcomes(&self) -> Vec<(String, String, [u64; Outcome::ALL.len()])> {
        let known = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let sums = known.iter().map(|((placement, market), cell)| {
            let counts = Outcome::ALL.map(|outcome| {
                let shards = cell.0.iter().filter_map(|shard| shard.get(outcome as usize));
                shards.map(|count| count.load(Ordering::Relaxed)).sum()
            });
            (placement.clone(), market.clone(), counts)
        });
        sums.filter(|(_, _, counts)| counts.iter().any(|count| *count > 0)).collect()
    }

    pub(super) fn fallback_items(&self) -> u64 {
        self.items.iter().map(|items| items.fallback.load(Ordering::Relaxed)).sum()
    }

    /// In the order of [`DROP_REASONS`].
    pub(super) fn dropped(&self) -> [u64; DROP_REASONS.len()] {
        let mut sums = [0_u64; DROP_REASONS.len()];
        for items in self.items.iter() {
            for (sum, count) in sums.iter_mut().zip(&items.dropped) {
                *sum = sum.wrapping_add(count.load(Ordering::Relaxed));
            }
        }
        sums
    }
}

impl SlotTable {
    /// Counts a slot of a placement, by its number, or of none, in a market.
    #[inline]
    pub fn count(&self, placement: Option<usize>, market: u32, filled: &Filled) {
        let row = placement.map_or(0, |number| number.saturating_add(1));
        let market = usize::try_from(market).unwrap_or(usize::MAX);
        let at = row.saturating_mul(self.markets).saturating_add(market);
        let shard = self.cells.get(at).and_then(|cell| cell.0.mine());
        if let Some(count) = shard.and_then(|shard| shard.get(filled.outcome as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let Some(items) = self.items.mine() else { return };
        if filled.fallback_items > 0 {
            items.fallback.fetch_add(u64::from(filled.fallback_items), Ordering::Relaxed);
        }
        for (count, dropped) in items.dropped.iter().zip(filled.dropped) {
            if dropped > 0 {
                count.fetch_add(u64::from(dropped), Ordering::Relaxed);
            }
        }
    }
}
