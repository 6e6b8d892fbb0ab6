//! The way from tables to a published snapshot, as `compile` and `demo` walk it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, bail};
use tracing::info;

use super::{
    EXIT_FINDINGS, EXIT_REFUSED, Failure, causes,
    documents::{Given, warn_unbound},
    exit_code,
    from::{NamedInput, Place},
    guards::Guarded,
    inputs::InputArgs,
    progress::Pace,
    reading::{self, Ancestors, LockedCache, Reading, Sources},
};
use crate::{
    compile::{self, Output, PendingProvenance, Report},
    graph::{FileRuns, Graph},
    index::{Catalog, Dropped, Provenance, Role, UnverifiedBlob},
    model::{
        config::{CatalogConfig, OVERRIDES_FILE_NAME, POLICY_FILE_NAME},
        finding::Severity,
        id::IdRule,
    },
    sources::catalog_toml,
    store::{
        BlobRef, Error as StoreError, MAIN_TRACK, Manifest, Note, Publish, Published, StagedBlob,
        Store,
    },
};

/// What to compile, and how.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) input: InputArgs,
    pub(super) policy: Option<PathBuf>,
    pub(super) overrides: Option<PathBuf>,
    pub(super) store: PathBuf,
    pub(super) over_rollback: bool,
    pub(super) note: Note,
    pub(super) purpose: Purpose,
}

/// What is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be published, and kept in the cache.
    Publish,
    /// To be looked at: the cache stays as it is.
    Check,
}

/// How long each step took.
#[derive(Default)]
pub(super) struct Steps {
    seconds: BTreeMap<&'static str, f64>,
    /// Is each said when it begins?
    pub(super) pace: Pace,
}

impl Steps {
    pub(super) fn time<T>(&mut self, step: &'static str, work: impl FnOnce() -> T) -> T {
        self.pace.say(step);
        let start = Instant::now();
        let done = work();
        *self.seconds.entry(step).or_default() += start.elapsed().as_secs_f64();
        done
    }
}

/// Compiles and publishes. `show` gets the report as soon as it is complete or the run is refused.
pub(super) fn run(job: &Job, show: &mut dyn FnMut(&Report)) -> anyhow::Result<Published> {
    let (published, sources) = publish(job, show).map_err(|error| {
        let waiting = reading::waiting(job, &error);
        if waiting.is_empty() {
            return error;
        }
        let message = format!("{}\n{}", causes(&error), waiting.join("\n"));
        anyhow::Error::from(Failure { code: exit_code(&error), message })
    })?;
    let (Published::Written(manifest) | Published::Unchanged(manifest)) = &published;
    // A failure from here on takes nothing back: what is published waits no more.
    sources.keep(manifest)?;
    Ok(published)
}

