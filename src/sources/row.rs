//! One row with typed cells: what cannot be read is a finding and counts as absent.

use super::table::{Cells, Column, ITEM_END, to_u32};
use crate::model::{
    decimal::Decimal,
    finding::FindingCode,
    id, instant,
    limits::{CATEGORY_DEPTH_MAX, CATEGORY_PATH_BYTES_MAX, ID_BYTES_MAX, TITLE_BYTES_MAX},
    record::{FileId, Location, PriceRecord, Record, RecordSink, ScopeRecord},
    text::shown,
};

/// A row, where it stands and where its findings go.
pub(crate) struct Row<'a> {
    columns: &'a [String],
    cells: &'a Cells,
    file: FileId,
    sink: &'a mut dyn RecordSink,
    /// A cell of this text is as good as empty.
    blank: &'static str,
}

impl<'a> Row<'a> {
    /// The row of these cells, one for each column.
    pub(crate) fn new(
        columns: &'a [String],
        cells: &'a Cells,
        file: FileId,
        sink: &'a mut dyn RecordSink,
        blank: &'static str,
    ) -> Self {
        Self { columns, cells, file, sink, blank }
    }

    /// A row at the same place with other cells: those of this one under other columns.
    pub(crate) fn laid_out<'b>(&'b mut self, columns: &'b [String], cells: &'b Cells) -> Row<'b> {
        Row { columns, cells, file: self.file, sink: self.sink, blank: "" }
    }

    /// The items of a cell as they stand, empty ones too: of a JSON array, or between separators.
    pub(crate) fn items(&self, column: Column, separator: &str) -> Vec<&'a str> {
        let Some(index) = column.index else { return Vec::new() };
        let text = self.cells.text(index);
        if self.cells.is_list(index) {
            text.split_terminator(ITEM_END).map(str::trim).collect()
        } else if text.trim().is_empty() {
            Vec::new()
        } else {
            text.split(separator).map(str::trim).collect()
        }
    }

    /// Is the cell a list by itself?
    pub(crate) fn is_list(&self, column: Column) -> bool {
        column.index.is_some_and(|index| self.cells.is_list(index))
    }

    /// Is the cell a key that its JSON object has not? A table has all its cells.
    pub(crate) fn is_absent(&self, column: Column) -> bool {
        column.index.is_none_or(|index| self.cells.is_absent(index))
    }

    /// Has the cell no text and no item, or is there none?
    pub(crate) fn is_empty(&self, column: Column) -> bool {
        column.index.is_none_or(|index| {
            let text = self.cells.text(index).trim();
            text.is_empty() || text == self.blank
        })
    }

    /// Is there not even white space in the cell, or no cell?
    pub(crate) fn is_bare(&self, column: Column) -> bool {
        column.index.is_none_or(|index| self.cells.is_bare(index))
    }

    /// Where the row begins.
    pub(crate) fn at(&self) -> Location {
        Location { file: self.file, line: to_u32(self.cells.line()) }
    }

    /// Where a cell begins.
    pub(crate) fn at_cell(&self, column: Column) -> Location {
        let line = column.index.map_or(self.cells.line(), |index| self.cells.line_of(index));
        Location { file: self.file, line: to_u32(line) }
    }

    /// What findings call a column.
    pub(crate) fn field(&self, column: Column) -> &'a str {
        let name = column.index.and_then(|index| self.columns.get(index));
        name.map_or(column.name, String::as_str)
    }

    /// Reports something about a cell.
    pub(crate) fn finding(&mut self, code: FindingCode, at: Location, column: Column, text: &str) {
        let field = self.field(column);
        self.sink.finding(code, at, field, text);
    }

    /// Passes a record on.
    pub(crate) fn emit(&mut self, at: Location, record: Record<'_>) {
        self.sink.record(at, record);
    }

    /// Says that the cells of this row are all there is of a relation type for a product.
    pub(crate) fn speak_of(&mut self, relation_type: &str, product: &str) {
        let scope = ScopeRecord { relation_type, product: Some(product) };
        self.sink.record(self.at(), Record::Scope(scope));
    }

    /// Does the cell say in the system's own word that it is empty?
    pub(crate) fn is_cleared(&self, column: Column) -> bool {
        let is_blank = |index| self.cells.text(index).trim() == self.blank;
        !self.blank.is_empty() && column.index.is_some_and(is_blank)
    }

    /// Says whether a line of a cell is an id, and reports it if not.
    pub(crate) fn is_id(&mut self, at: Location, column: Column, text: &str) -> bool {
        let checked = id::check(text);
        if let Err(error) = &checked {
            self.finding(FindingCode::BadId, at, column, &error.to_string());
        }
        checked.is_ok()
    }

    /// Reports a cell, or a part of it, that cannot be read.
    pub(crate) fn bad_value(&mut self, column: Column, expected: &str, found: &str) {
        self.bad_value_at(self.at_cell(column), column, expected, found);
    }

    /// Reports a line of a cell that cannot be read.
    pub(crate) fn bad_value_at(
        &mut self,
        at: Location,
        column: Column,
        expected: &str,
        found: &str,
    ) {
        let message = format!("expected {expected}, found `{}`", shown(found));
        self.finding(FindingCode::BadValue, at, column, &message);
    }

    /// The cell as written, untrimmed; empty if absent. Lists are none.
    pub(crate) fn raw(&mut self, column: Column) -> &'a str {
        let Some(index) = column.index else { return "" };
        // As most cells are.
        if self.cells.is_bare(index) {
            return "";
        }
        let text = self.cells.text(index);
        if self.cells.is_list(index) {
            self.bad_value(column, "one value", "a list");
            return "";
        }
        let trimmed = trimmed(text);
        if trimmed.is_empty() || trimmed == self.blank { "" } else { text }
    }

    /// The trimmed cell, unless it is empty.
    pub(crate) fn text(&mut self, column: Column) -> Option<&'a str> {
        Some(trimmed(self.raw(column))).filter(|text| !text.is_empty())
    }

    /// A cell without which the row has no meaning.
    pub(crate) fn required(&mut self, column: Column) -> Option<&'a str> {
        let text = self.text(column);
        if text.is_none() {
            let message = "expected a value, without which the row has no meaning, found none";
            let at = self.at_cell(column);
            self.finding(FindingCode::BadRow, at, column, message);
        }
        text
    }

    /// An id without which the row has no meaning.
    pub(crate) fn id(&mut self, column: Column) -> Option<&'a str> {
        let text = self.text(column).unwrap_or_default();
        // Where the cell begins is asked only where it matters.
        let is_id = id::check(text).is_ok() || self.is_id(self.at_cell(column), column, text);
        is_id.then_some(text)
    }

    /// A name that is stored like an id but may be absent: a brand, a parent.
    pub(crate) fn name(&mut self, column: Column) -> Option<&'a str> {
        self.text(column).filter(|text| self.is_name(column, text))
    }

    /// A title, cut where it is too long.
    pub(crate) fn title(&mut self, column: Column) -> Option<&'a str> {
        let text = self.text(column)?;
        let cut = text.get(..text.floor_char_boundary(TITLE_BYTES_MAX)).unwrap_or(text);
        if cut.len() < text.len() {
            self.bad_value(column, &format!("at most {TITLE_BYTES_MAX} bytes, cut there"), text);
        }
        Some(cut)
    }

    /// A cell that `parse` understands.
    pub(crate) fn parsed<T>(
        &mut self,
        column: Column,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(column)?;
        let value = parse(text);
        if value.is_none() {
            self.bad_value(column, expected, text);
        }
        value
    }

    /// The items of a list cell: a JSON array, or text with `|` between them. Empty items are none.
    pub(crate) fn list(&self, column: Column) -> Vec<&'a str> {
        let Some(index) = column.index else { return Vec::new() };
        let separator = if self.cells.is_list(index) { ITEM_END } else { '|' };
        let text = self.cells.text(index);
        if text.is_empty() {
            return Vec::new();
        }
        let items = text.split(separator).map(str::trim);
        items.filter(|item| !item.is_empty()).collect()
    }

    /// The items of a list cell that are stored like ids.
    pub(crate) fn names(&mut self, column: Column) -> Vec<&'a str> {
        let mut items = self.list(column);
        items.retain(|item| self.is_name(column, item));
        items
    }

    /// The items of a list cell that are category paths.
    pub(crate) fn categories(&mut self, column: Column) -> Vec<&'a str> {
        let mut paths = self.list(column);
        paths.retain(|path| self.is_category(column, path));
        paths
    }

    /// Says whether a text can be a category path, and reports it if not.
    pub(crate) fn is_category(&mut self, column: Column, path: &str) -> bool {
        let fault = category_fault(path);
        if let Some(expected) = &fault {
            self.bad_value(column, expected, path);
        }
        fault.is_none()
    }

    /// An amount that is not negative, and its currency.
    pub(crate) fn price(&mut self, price: Column, currency: Column) -> Option<PriceRecord<'a>> {
        let parse = |text: &str| Decimal::parse(text).filter(|amount| amount.digits >= 0);
        let amount = self.parsed(price, "an amount like `12.50`", parse)?;
        Some(PriceRecord { amount, currency: self.text(currency) })
    }

    /// A place in an order.
    pub(crate) fn position(&mut self, column: Column) -> Option<u32> {
        self.parsed(column, "a whole number from 0 to 4294967295", |text| text.parse().ok())
    }

    /// Units of something.
    pub(crate) fn quantity(&mut self, column: Column) -> Option<f64> {
        self.parsed(column, "a number above 0", quantity)
    }

    /// A switch.
    pub(crate) fn switch(&mut self, column: Column) -> Option<bool> {
        self.parsed(column, "`true` or `false`, `1` or `0`, `yes` or `no`", switch)
    }

    /// An instant in seconds since 1970.
    pub(crate) fn instant(&mut self, column: Column) -> Option<i64> {
        self.parsed(column, instant::EXPECTED, instant::parse)
    }

    /// Says whether a text can be stored like an id, and reports it if not.
    pub(crate) fn is_name(&mut self, column: Column, text: &str) -> bool {
        if text.len() > ID_BYTES_MAX {
            self.bad_value(column, &format!("at most {ID_BYTES_MAX} bytes"), text);
        }
        text.len() <= ID_BYTES_MAX
    }
}

