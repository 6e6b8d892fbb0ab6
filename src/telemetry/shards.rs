//! Counts that every thread keeps for itself and a reader sums up.
//!
//! A thread gets its number when it first counts. Two threads may have one shard, which is right and
//! slower, as each count is an atomic addition.

use std::{
    cell::Cell,
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Shards at most: a larger machine shares them.
const SHARDS_MAX: usize = 256;

/// One value for each of several threads.
#[derive(Debug)]
pub(super) struct Shards<T>(Box<[Apart<T>]>);

/// Starts where no other shard's cache line, nor its neighbour that is fetched with it, reaches.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// No number yet.
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
}

impl<T> Shards<T> {
    /// A power of two of shards, for so many threads.
    pub(super) fn new(threads: NonZeroUsize, shard: impl FnMut() -> T) -> Self {
        let count = threads.get().min(SHARDS_MAX).next_power_of_two();
        Self(std::iter::repeat_with(shard).take(count).map(Apart).collect())
    }

    /// The shard of this thread.
    #[inline]
    pub(super) fn mine(&self) -> Option<&T> {
        let number = NUMBER.with(|number| match number.get() {
            usize::MAX => first(number),
            known => known,
        });
        self.0.get(number & self.0.len().wrapping_sub(1)).map(|apart| &apart.0)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|apart| &apart.0)
    }
}

#[cold]
fn first(number: &Cell<usize>) -> usize {
    number.set(THREADS.fetch_add(1, Ordering::Relaxed));
    number.get()
}
