//! What is live: loading a snapshot whole, swapping it in, taking the old one away.
//!
//! A snapshot is live only after every blob of it was mapped, verified and warmed; any failure
//! keeps the one before. Requests take one [`Moment`] from the slot, which is a snapshot and the stock
//! over its catalog, and keep it to the end; the watcher thread keeps each retired one until theirs
//! are gone, so that no request ever unmaps a file. A snapshot whose first use ended the process twice
//! is quarantined, and the one before serves. This room knows nothing of lookups or of gRPC.

mod error;
mod follow;
mod gate;
mod load;
mod moment;
mod notice;
mod pace;
mod policy;
mod quarantine;
mod rounds;
mod trials;
mod watch;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    io,
    sync::{Arc, OnceLock},
};

pub use error::LoadError;
pub use gate::{Check, CheckRefusal, Gate};
pub use load::try_out;
pub use moment::{Live, LivePublisher, Moment};
pub use policy::CatalogNames;
pub use quarantine::{Quarantine, Quarantined};
pub use trials::Trials;
pub use watch::{Event, Standing, WatchOptions, Watcher};

use self::policy::Parts;
use crate::{
    index::{Blob, BlobHash, Catalog, Dropped, IndexError, Loading, Provenance, Role, Text},
    policy::Policy,
    store::{BlobRef, Manifest, Store},
    telemetry::SlotTable,
};

/// A loaded snapshot.
#[derive(Debug)]
pub struct Snapshot {
    id: String,
    manifest: Manifest,
    parts: Parts,
    policy: Arc<Policy>,
    provenance: Option<Arc<Provenance>>,
    dropped: Option<Arc<Dropped>>,
    slots: OnceLock<SlotTable>,
}

impl Snapshot {
    /// Maps, verifies and warms every blob of a manifest that answers need.
    ///
    /// # Errors
    /// The first blob that is missing or refused.
    pub fn load(store: &Store, manifest: &Manifest) -> Result<Self, LoadError> {
        Self::load_after(None, store, manifest, &mut |_| Ok(()))
    }

