//! JSON documents as a stream of items: one huge array, an object with the array inside, a bare
//! object, an object a line, and any of them one behind the other.
//!
//! [`JsonReader::new`] takes the *containers*: dotted paths from a document's root to arrays whose
//! elements are items (`_embedded.items`, `data.products.edges`). A document is read so:
//!
//! - The elements of a top-level array are documents themselves, at any depth of arrays.
//! - An object that holds a container is a wrapper: the elements of its containers are items, each
//!   told with its container; its other members are passed over.
//! - Any other object is one item, of the container `""`.
//!
//! Only one item is ever held. Bytes and values of an item and the depth of a document are bounded;
//! beyond a bound, and where brackets do not match or the file ends inside a document, the file is
//! refused with its line. An item that is no object or no JSON is a finding, and so is a key that
//! stands twice in one object (the last one counts). Commas between items may be missing, as they are
//! where pages were joined.

mod values;

use std::path::Path;

use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};

use self::values::{Parse, Parsing};
use super::{
    SourceError,
    input::{Input, Next},
    table::to_u32,
};
use crate::model::{
    finding::FindingCode,
    limits::{JSON_DEPTH_MAX, JSON_ITEM_BYTES_MAX},
    record::{FileId, Location, RecordSink},
    text::shown,
};

/// Reads the items of a file.
#[derive(Debug)]
pub(crate) struct JsonReader {
    input: Input,
    containers: &'static [&'static str],
    /// Containers that a mapping names.
    named: Vec<String>,
    line: u64,
    frames: Vec<Frame>,
    /// What was read of the item so far.
    raw: Vec<u8>,
    item_line: u64,
    /// The document has a container, so that the rest of it is no item.
    is_wrapper: bool,
    any: bool,
    /// Keys of the first document, the first few.
    keys: Vec<String>,
}

/// What items of a container are told with that only a mapping names.
pub(crate) const NAMED: &str = "*";

/// Bytes of each such key: no format looks for a longer one.
const KEY_BYTES_KEPT: usize = 256;
/// Keys of a document that are remembered.
const KEYS_KEPT_MAX: usize = 256;

/// One object of a document.
#[derive(Debug)]
pub(crate) struct JsonItem {
    /// Where it begins.
    pub(crate) at: Location,
    /// The container it stands in; empty for a document.
    pub(crate) container: &'static str,
    /// Its members.
    pub(crate) object: Map<String, Value>,
}

/// What the reader stands in.
#[derive(Debug)]
enum Frame {
    /// An array of documents (`""`) or of the items of a container.
    Array(&'static str),
    /// A document, or an object in it that leads to containers, with its dotted path.
    Object(String),
}

/// What was read before it was parsed.
enum Found {
    End,
    Item(&'static str),
    NoObject,
}

impl JsonReader {
    /// Reads a stream whose items stand in these containers, or are documents.
    pub(crate) fn new(input: Input, containers: &'static [&'static str]) -> Self {
        Self {
            input,
            containers,
            named: Vec::new(),
            line: 1,
            frames: Vec::new(),
            raw: Vec::new(),
            item_line: 1,
            is_wrapper: false,
            any: false,
            keys: Vec::new(),
        }
    }

    /// Reads a stream whose items stand in containers of these paths, all called [`NAMED`], or are
    /// documents.
    pub(crate) fn with_named(input: Input, paths: &[String]) -> Self {
        Self { named: paths.to_vec(), ..Self::new(input, &[]) }
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        self.input.path()
    }

    /// The keys of the documents so far, the first few, in their order: known even where a document
    /// is too long to be an item.
    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Reads the next item; `None` at the end of the file.
    pub(crate) fn next(
        &mut self,
        file: FileId,
        sink: &mut dyn RecordSink,
    ) -> Result<Option<JsonItem>, SourceError> {
        loop {
            let found = self.find()?;
            let at = Location { file, line: to_u32(self.item_line) };
            let container = match found {
                Found::End => return Ok(None),
                Found::Item(container) => container,
                Found::NoObject => {
                    let text = String::from_utf8_lossy(&self.raw);
                    let text = format!("expected a JSON object, found `{}`", shown(&text));
                    sink.finding(FindingCode::BadRow, at, "", &text);
                    continue;
                }
            };
            let parsing = Parsing::default();
            let mut parser = serde_json::Deserializer::from_slice(&self.raw);
            match Parse(&parsing).deserialize(&mut parser) {
                Ok(Value::Object(object)) => {
                    for key in parsing.twice.into_inner() {
                        let text = "expected each key once in an object, found it twice; the last \
                                    one counts";
                        sink.finding(FindingCode::BadValue, at, &shown(&key), text);
                    }
                    return Ok(Some(JsonItem { at, container, object }));
                }
                Ok(_) => {}
                Err(error) => {
                    let line = u64::try_from(error.line().saturating_sub(1)).unwrap_or_default();
                    let at = Location { file, line: to_u32(self.item_line + line) };
                    let text = error.to_string();
                    let place = format!(" at line {} column {}", error.line(), error.column());
                    let text = text.strip_suffix(&place).unwrap_or(&text);
                    let text = format!("expected a JSON object, found: {text}");
                    sink.finding(FindingCode::BadRow, at, "", &text);
                }
            }
        }
    }

