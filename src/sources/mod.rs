//! Readers that turn outside files into a stream of [`Record`](crate::model::record::Record)s.
//!
//! Each system is one [`Format`]: a file of this room that exports one const, and a line in
//! [`FORMATS`]. Readers stream: a row is the most they hold, and a row has a limit. They read syntax
//! only: a bad cell or row becomes a finding with file, line and column and the run goes on; a file
//! that cannot be read as a table at all is a [`SourceError`]. Whether a product, a type or a market
//! exists is not asked here.
//!
//! # What a format is made of
//!
//! - `recognizes` looks at a `Sample` (delimiter and columns of a table, keys and first item of
//!   JSON) and says how sure it is. [`detect`] asks every format about every file; so does a run
//!   whose format was named, to tell a table of another system from a broken one of this.
//! - `read` gets a `Tree`: the files below the path, sorted by name, to the `Depth` it asks for.
//!   It opens them by `SourceFile::open`, which unpacks gzip and Zstandard and turns Latin-1 into
//!   UTF-8, announces each before its records, and reports by `SourceFile::ignore` those it does not
//!   read. A file may be opened several times; the standard input is a file like any other.
//! - Tables are read by `Table` and `Row` (columns by name, or by `Table::matching` where a name
//!   holds a type), JSON documents by `JsonReader` (items one by one) and `Object` (typed members).
//! - Relation types are passed on as `format:CODE`, but by a mapping as it says; `STANDARD_TYPES` of
//!   `model::relation` and the `source_codes` of `catalog.toml` say what they are.

mod akeneo;
pub mod cache;
pub mod catalog_toml;
mod csv;
mod detect;
mod encoding;
mod error;
mod files;
mod input;
mod json;
mod json_rows;
mod kindred;
mod magento;
mod mapping;
mod ndjson;
mod object;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet_disabled.rs"]
mod parquet;
pub mod records;
mod room;
mod row;
mod salsify;
mod sample;
mod shopify;
mod shopware;
mod table;
#[cfg(test)]
mod tests;
mod unknown;
mod unpack;
mod woocommerce;

use std::path::Path;

pub use self::{
    detect::{Part, detect, detect_others},
    encoding::Encoding,
    error::SourceError,
    mapping::beside_input as mapping_beside,
    unpack::{Packing, UnpackError},
};
use self::{
    files::{Depth, Tree},
    sample::Sample,
};
use crate::model::{id::IdRule, record::RecordSink};

/// A system whose files can be read.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The word in `--from NAME=PATH`.
    pub name: &'static str,
    /// One line for people: what the path holds.
    pub about: &'static str,
    /// How the system itself compares ids; a `catalog.toml` outranks it.
    pub id_rule: IdRule,
    /// How deep its exports lie below a path.
    depth: Depth,
    recognizes: fn(&Sample<'_>) -> Fit,
    read: Read,
}

/// Does a file belong to a format?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It does not, or nothing says so.
    No,
    /// It could, and it could be another system's.
    Likely,
    /// It has what no other system writes.
    Sure,
    /// A file beside it says so.
    Told,
}

/// Reads what lies at a path to its end into the sink.
type Read = fn(&Tree, &mut dyn RecordSink) -> Result<(), SourceError>;

/// Every system, by name.
pub const FORMATS: &[Format] = &[
    akeneo::FORMAT,
    kindred::FORMAT,
    magento::FORMAT,
    mapping::FORMAT,
    salsify::FORMAT,
    shopify::FORMAT,
    shopware::FORMAT,
    mapping::WISEPIM,
    woocommerce::FORMAT,
];

/// The system of this name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

impl Format {
    /// Reads everything below `path`, a file, a directory or `-`, into the sink. Two runs over the
    /// same files give the same calls in the same order.
    ///
    /// # Errors
    /// Names the first file that cannot be read as a table; what was read before it stands in the
    /// sink and is worth nothing.
    pub fn read(&'static self, path: &Path, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
        self.part(path, Encoding::Utf8)?.read(sink)
    }

    /// What lies at `path`, to be read as this format.
    ///
    /// # Errors
    /// As [`detect`], except that nothing has to be recognized; a path of which another format
    /// knows every file it could know is refused by that format's name.
    pub fn part(&'static self, path: &Path, encoding: Encoding) -> Result<Part, SourceError> {
        detect::named(self, path, encoding)
    }
}
