//! What each source said last, kept in a directory: so that a source that did not change is not read
//! again, one that speaks of a part only is completed, and one that went wrong is taken as it was.
//!
//! ```text
//! DIR/lock                        held by the compile that uses the cache
//! DIR/sources/NAME/pointer.json   the entries that were published, with their catalogs
//! DIR/sources/NAME/pending.json   an entry that waits for a publish
//! DIR/sources/NAME/whole.json     an entry of mode `full` during its publish
//! DIR/sources/NAME/HASH.records   the records of an entry, named by hash; never changed
//! DIR/sources/NAME/hold.json      while the source is held
//! ```
//!
//! An entry counts as good only after its records went into a publish that succeeded; what a source
//! said on a night that was not published waits (`pending.rs` tells why and how). A cache serves one
//! store. What a source said is **last good** if the newest catalog that the store names, by a publish
//! or a rollback, was made of it: after a rollback that is an entry before the current one, and if no
//! entry is kept of which it was made, the cache says so and takes no other. [`Cache::take`] is the
//! whole of it.

mod disk;
mod error;
mod fingerprint;
mod hold;
mod pending;
mod pointer;
mod take;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

pub use error::CacheError;
pub use fingerprint::{FileMark, marks};
pub use hold::{FoundAt, Hold};
pub use pending::{Known, Pending};
pub use pointer::{Entry, KeptInput, Lineage, ModeWord, Pointer};
pub use take::{SourceInput, State, Taken, Wanted};

use crate::model::limits::SOURCE_NAME_BYTES_MAX;

/// A directory of kept sources.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: PathBuf,
}

/// What is kept of one source.
#[derive(Clone, Debug)]
pub struct SourceCache {
    name: String,
    dir: PathBuf,
}

/// No other compile uses the cache while this lives.
#[derive(Debug)]
pub struct CacheLock {
    _file: File,
}

impl Cache {
    /// Below its directory: what is kept, a directory for each source.
    pub(crate) const SOURCES_DIR: &str = "sources";
    /// Below its directory: the file that is locked.
    pub(crate) const LOCK_FILE: &str = "lock";

    /// The cache in this directory, which is made if it is absent.
    ///
    /// # Errors
    /// The directory can be neither found nor made.
    pub fn open(dir: &Path) -> Result<Self, CacheError> {
        let sources = dir.join(Self::SOURCES_DIR);
        fs::create_dir_all(&sources).map_err(disk::failed("make", &sources))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Keeps other compiles away, and takes away what one left that died.
    ///
    /// # Errors
    /// [`CacheError::InUse`], or the system refuses.
    pub fn lock(&self) -> Result<CacheLock, CacheError> {
        let path = self.dir.join(Self::LOCK_FILE);
        let mut options = File::options();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(disk::failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CacheError::InUse { path: self.dir.clone() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(disk::failed("lock", &path)(source));
            }
        }
        for source in self.sources()? {
            disk::sweep(&source.dir);
        }
        Ok(CacheLock { _file: file })
    }

    /// What is kept of the source of this name.
    ///
    /// # Errors
    /// The name cannot be that of a kept source.
    pub fn source(&self, name: &str) -> Result<SourceCache, CacheError> {
        if name.is_empty() || name.len() > SOURCE_NAME_BYTES_MAX {
            return Err(CacheError::BadName { name: name.to_owned() });
        }
        let dir = self.dir.join(Self::SOURCES_DIR).join(file_name(name));
        Ok(SourceCache { name: name.to_owned(), dir })
    }

    /// Every source of which something is kept, by name.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn sources(&self) -> Result<Vec<SourceCache>, CacheError> {
        let dir = self.dir.join(Self::SOURCES_DIR);
        let mut sources = Vec::new();
        for entry in fs::read_dir(&dir).map_err(disk::failed("list", &dir))? {
            let entry = entry.map_err(disk::failed("list", &dir))?;
            if let Some(name) = entry.file_name().to_str().and_then(name_of) {
                sources.push(SourceCache { name, dir: entry.path() });
            }
        }
        sources.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(sources)
    }
}

impl SourceCache {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn records_path(&self, entry: &Entry) -> PathBuf {
        self.dir.join(format!("{}.{}", entry.records, disk::RECORDS_EXTENSION))
    }
}

/// The name of a source as that of a directory: letters, digits, `-` and `_` as they are, each other
/// byte as `%` and two digits. So no two names share one, and none leads elsewhere.
fn file_name(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    name.bytes().map(byte).collect()
}

/// The name of the source whose directory this is.
fn name_of(file: &str) -> Option<String> {
    let mut name = Vec::new();
    let mut bytes = file.bytes();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let byte = match byte {
            b'%' => u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?,
            byte => byte,
        };
        name.push(byte);
    }
    String::from_utf8(name).ok().filter(|name| file_name(name) == file)
}
