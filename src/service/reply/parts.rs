//! The messages that hot replies are made of.

use super::{
    Showing,
    wire::{LENGTH_DELIMITED, Message, Wire},
};
use crate::{
    index::{
        Ordinal,
        layout::{INLINE_KEY_BYTES_MAX, Key, NONE},
    },
    lookup::{self, FillReport, Interval, Pick},
    model::score,
    pb::RecommendationView,
    stock::{FeedPosition, StockView},
};

pub(super) struct Recommendation<'a> {
    pub(super) showing: &'a Showing<'a>,
    pub(super) pick: &'a Pick,
}

/// Tag and length of a recommendation, tag and length of its id.
const HEAD_BYTES: usize = 4;
/// Type, score and origin where each of them takes one byte, the score four.
const TAIL_BYTES: usize = 9;
/// A recommendation of an id that stands inside its product's record.
const SHORT_BYTES: usize = HEAD_BYTES + INLINE_KEY_BYTES_MAX + TAIL_BYTES;
const _: () = assert!(SHORT_BYTES <= 0x7f, "one byte holds any length in it");
/// Longest id of a recommendation whose length takes one byte.
const ID_BYTES_SHORT: u8 = 0x7f - BESIDE_ID_BYTES;
/// What stands in a recommendation beside its id.
const BESIDE_ID_BYTES: u8 = 11;
const _: () = assert!(HEAD_BYTES - 2 + TAIL_BYTES == 11, "the head less its own tag and length");

impl Recommendation<'_> {
    /// Writes it as an element of a repeated field.
    #[inline(always)]
    pub(super) fn append(&self, field: u8, out: &mut Wire) {
        let view = &self.showing.scene.view;
        let (Some(tail), Some(known)) = (self.tail(), view.product(self.pick.product)) else {
            return out.message(field, self);
        };
        if usize::from(known.key.len) <= INLINE_KEY_BYTES_MAX {
            return out.fill(|room| fill(room, head(field, known.key.len), &known.key, tail));
        }
        let id = view.id_bytes(self.pick.product);
        match u8::try_from(id.len()) {
            Ok(len @ ..=ID_BYTES_SHORT) => {
                out.raw(&head(field, len));
                out.raw(id);
                out.raw(&tail);
            }
            _ => out.message(field, self),
        }
    }

    /// What follows the id, where that is type, score and origin, as it nearly always is.
    #[inline(always)]
    fn tail(&self) -> Option<[u8; TAIL_BYTES]> {
        let Pick { relation_type, origin, score, quantity, fallback_step, .. } = *self.pick;
        let is_usual =
            !matches!(self.showing.detail, RecommendationView::Id | RecommendationView::Full)
                && (1..=0x7f).contains(&relation_type)
                && (1..=0x7f).contains(&origin)
                && score > 0
                && quantity == 0.0
                && fallback_step == 0;
        let [a, b, c, d] = score::share(score).to_le_bytes();
        is_usual.then_some([0x10, relation_type, 0x1d, a, b, c, d, 0x20, origin])
    }
}

/// Tag and length of a recommendation, tag and length of its id.
#[inline(always)]
fn head(field: u8, id_len: u8) -> [u8; HEAD_BYTES] {
    let len = id_len.wrapping_add(BESIDE_ID_BYTES);
    [field << 3 | LENGTH_DELIMITED, len, 1 << 3 | LENGTH_DELIMITED, id_len]
}

/// Writes a recommendation of a key that stands inside its record, and gives its length. All of the key's
/// bytes are copied, which takes no loop, and the tail goes over those that are too many.
#[inline(always)]
fn fill(
    room: &mut [u8; SHORT_BYTES],
    head: [u8; HEAD_BYTES],
    key: &Key,
    tail: [u8; TAIL_BYTES],
) -> usize {
    let len = usize::from(key.len);
    let Some((start, rest)) = room.split_first_chunk_mut() else { return 0 };
    *start = head;
    if let Some(text) = rest.first_chunk_mut() {
        *text = key.bytes;
    }
    if let Some(end) = rest.get_mut(len..).and_then(<[u8]>::first_chunk_mut) {
        *end = tail;
    }
    len.saturating_add(HEAD_BYTES + TAIL_BYTES)
}

