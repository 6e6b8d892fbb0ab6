//! Shopware 6: what its import/export profiles for products and for cross-selling write.
//!
//! A product's id is its product number, its UUID an alias: cross-selling names products by UUID. Each
//! cross-selling group has a name that the shop chose; its links are passed on as `shopware:NAME`, in
//! the order of group and list. A group that a product stream fills has no links here: what stands in
//! its list is left over from before, and nothing of it is read.

use std::collections::BTreeSet;

use super::{
    Fit, Format, SourceError,
    csv::CsvReader,
    files::{Depth, SourceFile, Tree},
    row::{Row, switch},
    sample::Sample,
    table::{Column, Form, Table},
};
use crate::model::{
    decimal::Decimal,
    finding::FindingCode,
    id::IdRule,
    limits::RELATIONS_PER_TYPE_MAX,
    record::{
        AliasRecord, PriceRecord, ProductRecord, Record, RecordSink, RelationRecord, ScopeRecord,
        Visibility,
    },
    relation::{Availability, Origin},
    text::shown,
};

/// `--from shopware=DIR` or `--from shopware=FILE`.
pub(crate) const FORMAT: Format = Format {
    name: "shopware",
    about: "Shopware 6: CSV of the import/export profiles for cross-selling and products",
    id_rule: IdRule::Exact,
    depth: Depth::Every,
    recognizes,
    read,
};

const EXPECTED: &str = "a .csv with `;` and the columns of a profile for cross-selling or products";
const SEMICOLON_CSV: Form = Form::Csv { delimiter: b';' };

/// Names of groups that are remembered; a catalog has a hundred types at most.
const NAMES_MAX: usize = 100_000;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    CrossSelling,
    Products,
}

fn recognizes(sample: &Sample<'_>) -> Fit {
    let is_ours = sample.delimiter() == Some(b';') && shape(sample.columns()).is_some();
    if is_ours { Fit::Sure } else { Fit::No }
}

fn shape(columns: &[String]) -> Option<Shape> {
    let has = |name: &str| columns.iter().any(|column| column == name);
    if has("product_id") && has("assigned_products") && has("name") {
        Some(Shape::CrossSelling)
    } else if has("product_number") && (has("parent_id") || has("price_gross") || has("tax_rate")) {
        Some(Shape::Products)
    } else {
        None
    }
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let mut any = false;
    for file in &tree.files {
        let Some(shape) = shape_of(file)? else {
            file.ignore(sink, &format!("expected {EXPECTED}, found another file"));
            continue;
        };
        any = true;
        let input = file.open()?;
        let id = file.announce(sink);
        let mut table = Table::new(SEMICOLON_CSV, input, id, sink)?;
        match shape {
            Shape::CrossSelling => read_groups(&mut table)?,
            Shape::Products => read_products(&mut table)?,
        }
    }
    if any {
        return Ok(());
    }
    Err(SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED })
}

fn shape_of(file: &SourceFile) -> Result<Option<Shape>, SourceError> {
    if !file.is_stdin() && file.extension() != "csv" {
        return Ok(None);
    }
    let reader = CsvReader::new(file.open()?, b';')?;
    Ok(shape(reader.header()))
}

struct GroupColumns {
    name: Column,
    product: Column,
    active: Column,
    position: Column,
    kind: Column,
    assigned: Column,
}

fn read_groups(table: &mut Table<'_>) -> Result<(), SourceError> {
    let columns = GroupColumns {
        name: table.required("name")?,
        product: table.required("product_id")?,
        active: table.optional("active"),
        position: table.optional("position"),
        kind: table.optional("type"),
        assigned: table.required("assigned_products")?,
    };
    // The group's own id says nothing; how many of a stream are shown in which order is not read.
    table.optional("id");
    table.report_unknown(|_| true);
    let mut spoken = BTreeSet::new();
    while table.advance()? {
        read_group(&mut table.row(), &columns, &mut spoken);
    }
    Ok(())
}

