//! `overrides.csv`: what people decided about single relations and products, each with its author.
//!
//! It is a set: the order of rows means nothing, and the same set is written as the same bytes.
//! Ties, as between two pins of one position, go by target.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{
    Names, Window,
    csv::{Row, Rows, write_cell},
    error::{Fault, Faults, PolicyErrors},
    names::{Noun, is_known},
    reader::{Name, one_of},
    row_reader::RowReader,
};
use crate::model::{
    config::OVERRIDES_FILE_NAME,
    instant,
    limits::{OVERRIDES_BYTES_MAX, OVERRIDES_PER_SOURCE_MAX},
    text::{Place, shown},
};

/// How errors name an override that stands in no file.
const GIVEN: &str = "the override";

/// What `overrides.csv` says.
#[derive(Clone, Debug, PartialEq)]
pub struct OverridesDoc {
    pub(super) file: String,
    /// In canonical order, no two of one key.
    rows: Vec<OverrideRow>,
}

/// One override as written.
#[derive(Clone, Debug, PartialEq)]
pub struct OverrideRow {
    pub(super) action: OverrideWord,
    pub(super) source: Option<Name>,
    pub(super) relation_type: Option<Name>,
    pub(super) target: Name,
    pub(super) position: Option<u32>,
    pub(super) quantity: Option<f64>,
    /// Sorted, each once.
    pub(super) markets: Vec<Name>,
    pub(super) window: Window,
    pub(super) author: Box<str>,
    pub(super) reason: Box<str>,
}

/// What an override does, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverrideWord {
    /// The relation is there, whatever the catalog says.
    Add,
    /// The relation is not used.
    Remove,
    /// The relation moves.
    Reorder,
    /// The target stands in every list of the source.
    Pin,
    /// The target is not recommended.
    Hide,
}

impl OverrideWord {
    /// Every word.
    pub const ALL: [Self; 5] = [Self::Add, Self::Remove, Self::Reorder, Self::Pin, Self::Hide];

    /// The word in tables: `reorder`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Reorder => "reorder",
            Self::Pin => "pin",
            Self::Hide => "hide",
        }
    }

    /// The action of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.code() == code)
    }
}

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// A column of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum OverrideColumn {
            $($(#[$doc])* $name,)*
        }

        impl OverrideColumn {
            /// Every column, in the order in which they are written.
            pub const ALL: [Self; [$(Self::$name),*].len()] = [$(Self::$name),*];

            /// Its name in the header.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

columns! {
    /// What is done.
    Action = "action";
    /// The product whose lists it is about.
    Source = "source";
    /// The relation type.
    Type = "type";
    /// The product that is recommended or not.
    Target = "target";
    /// A rank or a place in a list, from 1.
    Position = "position";
    /// Units of the target.
    Quantity = "quantity";
    /// The markets it holds in, `|` between them.
    Markets = "markets";
    /// The first instant it holds.
    ValidFrom = "valid_from";
    /// The first instant it no longer holds.
    ValidTo = "valid_to";
    /// Who decided.
    Author = "author";
    /// Why.
    Reason = "reason";
}

/// What came of adding an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// It took the place of one of the same action, source, type, target, markets and window.
    Replaced,
}

/// Which overrides: those for which everything said here is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// What they do.
    pub action: Option<OverrideWord>,
    /// Their source; empty for those without one.
    pub source: Option<String>,
    /// Their type; empty for those without one.
    pub relation_type: Option<String>,
    /// Their target.
    pub target: Option<String>,
}

impl Default for OverridesDoc {
    /// None.
    fn default() -> Self {
        Self { file: OVERRIDES_FILE_NAME.to_owned(), rows: Vec::new() }
    }
}

type Columns = [Option<usize>; OverrideColumn::ALL.len()];

impl OverridesDoc {
    /// Reads and checks a text; `file` names it in errors.
    ///
    /// # Errors
    /// Every fault with line and column, the first [`POLICY_FAULTS_MAX`] of them in words.
    ///
    /// [`POLICY_FAULTS_MAX`]: crate::model::limits::POLICY_FAULTS_MAX
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyErrors> {
        let mut faults = Faults::default();
        let mut document = Self { file: file.to_owned(), rows: Vec::new() };
        if text.len() > OVERRIDES_BYTES_MAX {
            let fault = Fault::TooLong { bytes_max: OVERRIDES_BYTES_MAX, found: text.len() };
            faults.add(Place { line: 1, column: 1 }, String::new(), fault);
        } else if let Err((place, fault)) = document.read(text, &mut faults) {
            faults.add(place, String::new(), fault);
        }
        document.rows.sort_by(OverrideRow::order);
        document.check_set(&mut faults);
        faults.finish(file, document)
    }

