//! What the benches share: a published snapshot of a catalog written on the fly, and numbers that
//! are the same on every machine.

use std::{fs::File, path::Path};

use kindred::{
    index::{Catalog, IndexError, Role},
    snapshot::Snapshot,
    store::{MAIN_TRACK, Note, Publish, Store},
};

/// xorshift64*: the same numbers on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        u32::try_from((high * u64::from(end)) >> 32).unwrap()
    }

    /// Brings the items into random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let end = u32::try_from(last + 1).unwrap();
            items.swap(last, self.below(end) as usize);
        }
    }
}

/// Publishes the catalog that `write` puts into the file, and loads the snapshot.
pub(crate) fn publish(
    store: &Store,
    write: impl FnOnce(File, &Path) -> Result<(), IndexError>,
) -> Snapshot {
    let staged = store.stage(Role::Catalog).unwrap();
    write(staged.file().try_clone().unwrap(), staged.path()).unwrap();
    let (hash, size_bytes) = {
        let catalog = Catalog::open(staged.path(), None).unwrap();
        (catalog.blob().hash(), catalog.blob().size_bytes())
    };
    let blob = staged.commit(hash, size_bytes).unwrap();
    let note = Note {
        actor: "bench".to_owned(),
        reason: "bench".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
    };
    let (blobs, guard) = (&[blob], &|_: Option<&_>| Ok(()));
    let publish = Publish { blobs, guard, since: None, over_rollback: false, note };
    let published = store.track(MAIN_TRACK).unwrap().publish(&publish).unwrap();
    Snapshot::load(store, &published.into_manifest()).unwrap()
}