fn read_group(row: &mut Row<'_>, columns: &GroupColumns, spoken: &mut BTreeSet<String>) {
    let (Some(name), Some(source)) = (row.required(columns.name), row.id(columns.product)) else {
        return;
    };
    let relation_type = &format!("shopware:{name}");
    let at = row.at();
    if !spoken.contains(relation_type) && spoken.len() < NAMES_MAX {
        spoken.insert(relation_type.clone());
        row.emit(at, Record::Scope(ScopeRecord { relation_type, product: None }));
    }
    row.emit(at, Record::Scope(ScopeRecord { relation_type, product: Some(source) }));
    let is_list = row.parsed(columns.kind, "`productList` or `productStream`", |text| match text {
        "productList" => Some(true),
        "productStream" => Some(false),
        _ => None,
    });
    // What cannot be read may be a stream.
    if is_list == Some(false) {
        return report_stream(row, columns);
    }
    if is_list.is_none() && row.text(columns.kind).is_some() {
        return;
    }
    let has_active = row.text(columns.active).is_some();
    let active = row.switch(columns.active);
    let group = row.position(columns.position).unwrap_or_default();
    let first = u32::try_from(RELATIONS_PER_TYPE_MAX).unwrap_or(u32::MAX).saturating_mul(group);
    let at = row.at_cell(columns.assigned);
    let targets = row.text(columns.assigned).unwrap_or_default().split('|').map(str::trim);
    for (index, target) in (0..).zip(targets.filter(|target| !target.is_empty())) {
        if row.is_id(at, columns.assigned, target) {
            let link = RelationRecord::new(source, relation_type, target, Origin::Imported);
            let position = Some(first.saturating_add(index));
            let active = active.unwrap_or(!has_active);
            row.emit(at, Record::Relation(RelationRecord { position, active, ..link }));
        }
    }
}

/// Says that the links of a group are not in the file, and which are left over in it.
fn report_stream(row: &mut Row<'_>, columns: &GroupColumns) {
    let left_over = row.text(columns.assigned);
    let also = left_over.map(|text| {
        format!(", and `{}`, which it had before the stream; that is not read", shown(text))
    });
    let message = format!(
        "expected a list of products, found a group that a product stream fills in the shop{}",
        also.unwrap_or_default()
    );
    let at = row.at_cell(columns.kind);
    row.finding(FindingCode::BadValue, at, columns.kind, &message);
}

struct ProductColumns {
    id: Column,
    number: Column,
    parent: Column,
    active: Column,
    stock: Column,
    is_closeout: Column,
    name: Column,
    price: Column,
    manufacturer: Column,
}

fn read_products(table: &mut Table<'_>) -> Result<(), SourceError> {
    let columns = ProductColumns {
        id: table.optional("id"),
        number: table.required("product_number")?,
        parent: table.optional("parent_id"),
        active: table.optional("active"),
        stock: table.optional("stock"),
        is_closeout: table.optional("is_closeout"),
        name: table.optional("name"),
        price: table.optional("price_gross"),
        manufacturer: table.optional("manufacturer_name"),
    };
    // Prices without tax, texts, media and the UUIDs of categories and options are of no use here.
    while table.advance()? {
        read_product(&mut table.row(), &columns);
    }
    Ok(())
}

fn read_product(row: &mut Row<'_>, columns: &ProductColumns) {
    let Some(id) = row.id(columns.number) else { return };
    let has_active = row.text(columns.active).is_some();
    let active = row.switch(columns.active).unwrap_or(!has_active);
    let amount = |text: &str| Decimal::parse(text).filter(|amount| amount.digits >= 0);
    let price = row.parsed(columns.price, "an amount like `12.50`", amount);
    let product = ProductRecord {
        id,
        title: row.title(columns.name),
        brand: row.name(columns.manufacturer),
        price: price.map(|amount| PriceRecord { amount, currency: None }),
        availability: availability(row, columns),
        parent: row.name(columns.parent),
        visibility: if active { Visibility::Visible } else { Visibility::Hidden },
        ..ProductRecord::default()
    };
    let at = row.at();
    row.emit(at, Record::Product(product));
    let alias = row.text(columns.id).filter(|alias| *alias != id);
    if let Some(alias) = alias.filter(|alias| row.is_id(at, columns.id, alias)) {
        row.emit(at, Record::Alias(AliasRecord { alias, product: id }));
    }
}

/// Without stock, a product can be ordered all the same unless it is a closeout; a file that does
/// not say so says nothing.
fn availability(row: &mut Row<'_>, columns: &ProductColumns) -> Option<Availability> {
    let units = row.parsed(columns.stock, "a whole number", |text| text.parse::<i64>().ok())?;
    let is_closeout = row.parsed(columns.is_closeout, "`1` or `0`", switch);
    match (units, is_closeout) {
        (1.., _) => Some(Availability::InStock),
        (_, Some(true)) => Some(Availability::OutOfStock),
        (_, Some(false)) => Some(Availability::Backorder),
        (_, None) => None,
    }
}
