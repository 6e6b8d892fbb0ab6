//! Products as the REST API lists them: an array of objects that name each other by number.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::product::{CROSS_SELL, KINDS, Kind, UPSELL, grouped, low, stock_state, visibility};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{
            AliasRecord, Location, PriceRecord, ProductRecord, Record, RecordSink, RelationRecord,
            ScopeRecord, VariantRecord, Visibility,
        },
        relation::{Availability, Origin},
    },
    sources::{SourceError, files::SourceFile, json::JsonReader, object::Object},
};

/// Keys that hold relations.
const LINKS: [(&str, &str); 2] = [("upsell_ids", UPSELL), ("cross_sell_ids", CROSS_SELL)];
const GROUPED: &str = "grouped_products";
/// What the shop makes of tags and categories, anew for each answer.
const COMPUTED: &str = "related_ids";

/// Is it a product of WooCommerce?
pub(super) fn is_ours(members: &Map<String, Value>) -> bool {
    let has = |key: &str| members.contains_key(key);
    has("catalog_visibility") || has("upsell_ids") || has("cross_sell_ids") || has(GROUPED)
}

/// Reads a file.
pub(super) fn read(file: &SourceFile, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let id = file.announce(sink);
    let mut reader = JsonReader::new(file.open()?, &[]);
    let mut spoken = Vec::new();
    while let Some(item) = reader.next(id, sink)? {
        for key in [LINKS[0].0, LINKS[1].0, GROUPED, COMPUTED] {
            if item.object.contains_key(key) && !spoken.contains(&key) {
                spoken.push(key);
                speak(key, item.at, sink);
            }
        }
        read_product(&mut Object::new(&item.object, item.at, sink));
    }
    Ok(())
}

/// Says once that the file speaks of what a key holds.
fn speak(key: &str, at: Location, sink: &mut dyn RecordSink) {
    if key == COMPUTED {
        let message = "expected what people linked, found what the shop computes from tags and \
                       categories; that is not read";
        return sink.finding(FindingCode::UnknownColumn, at, key, message);
    }
    let link = LINKS.iter().find(|(name, _)| *name == key);
    let relation_type = link.map_or(ScopeRecord::BUNDLES, |(_, relation_type)| *relation_type);
    sink.record(at, Record::Scope(ScopeRecord { relation_type, product: None }));
}

fn read_product(object: &mut Object<'_>) {
    let sku = object.id("sku");
    let number = object.text("id").map(|number| format!("id:{number}"));
    let Some(id) = sku.as_deref().or(number.as_deref()) else {
        let message = "expected a product with a `sku` or an `id`, found neither";
        return object.finding(FindingCode::BadRow, "", message);
    };
    if !object.is_id("id", id) {
        return;
    }
    let kind = object.text("type");
    let kind = match kind.as_deref().map(|text| (text, Kind::of(text))) {
        Some((text, None)) => {
            object.bad_value("type", KINDS, text);
            Kind::Product
        }
        Some((_, Some(kind))) => kind,
        None => Kind::Product,
    };
    emit_product(object, id, kind);
    if let Some(alias) = number.as_deref().filter(|number| *number != id) {
        object.emit(Record::Alias(AliasRecord { alias, product: id }));
    }
    for (key, relation_type) in LINKS {
        if !object.is_list(key) {
            object.leave(relation_type, id);
        }
        let Some(targets) = numbered(object, key) else { continue };
        object.emit(Record::Scope(ScopeRecord { relation_type, product: Some(id) }));
        for (position, target) in (0..).zip(&targets) {
            let link = RelationRecord::new(id, relation_type, target, Origin::Imported);
            object.emit(Record::Relation(RelationRecord { position: Some(position), ..link }));
        }
    }
    if !object.is_list(GROUPED) {
        object.leave(ScopeRecord::BUNDLES, id);
    }
    if let Some(parts) = numbered(object, GROUPED) {
        let relation_type = ScopeRecord::BUNDLES;
        object.emit(Record::Scope(ScopeRecord { relation_type, product: Some(id) }));
        for (position, part) in (0..).zip(&parts) {
            object.emit(Record::Bundle(grouped(id, part, position)));
        }
    }
    for (position, variant) in (0..).zip(numbered(object, "variations").unwrap_or_default()) {
        let position = Some(position);
        object.emit(Record::Variant(VariantRecord { parent: id, variant: &variant, position }));
    }
}

