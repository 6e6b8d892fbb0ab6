//! Bundles: sets of options, each with its selections.

use std::cmp::{Ordering, Reverse};

use super::{
    GraphError,
    intake::Intake,
    ledger::Ledger,
    words::{Ordinals, Words},
};
use crate::model::{
    finding::FindingCode,
    limits::{BUNDLE_OPTIONS_MAX, BUNDLE_SELECTIONS_MAX, TITLE_BYTES_MAX},
    record::{BundleRecord, Location},
};

/// A product that is sold as a set of others.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// The product that it is.
    pub product: u32,
    /// At least one, at most `BUNDLE_OPTIONS_MAX`, by position, then name.
    pub options: Vec<BundleOption>,
}

/// A choice that a bundle offers.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleOption {
    /// Unique in the bundle.
    pub name: String,
    /// Must the shopper take one?
    pub required: bool,
    /// Fewest selections.
    pub min_selections: u32,
    /// Most selections, at least one and at least `min_selections`.
    pub max_selections: u32,
    /// At least one, by position, then product.
    pub selections: Vec<Selection>,
}

/// A product that an option offers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// The product.
    pub product: u32,
    /// Units of it.
    pub quantity: f64,
    /// Chosen unless the shopper says otherwise?
    pub is_default: bool,
}

/// A selection as its row says it, in numbers of ids and texts, later of products.
#[derive(Clone, Copy, Debug)]
pub(super) struct BundleRow {
    bundle: u32,
    name: u32,
    option: OptionTerms,
    product: u32,
    selection_position: u32,
    quantity: f64,
    is_default: bool,
    authority: u16,
    at: Location,
}

/// What each row of an option repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OptionTerms {
    position: u32,
    optional: bool,
    min_selections: u32,
    max_selections: u32,
}

impl Intake {
    pub(super) fn bundle(
        &mut self,
        at: Location,
        record: &BundleRecord<'_>,
    ) -> Result<(), GraphError> {
        let bundle = self.checked_node(at, "bundle", record.bundle)?;
        let product = self.checked_node(at, "product", record.product)?;
        let (Some(bundle), Some(product)) = (bundle, product) else { return Ok(()) };
        let name = self.cut(at, "option", record.option, TITLE_BYTES_MAX);
        let name = self.words.text(name)?;
        let mut max_selections = record.max_selections.max(1);
        if record.min_selections > max_selections {
            self.ledger.find(FindingCode::BadValue, at, "max_selections", || {
                format!(
                    "expected at least min_selections {}, found {max_selections}; raised to it",
                    record.min_selections
                )
            });
            max_selections = record.min_selections;
        }
        let option = OptionTerms {
            position: record.option_position,
            optional: !record.required,
            min_selections: record.min_selections,
            max_selections,
        };
        self.bundle_rows.push(BundleRow {
            bundle,
            name,
            option,
            product,
            selection_position: record.selection_position,
            quantity: record.quantity,
            is_default: record.is_default,
            authority: self.authority(at),
            at,
        });
        Ok(())
    }
}

/// Makes bundles of rows.
pub(super) struct Bundles<'a> {
    pub(super) words: &'a Words,
    pub(super) ordinals: &'a Ordinals,
    pub(super) ledger: &'a mut Ledger,
}

