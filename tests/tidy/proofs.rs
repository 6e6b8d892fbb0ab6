//! Each rule broken on purpose, and what looks like a breach but is none.

use crate::{
    rules::{
        Rooms, Rule, attributes, hash_order, head, imports, length, libraries, name, room_table,
        sleeping_tests, unsafe_code,
    },
    scan::Source,
};

const ROOMS: Rooms = &[("model", &[]), ("index", &["model"]), ("lookup", &["index"])];

/// The rule finds faults on just these lines.
#[track_caller]
fn check(rule: Rule, path: &str, text: &str, lines: &[usize]) {
    let faults = rule(&Source::new(path, text), ROOMS);
    let found: Vec<usize> = faults.iter().map(|(line, _)| *line).collect();
    assert_eq!(found, lines, "{path}: {text}\n{faults:?}");
}

#[test]
fn a_file_without_a_head_is_found() {
    check(head, "src/model/id.rs", "//! Ids.\n", &[]);
    check(head, "src/model/id.rs", "// Ids.\n//! Ids.\n", &[1]);
    check(head, "src/model/id.rs", "use std::fmt;\n", &[1]);
    check(head, "src/model/id.rs", "", &[1]);
}

#[test]
fn a_file_over_600_lines_is_found() {
    check(length, "tests/it.rs", &"\n".repeat(599), &[]);
    check(length, "tests/it.rs", &"\n".repeat(600), &[]);
    check(length, "tests/it.rs", &"\n".repeat(601), &[601]);
}

#[test]
fn a_file_name_that_says_nothing_is_found() {
    check(name, "src/index/blob.rs", "", &[]);
    check(name, "src/index/subtypes.rs", "", &[]);
    for path in ["utils.rs", "a/common.rs", "b/helpers.rs", "c/types.rs", "common/mod.rs"] {
        check(name, &format!("src/index/{path}"), "", &[1]);
    }
}

#[test]
fn an_import_from_a_room_that_is_not_in_the_list_is_found() {
    let file = "src/lookup/rank.rs";
    check(imports, file, "use crate::index::Role;\nuse crate::lookup::x;", &[]);
    check(imports, file, "use crate::model::id;", &[1]);
    check(imports, file, "\nfn f() -> crate::model::Id {}", &[2]);
    check(imports, file, "use crate::{\n    index::{a, b::{c, d}},\n    model,\n};", &[3]);
    check(imports, file, "use crate::{index, slot::Slot, model::{id}};", &[1, 1]);
    check(imports, file, "use crate::ROOMS;", &[1]);
    check(imports, file, "use crate::*;", &[1]);
    check(imports, file, "use crate :: /* gap */ model;", &[1]);
    check(imports, file, "pub(crate) fn f() {}\npub(in crate::lookup) fn g() {}", &[]);
    check(imports, "src/lib.rs", "use crate::model::id;", &[]);
    check(imports, "src/main.rs", "use crate::model::id;", &[]);
    check(imports, "tests/it/main.rs", "use crate::model::id;", &[]);
    check(imports, "src/model.rs", "use crate::index;", &[1]);
    check(imports, "src/unknown/mod.rs", "use crate::unknown;\nuse crate::model;", &[2]);
}

#[test]
fn comments_and_literals_import_nothing() {
    for text in [
        "// crate::model",
        "//! [`crate::model`]",
        "/* a /* crate::model */ crate::model */",
        "let a = \"crate::model \\\" crate::model\";",
        "let a = \"two\ncrate::model\";",
        "let a = r#\"crate::model \" crate::model\"#;",
        "let a = br\"crate::model\\\"; let b = c\"crate::model\";",
        "let a = ['\"', '\\'', '\\\\', '\\u{22}', b'\"']; let b = \"crate::model\";",
    ] {
        check(imports, "src/lookup/rank.rs", text, &[]);
        check(
            imports,
            "src/lookup/rank.rs",
            &format!("{text}\n;crate::model::x"),
            &[text.lines().count() + 1],
        );
    }
    check(imports, "src/lookup/rank.rs", "fn f<'a>(x: &'a crate::model::Id) {}", &[1]);
    check(imports, "src/lookup/rank.rs", "let bar = 1; let r = bar\"\";\ncrate::model::x", &[2]);
}

