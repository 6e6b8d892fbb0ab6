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
    blocks: BTreeMap<&'w str, (&'w [String], Option<i64>)>,
}

struct Said<'w> {
    source: &'w str,
    sequence: u64,
    /// Of the product.
    key: Option<String>,
    update: &'w Update,
}

impl<'w> Told<'w> {
    /// Goes through the history from its beginning.
    pub(crate) fn of(world: &'w World) -> Self {
        let mut told = Self { world, said: Vec::new(), blocks: BTreeMap::new() };
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
                    told.said.retain(|said| said.source != source || said.sequence > *sequence);
                    told.hear(source, *sequence, updates);
                    floors.insert(source, *sequence);
                }
                Event::Block { ids, markets, expire_s } => {
                    let blocks = ids.iter().map(|id| (id.as_str(), (&**markets, *expire_s)));
                    told.blocks.extend(blocks);
                }
                Event::Unblock { ids } => told.unblock(ids),
            }
        }
        told
    }

    fn hear(&mut self, source: &'w str, sequence: u64, updates: &'w [Update]) {
        let world = self.world;
        let is_known = |update: &&Update| {
            let inventory = &update.inventory;
            inventory.is_empty() || world.inventories.contains(inventory)
        };
        self.said.extend(updates.iter().filter(is_known).map(|update| Said {
            source,
            sequence,
            key: world.find(&update.id),
            update,
        }));
    }

    /// An unblock names a product by any of its ids.
    fn unblock(&mut self, ids: &[String]) {
        let world = self.world;
        let keys = ids.iter().filter_map(|id| world.find(id)).collect::<BTreeSet<_>>();
        self.blocks.retain(|id, _| {
            let is_same = ids.iter().any(|named| named == id);
            !is_same && world.find(id).is_none_or(|key| !keys.contains(&key))
        });
    }

    /// The reading that holds among those of one field of a product: the latest, on a tie that of
    /// the smaller source, then of the later sequence, then of the smaller id.
    fn latest<T>(
        &self,
        key: &str,
        field: impl Fn(&Update) -> Option<T>,
    ) -> Option<(T, i64)> {
        let of_product = self.said.iter().filter(|said| said.key.as_deref() == Some(key));
        let fields = of_product.filter_map(|said| Some((said, field(said.update)?)));
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
            let of = |update: &Update| {
                update.availability.filter(|_| update.inventory == inventory)
            };
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
        let holds = |id: &str, markets: &[String]| {
            let is_its = self.world.find(id).is_some_and(|key| lineage.contains(&key));
            is_its && (markets.is_empty() || markets.iter().any(|one| one == market))
        };
        let blocks = self.blocks.iter().filter(|(id, (markets, _))| holds(id, markets));
        blocks.map(|(_, (_, expire_s))| *expire_s).collect()
    }
}

/// A feed's reading holds against a snapshot that read before it, or does not say when.
fn is_later(event_us: i64, read_at_s: Option<i64>) -> bool {
    read_at_s.is_none_or(|read_at_s| event_us > read_at_s * 1_000_000)
}
