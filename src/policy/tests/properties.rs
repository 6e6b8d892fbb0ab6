//! Whatever the text: no panic, places inside it, and what was written is read again.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};

use super::{HEADER, TinyCatalog, overrides};
use crate::{
    model::text::Place,
    policy::{
        BUILT_IN_POLICY, Names as _, OverridesDoc, Policy, PolicyDoc, PolicyErrors,
        overrides_document::OverrideColumn as Column,
    },
};

const POLICY_WORDS: [&str; 40] = [
    "[[placements]]\n",
    "[[rules]]\n",
    "[stages.checkout]\n",
    "[placements.filter]\n",
    "[placements.stages.checkout]\n",
    "[placements]\n",
    "id = ",
    "action = ",
    "mix = ",
    "fallback = ",
    "filter = ",
    "price = ",
    "diversity = ",
    "rotate = ",
    "min_score = ",
    "valid_from = ",
    "valid_to = ",
    "products = ",
    "placements = ",
    "stages = ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\n",
    "\"a\"",
    "\"pin\"",
    "\"checkout\"",
    "type = ",
    "placement = ",
    "popular_in = ",
    "variant_group = ",
    "true",
    "1",
    "-0.5",
    "2026-01-01",
    "99999999999999999999",
    "'''",
    "é",
];

const ROW_WORDS: [&str; 20] = [
    "pin",
    "add",
    "hide",
    "remove",
    "reorder",
    ",",
    ",",
    ",",
    ",,",
    "\n",
    "\r\n",
    "\"",
    "\"\"",
    "case",
    "phone",
    "1",
    "2026-01-01",
    "de|uk",
    "é",
    "\u{feff}",
];

/// Type, target, reason.
type PlainRow = (Option<u8>, u32, String);

