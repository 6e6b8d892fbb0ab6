//! May this candidate be shown? The reasons against it, in their order.
//!
//! What is constant during one lookup stands in [`Checks`], built before the first candidate; parts
//! that a lookup does not use cost one branch each.

use arrayvec::ArrayVec;

use super::{
    filter::{Conditions, SeedSide},
    interval::Interval,
    page::Page,
    patch::names_market,
    report::Reason,
    rules::Rules,
    runs::Candidate,
    scene::{Context, Scene, state_number},
    seeds::Known,
    variants::{LEVELS_MAX, Leaves, group_root, lineage},
};
use crate::{
    index::{
        Ordinal, View,
        layout::{Edge, FLAG_HIDDEN, FLAG_PARENT, NONE, ProductRecord},
    },
    model::{
        limits::{LEAVES_MAX, OVERRIDES_PER_SOURCE_MAX},
        relation::{Availability, StageMask},
        selection::{AvailabilitySet, VariantResolution},
    },
    policy::{Override, OverrideAction},
    stock::{Readings, StockView},
};

/// All that decides about candidates of one lookup.
pub(super) struct Checks<'c> {
    pub(super) view: View<'c>,
    pub(super) scene: &'c Scene<'c>,
    pub(super) context: &'c Context<'c>,
    pub(super) stock: &'c StockView,
    /// Of the inventory of the call.
    pub(super) readings: Readings<'c>,
    /// Sorted.
    pub(super) own: &'c [Ordinal],
    /// Sorted.
    pub(super) excluded: &'c [u32],
    pub(super) conditions: Option<Conditions<'c>>,
    pub(super) rules: &'c Rules,
    pub(super) page: &'c Page,
    pub(super) resolution: VariantResolution,
    pub(super) states: States,
    /// Bit of the market in masks.
    pub(super) market: u64,
    /// Bit of the stage; 0 without one.
    pub(super) stage: u8,
    pub(super) has_overrides: bool,
    /// Are there blocks, overrides or exclusions at all? See [`knows_more`].
    pub(super) knows_more: bool,
    /// The market's assortment holds every product, so that nobody's needs to be read.
    pub(super) sells_everything: bool,
    /// Are attributes of most candidates read?
    pub(super) reads_attributes: bool,
}

/// Accepted states of stock, by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct States(u8);

impl States {
    pub(super) fn new(set: AvailabilitySet) -> Self {
        let accepted = Availability::ALL.into_iter().filter(|state| set.accepts(*state));
        let mask = accepted.fold(0_u8, |mask, state| mask | 1 << (state as u8 & 7));
        // No reading counts as in stock.
        Self(mask | mask >> Availability::InStock as u8 & 1)
    }

    #[inline(always)]
    fn accept(self, state: u8) -> bool {
        self.0 >> (state & 7) & 1 == 1
    }
}

/// Where candidates come from.
pub(super) struct Asked<'c> {
    /// `None` for lists that nobody's product leads to.
    pub(super) known: Option<Known>,
    side: SeedSide,
    /// Overrides of the known product and its ancestors.
    hides: ArrayVec<&'c [Override], LEVELS_MAX>,
}

/// A candidate's products.
#[derive(Clone, Copy)]
pub(super) struct Sight<'c> {
    pub(super) linked: Ordinal,
    pub(super) shown: Ordinal,
    /// Of the shown product.
    pub(super) known: &'c ProductRecord,
    linked_known: &'c ProductRecord,
    /// A sellable variant was wanted, and there is none.
    is_unsellable: bool,
}

/// Does one of these overrides hide the product?
fn hide(rows: &[Override], product: Ordinal) -> bool {
    rows.iter().any(|row| row.action == OverrideAction::Hide && row.target == product.0)
}

impl<'c> Sight<'c> {
    /// A product that stands for itself.
    #[inline(always)]
    pub(super) fn as_linked(product: Ordinal, known: &'c ProductRecord) -> Self {
        let (linked, shown, linked_known) = (product, product, known);
        Self { linked, shown, known, linked_known, is_unsellable: false }
    }
}

/// May anything be known of a product that few have (`Checks::is_special`)?
pub(super) fn knows_more(scene: &Scene<'_>, excluded: &[u32]) -> bool {
    scene.policy.overrides().count() > 0 || scene.stock.has_blocks() || !excluded.is_empty()
}

