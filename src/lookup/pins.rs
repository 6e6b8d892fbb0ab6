//! Products that stand at a position because a person said so.

use super::{
    answer::Pick,
    list::Pin,
    patch::names_market,
    runs::Candidate,
    seeds::Known,
    trace::{From, PinnedBy, Seen, Sink},
    walk::Walk,
};
use crate::{
    index::{
        Ordinal,
        layout::{Edge, META_ORIGIN_SHIFT},
    },
    model::{
        limits::{CANDIDATES_MAX, OVERRIDES_PER_SOURCE_MAX},
        relation::Origin,
    },
    policy::{OverrideAction, RuleAction},
};

/// A pin that was not examined yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PinDraft {
    /// From 1.
    position: u32,
    target: u32,
    /// Number of the override's type; 0 for none.
    relation_type: u8,
    /// Positions of the override's known product.
    seeds: u64,
    /// The override's known product.
    source: Option<Ordinal>,
    valid_to_s: i64,
    by: PinnedBy,
    line: u32,
}

impl<S: Sink> Walk<'_, '_, S> {
    /// Examines the pins of a lookup, and keeps them.
    pub(super) fn pins(&mut self, known: &[Known], drafts: &mut Vec<PinDraft>) {
        drafts.clear();
        if self.checks.has_overrides {
            known.iter().for_each(|one| self.draft_overrides(one, drafts));
        }
        self.draft_rules(drafts);
        if drafts.is_empty() {
            return;
        }
        self.bench.places.begin(drafts.len());
        for draft in drafts.iter() {
            if self.list.pins.len() >= self.plan.max_results() {
                break;
            }
            if self.bench.places.insert(draft.target) {
                self.pin(draft);
            }
        }
    }

    /// Appends the override pins of a known product, in the order of the file.
    fn draft_overrides(&mut self, known: &Known, drafts: &mut Vec<PinDraft>) {
        let (context, start) = (self.checks.context, drafts.len());
        let rows = self.checks.scene.policy.overrides().of(known.product.0);
        for row in rows.iter().take(OVERRIDES_PER_SOURCE_MAX) {
            let OverrideAction::Pin { position } = row.action else { continue };
            let has_type = |one| self.plan.mix().iter().any(|entry| entry.relation_type == one);
            if !names_market(row, context) || !row.relation_type.is_none_or(has_type) {
                continue;
            }
            self.interval.meet(row.window.from_s, context.at_s);
            self.interval.meet(row.window.to_s, context.at_s);
            if row.window.contains(context.at_s) {
                drafts.push(PinDraft {
                    position,
                    target: row.target,
                    relation_type: row.relation_type.map_or(0, |one| one.number()),
                    seeds: known.positions,
                    source: Some(known.product),
                    valid_to_s: row.window.to_s,
                    by: PinnedBy::Override(row.line),
                    line: row.line,
                });
            }
        }
        if let Some(own) = drafts.get_mut(start..) {
            own.sort_unstable_by_key(|draft| draft.line);
        }
        drafts.truncate(CANDIDATES_MAX);
    }

    /// Appends the pins of rules.
    fn draft_rules(&self, drafts: &mut Vec<PinDraft>) {
        for (index, rule) in self.checks.rules.pins(self.checks.scene) {
            let RuleAction::Pin { position, products } = &rule.action else { continue };
            let room = CANDIDATES_MAX.saturating_sub(drafts.len());
            drafts.extend(products.iter().take(room).map(|product| PinDraft {
                position: *position,
                target: *product,
                relation_type: 0,
                seeds: 0,
                source: None,
                valid_to_s: rule.window.to_s,
                by: PinnedBy::Rule(index),
                line: 0,
            }));
        }
    }

    fn pin(&mut self, draft: &PinDraft) {
        let checks = self.checks;
        let target = Ordinal(draft.target);
        let Some(sight) = checks.as_linked(target) else { return };
        let asked = checks.asked_by_nobody(draft.source);
        let meta = (Origin::Curated as u16) << META_ORIGIN_SHIFT;
        let candidate = Candidate {
            edge: Edge { target: target.0.into(), score: u16::MAX.into(), meta: meta.into() },
            rare: None,
            source: draft.source.unwrap_or(target),
            relation_type: draft.relation_type,
            mix: u8::MAX,
            score: u16::MAX,
            removed_by: None,
        };
        let reason = checks
            .early(&sight, &candidate, &asked, self.interval)
            .or_else(|| checks.late(target, target));
        let origin = From::Pin(draft.by);
        let told = Seen {
            known: draft.source,
            linked: target,
            shown: target,
            origin,
            seeds: draft.seeds,
            fallback_step: 0,
        };
        self.end(&told, reason);
        if reason.is_some() {
            return;
        }
        if let PinnedBy::Rule(rule) = draft.by {
            self.sink.rule(rule, target);
        }
        let pick = Pick {
            product: target,
            relation_type: draft.relation_type,
            origin: Origin::Curated as u8,
            score: u16::MAX,
            quantity: 0.0,
            seeds: draft.seeds,
            valid_to_s: draft.valid_to_s,
            fallback_step: 0,
        };
        let kinds = self.list.kinds(&checks.view, target, sight.known);
        self.list.pin(Pin { position: draft.position, pick }, kinds);
    }
}
