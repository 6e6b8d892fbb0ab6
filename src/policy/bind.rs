//! Binds documents to one catalog: names become numbers, chains are followed, unknown names are
//! told and match nothing.

use super::{
    MixEntry, Names, Override, OverrideAction, Overrides, OverridesDoc, Placement, Policy,
    PolicyDoc, Rule, RuleAction, RuleMatch, RuleWhen, SlotPolicy, Unbound,
    chains::Chains,
    document::{ActionDoc, RuleDoc, SlotDoc, Step},
    names::{is_known, relation_type},
    overrides_document::{OverrideRow, OverrideWord},
    reader::Name,
};
use crate::model::{
    relation::{RelationType, Stage},
    selection::FallbackStep,
};

impl Policy {
    /// Binds documents to the catalog of `names`. What it does not know is told, and
    ///
    /// - a mix entry or fallback step of an unknown type is left out, and so is a rule that is
    ///   limited to markets, seeds or categories of which none is known;
    /// - a rule keeps the kinds of products it states, so that unknown ones match nothing;
    /// - an override of an unknown product, type or only unknown markets is left out.
    #[must_use]
    pub fn bind(
        document: &PolicyDoc,
        overrides: Option<&OverridesDoc>,
        names: &dyn Names,
    ) -> (Self, Vec<Unbound>) {
        let binder = Binder { names, chains: Chains::new(document) };
        let placements = document.placements.iter().map(|placement| {
            let base = binder.slot(&placement.base, None);
            let at_stage = |(stage, slot): (Stage, &Option<SlotDoc>)| {
                let own = SlotDoc::default();
                let merged = placement.base.merged(slot.as_ref().unwrap_or(&own));
                Some(binder.slot(&merged, Some(stage))).filter(|slot| *slot != base)
            };
            let stages = by_stage(&placement.stages, at_stage);
            Placement::new(placement.id.text.clone(), base, stages)
        });
        let placements = placements.collect();
        let stages = by_stage(&document.stages, |(stage, slot)| {
            slot.as_ref().map(|slot| binder.slot(slot, Some(stage)))
        });
        let rules = document.rules.iter().filter_map(|rule| binder.rule(rule)).collect();
        let rows = overrides.iter().flat_map(|document| document.rows());
        let rows = Overrides::new(rows.filter_map(|row| binder.row(row)));
        (Self::new(placements, stages, rules, rows), unbound(document, overrides, names))
    }
}

/// Everything the catalog does not know, document by document, by place.
fn unbound(
    document: &PolicyDoc,
    overrides: Option<&OverridesDoc>,
    names: &dyn Names,
) -> Vec<Unbound> {
    let mut unbound = Vec::new();
    let mut ask = |file: &str, noun, name: &Name| {
        if !is_known(names, noun, &name.text) {
            let (file, name, place) = (file.to_owned(), name.text.clone(), name.place);
            unbound.push(Unbound { file, place, noun, name });
        }
    };
    document.visit_names(&mut |noun, name| ask(&document.file, noun, name));
    if let Some(overrides) = overrides {
        overrides.visit_names(&mut |noun, _, name| ask(&overrides.file, noun, name));
    }
    unbound.sort_by_key(|one| (one.file != document.file, one.place));
    unbound
}

fn by_stage<T>(
    slots: &[Option<SlotDoc>; Stage::ALL.len()],
    bind: impl Fn((Stage, &Option<SlotDoc>)) -> Option<T>,
) -> [Option<T>; Stage::ALL.len()] {
    let mut slots = slots.iter();
    Stage::ALL.map(|stage| slots.next().and_then(|slot| bind((stage, slot))))
}

struct Binder<'b> {
    names: &'b dyn Names,
    chains: Chains<'b>,
}

