//! `kindred compile`.

use std::{
    fs::Permissions,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use tempfile::NamedTempFile;

use super::{
    StoreArgs,
    documents::print_published,
    from::{Input, parse_encoding},
    note,
    out::outln,
    pipeline::{self, Job},
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
    /// What joins the items of a list in exports of Magento whose multiple value separator is not `,`.
    #[arg(long, value_name = "CHARACTER")]
    multi_value_separator: Option<char>,
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
        encoding: args.encoding,
        separator: args.multi_value_separator,
        catalog: args.catalog.clone(),
        policy: args.policy.clone(),
        overrides: args.overrides.clone(),
        store: args.store.store.clone(),
        strict: args.strict,
        allow_shrink: args.allow_shrink,
        over_rollback: args.over_rollback,
        note: note(None, &args.reason),
    };
    // Opened first: a report that cannot be written is better known before anything is published.
    let mut report_file = args.report.as_deref().map(ReportFile::create).transpose()?;
    let mut written = Ok(());
    let mut relations_kept = 0;
    let published = pipeline::run(&job, &mut |report| {
        outln!("{report}");
        relations_kept = report.relations.values().map(|counts| counts.kept).sum::<u64>();
        if let Some(file) = report_file.take() {
            written = file.write(report);
        }
    })?;
    print_published(&published);
    if relations_kept == 0 {
        eprintln!("WARNING: ZERO relations were imported: every lookup will answer an empty list.");
    }
    written
}

/// The report as a file: written beside its name first, so that no reader sees half of it.
struct ReportFile<'a> {
    path: &'a Path,
    file: NamedTempFile,
}

impl<'a> ReportFile<'a> {
    fn create(path: &'a Path) -> anyhow::Result<Self> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let file = NamedTempFile::new_in(dir.unwrap_or(Path::new(".")));
        Ok(Self { path, file: file.with_context(|| cannot_write(path))? })
    }

    fn write(mut self, report: &Report) -> anyhow::Result<()> {
        let context = || cannot_write(self.path);
        serde_json::to_writer_pretty(&mut self.file, report).with_context(context)?;
        self.file.write_all(b"\n").with_context(context)?;
        // A temporary file is its owner's alone; a report is for everyone.
        let everyone = Permissions::from_mode(0o644);
        self.file.as_file().set_permissions(everyone).with_context(context)?;
        self.file.persist(self.path).with_context(context)?;
        Ok(())
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write the report to {}", path.display())
}
