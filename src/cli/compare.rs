//! `kindred compare`: the lists that a shop shows today, against the answers of a server or a store.

mod score;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;

use self::score::{Comparison, Reason};
use super::{
    StoreArgs,
    ask::{self, TypeCodes},
    caller::CallerArgs,
    explain::{Whom, why},
    line_file::{lines, text},
    out::outln,
    stock::runtime,
};
use crate::{
    client::Replica,
    model::{limits::RESULTS_MAX, relation::Stage},
    pb::{self, Decision, explain_recommendations_request::Request as Asked, seed::Target},
    service::explain_recommendations,
    snapshot::Moment,
};

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    caller: CallerArgs,
    /// The lists, one object a line: {"seed": "A", "type": "cross_sell", "targets": ["B", "C"]}, best
    /// first; "placement" may stand for "type"; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    against: PathBuf,
    /// Compare the first so many of each list.
    #[arg(long, value_name = "N", default_value_t = 10)]
    first: usize,
    /// Where the shopper stands.
    #[arg(long, value_name = "STAGE", value_parser = ask::stage)]
    stage: Option<Stage>,
    /// The market whose assortment and prices count; without it the default one.
    #[arg(long, value_name = "ID")]
    market: Option<String>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

/// A list as a shop shows it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    seed: String,
    #[serde(rename = "type", default)]
    relation_type: String,
    #[serde(default)]
    placement: String,
    targets: Vec<String>,
}

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    if args.first == 0 || args.first > RESULTS_MAX {
        bail!("--first: expected 1 to {RESULTS_MAX}, found {}", args.first);
    }
    let lists = text(&args.against)?;
    let mut answers = Answers::of(&args.whom, &args.caller)?;
    let codes = answers.codes()?;
    let mut comparison = Comparison::new(args.first);
    for (line, text) in lines(&lists)? {
        let one = compare(args, &mut answers, &codes, text, &mut comparison);
        one.with_context(|| format!("{} line {line}", args.against.display()))?;
    }
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&comparison.report())?);
    } else {
        outln!("{}", comparison.report());
    }
    Ok(())
}

/// Takes one list in.
fn compare(
    args: &CompareArgs,
    answers: &mut Answers,
    codes: &TypeCodes,
    text: &str,
    comparison: &mut Comparison,
) -> anyhow::Result<()> {
    let mut shown: Shown = serde_json::from_str(text)?;
    if shown.relation_type.is_empty() == shown.placement.is_empty() {
        bail!("expected a `type` or a `placement`, found both or neither");
    }
    shown.targets.truncate(args.first);
    let explained = answers.explain(request(args, codes, &shown)?)?;
    let response = explained.response.unwrap_or_default();
    let is_seed_known = response.missing_product_ids.is_empty();
    let result = response.results.into_iter().next().unwrap_or_default();
    if let Some(error) = result.error {
        bail!("{}: {}", error.reason, error.message);
    }
    let found = result.recommendations.into_iter().map(|one| one.product_id).collect::<Vec<_>>();
    let traced = explained.slots.into_iter().next().unwrap_or_default().candidates;
    let reason = |target: &str| {
        let trace = traced.iter().find(|one| one.product_id == target);
        match trace {
            _ if !is_seed_known => Reason::new("SEED_UNKNOWN", "its seed is not in the catalog"),
            Some(one) => Reason::new(name(one.decision()), &why(codes, one)),
            None => Reason::new(name(Decision::Unspecified), ""),
        }
    };
    let group = if shown.placement.is_empty() { &shown.relation_type } else { &shown.placement };
    let snapshot_id = response.data_version.unwrap_or_default().snapshot_id;
    comparison.answered_by(&snapshot_id);
    comparison.take(group, &shown.seed, &shown.targets, &found, reason);
    Ok(())
}

fn name(decision: Decision) -> &'static str {
    decision.as_str_name().trim_start_matches("DECISION_")
}

fn request(
    args: &CompareArgs,
    codes: &TypeCodes,
    shown: &Shown,
) -> anyhow::Result<pb::ExplainRecommendationsRequest> {
    let relation_types = match &*shown.relation_type {
        "" => Vec::new(),
        code => vec![i32::from(codes.relation_type(code)?.number())],
    };
    let lookup = pb::LookupSpec {
        placement_id: shown.placement.clone(),
        relation_types,
        max_results: i32::try_from(args.first).unwrap_or(i32::MAX),
        ..Default::default()
    };
    let context = pb::Context {
        stage: args.stage.map_or(0, |stage| stage as i32),
        market_id: args.market.clone().unwrap_or_default(),
        ..Default::default()
    };
    let target = Some(Target::ProductId(shown.seed.clone()));
    let get = pb::GetRecommendationsRequest {
        lookup: Some(lookup),
        seeds: vec![pb::Seed { target, quantity: 0.0 }],
        context: Some(context),
        ..Default::default()
    };
    Ok(pb::ExplainRecommendationsRequest {
        request: Some(Asked::Get(get)),
        trace_product_ids: shown.targets.clone(),
        max_candidates: 1,
    })
}

/// Who answers.
enum Answers {
    Store(Box<Moment>),
    Server(tokio::runtime::Runtime, Box<Replica>),
}

impl Answers {
    fn of(whom: &Whom, caller: &CallerArgs) -> anyhow::Result<Self> {
        match (&whom.to, &whom.store) {
            (Some(server), _) => {
                let runtime = runtime()?;
                let replica = runtime.block_on(Replica::connect(caller.target(server)?))?;
                Ok(Self::Server(runtime, Box::new(replica)))
            }
            (None, Some(store)) => {
                let store = StoreArgs { store: store.clone() };
                Ok(Self::Store(Box::new(store.moment()?)))
            }
            (None, None) => bail!("expected --store or --to, found neither"),
        }
    }

    fn codes(&mut self) -> anyhow::Result<TypeCodes> {
        match self {
            Self::Store(moment) => Ok(TypeCodes::of(&moment.snapshot.catalog().view())),
            Self::Server(runtime, replica) => {
                Ok(TypeCodes::told(runtime.block_on(replica.catalog())?))
            }
        }
    }

    fn explain(
        &mut self,
        request: pb::ExplainRecommendationsRequest,
    ) -> anyhow::Result<pb::ExplainRecommendationsResponse> {
        match self {
            Self::Server(runtime, replica) => Ok(runtime.block_on(replica.explain(request))?),
            Self::Store(moment) => explain_recommendations(moment, &request)
                .map_err(|refused| anyhow::anyhow!("{}", refused.message())),
        }
    }
}
