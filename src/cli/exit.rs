//! How a command ends: the number that scripts ask for, by the kind of what went wrong.

use std::fmt;

use crate::{
    graph::GraphError,
    index::IndexError,
    sources::{SourceError, cache::CacheError},
    store::Error as StoreError,
};

/// What the exit code of every command means, for `--help`; the README says the same.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done; `check` found what it found
  1  failed in another way than those below; nothing was published. `load`: a call failed, or the
     rate was not reached
  2  wrong usage, or a warning or error was found under --strict; nothing was published
  3  refused: guards (see --allow), or a rollback or hold came between (see --over-rollback);
     what is live stays live. `check`: guards would refuse the publish
  4  bad input: a source, its catalog.toml or its mapping.toml is missing, empty, damaged, in
     another encoding or of another system, or holds no product; nothing was published
  5  the store, the cache or the disk: in use, full, damaged, or not to be read or written
  128 + N  ended by signal N: 130 by Ctrl-C, 143 by SIGTERM (`serve` drains and ends with 0), 135
     where a mapped file was cut short under `serve` or its disk failed";

const EXIT_FAILED: u8 = 1;
/// Findings under `--strict`.
pub(super) const EXIT_FINDINGS: u8 = 2;
/// Refused by a guard.
pub(super) const EXIT_REFUSED: u8 = 3;
/// A source cannot be taken for what it should be.
pub(super) const EXIT_INPUT: u8 = 4;
/// What Kindred itself keeps, or the system below it.
const EXIT_STORE: u8 = 5;

/// A failure with an exit code of its own.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The exit code of a failure: that of the first of its causes that has one.
pub(super) fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(EXIT_FAILED)
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(of_source(error));
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(of_cache(error));
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(of_graph(error));
    }
    if cause.is::<IndexError>() {
        return Some(EXIT_STORE);
    }
    cause.downcast_ref().map(of_store)
}

fn of_source(error: &SourceError) -> u8 {
    if matches!(error, SourceError::Io { .. }) { EXIT_STORE } else { EXIT_INPUT }
}

fn of_graph(error: &GraphError) -> u8 {
    match error {
        GraphError::NoProducts { .. } | GraphError::TooMany { .. } => EXIT_INPUT,
        GraphError::Runs { .. } => EXIT_STORE,
    }
}

/// What an operator asks of a cache and cannot have is no damage.
fn of_cache(error: &CacheError) -> u8 {
    match error {
        CacheError::Source(error) => of_source(error),
        CacheError::Io { .. }
        | CacheError::InUse { .. }
        | CacheError::BadFile { .. }
        | CacheError::Records(_) => EXIT_STORE,
        CacheError::NothingKept { .. }
        | CacheError::NotOfStore { .. }
        | CacheError::NoSuchEntry { .. }
        | CacheError::PendingOutdated { .. }
        | CacheError::NothingPending { .. }
        | CacheError::AlreadyHeld { .. }
        | CacheError::NotHeld { .. }
        | CacheError::BadName { .. } => EXIT_FAILED,
    }
}

/// Nor is what an operator asks of a store.
fn of_store(error: &StoreError) -> u8 {
    let is_damage = matches!(
        error,
        StoreError::Io { .. }
            | StoreError::NotAStore { .. }
            | StoreError::UnknownTrack { .. }
            | StoreError::ManifestTooLarge { .. }
            | StoreError::DamagedManifest { .. }
            | StoreError::ManifestChecksum { .. }
            | StoreError::UnknownFormat { .. }
            | StoreError::NumberMismatch { .. }
            | StoreError::InconsistentManifest { .. }
            | StoreError::SnapshotIdMismatch { .. }
            | StoreError::BlobMissing { .. }
            | StoreError::BlobSizeDiffers { .. }
            | StoreError::BlobVanished { .. }
    );
    let is_refusal = matches!(error, StoreError::Refused { .. } | StoreError::Overtaken { .. });
    match (is_damage, is_refusal) {
        (true, _) => EXIT_STORE,
        (false, true) => EXIT_REFUSED,
        (false, false) => EXIT_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_kind_of_the_cause_counts_whatever_is_said_around_it() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let path = || "x".into();
        let missing = || SourceError::Missing { path: path() };
        let check = |error: anyhow::Error, code: u8| {
            assert_eq!(exit_code(&error), code, "{error:#}");
            assert_eq!(exit_code(&error.context("more")), code);
        };
        check(Failure { code: EXIT_FINDINGS, message: String::new() }.into(), EXIT_FINDINGS);
        check(missing().into(), EXIT_INPUT);
        check(SourceError::Io { path: path(), source: full() }.into(), EXIT_STORE);
        check(CacheError::Source(missing()).into(), EXIT_INPUT);
        check(CacheError::InUse { path: path() }.into(), EXIT_STORE);
        check(CacheError::NotHeld { name: "pim".to_owned() }.into(), EXIT_FAILED);
        check(StoreError::BlobMissing { path: path() }.into(), EXIT_STORE);
        check(StoreError::NoCatalog.into(), EXIT_FAILED);
        check(anyhow::anyhow!("something else"), EXIT_FAILED);
        // A socket is no disk.
        check(Err::<(), _>(full()).context("cannot connect").unwrap_err(), EXIT_FAILED);
    }
}
