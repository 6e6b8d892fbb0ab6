//! Overrides bound to one catalog: cheap to ask, most products have none.

use super::{Window, bits::Bits};
use crate::model::relation::RelationType;

/// All overrides, by source. A product without any pays one bit test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// By source, then as [`Self::of`] says.
    rows: Vec<Override>,
    /// Each source once, ascending, with the end of its rows.
    sources: Vec<(u32, usize)>,
    touched: Bits,
    /// By target.
    everywhere: Vec<Override>,
    hidden: Bits,
}

impl Overrides {
    /// Overrides of these rows, in their order; those without a source hold everywhere.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = (Option<u32>, Override)>) -> Self {
        let mut sourced = Vec::new();
        let mut everywhere = Vec::new();
        for (source, row) in rows {
            match source {
                Some(source) => sourced.push((source, row)),
                None => everywhere.push(row),
            }
        }
        // Both sorts are stable: of equals the order given holds.
        sourced.sort_by_key(|(source, row)| (*source, row.relation_type));
        everywhere.sort_by_key(|row| row.target);
        let mut sources: Vec<(u32, usize)> = Vec::new();
        for (index, (source, _)) in sourced.iter().enumerate() {
            match sources.last_mut() {
                Some((last, end)) if last == source => *end = index + 1,
                _ => sources.push((*source, index + 1)),
            }
        }
        Self {
            touched: sources.iter().map(|(source, _)| *source).collect(),
            rows: sourced.into_iter().map(|(_, row)| row).collect(),
            sources,
            hidden: everywhere.iter().map(|row| row.target).collect(),
            everywhere,
        }
    }

    /// Has the product overrides as a source? One bit test.
    #[must_use]
    pub fn is_touched(&self, source: u32) -> bool {
        self.touched.contains(source)
    }

    /// The overrides of a source: those for every type, then by type; of one type in the order given.
    #[must_use]
    pub fn of(&self, source: u32) -> &[Override] {
        if !self.is_touched(source) {
            return &[];
        }
        let index = self.sources.partition_point(|(other, _)| *other < source);
        let end = |index: usize| self.sources.get(index).map_or(0, |(_, end)| *end);
        let begin = index.checked_sub(1).map_or(0, end);
        self.rows.get(begin..end(index)).unwrap_or_default()
    }

    /// The overrides without a source, by target; each hides it everywhere.
    #[must_use]
    pub fn everywhere(&self) -> &[Override] {
        &self.everywhere
    }

    /// The overrides that hide a product everywhere. One bit test for a product that has none.
    #[must_use]
    pub fn hides_everywhere(&self, target: u32) -> &[Override] {
        if !self.hidden.contains(target) {
            return &[];
        }
        let begin = self.everywhere.partition_point(|row| row.target < target);
        let rows = self.everywhere.get(begin..).unwrap_or_default();
        let count = rows.partition_point(|row| row.target == target);
        rows.get(..count).unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.len() + self.everywhere.len()
    }
}

/// A person's word about one relation or product.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The type it is about; none for every type.
    pub relation_type: Option<RelationType>,
    /// The product it is about.
    pub target: u32,
    /// What it does.
    pub action: OverrideAction,
    /// The markets it holds in, bit by bit; 0 for every one.
    pub markets: u64,
    /// When it holds.
    pub window: Window,
    /// Its line in the file.
    pub line: u32,
    /// Who decided.
    pub author: Box<str>,
    /// Why.
    pub reason: Box<str>,
}

/// What an override does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OverrideAction {
    /// The relation is there, whatever the catalog says.
    Add {
        /// Its rank among the source's relations of the type, from 1; none for the end.
        position: Option<u32>,
        /// Units of the target; 0 if not said.
        quantity: f64,
    },
    /// The relation is not used.
    Remove,
    /// The relation moves.
    Reorder {
        /// Its new rank, from 1.
        position: u32,
    },
    /// The target stands in every list of the source.
    Pin {
        /// Where in the list, from 1.
        position: u32,
    },
    /// The target is not recommended for the source.
    Hide,
}
