//! Which format a file is of, by its own beginning.

use std::{collections::BTreeSet, path::Path};

use super::{
    Encoding, FORMATS, Fit, Format, SourceError,
    files::{Depth, SourceFile, Tree},
    sample::Sample,
};
use crate::model::record::RecordSink;

/// What one format reads of a path.
#[derive(Clone, Debug)]
pub struct Part {
    format: &'static Format,
    tree: Tree,
    /// Files that no format knows.
    unknown: Vec<SourceFile>,
}

impl Part {
    /// The format.
    #[must_use]
    pub fn format(&self) -> &'static Format {
        self.format
    }

    /// The path below which its files lie.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.tree.root
    }

    /// Says that another separator joins the items of a list in cells than the one that the system
    /// writes unless told: Magento's multiple value separator.
    pub fn separate_by(&mut self, separator: char) {
        self.tree.separator = Some(separator);
    }

    /// Its files, and those that are reported with them.
    pub(super) fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.tree.files.iter().chain(&self.unknown)
    }

    /// The names of its files below the path.
    pub(super) fn names(&self) -> Vec<String> {
        self.tree.files.iter().map(|file| file.name.clone()).collect()
    }

    /// Reads its files into the sink.
    ///
    /// # Errors
    /// As [`Format::read`].
    pub fn read(&self, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
        for file in &self.unknown {
            let seen = Sample::new(file).seen();
            file.ignore(sink, &format!("expected a file of a known format, found {seen}"));
        }
        (self.format.read)(&self.tree, sink)
    }
}

/// Finds the format of each file at `path`: a file, a directory with all below it, or `-`. One part
/// for each format, by name; files that no format knows are reported when the first part is read.
///
/// # Errors
/// If the path cannot be listed, if no format knows any file of it, if two know one equally well, and
/// if a file that is named like a table or JSON is empty, damaged or something else.
pub fn detect(path: &Path, encoding: Encoding) -> Result<Vec<Part>, SourceError> {
    detect_others(path, encoding, &BTreeSet::new())
}

/// The same but for files of these names, which are not looked into.
///
/// # Errors
/// As [`detect`].
pub fn detect_others(
    path: &Path,
    encoding: Encoding,
    known: &BTreeSet<String>,
) -> Result<Vec<Part>, SourceError> {
    let mut tree = Tree::open(path, Depth::Every, encoding)?;
    tree.files.retain(|file| !known.contains(&file.name));
    let mut parts: Vec<(&'static Format, Vec<SourceFile>)> = Vec::new();
    let mut unknown = Vec::new();
    for file in &tree.files {
        let sample = Sample::new(file);
        let Some(format) = format_of(&sample)? else {
            // What a broken table holds is not nothing.
            if let Some(fault) = sample.fault() {
                return Err(fault);
            }
            unknown.push(file.clone());
            continue;
        };
        match parts.iter_mut().find(|(known, _)| known.name == format.name) {
            Some((_, files)) => files.push(file.clone()),
            None => parts.push((format, vec![file.clone()])),
        }
    }
    if parts.is_empty() {
        return Err(unrecognized(&tree));
    }
    parts.sort_by_key(|(format, _)| format.name);
    let part = |(format, files)| {
        let unknown = std::mem::take(&mut unknown);
        Part { format, tree: tree.with(files), unknown }
    };
    Ok(parts.into_iter().map(part).collect())
}

/// What lies at a path, for the format that was named.
pub(super) fn named(
    format: &'static Format,
    path: &Path,
    encoding: Encoding,
) -> Result<Part, SourceError> {
    let tree = Tree::open(path, format.depth, encoding)?;
    let mut other = None;
    for file in &tree.files {
        let sample = Sample::new(file);
        if (format.recognizes)(&sample) != Fit::No {
            other = None;
            break;
        }
        let sure = |other: &&Format| (other.recognizes)(&sample) == Fit::Sure;
        if let (None, Some(found)) = (&other, FORMATS.iter().find(sure)) {
            let (path, found, seen) = (file.path.clone(), found.name, sample.seen());
            other = Some((path, found, seen));
        }
    }
    match other {
        Some((path, other, found)) => {
            Err(SourceError::OtherFormat { path, expected: format.name, found, other })
        }
        None => Ok(Part { format, tree, unknown: Vec::new() }),
    }
}

/// The format that knows a file best.
fn format_of(sample: &Sample<'_>) -> Result<Option<&'static Format>, SourceError> {
    let fits = FORMATS.iter().map(|format| ((format.recognizes)(sample), format));
    let fits: Vec<(Fit, &Format)> = fits.filter(|(fit, _)| *fit != Fit::No).collect();
    let Some(best) = fits.iter().map(|(fit, _)| *fit).max() else { return Ok(None) };
    let mut equal = fits.iter().filter(|(fit, _)| *fit == best).map(|(_, format)| *format);
    match (equal.next(), equal.next()) {
        (Some(first), Some(second)) => Err(SourceError::Ambiguous {
            path: sample.file().path.clone(),
            found: sample.seen(),
            formats: format!("{} or {}", first.name, second.name),
        }),
        (first, _) => Ok(first),
    }
}

fn unrecognized(tree: &Tree) -> SourceError {
    let is_path = |file: &SourceFile| file.path == tree.root;
    let found = match tree.files.as_slice() {
        [] => "an empty directory".to_owned(),
        [file] if is_path(file) => Sample::new(file).seen(),
        [first, ..] => {
            let (count, seen) = (tree.files.len(), Sample::new(first).seen());
            format!("{count} files that none knows, the first of them `{}`: {seen}", first.name)
        }
    };
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    SourceError::Unrecognized { path: tree.root.clone(), found, known: names.join(", ") }
}
