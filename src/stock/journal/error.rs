//! What can go wrong in the journal, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::format::FORMAT;
use crate::model::limits::{JOURNAL_FILES_MAX, JOURNAL_PAYLOAD_BYTES_MAX};

/// An error of the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// A step on the file system failed. Check rights, free space and the disk. What was
    /// acknowledged stands; [`super::Journal::repair`] tries to go on.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The step.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A write failed before, and the journal takes no more until it is repaired.
    #[error("the journal takes no records until it is repaired, because {cause}")]
    Broken {
        /// The error of that write.
        cause: String,
        /// Was it that the disk is full?
        is_full: bool,
    },
    /// The caller's payload is too long. Split it.
    #[error("a payload has {found} bytes, expected at most {JOURNAL_PAYLOAD_BYTES_MAX}")]
    PayloadTooLong {
        /// Its length.
        found: usize,
    },
    /// A file is not what was written, and what follows the damage, or is proof of more, was
    /// acknowledged. Restore the directory from a backup, or move it away to start empty.
    #[error(
        "{} is damaged at byte {offset}: expected {expected}, found {found}; nothing was cut; \
         restore the directory from a backup, or move it away to start empty",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A file that others need is gone. Restore it, or move the directory away to start empty.
    #[error(
        "{} is missing: expected it because {because}; restore it from a backup, or move the \
         directory away to start empty",
        path.display()
    )]
    MissingSegment {
        /// Where it was expected.
        path: PathBuf,
        /// What needs it.
        because: String,
    },
    /// Another version of this program wrote the file. Use that version or a newer one.
    #[error("{} has format {found}, expected {FORMAT}; use the version that wrote it", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// No checkpoint came through for very long. Look for what the log says about them.
    #[error("{} holds more than {JOURNAL_FILES_MAX} segments and checkpoints", path.display())]
    TooManyFiles {
        /// The directory.
        path: PathBuf,
    },
    /// The record is whole, but its owner does not understand it. Use the version that wrote it.
    #[error("{} at byte {offset}: record {sequence} is whole but was refused: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// Its number.
        sequence: u64,
        /// What its owner says.
        reason: String,
    },
}

impl JournalError {
    /// Is the reason that the disk, or this user's share of it, is full?
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Broken { is_full, .. } => *is_full,
            Self::PayloadTooLong { .. }
            | Self::Damaged { .. }
            | Self::MissingSegment { .. }
            | Self::UnknownFormat { .. }
            | Self::TooManyFiles { .. }
            | Self::Refused { .. } => false,
        }
    }
}

/// Adds action and place to an error of the file system.
pub(super) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Io { action, path: path.to_owned(), source }
}
