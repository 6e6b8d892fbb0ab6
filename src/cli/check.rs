//! `kindred check`: everything that a compile finds and more, without publishing: as text, as JSON and
//! as a page for merchandisers.

mod page;
mod report;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use tempfile::TempDir;

use self::report::CheckReport;
use super::{
    EXIT_FINDINGS, EXIT_REFUSED, Failure,
    documents::warn_unbound,
    guards::Opened,
    inputs::InputArgs,
    note,
    out::outln,
    pipeline::{self, Job, Purpose, Steps, Written},
    reading::{self, Ancestors},
    stock::sold_out,
    whole_file::WholeFile,
};
use crate::{
    compile::{self, CheckLimits, Question, Report, Side},
    index::Ordinal,
    model::{finding::Severity, instant},
    store::{MAIN_TRACK, Manifest, Store, Track},
};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The store whose newest snapshot the new one is held against; nothing is written to it.
    #[arg(long, env = "KINDRED_STORE", value_name = "DIR")]
    store: Option<PathBuf>,
    /// Overrides to publish along; else `overrides.csv` beside the tables.
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
    /// Readings of stock, as `kindred stock export --since` prints them.
    #[arg(long, value_name = "FILE")]
    stock: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write a page with charts to this file, too: one file that needs nothing else.
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
struct LimitArgs {
    /// Find links that their source has not confirmed for more days.
    #[arg(long, value_name = "DAYS", default_value_t = CheckLimits::at(0).unconfirmed_days)]
    unconfirmed_days: u32,
    /// Find sources none of whose files was renewed for more days.
    #[arg(long, value_name = "DAYS", default_value_t = CheckLimits::at(0).silent_days)]
    silent_days: u32,
    /// Find links to products that are out of stock for more days; needs --stock.
    #[arg(long, value_name = "DAYS", default_value_t = CheckLimits::at(0).sold_out_days)]
    sold_out_days: u32,
    /// Find links whose given score is below.
    #[arg(long, value_name = "SCORE", default_value_t = CheckLimits::at(0).score_min, value_parser = share)]
    min_score: f32,
    /// Find products with more links of one type.
    #[arg(long, value_name = "N", default_value_t = CheckLimits::at(0).list_max)]
    list_max: usize,
    /// Check as of this instant; else now.
    #[arg(long, value_name = "INSTANT", value_parser = parse_at)]
    at: Option<i64>,
}

fn parse_at(text: &str) -> Result<i64, String> {
    instant::parse(text).ok_or_else(|| format!("expected {}, found {text:?}", instant::EXPECTED))
}

fn share(text: &str) -> Result<f32, String> {
    let share = text.parse::<f32>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("expected a score from 0 to 1, found {text:?}"))
}

impl LimitArgs {
    fn limits(&self) -> CheckLimits {
        CheckLimits {
            now_s: self.at.unwrap_or_else(|| Timestamp::now().as_second()),
            unconfirmed_days: self.unconfirmed_days,
            silent_days: self.silent_days,
            sold_out_days: self.sold_out_days,
            score_min: self.min_score,
            list_max: self.list_max,
        }
    }
}

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let html = args.html.as_deref().map(|path| WholeFile::create("the page", path)).transpose()?;
    let report = check(args)?;
    if let Some(html) = html {
        html.put(page::page(&report).as_bytes())?;
    }
    match args.json {
        true => outln!("{}", serde_json::to_string_pretty(&report)?),
        false => outln!("{report}"),
    }
    let refused =
        report.guards.iter().filter(|breach| !args.input.allow.holds(breach.guard)).count();
    if refused > 0 {
        let message = format!("guards would refuse the publish for {refused} reasons");
        return Err(Failure { code: EXIT_REFUSED, message }.into());
    }
    if args.input.strict && report.worst >= Some(Severity::Warning) {
        let message = "findings under --strict".to_owned();
        return Err(Failure { code: EXIT_FINDINGS, message }.into());
    }
    Ok(())
}

fn check(args: &CheckArgs) -> anyhow::Result<CheckReport> {
    let limits = args.limits.limits();
    // The catalog is written as a compile would, but into a store that goes away with this run.
    let scratch = TempDir::with_prefix("kindred-check-").context("no temporary directory")?;
    let job = job(args, scratch.path());
    let cache = reading::lock(&job)?;
    let newest = args.store.as_deref().map(newest).transpose()?.flatten();
    let ancestors = newest.as_ref().map(|newest| Ancestors::of(&newest.track, Some(&newest.head)));
    let mut steps = Steps::default();
    // What came through the cache is not kept: nothing is published.
    let (given, graph, _) =
        pipeline::read(&job, cache, &ancestors.unwrap_or_else(Ancestors::none), &mut steps)?;
    let store = Store::create(scratch.path())?;
    let staged = pipeline::write(&store, &graph, &mut steps)?;
    let Written { catalog, provenance, .. } = staged.verify(&mut steps)?;
    warn_unbound(&given.check(&catalog)?);

    let after = Side { view: catalog.view(), provenance: Some(&provenance) };
    let sold_out = match &args.stock {
        Some(path) => sold_out(path, &after.view)?,
        None => BTreeMap::new(),
    };
    let place = |product: Ordinal| graph.product_place(product.index()).unwrap_or_default();
    let before = newest.as_ref().and_then(|newest| newest.opened.as_ref());
    let overrides =
        newest.as_ref().map(|newest| given.override_counts(&newest.store, &newest.head));
    let question = Question {
        after,
        before: before.map(Opened::side),
        overrides: overrides.transpose()?.flatten(),
        guards: &graph.config.guards,
        limits,
        sold_out: &sold_out,
        confirmed_days: &compile::confirmed_days(&graph)?,
        place: &place,
    };
    let checks = compile::check(&question, graph.findings.clone());
    Ok(CheckReport::new(Report::new(&graph), checks, limits.now_s))
}

fn job(args: &CheckArgs, store: &Path) -> Job {
    Job {
        input: args.input.clone(),
        policy: None,
        overrides: args.overrides.clone(),
        store: store.to_owned(),
        over_rollback: false,
        note: note(None, "check"),
        purpose: Purpose::Check,
    }
}

/// What a publish would replace.
struct Newest {
    store: Store,
    track: Track,
    head: Manifest,
    opened: Option<Opened>,
}

/// The newest snapshot of a store. One that the first compile will make holds none.
fn newest(dir: &Path) -> anyhow::Result<Option<Newest>> {
    if !dir.exists() {
        eprintln!("warning: {} is not there yet; nothing to compare with", dir.display());
        return Ok(None);
    }
    let store = Store::open(dir)?;
    let track = store.track(MAIN_TRACK)?;
    let Some(head) = track.head()? else { return Ok(None) };
    let opened = Opened::new(&store, &head)?;
    Ok(Some(Newest { store, track, head, opened }))
}