    /// The same where another snapshot is live: a blob that both name is not read again, so that a
    /// publish of a few overrides costs what they cost. `before_chunk` is told the size of each piece
    /// of a file before it is read, and may wait; its error ends the load.
    ///
    /// # Errors
    /// As [`Snapshot::load`].
    pub fn load_after(
        live: Option<&Self>,
        store: &Store,
        manifest: &Manifest,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<Self, LoadError> {
        Self::load_by(Loading::Auto, live, store, manifest, before_chunk)
    }

    /// The same by the way of loading that is wanted. Of a file that is copied each piece is told twice:
    /// when it is read, and when its copy is verified.
    ///
    /// # Errors
    /// As [`Snapshot::load`].
    pub fn load_by(
        loading: Loading,
        live: Option<&Self>,
        store: &Store,
        manifest: &Manifest,
        before_chunk: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<Self, LoadError> {
        let mut open = |blob: &BlobRef| load::open(blob, store, loading, before_chunk);
        Self::of_blobs(live, manifest, &mut open)
    }

    fn of_blobs(
        live: Option<&Self>,
        manifest: &Manifest,
        open: &mut dyn FnMut(&BlobRef) -> Result<Blob, LoadError>,
    ) -> Result<Self, LoadError> {
        let number = manifest.number;
        let blob = |role| manifest.blob(role);
        let named = blob(Role::Catalog).ok_or(LoadError::NoCatalog { number })?;
        let read_catalog = |bytes: Blob| {
            let catalog = Catalog::from_blob(bytes)?;
            // Its bytes were read just now, at the pace that is asked for.
            load::touch(&catalog, &mut |_| {});
            Ok(catalog)
        };
        // What changed under its mapping is read again, from what the store has by now.
        let is_whole = |catalog: &&Arc<Catalog>| !catalog.blob().is_spoiled();
        let live_catalog = live.map(|live| &live.parts.catalog).filter(is_whole);
        let catalog = taken_or_read(
            named,
            live_catalog,
            |catalog| catalog.blob().hash(),
            &mut *open,
            read_catalog,
        )?;
        let mut text = |role: Role, live: Option<&Arc<Text>>| {
            let read = |bytes| Text::from_blob(bytes, role);
            blob(role)
                .map(|blob| taken_or_read(blob, live, Text::hash, &mut *open, read))
                .transpose()
        };
        let policy = text(Role::Policy, live.and_then(|live| live.parts.policy.as_ref()))?;
        let overrides = text(Role::Overrides, live.and_then(|live| live.parts.overrides.as_ref()))?;
        // Provenance was held against the catalog that was live, and counts beside no other one.
        let of_catalog = live.filter(|live| Arc::ptr_eq(&live.parts.catalog, &catalog));
        let live_provenance = of_catalog.and_then(|live| live.provenance.as_ref());
        let read = |bytes| Provenance::from_blob(bytes, &catalog.view(), named.hash);
        let provenance = blob(Role::Provenance)
            .map(|blob| taken_or_read(blob, live_provenance, Provenance::hash, &mut *open, read))
            .transpose()?;
        let live_dropped = live.and_then(|live| live.dropped.as_ref());
        let dropped = blob(Role::Dropped)
            .map(|blob| {
                taken_or_read(blob, live_dropped, Dropped::hash, &mut *open, Dropped::from_blob)
            })
            .transpose()?;
        let id = manifest.snapshot_id.to_string();
        let manifest = manifest.clone();
        let parts = Parts { catalog, policy, overrides };
        let policy = match live.filter(|live| live.parts.are(&parts)) {
            Some(live) => Arc::clone(&live.policy),
            None => Arc::new(parts.bind(&id)?),
        };
        let slots = OnceLock::new();
        Ok(Self { id, manifest, parts, policy, provenance, dropped, slots })
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
        &self.parts.catalog
    }

    /// The same, to be shared with the stock over it.
    fn shared_catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.parts.catalog)
    }

    /// Placements, stage policy, rules and overrides, bound to the catalog; empty where none were
    /// published.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Placements, stage policy and rules as they were published.
    #[must_use]
    pub fn policy_text(&self) -> Option<&str> {
        self.parts.policy.as_deref().map(Text::text)
    }

    /// Pins, hides, added and removed relations as they were published.
    #[must_use]
    pub fn overrides_text(&self) -> Option<&str> {
        self.parts.overrides.as_deref().map(Text::text)
    }

    /// Was its catalog found to be other than it was when it was verified?
    fn is_spoiled(&self) -> bool {
        self.catalog().blob().is_spoiled()
    }

    /// Where its slots are counted, if somebody counts them.
    #[must_use]
    pub fn slots(&self) -> Option<&SlotTable> {
        self.slots.get()
    }

    /// Has its slots counted from now on; only the first table counts.
    pub fn count_slots(&self, table: SlotTable) {
        if self.slots.set(table).is_err() {
            tracing::debug!(snapshot_id = self.id, "The slots of a snapshot are counted already.");
        }
    }

    /// Where relations were read.
    #[must_use]
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_deref()
    }

    /// Which relations the compiler refused, and why.
    #[must_use]
    pub fn dropped(&self) -> Option<&Dropped> {
        self.dropped.as_deref()
    }
}

/// What is live, if it is the blob that is named; else the blob, opened and read.
fn taken_or_read<T>(
    named: &BlobRef,
    live: Option<&Arc<T>>,
    hash: impl Fn(&T) -> BlobHash,
    open: &mut dyn FnMut(&BlobRef) -> Result<Blob, LoadError>,
    read: impl FnOnce(Blob) -> Result<T, IndexError>,
) -> Result<Arc<T>, LoadError> {
    match live.filter(|live| hash(live) == named.hash) {
        Some(same) => Ok(Arc::clone(same)),
        None => Ok(Arc::new(read(open(named)?)?)),
    }
}
