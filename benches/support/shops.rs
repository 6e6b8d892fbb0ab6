//! Catalogs as shops have them, for benches: ids and targets that no cache can guess, stages on some
//! relations, a fifth of the products sold out.

use std::sync::Arc;

use kindred::{model::relation::Stage, snapshot::Moment, store::Store};
use tempfile::TempDir;

use super::{
    shape::Shape,
    sold_out,
    support::{Random, publish},
};

/// What every product is related by.
pub(crate) const RELATIONS: u32 = 30;

/// A shop that is open.
pub(crate) struct Shop {
    pub(crate) moment: Moment,
    pub(crate) shape: Shape,
    /// Every id once, one after the other, in an order that no cache can guess.
    ids: String,
    id_bytes: usize,
    /// Holds the files.
    _dir: TempDir,
}

impl Shop {
    pub(crate) fn open(shape: Shape) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let snapshot = publish(&store, |file, path| shape.write(file, path));
        let Shape { products, id, .. } = shape;
        let stock = sold_out::view(&store, &snapshot, products, |own| id(products, own));
        let mut order = (0..products).collect::<Vec<_>>();
        Random(2).shuffle(&mut order);
        let ids = order.iter().map(|ordinal| id(products, *ordinal)).collect::<String>();
        let (id_bytes, moment) =
            (ids.len() / order.len(), Moment { snapshot: Arc::new(snapshot), stock });
        Self { moment, shape, ids, id_bytes, _dir: dir }
    }

    /// The id of this place in the order of asking, which begins anew behind the last.
    pub(crate) fn id(&self, place: usize) -> &str {
        let begin = place % self.shape.products as usize * self.id_bytes;
        self.ids.get(begin..begin + self.id_bytes).unwrap()
    }
}

/// Two types of 15 relations each, for this many products.
pub(crate) fn two_types(products: u32, id: fn(u32, u32) -> String) -> Shape {
    Shape { products, types: 2, per_type: RELATIONS / 2, id, target, stages }
}

/// Three types of 10 relations each.
pub(crate) fn three_types(products: u32, id: fn(u32, u32) -> String) -> Shape {
    Shape { products, types: 3, per_type: RELATIONS / 3, id, target, stages }
}

/// 12 hexadecimal digits: a shop's article number. Ascending, with random gaps.
pub(crate) fn id_12(products: u32, ordinal: u32) -> String {
    let gap = (1 << 48) / u64::from(products);
    format!("{:012x}", u64::from(ordinal) * gap + mix(ordinal.into()) % gap)
}

/// 36 bytes: a UUID.
pub(crate) fn id_36(products: u32, ordinal: u32) -> String {
    let gap = u64::MAX / u64::from(products);
    let (high, low) =
        (u64::from(ordinal) * gap + mix(ordinal.into()) % gap, mix(!u64::from(ordinal)));
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}

/// Somewhere in the catalog: one in each of as many parts as a product has relations.
fn target(products: u32, source: u32, relation: u32) -> u32 {
    let part = u64::from((products - 1) / RELATIONS).max(1);
    let inside = mix(u64::from(source) << 32 | u64::from(relation)) % part;
    let step = 1 + u64::from(relation) * part + inside;
    u32::try_from((u64::from(source) + step) % u64::from(products)).unwrap()
}

/// Every fourteenth relation is for the time after the order, the others are for the time before.
fn stages(relation: u32) -> u8 {
    let bit = |stage: Stage| 1 << (stage as u8 - 1);
    if relation % 14 == 5 {
        bit(Stage::PostPurchase)
    } else {
        bit(Stage::Consideration) | bit(Stage::PurchaseDecision)
    }
}

/// SplitMix64: numbers that look random, the same everywhere.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
