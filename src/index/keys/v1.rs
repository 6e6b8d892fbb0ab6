//! The key table of format 1, which is only read: linear probing of single buckets. A bucket is one
//! u64: the low 24 bits of the id's hash above a 40-bit entry number plus one; zero is empty.

use zerocopy::little_endian::U64;

use super::home;

const ENTRY_BITS: u32 = 40;
const ENTRY_MASK: u64 = (1 << ENTRY_BITS) - 1;

/// Looks for an entry by hash; `is_it` compares the id of a candidate.
pub(super) fn find(buckets: &[U64], hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
    let fingerprint = hash << ENTRY_BITS;
    let (wrapped, first) = buckets.split_at_checked(home(hash, buckets.len()))?;
    for bucket in first.iter().chain(wrapped) {
        let bucket = bucket.get();
        if bucket == 0 {
            return None;
        }
        // An entry of more than 32 bits is none: `check` refuses a file that has it.
        if bucket & !ENTRY_MASK == fingerprint
            && let Ok(entry) = u32::try_from(entry(bucket))
            && is_it(entry)
        {
            return Some(entry);
        }
    }
    None
}

/// The first entry with this fingerprint.
#[inline(never)]
pub(super) fn first(buckets: &[U64], hash: u64) -> Option<u32> {
    find(buckets, hash, |_| true)
}

pub(super) fn check(buckets: &[U64], entries: u32) -> Result<(), String> {
    let (found, expected) = (buckets.len() as u64, u64::from(entries) * 10 / 7 + 1);
    if found != expected {
        return Err(format!("{found} buckets, expected {expected}"));
    }
    let mut taken = 0_u64;
    for bucket in buckets.iter().filter(|bucket| bucket.get() != 0) {
        taken += 1;
        let entry = entry(bucket.get());
        if entry >= u64::from(entries) {
            return Err(format!("entry {entry} of {entries}"));
        }
    }
    if taken != u64::from(entries) {
        return Err(format!("{taken} buckets are taken for {entries} ids"));
    }
    Ok(())
}

/// The entry of a bucket that is not empty; of one without an entry more than any table has.
fn entry(bucket: u64) -> u64 {
    (bucket & ENTRY_MASK).wrapping_sub(1)
}
