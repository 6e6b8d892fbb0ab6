//! Runs as overrides want them: relations removed, moved and added.
//!
//! Only products that overrides name as a source come here. What is patched is copied; the catalog
//! is never changed.

use super::{plan::WEIGHT_ONE, scene::Context, variants::lineage};
use crate::{
    index::{
        Ordinal, View,
        layout::{Edge, META_ORIGIN_SHIFT, META_RARE, RareRecord},
    },
    lookup::interval::Interval,
    model::{
        limits::{OVERRIDES_PER_SOURCE_MAX, RELATIONS_PER_TYPE_MAX},
        relation::{Origin, RelationType},
        score,
    },
    policy::{MixEntry, Override, OverrideAction, Overrides},
};

/// The patched runs of one known product and its ancestors.
#[derive(Debug, Default)]
pub(super) struct Patched {
    relations: Vec<PatchedRelation>,
    /// Which runs they are, in the order of `relations`.
    runs: Vec<PatchedRun>,
    /// One run's scores, best first.
    scores: Vec<u16>,
    /// Relations on their way to another place, each with it.
    moved: Vec<Moved>,
}

#[derive(Clone, Copy, Debug)]
struct PatchedRun {
    level: u8,
    mix: u8,
    start: usize,
    end: usize,
}

/// A relation of a patched run.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatchedRelation {
    pub(super) edge: Edge,
    pub(super) rare: Option<RareRecord>,
    /// Line of the override that takes it out.
    pub(super) removed_by: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Moved {
    /// From 0; `u32::MAX` is the end.
    index: u32,
    line: u32,
    relation: PatchedRelation,
}

impl Patched {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// The relations of a patched run; `None` if the catalog's stand.
    pub(super) fn run(&self, level: u8, mix: u8) -> Option<&[PatchedRelation]> {
        let run = self.runs.iter().find(|run| run.level == level && run.mix == mix)?;
        self.relations.get(run.start..run.end)
    }

    /// Patches the runs of a known product and its ancestors, as far as overrides name them.
    pub(super) fn prepare(
        &mut self,
        view: &View<'_>,
        (overrides, context): (&Overrides, &Context<'_>),
        product: Ordinal,
        mix: &[MixEntry],
        interval: &mut Interval,
    ) {
        self.runs.clear();
        self.relations.clear();
        for (level, source) in (0_u8..).zip(lineage(view, product)) {
            if !overrides.is_touched(source.0) {
                continue;
            }
            let rows = overrides.of(source.0);
            let rows = rows.get(..OVERRIDES_PER_SOURCE_MAX).unwrap_or(rows);
            for (place, entry) in (0_u8..).zip(mix) {
                let rows = rows.iter().filter(|row| names(row, context, entry.relation_type));
                let mut is_patched = false;
                for row in rows.clone() {
                    interval.meet(row.window.from_s, context.at_s);
                    interval.meet(row.window.to_s, context.at_s);
                    let patches =
                        !matches!(row.action, OverrideAction::Pin { .. } | OverrideAction::Hide);
                    is_patched |= patches && row.window.contains(context.at_s);
                }
                if is_patched {
                    let in_force = rows.filter(|row| row.window.contains(context.at_s));
                    let start = self.relations.len();
                    self.patch(view, source, entry.relation_type, in_force);
                    let end = self.relations.len();
                    self.runs.push(PatchedRun { level, mix: place, start, end });
                }
            }
        }
    }

    /// Appends one run, patched.
    fn patch<'o>(
        &mut self,
        view: &View<'_>,
        source: Ordinal,
        relation_type: RelationType,
        in_force: impl Iterator<Item = &'o Override> + Clone,
    ) {
        let start = self.relations.len();
        self.scores.clear();
        for relation in view.block(source).run(relation_type).relations() {
            self.scores.push(relation.edge.score.get());
            let (edge, rare) = (*relation.edge, relation.rare.copied());
            let target = edge.target.get();
            let mut removals =
                in_force.clone().filter(|row| matches!(row.action, OverrideAction::Remove));
            let removed_by = removals.find(|row| row.target == target).map(|row| row.line);
            self.relations.push(PatchedRelation { edge, rare, removed_by });
        }
        let reordered = self.reorder(start, in_force.clone());
        let added = self.add(start, in_force);
        self.relations.truncate(start.saturating_add(RELATIONS_PER_TYPE_MAX));
        if reordered || added {
            self.hand_out_scores(start);
        }
    }

