//! `kindred explain`: why these products, and why not that one; from a store without a server, or of
//! a server with its live stock.

use std::path::PathBuf;

use clap::Args;

use super::{
    StoreArgs,
    ask::{AskArgs, TypeCodes, page_request},
    caller::CallerArgs,
    out::outln,
    stock::runtime,
};
use crate::{
    client::Replica,
    pb::{self, Decision, explain_recommendations_request::Request as Asked},
    service::{explain_recommendations, message_to_json},
};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    caller: CallerArgs,
    #[command(flatten)]
    ask: AskArgs,
    /// Products to follow through the whole lookup, related or not.
    #[arg(long, value_name = "ID", num_args = 1..)]
    trace: Vec<String>,
    /// Candidates to show of each list besides those followed; 0 means 50.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    candidates: i32,
    /// Print the explanation as the server's JSON.
    #[arg(long)]
    json: bool,
}

/// Who answers; the server, if both are named, so that `$KINDRED_STORE` may stand.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Whom {
    /// The store's directory: answers from what is live there, without any feed of stock.
    #[arg(long, env = "KINDRED_STORE", value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Ask this server instead, with its live stock and blocks: HOST:PORT, URL or unix:PATH.
    #[arg(long, value_name = "SERVER")]
    pub(super) to: Option<String>,
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let (codes, response) = match (&args.whom.to, &args.whom.store) {
        (Some(server), _) => runtime()?.block_on(of_server(args, server))?,
        (None, Some(store)) => of_store(args, &StoreArgs { store: store.clone() })?,
        (None, None) => anyhow::bail!("expected --store or --to, found neither"),
    };
    if args.json {
        outln!("{}", message_to_json("ExplainRecommendationsResponse", &response)?);
        return Ok(());
    }
    print(&codes, &response);
    let version = response.response.and_then(|response| response.data_version);
    outln!("snapshot {}", version.unwrap_or_default().snapshot_id);
    Ok(())
}

type Explained = (TypeCodes, pb::ExplainRecommendationsResponse);

fn of_store(args: &ExplainArgs, store: &StoreArgs) -> anyhow::Result<Explained> {
    let moment = store.moment()?;
    let codes = TypeCodes::of(&moment.snapshot.catalog().view());
    let response = explain_recommendations(&moment, &request(args, &codes)?)
        .map_err(|refused| anyhow::anyhow!("{}", refused.message()))?;
    Ok((codes, response))
}

async fn of_server(args: &ExplainArgs, address: &str) -> anyhow::Result<Explained> {
    let mut replica = Replica::connect(args.caller.target(address)?).await?;
    let codes = TypeCodes::told(replica.catalog().await?);
    let response = replica.explain(request(args, &codes)?).await?;
    Ok((codes, response))
}

fn request(
    args: &ExplainArgs,
    codes: &TypeCodes,
) -> anyhow::Result<pb::ExplainRecommendationsRequest> {
    let asked = match &args.ask.page {
        Some(path) => Asked::Batch(page_request(path)?),
        None => Asked::Get(args.ask.request(codes)?),
    };
    Ok(pb::ExplainRecommendationsRequest {
        trace_product_ids: args.trace.clone(),
        max_candidates: args.candidates,
        request: Some(asked),
    })
}

/// Prints an explanation for a merchandiser.
fn print(codes: &TypeCodes, explained: &pb::ExplainRecommendationsResponse) {
    let response = explained.response.clone().unwrap_or_default();
    for (slot, result) in explained.slots.iter().zip(&response.results) {
        if !slot.slot_id.is_empty() {
            outln!("{}", slot.slot_id);
        }
        if let Some(error) = &result.error {
            outln!("  {}: {}", error.reason, error.message);
            continue;
        }
        print_asked(codes, slot);
        print_candidates(codes, slot);
        for rule in &slot.rules {
            let products = rule.product_ids.join(", ");
            outln!("  rule {} ({}): {products}", rule.rule_id, rule.action);
        }
        let report = result.fill_report.unwrap_or_default();
        let (candidates, shortfall) = (report.candidates, report.shortfall);
        let shown = result.recommendations.len();
        outln!("  {shown} of {candidates} candidates shown, {shortfall} results missing");
    }
    for missing in &response.missing_product_ids {
        outln!("  {missing} is not in the catalog");
    }
}