/// What a text would have to be to be a category path, if it is none.
pub(crate) fn category_fault(path: &str) -> Option<String> {
    let is_level = |level: &str| (1..=ID_BYTES_MAX).contains(&level.len());
    let good = path.len() <= CATEGORY_PATH_BYTES_MAX
        && path.split('/').count() <= CATEGORY_DEPTH_MAX
        && path.split('/').all(is_level);
    let expected = || {
        format!(
            "at most {CATEGORY_DEPTH_MAX} levels of 1 to {ID_BYTES_MAX} bytes joined by `/`, \
             {CATEGORY_PATH_BYTES_MAX} bytes in all"
        )
    };
    (!good).then(expected)
}

/// Finite and above 0.
pub(crate) fn quantity(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// The words of a switch.
pub(crate) fn switch(text: &str) -> Option<bool> {
    const WORDS: [(&str, bool); 6] =
        [("true", true), ("false", false), ("1", true), ("0", false), ("yes", true), ("no", false)];
    let word = WORDS.into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
    word.map(|(_, value)| value)
}

/// A text without white space around it. Most texts begin and end with a visible character of ASCII, and
/// need no look at the Unicode tables.
pub(super) fn trimmed(text: &str) -> &str {
    let is_visible = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if is_visible(bytes.first()) && is_visible(bytes.last()) { text } else { text.trim() }
}
