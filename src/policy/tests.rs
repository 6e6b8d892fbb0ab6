//! Goal: what a policy or an override says is what lookups read, and nothing that is wrong passes.
//! Method: small documents in text, each with the one line of the fault or value that it shows;
//! a catalog of plain maps.

mod binding;
mod built_in;
mod catalog;
mod chains;
mod overrides;
mod placements;
mod properties;
mod rules;

use super::{OverridesDoc, PolicyDoc};
use crate::model::relation::RelationType;
pub(super) use catalog::TinyCatalog;

/// A document that is right.
#[track_caller]
fn parsed(text: &str) -> PolicyDoc {
    PolicyDoc::parse("p.toml", text).unwrap_or_else(|errors| panic!("{errors}\nin\n{text}"))
}

/// The faults of a document, a line each.
#[track_caller]
fn faults(text: &str) -> Vec<String> {
    let errors = PolicyDoc::parse("p.toml", text).expect_err(text);
    errors.to_string().lines().map(str::to_owned).collect()
}

/// A document has these faults and no others.
#[track_caller]
fn check_faults(text: &str, expected: &[&str]) {
    assert_eq!(faults(text), expected, "in\n{text}");
}

/// A placement `p` with these lines has these faults; the lines begin at line 3.
#[track_caller]
fn check_placement(lines: &str, expected: &[&str]) {
    check_faults(&format!("[[placements]]\nid = \"p\"\n{lines}\n"), expected);
}

/// Overrides below a header of every column have these faults; the rows begin at line 2.
#[track_caller]
fn check_rows(rows: &str, expected: &[&str]) {
    check_table(&format!("{HEADER}\n{rows}\n"), expected);
}

/// A whole table has these faults.
#[track_caller]
fn check_table(text: &str, expected: &[&str]) {
    let errors = OverridesDoc::parse("o.csv", text).expect_err(text);
    let found = errors.to_string();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "in\n{text}");
}

/// Overrides below a header of every column that are right.
#[track_caller]
fn overrides(rows: &str) -> OverridesDoc {
    let text = format!("{HEADER}\n{rows}\n");
    OverridesDoc::parse("o.csv", &text).unwrap_or_else(|errors| panic!("{errors}\nin\n{text}"))
}

const HEADER: &str =
    "action,source,type,target,position,quantity,markets,valid_from,valid_to,author,reason";

const ACCESSORY: RelationType = RelationType::ACCESSORY;
const UP_SELL: RelationType = RelationType::UP_SELL;
