//! What holds of stock, prices and blocks, worked out from everything that was ever said.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use kindred::model::relation::Availability;

use crate::world::{Event, Update, World};

/// What was said and not taken back, and the blocks that stand.
pub(crate) struct Told<'w> {
    world: &'w World,
    said: Vec<Said<'w>>,
    blocks: Vec<Block<'w>>,
}

struct Block<'w> {
    id: &'w str,
    markets: &'w [String],
    expire_s: Option<i64>,
}

struct Said<'w> {
    source: &'w str,
    sequence: u64,
    /// Of the product.
    key: Option<String>,
    /// As far as it was not taken back.
    update: Update,
}

impl<'w> Told<'w> {
    /// Goes through the history from its beginning.
    pub(crate) fn of(world: &'w World) -> Self {
        let mut told = Self { world, said: Vec::new(), blocks: Vec::new() };
        let mut seen = BTreeSet::new();
        let mut floors = BTreeMap::new();
        for event in &world.history {
            match event {
                Event::Batch { source, sequence, updates } => {
                    let floor = floors.get(source).copied().unwrap_or(0);
                    if *sequence > floor && seen.insert((source, *sequence)) {
                        told.hear(source, *sequence, updates);
                    }
                }
                Event::Replace { source, sequence, updates } => {
                    told.take_back(source, *sequence, updates);
                    told.hear(source, *sequence, updates);
                    floors.insert(source, *sequence);
                }
                Event::Block { ids, markets, expire_s } => {
                    for id in ids {
                        told.block(Block { id, markets, expire_s: *expire_s });
                    }
                }
                Event::Unblock { ids } => told.unblock(ids),
            }
        }
        told
    }

    fn hear(&mut self, source: &'w str, sequence: u64, updates: &[Update]) {
        let world = self.world;
        let taken = updates.iter().filter(|update| is_taken(world, update));
        self.said.extend(taken.map(|update| Said {
            source,
            sequence,
            key: world.find(&update.id),
            update: update.clone(),
        }));
    }

    /// A resync takes back all that its source said, but for the products that an update names which
    /// is not taken: of these it replaces what it says anew under the same id.
    fn take_back(&mut self, source: &str, sequence: u64, updates: &[Update]) {
        let world = self.world;
        let (taken, rejected) =
            updates.iter().partition::<Vec<_>, _>(|update| is_taken(world, update));
        self.said.retain_mut(|said| {
            if said.source != source || said.sequence > sequence {
                return true;
            }
            let is_same = |update: &&Update| {
                update.id == said.update.id
                    || said.key.is_some() && world.find(&update.id) == said.key
            };
            if !rejected.iter().any(is_same) {
                return false;
            }
            let old = &mut said.update;
            for new in taken.iter().filter(|new| new.id == old.id) {
                if new.inventory == old.inventory {
                    old.availability = old.availability.filter(|_| new.availability.is_none());
                    old.quantity = old.quantity.filter(|_| new.quantity.is_none());
                }
                if new.market == old.market {
                    old.price = old.price.filter(|_| new.price.is_none());
                }
            }
            true
        });
    }

    /// A block narrows none that stands; of two the wider and longer one counts.
    fn block(&mut self, new: Block<'w>) {
        if self.blocks.iter().any(|old| old.covers(&new)) {
            return;
        }
        self.blocks.retain(|old| !new.covers(old));
        self.blocks.push(new);
    }

    /// An unblock names a product by any of its ids.
    fn unblock(&mut self, ids: &[String]) {
        let world = self.world;
        let keys = ids.iter().filter_map(|id| world.find(id)).collect::<BTreeSet<_>>();
        self.blocks.retain(|block| {
            let is_same = ids.iter().any(|named| named == block.id);
            !is_same && world.find(block.id).is_none_or(|key| !keys.contains(&key))
        });
    }

    /// The reading that holds among those of one field of a product: the latest, on a tie that of
    /// the smaller source, then of the later sequence, then of the smaller id.
    fn latest<T>(&self, key: &str, field: impl Fn(&Update) -> Option<T>) -> Option<(T, i64)> {
        let of_product = self.said.iter().filter(|said| said.key.as_deref() == Some(key));
        let fields = of_product.filter_map(|said| Some((said, field(&said.update)?)));
        let strength = |said: &Said<'_>| {
            let id = Reverse(said.update.id.clone());
            (said.update.event_us, Reverse(said.source.to_owned()), said.sequence, id)
        };
        let latest = fields.max_by_key(|(said, _)| strength(said));
        latest.map(|(said, value)| (value, said.update.event_us))
    }

    /// The state of a product in an inventory.
    pub(crate) fn state(&self, key: &str, inventory: &str) -> Availability {
        let product = self.world.product(key);
        let own = product.availability;
        // Only a state that the snapshot read can be newer than what a feed said.
        let read_at_s = own.and(product.read_at_s).filter(|read_at_s| *read_at_s > 0);
        let overlaid = |inventory: &str| {
            let of =
                |update: &Update| update.availability.filter(|_| update.inventory == inventory);
            let latest = self.latest(key, of);
            latest.filter(|(_, event_us)| is_later(*event_us, read_at_s)).map(|(state, _)| state)
        };
        overlaid(inventory).or_else(|| overlaid("")).or(own).unwrap_or(Availability::InStock)
    }

    /// The price of a product in a market.
    pub(crate) fn price(&self, key: &str, market: &str) -> Option<i64> {
        let product = self.world.product(key);
        let default = &self.world.markets[self.world.default_market].id;
        let own = match product.market_prices.get(market) {
            _ if market == default => product.price.map(|price| (price, product.read_at_s)),
            other => other.copied(),
        };
        let read_at_s = own.and_then(|(_, read_at_s)| read_at_s).filter(|read_at_s| *read_at_s > 0);
        let of = |update: &Update| {
            let is_default = update.market.is_empty() && market == default;
            update.price.filter(|_| is_default || update.market == market)
        };
        let latest = self.latest(key, of);
        let latest = latest.filter(|(_, event_us)| is_later(*event_us, read_at_s));
        latest.map(|(price, _)| price).or_else(|| own.map(|(price, _)| price))
    }

    /// Ends of the blocks of a product in a market, also of those of the products above it; `None`
    /// never ends.
    pub(crate) fn blocks(&self, key: &str, market: &str) -> Vec<Option<i64>> {
        let lineage = self.world.lineage(key);
        let holds = |block: &&Block<'_>| {
            let is_its = self.world.find(block.id).is_some_and(|key| lineage.contains(&key));
            is_its && (block.markets.is_empty() || block.markets.iter().any(|one| one == market))
        };
        self.blocks.iter().filter(holds).map(|block| block.expire_s).collect()
    }
}

impl Block<'_> {
    fn covers(&self, other: &Self) -> bool {
        let is_wider = self.markets.is_empty()
            || !other.markets.is_empty()
                && other.markets.iter().all(|market| self.markets.contains(market));
        let end = |block: &Self| block.expire_s.unwrap_or(i64::MAX);
        self.id == other.id && is_wider && end(self) >= end(other)
    }
}

/// An inventory that nobody declared is refused.
fn is_taken(world: &World, update: &Update) -> bool {
    update.inventory.is_empty() || world.inventories.contains(&update.inventory)
}

/// A feed's reading holds against a snapshot that read before it, or does not say when.
fn is_later(event_us: i64, read_at_s: Option<i64>) -> bool {
    read_at_s.is_none_or(|read_at_s| event_us > read_at_s * 1_000_000)
}
