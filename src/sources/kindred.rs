//! Kindred's own tables: `products`, `product_markets`, `relations`, `bundles`, `aliases`, each as
//! `.csv`, as `.ndjson` or as `.parquet` with the same columns.
//!
//! A file is known by its name; the standard input, which has none, by its columns. Columns are known
//! by their names, in any order; those a table does not
//! know are reported. A cell that cannot be read counts as absent; a row without its ids is skipped.

use super::{
    Fit, Format, SourceError,
    files::{Depth, SourceFile, Tree},
    row::Row,
    sample::Sample,
    table::{COMMA_CSV, Column, Form, Table},
};
use crate::model::{
    id::IdRule,
    record::{
        AliasRecord, BundleRecord, PriceRecord, ProductMarketRecord, ProductRecord, Record,
        RecordSink, RelationRecord, ScopeRecord, TombstoneRecord, Visibility,
    },
    relation::{Availability, Origin, Stage, StageMask},
};

/// `--from kindred=DIR` or `--from kindred=FILE`.
pub(crate) const FORMAT: Format = Format {
    name: "kindred",
    about: "Kindred's own tables, CSV, NDJSON or Parquet: products, product_markets, relations, bundles, aliases",
    id_rule: IdRule::Exact,
    depth: Depth::One,
    recognizes,
    read,
};

const EXPECTED: &str =
    "products, product_markets, relations, bundles or aliases as .csv, .ndjson or .parquet";

/// Binds the columns of an open table and reads its rows.
type ReadTable = fn(&mut Table<'_>) -> Result<(), SourceError>;

/// How a table is written.
#[derive(Clone, Copy)]
enum Written {
    Text(Form),
    Parquet,
}

/// A table: its name, the columns it cannot do without, its reader. Those that ask for more columns
/// come first.
struct Known {
    name: &'static str,
    required: &'static [&'static str],
    read: ReadTable,
}

const TABLES: [Known; 5] = [
    Known { name: "relations", required: &["source", "type", "target"], read: read_relations },
    Known { name: "bundles", required: &["bundle", "option", "product"], read: read_bundles },
    Known { name: "product_markets", required: &["id", "market"], read: read_product_markets },
    Known { name: "aliases", required: &["alias", "product"], read: read_aliases },
    Known { name: "products", required: &["id"], read: read_products },
];

/// A file by its name, a nameless one by its columns: with an `id` and nothing else it may be anyone's.
fn recognizes(sample: &Sample<'_>) -> Fit {
    let is_stdin = sample.file().is_stdin();
    let table = if is_stdin {
        table_by_columns(sample).map(|(_, table)| table)
    } else {
        table_by_name(sample.file()).map(|(_, table)| table)
    };
    let Some(table) = table.filter(|table| has_columns(sample, table)) else {
        return Fit::No;
    };
    match table.required {
        [_] if is_stdin => Fit::Likely,
        // Ours stand in the directory itself.
        _ if sample.file().name.contains('/') => Fit::No,
        _ => Fit::Sure,
    }
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let known = |file: &SourceFile| match file.is_stdin() {
        true => table_by_columns(&Sample::new(file)),
        false => table_by_name(file),
    };
    let (tables, others): (Vec<_>, Vec<_>) =
        tree.files.iter().map(|file| (file, known(file))).partition(|(_, table)| table.is_some());
    if tables.is_empty() {
        return Err(SourceError::NoTable { path: tree.root.clone(), expected: EXPECTED });
    }
    for (file, _) in others {
        file.ignore(sink, &format!("expected {EXPECTED}, found another file"));
    }
    // Sorted by name, the two forms of a table stand side by side.
    for pair in tables.windows(2) {
        if let [(first, _), (second, _)] = pair
            && first.stem() == second.stem()
        {
            let (path, other) = (first.path.clone(), second.path.clone());
            return Err(SourceError::TwoForms { path, other });
        }
    }
    for (file, (written, table)) in
        tables.iter().filter_map(|(file, table)| Some((file, (*table)?)))
    {
        let mut open = match written {
            Written::Text(form) => {
                let input = file.open()?;
                let id = file.announce(sink);
                Table::new(form, input, id, sink)?
            }
            Written::Parquet => {
                let rows = file.open_parquet()?;
                let id = file.announce(sink);
                Table::parquet(rows, id, sink)
            }
        };
        (table.read)(&mut open)?;
    }
    Ok(())
}

fn table_by_name(file: &SourceFile) -> Option<(Written, &'static Known)> {
    let written = match file.extension() {
        "csv" => Written::Text(COMMA_CSV),
        "ndjson" => Written::Text(Form::Ndjson),
        "parquet" => Written::Parquet,
        _ => return None,
    };
    let table = TABLES.iter().find(|table| table.name == file.stem());
    table.map(|table| (written, table))
}

