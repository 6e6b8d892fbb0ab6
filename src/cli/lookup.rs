//! `kindred lookup`: answers from a store, without a server.

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    StoreArgs,
    ask::{AskArgs, TypeCodes, page_request, title},
    out::outln,
};
use crate::{
    index::View,
    pb,
    service::{
        batch_get_recommendations, get_bundles, get_recommendations, message_to_json, to_json,
    },
    snapshot::Moment,
};

#[derive(Debug, Args)]
pub(super) struct LookupArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    ask: AskArgs,
    /// Print the answer as the server's JSON.
    #[arg(long)]
    json: bool,
    /// Answer each seed on its own, one after the other, instead of all together.
    #[arg(long, conflicts_with = "page")]
    each: bool,
    /// Show the bundles that hold each seed instead, also those that cannot be bought.
    #[arg(long, conflicts_with_all = ["page", "each"])]
    bundles: bool,
}

pub(super) fn run(args: &LookupArgs) -> anyhow::Result<()> {
    let moment = args.store.moment()?;
    if let Some(path) = &args.ask.page {
        return page(&moment, args, &page_request(path)?);
    }
    if args.bundles {
        return args.ask.seeds.iter().try_for_each(|product_id| bundles(&moment, args, product_id));
    }
    let request = args.ask.request(&TypeCodes::of(&moment.snapshot.catalog().view()))?;
    if !args.each {
        return answer(&moment, args, &request);
    }
    request.seeds.chunks(1).try_for_each(|seed| {
        let alone = pb::GetRecommendationsRequest { seeds: seed.to_vec(), ..request.clone() };
        answer(&moment, args, &alone)
    })
}

fn answer(
    moment: &Moment,
    args: &LookupArgs,
    request: &pb::GetRecommendationsRequest,
) -> anyhow::Result<()> {
    let response = get_recommendations(moment, request)
        .map_err(|refused| anyhow::anyhow!("{}", refused.message()))?;
    if args.json {
        outln!("{}", to_json("GetRecommendationsResponse", &response.message())?);
        return Ok(());
    }
    let response = response.decoded().context("the answer cannot be read back")?;
    outln!("{}", seed_names(&request.seeds));
    let view = moment.snapshot.catalog().view();
    print_results(&view, &response.recommendations);
    print_missing(&response.missing_product_ids);
    print_report(response.fill_report, moment.snapshot.id());
    Ok(())
}

fn page(
    moment: &Moment,
    args: &LookupArgs,
    request: &pb::BatchGetRecommendationsRequest,
) -> anyhow::Result<()> {
    let response = batch_get_recommendations(moment, request)
        .map_err(|refused| anyhow::anyhow!("{}", refused.message()))?;
    if args.json {
        outln!("{}", to_json("BatchGetRecommendationsResponse", &response.message())?);
        return Ok(());
    }
    let response = response.decoded_page().context("the answer cannot be read back")?;
    let view = moment.snapshot.catalog().view();
    for slot in &response.results {
        outln!("{}", slot.slot_id);
        match &slot.error {
            Some(error) => outln!("      {}: {}", error.reason, error.message),
            None => {
                print_results(&view, &slot.recommendations);
                print_report(slot.fill_report, moment.snapshot.id());
            }
        }
    }
    print_missing(&response.missing_product_ids);
    Ok(())
}

fn bundles(moment: &Moment, args: &LookupArgs, product_id: &str) -> anyhow::Result<()> {
    let request = pb::GetBundlesRequest {
        product_id: product_id.to_owned(),
        context: Some(args.ask.context()),
        max_results: i32::MAX,
        include_unsellable: true,
        ..Default::default()
    };
    let response = get_bundles(moment, &request)
        .map_err(|refused| anyhow::anyhow!("{}", refused.message()))?;
    if args.json {
        outln!("{}", message_to_json("GetBundlesResponse", &response)?);
        return Ok(());
    }
    if response.product_missing {
        bail!("{product_id} is not in snapshot {}", moment.snapshot.id());
    }
    outln!("{product_id}");
    let view = moment.snapshot.catalog().view();
    response.bundles.iter().for_each(|bundle| print_bundle(&view, bundle));
    outln!("      {} bundles; snapshot {}", response.bundles.len(), moment.snapshot.id());
    Ok(())
}

