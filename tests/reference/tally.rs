//! What a run of the test came across: a test whose worlds never do a thing proves nothing of it.

use std::collections::BTreeMap;

/// How often each thing happened.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// The things of this list that happened less often.
    pub(crate) fn below(&self, least: u64, list: &[&str]) -> Vec<String> {
        let counts = list.iter().map(|what| (what, self.0.get(*what).copied().unwrap_or(0)));
        let rare = counts.filter(|(_, count)| *count < least);
        rare.map(|(what, count)| format!("{what}: {count}")).collect()
    }
}
