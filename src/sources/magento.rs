//! Magento and Adobe Commerce: the admin's product export, products of the REST interface, and the
//! fixtures of the sample data.
//!
//! Every `.csv` below the path is known by its header, every `.json` by its first product; the other
//! files are reported and not read.
//! Relation types are passed on as Magento calls them: `magento:related`, `magento:crosssell` (three
//! s), `magento:upsell`. Stock is never derived from `qty`: a configurable product has none.

mod export;
mod fixture;
mod parts;
mod rest;

use self::{fixture::Categories, rest::Rest};
use super::{
    Fit, Format, SourceError,
    csv::CsvReader,
    files::{Depth, SourceFile, Tree},
    row::Row,
    sample::Sample,
    table::{COMMA_CSV, Column, Table},
};
use crate::model::id::IdRule;
use crate::model::record::{RecordSink, Visibility};

/// `--from magento=DIR` or `--from magento=FILE`.
pub(crate) const FORMAT: Format = Format {
    name: "magento",
    about: "Magento 2: product exports of the admin (CSV), products of the REST interface (JSON), or \
            the sample data's fixtures",
    id_rule: IdRule::CaseFolded,
    depth: Depth::Every,
    recognizes,
    read,
};

const EXPECTED: &str =
    "a .csv with a column `sku` and columns for products or links, or a .json of products";
/// What joins the items of a list unless the shop says otherwise.
const SEPARATOR_DEFAULT: char = ',';

const NO_FILE: &str = "expected a .csv or .json file, found another one";

/// What Magento calls its link types, and what we pass on.
const LINK_TYPES: [(&str, &str); 3] = [
    ("related", "magento:related"),
    ("crosssell", "magento:crosssell"),
    ("upsell", "magento:upsell"),
];

/// What a file holds, by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// The tree of categories; read first, because product fixtures name levels only.
    Categories,
    /// `sku,linked_sku`; the file's name is the type.
    Links(&'static str),
    /// Products of the sample data.
    Fixture,
    /// The admin's export.
    Export,
    /// Products or links of the REST interface.
    Rest,
}

fn recognizes(sample: &Sample<'_>) -> Fit {
    if sample.is_json() {
        return rest::recognizes(sample);
    }
    let is_csv = sample.file().is_stdin() || sample.file().extension() == "csv";
    if sample.delimiter() != Some(b',') || !is_csv {
        return Fit::No;
    }
    // Columns that only Magento names so; the others are any shop's words.
    const OWN: [&str; 8] = [
        "attribute_set_code",
        "product_websites",
        "store_view_code",
        "product_online",
        "configurable_variations",
        "bundle_values",
        "crosssell_skus",
        "upsell_skus",
    ];
    const FIXTURES: [&str; 3] = ["attribute_set", "bundle_options", "associated_sku"];
    match shape_by_columns(sample.columns(), sample.file().stem()) {
        Ok(Shape::Export) if !OWN.iter().any(|own| sample.has(own)) => Fit::Likely,
        Ok(Shape::Fixture) if !FIXTURES.iter().any(|own| sample.has(own)) => Fit::Likely,
        Ok(_) => Fit::Sure,
        Err(_) => Fit::No,
    }
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let mut tables = Vec::new();
    for file in &tree.files {
        match shape_of(file)? {
            Ok(shape) => tables.push((shape, file)),
            Err(message) => file.ignore(sink, message),
        }
    }
    if tables.iter().all(|(shape, _)| *shape == Shape::Categories) {
        return Err(SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED });
    }
    tables.sort_by(|(left, a), (right, b)| left.cmp(right).then_with(|| a.name.cmp(&b.name)));
    let mut categories = Categories::default();
    let mut rest = Rest::default();
    for (_, file) in tables.iter().filter(|(shape, _)| *shape == Shape::Rest) {
        rest.learn(file)?;
    }
    for (shape, file) in &tables {
        if *shape == Shape::Rest {
            rest.read(file, sink)?;
            continue;
        }
        let input = file.open()?;
        let id = file.announce(sink);
        let mut table = Table::new(COMMA_CSV, input, id, sink)?;
        match shape {
            Shape::Categories => categories.read(&mut table)?,
            Shape::Links(relation_type) => fixture::read_links(&mut table, relation_type)?,
            Shape::Fixture => fixture::read_products(&mut table, &categories)?,
            Shape::Export => {
                export::read(&mut table, tree.separator.unwrap_or(SEPARATOR_DEFAULT))?;
            }
            Shape::Rest => {}
        }
    }
    rest.report_unmet(sink);
    Ok(())
}

/// What a file holds, or why it is not read.
fn shape_of(file: &SourceFile) -> Result<Result<Shape, &'static str>, SourceError> {
    let is_json = match file.extension() {
        _ if file.is_stdin() => Sample::new(file).is_json(),
        "csv" => false,
        "json" | "jsonl" | "ndjson" => true,
        _ => return Ok(Err(NO_FILE)),
    };
    if is_json {
        let is_rest = rest::recognizes(&Sample::new(file)) != Fit::No;
        // A file that cannot be looked into says why when it is read.
        let is_broken = !Sample::new(file).is_json();
        let what = "expected products or links of the REST interface, found other JSON";
        return Ok(if is_rest || is_broken { Ok(Shape::Rest) } else { Err(what) });
    }
    let header = CsvReader::new(file.open()?, b',')?;
    Ok(shape_by_columns(header.header(), file.stem()))
}

fn shape_by_columns(columns: &[String], stem: &str) -> Result<Shape, &'static str> {
    let has = |name: &str| columns.iter().any(|column| column == name);
    let has_any = |names: &[&str]| names.iter().any(|name| has(name));
    if !has("sku") {
        return match has("name") && has("path") && has("url_key") {
            true => Ok(Shape::Categories),
            false => Err("expected a column `sku`, found none"),
        };
    }
    if has("linked_sku") {
        let known = LINK_TYPES.into_iter().find(|(name, _)| *name == stem);
        let links = known.map(|(_, relation_type)| Shape::Links(relation_type));
        return links.ok_or("expected links named related, crosssell or upsell.csv");
    }
    if has_any(fixture::COLUMNS) {
        Ok(Shape::Fixture)
    } else if has_any(export::PRODUCT_COLUMNS) || has_any(export::LINK_COLUMNS) {
        Ok(Shape::Export)
    } else {
        Err("expected columns for products or links beside `sku`, found none")
    }
}

fn visibility(row: &mut Row<'_>, column: Column) -> Visibility {
    row.parsed(column, VISIBILITIES, visibility_of).unwrap_or_default()
}

const VISIBILITIES: &str = "a visibility from 1 to 4 or its name";

/// `1` is "Not Visible Individually"; 2, 3 and 4 are catalog, search and both.
fn visibility_of(text: &str) -> Option<Visibility> {
    const WORDS: [(&str, &str, Visibility); 4] = [
        ("1", "Not Visible Individually", Visibility::Hidden),
        ("2", "Catalog", Visibility::Visible),
        ("3", "Search", Visibility::Visible),
        ("4", "Catalog, Search", Visibility::Visible),
    ];
    let is_it = |word: &&(&str, &str, _)| word.0 == text || word.1.eq_ignore_ascii_case(text);
    WORDS.iter().find(is_it).map(|word| word.2)
}
