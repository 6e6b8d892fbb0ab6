//! Why a file of records cannot be written or believed.

use std::{io, path::PathBuf};

use super::{RecordsHash, VERSION};
use crate::model::limits::RECORD_BYTES_MAX;

/// Why a file of records is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// The system refused: check space, rights and the disk.
    #[error("{}: expected to {step} kept records, found: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done: `read` or `write`.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another file, or one of another version of this program: remove it and read the source anew.
    #[error("{}: expected kept records of version {VERSION}, found {found}", path.display())]
    NotRecords {
        /// The file.
        path: PathBuf,
        /// What it begins with.
        found: String,
    },
    /// Damaged: check the disk, remove the file and read the source anew.
    #[error("{}: expected {expected} in the block at offset {offset}, found damage; read the source anew without this file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the block begins.
        offset: u64,
        /// What should have stood there.
        expected: &'static str,
    },
    /// The file is whole but not the one that was kept: someone wrote it. Read the source anew.
    #[error("{}: expected kept records of hash {expected}, found {found}", path.display())]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// The hash it is kept under.
        expected: RecordsHash,
        /// The hash of its bytes.
        found: RecordsHash,
    },
    /// One statement of a source is longer than any product has to say.
    #[error("{}: expected a record of at most {RECORD_BYTES_MAX} bytes, found one of {found}", path.display())]
    TooLong {
        /// The file that was being written.
        path: PathBuf,
        /// Its length.
        found: usize,
    },
}
