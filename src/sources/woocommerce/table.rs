//! The product CSV with its English header.
//!
//! A cell lists products by SKU, or by `id:123`, with `, ` between them and `\,` inside one. An empty
//! cell is a product without such relations.

use std::{borrow::Cow, path::Path};

use super::product::{
    CROSS_SELL, KINDS, Kind, UPSELL, category, grouped, items, low, stock_state, visibility,
    with_point,
};
use crate::{
    model::{
        decimal::Decimal,
        record::{
            AliasRecord, Location, PriceRecord, ProductRecord, Record, RecordSink, RelationRecord,
            ScopeRecord, Visibility,
        },
        relation::{Availability, Origin},
    },
    sources::{
        SourceError,
        files::SourceFile,
        row::Row,
        table::{Column, Form, Table},
    },
};

/// The columns of an export that are not read.
const UNREAD: [&str; 27] = [
    "GTIN, UPC, EAN, or ISBN",
    "Is featured?",
    "Short description",
    "Description",
    "Tax status",
    "Tax class",
    "Sold individually?",
    "Weight (kg)",
    "Weight (g)",
    "Weight (lbs)",
    "Weight (oz)",
    "Length (cm)",
    "Width (cm)",
    "Height (cm)",
    "Length (in)",
    "Width (in)",
    "Height (in)",
    "Backorders allowed?",
    "Allow customer reviews?",
    "Purchase note",
    "Shipping class",
    "Images",
    "Download limit",
    "Download expiry days",
    "External URL",
    "Button text",
    "Cost of goods",
];

/// The columns of an export that are read.
const READ: [&str; 20] = [
    "ID",
    "SKU",
    "Type",
    "Name",
    "Published",
    "Visibility in catalog",
    "In stock?",
    "Stock",
    "Low stock amount",
    "Sale price",
    "Regular price",
    "Date sale price starts",
    "Date sale price ends",
    "Categories",
    "Tags",
    "Brands",
    "Parent",
    "Grouped products",
    "Upsells",
    "Cross-sells",
];

/// Columns that are called so in English only; other shops have no reason to.
const OWN: [&str; 6] = [
    "Visibility in catalog",
    "In stock?",
    "Regular price",
    "Grouped products",
    "Upsells",
    "Cross-sells",
];

/// Columns that come in any number, beside those of plugins.
const NUMBERED: [&str; 3] = ["Meta: ", "Attribute ", "Download "];

/// Are these the columns of an English export? With more foreign than known ones they are not, though
/// the languages share some words.
pub(super) fn is_export(columns: &[String]) -> bool {
    let has = |name: &&str| columns.iter().any(|column| column == name);
    let own = columns.iter().filter(|column| is_known(column)).count();
    let foreign = columns.iter().filter(|column| !is_known(column) && !is_numbered(column)).count();
    ["ID", "SKU"].iter().any(has) && OWN.iter().any(has) && own >= foreign
}

/// The error for a table whose columns are others.
pub(super) fn foreign(path: &Path, columns: &[String]) -> SourceError {
    const SHOWN_MAX: usize = 12;
    let found = columns.iter().take(SHOWN_MAX).map(|column| format!("`{column}`"));
    SourceError::ForeignColumns {
        path: path.to_owned(),
        expected: "`ID` or `SKU`, and `Type`, `Published`, `In stock?`, `Parent`, `Grouped \
                   products`, `Upsells`, `Cross-sells`",
        found: found.collect::<Vec<_>>().join(", "),
    }
}

fn is_known(column: &str) -> bool {
    READ.contains(&column) || UNREAD.contains(&column) || column == "Position"
}

fn is_numbered(column: &str) -> bool {
    NUMBERED.iter().any(|prefix| column.starts_with(prefix))
}

