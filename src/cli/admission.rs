//! What `kindred serve` asks of a snapshot before it is live, and who decides over the ones that are.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use tracing::info;

use super::guards::{Allow, Guarded};
use crate::{
    index::Loading,
    model::{guard::GuardLimits, limits::GOLDEN_BYTES_MAX},
    service::{Golden, Health, ReleaseGuard, SnapshotNews, SnapshotParts, Snapshots},
    snapshot::{Check, Gate, Live, Quarantine, Snapshot, Trials},
    store::{Manifest, Store, Track},
};

/// What a snapshot must pass.
#[derive(Clone, Debug, Args)]
pub(super) struct AdmissionArgs {
    /// Lookups that each snapshot must answer as this file says before it goes live: one JSON object a
    /// line, a `request` with `expect` or `at_least`.
    #[arg(long, env = "KINDRED_GOLDEN", value_name = "FILE")]
    golden: Option<PathBuf>,
    /// A snapshot that was live for so many seconds has passed. One that ended two starts before that is
    /// quarantined, and the one before serves; `kindred quarantine` lifts. 0 keeps no count.
    #[arg(
        long,
        env = "KINDRED_TRIAL_SECONDS",
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(..=86_400)
    )]
    trial_seconds: u64,
}

impl AdmissionArgs {
    /// The gate before what is live. Reads what the process before left behind in the state directory.
    pub(super) fn gate(&self, state_dir: &Path) -> anyhow::Result<Gate> {
        let trials = match self.trial_seconds {
            0 => Trials::default(),
            seconds => Trials::open(state_dir, Duration::from_secs(seconds)),
        };
        Ok(Gate { check: self.golden.as_deref().map(golden).transpose()?, trials })
    }
}

/// The check that a file of golden lookups makes.
fn golden(path: &Path) -> anyhow::Result<Check> {
    let shown = path.display();
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("{shown}: cannot be read"))?;
    file.take(GOLDEN_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("{shown}: cannot be read"))?;
    if text.len() as u64 > GOLDEN_BYTES_MAX {
        bail!("{shown}: expected at most {GOLDEN_BYTES_MAX} bytes, found more");
    }
    let golden = Golden::parse(&shown.to_string(), &text)?;
    info!(path = %shown, lookups = golden.len(), "Golden lookups are asked of each snapshot.");
    Ok(Arc::new(move |snapshot: &Arc<Snapshot>| golden.check(snapshot)))
}

/// The service over the store that is followed.
pub(super) fn snapshots(
    (store, track, live): (&Store, &Track, &Live),
    state_dir: &Path,
    gate: &Gate,
    health: &Health,
    news: &SnapshotNews,
    loading: Loading,
) -> Snapshots {
    let guarded = store.clone();
    let release_guard: ReleaseGuard = Arc::new(move |live: &Manifest, waiting: &Manifest| {
        let allow = Allow::default();
        Guarded::now(&guarded, GuardLimits::DEFAULT, &allow).check_release(live, waiting)
    });
    Snapshots::new(SnapshotParts {
        store: store.clone(),
        track: track.clone(),
        live: Live::clone(live),
        news: news.clone(),
        health: health.clone(),
        quarantine: Quarantine::of(state_dir),
        loading,
        gate: gate.clone(),
        release_guard,
    })
}
