//! Goal: what is good of a source is never lost and never another's. Method: one source of two tables
//! is taken, kept and taken again, with a write undone between as a crash would.

mod good;
mod pending;

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::{disk::Writer, *};
use crate::{
    model::{
        config::{CatalogConfig, Mode, SourceDeclaration},
        finding::FindingCode,
        limits::{CACHE_CATALOGS_MAX, CACHE_ENTRIES_MAX, CACHE_FILE_BYTES_MAX},
        record::{FileId, FileInfo, Location, Record, RecordSink},
    },
    sources::{Encoding, format, records::RecordsHash},
};

/// A store that published these catalogs, oldest first, and rolled back none but those told.
#[derive(Debug)]
struct Shelf<'a> {
    catalogs: &'a [&'a str],
    left: &'a [&'a str],
}

impl Lineage for Shelf<'_> {
    fn catalogs(&self) -> Box<dyn Iterator<Item = String> + '_> {
        let live = self.catalogs.iter().rev().filter(|catalog| !self.left.contains(catalog));
        Box::new(live.map(|catalog| (*catalog).to_owned()))
    }

    fn writes(&self) -> u64 {
        self.catalogs.len() as u64
    }

    fn was_published(&self, catalog: &str, after: u64) -> bool {
        self.catalogs[usize::try_from(after).unwrap()..].contains(&catalog)
    }
}

/// A store whose newest catalog is this one and that held no other.
fn shelf<'a>(catalogs: &'a [&'a str]) -> Shelf<'a> {
    Shelf { catalogs, left: &[] }
}

/// A source `shop` of Kindred's tables, and a cache.
struct Rig {
    dir: TempDir,
    config: CatalogConfig,
    /// The time of compiles: an hour after all files were written.
    clock: SystemTime,
}

/// Links and findings that were read.
#[derive(Debug, Default)]
struct Links {
    files: u32,
    links: Vec<String>,
    findings: usize,
}

impl Links {
    fn texts(&self) -> Vec<&str> {
        self.links.iter().map(String::as_str).collect()
    }
}

impl RecordSink for Links {
    fn open_file(&mut self, _: FileInfo) -> FileId {
        self.files += 1;
        FileId(self.files - 1)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        assert!(at.file.0 < self.files);
        if let Record::Relation(link) = record {
            self.links.push(format!("{} {}", link.source, link.target));
        }
    }

    fn finding(&mut self, _: FindingCode, _: Location, _: &str, _: &str) {
        self.findings += 1;
    }
}

impl Rig {
    fn new(mode: Mode) -> Self {
        let source = SourceDeclaration { mode: Some(mode), ..SourceDeclaration::new("shop", 100) };
        let config = CatalogConfig { sources: vec![source], ..CatalogConfig::default() };
        let clock = SystemTime::now() + Duration::from_secs(3600);
        let rig = Self { dir: tempfile::tempdir().unwrap(), config, clock };
        fs::create_dir(rig.tables()).unwrap();
        rig
    }

    fn tables(&self) -> PathBuf {
        self.dir.path().join("tables")
    }

    fn cache(&self) -> Cache {
        Cache::open(&self.dir.path().join("cache")).unwrap()
    }

    fn source(&self) -> SourceCache {
        self.cache().source("shop").unwrap()
    }

    /// Writes links `source target`, each time with another time of change.
    fn write(&self, links: &[&str]) {
        let rows = links.iter().map(|link| format!("{}\n", link.replace(' ', ",related,")));
        let text = format!("source,type,target\n{}", rows.collect::<String>());
        let mut file = File::create(self.tables().join("relations.csv")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }

    fn try_take(&self, store: &Shelf<'_>, previous: bool) -> Result<(Taken, Links), CacheError> {
        let tables = self.tables();
        let format = format("kindred").unwrap();
        let inputs = [SourceInput {
            format,
            path: &tables,
            encoding: Encoding::Utf8,
            separator: None,
            part: None,
        }];
        let wanted = Wanted {
            name: "shop",
            inputs: &inputs,
            previous,
            config: &self.config,
            store,
            now: "2026-11-27T20:00:00Z",
            clock: self.clock,
        };
        let mut links = Links::default();
        let taken = self.cache().take(&wanted, &mut links)?;
        Ok((taken, links))
    }

    /// Takes the source while the store published these catalogs; state and links.
    #[track_caller]
    fn check(&self, store: &[&str], state: &State, links: &[&str]) -> Taken {
        self.check_on(&shelf(store), state, links)
    }

    #[track_caller]
    fn check_on(&self, store: &Shelf<'_>, state: &State, links: &[&str]) -> Taken {
        let (taken, found) = self.try_take(store, false).unwrap();
        assert_eq!(&taken.state, state);
        assert_eq!(found.links, links);
        taken
    }

    /// Takes the source and keeps it as part of a catalog.
    #[track_caller]
    fn publish(&self, store: &[&str], catalog: &str, links: &[&str]) {
        self.publish_on(&shelf(store), catalog, links);
    }

    #[track_caller]
    fn publish_on(&self, store: &Shelf<'_>, catalog: &str, links: &[&str]) {
        let mut taken = self.check_on(store, &State::Read, links);
        taken.wait(None).unwrap();
        taken.wait(Some(catalog)).unwrap();
        taken.keep(catalog).unwrap();
    }

    /// Writes down what the store decided.
    fn settle(&self, store: &Shelf<'_>) {
        let lock = self.cache().lock().unwrap();
        self.cache().settle(&lock, store).unwrap();
    }

    /// What the next input meets, if the source is asked for it.
    fn previous(&self, store: &Shelf<'_>) -> Result<Vec<String>, CacheError> {
        let (taken, links) = self.try_take(store, true)?;
        assert_eq!(taken.state, State::Previous);
        Ok(links.links)
    }

    /// Files of records that are kept.
    fn records(&self) -> usize {
        let files = fs::read_dir(self.source().dir).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".records")).count()
    }
}

