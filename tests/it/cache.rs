//! A second compile reads only what has changed and gives the same bytes; a source that goes wrong
//! is held, or taken as it was, while the others go on.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use kindred::sources::cache::Cache;
use serde_json::Value;

use crate::{
    command::{Run, kindred},
    shop::{Shop, settle, write},
};

/// Two sources: `pim` with products, markets and related links, `shop` with accessories.
struct Rig(Shop);

const PIM: [(&str, &str); 3] = [
    ("catalog.toml", "[[markets]]\nid = \"ch\"\ncurrency = \"CHF\"\n"),
    ("products.csv", "id,price,currency\na,1.00,CHF\nb,2.00,CHF\nc,3.00,CHF\nd,4.00,free\n"),
    ("relations.csv", "source,type,target\na,related,b\nb,related,c\nc,related,nobody\n"),
];
const ACCESSORIES: &str = "source,type,target\na,accessory,c\n";

impl Rig {
    fn new() -> Self {
        let rig = Self(Shop::new());
        PIM.iter().for_each(|(name, text)| rig.write("pim", name, text));
        rig.write("shop", "relations.csv", ACCESSORIES);
        rig
    }

    fn dir(&self, source: &str) -> PathBuf {
        self.0.path(source)
    }

    /// Writes a file as of an hour ago, so that it counts as settled.
    fn write(&self, source: &str, name: &str, text: &str) {
        fs::create_dir_all(self.dir(source)).unwrap();
        put(&self.dir(source).join(name), text, SystemTime::now() - Duration::from_secs(3600));
    }

    fn from(&self, source: &str) -> String {
        format!("{source}:kindred={}", self.dir(source).display())
    }

    fn compile(&self, from: &[&str], options: &[&str]) -> Run {
        settle();
        let report = self.0.path("report.json");
        let mut args = vec!["compile", "--report", report.to_str().unwrap()];
        args.extend(from.iter().flat_map(|from| ["--from", from]));
        self.0.kindred(&[&args[..], options].concat())
    }

    /// Compiles through the cache; each `from` is a source, or `NAME@previous`.
    fn cached(&self, from: &[&str], options: &[&str]) -> Run {
        let named = from.iter().map(|from| match from.contains('@') {
            true => (*from).to_owned(),
            false => self.from(from),
        });
        let named = named.collect::<Vec<_>>();
        let cache = self.0.path("cache");
        let options = [options, &["--cache", cache.to_str().unwrap()]].concat();
        self.compile(&named.iter().map(String::as_str).collect::<Vec<_>>(), &options)
    }

    fn both(&self, options: &[&str]) -> Run {
        self.cached(&["pim", "shop"], options)
    }

