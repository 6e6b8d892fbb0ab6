//! State and projection without threads, driven by words.
//!
//! ```text
//! pos 1: a 5 @10, b@east q=2 @11, a $us=300 @12     source, sequence, updates
//! ```

use std::sync::Arc;

use super::shop::{INVENTORIES, Shop, ordinal};
use crate::{
    index::Catalog,
    model::{currency::Currency, limits::ID_BYTES_MAX, relation::Availability},
    stock::{
        StockError, StockView,
        entry::{Batch, Block, Entry, Part, PriceUpdate, Unblock, Update},
        projection::Projection,
        state::{Outcome, State, Touched},
    },
};

/// A second in the microseconds of event times.
pub(super) const S: i64 = 1_000_000;

pub(super) struct Rig {
    pub(super) state: State,
    pub(super) projection: Projection,
}

impl Rig {
    pub(super) fn new(shop: &Shop) -> Self {
        let state = State::default();
        let projection = Projection::new(shop.catalog(), &state);
        Self { state, projection }
    }

    /// Applies an entry and follows it with the view.
    pub(super) fn apply(&mut self, entry: &Entry) -> Result<Outcome, StockError> {
        let mut touched = Touched::default();
        let outcome = self.state.apply(entry, &mut touched);
        self.projection.follow(&self.state, &touched);
        assert_eq!(table(&self.projection), table(&self.rebuilt()), "after {entry:?}");
        outcome
    }

    /// Applies a batch in words.
    pub(super) fn batch(&mut self, words: &str) -> Outcome {
        self.apply(&Entry::Batch(batch(words))).unwrap()
    }

    /// Applies a resync in words, two updates a part.
    pub(super) fn replace(&mut self, words: &str) -> Outcome {
        let mut last = Outcome::Part;
        for entry in parts(&batch(words), 2) {
            assert_eq!(last, Outcome::Part);
            last = self.apply(&entry).unwrap();
        }
        last
    }

    /// The same, keeping what the source said of these ids.
    pub(super) fn replace_keeping(&mut self, words: &str, keeps: &[&str]) -> Outcome {
        let mut last = Outcome::Part;
        for mut entry in parts(&batch(words), 2) {
            if let Entry::Replace(part) = &mut entry
                && part.is_last
            {
                part.keeps = keeps.iter().map(|id| (*id).to_owned()).collect();
            }
            last = self.apply(&entry).unwrap();
        }
        last
    }

    /// Forgets products without readings, however few; nothing that holds changes.
    pub(super) fn forget(&mut self) -> bool {
        let before = table(&self.projection);
        let is_done = self.state.forget_idle(0);
        if is_done {
            self.projection.renumber(&self.state);
        }
        assert_eq!(table(&self.projection), before);
        assert_eq!(table(&self.projection), table(&self.rebuilt()));
        is_done
    }

    /// A projection made anew.
    pub(super) fn rebuilt(&self) -> Projection {
        Projection::new(Arc::clone(&self.projection.catalog), &self.state)
    }

    pub(super) fn swap(&mut self, shop: &Shop) {
        self.projection = Projection::new(shop.catalog(), &self.state);
    }

    /// `5 q=2` or `-` of a product in an inventory.
    pub(super) fn stock(&self, id: &str, inventory: &str) -> String {
        let (view, product) = (self.projection.view(), ordinal(&self.projection.catalog, id));
        let inventory = INVENTORIES.iter().position(|known| *known == inventory).unwrap();
        let inventory = u32::try_from(inventory).unwrap();
        let state = view.reading(product, inventory).map(|state| (state as u8).to_string());
        let quantity = view.quantity(product, inventory).map(|units| format!("q={units}"));
        let words = state.into_iter().chain(quantity).collect::<Vec<_>>();
        if words.is_empty() { "-".to_owned() } else { words.join(" ") }
    }

    pub(super) fn price(&self, id: &str, market: u32) -> Option<i64> {
        self.projection.view().price(ordinal(&self.projection.catalog, id), market)
    }
}

