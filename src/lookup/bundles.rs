//! Bundles around a product: what they hold, whether they can be bought, what they cost, and what
//! stands in for a selection that cannot be had.
//!
//! A selection can be bought if its product is available, in the market's assortment and not
//! blocked, and if as many units as it names are there, where they are counted. A substitute is the
//! best alternative that can be bought in that quantity.

use super::{
    checks::{Checks, States, knows_more},
    interval::Interval,
    page::Page,
    patch::{Patched, only},
    rules::Rules,
    runs::Runs,
    scene::{Context, Scene, price, state},
    seeds::Known,
    variants::lineage,
    walk::Lists,
};
use crate::{
    index::{
        Ordinal,
        layout::{BundleOptionRecord, BundleRecord, BundleSelectionRecord, FLAG_HIDDEN},
    },
    model::{
        limits::{BUNDLES_EXAMINED_MAX, CANDIDATES_MAX},
        relation::{Availability, RelationType},
        selection::{AvailabilitySet, VariantResolution},
    },
};

/// A bundle as it can be bought here and now.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleAnswer {
    /// The product that the bundle is.
    pub product: Ordinal,
    /// In the order of the catalog.
    pub options: Vec<OptionAnswer>,
    /// Its own state allows it, every required option has what it needs, and one selection at least
    /// can be bought. Substitutes never count.
    pub is_sellable: bool,
    /// Whole bundles that stock allows with the default selections; `None` if it is not counted.
    pub sellable_quantity: Option<u32>,
    /// Its own price in minor units.
    pub price: Option<i64>,
    /// Price of the default selections; `None` if one is unknown.
    pub components_price: Option<i64>,
}

/// A fixed part or a choice of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionAnswer {
    /// Its name, unique in the bundle.
    pub name: String,
    /// A shopper must take one.
    pub is_required: bool,
    /// Fewest selections.
    pub min_selections: u32,
    /// Most selections; 0 means one.
    pub max_selections: u32,
    /// In the order of the catalog, each with its substitute right behind it.
    pub selections: Vec<SelectionAnswer>,
}

/// A product to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectionAnswer {
    /// The product.
    pub product: Ordinal,
    /// Units of it.
    pub quantity: f64,
    /// Chosen unless the shopper says otherwise.
    pub is_default: bool,
    /// Its state; `None` without any reading.
    pub state: Option<Availability>,
    /// It can be bought in its quantity.
    pub can_be_bought: bool,
    /// The product that it stands in for.
    pub substitute_for: Option<Ordinal>,
}

/// Can bundles be asked for that nobody can buy now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsellable {
    /// They are left out.
    LeftOut,
    /// They come, too.
    Included,
}

/// The bundles that hold a product or an ancestor of it, and the one that it is, in the order of
/// their ids; at most `max`. The interval is how long that holds.
#[must_use]
pub fn bundles(
    scene: &Scene<'_>,
    context: &Context<'_>,
    product: Ordinal,
    max: usize,
    unsellable: Unsellable,
) -> (Vec<BundleAnswer>, Interval) {
    let mut found = scene.view.bundle(product).into_iter().collect::<Vec<_>>();
    for holder in lineage(&scene.view, product) {
        found.extend(scene.view.bundles_with(holder).take(BUNDLES_EXAMINED_MAX));
    }
    found.sort_unstable_by_key(|bundle| bundle.product.get());
    found.dedup_by_key(|bundle| bundle.product.get());

    let (rules, page) = (Rules::default(), Page::default());
    let mut shop =
        Shop { checks: checks(scene, context, &rules, &page), interval: Interval::UNBOUNDED };
    let mut answers = Vec::new();
    for bundle in found.into_iter().take(BUNDLES_EXAMINED_MAX) {
        if answers.len() >= max {
            break;
        }
        if !shop.is_shown(Ordinal(bundle.product.get())) {
            continue;
        }
        let answer = shop.bundle(bundle);
        if answer.is_sellable || unsellable == Unsellable::Included {
            answers.push(answer);
        }
    }
    let interval = if context.is_as_of { Interval::UNBOUNDED } else { shop.interval };
    (answers, interval)
}

