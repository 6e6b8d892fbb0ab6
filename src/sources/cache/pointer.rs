//! Which records of a source were the last good ones, and which were so before.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    CacheError, SourceCache,
    disk::{self, Writer},
};
use crate::{
    model::{config::Mode, limits::CACHE_CATALOGS_MAX},
    sources::records::RecordsHash,
};

/// The entries of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// What the newest publish took.
    pub current: Entry,
    /// What publishes took before `current`.
    pub previous: Option<Entry>,
}

/// What a source said at some publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Names the file of the records.
    pub records: RecordsHash,
    /// How many records it holds.
    pub record_count: u64,
    /// Of the files it was read from; `None` if they might have changed unseen, and are read again.
    pub fingerprint: Option<String>,
    /// How the input met what was kept before.
    pub mode: ModeWord,
    /// When it was read, in RFC 3339.
    pub read_at: String,
    /// What it was read from.
    pub inputs: Vec<KeptInput>,
    /// Hashes of the catalogs that were made of it, the newest last.
    pub catalogs: Vec<String>,
}

/// A format and a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptInput {
    /// The format's name.
    pub format: String,
    /// The path, absolute if that could be found out.
    pub path: PathBuf,
}

/// A mode as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModeWord(pub Mode);

impl TryFrom<String> for ModeWord {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let mode = Mode::from_code(&word).map(Self);
        mode.ok_or_else(|| format!("expected a mode, found {word:?}"))
    }
}

impl From<ModeWord> for String {
    fn from(word: ModeWord) -> Self {
        word.0.code().to_owned()
    }
}

impl Pointer {
    /// The entry of which this catalog, the newest of the store, was made. A catalog that knows
    /// neither was made without this cache: then the current one.
    #[must_use]
    pub fn last_good(&self, catalog: Option<&str>) -> &Entry {
        let made = |entry: &&Entry| {
            catalog.is_some_and(|catalog| entry.catalogs.iter().any(|known| known == catalog))
        };
        let current = Some(&self.current).filter(made);
        current.or_else(|| self.previous.as_ref().filter(made)).unwrap_or(&self.current)
    }

    /// The entries after a publish of `catalog` that took `entry`.
    pub(super) fn after(before: Option<Self>, entry: Entry, catalog: &str) -> Self {
        let mut pointer = match before {
            None => Self { current: entry, previous: None },
            Some(before) if before.current.records == entry.records => {
                let catalogs = before.current.catalogs;
                Self { current: Entry { catalogs, ..entry }, previous: before.previous }
            }
            Some(before) => Self { current: entry, previous: Some(before.current) },
        };
        let catalogs = &mut pointer.current.catalogs;
        catalogs.retain(|known| known != catalog);
        catalogs.push(catalog.to_owned());
        let surplus = catalogs.len().saturating_sub(CACHE_CATALOGS_MAX);
        catalogs.drain(..surplus);
        pointer
    }
}

impl SourceCache {
    /// The entries, if something was published with this source.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn pointer(&self) -> Result<Option<Pointer>, CacheError> {
        disk::read_json(&self.pointer_path())
    }

    /// Points to what a publish took, and takes away what is older than the entry before.
    pub(super) fn point(&self, pointer: &Pointer) -> Result<(), CacheError> {
        disk::write_json(&self.pointer_path(), Writer::Compile, pointer)?;
        let entries = [Some(&pointer.current), pointer.previous.as_ref()];
        let kept = entries.into_iter().flatten().map(|entry| entry.records.to_string());
        disk::keep_only(&self.dir, &kept.collect::<Vec<_>>());
        Ok(())
    }

    fn pointer_path(&self) -> PathBuf {
        self.dir.join("pointer.json")
    }
}
