//! Ids, each kept once as it was sent, and named by a dense number.
//!
//! Numbers are given in the order of first mention and never taken back; whoever has no use for many
//! of them makes the names anew.

use hashbrown::{HashTable, hash_table::Entry};
use xxhash_rust::xxh3::xxh3_64;

/// Products have readings, of which there is a limit, or had some and are at most as many again, until
/// they are forgotten; places are declared by catalogs, a thousand each.
const NAMES_ARE_FEW: &str = "names are far fewer than 32 bits count";

/// Ids by number and numbers by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    text: String,
    /// End of each id in the text.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let is_it = |number: &u32| self.name(*number) == name;
        self.numbers.find(xxh3_64(name.as_bytes()), is_it).copied()
    }

    pub(super) fn intern(&mut self, name: &str) -> u32 {
        let Self { text, ends, numbers } = self;
        let is_it = |number: &u32| slice(text, ends, *number) == name;
        let hash = |number: &u32| xxh3_64(slice(text, ends, *number).as_bytes());
        match numbers.entry(xxh3_64(name.as_bytes()), is_it, hash) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => {
                let number = u32::try_from(ends.len()).expect(NAMES_ARE_FEW);
                free.insert(number);
                text.push_str(name);
                ends.push(text.len());
                number
            }
        }
    }

    /// The id of a number; empty if there is none.
    pub(super) fn name(&self, number: u32) -> &str {
        slice(&self.text, &self.ends, number)
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let index = number as usize;
    let start = index.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied());
    let range = start.zip(ends.get(index).copied());
    range.and_then(|(start, end)| text.get(start..end)).unwrap_or_default()
}
