//! Product and product model exports: one row each, the values of ancestors written out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    columns::{self, Level, LinkColumns},
    links::{self, Links},
    structure::Structure,
};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        limits::BUNDLE_SELECTIONS_MAX,
        record::{
            AliasRecord, Location, PriceRecord, ProductRecord, Record, ScopeRecord, Visibility,
        },
    },
    sources::{
        SourceError,
        row::{Row, quantity, switch},
        table::{Column, Table},
    },
};

/// Is it a file of products or of models?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Products,
    Models,
}

struct Columns {
    id: Column,
    uuid: Column,
    parent: Column,
    family: Column,
    enabled: Column,
    groups: Column,
    categories: Column,
    /// By attribute.
    labels: BTreeMap<String, Column>,
    brand: Option<Column>,
    price: Option<(Column, String)>,
    links: Vec<LinkColumns>,
    /// Does the file say anything about a product but its links?
    has_product: bool,
}

/// Columns that make a row a statement about its product; a file may have links alone.
pub(super) const PRODUCT_COLUMNS: [&str; 5] =
    ["family", "family_variant", "categories", "enabled", "parent"];

/// Reads the rows of a file.
pub(super) fn read(
    table: &mut Table<'_>,
    rows: Rows,
    structure: &Structure,
    links: &mut Links,
) -> Result<(), SourceError> {
    let columns = Columns::bind(table, rows, structure)?;
    let spoken: BTreeSet<&str> =
        columns.links.iter().map(|link| link.relation_type.as_str()).collect();
    spoken.iter().for_each(|relation_type| table.speak_of(relation_type));
    let mut is_first = true;
    while table.advance()? {
        let mut row = table.row();
        if std::mem::take(&mut is_first) && !columns.links.is_empty() {
            let count = u64::try_from(columns.links.len()).unwrap_or(u64::MAX);
            links.note_place(Location { line: 1, ..row.at() }, count);
        }
        let uuid = row.text(columns.uuid);
        // Since 7.0 a product may have a uuid alone.
        let is_unnamed = row.text(columns.id).is_none() && uuid.is_some();
        let Some(id) = row.id(if is_unnamed { columns.uuid } else { columns.id }) else { continue };
        if id.contains(',') && rows == Rows::Products {
            let expected = "an identifier without `,`, since links to it cannot be told apart";
            row.bad_value(columns.id, expected, id);
        }
        if columns.has_product {
            emit_product(&mut row, id, &columns, structure);
        }
        if let Some(uuid) = uuid.filter(|uuid| *uuid != id)
            && row.is_id(row.at(), columns.uuid, uuid)
        {
            row.emit(row.at(), Record::Alias(AliasRecord { alias: uuid, product: id }));
        }
        let groups = items(&mut row, columns.groups);
        if !groups.is_empty() {
            links.note_groups(row.at());
        }
        for group in groups {
            if !links.add_member(group, id) {
                row.bad_value(columns.groups, links::FEWER, group);
            }
        }
        spoken.iter().for_each(|relation_type| row.speak_of(relation_type, id));
        for link in columns.links.iter().filter(|link| link.level == Level::Groups) {
            if row.text(link.targets).is_some() {
                row.emit(row.at(), Record::Scope(links::part(&link.relation_type).of(id)));
            }
        }
        for link in &columns.links {
            emit_links(&mut row, id, link, links);
        }
    }
    Ok(())
}

impl Columns {
    fn bind(table: &mut Table<'_>, rows: Rows, structure: &Structure) -> Result<Self, SourceError> {
        let links = columns::bind(table);
        let is_product = |column: &String| PRODUCT_COLUMNS.contains(&column.as_str());
        let has_product = table.columns().iter().any(is_product);
        let label = |label: &str| {
            let column = columns::attribute(table, label)?;
            Some((label.to_owned(), column))
        };
        let labels = structure.labels().filter_map(label).collect();
        let brand = columns::attribute(table, "brand");
        let price = columns::price(table);
        let (id, groups) = match rows {
            Rows::Models => (table.required("code")?, Column { name: "groups", index: None }),
            Rows::Products => (identifier(table, structure)?, table.optional("groups")),
        };
        let columns = Self {
            id,
            uuid: table.optional("uuid"),
            parent: table.optional("parent"),
            family: table.optional(if rows == Rows::Models { "family_variant" } else { "family" }),
            enabled: table.optional("enabled"),
            groups,
            categories: table.optional("categories"),
            labels,
            brand,
            price,
            links,
            has_product,
        };
        // Every attribute is a column; only those that look like links are worth a word.
        table.report_unknown(|column| column.ends_with("-quantity"));
        Ok(columns)
    }
}

