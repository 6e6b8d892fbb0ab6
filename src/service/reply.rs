//! The hot reply: from picks to wire bytes in one buffer, without structs in between.
//!
//! Each nested message is walked twice by the same code: once by a [`Count`] that measures it, once
//! by the buffer that takes it. Fields go out in the order of their numbers and zero values are left
//! out, so the bytes equal those of the generated encoder; a test compares the two.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    index::{Ordinal, View, layout::NO_PRICE, layout::NONE},
    lookup::{Answer, FillReport, Pick},
    model::score,
    pb::RecommendationView,
};

/// Encodes a `GetRecommendationsResponse`. `seed_ids` are those of the query, by position.
pub(super) fn encode<'q>(
    view: &View<'_>,
    snapshot_id: &str,
    answer: &Answer<'_>,
    seed_ids: impl Iterator<Item = &'q str>,
    detail: RecommendationView,
) -> Bytes {
    // A basic recommendation takes about 30 bytes; a guess that is too small only costs a copy.
    let mut out = BytesMut::with_capacity(64 + answer.picks.len() * 40 + snapshot_id.len());
    for pick in answer.picks {
        out.message(1, &Recommendation { view, pick, detail });
    }
    for (position, id) in seed_ids.enumerate() {
        if answer.missing >> (position & 63) & 1 == 1 {
            out.element(3, id.as_bytes());
        }
    }
    out.message(4, &DataVersion { snapshot_id });
    out.message(6, &answer.report);
    out.freeze()
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
        out.tag(7, LENGTH_DELIMITED);
        out.raw_varint(u64::from(pick.seeds.count_ones()));
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

    fn raw_varint(&mut self, value: u64) {
        let mut buffer = [0; 10];
        let mut rest = value;
        let mut len = 0;
        for slot in &mut buffer {
            len += 1;
            let low = (rest & 0x7f) as u8;
            rest >>= 7;
            if rest == 0 {
                *slot = low;
                break;
            }
            *slot = low | 0x80;
        }
        self.raw(buffer.split_at(len).0);
    }

    fn tag(&mut self, field: u8, wire_type: u8) {
        self.raw_varint(u64::from(field) << 3 | u64::from(wire_type));
    }

    fn varint(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.tag(field, VARINT);
            self.raw_varint(value);
        }
    }

    fn int64(&mut self, field: u8, value: i64) {
        self.varint(field, value.cast_unsigned());
    }

    fn float(&mut self, field: u8, value: f32) {
        if value != 0.0 {
            self.tag(field, FIXED_32);
            self.raw(&value.to_le_bytes());
        }
    }

    fn double(&mut self, field: u8, value: f64) {
        if value != 0.0 {
            self.tag(field, FIXED_64);
            self.raw(&value.to_le_bytes());
        }
    }

    fn bytes(&mut self, field: u8, value: &[u8]) {
        if !value.is_empty() {
            self.element(field, value);
        }
    }

    /// An element of a repeated field: written even if empty.
    fn element(&mut self, field: u8, value: &[u8]) {
        self.tag(field, LENGTH_DELIMITED);
        self.raw_varint(value.len() as u64);
        self.raw(value);
    }

    /// A nested message, measured first.
    fn message(&mut self, field: u8, message: &impl Message)
    where
        Self: Sized,
    {
        let mut count = Count(0);
        message.write(&mut count);
        self.tag(field, LENGTH_DELIMITED);
        self.raw_varint(count.0 as u64);
        message.write(self);
    }
}

/// Bytes that were offered.
struct Count(usize);

impl Sink for Count {
    fn raw(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

impl Sink for BytesMut {
    fn raw(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }
}