fn publish(job: &Job, show: &mut dyn FnMut(&Report)) -> anyhow::Result<(Published, Sources)> {
    let start = Instant::now();
    let mut steps = Steps::default();
    let store = Store::create(&job.store)?;
    let track = store.track(MAIN_TRACK)?;
    let cache = reading::lock(job)?;
    let head = track.head()?;
    let since = head.as_ref().map_or(0, |head| head.number);
    let ancestors = Ancestors::of(&track, head.as_ref());
    let (given, graph, mut sources) = read(job, cache, &ancestors, &mut steps)?;
    let mut report = Report::new(&graph);
    report.sources = sources.reports();
    let finish = |report: &mut Report, steps: Steps, show: &mut dyn FnMut(&Report)| {
        report.seconds = start.elapsed().as_secs_f64();
        report.steps = steps.seconds;
        report.peak_memory_bytes = peak_memory_bytes();
        show(report);
    };
    if job.input.strict && graph.findings.worst() >= Some(Severity::Warning) {
        finish(&mut report, steps, show);
        let message = "findings under --strict; nothing was published".to_owned();
        return Err(Failure { code: EXIT_FINDINGS, message }.into());
    }
    let (limits, staged) = (graph.config.guards, write(&store, &graph, &mut steps)?);
    drop(graph);
    let Written { mut blobs, catalog, provenance } = staged.verify(&mut steps)?;
    report.catalog_bytes = catalog.blob().size_bytes();
    let unbound = given.check(&catalog)?;
    warn_unbound(&unbound);
    warn_unbound(&given.unbound_of_kept(&store, head.as_ref(), &catalog)?);
    if job.input.strict && !unbound.is_empty() {
        finish(&mut report, steps, show);
        let message = "unknown names under --strict; nothing was published".to_owned();
        return Err(Failure { code: EXIT_FINDINGS, message }.into());
    }
    sources.wait(&catalog.blob().hash().to_string())?;
    blobs.extend(given.stage(&store, head.as_ref())?);
    let guard = |found: Option<&Manifest>| {
        given.check_unmoved(head.as_ref(), found)?;
        let guarded = Guarded::now(&store, limits, &job.input.allow);
        given.check_overrides(&guarded, found)?;
        guarded.check(found, &catalog, &provenance)
    };
    let published = steps.time("publish", || {
        track.publish(&Publish {
            blobs: &blobs,
            guard: &guard,
            since: Some(since),
            over_rollback: job.over_rollback,
            note: job.note.clone(),
        })
    });
    match published {
        Ok(published) => {
            let (Published::Written(manifest) | Published::Unchanged(manifest)) = &published;
            info!(snapshot_id = %manifest.snapshot_id, number = manifest.number, "Snapshot is published.");
            report.snapshot_id = manifest.snapshot_id.to_string();
            report.manifest = manifest.number;
            finish(&mut report, steps, show);
            Ok((published, sources))
        }
        Err(error) => {
            finish(&mut report, steps, show);
            let message = error.to_string();
            if matches!(error, StoreError::Refused { .. } | StoreError::Overtaken { .. }) {
                sources.give_up();
                return Err(Failure { code: EXIT_REFUSED, message }.into());
            }
            Err(error.into())
        }
    }
}

/// Reads what there is; `store` is the one that it is held against. Where the run has failed before
/// anything is read, the sources that send deltas are read all the same, for nobody sends them twice.
pub(super) fn read(
    job: &Job,
    cache: LockedCache,
    store: &Ancestors<'_>,
    steps: &mut Steps,
) -> anyhow::Result<(Given, Graph<FileRuns>, Sources)> {
    let reading = Reading::open(job, cache, store, steps)?;
    let config = config(job, &reading)?;
    let given = given(job, &reading.inputs);
    reading.read(job, &config, store, given, steps)
}

/// The policy and the overrides to publish along: those named, else those beside the tables.
fn given(job: &Job, inputs: &[NamedInput]) -> anyhow::Result<Given> {
    let beside = |name| beside(inputs, name);
    let policy = job.policy.clone().map_or_else(|| beside(POLICY_FILE_NAME), |path| Ok(Some(path)));
    let overrides =
        job.overrides.clone().map_or_else(|| beside(OVERRIDES_FILE_NAME), |path| Ok(Some(path)));
    Given::load(policy?.as_deref(), overrides?.as_deref())
}

/// The only file of this name beside the tables.
fn beside(inputs: &[NamedInput], name: &str) -> anyhow::Result<Option<PathBuf>> {
    let paths = inputs.iter().map(|input| input.path.join(name)).filter(|path| path.is_file());
    let paths = paths.collect::<BTreeSet<_>>();
    let mut paths = paths.into_iter();
    match (paths.next(), paths.next()) {
        (Some(first), Some(second)) => {
            let (first, second) = (first.display(), second.display());
            bail!("both {first} and {second} lie beside tables; name one by an option")
        }
        (first, _) => Ok(first),
    }
}

/// The declarations: those of `--catalog`, else those beside the tables, else the defaults.
fn config(job: &Job, reading: &Reading) -> anyhow::Result<CatalogConfig> {
    let config = declared(job, &reading.places)?;
    for declared in &config.sources {
        let is_named = reading.inputs.iter().any(|input| input.name == declared.name);
        if !is_named && !reading.is_short() {
            let name = &declared.name;
            eprintln!("warning: catalog.toml sets up source {name:?}, which no --from names");
        }
    }
    Ok(config)
}