#[test]
fn test_code_imports_no_more_than_its_room_but_the_testkit() {
    let text = "use crate::testkit;\n#[cfg(test)]\nmod tests {\n    use crate::{testkit::x, model};\n}\n\
                use crate::testkit;";
    check(imports, "src/lookup/rank.rs", text, &[1, 4, 6]);
    check(imports, "src/lookup/tests.rs", "use crate::testkit::x;\nuse crate::model;", &[2]);
    let item = "#[cfg(test)]\n#[derive(Debug)]\nuse crate::testkit;\nuse crate::testkit;";
    check(imports, "src/lookup/rank.rs", item, &[4]);
}

#[test]
fn super_that_leads_out_of_the_room_is_found() {
    check(imports, "src/lookup/mod.rs", "use super::model;", &[1]);
    check(imports, "src/lookup/rank.rs", "use super::x;\nuse super::super::model;", &[2]);
    check(imports, "src/lookup/rank/heap.rs", "use super::super::x;", &[]);
    check(imports, "src/lookup/rank/heap.rs", "use super::super::super::index;", &[1]);
    check(imports, "src/lookup/rank/mod.rs", "use super::x;\nuse super::super::index;", &[2]);
    let inline = "mod a {\n    use super::x;\n    use super::super::index;\n}\nuse super::y;";
    check(imports, "src/lookup/mod.rs", inline, &[3, 5]);
    check(imports, "src/lookup/rank.rs", "use super::{super::index};", &[1]);
    check(imports, "src/lookup/rank.rs", "use self::super::super::index;", &[1]);
    check(imports, "src/lookup/rank.rs", "pub(super) fn f() {}\nuse super::{a, b};", &[]);
}

#[test]
fn unsafe_outside_its_files_is_found() {
    let text = "// SAFETY: held.\nlet a = unsafe { b() };";
    check(unsafe_code, "src/index/map.rs", text, &[]);
    check(unsafe_code, "src/index/blob.rs", text, &[2]);
    check(unsafe_code, "tests/index/map.rs", text, &[2]);
    check(unsafe_code, "src/lookup/mod.rs", "unsafe fn f() {}\nunsafe impl Send for A {}", &[1, 2]);
    check(unsafe_code, "src/lookup/mod.rs", "#![deny(unsafe_code)] // unsafe\n\"unsafe\"", &[]);
}

#[test]
fn unsafe_that_does_not_say_why_is_found() {
    let file = "src/cli/sigbus.rs";
    check(unsafe_code, file, "let a = unsafe { b() };", &[1]);
    check(unsafe_code, file, "let c = 1;\nlet a = unsafe { b() };", &[2]);
    check(unsafe_code, file, "// It is fine.\nunsafe { b() }", &[2]);
    check(unsafe_code, file, "// SAFETY: held.\n\nunsafe { b() }", &[3]);
    check(unsafe_code, file, "// SAFETY: held.\nlet c = 1;\nunsafe { b() }", &[3]);
    check(unsafe_code, file, "// SAFETY: held by\n// the line above.\nunsafe { b() }", &[]);
    check(unsafe_code, file, "// SAFETY: held.\nlet a =\n    unsafe { b() };", &[]);
    check(unsafe_code, file, "// SAFETY: held.\n#[expect(x)]\nunsafe impl Send for A {}", &[]);
    check(unsafe_code, file, "unsafe impl Send for A {}", &[1]);
    check(unsafe_code, file, "unsafe fn f() {}", &[]);
}

#[test]
fn hash_tables_in_the_compiler_are_found() {
    let text = "use std::collections::{BTreeMap, HashMap};\n// HashMap\nfn f(a: HashSet<u8>) {}";
    check(hash_order, "src/compile/sections.rs", text, &[1, 3]);
    check(hash_order, "src/graph/runs.rs", text, &[]);
}

