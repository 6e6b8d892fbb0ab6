//! Texts that people write: where in them something stands, and how messages show a part.

use std::{borrow::Cow, fmt};

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1; 0 for what stands in no text.
    pub line: u32,
    /// The character in it, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Finds places in a text, in any order.
#[derive(Debug)]
pub struct Places<'t> {
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// What was asked for last: a long line is not read anew for each of its places.
    last: (usize, Place),
}

impl<'t> Places<'t> {
    /// Places of this text.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(behind_breaks).collect();
        Self { text, lines, last: (0, Place { line: 1, column: 1 }) }
    }

    /// Line and column of a byte; of the end, if the offset lies behind it or inside a character.
    pub fn at(&mut self, offset: usize) -> Place {
        let offset = if self.text.is_char_boundary(offset) { offset } else { self.text.len() };
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let begin = line.checked_sub(1).and_then(|line| self.lines.get(line).copied());
        let begin = (begin.unwrap_or(0), Place { line: saturated(line), column: 1 });
        let is_nearer = (begin.0..=offset).contains(&self.last.0);
        let (from, place) = if is_nearer { self.last } else { begin };
        let place = behind(place, self.text.get(from..offset).unwrap_or_default());
        self.last = (offset, place);
        place
    }
}

/// The place behind a text that begins at `place`.
#[must_use]
pub fn behind(place: Place, text: &str) -> Place {
    let (lines, last) = match text.rfind('\n') {
        Some(at) => (text.matches('\n').count(), text.get(at + 1..).unwrap_or_default()),
        None => (0, text),
    };
    let column = if lines == 0 { place.column } else { 1 };
    Place {
        line: place.line.saturating_add(saturated(lines)),
        column: column.saturating_add(saturated(last.chars().count())),
    }
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A part of a text as messages show it: one line, not too long.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    const SHOWN_BYTES_MAX: usize = 80;
    let cut = text.get(..text.floor_char_boundary(SHOWN_BYTES_MAX)).unwrap_or(text);
    if cut.len() == text.len() && !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let more = if cut.len() < text.len() { "..." } else { "" };
    Cow::Owned(format!("{}{more}", cut.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::{Places, shown};

    #[test]
    fn a_place_is_a_line_and_a_character() {
        let mut places = Places::new("a\nbü c\r\n\nd");
        let mut check = |offset, expected: (u32, u32)| {
            let place = places.at(offset);
            assert_eq!((place.line, place.column), expected, "{offset}");
        };
        for (offset, expected) in [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (5, (2, 3)), (9, (3, 1))]
        {
            check(offset, expected);
        }
        // Back again, behind the end, inside a character.
        for (offset, expected) in [(3, (2, 2)), (99, (4, 2)), (4, (4, 2))] {
            check(offset, expected);
        }
    }

    #[test]
    fn texts_are_shown_in_one_short_line() {
        assert_eq!(shown("two words"), "two words");
        assert_eq!(shown("two\nlines"), "two\\nlines");
        let long = shown(&"ü".repeat(100)).into_owned();
        assert!(long.ends_with("...") && long.len() == 83, "{long}");
    }
}
