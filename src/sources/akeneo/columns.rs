//! Which columns of an export hold associations, and which a product's own values.
//!
//! `<TYPE>-products`, `-product_uuids`, `-product_models`, `-groups`, and the first three with
//! `-quantity` behind. A type's code may hold a hyphen, so columns are known by their ends.

use std::collections::{BTreeMap, BTreeSet};

use super::links::relation_type;
use crate::sources::table::{Column, Table};

/// What a column leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Products by identifier or uuid, and models by code.
    Products,
    /// Groups by code.
    Groups,
}

/// The columns of one association type and level.
#[derive(Debug)]
pub(super) struct LinkColumns {
    /// `akeneo:CODE`.
    pub(super) relation_type: String,
    pub(super) level: Level,
    pub(super) targets: Column,
    /// Quantities between `|`, one for each target.
    pub(super) quantities: Option<Column>,
}

const ENDS: [(&str, Level); 4] = [
    ("-products", Level::Products),
    ("-product_uuids", Level::Products),
    ("-product_models", Level::Products),
    ("-groups", Level::Groups),
];
const QUANTITY: &str = "-quantity";

/// Is this a column of associations?
pub(super) fn is_link_column(name: &str) -> bool {
    ends_like_links(name).is_some()
}

/// Finds the columns of associations.
pub(super) fn bind(table: &mut Table<'_>) -> Vec<LinkColumns> {
    let names = table.columns().iter().filter(|name| is_link_column(name));
    let names: BTreeSet<String> = names.cloned().collect();
    let quantities = table.matching(|name| names.get(name.strip_suffix(QUANTITY)?).cloned());
    let quantities: BTreeMap<String, Column> = quantities.into_iter().collect();
    let targets = table.matching(|name| {
        let (code, level) = ends_like_links(name)?;
        Some((relation_type(code), level, quantities.get(name).copied()))
    });
    let columns = targets.into_iter().map(|((relation_type, level, quantities), targets)| {
        LinkColumns { relation_type, level, targets, quantities }
    });
    columns.collect()
}

/// The type's code and the level of a column.
fn ends_like_links(name: &str) -> Option<(&str, Level)> {
    let ends = ENDS.into_iter();
    let found = ends.filter_map(|(end, level)| Some((name.strip_suffix(end)?, level)));
    found.filter(|(code, _)| !code.is_empty()).min_by_key(|(code, _)| code.len())
}

/// The column of an attribute: of its own name, else in English, else the first one of it.
pub(super) fn attribute(table: &mut Table<'_>, code: &str) -> Option<Column> {
    let own = |name: &str| {
        let rest = name.strip_prefix(code)?;
        let locale = rest.strip_prefix('-').or_else(|| rest.is_empty().then_some(""))?;
        Some(rank(locale))
    };
    let names = table.columns().iter();
    let best =
        names.filter_map(|name| Some((own(name)?, name))).min().map(|(_, name)| name.clone());
    best.and_then(|name| table.named(&name))
}

/// Which locale of a text is taken, smaller first: none, English of the US, English, any other.
pub(super) fn rank(locale: &str) -> u8 {
    match locale {
        "" => 0,
        _ if locale.starts_with("en_US") => 1,
        _ if locale.starts_with("en") => 2,
        _ => 3,
    }
}

/// The column of prices: `price-EUR` where there is one, else the first currency by name.
pub(super) fn price(table: &mut Table<'_>) -> Option<(Column, String)> {
    let names = table.columns().iter();
    let currencies = names.filter_map(|name| {
        let (attribute, currency) = name.rsplit_once('-')?;
        let is_currency = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
        let is_price = attribute == "price" || attribute.starts_with("price-");
        (is_currency && is_price).then(|| (currency != "EUR", currency.to_owned(), name.clone()))
    });
    let (_, currency, name) = currencies.min()?;
    Some((table.named(&name)?, currency))
}
