//! Products as JSON: pages of REST or GraphQL with everything inside, or the lines of a bulk operation.
//!
//! Only metafields that stand there are spoken of: a query may have asked for some of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    bulk::{self, Index, parent},
    member::{self, Members, Part, check_whole, gid, is_whole, nodes, own_gid},
    metafield::{Metafield, TARGETS_MAX, targets},
    product::VARIANTS_MAX,
};
use crate::{
    model::{
        finding::FindingCode,
        limits::BUNDLE_SELECTIONS_MAX,
        record::{BundleRecord, Location, Record, RecordSink, RelationRecord, ScopeRecord},
        relation::Origin,
        text::shown,
    },
    sources::{
        SourceError,
        files::SourceFile,
        json::JsonReader,
        object::{Object, scalar},
        sample::Deaf,
    },
};

/// Where the products of a page stand.
pub(super) const CONTAINERS: &[&str] = &["products", "data.products.edges", "data.products.nodes"];

/// Types, option names and kinds of lines that are remembered; more than any shop has.
const NAMES_MAX: usize = 20_000;

/// Components of one bundle that are read; Shopify allows 30.
const PARTS_MAX: usize = BUNDLE_SELECTIONS_MAX;

/// The objects of a document that can be read: what an envelope holds, or the document itself.
pub(super) fn inner(members: &Members) -> Vec<&Members> {
    let is_own =
        ["id", "__parentId", "admin_graphql_api_id"].iter().any(|key| members.contains_key(*key));
    if is_own {
        return vec![members];
    }
    for key in ["data", "node", "product"] {
        if let Some(Value::Object(held)) = members.get(key) {
            return inner(held);
        }
    }
    match members.get("products") {
        Some(list @ Value::Object(_)) => nodes(Some(list)),
        _ => vec![members],
    }
}

/// Is it a product of Shopify, or a line that belongs to one?
pub(super) fn is_ours(members: &Members) -> bool {
    let is_one = |members: &&Members| {
        let is_storefront =
            ["handle", "variants", "vendor"].iter().all(|key| members.contains_key(*key));
        own_gid(members).is_some() || parent(members).and_then(gid).is_some() || is_storefront
    };
    inner(members).iter().any(is_one)
}

/// Reads a file.
pub(super) fn read(file: &SourceFile, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let index = Index::read(file)?;
    let id = file.announce(sink);
    let mut document =
        Document { index, spoken: BTreeSet::new(), options: BTreeMap::new(), lines: 0 };
    let mut reader = JsonReader::new(file.open()?, CONTAINERS);
    while let Some(item) = reader.next(id, sink)? {
        for members in inner(&item.object) {
            Reading { document: &mut document, at: item.at, sink }.take(members);
        }
    }
    Ok(())
}

/// What is remembered while a file is read.
struct Document {
    index: Index,
    /// What was said once for the file.
    spoken: BTreeSet<String>,
    /// Options by bundle and name, each with the number that the next one of its name gets.
    options: BTreeMap<(String, String), u32>,
    lines: u32,
}

/// One object being read.
struct Reading<'r> {
    document: &'r mut Document,
    at: Location,
    sink: &'r mut dyn RecordSink,
}

