//! The books: every record in, every loss out, with its reason and its row.

use std::{cmp::Ordering, collections::BTreeMap, mem};

use super::{
    SourceFile,
    intern::index,
    merge::RelationGroup,
    words::{TypeName, Words},
};
use crate::model::{
    finding::{FindingCode, Findings},
    limits::DROPPED_KEPT_MAX,
    record::Location,
    relation::RelationType,
};

/// Relations of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationCounts {
    /// Rows of sources; each was kept or dropped.
    pub read: u64,
    /// Rows that reached the graph.
    pub kept: u64,
    /// Further relations of the graph: other directions of two-way ones that no source states.
    pub reversed: u64,
    /// Further relations of the graph: those that follow from others.
    pub derived: u64,
    /// Rows that did not reach the graph, by reason.
    pub dropped: BTreeMap<FindingCode, u64>,
}

impl RelationCounts {
    /// Relations in the graph: stated, reversed and derived.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.kept + self.reversed + self.derived
    }
}

/// Relations of the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of each declared type, also of those without any.
    pub by_type: BTreeMap<RelationType, RelationCounts>,
    /// Of types that nobody declares.
    pub untyped: RelationCounts,
}

impl Counts {
    /// Relation rows of sources, of any type.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.by_type.values().map(|counts| counts.read).sum::<u64>() + self.untyped.read
    }

    fn of(&mut self, name: TypeName) -> &mut RelationCounts {
        match name {
            TypeName::Known(relation_type) => self.by_type.entry(relation_type).or_default(),
            TypeName::Unknown(_) => &mut self.untyped,
        }
    }
}

/// A relation that did not reach the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped<'a> {
    /// Why.
    pub code: FindingCode,
    /// Source id; one that is no id is cut to the length of one.
    pub source: &'a str,
    /// The code of its type, or what the row says instead.
    pub relation_type: &'a str,
    /// Target id; one that is no id is cut to the length of one.
    pub target: &'a str,
    /// The row that states it.
    pub at: Location,
}

/// Why a relation is dropped, in the order of the checks: the first that applies is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Inactive,
    NeverValid,
    BadId,
    UnknownType,
    UnknownMarket,
    UnknownSource,
    DanglingTarget,
    SelfLink,
    Duplicate,
    HiddenTarget,
    Capped,
    OverCap,
}

impl Refusal {
    const fn code(self) -> FindingCode {
        match self {
            Self::Inactive => FindingCode::InactiveRelation,
            Self::NeverValid => FindingCode::NeverValid,
            Self::BadId => FindingCode::BadId,
            Self::UnknownType => FindingCode::UnknownType,
            Self::UnknownMarket => FindingCode::UnknownMarket,
            Self::UnknownSource => FindingCode::UnknownSource,
            Self::DanglingTarget => FindingCode::DanglingTarget,
            Self::SelfLink => FindingCode::SelfLink,
            Self::Duplicate => FindingCode::DuplicateRelation,
            Self::HiddenTarget => FindingCode::HiddenTarget,
            Self::Capped => FindingCode::Capped,
            Self::OverCap => FindingCode::OverCap,
        }
    }

    const fn why(self) -> &'static str {
        match self {
            Self::Inactive => "switched off by its row",
            Self::NeverValid => "expected a validity that ends after it begins",
            Self::BadId => "expected two ids, found that ",
            Self::UnknownType => {
                "expected a type or source code that the catalog declares; put it into the \
                 source_codes of one of catalog.toml's [[relation_types]]"
            }
            Self::UnknownMarket => "expected a market that the catalog declares, found ",
            Self::UnknownSource => "expected a source that is a product, found none of that id",
            Self::DanglingTarget => "expected a target that is a product, found none of that id",
            Self::SelfLink => "expected two products, found one",
            Self::Duplicate => "outranked by another row for the same source, type and target",
            Self::HiddenTarget => "expected a visible target, found a hidden one",
            Self::Capped => "outranked by as many relations as catalog.toml lets one product keep",
            Self::OverCap => "outranked by as many relations as one product and type may have",
        }
    }
}

/// The ends and type of a relation, as numbers of texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) source: u32,
    pub(super) relation_type: TypeName,
    pub(super) target: u32,
}

/// A relation that was dropped, as numbers of texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct DroppedRow {
    code: FindingCode,
    link: Link,
    at: Location,
}

