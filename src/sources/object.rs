//! One JSON object with typed members: what cannot be read is a finding and counts as absent.
//!
//! Exports are loose with types: numbers come as text and texts as numbers, and PHP writes an empty
//! map as `[]`. All of that is read; anything else is reported with the key and the line of the item.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::row::{category_fault, quantity, switch};
use crate::model::{
    finding::FindingCode,
    id,
    limits::{ID_BYTES_MAX, TITLE_BYTES_MAX},
    record::{Location, Record, RecordSink, ScopeRecord},
    text::shown,
};

/// An object, where its item stands and where its findings go.
pub(crate) struct Object<'a> {
    members: &'a Map<String, Value>,
    at: Location,
    sink: &'a mut dyn RecordSink,
}

impl<'a> Object<'a> {
    /// The object with these members, of an item at this place.
    pub(crate) fn new(
        members: &'a Map<String, Value>,
        at: Location,
        sink: &'a mut dyn RecordSink,
    ) -> Self {
        Self { members, at, sink }
    }

    /// Where the item begins.
    pub(crate) fn at(&self) -> Location {
        self.at
    }

    /// Where its findings go.
    pub(crate) fn sink(&mut self) -> &mut dyn RecordSink {
        self.sink
    }

    /// Passes a record on.
    pub(crate) fn emit(&mut self, record: Record<'_>) {
        self.sink.record(self.at, record);
    }

    /// Says that the product has links of a type that cannot be read.
    pub(crate) fn leave(&mut self, relation_type: &str, product: &str) {
        let relation_type = &format!("{}{relation_type}", ScopeRecord::UNREAD);
        self.emit(Record::Scope(ScopeRecord { relation_type, product: Some(product) }));
    }

    /// Is a member a list, or nothing?
    pub(crate) fn is_list(&self, key: &str) -> bool {
        self.value(key)
            .is_none_or(|value| value.is_array() || value.as_object().is_some_and(Map::is_empty))
    }

    /// Reports a member that cannot be read.
    pub(crate) fn bad_value(&mut self, key: &str, expected: &str, found: &str) {
        let message = format!("expected {expected}, found `{}`", shown(found));
        self.sink.finding(FindingCode::BadValue, self.at, key, &message);
    }

    /// Reports a member for a reason of the format's own.
    pub(crate) fn finding(&mut self, code: FindingCode, key: &str, message: &str) {
        self.sink.finding(code, self.at, key, message);
    }

    /// The member as it stands, unless it is absent or null.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.members.get(key).filter(|value| !value.is_null())
    }

    /// The trimmed text of a member, unless it is empty; numbers count as their digits.
    pub(crate) fn text(&mut self, key: &str) -> Option<Cow<'a, str>> {
        let value = self.value(key)?;
        let text = scalar(value);
        if text.is_none() {
            self.bad_value(key, "text or a number", kind(value));
        }
        text.filter(|text| !text.is_empty())
    }

    /// An id, reported if it cannot be one; `None` without a word if it is absent.
    pub(crate) fn id(&mut self, key: &str) -> Option<Cow<'a, str>> {
        let text = self.text(key)?;
        self.is_id(key, &text).then_some(text)
    }

    /// Says whether a text is an id, and reports it if not.
    pub(crate) fn is_id(&mut self, key: &str, text: &str) -> bool {
        let checked = id::check(text);
        if let Err(error) = &checked {
            self.sink.finding(FindingCode::BadId, self.at, key, &error.to_string());
        }
        checked.is_ok()
    }

    /// Says whether a text can be stored like an id, and reports it if not.
    pub(crate) fn is_name(&mut self, key: &str, text: &str) -> bool {
        if text.len() > ID_BYTES_MAX {
            self.bad_value(key, &format!("at most {ID_BYTES_MAX} bytes"), text);
        }
        text.len() <= ID_BYTES_MAX
    }

    /// Says whether a text can be a category path, and reports it if not.
    pub(crate) fn is_category(&mut self, key: &str, path: &str) -> bool {
        let fault = category_fault(path);
        if let Some(expected) = &fault {
            self.bad_value(key, expected, path);
        }
        fault.is_none()
    }

    /// A title, cut where it is too long.
    pub(crate) fn cut_title<'t>(&mut self, key: &str, text: &'t str) -> &'t str {
        let cut = text.get(..text.floor_char_boundary(TITLE_BYTES_MAX)).unwrap_or(text);
        if cut.len() < text.len() {
            self.bad_value(key, &format!("at most {TITLE_BYTES_MAX} bytes, cut there"), text);
        }
        cut
    }

    /// A switch.
    pub(crate) fn switch(&mut self, key: &str) -> Option<bool> {
        if let Value::Bool(value) = self.value(key)? {
            return Some(*value);
        }
        let text = self.text(key)?;
        let value = switch(&text);
        if value.is_none() {
            self.bad_value(key, "`true` or `false`", &text);
        }
        value
    }

    /// Units of something.
    pub(crate) fn quantity(&mut self, key: &str) -> Option<f64> {
        let text = self.text(key)?;
        let value = quantity(&text);
        if value.is_none() {
            self.bad_value(key, "a number above 0", &text);
        }
        value
    }

    /// The items of a list; an empty map is an empty list.
    pub(crate) fn list(&mut self, key: &str) -> &'a [Value] {
        match self.value(key) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(Value::Object(map)) if map.is_empty() => &[],
            Some(other) => {
                self.bad_value(key, "a list", kind(other));
                &[]
            }
        }
    }

    /// The items of a list that are text or numbers; nulls are left out without a word.
    pub(crate) fn texts(&mut self, key: &str) -> Vec<Cow<'a, str>> {
        let mut texts = Vec::new();
        for item in self.list(key) {
            match scalar(item) {
                Some(text) if !text.is_empty() => texts.push(text),
                None if !item.is_null() => self.bad_value(key, "text or a number", kind(item)),
                _ => {}
            }
        }
        texts
    }

    /// The members of a map; an empty list is an empty map.
    pub(crate) fn map(&mut self, key: &str) -> Option<&'a Map<String, Value>> {
        let value = self.value(key)?;
        let map = value.as_object();
        if map.is_none() && !value.as_array().is_some_and(Vec::is_empty) {
            self.bad_value(key, "an object", kind(value));
        }
        map
    }

    /// An object inside this one, whose findings stand at the same place.
    pub(crate) fn within<'b>(&'b mut self, members: &'b Map<String, Value>) -> Object<'b> {
        Object { members, at: self.at, sink: self.sink }
    }
}

/// Text or a number as trimmed text; empty for null.
pub(crate) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => Some(Cow::Borrowed("")),
        Value::String(text) => Some(Cow::Borrowed(text.trim())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What a value is, for messages.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