    /// What the last report says of each source: name and state.
    fn states(&self) -> Vec<String> {
        let report = self.0.report();
        let sources = report["sources"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        sources.map(|source| text(&source["name"]) + " " + &text(&source["state"])).collect()
    }

    /// Compiles the same sources into an empty store without a cache: every blob is the same.
    #[track_caller]
    fn check_equals_a_full_compile(&self) {
        let fresh = Shop::new();
        let args = ["compile", "--from", &self.from("pim"), "--from", &self.from("shop")];
        fresh.kindred(&args).succeeded();
        let [found, expected] = [&self.0, &fresh].map(|shop| shop.snapshot().manifest().clone());
        assert_eq!(found.blobs, expected.blobs);
        assert_eq!(found.snapshot_id, expected.snapshot_id);
    }

    /// `kindred source` on the cache.
    fn source(&self, args: &[&str]) -> Run {
        let paths = [self.0.path("cache"), self.0.store_dir()];
        let [cache, store] = paths.each_ref().map(|path| path.to_str().unwrap());
        let store = if args[0] == "release" { &[][..] } else { &["--store", store] };
        kindred([&["source"], args, &["--cache", cache], store].concat())
    }

    fn related(&self) -> usize {
        let report = self.0.report();
        usize::try_from(report["relations"]["related"]["kept"].as_u64().unwrap()).unwrap()
    }
}

fn put(path: &Path, text: &str, modified: SystemTime) {
    let mut file = File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_modified(modified).unwrap();
}

/// The files of sources that a run opened, by its trace: source and file, each once.
fn opened(run: &Run) -> Vec<String> {
    let lines = run.err.lines().filter(|line| line.contains("A source's file is opened."));
    let paths = lines.map(|line| Path::new(line.split("path=").nth(1).unwrap()));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let named = paths.map(|path| name(path.parent().unwrap()) + "/" + &name(path));
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn a_second_compile_opens_only_what_changed_and_gives_the_same_bytes() {
    let rig = Rig::new();
    let run = rig.both(&[]).succeeded();
    assert_eq!(opened(&run), ["pim/products.csv", "pim/relations.csv", "shop/relations.csv"]);
    rig.check_equals_a_full_compile();
    let findings = rig.0.report()["findings"].clone();
    assert_eq!(findings.as_array().unwrap().len(), 2, "a currency and a dangling link: {findings}");

    let run = rig.both(&[]).succeeded();
    assert_eq!(opened(&run), [""; 0]);
    assert_eq!(rig.states(), ["pim unchanged", "shop unchanged"]);
    assert!(run.out.contains("is published already; nothing changed"), "{}", run.out);
    assert_eq!(rig.0.report()["findings"], findings);

    rig.write("shop", "relations.csv", "source,type,target\na,accessory,c\nb,accessory,a\n");
    let run = rig.both(&[]).succeeded();
    assert_eq!(opened(&run), ["shop/relations.csv"]);
    assert_eq!(rig.states(), ["pim unchanged", "shop read"]);
    assert!(
        run.out.contains("source pim: unchanged (full), 7 records: as read at 2"),
        "{}",
        run.out
    );
    rig.check_equals_a_full_compile();

    rig.write("pim", "products.csv", PIM[1].1.replace("3.00", "3.50").as_str());
    let run = rig.both(&[]).succeeded();
    assert_eq!(opened(&run), ["pim/products.csv", "pim/relations.csv"]);
    rig.check_equals_a_full_compile();

    // What is no longer in the files is forgotten, though nobody gave the source a mode: a product, and
    // every link of a type.
    rig.write("pim", "products.csv", "id,price,currency\na,1.00,CHF\nb,2.00,CHF\nc,3.00,CHF\n");
    rig.write("pim", "relations.csv", "source,type,target\na,up_sell,b\n");
    rig.both(&["--allow", "all"]).succeeded();
    assert_eq!(rig.states(), ["pim read", "shop unchanged"]);
    assert_eq!(rig.0.snapshot().catalog().view().product_count(), 3);
    rig.check_equals_a_full_compile();
}

#[test]
fn a_copy_that_keeps_length_and_time_of_change_is_read() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    let run = rig.both(&[]).succeeded();
    assert_eq!(
        (opened(&run), rig.states()),
        (vec![], vec!["pim unchanged".to_owned(), "shop unchanged".to_owned()])
    );
    // A copy that keeps length and time of change is another file.
    let path = rig.dir("pim").join("products.csv");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let new = path.with_extension("new");
    put(&new, &"\u{1}".repeat(PIM[1].1.len()), modified);
    fs::rename(new, &path).unwrap();
    rig.both(&[]).ended(4).complained(&["products.csv"]);
}

#[test]
fn a_bad_night_is_refused_and_the_source_is_taken_as_it_was() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    rig.write("pim", "products.csv", "id,price,currency\na,1.00,CHF\nc,2.00,CHF\n");
    rig.write("shop", "relations.csv", "source,type,target\na,accessory,c\nb,accessory,a\n");
    rig.both(&[]).ended(3).complained(&["differs too much from the one before"]);
    assert_eq!(rig.0.manifests(), 1);

    // What was refused was not kept; the other source's change comes in.
    let run = rig.cached(&["pim@previous", "shop"], &[]).succeeded();
    assert_eq!(rig.states(), ["pim previous", "shop read"]);
    assert!(run.out.contains("source pim: previous (full), 7 records: the last good records"));
    assert_eq!(rig.0.report()["relations"]["accessory"]["kept"], 2);
    // The catalog.toml beside the tables of then still counts.
    assert_eq!(rig.0.report()["products"], 4);
    let snapshot = rig.0.snapshot();
    assert_eq!(snapshot.catalog().view().meta().markets.len(), 1);
    // And tomorrow's good tables are read again.
    rig.write("pim", "products.csv", PIM[1].1);
    rig.both(&[]).succeeded();
    assert_eq!(rig.states(), ["pim read", "shop unchanged"]);
    rig.check_equals_a_full_compile();
}