    /// Moves relations of the run that begins at `start`; says whether any moved.
    fn reorder<'o>(&mut self, start: usize, in_force: impl Iterator<Item = &'o Override>) -> bool {
        self.moved.clear();
        for row in in_force {
            let OverrideAction::Reorder { position } = row.action else { continue };
            let index = position.saturating_sub(1);
            let run = self.relations.get(start..).unwrap_or_default();
            let found = run.iter().find(|relation| relation.edge.target.get() == row.target);
            if let Some(relation) = found.copied() {
                self.moved.push(Moved { index, line: row.line, relation });
            }
        }
        self.put_moved(start)
    }

    /// Adds relations to the run that begins at `start`; says whether there are any.
    fn add<'o>(&mut self, start: usize, in_force: impl Iterator<Item = &'o Override>) -> bool {
        self.moved.clear();
        for row in in_force {
            let OverrideAction::Add { position, quantity } = row.action else { continue };
            let index = position.map_or(u32::MAX, |position| position.saturating_sub(1));
            let meta = META_RARE | (Origin::Curated as u16) << META_ORIGIN_SHIFT;
            let target = row.target.into();
            let edge = Edge { target, score: 0.into(), meta: meta.into() };
            let rare = RareRecord {
                quantity: quantity.into(),
                valid_from_s: row.window.from_s.into(),
                valid_to_s: row.window.to_s.into(),
                markets: 0.into(),
            };
            let relation = PatchedRelation { edge, rare: Some(rare), removed_by: None };
            self.moved.push(Moved { index, line: row.line, relation });
        }
        self.put_moved(start)
    }

    /// Puts the moved relations into their places of the run that begins at `start`, and out of those
    /// they have; the first of several for one target counts.
    fn put_moved(&mut self, start: usize) -> bool {
        let Self { relations, moved, .. } = self;
        moved.sort_unstable_by_key(|one| (one.index, one.line));
        let target = |relation: &PatchedRelation| relation.edge.target.get();
        let mut index = 0_usize;
        relations.retain(|relation| {
            let is_own = index >= start;
            index = index.saturating_add(1);
            !(is_own && moved.iter().any(|one| target(&one.relation) == target(relation)))
        });
        for (place, one) in moved.iter().enumerate() {
            let earlier = moved.get(..place).unwrap_or_default();
            if earlier.iter().any(|other| target(&other.relation) == target(&one.relation)) {
                continue;
            }
            let at = start.saturating_add(one.index as usize).min(relations.len());
            relations.insert(at, one.relation);
        }
        !moved.is_empty()
    }

    /// Gives the scores that the run had to its relations in their new order.
    fn hand_out_scores(&mut self, start: usize) {
        let Self { relations, scores, .. } = self;
        let run = relations.get_mut(start..).unwrap_or_default();
        let mut before = None::<u16>;
        for (rank, relation) in run.iter_mut().enumerate() {
            let handed = scores.get(rank).copied();
            let score = if scores.is_empty() {
                score::of_rank(rank)
            } else {
                handed.unwrap_or_else(|| before.unwrap_or(0).saturating_sub(1))
            };
            relation.edge.score = score.into();
            before = Some(score);
        }
    }
}

/// The types of a mix of one, with its scores as they are.
pub(super) fn only(relation_type: RelationType) -> [MixEntry; 1] {
    [MixEntry { relation_type, weight: WEIGHT_ONE, max_results: None }]
}

/// Does an override name the market, and this type or none?
fn names(row: &Override, context: &Context<'_>, relation_type: RelationType) -> bool {
    names_market(row, context) && row.relation_type.is_none_or(|one| one == relation_type)
}

/// Does an override name the market?
pub(super) fn names_market(row: &Override, context: &Context<'_>) -> bool {
    names_markets(row.markets, context)
}

/// Does a mask of markets name the market? An empty one names every market.
pub(super) fn names_markets(markets: u64, context: &Context<'_>) -> bool {
    markets == 0 || markets & context.market_bit() != 0
}
