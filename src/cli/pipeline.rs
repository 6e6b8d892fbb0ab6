//! The way from tables to a published snapshot, as `compile` and `demo` walk it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, bail};

use super::{
    EXIT_FINDINGS, EXIT_REFUSED, Failure,
    documents::{Given, warn_unbound},
    from::{self, Input, NamedPart},
};
use crate::{
    compile::{self, Output, Report, Shrinkage},
    graph::{Graph, GraphBuilder, MemoryRuns, MemoryStore},
    index::{Catalog, Dropped, Provenance, Role, UnverifiedBlob},
    model::{
        config::{CatalogConfig, OVERRIDES_FILE_NAME, POLICY_FILE_NAME},
        finding::Severity,
        id::IdRule,
    },
    sources::{Encoding, catalog_toml},
    store::{
        BlobRef, Error as StoreError, GuardRefusal, MAIN_TRACK, Manifest, Note, Publish, Published,
        StagedBlob, Store,
    },
};

/// The largest share by which products or relations of a type may shrink without a word.
const SHRINK_SHARE_MAX: f64 = 0.2;

/// What to compile, and how.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) inputs: Vec<Input>,
    pub(super) encoding: Encoding,
    /// What joins the items of a list, where that is not as the format has it.
    pub(super) separator: Option<char>,
    pub(super) catalog: Option<PathBuf>,
    pub(super) policy: Option<PathBuf>,
    pub(super) overrides: Option<PathBuf>,
    pub(super) store: PathBuf,
    pub(super) strict: bool,
    pub(super) allow_shrink: bool,
    pub(super) over_rollback: bool,
    pub(super) note: Note,
}

/// How long each step took.
#[derive(Default)]
struct Steps(BTreeMap<&'static str, f64>);

impl Steps {
    fn time<T>(&mut self, step: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        *self.0.entry(step).or_default() += start.elapsed().as_secs_f64();
        done
    }
}

/// Compiles and publishes. `show` gets the report as soon as it is complete or the run is refused.
pub(super) fn run(job: &Job, show: &mut dyn FnMut(&Report)) -> anyhow::Result<Published> {
    let start = Instant::now();
    let mut steps = Steps::default();
    let store = Store::create(&job.store)?;
    let track = store.track(MAIN_TRACK)?;
    let head = track.head()?;
    let since = head.as_ref().map_or(0, |head| head.number);
    let given = given(job)?;
    let graph = read(job, &mut steps)?;
    let mut report = Report::new(&graph);
    let finish = |report: &mut Report, steps: Steps, show: &mut dyn FnMut(&Report)| {
        report.seconds = start.elapsed().as_secs_f64();
        report.steps = steps.0;
        report.peak_memory_bytes = peak_memory_bytes();
        show(report);
    };
    if job.strict && graph.findings.worst() >= Some(Severity::Warning) {
        finish(&mut report, steps, show);
        let message = "findings under --strict; nothing was published".to_owned();
        return Err(Failure { code: EXIT_FINDINGS, message }.into());
    }
    let (mut blobs, catalog) = write(&store, &graph, &mut steps)?;
    drop(graph);
    report.catalog_bytes = catalog.blob().size_bytes();
    let unbound = given.check(&catalog)?;
    warn_unbound(&unbound);
    if job.strict && !unbound.is_empty() {
        finish(&mut report, steps, show);
        let message = "unknown names under --strict; nothing was published".to_owned();
        return Err(Failure { code: EXIT_FINDINGS, message }.into());
    }
    blobs.extend(given.stage(&store, head.as_ref())?);
    let guard = |found: Option<&Manifest>| {
        given.check_unmoved(head.as_ref(), found)?;
        if job.allow_shrink { Ok(()) } else { check_shrinkage(&store, found, &catalog) }
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
            report.snapshot_id = manifest.snapshot_id.to_string();
            report.manifest = manifest.number;
            finish(&mut report, steps, show);
            Ok(published)
        }
        Err(error) => {
            finish(&mut report, steps, show);
            let message = error.to_string();
            if matches!(error, StoreError::Refused { .. } | StoreError::Overtaken { .. }) {
                return Err(Failure { code: EXIT_REFUSED, message }.into());
            }
            Err(error.into())
        }
    }
}

fn read(job: &Job, steps: &mut Steps) -> anyhow::Result<Graph<MemoryRuns>> {
    let mut sources = steps.time("detect", || from::resolve(&job.inputs, job.encoding))?;
    if let Some(separator) = job.separator {
        for source in &mut sources {
            source.part.separate_by(separator);
        }
    }
    let mut builder = GraphBuilder::new(config(job, &sources)?, MemoryStore::default());
    steps.time("read", || {
        for source in &sources {
            builder.begin_source(&source.name);
            source.part.read(&mut builder)?;
        }
        anyhow::Ok(())
    })?;
    Ok(steps.time("graph", || builder.finish())?)
}

/// The policy and the overrides to publish along: those named, else those beside the tables.
fn given(job: &Job) -> anyhow::Result<Given> {
    let beside = |name| beside(job, name);
    let policy = job.policy.clone().map_or_else(|| beside(POLICY_FILE_NAME), |path| Ok(Some(path)));
    let overrides =
        job.overrides.clone().map_or_else(|| beside(OVERRIDES_FILE_NAME), |path| Ok(Some(path)));
    Given::load(policy?.as_deref(), overrides?.as_deref())
}

