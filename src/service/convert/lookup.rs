//! What to look up, and what to start from: the parts of a query.

use arrayvec::ArrayVec;

use super::{Violations, filter};
use crate::{
    index::View,
    lookup::{FallbackAsk, PlanError, Query, QuerySeed, ScoreThreshold},
    model::{
        id,
        limits::{
            CATEGORY_PATH_BYTES_MAX, FALLBACK_STEPS_MAX, RELATION_TYPES_PER_REQUEST_MAX, SEEDS_MAX,
        },
        relation::RelationType,
        selection::{Diversity, FallbackStep, VariantResolution},
    },
    pb::{self, fallback_step::Step, seed::Target},
    service::status::{Reason, Violation, quoted},
};

/// Reads a lookup into an empty query, without seeds and exclusions.
pub(super) fn read_lookup<'q>(
    asked: Option<&'q pb::LookupSpec>,
    view: &View<'_>,
    violations: &mut Violations,
    query: &mut Query<'q>,
) {
    let Some(asked) = asked else {
        violations.add("lookup", "expected what to look up, found nothing");
        return;
    };
    query.placement = (!asked.placement_id.is_empty()).then_some(&*asked.placement_id);
    query.types = relation_types(&asked.relation_types, "lookup.relation_types", view, violations);
    match usize::try_from(asked.max_results) {
        Ok(0) => {}
        Ok(most) => query.max_results = Some(most),
        Err(_) => {
            let found = asked.max_results;
            violations.add("lookup.max_results", format!("expected 0 or more, found {found}"));
        }
    }
    if let Some(share) = asked.min_score {
        query.min_score = ScoreThreshold::new(share);
        if query.min_score.is_none() {
            violations.add("lookup.min_score", format!("expected 0 to 1, found {share}"));
        }
    }
    query.filter = asked.filter.as_ref().map(|asked| filter::filter(asked, violations));
    if let Some(asked) = &asked.fallback {
        query.fallback = fallback(asked, view, violations);
    }
    query.diversity = asked.diversity.as_ref().map(|asked| Diversity {
        max_per_brand: asked.max_per_brand,
        max_per_category: asked.max_per_category,
        max_per_variant_group: asked.max_per_variant_group,
    });
    query.variant_resolution = match pb::VariantResolution::try_from(asked.variant_resolution) {
        Ok(pb::VariantResolution::Unspecified) => None,
        Ok(pb::VariantResolution::AsLinked) => Some(VariantResolution::AsLinked),
        Ok(pb::VariantResolution::Parent) => Some(VariantResolution::Parent),
        Ok(pb::VariantResolution::SellableVariant) => Some(VariantResolution::SellableVariant),
        Err(_) => {
            let found = asked.variant_resolution;
            let description = format!("expected a VariantResolution, found {found}");
            violations.add("lookup.variant_resolution", description);
            None
        }
    };
}

/// Why a query that is well formed cannot be planned, by the field to mend.
pub(in crate::service) fn unplanned(error: PlanError, query: &Query<'_>) -> Violation {
    match error {
        PlanError::UnknownPlacement => {
            let found = quoted(query.placement.unwrap_or_default());
            let description =
                format!("expected a placement that DescribeCatalog lists, found {found}");
            Violation::new("lookup.placement_id", description).because(Reason::PlacementNotFound)
        }
        PlanError::NoTypes => Violation::new("lookup.relation_types", error.to_string()),
        PlanError::NoSeeds => Violation::new("seeds", error.to_string()),
    }
}

/// Reads the seeds of a list that count; says how many do not.
pub(super) fn read_seeds<'q>(
    asked: &'q [pb::Seed],
    violations: &mut Violations,
    seeds: &mut ArrayVec<QuerySeed<'q>, SEEDS_MAX>,
) -> u32 {
    let counted = asked.iter().take(SEEDS_MAX).enumerate();
    seeds.extend(counted.filter_map(|(index, seed)| query_seed(index, seed, violations)));
    super::over(asked.len(), SEEDS_MAX)
}

