//! Overrides as a document: reading, editing, writing.

use super::{HEADER, TinyCatalog, check_rows, check_table, overrides};
use crate::{
    model::limits::{OVERRIDE_TEXT_BYTES_MAX, OVERRIDES_BYTES_MAX, OVERRIDES_PER_SOURCE_MAX},
    policy::{Added, Fault, OverrideColumn as Column, OverrideWord, OverridesDoc, Which},
};

const PIN: &str = "pin,phone,,case,1,,,,,ann,new case";

#[test]
fn every_column_is_read_and_written_in_one_order() {
    let text = "reason,author,valid_to,valid_from,markets,quantity,position,target,type,source,action\n\
                \"a, \"\"b\"\"\nc\", ann ,2026-12-01T00:00:00Z,2026-11-01,uk|de|uk,2,3,case,accessory,phone,add\n";
    let document = OverridesDoc::parse("o.csv", text).unwrap();
    let row = &document.rows()[0];
    assert_eq!(row.action(), OverrideWord::Add);
    let cells = Column::ALL.map(|column| row.cell(column));
    let expected = [
        "add",
        "phone",
        "accessory",
        "case",
        "3",
        "2",
        "de|uk",
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
        "ann",
        "a, \"b\"\nc",
    ];
    assert_eq!(cells, expected);
    let written = format!(
        "{HEADER}\nadd,phone,accessory,case,3,2,de|uk,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,ann,\"a, \"\"b\"\"\nc\"\n"
    );
    assert_eq!(document.to_csv(), written);
    assert_eq!(OverridesDoc::parse("o.csv", &written).unwrap().to_csv(), written);
}

#[test]
fn each_action_has_its_shortest_row() {
    let text = "action,source,type,target,position,author,reason\r\n\
                hide,,,tablet,,ann,gone\r\nadd,phone,accessory,case,,ann,x\r\n\r\n\
                remove,phone,,film,,ann,x\r\nreorder,phone,accessory,film,1,ann,x\r\n\
                pin,phone,,film,100,ann,x";
    let document = OverridesDoc::parse("o.csv", text).unwrap();
    let actions: Vec<&str> = document.rows().iter().map(|row| row.action().code()).collect();
    assert_eq!(actions, ["hide", "remove", "pin", "add", "reorder"]);
}

#[test]
fn the_same_set_is_written_as_the_same_bytes() {
    let rows = [
        PIN,
        "add,phone,accessory,film,,,,,,ann,x",
        "add,phone,accessory,case,,,,,,ann,x",
        "hide,,,tablet,,,,,,ann,x",
    ];
    let forward = overrides(&rows.join("\n"));
    let backward = overrides(&rows.iter().rev().copied().collect::<Vec<_>>().join("\n"));
    assert_eq!(forward.to_csv(), backward.to_csv());
    assert_eq!(OverridesDoc::default().to_csv(), format!("{HEADER}\n"));
}

#[test]
fn what_is_wrong_with_the_table_is_found() {
    let header = "expected a header of `action`, `source`, `type`, `target`, `position`, `quantity`, `markets`, `valid_from`, `valid_to`, `author`, `reason`, found none";
    check_table("", &[&format!("o.csv:1:1: {header}")]);
    check_table("\n\r\n", &[&format!("o.csv:1:1: {header}")]);
    let one_of = "expected one of `action`, `source`, `type`, `target`, `position`, `quantity`, `markets`, `valid_from`, `valid_to`, `author`, `reason`";
    check_table(
        "action,target,author,reason,prio\n",
        &[&format!("o.csv:1:29: {one_of}, found `prio`")],
    );
    check_table(
        "action,target,author,reason,action\n",
        &["o.csv:1:29: expected each column once, found `action` again; it stands in line 1, too"],
    );
    check_table(
        "action,source\n",
        &[
            "o.csv:1:1: expected a column `target`, found none",
            "o.csv:1:1: expected a column `author`, found none",
            "o.csv:1:1: expected a column `reason`, found none",
        ],
    );
    check_rows("pin,phone", &["o.csv:2:1: expected 11 cells as in the header, found 2"]);
    check_rows(
        &format!("{PIN}\npin,phone,,film,1,,,,,\"ann,x\n\n"),
        &[
            "o.csv:3:1: expected the quotes of the row that begins here to be closed, found the end of the text",
        ],
    );
}

