//! `kindred policy`: check, publish, show.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    StoreArgs,
    documents::{self, Head, PolicyFile, print_published, warn_unbound},
    note,
    out::outln,
    track::NoteArgs,
};
use crate::{index::Role, policy::BUILT_IN_POLICY};

#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a file; with a store, whether its catalog knows every name, too.
    Check(CheckArgs),
    /// Publish a file; the catalog stays as it is.
    Publish(PublishArgs),
    /// Print what is live; where no policy was published, the built-in one, to be copied.
    Show(StoreArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Placements, stage policy and rules, as POLICY.md describes them.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// The store's directory.
    #[arg(long, env = "KINDRED_STORE", value_name = "DIR")]
    store: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct PublishArgs {
    /// Placements, stage policy and rules, as POLICY.md describes them.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    note: NoteArgs,
}

pub(super) fn run(args: &PolicyArgs) -> anyhow::Result<()> {
    match &args.command {
        Command::Check(args) => check(args),
        Command::Publish(args) => publish(args),
        Command::Show(args) => show(args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let file = PolicyFile::load(&args.file)?;
    let shown = args.file.display();
    let Some(store) = &args.store else {
        outln!("{shown} is right in itself; name a --store to check its names, too");
        return Ok(());
    };
    let catalog = Head::open(store)?.catalog()?;
    warn_unbound(&documents::check(&catalog, Some(&file.document), None)?);
    outln!("{shown} is right, and suits the catalog of {}", store.display());
    Ok(())
}

fn publish(args: &PublishArgs) -> anyhow::Result<()> {
    let file = PolicyFile::load(&args.file)?;
    let head = Head::open(&args.note.store.store)?;
    warn_unbound(&documents::check(&head.catalog()?, Some(&file.document), None)?);
    let note = note(args.note.actor.as_deref(), &args.note.reason);
    let published = documents::refused(head.publish(Role::Policy, &file.text, note)?)?;
    print_published(&published);
    Ok(())
}

fn show(args: &StoreArgs) -> anyhow::Result<()> {
    let snapshot = args.snapshot()?;
    let text = snapshot.policy_text().unwrap_or_else(|| {
        eprintln!("no policy was published; this is the built-in one");
        BUILT_IN_POLICY
    });
    outln!("{}", text.trim_end());
    Ok(())
}
