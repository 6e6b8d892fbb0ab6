//! The files: one immutable blob a role, written once, checked whole before it is read.
//!
//! `FORMAT.md` is the truth about their bytes. Opening goes `map -> header -> lengths`
//! ([`UnverifiedBlob`]) `-> checksums` ([`Blob`]) `-> meaning` ([`Catalog`], [`Provenance`],
//! [`Dropped`], [`Text`]); reading goes through a [`View`], bounds-checked, and never panics. This room knows
//! nothing of graphs or of tokio.

#![warn(clippy::indexing_slicing)]

mod archive;
mod blob;
mod catalog;
mod check;
mod check_details;
mod check_meta;
mod details;
mod dropped;
mod edges;
mod error;
mod facts;
mod keys;
pub mod layout;
mod map;
pub mod meta;
mod names;
mod open;
mod pages;
mod popular;
mod prefetch;
mod provenance;
mod safe;
mod text;
mod verify;
mod write;
mod write_catalog;
mod write_others;

#[cfg(test)]
mod tests;

pub use blob::{BlobHash, BlobHashError, Role};
pub use catalog::{Catalog, Ordinal, View};
pub use dropped::{Dropped, DroppedPlace};
pub use edges::{Block, Relation, Relations, Run, RunDraft};
pub use error::{Fault, IndexError};
pub use facts::CatalogFacts;
pub use map::Loading;
pub use open::{Blob, UnverifiedBlob};
pub(crate) use prefetch::prefetch;
pub use provenance::{Place, Provenance};
pub use safe::UnsafeFile;
pub use text::Text;
pub use write::BlobWriter;
pub use write_catalog::{
    BundleDraft, CatalogDraft, CatalogWriter, MarketPriceDraft, OptionDraft, ProductDraft,
    ProductTable, SelectionDraft,
};
pub use write_others::{ProvenanceWriter, write_dropped, write_text};
