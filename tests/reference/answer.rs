//! What one lookup answers, by LOOKUP.md alone: every list whole, every string compared as a string.

use std::collections::{BTreeMap, BTreeSet};

use kindred::model::relation::{Origin, RelationType, Stage};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    checks::{From, Reason},
    feed::Told,
    plan::{Plan, Weighted},
    runs::{self, Bound, Known, Link, Moment},
    tally::Tally,
    world::{Action, Rule, World},
};

/// An answer by ids and positions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) picks: Vec<Pick>,
    /// Positions of seeds that led to no product.
    pub(crate) missing: Vec<usize>,
    pub(crate) report: Report,
    /// `None`: at all times.
    pub(crate) from_s: Option<i64>,
    pub(crate) until_s: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pick {
    /// As the catalog has it.
    pub(crate) id: String,
    pub(crate) relation_type: u8,
    pub(crate) origin: u8,
    pub(crate) score: u16,
    pub(crate) quantity: f64,
    pub(crate) seeds: Vec<usize>,
    pub(crate) valid_to_s: Option<i64>,
    pub(crate) fallback_step: u8,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) candidates: u32,
    pub(crate) removed: BTreeMap<Reason, u32>,
    pub(crate) added_by_fallback: u32,
    pub(crate) shortfall: u32,
    pub(crate) ignored_seeds: u32,
    pub(crate) ignored_exclusions: u32,
}

/// One lookup on its way.
pub(crate) struct Lookup<'w> {
    pub(crate) world: &'w World,
    pub(crate) told: &'w Told<'w>,
    pub(crate) overrides: Vec<Bound<'w>>,
    pub(crate) plan: &'w Plan,
    pub(crate) market: String,
    pub(crate) inventory: String,
    pub(crate) stage: Option<Stage>,
    pub(crate) visitor: &'w str,
    pub(crate) at_s: i64,
    pub(crate) known: Vec<Known>,
    pub(crate) own: BTreeSet<String>,
    /// Keys.
    pub(crate) excluded: BTreeSet<String>,
    /// Keys of what earlier slots show.
    pub(crate) on_page: &'w BTreeSet<String>,
    pub(crate) rules: Vec<&'w Rule>,
    pub(crate) edges: BTreeSet<i64>,
    pub(crate) tally: &'w mut Tally,
    pub(crate) report: Report,
    pub(crate) pins: Vec<Kept>,
    pub(crate) list: Vec<Kept>,
}

/// A product that stands in the list.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) key: String,
    /// Of a pin.
    pub(crate) position: usize,
    pub(crate) pick: Pick,
}

/// A candidate that passed reasons 1 to 10.
#[derive(Clone, Debug)]
struct Passed {
    shown: String,
    linked: String,
    relation_type: Option<RelationType>,
    origin: Origin,
    score: u16,
    is_given: bool,
    quantity: f64,
    positions: Vec<usize>,
    valid_to_s: Option<i64>,
}

/// How far a list is filled, and where: `step` 0 is the mix.
#[derive(Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) step: u8,
    pub(crate) max: usize,
}

