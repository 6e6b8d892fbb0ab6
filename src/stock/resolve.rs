//! Which of several readings holds.
//!
//! Across sources the later event time holds, then the smaller source id, then the later sequence
//! and place in the batch: two ids may name one product. Nothing here depends on the order in which
//! batches came.

use std::cmp::Reverse;

use super::{
    readings::{Held, StateSince},
    state::State,
};
use crate::model::currency::Currency;

/// A reading and who said so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Claim<T> {
    pub(super) value: T,
    pub(super) event_us: i64,
    pub(super) source: u8,
}

impl State {
    /// The state that holds for some ids of one product in an inventory.
    pub(super) fn state_of(&self, ids: &[u32], inventory: u32) -> Option<Claim<StateSince>> {
        let rows = ids.iter().flat_map(|id| {
            let rows = self.readings(*id).stock_in(inventory);
            rows.iter().filter_map(|row| Some((*id, row.source, row.state?)))
        });
        self.strongest(rows)
    }

    /// The quantity that holds, likewise.
    pub(super) fn quantity_of(&self, ids: &[u32], inventory: u32) -> Option<Claim<f64>> {
        let rows = ids.iter().flat_map(|id| {
            let rows = self.readings(*id).stock_in(inventory);
            rows.iter().filter_map(|row| Some((*id, row.source, row.quantity?)))
        });
        self.strongest(rows)
    }

    /// The price that holds in a market that has several names, in its currency: what was said in
    /// another one is not a price there.
    pub(super) fn price_of(
        &self,
        ids: &[u32],
        markets: &[u32],
        currency: Currency,
    ) -> Option<Claim<i64>> {
        let rows = ids.iter().flat_map(|id| {
            let rows = markets.iter().flat_map(|market| self.readings(*id).prices_in(*market));
            let rows = rows.filter(move |row| row.currency == currency);
            rows.map(|row| (*id, row.source, row.price))
        });
        self.strongest(rows)
    }

    fn strongest<T: Copy>(
        &self,
        rows: impl Iterator<Item = (u32, u8, Held<T>)>,
    ) -> Option<Claim<T>> {
        let strength = |(id, source, held): &(u32, u8, Held<T>)| {
            let source = Reverse(&*self.feeds.get(*source).source);
            (held.event_us, source, held.sequence, held.index, Reverse(self.products.name(*id)))
        };
        // A resync may have the sequence of a batch; then the smaller id and the first name hold.
        let strongest =
            rows.reduce(|best, next| if strength(&next) > strength(&best) { next } else { best });
        strongest.map(|(_, source, held)| Claim {
            value: held.value,
            event_us: held.event_us,
            source,
        })
    }
}