fn put(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn each_name_has_a_directory_of_its_own_that_leads_nowhere_else() {
    for name in ["akeneo", "A-1_b", "..", "a/b", "%2e", "ä b", "a\0", "."] {
        let file = file_name(name);
        assert!(!file.contains(['/', '.', '\0']), "{file}");
        assert_eq!(name_of(&file).as_deref(), Some(name));
    }
    for file in ["a.b", "%2", "%zz", "%41", "%FF", "ä", "..", "%2E"] {
        assert_eq!(name_of(file), None, "{file}");
    }
    let rig = Rig::new(Mode::Full);
    assert!(rig.cache().source(&"x".repeat(64)).is_ok());
    for name in [String::new(), "x".repeat(65)] {
        let error = rig.cache().source(&name).unwrap_err().to_string();
        assert!(error.starts_with("expected a name of a source of 1 to 64 bytes"), "{error}");
    }
}

#[test]
fn what_did_not_change_comes_from_what_is_kept() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    let taken = rig.check(&["one"], &State::Unchanged, &["a b"]);
    assert_eq!(taken.entry.record_count, 1);
    rig.write(&["a c"]);
    rig.check(&["one"], &State::Read, &["a c"]);
    // The same again, as it was not kept: and another mode reads anew, too.
    rig.publish(&["one"], "two", &["a c"]);
    rig.check(&["two"], &State::Unchanged, &["a c"]);
    let append = Rig { config: Rig::new(Mode::Append).config, ..rig };
    append.check(&["two"], &State::Read, &["a c"]);
}

/// Findings come again with what did not change, so that a report says the same twice.
#[test]
fn findings_of_what_did_not_change_are_said_again() {
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b", " c"]);
    let (taken, links) = rig.try_take(&shelf(&[]), false).unwrap();
    taken.keep("one").unwrap();
    let (taken, again) = rig.try_take(&shelf(&["one"]), false).unwrap();
    assert_eq!(taken.state, State::Unchanged);
    assert_eq!((links.findings, again.findings), (1, 1));
}