#[test]
fn after_a_rollback_the_last_good_records_are_those_that_are_live() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    let good = rig.0.snapshot().id().to_owned();
    rig.write("pim", "relations.csv", "source,type,target\na,related,d\n");
    rig.both(&["--allow", "all"]).succeeded();
    rig.cached(&["pim@previous", "shop"], &[]).succeeded();
    assert_eq!(rig.related(), 1);
    rig.0.kindred(&["rollback"]).succeeded();
    rig.cached(&["pim@previous", "shop"], &[]).succeeded();
    assert_eq!(rig.related(), 2);
    assert_eq!(rig.0.snapshot().id(), good);
}

#[test]
fn a_held_source_stands_still_while_others_go_on() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    let run = rig.source(&["hold", "pim", "--reason", "prices in cents", "--actor", "ann"]);
    assert!(run.succeeded().out.contains("source pim is held"));
    rig.source(&["hold", "pim"]).ended(1).complained(&["found a hold of 2", "by ann"]);
    let list = rig.source(&["list"]).succeeded().out;
    for text in ["pim ", "full", "7 records", "shop ", "held since 2", "by ann: prices in cents"] {
        assert!(list.contains(text), "no {text:?} in:\n{list}");
    }

    rig.write("pim", "relations.csv", "source,type,target\na,related,d\n");
    rig.write("shop", "relations.csv", "source,type,target\na,accessory,c\nb,accessory,a\n");
    let run = rig.both(&[]).succeeded();
    assert_eq!(opened(&run), ["shop/relations.csv"]);
    assert_eq!(rig.states(), ["pim held", "shop read"]);
    let said = run.out.lines().find(|line| line.starts_with("source pim: held (full)")).unwrap();
    assert!(said.contains("by ann: prices in cents"), "{said}");
    assert_eq!(rig.related(), 2);

    rig.source(&["release", "pim"]).succeeded();
    rig.source(&["release", "pim"]).ended(1).complained(&["expected a hold to end, found none"]);
    rig.both(&["--allow", "all"]).succeeded();
    assert_eq!(rig.states(), ["pim read", "shop unchanged"]);
    assert_eq!(rig.related(), 1);
    rig.check_equals_a_full_compile();
}

/// Named by their files alone, sources are the formats found there; the files are looked into to
/// see what they are, and read no further.
#[test]
fn sources_that_nobody_names_are_kept_by_their_formats() {
    let rig = Rig::new();
    let export = "sku,name,upsell_skus\nx,X,y\ny,Y,\n";
    rig.write("pim", "export.csv", export);
    let (dir, cache) = (rig.dir("pim"), rig.0.path("cache"));
    let args = [dir.to_str().unwrap(), "--cache", cache.to_str().unwrap()];
    rig.compile(&args[..1], &args[1..]).succeeded();
    assert_eq!(rig.states(), ["kindred read", "magento read"]);
    let id = rig.0.snapshot().id().to_owned();
    rig.compile(&args[..1], &args[1..]).succeeded();
    assert_eq!(rig.states(), ["kindred unchanged", "magento unchanged"]);
    rig.write("pim", "export.csv", &export.replace('X', "Z"));
    rig.compile(&args[..1], &args[1..]).succeeded();
    assert_eq!(rig.states(), ["kindred unchanged", "magento read"]);
    assert_ne!(rig.0.snapshot().id(), id);
}

#[test]
fn a_source_that_is_taken_as_it_was_stands_alone() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    for from in [["pim", "pim@previous"], ["pim@previous", "pim"], ["pim@previous"; 2]] {
        rig.cached(&from, &[]).ended(1).complained(&["it stands alone"]);
    }
}

#[test]
fn the_standard_input_cannot_be_watched() {
    let rig = Rig::new();
    let cache = rig.0.path("cache");
    let options = ["--cache", cache.to_str().unwrap()];
    let watch = [&options[..], &["--watch"]].concat();
    let run = rig.compile(&["shop:kindred=-"], &watch).ended(1);
    run.complained(&["expected files to watch, found the standard input"]);
}

