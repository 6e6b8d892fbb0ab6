//! `kindred compile`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::{
    StoreArgs,
    documents::print_published,
    from::{Input, parse_encoding},
    guards::Allow,
    note,
    out::outln,
    pipeline::{self, Job},
    whole_file::WholeFile,
};
use crate::{compile::Report, sources::Encoding};

#[derive(Debug, Args)]
pub(super) struct CompileArgs {
    /// What to read: a file, a directory or `-`, its format unless the files tell it, and a name for
    /// the source. May be given several times.
    #[arg(long = "from", required = true, value_name = "[[NAME:]FORMAT=]PATH", value_parser = Input::parse)]
    from: Vec<Input>,
    /// How the files spell characters: utf-8 or latin1.
    #[arg(long, default_value = "utf-8", value_name = "WORD", value_parser = parse_encoding)]
    encoding: Encoding,
    /// Markets, relation types and so on; else `catalog.toml` beside the tables, else defaults.
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Placements, stage policy and rules to publish along; else `placements.toml` beside the
    /// tables, else those there are, else the built-in ones.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Overrides to publish along; else `overrides.csv` beside the tables, else those there are.
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Fail with exit code 2 on any warning or error, and publish nothing.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    allow: Allow,
    /// Publish although a rollback or hold came while this ran.
    #[arg(long)]
    over_rollback: bool,
    /// Write the report as JSON to this file, too.
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Why, for the history.
    #[arg(long, default_value = "compile")]
    reason: String,
}

pub(super) fn run(args: &CompileArgs) -> anyhow::Result<()> {
    let job = Job {
        inputs: args.from.clone(),
        encoding: args.encoding,
        catalog: args.catalog.clone(),
        policy: args.policy.clone(),
        overrides: args.overrides.clone(),
        store: args.store.store.clone(),
        strict: args.strict,
        allow: args.allow.clone(),
        over_rollback: args.over_rollback,
        note: note(None, &args.reason),
    };
    // Opened first: a report that cannot be written is better known before anything is published.
    let report_file = args.report.as_deref().map(|path| WholeFile::create("the report", path));
    let mut report_file = report_file.transpose()?;
    let mut written = Ok(());
    let mut relations_kept = 0;
    let published = pipeline::run(&job, &mut |report| {
        outln!("{report}");
        relations_kept = report.relations.values().map(|counts| counts.kept).sum::<u64>();
        if let Some(file) = report_file.take() {
            written = write(file, report);
        }
    })?;
    print_published(&published);
    if relations_kept == 0 {
        eprintln!("WARNING: ZERO relations were imported: every lookup will answer an empty list.");
    }
    written
}

fn write(file: WholeFile<'_>, report: &Report) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(report).context("cannot write the report as JSON")?;
    bytes.push(b'\n');
    file.put(&bytes)
}
