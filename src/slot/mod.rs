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
        #[cfg(test)]
        tests::LOADS.set(tests::LOADS.get() + 1);
        self.0.load_full()
    }

    /// Puts a value in and hands back the one it replaces, which readers may still hold.
    pub fn swap(&self, value: Arc<T>) -> Option<Arc<T>> {
        self.0.swap(Some(value))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! How often a thread loads: tests of callers hold them to the rule of one load.

    use std::cell::Cell;

    thread_local! {
        pub(super) static LOADS: Cell<usize> = const { Cell::new(0) };
    }

    /// How often this thread loads from any slot while it does this.
    pub(crate) fn loads(work: impl FnOnce()) -> usize {
        let before = LOADS.get();
        work();
        LOADS.get() - before
    }
}