#[test]
fn what_nobody_keeps_cannot_be_held_or_taken() {
    let rig = Rig::new();
    rig.cached(&["pim@previous"], &[]).ended(1).complained(&["nothing is kept of source \"pim\""]);
    rig.source(&["hold", "pim"]).ended(1).complained(&["source \"pim\"", "found none"]);
    rig.compile(&["pim@previous"], &[]).ended(1).complained(&["needs --cache DIR"]);
    assert_eq!(rig.source(&["list"]).succeeded().out, "");
}

#[test]
fn what_was_not_published_leaves_no_trace_in_the_cache() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    let files = || {
        let dir = rig.0.path("cache").join("sources").join("pim");
        let mut files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name());
        let mut names = files.by_ref().collect::<Vec<_>>();
        names.sort();
        names
    };
    let before = files();
    rig.write("pim", "relations.csv", "source,type,target\na,related,d\n");
    rig.both(&["--strict"]).ended(2);
    rig.both(&[]).ended(3);
    assert_eq!(files(), before);
}

#[test]
fn a_cache_in_use_or_damaged_is_named_and_nothing_is_published() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    let cache = Cache::open(&rig.0.path("cache")).unwrap();
    let lock = cache.lock().unwrap();
    rig.both(&[]).ended(5).complained(&["found one that is in use"]);
    drop(lock);
    let dir = rig.0.path("cache").join("sources").join("pim");
    let records = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let records = records.into_iter().find(|path| path.extension().is_some_and(|e| e == "records"));
    let path = records.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&path).unwrap();
    write(&path, bytes);
    let name = path.file_name().unwrap().to_str().unwrap();
    rig.both(&[]).ended(5).complained(&[name, "found damage; read the source anew"]);
    assert_eq!(rig.0.manifests(), 1);
}

#[test]
fn two_paths_of_one_source_are_one_source() {
    let rig = Rig::new();
    rig.write("more", "relations.csv", "source,type,target\nc,related,a\n");
    let more = format!("pim:kindred={}", rig.dir("more").display());
    let (pim, shop) = (rig.from("pim"), rig.from("shop"));
    let cache = rig.0.path("cache");
    let options = ["--cache", cache.to_str().unwrap()];
    rig.compile(&[&pim, &shop, &more], &options).succeeded();
    assert_eq!(rig.states(), ["pim read", "shop read"]);
    let id = rig.0.snapshot().id().to_owned();
    rig.compile(&[&shop, &pim, &more], &options).succeeded();
    assert_eq!(rig.states(), ["shop unchanged", "pim unchanged"]);
    assert_eq!(rig.0.snapshot().id(), id);
    assert_eq!(rig.related(), 3);
}

/// A check sees what a compile would publish: modes, holds and all; and it keeps nothing.
#[test]
fn a_check_reads_through_the_cache_and_writes_nothing_to_it() {
    let rig = Rig::new();
    rig.both(&[]).succeeded();
    rig.source(&["hold", "pim"]).succeeded();
    rig.write("pim", "relations.csv", "source,type,target\na,related,d\n");
    rig.write("shop", "relations.csv", "source,type,target\na,accessory,c\nb,accessory,a\n");
    let pointer = rig.0.path("cache").join("sources").join("shop").join("pointer.json");
    let before = fs::read(&pointer).unwrap();
    let (pim, shop, cache) = (rig.from("pim"), rig.from("shop"), rig.0.path("cache"));
    let args = ["check", "--json", "--from", &pim, "--from", &shop];
    let options = ["--cache", cache.to_str().unwrap()];
    let run = rig.0.kindred(&[&args[..], &options].concat()).succeeded();
    let report = serde_json::from_str::<Value>(&run.out).unwrap();
    let types = &report["changes"]["relation_types"];
    assert_eq!(types["related"]["removed"], 0, "the hold counts: {types}");
    assert_eq!(types["accessory"]["added"], 1, "{types}");
    assert_eq!(fs::read(&pointer).unwrap(), before);
    assert_eq!(rig.0.manifests(), 1);
}
