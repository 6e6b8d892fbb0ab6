//! A set of ordinals that answers with one bit test.

/// As long as its largest member needs; anything beyond is no member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Is the ordinal a member?
    pub(super) fn contains(&self, ordinal: u32) -> bool {
        let (word, bit) = place(ordinal);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(ordinals: I) -> Self {
        let mut words = Vec::new();
        for ordinal in ordinals {
            let (word, bit) = place(ordinal);
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            words[word] |= bit;
        }
        Self(words)
    }
}

const fn place(ordinal: u32) -> (usize, u64) {
    ((ordinal / u64::BITS) as usize, 1 << (ordinal % u64::BITS))
}
