//! What is tried while a list is short.

use kindred::model::{relation::RelationType, selection::FallbackStep};

use crate::{
    answer::{Goal, Lookup, join},
    plan::Weighted,
    runs::{self, Known},
};

impl Lookup<'_> {
    pub(crate) fn fall_back(&mut self, how: &FallbackStep, goal: Goal) {
        let known = self.known.clone();
        let before = self.list.len();
        let name = match how {
            FallbackStep::RelationType(relation_type) => {
                let mix = Weighted {
                    relation_type: *relation_type,
                    weight_milli: 1_000,
                    max_results: None,
                };
                if self.world.declares(*relation_type) {
                    let runs = self.open(&known, &[mix]);
                    self.walk(&known, &runs, goal);
                }
                "step relation_type"
            }
            FallbackStep::ViaAlternatives => {
                let others = self.alternatives(&known);
                self.walk_others(others, goal);
                "step via_alternatives"
            }
            FallbackStep::VariantGroup => {
                let others = self.siblings(&known);
                self.walk_others(others, goal);
                "step variant_group"
            }
            FallbackStep::CategoryPopular => {
                let runs = known.iter().map(|one| {
                    let primary = self.world.product(&one.key).categories.first();
                    primary.map_or(Vec::new(), |primary| runs::popular(self.world, Some(primary)))
                });
                let runs = runs.collect::<Vec<_>>();
                self.walk(&known, &runs, goal);
                "step category_popular"
            }
            FallbackStep::PopularIn(category) => {
                let links = runs::popular(self.world, category.as_deref());
                self.walk_one(None, &links, goal);
                if category.is_some() { "step popular_in" } else { "step popular" }
            }
        };
        if self.list.len() > before {
            self.tally.count(name);
        }
    }

    /// Looks up the mix for other products in the place of the known ones.
    fn walk_others(&mut self, mut others: Vec<Known>, goal: Goal) {
        others.truncate(50);
        others.iter_mut().for_each(|one| one.quantity = 1.0);
        let mix = self.plan.mix.clone();
        let runs = self.open(&others, &mix);
        if !others.is_empty() {
            self.walk_several(&others, &runs, goal);
        }
    }

    fn alternatives(&mut self, known: &[Known]) -> Vec<Known> {
        let relation_type = RelationType::ALTERNATIVE;
        let mix = [Weighted { relation_type, weight_milli: 1_000, max_results: None }];
        let runs = self.open(known, &mix);
        let mut others = Vec::new();
        for (one, links) in known.iter().zip(runs) {
            let mut count = 0;
            for link in links {
                if count == 10 {
                    break;
                }
                if link.is_removed || !self.is_for_market(&link) {
                    continue;
                }
                self.meet(link.window.edges());
                if link.window.contains(self.at_s) {
                    count += 1;
                    join(&mut others, link.target, 1.0, &one.positions);
                }
            }
        }
        others
    }

    fn siblings(&self, known: &[Known]) -> Vec<Known> {
        let mut others = Vec::new();
        for one in known {
            let leaves = self.world.leaves(&self.world.root(&one.key));
            for leaf in leaves.into_iter().take(64).filter(|leaf| *leaf != one.key) {
                join(&mut others, leaf, 1.0, &one.positions);
            }
        }
        others
    }
}
