//! `kindred gc`: deletes the blobs of a store that no snapshot needs which could go live again.

use std::{num::NonZeroUsize, time::Duration};

use clap::Args;

use super::{StoreArgs, out::outln};
use crate::store::{Collected, Gone, Kept, Removal, Retention, Store};

const DEFAULT_CONTENTS: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

#[derive(Debug, Args)]
pub(super) struct GcArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Keep the blobs of the last so many different contents of each track, and of as many to fall
    /// back to, beside what is live, newest or held.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_CONTENTS)]
    keep: NonZeroUsize,
    /// Keep what was written or published within so many hours. A compile that takes longer than this
    /// loses what it wrote, and is refused.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    keep_hours: u32,
    /// Only say what would be deleted.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &GcArgs) -> anyhow::Result<()> {
    let store = Store::open(&args.store.store)?;
    let age = Duration::from_secs(3_600 * u64::from(args.keep_hours));
    let retention = Retention { contents: args.keep, age };
    let removal = if args.dry_run { Removal::Planned } else { Removal::Done };
    let Collected { blobs, temps, kept } = store.collect(&retention, removal)?;
    let did = if args.dry_run { "would delete" } else { "deleted" };
    for Gone { path, size_bytes } in blobs.iter().chain(&temps) {
        outln!("{did} {} ({size_bytes} bytes)", path.display());
    }
    let total = |gone: &[Gone]| gone.iter().map(|gone| gone.size_bytes).sum::<u64>();
    outln!("{did} {}", counted("blob", blobs.len(), total(&blobs)));
    outln!("{did} {}", counted("temporary file", temps.len(), total(&temps)));
    for (reason, (count, bytes)) in kept {
        outln!("kept {}: {}", counted("blob", count, bytes), why(reason));
    }
    Ok(())
}

fn counted(noun: &str, count: usize, bytes: u64) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}, {bytes} bytes")
}

const fn why(reason: Kept) -> &'static str {
    match reason {
        Kept::Live => "live",
        Kept::Newest => "of the newest manifest",
        Kept::Fallback => "to fall back to, or to roll back to",
        Kept::Recent => "of the last contents (--keep)",
        Kept::Young => "younger than --keep-hours",
    }
}