fn table_by_columns(sample: &Sample<'_>) -> Option<(Written, &'static Known)> {
    let written = match (sample.parquet_columns(), sample.is_json()) {
        (Some(_), _) => Written::Parquet,
        (None, true) => Written::Text(Form::Ndjson),
        (None, false) => Written::Text(COMMA_CSV),
    };
    let table = TABLES.iter().find(|table| has_columns(sample, table));
    table.map(|table| (written, table))
}

/// Has the file the columns without which the table's rows have no meaning?
fn has_columns(sample: &Sample<'_>, table: &Known) -> bool {
    match sample.parquet_columns() {
        Some(columns) => table.required.iter().all(|name| columns.iter().any(|c| c == name)),
        None => sample.has_all(table.required),
    }
}

/// Columns of products.
pub(super) struct ProductColumns {
    id: Column,
    deleted: Column,
    title: Column,
    brand: Column,
    category: Column,
    price: Column,
    currency: Column,
    availability: Column,
    read_at: Column,
    parent: Column,
    variant_position: Column,
    visibility: Column,
    popularity: Column,
    tags: Column,
    eco_grade: Column,
    markets: Column,
}

impl ProductColumns {
    /// The columns of products as `find` knows them by name.
    pub(super) fn bind(mut find: impl FnMut(&'static str) -> Column) -> Self {
        Self {
            id: find("id"),
            deleted: find("deleted"),
            title: find("title"),
            brand: find("brand"),
            category: find("category"),
            price: find("price"),
            currency: find("currency"),
            availability: find("availability"),
            read_at: find("read_at"),
            parent: find("parent"),
            variant_position: find("variant_position"),
            visibility: find("visibility"),
            popularity: find("popularity"),
            tags: find("tags"),
            eco_grade: find("eco_grade"),
            markets: find("markets"),
        }
    }
}

fn read_products(table: &mut Table<'_>) -> Result<(), SourceError> {
    table.required("id")?;
    let columns = ProductColumns::bind(|name| table.optional(name));
    table.report_unknown(|_| true);
    while table.advance()? {
        emit_product(&mut table.row(), &columns);
    }
    Ok(())
}

/// Passes a row of products on. Where nobody can read whether it is deleted, it is hidden.
pub(super) fn emit_product(row: &mut Row<'_>, columns: &ProductColumns) {
    let deleted = row.switch(columns.deleted);
    if deleted == Some(true) {
        if let Some(product) = row.id(columns.id) {
            row.emit(row.at(), Record::Tombstone(TombstoneRecord { product }));
        }
        return;
    }
    let is_unclear = deleted.is_none() && !row.is_empty(columns.deleted);
    if let Some(mut product) = product(row, columns) {
        if is_unclear {
            product.visibility = Visibility::Hidden;
        }
        row.emit(row.at(), Record::Product(product));
    }
}

fn product<'a>(row: &mut Row<'a>, columns: &ProductColumns) -> Option<ProductRecord<'a>> {
    Some(ProductRecord {
        id: row.id(columns.id)?,
        title: row.title(columns.title),
        brand: row.name(columns.brand),
        categories: row.categories(columns.category),
        price: row.price(columns.price, columns.currency),
        availability: row.parsed(
            columns.availability,
            AVAILABILITIES,
            word(Availability::from_code),
        ),
        read_at_s: row.instant(columns.read_at),
        parent: row.name(columns.parent),
        variant_position: row.position(columns.variant_position),
        visibility: read_visibility(row, columns.visibility),
        popularity: row.parsed(columns.popularity, "a number not below 0", popularity),
        tags: row.names(columns.tags),
        eco_grade: row.parsed(columns.eco_grade, "1 to 5, or A (best) to E", eco_grade),
        markets: row.names(columns.markets),
    })
}

/// What cannot be read hides the product: shown by mistake is worse than missed by mistake.
fn read_visibility(row: &mut Row<'_>, column: Column) -> Visibility {
    let unread = if row.text(column).is_some() { Visibility::Hidden } else { Visibility::Visible };
    row.parsed(column, "`visible` or `hidden`", visibility).unwrap_or(unread)
}

fn read_product_markets(table: &mut Table<'_>) -> Result<(), SourceError> {
    let id = table.required("id")?;
    let market = table.required("market")?;
    let listed = table.optional("listed");
    let price = table.optional("price");
    let currency = table.optional("currency");
    let read_at = table.optional("read_at");
    table.report_unknown(|_| true);
    while table.advance()? {
        let mut row = table.row();
        let (Some(id), Some(market)) = (row.id(id), row.required(market)) else { continue };
        let listed = row.switch(listed);
        let price: Option<PriceRecord<'_>> = row.price(price, currency);
        let read_at_s = row.instant(read_at);
        let record = ProductMarketRecord { id, market, listed, price, read_at_s };
        row.emit(row.at(), Record::ProductMarket(record));
    }
    Ok(())
}

