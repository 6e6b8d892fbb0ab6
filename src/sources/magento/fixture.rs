//! The fixtures of Magento's sample data: lists stand as lines of a cell.
//!
//! `sku,linked_sku` files hold links. Product files have a `category` whose lines are the levels of
//! one path or of several; the tree in `categories.csv` says where one path ends and the next
//! begins. `bundle_options` holds a line `Title|radio:SKU,SKU` an option; `associated_sku` holds the
//! products of a grouped product.

use std::collections::BTreeSet;

use super::visibility;
use crate::model::{
    limits::{BUNDLE_SELECTIONS_MAX, CATEGORY_PATH_BYTES_MAX},
    record::{BundleRecord, Location, ProductRecord, Record, RelationRecord, ScopeRecord},
    relation::Origin,
};
use crate::sources::{
    SourceError,
    row::Row,
    table::{Column, Table},
};

/// Columns by which a product fixture is known.
pub(super) const COLUMNS: &[&str] = &["category", "bundle_options", "associated_sku"];

/// Categories of one shop that are remembered; the largest shops have some ten thousand.
const CATEGORIES_MAX: usize = 100_000;

/// The paths that exist.
#[derive(Debug, Default)]
pub(super) struct Categories {
    paths: BTreeSet<String>,
}

impl Categories {
    /// Adds a file with the columns `name` and `path`, the path of the parent.
    pub(super) fn read(&mut self, table: &mut Table<'_>) -> Result<(), SourceError> {
        let (name, parent) = (table.required("name")?, table.required("path")?);
        while table.advance()? {
            let mut row = table.row();
            let Some(name_text) = row.required(name) else { continue };
            if self.paths.len() == CATEGORIES_MAX {
                row.bad_value(name, &format!("at most {CATEGORIES_MAX} categories"), name_text);
                return Ok(());
            }
            let path =
                row.text(parent).map_or(name_text.to_owned(), |path| format!("{path}/{name_text}"));
            // No path may be longer: a product in it is reported.
            if path.len() <= CATEGORY_PATH_BYTES_MAX {
                self.paths.insert(path);
            }
        }
        Ok(())
    }

    /// The paths that these levels walk through: a level that the tree does not know below the
    /// current one, but knows as a root, begins the next path.
    fn walk(&self, levels: &str) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for level in levels.lines().map(str::trim).filter(|level| !level.is_empty()) {
            match paths.last_mut() {
                Some(path) if !self.begins_path(path, level) => {
                    path.push('/');
                    path.push_str(level);
                }
                _ => paths.push(level.to_owned()),
            }
        }
        paths
    }

    fn begins_path(&self, path: &str, level: &str) -> bool {
        let is_long = path.len() > CATEGORY_PATH_BYTES_MAX;
        self.paths.contains(level) && (is_long || !self.paths.contains(&format!("{path}/{level}")))
    }
}

/// Reads links of one type.
pub(super) fn read_links(table: &mut Table<'_>, relation_type: &str) -> Result<(), SourceError> {
    let (source, linked) = (table.required("sku")?, table.required("linked_sku")?);
    table.report_unknown(|_| true);
    table.speak_of(relation_type);
    while table.advance()? {
        let mut row = table.row();
        let Some(source) = row.id(source) else { continue };
        row.speak_of(relation_type, source);
        for (position, (at, target)) in (0..).zip(lines(&mut row, linked)) {
            if row.is_id(at, linked, target) {
                let position = Some(position);
                let link = RelationRecord::new(source, relation_type, target, Origin::Imported);
                row.emit(at, Record::Relation(RelationRecord { position, ..link }));
            }
        }
    }
    Ok(())
}

