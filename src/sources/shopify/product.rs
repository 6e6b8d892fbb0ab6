//! A product with its variants, whatever it was read from, and the records it makes.

use std::collections::BTreeSet;

use crate::model::{
    decimal::Decimal,
    id,
    record::{AliasRecord, Location, PriceRecord, ProductRecord, Record, Visibility},
    relation::Availability,
};

/// Variants of one product; Shopify allows as many.
pub(super) const VARIANTS_MAX: usize = 2_048;

/// The option value of a product without options.
const DEFAULT_OPTION: &str = "Default Title";

/// A product.
#[derive(Debug, Default)]
pub(super) struct Product {
    /// The handle, or the GID where none is said.
    pub(super) id: String,
    /// GID and number, and the SKUs of the product itself.
    pub(super) aliases: Vec<String>,
    pub(super) title: Option<String>,
    pub(super) brand: Option<String>,
    pub(super) categories: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) visibility: Visibility,
    pub(super) price: Option<Price>,
    pub(super) availability: Option<Availability>,
    pub(super) variants: Vec<Variant>,
    /// Variants without options of their own.
    pub(super) plain_count: usize,
}

/// An amount, and its currency if it is said.
#[derive(Clone, Debug)]
pub(super) struct Price {
    pub(super) amount: Decimal,
    pub(super) currency: Option<String>,
}

/// A variant.
#[derive(Debug, Default)]
pub(super) struct Variant {
    pub(super) at: Option<Location>,
    /// Option values; none for the product itself.
    pub(super) options: Vec<String>,
    /// SKU, GID, number.
    pub(super) aliases: Vec<String>,
    pub(super) price: Option<Price>,
    pub(super) availability: Option<Availability>,
    pub(super) position: Option<u32>,
}

impl Product {
    /// Takes a variant: into the product itself if it has no options of its own. `false` if there are
    /// too many.
    pub(super) fn add(&mut self, variant: Variant) -> bool {
        if self.variants.len() + self.plain_count == VARIANTS_MAX {
            return false;
        }
        self.price = lower(self.price.take(), variant.price.clone());
        if variant.options.is_empty() {
            self.availability = better(self.availability, variant.availability);
            self.plain_count += 1;
            self.aliases.extend(variant.aliases);
        } else {
            self.variants.push(variant);
        }
        true
    }

    /// Makes the records of the product, which stands at this place, and of its variants.
    pub(super) fn emit(&self, at: Location, out: &mut dyn FnMut(Location, Record<'_>)) {
        let record = ProductRecord {
            id: &self.id,
            title: self.title.as_deref(),
            brand: self.brand.as_deref(),
            categories: self.categories.iter().map(String::as_str).collect(),
            price: self.price.as_ref().map(Price::record),
            availability: self.availability,
            visibility: self.visibility,
            tags: self.tags.iter().map(String::as_str).collect(),
            ..ProductRecord::default()
        };
        out(at, Record::Product(record));
        emit_aliases(&self.id, &self.aliases, at, out);
        for (position, variant) in (0..).zip(&self.variants) {
            let position = variant.position.unwrap_or(position);
            variant.emit(&self.id, self.visibility, position, variant.at.unwrap_or(at), out);
        }
    }
}

impl Price {
    fn record(&self) -> PriceRecord<'_> {
        PriceRecord { amount: self.amount, currency: self.currency.as_deref() }
    }
}

impl Variant {
    /// Makes the records of the variant of a product.
    pub(super) fn emit(
        &self,
        parent: &str,
        visibility: Visibility,
        position: u32,
        at: Location,
        out: &mut dyn FnMut(Location, Record<'_>),
    ) {
        let id = self.id(parent);
        let record = ProductRecord {
            id: &id,
            price: self.price.as_ref().map(Price::record),
            availability: self.availability,
            parent: Some(parent),
            variant_position: Some(position),
            visibility,
            ..ProductRecord::default()
        };
        out(at, Record::Product(record));
        emit_aliases(&id, &self.aliases, at, out);
    }

    /// The id of the variant of a product: the product's and the options, or an alias where that is
    /// too long for an id.
    pub(super) fn id(&self, parent: &str) -> String {
        if self.options.is_empty() {
            return parent.to_owned();
        }
        let named = format!("{parent}/{}", self.options.join("/"));
        match self.aliases.last() {
            Some(alias) if id::check(&named).is_err() => alias.clone(),
            _ => named,
        }
    }
}

/// Option values without those that stand for "no options".
pub(super) fn options<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let values = values.map(str::trim).filter(|value| !value.is_empty());
    values.filter(|value| *value != DEFAULT_OPTION).map(str::to_owned).collect()
}

/// Makes the other ids of a product.
pub(super) fn emit_aliases(
    product: &str,
    aliases: &[String],
    at: Location,
    out: &mut dyn FnMut(Location, Record<'_>),
) {
    let mut known = BTreeSet::from([product]);
    for alias in aliases {
        if known.insert(alias) {
            out(at, Record::Alias(AliasRecord { alias, product }));
        }
    }
}

/// What is known of a variant's stock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stock {
    /// Does Shopify count its units?
    pub(super) is_tracked: Option<bool>,
    /// Units.
    pub(super) quantity: Option<i64>,
    /// Is it sold beyond them?
    pub(super) oversells: Option<bool>,
    /// What Shopify makes of all that.
    pub(super) is_for_sale: Option<bool>,
}

impl Stock {
    /// The state that shoppers meet.
    pub(super) fn availability(self) -> Option<Availability> {
        let oversells = self.oversells == Some(true);
        match (self.is_tracked, self.quantity, self.is_for_sale) {
            (Some(false), ..) => Some(Availability::InStock),
            (_, Some(1..), _) => Some(Availability::InStock),
            (_, Some(_), Some(true) | None) if oversells => Some(Availability::Backorder),
            (_, _, Some(true)) => Some(Availability::InStock),
            (_, _, Some(false)) | (_, Some(_), None) => Some(Availability::OutOfStock),
            (_, None, None) => None,
        }
    }
}

/// The state that is easier to buy in.
pub(super) fn better(
    left: Option<Availability>,
    right: Option<Availability>,
) -> Option<Availability> {
    // Declared in that order.
    [left, right].into_iter().flatten().min()
}

/// The lower of two prices: what a product with variants is sold from.
pub(super) fn lower(left: Option<Price>, right: Option<Price>) -> Option<Price> {
    let scaled = |price: &Price| {
        i128::from(price.amount.digits) * 10_i128.pow(u32::from(18 - price.amount.scale.min(18)))
    };
    [left, right].into_iter().flatten().min_by_key(scaled)
}

/// A category path of a taxonomy's `A > B`.
pub(super) fn category(text: &str) -> String {
    let levels = text.split('>').map(str::trim).filter(|level| !level.is_empty());
    levels.collect::<Vec<_>>().join("/")
}

/// The tags between commas.
pub(super) fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty())
}

/// Only `active` products are shown on their own: `unlisted` ones have a page that nothing leads to.
pub(super) fn status(text: &str) -> Option<Visibility> {
    match text.to_ascii_lowercase().as_str() {
        "active" => Some(Visibility::Visible),
        "draft" | "archived" | "unlisted" => Some(Visibility::Hidden),
        _ => None,
    }
}

/// Words of `inventory policy` columns: is it sold beyond its stock?
pub(super) fn oversells(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "continue" | "true" => Some(true),
        "deny" | "false" => Some(false),
        _ => None,
    }
}
