//! Rows of a mapped table, laid out under our columns.

use std::cell::Cell;

use super::{
    joins::Joins,
    lists,
    plan::{Kind, LISTS, Mapped, Mapping, Output, TablePlan, lower},
};
use crate::{
    model::{
        finding::FindingCode,
        record::{AliasRecord, FileId, Record, RecordSink, ScopeRecord, VariantRecord},
        text::shown,
    },
    sources::{
        SourceError,
        json::JsonReader,
        json_rows::JsonRows,
        kindred::{
            BundleColumns, ProductColumns, RelationColumns, emit_product, emit_relation,
            emit_selection,
        },
        row::Row,
        sample::{Deaf, Sample},
        table::{Cells, Column, Form, ITEM_END, Table},
    },
};

/// An output whose columns were found in a file.
pub(super) struct Bound<'p> {
    pub(super) output: &'p Output,
    /// For each of its columns, those of the file.
    columns: Vec<Vec<Column>>,
    /// What findings call its columns: as the file does.
    names: Vec<String>,
    /// It was said that the file speaks of the output's type.
    has_spoken: Cell<bool>,
}

/// Are the columns reported that nothing is read of? Of a file that several tables read, by the first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reports {
    /// Yes.
    Unknown,
    /// No.
    Nothing,
}

/// Our columns, bound to those of the output.
enum Ours {
    Product(ProductColumns),
    Relation(RelationColumns),
    Bundle(BundleColumns),
    Others,
}

/// Opens a file as the plan says, else as it looks. `known` are paths of JSON items that mean
/// something.
pub(super) fn open<'s>(
    plan: &TablePlan,
    sample: &Sample<'_>,
    known: Option<Vec<String>>,
    id: FileId,
    sink: &'s mut dyn RecordSink,
) -> Result<Table<'s>, SourceError> {
    let file = sample.file();
    let input = file.open()?;
    // What cannot be looked into at all says why when it is read as what its name says.
    let is_named = matches!(file.extension(), "json" | "jsonl" | "ndjson");
    let is_json = sample.is_json() || sample.delimiter().is_none() && is_named;
    if plan.delimiter.is_none() && is_json {
        let reader = JsonReader::with_named(input, &plan.items);
        return Ok(Table::json(JsonRows::new(reader, plan.each.as_deref(), known), id, sink));
    }
    let delimiter = plan.delimiter.or_else(|| sample.delimiter()).unwrap_or(b',');
    Table::new(Form::Csv { delimiter }, input, id, sink)
}

/// Has the file what rows of the table cannot do without? Of JSON the first row tells.
pub(super) fn fits(
    mapping: &Mapping,
    plan: &TablePlan,
    sample: &Sample<'_>,
) -> Result<bool, SourceError> {
    if plan.each.is_some() && !sample.is_json() {
        return Ok(false);
    }
    let mut deaf = Deaf;
    let Ok(mut table) = open(plan, sample, None, FileId(0), &mut deaf) else { return Ok(true) };
    let mut bound = Vec::new();
    for output in &plan.outputs {
        bound.extend(Bound::of(mapping, plan, output, &mut table)?);
    }
    if bound.is_empty() || !sample.is_json() {
        return Ok(!bound.is_empty());
    }
    if !table.advance().unwrap_or(false) {
        return Ok(false);
    }
    let row = table.row();
    Ok(bound.iter().any(|bound| bound.has_required(&row)))
}

/// Reads a file by one table of the mapping, and reports columns that no table of it knows, if
/// `reports` says so.
pub(super) fn read(
    mapping: &Mapping,
    plan: &TablePlan,
    joins: &Joins,
    sample: &Sample<'_>,
    reports: Reports,
    (id, sink): (FileId, &mut dyn RecordSink),
) -> Result<(), SourceError> {
    if plan.each.is_some() && !sample.is_json() {
        let message = "expected JSON, of which `each` names a list, found a table of cells";
        return Err(mapping.error(plan.at, message.to_owned()));
    }
    let known = (reports == Reports::Unknown).then(|| mapping.columns_of(sample.file()));
    let mut table = open(plan, sample, known.clone(), id, sink)?;
    let mut outputs = Vec::new();
    for output in &plan.outputs {
        if let Some(bound) = Bound::of(mapping, plan, output, &mut table)? {
            bound.speak(&mut table);
            outputs.push((bound.ours(), bound));
        }
    }
    if let Some(known) = known.filter(|_| !table.is_json()) {
        table.report_unknown(|column| !known.iter().any(|name| name == column));
    }
    let mut cells = Cells::default();
    while table.advance()? {
        for (ours, bound) in &outputs {
            bound.emit(ours, &mut table.row(), plan, joins, &mut cells);
        }
    }
    Ok(())
}