/// A second write within the same tick of the clock leaves the same marks.
#[test]
fn a_file_written_just_now_is_read_again() {
    let rig = Rig { clock: SystemTime::now(), ..Rig::new(Mode::Full) };
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    assert_eq!(rig.source().pointer().unwrap().unwrap().current.fingerprint, None);
    rig.check(&["one"], &State::Read, &["a b"]);
}

#[test]
fn any_file_below_the_path_counts_and_the_catalogs_own_do_not() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    put(&rig.tables().join("catalog.toml"), b"");
    rig.check(&["one"], &State::Unchanged, &["a b"]);
    put(&rig.tables().join("note.txt"), b"");
    rig.check(&["one"], &State::Read, &["a b"]);
}

/// `rsync -t` and `cp -p` give a copy the time of its original: the inode's own time tells it.
#[test]
fn a_file_of_the_same_length_and_time_of_change_is_another_one() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    let path = rig.tables().join("relations.csv");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    rig.publish(&[], "one", &["a b"]);
    let seen = marks(&path).unwrap();
    // The clock of files goes on before the second write.
    let probe = rig.dir.path().join("probe");
    let ticked = || {
        put(&probe, b"");
        marks(&probe).unwrap()[0].changed() > seen[0].changed()
    };
    while !ticked() {}
    let file = File::options().write(true).open(&path).unwrap();
    (&file).write_all(b"source,type,target\na,related,c\n").unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
    assert_ne!(marks(&path).unwrap(), seen);
    rig.check(&["one"], &State::Read, &["a c"]);
}

#[test]
fn an_entry_remembers_so_many_catalogs_and_forgets_the_oldest() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    let entry = rig.check(&[], &State::Read, &["a b"]).entry;
    let mut pointer = None;
    for catalog in 0..=CACHE_CATALOGS_MAX {
        let next = Pointer::after(pointer.take(), entry.clone(), &catalog.to_string());
        assert_eq!(next.current.catalogs.len(), (catalog + 1).min(CACHE_CATALOGS_MAX));
        assert_eq!(next.current.catalogs.last(), Some(&catalog.to_string()));
        pointer = Some(next);
    }
    let catalogs = pointer.unwrap().current.catalogs;
    assert_eq!(catalogs.first().map(String::as_str), Some("1"));
}

#[test]
fn files_of_the_cache_have_the_rights_of_other_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let plain = rig.dir.path().join("plain");
    put(&plain, b"");
    for file in fs::read_dir(rig.source().dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), mode(&plain), "{}", path.display());
    }
}

/// Power fails after the publish: the catalog is live, the pointer is the old one.
#[test]
fn a_crash_between_publish_and_pointer_costs_a_read_and_nothing_else() {
    for mode in Mode::ALL {
        let rig = Rig::new(mode);
        rig.write(&["a b", "b c"]);
        rig.publish(&[], "one", &["a b", "b c"]);
        let pointer = rig.source().dir.join("pointer.json");
        let before = fs::read(&pointer).unwrap();
        rig.write(&["a d"]);
        let (taken, expected) = rig.try_take(&shelf(&["one"]), false).unwrap();
        let records = taken.entry.records;
        taken.keep("two").unwrap();
        let after = fs::read(&pointer).unwrap();
        put(&pointer, &before);

        let (taken, links) = rig.try_take(&shelf(&["one", "two"]), false).unwrap();
        assert_eq!(taken.state, State::Read);
        assert_eq!((links.links, taken.entry.records), (expected.links, records), "{mode:?}");
        taken.keep("two").unwrap();
        assert_eq!(fs::read(&pointer).unwrap(), after);
    }
}

#[test]
fn what_a_dead_compile_left_is_taken_away() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    let source = rig.source();
    let (_, left) = disk::temp(&source.dir, Writer::Compile).unwrap().keep().unwrap();
    let (_, hold) = disk::temp(&source.dir, Writer::Hold).unwrap().keep().unwrap();
    drop(rig.cache().lock().unwrap());
    assert!(!left.exists() && hold.exists());
    assert_eq!(rig.records(), 1);
}

