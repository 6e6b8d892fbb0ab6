//! What goes with a product of the REST interface: its links, and the options of a bundle.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{LINKS, number, scope};
use crate::{
    model::{
        finding::FindingCode,
        limits::BUNDLE_SELECTIONS_MAX,
        record::{Record, RelationRecord, ScopeRecord},
        relation::Origin,
    },
    sources::{
        magento::{
            LINK_TYPES,
            parts::{Selection, grouped_part, option},
        },
        object::{Object, kind, scalar},
    },
};

/// Options and selections of a bundle.
pub(super) const OPTIONS: &str = "bundle_product_options";

/// A link as it stands in a list.
struct Link {
    code: String,
    target: String,
    position: Option<u32>,
    quantity: f64,
}

fn read_link(object: &mut Object<'_>) -> Option<Link> {
    let code = object.text("link_type").unwrap_or_default().into_owned();
    let target = object.text("linked_product_sku").unwrap_or_default().into_owned();
    if !object.is_id("linked_product_sku", &target) {
        return None;
    }
    let position = object.text("position").and_then(|text| {
        let position = text.parse().ok();
        if position.is_none() {
            object.bad_value("position", "a whole number from 0 to 4294967295", &text);
        }
        position
    });
    let extension = object.map("extension_attributes");
    let quantity = extension.and_then(|extension| extension.get("qty")).and_then(scalar);
    let quantity = quantity.and_then(|text| text.parse().ok());
    let quantity = quantity.filter(|number: &f64| number.is_finite() && *number > 0.0);
    Some(Link { code, target, position, quantity: quantity.unwrap_or_default() })
}

/// The type of a link that is no part of a grouped product.
fn relation_type(object: &mut Object<'_>, code: &str) -> Option<&'static str> {
    let known = LINK_TYPES.into_iter().find(|(name, _)| *name == code);
    if known.is_none() {
        object.bad_value("link_type", "related, crosssell, upsell or associated", code);
    }
    known.map(|(_, relation_type)| relation_type)
}

/// An item of `/V1/products/SKU/links/TYPE`.
pub(super) fn link(object: &mut Object<'_>) {
    let Some(sku) = object.id("sku") else {
        object.finding(FindingCode::BadRow, "sku", "expected a link with a `sku`, found none");
        return;
    };
    let Some(link) = read_link(object) else { return };
    if link.code == "associated" {
        let part = grouped_part(&sku, &link.target, link.position.unwrap_or(0), link.quantity);
        object.emit(Record::Bundle(part));
    } else if let Some(relation_type) = relation_type(object, &link.code) {
        let relation = RelationRecord::new(&sku, relation_type, &link.target, Origin::Imported);
        object.emit(Record::Relation(RelationRecord { position: link.position, ..relation }));
    }
}

/// `product_links`: by `(position, place in the list)`, a missing position last.
pub(super) fn links(object: &mut Object<'_>, sku: &str) {
    if object.value(LINKS).is_none() {
        return;
    }
    let is_grouped = object.text("type_id").as_deref() == Some("grouped");
    let is_read = is_read(object, LINKS);
    let types = LINK_TYPES.iter().map(|(_, relation_type)| *relation_type);
    for relation_type in types.chain(is_grouped.then_some(ScopeRecord::BUNDLES)) {
        speak_of(object, relation_type, sku, is_read);
    }
    let mut links = Vec::new();
    for item in object.list(LINKS) {
        match item.as_object() {
            Some(members) => links.extend(read_link(&mut object.within(members))),
            None => object.bad_value(LINKS, "an object a link", kind(item)),
        }
    }
    links.sort_by_key(|link| (link.position.is_none(), link.position));
    let mut ranks: BTreeMap<&str, u32> = BTreeMap::new();
    for link in &links {
        let rank = ranks.entry(&link.code).or_default();
        if link.code == "associated" {
            let part = grouped_part(sku, &link.target, *rank, link.quantity);
            object.emit(Record::Bundle(part));
        } else if let Some(relation_type) = relation_type(object, &link.code) {
            let position = Some(*rank);
            let relation = RelationRecord::new(sku, relation_type, &link.target, Origin::Imported);
            object.emit(Record::Relation(RelationRecord { position, ..relation }));
        }
        *rank += 1;
    }
}

/// Is a member a list of objects?
fn is_read(object: &Object<'_>, key: &str) -> bool {
    let items = object.value(key).and_then(Value::as_array);
    object.is_list(key) && items.is_none_or(|items| items.iter().all(Value::is_object))
}

/// Says that a list is all there is of a type for a product, or that it cannot be read.
fn speak_of(object: &mut Object<'_>, relation_type: &str, product: &str, is_read: bool) {
    if is_read {
        object.emit(scope(relation_type, Some(product)));
    } else {
        object.leave(relation_type, product);
    }
}

/// A selection of an option, its texts as they stand.
struct Choice {
    product: String,
    quantity: Option<f64>,
    is_default: bool,
}

/// `bundle_product_options`: options and selections by their positions. Two options of one title are
/// told apart by their numbers.
pub(super) fn options(object: &mut Object<'_>, bundle: &str) {
    if object.value(OPTIONS).is_none() {
        return;
    }
    let is_read = is_read(object, OPTIONS);
    speak_of(object, ScopeRecord::BUNDLES, bundle, is_read);
    let mut options: Vec<&Map<String, Value>> = Vec::new();
    for item in object.list(OPTIONS) {
        match item.as_object() {
            Some(members) => options.push(members),
            None => object.bad_value(OPTIONS, "an object an option", kind(item)),
        }
    }
    options.sort_by_key(|members| place(members));
    let mut names: Vec<String> = Vec::new();
    let mut count = 0;
    for (option_position, members) in (0..).zip(options) {
        let mut object = object.within(members);
        let id = object.text("option_id").unwrap_or_default();
        let mut name = object.text("title").unwrap_or(Cow::Borrowed("")).into_owned();
        if name.is_empty() || names.contains(&name) {
            name = format!("{name} ({id})").trim().to_owned();
        }
        let choices = choices(&mut object, &mut count);
        let kind = object.text("type").unwrap_or_default();
        let required = object.switch("required");
        let selections: Vec<Selection<'_>> = choices
            .iter()
            .map(|choice| Selection {
                option: &name,
                kind: &kind,
                required,
                product: &choice.product,
                quantity: choice.quantity,
                is_default: choice.is_default,
            })
            .collect();
        option(bundle, option_position, &selections)
            .for_each(|part| object.emit(Record::Bundle(part)));
        names.push(name);
    }
}

fn choices(object: &mut Object<'_>, count: &mut usize) -> Vec<Choice> {
    let mut found = Vec::new();
    for item in object.list(LINKS) {
        let Value::Object(members) = item else {
            object.bad_value(LINKS, "an object a selection", kind(item));
            continue;
        };
        *count += 1;
        if *count > BUNDLE_SELECTIONS_MAX {
            let expected = format!("at most {BUNDLE_SELECTIONS_MAX} selections");
            object.bad_value(LINKS, &expected, "another");
            break;
        }
        let mut selection = object.within(members);
        let product = selection.text("sku").unwrap_or_default().into_owned();
        if selection.is_id("sku", &product) {
            let quantity = selection.quantity("qty");
            let is_default = selection.switch("is_default").unwrap_or(false);
            found.push((place(members), Choice { product, quantity, is_default }));
        }
    }
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, choice)| choice).collect()
}

/// The position of a member of a list, a missing one last.
fn place(members: &Map<String, Value>) -> u64 {
    members.get("position").and_then(number).unwrap_or(u64::MAX)
}