struct Columns {
    id: Column,
    sku: Column,
    kind: Column,
    name: Column,
    published: Column,
    visibility: Column,
    in_stock: Column,
    stock: Column,
    low_at: Column,
    sale_price: Column,
    regular_price: Column,
    sale_dates: [Column; 2],
    categories: Column,
    tags: Column,
    brands: Column,
    parent: Column,
    position: Column,
    grouped: Column,
    links: [(&'static str, Column); 2],
}

impl Columns {
    fn bind(table: &mut Table<'_>) -> Self {
        Self {
            id: table.optional("ID"),
            sku: table.optional("SKU"),
            kind: table.optional("Type"),
            name: table.optional("Name"),
            published: table.optional("Published"),
            visibility: table.optional("Visibility in catalog"),
            in_stock: table.optional("In stock?"),
            stock: table.optional("Stock"),
            low_at: table.optional("Low stock amount"),
            sale_price: table.optional("Sale price"),
            regular_price: table.optional("Regular price"),
            sale_dates: [
                table.optional("Date sale price starts"),
                table.optional("Date sale price ends"),
            ],
            categories: table.optional("Categories"),
            tags: table.optional("Tags"),
            brands: table.optional("Brands"),
            parent: table.optional("Parent"),
            position: table.optional("Position"),
            grouped: table.optional("Grouped products"),
            links: [
                (UPSELL, table.optional("Upsells")),
                (CROSS_SELL, table.optional("Cross-sells")),
            ],
        }
    }

    /// What the file speaks of.
    fn scopes(&self) -> impl Iterator<Item = &'static str> {
        let bundles = (ScopeRecord::BUNDLES, self.grouped);
        let all = self.links.into_iter().chain([bundles]);
        all.filter(|(_, column)| column.index.is_some()).map(|(relation_type, _)| relation_type)
    }
}

/// Reads an export.
pub(super) fn read(
    file: &SourceFile,
    delimiter: u8,
    sink: &mut dyn RecordSink,
) -> Result<(), SourceError> {
    let input = file.open()?;
    let id = file.announce(sink);
    let mut table = Table::new(Form::Csv { delimiter }, input, id, sink)?;
    let columns = Columns::bind(&mut table);
    table.report_unknown(|column| !is_known(column) && !is_numbered(column));
    for relation_type in columns.scopes() {
        let scope = ScopeRecord { relation_type, product: None };
        table.row().emit(Location { file: id, line: 1 }, Record::Scope(scope));
    }
    while table.advance()? {
        read_row(&mut table.row(), &columns);
    }
    Ok(())
}

fn read_row(row: &mut Row<'_>, columns: &Columns) {
    let sku = row.text(columns.sku);
    let number = row.text(columns.id).map(|number| format!("id:{number}"));
    let Some(id) = sku.or(number.as_deref()) else {
        let at = row.at_cell(columns.sku);
        row.is_id(at, columns.sku, "");
        return;
    };
    let (at, column) = (row.at(), if sku.is_some() { columns.sku } else { columns.id });
    if !row.is_id(at, column, id) {
        return;
    }
    let kind = row.parsed(columns.kind, KINDS, Kind::of).unwrap_or(Kind::Product);
    emit_product(row, columns, id, kind);
    if let Some(alias) = number.as_deref().filter(|number| *number != id) {
        row.emit(at, Record::Alias(AliasRecord { alias, product: id }));
    }
    for relation_type in columns.scopes() {
        row.emit(at, Record::Scope(ScopeRecord { relation_type, product: Some(id) }));
    }
    for (relation_type, column) in columns.links {
        emit_links(row, id, relation_type, column);
    }
    if kind == Kind::Grouped {
        emit_grouped(row, id, columns.grouped);
    } else if let Some(text) = row.text(columns.grouped) {
        row.bad_value(columns.grouped, "products in a row of the type `grouped` only", text);
    }
}

fn emit_product(row: &mut Row<'_>, columns: &Columns, id: &str, kind: Kind) {
    let categories = categories(row, columns.categories);
    let mut tags = items(row.text(columns.tags).unwrap_or_default());
    tags.retain(|tag| row.is_name(columns.tags, tag));
    let brand = items(row.text(columns.brands).unwrap_or_default()).into_iter().next();
    let brand = brand.filter(|brand| row.is_name(columns.brands, brand));
    let is_variation = kind == Kind::Variation;
    let parent = row.name(columns.parent);
    if let Some(parent) = parent.filter(|_| !is_variation) {
        row.bad_value(columns.parent, "a parent in a row of the type `variation` only", parent);
    }
    let position = if is_variation { row.position(columns.position) } else { None };
    let product = ProductRecord {
        id,
        title: row.title(columns.name),
        brand: brand.as_deref(),
        categories: categories.iter().map(String::as_str).collect(),
        price: price(row, columns),
        availability: availability(row, columns),
        parent: parent.filter(|_| is_variation),
        variant_position: position,
        visibility: read_visibility(row, columns),
        tags: tags.iter().map(Cow::as_ref).collect(),
        ..ProductRecord::default()
    };
    row.emit(row.at(), Record::Product(product));
}

fn categories(row: &mut Row<'_>, column: Column) -> Vec<String> {
    let paths = items(row.text(column).unwrap_or_default());
    let mut paths: Vec<String> = paths.iter().map(|path| category(path)).collect();
    paths.retain(|path| row.is_category(column, path));
    paths
}

/// The sale price where no date limits it, for a file does not say what day it is.
fn price<'a>(row: &mut Row<'a>, columns: &Columns) -> Option<PriceRecord<'a>> {
    let is_limited = columns.sale_dates.iter().any(|date| row.text(*date).is_some());
    let has_sale = row.text(columns.sale_price).is_some() && !is_limited;
    let column = if has_sale { columns.sale_price } else { columns.regular_price };
    let parse = |text: &str| Decimal::parse(&with_point(text)).filter(|one| one.digits >= 0);
    let amount = row.parsed(column, "an amount like `12.50`", parse)?;
    Some(PriceRecord { amount, currency: None })
}

