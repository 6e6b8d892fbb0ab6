//! Each text once: ids and words become dense numbers in order of appearance.
//!
//! Numbers depend on the order of rows, so they never reach the output: what leaves the room is
//! sorted by text.

use std::{borrow::Cow, cmp::Ordering, mem};

use arrayvec::ArrayVec;
use xxhash_rust::xxh3::xxh3_64;

use super::GraphError;
use crate::model::{id::IdRule, limits::PRODUCTS_MAX};

/// Buckets of an empty interner.
const BUCKETS_MIN: usize = 16;
/// Bits of a number in a bucket.
const NUMBER_BITS: u32 = 32;
/// Texts that are looked for at once at most.
pub(super) const TOGETHER: usize = 32;
/// Bytes of a text that stand beside its length.
const INLINE_BYTES: usize = 15;
/// What stands for the length where the text stands in the arena.
const IN_ARENA: u8 = u8::MAX;

/// Distinct texts. Looking for one of few bytes reads two places of memory: its bucket and its slot.
#[derive(Debug)]
pub(super) struct Interner {
    what: &'static str,
    rule: IdRule,
    count_max: usize,
    /// By number.
    slots: Vec<Slot>,
    /// Texts that no slot has room for.
    arena: String,
    /// Half of a text's hash, then its number and one; 0 is empty. A text stands in the first free
    /// bucket from the place on that the half says, so that growing needs no text.
    buckets: Vec<u64>,
}

/// A text of at most [`INLINE_BYTES`] behind its length; or [`IN_ARENA`], three zeros, a length of four
/// bytes and an offset of eight.
#[derive(Clone, Copy, Debug)]
struct Slot([u8; 16]);

impl Interner {
    /// An empty interner. `what` names its texts in errors.
    pub(super) fn new(what: &'static str, rule: IdRule) -> Self {
        Self::with_max(what, rule, PRODUCTS_MAX)
    }

    /// An empty interner for so many texts.
    pub(super) fn with_max(what: &'static str, rule: IdRule, count_max: usize) -> Self {
        let buckets = vec![0; BUCKETS_MIN];
        Self { what, rule, count_max, slots: Vec::new(), arena: String::new(), buckets }
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The number of a text, known or new. Under a folding rule the first spelling stays.
    pub(super) fn intern(&mut self, text: &str) -> Result<u32, GraphError> {
        let half = self.half(text);
        let at = match self.look(half, text) {
            Ok(number) => return Ok(number),
            Err(free) => free,
        };
        if self.slots.len() >= self.count_max {
            return Err(GraphError::TooMany { what: self.what, max: self.count_max });
        }
        let number = number(self.slots.len());
        let slot = Slot::of(text, &mut self.arena);
        self.slots.push(slot);
        self.buckets[at] = half << NUMBER_BITS | (u64::from(number) + 1);
        if self.slots.len() > self.buckets.len() / 4 * 3 {
            self.grow();
        }
        Ok(number)
    }

    /// The number of a text that is known.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.look(self.half(text), text).ok()
    }

    /// The same for several at once. Each reads two places of memory that are far from everything else, and
    /// here all of them wait for the first, then all for the second, instead of one after the other.
    pub(super) fn find_together(
        &self,
        texts: &ArrayVec<&str, TOGETHER>,
    ) -> ArrayVec<Option<u32>, TOGETHER> {
        let halves = texts.iter().map(|text| self.half(text)).collect::<ArrayVec<_, TOGETHER>>();
        let first = |half: &u64| self.buckets[home(*half, self.buckets.len())];
        let buckets = halves.iter().map(first).collect::<ArrayVec<_, TOGETHER>>();
        let slot = |(half, bucket): (&u64, u64)| {
            let number = self.likely(*half, bucket)?;
            Some((number, self.slots[index(number)]))
        };
        let slots = halves.iter().zip(buckets).map(slot).collect::<ArrayVec<_, TOGETHER>>();
        let found = slots.into_iter().zip(&halves).zip(texts).map(|((slot, half), text)| {
            let (number, slot) = slot?;
            match slot.inline() {
                Some(bytes) if self.rule.same(bytes, text.as_bytes()) => Some(number),
                _ => self.look(*half, text).ok(),
            }
        });
        found.collect()
    }

    /// The first number with this half of a hash; `bucket` is the one at the half's home.
    fn likely(&self, half: u64, mut bucket: u64) -> Option<u32> {
        let mut at = home(half, self.buckets.len());
        while bucket != 0 {
            if bucket >> NUMBER_BITS == half {
                return Some(numbered(bucket));
            }
            at = (at + 1) & (self.buckets.len() - 1);
            bucket = self.buckets[at];
        }
        None
    }

    fn half(&self, text: &str) -> u64 {
        xxh3_64(&self.rule.fold(text)) >> NUMBER_BITS
    }

    /// The number of a text, or the bucket for it.
    fn look(&self, half: u64, text: &str) -> Result<u32, usize> {
        let mut at = home(half, self.buckets.len());
        loop {
            let bucket = self.buckets[at];
            if bucket == 0 {
                return Err(at);
            }
            if bucket >> NUMBER_BITS == half {
                let number = numbered(bucket);
                if self.rule.same(self.bytes(number), text.as_bytes()) {
                    return Ok(number);
                }
            }
            at = (at + 1) & (self.buckets.len() - 1);
        }
    }

