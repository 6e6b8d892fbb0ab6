//! What a delta leaves out beside its products, taken from what was kept: the parents of categories,
//! and which types are two-way.
//!
//! A delta that comes without the files that say so would move its products to other categories and
//! take the way back from its links. So the kept records, which stream by before the delta's own, are
//! asked: a path that holds the category, a two-way link of the type. What they do not know either is
//! reported once.

use std::collections::{HashMap, HashSet};

use crate::{
    model::{
        finding::FindingCode,
        record::{FileId, FileInfo, Location, ProductRecord, Record, RecordSink, RelationRecord},
        text::shown,
    },
    sources::row::category_fault,
};

/// What an input leaves out, and what was kept of it.
#[derive(Debug, Default)]
pub(crate) struct Structure {
    /// Paths by the category with which paths of the input begin, if they are known.
    paths: HashMap<String, Option<String>>,
    /// Types, and whether they are two-way, if that is known.
    two_way: HashMap<String, Option<bool>>,
}

impl Structure {
    /// The input does not say what stands above a category.
    pub(super) fn ask_path(&mut self, category: &str) {
        if !self.paths.contains_key(category) {
            self.paths.insert(category.to_owned(), None);
        }
    }

    /// The input does not say whether a type is two-way.
    pub(super) fn ask_two_way(&mut self, relation_type: &str) {
        if !self.two_way.contains_key(relation_type) {
            self.two_way.insert(relation_type.to_owned(), None);
        }
    }

    /// Learns from a record that was kept, whether or not it stays.
    pub(super) fn learn(&mut self, record: &Record<'_>) {
        if let Record::Product(product) = record
            && !self.paths.is_empty()
        {
            product.categories.iter().for_each(|path| self.learn_path(path));
        }
        if let Record::Relation(link) = record
            && let Some(two_way) = self.two_way.get_mut(link.relation_type)
        {
            *two_way = Some(*two_way == Some(true) || link.two_way == Some(true));
        }
    }

    /// Of two places of a category the deeper one counts: the other may be that of a delta.
    fn learn_path(&mut self, path: &str) {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        for to in ends.filter_map(|end| path.get(..end)) {
            let category = to.rsplit('/').next().unwrap_or(to);
            if let Some(known) = self.paths.get_mut(category)
                && known.as_ref().is_none_or(|known| depth(known) < depth(to))
            {
                *known = Some(to.to_owned());
            }
        }
    }

    fn is_asked(&self, path: &str) -> bool {
        path.split('/').next().is_some_and(|first| self.paths.contains_key(first))
    }

    /// The path from its root, if it was asked for, or the category that it begins
    /// with if nobody knows.
    fn path(&self, path: &str) -> Result<Option<String>, String> {
        let (first, rest) = path.split_once('/').map_or((path, ""), |(first, rest)| (first, rest));
        let Some(known) = self.paths.get(first) else { return Ok(None) };
        let Some(known) = known else { return Err(first.to_owned()) };
        let whole = if rest.is_empty() { known.clone() } else { format!("{known}/{rest}") };
        if category_fault(&whole).is_some() { Err(first.to_owned()) } else { Ok(Some(whole)) }
    }
}

fn depth(path: &str) -> usize {
    path.split('/').count()
}

/// Passes a delta on with what it left out.
pub(crate) struct Completing<'s> {
    structure: &'s Structure,
    sink: &'s mut dyn RecordSink,
    reported: HashSet<String>,
}

impl<'s> Completing<'s> {
    /// Passes on to `sink`.
    pub(crate) fn new(structure: &'s Structure, sink: &'s mut dyn RecordSink) -> Self {
        Self { structure, sink, reported: HashSet::new() }
    }

    fn product(&mut self, at: Location, product: ProductRecord<'_>) {
        let mut paths = Vec::new();
        for path in &product.categories {
            match self.structure.path(path) {
                Ok(whole) => paths.push(whole.unwrap_or_else(|| (*path).to_owned())),
                Err(category) => {
                    let expected = "what stands above category";
                    self.report(at, "categories", expected, &category, "send the categories along");
                    paths.push((*path).to_owned());
                }
            }
        }
        // As importers do it: the first of the deepest ones is the primary one.
        let deepest = paths.iter().map(|path| depth(path)).max();
        if let Some(primary) = paths.iter().position(|path| Some(depth(path)) == deepest) {
            paths[..=primary].rotate_right(1);
        }
        let categories = paths.iter().map(String::as_str).collect();
        self.sink.record(at, Record::Product(ProductRecord { categories, ..product }));
    }

    fn link(&mut self, at: Location, mut link: RelationRecord<'_>) {
        if let (Some(known), None) = (self.structure.two_way.get(link.relation_type), link.two_way)
        {
            link.two_way = known.filter(|is_two_way| *is_two_way);
            if known.is_none() {
                let expected = "whether links are two-way of type";
                let advice = "send the association types along";
                self.report(at, "associations", expected, link.relation_type, advice);
            }
        }
        self.sink.record(at, Record::Relation(link));
    }

    fn report(&mut self, at: Location, field: &str, expected: &str, name: &str, advice: &str) {
        if self.reported.insert(format!("{field} {name}")) {
            let message = format!(
                "expected {expected} `{}` in this input or in what was kept, found neither; {advice}",
                shown(name)
            );
            self.sink.finding(FindingCode::BadValue, at, field, &message);
        }
    }
}

impl RecordSink for Completing<'_> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.sink.open_file(file)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        let is_asked = |path: &&str| self.structure.is_asked(path);
        match record {
            // The paths of importers that do not ask are in the order that counts.
            Record::Product(product) if product.categories.iter().any(is_asked) => {
                self.product(at, product);
            }
            Record::Relation(link) => self.link(at, link),
            Record::Product(_)
            | Record::ProductMarket(_)
            | Record::Bundle(_)
            | Record::Alias(_)
            | Record::Variant(_)
            | Record::Scope(_)
            | Record::Tombstone(_) => self.sink.record(at, record),
        }
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.sink.finding(code, at, field, message);
    }
}
