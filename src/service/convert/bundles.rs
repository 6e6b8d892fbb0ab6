//! Bundles: what is asked of them, and the answer.

use super::{Violations, context::known_context, data_version, query::check_positions, text};
use crate::{
    index::View,
    lookup::{self, BundleAnswer, Context, Interval, OptionAnswer, SelectionAnswer, Unsellable},
    model::{
        id,
        limits::{BUNDLES_DEFAULT, BUNDLES_MAX},
    },
    pb,
    service::{present::Present, status::Refusal},
};

/// Which bundles are asked for.
#[derive(Debug)]
pub(in crate::service) struct BundlesAsked<'q> {
    pub(in crate::service) product_id: &'q str,
    pub(in crate::service) context: Context<'q>,
    pub(in crate::service) max_results: usize,
    pub(in crate::service) unsellable: Unsellable,
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
    let unsellable =
        if request.include_unsellable { Unsellable::Included } else { Unsellable::LeftOut };
    Ok(BundlesAsked { product_id: &request.product_id, context, max_results, unsellable })
}

/// The bundles around a product.
pub(in crate::service) fn bundles_answer(
    present: &Present<'_>,
    asked: &BundlesAsked<'_>,
) -> pb::GetBundlesResponse {
    let scene = &present.scene;
    let Some(product) = scene.view.find(asked.product_id) else {
        return pb::GetBundlesResponse {
            bundles: Vec::new(),
            product_missing: true,
            data_version: Some(data_version(present, Interval::UNBOUNDED)),
        };
    };
    let BundlesAsked { context, max_results, unsellable, .. } = asked;
    let (bundles, interval) = lookup::bundles(scene, context, product, *max_results, *unsellable);
    let market = scene.view.meta().markets.get(context.market as usize);
    let currency = market.map_or("", |market| &*market.currency);
    pb::GetBundlesResponse {
        bundles: bundles.into_iter().map(|one| bundle(&scene.view, one, currency)).collect(),
        product_missing: false,
        data_version: Some(data_version(present, interval)),
    }
}

fn bundle(view: &View<'_>, answer: BundleAnswer, currency: &str) -> pb::Bundle {
    let has_price = answer.price.is_some() || answer.components_price.is_some();
    pb::Bundle {
        bundle_id: text(view, answer.product),
        options: answer.options.into_iter().map(|one| option(view, one)).collect(),
        sellable: answer.is_sellable,
        sellable_quantity: answer.sellable_quantity,
        price_minor_units: answer.price,
        components_price_minor_units: answer.components_price,
        currency_code: if has_price { currency.to_owned() } else { String::new() },
    }
}

fn option(view: &View<'_>, answer: OptionAnswer) -> pb::BundleOption {
    pb::BundleOption {
        // Tables have one word for both.
        title: answer.name.clone(),
        option_id: answer.name,
        required: answer.is_required,
        min_selections: answer.min_selections,
        max_selections: answer.max_selections,
        selections: answer.selections.iter().map(|one| component(view, one)).collect(),
    }
}

fn component(view: &View<'_>, answer: &SelectionAnswer) -> pb::BundleComponent {
    let substitute_for = answer.substitute_for.map(|product| text(view, product));
    pb::BundleComponent {
        product_id: text(view, answer.product),
        quantity: answer.quantity,
        is_default: answer.is_default,
        availability: answer.state.map_or(0, |state| state as i32),
        substitute_for_product_id: substitute_for.unwrap_or_default(),
    }
}
