//! WooCommerce: product CSV exports, and products as the REST API gives them.
//!
//! A product's id is its SKU, or `id:123` where it has none; with a SKU, `id:123` is an alias, so that
//! lists of numbers and lists of SKUs name the same products. Relations are passed on as
//! `woocommerce:upsell` and `woocommerce:cross_sell`. A grouped product is a bundle whose options
//! nobody must take.
//!
//! The header of a CSV is in the language of the shop's administrator; only the English one is read
//! here, and another one is refused by name, because half a header would lose links in silence.

mod document;
mod product;
mod table;

use super::{
    Fit, Format, SourceError,
    csv::CsvReader,
    files::{Depth, SourceFile, Tree},
    sample::Sample,
};
use crate::model::{id::IdRule, record::RecordSink};

/// `--from woocommerce=DIR` or `--from woocommerce=FILE`.
pub(crate) const FORMAT: Format = Format {
    name: "woocommerce",
    about: "WooCommerce: product CSV exports (English header), REST API JSON of products",
    id_rule: IdRule::Exact,
    depth: Depth::Every,
    recognizes,
    read,
};

const EXPECTED: &str = "a product export (.csv) or products of the REST API (.json)";

fn recognizes(sample: &Sample<'_>) -> Fit {
    let is_ours = match sample.delimiter() {
        Some(_) => table::is_export(sample.columns()),
        None => sample.item(&[]).is_some_and(|(_, object)| document::is_ours(&object)),
    };
    if is_ours { Fit::Sure } else { Fit::No }
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let mut kinds = Vec::new();
    for file in &tree.files {
        kinds.push((file, kind(file)?));
    }
    if !kinds.iter().any(|(_, kind)| matches!(kind, Kind::Table(_) | Kind::Document)) {
        let foreign = kinds.into_iter().find_map(|(file, kind)| match kind {
            Kind::OtherTable(columns) => Some((file, columns)),
            Kind::Table(_) | Kind::Document | Kind::Other(_) => None,
        });
        let Some((file, columns)) = foreign else {
            return Err(SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED });
        };
        return Err(table::foreign(&file.path, &columns));
    }
    for (file, kind) in kinds {
        match kind {
            Kind::Table(delimiter) => table::read(file, delimiter, sink)?,
            Kind::Document => document::read(file, sink)?,
            Kind::OtherTable(_) => {
                file.ignore(sink, "expected the English columns of a product export, found others");
            }
            Kind::Other(message) => file.ignore(sink, message),
        }
    }
    Ok(())
}

/// How a file is read.
enum Kind {
    /// A table with this between its cells.
    Table(u8),
    /// A table with other columns.
    OtherTable(Vec<String>),
    Document,
    /// Why it is not read.
    Other(&'static str),
}

fn kind(file: &SourceFile) -> Result<Kind, SourceError> {
    let sample = Sample::new(file);
    let is_stdin = file.is_stdin();
    let is_json = if is_stdin { sample.is_json() } else { file.extension() == "json" };
    if !is_stdin && !is_json && file.extension() != "csv" {
        return Ok(Kind::Other("expected a .csv or .json file, found another one"));
    }
    if is_json {
        // What cannot be looked into is an error when it is read, not another system's file.
        let is_other = sample.item(&[]).is_some_and(|(_, object)| !document::is_ours(&object));
        let message = "expected products, found other JSON";
        return Ok(if is_other { Kind::Other(message) } else { Kind::Document });
    }
    let (delimiter, columns) = CsvReader::sniff(|| file.open())?;
    let is_export = table::is_export(&columns);
    Ok(if is_export { Kind::Table(delimiter) } else { Kind::OtherTable(columns) })
}
