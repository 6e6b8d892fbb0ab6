//! `kindred source hold`, `release` and `list`: one source stands still while others go on.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{note, out::outln};
use crate::sources::cache::{Cache, Hold};

#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Keep what the source said last, whatever its files say, until it is released.
    Hold(HoldArgs),
    /// End a hold: the next compile reads the source again.
    Release(ReleaseArgs),
    /// List the sources that are kept, with what is good of each.
    List(CacheArgs),
}

/// A cache on the command line.
#[derive(Debug, Args)]
struct CacheArgs {
    /// The directory in which compiles keep what each source says.
    #[arg(long, env = "KINDRED_CACHE", value_name = "DIR")]
    cache: PathBuf,
}

#[derive(Debug, Args)]
struct HoldArgs {
    /// The source's name.
    name: String,
    #[command(flatten)]
    cache: CacheArgs,
    /// Why, for the reports of compiles.
    #[arg(long, default_value = "")]
    reason: String,
    /// Who; else `$USER`.
    #[arg(long)]
    actor: Option<String>,
}

#[derive(Debug, Args)]
struct ReleaseArgs {
    /// The source's name.
    name: String,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) fn run(args: &SourceArgs) -> anyhow::Result<()> {
    match &args.action {
        Action::Hold(args) => hold(args),
        Action::Release(args) => release(args),
        Action::List(args) => list(args),
    }
}

fn hold(args: &HoldArgs) -> anyhow::Result<()> {
    let note = note(args.actor.as_deref(), &args.reason);
    let hold = Hold { actor: note.actor, reason: note.reason, since: note.created_at };
    Cache::open(&args.cache.cache)?.source(&args.name)?.hold(&hold)?;
    outln!("source {} is held: compiles take its last good records", args.name);
    Ok(())
}

fn release(args: &ReleaseArgs) -> anyhow::Result<()> {
    Cache::open(&args.cache.cache)?.source(&args.name)?.release()?;
    outln!("source {} is released: the next compile reads it", args.name);
    Ok(())
}

fn list(args: &CacheArgs) -> anyhow::Result<()> {
    for source in Cache::open(&args.cache)?.sources()? {
        let Some(pointer) = source.pointer()? else { continue };
        let name = source.name();
        let entry = &pointer.current;
        let (mode, records, read_at) = (entry.mode.0.code(), entry.record_count, &entry.read_at);
        outln!("{name:<20} {mode:<8} {records:>10} records, read at {read_at}");
        for input in &entry.inputs {
            outln!("  from {}={}", input.format, input.path.display());
        }
        if let Some(Hold { actor, reason, since }) = source.held()? {
            outln!("  held since {since} by {actor}: {reason}");
        }
    }
    Ok(())
}
