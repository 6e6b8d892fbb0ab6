//! Blobs that hold one text as people wrote it: a policy or overrides. What the text says is the
//! business of those who parse it; here it is UTF-8 and no longer than its limit.

use super::{Blob, BlobHash, IndexError, Role, error::Fault, layout::Section};
use crate::model::limits::{OVERRIDES_BYTES_MAX, POLICY_BYTES_MAX};

/// A policy or overrides blob that was verified.
#[derive(Debug)]
pub struct Text {
    blob: Blob,
    section: Section,
}

/// What a role's text is called and how long it may be.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) section: Section,
    bytes_max: usize,
}

impl Kind {
    /// Nothing if the role holds something else than one text.
    pub(super) fn of(role: Role) -> Option<Self> {
        let (section, bytes_max) = match role {
            Role::Policy => (Section::PolicyToml, POLICY_BYTES_MAX),
            Role::Overrides => (Section::OverridesCsv, OVERRIDES_BYTES_MAX),
            Role::Catalog | Role::Provenance | Role::Dropped => return None,
        };
        Some(Self { section, bytes_max })
    }

    pub(super) fn check_len(self, found: usize) -> Result<(), Fault> {
        if found <= self.bytes_max {
            return Ok(());
        }
        let (found, bytes_max) = (found as u64, self.bytes_max as u64);
        Err(Fault::TooLarge { part: self.section.code(), found, bytes_max })
    }
}

impl Text {
    /// Checks that the blob holds the text of this role, and that it is one.
    ///
    /// # Errors
    /// `WRONG_ROLE`, also if the role asked for holds no text; `TOO_LARGE`; or `STRUCTURE` if it is
    /// not UTF-8.
    pub fn from_blob(blob: Blob, role: Role) -> Result<Self, IndexError> {
        let path = blob.path().to_owned();
        Self::read(blob, role).map_err(|fault| fault.at(&path))
    }

    fn read(blob: Blob, role: Role) -> Result<Self, Fault> {
        blob.require(role)?;
        let Some(kind) = Kind::of(role) else {
            let found = role.code().to_owned();
            return Err(Fault::WrongRole { expected: "policy or overrides", found });
        };
        let range = blob.range(kind.section);
        kind.check_len(range.len())?;
        if let Err(error) = str::from_utf8(blob.bytes(&range)) {
            let what = format!("expected UTF-8, found another byte at {}", error.valid_up_to());
            return Err(Fault::structure(kind.section.code(), what));
        }
        Ok(Self { blob, section: kind.section })
    }

    /// The text as it was published. It is read over each time: ask once and keep what you parse.
    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(self.blob.bytes(&self.blob.range(self.section))).unwrap_or_default()
    }

    /// The identity of its blob.
    #[must_use]
    pub fn hash(&self) -> BlobHash {
        self.blob.hash()
    }
}
