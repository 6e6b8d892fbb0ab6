//! The sources of a run on their way into the graph, through the cache if there is one.

use anyhow::{Context as _, bail};

use super::{
    from::{self, NamedInput},
    pipeline::{Job, Steps},
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
    sources::cache::{Cache, CacheLock, SourceInput, State, Taken, Wanted},
    store::Manifest,
};

/// What a run will read.
pub(super) struct Reading {
    pub(super) inputs: Vec<NamedInput>,
    /// With its lock: no other compile uses it until this one is done.
    cache: Option<(Cache, CacheLock)>,
}

/// The sources as they came through the cache; none without one.
#[derive(Default)]
pub(super) struct Sources {
    taken: Vec<Taken>,
    lock: Option<CacheLock>,
}

impl Reading {
    /// Finds what there is to read.
    pub(super) fn open(job: &Job, steps: &mut Steps) -> anyhow::Result<Self> {
        let cache = match &job.cache {
            Some(dir) => {
                let cache = Cache::open(dir)?;
                let lock = cache.lock()?;
                Some((cache, lock))
            }
            None => None,
        };
        let known = cache.as_ref().map(|(cache, _)| cache);
        let inputs = steps.time("detect", || from::resolve(&job.inputs, job.encoding, known))?;
        Ok(Self { inputs, cache })
    }

    /// Reads every source. `head` is the newest manifest of the store.
    pub(super) fn read(
        self,
        job: &Job,
        config: &CatalogConfig,
        head: Option<&Manifest>,
        steps: &mut Steps,
    ) -> anyhow::Result<(Graph<FileRuns>, Sources)> {
        let runs = FileStore::in_dir(&job.store).with_context(|| {
            format!("cannot make a file for the relations in {}", job.store.display())
        })?;
        let mut builder = GraphBuilder::new(config.clone(), runs);
        let mut progress = Progress::new(self.inputs.iter().map(|input| input.path.as_path()));
        let sources = match self.cache {
            None => {
                refuse_modes(config, &self.inputs)?;
                steps.time("read", || {
                    read_all(&self.inputs, job.separator, &mut builder, &mut progress)
                })?;
                Sources::default()
            }
            Some((cache, lock)) => {
                let catalog = head.and_then(|head| head.blob(Role::Catalog));
                let catalog = catalog.map(|blob| blob.hash.to_string());
                let mut take = |inputs: &[NamedInput]| {
                    let first = inputs.first().context("a source has an input")?;
                    builder.begin_source(&first.name);
                    let sink = &mut progress.over(&first.path, &mut builder);
                    take(&cache, inputs, config, catalog.as_deref(), job, sink)
                };
                let by_source = self.inputs.chunk_by(|left, right| left.name == right.name);
                let taken =
                    steps.time("read", || by_source.map(&mut take).collect::<Result<_, _>>())?;
                Sources { taken, lock: Some(lock) }
            }
        };
        progress.end("sorting and checking");
        let graph = steps.time("graph", || builder.finish())?;
        Ok((graph, sources))
    }
}

fn read_all(
    inputs: &[NamedInput],
    separator: Option<char>,
    builder: &mut GraphBuilder<FileStore>,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    for input in inputs {
        builder.begin_source(&input.name);
        source_input(input, separator).read(&mut progress.over(&input.path, builder))?;
    }
    Ok(())
}

/// Reads one source, whose inputs these are.
fn take(
    cache: &Cache,
    inputs: &[NamedInput],
    config: &CatalogConfig,
    catalog: Option<&str>,
    job: &Job,
    sink: &mut dyn RecordSink,
) -> anyhow::Result<Taken> {
    let first = inputs.first().context("a source has an input")?;
    let wanted = Wanted {
        name: &first.name,
        inputs: &inputs.iter().map(|input| source_input(input, job.separator)).collect::<Vec<_>>(),
        previous: first.is_previous,
        config,
        catalog,
        now: &job.note.created_at,
    };
    Ok(cache.take(&wanted, sink)?)
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

    /// Keeps what was read as what is good, after the publish of this manifest.
    pub(super) fn keep(self, manifest: &Manifest) -> anyhow::Result<()> {
        let Some(blob) = manifest.blob(Role::Catalog) else { return Ok(()) };
        let catalog = blob.hash.to_string();
        for taken in self.taken {
            taken.keep(&catalog).with_context(|| {
                let id = manifest.snapshot_id;
                format!("snapshot {id} is published, but its sources could not all be kept")
            })?;
        }
        drop(self.lock);
        Ok(())
    }
}

fn report(taken: &Taken) -> SourceReport {
    let entry = &taken.entry;
    let note = match &taken.state {
        State::Read => String::new(),
        State::Unchanged => format!("as read at {}", entry.read_at),
        State::Previous => format!("the last good records, read at {}", entry.read_at),
        State::Held(hold) => format!(
            "the last good records, read at {}: held since {} by {}: {}",
            entry.read_at, hold.since, hold.actor, hold.reason
        ),
    };
    SourceReport {
        name: taken.name().to_owned(),
        state: taken.state.code(),
        mode: entry.mode.0.code(),
        records: entry.record_count,
        note,
    }
}