/// Decides what can be bought.
struct Shop<'c> {
    checks: Checks<'c>,
    interval: Interval,
}

/// A selection that comes with a bundle unless the shopper says otherwise.
struct Chosen {
    product: Ordinal,
    quantity: f64,
}

impl Shop<'_> {
    /// May the bundle be seen here: not blocked, hidden, withdrawn or outside the assortment?
    fn is_shown(&mut self, product: Ordinal) -> bool {
        let Some(known) = self.checks.view.product(product) else { return false };
        let is_blocked = self.checks.is_blocked(product, &mut self.interval);
        !is_blocked
            && known.flags & FLAG_HIDDEN == 0
            && self.state(product) != Some(Availability::Discontinued)
            && self.checks.is_sold_here(product)
    }

    fn bundle(&mut self, bundle: &BundleRecord) -> BundleAnswer {
        let (scene, product) = (self.checks.scene, Ordinal(bundle.product.get()));
        let (mut options, mut chosen, mut forced) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_sellable = self.checks.accepts(product);
        let mut can_take_any = false;
        for option in scene.view.options(bundle) {
            let answer = self.option(option);
            let buyable = answer.selections.iter();
            let buyable = buyable.filter(|one| one.can_be_bought && one.substitute_for.is_none());
            let buyable = buyable.count();
            can_take_any |= buyable > 0;
            let needed = if answer.is_required { answer.min_selections.max(1) } else { 0 };
            is_sellable &= buyable >= needed as usize;
            choose(scene.view.selections(option), answer.is_required, &mut chosen);
            if needed as usize == buyable {
                let bought = answer.selections.iter();
                let bought = bought.filter(|one| one.can_be_bought && one.substitute_for.is_none());
                bought.for_each(|one| add(&mut forced, one.product, one.quantity));
            }
            options.push(answer);
        }
        is_sellable &= can_take_any && self.suffices(&forced);
        BundleAnswer {
            product,
            options,
            is_sellable,
            sellable_quantity: if is_sellable { self.count(&chosen) } else { Some(0) },
            price: price(scene, product, self.checks.context.market),
            components_price: self.sum(&chosen),
        }
    }

    fn option(&mut self, option: &BundleOptionRecord) -> OptionAnswer {
        let view = self.checks.view;
        let mut selections = Vec::new();
        for selection in view.selections(option) {
            let (product, quantity) = (Ordinal(selection.product.get()), selection.quantity.get());
            let can_be_bought = self.can_be_bought(product, quantity);
            let state = self.state(product);
            let is_default = selection.is_default.get() != 0;
            let substitute_for = None;
            let own = SelectionAnswer {
                product,
                quantity,
                is_default,
                state,
                can_be_bought,
                substitute_for,
            };
            selections.push(own);
            if !can_be_bought && let Some(other) = self.substitute(product, quantity) {
                selections.push(SelectionAnswer {
                    product: other,
                    quantity,
                    is_default: false,
                    state: self.state(other),
                    can_be_bought: true,
                    substitute_for: Some(product),
                });
            }
        }
        OptionAnswer {
            name: view.option_name(option).to_owned(),
            is_required: option.required.get() != 0,
            min_selections: option.min_selections.get(),
            max_selections: option.max_selections.get(),
            selections,
        }
    }

    fn state(&self, product: Ordinal) -> Option<Availability> {
        state(self.checks.scene, product, self.checks.context.inventory)
    }

    fn can_be_bought(&mut self, product: Ordinal, quantity: f64) -> bool {
        let Some(sight) = self.checks.as_linked(product) else { return false };
        let is_blocked = self.checks.is_blocked(product, &mut self.interval);
        !is_blocked
            && self.checks.is_sold_here(product)
            && self.checks.is_for_sale(&sight, &mut self.interval)
            && self.units(product).is_none_or(|units| units >= quantity)
    }

    /// Units of a product that are there; `None` if nobody counts them.
    fn units(&self, product: Ordinal) -> Option<f64> {
        self.checks.stock.quantity(product, self.checks.context.inventory)
    }

    /// The best alternative of a product that can be bought in this quantity, visible on its own.
    fn substitute(&mut self, product: Ordinal, quantity: f64) -> Option<Ordinal> {
        let known = Known { product, positions: 0, quantity: 1.0 };
        let mix = only(RelationType::ALTERNATIVE);
        let lists = Lists::Mix(&mix);
        let mut patched = Patched::default();
        lists.prepare(&mut patched, &self.checks, &known, &mut self.interval);
        let asked = self.checks.asked(&known);
        let mut runs = Runs::default();
        lists.open(&mut runs, &self.checks, &known, &patched, 0);
        for candidate in runs.by_ref().take(CANDIDATES_MAX) {
            let other = candidate.linked();
            let Some(sight) = self.checks.as_linked(other) else { continue };
            let reason = self.checks.early(&sight, &candidate, &asked, &mut self.interval);
            if reason.is_none() && self.units(other).is_none_or(|units| units >= quantity) {
                return Some(other);
            }
        }
        None
    }

    /// Are the units there of products that several options cannot do without?
    fn suffices(&self, forced: &[Chosen]) -> bool {
        forced.iter().all(|one| self.units(one.product).is_none_or(|units| units >= one.quantity))
    }

    /// Whole bundles that the counted stock allows.
    fn count(&mut self, chosen: &[Chosen]) -> Option<u32> {
        if chosen.iter().any(|one| !self.can_be_bought(one.product, 0.0)) {
            return Some(0);
        }
        let mut least = None::<f64>;
        for one in chosen {
            let bundles = (self.units(one.product)? / one.quantity).floor();
            least = Some(least.map_or(bundles, |least| least.min(bundles)));
        }
        least.map(whole)
    }

    /// Price of the chosen selections, each rounded half up.
    fn sum(&self, chosen: &[Chosen]) -> Option<i64> {
        let mut sum = 0_i64;
        for one in chosen {
            let price = price(self.checks.scene, one.product, self.checks.context.market)?;
            sum = sum.saturating_add(times(price, one.quantity));
        }
        (!chosen.is_empty()).then_some(sum)
    }
}

