//! A map from ordinals to numbers, or a set of them, that is emptied without touching its slots.

/// The map. It holds as many ordinals as it was begun for, and forgets any further one.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Those behind the mask rest in this round.
    slots: Vec<Slot>,
    mask: usize,
    pub(super) round: u32,
    /// What is left of a hash after this shift is a slot.
    shift: u32,
    /// Slots that may still be taken in this round: some always stay free, so that every search ends.
    free: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// In which it was taken.
    round: u32,
    ordinal: u32,
    place: u32,
}

impl Places {
    /// Empties the map and makes room for this many ordinals. It takes no more slots than these need,
    /// whatever was in it before, so that few ordinals lie on few cache lines.
    pub(super) fn begin(&mut self, ordinals_max: usize) {
        let slots = ordinals_max.saturating_mul(2).next_power_of_two().max(64);
        self.round = self.round.wrapping_add(1);
        if self.slots.len() < slots || self.round == 0 {
            let len = self.slots.len().max(slots);
            self.slots.clear();
            self.slots.resize(len, Slot::default());
            self.round = 1;
        }
        self.shift = u64::BITS.saturating_sub(slots.trailing_zeros());
        self.mask = slots.saturating_sub(1);
        self.free = self.mask;
    }

    /// The place of an ordinal; gives it `place` if it has none, and says so by `None`.
    #[inline]
    pub(super) fn find_or_put(&mut self, ordinal: u32, place: u32) -> Option<u32> {
        let mut at = self.home(ordinal);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.round != self.round {
                if self.free > 0 {
                    self.free = self.free.saturating_sub(1);
                    *slot = Slot { round: self.round, ordinal, place };
                }
                return None;
            }
            if slot.ordinal == ordinal {
                return Some(slot.place);
            }
            at = at.wrapping_add(1) & self.mask;
        }
        None
    }

    /// The place of an ordinal.
    #[inline]
    pub(super) fn place(&self, ordinal: u32) -> Option<u32> {
        let mut at = self.home(ordinal);
        while let Some(slot) = self.slots.get(at).filter(|slot| slot.round == self.round) {
            if slot.ordinal == ordinal {
                return Some(slot.place);
            }
            at = at.wrapping_add(1) & self.mask;
        }
        None
    }

    /// Adds an ordinal to the set; says whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, ordinal: u32) -> bool {
        self.find_or_put(ordinal, 0).is_none()
    }

    /// The slot where an ordinal is looked for first.
    #[inline]
    pub(super) fn home(&self, ordinal: u32) -> usize {
        // Fibonacci hashing; the high bits are the well-mixed ones.
        let hash = u64::from(ordinal).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(hash.wrapping_shr(self.shift)).unwrap_or(0)
    }
}
