//! Columns that list the targets of a product, or the parts of a bundle.

use std::cell::Cell;

use super::plan::List;
use crate::{
    model::{
        finding::FindingCode,
        record::{BundleRecord, Record, RelationRecord, ScopeRecord},
        relation::Origin,
        text::shown,
    },
    sources::{
        row::{Row, quantity},
        table::Column,
    },
};

const PRODUCT: Column = Column { name: "product", index: Some(0) };
const LIST: Column = Column { name: "list", index: Some(1) };
const POSITIONS: Column = Column { name: "positions", index: Some(2) };

/// One item of a list.
struct Item<'a> {
    target: &'a str,
    quantity: Option<f64>,
}

/// `B, C/2`: links of one type, by their positions, then as they stand.
pub(super) fn emit_links(
    row: &mut Row<'_>,
    relation_type: &str,
    list: &List,
    has_spoken: &Cell<bool>,
) {
    let Some(source) = row.id(PRODUCT) else { return };
    let Some(items) = read(row, source, relation_type, list, has_spoken) else { return };
    for (rank, Item { target, quantity }) in (0..).zip(items) {
        let link = RelationRecord::new(source, relation_type, target, Origin::Imported);
        let record = RelationRecord { position: Some(rank), quantity, ..link };
        row.emit(row.at(), Record::Relation(record));
    }
}

/// `B/2, C`: parts of a bundle, each of which has to be taken.
pub(super) fn emit_parts(row: &mut Row<'_>, list: &List, has_spoken: &Cell<bool>) {
    let Some(bundle) = row.id(PRODUCT) else { return };
    let Some(items) = read(row, bundle, ScopeRecord::BUNDLES, list, has_spoken) else { return };
    for (option_position, Item { target, quantity }) in (0..).zip(items) {
        let record = BundleRecord {
            bundle,
            option: target,
            option_position,
            required: true,
            min_selections: 1,
            max_selections: 1,
            product: target,
            selection_position: 0,
            quantity: quantity.unwrap_or(1.0),
            is_default: true,
        };
        row.emit(row.at(), Record::Bundle(record));
    }
}

/// The items of the list in their order; `None` where the cell says nothing.
fn read<'a>(
    row: &mut Row<'a>,
    product: &str,
    relation_type: &str,
    list: &List,
    has_spoken: &Cell<bool>,
) -> Option<Vec<Item<'a>>> {
    if !row.is_list(LIST) {
        return None;
    }
    if !has_spoken.replace(true) {
        row.emit(row.at(), Record::Scope(ScopeRecord { relation_type, product: None }));
    }
    let texts = row.items(LIST, "\0");
    let is_blank = texts.iter().all(|text| text.is_empty());
    if is_blank && list.blank_keeps {
        return None;
    }
    row.speak_of(relation_type, product);
    let mut positions = row.items(POSITIONS, "\0").into_iter();
    let mut items = Vec::new();
    for text in texts {
        let position = positions.next().filter(|text| !text.is_empty());
        let parsed = position.map(str::parse::<u32>);
        if let (Some(position), Some(Err(_))) = (position, &parsed) {
            row.bad_value(POSITIONS, "whole numbers", position);
        }
        let position = parsed.and_then(Result::ok);
        items.extend(item(row, list, text).map(|item| (position.is_none(), position, item)));
    }
    items.sort_by_key(|(missing, position, _)| (*missing, *position));
    Some(items.into_iter().map(|(.., item)| item).collect())
}

fn item<'a>(row: &mut Row<'a>, list: &List, text: &'a str) -> Option<Item<'a>> {
    if text.is_empty() {
        return None;
    }
    if list.automatic.iter().any(|automatic| automatic == text) {
        let message = format!(
            "expected products, found `{}`, by which the system chooses them itself; nothing is \
             read for it",
            shown(text)
        );
        row.finding(FindingCode::BadValue, row.at(), LIST, &message);
        return None;
    }
    let parts = list.quantity_separator.as_deref().and_then(|between| text.rsplit_once(between));
    let (target, amount) = parts.unwrap_or((text, ""));
    let (target, amount) = (target.trim(), amount.trim());
    let units = quantity(amount);
    if units.is_none() && !amount.is_empty() {
        row.bad_value(LIST, "a quantity above 0 behind the product", text);
    }
    row.is_id(row.at(), LIST, target).then_some(Item { target, quantity: units })
}
