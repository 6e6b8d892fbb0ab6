//! Reads `[[rules]]`.

use super::{
    document::{ActionDoc, RuleDoc},
    error::Fault,
    reader::{Name, Reader, Table, Value},
    slot_reader::thousandths,
};
use crate::model::{
    limits::{CATEGORY_PATH_BYTES_MAX, ID_BYTES_MAX, RESULTS_MAX, RULE_VALUES_MAX},
    relation::{Stage, StageMask},
};

/// The kinds of things that say which products a rule means.
const KINDS: [&str; 4] = ["products", "brands", "categories", "tags"];

/// What may stand in a rule.
pub(super) const KEYS: [&str; 15] = [
    "id",
    "action",
    "factor",
    "position",
    "products",
    "brands",
    "categories",
    "tags",
    "placements",
    "stages",
    "markets",
    "seeds",
    "seed_categories",
    "valid_from",
    "valid_to",
];

/// One of `[[rules]]`.
pub(super) fn rule(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<RuleDoc> {
    let table = reader.table(value, &KEYS)?;
    let id = reader.required(table, "id", |reader, value| reader.id(value));
    let action = action(reader, table);
    let mut names = |key, bytes_max| names(reader, table, key, bytes_max);
    let products = names("products", ID_BYTES_MAX);
    let brands = names("brands", ID_BYTES_MAX);
    let categories = names("categories", CATEGORY_PATH_BYTES_MAX);
    let tags = names("tags", ID_BYTES_MAX);
    let placements = names("placements", ID_BYTES_MAX);
    let markets = names("markets", ID_BYTES_MAX);
    let seeds = names("seeds", ID_BYTES_MAX);
    let seed_categories = names("seed_categories", CATEGORY_PATH_BYTES_MAX);
    let stages = reader.optional(table, "stages", stages).unwrap_or_default();
    let window = reader.window(table, "valid_from", "valid_to");
    // A list whose every item is faulty is stated all the same, and has its faults.
    if !KINDS.into_iter().any(|kind| is_stated(table, kind)) {
        let expected = format!("products to mean, by one of `{}`", KINDS.join("`, `"));
        reader.fault(table.offset(), Fault::Missing { expected });
    }
    Some(RuleDoc {
        id: id?,
        action: action?,
        products,
        brands,
        categories,
        tags,
        placements,
        stages,
        markets,
        seeds,
        seed_categories,
        window,
    })
}

/// The action with what belongs to it; what belongs to another one is a fault.
fn action(reader: &mut Reader<'_>, table: Table<'_>) -> Option<ActionDoc> {
    #[derive(Clone, Copy)]
    enum Word {
        Boost,
        Bury,
        Pin,
        Hide,
    }
    let words =
        [("boost", Word::Boost), ("bury", Word::Bury), ("pin", Word::Pin), ("hide", Word::Hide)];
    let word = reader.required(table, "action", |reader, value| reader.word(value, &words))?;
    let foreign: &[&str] = match word {
        Word::Boost | Word::Bury => &["position"],
        Word::Pin => &["factor", "brands", "categories", "tags"],
        Word::Hide => &["factor", "position"],
    };
    for key in foreign {
        if let Some(value) = table.value(key) {
            let expected = match word {
                Word::Boost | Word::Bury => "`factor` with boost and bury",
                Word::Pin => "`position` and `products` with pin",
                Word::Hide => "neither `factor` nor `position` with hide",
            };
            let fault = Fault::Conflict { expected: expected.into(), found: format!("`{key}`") };
            reader.fault(value.span().start, fault);
        }
    }
    match word {
        Word::Boost => {
            let factor = reader.required(table, "factor", |r, value| r.number(value, 1.001..=10.0));
            Some(ActionDoc::Boost(thousandths(factor?)))
        }
        Word::Bury => {
            let factor = reader.required(table, "factor", |r, value| r.number(value, 0.0..=0.999));
            Some(ActionDoc::Bury(thousandths(factor?)))
        }
        Word::Pin => pin(reader, table),
        Word::Hide => Some(ActionDoc::Hide),
    }
}

/// A list holds no more than so many pins, and a lookup tries each.
fn pin(reader: &mut Reader<'_>, table: Table<'_>) -> Option<ActionDoc> {
    let position = reader.required(table, "position", |reader, value| {
        reader.count(value, 1..=RESULTS_MAX).and_then(|count| u32::try_from(count).ok())
    });
    let pinned = table.value("products").and_then(|value| value.get_ref().as_array());
    if let Some(first_beyond) = pinned.and_then(|array| array.get(RESULTS_MAX)) {
        let fault = Fault::TooMany { max: RESULTS_MAX, noun: "products of a pin" };
        reader.fault(first_beyond.span().start, fault);
    }
    Some(ActionDoc::Pin { position: position? })
}

fn names(
    reader: &mut Reader<'_>,
    table: Table<'_>,
    key: &'static str,
    bytes_max: usize,
) -> Vec<Name> {
    let names = reader.optional(table, key, |reader, value| {
        let limit = (RULE_VALUES_MAX, "values");
        reader.items(value, limit, |reader, value| reader.name(value, bytes_max))
    });
    names.unwrap_or_default()
}

fn stages(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<StageMask> {
    let words = Stage::ALL.map(|stage| (stage.code(), stage));
    let limit = (RULE_VALUES_MAX, "values");
    let stages = reader.items(value, limit, |reader, value| reader.word(value, &words))?;
    Some(stages.into_iter().fold(StageMask::EVERY, StageMask::with))
}

/// An empty list states nothing.
fn is_stated(table: Table<'_>, kind: &str) -> bool {
    let value = table.value(kind);
    value.is_some_and(|value| value.get_ref().as_array().is_none_or(|array| !array.is_empty()))
}