    fn grow(&mut self) {
        let count = self.buckets.len() * 2;
        let old = mem::replace(&mut self.buckets, vec![0; count]);
        for bucket in old.into_iter().filter(|bucket| *bucket != 0) {
            let mut at = home(bucket >> NUMBER_BITS, count);
            while self.buckets[at] != 0 {
                at = (at + 1) & (count - 1);
            }
            self.buckets[at] = bucket;
        }
    }

    /// Spells a text anew. The rule must hold both spellings for the same.
    pub(super) fn respell(&mut self, number: u32, text: &str) {
        assert!(self.rule.same(self.bytes(number), text.as_bytes()), "another text, not spelling");
        match self.slots[index(number)].in_arena() {
            // Both spellings are of one length.
            Some((offset, len)) => self.arena.replace_range(offset..offset + len, text),
            None => self.slots[index(number)] = Slot::of(text, &mut self.arena),
        }
    }

    /// The bytes of a text.
    pub(super) fn bytes(&self, number: u32) -> &[u8] {
        let slot = &self.slots[index(number)];
        match slot.in_arena() {
            None => slot.inline().unwrap_or_default(),
            Some((offset, len)) => &self.arena.as_bytes()[offset..offset + len],
        }
    }

    /// A text.
    pub(super) fn text(&self, number: u32) -> &str {
        let slot = &self.slots[index(number)];
        match slot.in_arena() {
            None => as_text(slot.inline().unwrap_or_default()),
            Some((offset, len)) => self.arena.get(offset..offset + len).expect("whole texts"),
        }
    }

    /// The bytes by which the rule compares a text; no later spelling changes them.
    pub(super) fn folded(&self, number: u32) -> Cow<'_, [u8]> {
        self.rule.fold(self.text(number))
    }

    /// The order of two texts by the rule.
    pub(super) fn order(&self, left: u32, right: u32) -> Ordering {
        self.rule.order(self.bytes(left), self.bytes(right))
    }

    /// The first [`PREFIX_BYTES`] bytes by which the rule compares a text, as a number of the same
    /// order; of a shorter text, with zeros behind.
    pub(super) fn prefix(&self, number: u32) -> u128 {
        let bytes = self.bytes(number);
        let bytes = bytes.iter().take(PREFIX_BYTES).map(|byte| match self.rule {
            IdRule::Exact => *byte,
            IdRule::CaseFolded => byte.to_ascii_lowercase(),
        });
        let bytes = bytes.chain(std::iter::repeat(0)).take(PREFIX_BYTES);
        bytes.fold(0, |prefix, byte| prefix << 8 | u128::from(byte))
    }
}

/// Bytes of a text that decide between most texts.
pub(super) const PREFIX_BYTES: usize = 12;

impl Slot {
    fn of(text: &str, arena: &mut String) -> Self {
        let mut bytes = [0; 16];
        let (first, rest) = bytes.split_at_mut(1);
        if text.len() <= INLINE_BYTES {
            first.fill(u8::try_from(text.len()).expect("at most 15"));
            rest.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
            return Self(bytes);
        }
        let len = u32::try_from(text.len()).expect("texts have limits far below 4 GiB");
        let offset = u64::try_from(arena.len()).expect("memory has less than 2^64 bytes");
        first.fill(IN_ARENA);
        let ends = len.to_le_bytes().into_iter().chain(offset.to_le_bytes());
        rest.iter_mut().skip(3).zip(ends).for_each(|(to, from)| *to = from);
        arena.push_str(text);
        Self(bytes)
    }

    /// The text, if it stands here.
    fn inline(&self) -> Option<&[u8]> {
        let [len, text @ ..] = &self.0;
        text.get(..usize::from(*len))
    }

    /// Offset and length of a text in the arena.
    fn in_arena(&self) -> Option<(usize, usize)> {
        let [first, _, _, _, rest @ ..] = &self.0;
        let (len, offset) = rest.split_first_chunk::<4>().filter(|_| *first == IN_ARENA)?;
        let offset = u64::from_le_bytes(*offset.first_chunk::<8>()?);
        let offset = usize::try_from(offset).expect("the length of an arena is a usize");
        Some((offset, index(u32::from_le_bytes(*len))))
    }
}

/// Where a text of this half of a hash belongs. The count is a power of two.
fn home(half: u64, count: usize) -> usize {
    index(u32::try_from(half).expect("half of 64 bits")) & (count - 1)
}

/// The number in a bucket that is not empty.
#[expect(clippy::cast_possible_truncation, reason = "the number is what stands in the low half")]
fn numbered(bucket: u64) -> u32 {
    (bucket as u32).wrapping_sub(1)
}

/// A count or number as an index into memory.
pub(super) const fn index(number: u32) -> usize {
    number as usize
}

/// An index as a number of 32 bits, for lists no longer than an interner.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index).expect("lists are no longer than PRODUCTS_MAX")
}

fn as_text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("only whole texts go in, and spellings differ in ASCII only")
}
