//! What a refusal of the store is to a caller.

use std::io;

use super::{Refusal, Violation, Why};
use crate::{snapshot::LoadError, store::Error};

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let why = match &error {
            Error::BadNote { field, .. } => {
                return Self::Invalid(vec![Violation::new(*field, error.to_string())]);
            }
            Error::UnknownManifest { .. } => Why::Absent,
            Error::UnexpectedActive { .. }
            | Error::Overtaken { .. }
            | Error::LostTooOften { .. } => Why::Overtaken,
            // Nothing helps but another store.
            Error::Io { source, .. } if is_read_only(source) => Why::Precondition,
            Error::Io { .. } => Why::Unavailable,
            Error::NotAStore { .. }
            | Error::BadTrackName { .. }
            | Error::UnknownTrack { .. }
            | Error::ManifestTooLarge { .. }
            | Error::DamagedManifest { .. }
            | Error::ManifestChecksum { .. }
            | Error::UnknownFormat { .. }
            | Error::NumberMismatch { .. }
            | Error::InconsistentManifest { .. }
            | Error::SnapshotIdMismatch { .. }
            | Error::BlobMissing { .. }
            | Error::BlobCollected { .. }
            | Error::BlobSizeDiffers { .. }
            | Error::BlobVanished { .. }
            | Error::NoCatalog
            | Error::RoleTwice { .. }
            | Error::Refused(_)
            | Error::NothingToRollBackTo { .. }
            | Error::RollbackChangesNothing { .. }
            | Error::EmptyTrack { .. }
            | Error::AlreadyHeld { .. }
            | Error::NotHeld { .. }
            | Error::TrackFull { .. } => Why::Precondition,
        };
        Self::Snapshots(why, error.to_string())
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        let why = if error.may_pass() { Why::Unavailable } else { Why::Precondition };
        Self::Snapshots(why, format!("the snapshot cannot go live, nothing changed: {error}"))
    }
}
