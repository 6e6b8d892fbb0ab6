//! `kindred compile`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use super::{
    StoreArgs, note,
    out::outln,
    pipeline::{self, Input, Job},
};
use crate::{compile::Report, store::Published};

#[derive(Debug, Args)]
pub(super) struct CompileArgs {
    /// What to read: the format, and a file or directory. May be given several times.
    #[arg(long = "from", required = true, value_name = "[NAME:]FORMAT=PATH", value_parser = Input::parse)]
    from: Vec<Input>,
    /// Markets, relation types and so on; else `catalog.toml` beside the tables, else defaults.
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Fail with exit code 2 on any warning or error, and publish nothing.
    #[arg(long)]
    strict: bool,
    /// Publish although products or relations of a type shrink by more than 20 %.
    #[arg(long)]
    allow_shrink: bool,
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
        catalog: args.catalog.clone(),
        store: args.store.store.clone(),
        strict: args.strict,
        allow_shrink: args.allow_shrink,
        over_rollback: args.over_rollback,
        note: note(None, &args.reason),
    };
    let mut written = Ok(());
    let mut relations_kept = 0;
    let published = pipeline::run(&job, &mut |report| {
        outln!("{report}");
        relations_kept = report.relations.values().map(|counts| counts.kept).sum::<u64>();
        if let Some(path) = &args.report {
            written = write_json(path, report);
        }
    })?;
    written?;
    match &published {
        Published::Unchanged(manifest) => {
            outln!("snapshot {} is published already; nothing changed", manifest.snapshot_id);
        }
        Published::Written(manifest) if manifest.held => outln!(
            "stored snapshot {} as manifest {}; a hold stands, it goes live at `kindred release`",
            manifest.snapshot_id,
            manifest.number
        ),
        Published::Written(manifest) => {
            outln!("published snapshot {} as manifest {}", manifest.snapshot_id, manifest.number);
        }
    }
    if relations_kept == 0 {
        eprintln!("WARNING: ZERO relations were imported: every lookup will answer an empty list.");
    }
    Ok(())
}

/// Writes the report beside its name first, so that no reader sees half of it.
fn write_json(path: &Path, report: &Report) -> anyhow::Result<()> {
    let context = || format!("cannot write the report to {}", path.display());
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).with_context(context)?;
    serde_json::to_writer_pretty(&mut file, report).with_context(context)?;
    file.write_all(b"\n").with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}
