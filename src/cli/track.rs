//! `kindred history`, `rollback`, `hold`, `release` and `diff`.

use anyhow::Context as _;
use clap::Args;

use super::{StoreArgs, current, documents::refused, guards::GuardArgs, note, out::outln};
use crate::{
    compile::{self, TypeDiff},
    index::{Catalog, Role},
    snapshot::Snapshot,
    store::{Kind, Manifest, Published, Rollback, SnapshotId, Store},
};

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Show at most this many.
    #[arg(long, default_value_t = 20)]
    max: usize,
}

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    #[command(flatten)]
    note: NoteArgs,
    /// Back to the content of this manifest; else to what was live before.
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    /// Take back these roles only (`catalog`, `policy`, `overrides`).
    #[arg(long, value_name = "ROLE", num_args = 1.., value_parser = role)]
    roles: Vec<Role>,
    /// Only if this snapshot is live: two operators cannot roll back twice.
    #[arg(long, value_name = "SNAPSHOT")]
    expect: Option<SnapshotId>,
}

/// Who acts, and why.
#[derive(Debug, Args)]
pub(super) struct NoteArgs {
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Why, for the history.
    #[arg(long, default_value = "")]
    pub(super) reason: String,
    /// Who; else `$USER`.
    #[arg(long)]
    pub(super) actor: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    guards: GuardArgs,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The manifest to compare from; else what was live before.
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,
    /// The manifest to compare to; else what is live.
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn role(text: &str) -> Result<Role, String> {
    Role::from_code(text)
        .filter(|role| role.shapes_answers())
        .ok_or_else(|| format!("expected catalog, policy or overrides, found {text:?}"))
}

pub(super) fn history(args: &HistoryArgs) -> anyhow::Result<()> {
    let (_, track) = args.store.track()?;
    let head = track.head()?;
    outln!("{:>8}  {:<9} {:<32} {:<20} actor, reason", "manifest", "kind", "snapshot", "when");
    for manifest in track.history().take(args.max) {
        let manifest = manifest?;
        let live = head.as_ref().is_some_and(|head| head.active == manifest.number);
        let Manifest { number, snapshot_id, note, .. } = &manifest;
        let kind = match &manifest.kind {
            Kind::Rollback { to, .. } => format!("back to {to}"),
            kind @ (Kind::Publish | Kind::Hold | Kind::Release) => kind.code().to_owned(),
        };
        let mark = if live { "*" } else { "" };
        let when = note.created_at.split('.').next().unwrap_or_default();
        let (actor, reason) = (&note.actor, &note.reason);
        outln!("{mark:>1}{number:>7}  {kind:<9} {snapshot_id} {when:<20} {actor}: {reason}");
    }
    match head {
        Some(head) if head.held => outln!("* is live; a hold stands"),
        Some(_) => outln!("* is live"),
        None => outln!("nothing was published yet"),
    }
    Ok(())
}

pub(super) fn rollback(args: &RollbackArgs) -> anyhow::Result<()> {
    let (store, track) = args.note.store.track()?;
    // What it goes back to must load, or the next server to start would serve nothing.
    let mut to = args.to;
    let mut expected_active = args.expect;
    if to.is_none() && args.roles.is_empty() {
        let live = current(&track, &args.note.store.store)?;
        to = track.fallbacks(&live).next().transpose()?.map(|earlier| earlier.number);
        expected_active = expected_active.or(Some(live.snapshot_id));
    }
    if let Some(number) = to {
        check_loads(&store, &track.read(number)?)?;
    }
    let manifest = track.rollback(&Rollback {
        to,
        roles: &args.roles,
        expected_active,
        note: note(args.note.actor.as_deref(), &args.note.reason),
    })?;
    print_live(&manifest, &manifest);
    Ok(())
}

pub(super) fn hold(args: &NoteArgs) -> anyhow::Result<()> {
    let (_, track) = args.store.track()?;
    let manifest = track.hold(&note(args.actor.as_deref(), &args.reason))?;
    print_live(&manifest, &current(&track, &args.store.store)?);
    Ok(())
}

pub(super) fn release(args: &ReleaseArgs) -> anyhow::Result<()> {
    let ReleaseArgs { note: NoteArgs { store: dir, reason, actor }, guards } = args;
    let (store, track) = dir.track()?;
    if let Some(head) = track.head()?.filter(|head| head.held) {
        check_loads(&store, &head)?;
    }
    let guarded = guards.of(&store)?;
    let guard = |live: &Manifest, waiting: &Manifest| guarded.check_release(live, waiting);
    let released = track.release(&guard, &note(actor.as_deref(), reason));
    let manifest = refused(released.map(Published::Written))?.into_manifest();
    print_live(&manifest, &current(&track, &dir.store)?);
    Ok(())
}

fn check_loads(store: &Store, manifest: &Manifest) -> anyhow::Result<()> {
    let number = manifest.number;
    let loaded = Snapshot::load(store, manifest);
    loaded.map(drop).with_context(|| format!("manifest {number} cannot go live; nothing changed"))
}

fn print_live(written: &Manifest, live: &Manifest) {
    let (number, kind) = (written.number, written.kind.code());
    outln!("wrote manifest {number} ({kind}); live is snapshot {}", live.snapshot_id);
}

pub(super) fn diff(args: &DiffArgs) -> anyhow::Result<()> {
    let (store, track) = args.store.track()?;
    let to = match args.to {
        Some(number) => track.read(number)?,
        None => current(&track, &args.store.store)?,
    };
    let from = match args.from {
        Some(number) => track.read(number)?,
        None => track
            .fallbacks(&to)
            .next()
            .transpose()?
            .context("there is no earlier snapshot; name two by --from and --to")?,
    };
    let (before, after) = (catalog(&store, &from)?, catalog(&store, &to)?);
    let diff = compile::diff(&before.view(), &after.view());
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&diff)?);
        return Ok(());
    }
    outln!("from {} (manifest {})", from.snapshot_id, from.number);
    outln!("  to {} (manifest {})", to.snapshot_id, to.number);
    outln!("products: {} added, {} removed", diff.products_added, diff.products_removed);
    for (code, one) in &diff.relation_types {
        let TypeDiff { added, removed, reordered, lists, top10_overlap, .. } = one;
        outln!(
            "{code}: {added} added, {removed} removed, {reordered} of {lists} lists reordered, \
             top-10 overlap {top10_overlap:.3}"
        );
        let samples =
            [('+', &one.added_samples), ('-', &one.removed_samples), ('~', &one.reordered_samples)];
        for (mark, samples) in samples {
            samples.iter().for_each(|sample| outln!("  {mark} {sample}"));
        }
    }
    Ok(())
}

fn catalog(store: &Store, manifest: &Manifest) -> anyhow::Result<Catalog> {
    let number = manifest.number;
    let blob = manifest.blob(Role::Catalog);
    let blob = blob.with_context(|| format!("manifest {number} names no catalog"))?;
    Ok(Catalog::open(&store.blob_path(blob), Some(blob.hash))?)
}