#[test]
fn one_compile_at_a_time_uses_a_cache() {
    let rig = Rig::new(Mode::Full);
    let lock = rig.cache().lock().unwrap();
    let error = rig.cache().lock().unwrap_err();
    assert!(matches!(error, CacheError::InUse { .. }), "{error}");
    drop(lock);
    rig.cache().lock().unwrap();
}

#[test]
fn a_held_source_says_what_was_good_until_it_is_released() {
    let rig = Rig::new(Mode::Replace);
    let hold = Hold {
        actor: "ann".to_owned(),
        reason: "prices in cents".to_owned(),
        since: "2026-11-27T20:00:00Z".to_owned(),
    };
    let error = rig.source().hold(&hold, &shelf(&["one"])).unwrap_err();
    assert!(matches!(error, CacheError::NothingKept { .. }), "{error}");
    assert!(matches!(rig.try_take(&shelf(&[]), true), Err(CacheError::NothingKept { .. })));
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    assert!(matches!(rig.source().release(), Err(CacheError::NotHeld { .. })));
    rig.source().hold(&hold, &shelf(&["one"])).unwrap();
    let error = rig.source().hold(&hold, &shelf(&["one"])).unwrap_err().to_string();
    assert!(error.contains("found a hold of 2026-11-27T20:00:00Z by ann"), "{error}");
    // Nobody looks at the files, not even whether they are there.
    fs::remove_dir_all(rig.tables()).unwrap();
    rig.check(&["one"], &State::Held(hold), &["a b"]).keep("two").unwrap();
    rig.source().release().unwrap();
    assert!(matches!(rig.try_take(&shelf(&["two"]), false), Err(CacheError::Source(_))));
}

#[test]
fn damaged_files_are_named() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    let source = rig.source();
    let entry = source.pointer().unwrap().unwrap().current;
    let error =
        |rig: &Rig| rig.try_take(&shelf(&["one"]), false).map(drop).unwrap_err().to_string();
    let write = |path: &Path, text: &str| put(path, text.as_bytes());

    let records = source.records_path(&entry);
    let good = fs::read(&records).unwrap();
    write(&records, "");
    assert!(error(&rig).contains("found an empty file"), "{}", error(&rig));
    fs::remove_file(&records).unwrap();
    assert!(error(&rig).contains(".records: expected to read it"), "{}", error(&rig));
    put(&records, &good);

    let pointer = source.dir.join("pointer.json");
    for (text, found) in [("", "EOF"), ("{}", "missing field"), ("[]", "length"), ("\0", "value")] {
        write(&pointer, text);
        assert!(error(&rig).contains("pointer.json: expected a file of the cache"));
        assert!(error(&rig).contains(found), "{}", error(&rig));
    }
    let text = serde_json::to_string(&Pointer { current: entry, earlier: Vec::new() }).unwrap();
    for (from, to, found) in [
        ("\"full\"", "\"fill\"", "expected a mode, found \"fill\""),
        ("\"records\":\"", "\"records\":\"x", "expected 64 digits of a hash"),
        ("\"earlier\"", "\"before\"", "unknown field `before`"),
    ] {
        write(&pointer, &text.replace(from, to));
        assert!(error(&rig).contains(found), "{}", error(&rig));
    }
    write(&pointer, &" ".repeat(CACHE_FILE_BYTES_MAX + 1));
    assert!(error(&rig).contains("found: more bytes"), "{}", error(&rig));
    write(&pointer, &text);
    rig.check(&["one"], &State::Unchanged, &["a b"]);
}

#[test]
fn a_hash_is_64_digits() {
    let text = "0f".repeat(32);
    assert_eq!(RecordsHash::parse(&text).unwrap().to_string(), text);
    assert_eq!(RecordsHash::parse("0f"), None);
}
