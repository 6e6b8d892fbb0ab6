//! What can go wrong in the store, and what to do about it.

use std::{io, path::Path, path::PathBuf};

use super::{snapshot_id::SnapshotId, write::GuardRefusal};
use crate::{
    index::Role,
    model::limits::{MANIFEST_BYTES_MAX, STORE_ATTEMPTS_MAX},
};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A step on the file system failed. Check rights and free space, then run the same command
    /// again: the store is as it was, or the write is whole.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The step.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory holds no store. Check the path; `compile` makes a store.
    #[error("{} is no store: expected the directory {}", path.display(), missing.display())]
    NotAStore {
        /// The directory.
        path: PathBuf,
        /// What it lacks.
        missing: PathBuf,
    },
    /// The text cannot name a track. Choose another name.
    #[error("{found:?} names no track: expected 1 to 64 of a-z, 0-9 and -")]
    BadTrackName {
        /// The text.
        found: String,
    },
    /// The store has no such track. Check the name.
    #[error("no such track: expected the directory {}", path.display())]
    UnknownTrack {
        /// Its directory.
        path: PathBuf,
    },
    /// The track has no such manifest. `history` lists those it has.
    #[error("no manifest {number}: expected {}", path.display())]
    UnknownManifest {
        /// Its number.
        number: u64,
        /// Its file.
        path: PathBuf,
    },
    /// The file is too large for a manifest: it is none. Move it away.
    #[error("manifest {} has more than {MANIFEST_BYTES_MAX} bytes", path.display())]
    ManifestTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read as a manifest. Restore it from a backup; if it is the newest one it
    /// may be moved away, and the one before it counts again.
    #[error("manifest {} is damaged: {source}", path.display())]
    DamagedManifest {
        /// The file.
        path: PathBuf,
        /// What was expected, with line and column.
        source: serde_json::Error,
    },
    /// The text reads well but is not what was written. Restore it as a damaged one.
    #[error("manifest {}: its checksum is {stated}, expected {computed}", path.display())]
    ManifestChecksum {
        /// The file.
        path: PathBuf,
        /// What it says.
        stated: String,
        /// What its other fields give.
        computed: String,
    },
    /// Another version of this program wrote the manifest. Use that version or a newer one.
    #[error("manifest {} has format {found}, expected {known}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// What this program reads.
        known: u64,
    },
    /// The file was renamed or copied. Give it back its name.
    #[error("manifest {} says that its number is {found}, expected that of its name", path.display())]
    NumberMismatch {
        /// The file.
        path: PathBuf,
        /// The number inside.
        found: u64,
    },
    /// A manifest breaks a rule that every writer keeps: another program made it. Restore it.
    #[error("manifest {} breaks a rule: expected that {rule}", path.display())]
    InconsistentManifest {
        /// The file.
        path: PathBuf,
        /// The rule.
        rule: &'static str,
    },
    /// A manifest's snapshot id is not that of its blobs: another program made it. Restore it.
    #[error("manifest {} says snapshot {stated}, expected {computed}", path.display())]
    SnapshotIdMismatch {
        /// The file.
        path: PathBuf,
        /// What it says.
        stated: SnapshotId,
        /// What its blobs give.
        computed: SnapshotId,
    },
    /// A blob is not in the store. Compile it again, or choose another manifest.
    #[error("no blob {}", path.display())]
    BlobMissing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// A clean-up took the blob, as nothing that could go live again had named it for long. Choose a
    /// newer manifest, or compile it again.
    #[error(
        "blob {} was collected by gc: expected a manifest whose blobs are kept (`gc --keep`); choose a \
         newer one, or compile it again",
        path.display()
    )]
    BlobCollected {
        /// Where it was.
        path: PathBuf,
    },
    /// A blob has the wrong size: it is damaged. Move it away and compile again.
    #[error("blob {} has {found} bytes, expected {expected}", path.display())]
    BlobSizeDiffers {
        /// The file.
        path: PathBuf,
        /// As stated.
        expected: u64,
        /// As found.
        found: u64,
    },
    /// A blob was removed while its manifest was written; servers will refuse that manifest and
    /// keep what they have. Compile and publish again.
    #[error("manifest {number} is written, but its blob {} was removed meanwhile", path.display())]
    BlobVanished {
        /// The manifest.
        number: u64,
        /// The blob.
        path: PathBuf,
    },
    /// The first publish of a track brings a catalog. Compile one.
    #[error("neither the publish nor the track has a catalog; expected one")]
    NoCatalog,
    /// A publish brings one blob a role.
    #[error("the publish brings two blobs of the role {}; expected one", role.code())]
    RoleTwice {
        /// The role.
        role: Role,
    },
    /// A text of the note is too long or no instant. Shorten or correct it.
    #[error("{field} is {found:?}; expected {expected}")]
    BadNote {
        /// The field.
        field: &'static str,
        /// Its start.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Someone rolled back or held the track after the publish began. Read their reason; publish
    /// again, or over it, if it still is right.
    #[error(
        "manifest {number} ({kind} by {actor}: {reason}) came after this publish began; expected \
         only publishes and releases; publish again, or over it, if the work is still right"
    )]
    Overtaken {
        /// The manifest in the way.
        number: u64,
        /// Rollback or hold.
        kind: &'static str,
        /// By whom.
        actor: String,
        /// Why.
        reason: String,
    },
    /// The publisher's own check said no.
    #[error(transparent)]
    Refused(#[from] GuardRefusal),
    /// Nothing else was live before. Name a manifest to go to.
    #[error("manifest {active} is live, and no other content was before it; expected one")]
    NothingToRollBackTo {
        /// What is live.
        active: u64,
    },
    /// The rollback would lead to what is there. Choose another manifest or other roles.
    #[error("manifest {to} has nothing, in the roles asked for, that differs from what is live")]
    RollbackChangesNothing {
        /// The manifest asked for.
        to: u64,
    },
    /// Another snapshot is live than the one to leave. Look again, then decide.
    #[error("snapshot {found} is live, expected {expected}")]
    UnexpectedActive {
        /// The snapshot to leave.
        expected: SnapshotId,
        /// What is live.
        found: SnapshotId,
    },
    /// The track has no manifest yet. Publish first.
    #[error("the track {} is empty; expected a manifest", path.display())]
    EmptyTrack {
        /// Its directory.
        path: PathBuf,
    },
    /// A hold stands already. Release it first, to hold for another reason.
    #[error("a hold stands already and keeps manifest {active} live; expected none")]
    AlreadyHeld {
        /// What it keeps live.
        active: u64,
    },
    /// No hold stands. There is nothing to do.
    #[error("no hold stands at manifest {number}; expected one")]
    NotHeld {
        /// The newest manifest.
        number: u64,
    },
    /// The track has a manifest of the last number there is: not by this program. Move it away.
    #[error("{} is the last possible manifest; expected a lower number", path.display())]
    TrackFull {
        /// That manifest.
        path: PathBuf,
    },
    /// Others were always faster. Run again when fewer write.
    #[error("{STORE_ATTEMPTS_MAX} attempts to write to {} found their name taken", path.display())]
    LostTooOften {
        /// Where.
        path: PathBuf,
    },
}

/// Adds action and place to an error of the file system.
pub(super) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { action, path: path.to_owned(), source }
}
