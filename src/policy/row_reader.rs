//! Reads one override from its cells.

use super::{
    Window,
    csv::Row,
    error::{Fault, Faults},
    overrides_document::{OverrideColumn as Column, OverrideRow, OverrideWord},
    reader::{Name, one_of},
};
use crate::model::{
    id, instant,
    limits::{
        ID_BYTES_MAX, MARKETS_MAX, OVERRIDE_TEXT_BYTES_MAX, RELATIONS_PER_TYPE_MAX, RESULTS_MAX,
    },
    text::{Place, shown},
};

/// A row whose cells are known by their columns.
pub(super) struct RowReader<'r> {
    row: &'r Row,
    /// Where in the row each column stands, in the order of [`Column::ALL`].
    columns: &'r [Option<usize>; Column::ALL.len()],
    faults: &'r mut Faults,
}

impl<'r> RowReader<'r> {
    pub(super) fn new(
        row: &'r Row,
        columns: &'r [Option<usize>; Column::ALL.len()],
        faults: &'r mut Faults,
    ) -> Self {
        Self { row, columns, faults }
    }

    /// The override, if the row has no fault.
    pub(super) fn read(mut self) -> Option<OverrideRow> {
        let action = self.action();
        let target = self.id(Column::Target);
        if target.is_none() && self.cell(Column::Target).0.is_empty() {
            self.missing(Column::Target);
        }
        let source = self.id(Column::Source);
        let relation_type = self.id(Column::Type);
        let markets = self.markets();
        let quantity = self.quantity();
        let window = self.window();
        let author = self.required_text(Column::Author);
        let reason = self.required_text(Column::Reason);
        // What belongs to which action can only be said when the action is known.
        let action = action?;
        let position = self.position(action);
        self.check_columns(action);
        if let (Some(source), Some(target)) = (&source, &target)
            && source.text == target.text
        {
            let expected = "another product than the source".to_owned();
            self.bad_value(Column::Target, expected);
        }
        Some(OverrideRow {
            action,
            target: target?,
            source,
            relation_type,
            position,
            quantity,
            markets,
            window,
            author: author?.into(),
            reason: reason?.into(),
        })
    }

    fn action(&mut self) -> Option<OverrideWord> {
        let (text, _) = self.cell(Column::Action);
        if text.is_empty() {
            self.missing(Column::Action);
            return None;
        }
        let word = OverrideWord::from_code(text);
        if word.is_none() {
            let words = OverrideWord::ALL.map(OverrideWord::code);
            self.bad_value(Column::Action, one_of(&words));
        }
        word
    }

    /// Which cells an action needs, and which mean nothing to it.
    fn check_columns(&mut self, action: OverrideWord) {
        use Column::{Position, Quantity, Source, Type};
        let (needs, ignores): (&[Column], &[Column]) = match action {
            OverrideWord::Add => (&[Source, Type], &[]),
            OverrideWord::Remove => (&[Source], &[Position, Quantity]),
            OverrideWord::Reorder => (&[Source, Type, Position], &[Quantity]),
            OverrideWord::Pin => (&[Source, Position], &[Quantity]),
            OverrideWord::Hide => (&[], &[Type, Position, Quantity]),
        };
        for column in needs.iter().copied() {
            if self.cell(column).0.is_empty() {
                let expected = format!("a `{}` with `{}`", column.code(), action.code());
                self.fault(column, Fault::Missing { expected });
            }
        }
        for column in ignores.iter().copied() {
            if !self.cell(column).0.is_empty() {
                let expected = format!("no `{}` with `{}`", column.code(), action.code());
                self.bad_value(column, expected);
            }
        }
    }

    fn id(&mut self, column: Column) -> Option<Name> {
        let (text, place) = self.cell(column);
        if text.is_empty() {
            return None;
        }
        if id::check(text).is_err() {
            self.bad_value(column, format!("1 to {ID_BYTES_MAX} bytes"));
            return None;
        }
        Some(Name { text: text.to_owned(), place })
    }

    fn markets(&mut self) -> Vec<Name> {
        let (text, place) = self.cell(Column::Markets);
        let mut markets: Vec<Name> = Vec::new();
        for market in text.split('|').map(str::trim).filter(|market| !market.is_empty()) {
            if id::check(market).is_err() {
                self.bad_value(Column::Markets, format!("ids of 1 to {ID_BYTES_MAX} bytes"));
                return markets;
            }
            markets.push(Name { text: market.to_owned(), place });
        }
        markets.sort_by(|left, right| left.text.cmp(&right.text));
        markets.dedup_by(|second, first| second.text == first.text);
        if markets.len() > MARKETS_MAX {
            self.fault(Column::Markets, Fault::TooMany { max: MARKETS_MAX, noun: "markets" });
        }
        markets
    }

    fn position(&mut self, action: OverrideWord) -> Option<u32> {
        let max = match action {
            OverrideWord::Pin => RESULTS_MAX,
            OverrideWord::Add | OverrideWord::Reorder => RELATIONS_PER_TYPE_MAX,
            OverrideWord::Remove | OverrideWord::Hide => return None,
        };
        let expected = format!("a whole number from 1 to {max}");
        let position: usize = self.parsed(Column::Position, expected, |text| {
            text.parse().ok().filter(|position| (1..=max).contains(position))
        })?;
        u32::try_from(position).ok()
    }

    fn quantity(&mut self) -> Option<f64> {
        self.parsed(Column::Quantity, "a number above 0".to_owned(), |text| {
            text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
        })
    }

    fn window(&mut self) -> Window {
        let mut instant =
            |column| self.parsed(column, instant::EXPECTED.to_owned(), instant::parse);
        let (from_s, to_s) = (instant(Column::ValidFrom), instant(Column::ValidTo));
        if let (Some(from_s), Some(to_s)) = (from_s, to_s)
            && from_s >= to_s
        {
            let shown = |at_s| instant::show(at_s).unwrap_or_default();
            let fault = Fault::EmptyWindow { from: shown(from_s), to: shown(to_s) };
            self.fault(Column::ValidTo, fault);
        }
        Window { from_s: from_s.unwrap_or(i64::MIN), to_s: to_s.unwrap_or(i64::MAX) }
    }

    fn required_text(&mut self, column: Column) -> Option<&'r str> {
        let (text, _) = self.cell(column);
        if text.is_empty() {
            self.missing(column);
            return None;
        }
        if text.len() > OVERRIDE_TEXT_BYTES_MAX {
            self.bad_value(column, format!("at most {OVERRIDE_TEXT_BYTES_MAX} bytes"));
            return None;
        }
        Some(text)
    }

    fn parsed<T>(
        &mut self,
        column: Column,
        expected: String,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (text, _) = self.cell(column);
        if text.is_empty() {
            return None;
        }
        let value = parse(text);
        if value.is_none() {
            self.bad_value(column, expected);
        }
        value
    }

    fn cell(&self, column: Column) -> (&'r str, Place) {
        let index = self.columns.get(column as usize).copied().flatten();
        index.map_or(("", self.row.place()), |index| self.row.cell(index))
    }

    fn missing(&mut self, column: Column) {
        let expected = format!("a `{}`", column.code());
        self.fault(column, Fault::Missing { expected });
    }

    fn bad_value(&mut self, column: Column, expected: String) {
        let found = shown(self.cell(column).0).into_owned();
        self.fault(column, Fault::BadValue { expected, found });
    }

    fn fault(&mut self, column: Column, fault: Fault) {
        let (_, place) = self.cell(column);
        self.faults.add(place, column.code().to_owned(), fault);
    }
}
