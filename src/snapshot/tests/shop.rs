//! A store of tiny catalogs, what damages them, and a watcher that tells what it does.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use crate::{
    index::{
        BlobHash, CatalogDraft, CatalogWriter, Ordinal, ProductDraft, ProductTable,
        ProvenanceWriter, Role, RunDraft,
        layout::{Edge, META_ORIGIN_SHIFT, ProvenanceRecord},
        meta::{CatalogMeta, DroppedMeta, FileMeta, MarketMeta, TypeMeta},
        write_dropped, write_text,
    },
    model::{id::IdRule, relation::Origin},
    snapshot::{
        Event, Gate, Live, LivePublisher, LoadError, Snapshot, WatchOptions, Watcher,
        moment::go_live,
    },
    stock::Stock,
    store::{BlobRef, MAIN_TRACK, Manifest, Note, Publish, StagedBlob, Store, Track},
};

/// What the watcher did, by the names of snapshots and the numbers of manifests.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    Live(String),
    Refused(u64, String),
    Unmapped(String),
    Quarantined(u64),
    Spoiled(String),
}

pub(crate) struct Shop {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) track: Track,
    pub(crate) live: Live,
    pub(crate) stock: Stock,
}

/// A product with this id and one named `target`; the first of them leads to the other.
struct Products<'a>(&'a str);

impl ProductTable for Products<'_> {
    fn count(&self) -> u32 {
        2
    }

    fn id(&self, ordinal: u32) -> &str {
        let ids = if self.0 < "target" { [self.0, "target"] } else { ["target", self.0] };
        ids[ordinal as usize]
    }

    fn product(&self, _ordinal: u32) -> ProductDraft<'_> {
        ProductDraft { assortment: 1, ..ProductDraft::default() }
    }
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::with_stock(|publisher| Stock::in_memory(publisher).unwrap().0)
    }

    /// A shop whose stock writer is another one.
    pub(crate) fn with_stock(start: impl FnOnce(LivePublisher) -> Stock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("store")).unwrap();
        let track = store.track(MAIN_TRACK).unwrap();
        let live = Live::default();
        let stock = start(LivePublisher::new(Arc::clone(&live)));
        Self { dir, store, track, live, stock }
    }

    /// A catalog whose first product has this id.
    pub(super) fn catalog(&self, id: &str) -> BlobRef {
        let staged = self.store.stage(Role::Catalog).unwrap();
        let file = staged.file().try_clone().unwrap();
        let mut writer = CatalogWriter::new(file, staged.path(), Vec::new()).unwrap();
        let meta = (Origin::Imported as u16) << META_ORIGIN_SHIFT;
        let edge = Edge { target: 1.into(), score: 9.into(), meta: meta.into() };
        writer.block(&[RunDraft { relation_type: 1, edges: vec![(edge, None)] }]).unwrap();
        writer.block(&[]).unwrap();
        let cross_sell = TypeMeta {
            number: 1,
            code: "cross_sell".to_owned(),
            display_name: "Cross-sell".to_owned(),
            two_way: 0,
            reverse: 0,
            relation_count: 0,
        };
        let market = MarketMeta {
            id: "eu".to_owned(),
            currency: "EUR".to_owned(),
            default_inventory: 0,
            product_count: 0,
        };
        let meta = CatalogMeta {
            relation_types: vec![cross_sell],
            markets: vec![market],
            inventories: vec!["main".to_owned()],
            ..CatalogMeta::default()
        };
        let draft = CatalogDraft {
            id_rule: IdRule::Exact,
            products: &Products(id),
            aliases: &[],
            market_prices: &[],
            bundles: &[],
            meta,
        };
        writer.finish(draft).unwrap();
        commit(staged)
    }

    /// A blob of a golden file.
    pub(super) fn golden(&self, name: &str, role: Role) -> BlobRef {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let staged = self.store.stage(role).unwrap();
        std::io::Write::write_all(&mut staged.file(), &fs::read(path).unwrap()).unwrap();
        commit(staged)
    }

    /// The place of the one relation of a catalog.
    pub(super) fn provenance(&self, catalog: BlobHash) -> BlobRef {
        let staged = self.store.stage(Role::Provenance).unwrap();
        let file = staged.file().try_clone().unwrap();
        let mut writer = ProvenanceWriter::new(file, staged.path()).unwrap();
        writer.block([ProvenanceRecord { file: 0.into(), line: 7.into() }]).unwrap();
        writer.block([]).unwrap();
        let files = vec![FileMeta { source: 0, name: "a.csv".to_owned(), confirmed_s: None }];
        writer.finish(catalog, vec!["shop".to_owned()], files).unwrap();
        commit(staged)
    }

    pub(super) fn dropped(&self) -> BlobRef {
        let staged = self.store.stage(Role::Dropped).unwrap();
        let file = staged.file().try_clone().unwrap();
        let meta = DroppedMeta { unlisted: 5, ..DroppedMeta::default() };
        write_dropped(file, staged.path(), &meta).unwrap();
        commit(staged)
    }

    /// A policy or overrides.
    pub(super) fn text(&self, role: Role, text: &str) -> BlobRef {
        let staged = self.store.stage(role).unwrap();
        let file = staged.file().try_clone().unwrap();
        write_text(file, staged.path(), role, text).unwrap();
        commit(staged)
    }

    pub(super) fn publish_blobs(&self, blobs: &[BlobRef]) -> Manifest {
        let guard = &|_: Option<&Manifest>| Ok(());
        let publish = Publish { blobs, guard, since: None, over_rollback: true, note: note() };
        self.track.publish(&publish).unwrap().into_manifest()
    }

    pub(crate) fn publish(&self, id: &str) -> Manifest {
        self.publish_blobs(&[self.catalog(id)])
    }

    /// Publishes a catalog and makes it live, without a watcher.
    pub(crate) fn serve(&self, id: &str) {
        let snapshot = Snapshot::load(&self.store, &self.publish(id)).unwrap();
        drop(go_live(&self.live, &self.stock, &Arc::new(snapshot)).unwrap());
    }

    /// Publishes a catalog whose file has one byte changed.
    pub(super) fn publish_damaged(&self, id: &str) -> (Manifest, Damage) {
        let blob = self.catalog(id);
        let damage = Damage(self.store.blob_path(&blob));
        damage.flip();
        (self.publish_blobs(&[blob]), damage)
    }

    pub(super) fn watch(&self, poll_interval: Duration) -> (Watcher, Receiver<Done>) {
        let options = WatchOptions { poll_interval, ..WatchOptions::default() };
        self.watch_by(options, Gate::default())
    }

    pub(super) fn watch_by(&self, options: WatchOptions, gate: Gate) -> (Watcher, Receiver<Done>) {
        let (done, events) = channel();
        let tell = move |event: Event<'_>| {
            // Loading, refusing and unmapping are the watcher's work and nobody else's.
            assert_eq!(thread::current().name(), Some("kindred-watch"));
            let told = match event {
                Event::Loaded(..) | Event::Stands(_) => return,
                Event::Live(snapshot) => Done::Live(first_id(snapshot)),
                Event::Refused(manifest, error) => {
                    Done::Refused(manifest.number, code_of(error).to_owned())
                }
                Event::Quarantined(manifest) => Done::Quarantined(manifest.number),
                Event::Spoiled(snapshot) => Done::Spoiled(first_id(snapshot)),
                Event::Unmapped(snapshot_id) => Done::Unmapped(snapshot_id.to_owned()),
            };
            // A test that has seen enough takes no more.
            drop(done.send(told));
        };
        let (store, track, live) = (self.store.clone(), self.track.clone(), Arc::clone(&self.live));
        let stock = self.stock.clone();
        (Watcher::spawn(store, track, live, stock, options, gate, tell).unwrap(), events)
    }

    /// The first product of what is live.
    pub(super) fn live_id(&self) -> String {
        first_id(&self.live.load().unwrap().snapshot)
    }
}

