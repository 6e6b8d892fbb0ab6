//! Requests, and the effective lookup of one list.

use kindred::model::{
    relation::{RelationType, Stage},
    score,
    selection::{Diversity, FallbackStep, Filter, VariantResolution},
};

use crate::world::{Slot, Step, World};

/// A call: one list, or the slots of a page.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Empty for the default one.
    pub(crate) market: String,
    /// Empty for the market's default one.
    pub(crate) inventory: String,
    pub(crate) stage: Option<Stage>,
    pub(crate) visitor: String,
    pub(crate) at_s: i64,
    pub(crate) is_as_of: bool,
    pub(crate) exclude: Vec<String>,
    /// `None`: a lookup of one list.
    pub(crate) page: Option<PageAsk>,
    pub(crate) lists: Vec<Ask>,
}

#[derive(Clone, Debug)]
pub(crate) struct PageAsk {
    pub(crate) seeds: Vec<SeedAsk>,
    pub(crate) allow_duplicates: bool,
}

/// What is asked of one list; what is not set is `None`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) placement: Option<String>,
    pub(crate) types: Vec<RelationType>,
    pub(crate) max_results: Option<usize>,
    pub(crate) min_score: Option<f32>,
    pub(crate) filter: Option<Filter>,
    pub(crate) fallback: Option<FallbackAsk>,
    pub(crate) diversity: Option<Diversity>,
    pub(crate) resolution: Option<VariantResolution>,
    pub(crate) seeds: Vec<SeedAsk>,
}

#[derive(Clone, Debug)]
pub(crate) enum FallbackAsk {
    Disabled,
    /// At least one.
    Steps(Vec<FallbackStep>),
}

#[derive(Clone, Debug)]
pub(crate) struct SeedAsk {
    pub(crate) id: String,
    pub(crate) is_category: bool,
    pub(crate) quantity: f64,
}

/// The effective lookup.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) placement: Option<String>,
    pub(crate) mix: Vec<Weighted>,
    pub(crate) max_results: usize,
    pub(crate) min_score: Option<u16>,
    pub(crate) filter: Filter,
    pub(crate) fallback: Vec<FallbackStep>,
    pub(crate) diversity: Diversity,
    pub(crate) resolution: VariantResolution,
    pub(crate) rotate: usize,
}

/// A declared type, its weight in thousandths and the most results of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weighted {
    pub(crate) relation_type: RelationType,
    pub(crate) weight_milli: u64,
    pub(crate) max_results: Option<usize>,
}

/// Why there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    UnknownPlacement,
    NoTypes,
    NoSeeds,
}

impl Plan {
    /// `has_seeds`: of its own or of the page.
    pub(crate) fn new(
        world: &World,
        stage: Option<Stage>,
        ask: &Ask,
        has_seeds: bool,
    ) -> Result<Self, Refusal> {
        let slot = match &ask.placement {
            Some(id) => of_placement(world, id, stage).ok_or(Refusal::UnknownPlacement)?,
            None if !ask.types.is_empty() => Slot::default(),
            None => {
                let policy = stage.and_then(|stage| world.policy.stages.get(&stage));
                policy.cloned().ok_or(Refusal::NoTypes)?
            }
        };
        let fallback = match &ask.fallback {
            Some(FallbackAsk::Disabled) => Vec::new(),
            Some(FallbackAsk::Steps(steps)) => steps.clone(),
            None => chain(world, stage, slot.fallback.as_deref().unwrap_or_default()),
        };
        let is_seedless = |step: &FallbackStep| matches!(step, FallbackStep::PopularIn(_));
        if !has_seeds && !fallback.iter().any(is_seedless) {
            return Err(Refusal::NoSeeds);
        }
        Ok(Self {
            placement: ask.placement.clone(),
            mix: mix(world, ask, &slot),
            max_results: ask.max_results.or(slot.max_results).unwrap_or(10).min(100),
            min_score: ask.min_score.or(slot.min_score).map(score::quantize),
            filter: ask.filter.clone().or(slot.filter).unwrap_or_default(),
            fallback,
            diversity: ask.diversity.or(slot.diversity).unwrap_or_default(),
            resolution: ask.resolution.or(slot.resolution).unwrap_or_default(),
            rotate: slot.rotate.unwrap_or(0),
        })
    }
}

/// A placement with what its table of the stage sets.
fn of_placement(world: &World, id: &str, stage: Option<Stage>) -> Option<Slot> {
    let placement = world.policy.placements.iter().find(|placement| placement.id == id)?;
    let base = placement.base.clone();
    let Some(own) = stage.and_then(|stage| placement.stages.get(&stage)).cloned() else {
        return Some(base);
    };
    Some(Slot {
        mix: own.mix.or(base.mix),
        max_results: own.max_results.or(base.max_results),
        min_score: own.min_score.or(base.min_score),
        filter: own.filter.or(base.filter),
        fallback: own.fallback.or(base.fallback),
        diversity: own.diversity.or(base.diversity),
        resolution: own.resolution.or(base.resolution),
        rotate: own.rotate.or(base.rotate),
    })
}

fn mix(world: &World, ask: &Ask, slot: &Slot) -> Vec<Weighted> {
    let mut mix = Vec::<Weighted>::new();
    let mut add = |relation_type, weight_milli, max_results| {
        let is_new = mix.iter().all(|entry| entry.relation_type != relation_type);
        if is_new && world.declares(relation_type) {
            mix.push(Weighted { relation_type, weight_milli, max_results });
        }
    };
    if ask.types.is_empty() {
        for entry in slot.mix.iter().flatten() {
            if let Some(relation_type) = world.type_of(&entry.code) {
                add(relation_type, entry.weight_milli, entry.max_results);
            }
        }
    } else {
        ask.types.iter().for_each(|relation_type| add(*relation_type, 1_000, None));
    }
    mix
}

/// The chain that a file's steps stand for; a step of a type that nobody declares is none.
fn chain(world: &World, stage: Option<Stage>, steps: &[Step]) -> Vec<FallbackStep> {
    let mut chain = Vec::new();
    for step in steps {
        chain.push(match step {
            Step::Type(code) => match world.type_of(code) {
                Some(relation_type) => FallbackStep::RelationType(relation_type),
                None => continue,
            },
            Step::ViaAlternatives => FallbackStep::ViaAlternatives,
            Step::VariantGroup => FallbackStep::VariantGroup,
            Step::CategoryPopular => FallbackStep::CategoryPopular,
            Step::PopularIn(all) if all == "*" => FallbackStep::PopularIn(None),
            Step::PopularIn(category) => FallbackStep::PopularIn(Some(category.clone())),
            Step::Placement(id) => {
                let further = of_placement(world, id, stage).and_then(|slot| slot.fallback);
                chain.extend(self::chain(world, stage, &further.unwrap_or_default()));
                continue;
            }
        });
    }
    chain
}

/// A type of no world.
pub(crate) const UNDECLARED: RelationType = RelationType::new(199).unwrap();