#[test]
fn cells_that_an_action_needs_or_does_not_know_are_found() {
    check_rows(
        "boost,phone,,case,1,,,,,ann,x",
        &[
            "o.csv:2:1: action: expected one of `add`, `remove`, `reorder`, `pin`, `hide`, found `boost`",
        ],
    );
    check_rows(",phone,,case,1,,,,,ann,x", &["o.csv:2:1: action: expected a `action`, found none"]);
    check_rows("pin,phone,,,1,,,,,ann,x", &["o.csv:2:12: target: expected a `target`, found none"]);
    check_rows(
        "pin,phone,,case,1,,,,,,x",
        &["o.csv:2:23: author: expected a `author`, found none"],
    );
    check_rows(
        "pin,phone,,case,1,,,,,ann, ",
        &["o.csv:2:27: reason: expected a `reason`, found none"],
    );
    check_rows(
        "pin,,,case,1,,,,,ann,x",
        &["o.csv:2:5: source: expected a `source` with `pin`, found none"],
    );
    check_rows(
        "pin,phone,,case,,,,,,ann,x",
        &["o.csv:2:17: position: expected a `position` with `pin`, found none"],
    );
    check_rows(
        "add,phone,,case,,,,,,ann,x",
        &["o.csv:2:11: type: expected a `type` with `add`, found none"],
    );
    check_rows(
        "reorder,phone,,case,,,,,,ann,x",
        &[
            "o.csv:2:15: type: expected a `type` with `reorder`, found none",
            "o.csv:2:21: position: expected a `position` with `reorder`, found none",
        ],
    );
    check_rows(
        "hide,phone,accessory,case,,,,,,ann,x",
        &["o.csv:2:12: type: expected no `type` with `hide`, found `accessory`"],
    );
    check_rows(
        "remove,phone,,case,1,,,,,ann,x",
        &["o.csv:2:20: position: expected no `position` with `remove`, found `1`"],
    );
    check_rows(
        "pin,phone,,case,1,2,,,,ann,x",
        &["o.csv:2:19: quantity: expected no `quantity` with `pin`, found `2`"],
    );
    check_rows(
        "pin,phone,,phone,1,,,,,ann,x",
        &["o.csv:2:12: target: expected another product than the source, found `phone`"],
    );
}

#[test]
fn cells_that_cannot_be_read_are_found() {
    for position in ["0", "101", "-1", "1.5", "first"] {
        check_rows(
            &format!("pin,phone,,case,{position},,,,,ann,x"),
            &[&format!(
                "o.csv:2:17: position: expected a whole number from 1 to 100, found `{position}`"
            )],
        );
    }
    check_rows(
        "add,phone,accessory,case,1001,,,,,ann,x",
        &["o.csv:2:26: position: expected a whole number from 1 to 1000, found `1001`"],
    );
    for quantity in ["0", "-1", "inf", "nan", "two"] {
        check_rows(
            &format!("add,phone,accessory,case,,{quantity},,,,ann,x"),
            &[&format!("o.csv:2:27: quantity: expected a number above 0, found `{quantity}`")],
        );
    }
    check_rows(
        "pin,phone,,case,1,,,soon,,ann,x",
        &[
            "o.csv:2:21: valid_from: expected an instant like `2026-01-31T08:00:00Z` or a date, found `soon`",
        ],
    );
    check_rows(
        "pin,phone,,case,1,,,2026-01-02,2026-01-02,ann,x",
        &[
            "o.csv:2:32: valid_to: expected an end after 2026-01-02T00:00:00Z, found 2026-01-02T00:00:00Z",
        ],
    );
    let long = "x".repeat(129);
    let shown = |count: usize| "x".repeat(count) + "...";
    check_rows(
        &format!("hide,,,{long},,,,,,ann,x"),
        &[&format!("o.csv:2:8: target: expected 1 to 128 bytes, found `{}`", shown(80))],
    );
    check_rows(
        &format!("hide,,,case,,,de|{long},,,ann,x"),
        &[&format!(
            "o.csv:2:15: markets: expected ids of 1 to 128 bytes, found `de|{}`",
            shown(77)
        )],
    );
}

