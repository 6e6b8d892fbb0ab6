//! Random numbers that are the same on every machine: SplitMix64 over integers.
//!
//! A number is a function of (seed, stream, index), so each fact about a product can be asked
//! again without being kept.

/// What a random number is for. Streams are independent of each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    /// Shape of a category.
    Category = 1,
    /// Place of the variant group in its block of products.
    Variants,
    /// Place of the hidden product in its block.
    Hidden,
    /// Place of the bundle in its block.
    Bundles,
    /// Id of a product.
    Id,
    /// Alias of a product.
    Alias,
    /// Columns of a product.
    Product,
    /// Price of a product.
    Price,
    /// Markets of a product.
    Markets,
    /// Relations of a product.
    Relations,
    /// Selections of a bundle.
    Selections,
    /// A reading of stock.
    Stock,
    /// An order.
    Orders,
    /// The order in which stock is read.
    Scatter,
}

/// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
pub(super) const fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// A bijection of 32-bit numbers picked by the key (the finalizer of MurmurHash3).
pub(super) const fn permute(value: u32, key: u32) -> u32 {
    let value = value ^ key;
    let value = (value ^ value >> 16).wrapping_mul(0x85eb_ca6b);
    let value = (value ^ value >> 13).wrapping_mul(0xc2b2_ae35);
    value ^ value >> 16
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64, stream: Stream, index: u64) -> Self {
        Self(mix(mix(seed ^ (stream as u64) << 56) ^ index))
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`, which is 1 to 2^32. Its bias is below 2^-32 times `end`.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        ((self.next() >> 32) * end) >> 32
    }

    /// Says yes once in `end` times.
    pub(super) const fn one_in(&mut self, end: u64) -> bool {
        self.below(end) == 0
    }

    /// A rank below `count` by Zipf's law with exponent 1, the smaller the likelier. Exact between
    /// powers of two and even inside them: a power needs floats that differ by machine.
    pub(super) fn zipf(&mut self, count: u64) -> u64 {
        let octaves = u64::from(u64::BITS - count.leading_zeros());
        loop {
            let first = 1 << self.below(octaves);
            let rank = first + self.below(first);
            if rank <= count {
                return rank - 1;
            }
        }
    }
}
