//! The products of one list as a set: asked about each candidate, and nearly always about one that is not
//! in it.

use super::places::Places;
use crate::{index::Ordinal, model::limits::RESULTS_MAX};

/// Words of marks: with 512 of them few of the usual results share one.
const WORDS: usize = 8;
/// Bits of a hash that name a mark.
const MARK_BITS: u32 = (WORDS * 64).ilog2();
const _: () = assert!(1 << MARK_BITS == WORDS * 64, "every hash has a mark");

/// The set. What a bit cannot deny is looked up in a map, which is filled no earlier.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// A bit for each product's hash.
    marks: [u64; WORDS],
    /// As they were kept.
    products: Vec<u32>,
    /// The first so many of them stand in the map.
    mapped: usize,
    map: Places,
}

impl Kept {
    /// Empties the set.
    pub(super) fn begin(&mut self) {
        self.marks = [0; WORDS];
        self.products.clear();
        self.mapped = 0;
    }

    #[inline(always)]
    pub(super) fn insert(&mut self, product: Ordinal) {
        let (word, bit) = mark(product);
        if let Some(word) = self.marks.get_mut(word) {
            *word |= bit;
        }
        self.products.push(product.0);
    }

    #[inline(always)]
    pub(super) fn has(&mut self, product: Ordinal) -> bool {
        let (word, bit) = mark(product);
        self.marks.get(word).is_some_and(|word| word & bit != 0) && self.is_mapped(product)
    }

    #[inline(never)]
    fn is_mapped(&mut self, product: Ordinal) -> bool {
        if self.mapped == 0 {
            // Picks and pins.
            self.map.begin(RESULTS_MAX.saturating_mul(2));
        }
        for new in self.products.get(self.mapped..).unwrap_or_default() {
            self.map.insert(*new);
        }
        self.mapped = self.products.len();
        self.map.place(product.0).is_some()
    }
}

/// The word and the bit of a product's mark.
#[inline(always)]
fn mark(product: Ordinal) -> (usize, u64) {
    // Fibonacci hashing: the high bits are the well-mixed ones.
    let hash = product.0.wrapping_mul(0x9e37_79b9).unbounded_shr(u32::BITS - MARK_BITS);
    (usize::try_from(hash / 64).unwrap_or(0), 1 << (hash % 64))
}
