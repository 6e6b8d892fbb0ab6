//! The rules as functions over one file; each gives the lines that break it and why.

use crate::scan::{Source, Word, behind_bracket};

/// A line, from 1, and what is wrong with it.
pub(crate) type Fault = (usize, String);

/// Every room with the rooms it may import.
pub(crate) type Rooms = &'static [(&'static str, &'static [&'static str])];

/// Files that may say `unsafe`. Nothing else may: a new entry is a decision, not a convenience.
pub(crate) const UNSAFE_FILES: [&str; 6] = [
    "src/index/map.rs",
    "src/index/archive.rs",
    "src/index/prefetch.rs",
    // A signal handler is set, and reads its argument, by unsafe calls.
    "src/cli/sigbus.rs",
    // A counting allocator is the only proof that a lookup allocates nothing, and that an importer
    // holds no more than its bound.
    "tests/alloc.rs",
    "tests/importers.rs",
];

/// Test support that test code of every room may import.
const TESTKIT: &str = "testkit";

/// Longest file, in lines.
const FILE_LINES_MAX: usize = 600;

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: [&str; 4] = ["utils", "common", "helpers", "types"];

/// Libraries that a swap must find in one place, with the rooms or files below `src/` that may name
/// them.
const LIBRARIES: [(&str, &[&str]); 15] = [
    ("tonic", GRPC),
    ("tonic_health", GRPC),
    ("tonic_prost", GRPC),
    ("tonic_reflection", GRPC),
    ("tonic_types", GRPC),
    ("prost", GRPC),
    ("prost_types", GRPC),
    ("clap", &["cli", "main.rs"]),
    ("anyhow", &["cli", "main.rs"]),
    ("memmap2", &["index/map.rs"]),
    ("arc_swap", &["slot"]),
    ("libc", &["cli/sigbus.rs"]),
    ("opentelemetry", OTEL),
    ("opentelemetry_sdk", OTEL),
    ("opentelemetry_otlp", OTEL),
];
const OTEL: &[&str] = &["telemetry/otel.rs"];
const GRPC: &[&str] = &["service", "pb", "client", "load"];

