//! The product export of Magento's admin: one wide row a product and store view.
//!
//! - Rows with a `store_view_code` repeat a product for one store view: only their links count.
//! - Links are ordered by `(position, place in the list)`. A missing or unreadable position comes
//!   after every given one; tied ones keep the list's order.
//! - A blank cell says nothing, as in Magento; `__EMPTY__VALUE__` clears what was kept of before.
//! - A disabled product (`product_online` = 2) is hidden, not discontinued: it may come back.
//! - Grouped products are bundles of options that nobody must take. A default quantity of 0 means
//!   that the page starts without the part; one of it then goes with the set.
//! - Names that hold the separators `,` or `|` are put together again where a part has no `=`.
//! - `/` always ends a level of a category path; Magento's `\/` is not undone.

use super::{fixture::fixed_part, visibility};
use crate::model::{
    limits::BUNDLE_SELECTIONS_MAX,
    record::{
        BundleRecord, Location, ProductRecord, Record, RelationRecord, ScopeRecord, VariantRecord,
        Visibility,
    },
    relation::{Availability, Origin},
};
use crate::sources::{
    SourceError,
    row::{Row, quantity, switch},
    table::{Column, Table},
};

/// Columns that make a row a statement about its product.
pub(super) const PRODUCT_COLUMNS: &[&str] =
    &["name", "product_type", "attribute_set_code", "categories", "price", "visibility"];
/// Columns that say what goes with a product; a file may have these alone.
pub(super) const LINK_COLUMNS: &[&str] = &[
    "related_skus",
    "crosssell_skus",
    "upsell_skus",
    "associated_skus",
    "bundle_values",
    "configurable_variations",
];

/// What a cell holds that an import would clear.
const EMPTY_VALUE: &str = "__EMPTY__VALUE__";
/// The root of every category path in a shop with one root.
const ROOT_CATEGORY: &str = "Default Category";

struct Columns {
    sku: Column,
    store_view_code: Column,
    product: Option<ProductColumns>,
    links: [LinkColumns; 3],
    associated_skus: Column,
    bundle_values: Column,
    configurable_variations: Column,
}

struct ProductColumns {
    name: Column,
    categories: Column,
    price: Column,
    visibility: Column,
    product_online: Column,
    is_in_stock: Column,
    brands: [Column; 2],
    additional_attributes: Column,
}

struct LinkColumns {
    relation_type: &'static str,
    skus: Column,
    positions: Column,
}

/// Reads an export.
pub(super) fn read(table: &mut Table<'_>) -> Result<(), SourceError> {
    let columns = Columns::bind(table)?;
    table.treat_as_blank(EMPTY_VALUE);
    // An export has dozens of columns that are of no use here; a link type of the shop's own, or a
    // misspelt one, is worth a word.
    table.report_unknown(|column| column.ends_with("_skus") || column.ends_with("_position"));
    for (relation_type, column) in columns.spoken() {
        if column.index.is_some() {
            table.speak_of(relation_type);
        }
    }
    while table.advance()? {
        let mut row = table.row();
        let Some(sku) = row.id(columns.sku) else { continue };
        if row.text(columns.store_view_code).is_none() {
            if let Some(product) = &columns.product {
                emit_product(&mut row, sku, product);
            }
            emit_associated(&mut row, sku, columns.associated_skus);
            emit_bundle(&mut row, sku, columns.bundle_values);
            emit_variants(&mut row, sku, columns.configurable_variations);
        }
        for links in &columns.links {
            emit_links(&mut row, sku, links);
        }
    }
    Ok(())
}

impl Columns {
    fn bind(table: &mut Table<'_>) -> Result<Self, SourceError> {
        let has_product =
            table.columns().iter().any(|column| PRODUCT_COLUMNS.contains(&column.as_str()));
        let mut links = |relation_type, skus, positions| LinkColumns {
            relation_type,
            skus: table.optional(skus),
            positions: table.optional(positions),
        };
        let links = [
            links("magento:related", "related_skus", "related_position"),
            links("magento:crosssell", "crosssell_skus", "crosssell_position"),
            links("magento:upsell", "upsell_skus", "upsell_position"),
        ];
        // Third-party exporters write it; the list's order already says as much.
        table.optional("associated_position");
        Ok(Self {
            sku: table.required("sku")?,
            store_view_code: table.optional("store_view_code"),
            product: has_product.then(|| ProductColumns::bind(table)),
            links,
            associated_skus: table.optional("associated_skus"),
            bundle_values: table.optional("bundle_values"),
            configurable_variations: table.optional("configurable_variations"),
        })
    }
}

