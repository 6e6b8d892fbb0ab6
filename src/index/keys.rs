//! The key table: from an id to its entry in one cache line, seldom two.
//!
//! Open addressing by groups. A [`KeyGroup`] has twelve slots, each with a tag of eight bits of the
//! id's hash and an entry; all tags are compared at once. The home group is `hash * groups / 2^64`;
//! what finds it full goes to the next. An entry below the number of products is a product's
//! ordinal, the others are aliases. What compares ids is the caller; this room finds candidates.

mod v1;

use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::{
    FromZeros as _, IntoBytes as _,
    little_endian::{U32, U64},
};

use super::{
    error::Fault,
    layout::{INLINE_KEY_BYTES_MAX, Key, KeyGroup, SLOTS_PER_GROUP},
    prefetch::{equal_bytes, prefetch},
};
use crate::model::{
    id::IdRule,
    limits::{ID_BYTES_MAX, PRODUCTS_MAX},
};

/// Bytes of a word of [`ShortId`].
const WORD_BYTES: usize = size_of::<u64>();

/// The key table of a catalog of any format that is read.
#[derive(Clone, Copy)]
pub(crate) enum Table<'a> {
    Groups(&'a [KeyGroup]),
    /// Format 1.
    Buckets(&'a [U64]),
}

impl Table<'_> {
    /// The entry that most likely has this hash: the first with its tag in its home group. Most
    /// lookups need no other.
    #[inline]
    pub(crate) fn first(self, hash: u64) -> Option<u32> {
        match self {
            Self::Groups(groups) => first(groups, hash),
            Self::Buckets(buckets) => v1::first(buckets, hash),
        }
    }

    /// The entry of this hash for which `is_it` holds, which compares the ids.
    pub(crate) fn find(self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        match self {
            Self::Groups(groups) => find(groups, hash, is_it),
            Self::Buckets(buckets) => v1::find(buckets, hash, is_it),
        }
    }

    /// Asks for the cache line that finding this hash reads.
    pub(crate) fn prefetch(self, hash: u64) {
        match self {
            Self::Groups(groups) => groups.get(home(hash, groups.len())).map(prefetch),
            Self::Buckets(buckets) => buckets.get(home(hash, buckets.len())).map(prefetch),
        };
    }

    /// Says whether the table has room for this many entries as a writer leaves it, and every slot
    /// that is taken names one of them; whether each entry is found under its id is asked elsewhere.
    pub(super) fn check(self, entries: u32) -> Result<(), String> {
        match self {
            Self::Groups(groups) => check(groups, entries),
            Self::Buckets(buckets) => v1::check(buckets, entries),
        }
    }
}

/// An id of 9 to 15 bytes, which XXH3 hashes in one step, as two words that overlap, folded: its first
/// eight bytes and its last eight. Comparing it with a [`Key`] is two comparisons of registers and no call.
///
/// What folds is another type than what does not: one code for both rules would ask at each step which
/// it is, and holds half as many more instructions.
#[derive(Clone, Copy)]
pub(crate) struct ShortId<const FOLDED: bool> {
    len: u8,
    first: u64,
    last: u64,
}

impl<const FOLDED: bool> ShortId<FOLDED> {
    /// The id, if it is that short and that long.
    #[inline]
    pub(crate) fn new(id: &[u8]) -> Option<Self> {
        let is_short = (WORD_BYTES + 1..=INLINE_KEY_BYTES_MAX).contains(&id.len());
        let len = u8::try_from(id.len()).ok().filter(|_| is_short)?;
        let (first, last) = (word::<FOLDED>(id.first_chunk()?), word::<FOLDED>(id.last_chunk()?));
        Some(Self { len, first, last })
    }

    /// Its hash, as [`hash`] gives it; `id` is what it was made from.
    #[inline]
    pub(crate) fn hash(self, seed: u64, id: &[u8]) -> u64 {
        if FOLDED {
            return self.hash_folded(seed);
        }
        xxh3_64_with_seed(id, seed)
    }

    fn hash_folded(self, seed: u64) -> u64 {
        let mut folded = [0; 2 * WORD_BYTES];
        for (at, word) in [(0, self.first), (self.len().saturating_sub(WORD_BYTES), self.last)] {
            if let Some(place) = folded.get_mut(at..at + WORD_BYTES) {
                place.copy_from_slice(&word.to_le_bytes());
            }
        }
        xxh3_64_with_seed(folded.get(..self.len()).unwrap_or_default(), seed)
    }

    /// Is this the key of the same id?
    #[inline]
    pub(crate) fn is(self, key: &Key) -> bool {
        let last = key.bytes.get(self.len().saturating_sub(WORD_BYTES)..);
        let last = last.and_then(<[u8]>::first_chunk);
        key.len == self.len
            && key.bytes.first_chunk().map(word::<FOLDED>) == Some(self.first)
            && last.map(word::<FOLDED>) == Some(self.last)
    }

    #[inline]
    fn len(self) -> usize {
        usize::from(self.len)
    }
}

#[inline]
fn word<const FOLDED: bool>(bytes: &[u8; WORD_BYTES]) -> u64 {
    let word = u64::from_le_bytes(*bytes);
    if FOLDED { folded(word) } else { word }
}

/// Eight bytes folded at once: one by one they would take a hundred instructions.
#[inline]
fn folded(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xff;
    // The highest bit of each byte says whether it is at least `A`, and whether it is above `Z`: no
    // sum of a byte below 128 reaches the next one.
    let low = word & (EACH * 0x7f);
    let from_a = low + EACH * u64::from(0x80 - b'A');
    let above_z = low + EACH * u64::from(0x7f - b'Z');
    let upper = from_a & !above_z & !word & (EACH * 0x80);
    word | upper >> 2
}

