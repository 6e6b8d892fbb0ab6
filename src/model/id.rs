//! How ids of one snapshot compare.

use std::{borrow::Cow, cmp::Ordering};

use super::limits::ID_BYTES_MAX;

/// One rule per snapshot for product ids and aliases, in tables, requests, stock and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdRule {
    /// Byte for byte.
    #[default]
    Exact,
    /// `A` to `Z` equal `a` to `z`; every other byte counts as it is. The rule is pinned to ASCII so
    /// that no Unicode version can change which products collide.
    CaseFolded,
}

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id has no bytes.
    #[error("the id is empty; expected 1 to {ID_BYTES_MAX} bytes")]
    Empty,
    /// The id is too long.
    #[error("the id has {0} bytes; expected 1 to {ID_BYTES_MAX}")]
    TooLong(usize),
}

/// Says whether the text can be an id: 1 to [`ID_BYTES_MAX`] bytes of UTF-8.
///
/// # Errors
/// Names the length that was found.
pub fn check(id: &str) -> Result<(), IdError> {
    match id.len() {
        0 => Err(IdError::Empty),
        len if len > ID_BYTES_MAX => Err(IdError::TooLong(len)),
        _ => Ok(()),
    }
}

impl IdRule {
    /// The rule of a number in blobs.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Exact),
            1 => Some(Self::CaseFolded),
            _ => None,
        }
    }

    /// Its number in blobs.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Exact => 0,
            Self::CaseFolded => 1,
        }
    }

    /// The bytes by which the id compares, hashes and sorts.
    #[must_use]
    pub fn fold(self, id: &str) -> Cow<'_, [u8]> {
        match self {
            Self::CaseFolded if id.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Cow::Owned(id.as_bytes().to_ascii_lowercase())
            }
            Self::Exact | Self::CaseFolded => Cow::Borrowed(id.as_bytes()),
        }
    }

    /// Do the two ids name the same product?
    #[must_use]
    pub fn same(self, left: &[u8], right: &[u8]) -> bool {
        match self {
            Self::Exact => left == right,
            Self::CaseFolded => left.eq_ignore_ascii_case(right),
        }
    }

    /// The order of two ids by their folded bytes.
    #[must_use]
    pub fn order(self, left: &[u8], right: &[u8]) -> Ordering {
        match self {
            Self::Exact => left.cmp(right),
            Self::CaseFolded => left
                .iter()
                .map(u8::to_ascii_lowercase)
                .cmp(right.iter().map(u8::to_ascii_lowercase)),
        }
    }
}
