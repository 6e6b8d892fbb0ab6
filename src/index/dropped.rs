//! The dropped blob: which relations the compiler refused, and why.

use std::cmp::Ordering;

use super::{
    Blob, BlobHash, IndexError, Role,
    archive::Archive,
    error::Fault,
    layout::Section,
    meta::{ArchivedDroppedMeta, ArchivedDroppedRelation, ArchivedFileMeta},
};
use crate::model::{finding::FindingCode, id::IdRule};

/// A dropped blob that was verified.
#[derive(Debug)]
pub struct Dropped {
    blob: Blob,
    meta: Archive<ArchivedDroppedMeta>,
    id_rule: IdRule,
}

/// Why one relation was refused, and where it was read.
#[derive(Clone, Copy, Debug)]
pub struct DroppedPlace<'a> {
    /// Why.
    pub reason: FindingCode,
    /// The type as it was written.
    pub relation_type: &'a str,
    /// The source's name.
    pub source: &'a str,
    /// The file.
    pub file: &'a ArchivedFileMeta,
    /// The line, from 1.
    pub line: u32,
}

impl Dropped {
    /// Checks the archive, the numbers inside and the order.
    ///
    /// # Errors
    /// `WRONG_ROLE`, or `STRUCTURE`.
    pub fn from_blob(blob: Blob) -> Result<Self, IndexError> {
        let path = blob.path().to_owned();
        Self::read(blob).map_err(|fault| fault.at(&path))
    }

    fn read(blob: Blob) -> Result<Self, Fault> {
        blob.require(Role::Dropped)?;
        let fail = |what: String| Err(Fault::structure(Section::Dropped.code(), what));
        let meta = Archive::<ArchivedDroppedMeta>::check(&blob, Section::Dropped)?;
        let archived = meta.get();
        let Some(id_rule) = IdRule::new(archived.id_rule) else {
            return fail(format!("id rule {} is unknown", archived.id_rule));
        };
        let known = archived.relations.iter().all(|relation| {
            FindingCode::new(relation.reason).is_some()
                && (relation.file.to_native() as usize) < archived.files.len()
        }) && archived
            .files
            .iter()
            .all(|file| (file.source.to_native() as usize) < archived.sources.len());
        if !known {
            return fail("an unknown reason, file or source".to_owned());
        }
        let sorted = |a: &ArchivedDroppedRelation, b: &ArchivedDroppedRelation| {
            let ids = |a: &str, b: &str| id_rule.order(a.as_bytes(), b.as_bytes());
            let place = |one: &ArchivedDroppedRelation| {
                (one.file.to_native(), one.line.to_native(), one.reason)
            };
            ids(&a.source, &b.source)
                .then_with(|| a.relation_type.as_bytes().cmp(b.relation_type.as_bytes()))
                .then_with(|| ids(&a.target, &b.target))
                .then_with(|| place(a).cmp(&place(b)))
                .is_le()
        };
        if !archived.relations.is_sorted_by(sorted) {
            return fail("relations are not sorted".to_owned());
        }
        Ok(Self { blob, meta, id_rule })
    }

    /// What it holds.
    #[must_use]
    pub fn get(&self) -> &ArchivedDroppedMeta {
        self.meta.get()
    }

    /// The refused relations from one id to another as sources wrote them, by type and place. What
    /// was written by an alias is found by that alias.
    pub fn between<'a>(
        &'a self,
        source: &str,
        target: &str,
    ) -> impl Iterator<Item = DroppedPlace<'a>> + use<'a> {
        let order = |id: &str, wanted: &str| self.id_rule.order(id.as_bytes(), wanted.as_bytes());
        let mut rest = equal(&self.get().relations, |one| order(&one.source, source));
        let mut found = Vec::new();
        // One run a type, and each is sorted by target.
        while let Some(first) = rest.first() {
            let count = rest.partition_point(|one| one.relation_type == first.relation_type);
            let (run, after) = rest.split_at_checked(count).unwrap_or_default();
            found.extend(equal(run, |one| order(&one.target, target)));
            rest = after;
        }
        found.into_iter().filter_map(|one| self.place(one))
    }

    /// The identity of its blob.
    #[must_use]
    pub fn hash(&self) -> BlobHash {
        self.blob.hash()
    }

    fn place<'a>(&'a self, dropped: &'a ArchivedDroppedRelation) -> Option<DroppedPlace<'a>> {
        let file = self.get().files.get(dropped.file.to_native() as usize)?;
        Some(DroppedPlace {
            reason: FindingCode::new(dropped.reason)?,
            relation_type: &dropped.relation_type,
            source: self.get().sources.get(file.source.to_native() as usize)?,
            file,
            line: dropped.line.to_native(),
        })
    }
}

/// The part of a sorted list that is neither before nor behind.
fn equal<T>(sorted: &[T], order: impl Fn(&T) -> Ordering) -> &[T] {
    let first = sorted.partition_point(|one| order(one).is_lt());
    let rest = sorted.get(first..).unwrap_or_default();
    let count = rest.partition_point(|one| order(one).is_eq());
    rest.get(..count).unwrap_or_default()
}
