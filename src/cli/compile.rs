//! `kindred compile`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    EXIT_FINDINGS, EXIT_REFUSED, StoreArgs,
    documents::print_published,
    exit_code,
    from::FromArg,
    inputs::InputArgs,
    note,
    out::outln,
    pipeline::{self, Job, Purpose},
    print_error,
    watch::{self, Outcome, Watched},
    whole_file::WholeFile,
};
use crate::{
    compile::Report,
    model::config::{OVERRIDES_FILE_NAME, POLICY_FILE_NAME},
    sources::{self, catalog_toml},
};

#[derive(Debug, Args)]
pub(super) struct CompileArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Compile again when the tables change; a run that fails is printed, and the watch goes on.
    #[arg(long)]
    watch: bool,
    /// Placements, stage policy and rules to publish along; else `placements.toml` beside the
    /// tables, else those there are, else the built-in ones.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Overrides to publish along; else `overrides.csv` beside the tables, else those there are.
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
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
    if args.watch {
        let (cache, report) = (args.input.cache.as_deref(), args.report.as_deref());
        let watched = Watched::new(read(args)?, &args.store.store, cache, report);
        watch::run(&watched, &mut || match once(args) {
            Ok(()) => Outcome::Settled,
            Err(error) => {
                print_error(&error);
                match exit_code(&error) {
                    EXIT_FINDINGS | EXIT_REFUSED => Outcome::Settled,
                    _ => Outcome::MayPass,
                }
            }
        });
    }
    once(args)
}

/// Every path that a compile reads, whether something is there or not; holds lie in the cache.
fn read(args: &CompileArgs) -> anyhow::Result<Vec<PathBuf>> {
    let named = [&args.input.catalog, &args.policy, &args.overrides];
    let mut paths = named.into_iter().flatten().cloned().collect::<Vec<_>>();
    for from in &args.input.from {
        match from {
            FromArg::Files(input) if input.path == Path::new("-") => {
                bail!("expected files to watch, found the standard input");
            }
            FromArg::Files(input) => {
                paths.push(input.path.clone());
                let below = [catalog_toml::FILE_NAME, POLICY_FILE_NAME, OVERRIDES_FILE_NAME];
                paths.extend(below.map(|name| input.path.join(name)));
                paths.extend(sources::mapping_beside(&input.path));
            }
            FromArg::Previous(_) => {}
        }
    }
    Ok(paths)
}

fn once(args: &CompileArgs) -> anyhow::Result<()> {
    let job = Job {
        input: args.input.clone(),
        policy: args.policy.clone(),
        overrides: args.overrides.clone(),
        store: args.store.store.clone(),
        over_rollback: args.over_rollback,
        note: note(None, &args.reason),
        purpose: Purpose::Publish,
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
