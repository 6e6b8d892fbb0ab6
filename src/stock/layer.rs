//! Columns of a view: a value for some products, in chunks that views share until one changes.
//!
//! A clone copies pointers to chunks; a change copies the one chunk it touches, once per view. Of
//! numbers there are many chunks, so their pointers stand in groups that are shared likewise; of states
//! there are few, and they are read for every candidate, so theirs stand in one list. Reads are
//! bounds-checked and never panic.

use std::sync::Arc;

use crate::{
    index::{Ordinal, prefetch},
    model::relation::Availability,
};

/// Products of one chunk of states: 2 KiB.
const STATES_PER_CHUNK: usize = 4_096;
/// Products of one chunk of numbers: 4 KiB and 64 bytes when every product has one.
const NUMBERS_PER_CHUNK: usize = 512;
const WORDS_PER_CHUNK: usize = NUMBERS_PER_CHUNK / 64;
/// Chunks of numbers whose pointers are shared together: ten million products have 305 groups, and a
/// view of a few changes copies some hundred pointers instead of 19,532.
const CHUNKS_PER_GROUP: usize = 64;

/// A state for some products, four bits each; zero is none.
#[derive(Clone, Debug, Default)]
pub(super) struct States {
    /// Empty until the first state.
    chunks: Vec<Option<Arc<StateChunk>>>,
}

type StateChunk = [u8; STATES_PER_CHUNK / 2];

impl States {
    #[inline]
    pub(super) fn find(&self, product: Ordinal) -> Option<Availability> {
        state(self.numbers().find(product))
    }

    /// Finds numbers of states, again and again.
    #[inline]
    pub(super) fn numbers(&self) -> StateNumbers<'_> {
        StateNumbers { chunks: &self.chunks }
    }

    /// Where the chunk of a product lies.
    #[cfg(test)]
    pub(super) fn chunk(&self, product: Ordinal) -> Option<*const u8> {
        let chunk = self.chunks.get(product.index() / STATES_PER_CHUNK)?.as_ref()?;
        Some(chunk.as_ptr())
    }

    pub(super) fn set(&mut self, product: Ordinal, value: Option<Availability>) {
        if self.find(product) == value {
            return;
        }
        let index = product.index();
        let chunk = slot(&mut self.chunks, index / STATES_PER_CHUNK);
        let chunk = chunk.get_or_insert_with(|| Arc::new([0; STATES_PER_CHUNK / 2]));
        if let Some(pair) = Arc::make_mut(chunk).get_mut(index % STATES_PER_CHUNK / 2) {
            let number = value.map_or(0, |value| value as u8);
            *pair = *pair & !(0xF << shift(index)) | number << shift(index);
        }
    }
}

/// The numbers of states of a column; 0 for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct StateNumbers<'a> {
    chunks: &'a [Option<Arc<StateChunk>>],
}

impl StateNumbers<'_> {
    pub(super) const NONE: Self = Self { chunks: &[] };

    #[inline(always)]
    pub(super) fn find(self, product: Ordinal) -> u8 {
        self.pair(product).map_or(0, |pair| pair >> shift(product.index()) & 0xF)
    }

    /// Asks for the cache line of a product's state.
    #[inline(always)]
    pub(super) fn prefetch(self, product: Ordinal) {
        if let Some(pair) = self.pair(product) {
            prefetch(pair);
        }
    }

    /// The byte in which a product's state stands.
    #[inline(always)]
    fn pair(&self, product: Ordinal) -> Option<&u8> {
        let index = product.index();
        let chunk = self.chunks.get(index / STATES_PER_CHUNK)?.as_ref()?;
        chunk.get(index % STATES_PER_CHUNK / 2)
    }
}

/// The state of a number, without a search: this is read for every candidate.
#[inline]
fn state(number: u8) -> Option<Availability> {
    match number {
        1 => Some(Availability::InStock),
        2 => Some(Availability::LowStock),
        3 => Some(Availability::Backorder),
        4 => Some(Availability::Preorder),
        5 => Some(Availability::OutOfStock),
        6 => Some(Availability::Discontinued),
        _ => None,
    }
}

#[inline(always)]
fn shift(index: usize) -> u8 {
    if index.is_multiple_of(2) { 0 } else { 4 }
}

/// A number for some products.
#[derive(Clone, Debug)]
pub(super) struct Numbers<T> {
    /// Empty until the first number.
    groups: Vec<Option<Arc<NumberGroup<T>>>>,
}

type NumberGroup<T> = [Option<Arc<NumberChunk<T>>>; CHUNKS_PER_GROUP];

/// The numbers of the products whose bit is set, in their order.
#[derive(Clone, Debug)]
struct NumberChunk<T> {
    present: [u64; WORDS_PER_CHUNK],
    values: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { groups: Vec::new() }
    }
}

impl<T: Copy> Numbers<T> {
    #[inline]
    pub(super) fn find(&self, product: Ordinal) -> Option<T> {
        let index = product.index();
        let number = index / NUMBERS_PER_CHUNK;
        let group = self.groups.get(number / CHUNKS_PER_GROUP)?.as_ref()?;
        let chunk = group.get(number % CHUNKS_PER_GROUP)?.as_ref()?;
        let (is_present, place) = chunk.place(index % NUMBERS_PER_CHUNK);
        is_present.then(|| chunk.values.get(place).copied()).flatten()
    }

    pub(super) fn set(&mut self, product: Ordinal, value: Option<T>) {
        if value.is_none() && self.find(product).is_none() {
            return;
        }
        let index = product.index();
        let number = index / NUMBERS_PER_CHUNK;
        let group = slot(&mut self.groups, number / CHUNKS_PER_GROUP);
        let group = group.get_or_insert_with(|| Arc::new([const { None }; CHUNKS_PER_GROUP]));
        let Some(chunk) = Arc::make_mut(group).get_mut(number % CHUNKS_PER_GROUP) else { return };
        let empty = || Arc::new(NumberChunk { present: [0; WORDS_PER_CHUNK], values: Vec::new() });
        let chunk = Arc::make_mut(chunk.get_or_insert_with(empty));
        let inside = index % NUMBERS_PER_CHUNK;
        let (is_present, place) = chunk.place(inside);
        match (value, is_present) {
            (Some(value), true) => {
                if let Some(old) = chunk.values.get_mut(place) {
                    *old = value;
                }
            }
            (Some(value), false) => chunk.values.insert(place, value),
            (None, true) => {
                chunk.values.remove(place);
            }
            (None, false) => {}
        }
        if let Some(word) = chunk.present.get_mut(inside / 64) {
            let bit = 1 << (inside % 64);
            *word = if value.is_some() { *word | bit } else { *word & !bit };
        }
    }
}

impl<T> NumberChunk<T> {
    /// Is there a number of this product, and where would it stand?
    #[inline]
    fn place(&self, inside: usize) -> (bool, usize) {
        let (word, bit) = (inside / 64, 1_u64 << (inside % 64));
        let mut place = 0;
        for earlier in self.present.iter().take(word) {
            place += earlier.count_ones() as usize;
        }
        let own = self.present.get(word).copied().unwrap_or(0);
        (own & bit != 0, place + (own & (bit - 1)).count_ones() as usize)
    }
}

/// The element at `index` of a list that grows to hold it.
pub(super) fn slot<T: Default>(list: &mut Vec<T>, index: usize) -> &mut T {
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    list.get_mut(index).expect("the list was made long enough")
}
