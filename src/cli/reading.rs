//! The sources of a run on their way into the graph, through the cache if there is one.

use std::{iter, num::NonZeroUsize, panic::resume_unwind, thread, time::SystemTime};

use anyhow::{Context as _, bail};
use tracing::warn;

use super::{
    documents::Given,
    from::{self, Kept, NamedInput, Place},
    pipeline::{Job, Purpose, Steps},
    progress::Progress,
};
use crate::{
    compile::SourceReport,
    graph::{FileRuns, FileStore, Graph, GraphBuilder},
    index::Role,
    model::{
        config::{CatalogConfig, Mode},
        record::RecordSink,
    },
    sources::{
        cache::{
            Cache, CacheError, CacheLock, Lineage, SourceCache, SourceInput, State, Taken, Wanted,
        },
        records::{SourceSink, relay},
    },
    store::{Manifest, Track},
};

/// A track as sources in a cache must know it; without one, a store that holds nothing.
#[derive(Debug)]
pub(super) struct Ancestors<'t> {
    track: Option<&'t Track>,
    /// The newest manifest.
    head: Option<&'t Manifest>,
}

impl<'t> Ancestors<'t> {
    /// Of the newest manifest of the track.
    pub(super) fn of(track: &'t Track, head: Option<&'t Manifest>) -> Self {
        Self { track: Some(track), head }
    }

    /// Of a store that is not there.
    pub(super) fn none() -> Self {
        Self { track: None, head: None }
    }
}

/// Walks end at a manifest that cannot be read: what lies below it may have been rolled back.
impl Lineage for Ancestors<'_> {
    fn catalogs(&self) -> Box<dyn Iterator<Item = String> + '_> {
        let (Some(track), Some(head)) = (self.track, self.head) else {
            return Box::new(iter::empty());
        };
        let live = || track.read(head.active).ok();
        let live = iter::once_with(live).flatten();
        let before = track.fallbacks(head).map_while(Result::ok);
        let mut last = None;
        let manifests = iter::once(head.clone()).chain(live).chain(before);
        let catalogs = manifests.filter_map(|manifest| catalog_of(&manifest));
        Box::new(
            catalogs.filter(move |catalog| last.replace(catalog.clone()).as_ref() != Some(catalog)),
        )
    }

    fn writes(&self) -> u64 {
        self.head.map_or(0, |head| head.number)
    }

    fn was_published(&self, catalog: &str, after: u64) -> bool {
        let manifests = self.track.map(Track::history).into_iter().flatten();
        let manifests = manifests.map_while(Result::ok).take_while(|one| one.number > after);
        manifests.filter_map(|one| catalog_of(&one)).any(|published| published == catalog)
    }
}

/// The hash of a manifest's catalog.
pub(super) fn catalog_of(manifest: &Manifest) -> Option<String> {
    manifest.blob(Role::Catalog).map(|blob| blob.hash.to_string())
}

/// The cache of a run, with its lock: no other compile uses it until this one is done.
pub(super) type LockedCache = Option<(Cache, CacheLock)>;

/// Locks the cache of a run, if it has one: before the store is looked at, so that what is good of a
/// source is what the store has, and no other compile publishes in between through this cache.
pub(super) fn lock(job: &Job) -> anyhow::Result<LockedCache> {
    let Some(dir) = &job.input.cache else { return Ok(None) };
    let cache = Cache::open(dir)?;
    let lock = cache.lock()?;
    Ok(Some((cache, lock)))
}

/// What a run will read.
pub(super) struct Reading {
    pub(super) inputs: Vec<NamedInput>,
    /// Every path that is named, found or not.
    pub(super) places: Vec<Place>,
    cache: LockedCache,
    /// Why nothing will come of the run: then only deltas are read, so that they wait.
    failure: Option<anyhow::Error>,
}

/// The sources as they came through the cache; none without one.
#[derive(Default)]
pub(super) struct Sources {
    taken: Vec<Taken>,
    lock: Option<CacheLock>,
}

impl Reading {
    /// Finds what there is to read.
    pub(super) fn open(
        job: &Job,
        cache: LockedCache,
        store: &Ancestors<'_>,
        steps: &mut Steps,
    ) -> anyhow::Result<Self> {
        if let (Some((cache, lock)), Purpose::Publish) = (&cache, job.purpose) {
            cache.settle(lock, store)?;
        }
        let known = cache.as_ref().map(|(cache, _)| Kept { cache, store });
        let from::Resolved { inputs, places, failure } =
            steps.time("detect", || from::resolve(&job.input.from, job.input.encoding, known))?;
        let mut reading = Self { inputs, places, cache, failure: None };
        if let Some(failure) = failure {
            reading.fail(job, failure)?;
        }
        Ok(reading)
    }