impl Reading<'_> {
    fn take(&mut self, members: &Members) {
        self.document.lines = self.document.lines.saturating_add(1);
        let kind = own_gid(members).and_then(gid).map(|(kind, _)| kind);
        match (kind, parent(members)) {
            (Some(kind @ ("Product" | "ProductVariant")), _) if self.is_reference(members) => {
                let message = "expected each on a line of its own, found what other objects refer \
                               to; that is not read again";
                self.say_once(
                    &format!("__parentId of {kind}"),
                    FindingCode::UnknownColumn,
                    message,
                );
            }
            (Some("ProductVariant"), Some(parent)) => self.variant_line(members, parent),
            (Some("Product"), _) | (None, None) => self.product(members),
            (_, Some(parent)) if members.contains_key("namespace") => {
                let owner = self.document.index.product(parent);
                let owner = owner.map_or_else(|| parent.to_owned(), |facts| facts.id.to_string());
                self.relations(&owner, members);
            }
            (None, Some(parent)) if is_part(members) => self.part_line(members, parent),
            (Some(kind), _) => {
                let message = "expected a product, a variant, a metafield or a component; others \
                               are not read";
                self.say_once(kind, FindingCode::UnknownColumn, message);
            }
            (None, Some(_)) => {
                let message = "expected a metafield or a component of its parent, found neither";
                self.say_once("", FindingCode::BadRow, message);
            }
        }
    }

    /// Does it stand below what refers to it? A product is one if it has a handle and no other line,
    /// as those of a collection may be.
    fn is_reference(&self, members: &Members) -> bool {
        bulk::is_nested(members)
            && own_gid(members).is_some_and(|own| match gid(own) {
                Some(("Product", _)) => {
                    !members.contains_key("handle") || self.document.index.has_own_line(own)
                }
                _ => parent(members).and_then(gid).is_some_and(|(kind, _)| kind == "Metafield"),
            })
    }

    fn product(&mut self, members: &Members) {
        let Some(mut product) = member::product(members, self.at, self.sink) else { return };
        let mut object = Object::new(members, self.at, self.sink);
        for key in ["variants", "metafields", "bundleComponents"] {
            check_whole(&mut object, key);
        }
        if let Some(facts) = own_gid(members).and_then(|gid| self.document.index.product(gid)) {
            product.price = facts.price.clone();
            product.availability = facts.availability;
        }
        let variants = nodes(members.get("variants"));
        for variant in &variants {
            let variant = member::variant(variant, self.at, self.sink);
            if !product.add(variant) {
                let expected = format!("at most {VARIANTS_MAX} variants of a product");
                Object::new(members, self.at, self.sink).bad_value(
                    "variants",
                    &expected,
                    &product.id,
                );
                break;
            }
        }
        let sink = &mut *self.sink;
        product.emit(self.at, &mut |at, record| sink.record(at, record));
        let metafields = nodes(members.get("metafields"));
        // A query may have asked for one by a name of its own.
        let named = members.values().filter_map(Value::as_object);
        let named = named.filter(|one| one.contains_key("namespace") && one.contains_key("key"));
        for metafield in metafields.into_iter().chain(named) {
            self.relations(&product.id, metafield);
        }
        let has_parts = self.parts(&product.id, members, "bundleComponents");
        for variant in variants {
            let read = member::variant(variant, self.at, &mut Deaf);
            if !(has_parts && read.options.is_empty()) {
                self.variant_parts(&read.id(&product.id), variant);
            }
        }
    }

    /// A variant on a line of its own.
    fn variant_line(&mut self, members: &Members, parent: &str) {
        let variant = member::variant(members, self.at, self.sink);
        let Some(facts) = self.document.index.product(parent) else {
            let message = format!(
                "expected a product {} among the first of the file, some 500,000, found none",
                shown(parent)
            );
            self.sink.finding(FindingCode::BadRow, self.at, "__parentId", &message);
            return;
        };
        let (product, visibility) = (facts.id.to_string(), facts.visibility);
        let position = variant.position.unwrap_or(self.document.lines);
        let (at, sink) = (self.at, &mut *self.sink);
        let mut out = |at, record: Record<'_>| sink.record(at, record);
        if variant.options.is_empty() {
            super::product::emit_aliases(&product, &variant.aliases, at, &mut out);
        } else {
            variant.emit(&product, visibility, position, at, &mut out);
        }
        self.variant_parts(&variant.id(&product), members);
    }

    fn variant_parts(&mut self, bundle: &str, members: &Members) {
        let has_parts = self.parts(bundle, members, "productVariantComponents")
            | self.parts(bundle, members, "components");
        let is_listed = ["productVariantComponents", "components"];
        let is_listed = is_listed.iter().any(|key| members.contains_key(*key));
        let needs_parts = members.get("requiresComponents") == Some(&Value::Bool(true));
        if needs_parts && is_listed && !has_parts {
            let message = "expected the components without which it cannot be sold, found none";
            self.sink.finding(FindingCode::BadValue, self.at, "requiresComponents", message);
        }
    }

    /// The components that a member lists; were there any?
    fn parts(&mut self, bundle: &str, members: &Members, key: &str) -> bool {
        if members.get(key).is_none_or(Value::is_null) {
            return false;
        }
        self.speak(ScopeRecord::BUNDLES);
        let parts = nodes(members.get(key));
        let mut object = Object::new(members, self.at, self.sink);
        if is_whole(members.get(key)) && parts.len() <= PARTS_MAX {
            let relation_type = ScopeRecord::BUNDLES;
            object.emit(Record::Scope(ScopeRecord { relation_type, product: Some(bundle) }));
        } else {
            object.leave(ScopeRecord::BUNDLES, bundle);
        }
        self.document.options.clear();
        if parts.len() > PARTS_MAX {
            let message = format!(
                "expected at most {PARTS_MAX} components of a bundle, found {}; the first ones are \
                 read",
                parts.len()
            );
            self.sink.finding(FindingCode::BadValue, self.at, key, &message);
        }
        for (position, part) in (0..).zip(parts.iter().take(PARTS_MAX)) {
            if let Some(part) = member::part(part, self.at, self.sink) {
                self.bundle(bundle, position, part);
            }
        }
        !parts.is_empty()
    }

    fn part_line(&mut self, members: &Members, parent: &str) {
        let Some(part) = member::part(members, self.at, self.sink) else { return };
        self.speak(ScopeRecord::BUNDLES);
        let scope = ScopeRecord { relation_type: ScopeRecord::BUNDLES, product: Some(parent) };
        self.sink.record(self.at, Record::Scope(scope));
        self.bundle(parent, self.document.lines, part);
    }

    /// One option of a fixed bundle, for each part one.
    fn bundle(&mut self, bundle: &str, option_position: u32, part: Part) {
        let option = self.option(bundle, part.name);
        for (selection_position, product) in (0..).zip(&part.choices) {
            let record = BundleRecord {
                bundle,
                option: &option,
                option_position,
                required: true,
                min_selections: 1,
                max_selections: 1,
                product,
                selection_position,
                quantity: part.quantity,
                is_default: part.choices.len() == 1,
            };
            self.sink.record(self.at, Record::Bundle(record));
        }
    }

    /// A name that no other option of the bundle has.
    fn option(&mut self, bundle: &str, name: String) -> String {
        let known = &mut self.document.options;
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        let key = |name: &str| (bundle.to_owned(), name.to_owned());
        let Some(first) = known.get(&key(&name)).copied() else {
            known.insert(key(&name), 2);
            return name;
        };
        // It goes on where it stopped: a thousand of one name do not ask for each number again.
        let mut numbers = (first..).map(|number| (number, format!("{name} {number}")));
        let free = numbers.find(|(_, numbered)| !known.contains_key(&key(numbered)));
        let Some((number, numbered)) = free else { return name };
        known.insert(key(&name), number.saturating_add(1));
        known.insert(key(&numbered), 2);
        numbered
    }

    /// The relations of a metafield, if it lists products.
    fn relations(&mut self, source: &str, members: &Members) {
        let text = |key: &str| members.get(key).and_then(Value::as_str);
        let (Some(namespace), Some(key)) = (text("namespace"), text("key")) else { return };
        let relation_type = match Metafield::typed(namespace, key, text("type")) {
            Metafield::Relations(relation_type) => relation_type,
            Metafield::Display => {
                let message = "expected lists of products, found how a theme mixes them with its \
                               own recommendations; that is not read";
                return self.say_once(key, FindingCode::UnknownColumn, message);
            }
            Metafield::Other => return,
        };
        let value = members.get("value").or(members.get("jsonValue"));
        let listed = match value {
            Some(Value::String(text)) => targets(text),
            Some(Value::Array(items)) => items.iter().map(scalar).collect(),
            Some(Value::Null) => Some(Vec::new()),
            _ => None,
        };
        let Some(listed) = listed else {
            let expected = format!("a list of at most {TARGETS_MAX} GIDs as JSON in a string");
            let mut object = Object::new(members, self.at, self.sink);
            object.leave(&relation_type, source);
            return object.bad_value(key, &expected, "another value");
        };
        if !Object::new(members, self.at, self.sink).is_name(key, &relation_type) {
            return;
        }
        self.speak(&relation_type);
        let scope = ScopeRecord { relation_type: &relation_type, product: Some(source) };
        self.sink.record(self.at, Record::Scope(scope));
        for (position, target) in (0..).zip(listed) {
            if Object::new(members, self.at, self.sink).is_id(key, &target) {
                let link = RelationRecord::new(source, &relation_type, &target, Origin::Imported);
                let link = RelationRecord { position: Some(position), ..link };
                self.sink.record(self.at, Record::Relation(link));
            }
        }
    }

    /// Says once that the file speaks of a type.
    fn speak(&mut self, relation_type: &str) {
        if self.is_new(relation_type) {
            let scope = ScopeRecord { relation_type, product: None };
            self.sink.record(self.at, Record::Scope(scope));
        }
    }

    fn say_once(&mut self, field: &str, code: FindingCode, message: &str) {
        if self.is_new(&format!("{}:{}", code.code(), shown(field))) {
            self.sink.finding(code, self.at, field, message);
        }
    }

    fn is_new(&mut self, name: &str) -> bool {
        let spoken = &mut self.document.spoken;
        !spoken.contains(name) && spoken.len() < NAMES_MAX && spoken.insert(name.to_owned())
    }
}

fn is_part(members: &Members) -> bool {
    ["componentProduct", "productVariant"].iter().any(|key| members.contains_key(*key))
}
