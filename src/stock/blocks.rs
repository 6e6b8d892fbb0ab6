//! The blocks that stand, by the raw id they were given.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::Xxh3;

use super::{ListedBlock, StockError, entry};
use crate::model::limits::BLOCKS_MAX;

/// Every block; a later one of the same id replaced the earlier.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Blocks {
    blocks: BTreeMap<String, Block>,
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
        let ending = |block: &&Block| block.expire_s <= entry.block_s;
        // A block that ends by now makes room, and one that is replaced takes no more.
        let ended = self.blocks.values().filter(ending).count();
        let is_more = |id: &&String| self.blocks.get(*id).is_none_or(|block| ending(&block));
        let count = self.blocks.len() - ended + entry.ids.iter().filter(is_more).count();
        if count > BLOCKS_MAX { Err(StockError::TooManyBlocks { count }) } else { Ok(()) }
    }

    pub(super) fn block(&mut self, entry: &entry::Block) {
        self.expire(entry.block_s);
        for id in &entry.ids {
            self.insert(
                id.clone(),
                Block {
                    markets: entry.markets.clone(),
                    reason: entry.reason.clone(),
                    actor: entry.actor.clone(),
                    block_s: entry.block_s,
                    expire_s: entry.expire_s,
                },
            );
        }
    }

    pub(super) fn unblock(&mut self, entry: &entry::Unblock) -> usize {
        let removed = entry.ids.iter().filter(|id| self.remove(id)).count();
        self.expire(entry.time_s);
        removed
    }

    pub(super) fn insert(&mut self, id: String, block: Block) {
        self.remove(&id);
        self.digest = self.digest.wrapping_add(digest(&id, &block));
        self.blocks.insert(id, block);
    }

    fn remove(&mut self, id: &str) -> bool {
        let Some(block) = self.blocks.remove(id) else { return false };
        self.digest = self.digest.wrapping_sub(digest(id, &block));
        true
    }

    /// Drops what ends by now: by the entry's time and not by the clock, so that a replay drops the
    /// same.
    fn expire(&mut self, now_s: i64) {
        let Self { blocks, digest: sum } = self;
        blocks.retain(|id, block| {
            let stands = block.expire_s > now_s;
            if !stands {
                *sum = sum.wrapping_sub(digest(id, block));
            }
            stands
        });
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// By id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Block)> {
        self.blocks.iter().map(|(id, block)| (id.as_str(), block))
    }

    /// Those after an id.
    pub(super) fn after(&self, id: &str) -> impl Iterator<Item = (&str, &Block)> {
        let after = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
        self.blocks.range::<str, _>(after).map(|(id, block)| (id.as_str(), block))
    }
}

impl Block {
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
