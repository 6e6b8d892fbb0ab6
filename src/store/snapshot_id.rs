//! The identity of a snapshot: what shapes its answers, and nothing else.

use std::{fmt, str::FromStr};

use super::blob::BlobRef;
use crate::{index::Role, model::hex};

/// Keeps these hashes apart from every other use of BLAKE3 here.
const DOMAIN: &[u8] = b"kindred snapshot id 1\n";

/// Two manifests with one id answer alike. 32 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId([u8; 16]);

/// A text that is no snapshot id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 hexadecimal digits in lower case")]
pub struct SnapshotIdError;

/// The id of these blobs, in whatever order they come: BLAKE3 over number (u32, little-endian) and
/// hash of each role that [`Role::shapes_answers`], in the order of the roles; its first 16 bytes.
#[must_use]
pub fn snapshot_id(blobs: &[BlobRef]) -> SnapshotId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN);
    for role in Role::ALL.into_iter().filter(|role| role.shapes_answers()) {
        for blob in blobs.iter().filter(|blob| blob.role == role) {
            hasher.update(&(role as u32).to_le_bytes());
            hasher.update(blob.hash.as_bytes());
        }
    }
    SnapshotId::first_of(&hasher)
}

impl SnapshotId {
    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn first_of(hasher: &blake3::Hasher) -> Self {
        let mut first = [0; 16];
        hasher.finalize_xof().fill(&mut first);
        Self(first)
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for SnapshotId {
    type Err = SnapshotIdError;

    fn from_str(text: &str) -> Result<Self, SnapshotIdError> {
        hex::parse(text).map(Self).ok_or(SnapshotIdError)
    }
}
