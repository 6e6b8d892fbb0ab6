//! Fallback chains: `{ placement = ID }` goes on with the chain of that placement at the same stage.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::{PlacementDoc, PolicyDoc, Step, unknown_placement},
    error::Fault,
    reader::{Name, Reader},
};
use crate::model::{limits::FALLBACK_STEPS_MAX, relation::Stage};

/// Follows the chains of one document.
pub(super) struct Chains<'d> {
    placements: BTreeMap<&'d str, &'d PlacementDoc>,
}

/// Why a chain has no end: the step that leads on, and what is wrong with it.
struct Broken<'d> {
    step: &'d Name,
    fault: Fault,
}

impl<'d> Chains<'d> {
    pub(super) fn new(document: &'d PolicyDoc) -> Self {
        let placements = &document.placements;
        Self { placements: placements.iter().map(|one| (one.id.text.as_str(), one)).collect() }
    }

    /// The chain that these steps begin, from end to end. Documents that were parsed have no broken
    /// ones.
    pub(super) fn follow(&self, own: &'d [Step], stage: Option<Stage>) -> Vec<&'d Step> {
        self.walk(None, own, stage).unwrap_or_default()
    }

    fn walk(
        &self,
        from: Option<&'d str>,
        own: &'d [Step],
        stage: Option<Stage>,
    ) -> Result<Vec<&'d Step>, Broken<'d>> {
        let mut seen: Vec<&str> = from.into_iter().collect();
        let mut chain = Vec::new();
        let mut steps = own;
        while let Some((Step::Placement(step), before)) = steps.split_last() {
            chain.extend(before);
            if let Some(at) = seen.iter().position(|id| *id == step.text) {
                let cycle = shown_cycle(seen.get(at..).unwrap_or_default());
                return Err(Broken { step, fault: Fault::FallbackCycle(cycle) });
            }
            seen.push(&step.text);
            let placement = self.placements.get(step.text.as_str());
            let placement =
                placement.ok_or_else(|| Broken { step, fault: unknown_placement(step) })?;
            steps = fallback(placement, stage);
            if chain.len() + steps.len() > FALLBACK_STEPS_MAX || seen.len() > FALLBACK_STEPS_MAX {
                let noun = "steps in the whole fallback chain";
                return Err(Broken {
                    step,
                    fault: Fault::TooMany { max: FALLBACK_STEPS_MAX, noun },
                });
            }
        }
        chain.extend(steps);
        Ok(chain)
    }
}

/// Every chain must end, within the limit, at each stage.
pub(super) fn check(document: &PolicyDoc, reader: &mut Reader<'_>) {
    let chains = Chains::new(document);
    let at_every_stage = || std::iter::once(None).chain(Stage::ALL.into_iter().map(Some));
    let of_placements = document.placements.iter().flat_map(|placement| {
        at_every_stage()
            .map(move |stage| (Some(placement.id.text.as_str()), fallback(placement, stage), stage))
    });
    let of_stages = Stage::ALL.into_iter().zip(&document.stages).map(|(stage, slot)| {
        let own = slot.as_ref().and_then(|slot| slot.fallback.as_deref());
        (None, own.unwrap_or_default(), Some(stage))
    });
    // One fault by many ways is one fault.
    let mut said = BTreeSet::new();
    for (from, own, stage) in of_placements.chain(of_stages) {
        let Err(Broken { step, fault }) = chains.walk(from, own, stage) else { continue };
        let cycle =
            if let Fault::FallbackCycle(cycle) = &fault { Some(cycle.clone()) } else { None };
        let key = cycle.unwrap_or_else(|| step.place.to_string());
        if said.insert(key) {
            reader.fault_at(step.place, fault);
        }
    }
}

/// The steps of a placement at a stage.
fn fallback(placement: &PlacementDoc, stage: Option<Stage>) -> &[Step] {
    let at_stage = Stage::ALL.into_iter().zip(&placement.stages);
    let slot = at_stage.filter(|(one, _)| Some(*one) == stage).find_map(|(_, slot)| slot.as_ref());
    let own = slot.and_then(|slot| slot.fallback.as_deref());
    own.or(placement.base.fallback.as_deref()).unwrap_or_default()
}

/// `a -> b -> a`, from the smallest id on, so that each cycle has one text.
fn shown_cycle(cycle: &[&str]) -> String {
    let smallest = (0..cycle.len()).min_by_key(|index| cycle.get(*index));
    let (before, from) = cycle.split_at(smallest.unwrap_or(0));
    let around = from.iter().chain(before).chain(from.first());
    around.copied().collect::<Vec<_>>().join(" -> ")
}
