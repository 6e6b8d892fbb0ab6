//! What is live: loading a snapshot whole, swapping it in, taking the old one away.
//!
//! A snapshot is live only after every blob of it was mapped, verified and warmed; any failure
//! keeps the one before. Requests take one `Arc` from the slot and keep it to the end; the watcher
//! thread keeps another one of each retired snapshot until theirs are gone, so that no request ever
//! unmaps a file. This room knows nothing of lookups or of gRPC.

mod error;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use error::LoadError;
pub use watch::{Event, WatchOptions, Watcher};

use crate::{
    index::{Catalog, Dropped, Provenance, Role, UnverifiedBlob},
    slot::Slot,
    store::{Manifest, Store},
};

/// The place of the live snapshot, shared by all who answer from it.
pub type Live = Arc<Slot<Snapshot>>;

/// A loaded snapshot.
#[derive(Debug)]
pub struct Snapshot {
    id: String,
    manifest: Manifest,
    catalog: Catalog,
    provenance: Option<Provenance>,
    dropped: Option<Dropped>,
}

impl Snapshot {
    /// Maps, verifies and warms every blob of a manifest.
    ///
    /// # Errors
    /// The first blob that is missing or refused.
    pub fn load(store: &Store, manifest: &Manifest) -> Result<Self, LoadError> {
        let open = |role: Role| {
            let blob = manifest.blob(role)?;
            let open = || UnverifiedBlob::open(&store.blob_path(blob))?.verify(Some(blob.hash));
            Some(open())
        };
        let number = manifest.number;
        let blob = open(Role::Catalog).ok_or(LoadError::NoCatalog { number })??;
        let hash = blob.hash();
        let catalog = Catalog::from_blob(blob)?;
        let provenance = match open(Role::Provenance).transpose()? {
            Some(blob) => Some(Provenance::from_blob(blob, &catalog.view(), hash)?),
            None => None,
        };
        let dropped = open(Role::Dropped).transpose()?.map(Dropped::from_blob).transpose()?;
        std::hint::black_box(catalog.blob().warm());
        let id = manifest.snapshot_id.to_string();
        Ok(Self { id, manifest: manifest.clone(), catalog, provenance, dropped })
    }

    /// Names everything that shapes answers.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The manifest that named it.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Products and relations.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where relations were read.
    #[must_use]
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }

    /// What the compiler refused.
    #[must_use]
    pub fn dropped(&self) -> Option<&Dropped> {
        self.dropped.as_ref()
    }
}