/// Columns of relations.
pub(super) struct RelationColumns {
    source: Column,
    relation_type: Column,
    target: Column,
    position: Column,
    score: Column,
    quantity: Column,
    origin: Column,
    two_way: Column,
    valid_from: Column,
    valid_to: Column,
    stages: Column,
    markets: Column,
    active: Column,
    confirmed_at: Column,
}

impl RelationColumns {
    /// The columns of relations as `find` knows them by name.
    pub(super) fn bind(mut find: impl FnMut(&'static str) -> Column) -> Self {
        Self {
            source: find("source"),
            relation_type: find("type"),
            target: find("target"),
            position: find("position"),
            score: find("score"),
            quantity: find("quantity"),
            origin: find("origin"),
            two_way: find("two_way"),
            valid_from: find("valid_from"),
            valid_to: find("valid_to"),
            stages: find("stages"),
            markets: find("markets"),
            active: find("active"),
            confirmed_at: find("confirmed_at"),
        }
    }
}

fn read_relations(table: &mut Table<'_>) -> Result<(), SourceError> {
    table.required("source")?;
    table.required("type")?;
    table.required("target")?;
    let columns = RelationColumns::bind(|name| table.optional(name));
    table.report_unknown(|_| true);
    while table.advance()? {
        emit_relation(&mut table.row(), &columns);
    }
    Ok(())
}

/// Passes a row of relations on.
pub(super) fn emit_relation(row: &mut Row<'_>, columns: &RelationColumns) {
    if let Some(relation) = relation(row, columns) {
        row.emit(row.at(), Record::Relation(relation));
    }
}

/// When, where and to whom a relation is shown.
struct Limits<'a> {
    valid_from_s: Option<i64>,
    valid_to_s: Option<i64>,
    stages: StageMask,
    markets: Vec<&'a str>,
    active: bool,
}

/// A relation whose limits cannot be read is switched off: shown without them, it would stand where
/// the shop does not want it.
fn limits<'a>(row: &mut Row<'a>, columns: &RelationColumns) -> Limits<'a> {
    let RelationColumns { valid_from, valid_to, stages: stage, markets, active, .. } = columns;
    // As most relations are.
    if [valid_from, valid_to, stage, markets, active].iter().all(|column| row.is_bare(**column)) {
        let (stages, markets) = (StageMask::EVERY, Vec::new());
        return Limits { valid_from_s: None, valid_to_s: None, stages, markets, active: true };
    }
    let valid_from_s = row.instant(columns.valid_from);
    let valid_to_s = row.instant(columns.valid_to);
    let stages = stages(row, columns.stages);
    let markets = row.names(columns.markets);
    let active = row.switch(columns.active);
    let mut is_lost = |column: Column, is_read: bool| !is_read && row.text(column).is_some();
    let limits_lost = is_lost(columns.valid_from, valid_from_s.is_some())
        || is_lost(columns.valid_to, valid_to_s.is_some())
        || is_lost(columns.stages, stages != StageMask::EVERY)
        || is_lost(columns.markets, !markets.is_empty())
        || is_lost(columns.active, active.is_some());
    let active = active.unwrap_or(true) && !limits_lost;
    Limits { valid_from_s, valid_to_s, stages, markets, active }
}

fn relation<'a>(row: &mut Row<'a>, columns: &RelationColumns) -> Option<RelationRecord<'a>> {
    let Limits { valid_from_s, valid_to_s, stages, markets, active } = limits(row, columns);
    Some(RelationRecord {
        source: row.id(columns.source)?,
        relation_type: row.required(columns.relation_type)?,
        target: row.id(columns.target)?,
        position: row.position(columns.position),
        score: row.parsed(columns.score, "a number from 0 to 1", score),
        quantity: row.quantity(columns.quantity),
        origin: row
            .parsed(columns.origin, ORIGINS, word(Origin::from_code))
            .unwrap_or(Origin::Curated),
        two_way: row.switch(columns.two_way),
        valid_from_s,
        valid_to_s,
        stages,
        markets,
        active,
        confirmed_at_s: row.instant(columns.confirmed_at),
    })
}

/// Columns of selections of bundles.
pub(super) struct BundleColumns {
    bundle: Column,
    option: Column,
    option_position: Column,
    required: Column,
    min: Column,
    max: Column,
    product: Column,
    position: Column,
    quantity: Column,
    default: Column,
}