/// Places are inside the text, and there are faults.
fn check_places(text: &str, errors: &PolicyErrors) -> Result<(), TestCaseError> {
    prop_assert!(!errors.errors().is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for error in errors.errors() {
        let Place { line, column } = error.place;
        let found = lines.get(line as usize - 1);
        let width = found.map(|line| line.chars().count() + 1);
        prop_assert!(
            width.is_some_and(|width| (1..=width).contains(&(column as usize))),
            "{error}"
        );
    }
    prop_assert!(errors.errors().is_sorted_by_key(|error| error.place));
    Ok(())
}

fn check_policy(text: &str) -> Result<(), TestCaseError> {
    match PolicyDoc::parse("p", text) {
        Ok(document) => {
            let catalog = TinyCatalog::phones();
            let (first, unbound) = Policy::bind(&document, None, &catalog);
            prop_assert_eq!((first, unbound), Policy::bind(&document, None, &catalog));
        }
        Err(errors) => check_places(text, &errors)?,
    }
    Ok(())
}

fn check_overrides(text: &str) -> Result<(), TestCaseError> {
    match OverridesDoc::parse("o", text) {
        Ok(document) => {
            let written = document.to_csv();
            let again = OverridesDoc::parse("o", &written);
            prop_assert_eq!(again.map(|document| document.to_csv()), Ok(written));
        }
        Err(errors) => check_places(text, &errors)?,
    }
    Ok(())
}

/// A row that is right, as its cells.
fn rows() -> impl Strategy<Value = Vec<[String; 11]>> {
    let id = select(vec!["phone", "case", "film", "tablet", "gone", "a,b", "\"q\"", "é\nü"]);
    let kind = select(vec!["", "accessory", "up_sell", "nope"]);
    let market = select(vec!["", "de", "uk|de", "us"]);
    let parts =
        (0..5_usize, id.clone(), kind, id, 1..=100_u32, any::<bool>(), market, "[ -~]{1,9}");
    vec(parts, 0..30).prop_map(|rows| {
        let rows = rows.into_iter().filter_map(
            |(action, source, kind, target, position, said, market, reason)| {
                let action = ["add", "remove", "reorder", "pin", "hide"][action];
                if source == target || reason.trim().is_empty() {
                    return None;
                }
                let kind = match action {
                    "hide" => "",
                    "add" | "reorder" if kind.is_empty() => "accessory",
                    _ => kind,
                };
                let source = if action == "hide" && said { "" } else { source };
                let position = match action {
                    "pin" | "reorder" => position.to_string(),
                    "add" if said => position.to_string(),
                    _ => String::new(),
                };
                let cells = [
                    action,
                    source,
                    kind,
                    target,
                    &position,
                    "",
                    market,
                    "",
                    "",
                    "ann",
                    reason.trim(),
                ];
                Some(cells.map(str::to_owned))
            },
        );
        // One of each key, as a document must have.
        let by_key = rows.map(|row| ([0, 1, 2, 3, 6].map(|cell| row[cell].clone()), row));
        by_key.collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

fn added(rows: &[[String; 11]]) -> OverridesDoc {
    let mut document = OverridesDoc::default();
    for row in rows {
        let cells: Vec<(Column, &str)> =
            Column::ALL.into_iter().zip(row.iter().map(String::as_str)).collect();
        document.add(&cells).unwrap_or_else(|errors| panic!("{errors}"));
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_a_document_or_has_its_faults(text in any::<String>()) {
        check_policy(&text)?;
        check_overrides(&text)?;
        check_overrides(&format!("{HEADER}\n{text}"))?;
    }

    #[test]
    fn any_order_of_words_is_a_document_or_has_its_faults(
        words in vec(select(POLICY_WORDS.to_vec()), 0..60),
        cells in vec(select(ROW_WORDS.to_vec()), 0..60),
    ) {
        check_policy(&words.concat())?;
        check_overrides(&format!("{HEADER}\n{}", cells.concat()))?;
    }

    #[test]
    fn a_policy_with_a_slip_is_a_document_or_has_its_faults(
        at in any::<prop::sample::Index>(),
        removed in 0..20_usize,
        put in select(POLICY_WORDS.to_vec()),
    ) {
        let begin = BUILT_IN_POLICY.floor_char_boundary(at.index(BUILT_IN_POLICY.len()));
        let end = BUILT_IN_POLICY.ceil_char_boundary((begin + removed).min(BUILT_IN_POLICY.len()));
        let text = [BUILT_IN_POLICY.get(..begin).unwrap(), put, BUILT_IN_POLICY.get(end..).unwrap()].concat();
        check_policy(&text)?;
    }

    #[test]
    fn what_was_added_is_written_and_read_again_in_any_order(rows in rows().prop_shuffle()) {
        let document = added(&rows);
        let written = document.to_csv();
        let mut sorted = rows.clone();
        sorted.sort();
        prop_assert_eq!(&added(&sorted).to_csv(), &written);
        let again = OverridesDoc::parse("o", &written).unwrap();
        prop_assert_eq!(again.rows().len(), rows.len());
        prop_assert_eq!(again.to_csv(), written);
    }

    /// A plain map from source to rows is what binding must equal.
    #[test]
    fn bound_overrides_are_those_of_a_plain_map(rows in rows()) {
        let catalog = TinyCatalog::phones();
        let document = OverridesDoc::parse("o", &added(&rows).to_csv()).unwrap();
        let bound = Policy::bind(&super::parsed(""), Some(&document), &catalog).0;
        let mut map: BTreeMap<Option<u32>, Vec<PlainRow>> = BTreeMap::new();
        for row in document.rows() {
            let cell = |column| row.cell(column);
            let source = Some(cell(Column::Source)).filter(|source| !source.is_empty());
            let kind = Some(cell(Column::Type)).filter(|kind| !kind.is_empty());
            let markets = cell(Column::Markets);
            let target = catalog.product(&cell(Column::Target));
            let is_known = source.as_ref().is_none_or(|id| catalog.product(id).is_some())
                && kind.as_ref().is_none_or(|code| catalog.relation_type(code).is_some())
                && (markets.is_empty() || markets.split('|').any(|id| catalog.market(id).is_some()));
            if let (Some(target), true) = (target, is_known) {
                let source = source.and_then(|id| catalog.product(&id));
                let kind = kind.and_then(|code| catalog.relation_type(&code)).map(|kind| kind.number());
                map.entry(source).or_default().push((kind, target, cell(Column::Reason)));
            }
        }
        let overrides = bound.overrides();
        for product in 0..8 {
            let expected = map.get(&Some(product)).cloned().unwrap_or_default();
            let mut sorted = expected.clone();
            sorted.sort_by_key(|(kind, ..)| *kind);
            let found = overrides.of(product).iter().map(|row| {
                (row.relation_type.map(|kind| kind.number()), row.target, row.reason.to_string())
            });
            prop_assert_eq!(found.collect::<Vec<_>>(), sorted);
            prop_assert_eq!(overrides.is_touched(product), !expected.is_empty());
            let everywhere = map.get(&None).map_or(0, |rows| {
                rows.iter().filter(|(_, target, _)| *target == product).count()
            });
            prop_assert_eq!(overrides.hides_everywhere(product).len(), everywhere);
        }
    }
}

#[test]
fn the_words_of_rows_reach_rows_that_are_right() {
    overrides("pin,phone,,case,1,,,2026-01-01,,é,\"\"\"\"");
}
