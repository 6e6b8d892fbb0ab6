//! What an answer is made from beside the request, and what stock and catalog say together.

use crate::{
    index::{Ordinal, View, layout::ProductRecord},
    model::relation::{Availability, Stage},
    policy::Policy,
    stock::{Readings, StockView},
};

/// Everything one request answers from; loaded once, so that no answer mixes two of them.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The catalog.
    pub view: View<'a>,
    /// Placements, rules and overrides, bound to this catalog.
    pub policy: &'a Policy,
    /// Stock, prices and blocks over this catalog.
    pub stock: &'a StockView,
}

/// The situation of a call. It is checked: market and inventory exist.
#[derive(Clone, Copy, Debug)]
pub struct Context<'q> {
    /// Bit of assortments.
    pub market: u32,
    /// Index of the catalog's inventories.
    pub inventory: u32,
    /// Where the shopper stands.
    pub stage: Option<Stage>,
    /// Opaque; rotation hashes it.
    pub visitor: &'q str,
    /// The instant of the answer, in seconds since 1970.
    pub at_s: i64,
    /// The request named the instant, so that its answer never changes.
    pub is_as_of: bool,
}

impl Context<'_> {
    /// The market's bit in masks of markets.
    #[inline]
    pub(super) fn market_bit(&self) -> u64 {
        1_u64.checked_shl(self.market).unwrap_or(0)
    }
}

/// The state of a product in an inventory: that of a feed, else the snapshot's. `None`: nobody has
/// read it, and it counts as in stock.
#[must_use]
pub fn state(scene: &Scene<'_>, product: Ordinal, inventory: u32) -> Option<Availability> {
    let known = scene.view.product(product)?;
    Availability::new(state_number(&scene.stock.readings(inventory), product, known))
}

/// As [`state`], by number; 0 without any reading.
#[inline(always)]
pub(super) fn state_number(readings: &Readings<'_>, product: Ordinal, known: &ProductRecord) -> u8 {
    let overlaid = readings.number(product);
    if overlaid == 0 { known.availability } else { overlaid }
}

/// The price of a product in a market, in minor units of its currency: that of a feed, else the
/// snapshot's.
#[must_use]
pub fn price(scene: &Scene<'_>, product: Ordinal, market: u32) -> Option<i64> {
    let overlaid = scene.stock.price(product, market);
    overlaid.or_else(|| scene.view.market_price(product, market).map(|(price, _)| price))
}
