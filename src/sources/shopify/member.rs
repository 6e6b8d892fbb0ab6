//! Products, variants and components in the words of REST, GraphQL and the Storefront API.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::product::{Price, Product, Stock, Variant, category, options, oversells, status, tags};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        id,
        limits::ID_BYTES_MAX,
        record::{Location, RecordSink, Visibility},
    },
    sources::object::{Object, scalar},
};

/// The members of an object.
pub(super) type Members = Map<String, Value>;

const GID: &str = "gid://shopify/";

/// A part of a bundle.
#[derive(Debug)]
pub(super) struct Part {
    /// What people call it.
    pub(super) name: String,
    /// The products of which one is taken.
    pub(super) choices: Vec<String>,
    pub(super) quantity: f64,
}

/// Kind and number of a GID: `gid://shopify/Product/123`.
pub(super) fn gid(text: &str) -> Option<(&str, u64)> {
    let (kind, number) = text.strip_prefix(GID)?.split_once('/')?;
    Some((kind, number.split('?').next()?.parse().ok()?))
}

/// The GID that an object has as its own.
pub(super) fn own_gid(members: &Members) -> Option<&str> {
    let keys = ["id", "admin_graphql_api_id"];
    let mut texts = keys.iter().filter_map(|key| members.get(*key)?.as_str());
    texts.find(|text| gid(text).is_some())
}

/// The objects of a list, or of a connection by its edges or nodes.
pub(super) fn nodes(value: Option<&Value>) -> Vec<&Members> {
    let items = match value {
        Some(Value::Object(connection)) => connection.get("edges").or(connection.get("nodes")),
        other => other,
    };
    items.and_then(Value::as_array).into_iter().flatten().filter_map(node).collect()
}

/// An item of a list: itself, or the node of an edge.
fn node(item: &Value) -> Option<&Members> {
    let object = item.as_object()?;
    Some(object.get("node").and_then(Value::as_object).unwrap_or(object))
}

/// Is it a list, or a connection that has no more pages?
pub(super) fn is_whole(value: Option<&Value>) -> bool {
    let Some(Value::Object(connection)) = value else { return value.is_none_or(Value::is_array) };
    let items = connection.get("edges").or(connection.get("nodes"));
    items.is_some_and(Value::is_array) && !has_more(connection)
}

fn has_more(connection: &Members) -> bool {
    let more = connection.get("pageInfo").and_then(|page| page.get("hasNextPage"));
    more == Some(&Value::Bool(true))
}

/// Reports a connection of which only the first page is there.
pub(super) fn check_whole(object: &mut Object<'_>, key: &str) {
    if object.value(key).and_then(Value::as_object).is_some_and(has_more) {
        object.bad_value(key, "the whole list", "the first page of it");
    }
}

/// A product, but for its variants. `None` with a finding if it has neither handle nor id.
pub(super) fn product(
    members: &Members,
    at: Location,
    sink: &mut dyn RecordSink,
) -> Option<Product> {
    let mut object = Object::new(members, at, sink);
    let aliases = identities(&mut object, members, "Product");
    let handle = object.id("handle").map(Cow::into_owned);
    let Some(id) = handle.or_else(|| aliases.last().cloned()) else {
        let message = "expected a product with a `handle` or an `id`, found neither";
        object.finding(FindingCode::BadRow, "", message);
        return None;
    };
    let brand = object.text("vendor").filter(|text| object.is_name("vendor", text));
    let title = object.text("title").map(|text| object.cut_title("title", &text).to_owned());
    Some(Product {
        id,
        aliases,
        title,
        brand: brand.map(Cow::into_owned),
        categories: categories(&mut object),
        tags: product_tags(&mut object),
        visibility: visibility(&mut object, members),
        price: lowest_price(&mut object),
        ..Product::default()
    })
}

/// Number and GID of an object, the GID last.
fn identities(object: &mut Object<'_>, members: &Members, kind: &str) -> Vec<String> {
    if let Some(found) = own_gid(members) {
        let number = gid(found).map(|(_, number)| number.to_string());
        let own = found.split('?').next().unwrap_or(found).to_owned();
        return number.into_iter().chain([own]).collect();
    }
    let number = object.text("id").filter(|text| id::check(text).is_ok());
    let Some(number) = number.map(Cow::into_owned) else { return Vec::new() };
    let own = format!("{GID}{kind}/{number}");
    vec![number, own]
}

/// The path in Shopify's taxonomy, else the shop's own type.
fn categories(object: &mut Object<'_>) -> Vec<String> {
    let taxonomy = object.value("category").and_then(|node| node.get("fullName"));
    let older = object
        .value("productCategory")
        .and_then(|node| node.get("productTaxonomyNode")?.get("fullName"));
    let (key, text) = match taxonomy.or(older).and_then(scalar) {
        Some(text) if !text.is_empty() => ("category", text),
        _ => match first(object, ["productType", "product_type"]) {
            Some((key, text)) => (key, text),
            None => return Vec::new(),
        },
    };
    let path = category(&text);
    if !path.is_empty() && object.is_category(key, &path) { vec![path] } else { Vec::new() }
}

/// A list, or text with commas between them.
fn product_tags(object: &mut Object<'_>) -> Vec<String> {
    let mut found: Vec<String> = match object.value("tags") {
        Some(Value::String(text)) => tags(text).map(str::to_owned).collect(),
        _ => object.texts("tags").into_iter().map(Cow::into_owned).collect(),
    };
    found.retain(|tag| object.is_name("tags", tag));
    found
}

