//! The beginning of a file, by which formats know their own.
//!
//! A sample never fails: a file that cannot be looked into has no columns and says why in
//! [`Sample::seen`]; [`Sample::fault`] is the error, if its name says that it is a table. Looking reads
//! a header or one item and no more.

use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::{
    SourceError,
    csv::CsvReader,
    files::{Named, SourceFile},
    input::{Input, Next},
    json::JsonReader,
};
use crate::model::{
    finding::FindingCode,
    record::{FileId, FileInfo, Location, Record, RecordSink},
    text::shown,
};

/// A file and what its beginning shows.
#[derive(Debug)]
pub(crate) struct Sample<'f> {
    file: &'f SourceFile,
    content: OnceCell<Content>,
}

/// What a file's beginning shows.
#[derive(Debug)]
enum Content {
    /// A header over delimited rows.
    Table { delimiter: u8, columns: Vec<String> },
    /// JSON: the keys of its first document.
    Json { keys: Vec<String> },
    /// The columns of a Parquet file.
    Parquet { columns: Vec<String> },
    /// A ZIP archive, as Excel files are.
    Zip,
    /// Why nothing can be said.
    Broken(SourceError),
}

/// What a ZIP archive is called in messages.
const ZIP: &str = "a ZIP or Excel file; export it as CSV";

/// Names in a message.
const SHOWN_MAX: usize = 12;

impl<'f> Sample<'f> {
    /// The sample of a file, which is opened when something is asked.
    pub(crate) fn new(file: &'f SourceFile) -> Self {
        Self { file, content: OnceCell::new() }
    }

    /// The file.
    pub(crate) fn file(&self) -> &'f SourceFile {
        self.file
    }

    /// What stands between the cells of its header, if it is a table.
    pub(crate) fn delimiter(&self) -> Option<u8> {
        match self.content() {
            Content::Table { delimiter, .. } => Some(*delimiter),
            Content::Json { .. } | Content::Parquet { .. } | Content::Zip | Content::Broken(_) => {
                None
            }
        }
    }

    /// Does it begin like JSON?
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.content(), Content::Json { .. })
    }

    /// Its columns, if it is a Parquet file.
    pub(crate) fn parquet_columns(&self) -> Option<&[String]> {
        match self.content() {
            Content::Parquet { columns } => Some(columns),
            Content::Table { .. } | Content::Json { .. } | Content::Zip | Content::Broken(_) => {
                None
            }
        }
    }

    /// The columns of its header, or the keys of its first JSON object. None of Parquet, which most
    /// formats are never written in.
    pub(crate) fn columns(&self) -> &[String] {
        match self.content() {
            Content::Table { columns: names, .. } | Content::Json { keys: names } => names,
            Content::Parquet { .. } | Content::Zip | Content::Broken(_) => &[],
        }
    }

    /// Is this one of its columns or keys?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns().iter().any(|column| column == name)
    }

    /// Are these among its columns or keys?
    pub(crate) fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.has(name))
    }

    /// The first item of a JSON file whose items stand in these containers, and its container: see
    /// [`JsonReader`].
    pub(crate) fn item(
        &self,
        containers: &'static [&'static str],
    ) -> Option<(&'static str, Map<String, Value>)> {
        if !self.is_json() {
            return None;
        }
        let mut reader = JsonReader::new(self.file.open().ok()?, containers);
        let item = reader.next(FileId(0), &mut Deaf).ok()??;
        Some((item.container, item.object))
    }

    /// What was seen, for messages.
    pub(crate) fn seen(&self) -> String {
        let listed = |names: &[String]| {
            let shown = names.iter().take(SHOWN_MAX).map(|name| format!("`{}`", shown(name)));
            let listed = shown.collect::<Vec<_>>().join(", ");
            match names.len().checked_sub(SHOWN_MAX) {
                Some(more) if more > 0 => format!("{listed} and {more} more"),
                _ => listed,
            }
        };
        match self.content() {
            Content::Table { delimiter, columns } => {
                let delimiter = char::from(*delimiter).escape_debug();
                format!("a table with `{delimiter}` between the columns {}", listed(columns))
            }
            Content::Json { keys } if keys.is_empty() => "JSON without any object".to_owned(),
            Content::Json { keys } => format!("JSON with the keys {}", listed(keys)),
            Content::Parquet { columns } => {
                format!("a Parquet file with the columns {}", listed(columns))
            }
            Content::Zip => ZIP.to_owned(),
            Content::Broken(error) => {
                // The message names the path already.
                let text = error.to_string();
                let path = self.file.path.display().to_string();
                let text = text.strip_prefix(&path).unwrap_or(&text);
                format!("a file that cannot be looked into{text}")
            }
        }
    }

    /// Why the file is none of what its name says, a table or JSON: passed over, it would take away
    /// whatever it held the night before. `None` for a file of another name, and for one that
    /// begins as it should.
    pub(crate) fn fault(self) -> Option<SourceError> {
        self.file.named().and_then(|_| self.error())
    }

    /// As [`Sample::fault`], whatever the file is called: for one that stands alone.
    pub(crate) fn error(self) -> Option<SourceError> {
        let (file, named) = (self.file, self.file.named());
        self.content();
        match (self.content.into_inner()?, named) {
            (Content::Broken(error), _) => Some(error),
            (Content::Zip, Some(_)) => {
                Some(SourceError::NoTableAsNamed { path: file.path.clone(), found: ZIP })
            }
            (Content::Table { .. }, Some(Named::Json)) => first_item(file).err(),
            (Content::Json { keys }, Some(Named::Json)) if is_error_answer(&keys) => {
                let found = "an interface's answer about an error; fetch it again";
                Some(SourceError::NoTableAsNamed { path: file.path.clone(), found })
            }
            (Content::Table { .. } | Content::Json { .. }, Some(Named::Parquet)) => {
                let found = "text; write it as Parquet, or name it after what it is";
                Some(SourceError::NoTableAsNamed { path: file.path.clone(), found })
            }
            (Content::Parquet { .. }, Some(Named::Table | Named::Json)) => {
                let found = "a Parquet file; name it .parquet";
                Some(SourceError::NoTableAsNamed { path: file.path.clone(), found })
            }
            (
                Content::Table { .. }
                | Content::Json { .. }
                | Content::Parquet { .. }
                | Content::Zip,
                _,
            ) => None,
        }
    }

    fn content(&self) -> &Content {
        self.content.get_or_init(|| self.look().unwrap_or_else(Content::Broken))
    }

    fn look(&self) -> Result<Content, SourceError> {
        let mut input = self.file.open()?;
        if begins_with(&mut input, b"PK\x03\x04")? {
            return Ok(Content::Zip);
        }
        if begins_with(&mut input, b"PAR1")? {
            let columns = self.file.open_parquet()?.columns().to_vec();
            return Ok(Content::Parquet { columns });
        }
        let first = first_byte(&mut input)?;
        if first.is_none() && input.fill()? == Next::End {
            let expected = "a header with the names of the columns, or JSON";
            return Err(SourceError::Empty { path: self.file.path.clone(), expected });
        }
        if !matches!(first, Some(b'{' | b'[')) {
            let (delimiter, columns) = CsvReader::sniff(|| self.file.open())?;
            return Ok(Content::Table { delimiter, columns });
        }
        first_item(self.file).map(|keys| Content::Json { keys })
    }
}

