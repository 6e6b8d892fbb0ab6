//! What is not counted but looked up: how things stand at a scrape.

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Health says `SERVING`.
    pub is_ready: bool,
    /// What is live.
    pub snapshot: Option<SnapshotState>,
    /// The feeds of stock of which readings are kept.
    pub feeds: Vec<FeedState>,
    /// The stock journal takes writes.
    pub is_journal_writable: bool,
    /// The instant of all ages, in seconds since 1970.
    pub now_s: i64,
}

/// The snapshot that is live.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotState {
    /// Its id.
    pub id: String,
    /// When its manifest was written, in seconds since 1970.
    pub created_s: Option<i64>,
    /// The sources of its relations whose files have a time.
    pub sources: Vec<SourceState>,
}

/// A source of relations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Its name in the catalog's description.
    pub name: String,
    /// When its newest file was written, in seconds since 1970.
    pub confirmed_s: i64,
}

/// A feed of stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// Its source.
    pub source: String,
    /// When a batch of it was last taken, in seconds since 1970.
    pub received_s: i64,
    /// Batches that were applied behind one that is missing.
    pub beyond_gap: u32,
}

/// Why a snapshot was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotRefusal {
    /// The store cannot be read.
    Store,
    /// A blob is damaged, missing or of another format.
    Blob,
    /// A policy or overrides cannot be read.
    Policy,
    /// The stock over it cannot be had.
    Stock,
    /// A check of this server says no: golden lookups.
    Check,
    /// It ended the process twice.
    Quarantined,
    /// Taking it hit a fault of this program.
    Panicked,
    /// Something else.
    Other,
}

impl SnapshotRefusal {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 8] = [
        Self::Store,
        Self::Blob,
        Self::Policy,
        Self::Stock,
        Self::Check,
        Self::Quarantined,
        Self::Panicked,
        Self::Other,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Blob => "blob",
            Self::Policy => "policy",
            Self::Stock => "stock",
            Self::Check => "check",
            Self::Quarantined => "quarantined",
            Self::Panicked => "panicked",
            Self::Other => "other",
        }
    }
}
