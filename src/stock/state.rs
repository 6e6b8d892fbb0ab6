//! Everything that feeds and blocks said, keyed by ids: it knows no catalog.
//!
//! [`State::apply`] is a function of the state and the entry alone, so that a replay of the journal
//! leads to the same state. What an entry changed is noted, so that a view is brought up to date by
//! looking at that alone.

use hashbrown::HashSet;
use tracing::error;

use super::{
    StockError,
    blocks::Blocks,
    entry::{Batch, Entry, Part, Update},
    error::DecodeError,
    feeds::{Admission, Feeds},
    names::Names,
    readings::{Held, PriceRow, ProductReadings},
};
use crate::model::limits::{PRODUCTS_FORGOTTEN_MIN, READINGS_MAX};

/// The number of the empty inventory and market: every inventory, the default market.
pub(super) const UNNAMED: u32 = 0;

/// What is known.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) products: Names,
    pub(super) inventories: Names,
    pub(super) markets: Names,
    /// By product.
    readings: Vec<ProductReadings>,
    /// Rows over all products.
    reading_count: usize,
    /// Products without rows: their numbers are in no use.
    idle_count: usize,
    /// Most rows that may be kept.
    pub(super) readings_max: usize,
    pub(super) feeds: Feeds,
    pub(super) blocks: Blocks,
    pending: Option<Pending>,
}

/// The first parts of a resync that is not whole yet.
#[derive(Clone, Debug, Default)]
struct Pending {
    parts: Vec<Batch>,
    keeps: Vec<String>,
    update_count: usize,
}

/// What an entry did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A batch that was applied before.
    Repeated,
    Batch {
        applied: u32,
        stale: u32,
        gap: u64,
    },
    /// A resync goes on.
    Part,
    Replaced {
        applied: u64,
        removed: u64,
    },
    Blocked,
    Unblocked {
        count: usize,
    },
}

/// The places of a view to look at again; one may stand in it twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Touched {
    /// Product and inventory.
    pub(super) stock: Vec<(u32, u32)>,
    /// Product and market.
    pub(super) prices: Vec<(u32, u32)>,
    pub(super) blocks: bool,
}

impl Default for State {
    fn default() -> Self {
        let mut unnamed = Names::default();
        assert_eq!(unnamed.intern(""), UNNAMED, "the first name has the first number");
        Self {
            products: Names::default(),
            inventories: unnamed.clone(),
            markets: unnamed,
            readings: Vec::new(),
            reading_count: 0,
            idle_count: 0,
            readings_max: READINGS_MAX,
            feeds: Feeds::default(),
            blocks: Blocks::default(),
            pending: None,
        }
    }
}

impl State {
    /// Applies a change whole, or refuses it whole.
    ///
    /// # Errors
    /// A limit; the writer asks before it journals, so that no journal holds such an entry.
    pub(super) fn apply(
        &mut self,
        entry: &Entry,
        touched: &mut Touched,
    ) -> Result<Outcome, StockError> {
        // Parts stand right behind each other, or a crash cut them off.
        let pending = self.pending.take();
        match entry {
            Entry::Batch(batch) => self.batch(batch, touched),
            Entry::Replace(part) => self.part(part, pending, touched),
            Entry::Block(block) => {
                self.blocks.check(block)?;
                self.blocks.block(block);
                touched.blocks = true;
                Ok(Outcome::Blocked)
            }
            Entry::Unblock(unblock) => {
                touched.blocks = true;
                Ok(Outcome::Unblocked { count: self.blocks.unblock(unblock) })
            }
        }
    }

    /// Applies an entry of the journal again.
    ///
    /// # Errors
    /// Bytes that are no entry. An entry over a limit is left out, as it was when it came first.
    pub(super) fn replay(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let entry = Entry::decode(bytes)?;
        if let Err(refused) = self.apply(&entry, &mut Touched::default()) {
            error!(%refused, "An entry of the stock journal does not fit the limits any more.");
        }
        self.forget_idle(PRODUCTS_FORGOTTEN_MIN);
        Ok(())
    }

    /// What is known of a product.
    pub(super) fn readings(&self, product: u32) -> &ProductReadings {
        static NONE: ProductReadings = ProductReadings { stock: Vec::new(), prices: Vec::new() };
        self.readings.get(product as usize).unwrap_or(&NONE)
    }

    /// Rows over all products.
    pub(super) fn reading_count(&self) -> usize {
        self.reading_count
    }

