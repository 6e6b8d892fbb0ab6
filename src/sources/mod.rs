//! Readers that turn outside files into a stream of [`Record`](crate::model::record::Record)s.
//!
//! Each system is one [`Format`]: a file of this room that exports one const, and a line in
//! [`FORMATS`]. Readers stream: a row is the most they hold, and a row has a limit. They read syntax
//! only: a bad cell or row becomes a finding with file, line and column and the run goes on; a file
//! that cannot be read as a table at all is a [`SourceError`]. Whether a product, a type or a market
//! exists is not asked here.

pub mod cache;
pub mod catalog_toml;
mod csv;
mod error;
mod files;
mod input;
mod kindred;
mod magento;
mod ndjson;
pub mod records;
mod row;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::SourceError;

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
    read: Read,
}

/// Reads a path to its end into the sink.
type Read = fn(&Path, &mut dyn RecordSink) -> Result<(), SourceError>;

/// Every system, by name.
pub const FORMATS: &[Format] = &[kindred::FORMAT, magento::FORMAT];

/// The system of this name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

impl Format {
    /// Reads everything below `path`, a file or a directory, into the sink. Two runs over the same
    /// files give the same calls in the same order.
    ///
    /// # Errors
    /// Names the first file that cannot be read as a table; what was read before it stands in the
    /// sink and is worth nothing.
    pub fn read(&self, path: &Path, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
        (self.read)(path, sink)
    }
}
