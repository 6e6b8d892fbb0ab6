//! Bundles: what is asked of them, and the answer.

use super::{Violations, context::known_context, query::check_positions};
use crate::{
    index::View,
    lookup::Context,
    model::{
        id,
        limits::{BUNDLES_DEFAULT, BUNDLES_MAX},
    },
    pb,
    service::status::Refusal,
};

/// Which bundles are asked for.
#[derive(Debug)]
pub(in crate::service) struct BundlesAsked<'q> {
    pub(in crate::service) product_id: &'q str,
    pub(in crate::service) context: Context<'q>,
    pub(in crate::service) max_results: usize,
    pub(in crate::service) include_unsellable: bool,
}

/// The bundles of a request. `now_s` is the clock at arrival.
pub(in crate::service) fn bundles_query<'q>(
    request: &'q pb::GetBundlesRequest,
    view: &View<'_>,
    now_s: i64,
) -> Result<BundlesAsked<'q>, Refusal> {
    let mut violations = Violations::default();
    if let Err(error) = id::check(&request.product_id) {
        violations.add("product_id", error.to_string());
    }
    let context = known_context(request.context.as_ref(), view, now_s, &mut violations);
    let max_results = usize::try_from(request.max_results);
    if max_results.is_err() {
        let found = request.max_results;
        violations.add("max_results", format!("expected 0 or more, found {found}"));
    }
    check_positions(&request.min_availability, &mut violations);
    violations.end()?;
    let max_results = match max_results {
        Ok(0) | Err(_) => BUNDLES_DEFAULT,
        Ok(asked) => asked.min(BUNDLES_MAX),
    };
    Ok(BundlesAsked {
        product_id: &request.product_id,
        context,
        max_results,
        include_unsellable: request.include_unsellable,
    })
}