    fn batch(&mut self, batch: &Batch, touched: &mut Touched) -> Result<Outcome, StockError> {
        self.check_room(self.rows_added(&batch.source, &batch.updates))?;
        let (source, admission) = self.feeds.admit(&batch.source, batch.sequence)?;
        let Admission::New { gap } = admission else { return Ok(Outcome::Repeated) };
        let applied = self.updates(source, batch, 0, touched);
        let total = u32::try_from(batch.updates.len()).expect("a batch has a limit");
        let applied = u32::try_from(applied).expect("no more than all");
        Ok(Outcome::Batch { applied, stale: total - applied, gap })
    }

    fn part(
        &mut self,
        part: &Part,
        pending: Option<Pending>,
        touched: &mut Touched,
    ) -> Result<Outcome, StockError> {
        let mut pending = match pending {
            Some(pending) if part.part != 0 && pending.goes_on_with(part) => pending,
            _ if part.part == 0 => Pending::default(),
            // The first parts are gone, so that nothing of this resync counts.
            _ => return Ok(Outcome::Part),
        };
        pending.update_count += part.batch.updates.len();
        super::check::replace_len(pending.update_count)?;
        pending.parts.push(part.batch.clone());
        pending.keeps.extend_from_slice(&part.keeps);
        if part.is_last {
            return self.replace(&pending, touched);
        }
        self.pending = Some(pending);
        Ok(Outcome::Part)
    }

    /// Puts what a source says in the place of all it said up to the sequence. Of the products that
    /// are kept only what it says anew is replaced.
    fn replace(
        &mut self,
        Pending { parts, keeps, .. }: &Pending,
        touched: &mut Touched,
    ) -> Result<Outcome, StockError> {
        let [first, ..] = parts.as_slice() else { return Ok(Outcome::Part) };
        let updates = parts.iter().flat_map(|part| &part.updates);
        self.check_replace(&first.source, first.sequence, keeps, updates)?;
        let source = self.feeds.open(&first.source)?;
        self.condemn(source, first.sequence);
        let (mut applied, mut index) = (0_u64, 0_u32);
        for part in parts {
            applied += self.updates(source, part, index, touched) as u64;
            index = index.saturating_add(u32::try_from(part.updates.len()).unwrap_or(u32::MAX));
        }
        self.feeds.get_mut(source).advance(first.sequence);
        self.pardon(source, keeps);
        let removed = self.sweep(source, touched);
        Ok(Outcome::Replaced { applied, removed })
    }

    /// Applies readings, the first of which has this place in all of them; says how many count.
    fn updates(&mut self, source: u8, batch: &Batch, first: u32, touched: &mut Touched) -> usize {
        let mut applied = 0;
        let mut latest_us = 0;
        for (index, update) in (first..).zip(&batch.updates) {
            let place = (batch.sequence, index);
            applied += usize::from(self.update(source, place, update, touched));
            latest_us = latest_us.max(update.event_us);
        }
        let feed = self.feeds.get_mut(source);
        feed.received_s = feed.received_s.max(batch.received_s);
        feed.event_us_max = feed.event_us_max.max(latest_us);
        applied
    }

    fn update(
        &mut self,
        source: u8,
        (sequence, index): (u64, u32),
        update: &Update,
        touched: &mut Touched,
    ) -> bool {
        let known_count = self.products.len();
        let product = self.products.intern(&update.product);
        let readings = super::layer::slot(&mut self.readings, product as usize);
        let before = readings.len();
        let mut is_applied = false;
        if update.says_stock() {
            let inventory = self.inventories.intern(&update.inventory);
            let row = readings.stock_row(inventory, source);
            if let Some(state) = update.availability {
                is_applied |= row.set_state(Held::new(state, update.event_us, sequence, index));
            }
            if let Some(quantity) = update.quantity {
                is_applied |=
                    row.set_quantity(Held::new(quantity, update.event_us, sequence, index));
            }
            touched.stock.push((product, inventory));
        }
        if let Some(said) = &update.price {
            let market = self.markets.intern(&said.market);
            let price = Held::new(said.price, update.event_us, sequence, index);
            let row = PriceRow { market, source, currency: said.currency, price };
            is_applied |= readings.set_price(row);
            touched.prices.push((product, market));
        }
        let more = readings.len() - before;
        if before == 0 && more > 0 && (product as usize) < known_count {
            self.idle_count -= 1;
        }
        self.reading_count += more;
        self.feeds.get_mut(source).reading_count += more;
        is_applied
    }

