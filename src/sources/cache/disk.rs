//! Files of the cache: written beside their name, synced, given it, and the directory synced.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use super::CacheError;
use crate::model::limits::CACHE_FILE_BYTES_MAX;

/// What files of records are called.
pub(super) const RECORDS_EXTENSION: &str = "records";

/// What a compile writes before it has a name. Holds, which need no lock, use another word.
const TEMP_PREFIX: &str = "tmp-compile-";
const HOLD_TEMP_PREFIX: &str = "tmp-hold-";

/// Whose temporary files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    Compile,
    Hold,
}

pub(super) fn failed(step: &'static str, path: &Path) -> impl Fn(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Io { path: path.clone(), step, source }
}

/// A file without a name yet; it goes away unless it gets one.
pub(super) fn temp(dir: &Path, writer: Writer) -> Result<NamedTempFile, CacheError> {
    fs::create_dir_all(dir).map_err(failed("make", dir))?;
    let prefix = match writer {
        Writer::Compile => TEMP_PREFIX,
        Writer::Hold => HOLD_TEMP_PREFIX,
    };
    // Who may read the store may read this, too; the umask takes away what it takes from all.
    let everyone = Permissions::from_mode(0o666);
    let file = tempfile::Builder::new().prefix(prefix).permissions(everyone).tempfile_in(dir);
    file.map_err(failed("write to", dir))
}

/// Brings a file to the disk and gives it its name.
pub(super) fn put(file: NamedTempFile, path: &Path) -> Result<(), CacheError> {
    file.as_file().sync_all().map_err(failed("sync", path))?;
    file.persist(path).map_err(|error| failed("name", path)(error.error))?;
    sync_dir(path)
}

/// Writes a small file whole, in place of the one that may be there.
pub(super) fn write_json(
    path: &Path,
    writer: Writer,
    value: &impl Serialize,
) -> Result<(), CacheError> {
    let dir = path.parent().unwrap_or(path);
    let mut file = temp(dir, writer)?;
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| failed("write", path)(error.into()))?;
    text.push(b'\n');
    file.write_all(&text).map_err(failed("write", path))?;
    put(file, path)
}

/// Reads a small file, if it is there.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CacheError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let limit = u64::try_from(CACHE_FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    let bad = |found| CacheError::BadFile { path: path.to_owned(), found };
    if bytes.len() > CACHE_FILE_BYTES_MAX {
        return Err(bad("more bytes".to_owned()));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| bad(error.to_string()))
}

/// Takes a file away, and its name from the disk.
pub(super) fn remove(path: &Path) -> Result<(), CacheError> {
    fs::remove_file(path).map_err(failed("remove", path))?;
    sync_dir(path)
}

/// Takes away every file of records that is none of these. One that cannot be taken away now is
/// taken the next time.
pub(super) fn keep_only(dir: &Path, kept: &[String]) {
    for_each(dir, |name| {
        let stem = name.strip_suffix(RECORDS_EXTENSION).and_then(|stem| stem.strip_suffix('.'));
        stem.is_some_and(|stem| !kept.iter().any(|hash| hash == stem))
    });
}

/// Takes away what a compile left that died.
pub(super) fn sweep(dir: &Path) {
    for_each(dir, |name| name.starts_with(TEMP_PREFIX));
}

/// Takes away the files of which `is_stale` is true.
fn for_each(dir: &Path, is_stale: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(&is_stale) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn sync_dir(path: &Path) -> Result<(), CacheError> {
    let dir = path.parent().unwrap_or(path);
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}

#[cfg(test)]
mod tests {
    use tempfile::TempPath;

    use super::*;

    /// The null device and `/proc` are opened like others, and refuse a sync.
    #[test]
    fn a_file_of_the_cache_has_its_name_only_when_the_system_has_synced_it() {
        let dir = tempfile::tempdir().unwrap();
        let (temp, path) = (dir.path().join("tmp"), dir.path().join("entry.json"));
        drop(File::create(&temp).unwrap());
        let null = File::options().write(true).open("/dev/null").unwrap();
        let file = NamedTempFile::from_parts(null, TempPath::try_from_path(temp).unwrap());
        let error = put(file, &path).unwrap_err();
        assert!(matches!(error, CacheError::Io { step: "sync", .. }), "{error}");
        assert!(!path.exists());
        let error = sync_dir(Path::new("/proc/version")).unwrap_err();
        assert!(matches!(error, CacheError::Io { step: "sync", .. }), "{error}");
    }
}