fn availability(row: &mut Row<'_>, columns: &Columns) -> Option<Availability> {
    let state = row.parsed(columns.in_stock, "`1`, `0` or `backorder`", stock_state);
    // A variation may leave counting to its parent.
    let counts = row.text(columns.stock) != Some("parent");
    let number = |text: &str| with_point(text).parse().ok();
    let units = if counts { row.parsed(columns.stock, "a number of units", number) } else { None };
    low(state, units, row.parsed(columns.low_at, "a number of units", number))
}

/// What cannot be read hides the product.
fn read_visibility(row: &mut Row<'_>, columns: &Columns) -> Visibility {
    let has = |row: &mut Row<'_>, column: Column| row.text(column).is_some();
    let published = |text: &str| match text {
        "1" => Some(Visibility::Visible),
        "0" | "-1" => Some(Visibility::Hidden),
        _ => None,
    };
    let is_hidden = has(row, columns.published)
        && row.parsed(columns.published, "`1`, `0` or `-1`", published)
            != Some(Visibility::Visible)
        || has(row, columns.visibility)
            && row.parsed(columns.visibility, VISIBILITIES, visibility)
                != Some(Visibility::Visible);
    if is_hidden { Visibility::Hidden } else { Visibility::Visible }
}

const VISIBILITIES: &str = "`visible`, `catalog`, `search` or `hidden`";

fn emit_links(row: &mut Row<'_>, source: &str, relation_type: &str, column: Column) {
    let at = row.at_cell(column);
    let targets = items(row.text(column).unwrap_or_default());
    for (position, target) in (0..).zip(&targets) {
        if row.is_id(at, column, target) {
            let link = RelationRecord::new(source, relation_type, target, Origin::Imported);
            let position = Some(position);
            row.emit(at, Record::Relation(RelationRecord { position, ..link }));
        }
    }
}

fn emit_grouped(row: &mut Row<'_>, bundle: &str, column: Column) {
    let at = row.at_cell(column);
    let parts = items(row.text(column).unwrap_or_default());
    for (position, part) in (0..).zip(&parts) {
        if row.is_id(at, column, part) {
            row.emit(at, Record::Bundle(grouped(bundle, part, position)));
        }
    }
}
