//! A source that sends what has changed, and nothing twice: whatever becomes of the night in which a
//! delta comes, it goes into the next publish, once; unless someone says that it is bad.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    process::{Child, Command, Stdio},
};

use kindred::index::Ordinal;

use crate::{
    command::{Run, kindred, program},
    server::Lines,
    shop::{Shop, write},
};

const FIRST: &str = "a,related,b\nb,related,c\n";
const OTHER: &str = "a,accessory,b\nb,accessory,c\nc,accessory,d\nd,accessory,a\n";

/// A source `pim` of deltas, and `shop`, which says all that it says each night.
struct Rig(Shop);

impl Rig {
    /// A first night of both.
    fn new() -> Self {
        let rig = Self(Shop::new());
        write(&rig.0.path("settings.toml"), "[sources.pim]\nmode = \"patch\"\n");
        fs::create_dir(rig.0.path("pim")).unwrap();
        fs::create_dir(rig.0.path("shop")).unwrap();
        write(&rig.0.path("shop").join("products.csv"), "id\na\nb\nc\nd\n");
        rig.shop(OTHER);
        rig.pim(FIRST);
        rig.compile(&["pim", "shop"]).succeeded();
        rig
    }

    fn pim(&self, rows: &str) {
        write(&self.0.path("pim").join("relations.csv"), format!("source,type,target\n{rows}"));
    }

    fn shop(&self, rows: &str) {
        write(&self.0.path("shop").join("relations.csv"), format!("source,type,target\n{rows}"));
    }

    /// The arguments of a compile: sources by name, or `NAME@previous`.
    fn args(&self, from: &[&str]) -> Vec<String> {
        let mut args = vec!["compile".to_owned()];
        for name in from {
            let path = self.0.path(name);
            let named = format!("{name}:kindred={}", path.display());
            let from = if name.contains('@') { (*name).to_owned() } else { named };
            args.extend(["--from".to_owned(), from]);
        }
        let paths = [
            ("--cache", self.0.path("cache")),
            ("--catalog", self.0.path("settings.toml")),
            ("--report", self.0.path("report.json")),
            ("--store", self.0.store_dir()),
        ];
        for (option, path) in paths {
            args.extend([option.to_owned(), path.to_str().unwrap().to_owned()]);
        }
        args
    }

    fn compile(&self, from: &[&str]) -> Run {
        kindred(self.args(from))
    }

    fn source(&self, args: &[&str]) -> Run {
        let paths = [self.0.path("cache"), self.0.store_dir()];
        let [cache, store] = paths.each_ref().map(|path| path.to_str().unwrap());
        let store = if args[0] == "release" { &[][..] } else { &["--store", store] };
        kindred([&["source"], args, &["--cache", cache], store].concat())
    }