impl Lookup<'_> {
    /// Fills the list.
    pub(crate) fn run(mut self, missing: Vec<usize>) -> Outcome {
        let plan = self.plan;
        self.find_rules();
        self.pin();
        let known = self.known.clone();
        let runs = self.open(&known, &plan.mix);
        // What pins take of the list is cut off later.
        let goal = Goal { step: 0, max: self.pins.len() + plan.max_results.max(plan.rotate) };
        self.walk(&known, &runs, goal);
        if plan.rotate > 0 {
            self.rotate();
        }
        for (step, how) in (1..).zip(&plan.fallback) {
            if self.count() < plan.max_results {
                self.fall_back(how, Goal { step, max: plan.max_results });
            }
        }
        self.finish(missing)
    }

    fn count(&self) -> usize {
        self.pins.len() + self.list.len()
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { market: self.market.clone(), at_s: self.at_s }
    }

    /// The relations of each known product, and the overrides that are met on the way.
    pub(crate) fn open(&mut self, known: &[Known], mix: &[Weighted]) -> Vec<Vec<Link>> {
        let moment = self.moment();
        for one in known {
            let lineage = self.world.lineage(&one.key);
            for Bound { row, source, relation_type, .. } in &self.overrides {
                let is_of = source.as_ref().is_some_and(|source| lineage.contains(source));
                let is_opened = !mix.is_empty()
                    && relation_type
                        .is_none_or(|own| mix.iter().any(|entry| entry.relation_type == own));
                if is_of && is_opened && row.names(&moment.market) {
                    self.edges.extend(row.window.edges());
                }
            }
        }
        known.iter().map(|one| runs::merged(self.world, &one.key, mix, &moment)).collect()
    }

    pub(crate) fn walk(&mut self, known: &[Known], runs: &[Vec<Link>], goal: Goal) {
        match known {
            [] => {}
            [one] => self.walk_one(Some(one), &runs[0], goal),
            several => self.walk_several(several, runs, goal),
        }
    }

    pub(crate) fn walk_one(&mut self, known: Option<&Known>, links: &[Link], goal: Goal) {
        let moves = |rule: &&Rule| matches!(rule.action, Action::Boost(_) | Action::Bury(_));
        let is_ruled = goal.step == 0 && self.rules.iter().any(moves);
        let mut ruled = Vec::new();
        for link in links.iter().take(2_000) {
            if !is_ruled && self.count() >= goal.max {
                return;
            }
            let Some(passed) = self.examine(link, known, &BTreeSet::new()) else { continue };
            let reason = self.removed_by_score(&passed, passed.is_given, goal);
            let reason = reason.or_else(|| self.removed_by_list(&passed.linked, &passed.shown));
            if let Some(reason) = reason {
                self.report.candidates += 1;
                self.remove(reason);
            } else if is_ruled {
                let score = self.ruled(passed.score, &passed.linked, &passed.shown);
                ruled.push(Passed { score, ..passed });
            } else {
                self.take(passed, goal);
            }
        }
        // Stable: of equals the one examined first comes first.
        ruled.sort_by_key(|passed| u16::MAX - passed.score);
        for passed in ruled {
            if self.count() < goal.max && !self.holds(&passed.shown) {
                self.take(passed, goal);
            }
        }
    }

    pub(crate) fn walk_several(&mut self, known: &[Known], runs: &[Vec<Link>], goal: Goal) {
        let mut sums = BTreeMap::<String, (u64, u64, Passed)>::new();
        let weights = known.iter().map(|one| weight(one.quantity)).collect::<Vec<_>>();
        for ((one, links), weight) in known.iter().zip(runs).zip(&weights) {
            let mut added = BTreeSet::new();
            for link in links.iter().take(256) {
                let Some(passed) = self.examine(link, Some(one), &added) else { continue };
                added.insert(passed.shown.clone());
                let adds = weight * u64::from(passed.score);
                match sums.get_mut(&passed.shown) {
                    None => drop(sums.insert(passed.shown.clone(), (adds, adds, passed))),
                    Some((sum, most, shows)) => {
                        *sum += adds;
                        let joined = shows.joined(&passed);
                        *shows = if adds > *most { Passed { ..passed } } else { shows.clone() };
                        *most = adds.max(*most);
                        (shows.quantity, shows.positions, shows.valid_to_s) = joined;
                    }
                }
            }
        }
        let total = weights.iter().sum::<u64>();
        let mut ranked = Vec::new();
        for (sum, _, passed) in sums.into_values() {
            let passed = Passed { score: u16::try_from(sum / total).unwrap(), ..passed };
            let mut score = passed.score;
            if goal.step == 0 {
                score = self.ruled(score, &passed.linked, &passed.shown);
            }
            ranked.push((score, passed));
        }
        // Stable: equals stand by their keys.
        ranked.sort_by_key(|(score, _)| u16::MAX - score);
        for (score, passed) in ranked {
            if self.count() >= goal.max {
                return;
            }
            let reason = self.removed_by_score(&passed, true, goal);
            match reason.or_else(|| self.removed_by_list(&passed.linked, &passed.shown)) {
                Some(reason) => {
                    self.report.candidates += 1;
                    self.remove(reason);
                }
                None => self.take(Passed { score, ..passed }, goal),
            }
        }
    }

    /// Reasons 1 to 10; nothing if the shown product stands in the list or among those of `added`.
    fn examine(
        &mut self,
        link: &Link,
        known: Option<&Known>,
        added: &BTreeSet<String>,
    ) -> Option<Passed> {
        let shown = self.resolve(&link.target);
        if shown.as_ref().is_some_and(|shown| self.holds(shown) || added.contains(shown)) {
            return None;
        }
        let from = From::Link(link, known);
        if let Some(reason) = self.removed_by_itself(&link.target, shown.as_deref(), from) {
            self.report.candidates += 1;
            self.remove(reason);
            if link.is_removed && reason == Reason::Overridden {
                self.tally.count("override remove");
            }
            return None;
        }
        if link.is_added {
            self.tally.count("override add");
        }
        if link.is_moved {
            self.tally.count("override reorder");
        }
        Some(Passed {
            shown: shown.unwrap(),
            linked: link.target.clone(),
            relation_type: link.relation_type,
            origin: link.origin,
            score: link.score,
            is_given: link.is_given,
            quantity: known.map_or(0.0, |one| (link.quantity * one.quantity).min(f64::MAX)),
            positions: known.map_or(Vec::new(), |one| one.positions.clone()),
            valid_to_s: link.window.to_s,
        })
    }

    fn holds(&self, key: &str) -> bool {
        self.pins.iter().chain(&self.list).any(|kept| kept.key == key)
    }

    /// Reason 11.
    fn removed_by_score(&self, passed: &Passed, counts: bool, goal: Goal) -> Option<Reason> {
        let is_below = self.plan.min_score.is_some_and(|min_score| passed.score < min_score);
        (goal.step == 0 && counts && is_below).then_some(Reason::Score)
    }

    /// Reasons 12 and 13.
    pub(crate) fn removed_by_list(&self, linked: &str, shown: &str) -> Option<Reason> {
        if self.is_hidden_by_rule(linked, shown) {
            return Some(Reason::Rule);
        }
        self.on_page.contains(shown).then_some(Reason::OnPage)
    }

    /// Keeps a candidate unless reason 14 removes it.
    fn take(&mut self, passed: Passed, goal: Goal) {
        self.report.candidates += 1;
        if self.is_too_much(&passed, goal) {
            return self.remove(Reason::Diversity);
        }
        if goal.step > 0 {
            self.report.added_by_fallback += 1;
        }
        let pick = Pick {
            id: self.world.product(&passed.shown).id.clone(),
            relation_type: passed.relation_type.map_or(0, RelationType::number),
            origin: passed.origin as u8,
            score: passed.score,
            quantity: passed.quantity,
            seeds: passed.positions,
            valid_to_s: passed.valid_to_s,
            fallback_step: goal.step,
        };
        self.list.push(Kept { key: passed.shown, position: 0, pick });
    }

    fn is_too_much(&self, passed: &Passed, goal: Goal) -> bool {
        let all = || self.pins.iter().chain(&self.list);
        let reaches = |max: u32, of: &dyn Fn(&str) -> Option<String>| {
            let own = of(&passed.shown);
            let is_same = |kept: &&Kept| own.is_some() && of(&kept.key) == own;
            max > 0 && all().filter(is_same).count() >= usize::try_from(max).unwrap()
        };
        let of_brand = |key: &str| self.world.product(key).brand.clone();
        let of_category = |key: &str| self.world.product(key).categories.first().cloned();
        let of_group = |key: &str| Some(self.world.root(key));
        let bounds = self.plan.diversity;
        let mut mix = self.plan.mix.iter();
        let entry = mix.find(|entry| Some(entry.relation_type) == passed.relation_type);
        let cap = entry.and_then(|entry| entry.max_results).filter(|_| goal.step == 0);
        let is_of_entry = |kept: &&Kept| {
            let number = passed.relation_type.map_or(0, RelationType::number);
            kept.pick.fallback_step == 0 && kept.pick.relation_type == number
        };
        let is_capped = cap.is_some_and(|cap| self.list.iter().filter(is_of_entry).count() >= cap);
        reaches(bounds.max_per_brand, &of_brand)
            || reaches(bounds.max_per_category, &of_category)
            || reaches(bounds.max_per_variant_group.max(1), &of_group)
            || is_capped
    }

    pub(crate) fn remove(&mut self, reason: Reason) {
        *self.report.removed.entry(reason).or_default() += 1;
    }

    fn rotate(&mut self) {
        let day = self.at_s.div_euclid(86_400);
        self.meet([day * 86_400, (day + 1) * 86_400].into_iter());
        let placement = self.plan.placement.as_deref().unwrap_or_default();
        let hash = |id: &str| {
            let mut bytes = self.visitor.as_bytes().to_vec();
            for part in [placement.as_bytes(), &day.to_le_bytes(), id.as_bytes()] {
                bytes.push(0xff);
                bytes.extend(part);
            }
            xxh3_64(&bytes)
        };
        let before = self.list.iter().map(|kept| kept.key.clone()).collect::<Vec<_>>();
        self.list.sort_by_key(|kept| (hash(&kept.pick.id), kept.key.clone()));
        self.list.truncate(self.plan.max_results - self.pins.len());
        if !before.iter().eq(self.list.iter().map(|kept| &kept.key)) {
            self.tally.count("rotation");
        }
    }

    fn finish(mut self, missing: Vec<usize>) -> Outcome {
        self.list.truncate(self.plan.max_results - self.pins.len());
        let mut list = self.list.into_iter().map(|kept| kept.pick).collect::<Vec<_>>();
        // Stable: of one position the pin that was examined first.
        self.pins.sort_by_key(|pin| pin.position);
        let mut behind = 0;
        for pin in self.pins {
            let at = (pin.position - 1).max(behind).min(list.len());
            list.insert(at, pin.pick);
            behind = at + 1;
        }
        let short = self.plan.max_results - list.len();
        self.report.shortfall = u32::try_from(short).unwrap();
        Outcome {
            picks: list,
            missing,
            report: self.report,
            from_s: self.edges.range(..=self.at_s).next_back().copied(),
            until_s: self.edges.range(self.at_s + 1..).next().copied(),
        }
    }
}

impl Passed {
    /// What two relations to one product show together.
    fn joined(&self, other: &Self) -> (f64, Vec<usize>, Option<i64>) {
        let positions = self.positions.iter().chain(&other.positions).copied();
        let positions = positions.collect::<BTreeSet<_>>().into_iter().collect();
        let ends = self.valid_to_s.into_iter().chain(other.valid_to_s);
        ((self.quantity + other.quantity).min(f64::MAX), positions, ends.min())
    }
}

/// The quantity rounded, from 1 to 4.
fn weight(quantity: f64) -> u64 {
    match quantity {
        less if less < 1.5 => 1,
        less if less < 2.5 => 2,
        less if less < 3.5 => 3,
        _ => 4,
    }
}

/// Adds a known product, or what is new of it.
pub(crate) fn join(known: &mut Vec<Known>, key: String, quantity: f64, positions: &[usize]) {
    match known.iter_mut().find(|one| one.key == key) {
        None => known.push(Known { key, quantity, positions: positions.to_vec() }),
        Some(one) => {
            one.quantity = (one.quantity + quantity).min(f64::MAX);
            one.positions.extend(positions);
            one.positions.sort_unstable();
            one.positions.dedup();
        }
    }
}
