//! The blocks that stand, by the raw id they were given.
//!
//! A block never takes back what an earlier one said: each counts to its own end in its own markets,
//! and a product is blocked where any of them blocks it. One that another one of the id covers whole
//! is dropped, so that the same blocks stand in whatever order they came.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, RangeInclusive},
};

use xxhash_rust::xxh3::Xxh3;

use super::{ListedBlock, StockError, entry};
use crate::model::limits::{BLOCKS_MAX, BLOCKS_PER_PRODUCT_MAX};

/// An id, and the digest that tells its blocks apart.
type Key = (String, u64);

/// Every block. None covers another one of the same id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Blocks {
    blocks: BTreeMap<Key, Block>,
    /// Wrapping sum over the blocks, so that their order does not matter.
    digest: u64,
}

/// One block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    /// Sorted; empty means everywhere.
    pub(super) markets: Vec<String>,
    pub(super) reason: String,
    pub(super) actor: String,
    pub(super) block_s: i64,
    /// `i64::MAX` never ends.
    pub(super) expire_s: i64,
}

impl Blocks {
    /// Says whether the entry may be applied.
    pub(super) fn check(&self, entry: &entry::Block) -> Result<(), StockError> {
        let new = Block::of(entry);
        // A block that ends by now makes room, and one that is covered takes no more.
        let stands = |block: &&Block| block.expire_s > entry.block_s;
        let mut count = self.blocks.values().filter(stands).count();
        for id in entry.ids.iter().collect::<BTreeSet<_>>() {
            let own = self.of(id).filter(stands);
            if own.clone().any(|old| old.covers(&new)) && !own.clone().any(|old| new.covers(old)) {
                continue;
            }
            let covered = own.clone().filter(|old| new.covers(old)).count();
            if own.count() + 1 - covered > BLOCKS_PER_PRODUCT_MAX {
                return Err(StockError::TooManyBlocksOfOne { product_id: id.clone() });
            }
            count = count + 1 - covered;
        }
        if count > BLOCKS_MAX { Err(StockError::TooManyBlocks { count }) } else { Ok(()) }
    }

    pub(super) fn block(&mut self, entry: &entry::Block) {
        self.expire(entry.block_s);
        for id in &entry.ids {
            self.insert(id.clone(), Block::of(entry));
        }
    }

    /// Lifts every block of the ids; says how many of the ids had some.
    pub(super) fn unblock(&mut self, entry: &entry::Unblock) -> usize {
        let removed = entry.ids.iter().filter(|id| self.retain_of(id, |_| false)).count();
        self.expire(entry.time_s);
        removed
    }

    /// Adds a block, unless one that stands does more. Of equal ones the later note holds.
    pub(super) fn insert(&mut self, id: String, block: Block) {
        self.retain_of(&id, |old| !block.covers(old));
        if self.of(&id).any(|old| old.covers(&block)) {
            return;
        }
        let digest = digest(&id, &block);
        self.digest = self.digest.wrapping_add(digest);
        self.blocks.insert((id, digest), block);
    }

    /// Keeps some blocks of an id; says whether others went.
    fn retain_of(&mut self, id: &str, stays: impl Fn(&Block) -> bool) -> bool {
        let own = self.blocks.range(keys_of(id)).filter(|(_, block)| !stays(block));
        let going = own.map(|(key, _)| key.clone()).collect::<Vec<_>>();
        for key in &going {
            self.blocks.remove(key);
            self.digest = self.digest.wrapping_sub(key.1);
        }
        !going.is_empty()
    }

    /// Drops what ends by now: by the entry's time and not by the clock, so that a replay drops the
    /// same.
    fn expire(&mut self, now_s: i64) {
        let Self { blocks, digest: sum } = self;
        blocks.retain(|(_, digest), block| {
            let stands = block.expire_s > now_s;
            if !stands {
                *sum = sum.wrapping_sub(*digest);
            }
            stands
        });
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// By id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Block)> {
        self.blocks.iter().map(|((id, _), block)| (id.as_str(), block))
    }

    /// Those after a place in the list, each with its own.
    pub(super) fn after(
        &self,
        place: Option<(String, u64)>,
    ) -> impl Iterator<Item = (&Key, &Block)> {
        let first = place.map_or(Bound::Unbounded, Bound::Excluded);
        self.blocks.range((first, Bound::Unbounded))
    }

    fn of(&self, id: &str) -> impl Iterator<Item = &Block> + Clone {
        self.blocks.range(keys_of(id)).map(|(_, block)| block)
    }
}

fn keys_of(id: &str) -> RangeInclusive<Key> {
    (id.to_owned(), 0)..=(id.to_owned(), u64::MAX)
}

impl Block {
    fn of(entry: &entry::Block) -> Self {
        Self {
            markets: entry.markets.clone(),
            reason: entry.reason.clone(),
            actor: entry.actor.clone(),
            block_s: entry.block_s,
            expire_s: entry.expire_s,
        }
    }

    /// Is everything that the other one blocks blocked by this one, too?
    fn covers(&self, other: &Self) -> bool {
        let is_wider = self.markets.is_empty()
            || !other.markets.is_empty()
                && other.markets.iter().all(|market| self.markets.binary_search(market).is_ok());
        is_wider && self.expire_s >= other.expire_s
    }

    pub(super) fn to_listed(&self, id: &str) -> ListedBlock {
        ListedBlock {
            product_id: id.to_owned(),
            market_ids: self.markets.clone(),
            reason: self.reason.clone(),
            actor: self.actor.clone(),
            block_s: self.block_s,
            expire_s: (self.expire_s != i64::MAX).then_some(self.expire_s),
        }
    }
}

/// XXH3-64 over what the block does: id, markets, end. A zero byte cannot stand in an id's length,
/// so lengths go before texts.
fn digest(id: &str, block: &Block) -> u64 {
    let mut hash = Xxh3::new();
    let mut text = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    text(id);
    block.markets.iter().for_each(|market| text(market));
    hash.update(&block.expire_s.to_le_bytes());
    hash.digest()
}
