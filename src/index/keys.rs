//! The key table: from an id to its entry in one probe or two.
//!
//! Open addressing with linear probing. A bucket is one u64: the low 24 bits of the id's hash above
//! a 40-bit entry number plus one; zero is empty. The home bucket is `hash * buckets / 2^64`. An
//! entry below the number of products is a product's ordinal, the others are aliases.

use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::little_endian::U64;

use crate::model::{id::IdRule, limits::ID_BYTES_MAX};

const ENTRY_BITS: u32 = 40;
const ENTRY_MASK: u64 = (1 << ENTRY_BITS) - 1;

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

/// Looks for an entry by hash; `is_it` compares the id of a candidate.
#[inline]
pub(crate) fn find(buckets: &[U64], hash: u64, is_it: impl Fn(u64) -> bool) -> Option<u64> {
    let fingerprint = hash << ENTRY_BITS;
    let home = home(hash, buckets.len());
    let (wrapped, first) = buckets.split_at_checked(home)?;
    for bucket in first.iter().chain(wrapped) {
        let bucket = bucket.get();
        if bucket == 0 {
            return None;
        }
        if bucket & !ENTRY_MASK == fingerprint {
            let entry = (bucket & ENTRY_MASK).wrapping_sub(1);
            if is_it(entry) {
                return Some(entry);
            }
        }
    }
    None
}

/// The bucket where an entry of this hash is looked for first.
pub(crate) fn first(buckets: &[U64], hash: u64) -> Option<&U64> {
    buckets.get(home(hash, buckets.len()))
}

/// The entry of a bucket, if it is not empty.
pub(crate) fn entry(bucket: U64) -> Option<u64> {
    (bucket.get() != 0).then(|| (bucket.get() & ENTRY_MASK).wrapping_sub(1))
}

/// Buckets for this many entries: at most 70 % are taken, and one at least is empty.
pub(crate) fn bucket_count(entries: u64) -> u64 {
    entries * 10 / 7 + 1
}

/// The table of entries `0..` with these hashes, put in one after the other.
pub(crate) fn build(hashes: impl ExactSizeIterator<Item = u64>) -> Vec<U64> {
    let count = usize::try_from(bucket_count(hashes.len() as u64)).expect("the table fits memory");
    let mut buckets = vec![U64::ZERO; count];
    for (entry, hash) in (1..).zip(hashes) {
        let (wrapped, first) = buckets.split_at_mut(home(hash, count));
        let free = first.iter_mut().chain(wrapped).find(|bucket| **bucket == U64::ZERO);
        *free.expect("there are more buckets than entries") =
            U64::new((hash << ENTRY_BITS) | entry);
    }
    buckets
}

fn home(hash: u64, buckets: usize) -> usize {
    let scaled = u128::from(hash) * buckets as u128;
    usize::try_from(scaled >> 64).expect("less than the number of buckets")
}
