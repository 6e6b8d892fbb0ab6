//! Requests that benches ask: single lookups, and pages of four slots.

use kindred::pb::{
    BatchGetRecommendationsRequest, Filter, LookupSpec, RelationType, Seed, SeedMatch, Slot,
    seed::Target,
};

/// Results of each slot of a page.
pub(crate) const PAGE_RESULTS: i32 = 10;

pub(crate) fn spec(
    types: &[RelationType],
    max_results: i32,
    filter: Option<Filter>,
) -> Option<LookupSpec> {
    let relation_types = types.iter().map(|one| i32::from(*one)).collect();
    Some(LookupSpec { relation_types, max_results, filter, ..LookupSpec::default() })
}

pub(crate) fn seeds(ids: &[String]) -> Vec<Seed> {
    let seed = |id: &String| Seed { target: Some(Target::ProductId(id.clone())), quantity: 1.0 };
    ids.iter().map(seed).collect()
}

/// A page of four slots: one for each of three types, and one for all of them. Only other brands.
pub(crate) fn page(ids: &[String]) -> BatchGetRecommendationsRequest {
    let types = [RelationType::CrossSell, RelationType::Alternative, RelationType::Related];
    let other_brands = Filter { brand: SeedMatch::Different.into(), ..Filter::default() };
    let slot = |(slot_id, types): (&str, &[RelationType])| Slot {
        slot_id: slot_id.to_owned(),
        lookup: spec(types, PAGE_RESULTS, Some(other_brands.clone())),
        ..Slot::default()
    };
    let slots = [("a", &types[..1]), ("b", &types[1..2]), ("c", &types[2..]), ("d", &types[..])];
    BatchGetRecommendationsRequest {
        slots: slots.map(slot).into(),
        seeds: seeds(ids),
        ..BatchGetRecommendationsRequest::default()
    }
}