    /// Is part of what was named missing?
    pub(super) fn is_short(&self) -> bool {
        self.failure.is_some()
    }

    /// Ends the run, or puts its end off until what would be lost is read.
    fn fail(&mut self, job: &Job, failure: anyhow::Error) -> anyhow::Result<()> {
        if self.cache.is_none() || job.purpose == Purpose::Check {
            return Err(failure);
        }
        self.failure.get_or_insert(failure);
        Ok(())
    }

    /// Reads every source; `store` is the one that they are published to, `given` what is published
    /// along.
    pub(super) fn read(
        mut self,
        job: &Job,
        config: &CatalogConfig,
        store: &Ancestors<'_>,
        given: anyhow::Result<Given>,
        steps: &mut Steps,
    ) -> anyhow::Result<(Given, Graph<FileRuns>, Sources)> {
        let given = given.map(Some).or_else(|error| self.fail(job, error).map(|()| None))?;
        let runs = FileStore::in_dir(&job.store).with_context(|| {
            format!("cannot make a file for the relations in {}", job.store.display())
        })?;
        let runs =
            runs.with_memory(job.input.effort.memory).with_threads(job.input.effort.threads());
        let mut builder = GraphBuilder::new(config.clone(), runs);
        let mut progress = Progress::new(self.inputs.iter().map(|input| input.path.as_path()));
        let is_alone = job.input.effort.threads() == NonZeroUsize::MIN;
        let sources = steps.time("read", || match is_alone {
            true => self.read_sources(job, config, store, &mut builder, &mut progress),
            false => {
                let (mut sink, relayed) = relay();
                let progress = &mut progress;
                thread::scope(|scope| {
                    let read = move || {
                        let sources = self.read_sources(job, config, store, &mut sink, progress);
                        sink.finish();
                        sources
                    };
                    let reading = thread::Builder::new().name("read".to_owned());
                    let reading = reading.spawn_scoped(scope, read)?;
                    let passed = relayed.pass(&mut builder);
                    let sources = reading.join().unwrap_or_else(|panic| resume_unwind(panic))?;
                    passed?;
                    Ok(sources)
                })
            }
        })?;
        steps.pace = progress.end();
        let graph = steps.time("graph", || builder.finish())?;
        let given = given.context("a run without its policy and overrides has failed above")?;
        Ok((given, graph, sources))
    }

    /// Reads every source into the sink, through the cache if there is one.
    fn read_sources(
        self,
        job: &Job,
        config: &CatalogConfig,
        store: &Ancestors<'_>,
        sink: &mut dyn SourceSink,
        progress: &mut Progress,
    ) -> anyhow::Result<Sources> {
        let Some((cache, lock)) = self.cache else {
            refuse_modes(config, &self.inputs)?;
            for input in &self.inputs {
                sink.begin_source(&input.name);
                let input_of = source_input(input, job.input.multi_value_separator);
                input_of.read(&mut progress.over(&input.path, sink))?;
            }
            return Ok(Sources::default());
        };
        let mut take = |inputs: &[NamedInput]| {
            let first = inputs.first().context("a source has an input")?;
            sink.begin_source(&first.name);
            take(&cache, inputs, config, store, job, &mut progress.over(&first.path, sink))
        };
        let by_source = self.inputs.chunk_by(|left, right| left.name == right.name);
        let mut failure = self.failure;
        let mut taken = Vec::new();
        for inputs in by_source {
            // What others say whole they say again; a delta that is not read is lost.
            if failure.is_some() && !sends_deltas(config, inputs) {
                continue;
            }
            match take(inputs) {
                Ok(one) => taken.push(one),
                Err(error) => failure = failure.take().or(Some(error)),
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Sources { taken, lock: Some(lock) }),
        }
    }
}

impl SourceSink for GraphBuilder<FileStore> {
    fn begin_source(&mut self, name: &str) {
        GraphBuilder::begin_source(self, name);
    }
}

/// Reads one source, whose inputs these are. On the way to a publish what it said waits from then on,
/// so that no failure of another source can lose it.
fn take(
    cache: &Cache,
    inputs: &[NamedInput],
    config: &CatalogConfig,
    store: &Ancestors<'_>,
    job: &Job,
    sink: &mut dyn RecordSink,
) -> anyhow::Result<Taken> {
    let first = inputs.first().context("a source has an input")?;
    let wanted = Wanted {
        name: &first.name,
        inputs: &inputs
            .iter()
            .map(|input| source_input(input, job.input.multi_value_separator))
            .collect::<Vec<_>>(),
        previous: first.is_previous,
        config,
        store,
        now: &job.note.created_at,
        clock: SystemTime::now(),
    };
    let mut taken = cache.take(&wanted, sink)?;
    if job.purpose == Purpose::Publish {
        taken.wait(None)?;
    }
    Ok(taken)
}

