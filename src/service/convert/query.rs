//! Single lookups: one query, its situation, and how much of each result to return.

use super::{Violations, context::known_context, lookup};
use crate::{
    index::View,
    lookup::{Context, Query},
    model::limits::{EXCLUSIONS_MAX, FEEDS_MAX, ID_BYTES_MAX},
    pb::{self, RecommendationView},
    service::status::Refusal,
};

/// A lookup as a request asks for it.
#[derive(Debug)]
pub(in crate::service) struct Asked<'q> {
    pub(in crate::service) query: Query<'q>,
    pub(in crate::service) context: Context<'q>,
    pub(in crate::service) detail: RecommendationView,
}

/// The lookup of a request. `now_s` is the clock at arrival.
pub(in crate::service) fn query<'q>(
    request: &'q pb::GetRecommendationsRequest,
    view: &View<'_>,
    now_s: i64,
) -> Result<Asked<'q>, Refusal> {
    let mut violations = Violations::default();
    let mut query = lookup::lookup(request.lookup.as_ref(), view, &mut violations);
    (query.seeds, query.ignored_seeds) = lookup::seeds(&request.seeds, &mut violations);
    let context = known_context(request.context.as_ref(), view, now_s, &mut violations);
    let detail = detail(request.view, &mut violations);
    check_positions(&request.min_availability, &mut violations);
    violations.end()?;
    (query.exclude, query.ignored_exclusions) = exclusions(&request.exclude_product_ids);
    Ok(Asked { query, context, detail })
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
