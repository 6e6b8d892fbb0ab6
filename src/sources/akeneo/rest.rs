//! The REST API's JSON: pages (`_embedded.items`), lists, single objects and objects a line.
//!
//! Each item is known by its keys, so that one file may hold pages of several endpoints. Empty maps
//! come as `[]`; a product of `/products-uuid` has its identifier among its values, or none.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{
    columns::rank,
    links::{self, Links, relation_type},
    structure::{self, Structure},
};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{
            AliasRecord, PriceRecord, ProductRecord, Record, RecordSink, ScopeRecord, Visibility,
        },
    },
    sources::{
        SourceError,
        files::SourceFile,
        json::JsonReader,
        object::{Object, scalar},
    },
};

/// The maps of a product's association types, and the links that such a map is all of.
const MAPS: [(&str, &str); 2] = [
    ("associations", ScopeRecord::EVERY_PLAIN),
    ("quantified_associations", ScopeRecord::EVERY_COUNTED),
];

/// Where the products stand that a type links to.
const LEVELS: [&str; 3] = ["products", "product_uuids", "product_models"];

/// Where the items of a page stand.
pub(super) const CONTAINERS: &[&str] = &["_embedded.items"];

/// What an item is, in the order in which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Attribute,
    Family,
    Category,
    AssociationType,
    Group,
    ProductModel,
    Product,
}

/// What these keys make of an object.
pub(super) fn kind(item: &Map<String, Value>) -> Option<Kind> {
    let has = |key: &str| item.contains_key(key);
    if has("family_variant") && has("code") {
        return Some(Kind::ProductModel);
    }
    let is_product = ["values", "associations", "quantified_associations", "family", "enabled"];
    if (has("identifier") || has("uuid")) && is_product.into_iter().any(has) {
        return Some(Kind::Product);
    }
    if !has("code") {
        return None;
    }
    let has_type = |prefix: &str| {
        item.get("type").and_then(Value::as_str).is_some_and(|text| text.starts_with(prefix))
    };
    if has("is_two_way") || has("is_quantified") {
        Some(Kind::AssociationType)
    } else if has("attribute_as_label") {
        Some(Kind::Family)
    } else if has_type("pim_") {
        Some(Kind::Attribute)
    } else if has("type") && has("labels") {
        Some(Kind::Group)
    } else if has("parent") && has("labels") {
        Some(Kind::Category)
    } else {
        None
    }
}

/// Reads a file.
pub(super) fn read(
    file: &SourceFile,
    structure: &mut Structure,
    links: &mut Links,
    sink: &mut dyn RecordSink,
) -> Result<(), SourceError> {
    let mut reader = JsonReader::new(file.open()?, CONTAINERS);
    let id = file.announce(sink);
    while let Some(item) = reader.next(id, sink)? {
        let kind = kind(&item.object);
        let mut object = Object::new(&item.object, item.at, sink);
        let code = object.text("code").unwrap_or_default();
        match kind {
            Some(Kind::Attribute) => {
                let of = object.text("type").unwrap_or_default();
                let is_main = object.switch("is_main_identifier").unwrap_or(false);
                structure.declare_attribute(&code, &of, is_main);
            }
            Some(Kind::Family) => {
                let label = object.text("attribute_as_label").unwrap_or_default();
                if !structure.declare_family(&code, &label) {
                    object.bad_value("code", structure::FEWER, &code);
                }
            }
            Some(Kind::Category) => {
                let parent = object.text("parent").unwrap_or_default();
                if !structure.declare_category(&code, &parent) {
                    object.bad_value("code", structure::FEWER, &code);
                }
            }
            Some(Kind::AssociationType) => {
                let is_two_way = object.switch("is_two_way").unwrap_or(false);
                if !links.declare_type(&code, is_two_way) {
                    object.bad_value("code", links::FEWER, &code);
                }
            }
            Some(Kind::Group) => {
                if !links.declare_group(&code) {
                    object.bad_value("code", links::FEWER, &code);
                }
            }
            Some(Kind::ProductModel) => {
                if let Some(id) = object.id("code") {
                    emit(&mut object, &id, "family_variant", structure, links);
                }
            }
            Some(Kind::Product) => emit_product(&mut object, structure, links),
            None => {
                let message = "expected a product, product model, association type, group, \
                               category, family or attribute, found an object with other keys";
                object.finding(FindingCode::BadRow, "", message);
            }
        }
    }
    Ok(())
}

