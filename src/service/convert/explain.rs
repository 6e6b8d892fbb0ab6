//! What an explanation is asked to tell.

use super::Violations;
use crate::{
    model::{
        id,
        limits::{EXPLAINED_DEFAULT, EXPLAINED_MAX, TRACED_MAX},
    },
    pb,
    service::status::Refusal,
};

/// How many candidates of each slot are listed besides those traced.
pub(in crate::service) fn explain_limits(
    request: &pb::ExplainRecommendationsRequest,
) -> Result<usize, Refusal> {
    let mut violations = Violations::default();
    if request.request.is_none() {
        violations.add("request", "expected get or batch, found neither");
    }
    let traced = &request.trace_product_ids;
    if traced.len() > TRACED_MAX {
        let found = traced.len();
        let description = format!("expected at most {TRACED_MAX} products, found {found}");
        violations.add("trace_product_ids", description);
    } else {
        for (index, product_id) in traced.iter().enumerate() {
            if let Err(error) = id::check(product_id) {
                violations.add(format!("trace_product_ids[{index}]"), error.to_string());
            }
        }
    }
    let asked = usize::try_from(request.max_candidates);
    if asked.is_err() {
        let found = request.max_candidates;
        violations.add("max_candidates", format!("expected 0 or more, found {found}"));
    }
    violations.end()?;
    Ok(match asked {
        Ok(0) | Err(_) => EXPLAINED_DEFAULT,
        Ok(asked) => asked.min(EXPLAINED_MAX),
    })
}