#[test]
fn every_fault_is_told_at_once() {
    check_rows(
        &format!("{PIN}\nhide,,,tablet,,,,,,,\nlift,,,tablet,,,,,,ann,x"),
        &[
            "o.csv:3:20: author: expected a `author`, found none",
            "o.csv:3:21: reason: expected a `reason`, found none",
            "o.csv:4:1: action: expected one of `add`, `remove`, `reorder`, `pin`, `hide`, found `lift`",
        ],
    );
}

#[test]
fn columns_are_counted_in_characters_and_lines_through_cells() {
    check_rows(
        "hide,,,\"t\n\nü\",,,,,,\"ü\",x\nhide,,,tüv,,,,,,,x",
        &["o.csv:5:17: author: expected a `author`, found none"],
    );
}

#[test]
fn the_same_override_twice_is_found() {
    check_rows(
        &format!("{PIN}\npin,phone,,case,2,,,,,bob,y"),
        &[
            "o.csv:3:12: target: expected each override once, found `case` again; it stands in line 2, too",
        ],
    );
    overrides(&format!(
        "{PIN}\npin,phone,,case,2,,de,,,bob,y\npin,phone,,case,2,,,2026-01-01,,bob,y"
    ));
}

#[test]
fn counts_and_lengths_at_their_limit_pass_and_one_more_does_not() {
    let rows = |count: usize| {
        let row = |n| format!("remove,phone,,p{n:04},,,,,,ann,x");
        (0..count).map(row).collect::<Vec<_>>().join("\n")
    };
    overrides(&rows(OVERRIDES_PER_SOURCE_MAX - 1));
    overrides(&rows(OVERRIDES_PER_SOURCE_MAX));
    check_rows(
        &rows(OVERRIDES_PER_SOURCE_MAX + 1),
        &["o.csv:1002:8: source: expected at most 1000 overrides of one source, found more"],
    );
    // What holds everywhere has no source that a lookup would pay for.
    let everywhere = rows(OVERRIDES_PER_SOURCE_MAX + 1).replace("remove,phone", "hide,");
    overrides(&everywhere);
    let reason = |len: usize| format!("hide,,,case,,,,,,ann,{}", "x".repeat(len));
    overrides(&reason(OVERRIDE_TEXT_BYTES_MAX - 1));
    overrides(&reason(OVERRIDE_TEXT_BYTES_MAX));
    let shown = "x".repeat(80);
    check_rows(
        &reason(OVERRIDE_TEXT_BYTES_MAX + 1),
        &[&format!("o.csv:2:22: reason: expected at most 1024 bytes, found `{shown}...`")],
    );
    let markets = |count: usize| {
        let ids: Vec<String> = (0..count).map(|n| n.to_string()).collect();
        format!("hide,,,case,,,{},,,ann,x", ids.join("|"))
    };
    overrides(&markets(63));
    overrides(&markets(64));
    check_rows(&markets(65), &["o.csv:2:15: markets: expected at most 64 markets, found more"]);
}

