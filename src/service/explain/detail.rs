//! Fates in words: the decision behind a candidate, and the rule, field, slot, override or finding
//! behind the decision.

use super::Explainer;
use crate::{
    index::{Ordinal, View},
    lookup::{self, Fate, PinnedBy, Reason, SeedTarget, TracedCandidate},
    model::{limits::VARIANT_DEPTH_MAX, relation::Availability},
    pb::{self, Decision},
    policy::{Override, OverrideAction},
    service::{
        convert::{self, Stored},
        pages::SlotAsked,
    },
};

/// What became of a candidate, for a person.
pub(super) struct Told {
    pub(super) decision: Decision,
    /// From 1; 0 if not returned.
    pub(super) rank: u32,
    pub(super) detail: String,
}

/// The fate of a candidate.
pub(super) fn told(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    one: &TracedCandidate,
) -> Told {
    let (decision, rank, detail) = match one.fate {
        Fate::Returned(rank) => (Decision::Returned, rank, pinned(asked, one)),
        Fate::RankedTooLow | Fate::Repeated => (Decision::RankedTooLow, 0, pinned(asked, one)),
        Fate::NotRelated => (Decision::NotRelated, 0, String::new()),
        Fate::Removed(reason) => {
            let (decision, detail) = removed(explainer, asked, one, reason);
            (decision, 0, detail)
        }
    };
    Told { decision, rank, detail: convert::cut(detail) }
}

fn removed(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    one: &TracedCandidate,
    reason: Reason,
) -> (Decision, String) {
    let none = String::new();
    let scene = asked.scene;
    match reason {
        Reason::Blocked => (Decision::Blocked, none),
        Reason::Hidden => {
            let state = lookup::state(scene, one.shown, asked.context.inventory);
            let is_withdrawn = state == Some(Availability::Discontinued);
            let word = if is_withdrawn { "withdrawn" } else { "hidden" };
            (Decision::Hidden, word.to_owned())
        }
        Reason::Overridden(line) => (Decision::Overridden, override_at(asked, one, line)),
        Reason::SameGroup => (Decision::SameVariantGroup, none),
        Reason::Excluded => (Decision::Excluded, none),
        Reason::Market => (Decision::OutsideMarket, market_id(asked)),
        Reason::Validity => (Decision::OutsideValidity, none),
        Reason::Stage => (Decision::WrongStage, none),
        Reason::Filter(part) => (Decision::Filtered, part.field().to_owned()),
        Reason::Unavailable => {
            let state = lookup::state(scene, one.shown, asked.context.inventory);
            (Decision::Unavailable, state.map_or(none, |state| state.code().to_owned()))
        }
        Reason::Score => (Decision::BelowScore, none),
        Reason::Rule(index) => (Decision::Rule, rule_id(asked, index)),
        Reason::OnPage => {
            let mut slots = explainer.shown.iter();
            let slot = slots.find(|(_, shown)| shown.contains(&one.shown));
            (Decision::OnPage, slot.map_or(none, |(slot_id, _)| slot_id.clone()))
        }
        Reason::Diversity(bound) => (Decision::Diversity, bound.field().to_owned()),
    }
}

fn pinned(asked: &SlotAsked<'_>, one: &TracedCandidate) -> String {
    match one.pinned_by {
        None => String::new(),
        Some(PinnedBy::Rule(index)) => format!("pinned by rule {}", rule_id(asked, index)),
        Some(PinnedBy::Override(line)) => override_at(asked, one, line),
    }
}

fn rule_id(asked: &SlotAsked<'_>, index: u32) -> String {
    let rule = asked.scene.policy.rules().get(index as usize);
    rule.map_or_else(String::new, |rule| rule.id.clone())
}

fn market_id(asked: &SlotAsked<'_>) -> String {
    let markets = &asked.scene.view.meta().markets;
    let market = markets.get(asked.context.market as usize);
    market.map_or_else(String::new, |market| market.id.to_string())
}

/// The override of a line, for a person. Lines count from 2, so that 0 is none.
fn override_at(asked: &SlotAsked<'_>, candidate: &TracedCandidate, line: u32) -> String {
    let overrides = asked.scene.policy.overrides();
    let sources = candidate.known.into_iter().flat_map(|known| lineage(&asked.scene.view, known));
    let sourced = sources.flat_map(|product| overrides.of(product.0));
    let mut all = sourced.chain(overrides.everywhere());
    all.find(|one| one.line == line).map_or_else(String::new, override_text)
}

