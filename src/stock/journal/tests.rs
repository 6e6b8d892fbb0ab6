//! The journal, on a simulated disk and on real files.
//!
//! Goal: what was acknowledged is read back after every fault, restart and power cut, in order and
//! byte for byte, and nothing else is but a beginning of the write that was under way. Method: each
//! test keeps plain lists of what was acknowledged and what was under way, and compares.

mod bytes;
mod faults;
mod files;
mod format_doc;
mod model;
mod power;
pub(in crate::stock) mod sim;
mod story;

use super::*;

pub(super) type Payloads = Vec<Vec<u8>>;

/// A journal with its report and all payloads, those of the checkpoint first.
pub(super) type Opened = (Journal, Recovery, Payloads);

pub(super) fn open(storage: impl Storage + 'static) -> Result<Opened, JournalError> {
    let (mut old, mut new) = (Payloads::new(), Payloads::new());
    let (journal, recovery) = Journal::open(
        Box::new(storage),
        &mut |payload| {
            old.push(payload.to_vec());
            Ok(())
        },
        &mut |payload| {
            new.push(payload.to_vec());
            Ok(())
        },
    )?;
    assert_eq!(recovery.checkpoint_records, old.len() as u64);
    assert_eq!(recovery.records, new.len() as u64);
    old.append(&mut new);
    Ok((journal, recovery, old))
}

pub(super) fn append(journal: &mut Journal, payloads: &Payloads) -> Result<(), JournalError> {
    let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    journal.append(&slices)
}

pub(super) fn texts(words: &str) -> Payloads {
    words.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
}

/// A small generator of numbers, the same each time.
#[derive(Debug)]
pub(in crate::stock) struct Numbers(pub(in crate::stock) u64);

impl Numbers {
    pub(in crate::stock) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the bound.
    pub(in crate::stock) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(in crate::stock) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Is the whole test wanted, which takes a minute or two, and not the quick one?
pub(in crate::stock) fn is_full_tier() -> bool {
    std::env::var_os("KINDRED_FULL").is_some_and(|value| value == "1")
}