fn query_seed<'q>(
    index: usize,
    seed: &'q pb::Seed,
    violations: &mut Violations,
) -> Option<QuerySeed<'q>> {
    let quantity = seed.quantity;
    let query_seed = match &seed.target {
        None => {
            let description = "expected a product_id or a category_id, found no target";
            violations.add(format!("seeds[{index}]"), description);
            return None;
        }
        Some(Target::ProductId(product_id)) => {
            if let Err(error) = id::check(product_id) {
                violations.add(format!("seeds[{index}].product_id"), error.to_string());
                return None;
            }
            QuerySeed::product(product_id, quantity)
        }
        Some(Target::CategoryId(category_id)) => {
            if let Err(description) = check_category(category_id) {
                violations.add(format!("seeds[{index}].category_id"), description);
                return None;
            }
            QuerySeed::category(category_id, quantity)
        }
    };
    if !quantity.is_finite() || quantity < 0.0 {
        let description = format!("expected 0 or more, found {quantity}");
        violations.add(format!("seeds[{index}].quantity"), description);
        return None;
    }
    let quantity = if quantity == 0.0 { 1.0 } else { quantity };
    Some(QuerySeed { quantity, ..query_seed })
}

fn check_category(id: &str) -> Result<(), String> {
    if (1..=CATEGORY_PATH_BYTES_MAX).contains(&id.len()) {
        return Ok(());
    }
    Err(format!("expected 1 to {CATEGORY_PATH_BYTES_MAX} bytes, found {}", id.len()))
}

/// Distinct relation types in the order asked.
pub(super) type Types = ArrayVec<RelationType, RELATION_TYPES_PER_REQUEST_MAX>;

pub(super) fn relation_types(
    numbers: &[i32],
    field: &str,
    view: &View<'_>,
    violations: &mut Violations,
) -> Types {
    let mut types = Types::new();
    for (index, number) in numbers.iter().enumerate() {
        if violations.is_full() {
            break;
        }
        match relation_type(*number, view) {
            Ok(relation_type) if types.contains(&relation_type) => {}
            Ok(relation_type) if !types.is_full() => types.push(relation_type),
            Ok(_) => {
                let most = RELATION_TYPES_PER_REQUEST_MAX;
                violations.add(field, format!("expected at most {most} relation types"));
                break;
            }
            Err(description) => violations.add(format!("{field}[{index}]"), description),
        }
    }
    types
}

fn relation_type(number: i32, view: &View<'_>) -> Result<RelationType, String> {
    let declared = RelationType::from_wire(number).filter(|declared| view.declares(*declared));
    declared.ok_or_else(|| {
        format!("expected a relation type that DescribeCatalog lists, found {number}")
    })
}

fn fallback(asked: &pb::Fallback, view: &View<'_>, violations: &mut Violations) -> FallbackAsk {
    let field = "lookup.fallback.steps";
    let found = asked.steps.len();
    if found > FALLBACK_STEPS_MAX {
        violations
            .add(field, format!("expected at most {FALLBACK_STEPS_MAX} steps, found {found}"));
        return FallbackAsk::Unset;
    }
    let steps = asked.steps.iter().enumerate().filter_map(|(index, step)| {
        let step = fallback_step(step, view);
        step.map_err(|(name, description)| {
            violations.add(format!("{field}[{index}]{name}"), description);
        })
        .ok()
    });
    let steps = steps.collect::<Vec<_>>();
    match (asked.disabled, steps.is_empty()) {
        (true, _) => FallbackAsk::Disabled,
        (false, true) => FallbackAsk::Unset,
        (false, false) => FallbackAsk::Steps(steps),
    }
}

/// One step; else the end of the wrong field's path, and what is wrong.
fn fallback_step(
    asked: &pb::FallbackStep,
    view: &View<'_>,
) -> Result<FallbackStep, (&'static str, String)> {
    let no = |name| (name, "expected true, found false".to_owned());
    match &asked.step {
        None => Err(("", "expected a step, found none".to_owned())),
        Some(Step::RelationType(number)) => relation_type(*number, view)
            .map(FallbackStep::RelationType)
            .map_err(|description| (".relation_type", description)),
        Some(Step::CategoryPopular(true)) => Ok(FallbackStep::CategoryPopular),
        Some(Step::CategoryPopular(false)) => Err(no(".category_popular")),
        Some(Step::ViaAlternatives(true)) => Ok(FallbackStep::ViaAlternatives),
        Some(Step::ViaAlternatives(false)) => Err(no(".via_alternatives")),
        Some(Step::VariantGroup(true)) => Ok(FallbackStep::VariantGroup),
        Some(Step::VariantGroup(false)) => Err(no(".variant_group")),
        Some(Step::PopularInCategoryId(id)) if id == WHOLE_CATALOG => {
            Ok(FallbackStep::PopularIn(None))
        }
        Some(Step::PopularInCategoryId(id)) => check_category(id)
            .map(|()| FallbackStep::PopularIn(Some(id.clone())))
            .map_err(|description| (".popular_in_category_id", description)),
    }
}

/// Stands for the popular list of all categories.
pub(super) const WHOLE_CATALOG: &str = "*";