impl Binder<'_> {
    fn slot(&self, slot: &SlotDoc, stage: Option<Stage>) -> SlotPolicy {
        let mut mix: Vec<MixEntry> = Vec::new();
        for entry in slot.mix.iter().flatten() {
            let Some(relation_type) = self.relation_type(&entry.relation_type) else { continue };
            // Two codes may mean one type here; the first holds.
            if mix.iter().all(|known| known.relation_type != relation_type) {
                let (weight, max_results) = (entry.weight, entry.max_results);
                mix.push(MixEntry { relation_type, weight, max_results });
            }
        }
        SlotPolicy {
            mix,
            max_results: slot.max_results,
            min_score: slot.min_score,
            filter: slot.filter.as_ref().map(|filter| filter.filter.clone()).unwrap_or_default(),
            fallback: self.fallback(slot.fallback.as_deref().unwrap_or_default(), stage),
            diversity: slot.diversity.unwrap_or_default(),
            variant_resolution: slot.variant_resolution.unwrap_or_default(),
            rotate: slot.rotate.unwrap_or(0),
        }
    }

    fn fallback(&self, own: &[Step], stage: Option<Stage>) -> Vec<FallbackStep> {
        let chain = self.chains.follow(own, stage);
        let bind = |step: &Step| match step {
            Step::RelationType(name) => self.relation_type(name).map(FallbackStep::RelationType),
            Step::CategoryPopular => Some(FallbackStep::CategoryPopular),
            Step::ViaAlternatives => Some(FallbackStep::ViaAlternatives),
            Step::VariantGroup => Some(FallbackStep::VariantGroup),
            Step::PopularIn(name) => Some(FallbackStep::PopularIn(Some(name.text.clone()))),
            Step::EverywherePopular => Some(FallbackStep::PopularIn(None)),
            // Followed already.
            Step::Placement(_) => None,
        };
        chain.into_iter().filter_map(bind).collect()
    }

    fn rule(&self, rule: &RuleDoc) -> Option<Rule> {
        let markets = mask(&rule.markets, |name| self.names.market(name));
        let seeds = sorted(&rule.seeds, |name| self.names.product(name));
        let seed_categories = sorted(&rule.seed_categories, |name| self.names.category(name));
        let mut placements: Vec<String> =
            rule.placements.iter().map(|name| name.text.clone()).collect();
        placements.sort();
        placements.dedup();
        let products = sorted(&rule.products, |name| self.names.product(name));
        let action = match rule.action {
            ActionDoc::Boost(factor) => RuleAction::Boost(factor),
            ActionDoc::Bury(factor) => RuleAction::Bury(factor),
            ActionDoc::Pin { position } => {
                let mut ordinals: Vec<u32> = Vec::new();
                for ordinal in
                    rule.products.iter().filter_map(|name| self.names.product(&name.text))
                {
                    if !ordinals.contains(&ordinal) {
                        ordinals.push(ordinal);
                    }
                }
                RuleAction::Pin { position, products: ordinals }
            }
            ActionDoc::Hide => RuleAction::Hide,
        };
        Some(Rule {
            id: rule.id.text.clone(),
            action,
            matches: RuleMatch {
                products,
                brands: sorted(&rule.brands, |name| self.names.brand(name)),
                categories: sorted(&rule.categories, |name| self.names.category(name)),
                tags: mask(&rule.tags, |name| self.names.tag(name)),
            },
            when: RuleWhen {
                placements,
                stages: rule.stages,
                markets: limited(markets)?,
                seeds: limited(seeds)?,
                seed_categories: limited(seed_categories)?,
            },
            window: rule.window,
        })
    }

    /// The override with its source, unless a name in it is unknown.
    fn row(&self, row: &OverrideRow) -> Option<(Option<u32>, Override)> {
        let source = match &row.source {
            Some(source) => Some(self.names.product(&source.text)?),
            None => None,
        };
        let relation_type = match &row.relation_type {
            Some(code) => Some(self.relation_type(code)?),
            None => None,
        };
        let position = row.position.unwrap_or(1);
        let action = match row.action {
            OverrideWord::Add => OverrideAction::Add {
                position: row.position,
                quantity: row.quantity.unwrap_or(0.0),
            },
            OverrideWord::Remove => OverrideAction::Remove,
            OverrideWord::Reorder => OverrideAction::Reorder { position },
            OverrideWord::Pin => OverrideAction::Pin { position },
            OverrideWord::Hide => OverrideAction::Hide,
        };
        let bound = Override {
            relation_type,
            target: self.names.product(&row.target.text)?,
            action,
            markets: limited(mask(&row.markets, |name| self.names.market(name)))?,
            window: row.window,
            line: row.target.place.line,
            author: row.author.clone(),
            reason: row.reason.clone(),
        };
        Some((source, bound))
    }

    fn relation_type(&self, name: &Name) -> Option<RelationType> {
        relation_type(self.names, &name.text)
    }
}

/// The numbers of a list of names, sorted; none if nothing was listed.
fn sorted(list: &[Name], number: impl Fn(&str) -> Option<u32>) -> Option<Vec<u32>> {
    if list.is_empty() {
        return None;
    }
    let mut numbers: Vec<u32> = list.iter().filter_map(|name| number(&name.text)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    Some(numbers)
}

/// The same as bits.
fn mask(list: &[Name], number: impl Fn(&str) -> Option<u32>) -> Option<u64> {
    let bits = sorted(list, number)?.into_iter().filter_map(|number| 1_u64.checked_shl(number));
    Some(bits.fold(0, |mask, bit| mask | bit))
}

/// A condition that was not stated is empty; one of which nothing is known can never hold.
fn limited<T: Default + PartialEq>(condition: Option<T>) -> Option<T> {
    match condition {
        None => Some(T::default()),
        Some(condition) if condition == T::default() => None,
        Some(condition) => Some(condition),
    }
}
