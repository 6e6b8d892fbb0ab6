//! Akeneo: exports of products, product models, association types and groups, as CSV or as the REST
//! API gives them.
//!
//! Files are known by their columns or keys, whatever they are called. Types are passed on as
//! `akeneo:CODE`. What products refer to is read first, products last, so the order of files does not
//! matter; links to groups are followed when everything is read. Order carries no meaning, so no
//! relation has a position. Links that a variant has from its model stand on its row too; lookups
//! take the variant's own, so that nothing counts twice.

mod columns;
mod links;
mod products;
mod rest;
mod structure;

use self::{
    links::Links,
    products::{PRODUCT_COLUMNS, Rows},
    rest::Kind,
    structure::Structure,
};
use super::{
    Fit, Format, SourceError,
    files::{Depth, SourceFile, Tree},
    sample::Sample,
    table::{Form, Table},
};
use crate::model::{id::IdRule, record::RecordSink};

/// `--from akeneo=DIR` or `--from akeneo=FILE`.
pub(crate) const FORMAT: Format = Format {
    name: "akeneo",
    about: "Akeneo PIM: CSV exports or REST JSON of products, product models, association types, groups",
    id_rule: IdRule::Exact,
    depth: Depth::Every,
    recognizes,
    read,
};

const EXPECTED: &str = "products, product models or associations as Akeneo exports them";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    Json,
    Csv { delimiter: u8 },
}

fn recognizes(sample: &Sample<'_>) -> Fit {
    let Some((kind, written)) = kind_of(sample) else { return Fit::No };
    match (kind, written) {
        // Its own words, and a page of its API.
        (Kind::ProductModel | Kind::AssociationType | Kind::Family, _) => Fit::Sure,
        (Kind::Product, Written::Json) => Fit::Sure,
        (Kind::Product, Written::Csv { .. }) => {
            let has_links = sample.columns().iter().any(|column| columns::is_link_column(column));
            let is_whole = sample.has_all(&["family", "enabled"]);
            if has_links || is_whole { Fit::Sure } else { Fit::Likely }
        }
        (Kind::Attribute | Kind::Category | Kind::Group, _) => Fit::Likely,
    }
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let mut files: Vec<(Kind, Written, &SourceFile)> = Vec::new();
    for file in &tree.files {
        let sample = Sample::new(file);
        match kind_of(&sample) {
            Some((kind, written)) => files.push((kind, written, file)),
            // A file that stands alone is read for its error.
            None if tree.files.len() == 1 => {
                let none = SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED };
                return Err(sample.error().unwrap_or(none));
            }
            None => {
                let seen = sample.seen();
                if let Some(fault) = sample.fault() {
                    return Err(fault);
                }
                file.ignore(sink, &format!("expected {EXPECTED}, found {seen}"));
            }
        }
    }
    if !files.iter().any(|(kind, ..)| matches!(kind, Kind::Product | Kind::ProductModel)) {
        return Err(SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED });
    }
    // Files of one kind by name, as they are listed.
    files.sort_by_key(|(kind, ..)| *kind);
    let mut structure = Structure::default();
    let mut links = Links::default();
    for (kind, written, file) in files {
        match written {
            Written::Json => rest::read(file, &mut structure, &mut links, sink)?,
            Written::Csv { delimiter } => {
                let input = file.open()?;
                let id = file.announce(sink);
                let mut table = Table::new(Form::Csv { delimiter }, input, id, sink)?;
                read_table(&mut table, kind, &mut structure, &mut links)?;
            }
        }
    }
    links.finish(sink);
    Ok(())
}

fn read_table(
    table: &mut Table<'_>,
    kind: Kind,
    structure: &mut Structure,
    links: &mut Links,
) -> Result<(), SourceError> {
    match kind {
        Kind::Attribute => structure::read_attributes(table, structure),
        Kind::Family => structure::read_pairs(table, "attribute_as_label", |code, label| {
            structure.declare_family(code, label)
        }),
        Kind::Category => structure::read_pairs(table, "parent", |code, parent| {
            structure.declare_category(code, parent)
        }),
        Kind::AssociationType => structure::read_types(table, links),
        Kind::Group => structure::read_groups(table, links),
        Kind::ProductModel => products::read(table, Rows::Models, structure, links),
        Kind::Product => products::read(table, Rows::Products, structure, links),
    }
}

/// What a file holds, by its columns or its first item.
fn kind_of(sample: &Sample<'_>) -> Option<(Kind, Written)> {
    if sample.is_json() {
        let Some((_, item)) = sample.item(rest::CONTAINERS) else {
            // A page without items: nothing has changed.
            return sample.has("_embedded").then_some((Kind::Product, Written::Json));
        };
        return rest::kind(&item).map(|kind| (kind, Written::Json));
    }
    let delimiter =
        sample.delimiter().filter(|delimiter| matches!(delimiter, b';' | b',' | b'\t'))?;
    let kind = kind_of_table(sample.columns(), sample.file().stem())?;
    Some((kind, Written::Csv { delimiter }))
}

fn kind_of_table(columns: &[String], stem: &str) -> Option<Kind> {
    let has = |name: &str| columns.iter().any(|column| column == name);
    let has_links = columns.iter().any(|column| columns::is_link_column(column));
    if has("code") && !has("sku") && !has("identifier") && !has("uuid") {
        let is_label = |column: &String| column == "code" || column.starts_with("label");
        let is_named = stem.contains("association_type") && columns.iter().all(is_label);
        return if has("is_two_way") || has("is_quantified") || is_named {
            Some(Kind::AssociationType)
        } else if has("attribute_as_label") {
            Some(Kind::Family)
        } else if has("family_variant") || has_links {
            Some(Kind::ProductModel)
        } else if has("type") && has("group") {
            Some(Kind::Attribute)
        } else if has("type") && columns.iter().all(|column| column == "type" || is_label(column)) {
            Some(Kind::Group)
        } else if has("parent") && columns.iter().any(|column| column.starts_with("label")) {
            Some(Kind::Category)
        } else {
            None
        };
    }
    let known = PRODUCT_COLUMNS.iter().chain(&["groups"]).filter(|name| has(name)).count();
    // Other systems have an `sku` and `categories`, too.
    let is_product = has_links || has("family") && known >= 2;
    is_product.then_some(Kind::Product)
}