/// The only file of this name beside the tables.
fn beside(job: &Job, name: &str) -> anyhow::Result<Option<PathBuf>> {
    let paths = job.inputs.iter().map(|input| input.path.join(name)).filter(|path| path.is_file());
    match paths.collect::<Vec<_>>().as_slice() {
        [] => Ok(None),
        [path] => Ok(Some(path.clone())),
        [first, second, ..] => {
            let (first, second) = (first.display(), second.display());
            bail!("both {first} and {second} lie beside tables; name one by an option")
        }
    }
}

/// The declarations: those of `--catalog`, else those beside the tables, else the defaults.
fn config(job: &Job, sources: &[NamedPart]) -> anyhow::Result<CatalogConfig> {
    let config = declared(job, sources)?;
    for declared in &config.sources {
        if sources.iter().all(|source| source.name != declared.name) {
            let name = &declared.name;
            eprintln!("warning: catalog.toml sets up source {name:?}, which no --from names");
        }
    }
    Ok(config)
}

fn declared(job: &Job, sources: &[NamedPart]) -> anyhow::Result<CatalogConfig> {
    if let Some(path) = &job.catalog {
        return Ok(catalog_toml::load(path)?);
    }
    let beside = job.inputs.iter().filter_map(|input| catalog_toml::beside(&input.path));
    match beside.collect::<Vec<_>>().as_slice() {
        [] => {
            let is_folded = |source: &NamedPart| source.part.format().id_rule == IdRule::CaseFolded;
            let folds = sources.iter().all(is_folded);
            let id_rule = if folds { IdRule::CaseFolded } else { IdRule::Exact };
            Ok(CatalogConfig { id_rule, ..CatalogConfig::default() })
        }
        [path] => Ok(catalog_toml::load(path)?),
        [first, second, ..] => bail!(
            "both {} and {} declare the catalog; name one by --catalog",
            first.display(),
            second.display()
        ),
    }
}

/// Writes every blob, verifies each as a server would, and brings them into the store.
fn write(
    store: &Store,
    graph: &Graph<MemoryRuns>,
    steps: &mut Steps,
) -> anyhow::Result<(Vec<BlobRef>, Catalog)> {
    let staged = [Role::Catalog, Role::Provenance, Role::Dropped].map(|role| store.stage(role));
    let [staged_catalog, staged_provenance, staged_dropped] = staged;
    let (staged_catalog, staged_provenance) = (staged_catalog?, staged_provenance?);
    let staged_dropped = staged_dropped?;
    let pending = steps.time("write", || {
        let pending =
            compile::write_catalog(graph, output(&staged_catalog)?, output(&staged_provenance)?)?;
        compile::write_dropped_relations(graph, output(&staged_dropped)?)?;
        anyhow::Ok(pending)
    })?;
    steps.time("verify", || {
        let catalog = Catalog::open(staged_catalog.path(), None)?;
        let catalog_hash = catalog.blob().hash();
        pending.finish(catalog_hash)?;
        let provenance = UnverifiedBlob::open(staged_provenance.path())?.verify(None)?;
        let (provenance_hash, provenance_len) = (provenance.hash(), provenance.size_bytes());
        drop(Provenance::from_blob(provenance, &catalog.view(), catalog_hash)?);
        let dropped = UnverifiedBlob::open(staged_dropped.path())?.verify(None)?;
        let (dropped_hash, dropped_len) = (dropped.hash(), dropped.size_bytes());
        drop(Dropped::from_blob(dropped)?);
        let blobs = vec![
            staged_catalog.commit(catalog_hash, catalog.blob().size_bytes())?,
            staged_provenance.commit(provenance_hash, provenance_len)?,
            staged_dropped.commit(dropped_hash, dropped_len)?,
        ];
        Ok((blobs, catalog))
    })
}

fn output(staged: &StagedBlob) -> anyhow::Result<Output<'_>> {
    let file = staged.file().try_clone().context("cannot share a file handle")?;
    Ok(Output { file, path: staged.path() })
}

/// Refuses a catalog that lost more than a fifth of its products or of the relations of a type.
fn check_shrinkage(
    store: &Store,
    head: Option<&Manifest>,
    catalog: &Catalog,
) -> Result<(), GuardRefusal> {
    let Some(blob) = head.and_then(|head| head.blob(Role::Catalog)) else {
        return Ok(());
    };
    if blob.hash == catalog.blob().hash() {
        return Ok(());
    }
    let before = Catalog::open(&store.blob_path(blob), Some(blob.hash)).map_err(|error| {
        let hint = "publish with --allow-shrink if the new catalog is right";
        GuardRefusal(format!("the catalog before cannot be compared ({error}); {hint}"))
    })?;
    let shrunk = compile::shrinkage(&before.view(), &catalog.view(), SHRINK_SHARE_MAX);
    if shrunk.is_empty() {
        return Ok(());
    }
    let name = |one: &Shrinkage| format!("{} from {} to {}", one.what, one.before, one.after);
    let all = shrunk.iter().map(name).collect::<Vec<_>>().join(", ");
    Err(GuardRefusal(format!(
        "shrinks by more than 20 %: {all}; look at the sources, or publish with --allow-shrink"
    )))
}

/// Largest resident memory of this process so far.
fn peak_memory_bytes() -> u64 {
    let status = fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
