//! The product export of Magento's admin: one wide row a product and store view.
//!
//! - Rows with a `store_view_code` repeat a product for one store view: only their links count.
//! - Links are ordered by `(position, place in the list)`. A missing or unreadable position comes
//!   after every given one; tied ones keep the list's order.
//! - A blank cell says nothing, as in Magento; `__EMPTY__VALUE__` clears what was kept of before.
//! - A disabled product (`product_online` = 2) is hidden, not discontinued: it may come back.
//! - Lists are joined by `,` or the separator that the shop chose for its exports.
//! - `/` always ends a level of a category path; Magento's `\/` is not undone.

use super::{
    parts::{emit_associated, emit_bundle, emit_variants, pairs},
    visibility,
};
use crate::model::{
    record::{ProductRecord, Record, RelationRecord, ScopeRecord, Visibility},
    relation::{Availability, Origin},
};
use crate::sources::{
    SourceError,
    row::{Row, switch},
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
    /// Third-party exporters write it.
    associated_position: Column,
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

/// Reads an export whose lists are joined by `separator`.
pub(super) fn read(table: &mut Table<'_>, separator: char) -> Result<(), SourceError> {
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
                emit_product(&mut row, sku, product, separator);
            }
            let associated = [columns.associated_skus, columns.associated_position];
            emit_associated(&mut row, sku, associated, separator);
            emit_bundle(&mut row, sku, columns.bundle_values, separator);
            emit_variants(&mut row, sku, columns.configurable_variations, separator);
        }
        for links in &columns.links {
            emit_links(&mut row, sku, links, separator);
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
        Ok(Self {
            sku: table.required("sku")?,
            store_view_code: table.optional("store_view_code"),
            product: has_product.then(|| ProductColumns::bind(table)),
            links,
            associated_skus: table.optional("associated_skus"),
            associated_position: table.optional("associated_position"),
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

fn emit_product(row: &mut Row<'_>, id: &str, columns: &ProductColumns, separator: char) {
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
        brand: brand(row, columns, separator),
        categories: categories(row, columns.categories, separator),
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

fn brand<'a>(row: &mut Row<'a>, columns: &ProductColumns, separator: char) -> Option<&'a str> {
    for column in columns.brands {
        if row.text(column).is_some() {
            return row.name(column);
        }
    }
    let attributes = row.text(columns.additional_attributes)?;
    let named = |name: &str| pairs(attributes, separator).find(|(key, _)| *key == name);
    let (_, brand) = named("manufacturer").or_else(|| named("brand"))?;
    // With "fields enclosure" on, each value stands in quotes of its own.
    let brand = brand.trim_matches('"').trim();
    let is_name = !brand.is_empty() && row.is_name(columns.additional_attributes, brand);
    is_name.then_some(brand)
}

/// Paths without the root, the first one with the most levels in front.
fn categories<'a>(row: &mut Row<'a>, column: Column, separator: char) -> Vec<&'a str> {
    let paths = row.text(column).unwrap_or_default().split(separator).map(str::trim);
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
pub(super) fn spoken<'a>(
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

fn emit_links(row: &mut Row<'_>, source: &str, columns: &LinkColumns, separator: char) {
    let Some(skus) = spoken(row, source, columns.relation_type, columns.skus) else { return };
    let at = row.at_cell(columns.skus);
    let targets = order(row, skus, columns.positions, separator);
    for (rank, target) in (0..).zip(targets) {
        if row.is_id(at, columns.skus, target) {
            let link = RelationRecord::new(source, columns.relation_type, target, Origin::Imported);
            row.emit(at, Record::Relation(RelationRecord { position: Some(rank), ..link }));
        }
    }
}

/// The items of a list that are not empty, by their positions in another one, then as they stand.
pub(super) fn order<'a>(
    row: &mut Row<'_>,
    items: &'a str,
    positions: Column,
    separator: char,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let mut given = row.text(positions).unwrap_or_default().split(separator);
    let mut ordered = Vec::new();
    for item in items.split(separator).map(str::trim) {
        let position = given.next().map(str::trim).filter(|text| !text.is_empty());
        let parsed = position.map(str::parse::<u32>);
        if let (Some(position), Some(Err(_))) = (position, &parsed) {
            let expected = format!("whole numbers with `{separator}` between them");
            row.bad_value(positions, &expected, position);
        }
        if !item.is_empty() {
            // `false` sorts first: a position that is given.
            let position = parsed.and_then(Result::ok);
            ordered.push((position.is_none(), position, item));
        }
    }
    ordered.sort_by_key(|(missing, position, _)| (*missing, *position));
    ordered.into_iter().map(|(.., item)| item)
}