fn print_bundle(view: &View<'_>, bundle: &pb::Bundle) {
    let id = &bundle.bundle_id;
    let sellable = if bundle.sellable { "can be bought" } else { "cannot be bought" };
    outln!("  bundle {id} {}: {sellable}", title(view, id));
    for option in &bundle.options {
        let need = if option.required { "required" } else { "optional" };
        outln!("    {} ({need})", option.option_id);
        for one in &option.selections {
            let (id, quantity) = (&one.product_id, one.quantity);
            let default = if one.is_default { "default" } else { "" };
            let state = one.availability().as_str_name().trim_start_matches("AVAILABILITY_");
            let stands_in = match &*one.substitute_for_product_id {
                "" => String::new(),
                id => format!("instead of {id}"),
            };
            let title = title(view, id);
            outln!("      {id:<32} x{quantity:<5} {default:<8} {state:<14} {title} {stands_in}");
        }
    }
}

fn seed_names(seeds: &[pb::Seed]) -> String {
    let names = seeds.iter().filter_map(|seed| match seed.target.as_ref()? {
        pb::seed::Target::ProductId(id) | pb::seed::Target::CategoryId(id) => Some(id.as_str()),
    });
    match names.collect::<Vec<_>>().join(" + ") {
        none if none.is_empty() => "no seed".to_owned(),
        names => names,
    }
}

fn print_results(view: &View<'_>, results: &[pb::Recommendation]) {
    let codes = TypeCodes::of(view);
    for (one, rank) in results.iter().zip(1..) {
        let quantity = match one.quantity {
            0.0 => String::new(),
            quantity => format!("x{quantity}"),
        };
        let code = codes.code(one.relation_type);
        let (id, score, title) = (&one.product_id, one.score, title(view, &one.product_id));
        let step = match one.fallback_step {
            0 => String::new(),
            step => format!(" (fallback {step})"),
        };
        outln!("{rank:>4}. {id:<32} {code:<16} {score:.4} {quantity:<6} {title}{step}");
    }
}

fn print_missing(ids: &[String]) {
    ids.iter().for_each(|id| outln!("      {id} is not in the catalog"));
}

fn print_report(report: Option<pb::FillReport>, snapshot_id: &str) {
    let report = report.unwrap_or_default();
    let removed = removed(&report);
    if !removed.is_empty() {
        outln!("      removed: {}", removed.join(", "));
    }
    if report.shortfall > 0 {
        outln!("      {} results are missing", report.shortfall);
    }
    outln!("      of {} candidates; snapshot {snapshot_id}", report.candidates);
}

/// What was removed, in the order of the reasons.
fn removed(report: &pb::FillReport) -> Vec<String> {
    let reasons = [
        (report.removed_blocked, "blocked"),
        (report.removed_hidden, "hidden or withdrawn"),
        (report.removed_by_override, "overridden"),
        (report.removed_same_variant_group, "of the seed's own variant group"),
        (report.removed_excluded, "excluded"),
        (report.removed_outside_market, "outside the market"),
        (report.removed_outside_validity, "outside their time"),
        (report.removed_by_stage, "for other stages"),
        (report.removed_by_filter, "filtered"),
        (report.removed_unavailable, "unavailable"),
        (report.removed_below_score, "below the score"),
        (report.removed_by_rule, "hidden by rules"),
        (report.removed_on_page, "on the page"),
        (report.removed_by_diversity, "beyond diversity"),
    ];
    let reasons = reasons.into_iter().filter(|(count, _)| *count > 0);
    reasons.map(|(count, reason)| format!("{count} {reason}")).collect()
}
