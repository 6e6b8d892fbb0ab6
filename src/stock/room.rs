//! Is there room for what a batch or a resync says?
//!
//! What counts is the rows that stand afterwards: a source that says again what it said before needs
//! no room. Rows are looked for one by one only where room is scarce; before, every row that an update
//! names counts as a new one, which is quick and refuses nothing.

use hashbrown::HashSet;

use super::{
    StockError,
    entry::Update,
    readings::{PriceRow, StockRow},
    state::State,
};

/// Where a row of one product stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place<'u> {
    Stock(&'u str),
    Price(&'u str),
}

impl State {
    /// Says whether this many further rows may be kept.
    pub(super) fn check_room(&self, rows: usize) -> Result<(), StockError> {
        if self.reading_count().saturating_add(rows) > self.readings_max {
            return Err(StockError::TooManyReadings);
        }
        Ok(())
    }

    /// Rows that a batch of a source may add.
    pub(super) fn rows_added(&self, source: &str, updates: &[Update]) -> usize {
        let most = updates.iter().map(Update::rows).sum::<usize>();
        // An eighth is more than a group of batches ever adds.
        if self.reading_count().saturating_add(most) <= self.readings_max / 8 * 7 {
            return most;
        }
        self.rows_new(self.feeds.find(source), updates.iter(), |_, _| true)
    }

    /// Says whether a resync of a source that keeps its readings of these products may bring these
    /// updates.
    pub(super) fn check_replace<'u>(
        &self,
        source: &str,
        sequence: u64,
        keeps: &[String],
        updates: impl Iterator<Item = &'u Update> + Clone,
    ) -> Result<(), StockError> {
        let source = match self.feeds.find(source) {
            Some(known) => Some(known),
            None => {
                // A feed more is opened on a copy.
                self.feeds.clone().open(source)?;
                None
            }
        };
        if self.check_room(updates.clone().map(Update::rows).sum()).is_ok() {
            return Ok(());
        }
        let kept = self.numbers(keeps);
        let stays = |product, last: u64| last > sequence || kept.contains(&product);
        let products = 0..u32::try_from(self.products.len()).unwrap_or(u32::MAX);
        let own = products.flat_map(|product| {
            let readings = self.readings(product);
            let stock = readings.stock.iter().map(|row| (row.source, row.last_sequence()));
            let prices = readings.prices.iter().map(|row| (row.source, row.price.sequence));
            stock.chain(prices).map(move |(source, last)| (product, source, last))
        });
        let going = own.filter(|(product, row_source, last)| {
            Some(*row_source) == source && !stays(*product, *last)
        });
        let going = going.count();
        let new = self.rows_new(source, updates, stays);
        self.check_room(new.saturating_sub(going))
    }

    /// Rows that updates name, each once, but for those of the source that stand already and stay. Of
    /// these it is asked by product and last sequence.
    fn rows_new<'u>(
        &self,
        source: Option<u8>,
        updates: impl Iterator<Item = &'u Update>,
        stays: impl Fn(u32, u64) -> bool,
    ) -> usize {
        let mut new = HashSet::new();
        for update in updates {
            let product = self.products.find(&update.product);
            let stock = update.says_stock().then_some(Place::Stock(&update.inventory));
            let price = update.price.as_ref().map(|price| Place::Price(&price.market));
            for place in stock.into_iter().chain(price) {
                let found = product.zip(source).and_then(|(product, source)| {
                    Some((product, self.last_sequence(product, source, place)?))
                });
                if !found.is_some_and(|(product, last)| stays(product, last)) {
                    new.insert((update.product.as_str(), place));
                }
            }
        }
        new.len()
    }

    /// The sequence under which a source last said something in a place.
    fn last_sequence(&self, product: u32, source: u8, place: Place<'_>) -> Option<u64> {
        let readings = self.readings(product);
        match place {
            Place::Stock(inventory) => {
                let rows = readings.stock_in(self.inventories.find(inventory)?);
                rows.iter().find(|row| row.source == source).map(StockRow::last_sequence)
            }
            Place::Price(market) => {
                let rows = readings.prices_in(self.markets.find(market)?);
                let row: &PriceRow = rows.iter().find(|row| row.source == source)?;
                Some(row.price.sequence)
            }
        }
    }
}
