//! What stands in for the reader of Parquet in a build without it: an error that says so.

use std::{convert::Infallible, fs::File, path::Path};

use super::{SourceError, table::Cells};
use crate::model::record::{FileId, RecordSink};

/// No file is ever open.
#[derive(Debug)]
pub(crate) struct ParquetRows(Infallible);

impl ParquetRows {
    /// Refuses the file.
    pub(crate) fn open(path: &Path, _: File) -> Result<Self, SourceError> {
        let found = "that this build of kindred reads none; build it with the feature `parquet`, or \
                     write the table as CSV";
        Err(SourceError::Parquet { path: path.to_owned(), found: found.to_owned() })
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        match self.0 {}
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> &[String] {
        match self.0 {}
    }

    /// Reads the next row.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "the reader that this stands in for changes as it reads"
    )]
    pub(crate) fn read(
        &mut self,
        _: &[bool],
        _: &mut Cells,
        _: FileId,
        _: &mut dyn RecordSink,
    ) -> Result<bool, SourceError> {
        match self.0 {}
    }
}
