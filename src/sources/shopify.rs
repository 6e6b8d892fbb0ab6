//! Shopify: product CSV exports, and products as the Admin API gives them: REST, GraphQL, and the lines
//! of a bulk operation.
//!
//! A product's id is its handle; its GID and its number are aliases. A variant's id is the handle and
//! its option values (`shirt/Red/M`); its SKU, GID and number are aliases: two variants may share a
//! SKU, and then it names neither. A variant without an option of its own is the product itself. CSV
//! and JSON give the same ids, so a shop may change from one to the other.
//!
//! Metafields that list products are relations: `shopify:related_products` and
//! `shopify:complementary_products` of Search & Discovery, `shopify:NAMESPACE.KEY` of anyone else. A
//! product with variants says nothing of its own stock; its variants decide.

mod bulk;
mod document;
mod member;
mod metafield;
mod product;
mod table;

use super::{
    Fit, Format, SourceError,
    csv::CsvReader,
    files::{Depth, SourceFile, Tree},
    sample::Sample,
};
use crate::model::{id::IdRule, record::RecordSink};

/// `--from shopify=DIR` or `--from shopify=FILE`.
pub(crate) const FORMAT: Format = Format {
    name: "shopify",
    about: "Shopify: product CSV exports, Admin API JSON (REST, GraphQL), bulk operation JSONL",
    id_rule: IdRule::Exact,
    depth: Depth::Every,
    recognizes,
    read,
};

const EXPECTED: &str = "a product export (.csv) or products of the Admin API (.json, .jsonl)";

fn recognizes(sample: &Sample<'_>) -> Fit {
    let is_ours = match sample.delimiter() {
        Some(b',') => table::is_export(sample.columns()),
        Some(_) => false,
        None => {
            let item = sample.item(document::CONTAINERS);
            item.is_some_and(|(_, object)| document::is_ours(&object))
        }
    };
    if is_ours { Fit::Sure } else { Fit::No }
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let mut any = false;
    for file in &tree.files {
        match kind(file)? {
            Ok(Kind::Table) => table::read(file, sink)?,
            Ok(Kind::Document) => document::read(file, sink)?,
            Err(message) => {
                file.ignore(sink, message);
                continue;
            }
        }
        any = true;
    }
    if any {
        return Ok(());
    }
    Err(SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED })
}

/// How a file is read.
enum Kind {
    Table,
    Document,
}

/// How a file is read, or why it is not.
fn kind(file: &SourceFile) -> Result<Result<Kind, &'static str>, SourceError> {
    let sample = Sample::new(file);
    let extension = file.extension();
    let is_json = if file.is_stdin() {
        sample.is_json()
    } else {
        matches!(extension, "json" | "jsonl" | "ndjson")
    };
    if is_json {
        // What cannot be looked into is an error when it is read, not another system's file.
        let item = sample.item(document::CONTAINERS);
        let is_other = item.is_some_and(|(_, object)| !document::is_ours(&object));
        return Ok(if is_other {
            Err("expected products, found other JSON")
        } else {
            Ok(Kind::Document)
        });
    }
    if !file.is_stdin() && extension != "csv" {
        return Ok(Err("expected a .csv, .json or .jsonl file, found another one"));
    }
    let header = CsvReader::new(file.open()?, b',')?;
    Ok(match table::is_export(header.header()) {
        true => Ok(Kind::Table),
        false => Err("expected the columns of a product export, found others"),
    })
}