fn emit_product(object: &mut Object<'_>, structure: &Structure, links: &mut Links) {
    let uuid = object.id("uuid");
    let identifier = match object.value("identifier") {
        Some(_) => object.id("identifier"),
        None => identifier(object, structure),
    };
    // Since 7.0 a product may have a uuid alone.
    let Some(id) = identifier.or_else(|| uuid.clone()) else {
        let message = "expected an identifier or a uuid, found none";
        return object.finding(FindingCode::BadRow, "identifier", message);
    };
    emit(object, &id, "family", structure, links);
    if let Some(uuid) = uuid.filter(|uuid| *uuid != id) {
        object.emit(Record::Alias(AliasRecord { alias: &uuid, product: &id }));
    }
    let groups = object.texts("groups");
    if !groups.is_empty() {
        links.note_groups(object.at());
    }
    for group in groups {
        if !links.add_member(&group, &id) {
            object.bad_value("groups", links::FEWER, &group);
        }
    }
}

/// The identifier among the values: the one of that type, else of that attribute, else the SKU.
fn identifier<'a>(object: &mut Object<'a>, structure: &Structure) -> Option<Cow<'a, str>> {
    let values = object.map("values")?;
    let is_identifier = |value: &&Value| {
        let entry = value.get(0).and_then(|entry| entry.get("attribute_type"));
        entry.and_then(Value::as_str) == Some("pim_catalog_identifier")
    };
    let by_type = values.values().find(is_identifier);
    let by_name = || {
        let names = [structure.identifier(), Some("sku"), Some("identifier")];
        names.into_iter().flatten().find_map(|name| values.get(name))
    };
    let data = by_type.or_else(by_name)?.get(0)?.get("data")?;
    let text = scalar(data).filter(|text| !text.is_empty())?;
    object.is_id("values", &text).then_some(text)
}

/// Emits a product or model and its links.
fn emit(object: &mut Object<'_>, id: &str, family: &str, structure: &Structure, links: &mut Links) {
    let family = object.text(family).unwrap_or_default();
    let values = object.map("values");
    let value = |attribute: &str| values.and_then(|values| text_value(values.get(attribute)?));
    let title = value(structure.label(&family)).or_else(|| value("name"));
    let brand = value("brand").filter(|brand| object.is_name("values", brand));
    let codes = object.texts("categories");
    let paths = structure.paths(codes.iter().map(|code| &**code));
    for relation_type in &structure.rootless(&paths) {
        object.emit(Record::Scope(ScopeRecord { relation_type, product: None }));
    }
    let mut categories: Vec<&str> = paths.iter().map(String::as_str).collect();
    categories.retain(|path| object.is_category("categories", path));
    let enabled = object.switch("enabled");
    let enabled = enabled.unwrap_or_else(|| object.value("enabled").is_none());
    let parent = object.text("parent").filter(|parent| object.is_name("parent", parent));
    let product = ProductRecord {
        id,
        title: title.as_deref().map(|title| object.cut_title("values", title)),
        brand: brand.as_deref(),
        categories,
        price: values.and_then(|values| price(object, values)),
        parent: parent.as_deref(),
        visibility: if enabled { Visibility::Visible } else { Visibility::Hidden },
        ..ProductRecord::default()
    };
    object.emit(Record::Product(product));
    for (key, every) in MAPS {
        emit_links(object, id, key, every, links);
    }
}

/// The text of an attribute, in the locale that ranks first.
fn text_value(entries: &Value) -> Option<Cow<'_, str>> {
    let locale = |entry: &Value| {
        let locale = entry.get("locale").and_then(Value::as_str).unwrap_or_default();
        (rank(locale), locale.to_owned())
    };
    let entry = entries.as_array()?.iter().min_by_key(|entry| locale(entry))?;
    scalar(entry.get("data")?).filter(|text| !text.is_empty())
}

