//! Any other system: a `mapping.toml` beside its tables says which column is what.
//!
//! A mapping has tables and joins; `README.md` says what they may hold. A table names files by a
//! pattern and says what their rows are: products, relations, selections of bundles, aliases,
//! variants, or products with lists of targets (`links`, `parts`). Rows are laid out anew under the
//! columns of our own tables and read as those are, so that a cell means the same and every finding
//! names the file's own column.
//!
//! - Types pass as they stand, or as `words` has them: `mapping.toml` is where a shop says what its
//!   words mean, so no prefix tells systems apart.
//! - A column that the mapping names and a file has not leaves untouched what was said before; what
//!   a row cannot do without is an error at its line of the mapping.
//! - `wisepim` is a mapping that comes with the program. No export of WISEPIM is public: it is a guess
//!   from what the product's pages name, and *unverified*.

mod check;
mod document;
mod joins;
mod lists;
mod plan;
mod rows;

use std::path::{Path, PathBuf};

use self::{joins::Joins, plan::Mapping, rows::Reports};
use super::{
    Fit, Format, SourceError,
    files::{Depth, SourceFile, Tree},
    sample::Sample,
};
use crate::model::{id::IdRule, record::RecordSink};

/// `--from mapping=DIR`, where `mapping.toml` lies, or a file beside it.
pub(crate) const FORMAT: Format = Format {
    name: "mapping",
    about: "any tables, CSV or JSON, with a mapping.toml beside them that says which column is what",
    id_rule: IdRule::Exact,
    depth: Depth::Every,
    recognizes,
    read,
};

/// `--from wisepim=PATH`.
pub(crate) const WISEPIM: Format = Format {
    name: "wisepim",
    about: "WISEPIM: lists of products and relations, CSV or JSON (unverified)",
    id_rule: IdRule::Exact,
    depth: Depth::Every,
    // Nothing that it reads is its own: it has to be named.
    recognizes: |_| Fit::No,
    read: read_wisepim,
};

/// The mapping's name beside the tables.
const FILE_NAME: &str = "mapping.toml";
const WISEPIM_TEXT: &str = include_str!("mapping/wisepim.toml");

/// A file that the mapping beside it names, and the mapping itself.
fn recognizes(sample: &Sample<'_>) -> Fit {
    let file = sample.file();
    let Some(path) = beside(file).filter(|path| path.is_file()) else { return Fit::No };
    let names = || Mapping::load(&path).is_ok_and(|mapping| mapping.names(file));
    if file.path == path || names() { Fit::Told } else { Fit::No }
}

/// Where the mapping of an input would lie, a directory or a file: what is read of it depends on both.
pub fn beside_input(path: &Path) -> Option<PathBuf> {
    let root = if path.is_dir() { Some(path) } else { path.parent() };
    root.map(|root| root.join(FILE_NAME))
}

/// Where a file's mapping would lie: at the root of its path.
fn beside(file: &SourceFile) -> Option<PathBuf> {
    if file.is_stdin() {
        return None;
    }
    let root = file.path.ancestors().nth(file.name.split('/').count())?;
    Some(root.join(FILE_NAME))
}

fn read(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let expected = "a mapping.toml beside the tables";
    let path = tree.files.first().and_then(beside).filter(|path| path.is_file());
    let path = path.ok_or_else(|| SourceError::NoTable { path: tree.root.clone(), expected })?;
    read_with(&Mapping::load(&path)?, tree, &path, sink)
}

fn read_wisepim(tree: &Tree, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    let path = Path::new("wisepim.toml");
    read_with(&Mapping::parse(WISEPIM_TEXT, path)?, tree, path, sink)
}

/// Reads every file of the tree by each table that names it.
fn read_with(
    mapping: &Mapping,
    tree: &Tree,
    path: &Path,
    sink: &mut dyn RecordSink,
) -> Result<(), SourceError> {
    // A file by its own path is one of several; the others are not there on purpose.
    let is_whole = tree.files.iter().all(|file| file.path != tree.root);
    mapping.check_files(tree, is_whole)?;
    let joins = Joins::read(mapping, tree, sink)?;
    let mut any = false;
    for file in tree.files.iter().filter(|file| file.path != path) {
        let mut id = None;
        for table in mapping.tables.iter().filter(|table| table.file.names(file)) {
            let sample = Sample::new(file);
            if table.optional && !rows::fits(mapping, table, &sample)? {
                continue;
            }
            let reports = if id.is_none() { Reports::Unknown } else { Reports::Nothing };
            let id = *id.get_or_insert_with(|| file.announce(sink));
            rows::read(mapping, table, &joins, &sample, reports, (id, &mut *sink))?;
            any = true;
        }
        if id.is_none() && !mapping.joins.iter().any(|join| join.table.file.names(file)) {
            file.ignore(sink, "expected a table that the mapping names, found another one");
        }
    }
    let expected = "a table that the mapping names";
    if any { Ok(()) } else { Err(SourceError::NoTable { path: tree.root.clone(), expected }) }
}