/// What cannot be read hides the product, and so does that it is published nowhere.
fn visibility(object: &mut Object<'_>, members: &Members) -> Visibility {
    let is_null = |key: &str| members.get(key).is_some_and(Value::is_null);
    if is_null("published_at") || is_null("publishedAt") {
        return Visibility::Hidden;
    }
    let Some(text) = object.text("status") else { return Visibility::Visible };
    status(&text).unwrap_or_else(|| {
        object.bad_value("status", "`active`, `draft`, `archived` or `unlisted`", &text);
        Visibility::Hidden
    })
}

fn lowest_price(object: &mut Object<'_>) -> Option<Price> {
    let key = ["priceRangeV2", "priceRange"].into_iter().find(|key| object.value(key).is_some())?;
    let lowest = object.value(key)?.get("minVariantPrice")?;
    price(object, key, lowest)
}

/// An amount, or an object of amount and currency.
fn price(object: &mut Object<'_>, key: &str, value: &Value) -> Option<Price> {
    let (amount, currency) = match value.as_object() {
        Some(money) => (money.get("amount")?, money.get("currencyCode")),
        None => (value, None),
    };
    let text = scalar(amount)?;
    let Some(amount) = Decimal::parse(&text).filter(|amount| amount.digits >= 0) else {
        object.bad_value(key, "an amount like `12.50`", &text);
        return None;
    };
    // No currency is so long, whatever stands there; what is no code is refused as one.
    let currency = currency.and_then(Value::as_str);
    let currency = currency.and_then(|code| code.get(..code.floor_char_boundary(8)));
    let currency = currency.map(str::to_owned);
    Some(Price { amount, currency })
}

/// A variant.
pub(super) fn variant(members: &Members, at: Location, sink: &mut dyn RecordSink) -> Variant {
    let mut object = Object::new(members, at, sink);
    let sku = object.id("sku").map(Cow::into_owned);
    let own = identities(&mut object, members, "ProductVariant");
    let position = object.text("position").and_then(|text| text.parse().ok());
    let price = object.value("price").and_then(|value| price(&mut object, "price", value));
    Variant {
        at: Some(at),
        options: option_values(&mut object, members),
        aliases: sku.into_iter().chain(own).collect(),
        price,
        availability: stock(&mut object, members).availability(),
        position,
    }
}

/// The values of its options, in order: of GraphQL, of REST, or of its title, which joins them.
fn option_values(object: &mut Object<'_>, members: &Members) -> Vec<String> {
    if let Some(selected) = members.get("selectedOptions").and_then(Value::as_array) {
        return options(selected.iter().filter_map(|option| option.get("value")?.as_str()));
    }
    let keys = ["option1", "option2", "option3"];
    if keys.iter().any(|key| members.contains_key(*key)) {
        return options(keys.iter().filter_map(|key| members.get(*key)?.as_str()));
    }
    let title = object.text("title").unwrap_or_default();
    options(title.split(" / "))
}

fn stock(object: &mut Object<'_>, members: &Members) -> Stock {
    let tracked = object.value("inventoryItem").and_then(|item| item.get("tracked")?.as_bool());
    // REST names who counts; null is nobody.
    let counted = members.get("inventory_management").map(|who| !who.is_null());
    let mut quantity = None;
    let keys = ["inventoryQuantity", "inventory_quantity", "quantityAvailable"];
    if let Some((key, text)) = first(object, keys) {
        quantity = text.parse().ok();
        if quantity.is_none() {
            object.bad_value(key, "a whole number", &text);
        }
    }
    let mut oversold = None;
    if let Some((key, text)) = first(object, ["inventoryPolicy", "inventory_policy"]) {
        oversold = oversells(&text);
        if oversold.is_none() {
            object.bad_value(key, "`deny` or `continue`", &text);
        }
    }
    let for_sale = ["availableForSale", "available"].iter().find_map(|key| object.switch(key));
    Stock { is_tracked: tracked.or(counted), quantity, oversells: oversold, is_for_sale: for_sale }
}

/// The first of these members that has text.
fn first<'a, const N: usize>(
    object: &mut Object<'a>,
    keys: [&'static str; N],
) -> Option<(&'static str, Cow<'a, str>)> {
    keys.into_iter().find_map(|key| Some((key, object.text(key)?)))
}

/// A component: a product with the variants to choose from, or one variant. `None` with a finding if
/// it names neither.
pub(super) fn part(members: &Members, at: Location, sink: &mut dyn RecordSink) -> Option<Part> {
    let mut object = Object::new(members, at, sink);
    let inner = |key: &str| members.get(key).and_then(Value::as_object);
    let product = inner("componentProduct").or_else(|| inner("productVariant"));
    let product = product.or_else(|| own_gid(members).map(|_| members));
    let Some(gid) = product.and_then(own_gid) else {
        let found = "a component without one";
        object.bad_value("bundleComponents", "a `componentProduct` or `productVariant`", found);
        return None;
    };
    let variants = nodes(members.get("componentVariants"));
    let mut choices: Vec<String> =
        variants.iter().filter_map(|one| own_gid(one)).map(str::to_owned).collect();
    if choices.is_empty() {
        choices.push(gid.to_owned());
    }
    let text = |members: &Members, key: &str| Some(members.get(key)?.as_str()?.trim().to_owned());
    let of = product.and_then(|variant| variant.get("product")?.as_object());
    let title = of.and_then(|product| text(product, "title"));
    let title = title.or_else(|| product.and_then(|product| text(product, "title")));
    let mut name = title.filter(|name| !name.is_empty()).unwrap_or_else(|| gid.to_owned());
    // A number may follow.
    name.truncate(name.floor_char_boundary(ID_BYTES_MAX));
    let quantity = object.quantity("quantity").unwrap_or(1.0);
    Some(Part { name, choices, quantity })
}