    /// Goes to the next item and collects it.
    fn find(&mut self) -> Result<Found, SourceError> {
        loop {
            let next = self.skip_blanks()?;
            match (self.frames.last(), next) {
                (None, None) if self.any => return Ok(Found::End),
                (None, None) => {
                    let path = self.input.path().to_owned();
                    return Err(SourceError::Empty { path, expected: "a JSON object or array" });
                }
                (Some(_), None) => return Err(self.ends()),
                (Some(Frame::Array(_)), Some(b']')) => {
                    self.bump()?;
                    self.frames.pop();
                }
                (None | Some(Frame::Array("")), Some(b'{')) => self.open_document()?,
                (frame @ (None | Some(Frame::Array(_))), Some(byte)) => {
                    let container = if let Some(Frame::Array(of)) = frame { of } else { "" };
                    if let Some(found) = self.element(container, byte)? {
                        return Ok(found);
                    }
                }
                (Some(Frame::Object(_)), Some(b'}')) => {
                    self.bump()?;
                    self.frames.pop();
                    let ends_document = !matches!(self.frames.last(), Some(Frame::Object(_)));
                    if ends_document && !std::mem::take(&mut self.is_wrapper) {
                        return Ok(Found::Item(""));
                    }
                }
                (Some(Frame::Object(_)), Some(b'"')) => self.member()?,
                (Some(Frame::Object(_)), Some(found)) => {
                    return Err(self.unexpected("a key in quotes or `}`", found));
                }
            }
        }
    }

    fn open_document(&mut self) -> Result<(), SourceError> {
        self.any = true;
        self.raw.clear();
        self.item_line = self.line;
        self.push(Frame::Object(String::new()))?;
        self.bump()
    }

    /// Reads an element of an array, or a document that is no object.
    fn element(&mut self, container: &'static str, byte: u8) -> Result<Option<Found>, SourceError> {
        if byte == b'[' {
            self.any = true;
            self.push(Frame::Array(container))?;
            self.raw.clear();
            self.bump()?;
            return Ok(None);
        }
        if self.frames.is_empty() {
            return Err(self.unexpected("`{` or `[`", byte));
        }
        self.raw.clear();
        self.item_line = self.line;
        // Inside a wrapper the members are not collected, but the items are.
        let is_wrapper = std::mem::take(&mut self.is_wrapper);
        let scanned = self.scan(byte);
        self.is_wrapper = is_wrapper;
        scanned?;
        Ok(Some(if byte == b'{' { Found::Item(container) } else { Found::NoObject }))
    }