impl Message for Recommendation<'_> {
    fn write(&self, out: &mut Wire) {
        let Self { showing, pick } = *self;
        let view = &showing.scene.view;
        out.bytes(1, view.id_bytes(pick.product));
        if showing.detail == RecommendationView::Id {
            return;
        }
        out.varint(2, u64::from(pick.relation_type));
        out.float(3, score::share(pick.score));
        out.varint(4, u64::from(pick.origin));
        out.double(5, pick.quantity);
        out.varint(6, u64::from(pick.fallback_step));
        if showing.detail != RecommendationView::Full {
            return;
        }
        if pick.seeds != 0 {
            // Positions are below 64: each takes one byte of the packed list.
            out.head(7, pick.seeds.count_ones() as usize);
            let seeds = (0..u64::from(u64::BITS)).filter(|seed| pick.seeds >> seed & 1 == 1);
            seeds.for_each(|seed| out.raw_varint(seed));
        }
        out.message(8, &Attributes { showing, product: pick.product });
        if pick.valid_to_s != i64::MAX {
            out.message(9, &Timestamp { seconds: pick.valid_to_s });
        }
        if let Some(parent) = view.parent(pick.product) {
            out.bytes(10, view.id_bytes(parent));
        }
    }
}

struct Attributes<'a> {
    showing: &'a Showing<'a>,
    product: Ordinal,
}

impl Message for Attributes<'_> {
    fn write(&self, out: &mut Wire) {
        let Self { showing, product } = *self;
        let Showing { scene, context, .. } = *showing;
        let view = &scene.view;
        let (Some(record), Some(attributes)) = (view.product(product), view.attributes(product))
        else {
            return;
        };
        let meta = view.meta();
        let state = lookup::state(scene, product, context.inventory);
        out.varint(1, state.map_or(0, |state| state as u64));
        let price = lookup::price(scene, product, context.market);
        out.int64(2, price.unwrap_or(0));
        let brand = Some(attributes.brand.get()).filter(|brand| *brand != NONE);
        if let Some(brand) = brand.and_then(|brand| meta.brands.get(brand as usize)) {
            out.bytes(3, brand.as_bytes());
        }
        let category = Some(attributes.category.get()).filter(|category| *category != NONE);
        if let Some(category) = category.and_then(|index| meta.categories.get(index as usize)) {
            out.bytes(4, category.id.as_bytes());
        }
        out.varint(6, u64::from(record.eco_grade));
        let market = meta.markets.get(context.market as usize);
        if let Some(market) = market.filter(|_| price.is_some()) {
            out.bytes(7, market.currency.as_bytes());
        }
        out.bytes(8, view.title_bytes(product));
    }
}

struct Timestamp {
    seconds: i64,
}

impl Message for Timestamp {
    fn write(&self, out: &mut Wire) {
        out.int64(1, self.seconds);
    }
}

pub(super) struct DataVersion<'a> {
    pub(super) snapshot_id: &'a str,
    pub(super) stock: &'a StockView,
    pub(super) interval: Interval,
}

impl Message for DataVersion<'_> {
    fn write(&self, out: &mut Wire) {
        out.bytes(1, self.snapshot_id.as_bytes());
        self.stock.positions().iter().for_each(|position| out.message(2, position));
        if self.interval.from_s != i64::MIN {
            out.message(3, &Timestamp { seconds: self.interval.from_s });
        }
        if self.interval.until_s != i64::MAX {
            out.message(4, &Timestamp { seconds: self.interval.until_s });
        }
        out.fixed64(5, self.stock.blocks_digest());
    }
}

impl Message for FeedPosition {
    fn write(&self, out: &mut Wire) {
        out.bytes(1, self.source_id.as_bytes());
        out.varint(2, self.sequence);
        out.varint(3, u64::from(self.applied_beyond_gap));
    }
}

impl Message for FillReport {
    fn write(&self, out: &mut Wire) {
        let counts = [
            self.candidates,
            self.removed_unavailable,
            self.removed_by_filter,
            self.removed_below_score,
            self.removed_excluded,
            self.removed_by_diversity,
            self.removed_by_rule,
            self.removed_on_page,
            self.added_by_fallback,
            self.shortfall,
            self.ignored_seeds,
            self.ignored_exclusions,
            self.removed_outside_market,
            self.removed_by_stage,
            self.removed_blocked,
            self.removed_outside_validity,
            self.removed_hidden,
            self.removed_same_variant_group,
            self.removed_by_override,
        ];
        for (field, count) in (1..).zip(counts) {
            out.varint(field, u64::from(count));
        }
    }
}