impl Bundles<'_> {
    /// Bundles by product. Options without selections and bundles without options go.
    pub(super) fn settle(mut self, rows: Vec<BundleRow>) -> Vec<Bundle> {
        let mut rows: Vec<_> = rows.into_iter().filter_map(|row| self.resolve(row)).collect();
        let words = self.words;
        rows.sort_unstable_by(|left, right| statement_order(left, right, words));
        let bundles = rows.chunk_by(|left, right| left.bundle == right.bundle);
        bundles.map(|rows| self.bundle(rows)).collect()
    }

    /// The row in ordinals, nothing with a finding if an end is no product.
    fn resolve(&mut self, row: BundleRow) -> Option<BundleRow> {
        let unknown = match (self.ordinals.of(row.bundle), self.ordinals.of(row.product)) {
            (Some(bundle), Some(product)) if bundle != product => {
                return Some(BundleRow { bundle, product, ..row });
            }
            (Some(_), Some(_)) => {
                self.bad_value(&row, "product", "expected another product than the bundle itself");
                return None;
            }
            (None, _) => ("bundle", row.bundle),
            (Some(_), None) => ("product", row.product),
        };
        self.ledger.find(FindingCode::UnknownBundleProduct, row.at, unknown.0, || {
            format!("expected a product, found none of id {}", self.words.ids.text(unknown.1))
        });
        None
    }

    /// The bundle of its sorted rows.
    fn bundle(&mut self, rows: &[BundleRow]) -> Bundle {
        let mut options: Vec<_> = rows
            .chunk_by(|left, right| left.name == right.name)
            .map(|rows| self.option(rows))
            .collect();
        options.sort_by(|(left, left_rows), (right, right_rows)| {
            let names = || self.words.texts.order(left_rows[0].name, right_rows[0].name);
            left.position.cmp(&right.position).then_with(names)
        });
        let mut bundle = Bundle { product: rows[0].bundle, options: Vec::new() };
        let mut room = BUNDLE_SELECTIONS_MAX;
        for (place, (terms, rows)) in options.into_iter().enumerate() {
            let room_here = if place < BUNDLE_OPTIONS_MAX { room } else { 0 };
            let (kept, over) = rows.split_at(rows.len().min(room_here));
            for row in over {
                self.bad_value(
                    row,
                    "option",
                    "expected no more options and selections than one bundle may have; left out",
                );
            }
            room -= kept.len();
            if let Some(first) = kept.first() {
                bundle.options.push(BundleOption {
                    name: self.words.texts.text(first.name).to_owned(),
                    required: !terms.optional,
                    min_selections: terms.min_selections,
                    max_selections: terms.max_selections,
                    selections: kept.iter().map(selection).collect(),
                });
            }
        }
        bundle
    }

    /// The terms of an option and the best row of each of its products, in their order.
    fn option(&mut self, rows: &[BundleRow]) -> (OptionTerms, Vec<BundleRow>) {
        let stated = rows.iter().map(|row| (Reverse(row.authority), row.option));
        let (_, terms) = stated.min().expect("an option has a row");
        for row in rows.iter().filter(|row| row.option != terms) {
            self.bad_value(
                row,
                "option",
                "expected the same position, required and limits as in the option's other rows",
            );
        }
        let mut kept: Vec<BundleRow> = Vec::with_capacity(rows.len());
        for row in rows {
            if kept.last().is_some_and(|kept| kept.product == row.product) {
                self.bad_value(row, "product", "expected one row for it in the option; left out");
            } else {
                kept.push(*row);
            }
        }
        kept.sort_by_key(|row| (row.selection_position, row.product));
        (terms, kept)
    }

    fn bad_value(&mut self, row: &BundleRow, field: &str, message: &str) {
        self.ledger.find(FindingCode::BadValue, row.at, field, || message.to_owned());
    }
}

/// Rows of one bundle, option and product together, the best first.
fn statement_order(left: &BundleRow, right: &BundleRow, words: &Words) -> Ordering {
    let standing = |row: &BundleRow| (Reverse(row.authority), row.selection_position);
    left.bundle
        .cmp(&right.bundle)
        .then_with(|| words.texts.order(left.name, right.name))
        .then_with(|| left.product.cmp(&right.product))
        .then_with(|| standing(left).cmp(&standing(right)))
        .then_with(|| left.quantity.total_cmp(&right.quantity))
        .then_with(|| (!left.is_default, left.at).cmp(&(!right.is_default, right.at)))
}

fn selection(row: &BundleRow) -> Selection {
    Selection { product: row.product, quantity: row.quantity, is_default: row.is_default }
}
