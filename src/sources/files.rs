//! Which files lie below a `--from` path, in an order that does not depend on the file system.
//!
//! The path `-` is the standard input: it is kept in a temporary file, so that it can be looked into
//! before it is read, and read twice like any other file.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use tempfile::TempPath;

use super::{
    Encoding, SourceError, catalog_toml,
    input::{Input, open_regular},
    parquet::ParquetRows,
    unpack::without_suffix,
};
use crate::model::{
    config::{OVERRIDES_FILE_NAME, POLICY_FILE_NAME},
    finding::FindingCode,
    limits::{SOURCE_FILES_MAX, STDIN_BYTES_MAX},
    record::{FileId, FileInfo, Location, RecordSink},
};

/// A file below a `--from` path.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// The path below the `--from` path, with `/`.
    pub(crate) name: String,
    /// What it is called in errors.
    pub(crate) path: PathBuf,
    encoding: Encoding,
    /// The temporary file that holds the standard input, for as long as anyone reads it.
    kept: Option<Arc<TempPath>>,
}

/// What a file's name says that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Cells between delimiters.
    Table,
    /// JSON.
    Json,
    /// Parquet.
    Parquet,
}

/// How deep a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The directory itself.
    One,
    /// The directories in it too.
    Every,
}

/// What lies at a `--from` path, listed once, by name.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// The `--from` path.
    pub(crate) root: PathBuf,
    /// Its files; directories that were not entered stand among them.
    pub(crate) files: Vec<SourceFile>,
    /// What joins the items of a list in its cells, where that is not as the format has it.
    pub(crate) separator: Option<char>,
}

/// What lies beside the tables and is read by others.
const NO_TABLES: [&str; 3] = [catalog_toml::FILE_NAME, POLICY_FILE_NAME, OVERRIDES_FILE_NAME];

impl Tree {
    /// Lists the path: a file, a directory, or `-` for the standard input.
    pub(crate) fn open(path: &Path, depth: Depth, encoding: Encoding) -> Result<Self, SourceError> {
        let root = path.to_owned();
        if path == Path::new("-") {
            let kept = Some(Arc::new(keep(&mut io::stdin().lock(), STDIN_BYTES_MAX)?));
            let file = SourceFile { name: "-".to_owned(), path: root.clone(), encoding, kept };
            return Ok(Self { root, files: vec![file], separator: None });
        }
        let metadata = fs::metadata(path).map_err(|error| SourceError::io(path, error))?;
        let files = if metadata.is_dir() {
            list(path, depth, encoding, SOURCE_FILES_MAX)?
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            vec![SourceFile { name, path: root.clone(), encoding, kept: None }]
        };
        Ok(Self { root, files, separator: None })
    }

    /// The same path with these files of it.
    pub(crate) fn with(&self, files: Vec<SourceFile>) -> Self {
        Self { root: self.root.clone(), files, separator: self.separator }
    }
}

impl SourceFile {
    /// Opens the file: unpacked, in UTF-8.
    pub(crate) fn open(&self) -> Result<Input, SourceError> {
        Input::open(&self.path, self.place(), self.encoding)
    }

    /// Opens the file as Parquet.
    pub(crate) fn open_parquet(&self) -> Result<ParquetRows, SourceError> {
        ParquetRows::open(&self.path, open_regular(&self.path, self.place())?)
    }

    /// Is it the standard input, which has no name that says anything?
    pub(crate) fn is_stdin(&self) -> bool {
        self.kept.is_some()
    }

    /// The name without directories, packing and extension: `products` of `a/products.csv.gz`.
    pub(crate) fn stem(&self) -> &str {
        self.parts().0
    }

    /// The extension without that of a packing, empty if there is none.
    pub(crate) fn extension(&self) -> &str {
        self.parts().1
    }

    /// What its name says that it holds. A hidden file is someone's notes about another one.
    pub(crate) fn named(&self) -> Option<Named> {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        match self.extension().to_ascii_lowercase().as_str() {
            _ if name.starts_with('.') => None,
            "csv" | "tsv" | "tab" | "txt" => Some(Named::Table),
            "json" | "jsonl" | "ndjson" => Some(Named::Json),
            "parquet" => Some(Named::Parquet),
            _ => None,
        }
    }

