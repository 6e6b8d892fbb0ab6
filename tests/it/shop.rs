//! A shop of a test: a directory of its own with tables, a store and a server's state.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use kindred::{
    index::Role,
    snapshot::Snapshot,
    store::{BlobRef, MAIN_TRACK, Note, Publish, Published, Store, Track},
};
use tempfile::TempDir;

use crate::command::{Run, kindred};

/// The demo's tables, as they stand in the source tree.
pub(crate) const DEMO_TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/demo");

/// Everything a test keeps on the disk; gone with it.
pub(crate) struct Shop {
    dir: TempDir,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    /// A shop in memory, where the system has such a place: for tests that write very often and ask
    /// nothing of the disk.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::below(memory) } else { Self::new() }
    }

    fn below(parent: &Path) -> Self {
        let dir = TempDir::new_in(parent).unwrap();
        fs::create_dir(dir.path().join("tables")).unwrap();
        Self { dir }
    }

    /// A shop with these tables: name of the file, text.
    pub(crate) fn with(tables: &[(&str, &str)]) -> Self {
        let shop = Self::new();
        tables.iter().for_each(|(name, text)| shop.write(name, text));
        shop
    }

    /// A shop whose store holds the demo's catalog.
    pub(crate) fn demo() -> Self {
        let shop = Self::new();
        let from = format!("demo:kindred={DEMO_TABLES}");
        shop.kindred(&["compile", "--strict", "--from", &from]).succeeded();
        shop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn table(&self, name: &str) -> PathBuf {
        self.path("tables").join(name)
    }

    /// Writes a table, over the one that may be there.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        write(&self.table(name), text);
    }

    pub(crate) fn store_dir(&self) -> PathBuf {
        self.path("store")
    }

    /// Runs a command on the shop's store.
    pub(crate) fn kindred(&self, args: &[&str]) -> Run {
        let store = self.store_dir();
        let args = args.iter().map(OsStr::new);
        kindred(args.chain([OsStr::new("--store"), store.as_os_str()]))
    }

    /// Compiles the tables into the store, with further options.
    pub(crate) fn compile(&self, options: &[&str]) -> Run {
        let from = format!("kindred={}", self.path("tables").display());
        self.kindred(&[&["compile", "--from", &from], options].concat())
    }

    /// Compiles and publishes, come what may; the snapshot's id.
    pub(crate) fn published(&self) -> String {
        let run = self.compile(&["--allow", "all"]).succeeded();
        let said = run.out.lines().find_map(|line| line.strip_prefix("published snapshot "));
        said.unwrap().split(' ').next().unwrap().to_owned()
    }

    /// The report of a compile that wrote one to `report.json`.
    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("report.json")).unwrap()).unwrap()
    }

    /// The store as the library sees it; made if absent.
    pub(crate) fn open(&self) -> (Store, Track) {
        let store = Store::create(&self.store_dir()).unwrap();
        let track = store.track(MAIN_TRACK).unwrap();
        (store, track)
    }

    /// What is live, loaded as a server would.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let (store, track) = self.open();
        Snapshot::load(&store, &track.current().unwrap().unwrap()).unwrap()
    }

    /// The file of the live catalog.
    pub(crate) fn catalog_file(&self) -> PathBuf {
        let (store, track) = self.open();
        let manifest = track.current().unwrap().unwrap();
        store.blob_path(manifest.blob(Role::Catalog).unwrap())
    }

    /// How many manifests the store has.
    pub(crate) fn manifests(&self) -> u64 {
        self.open().1.head_number().unwrap().unwrap_or(0)
    }
}

/// Publishes blobs that are in the store already.
pub(crate) fn publish(track: &Track, blobs: &[BlobRef]) -> Published {
    let publish =
        Publish { blobs, guard: &|_| Ok(()), since: None, over_rollback: true, note: note() };
    track.publish(&publish).unwrap()
}

pub(crate) fn note() -> Note {
    Note {
        actor: "test".to_owned(),
        reason: "a test".to_owned(),
        created_at: "2026-11-22T12:00:00Z".to_owned(),
    }
}

/// Writes a file whole, over the one that may be there.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    File::create(path).unwrap().write_all(bytes.as_ref()).unwrap();
}

/// Waits until what was written so far is settled: a file of this very moment could be written again
/// with the same marks, so the next compile reads it once more.
pub(crate) fn settle() {
    let settled = SystemTime::now() + Duration::from_millis(25);
    while SystemTime::now() < settled {
        thread::yield_now();
    }
}

/// Puts a file in the place of another, which may be mapped and must not change under its readers.
pub(crate) fn replace(path: &Path, bytes: impl AsRef<[u8]>) {
    let new = path.with_extension("new");
    write(&new, bytes);
    fs::rename(new, path).unwrap();
}