impl<'p> Bound<'p> {
    /// The only output of a join's table.
    pub(super) fn bind(
        mapping: &Mapping,
        plan: &'p TablePlan,
        table: &mut Table<'_>,
    ) -> Result<Option<Self>, SourceError> {
        match plan.outputs.first() {
            Some(output) => Self::of(mapping, plan, output, table),
            None => Ok(None),
        }
    }

    /// Finds an output's columns; `None` if it is optional and the file has not what it needs.
    fn of(
        mapping: &Mapping,
        plan: &'p TablePlan,
        output: &'p Output,
        table: &mut Table<'_>,
    ) -> Result<Option<Self>, SourceError> {
        let (columns, names, has_spoken) = (Vec::new(), Vec::new(), Cell::new(false));
        let mut bound = Self { output, columns, names, has_spoken };
        for mapped in &output.columns {
            let found: Vec<(Column, &String)> =
                mapped.columns.iter().filter_map(|name| Some((table.named(name)?, name))).collect();
            if found.is_empty() && mapped.value.is_none() {
                let expected = mapped.columns.join("` or `");
                let what = format!("expected a column `{expected}` for `{}`", mapped.name);
                match (plan.optional, mapped.required || is_subject(&output.kind, mapped)) {
                    (true, true) => return Ok(None),
                    (true, false) => {}
                    (false, true) if mapped.required => {
                        let message = format!("{what} in {}, found none", table.path().display());
                        return Err(mapping.error(mapped.at, message));
                    }
                    (false, _) => {
                        let text = format!("{what}, found none; nothing is read for it");
                        table.finding(FindingCode::BadValue, mapped.name, &text);
                    }
                }
            }
            let name = found.first().map_or(mapped.name, |(_, name)| name.as_str());
            bound.names.push(name.to_owned());
            bound.columns.push(found.into_iter().map(|(column, _)| column).collect());
        }
        // A list or an alias that the file has not leaves what was said before.
        let lacks = |(mapped, found): (&Mapped, &Vec<Column>)| {
            is_subject(&output.kind, mapped) && found.is_empty() && mapped.value.is_none()
        };
        let is_lost = output.columns.iter().zip(&bound.columns).any(lacks);
        Ok((!is_lost).then_some(bound))
    }

    /// Says of which types the file speaks at all. A row a relation tells that itself, and a list in
    /// JSON where its key stands first.
    fn speak(&self, table: &mut Table<'_>) {
        let relation_type = match &self.output.kind {
            Kind::Links { relation_type, .. } if !table.is_json() => relation_type,
            Kind::Parts(_) if !table.is_json() => ScopeRecord::BUNDLES,
            Kind::Bundle => ScopeRecord::BUNDLES,
            Kind::Variant => ScopeRecord::VARIANTS,
            Kind::Links { .. } | Kind::Parts(_) => return,
            Kind::Product | Kind::Relation | Kind::Alias | Kind::Join => return,
        };
        self.has_spoken.set(true);
        table.speak_of(relation_type);
    }