fn override_text(one: &Override) -> String {
    let action = match one.action {
        OverrideAction::Add { .. } => "add",
        OverrideAction::Remove => "remove",
        OverrideAction::Reorder { .. } => "reorder",
        OverrideAction::Pin { .. } => "pin",
        OverrideAction::Hide => "hide",
    };
    format!("overrides:{}: {action} by {}: {}", one.line, one.author, one.reason)
}

/// The seeds that the catalog knows, and the products of which they are variants.
fn seed_products(asked: &SlotAsked<'_>) -> Vec<Ordinal> {
    let view = &asked.scene.view;
    let mut products = Vec::new();
    for seed in &asked.query.seeds {
        let SeedTarget::Product(id) = seed.target else { continue };
        for product in view.find(id).into_iter().flat_map(|product| lineage(view, product)) {
            if !products.contains(&product) {
                products.push(product);
            }
        }
    }
    products
}

/// A product and those of which it is a variant.
fn lineage<'v>(view: &View<'v>, product: Ordinal) -> impl Iterator<Item = Ordinal> + use<'v> {
    let view = *view;
    std::iter::successors(Some(product), move |product| view.parent(*product))
        .take(1 + VARIANT_DEPTH_MAX)
}

/// The relation of a candidate; none for best sellers and pins.
pub(super) fn relation(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    one: &TracedCandidate,
) -> Option<pb::Relation> {
    let traced = one.relation?;
    let source = traced.source?;
    let view = &asked.scene.view;
    let stored = Stored {
        source,
        target: one.linked,
        relation_type: traced.relation_type,
        edge: &traced.edge,
        rare: traced.rare.as_ref(),
    };
    let Some(index) = traced.index else {
        let relation = convert::relation(view, &stored, None);
        let provenance = added_by(asked, source, traced.relation_type, one.linked);
        return Some(pb::Relation { provenance, ..relation });
    };
    let provenance = explainer.present.provenance;
    let place = provenance.and_then(|provenance| provenance.place(source, index));
    Some(convert::relation(view, &stored, place))
}

/// The override that added a relation which the catalog does not have.
fn added_by(asked: &SlotAsked<'_>, source: Ordinal, relation_type: u8, target: Ordinal) -> String {
    let is_it = |one: &&Override| {
        matches!(one.action, OverrideAction::Add { .. })
            && one.target == target.0
            && one.relation_type.is_some_and(|one| one.number() == relation_type)
    };
    let found = asked.scene.policy.overrides().of(source.0).iter().find(is_it);
    found.map_or_else(String::new, |one| convert::cut(override_text(one)))
}

/// A traced product that the snapshot does not know.
pub(super) fn unknown(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    id: &str,
) -> pb::CandidateTrace {
    pb::CandidateTrace {
        product_id: id.to_owned(),
        decision: Decision::UnknownProduct.into(),
        detail: dropped(explainer, asked, &[id]).unwrap_or_default(),
        ..Default::default()
    }
}

/// A traced product that no relation of the lookup leads to: perhaps the compiler refused one.
pub(super) fn not_related(
    explainer: &Explainer<'_>,
    asked: &SlotAsked<'_>,
    id: &str,
    product: Ordinal,
) -> pb::CandidateTrace {
    let view = &asked.scene.view;
    let own_id = view.id(product);
    let found = dropped(explainer, asked, &[own_id, id]);
    let decision = if found.is_some() { Decision::DroppedAtCompile } else { Decision::NotRelated };
    pb::CandidateTrace {
        product_id: own_id.to_owned(),
        decision: decision.into(),
        detail: found.unwrap_or_default(),
        title: String::from_utf8_lossy(view.title_bytes(product)).into_owned(),
        ..Default::default()
    }
}

/// The compiler's finding on a link from a seed to one of these ids.
fn dropped(explainer: &Explainer<'_>, asked: &SlotAsked<'_>, targets: &[&str]) -> Option<String> {
    let dropped = explainer.present.dropped?;
    let view = &asked.scene.view;
    let own = seed_products(asked).into_iter().map(|product| view.id(product));
    // Sources may also have been written as the request wrote them.
    let sources = own.chain(asked.query.seeds.iter().map(lookup::QuerySeed::id));
    let mut pairs = sources.flat_map(|source| targets.iter().map(move |target| (source, *target)));
    let place = pairs.find_map(|(source, target)| dropped.between(source, target).next())?;
    let finding = place.reason.code();
    let (source, file, line) = (place.source, &place.file.name, place.line);
    let text = format!("{finding} ({}): {source}: {file}:{line}", place.relation_type);
    Some(convert::cut(text))
}
