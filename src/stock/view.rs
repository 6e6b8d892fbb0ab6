//! What feeds and blocks say about the products of one catalog, as one lookup sees it.
//!
//! A view never changes: a batch makes the next one, which shares every chunk that the batch did not
//! touch. It holds only what counts against the snapshot: a reading that is older than the
//! snapshot's own is not in it. Reads are bounds-checked and take no lock.

use std::sync::Arc;

use hashbrown::HashMap;

use super::layer::{Numbers, StateNumbers, States, slot};
use crate::{
    index::{BlobHash, Ordinal},
    model::relation::Availability,
};

/// The stock, prices and blocks over one catalog at one moment.
#[derive(Clone, Debug, Default)]
pub struct StockView {
    catalog: Option<BlobHash>,
    /// For every inventory that says nothing of its own.
    every: Arc<Inventory>,
    /// By index of the catalog's inventories, as far as something was said.
    named: Vec<Option<Arc<Inventory>>>,
    /// By index of the catalog's markets, likewise.
    prices: Vec<Option<Arc<Numbers<i64>>>>,
    blocks: Arc<BlockedProducts>,
    positions: Arc<[FeedPosition]>,
    blocks_digest: u64,
}

/// How far a feed was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    /// Who feeds.
    pub source_id: Arc<str>,
    /// Every batch up to this sequence was applied.
    pub sequence: u64,
    /// Batches applied after a gap.
    pub applied_beyond_gap: u32,
    /// When the last batch came, in seconds since 1970. Not part of the wire's position: replicas
    /// differ in it.
    pub received_s: i64,
    /// Latest event time of any reading of this feed, in microseconds since 1970. Nor is this.
    pub event_us_max: i64,
    /// Readings of this feed that are kept now. Nor is this.
    pub reading_count: usize,
}

/// Why a product is in no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductBlock {
    /// Bit per market of the catalog; all bits: everywhere.
    pub markets: u64,
    /// From this second since 1970 on it does not count; `i64::MAX` never ends.
    pub expire_s: i64,
}

/// The overlaid states that hold in one inventory: found once, for many products.
#[derive(Clone, Copy, Debug)]
pub struct Readings<'a> {
    named: StateNumbers<'a>,
    every: StateNumbers<'a>,
}

/// What is said of one inventory.
#[derive(Clone, Debug, Default)]
struct Inventory {
    states: States,
    quantities: Numbers<f64>,
}

/// The blocks by product.
#[derive(Debug, Default)]
pub(crate) struct BlockedProducts {
    /// A bit per product that has some; as long as the last of them.
    marks: Vec<u64>,
    blocks: HashMap<u32, Vec<ProductBlock>>,
}

impl StockView {
    /// Nothing is overlaid, nothing is blocked, nobody feeds.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The catalog whose ordinals, inventories and markets it speaks of; `None` if it says nothing
    /// about products yet. Whoever pairs it with a snapshot compares this first.
    #[must_use]
    pub fn catalog(&self) -> Option<BlobHash> {
        self.catalog
    }

    /// The overlaid state that holds for a product in an inventory of the catalog. `None`: the
    /// snapshot's own reading counts.
    #[inline]
    #[must_use]
    pub fn reading(&self, product: Ordinal, inventory: u32) -> Option<Availability> {
        let named = self.named(inventory).and_then(|named| named.states.find(product));
        named.or_else(|| self.every.states.find(product))
    }