fn declared(job: &Job, places: &[Place]) -> anyhow::Result<CatalogConfig> {
    let unsaid = || id_rule(places);
    if let Some(path) = &job.input.catalog {
        return Ok(catalog_toml::load(path, &unsaid)?);
    }
    let beside = places.iter().filter_map(|place| catalog_toml::beside(&place.path));
    let beside = beside.collect::<BTreeSet<_>>();
    let mut beside = beside.iter();
    match (beside.next(), beside.next()) {
        (None, _) => Ok(CatalogConfig { id_rule: unsaid(), ..CatalogConfig::default() }),
        (Some(path), None) => Ok(catalog_toml::load(path, &unsaid)?),
        (Some(first), Some(second)) => bail!(
            "both {} and {} declare the catalog; name one by --catalog",
            first.display(),
            second.display()
        ),
    }
}

/// How ids compare where nobody says it: without case if one of the systems does so. Its links would
/// dangle otherwise, while two ids of another system that differ in case only are reported.
fn id_rule(places: &[Place]) -> IdRule {
    let known = places.iter().filter_map(|place| Some((&place.name, place.format?.id_rule)));
    let mut folding = known.clone().filter(|(_, rule)| *rule == IdRule::CaseFolded);
    let does_each_fold = folding.clone().count() == known.count();
    let Some((name, _)) = folding.next() else { return IdRule::Exact };
    if !does_each_fold {
        eprintln!(
            "warning: source {name:?} compares ids without case, so those of all sources are \
             compared so; say id_rule in catalog.toml"
        );
    }
    IdRule::CaseFolded
}

/// Blobs in the store, and two of them as a server would open them.
pub(super) struct Written {
    pub(super) blobs: Vec<BlobRef>,
    pub(super) catalog: Catalog,
    pub(super) provenance: Provenance,
}

/// Blobs that were written and not yet looked at.
pub(super) struct Staged {
    catalog: StagedBlob,
    provenance: StagedBlob,
    dropped: StagedBlob,
    pending: PendingProvenance,
}

/// Writes every blob.
pub(super) fn write(
    store: &Store,
    graph: &Graph<FileRuns>,
    steps: &mut Steps,
) -> anyhow::Result<Staged> {
    let [catalog, provenance, dropped] =
        [Role::Catalog, Role::Provenance, Role::Dropped].map(|role| store.stage(role));
    let (catalog, provenance, dropped) = (catalog?, provenance?, dropped?);
    let pending = steps.time("write", || {
        let pending = compile::write_catalog(graph, output(&catalog)?, output(&provenance)?)?;
        compile::write_dropped_relations(graph, output(&dropped)?)?;
        anyhow::Ok(pending)
    })?;
    Ok(Staged { catalog, provenance, dropped, pending })
}

impl Staged {
    /// Verifies each blob as a server would, and brings them into the store. Who has no more use for
    /// the graph has given it up: graph and blobs at once need the memory of both.
    pub(super) fn verify(self, steps: &mut Steps) -> anyhow::Result<Written> {
        let Self { catalog: staged_catalog, provenance: staged_provenance, .. } = self;
        let (staged_dropped, pending) = (self.dropped, self.pending);
        steps.time("verify", || {
            let catalog = Catalog::open(staged_catalog.path(), None)?;
            let catalog_hash = catalog.blob().hash();
            pending.finish(catalog_hash)?;
            let provenance = UnverifiedBlob::open(staged_provenance.path())?.verify(None)?;
            let (provenance_hash, provenance_len) = (provenance.hash(), provenance.size_bytes());
            let provenance = Provenance::from_blob(provenance, &catalog.view(), catalog_hash)?;
            let dropped = UnverifiedBlob::open(staged_dropped.path())?.verify(None)?;
            let (dropped_hash, dropped_len) = (dropped.hash(), dropped.size_bytes());
            drop(Dropped::from_blob(dropped)?);
            let blobs = vec![
                staged_catalog.commit(catalog_hash, catalog.blob().size_bytes())?,
                staged_provenance.commit(provenance_hash, provenance_len)?,
                staged_dropped.commit(dropped_hash, dropped_len)?,
            ];
            Ok(Written { blobs, catalog, provenance })
        })
    }
}

fn output(staged: &StagedBlob) -> anyhow::Result<Output<'_>> {
    let file = staged.file().try_clone().context("cannot share a file handle")?;
    Ok(Output { file, path: staged.path() })
}

/// Largest resident memory of this process so far.
fn peak_memory_bytes() -> u64 {
    let status = fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
