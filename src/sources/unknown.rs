//! Keys that a file holds and nobody reads, each reported once a file.

use std::collections::BTreeSet;

use crate::model::{
    finding::FindingCode,
    limits::COLUMNS_MAX,
    record::{Location, RecordSink},
    text::shown,
};

/// The keys of one file that were reported, as messages show them: at most [`COLUMNS_MAX`].
#[derive(Debug, Default)]
pub(crate) struct UnknownKeys(BTreeSet<String>);

impl UnknownKeys {
    /// Reports a key for what was expected instead of it, unless it was reported before.
    pub(crate) fn report(
        &mut self,
        sink: &mut dyn RecordSink,
        at: Location,
        key: &str,
        expected: impl FnOnce() -> String,
    ) {
        let key = shown(key);
        if self.0.len() < COLUMNS_MAX && !self.0.contains(&*key) {
            let message = format!("expected {}, found another key", expected());
            sink.finding(FindingCode::UnknownColumn, at, &key, &message);
            self.0.insert(key.into_owned());
        }
    }
}
