//! Other ids of products.

use std::cmp::Reverse;

use super::{
    joins::Joined,
    ledger::Ledger,
    words::{Ordinals, Words},
};
use crate::model::{finding::FindingCode, record::Location};

/// Another id of a product; `Graph::alias_id` has its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    pub(super) node: u32,
    /// The product.
    pub product: u32,
}

/// A row that names an alias, in numbers of ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct AliasRow {
    pub(super) alias: u32,
    pub(super) product: u32,
    pub(super) authority: u16,
    pub(super) at: Location,
}

/// Checks the rows and makes `ordinals` know the aliases that hold, sorted by folded alias.
///
/// What `joined` tells are the ids of products that are one with another by now: those are aliases, too.
///
/// An alias that two sources give to two products belongs to the larger authority; of equal ones it
/// belongs to neither, because a guess would answer for the wrong product.
pub(super) fn settle(
    rows: Vec<AliasRow>,
    joined: &[Joined],
    words: &Words,
    ordinals: &mut Ordinals,
    ledger: &mut Ledger,
) -> Vec<Alias> {
    let mut claims = Vec::with_capacity(rows.len());
    for Joined { other, kept } in joined {
        if let Some(product) = ordinals.of(*kept) {
            ordinals.alias(*other, product);
        }
    }
    for row in rows {
        let named = ordinals.of(row.alias);
        let is_joined = row.alias != row.product && named == ordinals.of(row.product);
        let message = if named.is_some() && is_joined {
            continue;
        } else if named.is_some() {
            "expected an id that is no product's, or that one product of another source has, found \
             a product"
        } else if let Some(product) = ordinals.of(row.product) {
            claims.push((row, product));
            continue;
        } else {
            "expected a product that the alias names, found none of that id"
        };
        refuse(&row, message, words, ledger);
    }
    claims.sort_unstable_by(|(left, left_product), (right, right_product)| {
        let rest = |row: &AliasRow, product: u32| (Reverse(row.authority), product, row.at);
        let order = words.ids.order(left.alias, right.alias);
        order.then_with(|| rest(left, *left_product).cmp(&rest(right, *right_product)))
    });
    let joined = joined.iter().filter_map(|Joined { other, kept }| {
        Some(Alias { node: *other, product: ordinals.of(*kept)? })
    });
    let mut aliases: Vec<Alias> = joined.collect();
    for claims in claims.chunk_by(|(left, _), (right, _)| left.alias == right.alias) {
        let (first, product) = claims[0];
        let rivals = claims.iter().filter(|(row, _)| row.authority == first.authority);
        let settled = rivals.clone().all(|(_, rival)| *rival == product);
        if settled {
            ordinals.alias(first.alias, product);
            aliases.push(Alias { node: first.alias, product });
        }
        let lost = claims.iter().filter(|(_, rival)| !settled || *rival != product);
        for (row, _) in lost {
            refuse(row, "expected one product for the alias, found several", words, ledger);
        }
    }
    aliases.sort_unstable_by(|left, right| words.ids.order(left.node, right.node));
    aliases
}

fn refuse(row: &AliasRow, message: &str, words: &Words, ledger: &mut Ledger) {
    ledger.find(FindingCode::BadAlias, row.at, "alias", || {
        format!("{} for {}: {message}", words.ids.text(row.alias), words.ids.text(row.product))
    });
}
