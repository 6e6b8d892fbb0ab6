//! Each text once: ids and words become dense numbers in order of appearance.
//!
//! Numbers depend on the order of rows, so they never reach the output: what leaves the room is
//! sorted by text.

use std::{borrow::Cow, cmp::Ordering};

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::GraphError;
use crate::model::{id::IdRule, limits::PRODUCTS_MAX};

/// Distinct texts in one arena of bytes.
#[derive(Debug)]
pub(super) struct Interner {
    what: &'static str,
    rule: IdRule,
    count_max: usize,
    bytes: Vec<u8>,
    /// Where each text ends; it starts where the one before ends.
    ends: Vec<usize>,
    table: HashTable<u32>,
}

impl Interner {
    /// An empty interner. `what` names its texts in errors.
    pub(super) fn new(what: &'static str, rule: IdRule) -> Self {
        Self::with_max(what, rule, PRODUCTS_MAX)
    }

    /// An empty interner for so many texts.
    pub(super) fn with_max(what: &'static str, rule: IdRule, count_max: usize) -> Self {
        let table = HashTable::new();
        Self { what, rule, count_max, bytes: Vec::new(), ends: Vec::new(), table }
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a text, known or new. Under a folding rule the first spelling stays.
    pub(super) fn intern(&mut self, text: &str) -> Result<u32, GraphError> {
        let Self { rule, bytes, ends, table, .. } = self;
        let hash = xxh3_64(&rule.fold(text));
        let found = table
            .find(hash, |number| rule.same(slice(bytes, ends, *number), text.as_bytes()))
            .copied();
        if let Some(number) = found {
            return Ok(number);
        }
        if ends.len() >= self.count_max {
            return Err(GraphError::TooMany { what: self.what, max: self.count_max });
        }
        let number = u32::try_from(ends.len()).expect("PRODUCTS_MAX fits 32 bits");
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len());
        table.insert_unique(hash, number, |number| {
            xxh3_64(&rule.fold(as_text(slice(bytes, ends, *number))))
        });
        Ok(number)
    }

    /// Spells a text anew. The rule must hold both spellings for the same.
    pub(super) fn respell(&mut self, number: u32, text: &str) {
        assert!(self.rule.same(self.bytes(number), text.as_bytes()), "another text, not spelling");
        let start = start(&self.ends, number);
        let spelled = self.bytes.iter_mut().skip(start);
        spelled.zip(text.bytes()).for_each(|(old, new)| *old = new);
    }

    /// The bytes of a text.
    pub(super) fn bytes(&self, number: u32) -> &[u8] {
        slice(&self.bytes, &self.ends, number)
    }

    /// A text.
    pub(super) fn text(&self, number: u32) -> &str {
        as_text(self.bytes(number))
    }

    /// The bytes by which the rule compares a text; no later spelling changes them.
    pub(super) fn folded(&self, number: u32) -> Cow<'_, [u8]> {
        self.rule.fold(self.text(number))
    }

    /// The order of two texts by the rule.
    pub(super) fn order(&self, left: u32, right: u32) -> Ordering {
        self.rule.order(self.bytes(left), self.bytes(right))
    }
}

/// A count or number as an index into memory.
pub(super) const fn index(number: u32) -> usize {
    number as usize
}

/// An index as a number of 32 bits, for lists no longer than an interner.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index).expect("lists are no longer than PRODUCTS_MAX")
}

fn start(ends: &[usize], number: u32) -> usize {
    index(number).checked_sub(1).map_or(0, |before| ends[before])
}

fn slice<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    &bytes[start(ends, number)..ends[index(number)]]
}

fn as_text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("only whole texts go in, and spellings differ in ASCII only")
}