#[test]
fn a_library_outside_its_room_is_found() {
    let cases = [
        ("use tonic::Status;", "service"),
        ("fn f() -> ::prost::Result {}", "pb"),
        ("use tonic_health::pb;", "service"),
        ("#[derive(clap::Parser)]", "cli"),
        ("use anyhow as a;", "cli"),
        ("use {arc_swap::ArcSwap};", "slot"),
        ("extern crate tonic;", "load"),
    ];
    for (text, room) in cases {
        check(libraries, &format!("src/{room}/mod.rs"), text, &[]);
        check(libraries, "src/index/open.rs", text, &[1]);
        check(libraries, "tests/it/main.rs", text, &[]);
    }
    check(libraries, "src/main.rs", "use clap::Parser;\nuse tonic::Status;", &[2]);
    check(libraries, "src/index/map.rs", "use memmap2::Mmap;", &[]);
    check(libraries, "src/index/open.rs", "use memmap2::Mmap;", &[1]);
    check(libraries, "src/index/open.rs", "let tonic = 1; self::tonic::f(); // tonic::x", &[]);
}

#[test]
fn a_lint_silenced_without_a_reason_is_found() {
    let file = "src/index/open.rs";
    check(attributes, file, "#[allow(dead_code)]\nfn f() {}", &[1]);
    check(attributes, file, "#![allow(dead_code)]", &[1]);
    check(attributes, file, "\n#[expect(\n    dead_code\n)]", &[2]);
    check(attributes, file, "#[cfg_attr(test, allow(dead_code))]", &[1]);
    check(attributes, file, "#[allow(dead_code, reason = \"read by nobody yet\")]", &[]);
    check(attributes, file, "// #[allow(dead_code)]\nx.expect(\"held\");", &[]);
    check(attributes, "src/pb/mod.rs", "#[allow(dead_code)]", &[]);
}

#[test]
fn a_test_that_is_skipped_or_expected_to_panic_is_found() {
    check(attributes, "tests/it/main.rs", "#[test]\n#[ignore]\nfn f() {}", &[2]);
    check(attributes, "tests/it/main.rs", "#[ignore = \"slow\"]", &[1]);
    check(attributes, "src/index/tests.rs", "#[should_panic(expected = \"x\")]", &[1]);
    check(attributes, "src/index/tests.rs", "#[cfg_attr(miri, ignore)]", &[1]);
    check(attributes, "src/index/tests.rs", "#[serde(ignore)]\nlet ignore = 1;", &[]);
}

#[test]
fn a_test_that_sleeps_is_found() {
    let text = "std::thread::sleep(d);\nuse std::thread::{self, sleep};";
    check(sleeping_tests, "tests/it/main.rs", text, &[1, 2]);
    check(sleeping_tests, "src/store/tests.rs", text, &[1, 2]);
    check(sleeping_tests, "src/store/watch.rs", text, &[]);
    let inside = format!("{text}\n#[cfg(test)]\nmod tests {{\n{text}\n}}\nthread::sleep(d);");
    check(sleeping_tests, "src/store/watch.rs", &inside, &[5, 6]);
}

#[track_caller]
fn check_table(rooms: &[(&str, &[&str])], directories: &[&str], faults: &[&str]) {
    let directories: Vec<String> = directories.iter().map(|name| (*name).to_owned()).collect();
    let found = room_table(rooms, &directories);
    assert_eq!(found.len(), faults.len(), "{found:?}");
    for (found, expected) in found.iter().zip(faults) {
        assert!(found.contains(expected), "{found} has no {expected}");
    }
}

#[test]
fn a_table_of_rooms_that_is_not_the_tree_or_goes_in_a_circle_is_found() {
    check_table(&[("a", &[]), ("b", &["a"])], &["b", "a"], &[]);
    check_table(&[("a", &[])], &["a", "b"], &["src/b is no room"]);
    check_table(&[("a", &[]), ("b", &[])], &["a"], &["room `b` has no directory"]);
    check_table(&[("a", &["c"])], &["a"], &["`c`, which is no room"]);
    check_table(&[("a", &["a"])], &["a"], &["does not stand above it"]);
    check_table(&[("a", &["b"]), ("b", &["a"])], &["a", "b"], &["`a` may import `b`"]);
    check_table(&[("a", &[]), ("a", &[])], &["a"], &["stands twice"]);
}