    /// What [`StockView::reading`] reads of an inventory.
    #[inline]
    #[must_use]
    pub fn readings(&self, inventory: u32) -> Readings<'_> {
        let named = self.named(inventory).map(|named| named.states.numbers());
        let named = named.unwrap_or(StateNumbers::NONE);
        Readings { named, every: self.every.states.numbers() }
    }

    /// The units of a product that an inventory holds, where a feed counts them.
    #[inline]
    #[must_use]
    pub fn quantity(&self, product: Ordinal, inventory: u32) -> Option<f64> {
        let named = self.named(inventory).and_then(|named| named.quantities.find(product));
        named.or_else(|| self.every.quantities.find(product))
    }

    /// The overlaid price that holds in a market of the catalog, in minor units of its currency.
    /// `None`: the snapshot's own price counts.
    #[inline]
    #[must_use]
    pub fn price(&self, product: Ordinal, market: u32) -> Option<i64> {
        self.prices.get(market as usize)?.as_ref()?.find(product)
    }

    /// The blocks of a product, also those of the products of which it is a variant. The caller
    /// compares their end with its own clock.
    #[inline]
    #[must_use]
    pub fn blocks(&self, product: Ordinal) -> &[ProductBlock] {
        if !self.is_marked(product) {
            return &[];
        }
        self.blocks.blocks.get(&product.0).map_or(&[], Vec::as_slice)
    }

    /// Are there blocks of any product?
    #[must_use]
    pub fn has_blocks(&self) -> bool {
        !self.blocks.marks.is_empty()
    }

    /// Are there blocks of the product, whether they hold or not?
    #[inline]
    #[must_use]
    pub fn is_marked(&self, product: Ordinal) -> bool {
        let mark = self.blocks.marks.get(product.index() / 64).copied().unwrap_or(0);
        mark >> (product.0 % 64) & 1 == 1
    }

    /// How far each feed was applied, by source.
    #[must_use]
    pub fn positions(&self) -> &[FeedPosition] {
        &self.positions
    }

    /// Equal where the same blocks stand; zero when there are none.
    #[must_use]
    pub fn blocks_digest(&self) -> u64 {
        self.blocks_digest
    }

    fn named(&self, inventory: u32) -> Option<&Inventory> {
        self.named.get(inventory as usize)?.as_deref()
    }

    pub(crate) fn of_catalog(catalog: BlobHash) -> Self {
        Self { catalog: Some(catalog), ..Self::default() }
    }

    pub(super) fn of_no_catalog(positions: Arc<[FeedPosition]>, blocks_digest: u64) -> Self {
        Self { positions, blocks_digest, ..Self::default() }
    }

    /// Puts the state that holds; `inventory` `None` for every one.
    pub(crate) fn set_reading(
        &mut self,
        product: Ordinal,
        inventory: Option<u32>,
        state: Option<Availability>,
    ) {
        let old = self.layer(inventory).and_then(|layer| layer.states.find(product));
        if old != state {
            self.layer_mut(inventory).states.set(product, state);
        }
    }

    pub(crate) fn set_quantity(
        &mut self,
        product: Ordinal,
        inventory: Option<u32>,
        quantity: Option<f64>,
    ) {
        let old = self.layer(inventory).and_then(|layer| layer.quantities.find(product));
        if old != quantity {
            self.layer_mut(inventory).quantities.set(product, quantity);
        }
    }

    pub(crate) fn set_price(&mut self, product: Ordinal, market: u32, price: Option<i64>) {
        if self.price(product, market) != price {
            let prices = slot(&mut self.prices, market as usize);
            Arc::make_mut(prices.get_or_insert_default()).set(product, price);
        }
    }

    pub(crate) fn set_blocks(&mut self, blocks: BlockedProducts, digest: u64) {
        (self.blocks, self.blocks_digest) = (Arc::new(blocks), digest);
    }

    pub(crate) fn set_positions(&mut self, positions: Arc<[FeedPosition]>) {
        self.positions = positions;
    }

    /// Do both views read a product's state from the same bytes?
    #[cfg(test)]
    pub(super) fn shares_chunks(
        &self,
        other: &Self,
        inventory: Option<u32>,
        product: Ordinal,
    ) -> bool {
        let chunk =
            |view: &Self| view.layer(inventory).and_then(|layer| layer.states.chunk(product));
        chunk(self).is_some() && chunk(self) == chunk(other)
    }

    fn layer(&self, inventory: Option<u32>) -> Option<&Inventory> {
        inventory.map_or(Some(&*self.every), |inventory| self.named(inventory))
    }

    fn layer_mut(&mut self, inventory: Option<u32>) -> &mut Inventory {
        Arc::make_mut(match inventory {
            None => &mut self.every,
            Some(inventory) => slot(&mut self.named, inventory as usize).get_or_insert_default(),
        })
    }
}

impl Readings<'_> {
    /// The number of the state that holds for a product; 0: the snapshot's own reading counts.
    #[inline(always)]
    #[must_use]
    pub fn number(&self, product: Ordinal) -> u8 {
        let named = self.named.find(product);
        if named == 0 { self.every.find(product) } else { named }
    }

    /// Asks for the cache lines that this reads.
    #[inline(always)]
    pub fn prefetch(&self, product: Ordinal) {
        self.named.prefetch(product);
        self.every.prefetch(product);
    }
}

impl BlockedProducts {
    /// Adds a block, unless the product has the same one already.
    pub(crate) fn add(&mut self, product: Ordinal, block: ProductBlock) {
        *slot(&mut self.marks, product.index() / 64) |= 1 << (product.0 % 64);
        let blocks = self.blocks.entry(product.0).or_default();
        if !blocks.contains(&block) {
            blocks.push(block);
        }
    }
}
