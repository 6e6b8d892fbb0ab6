//! A value that is replaced whole while others read it: the only `ArcSwap`.
//!
//! Readers load once per request and keep that value to the end; they never block, and a store
//! never waits for them. This room knows no other room.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A place for one shared value, empty at first.
#[derive(Debug)]
pub struct Slot<T>(ArcSwapOption<T>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(ArcSwapOption::empty())
    }
}

impl<T> Slot<T> {
    /// The value of this moment. Load once per request: a second load may see another value.
    #[must_use]
    pub fn load(&self) -> Option<Arc<T>> {
        self.0.load_full()
    }

    /// Puts a value in and hands back the one it replaces, which readers may still hold.
    pub fn swap(&self, value: Arc<T>) -> Option<Arc<T>> {
        self.0.swap(Some(value))
    }
}
