//! Which files lie below a path, in an order that does not depend on the file system.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::{SourceError, catalog_toml};
use crate::model::{
    config::{OVERRIDES_FILE_NAME, POLICY_FILE_NAME},
    finding::FindingCode,
    record::{FileId, FileInfo, Location, RecordSink},
};

/// A file below a `--from` path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceFile {
    /// The path below the `--from` path, with `/`.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// How deep a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The directory itself.
    One,
    /// The directories in it too.
    Every,
}

impl SourceFile {
    /// The file at a `--from` path itself.
    pub(crate) fn single(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self { name: name.to_string_lossy().into_owned(), path: path.to_owned() }
    }

    /// The name without directories and extension.
    pub(crate) fn stem(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// The extension, empty if there is none.
    pub(crate) fn extension(&self) -> &str {
        self.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
    }

    /// Tells the sink that records or findings of this file follow.
    pub(crate) fn announce(&self, sink: &mut dyn RecordSink) -> FileId {
        let modified = fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok();
        let since_1970 = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified_s = since_1970.and_then(|age| i64::try_from(age.as_secs()).ok());
        sink.open_file(FileInfo { name: self.name.clone(), modified_s })
    }

    /// Reports that nothing is read from the file.
    pub(crate) fn ignore(&self, sink: &mut dyn RecordSink, message: &str) {
        let file = self.announce(sink);
        sink.finding(FindingCode::IgnoredFile, Location { file, line: 1 }, "", message);
    }
}

/// What lies beside the tables and is read by others.
const NO_TABLES: [&str; 3] = [catalog_toml::FILE_NAME, POLICY_FILE_NAME, OVERRIDES_FILE_NAME];

/// Everything in a directory but what is read by others, by name. Directories that
/// are not entered stand in the list; links to directories are never entered, so no walk is endless.
pub(crate) fn list(root: &Path, depth: Depth) -> Result<Vec<SourceFile>, SourceError> {
    let mut files = Vec::new();
    let mut open = vec![SourceFile { name: String::new(), path: root.to_owned() }];
    while let Some(directory) = open.pop() {
        let failed = |error| SourceError::io(&directory.path, error);
        for entry in fs::read_dir(&directory.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_directory = entry.file_type().map_err(failed)?.is_dir();
            let name = entry.file_name();
            let name = format!("{}{}", directory.name, name.to_string_lossy());
            let path = entry.path();
            if is_directory && depth == Depth::Every {
                open.push(SourceFile { name: format!("{name}/"), path });
            } else if !NO_TABLES.contains(&name.as_str()) {
                files.push(SourceFile { name, path });
            }
        }
    }
    files.sort();
    Ok(files)
}