/// Are these the keys of what an interface says instead of a page when it fails?
fn is_error_answer(keys: &[String]) -> bool {
    const SAID: [&str; 4] = ["message", "error", "errors", "error_description"];
    const BESIDE: [&str; 9] =
        ["code", "status", "statusCode", "type", "title", "detail", "data", "parameters", "trace"];
    let is = |words: &[&str], key: &String| words.contains(&key.as_str());
    keys.iter().any(|key| is(&SAID, key))
        && keys.iter().all(|key| is(&SAID, key) || is(&BESIDE, key))
}

/// The keys of the first object of JSON.
fn first_item(file: &SourceFile) -> Result<Vec<String>, SourceError> {
    let mut reader = JsonReader::new(file.open()?, &[]);
    match reader.next(FileId(0), &mut Deaf) {
        // A page of a list may be longer than any item.
        Ok(_) | Err(SourceError::JsonItemTooLong { .. }) => Ok(reader.keys().to_vec()),
        Err(error) => Err(error),
    }
}

fn begins_with(input: &mut Input, magic: &[u8]) -> Result<bool, SourceError> {
    Ok(input.fill()? == Next::Bytes && input.bytes().starts_with(magic))
}

/// The first byte that is no whitespace, among the first at hand.
fn first_byte(input: &mut Input) -> Result<Option<u8>, SourceError> {
    while input.fill()? == Next::Bytes {
        let bytes = input.bytes();
        if let Some(byte) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return Ok(Some(*byte));
        }
        let len = bytes.len();
        input.consume(len);
    }
    Ok(None)
}

/// Hears no finding: those of the beginning come again when the file is read.
pub(crate) struct Deaf;

impl RecordSink for Deaf {
    fn open_file(&mut self, _: FileInfo) -> FileId {
        FileId(0)
    }

    fn record(&mut self, _: Location, _: Record<'_>) {}

    fn finding(&mut self, _: FindingCode, _: Location, _: &str, _: &str) {}
}
