//! Checks a mapping as it is written, and names line and column of what cannot hold.

use std::{collections::BTreeMap, ops::Range, path::Path};

use toml::Spanned;

use super::{
    document::{Blank, ColumnText, JoinText, ListText, Section, TableText, Texts},
    plan::{JoinPlan, Kind, List, Mapped, Output, Pattern, TablePlan, lower},
};
use crate::{
    model::text::{Place, Places, shown},
    sources::{
        SourceError,
        kindred::{BundleColumns, ProductColumns, RelationColumns},
        table::Column,
    },
};

/// The text and its name, for errors.
#[derive(Clone, Copy)]
pub(super) struct Check<'t> {
    pub(super) text: &'t str,
    pub(super) path: &'t Path,
    pub(super) joins: &'t [String],
}

impl Check<'_> {
    pub(super) fn join(self, join: JoinText) -> Result<JoinPlan, SourceError> {
        let columns =
            vec![self.mapped("key", true, &join.key)?, self.mapped("value", true, &join.value)?];
        let table = TablePlan {
            at: self.place(&join.file.span()),
            file: self.pattern(&join.file)?,
            optional: false,
            delimiter: self.delimiter(join.delimiter.as_ref())?,
            separator: "|".to_owned(),
            levels: "/".to_owned(),
            items: join.items.list(),
            each: join.each,
            empty: Vec::new(),
            outputs: vec![Output { kind: Kind::Join, columns }],
        };
        Ok(JoinPlan { name: join.name.into_inner(), table })
    }

    pub(super) fn table(self, table: TableText) -> Result<TablePlan, SourceError> {
        let outputs = self.outputs(&table)?;
        let separator = |text: Option<&Spanned<String>>, default: &str| match text {
            Some(text) if text.as_ref().is_empty() => {
                Err(self.unexpected(text, "at least one character"))
            }
            Some(text) => Ok(text.as_ref().clone()),
            None => Ok(default.to_owned()),
        };
        Ok(TablePlan {
            at: self.place(&table.file.span()),
            optional: table.optional,
            delimiter: self.delimiter(table.delimiter.as_ref())?,
            separator: separator(table.separator.as_ref(), "|")?,
            levels: separator(table.levels.as_ref(), "/")?,
            file: self.pattern(&table.file)?,
            items: table.items.list(),
            each: table.each,
            empty: table.empty,
            outputs,
        })
    }

    fn outputs(self, table: &TableText) -> Result<Vec<Output>, SourceError> {
        let span = table.file.span();
        let mut outputs = Vec::new();
        let section = |kind: Kind, section: &Section, required: &[&'static str]| {
            Ok::<_, SourceError>(Output {
                columns: self.section(&span, section, &known(&kind), required)?,
                kind,
            })
        };
        if let Some(product) = &table.product {
            outputs.push(section(Kind::Product, product, &["id"])?);
        }
        if let Some(relation) = &table.relation {
            outputs.push(section(Kind::Relation, relation, &["source", "type", "target"])?);
        }
        if let Some(bundle) = &table.bundle {
            outputs.push(section(Kind::Bundle, bundle, &["bundle", "option", "product"])?);
        }
        if let Some(variant) = &table.variant {
            outputs.push(section(Kind::Variant, variant, &["parent", "variant"])?);
        }
        let id = table.product.as_ref().and_then(|product| {
            product.iter().find(|(name, _)| name.as_ref() == "id").map(|(_, column)| column)
        });
        for alias in &table.aliases {
            let is_product = |name: &Spanned<String>| name.as_ref() == "product";
            let mut output = match id {
                Some(id) if !alias.keys().any(is_product) => {
                    let mut output = section(Kind::Alias, alias, &["alias"])?;
                    output.columns.push(self.mapped("product", true, id)?);
                    output
                }
                _ => section(Kind::Alias, alias, &["alias", "product"])?,
            };
            // A product without this id of its own is no error.
            output
                .columns
                .iter_mut()
                .for_each(|column| column.required &= column.name == "product");
            outputs.push(output);
        }
        for list in &table.links {
            let relation_type = list.relation_type.as_ref().ok_or_else(|| {
                let message = "expected the `type` of these links, found none".to_owned();
                self.error(&list.column.span(), message)
            })?;
            let relation_type = relation_type.as_ref().trim().to_owned();
            let plan = self.list(list, table.blank)?;
            let columns = self.list_columns(list, id)?;
            outputs.push(Output { kind: Kind::Links { relation_type, list: plan }, columns });
        }
        for list in &table.parts {
            if let Some(relation_type) = &list.relation_type {
                return Err(self.unexpected(relation_type, "no type: parts are those of bundles"));
            }
            let columns = self.list_columns(list, id)?;
            outputs.push(Output { kind: Kind::Parts(self.list(list, table.blank)?), columns });
        }
        if outputs.is_empty() {
            let expected =
                "`product`, `relation`, `bundle`, `variant`, `aliases`, `links` or `parts`";
            let message = format!("expected {expected} of the table, found none of them");
            return Err(self.error(&span, message));
        }
        Ok(outputs)
    }

    fn list(self, list: &ListText, blank: Blank) -> Result<List, SourceError> {
        if let Some(text) = list.quantity_separator.as_ref().filter(|text| text.as_ref().is_empty())
        {
            return Err(self.unexpected(text, "at least one character"));
        }
        Ok(List {
            quantity_separator: list.quantity_separator.as_ref().map(|text| text.as_ref().clone()),
            automatic: list.automatic.clone(),
            blank_keeps: blank == Blank::Keeps,
        })
    }

    fn list_columns(
        self,
        list: &ListText,
        id: Option<&Spanned<ColumnText>>,
    ) -> Result<Vec<Mapped>, SourceError> {
        let product = list.product.as_ref().or(id).ok_or_else(|| {
            let message = "expected the `product` that has the list, or a `product.id` of the table, \
                           found neither";
            self.error(&list.column.span(), message.to_owned())
        })?;
        let mut columns =
            vec![self.mapped("product", true, product)?, self.mapped("list", false, &list.column)?];
        if let Some(positions) = &list.positions {
            columns.push(self.mapped("positions", false, positions)?);
        }
        Ok(columns)
    }

    /// The columns of a section; each is one of ours, and those that are required are there.
    fn section(
        self,
        span: &Range<usize>,
        section: &Section,
        known: &[&'static str],
        required: &[&'static str],
    ) -> Result<Vec<Mapped>, SourceError> {
        let mut columns = Vec::new();
        for (name, column) in section {
            let found = known.iter().copied().find(|known| known == name.as_ref());
            let expected = || format!("one of `{}`", known.join("`, `"));
            let ours = found.ok_or_else(|| self.unexpected(name, &expected()))?;
            columns.push(self.mapped(ours, required.contains(&ours), column)?);
        }
        match required.iter().find(|name| !columns.iter().any(|column| column.name == **name)) {
            Some(missing) => {
                let message = format!("expected a column for `{missing}`, found none");
                Err(self.error(span, message))
            }
            None => Ok(columns),
        }
    }

    fn mapped(
        self,
        name: &'static str,
        required: bool,
        column: &Spanned<ColumnText>,
    ) -> Result<Mapped, SourceError> {
        let span = column.span();
        let at = self.place(&span);
        let plain = |columns| Mapped {
            name,
            required,
            columns,
            value: None,
            words: BTreeMap::new(),
            join: None,
            at,
        };
        let mapped = match column.as_ref() {
            ColumnText::Name(name) => plain(vec![name.clone()]),
            ColumnText::Names(names) => plain(names.clone()),
            ColumnText::Full(full) => {
                let words = full.words.iter().map(|(word, ours)| (lower(word), ours.clone()));
                let join = match &full.join {
                    None => None,
                    Some(join) => Some(
                        self.joins.iter().position(|known| known == join).ok_or_else(|| {
                            let message = format!("expected a join of `[[joins]]`, found `{join}`");
                            self.error(&span, message)
                        })?,
                    ),
                };
                Mapped {
                    value: full.value.clone(),
                    words: words.collect(),
                    join,
                    ..plain(full.column.list())
                }
            }
        };
        if mapped.columns.is_empty() == mapped.value.is_none() {
            let message = "expected either a `column` or a `value`".to_owned();
            return Err(self.error(&span, message));
        }
        Ok(mapped)
    }

    fn pattern(self, file: &Spanned<Texts>) -> Result<Pattern, SourceError> {
        let names = file.as_ref().list();
        if names.is_empty() || names.iter().any(|name| name.trim().is_empty()) {
            let message = "expected the name of a file, or a list of names, found none".to_owned();
            return Err(self.error(&file.span(), message));
        }
        Ok(Pattern(names))
    }

    fn delimiter(self, text: Option<&Spanned<String>>) -> Result<Option<u8>, SourceError> {
        let Some(text) = text else { return Ok(None) };
        match text.as_ref().as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(Some(*byte)),
            _ => Err(self.unexpected(text, "one ASCII character that is no quote or line break")),
        }
    }

    fn place(self, span: &Range<usize>) -> Place {
        Places::new(self.text).at(span.start)
    }

    pub(super) fn unexpected(self, found: &Spanned<String>, expected: &str) -> SourceError {
        let message = format!("expected {expected}, found `{}`", shown(found.as_ref()));
        self.error(&found.span(), message)
    }

    pub(super) fn error(self, span: &Range<usize>, message: String) -> SourceError {
        let Place { line, column } = self.place(span);
        SourceError::Mapping { path: self.path.to_owned(), line, column, message }
    }
}

/// Our columns of a kind of record.
fn known(kind: &Kind) -> Vec<&'static str> {
    let mut names = Vec::new();
    let find = |name: &'static str| {
        names.push(name);
        Column { name, index: None }
    };
    match kind {
        Kind::Product => drop(ProductColumns::bind(find)),
        Kind::Relation => drop(RelationColumns::bind(find)),
        Kind::Bundle => drop(BundleColumns::bind(find)),
        Kind::Variant => names.extend(["parent", "variant", "position"]),
        Kind::Alias => names.extend(["alias", "product"]),
        Kind::Join | Kind::Links { .. } | Kind::Parts(_) => {}
    }
    names
}