impl DroppedRow {
    pub(super) fn resolve<'a>(&self, words: &'a Words) -> Dropped<'a> {
        Dropped {
            code: self.code,
            source: words.ids.text(self.link.source),
            relation_type: words.type_text(self.link.relation_type),
            target: words.ids.text(self.link.target),
            at: self.at,
        }
    }

    /// By reason and text, so that neither order nor selection depends on the order of rows.
    fn order(&self, other: &Self, words: &Words) -> Ordering {
        let types = |row: &Self| words.type_text(row.link.relation_type);
        self.code
            .cmp(&other.code)
            .then_with(|| words.ids.order(self.link.source, other.link.source))
            .then_with(|| types(self).cmp(types(other)))
            .then_with(|| words.ids.order(self.link.target, other.link.target))
            .then_with(|| self.at.cmp(&other.at))
    }
}

/// Files, findings, counts and dropped relations.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) files: Vec<SourceFile>,
    pub(super) findings: Findings,
    pub(super) counts: Counts,
    /// The type of the last row that was read, and how many of them are not yet in `counts`.
    reading: (TypeName, u64),
    pub(super) dropped: Vec<DroppedRow>,
    pub(super) dropped_max: usize,
}

impl Ledger {
    pub(super) fn new(types: impl Iterator<Item = RelationType>) -> Self {
        let by_type = types.map(|relation_type| (relation_type, RelationCounts::default()));
        Self {
            files: Vec::new(),
            findings: Findings::default(),
            counts: Counts { by_type: by_type.collect(), untyped: RelationCounts::default() },
            reading: (TypeName::Unknown(0), 0),
            dropped: Vec::new(),
            dropped_max: DROPPED_KEPT_MAX,
        }
    }

    /// Counts a finding. The message is made only while samples are kept.
    pub(super) fn find(
        &mut self,
        code: FindingCode,
        at: Location,
        field: &str,
        message: impl FnOnce() -> String,
    ) {
        let files = &self.files;
        self.findings.add(code, || {
            let colon = if field.is_empty() { "" } else { ": " };
            format!("{}: {field}{colon}{}", place(files, at), message())
        });
    }

    /// The source of a row, by index.
    pub(super) fn source(&self, at: Location) -> usize {
        let file = self.files.get(index(at.file.0));
        file.expect("rows stand in files that open_file numbered").source
    }

    /// Counts a relation row. Most are of the type of the row before.
    pub(super) fn read(&mut self, name: TypeName) {
        if self.reading.0 != name {
            self.end_reading();
            self.reading.0 = name;
        }
        self.reading.1 += 1;
    }

    fn end_reading(&mut self) {
        let (name, count) = &mut self.reading;
        self.counts.of(*name).read += mem::take(count);
    }

    /// Counts the relations of a group, which reached the graph.
    pub(super) fn keep(&mut self, group: &RelationGroup<'_>) {
        let counts = self.counts.of(TypeName::Known(group.relation_type));
        for edge in group.edges {
            match (edge.is_derived(), edge.is_reversed()) {
                (true, _) => counts.derived += 1,
                (false, true) => counts.reversed += 1,
                (false, false) => counts.kept += 1,
            }
        }
    }

    /// Counts a relation that did not, and keeps it while there is room. `found` ends the sentence
    /// of its reason.
    pub(super) fn refuse(
        &mut self,
        words: &Words,
        refusal: Refusal,
        link: Link,
        at: Location,
        found: &str,
    ) {
        let row = DroppedRow { code: refusal.code(), link, at };
        *self.counts.of(link.relation_type).dropped.entry(row.code).or_default() += 1;
        self.find(row.code, at, "", || {
            let Dropped { source, relation_type, target, .. } = row.resolve(words);
            format!("{source} {relation_type} {target}: {}{found}", refusal.why())
        });
        self.dropped.push(row);
        if self.dropped.len() >= self.dropped_max.saturating_mul(2) {
            self.keep_first_dropped(words);
        }
    }

    /// Sorts what was dropped and keeps no more of it than the limit.
    pub(super) fn settle(&mut self, words: &Words) {
        self.end_reading();
        self.keep_first_dropped(words);
        self.dropped.sort_unstable_by(|left, right| left.order(right, words));
        self.dropped.shrink_to_fit();
    }

    fn keep_first_dropped(&mut self, words: &Words) {
        if self.dropped.len() > self.dropped_max {
            self.dropped
                .select_nth_unstable_by(self.dropped_max, |left, right| left.order(right, words));
            self.dropped.truncate(self.dropped_max);
        }
    }
}

fn place(files: &[SourceFile], at: Location) -> String {
    let name = files.get(index(at.file.0)).map_or("?", |file| &file.info.name);
    format!("{name}:{}", at.line)
}
