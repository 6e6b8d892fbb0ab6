//! Edge blocks: all relations of one product, run after run, best first inside a run.

use std::fmt;

use zerocopy::{FromBytes as _, IntoBytes as _};

use super::layout::{Edge, META_ORIGIN_SHIFT, META_RARE, RareRecord, RunHeader};
use crate::model::relation::{Origin, RelationType, StageMask};

const BLOCK_UNIT: u64 = 8;
const OFFSET_BITS: u32 = 40;
const RUNS_SHIFT: u32 = 40;

/// The word of a product record that points at its block: `offset` in the section, a multiple of 8.
pub(crate) fn pointer(offset: u64, runs: u8) -> u64 {
    debug_assert!(offset.is_multiple_of(BLOCK_UNIT) && offset / BLOCK_UNIT < 1 << OFFSET_BITS);
    (offset / BLOCK_UNIT) | (u64::from(runs) << RUNS_SHIFT)
}

/// The offset in bytes and the number of runs of a pointer word.
pub(crate) fn pointed(word: u64) -> (u64, u64) {
    ((word & ((1 << OFFSET_BITS) - 1)) * BLOCK_UNIT, word >> RUNS_SHIFT)
}

/// The block of one product.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    headers: &'a [RunHeader],
    /// What makes the headers a multiple of 8 bytes.
    padding: &'a [u8],
    /// From the first edge to the end of the section.
    body: &'a [u8],
}

/// All relations of one product and type, best first.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    relation_type: u8,
    edges: &'a [Edge],
    /// From the run's first rare record to the end of the section.
    rare: &'a [u8],
}

/// A relation as the file has it.
#[derive(Clone, Copy, Debug)]
pub struct Relation<'a> {
    /// Target, score and marks.
    pub edge: &'a Edge,
    /// What few relations have.
    pub rare: Option<&'a RareRecord>,
}

impl<'a> Block<'a> {
    pub(crate) const EMPTY: Self = Self { headers: &[], padding: &[], body: &[] };

    /// The block that a pointer word names; empty if it lies outside the section.
    pub(crate) fn at(section: &'a [u8], word: u64) -> Self {
        let (offset, runs) = pointed(word);
        let read = || {
            let block = section.get(usize::try_from(offset).ok()?..)?;
            let runs = usize::try_from(runs).ok()?;
            let (headers, rest) = <[RunHeader]>::ref_from_prefix_with_elems(block, runs).ok()?;
            let padding = header_bytes(runs) - size_of_val(headers);
            let (padding, body) = rest.split_at_checked(padding)?;
            Some(Self { headers, padding, body })
        };
        read().unwrap_or(Self::EMPTY)
    }

    /// Its runs by type number.
    pub fn runs(&self) -> impl Iterator<Item = Run<'a>> + use<'a> {
        let Self { headers, body, .. } = *self;
        let edges_total =
            headers.iter().map(|header| usize::from(header.count.get())).sum::<usize>();
        let mut rare = body.get(edges_total * size_of::<Edge>()..).unwrap_or_default();
        let mut rest = body;
        headers.iter().map_while(move |header| {
            let count = usize::from(header.count.get());
            let (edges, after) = <[Edge]>::ref_from_prefix_with_elems(rest, count).ok()?;
            let run = Run { relation_type: header.relation_type, edges, rare };
            rest = after;
            if header.has_rare != 0 {
                let records = edges.iter().filter(|edge| edge.is_rare()).count();
                rare = rare.get(records * size_of::<RareRecord>()..).unwrap_or_default();
            }
            Some(run)
        })
    }

    /// The run of one type; empty if there is none.
    #[must_use]
    pub fn run(&self, relation_type: RelationType) -> Run<'a> {
        let wanted = relation_type.number();
        let mut runs = self.runs();
        let found = runs.find(|run| run.relation_type >= wanted);
        found.filter(|run| run.relation_type == wanted).unwrap_or(Run {
            relation_type: wanted,
            edges: &[],
            rare: &[],
        })
    }

    pub(crate) fn headers(&self) -> &'a [RunHeader] {
        self.headers
    }

    /// Is there nothing between the last run header and the first edge?
    pub(crate) fn padding_is_zero(&self) -> bool {
        self.padding.iter().all(|byte| *byte == 0)
    }
}

impl<'a> Run<'a> {
    /// The type's number, if it is one.
    #[must_use]
    pub fn relation_type(&self) -> Option<RelationType> {
        RelationType::new(self.relation_type)
    }