/// A rule over one file.
pub(crate) type Rule = fn(&Source<'_>, Rooms) -> Vec<Fault>;

/// Every rule over one file.
pub(crate) const RULES: [Rule; 9] =
    [head, length, name, imports, unsafe_code, hash_order, libraries, attributes, sleeping_tests];

/// A file opens with what it does, what it refuses and what always holds.
pub(crate) fn head(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    let has_head = source.text.starts_with("//!");
    fault_if(!has_head, 1, "expected a `//!` head on the first line")
}

/// A file can be read in one sitting.
pub(crate) fn length(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    let lines = source.text.lines().count();
    let message = format!("expected at most {FILE_LINES_MAX} lines, found {lines}");
    fault_if(lines > FILE_LINES_MAX, lines, &message)
}

/// A file is named after what it holds.
pub(crate) fn name(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    let mut parts = source.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    let empty = parts.find(|part| EMPTY_NAMES.contains(part));
    let message = format!("`{}` says nothing: name the noun it holds", empty.unwrap_or_default());
    fault_if(empty.is_some(), 1, &message)
}

/// A room names only itself, the rooms of its list and, in tests, the test kit.
pub(crate) fn imports(source: &Source<'_>, rooms: Rooms) -> Vec<Fault> {
    let Some(room) = source.room() else { return Vec::new() };
    let list = rooms.iter().find(|(name, _)| *name == room).map_or(&[] as &[&str], |(_, l)| l);
    let mut faults = Vec::new();
    for at in 0..source.words.len() {
        if source.reads(at, &["crate", "::"]) {
            for word in path_heads(&source.words, at + 2) {
                let target = word.text.as_str();
                let is_allowed =
                    target == room || list.contains(&target) || (target == TESTKIT && word.is_test);
                let message =
                    format!("`{room}` may import {list:?} and itself, found `crate::{target}`");
                faults.extend(fault_if(!is_allowed, word.line, &message));
            }
        }
        let is_chain = at >= 2 && source.reads(at - 2, &["super", "::"]);
        if source.words[at].text == "super" && !is_chain {
            let word = &source.words[at];
            let steps = (0..).take_while(|n| source.reads(at + 2 * n, &["super", "::"])).count();
            let message = "`super` leads out of the room: write `crate::` and the room's name";
            let is_split = source.reads(at + 2 * steps, &["{"])
                && path_heads(&source.words, at + 2 * steps).iter().any(|w| w.text == "super");
            let leads_out = is_split || steps >= depth(source, word);
            faults.extend(fault_if(leads_out, word.line, message));
        }
    }
    faults
}

/// The names a path begins with at `at`: one, or those of a group.
fn path_heads(words: &[Word], at: usize) -> Vec<&Word> {
    if words.get(at).is_none_or(|word| word.text != "{") {
        return words.get(at).into_iter().collect();
    }
    let mut heads = Vec::new();
    let end = behind_bracket(words, at) - 1;
    let mut next = at + 1;
    while next < end {
        heads.push(&words[next]);
        while next < end && words[next].text != "," {
            next = if words[next].text == "{" { behind_bracket(words, next) } else { next + 1 };
        }
        next += 1;
    }
    heads
}

/// Modules from the crate's root to a word: 1 in `room/mod.rs`, 2 in `room/file.rs`.
fn depth(source: &Source<'_>, word: &Word) -> usize {
    let path = source.in_src().unwrap_or_default();
    let is_mod = path.ends_with("/mod.rs");
    path.split('/').count() - usize::from(is_mod) + word.inline_mods
}

/// `unsafe` stands in a few files, and each use says why it is sound.
pub(crate) fn unsafe_code(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    let is_open = UNSAFE_FILES.contains(&source.path);
    let uses = (0..source.words.len()).filter(|at| source.words[*at].text == "unsafe");
    let check = |at: usize| {
        let line = source.words[at].line;
        if !is_open {
            let message = format!("`unsafe` stands in {UNSAFE_FILES:?} only");
            return fault_if(true, line, &message);
        }
        let must_say_why = source.reads(at + 1, &["{"]) || source.reads(at + 1, &["impl"]);
        let is_silent = must_say_why && !has_safety_comment(source.text, line);
        fault_if(is_silent, line, "expected a `// SAFETY:` comment just above")
    };
    uses.flat_map(check).collect()
}

/// Does the statement that holds this line stand right under a `// SAFETY:` comment?
fn has_safety_comment(text: &str, line: usize) -> bool {
    let above: Vec<&str> = text.lines().take(line - 1).map(str::trim).collect();
    let ends_statement = |line: &&&str| line.is_empty() || line.ends_with([';', '{', '}', ',']);
    let is_comment = |line: &&&str| line.starts_with("//");
    let mut rest = above.iter().rev().peekable();
    while rest.next_if(|line| !is_comment(line) && !ends_statement(line)).is_some() {}
    rest.take_while(is_comment).any(|line| line.starts_with("// SAFETY:"))
}

/// What the compiler writes does not depend on the order of a hash table.
pub(crate) fn hash_order(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    if source.room() != Some("compile") {
        return Vec::new();
    }
    let message = "the order of a hash table is not the same twice: use a BTreeMap or sort";
    let is_hashed = |word: &&Word| matches!(word.text.as_str(), "HashMap" | "HashSet");
    source.words.iter().filter(is_hashed).map(|word| (word.line, message.to_owned())).collect()
}

/// A library that may be swapped is named where the swap would be made.
pub(crate) fn libraries(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    let Some(path) = source.in_src() else { return Vec::new() };
    let mut faults = Vec::new();
    for (at, word) in source.words.iter().enumerate() {
        let Some((library, places)) = LIBRARIES.iter().find(|(name, _)| *name == word.text) else {
            continue;
        };
        let is_at_home =
            places.contains(&path) || source.room().is_some_and(|room| places.contains(&room));
        // `other::clap` is no library, `::clap` is one.
        let is_inner = at >= 2
            && source.reads(at - 1, &["::"])
            && source.words[at - 2].text.starts_with(|first: char| first.is_alphabetic())
            && source.words[at - 2].text != "use";
        let is_path = source.reads(at + 1, &["::"])
            || at >= 1 && matches!(source.words[at - 1].text.as_str(), "use" | "crate");
        let message = format!("`{library}` is named in {places:?} only");
        faults.extend(fault_if(is_path && !is_inner && !is_at_home, word.line, &message));
    }
    faults
}

/// Lints are silenced with a reason, and tests are neither skipped nor expected to panic.
pub(crate) fn attributes(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    let mut faults = Vec::new();
    for at in 0..source.words.len() {
        let open = match () {
            () if source.reads(at, &["#", "["]) => at + 1,
            () if source.reads(at, &["#", "!", "["]) => at + 2,
            () => continue,
        };
        let line = source.words[at].line;
        let inside: Vec<&str> = source.words[open..behind_bracket(&source.words, open)]
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        let silences = inside.windows(2).any(|pair| matches!(pair, ["allow" | "expect", "("]));
        let is_bare = silences && !inside.contains(&"reason") && source.room() != Some("pb");
        faults.extend(fault_if(is_bare, line, "expected a `reason` beside the silenced lint"));
        for (attribute, message) in [
            ("ignore", "a test that does not run proves nothing: mend it or take it out"),
            ("should_panic", "any panic would pass: ask for the error and compare it"),
        ] {
            let is_used = inside.get(1) == Some(&attribute)
                || inside.get(1) == Some(&"cfg_attr") && inside.contains(&attribute);
            faults.extend(fault_if(is_used, line, message));
        }
    }
    faults
}

/// A test waits for what it needs, never for time to pass.
pub(crate) fn sleeping_tests(source: &Source<'_>, _: Rooms) -> Vec<Fault> {
    let message = "a test that sleeps is slow or wrong: wait for the event or pass the time in";
    let sleeps = |at: &usize| {
        source.words[*at].is_test
            && (source.reads(*at, &["thread", "::", "sleep"])
                || source.reads(*at, &["thread", "::", "{"])
                    && path_heads(&source.words, at + 2).iter().any(|word| word.text == "sleep"))
    };
    let faults = (0..source.words.len()).filter(sleeps);
    faults.map(|at| (source.words[at].line, message.to_owned())).collect()
}

/// What is wrong with the table of rooms itself. A list may name only rooms above its own line, so
/// the table cannot hold a circle.
pub(crate) fn room_table(rooms: &[(&str, &[&str])], directories: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let place = |room: &str| rooms.iter().position(|(name, _)| *name == room);
    for (at, (room, list)) in rooms.iter().enumerate() {
        if !directories.iter().any(|directory| directory == room) {
            faults.push(format!("room `{room}` has no directory in src/"));
        }
        if place(room) != Some(at) {
            faults.push(format!("room `{room}` stands twice"));
        }
        for target in *list {
            match place(target) {
                None => faults.push(format!("`{room}` may import `{target}`, which is no room")),
                Some(below) if below < at => {}
                Some(_) => faults.push(format!(
                    "`{room}` may import `{target}`, which does not stand above it: \
                     lower floors come first"
                )),
            }
        }
    }
    let missing = directories.iter().filter(|directory| place(directory).is_none());
    faults.extend(missing.map(|directory| format!("src/{directory} is no room of ROOMS")));
    faults
}

fn fault_if(is_fault: bool, line: usize, message: &str) -> Vec<Fault> {
    if is_fault { vec![(line, message.to_owned())] } else { Vec::new() }
}
