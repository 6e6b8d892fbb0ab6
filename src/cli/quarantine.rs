//! `kindred quarantine`: what a server does not take any more, and how it takes it again.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;

use super::out::outln;
use crate::{
    snapshot::{Quarantine, Quarantined},
    store::SnapshotId,
};

#[derive(Debug, Args)]
pub(super) struct QuarantineArgs {
    /// The state directory of the server, which may be running.
    #[arg(long, env = "KINDRED_STATE", value_name = "DIR")]
    state: PathBuf,
    /// Let this snapshot be taken again. It has two starts then.
    #[arg(long, value_name = "SNAPSHOT")]
    lift: Option<SnapshotId>,
}

pub(super) fn run(args: &QuarantineArgs) -> anyhow::Result<()> {
    let dir = args.state.display();
    if !args.state.is_dir() {
        bail!("expected the state directory of a server, found no directory {dir}");
    }
    let quarantine = Quarantine::of(&args.state);
    if let Some(id) = args.lift {
        let lifted = quarantine.lift(id).with_context(|| format!("cannot change {dir}"))?;
        if !lifted {
            bail!("expected a quarantined snapshot, found that {id} is none in {dir}");
        }
        outln!("snapshot {id} may be taken again; a running server does so at its next look");
        return Ok(());
    }
    let all = quarantine.list().with_context(|| format!("cannot read {dir}"))?;
    if all.is_empty() {
        outln!("no snapshot is quarantined");
    }
    for Quarantined { snapshot_id, since } in all {
        let since = Timestamp::try_from(since).context("the clock of the disk is out of range")?;
        outln!("{snapshot_id}  since {since:.0}");
    }
    Ok(())
}
