//! A mapping that holds together: what each file's rows are, and from which columns.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{check::Check, document::Document};
use crate::{
    model::{limits::CONFIG_BYTES_MAX, text::Place},
    sources::{
        SourceError,
        files::{SourceFile, Tree},
        unpack::without_suffix,
    },
};

/// A checked mapping.
#[derive(Debug)]
pub(super) struct Mapping {
    path: PathBuf,
    pub(super) tables: Vec<TablePlan>,
    pub(super) joins: Vec<JoinPlan>,
}

/// How files of one pattern are read, and what their rows are.
#[derive(Debug)]
pub(super) struct TablePlan {
    pub(super) file: Pattern,
    pub(super) at: Place,
    /// Files without the columns, and no files at all, are no error.
    pub(super) optional: bool,
    pub(super) delimiter: Option<u8>,
    /// What joins the items of a list.
    pub(super) separator: String,
    /// What joins the levels of a category.
    pub(super) levels: String,
    /// Paths of the lists that hold the items of JSON documents.
    pub(super) items: Vec<String>,
    pub(super) each: Option<String>,
    /// Texts as good as none.
    pub(super) empty: Vec<String>,
    pub(super) outputs: Vec<Output>,
}

/// A table by which values are found.
#[derive(Debug)]
pub(super) struct JoinPlan {
    pub(super) name: String,
    /// Its one output has the columns `key` and `value`.
    pub(super) table: TablePlan,
}

/// One kind of record that each row gives.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) kind: Kind,
    pub(super) columns: Vec<Mapped>,
}

/// What a row is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Product,
    Relation,
    Bundle,
    Variant,
    Alias,
    Join,
    Links { relation_type: String, list: List },
    Parts(List),
}

/// How a column lists targets.
#[derive(Clone, Debug)]
pub(super) struct List {
    /// What stands between a target and its quantity.
    pub(super) quantity_separator: Option<String>,
    /// Items by which the system says that it chooses.
    pub(super) automatic: Vec<String>,
    pub(super) blank_keeps: bool,
}

/// One of our columns, and where its text comes from.
#[derive(Clone, Debug)]
pub(super) struct Mapped {
    pub(super) name: &'static str,
    /// A row means nothing without it.
    pub(super) required: bool,
    /// Columns of the file; the first that says something counts.
    pub(super) columns: Vec<String>,
    /// The same text in every row.
    pub(super) value: Option<String>,
    /// Meanings of words, in lower case.
    pub(super) words: BTreeMap<String, String>,
    /// The join that turns the text into another.
    pub(super) join: Option<usize>,
    pub(super) at: Place,
}

/// Names of files with `*` for any text; with a `/` the whole path below the root.
#[derive(Debug)]
pub(super) struct Pattern(pub(super) Vec<String>);

/// Our columns that hold lists.
pub(super) const LISTS: [&str; 4] = ["category", "tags", "markets", "stages"];

impl Mapping {
    /// Reads and checks a file.
    pub(super) fn load(path: &Path) -> Result<Self, SourceError> {
        let failed = |error| SourceError::io(path, error);
        let len_max = u64::try_from(CONFIG_BYTES_MAX).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(len_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() > CONFIG_BYTES_MAX {
            return Err(SourceError::CatalogTooLong { path: path.to_owned() });
        }
        match str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, path),
            Err(error) => {
                let good = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
                let message =
                    format!("expected UTF-8, found a byte that is none at offset {}", good.len());
                Err(Check { text: good, path, joins: &[] }
                    .error(&(good.len()..good.len()), message))
            }
        }
    }

    /// Checks a text; `path` names it in errors.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, SourceError> {
        let check = Check { text, path, joins: &[] };
        let document: Document = toml::from_str(text).map_err(|error| {
            check.error(&error.span().unwrap_or_default(), error.message().to_owned())
        })?;
        let mut names: Vec<String> = Vec::new();
        for join in &document.joins {
            if names.contains(join.name.as_ref()) {
                return Err(check.unexpected(&join.name, "each join once"));
            }
            names.push(join.name.as_ref().clone());
        }
        let check = Check { joins: &names, ..check };
        let joins = document.joins.into_iter().map(|join| check.join(join));
        let joins = joins.collect::<Result<_, _>>()?;
        let tables = document.tables.into_iter().map(|table| check.table(table));
        let tables: Vec<TablePlan> = tables.collect::<Result<_, _>>()?;
        if tables.is_empty() {
            let message = "expected at least one `[[tables]]`, found none".to_owned();
            return Err(check.error(&(0..0), message));
        }
        Ok(Self { path: path.to_owned(), tables, joins })
    }

    /// Does a table or a join name the file?
    pub(super) fn names(&self, file: &SourceFile) -> bool {
        let joined = self.joins.iter().map(|join| &join.table);
        self.tables.iter().chain(joined).any(|table| table.file.names(file))
    }

    /// Columns of the file that a table or a join names; of JSON the paths from its items.
    pub(super) fn columns_of(&self, file: &SourceFile) -> Vec<String> {
        let joined = self.joins.iter().map(|join| &join.table);
        let mut columns = Vec::new();
        for table in self.tables.iter().chain(joined).filter(|table| table.file.names(file)) {
            let named = table.outputs.iter().flat_map(|output| &output.columns);
            for column in named.flat_map(|mapped| &mapped.columns) {
                match column.strip_prefix('/') {
                    Some(path) => columns.push(path.to_owned()),
                    None if table.each.is_none() => columns.push(column.clone()),
                    None => {}
                }
            }
            columns.extend(table.each.clone());
        }
        columns
    }

    /// Every table that must be there is, if the tree is a whole directory, and every join.
    pub(super) fn check_files(&self, tree: &Tree, is_whole: bool) -> Result<(), SourceError> {
        let joined = self.joins.iter().map(|join| &join.table);
        let tables = self.tables.iter().filter(|table| is_whole && !table.optional);
        for table in tables.chain(joined) {
            if !tree.files.iter().any(|file| table.file.names(file)) {
                let (pattern, root) = (table.file.0.join("` or `"), tree.root.display());
                let message = format!("expected a file `{pattern}` below {root}, found none");
                return Err(self.error(table.at, message));
            }
        }
        Ok(())
    }

    /// An error at a place of the mapping.
    pub(super) fn error(&self, at: Place, message: String) -> SourceError {
        let Place { line, column } = at;
        SourceError::Mapping { path: self.path.clone(), line, column, message }
    }
}

impl Pattern {
    /// Does it name the file? What the file is packed with does not count; the standard input has no
    /// name, so that only a pattern which begins with `*` can mean it.
    pub(super) fn names(&self, file: &SourceFile) -> bool {
        let short = file.name.rsplit('/').next().unwrap_or_default();
        self.0.iter().any(|pattern| match pattern.contains('/') {
            _ if file.is_stdin() => pattern.starts_with('*'),
            true => fits(pattern, without_suffix(&file.name)),
            false => fits(pattern, without_suffix(short)),
        })
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty() };
    for piece in between {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// A word as it is looked up.
pub(super) fn lower(word: &str) -> String {
    word.trim().to_lowercase()
}
