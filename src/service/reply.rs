//! The hot reply: from picks to wire bytes in one buffer, without structs in between.
//!
//! Each message is walked twice by the same code: once by a [`Length`] that measures it, once by the
//! buffer that takes it, which is therefore allocated once and in its right size. Fields go out in
//! the order of their numbers and zero values are left out, so the bytes equal those of the
//! generated encoder; a test compares the two.

use arrayvec::ArrayVec;
use bytes::Bytes;

use crate::{
    index::{Ordinal, View, layout::NO_PRICE, layout::NONE},
    lookup::{Answer, FillReport, Pick},
    model::{limits::RESULTS_MAX, score},
    pb::RecommendationView,
};

/// Encodes a `GetRecommendationsResponse`. `seed_ids` are those of the query, by position.
pub(super) fn encode<'q>(
    view: &View<'_>,
    snapshot_id: &str,
    answer: &Answer<'_>,
    seed_ids: impl Iterator<Item = &'q str> + Clone,
    detail: RecommendationView,
) -> Bytes {
    let recommendation = |pick| Recommendation { view, pick, detail };
    let tail = Tail { snapshot_id, answer, seed_ids };
    let mut len = Length::of(&tail);
    let mut lengths = ArrayVec::<usize, RESULTS_MAX>::new();
    for pick in answer.picks.iter().take(RESULTS_MAX) {
        let length = Length::of(&recommendation(pick)).0;
        len.head(1, length);
        len.0 += length;
        lengths.push(length);
    }
    // Exactly full, so that `Bytes` takes the buffer as it is.
    let mut out = Vec::with_capacity(len.0);
    for (pick, length) in answer.picks.iter().zip(lengths) {
        out.head(1, length);
        recommendation(pick).write(&mut out);
    }
    tail.write(&mut out);
    Bytes::from(out)
}

/// What follows the recommendations.
struct Tail<'a, S> {
    snapshot_id: &'a str,
    answer: &'a Answer<'a>,
    seed_ids: S,
}

impl<'q, S: Iterator<Item = &'q str> + Clone> Message for Tail<'_, S> {
    fn write(&self, out: &mut impl Sink) {
        let missing = self.answer.missing;
        if missing != 0 {
            let seeds = self.seed_ids.clone().enumerate();
            seeds
                .filter(|(position, _)| missing >> (position & 63) & 1 == 1)
                .for_each(|(_, id)| out.element(3, id.as_bytes()));
        }
        out.message(4, &DataVersion { snapshot_id: self.snapshot_id });
        out.message(6, &self.answer.report);
    }
}

/// A message that can be measured and written.
trait Message {
    fn write(&self, out: &mut impl Sink);
}

struct Recommendation<'a> {
    view: &'a View<'a>,
    pick: &'a Pick,
    detail: RecommendationView,
}

impl Message for Recommendation<'_> {
    fn write(&self, out: &mut impl Sink) {
        let Self { view, pick, detail } = *self;
        out.bytes(1, view.id_bytes(pick.product));
        if detail == RecommendationView::Id {
            return;
        }
        out.varint(2, u64::from(pick.relation_type));
        out.float(3, score::share(pick.score));
        out.varint(4, u64::from(pick.origin));
        out.double(5, pick.quantity);
        if detail != RecommendationView::Full {
            return;
        }
        // Positions are below 64: each takes one byte of the packed list.
        out.head(7, pick.seeds.count_ones() as usize);
        let seeds = (0..u64::from(u64::BITS)).filter(|seed| pick.seeds >> seed & 1 == 1);
        seeds.for_each(|seed| out.raw_varint(seed));
        out.message(8, &Attributes { view, product: pick.product });
        if pick.valid_to_s != i64::MAX {
            out.message(9, &Timestamp { seconds: pick.valid_to_s });
        }
        if let Some(parent) = view.parent(pick.product) {
            out.bytes(10, view.id_bytes(parent));
        }
    }
}