/// The price in euros, else in the first currency by name; null is none.
fn price<'a>(object: &mut Object<'_>, values: &'a Map<String, Value>) -> Option<PriceRecord<'a>> {
    let prices = values.get("price")?.get(0)?.get("data")?.as_array()?;
    let currency = |price: &Value| {
        let currency = price.get("currency").and_then(Value::as_str).unwrap_or_default();
        (currency != "EUR", currency.to_owned())
    };
    let price = prices.iter().min_by_key(|price| currency(price))?;
    let amount = price.get("amount").filter(|amount| !amount.is_null())?;
    let parsed = scalar(amount).and_then(|text| Decimal::parse(&text));
    let Some(amount) = parsed.filter(|amount| amount.digits >= 0) else {
        object.bad_value("price", "an amount like `12.50`", &amount.to_string());
        return None;
    };
    Some(PriceRecord { amount, currency: price.get("currency")?.as_str() })
}

fn emit_links(object: &mut Object<'_>, source: &str, key: &str, every: &str, links: &mut Links) {
    let at = object.at();
    if object.value(key).is_some() {
        links.note_place(at, 1);
    }
    let types = object.map(key);
    let is_empty = object.value(key).is_some_and(is_none);
    // What cannot be read says nothing of the types that are not there.
    let is_read = |levels: &Value| is_none(levels) || levels.is_object();
    if is_empty || types.is_some_and(|types| types.values().all(is_read)) {
        let relation_type = format!("{every}{}", relation_type(""));
        object.emit(Record::Scope(ScopeRecord {
            relation_type: &relation_type,
            product: Some(source),
        }));
    }
    let Some(types) = types else { return };
    for (code, levels) in types {
        let relation_type = relation_type(code);
        if !object.is_name(key, &relation_type) {
            continue;
        }
        let is_empty = is_none(levels);
        if is_read(levels) {
            let scope = ScopeRecord { relation_type: &relation_type, product: Some(source) };
            object.emit(Record::Scope(scope));
        }
        let Value::Object(levels) = levels else {
            if !is_empty {
                object.leave(&relation_type, source);
                object.bad_value(key, "products, product_models and groups of a type", code);
            }
            continue;
        };
        let mut levels = object.within(levels);
        let groups = levels.value("groups").and_then(Value::as_array);
        if groups.is_some_and(|groups| !groups.is_empty()) {
            levels.emit(Record::Scope(links::part(&relation_type).of(source)));
        }
        if !LEVELS.iter().chain(&["groups"]).all(|level| levels.is_list(level)) {
            levels.leave(&relation_type, source);
        }
        for level in LEVELS {
            for target in levels.list(level) {
                emit_link(&mut levels, source, &relation_type, level, target, links);
            }
        }
        for group in levels.texts("groups") {
            if levels.is_id("groups", &group)
                && !links.add_group_link(at, source, &relation_type, &group)
            {
                levels.leave(&relation_type, source);
                levels.bad_value("groups", links::FEWER, &group);
            }
        }
    }
}

/// Is it null, or an empty map as PHP writes it?
fn is_none(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// A target: text, or an object with its quantity.
fn emit_link(
    levels: &mut Object<'_>,
    source: &str,
    relation_type: &str,
    level: &str,
    target: &Value,
    links: &mut Links,
) {
    let (target, quantity) = if let Value::Object(members) = target {
        let mut members = levels.within(members);
        let quantity = members.quantity("quantity");
        let named = members.text("identifier").or_else(|| members.text("uuid"));
        (named.map(Cow::into_owned), quantity)
    } else {
        (scalar(target).map(Cow::into_owned), None)
    };
    let target = target.unwrap_or_default();
    if target.is_empty() {
        let expected = "an identifier, which products may lack since 7.0; export from \
                        /products-uuid to link those";
        return levels.bad_value(level, expected, "null");
    }
    if levels.is_id(level, &target) {
        let record = links.relation(source, relation_type, &target, quantity);
        levels.emit(record);
    }
}