    /// Tells the sink that records or findings of this file follow.
    pub(crate) fn announce(&self, sink: &mut dyn RecordSink) -> FileId {
        let modified = fs::metadata(self.place()).and_then(|metadata| metadata.modified()).ok();
        let since_1970 = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified_s = since_1970.and_then(|age| i64::try_from(age.as_secs()).ok());
        sink.open_file(FileInfo { name: self.name.clone(), modified_s })
    }

    /// Reports that nothing is read from the file.
    pub(crate) fn ignore(&self, sink: &mut dyn RecordSink, message: &str) {
        let file = self.announce(sink);
        sink.finding(FindingCode::IgnoredFile, Location { file, line: 1 }, "", message);
    }

    fn place(&self) -> &Path {
        self.kept.as_ref().map_or(self.path.as_path(), |kept| kept)
    }

    fn parts(&self) -> (&str, &str) {
        let name = self.name.rsplit_once('/').map_or(self.name.as_str(), |(_, name)| name);
        let name = without_suffix(name);
        match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, extension),
            _ => (name, ""),
        }
    }
}

/// Everything in a directory but what is read by others, by name. Links to directories are followed;
/// what was entered already, by whatever way, is not entered again and stands in the list, so no walk is
/// endless.
fn list(
    root: &Path,
    depth: Depth,
    encoding: Encoding,
    count_max: usize,
) -> Result<Vec<SourceFile>, SourceError> {
    let mut files = Vec::new();
    let mut open = vec![(String::new(), root.to_owned())];
    let mut entered = BTreeSet::from([real(root)?]);
    while let Some((prefix, directory)) = open.pop() {
        let failed = |error| SourceError::io(&directory, error);
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let path = entry.path();
            if depth == Depth::Every && path.is_dir() && entered.insert(real(&path)?) {
                open.push((format!("{name}/"), path));
            } else if !NO_TABLES.contains(&name.as_str()) {
                files.push(SourceFile { name, path, encoding, kept: None });
            }
            if files.len() + open.len() > count_max {
                return Err(SourceError::TooManyFiles { path: root.to_owned() });
            }
        }
    }
    files.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(files)
}

/// The path without links.
fn real(path: &Path) -> Result<PathBuf, SourceError> {
    fs::canonicalize(path).map_err(|error| SourceError::io(path, error))
}

/// Copies a stream to a temporary file, which goes away with its path.
fn keep(stream: &mut dyn Read, len_max: u64) -> Result<TempPath, SourceError> {
    let failed = |error| SourceError::io("-", error);
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    let len = io::copy(&mut stream.take(len_max.saturating_add(1)), &mut file).map_err(failed)?;
    if len > len_max {
        return Err(SourceError::StdinTooLong);
    }
    Ok(file.into_temp_path())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Depth, Encoding, SourceError, SourceFile, keep, list};

    #[test]
    fn files_up_to_the_limit_are_listed_and_more_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/1", "b/c/2", "a"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path).unwrap();
        }
        let names = |count_max: usize| {
            let files = list(dir.path(), Depth::Every, Encoding::Utf8, count_max)?;
            Ok(files.into_iter().map(|file| file.name).collect::<Vec<_>>())
        };
        assert_eq!(names(4).unwrap(), ["a", "b/1", "b/c/2"]);
        assert_eq!(names(3).unwrap(), ["a", "b/1", "b/c/2"]);
        let error: SourceError = names(2).unwrap_err();
        assert!(matches!(error, SourceError::TooManyFiles { .. }), "{error:?}");
    }

    #[test]
    fn the_standard_input_is_kept_up_to_its_limit() {
        let kept = keep(&mut b"abc".as_slice(), 3).unwrap();
        assert_eq!(fs::read(&kept).unwrap(), b"abc");
        let error = keep(&mut b"abc".as_slice(), 2).unwrap_err();
        assert!(matches!(error, SourceError::StdinTooLong), "{error:?}");
    }

    #[test]
    fn names_are_taken_apart_without_their_packing() {
        let check = |name: &str, stem: &str, extension: &str| {
            let (path, encoding) = (name.into(), Encoding::Utf8);
            let file = SourceFile { name: name.to_owned(), path, encoding, kept: None };
            assert_eq!((file.stem(), file.extension()), (stem, extension), "{name}");
        };
        check("products.csv", "products", "csv");
        check("a.b/products.csv.gz", "products", "csv");
        check("products.2024.csv.zst", "products.2024", "csv");
        check("products", "products", "");
        check(".csv", ".csv", "");
    }
}