/// What was looked up in the end.
fn print_asked(codes: &TypeCodes, slot: &pb::SlotExplanation) {
    let mix = slot.mix.iter().map(|entry| {
        let mut text = codes.code(entry.relation_type).to_owned();
        if entry.weight < 1.0 {
            text.push_str(&format!(" x {}", entry.weight));
        }
        if entry.max_results > 0 {
            text.push_str(&format!(" (at most {})", entry.max_results));
        }
        text
    });
    let mix = mix.collect::<Vec<_>>().join(", ");
    let lookup = slot.effective_lookup.clone().unwrap_or_default();
    let placement = match &*lookup.placement_id {
        "" => String::new(),
        id => format!("placement {id}: "),
    };
    let most = lookup.max_results;
    outln!("  {placement}{mix}; at most {most} results");
}

fn print_candidates(codes: &TypeCodes, slot: &pb::SlotExplanation) {
    // Results by rank, then the others as they were examined.
    let mut told = slot.candidates.iter().collect::<Vec<_>>();
    told.sort_by_key(|one| if one.rank == 0 { u32::MAX } else { one.rank });
    let rows = told.iter().map(|one| {
        let rank = if one.rank == 0 { "-".to_owned() } else { one.rank.to_string() };
        let from = one.relations.iter().map(|relation| &*relation.provenance);
        let from = from.filter(|from| !from.is_empty()).collect::<Vec<_>>().join(", ");
        [rank, one.product_id.clone(), one.title.clone(), why(codes, one), from]
    });
    let head = ["RANK", "PRODUCT", "TITLE", "WHY", "FROM"].map(str::to_owned);
    let rows = std::iter::once(head).chain(rows).collect::<Vec<_>>();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(COLUMN_CHARS_MAX)
    };
    let (product, title, why) = (width(1), width(2), width(3));
    for [rank, id, name, reason, from] in &rows {
        let line = format!("  {rank:>4}  {id:<product$}  {name:<title$}  {reason:<why$}  {from}");
        outln!("{}", line.trim_end());
    }
}

/// Widest column that is filled up; longer cells push the others aside.
const COLUMN_CHARS_MAX: usize = 48;

/// Why a product is where it is, in words.
pub(super) fn why(codes: &TypeCodes, one: &pb::CandidateTrace) -> String {
    let detail = &*one.detail;
    let words = match one.decision() {
        Decision::Unspecified => "",
        Decision::Returned => return returned(codes, one),
        Decision::NotRelated => "no relation leads to it",
        Decision::UnknownProduct => "not in the catalog",
        Decision::Unavailable => "cannot be bought",
        Decision::Filtered => "the filter does not let it pass",
        Decision::BelowScore => "its score is too low",
        Decision::Excluded => "the request excludes it",
        Decision::Diversity => "enough of its kind",
        Decision::Rule => "hidden by a rule",
        Decision::RankedTooLow => "others are better",
        Decision::OutsideValidity => "not at this time",
        Decision::OnPage => "on the page already",
        Decision::WrongStage => "meant for other stages",
        Decision::OutsideMarket => "not for this market",
        Decision::Hidden => "not visible",
        Decision::SameVariantGroup => "the seed itself or a variant of it",
        Decision::Blocked => "blocked: recalled",
        Decision::DroppedAtCompile => "the compiler refused the link",
        Decision::Overridden => "taken out by an override",
    };
    if detail.is_empty() { words.to_owned() } else { format!("{words}: {detail}") }
}

fn returned(codes: &TypeCodes, one: &pb::CandidateTrace) -> String {
    let mut types = Vec::new();
    for relation in &one.relations {
        let code = codes.code(relation.relation_type);
        if !types.contains(&code) {
            types.push(code);
        }
    }
    let mut words = vec![types.join(" + ")];
    words.push(format!("{:.4}", one.score));
    if one.fallback_step > 0 {
        words.push(format!("fallback {}", one.fallback_step));
    }
    words.push(one.detail.clone());
    words.retain(|word| !word.is_empty());
    words.join(", ")
}
