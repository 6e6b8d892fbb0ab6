//! The dropped blob: which relations the compiler refused, and why.

use super::{
    Blob, IndexError, Role, archive::Archive, error::Fault, layout::Section,
    meta::ArchivedDroppedMeta,
};
use crate::model::finding::FindingCode;

/// A dropped blob that was verified.
#[derive(Debug)]
pub struct Dropped {
    blob: Blob,
    meta: Archive<ArchivedDroppedMeta>,
}

impl Dropped {
    /// Checks the archive and the numbers inside.
    ///
    /// # Errors
    /// `WRONG_ROLE`, or `STRUCTURE`.
    pub fn from_blob(blob: Blob) -> Result<Self, IndexError> {
        let path = blob.path().to_owned();
        Self::read(blob).map_err(|fault| fault.at(&path))
    }

    fn read(blob: Blob) -> Result<Self, Fault> {
        blob.require(Role::Dropped)?;
        let meta = Archive::<ArchivedDroppedMeta>::check(&blob, Section::Dropped)?;
        let dropped = Self { blob, meta };
        let archived = dropped.get();
        let known = archived.relations.iter().all(|relation| {
            FindingCode::new(relation.reason).is_some()
                && (relation.file.to_native() as usize) < archived.files.len()
        }) && archived
            .files
            .iter()
            .all(|file| (file.source.to_native() as usize) < archived.sources.len());
        if known {
            return Ok(dropped);
        }
        Err(Fault::structure(Section::Dropped.code(), "an unknown reason, file or source"))
    }

    /// What it holds.
    #[must_use]
    pub fn get(&self) -> &ArchivedDroppedMeta {
        self.meta.get(&self.blob)
    }
}