    /// Reads a member of a document up to its end, or into its container.
    fn member(&mut self) -> Result<(), SourceError> {
        let mut key = Vec::new();
        self.string(Some(&mut key))?;
        let key = String::from_utf8_lossy(key.get(1..key.len() - 1).unwrap_or_default());
        self.expect(b':', "`:` behind a key")?;
        let Some(byte) = self.skip_whitespace()? else { return Err(self.ends()) };
        let Some(Frame::Object(prefix)) = self.frames.last() else { return self.scan(byte) };
        if prefix.is_empty() && self.keys.len() < KEYS_KEPT_MAX {
            self.keys.push(
                key.get(..key.floor_char_boundary(KEY_BYTES_KEPT)).unwrap_or(&key).to_owned(),
            );
        }
        let path = if prefix.is_empty() { key.into_owned() } else { format!("{prefix}.{key}") };
        let is_named = self.named.contains(&path).then_some(NAMED);
        let known = self.containers.iter().copied().find(|container| *container == path);
        let container = known.or(is_named);
        let leads_on = |container: &str| {
            container.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        let leads_on = self.containers.iter().any(|container| leads_on(container))
            || self.named.iter().any(|container| leads_on(container));
        match (container, byte) {
            (Some(container), b'[') => {
                self.is_wrapper = true;
                self.push(Frame::Array(container))?;
                self.bump()
            }
            // An empty container.
            (Some(_), b'n') => {
                self.is_wrapper = true;
                self.scan(byte)
            }
            (None, b'{') if leads_on => {
                self.push(Frame::Object(path))?;
                self.bump()
            }
            _ => self.scan(byte),
        }
    }

    fn push(&mut self, frame: Frame) -> Result<(), SourceError> {
        if self.frames.len() == JSON_DEPTH_MAX {
            return Err(self.too_deep());
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Passes over a value that begins with this byte: matching brackets, strings closed.
    fn scan(&mut self, first: u8) -> Result<(), SourceError> {
        match first {
            b'"' => return self.string(None),
            b'{' | b'[' => {}
            b'}' | b']' | b':' => return Err(self.unexpected("a value", first)),
            _ => return self.word(),
        }
        let mut open = Vec::new();
        let mut next = Some(first);
        loop {
            let Some(byte) = next else { return Err(self.ends()) };
            match byte {
                b'"' => self.string(None)?,
                b'{' | b'[' => {
                    if self.frames.len() + open.len() == JSON_DEPTH_MAX {
                        return Err(self.too_deep());
                    }
                    open.push(if byte == b'{' { b'}' } else { b']' });
                    self.bump()?;
                }
                b'}' | b']' => {
                    if open.pop() != Some(byte) {
                        return Err(self.unexpected("the bracket that was opened last", byte));
                    }
                    self.bump()?;
                    if open.is_empty() {
                        return Ok(());
                    }
                }
                _ => self.pass(|byte| !matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?,
            }
            next = self.peek()?;
        }
    }

    /// A number or a word.
    fn word(&mut self) -> Result<(), SourceError> {
        let ends = |byte: u8| matches!(byte, b',' | b'}' | b']' | b'{' | b'[' | b'"' | b':');
        while self.peek()?.is_some_and(|byte| !ends(byte) && !byte.is_ascii_whitespace()) {
            self.pass(|byte| !ends(byte) && !byte.is_ascii_whitespace())?;
        }
        Ok(())
    }

    /// A string with its quotes; `copy` gets it too.
    fn string(&mut self, mut copy: Option<&mut Vec<u8>>) -> Result<(), SourceError> {
        let (mut is_escaped, mut quotes) = (false, 0);
        while quotes < 2 {
            let Some(_) = self.peek()? else { return Err(self.ends()) };
            let bytes = self.input.bytes();
            let mut len = 0;
            for byte in bytes {
                len += 1;
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' => is_escaped = true,
                    b'"' => {
                        quotes += 1;
                        if quotes == 2 {
                            break;
                        }
                    }
                    _ => {}
                }
            }
            if let Some(copy) = copy.as_deref_mut() {
                if copy.len() + len > JSON_ITEM_BYTES_MAX {
                    return Err(self.too_long());
                }
                copy.extend_from_slice(&bytes[..len]);
            }
            self.take(len)?;
        }
        Ok(())
    }

    fn expect(&mut self, expected: u8, name: &'static str) -> Result<(), SourceError> {
        match self.skip_whitespace()? {
            Some(byte) if byte == expected => self.bump(),
            Some(found) => Err(self.unexpected(name, found)),
            None => Err(self.ends()),
        }
    }

    /// Passes over whitespace and commas to the next byte.
    fn skip_blanks(&mut self) -> Result<Option<u8>, SourceError> {
        loop {
            match self.skip_whitespace()? {
                Some(b',') => self.bump()?,
                next => return Ok(next),
            }
        }
    }

    fn skip_whitespace(&mut self) -> Result<Option<u8>, SourceError> {
        loop {
            match self.peek()? {
                Some(byte) if byte.is_ascii_whitespace() => {
                    self.pass(|byte| byte.is_ascii_whitespace())?;
                }
                next => return Ok(next),
            }
        }
    }

    /// The next byte, which stays.
    fn peek(&mut self) -> Result<Option<u8>, SourceError> {
        match self.input.fill()? {
            Next::Bytes => Ok(self.input.bytes().first().copied()),
            Next::End => Ok(None),
            Next::NotUtf8 => Err(self.input.not_utf8(self.line, None)),
        }
    }

    fn bump(&mut self) -> Result<(), SourceError> {
        self.take(1)
    }

    /// Takes the bytes at hand of which `belongs` is true.
    fn pass(&mut self, belongs: impl Fn(u8) -> bool) -> Result<(), SourceError> {
        let bytes = self.input.bytes();
        let len = bytes.iter().position(|byte| !belongs(*byte)).unwrap_or(bytes.len());
        self.take(len)
    }

    /// Takes bytes at hand and keeps them for the item, unless they are a wrapper's.
    fn take(&mut self, len: usize) -> Result<(), SourceError> {
        let bytes = &self.input.bytes()[..len];
        self.line += bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        // Between items nothing is collected; blanks there belong to nobody.
        if !self.is_wrapper && (!self.raw.is_empty() || !bytes.iter().all(u8::is_ascii_whitespace))
        {
            if self.raw.len() + len > JSON_ITEM_BYTES_MAX {
                return Err(self.too_long());
            }
            self.raw.extend_from_slice(bytes);
        }
        self.input.consume(len);
        Ok(())
    }

    fn unexpected(&self, expected: &'static str, found: u8) -> SourceError {
        let (path, line) = (self.input.path().to_owned(), self.line);
        let text = str::from_utf8(self.input.bytes()).unwrap_or_default();
        let found = text.chars().next().unwrap_or(char::from(found));
        SourceError::JsonSyntax { path, line, expected, found }
    }

    fn ends(&self) -> SourceError {
        SourceError::JsonEnds { path: self.input.path().to_owned(), line: self.item_line }
    }

    fn too_deep(&self) -> SourceError {
        SourceError::JsonTooDeep { path: self.input.path().to_owned(), line: self.line }
    }

    fn too_long(&self) -> SourceError {
        SourceError::JsonItemTooLong { path: self.input.path().to_owned(), line: self.item_line }
    }
}
