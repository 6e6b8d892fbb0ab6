//! What a catalog file says of itself, without reading the rest of it: for lists of many snapshots.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;
use zerocopy::FromBytes as _;

use super::{
    Catalog, IndexError, Role, UnverifiedBlob,
    archive::read,
    error::Fault,
    layout::{Header, Section},
    meta::ArchivedCatalogMeta,
};

/// What a catalog declares, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogFacts {
    /// The format it was written in.
    pub format: u32,
    /// Products.
    pub products: u64,
    /// Relations over all products and types.
    pub relations: u64,
    /// Number of each declared relation type, and how many relations it has.
    pub types: Vec<(u8, u64)>,
}

impl CatalogFacts {
    /// Those of a catalog that is open.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let view = catalog.view();
        Self::new(catalog.blob().format(), view.product_count() as u64, view.meta())
    }

    /// Those of a file. Its header and the section that is asked are checked; nothing else is read, so
    /// that the file may still be damaged.
    ///
    /// # Errors
    /// As [`UnverifiedBlob::open`], `WRONG_ROLE`, `CHECKSUM` or `STRUCTURE` of the section.
    pub fn read(path: &Path) -> Result<Self, IndexError> {
        let blob = UnverifiedBlob::open(path)?;
        Self::of_unverified(&blob).map_err(|fault| fault.at(path))
    }

    fn of_unverified(blob: &UnverifiedBlob) -> Result<Self, Fault> {
        if blob.role() != Role::Catalog {
            let found = blob.role().code().to_owned();
            return Err(Fault::WrongRole { expected: Role::Catalog.code(), found });
        }
        let file = blob.bytes().as_slice();
        let damaged = |section: Section| Fault::Checksum { part: section.code() };
        let place = blob.sections().iter().position(|(section, _)| *section == Section::Meta);
        let (Some(place), Ok((header, _))) = (place, Header::ref_from_prefix(file)) else {
            return Err(damaged(Section::Meta));
        };
        let range = blob.sections().get(place).map(|(_, range)| range.clone());
        let bytes = range.and_then(|range| file.get(range)).unwrap_or_default();
        let stated = header.sections.get(place).map(|entry| entry.checksum);
        if stated != Some(xxh3_128(bytes).to_le_bytes()) {
            return Err(damaged(Section::Meta));
        }
        let meta = read::<ArchivedCatalogMeta>(bytes, Section::Meta)?;
        let products = blob.sections().iter().find(|(section, _)| *section == Section::Products);
        let record_bytes = Section::Products.record_bytes();
        let products = products.map_or(0, |(_, range)| range.len() / record_bytes);
        Ok(Self::new(blob.format(), products as u64, meta))
    }

    fn new(format: u32, products: u64, meta: &ArchivedCatalogMeta) -> Self {
        let declared = meta.relation_types.iter();
        Self {
            format,
            products,
            relations: meta.relation_count.to_native(),
            types: declared.map(|one| (one.number, one.relation_count.to_native())).collect(),
        }
    }
}