#[test]
fn a_text_or_cell_over_its_limit_is_found() {
    let long = "x".repeat(OVERRIDES_BYTES_MAX + 1);
    let errors = OverridesDoc::parse("o.csv", &long).unwrap_err();
    let fault = Fault::TooLong { bytes_max: OVERRIDES_BYTES_MAX, found: OVERRIDES_BYTES_MAX + 1 };
    assert_eq!(errors.errors()[0].fault, fault);
    check_rows(
        &format!("hide,,,{},,,,,,ann,x", "x".repeat((1 << 20) + 1)),
        &["o.csv:2:1: expected a cell of at most 1048576 bytes, found a longer one"],
    );
    let cells = ",".repeat(1_024);
    check_rows(&cells, &["o.csv:2:1: expected at most 1024 cells in a row, found more"]);
}

#[test]
fn an_override_is_added_or_takes_the_place_of_its_like() {
    let mut document = overrides(PIN);
    let cells = |position| {
        [
            (Column::Action, "pin"),
            (Column::Source, "phone"),
            (Column::Target, "film"),
            (Column::Position, position),
            (Column::Author, "bob"),
            (Column::Reason, "two"),
        ]
    };
    assert_eq!(document.add(&cells("2")).unwrap(), Added::New);
    assert_eq!(document.add(&cells("1")).unwrap(), Added::Replaced);
    let text = format!("{HEADER}\n{PIN}\npin,phone,,film,1,,,,,bob,two\n");
    assert_eq!(document.to_csv(), text);
    let before = document.clone();
    let errors = document.add(&cells("0")).unwrap_err().to_string();
    assert_eq!(errors, "the override: position: expected a whole number from 1 to 100, found `0`");
    assert_eq!(document, before);
}

#[test]
fn no_override_beyond_the_limit_of_its_source_is_added() {
    let rows = (0..OVERRIDES_PER_SOURCE_MAX).map(|n| format!("remove,phone,,p{n},,,,,,ann,x\n"));
    let mut document = overrides(&rows.collect::<String>());
    let cells = [
        (Column::Action, "remove"),
        (Column::Source, "phone"),
        (Column::Target, "q"),
        (Column::Author, "a"),
        (Column::Reason, "r"),
    ];
    let before = document.clone();
    assert!(document.add(&cells).is_err());
    assert_eq!(document, before);
}

#[test]
fn overrides_are_removed_by_what_is_said_of_them() {
    let rows = "pin,phone,,case,1,,,,,a,x\npin,phone,,film,1,,,,,a,x\n\
                remove,phone,accessory,case,,,,,,a,x\nhide,,,case,,,,,,a,x\nhide,phone,,case,,,,,,a,x";
    let check = |which: Which, expected: usize| {
        let mut document = overrides(rows);
        assert_eq!(document.remove(&which), expected, "{which:?}");
        assert_eq!(document.rows().len(), 5 - expected);
    };
    let text = |text: &str| Some(text.to_owned());
    check(Which { target: text("case"), ..Which::default() }, 4);
    check(Which { action: Some(OverrideWord::Pin), ..Which::default() }, 2);
    check(Which { source: text(""), ..Which::default() }, 1);
    check(Which { source: text("phone"), target: text("case"), ..Which::default() }, 3);
    check(Which { relation_type: text("accessory"), ..Which::default() }, 1);
    check(Which { target: text("tablet"), ..Which::default() }, 0);
}

#[test]
fn a_catalog_must_know_types_and_markets() {
    let document = overrides("pin,phone,nope,gone,1,,us|de,,,a,x\nhide,,,gone,,,fr,,,a,x");
    let errors = document.check_against(&TinyCatalog::phones()).unwrap_err().to_string();
    let expected = [
        "o.csv:2:11: type: expected a relation type of the catalog, found `nope`",
        "o.csv:2:24: markets: expected a market of the catalog, found `us`",
        "o.csv:3:15: markets: expected a market of the catalog, found `fr`",
    ];
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
    let good = overrides("pin,phone,fits_model,gone,1,,uk,,,a,x");
    assert_eq!(good.check_against(&TinyCatalog::phones()), Ok(()));
}
