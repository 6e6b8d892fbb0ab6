//! The rules of merchandising that apply to one lookup.

use super::{
    categories::{is_below_any, is_within_any},
    interval::Interval,
    patch::names_markets,
    plan::Plan,
    runs::scaled,
    scene::{Context, Scene},
    seeds::Known,
    trace::Sink,
};
use crate::{
    index::{Ordinal, layout::NONE},
    model::relation::StageMask,
    policy::{Rule, RuleAction, RuleMatch, RuleWhen},
};

/// Indexes of the rules that apply, by what they do, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Boosts and buries.
    factors: Vec<u32>,
    hides: Vec<u32>,
    pins: Vec<u32>,
}

impl Rules {
    /// Finds the rules that apply to a lookup of these known products.
    pub(super) fn collect(
        &mut self,
        scene: &Scene<'_>,
        context: &Context<'_>,
        plan: &Plan<'_>,
        known: &[Known],
        interval: &mut Interval,
    ) {
        self.factors.clear();
        self.hides.clear();
        self.pins.clear();
        for (index, rule) in (0_u32..).zip(scene.policy.rules()) {
            if !holds(&rule.when, scene, context, plan, known) {
                continue;
            }
            interval.meet(rule.window.from_s, context.at_s);
            interval.meet(rule.window.to_s, context.at_s);
            if rule.window.contains(context.at_s) {
                let list = match rule.action {
                    RuleAction::Boost(_) | RuleAction::Bury(_) => &mut self.factors,
                    RuleAction::Hide => &mut self.hides,
                    RuleAction::Pin { .. } => &mut self.pins,
                };
                list.push(index);
            }
        }
    }

    /// Does a rule apply that changes scores?
    pub(super) fn change_scores(&self) -> bool {
        !self.factors.is_empty()
    }

    /// Does a rule apply that hides products?
    pub(super) fn hide_any(&self) -> bool {
        !self.hides.is_empty()
    }

    /// The first rule that hides a product.
    #[inline]
    pub(super) fn hides(&self, scene: &Scene<'_>, shown: Ordinal, linked: Ordinal) -> Option<u32> {
        let mut hides = self.hides.iter();
        let found = hides.find(|index| {
            let rule = scene.policy.rules().get(**index as usize);
            rule.is_some_and(|rule| fits(&rule.matches, scene, shown, linked))
        });
        found.copied()
    }

    /// A score as the rules change it, one after the other.
    pub(super) fn score<S: Sink>(
        &self,
        scene: &Scene<'_>,
        (shown, linked): (Ordinal, Ordinal),
        score: u16,
        sink: &mut S,
    ) -> u16 {
        let mut changed = score;
        for index in &self.factors {
            let Some(rule) = scene.policy.rules().get(*index as usize) else { continue };
            let (RuleAction::Boost(factor) | RuleAction::Bury(factor)) = rule.action else {
                continue;
            };
            if fits(&rule.matches, scene, shown, linked) {
                changed = scaled(changed, factor);
                sink.rule(*index, shown);
            }
        }
        changed
    }

    /// The rules that pin, with their indexes.
    pub(super) fn pins<'c>(&self, scene: &Scene<'c>) -> impl Iterator<Item = (u32, &'c Rule)> {
        let rules = scene.policy.rules();
        let pins = self.pins.iter();
        pins.filter_map(|index| Some((*index, rules.get(*index as usize)?)))
    }
}

/// Do all conditions of a rule but its window hold?
fn holds(
    when: &RuleWhen,
    scene: &Scene<'_>,
    context: &Context<'_>,
    plan: &Plan<'_>,
    known: &[Known],
) -> bool {
    let at_placement = |id: &str| when.placements.iter().any(|one| one == id);
    if !when.placements.is_empty() && !plan.placement().is_some_and(at_placement) {
        return false;
    }
    let at_stage = |stage| when.stages.bits() & StageMask::EVERY.with(stage).bits() != 0;
    if when.stages != StageMask::EVERY && !context.stage.is_some_and(at_stage) {
        return false;
    }
    if !names_markets(when.markets, context) {
        return false;
    }
    let is_seed = |known: &Known| when.seeds.binary_search(&known.product.0).is_ok();
    if !when.seeds.is_empty() && !known.iter().any(is_seed) {
        return false;
    }
    let is_seed_category = |known: &Known| {
        let attributes = scene.view.attributes(known.product);
        let category = attributes.map_or(NONE, |attributes| attributes.category.get());
        is_below_any(&scene.view, category, &when.seed_categories)
    };
    when.seed_categories.is_empty() || known.iter().any(is_seed_category)
}

/// Does a rule match a product, or by its list of products the linked one?
fn fits(matches: &RuleMatch, scene: &Scene<'_>, shown: Ordinal, linked: Ordinal) -> bool {
    let RuleMatch { products, brands, categories, tags } = matches;
    let names = |products: &Vec<u32>| {
        products.binary_search(&shown.0).is_ok() || products.binary_search(&linked.0).is_ok()
    };
    let attributes = scene.view.attributes(shown);
    let brand = attributes.map_or(NONE, |attributes| attributes.brand.get());
    let own_tags = attributes.map_or(0, |attributes| attributes.tags.get());
    let is_of = |brands: &Vec<u32>| brands.binary_search(&brand).is_ok();
    let within = |categories: &Vec<u32>| is_within_any(&scene.view, shown, categories);
    products.as_ref().is_none_or(names)
        && brands.as_ref().is_none_or(is_of)
        && tags.is_none_or(|tags| tags & own_tags != 0)
        && categories.as_ref().is_none_or(within)
}
