//! Why a snapshot does not load.

use std::{any::Any, io};

use super::CheckRefusal;
use crate::{index::IndexError, policy::PolicyErrors, stock::StockError, store};

/// A snapshot that does not load; the one before keeps serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store cannot be read. Look at the cause.
    #[error("the store cannot be read: {0}")]
    Store(#[from] store::Error),
    /// A blob is refused. The message says what to do.
    #[error("a blob is refused: {0}")]
    Blob(#[from] IndexError),
    /// A policy or overrides cannot be read. Mend the lines and publish anew.
    #[error("a policy is refused: {0}")]
    Policy(#[from] PolicyErrors),
    /// The stock over the catalog cannot be had. Restart this server.
    #[error("the snapshot cannot go live: {0}")]
    Stock(StockError),
    /// The system gives no thread to load on. Look at the limits of this user.
    #[error("no thread to load it on: {0}")]
    Thread(io::Error),
    /// The load hit a fault of this program. Report it with the snapshot; publish another one.
    #[error("the load hit a fault of this program ({0}); report it, and publish another snapshot")]
    Panicked(String),
    /// A check of this server says no. Mend what the snapshot answers, or the check.
    #[error(transparent)]
    Check(#[from] CheckRefusal),
    /// The manifest names no catalog. Publish anew.
    #[error("manifest {number} names no catalog blob; publish one with `kindred compile`")]
    NoCatalog {
        /// The manifest.
        number: u64,
    },
}

impl LoadError {
    /// What a panic of a load said.
    pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Self::Panicked(text.unwrap_or("without a word").to_owned())
    }

    /// May the same snapshot load at the next try?
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            // What gc took is back only as another file.
            Self::Store(error) => !matches!(error, store::Error::BlobCollected { .. }),
            Self::Stock(_) | Self::Thread(_) => true,
            Self::Blob(error) => error.fault.may_pass(),
            Self::Policy(_) | Self::NoCatalog { .. } | Self::Panicked(_) | Self::Check(_) => false,
        }
    }
}
