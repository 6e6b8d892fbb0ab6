//! The explanation of one slot: what was asked in the end, the rules that fired, the candidates.

use super::{
    Budget, Explainer,
    detail::{self, Told},
};
use crate::{
    index::Ordinal,
    lookup::{Fate, TracedCandidate},
    model::{
        limits::{EXPLAINED_RELATIONS_MAX, EXPLAINED_RULE_PRODUCTS_MAX},
        score,
    },
    pb::{self, Decision},
    policy::RuleAction,
    service::{convert, pages::SlotAsked},
};

/// The explanation of the slot that was just answered.
pub(super) fn explanation(
    explainer: &mut Explainer<'_>,
    asked: &SlotAsked<'_>,
) -> pb::SlotExplanation {
    let mut budget = std::mem::replace(&mut explainer.budget, Budget { bytes_left: 0 });
    let mut explanation = pb::SlotExplanation {
        slot_id: asked.slot.slot_id.clone(),
        effective_lookup: Some(convert::effective_lookup(asked.plan)),
        mix: convert::mix(asked.plan),
        ..Default::default()
    };
    if !budget.has_room(&explanation) {
        explanation.effective_lookup = None;
    }
    explanation.rules = rules(explainer, asked);
    explanation.rules.retain(|rule| budget.has_room(rule));
    explanation.candidates = candidates(explainer, asked);
    explanation.candidates.retain(|candidate| budget.has_room(candidate));
    explainer.budget = budget;
    explanation
}

/// The rules that did something, in the order of the policy.
fn rules(explainer: &Explainer<'_>, asked: &SlotAsked<'_>) -> Vec<pb::AppliedRule> {
    let mut fired = explainer.trace.rules().to_vec();
    // Stable: the products of one rule stay in the order of examination.
    fired.sort_by_key(|(rule, _)| *rule);
    let chunks = fired.chunk_by(|left, right| left.0 == right.0);
    let applied = chunks.filter_map(|fired| {
        let (index, _) = fired.first()?;
        let rule = asked.scene.policy.rules().get(*index as usize)?;
        let action = match rule.action {
            RuleAction::Boost(_) => "boost",
            RuleAction::Bury(_) => "bury",
            RuleAction::Pin { .. } => "pin",
            RuleAction::Hide => "hide",
        };
        let products = fired.iter().take(EXPLAINED_RULE_PRODUCTS_MAX);
        Some(pb::AppliedRule {
            rule_id: rule.id.clone(),
            action: action.to_owned(),
            product_ids: products.map(|(_, one)| convert::text(&asked.scene.view, *one)).collect(),
        })
    });
    applied.collect()
}

/// All that is told of one product.
struct Group<'t> {
    shown: Ordinal,
    /// In the order of examination.
    ways: Vec<&'t TracedCandidate>,
}

impl Group<'_> {
    /// The way that decided: the one that brought the product into the answer, else one that was
    /// kept until the ranking, else the first.
    fn deciding(&self) -> Option<&TracedCandidate> {
        let first_of =
            |is_it: fn(&Fate) -> bool| self.ways.iter().find(|way| is_it(&way.fate)).copied();
        first_of(|fate| matches!(fate, Fate::Returned(_)))
            .or_else(|| first_of(|fate| matches!(fate, Fate::RankedTooLow)))
            .or_else(|| first_of(|fate| !matches!(fate, Fate::Repeated)))
            .or_else(|| self.ways.first().copied())
    }

    fn is_returned(&self) -> bool {
        self.ways.iter().any(|way| matches!(way.fate, Fate::Returned(_)))
    }
}

fn candidates(explainer: &Explainer<'_>, asked: &SlotAsked<'_>) -> Vec<pb::CandidateTrace> {
    let view = &asked.scene.view;
    let traced = explainer.traced_ids.iter().map(|id| (*id, view.find(id))).collect::<Vec<_>>();
    let is_traced = |product: Ordinal| traced.iter().any(|(_, one)| *one == Some(product));
    let all = explainer.trace.candidates();
    let related = || all.iter().filter(|one| one.fate != Fate::NotRelated);
    let groups = groups(related());
    // Those in the answer come before those that are not, where not all have a place.
    let mut places = explainer.candidates_max;
    let mut listed = vec![false; groups.len()];
    for is_returned in [true, false] {
        for (group, listed) in groups.iter().zip(&mut listed) {
            if is_traced(group.shown) {
                *listed = true;
            } else if group.is_returned() == is_returned && places > 0 {
                places = places.saturating_sub(1);
                *listed = true;
            }
        }
    }
    let listed_groups = groups.iter().zip(listed).filter(|(_, listed)| *listed);
    let mut told = listed_groups
        .filter_map(|(group, _)| told_group(explainer, asked, group))
        .collect::<Vec<_>>();
    for (id, product) in traced {
        let Some(product) = product else {
            told.push(detail::unknown(explainer, asked, id));
            continue;
        };
        if groups.iter().any(|group| group.shown == product) {
            continue;
        }
        let linked = related().filter(|one| one.linked == product).collect::<Vec<_>>();
        if linked.is_empty() {
            told.push(detail::not_related(explainer, asked, id, product));
        } else {
            told.extend(told_linked(explainer, asked, product, linked));
        }
    }
    told
}

/// The candidates by the product they show, in the order of their first one.
fn groups<'t>(candidates: impl Iterator<Item = &'t TracedCandidate>) -> Vec<Group<'t>> {
    let mut groups = Vec::<Group<'t>>::new();
    let mut places = std::collections::BTreeMap::new();
    for way in candidates {
        let place = *places.entry(way.shown).or_insert_with(|| {
            groups.push(Group { shown: way.shown, ways: Vec::new() });
            groups.len().saturating_sub(1)
        });
        if let Some(group) = groups.get_mut(place) {
            group.ways.push(way);
        }
    }
    groups
}

fn told_group(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    group: &Group<'_>,
) -> Option<pb::CandidateTrace> {
    let Told { decision, rank, detail } = detail::told(explainer, asked, group.deciding()?);
    Some(trace(explainer, asked, group.shown, group, (decision, rank, detail)))
}

/// A product that was linked, but another one of its variant group stood for it.
fn told_linked(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    product: Ordinal,
    ways: Vec<&TracedCandidate>,
) -> Option<pb::CandidateTrace> {
    let group = Group { shown: product, ways };
    let deciding = group.deciding()?;
    let Told { decision, rank, detail } = detail::told(explainer, asked, deciding);
    let shown = asked.scene.view.id(deciding.shown);
    let detail = if detail.is_empty() {
        format!("shown as {shown}")
    } else {
        format!("shown as {shown}: {detail}")
    };
    Some(trace(explainer, asked, product, &group, (decision, rank, convert::cut(detail))))
}

fn trace(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    product: Ordinal,
    group: &Group<'_>,
    (decision, rank, detail): (Decision, u32, String),
) -> pb::CandidateTrace {
    let view = &asked.scene.view;
    let relations = group.ways.iter().filter_map(|way| detail::relation(explainer, asked, way));
    let deciding = group.deciding();
    pb::CandidateTrace {
        product_id: convert::text(view, product),
        relations: relations.take(EXPLAINED_RELATIONS_MAX).collect(),
        rank,
        decision: decision.into(),
        detail,
        score: deciding.map_or(0.0, |way| score::share(way.score)),
        title: String::from_utf8_lossy(view.title_bytes(product)).into_owned(),
        fallback_step: deciding.map_or(0, |way| way.fallback_step.into()),
    }
}