/// A byte in the middle of a blob, where the catalog has its sections.
pub(super) struct Damage(pub(super) PathBuf);

impl Damage {
    /// Damages the file, or repairs it.
    pub(super) fn flip(&self) {
        let mut bytes = fs::read(&self.0).unwrap();
        bytes[4_096 + 3] ^= 1;
        self.write(&bytes);
    }

    /// Leaves nothing but ones between the header and the trailer.
    pub(super) fn wipe(&self) {
        let mut bytes = fs::read(&self.0).unwrap();
        let trailer_at = bytes.len() - 64;
        bytes[4_096..trailer_at].fill(0xff);
        self.write(&bytes);
    }

    /// In place, as a faulty disk would.
    fn write(&self, bytes: &[u8]) {
        let mut permissions = fs::metadata(&self.0).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test alone")]
        permissions.set_readonly(false);
        fs::set_permissions(&self.0, permissions).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&self.0).unwrap();
        std::io::Write::write_all(&mut &file, bytes).unwrap();
    }
}

pub(super) fn commit(staged: StagedBlob) -> BlobRef {
    let bytes = fs::read(staged.path()).unwrap();
    staged.commit(BlobHash::of(&bytes), bytes.len() as u64).unwrap()
}

pub(super) fn note() -> Note {
    let created_at = "2026-03-01T04:05:06Z".to_owned();
    Note { actor: "ana".to_owned(), reason: "test".to_owned(), created_at }
}

pub(super) fn first_id(snapshot: &Snapshot) -> String {
    snapshot.catalog().view().id(Ordinal(0)).to_owned()
}

pub(super) fn code_of(error: &LoadError) -> &'static str {
    match error {
        LoadError::Store(_) => "STORE",
        LoadError::Blob(error) => error.fault.code(),
        LoadError::Policy(_) => "POLICY",
        LoadError::Stock(_) => "STOCK",
        LoadError::Thread(_) => "THREAD",
        LoadError::Panicked(_) => "PANIC",
        LoadError::Check(_) => "CHECK",
        LoadError::NoCatalog { .. } => "NO_CATALOG",
    }
}
