//! A policy bound to one catalog: what lookups read.

use super::{Overrides, Rule};
use crate::model::{
    relation::{RelationType, Stage},
    selection::{Diversity, FallbackStep, Filter, VariantResolution},
};

/// Everything the shop wants, bound to one catalog. The default wants nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// By id, each id once.
    placements: Vec<Placement>,
    stages: [Option<SlotPolicy>; STAGE_COUNT],
    rules: Vec<Rule>,
    overrides: Overrides,
}

const STAGE_COUNT: usize = Stage::ALL.len();

impl Policy {
    /// A policy of these parts; `stages` in the order of [`Stage::ALL`]. Of two placements of one id
    /// the first counts.
    #[must_use]
    pub fn new(
        mut placements: Vec<Placement>,
        stages: [Option<SlotPolicy>; STAGE_COUNT],
        rules: Vec<Rule>,
        overrides: Overrides,
    ) -> Self {
        placements.sort_by(|left, right| left.id.cmp(&right.id));
        placements.dedup_by(|second, first| second.id == first.id);
        Self { placements, stages, rules, overrides }
    }

    /// The placement of this id.
    #[must_use]
    pub fn placement(&self, id: &str) -> Option<&Placement> {
        self.numbered_placement(id).map(|(_, placement)| placement)
    }

    /// The placement of this id, with its place among the ids of all placements.
    #[must_use]
    pub fn numbered_placement(&self, id: &str) -> Option<(usize, &Placement)> {
        let index = self.placements.binary_search_by(|placement| placement.id.as_str().cmp(id));
        let index = index.ok()?;
        Some((index, self.placements.get(index)?))
    }

    /// The ids of all placements, sorted.
    pub fn placement_ids(&self) -> impl Iterator<Item = &str> {
        self.placements.iter().map(|placement| placement.id.as_str())
    }

    /// How a list is filled at this stage when a request names neither placement nor types.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Option<&SlotPolicy> {
        of_stage(&self.stages, stage)
    }

    /// The rules that can apply, in the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The overrides.
    #[must_use]
    pub const fn overrides(&self) -> &Overrides {
        &self.overrides
    }
}

/// A named slot of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// Its id.
    pub id: String,
    base: SlotPolicy,
    stages: [Option<SlotPolicy>; STAGE_COUNT],
}

impl Placement {
    /// A placement of these parts; `stages`, in the order of [`Stage::ALL`], hold whole slots that
    /// stand for the base at their stage.
    #[must_use]
    pub const fn new(
        id: String,
        base: SlotPolicy,
        stages: [Option<SlotPolicy>; STAGE_COUNT],
    ) -> Self {
        Self { id, base, stages }
    }

    /// How it is filled at this stage, or at none.
    #[must_use]
    pub fn slot(&self, stage: Option<Stage>) -> &SlotPolicy {
        stage.and_then(|stage| of_stage(&self.stages, stage)).unwrap_or(&self.base)
    }
}

fn of_stage(stages: &[Option<SlotPolicy>; STAGE_COUNT], stage: Stage) -> Option<&SlotPolicy> {
    stages.get(stage as usize - 1).and_then(Option::as_ref)
}

/// How one list is filled. What is not set is left to the lookup's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotPolicy {
    /// Types in order, each once, at most
    /// [`RELATION_TYPES_PER_REQUEST_MAX`](crate::model::limits::RELATION_TYPES_PER_REQUEST_MAX).
    pub mix: Vec<MixEntry>,
    /// Results, from 1 to [`RESULTS_MAX`](crate::model::limits::RESULTS_MAX).
    pub max_results: Option<usize>,
    /// Smallest score, as [`quantize`](crate::model::score::quantize) has it.
    pub min_score: Option<u16>,
    /// Conditions on products.
    pub filter: Filter,
    /// What is tried while the list is short.
    pub fallback: Vec<FallbackStep>,
    /// Bounds that keep the list varied.
    pub diversity: Diversity,
    /// Which product of a variant group is shown.
    pub variant_resolution: VariantResolution,
    /// So many of the best take turns by visitor and day; 0 for none, else from 2 to
    /// [`RESULTS_MAX`](crate::model::limits::RESULTS_MAX).
    pub rotate: u32,
}

/// One type of a mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixEntry {
    /// The type.
    pub relation_type: RelationType,
    /// Weight of its scores in thousandths, from 1 to 1000.
    pub weight: u16,
    /// Most results of this type.
    pub max_results: Option<u32>,
}
