//! `kindred lookup` and `kindred where`: answers from a store, without a server.

use anyhow::{Context as _, bail};
use clap::Args;

use super::{StoreArgs, out::outln};
use crate::{
    index::{Ordinal, View},
    lookup::{self, Listed},
    model::{relation::RelationType, score},
    pb,
    service::{get_recommendations, to_json},
    snapshot::{Moment, Snapshot},
};

#[derive(Debug, Args)]
pub(super) struct LookupArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Products to ask about.
    #[arg(long = "seed", value_name = "ID", required = true, num_args = 1..)]
    seeds: Vec<String>,
    /// Relation types: codes such as `cross_sell`, or numbers.
    #[arg(long = "type", value_name = "TYPE", required = true, num_args = 1..)]
    types: Vec<String>,
    /// At most this many results; 0 means 10.
    #[arg(long, default_value_t = 0)]
    max: i32,
    /// Drop candidates below this score, 0 to 1.
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f32>,
    /// Products that must not come.
    #[arg(long, value_name = "ID", num_args = 1..)]
    exclude: Vec<String>,
    /// Print the answer as the server's JSON.
    #[arg(long)]
    json: bool,
    /// Answer each seed on its own, one after the other, instead of all together.
    #[arg(long)]
    each: bool,
}

#[derive(Debug, Args)]
pub(super) struct WhereArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The product.
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(args: &LookupArgs) -> anyhow::Result<()> {
    let moment = args.store.moment()?;
    let view = moment.snapshot.catalog().view();
    let types = args.types.iter().map(|text| relation_type(&view, text));
    let types = types.collect::<anyhow::Result<Vec<_>>>()?;
    let seeds = args.seeds.iter().map(String::as_str).collect::<Vec<_>>();
    if !args.each {
        return answer(&moment, args, &types, &seeds);
    }
    seeds.chunks(1).try_for_each(|seed| answer(&moment, args, &types, seed))
}

fn answer(
    moment: &Moment,
    args: &LookupArgs,
    types: &[RelationType],
    seeds: &[&str],
) -> anyhow::Result<()> {
    let seed = |id: &&str| pb::Seed {
        target: Some(pb::seed::Target::ProductId((*id).to_owned())),
        quantity: 0.0,
    };
    let request = pb::GetRecommendationsRequest {
        lookup: Some(pb::LookupSpec {
            relation_types: types.iter().map(|one| i32::from(one.number())).collect(),
            max_results: args.max,
            min_score: args.min_score,
            ..Default::default()
        }),
        seeds: seeds.iter().map(seed).collect(),
        exclude_product_ids: args.exclude.clone(),
        ..Default::default()
    };
    let response = get_recommendations(moment, &request)
        .map_err(|status| anyhow::anyhow!("{}", status.message()))?;
    if args.json {
        outln!("{}", to_json("GetRecommendationsResponse", &response.0)?);
        return Ok(());
    }
    print_answer(&moment.snapshot, seeds, &response)
}

fn print_answer(
    snapshot: &Snapshot,
    seeds: &[&str],
    response: &pb::EncodedResponse,
) -> anyhow::Result<()> {
    let view = snapshot.catalog().view();
    let response = response.decoded().context("the answer cannot be read back")?;
    outln!("{}", seeds.join(" + "));
    for (one, rank) in response.recommendations.iter().zip(1..) {
        let product = view.find(&one.product_id);
        let title = product.map_or_else(Default::default, |product| view.title_bytes(product));
        let title = String::from_utf8_lossy(title);
        let quantity = match one.quantity {
            0.0 => String::new(),
            quantity => format!("x{quantity}"),
        };
        let code = code(&view, one.relation_type);
        let (id, score) = (&one.product_id, one.score);
        outln!("{rank:>4}. {id:<32} {code:<16} {score:.4} {quantity:<6} {title}");
    }
    for missing in &response.missing_product_ids {
        outln!("      {missing} is not in the catalog");
    }
    let report = response.fill_report.unwrap_or_default();
    outln!("      of {} candidates; snapshot {}", report.candidates, snapshot.id());
    Ok(())
}

/// The type of a code of the catalog, or of a number.
fn relation_type(view: &View<'_>, text: &str) -> anyhow::Result<RelationType> {
    let types = &view.meta().relation_types;
    let declared = types.iter().find(|declared| declared.code == text);
    let number = declared.map(|declared| declared.number).or_else(|| text.parse().ok());
    let Some(relation_type) = number.and_then(RelationType::new) else {
        let known = types.iter().map(|declared| declared.code.as_str()).collect::<Vec<_>>();
        bail!("relation type {text:?} is unknown; this catalog has {}", known.join(", "));
    };
    Ok(relation_type)
}

fn code<'a>(view: &View<'a>, number: i32) -> &'a str {
    let mut types = view.meta().relation_types.iter();
    let declared = types.find(|declared| i32::from(declared.number) == number);
    declared.map_or("", |declared| declared.code.as_str())
}

pub(super) fn holders(args: &WhereArgs) -> anyhow::Result<()> {
    let snapshot = args.store.snapshot()?;
    let view = snapshot.catalog().view();
    let Some(product) = view.find(&args.id) else {
        bail!("{} is not in snapshot {}", args.id, snapshot.id());
    };
    outln!("{} {}", view.id(product), String::from_utf8_lossy(view.title_bytes(product)));
    for (alias, _) in view.aliases().filter(|(_, of)| *of == product) {
        outln!("  also known as {alias}");
    }
    if let Some(parent) = view.parent(product) {
        outln!("  variant of {}", view.id(parent));
    }
    for variant in view.variants(product) {
        outln!("  has variant {}", view.id(Ordinal(variant.get())));
    }
    let mut count = 0_usize;
    for listed in lookup::holders(&view, product) {
        print_listed(&snapshot, &view, &listed);
        count += 1;
    }
    for bundle in view.bundles_with(product) {
        outln!("  bundle {}", view.id(Ordinal(bundle.product.get())));
        count += 1;
    }
    outln!("{count} lists and bundles hold it in snapshot {}", snapshot.id());
    Ok(())
}

fn print_listed(snapshot: &Snapshot, view: &View<'_>, listed: &Listed<'_>) {
    let code = code(view, i32::from(listed.relation_type.number()));
    let (source, score) = (view.id(listed.source), listed.relation.edge.score.get());
    let provenance = snapshot.provenance();
    let place = provenance.and_then(|provenance| provenance.place(listed.source, listed.index));
    let place = place.map_or_else(String::new, |place| {
        format!("{}: {}:{}", place.source, place.file.name, place.line)
    });
    outln!("  {code:<16} of {source:<32} {:.4} {place}", score::share(score));
}
