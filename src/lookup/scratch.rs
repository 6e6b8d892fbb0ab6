//! Memory that one thread uses for lookup after lookup, so that none of them allocates.

use super::{answer::Pick, candidates::Contribution};

/// Working memory of lookups. Keep one a thread; it grows to what the largest lookup needed.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) picks: Vec<Pick>,
    pub(super) seen: Seen,
    /// Ordinals that the request excludes, sorted.
    pub(super) excluded: Vec<u32>,
    /// Contributions of several seeds, to be summed by product.
    pub(super) contributions: Vec<Contribution>,
    /// Products with their sums.
    pub(super) sums: Vec<Pick>,
}

/// A set of ordinals that is emptied without touching its slots.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Round in which the slot was taken, and the ordinal.
    slots: Vec<(u32, u32)>,
    pub(super) round: u32,
    /// What is left of a hash after this shift is a slot.
    shift: u32,
}

impl Seen {
    /// Empties the set and makes room for this many ordinals.
    pub(super) fn begin(&mut self, ordinals_max: usize) {
        let slots = ordinals_max.saturating_mul(2).next_power_of_two();
        self.round = self.round.wrapping_add(1);
        if self.slots.len() < slots || self.round == 0 {
            self.slots.clear();
            self.slots.resize(slots.max(64), (0, 0));
            self.shift = u64::BITS.saturating_sub(self.slots.len().trailing_zeros());
            self.round = 1;
        }
    }

    /// Adds an ordinal; says whether it is new.
    pub(super) fn insert(&mut self, ordinal: u32) -> bool {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = self.home(ordinal);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.0 != self.round {
                *slot = (self.round, ordinal);
                return true;
            }
            if slot.1 == ordinal {
                return false;
            }
            at = at.wrapping_add(1) & mask;
        }
        true
    }

    /// The slot where an ordinal is looked for first.
    pub(super) fn home(&self, ordinal: u32) -> usize {
        // Fibonacci hashing; the high bits are the well-mixed ones.
        let hash = u64::from(ordinal).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash.unbounded_shr(self.shift)) as usize
    }
}