/// The hash of an id by the snapshot's rule: XXH3-64 with the file's seed over the folded bytes.
pub(crate) fn hash(rule: IdRule, seed: u64, id: &[u8]) -> u64 {
    match rule {
        IdRule::Exact => xxh3_64_with_seed(id, seed),
        IdRule::CaseFolded => {
            let mut folded = [0; ID_BYTES_MAX];
            let Some(folded) = folded.get_mut(..id.len()) else {
                return 0;
            };
            folded.copy_from_slice(id);
            folded.make_ascii_lowercase();
            xxh3_64_with_seed(folded, seed)
        }
    }
}

/// How many entries the table has, if they can be numbered.
///
/// # Errors
/// `TOO_MANY_IDS`.
pub(crate) fn entry_count(products: usize, aliases: usize) -> Result<u32, Fault> {
    let entries = products.saturating_add(aliases);
    let count = u32::try_from(entries).ok().filter(|_| entries <= PRODUCTS_MAX);
    count.ok_or(Fault::TooManyIds { found: entries as u64, ids_max: PRODUCTS_MAX as u64 })
}

/// Groups for this many entries: about 70 % of the slots are taken, and some are empty.
pub(crate) fn group_count(entries: u32) -> u64 {
    u64::from(entries) * 5 / 42 + 1
}

/// The table of entries `0..` with these hashes, put in one after the other.
pub(crate) fn build(hashes: &[u64]) -> Vec<KeyGroup> {
    let entries = u32::try_from(hashes.len()).expect("the entries were counted");
    let count = usize::try_from(group_count(entries)).expect("the table fits memory");
    let mut groups = vec![KeyGroup::new_zeroed(); count];
    for (entry, hash) in (0_u32..).zip(hashes.iter().copied()) {
        let (wrapped, first) = groups.split_at_mut(home(hash, count));
        let mut slots = first.iter_mut().chain(wrapped).flat_map(KeyGroup::slots_mut);
        let free = slots.find(|(tag, _)| **tag == 0);
        let (free_tag, free_entry) = free.expect("there are more slots than entries");
        *free_tag = tag(hash);
        free_entry.set(entry);
    }
    groups
}

/// As [`Table::first`].
#[inline]
pub(crate) fn first(groups: &[KeyGroup], hash: u64) -> Option<u32> {
    candidates(groups.get(home(hash, groups.len()))?, hash).next()
}

fn find(groups: &[KeyGroup], hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
    let (wrapped, first) = groups.split_at_checked(home(hash, groups.len()))?;
    for group in first.iter().chain(wrapped) {
        let found = candidates(group, hash).find(|entry| is_it(*entry));
        if found.is_some() {
            return found;
        }
        if !group.is_full() {
            return None;
        }
    }
    None
}

/// The entries of a group that have the tag of this hash.
#[inline]
fn candidates(group: &KeyGroup, hash: u64) -> impl Iterator<Item = u32> {
    let tags = group.as_bytes().first_chunk().copied().unwrap_or_default();
    let mut equal = equal_bytes(&tags, tag(hash));
    std::iter::from_fn(move || {
        // Behind the last that is equal, and in a damaged file, is no entry.
        let slot = usize::try_from(equal.trailing_zeros()).unwrap_or(usize::MAX);
        equal &= equal.wrapping_sub(1);
        group.entries.get(slot).map(|entry| entry.get())
    })
}

/// The tag of this hash: its low eight bits, but 0 marks an empty slot.
#[inline]
fn tag(hash: u64) -> u8 {
    let [low, ..] = hash.to_le_bytes();
    low.max(1)
}

#[inline]
fn home(hash: u64, places: usize) -> usize {
    let scaled = u128::from(hash) * places as u128;
    usize::try_from(scaled >> 64).expect("less than the number of places")
}

fn check(groups: &[KeyGroup], entries: u32) -> Result<(), String> {
    let (found, expected) = (groups.len() as u64, group_count(entries));
    if found != expected {
        return Err(format!("{found} groups, expected {expected}"));
    }
    let mut taken = 0_u64;
    for (index, group) in groups.iter().enumerate() {
        let used = group.tags.iter().take_while(|tag| **tag != 0).count();
        taken += used as u64;
        let (tags, places) = (group.tags.get(used..), group.entries.get(used..));
        let is_empty = tags.is_none_or(|tags| tags.iter().all(|tag| *tag == 0))
            && places.is_none_or(|places| places.iter().all(|entry| entry.get() == 0));
        if !is_empty || group.reserved != [0; 4] {
            return Err(format!("group {index} has something in an empty or reserved place"));
        }
        let mut named = group.entries.iter().take(used).map(|entry| entry.get());
        if let Some(entry) = named.find(|entry| *entry >= entries) {
            return Err(format!("entry {entry} of {entries}"));
        }
    }
    if taken != u64::from(entries) {
        return Err(format!("{taken} slots are taken for {entries} ids"));
    }
    Ok(())
}

impl KeyGroup {
    fn is_full(&self) -> bool {
        self.tags.last().is_some_and(|tag| *tag != 0)
    }

    fn slots_mut(&mut self) -> impl Iterator<Item = (&mut u8, &mut U32)> {
        self.tags.iter_mut().zip(&mut self.entries)
    }
}

const _: () = assert!(SLOTS_PER_GROUP <= 16, "as many tags as are compared at once");
