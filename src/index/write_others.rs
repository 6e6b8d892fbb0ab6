//! Writing provenance, dropped and text blobs.

use std::{fs::File, path::Path};

use zerocopy::little_endian::U64;

use super::{
    BlobHash, BlobWriter, IndexError, Role, archive,
    layout::{ProvenanceRecord, Section},
    meta::{DroppedMeta, FileMeta, ProvenanceMeta},
    text::Kind,
};

/// Writes a provenance blob, product after product beside the catalog's blocks.
#[derive(Debug)]
pub struct ProvenanceWriter {
    blob: BlobWriter,
    ends: Vec<U64>,
    total: u64,
}

impl ProvenanceWriter {
    /// Starts a provenance blob in an empty file.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn new(file: File, path: &Path) -> Result<Self, IndexError> {
        let mut blob = BlobWriter::new(file, path, Role::Provenance)?;
        blob.begin(Section::Provenance)?;
        Ok(Self { blob, ends: Vec::new(), total: 0 })
    }

    /// Appends the places of the next product's relations, in the order of its block.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn block(
        &mut self,
        places: impl IntoIterator<Item = ProvenanceRecord>,
    ) -> Result<(), IndexError> {
        let start = self.blob.section_len();
        self.blob.put_records(places)?;
        let record_bytes = Section::Provenance.record_bytes() as u64;
        self.total += (self.blob.section_len() - start) / record_bytes;
        self.ends.push(U64::new(self.total));
        Ok(())
    }

    /// Writes the rest and syncs the file.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn finish(
        mut self,
        catalog: BlobHash,
        sources: Vec<String>,
        files: Vec<FileMeta>,
    ) -> Result<(), IndexError> {
        self.blob.end();
        self.blob.begin(Section::ProvenanceEnds)?;
        self.blob.put_records(self.ends)?;
        self.blob.end();
        self.blob.begin(Section::ProvenanceMeta)?;
        let catalog = catalog.as_bytes().to_vec();
        self.blob.put(&archive::to_bytes(&ProvenanceMeta { catalog, sources, files }))?;
        self.blob.end();
        self.blob.finish()
    }
}

/// Writes a dropped blob into an empty file and syncs it.
///
/// # Errors
/// What the system says about the file.
pub fn write_dropped(file: File, path: &Path, dropped: &DroppedMeta) -> Result<(), IndexError> {
    let mut blob = BlobWriter::new(file, path, Role::Dropped)?;
    blob.begin(Section::Dropped)?;
    blob.put(&archive::to_bytes(dropped))?;
    blob.end();
    blob.finish()
}

/// Writes the blob of a role that holds one text, [`Role::Policy`] or [`Role::Overrides`], into an
/// empty file and syncs it.
///
/// # Panics
/// If the role holds something else.
///
/// # Errors
/// `TOO_LARGE` before anything is written, or what the system says about the file.
pub fn write_text(file: File, path: &Path, role: Role, text: &str) -> Result<(), IndexError> {
    let kind = Kind::of(role).expect("the caller names a role that holds one text");
    kind.check_len(text.len()).map_err(|fault| fault.at(path))?;
    let mut blob = BlobWriter::new(file, path, role)?;
    blob.begin(kind.section)?;
    blob.put(text.as_bytes())?;
    blob.end();
    blob.finish()
}