    fn ours(&self) -> Ours {
        let find = |name: &'static str| {
            let index = self.output.columns.iter().position(|mapped| mapped.name == name);
            Column { name, index }
        };
        match self.output.kind {
            Kind::Product => Ours::Product(ProductColumns::bind(find)),
            Kind::Relation => Ours::Relation(RelationColumns::bind(find)),
            Kind::Bundle => Ours::Bundle(BundleColumns::bind(find)),
            Kind::Variant | Kind::Alias | Kind::Join | Kind::Links { .. } | Kind::Parts(_) => {
                Ours::Others
            }
        }
    }

    /// Passes on what the output makes of a row.
    fn emit(
        &self,
        ours: &Ours,
        row: &mut Row<'_>,
        plan: &TablePlan,
        joins: &Joins,
        cells: &mut Cells,
    ) {
        self.lay_out(row, plan, joins, cells);
        let mut laid = row.laid_out(&self.names, cells);
        match (ours, &self.output.kind) {
            (Ours::Product(columns), _) => emit_product(&mut laid, columns),
            (Ours::Relation(columns), _) => emit_relation(&mut laid, columns),
            (Ours::Bundle(columns), _) => emit_selection(&mut laid, columns),
            (Ours::Others, Kind::Links { relation_type, list }) => {
                lists::emit_links(&mut laid, relation_type, list, &self.has_spoken);
            }
            (Ours::Others, Kind::Parts(list)) => {
                lists::emit_parts(&mut laid, list, &self.has_spoken);
            }
            (Ours::Others, Kind::Variant) => {
                let [parent, variant, position] =
                    ["parent", "variant", "position"].map(|name| self.index(name));
                let (Some(parent), Some(variant)) = (laid.id(parent), laid.id(variant)) else {
                    return;
                };
                let position = laid.position(position);
                let record = VariantRecord { parent, variant, position };
                laid.emit(laid.at(), Record::Variant(record));
            }
            (Ours::Others, _) => {
                let [alias, product] = ["alias", "product"].map(|name| self.index(name));
                // A product need not have one.
                if laid.text(alias).is_none() {
                    return;
                }
                let (Some(alias), Some(product)) = (laid.id(alias), laid.id(product)) else {
                    return;
                };
                laid.emit(laid.at(), Record::Alias(AliasRecord { alias, product }));
            }
        }
    }

    /// The texts of the two columns of a join.
    pub(super) fn pair(&self, row: &mut Row<'_>, plan: &TablePlan) -> [String; 2] {
        let mut cells = Cells::default();
        self.lay_out(row, plan, &Joins::NONE, &mut cells);
        [0, 1].map(|index| cells.text(index).trim().to_owned())
    }

    /// Reports something about the first column of a row.
    pub(super) fn find(&self, row: &mut Row<'_>, text: &str) {
        let first = self.columns.first().and_then(|found| found.first());
        if let Some(column) = first {
            row.finding(FindingCode::BadValue, row.at(), *column, text);
        }
    }

    fn index(&self, name: &'static str) -> Column {
        let index = self.output.columns.iter().position(|mapped| mapped.name == name);
        Column { name, index }
    }

    /// Does the system say by this item that it chooses?
    fn is_automatic(&self, item: &str) -> bool {
        let (Kind::Links { list, .. } | Kind::Parts(list)) = &self.output.kind else {
            return false;
        };
        list.automatic.iter().any(|automatic| automatic == item)
    }

    fn has_required(&self, row: &Row<'_>) -> bool {
        let says =
            |found: &Vec<Column>| found.iter().any(|column| !row.items(*column, "\0").is_empty());
        let columns = self.output.columns.iter().zip(&self.columns);
        let mut needed = columns.filter(|(mapped, _)| mapped.required && mapped.value.is_none());
        needed.all(|(_, found)| says(found))
    }

    /// Fills our columns with the texts of the row.
    fn lay_out(&self, row: &mut Row<'_>, plan: &TablePlan, joins: &Joins, cells: &mut Cells) {
        cells.begin(u64::from(row.at().line));
        for (mapped, found) in self.output.columns.iter().zip(&self.columns) {
            let says = |column: &&Column| {
                row.items(**column, "\0").iter().any(|item| !is_empty(plan, item))
            };
            let column = found.iter().find(says).or_else(|| found.first()).copied();
            let is_list =
                LISTS.contains(&mapped.name) || matches!(mapped.name, "list" | "positions");
            let separator = if is_list { plan.separator.as_str() } else { "\0" };
            let items = match (&mapped.value, column) {
                (Some(value), _) => vec![value.as_str()],
                (None, Some(column)) => row.items(column, separator),
                (None, None) => Vec::new(),
            };
            // What is absent is no list, not even an empty one.
            let is_absent = column.is_none_or(|column| row.is_absent(column));
            let is_list = is_list && !is_absent || column.is_some_and(|column| row.is_list(column));
            for item in items {
                if mapped.name == "list" && self.is_automatic(item) {
                    cells.text_mut().push_str(item);
                } else if let Some(text) = meaning(row, mapped, column, plan, joins, item) {
                    cells.text_mut().push_str(&text);
                }
                if is_list {
                    cells.text_mut().push(ITEM_END);
                }
            }
            cells.end_cell(is_list);
        }
    }
}

/// Is a list or an alias nothing without this column, though a row is?
fn is_subject(kind: &Kind, mapped: &Mapped) -> bool {
    match kind {
        Kind::Links { .. } | Kind::Parts(_) => mapped.name == "list",
        Kind::Alias => mapped.name == "alias",
        Kind::Product | Kind::Relation | Kind::Bundle | Kind::Variant | Kind::Join => false,
    }
}

fn is_empty(plan: &TablePlan, text: &str) -> bool {
    text.is_empty() || plan.empty.iter().any(|empty| empty == text)
}

/// What a text of the file means in ours; `None` if it is as good as empty.
fn meaning(
    row: &mut Row<'_>,
    mapped: &Mapped,
    column: Option<Column>,
    plan: &TablePlan,
    joins: &Joins,
    text: &str,
) -> Option<String> {
    if is_empty(plan, text) {
        return None;
    }
    let word = match mapped.words.is_empty() {
        true => None,
        false => mapped.words.get(&lower(text)),
    };
    let mut meaning = word.map_or_else(|| text.to_owned(), String::clone);
    if let Some(join) = mapped.join {
        let found = joins.find(join, &meaning).map(str::to_owned);
        if let (None, Some(column)) = (&found, column) {
            let message =
                format!("expected a key of the mapping's join, found `{}`", shown(&meaning));
            row.finding(FindingCode::BadValue, row.at(), column, &message);
        }
        meaning = found?;
    }
    if mapped.name == "category" && plan.levels != "/" {
        let levels = meaning.split(plan.levels.as_str()).map(str::trim);
        meaning = levels.collect::<Vec<_>>().join("/");
    }
    // Nothing that a list could be cut at by mistake.
    (!meaning.contains(ITEM_END)).then_some(meaning)
}