/// The products that a list names by number, if it is there.
fn numbered(object: &mut Object<'_>, key: &str) -> Option<Vec<String>> {
    object.value(key)?;
    let mut ids: Vec<String> =
        object.texts(key).iter().map(|number| format!("id:{number}")).collect();
    ids.retain(|id| object.is_id(key, id));
    Some(ids)
}

fn emit_product(object: &mut Object<'_>, id: &str, kind: Kind) {
    let title = object.text("name");
    let title = title.as_deref().map(|title| object.cut_title("name", title));
    let mut categories = names(object, "categories");
    categories.retain(|name| object.is_category("categories", name));
    let mut tags = names(object, "tags");
    tags.retain(|tag| object.is_name("tags", tag));
    let brand = names(object, "brands").into_iter().next();
    let parent = object.text("parent_id").filter(|parent| parent != "0");
    let parent = parent.filter(|_| kind == Kind::Variation).map(|number| format!("id:{number}"));
    let position = object.text("menu_order").and_then(|text| text.parse().ok());
    let popularity = object.text("total_sales").and_then(|text| text.parse().ok());
    let product = ProductRecord {
        id,
        title,
        brand: brand.as_deref().filter(|brand| object.is_name("brands", brand)),
        categories: categories.iter().map(Cow::as_ref).collect(),
        price: price(object),
        availability: availability(object),
        parent: parent.as_deref().filter(|parent| object.is_id("parent_id", parent)),
        variant_position: position.filter(|_| parent.is_some()),
        visibility: read_visibility(object),
        popularity: popularity
            .filter(|sales: &f64| sales.is_finite() && *sales >= 0.0)
            .map(f64::abs),
        tags: tags.iter().map(Cow::as_ref).collect(),
        ..ProductRecord::default()
    };
    object.emit(Record::Product(product));
}

/// The names of the objects of a list.
fn names<'a>(object: &mut Object<'a>, key: &str) -> Vec<Cow<'a, str>> {
    let name = |item: &'a Value| Some(Cow::Borrowed(item.get("name")?.as_str()?.trim()));
    let names = object.list(key).iter().filter_map(name);
    names.filter(|name| !name.is_empty()).collect()
}

/// What a shopper pays now.
fn price(object: &mut Object<'_>) -> Option<PriceRecord<'static>> {
    let keys = ["price", "regular_price"];
    let (key, text) = keys.iter().find_map(|key| Some((*key, object.text(key)?)))?;
    let amount = Decimal::parse(&text).filter(|amount| amount.digits >= 0);
    if amount.is_none() {
        object.bad_value(key, "an amount like `12.50`", &text);
    }
    Some(PriceRecord { amount: amount?, currency: None })
}

fn availability(object: &mut Object<'_>) -> Option<Availability> {
    let text = object.text("stock_status")?;
    let state = stock_state(&text);
    if state.is_none() {
        object.bad_value("stock_status", "`instock`, `outofstock` or `onbackorder`", &text);
    }
    let [units, low_at] = ["stock_quantity", "low_stock_amount"]
        .map(|key| object.text(key).and_then(|text| text.parse().ok()));
    low(state, units, low_at)
}

/// What cannot be read hides the product.
fn read_visibility(object: &mut Object<'_>) -> Visibility {
    let status = object.text("status");
    if status.is_some_and(|status| status != "publish") {
        return Visibility::Hidden;
    }
    let Some(text) = object.text("catalog_visibility") else { return Visibility::Visible };
    visibility(&text).unwrap_or_else(|| {
        let expected = "`visible`, `catalog`, `search` or `hidden`";
        object.bad_value("catalog_visibility", expected, &text);
        Visibility::Hidden
    })
}
