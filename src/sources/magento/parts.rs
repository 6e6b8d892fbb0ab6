//! What Magento's products are made of: parts of grouped products, options of bundles, variants of
//! configurable ones, and the cells of an export that hold them.
//!
//! Pairs are joined by the separator of values that the shop chose, `,` unless said; selections and
//! variants by `|`. Values that hold a separator are put together again where a part begins with no key.

use super::{
    export::{order, spoken},
    fixture::fixed_part,
};
use crate::{
    model::{
        limits::BUNDLE_SELECTIONS_MAX,
        record::{BundleRecord, Record, ScopeRecord, VariantRecord},
    },
    sources::{
        row::{Row, quantity, switch},
        table::Column,
    },
};

/// `SKU=2.0000,SKU`: the parts of a grouped product with their default quantities.
pub(super) fn emit_associated(
    row: &mut Row<'_>,
    bundle: &str,
    [column, positions]: [Column; 2],
    separator: char,
) {
    let Some(parts) = spoken(row, bundle, ScopeRecord::BUNDLES, column) else { return };
    let at = row.at_cell(column);
    let parts = order(row, parts, positions, separator);
    for (option_position, part) in (0..).zip(parts) {
        let (product, count) = part.rsplit_once('=').unwrap_or((part, ""));
        let product = product.trim();
        let is_number = |number: &f64| number.is_finite() && *number >= 0.0;
        let count = match count.trim() {
            "" => Some(0.0),
            count => count.parse().ok().filter(is_number),
        };
        if count.is_none() {
            row.bad_value(column, "a part like `SKU=2.0000`", part);
        }
        if row.is_id(at, column, product) {
            let part = grouped_part(bundle, product, option_position, count.unwrap_or_default());
            row.emit(at, Record::Bundle(part));
        }
    }
}

/// A part of a grouped product, which nobody must take. A default quantity of 0 means that the page
/// starts without it; one of it then goes with the set.
pub(super) fn grouped_part<'a>(
    bundle: &'a str,
    product: &'a str,
    option_position: u32,
    count: f64,
) -> BundleRecord<'a> {
    BundleRecord {
        option_position,
        required: false,
        min_selections: 0,
        quantity: if count > 0.0 { count } else { 1.0 },
        is_default: count > 0.0,
        ..fixed_part(bundle, product, product)
    }
}

/// One selection of an option.
#[derive(Clone, Copy, Default)]
pub(super) struct Selection<'a> {
    pub(super) option: &'a str,
    /// `radio`, `select`, `checkbox` or `multi`.
    pub(super) kind: &'a str,
    pub(super) required: Option<bool>,
    pub(super) product: &'a str,
    pub(super) quantity: Option<f64>,
    pub(super) is_default: bool,
}

/// `name=Lens,type=radio,required=1,sku=A,...|name=Lens,...`: options are grouped by their names.
pub(super) fn emit_bundle(row: &mut Row<'_>, bundle: &str, column: Column, separator: char) {
    let Some(text) = spoken(row, bundle, ScopeRecord::BUNDLES, column) else { return };
    let at = row.at_cell(column);
    let mut options: Vec<(&str, Vec<Selection<'_>>)> = Vec::new();
    for (index, part) in selections(text, separator).enumerate() {
        if index == BUNDLE_SELECTIONS_MAX {
            row.bad_value(column, &format!("at most {BUNDLE_SELECTIONS_MAX} selections"), part);
            break;
        }
        let selection = selection(row, column, part, separator);
        if selection.option.is_empty() {
            row.bad_value(column, "a selection with a `name=`", part);
            continue;
        }
        if !row.is_id(at, column, selection.product) {
            continue;
        }
        match options.iter_mut().find(|(name, _)| *name == selection.option) {
            Some((_, selections)) => selections.push(selection),
            None => options.push((selection.option, vec![selection])),
        }
    }
    for (option_position, (_, selections)) in (0..).zip(options) {
        option(bundle, option_position, &selections)
            .for_each(|part| row.emit(at, Record::Bundle(part)));
    }
}

/// The selections of one option as records. It must be taken if any of them says so, and any number
/// of them may be if it has check boxes.
pub(super) fn option<'a>(
    bundle: &'a str,
    option_position: u32,
    selections: &[Selection<'a>],
) -> impl Iterator<Item = BundleRecord<'a>> {
    let required = selections.iter().find_map(|selection| selection.required).unwrap_or(false);
    let takes_many = selections.iter().any(|s| matches!(s.kind, "checkbox" | "multi"));
    let count = u32::try_from(selections.len()).unwrap_or(u32::MAX);
    (0..).zip(selections).map(move |(selection_position, selection)| BundleRecord {
        option_position,
        required,
        min_selections: u32::from(required),
        max_selections: if takes_many { count } else { 1 },
        selection_position,
        quantity: selection.quantity.unwrap_or(1.0),
        is_default: selection.is_default,
        ..fixed_part(bundle, selection.option, selection.product)
    })
}