    /// Its edges, best first.
    #[must_use]
    pub fn edges(&self) -> &'a [Edge] {
        self.edges
    }

    /// Its relations, best first.
    #[must_use]
    pub fn relations(&self) -> Relations<'a> {
        Relations { edges: self.edges, rare: self.rare }
    }
}

/// Walks over the relations of a run, best first.
#[derive(Clone, Copy)]
pub struct Relations<'a> {
    edges: &'a [Edge],
    rare: &'a [u8],
}

impl<'a> Relations<'a> {
    pub(crate) const NONE: Self = Self { edges: &[], rare: &[] };

    /// The next relation's edge, without moving on.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<&'a Edge> {
        self.edges.first()
    }

    /// The edge this many places behind the next one.
    #[inline]
    #[must_use]
    pub fn peek_behind(&self, places: usize) -> Option<&'a Edge> {
        self.edges.get(places)
    }

    /// How many are left.
    #[must_use]
    pub fn count_left(&self) -> usize {
        self.edges.len()
    }
}

impl<'a> Iterator for Relations<'a> {
    type Item = Relation<'a>;

    #[inline]
    fn next(&mut self) -> Option<Relation<'a>> {
        let (edge, edges) = self.edges.split_first()?;
        self.edges = edges;
        let mut relation = Relation { edge, rare: None };
        if edge.is_rare()
            && let Ok((rare, rest)) = RareRecord::ref_from_prefix(self.rare)
        {
            relation.rare = Some(rare);
            self.rare = rest;
        }
        Some(relation)
    }
}

impl Edge {
    #[inline]
    pub(crate) fn is_rare(&self) -> bool {
        self.meta.get() & META_RARE != 0
    }

    /// Where the relation came from.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        Origin::new(self.origin_number())
    }

    /// The origin's number on the wire.
    #[inline]
    #[must_use]
    pub fn origin_number(&self) -> u8 {
        (self.meta.get() >> META_ORIGIN_SHIFT & 0b1111) as u8
    }

    /// Stages it is meant for.
    #[inline]
    #[must_use]
    pub fn stages(&self) -> StageMask {
        StageMask::from_bits((self.meta.get() & 0b1_1111) as u8)
    }
}

impl RareRecord {
    /// What a relation has that says nothing rare.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            quantity: 0.0.into(),
            valid_from_s: i64::MIN.into(),
            valid_to_s: i64::MAX.into(),
            markets: 0.into(),
        }
    }

    /// Does it say nothing?
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.as_bytes() == Self::nothing().as_bytes()
    }
}

/// One run on its way into a block.
#[derive(Debug, Default)]
pub struct RunDraft {
    /// The type's number.
    pub relation_type: u8,
    /// Best first; [`META_RARE`] is set here.
    pub edges: Vec<(Edge, Option<RareRecord>)>,
}

/// Appends a block of runs, which are sorted by type and not empty.
pub(crate) fn encode(runs: &[RunDraft], out: &mut Vec<u8>) {
    let start = out.len();
    for run in runs {
        let header = RunHeader {
            relation_type: run.relation_type,
            has_rare: u8::from(run.edges.iter().any(|(_, rare)| rare.is_some())),
            count: u16::try_from(run.edges.len()).expect("at most 1000 relations a type").into(),
        };
        out.extend_from_slice(header.as_bytes());
    }
    out.resize(start + header_bytes(runs.len()), 0);
    for (edge, rare) in runs.iter().flat_map(|run| &run.edges) {
        let mut edge = *edge;
        if rare.is_some() {
            edge.meta.set(edge.meta.get() | META_RARE);
        }
        out.extend_from_slice(edge.as_bytes());
    }
    for rare in runs.iter().flat_map(|run| &run.edges).filter_map(|(_, rare)| rare.as_ref()) {
        out.extend_from_slice(rare.as_bytes());
    }
}

/// Run headers are padded so that edges start at a multiple of 8.
pub(crate) fn header_bytes(runs: usize) -> usize {
    (runs * size_of::<RunHeader>()).next_multiple_of(size_of::<Edge>())
}

impl fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.runs()).finish()
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {}: ", self.relation_type)?;
        f.debug_list().entries(self.relations()).finish()
    }
}

impl fmt::Debug for Relations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} relations to come", self.edges.len())
    }
}