    /// Starts a compile and runs `then` when its manifest is written and nothing is kept of it: the
    /// first line of the report finds its pipe full, and the report comes between the two.
    fn halted_after_the_publish(&self, from: &[&str], then: impl FnOnce(&mut Child)) -> Lines {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&[b' '; 1 << 16]).unwrap();
        let mut command = program();
        command.args(self.args(from)).stdin(Stdio::null());
        let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        let mut log = Lines::of(child.stderr.take().unwrap());
        log.until("Snapshot is published.");
        then(&mut child);
        drop(reader);
        child.wait().unwrap();
        log
    }

    fn killed_after_the_publish(&self, from: &[&str]) {
        self.halted_after_the_publish(from, |child| child.kill().unwrap());
    }

    #[track_caller]
    fn check_related(&self, expected: &[&str]) {
        let snapshot = self.0.snapshot();
        let view = snapshot.catalog().view();
        let mut links = BTreeSet::new();
        for source in view.ordinals() {
            for run in view.block(source).runs() {
                if run.relation_type().unwrap().to_string() == "related" {
                    let targets =
                        run.edges().iter().map(|edge| view.id(Ordinal(edge.target.get())));
                    links.extend(targets.map(|target| format!("{} {target}", view.id(source))));
                }
            }
        }
        assert_eq!(links.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_delta_outlives_a_night_that_was_refused_for_another_source() {
    let rig = Rig::new();
    rig.pim("c,related,d\n");
    rig.shop("a,accessory,b\n");
    let run = rig.compile(&["pim", "shop"]).ended(3);
    let run = run.complained(&["guard shrink", "what source pim said at 2"]);
    run.complained(&[
        "waits and goes into the next publish",
        "`kindred source drop pim` forgets it",
    ]);
    assert!(rig.source(&["list"]).succeeded().out.contains("waits for a publish: patch"));
    rig.check_related(&["a b", "b c"]);

    // A look says what a publish would bring, and changes nothing.
    rig.shop(OTHER);
    rig.pim("d,related,a\n");
    let waiting = fs::read(rig.0.path("cache/sources/pim/pending.json")).unwrap();
    let mut check = rig.args(&["pim", "shop"]);
    check[0] = "check".to_owned();
    let report = check.iter().position(|arg| arg == "--report").unwrap();
    check.drain(report..report + 2);
    kindred(check).succeeded();
    assert_eq!(fs::read(rig.0.path("cache/sources/pim/pending.json")).unwrap(), waiting);

    let run = rig.compile(&["pim", "shop"]).succeeded();
    assert!(run.out.contains("with what was read at 2"), "{}", run.out);
    rig.check_related(&["a b", "b c", "c d", "d a"]);
    assert!(!rig.source(&["list"]).succeeded().out.contains("waits"));
}

/// Whichever of the two comes first on the command line.
#[test]
fn a_delta_outlives_a_night_on_which_another_source_cannot_be_read() {
    for from in [["pim", "shop"], ["shop", "pim"]] {
        let rig = Rig::new();
        rig.pim("c,related,d\n");
        write(&rig.0.path("shop").join("relations.csv"), "");
        let run = rig.compile(&from).ended(4);
        run.complained(&["an empty file", "what source pim said at 2"]);
        rig.shop(OTHER);
        rig.pim("d,related,a\n");
        rig.compile(&from).succeeded();
        rig.check_related(&["a b", "b c", "c d", "d a"]);
    }
}

#[test]
fn a_delta_that_is_itself_bad_is_forgotten_when_someone_says_so() {
    let rig = Rig::new();
    rig.source(&["drop", "pim"]).ended(1).complained(&["found nothing"]);
    rig.pim("");
    let gone = rig.0.path("pim").join("products.csv");
    write(&gone, "id,deleted\na,true\nb,true\n");
    rig.compile(&["pim", "shop"]).ended(3).complained(&["guard shrink", "source drop pim"]);
    // The others may go on without it, and it is not forgotten for that.
    rig.compile(&["pim@previous", "shop"]).succeeded();
    rig.check_related(&["a b", "b c"]);
    assert!(rig.source(&["drop", "pim"]).succeeded().out.contains("is forgotten"));
    fs::remove_file(gone).unwrap();
    rig.pim("c,related,d\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c d"]);
}

/// Broken overrides, a policy that cannot be read, a path without tables, a source that nobody keeps:
/// each ended the run before any source was read, and the delta of that night was lost.
#[test]
fn a_delta_outlives_a_night_that_ends_before_it_is_read() {
    let broken = |name: &'static str| {
        move |rig: &Rig| {
            write(&rig.0.path("shop").join(name), "[[no such thing\n");
            Vec::new()
        }
    };
    let empty = |rig: &Rig| {
        fs::create_dir(rig.0.path("empty")).unwrap();
        vec!["--from".to_owned(), rig.0.path("empty").to_str().unwrap().to_owned()]
    };
    let previous = |_: &Rig| vec!["--from".to_owned(), "nobody@previous".to_owned()];
    let check = |what: &dyn Fn(&Rig) -> Vec<String>, code: i32| {
        let rig = Rig::new();
        rig.pim("c,related,d\n");
        let args = [rig.args(&["shop", "pim"]), what(&rig)].concat();
        kindred(args).ended(code).complained(&["what source pim said at 2"]);
        rig.check_related(&["a b", "b c"]);
        for name in ["overrides.csv", "placements.toml"] {
            fs::remove_file(rig.0.path("shop").join(name)).ok();
        }
        rig.pim("d,related,a\n");
        rig.compile(&["shop", "pim"]).succeeded();
        rig.check_related(&["a b", "b c", "c d", "d a"]);
    };
    check(&broken("overrides.csv"), 1);
    check(&broken("placements.toml"), 1);
    check(&empty, 4);
    check(&previous, 1);
}

/// The catalog that says how sources meet lies where the other tables should lie.
#[test]
fn a_delta_is_taken_by_a_catalog_whose_own_tables_are_gone() {
    let rig = Rig::new();
    let settings = rig.0.path("settings.toml");
    fs::rename(settings, rig.0.path("shop").join("catalog.toml")).unwrap();
    let args = || {
        let mut args = rig.args(&["pim", "shop"]);
        let catalog = args.iter().position(|arg| arg == "--catalog").unwrap();
        args.drain(catalog..catalog + 2);
        // By its files alone: they are looked for before anything is read.
        let shop = args.iter_mut().find(|arg| arg.starts_with("shop:")).unwrap();
        *shop = rig.0.path("shop").to_str().unwrap().to_owned();
        args
    };
    rig.pim("c,related,d\n");
    let tables = ["products.csv", "relations.csv"].map(|name| rig.0.path("shop").join(name));
    let texts = tables.each_ref().map(|path| fs::read(path).unwrap());
    tables.iter().for_each(|path| fs::remove_file(path).unwrap());
    kindred(args()).ended(4).complained(&["what source pim said at 2"]);
    tables.iter().zip(texts).for_each(|(path, text)| write(path, text));
    rig.pim("d,related,a\n");
    kindred([args(), ["--allow", "all"].map(str::to_owned).to_vec()].concat()).succeeded();
    rig.check_related(&["a b", "b c", "c d", "d a"]);
}

