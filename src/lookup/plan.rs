//! The effective lookup: each field from the request, else the placement or stage policy, else the
//! default.

use arrayvec::ArrayVec;
use thiserror::Error;

use super::{
    query::{FallbackAsk, Query},
    scene::{Context, Scene},
};
use crate::{
    model::{
        limits::{RELATION_TYPES_PER_REQUEST_MAX, RESULTS_DEFAULT, RESULTS_MAX},
        relation::RelationType,
        selection::{Diversity, FallbackStep, Filter, VariantResolution},
    },
    policy::{MixEntry, SlotPolicy},
};

/// What is looked up in the end. It borrows from the policy and the query.
#[derive(Clone, Debug)]
pub struct Plan<'p> {
    placement: Option<(usize, &'p str)>,
    mix: Mix,
    max_results: usize,
    min_score: Option<u16>,
    filter: Option<&'p Filter>,
    fallback: &'p [FallbackStep],
    diversity: Diversity,
    variant_resolution: VariantResolution,
    rotate: usize,
}

/// Relation types in order, each once.
pub(super) type Mix = ArrayVec<MixEntry, RELATION_TYPES_PER_REQUEST_MAX>;

/// A lookup that says too little to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The policy has no such placement. Name one that `DescribeCatalog` lists.
    #[error("expected a placement of the policy, found another")]
    UnknownPlacement,
    /// Neither placement nor types nor a stage with a policy. Name one of them.
    #[error("expected a placement, relation types, or a stage that has a policy, found none")]
    NoTypes,
    /// Nothing to start from. Name a seed, or a fallback step that needs none.
    #[error("expected at least one seed, or a fallback step popular_in, found neither")]
    NoSeeds,
}

impl<'p> Plan<'p> {
    /// The effective lookup of a query.
    ///
    /// # Errors
    /// If the placement is unknown, nothing says what to look up, or there is nothing to start from.
    pub fn new(
        scene: &Scene<'p>,
        context: &Context<'_>,
        query: &'p Query<'_>,
    ) -> Result<Self, PlanError> {
        let (placement, slot) = slot(scene, context, query)?;
        let weightless = |relation_type: &RelationType| MixEntry {
            relation_type: *relation_type,
            weight: WEIGHT_ONE,
            max_results: None,
        };
        let declared = |entry: &MixEntry| scene.view.declares(entry.relation_type);
        let mix: Mix = if query.types.is_empty() {
            let mix = slot.map_or(&[][..], |slot| &slot.mix);
            let mix = mix.iter().take(RELATION_TYPES_PER_REQUEST_MAX);
            mix.copied().filter(declared).collect()
        } else {
            query.types.iter().map(weightless).filter(declared).collect()
        };
        let results = query.max_results.or(slot.and_then(|slot| slot.max_results));
        let fallback = match &query.fallback {
            FallbackAsk::Unset => slot.map_or(&[][..], |slot| &slot.fallback),
            FallbackAsk::Disabled => &[],
            FallbackAsk::Steps(steps) => steps,
        };
        let needs_none = |step: &FallbackStep| matches!(step, FallbackStep::PopularIn(_));
        if query.seeds.is_empty() && !fallback.iter().any(needs_none) {
            return Err(PlanError::NoSeeds);
        }
        let asked_score = query.min_score.map(|least| least.0);
        Ok(Self {
            placement,
            mix,
            max_results: results.unwrap_or(RESULTS_DEFAULT).clamp(1, RESULTS_MAX),
            min_score: asked_score.or(slot.and_then(|slot| slot.min_score)),
            filter: query.filter.as_ref().or(slot.map(|slot| &slot.filter)),
            fallback,
            diversity: query.diversity.or(slot.map(|slot| slot.diversity)).unwrap_or_default(),
            variant_resolution: query
                .variant_resolution
                .or(slot.map(|slot| slot.variant_resolution))
                .unwrap_or_default(),
            rotate: slot.map_or(0, |slot| slot.rotate as usize).min(RESULTS_MAX),
        })
    }

    /// The placement.
    #[must_use]
    pub fn placement(&self) -> Option<&'p str> {
        self.placement.map(|(_, id)| id)
    }

    /// Its place among the placements of the policy, by which its slots are counted.
    #[must_use]
    pub fn placement_number(&self) -> Option<usize> {
        self.placement.map(|(number, _)| number)
    }

    /// Relation types in order, each once, with weights and caps.
    #[must_use]
    pub fn mix(&self) -> &[MixEntry] {
        &self.mix
    }

    /// Results, 1 to [`RESULTS_MAX`].
    #[must_use]
    pub fn max_results(&self) -> usize {
        self.max_results
    }

    /// Smallest score in 1/65535.
    #[must_use]
    pub fn min_score(&self) -> Option<u16> {
        self.min_score
    }

    /// Conditions on products.
    #[must_use]
    pub fn filter(&self) -> Option<&'p Filter> {
        self.filter
    }

    /// What is tried while the list is short.
    #[must_use]
    pub fn fallback(&self) -> &'p [FallbackStep] {
        self.fallback
    }

    /// Bounds that keep the list varied.
    #[must_use]
    pub fn diversity(&self) -> Diversity {
        self.diversity
    }

    /// Which product of a variant group is shown.
    #[must_use]
    pub fn variant_resolution(&self) -> VariantResolution {
        self.variant_resolution
    }

    /// So many of the best take turns; 0 for none.
    #[must_use]
    pub fn rotate(&self) -> usize {
        self.rotate
    }

    /// Does an entry of the mix take only so many?
    pub(super) fn has_quotas(&self) -> bool {
        self.mix.iter().any(|entry| entry.max_results.is_some())
    }

    /// Results that are gathered before rotation and pins cut them.
    pub(super) fn pool(&self) -> usize {
        self.max_results.max(self.rotate)
    }
}

/// A weight of one in thousandths.
pub(super) const WEIGHT_ONE: u16 = 1_000;

/// The placement, with its number, or the stage policy behind a query.
type Behind<'p> = (Option<(usize, &'p str)>, Option<&'p SlotPolicy>);

fn slot<'p>(
    scene: &Scene<'p>,
    context: &Context<'_>,
    query: &Query<'_>,
) -> Result<Behind<'p>, PlanError> {
    if let Some(id) = query.placement {
        let found = scene.policy.numbered_placement(id);
        let (number, placement) = found.ok_or(PlanError::UnknownPlacement)?;
        return Ok((Some((number, &placement.id)), Some(placement.slot(context.stage))));
    }
    if !query.types.is_empty() {
        return Ok((None, None));
    }
    let stage = context.stage.and_then(|stage| scene.policy.stage(stage));
    stage.map(|slot| (None, Some(slot))).ok_or(PlanError::NoTypes)
}
