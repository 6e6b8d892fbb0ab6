//! Walks a TOML document value by value: what does not fit is a fault with its place and path, and
//! the walk goes on.

use std::{fmt::Write as _, ops::RangeInclusive};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Window,
    error::{Fault, Faults},
};
use crate::model::{
    id, instant,
    text::{Place, Places, shown},
};

/// A name, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) place: Place,
}

/// A value with its span.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A table, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Table<'v> {
    keys: &'v DeTable<'v>,
    offset: usize,
}

/// Reads the values of one document.
pub(super) struct Reader<'t> {
    places: Places<'t>,
    path: Vec<Step>,
    pub(super) faults: Faults,
}

/// One step from the root to a value.
enum Step {
    Key(&'static str),
    Item(usize),
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { places: Places::new(text), path: Vec::new(), faults: Faults::default() }
    }

    /// Reports a fault at an offset of the text.
    pub(super) fn fault(&mut self, offset: usize, fault: Fault) {
        let place = self.places.at(offset);
        self.fault_at(place, fault);
    }

    /// Reports a fault at a place.
    pub(super) fn fault_at(&mut self, place: Place, fault: Fault) {
        let path = self.path();
        self.faults.add(place, path, fault);
    }

    fn path(&self) -> String {
        self.path.iter().fold(String::new(), |mut path, step| {
            let dot = if path.is_empty() { "" } else { "." };
            let written = match step {
                Step::Key(key) => write!(path, "{dot}{key}"),
                Step::Item(index) => write!(path, "[{index}]"),
            };
            written.expect("a string takes any text");
            path
        })
    }

