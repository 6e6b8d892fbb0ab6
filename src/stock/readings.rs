//! The readings of one product: what each source last said of its stock and of its prices.
//!
//! Inside one source a field keeps the reading with the latest event time, and of equal ones that of
//! the latest sequence, in whatever order they come. Each field has its own age. What lost is
//! forgotten: a resync that removes the winner does not bring an older event of a later sequence back.

use crate::model::{currency::Currency, relation::Availability};

/// What is known of one product. Most have a row or two, so each list is sorted and searched.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ProductReadings {
    /// By inventory, then source.
    pub(super) stock: Vec<StockRow>,
    /// By market, then source.
    pub(super) prices: Vec<PriceRow>,
}

/// What one source says of one inventory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StockRow {
    pub(super) inventory: u32,
    pub(super) source: u8,
    pub(super) state: Option<Held<StateSince>>,
    pub(super) quantity: Option<Held<f64>>,
}

/// What one source says of the price in one market.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PriceRow {
    pub(super) market: u32,
    pub(super) source: u8,
    pub(super) currency: Currency,
    pub(super) price: Held<i64>,
}

/// A value and its age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held<T> {
    pub(super) value: T,
    pub(super) event_us: i64,
    pub(super) sequence: u64,
    /// Its place in the batch: of two ids of one product the later in a batch holds, as of two batches.
    pub(super) index: u32,
    /// A resync is on that did not name it yet: whatever it says instead holds.
    pub(super) is_condemned: bool,
}

/// A state, and the event time at which it began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StateSince {
    pub(super) state: Availability,
    pub(super) since_us: i64,
}

impl<T> Held<T> {
    pub(super) fn new(value: T, event_us: i64, sequence: u64, index: u32) -> Self {
        Self { value, event_us, sequence, index, is_condemned: false }
    }

    /// Does this reading take the place of what the same source said?
    fn replaces<U>(&self, old: &Held<U>) -> bool {
        old.is_condemned || (self.event_us, self.sequence) >= (old.event_us, old.sequence)
    }

    /// Condemns it if it came no later than the sequence.
    pub(super) fn condemn(&mut self, sequence: u64) {
        self.is_condemned = self.sequence <= sequence;
    }

    /// It stays, as it was.
    pub(super) fn pardon(&mut self) {
        self.is_condemned = false;
    }
}

impl ProductReadings {
    pub(super) fn len(&self) -> usize {
        self.stock.len() + self.prices.len()
    }

    /// Is any row of this source?
    pub(super) fn are_of(&self, source: u8) -> bool {
        self.stock.iter().any(|row| row.source == source)
            || self.prices.iter().any(|row| row.source == source)
    }

    /// Is every row behind the one before it?
    pub(super) fn is_in_order(&self) -> bool {
        let stock = self.stock.iter().map(|row| (row.inventory, row.source));
        let prices = self.prices.iter().map(|row| (row.market, row.source));
        stock.is_sorted_by(|left, right| left < right)
            && prices.is_sorted_by(|left, right| left < right)
    }

    /// What the sources say of an inventory.
    pub(super) fn stock_in(&self, inventory: u32) -> &[StockRow] {
        equal_range(&self.stock, |row| row.inventory, inventory)
    }

    /// What the sources say of the price in a market.
    pub(super) fn prices_in(&self, market: u32) -> &[PriceRow] {
        equal_range(&self.prices, |row| row.market, market)
    }

    /// The row of a source and inventory, empty if it is new.
    pub(super) fn stock_row(&mut self, inventory: u32, source: u8) -> &mut StockRow {
        let key = (inventory, source);
        let at = self.stock.partition_point(|row| (row.inventory, row.source) < key);
        if self.stock.get(at).is_none_or(|row| (row.inventory, row.source) != key) {
            reserve(&mut self.stock);
            let row = StockRow { inventory, source, state: None, quantity: None };
            self.stock.insert(at, row);
        }
        self.stock.get_mut(at).expect("it was found or inserted")
    }

    /// Takes a price; says whether it counts.
    pub(super) fn set_price(&mut self, new: PriceRow) -> bool {
        let key = (new.market, new.source);
        let at = self.prices.partition_point(|row| (row.market, row.source) < key);
        match self.prices.get_mut(at) {
            Some(old) if (old.market, old.source) == key => {
                let counts = new.price.replaces(&old.price);
                if counts {
                    *old = new;
                }
                counts
            }
            _ => {
                reserve(&mut self.prices);
                self.prices.insert(at, new);
                true
            }
        }
    }
}

impl StockRow {
    /// The later sequence of its fields.
    pub(super) fn last_sequence(&self) -> u64 {
        let state = self.state.map_or(0, |state| state.sequence);
        state.max(self.quantity.map_or(0, |quantity| quantity.sequence))
    }

    /// Takes a state; says whether it counts.
    pub(super) fn set_state(&mut self, new: Held<Availability>) -> bool {
        if self.state.is_some_and(|old| !new.replaces(&old)) {
            return false;
        }
        let same = self.state.filter(|old| old.value.state == new.value);
        let since_us = same.map_or(new.event_us, |old| old.value.since_us.min(new.event_us));
        let value = StateSince { state: new.value, since_us };
        self.state = Some(Held::new(value, new.event_us, new.sequence, new.index));
        true
    }

    /// Takes a quantity; says whether it counts.
    pub(super) fn set_quantity(&mut self, new: Held<f64>) -> bool {
        let counts = self.quantity.is_none_or(|old| new.replaces(&old));
        if counts {
            self.quantity = Some(new);
        }
        counts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.is_none() && self.quantity.is_none()
    }
}

/// Makes room for one row. Most products have one or two for ever, and room for four would multiply
/// the memory; lists that grow long grow by doubling.
fn reserve<T>(rows: &mut Vec<T>) {
    if rows.len() < 4 {
        rows.reserve_exact(1);
    }
}

fn equal_range<T>(rows: &[T], place: impl Fn(&T) -> u32, wanted: u32) -> &[T] {
    let first = rows.partition_point(|row| place(row) < wanted);
    let rest = rows.get(first..).unwrap_or_default();
    let count = rest.partition_point(|row| place(row) == wanted);
    rest.get(..count).unwrap_or_default()
}