    fn read(&mut self, text: &str, faults: &mut Faults) -> Result<(), (Place, Fault)> {
        let mut rows = Rows::new(text);
        let mut row = Row::default();
        if !rows.read(&mut row)? {
            let expected = format!("a header of `{}`", all_columns().join("`, `"));
            return Err((Place { line: 1, column: 1 }, Fault::Missing { expected }));
        }
        let columns = read_header(&row, faults);
        if !faults.is_empty() {
            return Ok(());
        }
        let expected = row.count();
        while rows.read(&mut row)? {
            let found = row.count();
            if found == expected {
                self.rows.extend(RowReader::new(&row, &columns, faults).read());
            } else {
                let (expected, found) =
                    (format!("{expected} cells as in the header"), found.to_string());
                faults.add(row.place(), String::new(), Fault::Conflict { expected, found });
            }
        }
        Ok(())
    }

    /// No two rows of one key, and not too many of one source.
    fn check_set(&self, faults: &mut Faults) {
        let mut first_lines = BTreeMap::new();
        for row in &self.rows {
            let place = row.target.place;
            if let Some(first) = first_lines.get(&row.key()) {
                let found = shown(&row.target.text).into_owned();
                let fault = Fault::Duplicate { noun: "override", found, first: *first };
                faults.add(place, OverrideColumn::Target.code().to_owned(), fault);
            } else {
                first_lines.insert(row.key(), place.line);
            }
        }
        let same_source = |left: &OverrideRow, right: &OverrideRow| {
            left.source().is_some() && left.source() == right.source()
        };
        for rows in self.rows.chunk_by(same_source) {
            if let Some(beyond) = rows.get(OVERRIDES_PER_SOURCE_MAX) {
                let noun = "overrides of one source";
                let fault = Fault::TooMany { max: OVERRIDES_PER_SOURCE_MAX, noun };
                let place = beyond.source.as_ref().map_or(beyond.target.place, |name| name.place);
                faults.add(place, OverrideColumn::Source.code().to_owned(), fault);
            }
        }
    }

    /// The overrides in canonical order: by source, type, action, position, target and the rest.
    #[must_use]
    pub fn rows(&self) -> &[OverrideRow] {
        &self.rows
    }

    /// Adds an override, given by its cells, or puts it in the place of one of the same key.
    ///
    /// # Errors
    /// Everything that is wrong with it, as [`Self::parse`] would say.
    pub fn add(&mut self, cells: &[(OverrideColumn, &str)]) -> Result<Added, PolicyErrors> {
        let mut row = Row::default();
        let mut columns = Columns::default();
        for (index, (column, text)) in cells.iter().enumerate() {
            row.push(text, Place::default());
            if let Some(place) = columns.get_mut(*column as usize) {
                *place = Some(index);
            }
        }
        let mut faults = Faults::default();
        let row = RowReader::new(&row, &columns, &mut faults).read();
        let Some(row) = faults.finish(GIVEN, row)? else { return Ok(Added::Replaced) };
        let mut changed = self.clone();
        changed.rows.retain(|other| other.key() != row.key());
        let added = if changed.rows.len() < self.rows.len() { Added::Replaced } else { Added::New };
        changed.rows.push(row);
        changed.rows.sort_by(OverrideRow::order);
        let mut faults = Faults::default();
        changed.check_set(&mut faults);
        *self = faults.finish(GIVEN, changed)?;
        Ok(added)
    }

    /// Removes overrides and says how many.
    pub fn remove(&mut self, which: &Which) -> usize {
        let before = self.rows.len();
        self.rows.retain(|row| !which.means(row));
        before - self.rows.len()
    }

    /// The canonical text: the same set of overrides gives the same bytes.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = all_columns().join(",");
        text.push('\n');
        for row in &self.rows {
            for (index, column) in OverrideColumn::ALL.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_cell(&row.cell(column), &mut text);
            }
            text.push('\n');
        }
        text
    }

    /// Asks a catalog for every type and market that is named. Products come and go: those that are
    /// unknown are findings of the binding.
    ///
    /// # Errors
    /// Every name that the catalog does not know, with line and column.
    pub fn check_against(&self, names: &dyn Names) -> Result<(), PolicyErrors> {
        let mut faults = Faults::default();
        self.visit_names(&mut |noun, column, name| {
            let must_be_known = matches!(noun, Noun::RelationType | Noun::Market);
            if must_be_known && !is_known(names, noun, &name.text) {
                let found = shown(&name.text).into_owned();
                let fault = Fault::UnknownName { noun: noun.word(), of: "the catalog", found };
                faults.add(name.place, column.code().to_owned(), fault);
            }
        });
        faults.finish(&self.file, ())
    }

    /// Shows every name that a catalog gives a meaning to.
    pub(super) fn visit_names(&self, visit: &mut dyn FnMut(Noun, OverrideColumn, &Name)) {
        for row in &self.rows {
            if let Some(source) = &row.source {
                visit(Noun::Product, OverrideColumn::Source, source);
            }
            if let Some(relation_type) = &row.relation_type {
                visit(Noun::RelationType, OverrideColumn::Type, relation_type);
            }
            visit(Noun::Product, OverrideColumn::Target, &row.target);
            for market in &row.markets {
                visit(Noun::Market, OverrideColumn::Markets, market);
            }
        }
    }
}