/// Reads products with what they are made of.
pub(super) fn read_products(
    table: &mut Table<'_>,
    categories: &Categories,
) -> Result<(), SourceError> {
    let sku = table.required("sku")?;
    let name = table.optional("name");
    let category = table.optional("category");
    let price = table.optional("price");
    let visible = table.optional("visibility");
    let bundle_options = table.optional("bundle_options");
    let associated = table.optional("associated_sku");
    let currency = Column { name: "currency", index: None };
    let has_bundles = bundle_options.index.or(associated.index).is_some();
    if has_bundles {
        table.speak_of(ScopeRecord::BUNDLES);
    }
    while table.advance()? {
        let mut row = table.row();
        let Some(id) = row.id(sku) else { continue };
        if has_bundles {
            row.speak_of(ScopeRecord::BUNDLES, id);
        }
        let mut paths = categories.walk(row.raw(category));
        paths.retain(|path| row.is_category(category, path));
        let product = ProductRecord {
            id,
            title: row.title(name),
            categories: paths.iter().map(String::as_str).collect(),
            price: row.price(price, currency),
            visibility: visibility(&mut row, visible),
            ..ProductRecord::default()
        };
        row.emit(row.at(), Record::Product(product));
        emit_options(&mut row, id, bundle_options);
        emit_associated(&mut row, id, associated);
    }
    Ok(())
}

fn emit_options(row: &mut Row<'_>, bundle: &str, column: Column) {
    const EXPECTED: &str = "an option like `Title|radio:SKU,SKU`";
    for (option_position, (at, line)) in (0..).zip(lines(row, column)) {
        let option = line.split_once('|').and_then(|(title, rest)| {
            let (kind, products) = rest.split_once(':')?;
            Some((title.trim(), is_single(kind.trim())?, products))
        });
        let Some((option, single, products)) = option.filter(|(title, ..)| !title.is_empty())
        else {
            row.bad_value_at(at, column, EXPECTED, line);
            continue;
        };
        let products: Vec<&str> = skus(products).collect();
        let any = u32::try_from(products.len().min(BUNDLE_SELECTIONS_MAX)).unwrap_or(1);
        for (selection_position, product) in (0..).zip(products) {
            if row.is_id(at, column, product) {
                let selection = BundleRecord {
                    option_position,
                    required: single,
                    min_selections: u32::from(single),
                    max_selections: if single { 1 } else { any },
                    selection_position,
                    ..fixed_part(bundle, option, product)
                };
                row.emit(at, Record::Bundle(selection));
            }
        }
    }
}

/// Radio buttons and drop-down lists take exactly one selection, check boxes any number.
fn is_single(kind: &str) -> Option<bool> {
    match kind {
        "radio" | "select" => Some(true),
        "checkbox" | "multi" => Some(false),
        _ => None,
    }
}

/// A grouped product is a bundle of options that nobody must take, each named by its product.
fn emit_associated(row: &mut Row<'_>, bundle: &str, column: Column) {
    let mut position = 0;
    for (at, line) in lines(row, column) {
        for product in skus(line) {
            if row.is_id(at, column, product) {
                let part = fixed_part(bundle, product, product);
                let selection = BundleRecord {
                    option_position: position,
                    required: false,
                    min_selections: 0,
                    ..part
                };
                row.emit(at, Record::Bundle(selection));
                position += 1;
            }
        }
    }
}

/// One of a product, required, in an option of its own.
pub(super) fn fixed_part<'a>(
    bundle: &'a str,
    option: &'a str,
    product: &'a str,
) -> BundleRecord<'a> {
    BundleRecord {
        bundle,
        option,
        option_position: 0,
        required: true,
        min_selections: 1,
        max_selections: 1,
        product,
        selection_position: 0,
        quantity: 1.0,
        is_default: false,
    }
}

fn skus(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|sku| !sku.is_empty())
}

/// The lines of a cell that are not blank, each with its place.
fn lines<'a>(
    row: &mut Row<'a>,
    column: Column,
) -> impl Iterator<Item = (Location, &'a str)> + use<'a> {
    let first = row.at_cell(column);
    let numbered = (first.line..).zip(row.raw(column).lines());
    let lines = numbered.map(move |(line, text)| (Location { line, ..first }, text.trim()));
    lines.filter(|(_, text)| !text.is_empty())
}
