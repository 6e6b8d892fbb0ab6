//! The writer on its journal: what a directory held is what the state begins with.

use std::{path::Path, thread::JoinHandle};

use super::{
    Publisher, Stock, StockError, StockOptions,
    journal::{Journal, JournalError, LocalStorage},
    log::{Log, LogError},
    state::State,
};

/// What a start found in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Readings of all sources.
    pub readings: usize,
    /// Blocks that stand.
    pub blocks: usize,
    /// Records replayed after the checkpoint.
    pub records: u64,
    /// Bytes behind the last whole record: a write that was never acknowledged, and was cut.
    pub torn_bytes: u64,
}

impl Stock {
    /// A writer on the journal in a directory, which is made if absent. The caller holds the lock of
    /// it: two writers would damage it.
    ///
    /// Where the disk takes no writes now, the writer starts all the same: what was acknowledged
    /// counts, and writes are refused until the disk takes them.
    ///
    /// # Errors
    /// The journal cannot be read whole: an acknowledged record is damaged or missing. Or the thread
    /// cannot be started.
    pub fn open(
        dir: &Path,
        options: StockOptions,
        publisher: impl Publisher + 'static,
    ) -> Result<(Self, JoinHandle<()>, Recovered), StockError> {
        let unreadable = |reason: String| StockError::Unreadable { reason };
        let storage = LocalStorage::create(dir)
            .map_err(|error| unreadable(format!("{} cannot be used: {error}", dir.display())))?;
        // A checkpoint comes before the records that follow it, and both fill one state.
        let state = std::cell::RefCell::new(State::default());
        let mut piece = |bytes: &[u8]| {
            state.borrow_mut().take_piece(bytes).map_err(|error| error.to_string())
        };
        let mut entry =
            |bytes: &[u8]| state.borrow_mut().replay(bytes).map_err(|error| error.to_string());
        let opened = Journal::open(Box::new(storage), &mut piece, &mut entry);
        let (journal, recovery) = opened.map_err(|error| unreadable(error.to_string()))?;
        if let Some(error) = &recovery.broken {
            tracing::error!(%error, "The stock journal takes no writes; what it holds counts.");
        }
        let state = state.into_inner();
        let recovered = Recovered {
            readings: state.reading_count(),
            blocks: state.blocks.iter().count(),
            records: recovery.records,
            torn_bytes: recovery.torn_bytes,
        };
        let (stock, thread) = Self::start(journal, state, options, publisher)?;
        Ok((stock, thread, recovered))
    }
}

impl Log for Journal {
    fn append(&mut self, entries: &[&[u8]]) -> Result<(), LogError> {
        Self::append(self, entries).map_err(Into::into)
    }

    fn repair(&mut self) -> Result<(), LogError> {
        Self::repair(self).map_err(Into::into)
    }

    fn bytes_since_checkpoint(&self) -> u64 {
        Self::bytes_since_checkpoint(self)
    }

    fn checkpoint(&mut self, pieces: &mut dyn Iterator<Item = Vec<u8>>) -> Result<(), LogError> {
        let sealed = self.rotate()?;
        Self::checkpoint(self, sealed, pieces).map_err(Into::into)
    }
}

impl From<JournalError> for LogError {
    fn from(error: JournalError) -> Self {
        Self { is_full: error.is_full(), reason: error.to_string() }
    }
}