impl BundleColumns {
    /// The columns of selections of bundles as `find` knows them by name.
    pub(super) fn bind(mut find: impl FnMut(&'static str) -> Column) -> Self {
        Self {
            bundle: find("bundle"),
            option: find("option"),
            option_position: find("option_position"),
            required: find("required"),
            min: find("min"),
            max: find("max"),
            product: find("product"),
            position: find("position"),
            quantity: find("quantity"),
            default: find("default"),
        }
    }
}

fn read_bundles(table: &mut Table<'_>) -> Result<(), SourceError> {
    table.required("bundle")?;
    table.required("option")?;
    table.required("product")?;
    let columns = BundleColumns::bind(|name| table.optional(name));
    table.report_unknown(|_| true);
    // A row a selection tells all but that there is none.
    table.speak_of(ScopeRecord::BUNDLES);
    while table.advance()? {
        emit_selection(&mut table.row(), &columns);
    }
    Ok(())
}

/// Passes a row of bundles on.
pub(super) fn emit_selection(row: &mut Row<'_>, columns: &BundleColumns) {
    if let Some(selection) = selection(row, columns) {
        row.emit(row.at(), Record::Bundle(selection));
    }
}

/// Without `required`, an option with a minimum is required. Without `max`, as many as `min`, at
/// least one.
fn selection<'a>(row: &mut Row<'a>, columns: &BundleColumns) -> Option<BundleRecord<'a>> {
    let (bundle, option) = (row.id(columns.bundle)?, row.required(columns.option)?);
    let product = row.id(columns.product)?;
    let count = "a whole number from 0 to 4294967295";
    let min = row.parsed(columns.min, count, |text| text.parse::<u32>().ok());
    let required = row.switch(columns.required).unwrap_or(min.is_some_and(|min| min > 0));
    let min = min.unwrap_or_default().max(u32::from(required));
    let at_least_min = |text: &str| text.parse().ok().filter(|max: &u32| *max >= min);
    let expected = format!("a whole number not below {min}");
    Some(BundleRecord {
        bundle,
        option,
        option_position: row.position(columns.option_position).unwrap_or_default(),
        required,
        min_selections: min,
        max_selections: row.parsed(columns.max, &expected, at_least_min).unwrap_or(min.max(1)),
        product,
        selection_position: row.position(columns.position).unwrap_or_default(),
        quantity: row.quantity(columns.quantity).unwrap_or(1.0),
        is_default: row.switch(columns.default).unwrap_or(false),
    })
}

fn read_aliases(table: &mut Table<'_>) -> Result<(), SourceError> {
    let alias = table.required("alias")?;
    let product = table.required("product")?;
    table.report_unknown(|_| true);
    while table.advance()? {
        let mut row = table.row();
        let (Some(alias), Some(product)) = (row.id(alias), row.id(product)) else { continue };
        row.emit(row.at(), Record::Alias(AliasRecord { alias, product }));
    }
    Ok(())
}

const AVAILABILITIES: &str =
    "`in_stock`, `low_stock`, `backorder`, `preorder`, `out_of_stock` or `discontinued`";
const ORIGINS: &str =
    "`curated`, `rule`, `co_purchase`, `model`, `popular`, `co_view` or `imported`";
const STAGES: &str =
    "`discovery`, `consideration`, `purchase_decision`, `checkout` or `post_purchase`";

fn stages(row: &mut Row<'_>, column: Column) -> StageMask {
    let mut mask = StageMask::EVERY;
    for word in row.list(column) {
        match Stage::from_code(&word.to_ascii_lowercase()) {
            Some(stage) => mask = mask.with(stage),
            None => row.bad_value(column, STAGES, word),
        }
    }
    mask
}

fn visibility(text: &str) -> Option<Visibility> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match (is("visible"), is("hidden")) {
        (true, _) => Some(Visibility::Visible),
        (_, true) => Some(Visibility::Hidden),
        _ => None,
    }
}

/// The value of a word of a closed list, whatever its case.
fn word<T>(from_code: impl Fn(&str) -> Option<T>) -> impl Fn(&str) -> Option<T> {
    // As most files write it; only what is written otherwise is copied.
    move |text| from_code(text).or_else(|| from_code(&text.to_ascii_lowercase()))
}

fn popularity(text: &str) -> Option<f64> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    // -0 is 0, and has to compare so.
    number.map(f64::abs)
}

fn score(text: &str) -> Option<f32> {
    text.parse().ok().filter(|number| (0.0..=1.0).contains(number))
}

fn eco_grade(text: &str) -> Option<u8> {
    match text {
        "1" | "E" | "e" => Some(1),
        "2" | "D" | "d" => Some(2),
        "3" | "C" | "c" => Some(3),
        "4" | "B" | "b" => Some(4),
        "5" | "A" | "a" => Some(5),
        _ => None,
    }
}
