//! `kindred source`: what is kept of each source; one stands still while others go on, or forgets what
//! it said and nobody published.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{
    StoreArgs, note,
    out::outln,
    reading::{Ancestors, catalog_of},
};
use crate::sources::cache::{Cache, Entry, Hold, Known};

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
    /// Forget what the source said on nights that were not published: its next input meets what is
    /// good.
    Drop(DropArgs),
    /// Say which of the kept records the newest catalog of the store counts as made of, where the
    /// cache does not know.
    Use(UseArgs),
    /// List the sources that are kept, with what is good of each.
    List(ListArgs),
}

/// A cache on the command line.
#[derive(Debug, Args)]
struct CacheArgs {
    /// The directory in which compiles keep what each source says.
    #[arg(long, env = "KINDRED_CACHE", value_name = "DIR")]
    cache: PathBuf,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
struct HoldArgs {
    /// The source's name.
    name: String,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    store: StoreArgs,
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

#[derive(Debug, Args)]
struct DropArgs {
    /// The source's name.
    name: String,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
struct UseArgs {
    /// The source's name.
    name: String,
    /// The hash of the records, or its beginning, as `list` prints it.
    hash: String,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &SourceArgs) -> anyhow::Result<()> {
    match &args.action {
        Action::Hold(args) => hold(args),
        Action::Release(args) => release(args),
        Action::Drop(args) => forget(args),
        Action::Use(args) => use_entry(args),
        Action::List(args) => list(args),
    }
}

fn hold(args: &HoldArgs) -> anyhow::Result<()> {
    let note = note(args.actor.as_deref(), &args.reason);
    let hold = Hold { actor: note.actor, reason: note.reason, since: note.created_at };
    let (_, track) = args.store.track()?;
    let head = track.head()?;
    let source = Cache::open(&args.cache.cache)?.source(&args.name)?;
    source.hold(&hold, &Ancestors::of(&track, head.as_ref()))?;
    outln!("source {} is held: compiles take its last good records", args.name);
    Ok(())
}

fn release(args: &ReleaseArgs) -> anyhow::Result<()> {
    Cache::open(&args.cache.cache)?.source(&args.name)?.release()?;
    outln!("source {} is released: the next compile reads it", args.name);
    Ok(())
}

fn forget(args: &DropArgs) -> anyhow::Result<()> {
    let (_, track) = args.store.track()?;
    let cache = Cache::open(&args.cache.cache)?;
    let lock = cache.lock()?;
    let head = track.head()?;
    cache.settle(&lock, &Ancestors::of(&track, head.as_ref()))?;
    let pending = cache.source(&args.name)?.forget_pending()?;
    let read_at = pending.entry.read_at;
    outln!("what source {} said at {read_at} is forgotten: the next compile reads it", args.name);
    Ok(())
}

fn use_entry(args: &UseArgs) -> anyhow::Result<()> {
    let (_, track) = args.store.track()?;
    let cache = Cache::open(&args.cache.cache)?;
    let lock = cache.lock()?;
    let head = track.head()?;
    let catalog = head.as_ref().and_then(catalog_of).with_context(|| {
        let store = args.store.store.display();
        format!("expected a store with a catalog, found none in {store}")
    })?;
    cache.settle(&lock, &Ancestors::of(&track, head.as_ref()))?;
    let entry = cache.source(&args.name)?.use_entry(&args.hash, &catalog)?;
    outln!("the last good records of source {} are those read at {}", args.name, entry.read_at);
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let (_, track) = args.store.track()?;
    let head = track.head()?;
    let store = Ancestors::of(&track, head.as_ref());
    for source in Cache::open(&args.cache.cache)?.sources()? {
        let Known { pointer, pending, .. } = source.known(&store)?;
        let name = source.name();
        if let Some(pointer) = &pointer {
            outln!("{name:<20} {}", shown(&pointer.current));
            for input in &pointer.current.inputs {
                outln!("  from {}={}", input.format, input.path.display());
            }
            pointer.earlier.iter().rev().for_each(|entry| outln!("  before: {}", shown(entry)));
        } else if pending.is_some() {
            outln!("{name:<20} not published yet");
        }
        if let Some(pending) = &pending {
            outln!("  waits for a publish: {}", shown(&pending.entry));
        }
        if let Some(Hold { actor, reason, since }) = source.held()? {
            outln!("  held since {since} by {actor}: {reason}");
        }
    }
    Ok(())
}

fn shown(entry: &Entry) -> String {
    let Entry { record_count, read_at, .. } = entry;
    let hash = entry.records.to_string();
    let hash = hash.get(..HASH_DIGITS).unwrap_or(&hash);
    format!("{:<8} {record_count:>10} records {hash}, read at {read_at}", entry.mode.0.code())
}

/// Digits that tell a few records apart.
const HASH_DIGITS: usize = 12;
