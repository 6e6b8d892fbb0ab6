//! Why a file is refused, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::safe::UnsafeFile;

/// A file that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct IndexError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a file. The codes are stable: scripts and alerts may rely on them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Another kind of file. Point the command at a blob of the store.
    #[error("NOT_AN_INDEX: expected a kindred blob (magic {expected:02x?}), found {found:02x?}")]
    NotAnIndex {
        /// The magic of the format.
        expected: [u8; 8],
        /// The first bytes of the file.
        found: [u8; 8],
    },
    /// Written on a machine of the other byte order. Compile it anew.
    #[error("WRONG_ENDIAN: expected endian mark 0x01020304, found {found:#010x}; compile it anew")]
    WrongEndian {
        /// The mark as read little-endian.
        found: u32,
    },
    /// Written by a newer version. Update this server, or publish with the older compiler.
    #[error("FORMAT_TOO_NEW: format {found}, this version reads {newest}; update the server")]
    FormatTooNew {
        /// The file's format.
        found: u32,
        /// The newest format this version reads.
        newest: u32,
    },
    /// Written by a version that is too old. Compile it anew.
    #[error(
        "FORMAT_TOO_OLD: format {found}, this version reads {oldest} and later; compile it anew"
    )]
    FormatTooOld {
        /// The file's format.
        found: u32,
        /// The oldest format this version reads.
        oldest: u32,
    },
    /// Needs something that this version does not know. Update this server.
    #[error("UNKNOWN_FEATURE: required features {found:#x}, known {known:#x}; update the server")]
    UnknownFeature {
        /// The file's required features.
        found: u64,
        /// Those this version knows.
        known: u64,
    },
    /// The file is shorter than it says. Publish it anew.
    #[error("TRUNCATED: expected {expected} bytes, found {found}; publish it anew")]
    Truncated {
        /// Bytes that must be there.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file is longer than it says. Publish it anew.
    #[error("TRAILING_BYTES: expected {expected} bytes, found {found}; publish it anew")]
    TrailingBytes {
        /// Bytes that must be there.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The bytes are not those that were written. Publish it anew and check the disk.
    #[error("CHECKSUM: {part} is damaged; publish it anew and check the disk")]
    Checksum {
        /// The header, a section or the trailer.
        part: &'static str,
    },
    /// The bytes are whole, but another blob stands under this name. Publish it anew.
    #[error("WRONG_HASH: expected blob {expected}, found {found}; publish it anew")]
    WrongHash {
        /// The hash that the manifest names.
        expected: super::BlobHash,
        /// The hash of the bytes.
        found: super::BlobHash,
    },
    /// A blob for something else. Check the manifest.
    #[error("WRONG_ROLE: expected a blob of role {expected}, found {found}")]
    WrongRole {
        /// The role asked for.
        expected: &'static str,
        /// The role in the header.
        found: String,
    },
    /// The bytes are as written but make no sense. Report it with the file.
    #[error("STRUCTURE: {part}: {what}; compile it anew")]
    Structure {
        /// The header or a section.
        part: &'static str,
        /// What was expected and found.
        what: String,
    },
    /// A text that is longer than any of its role may be. Publish a shorter one.
    #[error("TOO_LARGE: {part}: expected at most {bytes_max} bytes, found {found}; shorten it")]
    TooLarge {
        /// The section.
        part: &'static str,
        /// Bytes of the text.
        found: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// More ids than the key table can number. Leave out aliases, or split the catalog.
    #[error(
        "TOO_MANY_IDS: expected at most {ids_max} products and aliases, found {found}; leave out aliases"
    )]
    TooManyIds {
        /// Products and aliases.
        found: u64,
        /// The limit.
        ids_max: u64,
    },
    /// Others could change the file while it is read, or it is none.
    #[error("UNSAFE_FILE: {why}")]
    UnsafeFile {
        /// What was expected and found, and what to do.
        why: UnsafeFile,
    },
    /// The system refused. Look at the cause.
    #[error("IO: cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnIndex { .. } => "NOT_AN_INDEX",
            Self::WrongEndian { .. } => "WRONG_ENDIAN",
            Self::FormatTooNew { .. } => "FORMAT_TOO_NEW",
            Self::FormatTooOld { .. } => "FORMAT_TOO_OLD",
            Self::UnknownFeature { .. } => "UNKNOWN_FEATURE",
            Self::Truncated { .. } => "TRUNCATED",
            Self::TrailingBytes { .. } => "TRAILING_BYTES",
            Self::Checksum { .. } => "CHECKSUM",
            Self::WrongHash { .. } => "WRONG_HASH",
            Self::WrongRole { .. } => "WRONG_ROLE",
            Self::Structure { .. } => "STRUCTURE",
            Self::TooLarge { .. } => "TOO_LARGE",
            Self::TooManyIds { .. } => "TOO_MANY_IDS",
            Self::UnsafeFile { .. } => "UNSAFE_FILE",
            Self::Io { .. } => "IO",
        }
    }

    /// May the same file be fine at the next try?
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Io { .. })
    }

    pub(crate) fn structure(part: &'static str, what: impl Into<String>) -> Self {
        Self::Structure { part, what: what.into() }
    }

    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    pub(crate) fn at(self, path: &Path) -> IndexError {
        IndexError { path: path.to_owned(), fault: self }
    }
}