/// What two overrides may not share.
type Key<'r> = (Option<&'r str>, Option<&'r str>, OverrideWord, &'r str, Vec<&'r str>, Window);

impl OverrideRow {
    /// What it does.
    #[must_use]
    pub const fn action(&self) -> OverrideWord {
        self.action
    }

    /// A cell as it is written; empty if not said.
    #[must_use]
    pub fn cell(&self, column: OverrideColumn) -> String {
        let name = |name: &Option<Name>| name.as_ref().map_or("", |name| &name.text).to_owned();
        let instant = |at_s| instant::show(at_s).unwrap_or_default();
        match column {
            OverrideColumn::Action => self.action.code().to_owned(),
            OverrideColumn::Source => name(&self.source),
            OverrideColumn::Type => name(&self.relation_type),
            OverrideColumn::Target => self.target.text.clone(),
            OverrideColumn::Position => self.position.map_or_else(String::new, |n| n.to_string()),
            OverrideColumn::Quantity => self.quantity.map_or_else(String::new, |n| n.to_string()),
            OverrideColumn::Markets => self.market_ids().join("|"),
            OverrideColumn::ValidFrom => instant(self.window.from_s),
            OverrideColumn::ValidTo => instant(self.window.to_s),
            OverrideColumn::Author => self.author.as_ref().to_owned(),
            OverrideColumn::Reason => self.reason.as_ref().to_owned(),
        }
    }

    fn source(&self) -> Option<&str> {
        self.source.as_ref().map(|name| name.text.as_str())
    }

    fn relation_type(&self) -> Option<&str> {
        self.relation_type.as_ref().map(|name| name.text.as_str())
    }

    fn market_ids(&self) -> Vec<&str> {
        self.markets.iter().map(|name| name.text.as_str()).collect()
    }

    fn key(&self) -> Key<'_> {
        let Self { action, target, window, .. } = self;
        (self.source(), self.relation_type(), *action, &target.text, self.market_ids(), *window)
    }

    /// Total over everything that is written; of equals the earlier line comes first.
    fn order(&self, other: &Self) -> Ordering {
        let head = |row: &Self| {
            // A row without a position stands at the end of its list, so at the end here, too.
            let position = row.position.unwrap_or(u32::MAX);
            (row.action, position)
        };
        let markets = |row: &Self| row.markets.iter().map(|name| name.text.clone()).collect();
        let rest = |row: &Self| -> (Vec<String>, Window) { (markets(row), row.window) };
        self.source()
            .cmp(&other.source())
            .then_with(|| self.relation_type().cmp(&other.relation_type()))
            .then_with(|| head(self).cmp(&head(other)))
            .then_with(|| self.target.text.cmp(&other.target.text))
            .then_with(|| rest(self).cmp(&rest(other)))
            .then_with(|| self.target.place.cmp(&other.target.place))
    }
}

impl Which {
    fn means(&self, row: &OverrideRow) -> bool {
        let says = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| wanted == found.unwrap_or_default())
        };
        self.action.is_none_or(|action| action == row.action)
            && says(&self.source, row.source())
            && says(&self.relation_type, row.relation_type())
            && says(&self.target, Some(&row.target.text))
    }
}

/// Where each column stands. Columns that are unknown, missing or twice there are faults.
fn read_header(row: &Row, faults: &mut Faults) -> Columns {
    use OverrideColumn::{Action, Author, Reason, Target};
    let mut columns = Columns::default();
    for index in 0..row.count() {
        let (name, place) = row.cell(index);
        let column = OverrideColumn::ALL.into_iter().find(|column| column.code() == name);
        let found = shown(name).into_owned();
        let Some(column) = column else {
            let expected = one_of(&all_columns());
            faults.add(place, String::new(), Fault::UnknownKey { expected, found });
            continue;
        };
        if let Some(known) = columns.get_mut(column as usize) {
            if known.is_some() {
                let first = row.place().line;
                let fault = Fault::Duplicate { noun: "column", found, first };
                faults.add(place, String::new(), fault);
            }
            *known = Some(index);
        }
    }
    for column in [Action, Target, Author, Reason] {
        if columns.get(column as usize).copied().flatten().is_none() {
            let expected = format!("a column `{}`", column.code());
            faults.add(row.place(), String::new(), Fault::Missing { expected });
        }
    }
    columns
}

fn all_columns() -> [&'static str; OverrideColumn::ALL.len()] {
    OverrideColumn::ALL.map(OverrideColumn::code)
}
