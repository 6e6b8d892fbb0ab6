//! What is live: loading a snapshot whole, swapping it in, taking the old one away.
//!
//! A snapshot is live only after every blob of it was mapped, verified and warmed; any failure
//! keeps the one before. Requests take one [`Moment`] from the slot, which is a snapshot and the stock
//! over it, and keep it to the end; the watcher thread keeps another one of each retired snapshot
//! until theirs are gone, so that no request ever unmaps a file. This room knows nothing of lookups or of gRPC.

mod error;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use error::LoadError;
pub use watch::{Event, WatchOptions, Watcher};

use crate::{
    index::{Catalog, Provenance, Role, UnverifiedBlob},
    slot::Slot,
    stock::StockView,
    store::{BlobRef, Manifest, Store},
};

/// The place of the present moment, shared by all who answer from it.
pub type Live = Arc<Slot<Moment>>;

/// What one request answers from: a snapshot and the stock over its catalog, loaded as one pair.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Products, relations and policy.
    pub snapshot: Arc<Snapshot>,
    /// Stock, prices and blocks; its ordinals are those of the snapshot's catalog.
    pub stock: Arc<StockView>,
}

/// A loaded snapshot.
#[derive(Debug)]
pub struct Snapshot {
    id: String,
    manifest: Manifest,
    catalog: Arc<Catalog>,
    provenance: Option<Provenance>,
}

impl Snapshot {
    /// Maps, verifies and warms every blob of a manifest that answers need.
    ///
    /// # Errors
    /// The first blob that is missing or refused, or that this version cannot obey.
    pub fn load(store: &Store, manifest: &Manifest) -> Result<Self, LoadError> {
        Self::load_after(None, store, manifest)
    }

    /// The same where another snapshot is live: a catalog that both name is not read again.
    ///
    /// # Errors
    /// As [`Snapshot::load`].
    pub fn load_after(
        live: Option<&Self>,
        store: &Store,
        manifest: &Manifest,
    ) -> Result<Self, LoadError> {
        let number = manifest.number;
        let unread = |blob: &&BlobRef| blob.role.shapes_answers() && blob.role != Role::Catalog;
        if let Some(blob) = manifest.blobs.iter().find(unread) {
            return Err(LoadError::UnreadRole { number, role: blob.role.code() });
        }
        let open =
            |blob: &BlobRef| UnverifiedBlob::open(&store.blob_path(blob))?.verify(Some(blob.hash));
        let named = manifest.blob(Role::Catalog).ok_or(LoadError::NoCatalog { number })?;
        let live = live.map(|live| &live.catalog);
        let catalog = match live.filter(|live| live.blob().hash() == named.hash) {
            Some(same) => Arc::clone(same),
            None => {
                let catalog = Catalog::from_blob(open(named)?)?;
                std::hint::black_box(catalog.blob().warm());
                Arc::new(catalog)
            }
        };
        let provenance = match manifest.blob(Role::Provenance) {
            Some(blob) => Some(Provenance::from_blob(open(blob)?, &catalog.view(), named.hash)?),
            None => None,
        };
        let id = manifest.snapshot_id.to_string();
        Ok(Self { id, manifest: manifest.clone(), catalog, provenance })
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
}