/// A clean delta after a bad one published both under `--strict`, and nobody had allowed the bad one.
#[test]
fn what_waits_is_not_let_pass_under_strict_by_a_clean_delta() {
    let rig = Rig::new();
    let strict = || kindred([rig.args(&["pim", "shop"]), vec!["--strict".to_owned()]].concat());
    let findings = || rig.0.report()["findings"].clone();
    rig.pim("c,related,d\n,related,b\n");
    strict().ended(2);
    let first = findings();
    assert_eq!(first[0]["count"], 1, "{first}");
    for rows in ["d,related,a\n", "d,related,a\nd,related,b\n"] {
        rig.pim(rows);
        let run = strict().ended(2);
        run.complained(&["what source pim said at 2"]);
        assert_eq!(findings(), first);
    }
    rig.check_related(&["a b", "b c"]);
    // Someone lets it pass; then it is good, and what comes next is judged alone.
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c d", "d a", "d b"]);
    rig.pim("a,related,c\n");
    strict().succeeded();
}

#[test]
fn a_delta_outlives_a_kill_between_the_publish_and_the_cache() {
    let rig = Rig::new();
    rig.pim("c,related,d\n");
    rig.killed_after_the_publish(&["pim", "shop"]);
    assert_eq!(rig.0.manifests(), 2);

    // It was published: it is what is good, whether its file is there still or not.
    rig.compile(&["pim@previous", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c d"]);
    rig.pim("d,related,a\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c d", "d a"]);
    assert!(!rig.source(&["list"]).succeeded().out.contains("waits"));
}

/// The list said that a published delta waits; who dropped it for that undid it with the next one.
#[test]
fn what_was_published_does_not_wait_and_cannot_be_dropped() {
    let rig = Rig::new();
    rig.pim("c,related,d\n");
    rig.killed_after_the_publish(&["pim", "shop"]);
    let list = rig.source(&["list"]).succeeded().out;
    assert!(list.contains("pim ") && !list.contains("waits"), "{list}");
    rig.source(&["drop", "pim"]).ended(1).complained(&["found nothing"]);
    rig.pim("d,related,a\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c d", "d a"]);
}

/// The snapshot is published, and keeping its sources fails: that invites nobody to drop anything.
#[test]
fn a_cache_that_fails_after_the_publish_asks_for_no_drop() {
    let rig = Rig::new();
    rig.pim("c,related,d\n");
    let pointer = rig.0.path("cache/sources/pim/pointer.json");
    let before = fs::read(&pointer).unwrap();
    let mut log = rig.halted_after_the_publish(&["pim", "shop"], |_| {
        fs::remove_file(&pointer).unwrap();
        fs::create_dir(&pointer).unwrap();
    });
    log.until("is published, but its sources could not all be kept");
    let drops = log.until_end().iter().filter(|line| line.contains("source drop"));
    assert_eq!(drops.collect::<Vec<_>>(), [""; 0]);
    fs::remove_dir(&pointer).unwrap();
    write(&pointer, before);
    rig.pim("d,related,a\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c d", "d a"]);
}

/// What a source said whole was live and not known as kept: held, it said what it had said before, and
/// the store went back in silence.
#[test]
fn a_whole_input_that_was_published_is_what_a_hold_keeps() {
    let rig = Rig::new();
    rig.shop(&format!("{OTHER}a,accessory,c\n"));
    rig.killed_after_the_publish(&["pim", "shop"]);
    let id = rig.0.snapshot().id().to_owned();
    rig.source(&["hold", "shop"]).succeeded();
    fs::remove_dir_all(rig.0.path("shop")).unwrap();
    rig.compile(&["pim", "shop"]).succeeded();
    assert_eq!(rig.0.snapshot().id(), id);
    assert_eq!(rig.0.manifests(), 2, "nothing has changed");
}

