//! What the writer asks of its journal.
//!
//! One call is one write and one sync; when it fails nothing of it counts, and the log takes nothing
//! more until it is repaired.

/// Where entries become durable.
pub(super) trait Log: Send {
    /// Makes all of these durable, in this order, before it returns.
    fn append(&mut self, entries: &[&[u8]]) -> Result<(), LogError>;

    /// Does it wait for a repair?
    fn is_broken(&self) -> bool;

    /// Makes a log that failed ready again, with what was durable before.
    fn repair(&mut self) -> Result<(), LogError>;

    /// Bytes that a restart would replay.
    fn bytes_since_checkpoint(&self) -> u64;

    /// Makes these pieces durable in the place of every entry so far.
    fn checkpoint(&mut self, pieces: &mut dyn Iterator<Item = Vec<u8>>) -> Result<(), LogError>;
}

/// A log that did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogError {
    /// The disk is full.
    pub(super) is_full: bool,
    /// What the system said.
    pub(super) reason: String,
}

/// Keeps nothing: a restart forgets all.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoLog;

impl Log for NoLog {
    fn append(&mut self, _: &[&[u8]]) -> Result<(), LogError> {
        Ok(())
    }

    fn is_broken(&self) -> bool {
        false
    }

    fn repair(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn bytes_since_checkpoint(&self) -> u64 {
        0
    }

    fn checkpoint(&mut self, _: &mut dyn Iterator<Item = Vec<u8>>) -> Result<(), LogError> {
        Ok(())
    }
}
