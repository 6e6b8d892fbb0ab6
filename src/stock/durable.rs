//! The writer's log on the disk: the journal behind the few words that the writer has for it.

use std::{cell::RefCell, path::Path, thread::JoinHandle};

use tracing::{info, warn};

use super::{
    Publisher, Stock, StockError, StockOptions,
    journal::{Journal, JournalError, LocalStorage, Storage},
    log::{Log, LogError},
    state::State,
};

impl Stock {
    /// Starts a writer on what its journal in this directory holds; made if absent. Whoever calls
    /// this has locked the directory.
    ///
    /// A disk that takes no writes yet is no error: reads go on, and writes do when it does.
    ///
    /// # Errors
    /// The journal cannot be read, or is damaged before its end: the message says what to do.
    pub fn open(
        dir: &Path,
        options: StockOptions,
        publisher: impl Publisher + 'static,
    ) -> Result<(Self, JoinHandle<()>), StockError> {
        let storage = LocalStorage::create(dir).map_err(|error| StockError::Unreadable {
            reason: format!("cannot open {}: {error}", dir.display()),
        })?;
        let (journal, state) = replayed(Box::new(storage)).map_err(|error| {
            // The error says what to do itself.
            StockError::Unreadable { reason: error.to_string() }
        })?;
        Self::start(journal, state, options, publisher)
    }
}

/// A journal, and the state that it holds.
pub(super) fn replayed(storage: Box<dyn Storage>) -> Result<(Journal, State), JournalError> {
    let state = RefCell::new(State::default());
    let text = |error: super::DecodeError| error.to_string();
    let (journal, recovery) = Journal::open(
        storage,
        &mut |piece| state.borrow_mut().take_piece(piece).map_err(text),
        &mut |entry| state.borrow_mut().replay(entry).map_err(text),
    )?;
    info!(
        checkpoint = recovery.checkpoint_records,
        records = recovery.records,
        segments = recovery.segments,
        torn_bytes = recovery.torn_bytes,
        "The stock journal was replayed."
    );
    if let Some(error) = recovery.broken {
        warn!(%error, "The stock journal takes no writes yet.");
    }
    Ok((journal, state.into_inner()))
}

impl Log for Journal {
    fn append(&mut self, entries: &[&[u8]]) -> Result<(), LogError> {
        Ok(Self::append(self, entries)?)
    }

    fn is_broken(&self) -> bool {
        Self::is_broken(self)
    }

    fn repair(&mut self) -> Result<(), LogError> {
        Ok(Self::repair(self)?)
    }

    fn bytes_since_checkpoint(&self) -> u64 {
        Self::bytes_since_checkpoint(self)
    }

    fn checkpoint(&mut self, pieces: &mut dyn Iterator<Item = Vec<u8>>) -> Result<(), LogError> {
        let sealed = self.rotate()?;
        Ok(Self::checkpoint(self, sealed, pieces)?)
    }
}

impl From<JournalError> for LogError {
    fn from(error: JournalError) -> Self {
        Self { is_full: error.is_full(), reason: error.to_string() }
    }
}