/// The default selections of an option; without any the first of a required one. The same product
/// twice is one with its units added.
fn choose(selections: &[BundleSelectionRecord], is_required: bool, chosen: &mut Vec<Chosen>) {
    let mut take = |selection: &BundleSelectionRecord| {
        add(chosen, Ordinal(selection.product.get()), selection.quantity.get());
    };
    let is_default = |selection: &&BundleSelectionRecord| selection.is_default.get() != 0;
    let mut defaults = selections.iter().filter(is_default).peekable();
    if defaults.peek().is_some() {
        defaults.for_each(take);
    } else if is_required && let Some(first) = selections.first() {
        take(first);
    }
}

/// Adds units of a product.
fn add(chosen: &mut Vec<Chosen>, product: Ordinal, quantity: f64) {
    match chosen.iter_mut().find(|one| one.product == product) {
        Some(one) => one.quantity += quantity,
        None => chosen.push(Chosen { product, quantity }),
    }
}

/// A count of bundles; what is beyond the largest is the largest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of u32, and NaN casts to 0"
)]
fn whole(count: f64) -> u32 {
    count.clamp(0.0, f64::from(u32::MAX)) as u32
}

/// A price so many times, rounded half up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a price times a quantity is rounded anyway; the cast saturates"
)]
fn times(price: i64, quantity: f64) -> i64 {
    (price as f64 * quantity + 0.5).floor() as i64
}

/// Checks without a request: nothing is excluded, nothing is a seed.
fn checks<'c>(
    scene: &'c Scene<'c>,
    context: &'c Context<'c>,
    rules: &'c Rules,
    page: &'c Page,
) -> Checks<'c> {
    let has_overrides = scene.policy.overrides().count() > 0;
    Checks {
        view: scene.view,
        scene,
        context,
        stock: scene.stock,
        readings: scene.stock.readings(context.inventory),
        own: &[],
        excluded: &[],
        conditions: None,
        rules,
        page,
        resolution: VariantResolution::AsLinked,
        states: States::new(AvailabilitySet::default()),
        market: context.market_bit(),
        stage: 0,
        has_overrides,
        knows_more: knows_more(scene, &[]),
        sells_everything: scene.view.sells_everything(context.market),
        reads_attributes: false,
    }
}