struct Attributes<'a> {
    view: &'a View<'a>,
    product: Ordinal,
}

impl Message for Attributes<'_> {
    fn write(&self, out: &mut impl Sink) {
        let Self { view, product } = *self;
        let (Some(record), Some(attributes)) = (view.product(product), view.attributes(product))
        else {
            return;
        };
        let meta = view.meta();
        out.varint(1, u64::from(record.availability));
        let price = Some(attributes.price.get()).filter(|price| *price != NO_PRICE);
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
        let market = meta.markets.get(meta.default_market.to_native() as usize);
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
    fn write(&self, out: &mut impl Sink) {
        out.int64(1, self.seconds);
    }
}

struct DataVersion<'a> {
    snapshot_id: &'a str,
}

impl Message for DataVersion<'_> {
    fn write(&self, out: &mut impl Sink) {
        out.bytes(1, self.snapshot_id.as_bytes());
    }
}

impl Message for FillReport {
    fn write(&self, out: &mut impl Sink) {
        out.varint(1, u64::from(self.candidates));
        out.varint(4, u64::from(self.removed_below_score));
        out.varint(5, u64::from(self.removed_excluded));
        out.varint(10, u64::from(self.shortfall));
        out.varint(11, u64::from(self.ignored_seeds));
        out.varint(12, u64::from(self.ignored_exclusions));
        out.varint(17, u64::from(self.removed_hidden));
        out.varint(18, u64::from(self.removed_same_variant_group));
    }
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED_32: u8 = 5;

/// Takes wire bytes, or only counts them. Zero and empty values are left out, as proto3 says.
trait Sink {
    fn raw(&mut self, bytes: &[u8]);

    fn raw_varint(&mut self, value: u64);

    /// A nested message.
    fn message(&mut self, field: u8, message: &impl Message);

    #[inline]
    fn tag(&mut self, field: u8, wire_type: u8) {
        self.raw_varint(u64::from(field) << 3 | u64::from(wire_type));
    }

    /// Tag and length of something that follows.
    #[inline]
    fn head(&mut self, field: u8, length: usize) {
        self.tag(field, LENGTH_DELIMITED);
        self.raw_varint(length as u64);
    }

    #[inline]
    fn varint(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.tag(field, VARINT);
            self.raw_varint(value);
        }
    }

    #[inline]
    fn int64(&mut self, field: u8, value: i64) {
        self.varint(field, value.cast_unsigned());
    }

    #[inline]
    fn float(&mut self, field: u8, value: f32) {
        if value != 0.0 {
            self.tag(field, FIXED_32);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    fn double(&mut self, field: u8, value: f64) {
        if value != 0.0 {
            self.tag(field, FIXED_64);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    fn bytes(&mut self, field: u8, value: &[u8]) {
        if !value.is_empty() {
            self.element(field, value);
        }
    }

    /// An element of a repeated field: written even if empty.
    #[inline]
    fn element(&mut self, field: u8, value: &[u8]) {
        self.head(field, value.len());
        self.raw(value);
    }
}

/// Bytes that were offered.
struct Length(usize);

impl Length {
    fn of(message: &impl Message) -> Self {
        let mut length = Self(0);
        message.write(&mut length);
        length
    }
}

impl Sink for Length {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    #[inline]
    fn raw_varint(&mut self, value: u64) {
        // Seven bits a byte, and zero takes one, too.
        self.0 += (value | 1).ilog2() as usize / 7 + 1;
    }

    fn message(&mut self, field: u8, message: &impl Message) {
        let length = Self::of(message).0;
        self.head(field, length);
        self.0 += length;
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn raw_varint(&mut self, value: u64) {
        let mut rest = value;
        while rest > 0x7f {
            self.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.push((rest & 0x7f) as u8);
    }

    fn message(&mut self, field: u8, message: &impl Message) {
        self.head(field, Length::of(message).0);
        message.write(self);
    }
}
