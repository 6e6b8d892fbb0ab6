//! Single lookups: one query, its situation, and how much of each result to return.

use super::{Violations, context::known_context, lookup};
use crate::{
    index::View,
    lookup::{Context, Query},
    model::limits::{EXCLUSIONS_MAX, FEEDS_MAX, ID_BYTES_MAX},
    pb::{self, RecommendationView},
    service::status::Refusal,
};

/// Reads the lookup of a request into an empty query, which is large: it is filled where it lies. Gives
/// its situation, and how much of each result to return. `now_s` is the clock at arrival.
pub(in crate::service) fn read_query<'q>(
    request: &'q pb::GetRecommendationsRequest,
    view: &View<'_>,
    now_s: i64,
    query: &mut Query<'q>,
) -> Result<(Context<'q>, RecommendationView), Refusal> {
    let mut violations = Violations::default();
    lookup::read_lookup(request.lookup.as_ref(), view, &mut violations, query);
    query.ignored_seeds = lookup::read_seeds(&request.seeds, &mut violations, &mut query.seeds);
    let context = known_context(request.context.as_ref(), view, now_s, &mut violations);
    let detail = detail(request.view, &mut violations);
    check_positions(&request.min_availability, &mut violations);
    violations.end()?;
    (query.exclude, query.ignored_exclusions) = exclusions(&request.exclude_product_ids);
    Ok((context, detail))
}

/// The exclusions that count, and how many do not.
pub(super) fn exclusions(asked: &[String]) -> (&[String], u32) {
    let counted = asked.get(..EXCLUSIONS_MAX).unwrap_or(asked);
    (counted, super::over(asked.len(), EXCLUSIONS_MAX))
}

pub(super) fn detail(number: i32, violations: &mut Violations) -> RecommendationView {
    RecommendationView::try_from(number).unwrap_or_else(|_| {
        violations.add("view", format!("expected a RecommendationView, found {number}"));
        RecommendationView::Unspecified
    })
}

/// Checks the positions that a request waits for.
pub(super) fn check_positions(asked: &[pb::FeedPosition], violations: &mut Violations) {
    let field = "min_availability";
    if asked.len() > FEEDS_MAX {
        let found = asked.len();
        violations.add(field, format!("expected at most {FEEDS_MAX} positions, found {found}"));
        return;
    }
    for (index, position) in asked.iter().enumerate() {
        let found = position.source_id.len();
        if !(1..=ID_BYTES_MAX).contains(&found) {
            let description = format!("expected 1 to {ID_BYTES_MAX} bytes, found {found}");
            violations.add(format!("{field}[{index}].source_id"), description);
        }
    }
}