impl Columns {
    /// The columns that say what goes with a product, each with the type it speaks of.
    fn spoken(&self) -> impl Iterator<Item = (&'static str, Column)> {
        let links = self.links.iter().map(|links| (links.relation_type, links.skus));
        let others = [
            (ScopeRecord::BUNDLES, self.associated_skus),
            (ScopeRecord::BUNDLES, self.bundle_values),
            (ScopeRecord::VARIANTS, self.configurable_variations),
        ];
        links.chain(others)
    }
}

impl ProductColumns {
    fn bind(table: &mut Table<'_>) -> Self {
        Self {
            name: table.optional("name"),
            categories: table.optional("categories"),
            price: table.optional("price"),
            visibility: table.optional("visibility"),
            product_online: table.optional("product_online"),
            is_in_stock: table.optional("is_in_stock"),
            brands: [table.optional("manufacturer"), table.optional("brand")],
            additional_attributes: table.optional("additional_attributes"),
        }
    }
}

fn emit_product(row: &mut Row<'_>, id: &str, columns: &ProductColumns) {
    let online = row.parsed(columns.product_online, "`1` or `2`", |text| match text {
        "1" | "Enabled" => Some(true),
        "2" | "Disabled" => Some(false),
        _ => None,
    });
    let in_stock = row.parsed(columns.is_in_stock, "`0` or `1`", switch);
    let visibility = visibility(row, columns.visibility);
    let product = ProductRecord {
        id,
        title: row.title(columns.name),
        brand: brand(row, columns),
        categories: categories(row, columns.categories),
        price: row.price(columns.price, Column { name: "currency", index: None }),
        availability: in_stock.map(|in_stock| match in_stock {
            true => Availability::InStock,
            false => Availability::OutOfStock,
        }),
        visibility: if online == Some(false) { Visibility::Hidden } else { visibility },
        ..ProductRecord::default()
    };
    row.emit(row.at(), Record::Product(product));
}

fn brand<'a>(row: &mut Row<'a>, columns: &ProductColumns) -> Option<&'a str> {
    for column in columns.brands {
        if row.text(column).is_some() {
            return row.name(column);
        }
    }
    let attributes = row.text(columns.additional_attributes)?;
    let named = |name: &str| pairs(attributes).find(|(key, _)| *key == name);
    let (_, brand) = named("manufacturer").or_else(|| named("brand"))?;
    // With "fields enclosure" on, each value stands in quotes of its own.
    let brand = brand.trim_matches('"').trim();
    let is_name = !brand.is_empty() && row.is_name(columns.additional_attributes, brand);
    is_name.then_some(brand)
}

/// Paths without the root, the first one with the most levels in front.
fn categories<'a>(row: &mut Row<'a>, column: Column) -> Vec<&'a str> {
    let paths = row.text(column).unwrap_or_default().split(',').map(str::trim);
    let without_root = paths.filter_map(|path| match path.strip_prefix(ROOT_CATEGORY) {
        Some("") => None,
        Some(rest) => Some(rest.strip_prefix('/').unwrap_or(path)),
        None => Some(path),
    });
    let mut paths: Vec<&str> = without_root.filter(|path| !path.is_empty()).collect();
    paths.retain(|path| row.is_category(column, path));
    let levels = |path: &str| path.split('/').count();
    let deepest = paths.iter().map(|path| levels(path)).max();
    if let Some(primary) = paths.iter().position(|path| Some(levels(path)) == deepest) {
        paths[..=primary].rotate_right(1);
    }
    paths
}

/// A cell that says what goes with a product, and that it is all there is. A blank one says nothing.
fn spoken<'a>(
    row: &mut Row<'a>,
    product: &str,
    relation_type: &str,
    column: Column,
) -> Option<&'a str> {
    let text = row.text(column);
    if text.is_some() || row.is_cleared(column) {
        row.speak_of(relation_type, product);
    }
    text
}

fn emit_links(row: &mut Row<'_>, source: &str, columns: &LinkColumns) {
    let Some(skus) = spoken(row, source, columns.relation_type, columns.skus) else { return };
    let mut positions = row.text(columns.positions).unwrap_or_default().split(',');
    let mut links = Vec::new();
    for sku in skus.split(',').map(str::trim) {
        let position = positions.next().map(str::trim).filter(|text| !text.is_empty());
        let parsed = position.map(str::parse::<u32>);
        if let (Some(position), Some(Err(_))) = (position, &parsed) {
            row.bad_value(columns.positions, "whole numbers with `,` between them", position);
        }
        if !sku.is_empty() {
            // `false` sorts first: a position that is given.
            let position = parsed.and_then(Result::ok);
            links.push((position.is_none(), position, sku));
        }
    }
    links.sort_by_key(|(missing, position, _)| (*missing, *position));
    let at = row.at_cell(columns.skus);
    for (rank, (_, _, target)) in (0..).zip(links) {
        if row.is_id(at, columns.skus, target) {
            let link = RelationRecord::new(source, columns.relation_type, target, Origin::Imported);
            row.emit(at, Record::Relation(RelationRecord { position: Some(rank), ..link }));
        }
    }
}

