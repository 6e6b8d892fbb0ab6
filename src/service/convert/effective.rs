//! The effective lookup of a plan, as a request would have to spell it out.

use super::lookup::WHOLE_CATALOG;
use crate::{
    lookup::Plan,
    model::{
        score,
        selection::{
            Diversity, FallbackStep, Filter, PriceCondition, SeedMatch, VariantResolution,
        },
    },
    pb::{self, fallback_step::Step},
};

/// The lookup after placement and stage policy were applied.
pub(in crate::service) fn effective_lookup(plan: &Plan<'_>) -> pb::LookupSpec {
    let Diversity { max_per_brand, max_per_category, max_per_variant_group } = plan.diversity();
    let steps = plan.fallback().iter().map(fallback_step).collect::<Vec<_>>();
    let resolution = match plan.variant_resolution() {
        VariantResolution::AsLinked => pb::VariantResolution::AsLinked,
        VariantResolution::Parent => pb::VariantResolution::Parent,
        VariantResolution::SellableVariant => pb::VariantResolution::SellableVariant,
    };
    pb::LookupSpec {
        placement_id: plan.placement().unwrap_or_default().to_owned(),
        relation_types: plan.mix().iter().map(|one| one.relation_type.number().into()).collect(),
        max_results: i32::try_from(plan.max_results()).unwrap_or(i32::MAX),
        min_score: plan.min_score().map(score::share),
        filter: Some(plan.filter().map(filter).unwrap_or_default()),
        fallback: Some(pb::Fallback { disabled: steps.is_empty(), steps }),
        diversity: Some(pb::Diversity {
            max_per_brand,
            max_per_category,
            max_per_variant_group: max_per_variant_group.max(1),
        }),
        variant_resolution: resolution.into(),
    }
}

/// The types of the mix, with weights and caps.
pub(in crate::service) fn mix(plan: &Plan<'_>) -> Vec<pb::MixEntry> {
    let entries = plan.mix().iter().map(|entry| pb::MixEntry {
        relation_type: entry.relation_type.number().into(),
        weight: f32::from(entry.weight) / 1_000.0,
        max_results: entry.max_results.unwrap_or(0),
    });
    entries.collect()
}

fn filter(filter: &Filter) -> pb::Filter {
    pb::Filter {
        availabilities: filter.availabilities.states().map(|state| state as i32).collect(),
        price: (!filter.price.is_open()).then(|| price(filter.price)),
        brand: seed_match(filter.brand).into(),
        category: seed_match(filter.category).into(),
        brand_ids: filter.brand_ids.clone(),
        category_ids: filter.category_ids.clone(),
        any_tags: filter.any_tags.clone(),
        none_tags: filter.none_tags.clone(),
        min_eco_grade: filter.min_eco_grade.into(),
        category_level: filter.category_level.into(),
    }
}

fn price(condition: PriceCondition) -> pb::PriceCondition {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a thousand million at most, and the wire has it as f32"
    )]
    let ratio = |ppm: u64| (ppm as f64 / 1e6) as f32;
    pb::PriceCondition {
        min_minor_units: condition.min_minor,
        max_minor_units: condition.max_minor,
        min_seed_ratio: condition.min_seed_ppm.map(ratio),
        max_seed_ratio: condition.max_seed_ppm.map(ratio),
    }
}

fn seed_match(seed_match: SeedMatch) -> pb::SeedMatch {
    match seed_match {
        SeedMatch::Any => pb::SeedMatch::Unspecified,
        SeedMatch::Same => pb::SeedMatch::Same,
        SeedMatch::Different => pb::SeedMatch::Different,
    }
}

fn fallback_step(step: &FallbackStep) -> pb::FallbackStep {
    let step = match step {
        FallbackStep::RelationType(one) => Step::RelationType(one.number().into()),
        FallbackStep::CategoryPopular => Step::CategoryPopular(true),
        FallbackStep::ViaAlternatives => Step::ViaAlternatives(true),
        FallbackStep::VariantGroup => Step::VariantGroup(true),
        FallbackStep::PopularIn(category) => {
            let category = category.as_deref().unwrap_or(WHOLE_CATALOG);
            Step::PopularInCategoryId(category.to_owned())
        }
    };
    pb::FallbackStep { step: Some(step) }
}
