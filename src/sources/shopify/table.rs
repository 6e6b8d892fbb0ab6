//! The product CSV, in the words of both generations of its header.
//!
//! A product stands on one row or several with the same handle, one behind the other: the first has
//! what holds for the product, each may have a variant, some only an image. An empty cell of a
//! metafield is a product without such relations.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use super::{
    metafield::{Metafield, TARGETS_MAX, targets},
    product::{
        Price, Product, Stock, VARIANTS_MAX, Variant, category, options, oversells, status, tags,
    },
};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{Location, Record, RecordSink, RelationRecord, ScopeRecord, Visibility},
        relation::Origin,
    },
    sources::{
        SourceError,
        files::SourceFile,
        row::{Row, switch},
        table::{COMMA_CSV, Column, Table},
    },
};

/// What the older and the newer header call the handle.
const HANDLES: [&str; 2] = ["Handle", "URL handle"];

/// Columns that only product exports have beside a handle; a file of metafields may lack them.
const OWN: [&str; 8] = [
    "Body (HTML)",
    "Variant SKU",
    "Variant Price",
    "Variant Inventory Qty",
    "Published on online store",
    "Inventory quantity",
    "Compare-at price",
    "Product image URL",
];

/// Are these the columns of a product export?
pub(super) fn is_export(columns: &[String]) -> bool {
    let has = |name: &&str| columns.iter().any(|column| column == name);
    let has_metafield = columns.iter().any(|column| Metafield::of_column(column).is_some());
    HANDLES.iter().any(has) && (has_metafield || OWN.iter().any(has))
}

struct Columns {
    handle: Column,
    title: Column,
    vendor: Column,
    category: Column,
    product_type: Column,
    tags: Column,
    published: Column,
    status: Column,
    options: [Column; 3],
    sku: Column,
    tracker: Column,
    quantity: Column,
    policy: Column,
    price: Column,
    /// Metafields that list products, by type.
    relations: Vec<(String, Column)>,
    display: Vec<Column>,
}

/// The rows of one product.
#[derive(Default)]
struct Group {
    at: Option<Location>,
    product: Product,
    has_too_many: bool,
    /// Place and target by index into [`Columns::relations`].
    links: BTreeMap<usize, Vec<(Location, String)>>,
    link_count: usize,
    /// Of which of [`Columns::relations`] there was a cell that could not be read.
    unread: BTreeSet<usize>,
}

/// Links of one product: each of some lists as long as it may be.
const LINKS_MAX: usize = 10 * TARGETS_MAX;

/// Reads an export.
pub(super) fn read(file: &SourceFile, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let input = file.open()?;
    let id = file.announce(sink);
    let mut table = Table::new(COMMA_CSV, input, id, sink)?;
    let columns = Columns::bind(&mut table)?;
    // Images, shipping and taxes are of no use here; a metafield of the shop's own may be.
    table.report_unknown(|column| Metafield::of_column(column).is_some());
    columns.report(&mut table.row(), Location { file: id, line: 1 });
    let mut group = Group::default();
    while table.advance()? {
        let mut row = table.row();
        let Some(handle) = row.id(columns.handle) else { continue };
        if group.product.id != handle {
            mem::take(&mut group).emit(&columns, &mut row);
            group.begin(handle, &mut row, &columns);
        }
        group.add(&mut row, &columns);
    }
    group.emit(&columns, &mut table.row());
    Ok(())
}

impl Columns {
    fn bind(table: &mut Table<'_>) -> Result<Self, SourceError> {
        let mut either = |older, newer| match table.optional(older) {
            Column { index: None, .. } => table.optional(newer),
            found => found,
        };
        let columns = Self {
            handle: either("Handle", "URL handle"),
            title: either("Title", "Title"),
            vendor: either("Vendor", "Vendor"),
            category: either("Product Category", "Product category"),
            product_type: either("Type", "Custom Product Type"),
            tags: either("Tags", "Tags"),
            published: either("Published", "Published on online store"),
            status: either("Status", "Status"),
            options: [
                either("Option1 Value", "Option1 value"),
                either("Option2 Value", "Option2 value"),
                either("Option3 Value", "Option3 value"),
            ],
            sku: either("Variant SKU", "SKU"),
            tracker: either("Variant Inventory Tracker", "Inventory tracker"),
            quantity: either("Variant Inventory Qty", "Inventory quantity"),
            policy: either("Variant Inventory Policy", "Continue selling when out of stock"),
            price: either("Variant Price", "Price"),
            relations: Vec::new(),
            display: Vec::new(),
        };
        if columns.handle.index.is_none() {
            table.required("Handle")?;
        }
        let metafields = table.matching(|column| {
            let found = Metafield::of_column(column)?;
            (found != Metafield::Other).then_some(found)
        });
        let (mut relations, mut display) = (Vec::new(), Vec::new());
        for (metafield, column) in metafields {
            match metafield {
                Metafield::Relations(relation_type) => relations.push((relation_type, column)),
                Metafield::Display | Metafield::Other => display.push(column),
            }
        }
        Ok(Self { relations, display, ..columns })
    }

    /// Says what the file speaks of, and what of it is not read.
    fn report(&self, row: &mut Row<'_>, at: Location) {
        for (relation_type, _) in &self.relations {
            row.emit(at, Record::Scope(ScopeRecord { relation_type, product: None }));
        }
        for column in &self.display {
            let message = "expected lists of products, found how a theme mixes them with its own \
                           recommendations; that is not read";
            row.finding(FindingCode::UnknownColumn, at, *column, message);
        }
    }
}

