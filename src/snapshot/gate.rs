//! What a snapshot must pass before it goes live, beside being whole.

use std::{fmt, sync::Arc};

use super::{Snapshot, Trials};

/// A check of a snapshot that is whole and not live yet. It runs on the thread that loads.
pub type Check = Arc<dyn Fn(&Arc<Snapshot>) -> Result<(), CheckRefusal> + Send + Sync>;

/// Why a check says no: a text for the log that names the check and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CheckRefusal(pub String);

/// What the watcher asks before it makes a snapshot live. The default lets everything in.
#[derive(Clone, Default)]
pub struct Gate {
    /// Asked of each snapshot, also of the first one.
    pub check: Option<Check>,
    /// Remembers over starts which snapshots ended the process.
    pub trials: Trials,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, trials } = self;
        let is_checked = check.is_some();
        f.debug_struct("Gate").field("is_checked", &is_checked).field("trials", trials).finish()
    }
}
