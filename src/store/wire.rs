//! Manifests as JSON, format 1.
//!
//! `checksum` is the start of the BLAKE3 over the compact JSON of all other fields, so that a
//! changed letter of a reason is refused as surely as a changed hash.

use std::{fmt::Display, path::Path, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    blob::BlobRef,
    error::Error,
    manifest::{Kind, Manifest, Note},
    snapshot_id::{SnapshotId, snapshot_id},
};
use crate::{
    index::{BlobHash, Role},
    model::limits::{MANIFEST_BYTES_MAX, MANIFEST_TEXT_BYTES_MAX},
};

const FORMAT: u64 = 1;

const _: () = assert!(
    3 * 6 * MANIFEST_TEXT_BYTES_MAX + (8 << 10) < MANIFEST_BYTES_MAX,
    "what encode accepts, decode must accept"
);

/// The bytes of a manifest.
pub(super) fn encode(manifest: &Manifest) -> Result<Vec<u8>, Error> {
    let Note { actor, reason, created_at } = &manifest.note;
    check_length("actor", actor)?;
    check_length("reason", reason)?;
    check_length("created_at", created_at)?;
    if created_at.parse::<jiff::Timestamp>().is_err() {
        return Err(bad_note("created_at", created_at, "an instant as of RFC 3339"));
    }
    Ok(file_bytes(&mut to_file(manifest)))
}

/// The manifest in these bytes, which stood in the file of that number.
pub(super) fn decode(bytes: &[u8], number: u64, path: &Path) -> Result<Manifest, Error> {
    let path = || path.to_owned();
    let damaged = |source| Error::DamagedManifest { path: path(), source };
    if bytes.len() > MANIFEST_BYTES_MAX {
        return Err(Error::ManifestTooLarge { path: path() });
    }
    // The format alone first: a newer manifest may have fields that mean nothing here.
    let Format { format: found } = serde_json::from_slice(bytes).map_err(damaged)?;
    if found != FORMAT {
        return Err(Error::UnknownFormat { path: path(), found, known: FORMAT });
    }
    let mut file: ManifestFile = serde_json::from_slice(bytes).map_err(damaged)?;
    let stated = std::mem::take(&mut file.checksum);
    let computed = checksum(&mut file);
    if stated != computed {
        return Err(Error::ManifestChecksum { path: path(), stated, computed });
    }
    if file.number != number {
        return Err(Error::NumberMismatch { path: path(), found: file.number });
    }
    let inconsistent = |rule| Error::InconsistentManifest { path: path(), rule };
    let manifest = from_file(file).map_err(inconsistent)?;
    if let Some(rule) = manifest.broken_rule() {
        return Err(inconsistent(rule));
    }
    let computed = snapshot_id(&manifest.blobs);
    if manifest.snapshot_id != computed {
        let stated = manifest.snapshot_id;
        return Err(Error::SnapshotIdMismatch { path: path(), stated, computed });
    }
    Ok(manifest)
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestFile {
    pub(super) format: u64,
    pub(super) number: u64,
    pub(super) parent: Option<u64>,
    pub(super) kind: KindCode,
    pub(super) rollback_to: Option<u64>,
    pub(super) rollback_roles: Vec<RoleCode>,
    pub(super) blobs: Vec<BlobEntry>,
    #[serde(with = "text")]
    pub(super) snapshot_id: SnapshotId,
    pub(super) active: u64,
    pub(super) held: bool,
    pub(super) actor: String,
    pub(super) reason: String,
    pub(super) created_at: String,
    pub(super) tool_version: String,
    pub(super) checksum: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindCode {
    Publish,
    Rollback,
    Hold,
    Release,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlobEntry {
    pub(super) role: RoleCode,
    #[serde(with = "text")]
    pub(super) hash: BlobHash,
    pub(super) size_bytes: u64,
}

/// A role by its word.
#[derive(Clone, Copy)]
pub(super) struct RoleCode(pub(super) Role);

impl Serialize for RoleCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.code())
    }
}

impl<'de> Deserialize<'de> for RoleCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let role = Role::from_code(&code);
        role.map(Self).ok_or_else(|| D::Error::custom(format!("expected a role, found {code:?}")))
    }
}

/// Values that stand as their text.
mod text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        value: &impl Display,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

pub(super) fn to_file(manifest: &Manifest) -> ManifestFile {
    let (kind, rollback_to, roles) = match &manifest.kind {
        Kind::Publish => (KindCode::Publish, None, [].as_slice()),
        Kind::Rollback { to, roles } => (KindCode::Rollback, Some(*to), roles.as_slice()),
        Kind::Hold => (KindCode::Hold, None, [].as_slice()),
        Kind::Release => (KindCode::Release, None, [].as_slice()),
    };
    let entry = |blob: &BlobRef| BlobEntry {
        role: RoleCode(blob.role),
        hash: blob.hash,
        size_bytes: blob.size_bytes,
    };
    ManifestFile {
        format: FORMAT,
        number: manifest.number,
        parent: manifest.parent,
        kind,
        rollback_to,
        rollback_roles: roles.iter().copied().map(RoleCode).collect(),
        blobs: manifest.blobs.iter().map(entry).collect(),
        snapshot_id: manifest.snapshot_id,
        active: manifest.active,
        held: manifest.held,
        actor: manifest.note.actor.clone(),
        reason: manifest.note.reason.clone(),
        created_at: manifest.note.created_at.clone(),
        tool_version: manifest.tool_version.clone(),
        checksum: String::new(),
    }
}

fn from_file(file: ManifestFile) -> Result<Manifest, &'static str> {
    let roles: Vec<Role> = file.rollback_roles.into_iter().map(|code| code.0).collect();
    let kind = match (file.kind, file.rollback_to, roles.is_empty()) {
        (KindCode::Publish, None, true) => Kind::Publish,
        (KindCode::Rollback, Some(to), _) => Kind::Rollback { to, roles },
        (KindCode::Hold, None, true) => Kind::Hold,
        (KindCode::Release, None, true) => Kind::Release,
        _ => return Err("a rollback and nothing else says where it goes"),
    };
    let blob = |entry: BlobEntry| BlobRef {
        role: entry.role.0,
        hash: entry.hash,
        size_bytes: entry.size_bytes,
    };
    Ok(Manifest {
        number: file.number,
        parent: file.parent,
        kind,
        blobs: file.blobs.into_iter().map(blob).collect(),
        snapshot_id: file.snapshot_id,
        active: file.active,
        held: file.held,
        note: Note { actor: file.actor, reason: file.reason, created_at: file.created_at },
        tool_version: file.tool_version,
    })
}

/// The bytes of the file with its checksum set.
pub(super) fn file_bytes(file: &mut ManifestFile) -> Vec<u8> {
    file.checksum = checksum(file);
    let mut bytes = serde_json::to_vec_pretty(file).expect("texts and numbers always serialize");
    bytes.push(b'\n');
    bytes
}

fn checksum(file: &mut ManifestFile) -> String {
    file.checksum.clear();
    let bytes = serde_json::to_vec(file).expect("texts and numbers always serialize");
    let digits = blake3::hash(&bytes).to_hex();
    digits.chars().take(32).collect()
}

fn check_length(field: &'static str, text: &str) -> Result<(), Error> {
    if text.len() > MANIFEST_TEXT_BYTES_MAX {
        return Err(bad_note(field, text, "at most 2048 bytes"));
    }
    Ok(())
}

fn bad_note(field: &'static str, text: &str, expected: &'static str) -> Error {
    Error::BadNote { field, found: text.chars().take(40).collect(), expected }
}
