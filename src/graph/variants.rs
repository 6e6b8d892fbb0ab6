//! Parents: whose variant a product is.

use std::cmp::Reverse;

use super::{
    Product,
    intern::{index, number},
    ledger::Ledger,
    rows::ProductRow,
    words::{Ordinals, Words},
};
use crate::model::{finding::FindingCode, limits::VARIANT_DEPTH_MAX, record::Location};

/// A parent's row about one of its variants, in numbers of ids, later of products.
#[derive(Clone, Copy, Debug)]
pub(super) struct VariantRow {
    pub(super) variant: u32,
    pub(super) parent: u32,
    pub(super) position: Option<u32>,
    pub(super) authority: u16,
    pub(super) at: Location,
}

/// Gives products their parents: the one that the product's row names, else the one that claims it.
pub(super) fn settle(
    variants: Vec<VariantRow>,
    rows: &[ProductRow],
    products: &mut [Product],
    words: &Words,
    ordinals: &Ordinals,
    ledger: &mut Ledger,
) {
    for (row, product) in rows.iter().zip(products.iter_mut()) {
        let Some(parent) = row.parent else { continue };
        product.parent = ordinals.of(parent);
        if product.parent.is_none() {
            unknown(words, parent, row.parent_at, ledger);
        }
    }
    claim(resolve(variants, words, ordinals, ledger), products, words, ledger);

    let mut lost = on_a_cycle(products);
    lost.iter().for_each(|child| products[index(*child)].parent = None);
    lost.extend(cut_too_deep(products));
    for child in lost {
        let row = &rows[index(child)];
        ledger.find(FindingCode::ParentCycle, row.at, "parent", || {
            let id = words.ids.text(row.node);
            format!(
                "expected at most {VARIANT_DEPTH_MAX} parents above {id} and no circle; its parent \
                 is left out"
            )
        });
    }
    for product in products {
        product.variant_position = product.variant_position.filter(|_| product.parent.is_some());
    }
}

/// The rows whose two ends are products, in ordinals.
fn resolve(
    variants: Vec<VariantRow>,
    words: &Words,
    ordinals: &Ordinals,
    ledger: &mut Ledger,
) -> Vec<VariantRow> {
    let mut known = Vec::with_capacity(variants.len());
    for row in variants {
        match (ordinals.of(row.variant), ordinals.of(row.parent)) {
            (Some(variant), Some(parent)) => known.push(VariantRow { variant, parent, ..row }),
            (None, _) => unknown(words, row.variant, row.at, ledger),
            (Some(_), None) => unknown(words, row.parent, row.at, ledger),
        }
    }
    known.sort_unstable_by_key(|row| {
        let position = (row.position.is_none(), row.position);
        (row.variant, Reverse(row.authority), row.parent, position, row.at)
    });
    known
}

/// Applies sorted rows to the products that have no parent of their own.
fn claim(variants: Vec<VariantRow>, products: &mut [Product], words: &Words, ledger: &mut Ledger) {
    for row in variants {
        let node = |ordinal: u32| products[index(ordinal)].node;
        let (child, claimant) = (node(row.variant), node(row.parent));
        let product = &mut products[index(row.variant)];
        if *product.parent.get_or_insert(row.parent) == row.parent {
            product.variant_position = product.variant_position.or(row.position);
        } else {
            ledger.find(FindingCode::BadValue, row.at, "variant", || {
                let (child, claimant) = (words.ids.text(child), words.ids.text(claimant));
                format!("expected one parent of {child}, found {claimant} beside another; left out")
            });
        }
    }
}

fn unknown(words: &Words, node: u32, at: Location, ledger: &mut Ledger) {
    ledger.find(FindingCode::UnknownParent, at, "parent", || {
        format!("expected a product, found none of id {}", words.ids.text(node))
    });
}

/// Every product whose parents lead back to it.
fn on_a_cycle(products: &[Product]) -> Vec<u32> {
    // Each product is walked over once: a walk that meets its own mark has found a circle.
    let mut walk_of = vec![u32::MAX; products.len()];
    let mut members = Vec::new();
    for walk in 0..number(products.len()) {
        let mut at = Some(walk);
        while let Some(product) = at.filter(|product| walk_of[index(*product)] == u32::MAX) {
            walk_of[index(product)] = walk;
            at = products[index(product)].parent;
        }
        let Some(meeting) = at.filter(|product| walk_of[index(*product)] == walk) else { continue };
        let mut member = meeting;
        loop {
            members.push(member);
            match products[index(member)].parent {
                Some(parent) if parent != meeting => member = parent,
                _ => break,
            }
        }
    }
    members.sort_unstable();
    members
}

/// Cuts each product loose that has too many parents above it, from the top down; those below it
/// then count from it. There must be no circle.
fn cut_too_deep(products: &mut [Product]) -> Vec<u32> {
    let mut depths: Vec<Option<usize>> = vec![None; products.len()];
    let mut lost = Vec::new();
    let mut path = Vec::new();
    for product in 0..number(products.len()) {
        let mut at = Some(product);
        while let Some(below) = at.filter(|product| depths[index(*product)].is_none()) {
            path.push(below);
            at = products[index(below)].parent;
        }
        let mut depth = at.and_then(|known| depths[index(known)]).map_or(0, |above| above + 1);
        while let Some(below) = path.pop() {
            if depth > VARIANT_DEPTH_MAX {
                products[index(below)].parent = None;
                lost.push(below);
                depth = 0;
            }
            depths[index(below)] = Some(depth);
            depth += 1;
        }
    }
    lost.sort_unstable();
    lost
}