fn selection<'a>(
    row: &mut Row<'_>,
    column: Column,
    part: &'a str,
    separator: char,
) -> Selection<'a> {
    let mut selection = Selection::default();
    for (key, value) in pairs(part, separator) {
        match key {
            "name" => selection.option = value,
            "type" => selection.kind = value,
            "required" => selection.required = switch(value),
            "sku" => selection.product = value,
            "default" => selection.is_default = switch(value).unwrap_or(false),
            "default_qty" if !value.is_empty() => {
                selection.quantity = quantity(value);
                if selection.quantity.is_none() {
                    row.bad_value(column, "a `default_qty` above 0", value);
                }
            }
            _ => {}
        }
    }
    selection
}

/// `sku=A-S,size=S|sku=A-M,size=M`: the variants of a configurable product, in order.
pub(super) fn emit_variants(row: &mut Row<'_>, parent: &str, column: Column, separator: char) {
    let Some(text) = spoken(row, parent, ScopeRecord::VARIANTS, column) else { return };
    let at = row.at_cell(column);
    for (position, part) in (0..).zip(selections(text, separator)) {
        let mut pairs = pairs(part, separator);
        let sku = pairs.find(|(key, _)| *key == "sku").map_or("", |(_, sku)| sku);
        if row.is_id(at, column, sku) {
            let position = Some(position);
            row.emit(at, Record::Variant(VariantRecord { parent, variant: sku, position }));
        }
    }
}

/// Parts between `|`; a part that does not begin with `key=` belongs to the one before.
fn selections(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let begins = move |part: &str| part.split(separator).next().is_some_and(begins_pair);
    parts(text, '|', begins).filter(|part| !part.is_empty())
}

/// `key=value` between separators; a part that begins with no key belongs to the value before.
pub(super) fn pairs(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    let pairs = parts(text, separator, begins_pair);
    pairs.filter_map(|part| part.split_once('=')).map(|(key, value)| (key.trim(), value.trim()))
}

/// Does a part begin with `key=`? Keys are codes of attributes, and texts may hold a `=`.
fn begins_pair(part: &str) -> bool {
    let Some((key, _)) = part.split_once('=') else { return false };
    let key = key.trim();
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    key.starts_with(|first: char| first.is_ascii_alphabetic()) && key.bytes().all(is_code)
}

/// Splits at the separators behind which nothing stands, or a part of which `begins` is true.
fn parts(text: &str, separator: char, begins: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut cuts = text.match_indices(separator).map(|(at, _)| at);
        let cut = cuts.find_map(|at| {
            let after = text.get(at + separator.len_utf8()..)?;
            let part = after.split(separator).next().unwrap_or(after);
            (part.trim().is_empty() || begins(part)).then_some((text.get(..at)?, after))
        });
        rest = cut.map(|(_, after)| after);
        Some(cut.map_or(text, |(part, _)| part).trim())
    })
}