    /// The value as a table; keys beyond those of `known` are faults.
    pub(super) fn table<'v>(
        &mut self,
        value: &'v Value<'_>,
        known: &[&'static str],
    ) -> Option<Table<'v>> {
        let DeValue::Table(keys) = value.get_ref() else {
            self.wrong_type(value, "a table");
            return None;
        };
        let table = Table { keys, offset: value.span().start };
        self.check_keys(table, known);
        Some(table)
    }

    /// The document itself.
    pub(super) fn root<'v>(
        &mut self,
        root: &'v Spanned<DeTable<'_>>,
        known: &[&'static str],
    ) -> Table<'v> {
        let table = Table { keys: root.get_ref(), offset: root.span().start };
        self.check_keys(table, known);
        table
    }

    fn check_keys(&mut self, table: Table<'_>, known: &[&'static str]) {
        for key in table.keys.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let found = shown(name).into_owned();
                let fault = Fault::UnknownKey { expected: one_of(known), found };
                self.fault(key.span().start, fault);
            }
        }
    }

    /// Reads a key that may be there.
    pub(super) fn optional<'v, T>(
        &mut self,
        table: Table<'v>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'v Value<'v>) -> Option<T>,
    ) -> Option<T> {
        let value = table.keys.get(key)?;
        self.path.push(Step::Key(key));
        let read = read(self, value);
        self.path.pop();
        read
    }

    /// Reads a key that must be there.
    pub(super) fn required<'v, T>(
        &mut self,
        table: Table<'v>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'v Value<'v>) -> Option<T>,
    ) -> Option<T> {
        if !table.has(key) {
            self.fault(table.offset, Fault::Missing { expected: format!("`{key}`") });
        }
        self.optional(table, key, read)
    }

    /// Reads the items of an array; those that do not fit are left out.
    pub(super) fn items<'v, T>(
        &mut self,
        value: &'v Value<'_>,
        (max, noun): (usize, &'static str),
        mut read: impl FnMut(&mut Self, &'v Value<'v>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let DeValue::Array(array) = value.get_ref() else {
            self.wrong_type(value, "an array");
            return None;
        };
        let mut items = Vec::new();
        for (index, item) in array.iter().enumerate() {
            self.path.push(Step::Item(index));
            if index < max {
                items.extend(read(self, item));
            } else if index == max {
                self.fault(item.span().start, Fault::TooMany { max, noun });
            }
            self.path.pop();
        }
        Some(items)
    }

    /// A text.
    pub(super) fn text<'v>(&mut self, value: &'v Value<'_>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(value, "a text in quotes");
        }
        text
    }

    /// A text that can name something.
    pub(super) fn name(&mut self, value: &Value<'_>, bytes_max: usize) -> Option<Name> {
        let text = self.text(value)?.trim();
        let place = self.places.at(value.span().start);
        if text.is_empty() || text.len() > bytes_max {
            let expected = format!("1 to {bytes_max} bytes");
            self.fault_at(place, Fault::BadValue { expected, found: shown(text).into_owned() });
            return None;
        }
        Some(Name { text: text.to_owned(), place })
    }

    /// An id.
    pub(super) fn id(&mut self, value: &Value<'_>) -> Option<Name> {
        let name = self.name(value, crate::model::limits::ID_BYTES_MAX)?;
        debug_assert!(id::check(&name.text).is_ok(), "an id is a name of that many bytes");
        Some(name)
    }

    /// A whole number of a range.
    pub(super) fn integer(&mut self, value: &Value<'_>, range: RangeInclusive<i64>) -> Option<i64> {
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(value, "a whole number");
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            self.bad_value(value, expected, &integer.to_string());
        }
        number
    }

    /// The same, for the range of a count.
    pub(super) fn count(
        &mut self,
        value: &Value<'_>,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let end = |end: usize| i64::try_from(end).unwrap_or(i64::MAX);
        let number = self.integer(value, end(*range.start())..=end(*range.end()))?;
        usize::try_from(number).ok()
    }

    /// A number of a range, with or without a point.
    pub(super) fn number(&mut self, value: &Value<'_>, range: RangeInclusive<f64>) -> Option<f64> {
        let (number, written) = match value.get_ref() {
            DeValue::Float(float) => (float.as_str().parse::<f64>().ok(), float.to_string()),
            DeValue::Integer(integer) => {
                let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
                #[expect(clippy::cast_precision_loss, reason = "ranges end long before")]
                let number = number.map(|number| number as f64);
                (number, integer.to_string())
            }
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.wrong_type(value, "a number");
                return None;
            }
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let expected = format!("a number from {} to {}", range.start(), range.end());
            self.bad_value(value, expected, &written);
        }
        number
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &mut self,
        value: &Value<'_>,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(value)?;
        let word = words.iter().find(|(word, _)| *word == text);
        if word.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.bad_value(value, one_of(&words), text);
        }
        word.map(|(_, meaning)| *meaning)
    }

    /// `true`, which alone says something.
    pub(super) fn yes(&mut self, value: &Value<'_>) -> Option<()> {
        match value.get_ref().as_bool() {
            Some(true) => Some(()),
            Some(false) => {
                self.bad_value(value, "`true`".to_owned(), "false");
                None
            }
            None => {
                self.wrong_type(value, "`true`");
                None
            }
        }
    }

    /// The window between two keys, each of which may be absent.
    pub(super) fn window(
        &mut self,
        table: Table<'_>,
        from: &'static str,
        to: &'static str,
    ) -> Window {
        let from_s = self.optional(table, from, Self::instant);
        let to_s = self.optional(table, to, |reader, value| {
            let to_s = reader.instant(value)?;
            if let Some(from_s) = from_s.filter(|from_s| *from_s >= to_s) {
                let shown = |at_s| instant::show(at_s).unwrap_or_default();
                let fault = Fault::EmptyWindow { from: shown(from_s), to: shown(to_s) };
                reader.fault(value.span().start, fault);
            }
            Some(to_s)
        });
        Window { from_s: from_s.unwrap_or(i64::MIN), to_s: to_s.unwrap_or(i64::MAX) }
    }

    /// In quotes, or as a date of TOML's own.
    fn instant(&mut self, value: &Value<'_>) -> Option<i64> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.trim().to_owned(),
            DeValue::Datetime(datetime) => datetime.to_string(),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.wrong_type(value, instant::EXPECTED);
                return None;
            }
        };
        let at_s = instant::parse(&text);
        if at_s.is_none() {
            self.bad_value(value, instant::EXPECTED.to_owned(), &text);
        }
        at_s
    }

    /// Reports a value of another kind.
    pub(super) fn wrong_type(&mut self, value: &Value<'_>, expected: &'static str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a truth value",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.fault(value.span().start, Fault::WrongType { expected, found });
    }

    /// Reports a value of the right kind that may not stand here.
    pub(super) fn bad_value(&mut self, value: &Value<'_>, expected: String, found: &str) {
        let found = shown(found).into_owned();
        self.fault(value.span().start, Fault::BadValue { expected, found });
    }
}

impl<'v> Table<'v> {
    /// Is the key there?
    pub(super) fn has(self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The first of the keys that is there.
    pub(super) fn first_of(self, keys: &[&'static str]) -> Option<&'static str> {
        keys.iter().copied().find(|key| self.has(key))
    }

    /// Where the table begins.
    pub(super) const fn offset(self) -> usize {
        self.offset
    }

    /// The value of a key.
    pub(super) fn value(self, key: &str) -> Option<&'v Value<'v>> {
        self.keys.get(key)
    }

    /// How many keys it has.
    pub(super) fn key_count(self) -> usize {
        self.keys.len()
    }
}

/// `one of `a`, `b``.
pub(super) fn one_of(words: &[&str]) -> String {
    format!("one of `{}`", words.join("`, `"))
}
