//! The provenance blob: where each relation of a catalog was read.

use zerocopy::{FromBytes as _, little_endian::U64};

use super::{
    Blob, BlobHash, IndexError, Ordinal, Role, View,
    archive::Archive,
    error::Fault,
    layout::{ProvenanceRecord, Section},
    meta::{ArchivedFileMeta, ArchivedProvenanceMeta},
};

/// A provenance blob that was verified, and fits one catalog.
#[derive(Debug)]
pub struct Provenance {
    blob: Blob,
    meta: Archive<ArchivedProvenanceMeta>,
}

/// Where one relation was read.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The file.
    pub file: &'a ArchivedFileMeta,
    /// The line, from 1.
    pub line: u32,
}

impl Provenance {
    /// Checks that the blob belongs to this catalog and has a place for each of its relations.
    ///
    /// # Errors
    /// `WRONG_ROLE`, `WRONG_HASH` for another catalog's, or `STRUCTURE` naming the section.
    pub fn from_blob(blob: Blob, catalog: &View<'_>, hash: BlobHash) -> Result<Self, IndexError> {
        let path = blob.path().to_owned();
        Self::read(blob, catalog, hash).map_err(|fault| fault.at(&path))
    }

    fn read(blob: Blob, catalog: &View<'_>, hash: BlobHash) -> Result<Self, Fault> {
        blob.require(Role::Provenance)?;
        let meta = Archive::<ArchivedProvenanceMeta>::check(&blob, Section::ProvenanceMeta)?;
        let provenance = Self { blob, meta };
        let archived = provenance.meta.get();
        let fault = |what: String| Err(Fault::structure(Section::Provenance.code(), what));
        let Some(found) = BlobHash::from_slice(archived.catalog.as_slice()) else {
            return fault(format!("a catalog hash of {} bytes", archived.catalog.len()));
        };
        if found != hash {
            return Err(Fault::WrongHash { expected: hash, found });
        }
        let sources = archived.sources.len();
        if archived.files.iter().any(|file| file.source.to_native() as usize >= sources) {
            return fault("a file of an unknown source".to_owned());
        }
        let (ends, records) = (provenance.ends(), provenance.records());
        let mut total = 0_u64;
        if ends.len() != catalog.product_count() {
            return fault(format!("{} ends for {} products", ends.len(), catalog.product_count()));
        }
        for (ordinal, end) in catalog.ordinals().zip(ends) {
            total += catalog.block(ordinal).runs().map(|run| run.edges().len() as u64).sum::<u64>();
            if end.get() != total {
                return fault(format!("product {} ends at {end}, not {total}", ordinal.0));
            }
        }
        if records.len() as u64 != total {
            return fault(format!("{} places for {total} relations", records.len()));
        }
        if records.iter().any(|record| record.file.get() as usize >= archived.files.len()) {
            return fault("a place in an unknown file".to_owned());
        }
        Ok(provenance)
    }

    /// Where the `index`-th relation of a product was read, counted over its runs; `None` if it
    /// has fewer.
    #[must_use]
    pub fn place(&self, source: Ordinal, index: usize) -> Option<Place<'_>> {
        let record = self.records_of(source).get(index)?;
        let meta = self.meta.get();
        let file = meta.files.get(record.file.get() as usize)?;
        let source = meta.sources.get(file.source.to_native() as usize)?;
        Some(Place { source, file, line: record.line.get() })
    }

    /// The places of a product's relations, in their order over its runs.
    #[must_use]
    pub fn records_of(&self, product: Ordinal) -> &[ProvenanceRecord] {
        let end = |at: usize| self.ends().get(at).and_then(|end| usize::try_from(end.get()).ok());
        let own = || {
            let first = product.index().checked_sub(1).map_or(Some(0), end)?;
            self.records().get(first..end(product.index())?)
        };
        own().unwrap_or_default()
    }

    /// Names of the sources.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = &str> {
        self.meta.get().sources.iter().map(|name| name.as_str())
    }

    /// The files.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &ArchivedFileMeta> {
        self.meta.get().files.iter()
    }

    /// The identity of its blob.
    #[must_use]
    pub fn hash(&self) -> BlobHash {
        self.blob.hash()
    }

    fn ends(&self) -> &[U64] {
        let range = self.blob.range(Section::ProvenanceEnds);
        <[U64]>::ref_from_bytes(self.blob.bytes(&range)).unwrap_or_default()
    }

    fn records(&self) -> &[ProvenanceRecord] {
        let range = self.blob.range(Section::Provenance);
        <[ProvenanceRecord]>::ref_from_bytes(self.blob.bytes(&range)).unwrap_or_default()
    }
}
