//! A manifest: one decision about what a track names and what of it is live.

use super::{
    blob::BlobRef,
    snapshot_id::{SnapshotId, snapshot_id},
};
use crate::index::Role;

/// What a manifest decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// New blobs.
    Publish,
    /// Back to blobs of an earlier manifest.
    Rollback {
        /// That manifest.
        to: u64,
        /// The roles that went back; none named means all.
        roles: Vec<Role>,
    },
    /// What is live stays live, whatever is published.
    Hold,
    /// The end of a hold: the newest blobs become live.
    Release,
}

impl Kind {
    /// The word in manifests and for people.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Rollback { .. } => "rollback",
            Self::Hold => "hold",
            Self::Release => "release",
        }
    }
}

/// Who decided, why and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A person or a job; at most [`MANIFEST_TEXT_BYTES_MAX`] bytes.
    ///
    /// [`MANIFEST_TEXT_BYTES_MAX`]: crate::model::limits::MANIFEST_TEXT_BYTES_MAX
    pub actor: String,
    /// For people; as long as the actor at most.
    pub reason: String,
    /// RFC 3339.
    pub created_at: String,
}

/// One manifest as it stands in the store. Only a track makes one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// Its place in the track, from 1 without a gap.
    pub number: u64,
    /// The manifest before it.
    pub parent: Option<u64>,
    /// What it decided.
    pub kind: Kind,
    /// The newest blobs after it, by role, one a role, with a catalog. The next publish inherits
    /// from here, and without a hold these are live.
    pub blobs: Vec<BlobRef>,
    /// The identity of `blobs`.
    pub snapshot_id: SnapshotId,
    /// The manifest whose blobs are live after this one: itself, unless a hold says otherwise.
    pub active: u64,
    /// Does a hold stand after it?
    pub held: bool,
    /// Who, why, when.
    pub note: Note,
    /// The program that wrote it.
    pub tool_version: String,
}

impl Manifest {
    /// The blob of a role.
    #[must_use]
    pub fn blob(&self, role: Role) -> Option<&BlobRef> {
        self.blobs.iter().find(|blob| blob.role == role)
    }

    /// The first rule among those of its fields that does not hold.
    pub(super) fn broken_rule(&self) -> Option<&'static str> {
        let may_wait = match &self.kind {
            Kind::Rollback { to, .. } if *to == 0 || *to >= self.number => {
                return Some("a rollback goes to an earlier manifest");
            }
            Kind::Hold if !self.held => return Some("a hold is held"),
            Kind::Release if self.held => return Some("a release is not held"),
            Kind::Publish | Kind::Hold => self.held,
            Kind::Rollback { .. } | Kind::Release => false,
        };
        let active_is_right = match may_wait {
            true => (1..self.number).contains(&self.active),
            false => self.active == self.number,
        };
        let parent = self.number.checked_sub(1).filter(|parent| *parent > 0);
        let rules = [
            (self.number > 0, "numbers start at 1"),
            (self.parent == parent, "the parent is the number before"),
            (self.blobs.is_sorted_by(|left, right| left.role < right.role), "one blob a role"),
            (self.blob(Role::Catalog).is_some(), "one blob is the catalog"),
            (active_is_right, "active is the manifest itself, or an earlier one while held"),
        ];
        rules.iter().find(|(holds, _)| !holds).map(|(_, rule)| *rule)
    }
}

/// What a write makes of the head; the number comes from there.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) blobs: Vec<BlobRef>,
    pub(super) held: bool,
    /// What stays live, if not the new manifest.
    pub(super) active: Option<u64>,
}

impl Draft {
    pub(super) fn into_manifest(self, number: u64, note: &Note) -> Manifest {
        Manifest {
            number,
            parent: number.checked_sub(1).filter(|parent| *parent > 0),
            kind: self.kind,
            snapshot_id: snapshot_id(&self.blobs),
            blobs: self.blobs,
            active: self.active.unwrap_or(number),
            held: self.held,
            note: note.clone(),
            tool_version: concat!("kindred ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