/// The column that identifies products: that of the attributes file, else `sku` or `identifier`, else
/// the first one that Akeneo does not name itself.
fn identifier(table: &mut Table<'_>, structure: &Structure) -> Result<Column, SourceError> {
    let named = [structure.identifier(), Some("sku"), Some("identifier")];
    let found = named.into_iter().flatten().find_map(|name| table.named(name));
    if let Some(column) = found {
        return Ok(column);
    }
    let is_own = |name: &str| {
        let own = ["uuid", "groups"].contains(&name) || PRODUCT_COLUMNS.contains(&name);
        !own && !columns::is_link_column(name) && !name.contains('-') && !name.is_empty()
    };
    let first = table.columns().iter().find(|name| is_own(name)).cloned();
    match first.and_then(|name| table.named(&name)) {
        Some(column) => Ok(column),
        None if table.named("uuid").is_some() => Ok(Column { name: "identifier", index: None }),
        None => table.required("identifier"),
    }
}

fn emit_product(row: &mut Row<'_>, id: &str, columns: &Columns, structure: &Structure) {
    let family = row.text(columns.family).unwrap_or_default();
    let label = columns.labels.get(structure.label(family));
    let label = label.or_else(|| columns.labels.get("name")).copied();
    let paths = structure.paths(items(row, columns.categories).into_iter());
    for relation_type in &structure.rootless(&paths) {
        row.emit(row.at(), Record::Scope(ScopeRecord { relation_type, product: None }));
    }
    let mut categories: Vec<&str> = paths.iter().map(String::as_str).collect();
    categories.retain(|path| row.is_category(columns.categories, path));
    let enabled = row.parsed(columns.enabled, "`0` or `1`", switch);
    let enabled = enabled.unwrap_or_else(|| row.text(columns.enabled).is_none());
    let amount = columns.price.as_ref().and_then(|(column, currency)| {
        let parse = |text: &str| Decimal::parse(text).filter(|amount| amount.digits >= 0);
        let amount = row.parsed(*column, "an amount like `12.50`", parse)?;
        Some(PriceRecord { amount, currency: Some(currency) })
    });
    let product = ProductRecord {
        id,
        title: label.and_then(|label| row.title(label)),
        brand: columns.brand.and_then(|brand| row.name(brand)),
        categories,
        price: amount,
        parent: row.name(columns.parent),
        visibility: if enabled { Visibility::Visible } else { Visibility::Hidden },
        ..ProductRecord::default()
    };
    row.emit(row.at(), Record::Product(product));
}

fn emit_links(row: &mut Row<'_>, source: &str, columns: &LinkColumns, links: &mut Links) {
    let targets = items(row, columns.targets);
    let quantities = quantities(row, columns, targets.len());
    let at = row.at_cell(columns.targets);
    for (index, target) in targets.into_iter().enumerate() {
        if !row.is_id(at, columns.targets, target) {
            continue;
        }
        let quantity = quantities.get(index).copied().flatten();
        match columns.level {
            Level::Products => {
                let record = links.relation(source, &columns.relation_type, target, quantity);
                row.emit(at, record);
            }
            Level::Groups => {
                if !links.add_group_link(at, source, &columns.relation_type, target) {
                    let unread = links::unread(&columns.relation_type);
                    row.emit(at, Record::Scope(unread.of(source)));
                    row.bad_value(columns.targets, links::FEWER, target);
                }
            }
        }
    }
}

/// The quantities of a cell's targets. Where their counts differ, nobody knows which belongs to
/// which: the links are kept without them.
fn quantities(row: &mut Row<'_>, columns: &LinkColumns, count: usize) -> Vec<Option<f64>> {
    let Some(column) = columns.quantities else { return Vec::new() };
    let Some(text) = row.text(column) else { return Vec::new() };
    let found = text.split('|').count();
    if found != count {
        let targets = row.field(columns.targets);
        let message = format!(
            "expected {count} quantities with `|` between them, one for each of `{targets}`, found \
             {found}; the links are kept without"
        );
        let at = row.at_cell(column);
        row.finding(FindingCode::BadValue, at, column, &message);
        return Vec::new();
    }
    let mut quantities = Vec::with_capacity(found.min(BUNDLE_SELECTIONS_MAX));
    for text in text.split('|').map(str::trim) {
        let parsed = quantity(text);
        if parsed.is_none() {
            row.bad_value(column, "a quantity above 0", text);
        }
        quantities.push(parsed);
    }
    quantities
}

/// The items between the commas of a cell.
fn items<'a>(row: &mut Row<'a>, column: Column) -> Vec<&'a str> {
    let items = row.text(column).unwrap_or_default().split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}