/// Does a source send what has changed, and not all that it says?
fn sends_deltas(config: &CatalogConfig, inputs: &[NamedInput]) -> bool {
    let declared = inputs.first().and_then(|input| config.source(&input.name));
    declared.is_some_and(|declared| {
        let of_types = declared.type_modes.iter().map(|(_, mode)| *mode);
        declared.mode.into_iter().chain(of_types).any(|mode| mode != Mode::Full)
    })
}

fn source_input(input: &NamedInput, separator: Option<char>) -> SourceInput<'_> {
    let NamedInput { format, path, encoding, part, .. } = input;
    SourceInput { format, path, encoding: *encoding, separator, part: part.as_ref() }
}

/// Without a cache nothing is known of before: a mode that needs it would lose what it should keep.
fn refuse_modes(config: &CatalogConfig, inputs: &[NamedInput]) -> anyhow::Result<()> {
    for input in inputs {
        let Some(declared) = config.source(&input.name) else { continue };
        let of_types = declared.type_modes.iter().map(|(_, mode)| *mode);
        let found = declared.mode.into_iter().chain(of_types).find(|mode| *mode != Mode::Full);
        if let Some(mode) = found {
            let (name, mode) = (&input.name, mode.code());
            bail!(
                "catalog.toml gives source {name:?} mode `{mode}`, which needs what was kept of \
                 before; name its directory by --cache, or say `full`"
            );
        }
    }
    Ok(())
}

impl Sources {
    /// What came from where.
    pub(super) fn reports(&self) -> Vec<SourceReport> {
        self.taken.iter().map(report).collect()
    }

    /// Says which catalog is to be published, so that a crash between that and [`Self::keep`] loses
    /// nothing.
    pub(super) fn wait(&mut self, catalog: &str) -> anyhow::Result<()> {
        Ok(self.taken.iter_mut().try_for_each(|taken| taken.wait(Some(catalog)))?)
    }

    /// Keeps what was read as what is good, after the publish of this manifest.
    pub(super) fn keep(self, manifest: &Manifest) -> anyhow::Result<()> {
        let Some(catalog) = catalog_of(manifest) else { return Ok(()) };
        // All of them, whatever becomes of one.
        let kept = self.taken.into_iter().map(|taken| taken.keep(&catalog)).collect::<Vec<_>>();
        drop(self.lock);
        kept.into_iter().collect::<Result<(), _>>().with_context(|| {
            let id = manifest.snapshot_id;
            format!("snapshot {id} is published, but its sources could not all be kept")
        })
    }

    /// After a refusal: nothing of what will be said again is kept.
    pub(super) fn give_up(&self) {
        for taken in &self.taken {
            if let Err(error) = taken.give_up() {
                warn!(%error, "What was refused goes away with the next compile.");
            }
        }
    }
}

/// What waits in the cache of a run that failed, and how to be rid of it: one line a source.
pub(super) fn waiting(job: &Job, failure: &anyhow::Error) -> Vec<String> {
    let is_anothers = matches!(failure.downcast_ref(), Some(CacheError::InUse { .. }));
    let Some(dir) = job.input.cache.as_ref().filter(|_| !is_anothers) else { return Vec::new() };
    let sources = Cache::open(dir).and_then(|cache| cache.sources()).unwrap_or_default();
    let line = |source: &SourceCache| {
        let pending = source.pending().ok()??;
        let (name, read_at) = (source.name(), pending.entry.read_at);
        Some(format!(
            "what source {name} said at {read_at} waits and goes into the next publish; if it is bad, \
             `kindred source drop {name}` forgets it"
        ))
    };
    sources.iter().filter_map(line).collect()
}

fn report(taken: &Taken) -> SourceReport {
    let entry = &taken.entry;
    let mut note = match &taken.state {
        State::Read => String::new(),
        State::Unchanged => format!("as read at {}", entry.read_at),
        State::Previous => format!("the last good records, read at {}", entry.read_at),
        State::Held(hold) => format!(
            "the last good records, read at {}: held since {} by {}: {}",
            entry.read_at, hold.since, hold.actor, hold.reason
        ),
    };
    if let Some(waited) = &taken.waited {
        let and = if note.is_empty() { "" } else { "; " };
        note.push_str(and);
        note.push_str(&format!("with what was read at {waited} and not published"));
    }
    SourceReport {
        name: taken.name().to_owned(),
        state: taken.state.code(),
        mode: entry.mode.0.code(),
        records: entry.record_count,
        note,
    }
}
