//! Variant groups: the chain of parents above a product and the leaves below it.

use arrayvec::ArrayVec;
use zerocopy::little_endian::U32;

use crate::{
    index::{
        Ordinal, View,
        layout::{FLAG_PARENT, NONE, ProductRecord},
    },
    model::limits::{LEAVES_MAX, VARIANT_DEPTH_MAX},
};

/// Levels of a chain: a product and its ancestors.
pub(super) const LEVELS_MAX: usize = 1 + VARIANT_DEPTH_MAX;
/// Products visited in the search for leaves: no parent stands above more steps than leaves.
const VISITS_MAX: usize = LEAVES_MAX * LEVELS_MAX;

/// The product and its ancestors, nearest first.
pub(super) fn lineage<'a>(
    view: &View<'a>,
    product: Ordinal,
) -> impl Iterator<Item = Ordinal> + use<'a> {
    let view = *view;
    std::iter::successors(Some(product), move |product| view.parent(*product)).take(LEVELS_MAX)
}

/// The product at the top of a variant group; itself if it is in none.
#[inline(always)]
pub(super) fn group_root(view: &View<'_>, product: Ordinal, known: &ProductRecord) -> Ordinal {
    // Most products are in no group, and their record is at hand.
    if known.parent.get() == NONE {
        return product;
    }
    lineage(view, product).last().unwrap_or(product)
}

/// Products without variants below a product, depth first in the order of variants; none if it has
/// no variants itself.
pub(super) struct Leaves<'a> {
    view: View<'a>,
    levels: ArrayVec<&'a [U32], LEVELS_MAX>,
    visits: usize,
}

impl<'a> Leaves<'a> {
    pub(super) fn below(view: &View<'a>, product: Ordinal) -> Self {
        let mut levels = ArrayVec::new();
        levels.push(view.variants(product));
        Self { view: *view, levels, visits: 0 }
    }
}

impl<'a> Iterator for Leaves<'a> {
    type Item = (Ordinal, &'a ProductRecord);

    fn next(&mut self) -> Option<Self::Item> {
        while self.visits < VISITS_MAX {
            let level = self.levels.last_mut()?;
            let Some((next, rest)) = level.split_first() else {
                self.levels.pop();
                continue;
            };
            *level = rest;
            self.visits = self.visits.saturating_add(1);
            let product = Ordinal(next.get());
            let Some(known) = self.view.product(product) else { continue };
            if known.flags & FLAG_PARENT == 0 {
                return Some((product, known));
            }
            // Chains are no longer than this in a checked catalog.
            if !self.levels.is_full() {
                self.levels.push(self.view.variants(product));
            }
        }
        None
    }
}
