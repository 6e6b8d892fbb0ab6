//! The list on its way: what is kept, and what that leaves room for.

use super::{answer::Pick, kept::Kept, report::Bound, variants::group_root};
use crate::{
    index::{
        Ordinal, View,
        layout::{FLAG_PARENT, NONE, ProductRecord},
    },
    model::{limits::RELATION_TYPES_PER_REQUEST_MAX, selection::Diversity},
};

/// Kept products of one lookup.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Best first; fallbacks after all others.
    pub(super) picks: Vec<Pick>,
    /// As they were kept.
    pub(super) pins: Vec<Pin>,
    /// Of the kept products that a bound may ask about.
    kinds: Vec<Kinds>,
    diversity: Diversity,
    /// Do its bounds ask for brands or categories?
    reads_attributes: bool,
    kept: Kept,
    by_mix: [u32; RELATION_TYPES_PER_REQUEST_MAX],
}

/// A product that stands at a position whatever its score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pin {
    /// From 1.
    pub(super) position: u32,
    pub(super) pick: Pick,
}

/// Do these bounds ask for a product's brand or category?
pub(super) fn reads_attributes(diversity: Diversity) -> bool {
    diversity.max_per_brand > 0 || diversity.max_per_category > 0
}

/// Of what kinds a product is one; [`NONE`] counts for nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds {
    brand: u32,
    category: u32,
    root: u32,
    /// Others of its variant group may exist.
    is_grouped: bool,
}

/// An entry of the mix, by its place, that takes so many products.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    pub(super) mix: u8,
    pub(super) most: u32,
}

impl List {
    /// Of what kinds a product is one, as far as the bounds of this list ask; `None` if they ask nothing
    /// of it.
    #[inline]
    pub(super) fn kinds(
        &self,
        view: &View<'_>,
        product: Ordinal,
        known: &ProductRecord,
    ) -> Option<Kinds> {
        let is_grouped = known.parent.get() != NONE || known.flags & FLAG_PARENT != 0;
        if !is_grouped && !self.reads_attributes {
            return None;
        }
        let attributes = if self.reads_attributes { view.attributes(product) } else { None };
        Some(Kinds {
            brand: attributes.map_or(NONE, |attributes| attributes.brand.get()),
            category: attributes.map_or(NONE, |attributes| attributes.category.get()),
            root: group_root(view, product, known).0,
            is_grouped,
        })
    }

    /// Do bounds ask anything of products that are in no variant group?
    pub(super) fn has_bounds(&self) -> bool {
        self.reads_attributes
    }

    /// Forgets everything.
    pub(super) fn begin(&mut self, diversity: Diversity) {
        self.picks.clear();
        self.pins.clear();
        self.kinds.clear();
        self.by_mix = [0; RELATION_TYPES_PER_REQUEST_MAX];
        self.diversity = diversity;
        self.reads_attributes = reads_attributes(diversity);
        self.kept.begin();
    }

    /// Does the product stand in the list?
    #[inline(always)]
    pub(super) fn has(&mut self, product: Ordinal) -> bool {
        self.kept.has(product)
    }

    /// Has the list enough of one of these kinds, or of this entry of the mix?
    #[inline]
    pub(super) fn refuses(&self, kinds: Option<&Kinds>, quota: Option<Quota>) -> Option<Bound> {
        if let Some(bound) = kinds.and_then(|kinds| self.bound(kinds)) {
            return Some(bound);
        }
        let Quota { mix, most } = quota?;
        let count = self.by_mix.get(usize::from(mix)).copied().unwrap_or(0);
        (count >= most).then_some(Bound::MixEntry)
    }

    /// The bound against one more of these kinds.
    fn bound(&self, kinds: &Kinds) -> Option<Bound> {
        let Diversity { max_per_brand, max_per_category, max_per_variant_group } = self.diversity;
        if max_per_brand > 0
            && kinds.brand != NONE
            && self.is_full(max_per_brand, |kept| kept.brand == kinds.brand)
        {
            return Some(Bound::Brand);
        }
        if max_per_category > 0
            && kinds.category != NONE
            && self.is_full(max_per_category, |kept| kept.category == kinds.category)
        {
            return Some(Bound::Category);
        }
        let is_group_full = kinds.is_grouped
            && self.is_full(max_per_variant_group.max(1), |kept| kept.root == kinds.root);
        is_group_full.then_some(Bound::VariantGroup)
    }

    fn is_full(&self, most: u32, is_of_kind: impl Fn(&Kinds) -> bool) -> bool {
        let count = self.kinds.iter().filter(|kept| is_of_kind(kept)).count();
        count >= most as usize
    }

    #[inline(always)]
    pub(super) fn keep(&mut self, pick: Pick, kinds: Option<Kinds>, quota: Option<Quota>) {
        self.count(pick.product, kinds);
        self.picks.push(pick);
        let place = quota.and_then(|quota| self.by_mix.get_mut(usize::from(quota.mix)));
        if let Some(count) = place {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn pin(&mut self, pin: Pin, kinds: Option<Kinds>) {
        self.count(pin.pick.product, kinds);
        self.pins.push(pin);
    }

    #[inline(always)]
    fn count(&mut self, product: Ordinal, kinds: Option<Kinds>) {
        if let Some(kinds) = kinds {
            self.kinds.push(kinds);
        }
        self.kept.insert(product);
    }

    /// Cuts the picks at what the pins leave of the number of results.
    pub(super) fn cut(&mut self, max_results: usize) {
        self.picks.truncate(max_results.saturating_sub(self.pins.len()));
    }

    /// Puts every pin at its position.
    pub(super) fn place_pins(&mut self) {
        // Stable: of one position the pin kept first comes first.
        self.pins.sort_by_key(|pin| pin.position);
        let mut behind = 0;
        for Pin { position, pick } in self.pins.drain(..) {
            let index = (position.saturating_sub(1) as usize).max(behind).min(self.picks.len());
            self.picks.insert(index, pick);
            behind = index.saturating_add(1);
        }
    }
}
