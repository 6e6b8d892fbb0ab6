//! Why a file cannot be read as what it is taken for.

use std::{io, path::PathBuf};

use super::UnpackError;
use crate::model::limits::{
    CONFIG_BYTES_MAX, EXPORT_COLUMNS_MAX, JSON_DEPTH_MAX, JSON_ITEM_BYTES_MAX, ROW_BYTES_MAX,
    SOURCE_FILES_MAX, STDIN_BYTES_MAX,
};

/// Why a source cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Nothing is at the path: check the path given to `--from` or `--catalog`.
    #[error("{}: expected a file or directory, found nothing", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The system refused: check permissions and the disk.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory without any table: check the path and the format's name.
    #[error("{}: expected {expected}, found none", path.display())]
    NoTable {
        /// The directory or file.
        path: PathBuf,
        /// Which files the format reads.
        expected: &'static str,
    },
    /// The same table twice, in both forms: remove one.
    #[error("{}: expected one form of the table, found {} beside it", path.display(), other.display())]
    TwoForms {
        /// One file.
        path: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// No header and no row: the export failed, or the file is another one.
    #[error("{}: expected {expected}, found an empty file; export it again, or take it away", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What the first line should hold.
        expected: &'static str,
    },
    /// A file that is named like a table and is something else, an archive or the page of an error:
    /// export it again, or take it away.
    #[error("{}: expected a table or JSON as its name says, found {found}", path.display())]
    NoTableAsNamed {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do about it.
        found: &'static str,
    },
    /// Bytes that are no UTF-8: export or convert the file as UTF-8.
    #[error("{}:{line}: {}expected UTF-8, found byte {found:#04x} at offset {offset}{hint}", path.display(), in_column(column.as_deref()))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the byte.
        line: u64,
        /// The column, if the file has columns.
        column: Option<String>,
        /// Bytes before it in the file.
        offset: u64,
        /// The byte.
        found: u8,
        /// What the file seems to be.
        hint: &'static str,
    },
    /// A quote that never ends: the rows behind it cannot be told apart. Close or double it.
    #[error("{}:{line}: expected the quotes of the row that begins here to be closed, found the end of the file", path.display())]
    OpenQuote {
        /// The file.
        path: PathBuf,
        /// The line where the row begins.
        line: u64,
    },
    /// A table whose last row is cut off: fetch the file again.
    #[error("{}:{line}: expected {expected} cells as in the header, found {found} and the end of the file without a line break; fetch it again, or end the row if it is whole", path.display())]
    TableEnds {
        /// The file.
        path: PathBuf,
        /// The line where the row begins.
        line: u64,
        /// Cells of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// A row that is too long, or a quote that swallows the rows behind it.
    #[error("{}:{line}: expected a row of at most {ROW_BYTES_MAX} bytes, found a longer one; is a quote left open?", path.display())]
    RowTooLong {
        /// The file.
        path: PathBuf,
        /// The line where the row begins.
        line: u64,
    },
    /// A row with too many cells: no product table looks like this.
    #[error("{}:{line}: expected at most {EXPORT_COLUMNS_MAX} cells in a row, found more", path.display())]
    TooManyColumns {
        /// The file.
        path: PathBuf,
        /// The line where the row begins.
        line: u64,
    },
    /// Another delimiter than the format's: export the file again with the right one.
    #[error("{}:{line}: expected cells delimited by `{expected}`, found a header with `{}`", path.display(), found.escape_debug())]
    WrongDelimiter {
        /// The file.
        path: PathBuf,
        /// The line of the header.
        line: u64,
        /// The format's delimiter.
        expected: char,
        /// What stands in the header instead.
        found: char,
    },
    /// A column without which no row has a meaning: add it or check the file.
    #[error("{}: expected a column `{column}`, found {found}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The columns of the file.
        found: String,
    },
    /// A table whose columns have other names, perhaps in another language: export it in English, or
    /// name its columns in a `mapping.toml`.
    #[error("{}: expected the columns of an English export ({expected}), found {found}; export it in English, or say in a mapping.toml which column is what", path.display())]
    ForeignColumns {
        /// The file.
        path: PathBuf,
        /// Some columns that the format knows.
        expected: &'static str,
        /// The first columns of the file.
        found: String,
    },
    /// Two columns of one name: remove or rename one.
    #[error("{}: expected each column once, found `{column}` as columns {first} and {second}", path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
        /// Number of the first, from 1.
        first: usize,
        /// Number of the second.
        second: usize,
    },
    /// Not one line of the file is a JSON object: it is no NDJSON.
    #[error("{}:{line}: expected one JSON object a line, found none in the file; first line: {found}", path.display())]
    NotNdjson {
        /// The file.
        path: PathBuf,
        /// The first line that has content.
        line: u64,
        /// What is wrong with it.
        found: String,
    },
    /// A JSON document with something where it cannot stand: export the file again.
    #[error("{}:{line}: expected {expected}, found `{}`", path.display(), found.escape_debug())]
    JsonSyntax {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What could stand there.
        expected: &'static str,
        /// The character that does.
        found: char,
    },
    /// A JSON document that is cut off: fetch the file again.
    #[error("{}:{line}: expected the JSON that begins here to go on to its end, found the end of the file; fetch it again", path.display())]
    JsonEnds {
        /// The file.
        path: PathBuf,
        /// The line where its last item begins.
        line: u64,
    },
    /// Nesting that no export has.
    #[error("{}:{line}: expected JSON nested at most {JSON_DEPTH_MAX} deep, found more", path.display())]
    JsonTooDeep {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
    },
    /// One object that is larger than a product can be, or a list that the format does not know as
    /// one: check the file and the format.
    #[error("{}:{line}: expected an item of at most {JSON_ITEM_BYTES_MAX} bytes, found that the one that begins here is longer", path.display())]
    JsonItemTooLong {
        /// The file.
        path: PathBuf,
        /// The line where it begins.
        line: u64,
    },
    /// A Parquet file that is damaged, packed in an unknown way or larger than it says: write it anew.
    #[error("{}: expected a sound Parquet file, found {found}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the library said.
        found: String,
    },
    /// A packed file that cannot be unpacked: fetch it again, or unpack it yourself.
    #[error("{}: {source}", path.display())]
    Unpack {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: UnpackError,
    },
    /// No format knows the file: name its format, or check the path.
    #[error("{}: expected a file of a known format, found {found}; known formats are {known}; name one by --from FORMAT=PATH", path.display())]
    Unrecognized {
        /// The file or directory.
        path: PathBuf,
        /// What was seen in it.
        found: String,
        /// The formats there are.
        known: String,
    },
    /// Two formats know the file: name the right one.
    #[error("{}: expected a file of one format, found {found}, which could be {formats}; name one by --from FORMAT=PATH", path.display())]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// What was seen in it.
        found: String,
        /// The formats it could be.
        formats: String,
    },
    /// The wrong format was named: name the other one.
    #[error("{}: expected a file of the format {expected}, found {found}, which looks like {other}; try --from {other}=PATH", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format that was named.
        expected: &'static str,
        /// What was seen in the file.
        found: String,
        /// The format that knows the file.
        other: &'static str,
    },
    /// The path holds more files than any export: check it.
    #[error("{}: expected at most {SOURCE_FILES_MAX} files, found more", path.display())]
    TooManyFiles {
        /// The directory.
        path: PathBuf,
    },
    /// The standard input does not end: write it to a file.
    #[error("-: expected at most {STDIN_BYTES_MAX} bytes on the standard input, found more")]
    StdinTooLong,
    /// A declaration in `catalog.toml` that cannot hold: change that line.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Catalog {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u32,
        /// The character in it, from 1.
        column: u32,
        /// What was expected and what was found.
        message: String,
    },
    /// A mapping that cannot hold, or does not fit the files: change that line.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Mapping {
        /// The mapping.
        path: PathBuf,
        /// The line, from 1.
        line: u32,
        /// The character in it, from 1.
        column: u32,
        /// What was expected and what was found.
        message: String,
    },
    /// No `catalog.toml` is this long: check the path.
    #[error("{}: expected at most {CONFIG_BYTES_MAX} bytes, found more", path.display())]
    CatalogTooLong {
        /// The file.
        path: PathBuf,
    },
}

impl SourceError {
    /// What the system said about the path.
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        if source.kind() == io::ErrorKind::NotFound {
            return Self::Missing { path };
        }
        match source.downcast::<UnpackError>() {
            Ok(source) => Self::Unpack { path, source },
            Err(source) => Self::Io { path, source },
        }
    }
}

fn in_column(column: Option<&str>) -> String {
    column.map_or_else(String::new, |column| format!("column `{column}`: "))
}