impl Group {
    /// Takes what the first row says of the product.
    fn begin(&mut self, handle: &str, row: &mut Row<'_>, columns: &Columns) {
        self.at = Some(row.at());
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let mut names: Vec<&str> = tags(row.text(columns.tags).unwrap_or_default()).collect();
        names.retain(|name| row.is_name(columns.tags, name));
        self.product = Product {
            id: handle.to_owned(),
            title: owned(row.title(columns.title)),
            brand: owned(row.name(columns.vendor)),
            categories: categories(row, columns),
            tags: names.into_iter().map(str::to_owned).collect(),
            visibility: visibility(row, columns),
            ..Product::default()
        };
    }

    /// Takes the variant of a row, and the products it lists.
    fn add(&mut self, row: &mut Row<'_>, columns: &Columns) {
        if let Some(variant) = variant(row, columns)
            && !self.product.add(variant)
            && !mem::replace(&mut self.has_too_many, true)
        {
            let expected = format!("at most {VARIANTS_MAX} variants of a product");
            row.bad_value(columns.handle, &expected, &self.product.id);
        }
        for (index, (_, column)) in columns.relations.iter().enumerate() {
            let Some(text) = row.text(*column) else { continue };
            let at = row.at_cell(*column);
            let Some(targets) = targets(text) else {
                let expected = format!("at most {TARGETS_MAX} handles, or a JSON array of GIDs");
                row.bad_value(*column, &expected, text);
                self.unread.insert(index);
                continue;
            };
            if self.link_count + targets.len() > LINKS_MAX {
                let expected = format!("at most {LINKS_MAX} links of one product");
                row.bad_value(*column, &expected, text);
                self.unread.insert(index);
                continue;
            }
            for target in targets {
                if row.is_id(at, *column, &target) {
                    self.link_count += 1;
                    self.links.entry(index).or_default().push((at, target.into_owned()));
                }
            }
        }
    }

    fn emit(&self, columns: &Columns, row: &mut Row<'_>) {
        let Some(at) = self.at else { return };
        self.product.emit(at, &mut |at, record| row.emit(at, record));
        let source = self.product.id.as_str();
        for (index, (relation_type, _)) in columns.relations.iter().enumerate() {
            let said = match self.unread.contains(&index) {
                true => &format!("{}{relation_type}", ScopeRecord::UNREAD),
                false => relation_type,
            };
            let scope = ScopeRecord { relation_type: said, product: Some(source) };
            row.emit(at, Record::Scope(scope));
            let links = self.links.get(&index).into_iter().flatten();
            for (position, (at, target)) in (0..).zip(links) {
                let link = RelationRecord::new(source, relation_type, target, Origin::Imported);
                let position = Some(position);
                row.emit(*at, Record::Relation(RelationRecord { position, ..link }));
            }
        }
    }
}

/// The path in Shopify's taxonomy, else the shop's own type.
fn categories(row: &mut Row<'_>, columns: &Columns) -> Vec<String> {
    let column = match row.text(columns.category) {
        Some(_) => columns.category,
        None => columns.product_type,
    };
    let Some(text) = row.text(column) else { return Vec::new() };
    let path = category(text);
    if row.is_category(column, &path) { vec![path] } else { Vec::new() }
}

/// What cannot be read hides the product.
fn visibility(row: &mut Row<'_>, columns: &Columns) -> Visibility {
    let expected = "`active`, `draft`, `archived` or `unlisted`";
    let has_status = row.text(columns.status).is_some();
    let status = row.parsed(columns.status, expected, status);
    let has_published = row.text(columns.published).is_some();
    let published = row.parsed(columns.published, "`TRUE` or `FALSE`", switch);
    let is_hidden = has_status && status != Some(Visibility::Visible)
        || has_published && published != Some(true);
    if is_hidden { Visibility::Hidden } else { Visibility::Visible }
}

/// The variant of a row; none if the row has an image only.
fn variant(row: &mut Row<'_>, columns: &Columns) -> Option<Variant> {
    let [first, second, third] = columns.options.map(|column| row.text(column));
    let sku = row.text(columns.sku);
    let cells = [columns.price, columns.quantity].map(|column| row.text(column));
    let mut all = [first, second, third, sku].into_iter().chain(cells);
    all.find(Option::is_some)?;
    let tracker = columns.tracker.index.map(|_| row.text(columns.tracker).is_some());
    let stock = Stock {
        is_tracked: tracker,
        quantity: row.parsed(columns.quantity, "a whole number", |text| text.parse().ok()),
        oversells: row.parsed(columns.policy, "`deny` or `continue`", oversells),
        is_for_sale: None,
    };
    let is_amount = |text: &str| Decimal::parse(text).filter(|amount| amount.digits >= 0);
    let amount = row.parsed(columns.price, "an amount like `12.50`", is_amount);
    let at = row.at_cell(columns.sku);
    let sku = sku.filter(|sku| row.is_id(at, columns.sku, sku));
    Some(Variant {
        at: Some(row.at()),
        options: options([first, second, third].into_iter().flatten()),
        aliases: sku.map(str::to_owned).into_iter().collect(),
        price: amount.map(|amount| Price { amount, currency: None }),
        availability: stock.availability(),
        position: None,
    })
}
