//! Random choices that are the same on every machine: SplitMix64.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(((self.next() >> 32) * end as u64) >> 32).unwrap()
    }

    /// A number from `first` to `last`.
    pub(crate) fn from(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// Yes in so many of a hundred cases.
    pub(crate) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// One of them in so many of a hundred cases.
    pub(crate) fn maybe<T: Clone>(&mut self, share: usize, list: &[T]) -> Option<T> {
        self.percent(share).then(|| self.pick(list).clone())
    }

    /// Distinct ones in random order; at least one, at most `most`.
    pub(crate) fn some<T: Clone>(&mut self, most: usize, list: &[T]) -> Vec<T> {
        let count = self.from(1, most.min(list.len()));
        let mut rest = list.to_vec();
        (0..count).map(|_| rest.swap_remove(self.below(rest.len()))).collect()
    }

    /// Such a list in so many of a hundred cases, else none.
    pub(crate) fn some_of<T: Clone>(&mut self, share: usize, most: usize, list: &[T]) -> Vec<T> {
        if self.percent(share) { self.some(most, list) } else { Vec::new() }
    }
}

const fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