/// The first source that could not be kept left the others as they were before.
#[test]
fn one_source_that_cannot_be_kept_keeps_no_other_back() {
    let rig = Rig::new();
    rig.pim("c,related,d\n");
    rig.shop(&format!("{OTHER}a,accessory,c\n"));
    let dir = rig.0.path("cache/sources/pim");
    let pointer = rig.0.path("cache/sources/shop/pointer.json");
    let before = fs::read(&pointer).unwrap();
    let mut log = rig.halted_after_the_publish(&["pim", "shop"], |_| {
        fs::remove_dir_all(&dir).unwrap();
        write(&dir, "");
    });
    log.until("is published, but its sources could not all be kept");
    assert_ne!(fs::read(&pointer).unwrap(), before);
}

/// Its first publish came through, and the process died before it was kept: nothing seemed to be kept.
#[test]
fn a_first_publish_that_was_killed_can_be_held_and_taken_as_it_was() {
    let rig = Rig::new();
    for dir in [rig.0.store_dir(), rig.0.path("cache")] {
        fs::remove_dir_all(dir).unwrap();
    }
    rig.killed_after_the_publish(&["pim", "shop"]);
    rig.pim("c,related,d\n");
    // A look first: it writes nothing, and knows it, too.
    let mut check = rig.args(&["pim@previous", "shop"]);
    check[0] = "check".to_owned();
    let report = check.iter().position(|arg| arg == "--report").unwrap();
    check.drain(report..report + 2);
    kindred(check).succeeded();
    rig.source(&["hold", "pim"]).succeeded();
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c"]);
    rig.source(&["release", "pim"]).succeeded();
    rig.compile(&["pim@previous", "shop"]).succeeded();
    rig.check_related(&["a b", "b c"]);
}

/// Two bad nights came through, and both are rolled back: what was good before them counts.
#[test]
fn after_a_rollback_over_two_nights_a_delta_meets_what_is_live() {
    let rig = Rig::new();
    for rows in ["c,related,d\n", "d,related,a\n"] {
        rig.pim(rows);
        rig.compile(&["pim", "shop"]).succeeded();
    }
    rig.0.kindred(&["rollback", "--to", "1"]).succeeded();
    rig.compile(&["pim@previous", "shop"]).succeeded();
    rig.check_related(&["a b", "b c"]);
    rig.pim("c,related,a\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c a"]);
}

/// What is stored behind a hold is what the next delta meets; a rollback takes it away.
#[test]
fn a_delta_meets_what_waits_behind_a_hold() {
    let rig = Rig::new();
    rig.0.kindred(&["hold"]).succeeded();
    rig.pim("c,related,d\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.pim("d,related,a\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c"]);
    rig.0.kindred(&["release"]).succeeded();
    rig.check_related(&["a b", "b c", "c d", "d a"]);

    rig.0.kindred(&["hold"]).succeeded();
    rig.pim("a,related,c\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.0.kindred(&["rollback", "--to", "1"]).succeeded();
    rig.pim("d,related,c\n");
    rig.compile(&["pim", "shop"]).succeeded();
    rig.0.kindred(&["release"]).succeeded();
    rig.check_related(&["a b", "b c", "d c"]);
}

/// An interrupted compile publishes nothing, and says by which signal it ended.
#[test]
fn a_compile_that_is_interrupted_ends_by_its_signal() {
    use std::os::unix::process::ExitStatusExt as _;
    let rig = Rig::new();
    let mut command = program();
    command.args(["compile", "--from", "-", "--store"]).arg(rig.0.store_dir());
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // Not INT: whoever runs in the background of a shell has it ignored, and hands that on.
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!(rig.0.manifests(), 1);
}

/// A store whose catalogs the cache never saw: nobody guesses which records were good.
#[test]
fn what_is_good_in_a_strange_store_is_said_by_someone() {
    let rig = Rig::new();
    fs::remove_dir_all(rig.0.store_dir()).unwrap();
    let shop = format!("shop:kindred={}", rig.0.path("shop").display());
    rig.0.kindred(&["compile", "--from", &shop]).succeeded();
    rig.pim("c,related,d\n");
    for from in [["pim", "shop"], ["pim@previous", "shop"]] {
        let run = rig.compile(&from).ended(1);
        run.complained(&["expected kept records of which", "`kindred source use pim HASH`"]);
    }
    let list = rig.source(&["list"]).succeeded().out;
    let line = list.lines().find(|line| line.starts_with("pim ")).unwrap();
    let hash = line.split(" records ").nth(1).unwrap().split(',').next().unwrap();
    rig.source(&["use", "pim", "0x"]).ended(1).complained(&[hash]);
    rig.source(&["use", "pim", hash]).succeeded();
    rig.compile(&["pim", "shop"]).succeeded();
    rig.check_related(&["a b", "b c", "c d"]);
}
