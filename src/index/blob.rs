//! What a blob is for, and its name.

use std::{fmt, io, str::FromStr};

use crate::model::hex;

/// What a blob is for. Numbers stand in the header of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Role {
    /// Products and relations.
    Catalog = 1,
    /// Placements, stage policy and rules.
    Policy = 2,
    /// Pins, hides, added and removed links.
    Overrides = 3,
    /// Source, file, line and confirm time of each relation.
    Provenance = 4,
    /// What the compiler refused, and why.
    Dropped = 5,
}

impl Role {
    /// Every role in the order of its number.
    pub const ALL: [Self; 5] =
        [Self::Catalog, Self::Policy, Self::Overrides, Self::Provenance, Self::Dropped];

    /// The word in file names and manifests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Policy => "policy",
            Self::Overrides => "overrides",
            Self::Provenance => "provenance",
            Self::Dropped => "dropped",
        }
    }

    /// The role of this number.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|role| *role as u32 == number)
    }

    /// The role of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Does the blob shape answers? Those roles make the snapshot's id.
    #[must_use]
    pub const fn shapes_answers(self) -> bool {
        matches!(self, Self::Catalog | Self::Policy | Self::Overrides)
    }
}

/// BLAKE3 over a whole blob file: its identity and its file name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash([u8; 32]);

/// A text that is no blob hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits in lower case")]
pub struct BlobHashError;

impl BlobHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash of all that a reader has to say.
    ///
    /// # Errors
    /// The reader's.
    pub fn of_reader(reader: impl io::Read) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }

    /// The hash of what a hasher was given.
    pub(super) fn of_hasher(hasher: &blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes())
    }

    /// The hash of these 32 bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for BlobHash {
    type Err = BlobHashError;

    fn from_str(text: &str) -> Result<Self, BlobHashError> {
        hex::parse(text).map(Self).ok_or(BlobHashError)
    }
}