/// `SKU=2.0000,SKU`: the parts of a grouped product with their default quantities.
fn emit_associated(row: &mut Row<'_>, bundle: &str, column: Column) {
    let Some(parts) = spoken(row, bundle, ScopeRecord::BUNDLES, column) else { return };
    let at = row.at_cell(column);
    let parts = parts.split(',').map(str::trim).filter(|part| !part.is_empty());
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
        let count = count.unwrap_or_default();
        if row.is_id(at, column, product) {
            let part = fixed_part(bundle, product, product);
            let selection = BundleRecord {
                option_position,
                required: false,
                min_selections: 0,
                quantity: if count > 0.0 { count } else { 1.0 },
                is_default: count > 0.0,
                ..part
            };
            row.emit(at, Record::Bundle(selection));
        }
    }
}

/// One selection of `bundle_values`.
#[derive(Default)]
struct Selection<'a> {
    option: &'a str,
    kind: &'a str,
    required: Option<bool>,
    product: &'a str,
    quantity: Option<f64>,
    is_default: bool,
}

/// `name=Lens,type=radio,required=1,sku=A,...|name=Lens,...`: options are grouped by their names.
fn emit_bundle(row: &mut Row<'_>, bundle: &str, column: Column) {
    let Some(text) = spoken(row, bundle, ScopeRecord::BUNDLES, column) else { return };
    let at = row.at_cell(column);
    let mut options: Vec<(&str, Vec<Selection<'_>>)> = Vec::new();
    for (index, part) in selections(text).enumerate() {
        if index == BUNDLE_SELECTIONS_MAX {
            row.bad_value(column, &format!("at most {BUNDLE_SELECTIONS_MAX} selections"), part);
            break;
        }
        let selection = selection(row, column, part);
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
        emit_option(row, at, bundle, option_position, &selections);
    }
}

fn emit_option(
    row: &mut Row<'_>,
    at: Location,
    bundle: &str,
    option_position: u32,
    selections: &[Selection<'_>],
) {
    let required = selections.iter().find_map(|selection| selection.required).unwrap_or(false);
    let takes_many = selections.iter().any(|s| matches!(s.kind, "checkbox" | "multi"));
    let count = u32::try_from(selections.len()).unwrap_or(u32::MAX);
    for (selection_position, selection) in (0..).zip(selections) {
        let record = BundleRecord {
            option_position,
            required,
            min_selections: u32::from(required),
            max_selections: if takes_many { count } else { 1 },
            selection_position,
            quantity: selection.quantity.unwrap_or(1.0),
            is_default: selection.is_default,
            ..fixed_part(bundle, selection.option, selection.product)
        };
        row.emit(at, Record::Bundle(record));
    }
}

fn selection<'a>(row: &mut Row<'_>, column: Column, part: &'a str) -> Selection<'a> {
    let mut selection = Selection::default();
    for (key, value) in pairs(part) {
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
fn emit_variants(row: &mut Row<'_>, parent: &str, column: Column) {
    let Some(text) = spoken(row, parent, ScopeRecord::VARIANTS, column) else { return };
    let at = row.at_cell(column);
    for (position, part) in (0..).zip(selections(text)) {
        let sku = pairs(part).find(|(key, _)| *key == "sku").map_or("", |(_, sku)| sku);
        if row.is_id(at, column, sku) {
            let position = Some(position);
            row.emit(at, Record::Variant(VariantRecord { parent, variant: sku, position }));
        }
    }
}

/// Parts between `|`; a part that does not begin with `key=` belongs to the one before.
fn selections(text: &str) -> impl Iterator<Item = &str> {
    let begins = |part: &str| part.split(',').next().is_some_and(|first| first.contains('='));
    parts(text, '|', begins).filter(|part| !part.is_empty())
}

/// `key=value` between `,`; a part without `=` belongs to the value before.
fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = parts(text, ',', |part| part.contains('='));
    pairs.filter_map(|part| part.split_once('=')).map(|(key, value)| (key.trim(), value.trim()))
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