/// All that a view says, product by product.
pub(super) fn table(projection: &Projection) -> Vec<String> {
    view_table(&projection.catalog, projection.view())
}

pub(super) fn view_table(catalog: &Catalog, view: &StockView) -> Vec<String> {
    let catalog = catalog.view();
    let rows = catalog.ordinals().map(|product| {
        let stock = (0..3).map(|at| (view.reading(product, at), view.quantity(product, at)));
        let stock = stock.collect::<Vec<_>>();
        let prices = [view.price(product, 0), view.price(product, 1)];
        let mut blocks = view.blocks(product).to_vec();
        blocks.sort_by_key(|block| (block.markets, block.expire_s));
        format!("{} {stock:?} {prices:?} {blocks:?}", catalog.id(product))
    });
    let positions = view.positions().iter().map(|position| format!("{position:?}"));
    rows.chain(positions).chain([format!("{:#x}", view.blocks_digest())]).collect()
}

/// Reads `pos 1: a 5 @10, ...`.
pub(super) fn batch(words: &str) -> Batch {
    let (head, updates) = words.split_once(':').unwrap();
    let (source, sequence) = head.split_once(' ').unwrap();
    let updates = updates.split(',').map(str::trim).filter(|update| !update.is_empty());
    Batch {
        source: source.to_owned(),
        sequence: sequence.parse().unwrap(),
        received_s: 0,
        updates: updates.map(update).collect(),
    }
}

/// Reads `a@east 5 q=2 $us=300 @10`; event times in seconds.
fn update(words: &str) -> Update {
    let mut words = words.split_whitespace();
    let place = words.next().unwrap();
    let (product, inventory) = place.split_once('@').unwrap_or((place, ""));
    let mut update = Update {
        product: product.to_owned(),
        inventory: inventory.to_owned(),
        availability: None,
        quantity: None,
        price: None,
        event_us: 0,
    };
    assert!(product.len() <= ID_BYTES_MAX);
    for word in words {
        if let Some(event_s) = word.strip_prefix('@') {
            update.event_us = event_s.parse::<i64>().unwrap() * S;
        } else if let Some(quantity) = word.strip_prefix("q=") {
            update.quantity = Some(quantity.parse().unwrap());
        } else if let Some(price) = word.strip_prefix('$') {
            let (market, price) = price.split_once('=').unwrap();
            let currency = if market == "us" { "USD" } else { "EUR" };
            update.price = Some(PriceUpdate {
                price: price.parse().unwrap(),
                currency: Currency::parse(currency).unwrap(),
                market: market.to_owned(),
            });
        } else {
            update.availability = Availability::new(word.parse().unwrap());
        }
    }
    update
}

/// The parts of a resync.
pub(super) fn parts(whole: &Batch, updates_per_part: usize) -> Vec<Entry> {
    let chunks = whole.updates.chunks(updates_per_part).collect::<Vec<_>>();
    let chunks = if chunks.is_empty() { vec![&[] as &[Update]] } else { chunks };
    let count = chunks.len();
    let parts = (0_u32..).zip(chunks).map(|(part, updates)| {
        let batch = Batch { updates: updates.to_vec(), ..whole.clone() };
        let is_last = part as usize + 1 == count;
        Entry::Replace(Part { part, is_last, batch, keeps: Vec::new() })
    });
    parts.collect()
}

/// A block of these ids: at, until.
pub(super) fn block(ids: &[&str], markets: &[&str], block_s: i64, expire_s: i64) -> Entry {
    Entry::Block(Block {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        markets: markets.iter().map(|id| (*id).to_owned()).collect(),
        reason: "glass in the jar".to_owned(),
        actor: "qa".to_owned(),
        block_s,
        expire_s,
    })
}

pub(super) fn unblock(ids: &[&str], time_s: i64) -> Entry {
    Entry::Unblock(Unblock {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        reason: "it was another jar".to_owned(),
        actor: "qa".to_owned(),
        time_s,
    })
}