    /// Marks what a source said up to the sequence.
    fn condemn(&mut self, source: u8, sequence: u64) {
        for readings in &mut self.readings {
            for row in readings.stock.iter_mut().filter(|row| row.source == source) {
                if let Some(state) = &mut row.state {
                    state.condemn(sequence);
                }
                if let Some(quantity) = &mut row.quantity {
                    quantity.condemn(sequence);
                }
            }
            for row in readings.prices.iter_mut().filter(|row| row.source == source) {
                row.price.condemn(sequence);
            }
        }
    }

    /// Takes the mark from what a source said of these products and did not replace.
    fn pardon(&mut self, source: u8, keeps: &[String]) {
        for product in self.numbers(keeps) {
            let Some(readings) = self.readings.get_mut(product as usize) else { continue };
            for row in readings.stock.iter_mut().filter(|row| row.source == source) {
                row.state.iter_mut().for_each(Held::pardon);
                row.quantity.iter_mut().for_each(Held::pardon);
            }
            let prices = readings.prices.iter_mut().filter(|row| row.source == source);
            prices.for_each(|row| row.price.pardon());
        }
    }

    /// The numbers of the ids that are known.
    pub(super) fn numbers(&self, ids: &[String]) -> HashSet<u32> {
        ids.iter().filter_map(|id| self.products.find(id)).collect()
    }

    /// Removes what is condemned still; says how many rows are gone.
    fn sweep(&mut self, source: u8, touched: &mut Touched) -> u64 {
        let (mut removed, mut idle) = (0, 0);
        for (product, readings) in (0..).zip(&mut self.readings) {
            let before = readings.len();
            readings.stock.retain_mut(|row| {
                if row.source != source {
                    return true;
                }
                let (state, quantity) = (row.state, row.quantity);
                row.state = state.filter(|state| !state.is_condemned);
                row.quantity = quantity.filter(|quantity| !quantity.is_condemned);
                if row.state.is_none() != state.is_none()
                    || row.quantity.is_none() != quantity.is_none()
                {
                    touched.stock.push((product, row.inventory));
                }
                !row.is_empty()
            });
            readings.prices.retain(|row| {
                let goes = row.source == source && row.price.is_condemned;
                if goes {
                    touched.prices.push((product, row.market));
                }
                !goes
            });
            removed += before - readings.len();
            idle += usize::from(before > 0 && readings.len() == 0);
        }
        self.idle_count += idle;
        self.reading_count -= removed;
        self.feeds.get_mut(source).reading_count -= removed;
        removed as u64
    }

    /// Puts back rows of a product that a checkpoint held, behind those it has already; `None` if
    /// they do not belong there.
    pub(super) fn restore(&mut self, product: &str, readings: ProductReadings) -> Option<()> {
        let number = self.products.intern(product);
        let place = super::layer::slot(&mut self.readings, number as usize);
        self.reading_count += readings.len();
        let stock = readings.stock.iter().map(|row| row.source);
        for source in stock.chain(readings.prices.iter().map(|row| row.source)) {
            self.feeds.get_mut(source).reading_count += 1;
        }
        let is_empty = readings.len() == 0;
        place.stock.extend(readings.stock);
        place.prices.extend(readings.prices);
        (!is_empty && place.is_in_order()).then_some(())
    }

    /// Gives products new numbers, in the same order, where more than half of them, and more than so
    /// many, have no readings any more; says whether it did. Feeds that send fresh ids with every
    /// resync would else fill the memory.
    pub(super) fn forget_idle(&mut self, idle_min: usize) -> bool {
        if self.idle_count <= idle_min || self.idle_count <= self.products.len() / 2 {
            return false;
        }
        let mut products = Names::default();
        let all = std::mem::take(&mut self.readings);
        for (number, readings) in (0..).zip(all) {
            if readings.len() > 0 {
                products.intern(self.products.name(number));
                self.readings.push(readings);
            }
        }
        self.products = products;
        self.idle_count = 0;
        true
    }

    /// Forgets the first parts of a resync whose end a crash cut off.
    pub(super) fn forget_pending(&mut self) {
        self.pending = None;
    }
}

impl Pending {
    fn goes_on_with(&self, part: &Part) -> bool {
        let is_same = |batch: &Batch| {
            batch.source == part.batch.source && batch.sequence == part.batch.sequence
        };
        self.parts.len() == part.part as usize && self.parts.last().is_some_and(is_same)
    }
}

impl Update {
    pub(super) fn says_stock(&self) -> bool {
        self.availability.is_some() || self.quantity.is_some()
    }

    /// Rows that it may add.
    pub(super) fn rows(&self) -> usize {
        usize::from(self.says_stock()) + usize::from(self.price.is_some())
    }
}
