//! Pins: what stands in a list whatever it was asked for.

use std::collections::BTreeSet;

use kindred::model::relation::{Origin, RelationType};

use crate::{
    answer::{Kept, Lookup, Pick},
    checks::From,
    runs::Bound,
    world::{Action, Deed},
};

impl Lookup<'_> {
    /// Pins of overrides, then of rules.
    pub(crate) fn pin(&mut self) {
        let moment = self.moment();
        let mut pins = Vec::new();
        for known in &self.known {
            for Bound { row, source, relation_type, target } in &self.overrides {
                let Deed::Pin { position } = row.deed else { continue };
                let fits = relation_type.is_none_or(|wanted| {
                    self.plan.mix.iter().any(|entry| entry.relation_type == wanted)
                });
                if source.as_ref() != Some(&known.key) || !fits || !row.names(&moment.market) {
                    continue;
                }
                self.edges.extend(row.window.edges());
                if row.is_in_force(&moment) {
                    let number = relation_type.map_or(0, RelationType::number);
                    pins.push((position, target.clone(), Some(known), number, row.window));
                }
            }
        }
        for rule in &self.rules {
            if let Action::Pin(position) = rule.action {
                let products = rule.products.iter().filter_map(|id| self.world.find(id));
                pins.extend(products.map(|key| (position, key, None, 0, rule.window)));
            }
        }
        let pins = pins.into_iter().map(|(position, key, known, relation_type, window)| {
            let (source, seeds) = match known {
                Some(known) => (Some(known.key.clone()), known.positions.clone()),
                None => (None, Vec::new()),
            };
            let pick = Pick {
                id: self.world.product(&key).id.clone(),
                relation_type,
                origin: Origin::Curated as u8,
                score: 65_535,
                quantity: 0.0,
                seeds,
                valid_to_s: window.to_s,
                fallback_step: 0,
            };
            (source, Kept { key, position, pick })
        });
        let mut seen = BTreeSet::new();
        for (source, pin) in pins.collect::<Vec<_>>() {
            if self.pins.len() >= self.plan.max_results || !seen.insert(pin.key.clone()) {
                continue;
            }
            self.report.candidates += 1;
            let from = From::Pin(source.as_deref());
            let by_itself = self.removed_by_itself(&pin.key, Some(&pin.key), from);
            match by_itself.or_else(|| self.removed_by_list(&pin.key, &pin.key)) {
                Some(reason) => self.remove(reason),
                None => {
                    let who = if source.is_some() { "override pin" } else { "rule pin" };
                    self.tally.count(who);
                    self.pins.push(pin);
                }
            }
        }
    }
}
