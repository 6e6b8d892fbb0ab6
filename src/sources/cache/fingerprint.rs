//! Did the files of a source change? Asked of the file system, without opening one.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::SourceInput;
use crate::{
    model::config::{CatalogConfig, Mode},
    sources::{
        Encoding, SourceError,
        files::{Depth, Tree},
        mapping, records,
    },
};

/// Two writes within so long may leave the same time of change: one tick of the coarsest clock that
/// Linux stamps files with.
const TICK: Duration = Duration::from_millis(10);

/// The path that means standard input, which nobody can look at twice.
const STDIN: &str = "-";

/// Tells whether another content stands under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMark {
    /// The path below the input's.
    pub name: String,
    len: u64,
    modified: Option<Duration>,
    /// Of the inode: nobody can set it, so a copy that keeps the time of its original shows here.
    changed: (i64, i64),
    inode: (u64, u64),
}

impl FileMark {
    /// Seconds and nanoseconds of the last change of the inode.
    #[cfg(test)]
    pub(super) fn changed(&self) -> (i64, i64) {
        self.changed
    }

    /// May another write since leave the same marks?
    fn is_fresh(&self, now: Duration) -> bool {
        let seconds = u64::try_from(self.changed.0).unwrap_or(0);
        let nanos = u32::try_from(self.changed.1).unwrap_or(0);
        let changed = Duration::from_secs(seconds) + Duration::from_nanos(nanos.into());
        self.modified.is_some_and(|at| at.max(changed) + TICK >= now)
    }
}

/// The marks of every file at or below a path, by name. A file that cannot be looked at has a mark
/// of its own, too: the importer decides what it is worth.
///
/// # Errors
/// Nothing is at the path, or a directory cannot be listed.
pub fn marks(path: &Path) -> Result<Vec<FileMark>, SourceError> {
    let metadata = fs::metadata(path).map_err(|error| SourceError::io(path, error))?;
    if !metadata.is_dir() {
        return Ok(vec![mark(String::new(), path)]);
    }
    let tree = Tree::open(path, Depth::Every, Encoding::Utf8)?;
    Ok(tree.files.into_iter().map(|file| mark(file.name, &file.path)).collect())
}

fn mark(name: String, path: &Path) -> FileMark {
    let metadata = fs::metadata(path).ok();
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
    FileMark {
        name,
        len: metadata.as_ref().map_or(u64::MAX, fs::Metadata::len),
        modified: modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()),
        changed: metadata.as_ref().map_or((0, 0), |one| (one.ctime(), one.ctime_nsec())),
        inode: metadata.map_or((0, 0), |metadata| (metadata.dev(), metadata.ino())),
    }
}

/// The fingerprint of a source's inputs and of what decides how they are read and merged. `None` if
/// a file was written so lately that another write might leave the same marks.
pub(super) fn fingerprint(
    inputs: &[SourceInput<'_>],
    config: &CatalogConfig,
    name: &str,
    default: Mode,
    now: SystemTime,
) -> Result<Option<String>, SourceError> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut text = format!("{} {}", env!("CARGO_PKG_VERSION"), records::VERSION);
    let declared = config.source(name).map(|declared| (declared.mode, &declared.type_modes));
    text.push_str(&format!("\n{:?} {default:?} {declared:?}", config.id_rule));
    text.push_str(&format!("\n{:?}", config.relation_types));
    let mut is_settled = true;
    for input in inputs {
        if input.path.as_os_str() == STDIN {
            return Ok(None);
        }
        let SourceInput { format, encoding, separator, .. } = input;
        text.push_str(&format!("\n{:?} {encoding:?} {separator:?}", format.name));
        if let Some(mapping) = mapping::beside_input(input.path).filter(|path| path.is_file()) {
            text.push_str(&format!("\n{:?}", mark(String::new(), &mapping)));
        }
        let marks = match input.part {
            Some(part) => part.files().map(|file| mark(file.name.clone(), &file.path)).collect(),
            None => marks(input.path)?,
        };
        for mark in marks {
            is_settled &= !mark.is_fresh(now);
            text.push_str(&format!("\n{mark:?}"));
        }
    }
    Ok(is_settled.then(|| blake3::hash(text.as_bytes()).to_string()))
}
