//! Which records of a source went into which catalogs, and so which of them are good.

use std::{
    fmt,
    path::{self, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    CacheError, SourceCache,
    disk::{self, Writer},
};
use crate::{
    model::{
        config::Mode,
        limits::{CACHE_CATALOGS_MAX, CACHE_ENTRIES_MAX},
    },
    sources::records::RecordsHash,
};

/// The store that a cache serves, as far as a source must know it.
pub trait Lineage: fmt::Debug {
    /// Hashes of catalogs, the newest of the store first; then those that were live before it. What
    /// a rollback left is not among them.
    fn catalogs(&self) -> Box<dyn Iterator<Item = String> + '_>;

    /// How many times the store was written to.
    fn writes(&self) -> u64;

    /// Was this catalog published by a write beyond so many, whatever became of it?
    fn was_published(&self, catalog: &str, after: u64) -> bool;
}

/// The entries of a source. No two of them have the same records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// What the newest publish took.
    pub current: Entry,
    /// What publishes took before, the newest last; with `current` at most [`CACHE_ENTRIES_MAX`].
    pub earlier: Vec<Entry>,
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
    /// The names of its files below the path, if those themselves told the format: a source that is
    /// held is known by them, and none of them is opened.
    pub files: Option<Vec<String>>,
}

impl KeptInput {
    fn names_files(&self) -> bool {
        self.files.as_ref().is_some_and(|files| !files.is_empty())
    }

    fn forget_files(&mut self) {
        self.files = self.files.take().map(|_| Vec::new());
    }
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
    /// The entry of which the newest catalog of the store was made. A catalog that was made without
    /// this source tells nothing: then that of the one that was live before it, and so on. None, if
    /// no catalog of the store was made of what is kept; anything else would be a guess. A store
    /// that holds nothing yet has rolled nothing back: then the current one.
    #[must_use]
    pub fn last_good(&self, store: &dyn Lineage) -> Option<&Entry> {
        let mut catalogs = store.catalogs().peekable();
        if catalogs.peek().is_none() {
            return Some(&self.current);
        }
        catalogs.find_map(|catalog| self.made(&catalog))
    }

    /// Every entry, the newest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        [&self.current].into_iter().chain(self.earlier.iter().rev())
    }

    /// The entry of which a catalog was made.
    fn made(&self, catalog: &str) -> Option<&Entry> {
        self.entries().find(|entry| entry.catalogs.iter().any(|known| known == catalog))
    }

    /// The entries after a publish of `catalog` that took `entry`.
    pub(super) fn after(before: Option<Self>, entry: Entry, catalog: &str) -> Self {
        let mut earlier = Vec::new();
        if let Some(mut before) = before {
            earlier = before.earlier;
            if entry.inputs.iter().any(KeptInput::names_files) {
                // The newest names are those that count, and they may be many.
                before.current.inputs.iter_mut().for_each(KeptInput::forget_files);
            }
            earlier.push(before.current);
        }
        // What it was part of before is known still, wherever it stood.
        let same = earlier.iter().position(|known| known.records == entry.records);
        let catalogs = same.map(|at| earlier.remove(at).catalogs).unwrap_or_default();
        let mut pointer = Self { current: Entry { catalogs, ..entry }, earlier };
        // A catalog is made of one entry.
        let entries = pointer.earlier.iter_mut().chain([&mut pointer.current]);
        entries.for_each(|entry| entry.catalogs.retain(|known| known != catalog));
        let earlier = &mut pointer.earlier;
        let mut surplus = (earlier.len() + 1).saturating_sub(CACHE_ENTRIES_MAX);
        // First those that no catalog leads back to: their files were only touched afterwards.
        earlier.retain(|entry| {
            let goes = surplus > 0 && entry.catalogs.is_empty();
            surplus -= usize::from(goes);
            !goes
        });
        earlier.drain(..surplus);
        let catalogs = &mut pointer.current.catalogs;
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

    /// Says that `catalog` counts as made of the entry whose records' hash begins so: for an operator
    /// who knows what the cache does not.
    ///
    /// # Errors
    /// No entry, or more than one, has such a hash; or the system refuses.
    pub fn use_entry(&self, prefix: &str, catalog: &str) -> Result<Entry, CacheError> {
        let pointer = self.pointer()?.ok_or_else(|| self.nothing_kept())?;
        let is_meant = |entry: &&Entry| entry.records.to_string().starts_with(prefix);
        let found = pointer.entries().filter(is_meant).cloned().collect::<Vec<_>>();
        let [entry] = found.as_slice() else {
            let known = pointer.entries().map(|entry| entry.records.to_string());
            return Err(CacheError::NoSuchEntry {
                name: self.name.clone(),
                prefix: prefix.to_owned(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        };
        self.point(&Pointer::after(Some(pointer), entry.clone(), catalog))?;
        self.clean()?;
        Ok(entry.clone())
    }

    /// Points to what a publish took.
    pub(super) fn point(&self, pointer: &Pointer) -> Result<(), CacheError> {
        disk::write_json(&self.pointer_path(), Writer::Compile, pointer)
    }

    fn pointer_path(&self) -> PathBuf {
        self.dir.join("pointer.json")
    }
}

/// A path as it is kept: absolute, and in UTF-8, as JSON knows nothing else. One of other bytes is found
/// no more, and nothing else is lost.
pub(super) fn kept_path(path: &Path) -> PathBuf {
    let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned().into()
}
