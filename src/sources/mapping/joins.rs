//! Tables by which one value is found by another: the SKU of a row number, the code of a type.

use std::collections::BTreeMap;

use super::{plan::Mapping, rows::Bound};
use crate::{
    model::{
        limits::{JOIN_BYTES_MAX, JOIN_ENTRY_BYTES},
        record::RecordSink,
        text::shown,
    },
    sources::{SourceError, files::Tree, sample::Sample},
};

/// Values by their keys, for each join of a mapping.
#[derive(Debug)]
pub(super) struct Joins(Vec<BTreeMap<String, String>>);

impl Joins {
    /// No values at all: what joins themselves are read with.
    pub(super) const NONE: Self = Self(Vec::new());

    /// Reads the files of every join. The first value of a key counts.
    pub(super) fn read(
        mapping: &Mapping,
        tree: &Tree,
        sink: &mut dyn RecordSink,
    ) -> Result<Self, SourceError> {
        let mut joins = Vec::new();
        let mut size_bytes = 0;
        for join in &mapping.joins {
            let mut values = BTreeMap::new();
            for file in tree.files.iter().filter(|file| join.table.file.names(file)) {
                let id = file.announce(sink);
                let mut table = super::rows::open(&join.table, &Sample::new(file), None, id, sink)?;
                let Some(bound) = Bound::bind(mapping, &join.table, &mut table)? else { continue };
                while table.advance()? {
                    let mut row = table.row();
                    let [key, value] = bound.pair(&mut row, &join.table);
                    if key.is_empty() || value.is_empty() {
                        continue;
                    }
                    if values.contains_key(&key) {
                        let text = format!(
                            "expected each key of the join `{}` once, found `{}` again; the first \
                             counts",
                            join.name,
                            shown(&key)
                        );
                        bound.find(&mut row, &text);
                        continue;
                    }
                    size_bytes += key.len() + value.len() + JOIN_ENTRY_BYTES;
                    if size_bytes > JOIN_BYTES_MAX {
                        let message = format!(
                            "expected joins of at most {JOIN_BYTES_MAX} bytes, each entry counted \
                             with {JOIN_ENTRY_BYTES} more than its texts, found more"
                        );
                        return Err(mapping.error(join.table.at, message));
                    }
                    values.insert(key, value);
                }
            }
            joins.push(values);
        }
        Ok(Self(joins))
    }

    /// The value of a key.
    pub(super) fn find(&self, join: usize, key: &str) -> Option<&str> {
        self.0.get(join)?.get(key).map(String::as_str)
    }
}