impl<'c> Checks<'c> {
    /// Candidates of a known product.
    pub(super) fn asked(&self, known: &Known) -> Asked<'c> {
        let side = self.conditions.as_ref().map(|conditions| conditions.side(known.product));
        let hides = self.hides_of(known.product);
        Asked { known: Some(*known), side: side.unwrap_or_default(), hides }
    }

    /// Candidates that no product leads to; `source` is whose overrides count all the same.
    pub(super) fn asked_by_nobody(&self, source: Option<Ordinal>) -> Asked<'c> {
        let hides = source.map(|source| self.hides_of(source));
        Asked { known: None, side: SeedSide::default(), hides: hides.unwrap_or_default() }
    }

    /// Asks for the cache lines that a look at a candidate reads.
    #[inline(always)]
    pub(super) fn prefetch(&self, target: u32) {
        let product = Ordinal(target);
        self.view.prefetch(product);
        self.readings.prefetch(product);
        if self.reads_attributes {
            self.view.prefetch_attributes(product);
        }
    }

    fn hides_of(&self, product: Ordinal) -> ArrayVec<&'c [Override], LEVELS_MAX> {
        if !self.has_overrides {
            return ArrayVec::new();
        }
        let overrides = self.scene.policy.overrides();
        let rows = lineage(&self.view, product).map(|source| overrides.of(source.0));
        rows.filter(|rows| !rows.is_empty()).collect()
    }

    /// Finds the product to show for a linked one; `None` if the catalog lacks it.
    #[inline]
    pub(super) fn look(&self, linked: Ordinal, interval: &mut Interval) -> Option<Sight<'c>> {
        let known = self.view.product(linked)?;
        let mut sight = Sight::as_linked(linked, known);
        match self.resolution {
            VariantResolution::AsLinked => {}
            VariantResolution::Parent => {
                sight.shown = group_root(&self.view, linked, known);
                sight.known = self.view.product(sight.shown)?;
            }
            VariantResolution::SellableVariant => {
                if known.flags & FLAG_PARENT != 0 {
                    match self.sellable_leaf(linked, interval) {
                        Some((leaf, known)) => (sight.shown, sight.known) = (leaf, known),
                        None => sight.is_unsellable = true,
                    }
                }
            }
        }
        Some(sight)
    }

    /// The record and the state of an ordinary candidate's product: in no variant group, neither hidden
    /// nor withdrawn, no seed, and nothing is known of it that few have: blocks, overrides, an exclusion,
    /// a rare record. Nearly all candidates are ordinary. They are shown as linked, unless
    /// [`Checks::against`] says why not. [`Checks::look`] and [`Checks::early`] find the same, and meet
    /// nothing on the way; traced lookups have only these.
    #[inline(always)]
    pub(super) fn ordinary(
        &self,
        candidate: &Candidate<'_>,
        asked: &Asked<'_>,
    ) -> Option<(&'c ProductRecord, u8)> {
        let product = candidate.linked();
        let known = self.view.product(product)?;
        let state = self.state(product, known);
        if known.flags & (FLAG_HIDDEN | FLAG_PARENT) != 0
            || known.parent.get() != NONE
            || state == Availability::Discontinued as u8
            || candidate.rare.is_some()
            || self.is_own(product)
            || (self.knows_more && self.is_special(candidate.removed_by, product, asked))
        {
            return None;
        }
        Some((known, state))
    }

    /// The reasons from market to unavailable for an ordinary candidate.
    pub(super) fn against(
        &self,
        edge: &Edge,
        (known, state): (&ProductRecord, u8),
        asked: &Asked<'_>,
    ) -> Option<Reason> {
        let product = Ordinal(edge.target.get());
        if !self.is_sold_here(product) {
            return Some(Reason::Market);
        }
        match (&self.conditions, self.against_simple(edge, state)) {
            (Some(conditions), None | Some(Reason::Unavailable)) => {
                let broken = self.broken(conditions, product, known, asked);
                broken.or_else(|| self.against_simple(edge, state))
            }
            (_, reason) => reason,
        }
    }

    /// The same where nothing but stage and stock can speak against it.
    #[inline(always)]
    pub(super) fn against_simple(&self, edge: &Edge, state: u8) -> Option<Reason> {
        if self.is_for_other_stage(edge) {
            return Some(Reason::Stage);
        }
        if self.states.accept(state) { None } else { Some(Reason::Unavailable) }
    }

    /// Is nothing but stage and stock asked of an ordinary candidate, but for its score?
    pub(super) fn is_simple(&self) -> bool {
        self.sells_everything
            && self.conditions.is_none()
            && !self.rules.hide_any()
            && !self.page.is_showing()
    }

    /// Is something known of the candidate that few have, wherever and whenever it holds? A block of another
    /// market counts, and an override that has ended: the long way knows better.
    #[inline(never)]
    fn is_special(&self, removed_by: Option<u32>, product: Ordinal, asked: &Asked<'_>) -> bool {
        let is_overridden = || {
            let overrides = self.scene.policy.overrides();
            removed_by.is_some()
                || asked.hides.iter().any(|rows| hide(rows, product))
                || !overrides.hides_everywhere(product.0).is_empty()
        };
        self.stock.is_marked(product)
            || self.excludes(product)
            || (self.has_overrides && is_overridden())
    }

    /// Is it the top of a seed's group? Most lookups have one seed.
    #[inline(always)]
    fn is_own(&self, product: Ordinal) -> bool {
        match self.own {
            [] => false,
            [one] => *one == product,
            several => several.binary_search(&product).is_ok(),
        }
    }

    /// A product that stands for itself.
    pub(super) fn as_linked(&self, product: Ordinal) -> Option<Sight<'c>> {
        Some(Sight::as_linked(product, self.view.product(product)?))
    }

    /// The first of the reasons from blocked to unavailable.
    #[inline]
    pub(super) fn early(
        &self,
        sight: &Sight<'c>,
        candidate: &Candidate<'_>,
        asked: &Asked<'_>,
        interval: &mut Interval,
    ) -> Option<Reason> {
        if self.is_either_blocked(sight, interval) {
            return Some(Reason::Blocked);
        }
        let state = self.state(sight.shown, sight.known);
        if self.is_gone(sight, state) {
            return Some(Reason::Hidden);
        }
        if let Some(line) = self.overridden(sight, candidate, asked, interval) {
            return Some(Reason::Overridden(line));
        }
        let root = group_root(&self.view, sight.shown, sight.known);
        if self.is_own(root) {
            return Some(Reason::SameGroup);
        }
        if !self.excluded.is_empty() && (self.excludes(sight.linked) || self.excludes(sight.shown))
        {
            return Some(Reason::Excluded);
        }
        if let Some(reason) = self.wrong_moment(sight.shown, candidate, interval) {
            return Some(reason);
        }
        if let Some(conditions) = &self.conditions
            && let Some(reason) = self.broken(conditions, sight.shown, sight.known, asked)
        {
            return Some(reason);
        }
        (!self.is_available(sight, state, interval)).then_some(Reason::Unavailable)
    }

    /// Rule or page: the reasons between score and diversity.
    #[inline(always)]
    pub(super) fn late(&self, shown: Ordinal, linked: Ordinal) -> Option<Reason> {
        if let Some(rule) = self.rules.hides(self.scene, shown, linked) {
            return Some(Reason::Rule(rule));
        }
        self.page.shows(shown).then_some(Reason::OnPage)
    }

    fn is_either_blocked(&self, sight: &Sight<'_>, interval: &mut Interval) -> bool {
        let linked = self.is_blocked(sight.linked, interval);
        // Not in short circuit: the blocks of both are edges of the answer's interval.
        let shown = sight.shown != sight.linked && self.is_blocked(sight.shown, interval);
        linked || shown
    }

    /// Does a block of the product hold here and now?
    #[inline]
    pub(super) fn is_blocked(&self, product: Ordinal, interval: &mut Interval) -> bool {
        let mut is_blocked = false;
        for block in self.stock.blocks(product) {
            if block.markets & self.market != 0 {
                interval.meet(block.expire_s, self.context.at_s);
                is_blocked |= self.context.at_s < block.expire_s;
            }
        }
        is_blocked
    }

    #[inline(always)]
    fn state(&self, product: Ordinal, known: &ProductRecord) -> u8 {
        state_number(&self.readings, product, known)
    }

    /// Is one of the products withdrawn, or the linked one hidden?
    #[inline]
    fn is_gone(&self, sight: &Sight<'_>, state: u8) -> bool {
        let withdrawn = Availability::Discontinued as u8;
        state == withdrawn
            || sight.linked_known.flags & FLAG_HIDDEN != 0
            || (sight.linked != sight.shown
                && self.state(sight.linked, sight.linked_known) == withdrawn)
    }

    /// The line of the override that takes the candidate out.
    #[inline]
    fn overridden(
        &self,
        sight: &Sight<'_>,
        candidate: &Candidate<'_>,
        asked: &Asked<'_>,
        interval: &mut Interval,
    ) -> Option<u32> {
        if !self.has_overrides {
            return None;
        }
        let hidden = self.hidden_by(sight, asked, interval);
        candidate.removed_by.or(hidden)
    }

    /// The line of the first override in force that hides one of the products; meets all of them.
    fn hidden_by(
        &self,
        sight: &Sight<'_>,
        asked: &Asked<'_>,
        interval: &mut Interval,
    ) -> Option<u32> {
        let overrides = self.scene.policy.overrides();
        let own = asked.hides.iter().flat_map(|rows| rows.iter().take(OVERRIDES_PER_SOURCE_MAX));
        let everywhere = overrides.hides_everywhere(sight.linked.0).iter();
        let everywhere = everywhere.chain(match sight.shown == sight.linked {
            true => &[],
            false => overrides.hides_everywhere(sight.shown.0),
        });
        let mut line = None;
        for row in own.chain(everywhere) {
            let is_about = row.target == sight.linked.0 || row.target == sight.shown.0;
            if is_about && row.action == OverrideAction::Hide && names_market(row, self.context) {
                interval.meet(row.window.from_s, self.context.at_s);
                interval.meet(row.window.to_s, self.context.at_s);
                if row.window.contains(self.context.at_s) {
                    line = line.or(Some(row.line));
                }
            }
        }
        line
    }

    fn excludes(&self, product: Ordinal) -> bool {
        self.excluded.binary_search(&product.0).is_ok()
    }

    /// Market, validity, stage.
    #[inline]
    fn wrong_moment(
        &self,
        shown: Ordinal,
        candidate: &Candidate<'_>,
        interval: &mut Interval,
    ) -> Option<Reason> {
        if !self.is_sold_here(shown) {
            return Some(Reason::Market);
        }
        let reason = self.wrong_market(candidate).or_else(|| self.wrong_time(candidate, interval));
        if reason.is_some() {
            return reason;
        }
        self.is_for_other_stage(&candidate.edge).then_some(Reason::Stage)
    }

    #[inline(always)]
    fn is_for_other_stage(&self, edge: &Edge) -> bool {
        let stages = edge.stages();
        self.stage != 0 && stages != StageMask::EVERY && stages.bits() & self.stage == 0
    }

    /// The condition of the filter that does not hold.
    fn broken(
        &self,
        conditions: &Conditions<'_>,
        product: Ordinal,
        known: &ProductRecord,
        asked: &Asked<'_>,
    ) -> Option<Reason> {
        let Some(attributes) = self.view.attributes(product) else { return Some(Reason::Market) };
        conditions.broken(product, (known, attributes), &asked.side).map(Reason::Filter)
    }

    /// Is the relation limited to other markets?
    #[inline]
    pub(super) fn wrong_market(&self, candidate: &Candidate<'_>) -> Option<Reason> {
        let markets = candidate.rare?.markets.get();
        (markets != 0 && markets & self.market == 0).then_some(Reason::Market)
    }

    /// Is the relation for another time?
    #[inline]
    pub(super) fn wrong_time(
        &self,
        candidate: &Candidate<'_>,
        interval: &mut Interval,
    ) -> Option<Reason> {
        let rare = candidate.rare?;
        let (from_s, to_s) = (rare.valid_from_s.get(), rare.valid_to_s.get());
        let at_s = self.context.at_s;
        interval.meet(from_s, at_s);
        interval.meet(to_s, at_s);
        (at_s < from_s || at_s >= to_s).then_some(Reason::Validity)
    }

    /// Does the market's assortment hold the product?
    #[inline(always)]
    pub(super) fn is_sold_here(&self, product: Ordinal) -> bool {
        if self.sells_everything {
            return true;
        }
        let attributes = self.view.attributes(product);
        attributes.is_some_and(|attributes| attributes.assortment.get() & self.market != 0)
    }

    /// Is the product's own state an accepted one?
    pub(super) fn accepts(&self, product: Ordinal) -> bool {
        let known = self.view.product(product);
        known.is_some_and(|known| self.states.accept(self.state(product, known)))
    }

    /// Is the product available, whatever else may speak against it?
    pub(super) fn is_for_sale(&self, sight: &Sight<'_>, interval: &mut Interval) -> bool {
        self.is_available(sight, self.state(sight.shown, sight.known), interval)
    }

    #[inline]
    fn is_available(&self, sight: &Sight<'_>, state: u8, interval: &mut Interval) -> bool {
        if sight.is_unsellable || !self.states.accept(state) {
            return false;
        }
        sight.known.flags & FLAG_PARENT == 0 || self.sellable_leaf(sight.shown, interval).is_some()
    }

    /// The first product below that can be bought.
    fn sellable_leaf(
        &self,
        product: Ordinal,
        interval: &mut Interval,
    ) -> Option<(Ordinal, &'c ProductRecord)> {
        let mut leaves = Leaves::below(&self.view, product).take(LEAVES_MAX);
        leaves.find(|(leaf, known)| {
            let is_blocked = self.is_blocked(*leaf, interval);
            !is_blocked && self.is_sold_here(*leaf) && self.states.accept(self.state(*leaf, known))
        })
    }
}
