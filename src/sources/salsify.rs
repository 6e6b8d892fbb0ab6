//! Salsify: JSON exports of a channel, and single products of its CRUD interface.
//!
//! An export is an array of objects of one key each: `header`, `attributes`, `attribute_values`,
//! `digital_assets`, `products`, in this order; it is streamed. Ids are case-sensitive and may hold
//! spaces; a property holds one value or a list.
//!
//! - Relations are free text: `salsify:relations` names its type in the property that has the role of
//!   the relation type, `relation_type` where none has, or `salsify:relation_type`. The type is passed
//!   on as `salsify:Cross-Sell`. The place in the list is the position.
//! - Files of 2013 have `accessories` instead, with a property for the type and one for the target.
//! - A product that has the list speaks of every type that the export enumerates; one that has none
//!   does so only in an export whose scope is `all`, which leaves out what is empty.

mod relations;
mod roles;
mod values;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::{roles::Roles, values::first_text};
use super::{
    Fit, Format, SourceError,
    files::{Depth, SourceFile, Tree},
    json::{JsonItem, JsonReader},
    object::Object,
    sample::Sample,
    unknown::UnknownKeys,
};
use crate::model::{
    finding::FindingCode,
    id::IdRule,
    record::{ProductRecord, Record, RecordSink},
    text::shown,
};

/// `--from salsify=FILE` or `--from salsify=DIR`.
pub(crate) const FORMAT: Format = Format {
    name: "salsify",
    about: "Salsify: JSON exports with salsify:relations, and single products (JSON)",
    id_rule: IdRule::Exact,
    depth: Depth::Every,
    recognizes,
    read,
};

const EXPECTED: &str = "a .json file with products of Salsify";

/// The parts of an export that are lists; webhooks add the parents of what changed.
const CONTAINERS: &[&str] =
    &["attributes", "attribute_values", "digital_assets", "products", "parent_products"];

/// Relation types of one export that are remembered: more than any catalog can declare.
const TYPES_MAX: usize = 256;

/// What an export has said of itself so far.
#[derive(Debug, Default)]
struct Export {
    /// It holds everything of every product.
    is_whole: bool,
    roles: Roles,
    /// Types that the relation type's property enumerates.
    types: BTreeSet<String>,
    /// Types of which the input is known to speak.
    told: BTreeSet<String>,
    unknown: UnknownKeys,
}

fn recognizes(sample: &Sample<'_>) -> Fit {
    let is_ours = |(container, object): (&str, Map<String, Value>)| {
        let header = object.get("header").filter(|_| container.is_empty());
        header.is_some_and(|header| header.get("scope").is_some())
            || object.keys().any(|key| key.starts_with("salsify:"))
    };
    if sample.item(CONTAINERS).is_some_and(is_ours) { Fit::Sure } else { Fit::No }
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let is_json = |file: &SourceFile| {
        file.is_stdin() || matches!(file.extension(), "json" | "jsonl" | "ndjson")
    };
    if !tree.files.iter().any(is_json) {
        return Err(SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED });
    }
    for file in &tree.files {
        if !is_json(file) {
            file.ignore(sink, "expected a .json file, found another one");
            continue;
        }
        let mut reader = JsonReader::new(file.open()?, CONTAINERS);
        let id = file.announce(sink);
        let mut export = Export::default();
        while let Some(item) = reader.next(id, sink)? {
            export.item(&item, sink);
        }
    }
    Ok(())
}

impl Export {
    fn item(&mut self, item: &JsonItem, sink: &mut dyn RecordSink) {
        let mut object = Object::new(&item.object, item.at, sink);
        match item.container {
            "attributes" => self.roles.learn(&item.object),
            "attribute_values" => self.learn_type(&item.object),
            "digital_assets" => {}
            "" => match item.object.get("header") {
                Some(header) => self.is_whole = is_whole(header),
                None => self.product(&mut object, &item.object),
            },
            _ => self.product(&mut object, &item.object),
        }
    }

    /// A value of the property that names relation types is one of them.
    fn learn_type(&mut self, value: &Map<String, Value>) {
        let property = first_text(value.get("salsify:attribute_id")).unwrap_or_default();
        let is_type = property == self.roles.relation_type.as_deref().unwrap_or("relation_type");
        let id = first_text(value.get("salsify:id")).filter(|id| is_type && !id.is_empty());
        if let Some(id) = id.filter(|_| self.types.len() < TYPES_MAX) {
            self.types.insert(id.into_owned());
        }
    }

    fn product(&mut self, object: &mut Object<'_>, members: &Map<String, Value>) {
        let key = self.id_key(members);
        let Some(key) = key else {
            let keys: Vec<String> = members.keys().take(8).map(|key| shown(key).into()).collect();
            let message = format!(
                "expected a product with `salsify:id`, found an object with the keys `{}`",
                keys.join("`, `")
            );
            object.finding(FindingCode::BadRow, "", &message);
            return;
        };
        let Some(id) = first_text(members.get(key)).filter(|id| object.is_id(key, id)) else {
            return;
        };
        let parent = first_text(members.get("salsify:parent_id")).filter(|id| !id.is_empty());
        let title = self.roles.name.as_deref().and_then(|name| {
            let title = first_text(members.get(name)).filter(|title| !title.is_empty())?;
            Some((name, title))
        });
        let product = ProductRecord {
            id: &id,
            title: title.as_ref().map(|(name, title)| object.cut_title(name, title)),
            parent: parent.as_deref().filter(|id| object.is_name("salsify:parent_id", id)),
            ..ProductRecord::default()
        };
        object.emit(Record::Product(product));
        self.relations(object, members, &id);
    }

    /// The member that holds a product's id.
    fn id_key<'k>(&'k self, members: &'k Map<String, Value>) -> Option<&'k str> {
        let keys = ["salsify:id"].into_iter().chain(self.roles.id.as_deref());
        keys.into_iter().find(|key| members.contains_key(*key))
    }
}

/// Does a header say that nothing was left out?
fn is_whole(header: &Value) -> bool {
    match header.get("scope") {
        Some(Value::Array(scopes)) => scopes.iter().any(|scope| scope == "all"),
        Some(scope) => scope == "all",
        None => false,
    }
}
