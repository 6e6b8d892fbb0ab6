//! One source of one compile: from its files, from what is kept, or from both.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom},
    path::Path,
    time::SystemTime,
};

use tempfile::NamedTempFile;
use tracing::debug;

use super::{
    Cache, CacheError, SourceCache,
    disk::{self, Writer},
    fingerprint::fingerprint,
    hold::Hold,
    pending::{Known, Pending, Way},
    pointer::{Entry, KeptInput, Lineage, ModeWord, Pointer, kept_path},
};
use crate::{
    model::{
        config::{CatalogConfig, Mode},
        record::RecordSink,
    },
    sources::{
        Encoding, Format, Part, SourceError,
        records::{
            self, Completing, KeptFindings, Noting, RecordWriter, Spoken, Staying, StayingRules,
            Tee, Written,
        },
    },
};

/// What a source is read from.
#[derive(Clone, Copy, Debug)]
pub struct SourceInput<'a> {
    /// How.
    pub format: &'static Format,
    /// Where.
    pub path: &'a Path,
    /// How the files spell characters.
    pub encoding: Encoding,
    /// What joins the items of a list, where that is not as the format has it.
    pub separator: Option<char>,
    /// Its files, if they were looked into already.
    pub part: Option<&'a Part>,
}

impl SourceInput<'_> {
    /// Reads it into the sink.
    ///
    /// # Errors
    /// As [`Format::part`] and [`Part::read`].
    pub fn read(&self, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
        let mut part = match self.part {
            Some(part) => part.clone(),
            None => self.format.part(self.path, self.encoding)?,
        };
        if let Some(separator) = self.separator {
            part.separate_by(separator);
        }
        part.read(sink)
    }
}

/// A source of a compile.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// All of its input, in order.
    pub inputs: &'a [SourceInput<'a>],
    /// Take what was good last, whatever the files say now.
    pub previous: bool,
    /// What the catalog declares.
    pub config: &'a CatalogConfig,
    /// The store that the cache serves.
    pub store: &'a dyn Lineage,
    /// Now, in RFC 3339.
    pub now: &'a str,
    /// Now, by the clock of files.
    pub clock: SystemTime,
}

/// Where the records of a source came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// From its files.
    Read,
    /// From what is kept: the files are as they were.
    Unchanged,
    /// From what is kept: someone asked for it.
    Previous,
    /// From what is kept: the source is held.
    Held(Hold),
}

impl State {
    /// The word in reports.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unchanged => "unchanged",
            Self::Previous => "previous",
            Self::Held(_) => "held",
        }
    }
}

/// A source whose records went into the sink. Nothing is kept of it until [`Self::wait`] or
/// [`Self::keep`].
#[derive(Debug)]
pub struct Taken {
    source: SourceCache,
    /// Where the records came from.
    pub state: State,
    /// What will be kept.
    pub entry: Entry,
    /// When that was read which waited for a publish and went in, too.
    pub waited: Option<String>,
    known: Known,
    /// What would be lost, or not known as good, if the process died: none, if that changes nothing.
    pending: Option<(Way, Pending)>,
    /// Records that have no name yet.
    written: Option<NamedTempFile>,
}

impl Cache {
    /// Brings the records of one source into the sink.
    ///
    /// # Errors
    /// Its files or what is kept of it cannot be read. What the sink got is worth nothing then.
    pub fn take(
        &self,
        wanted: &Wanted<'_>,
        sink: &mut dyn RecordSink,
    ) -> Result<Taken, CacheError> {
        let source = self.source(wanted.name)?;
        let known = source.known(wanted.store)?;
        let good = known.pointer.as_ref().and_then(|pointer| pointer.last_good(wanted.store));
        let good = good.cloned();
        let asked = match source.held()? {
            Some(hold) => Some(State::Held(hold)),
            None => wanted.previous.then_some(State::Previous),
        };
        if let Some(state) = asked {
            let entry = good.ok_or_else(|| source.not_good(&known))?;
            source.replay(&entry, sink)?;
            let (waited, pending, written) = (None, None, None);
            return Ok(Taken { source, state, entry, waited, known, pending, written });
        }
        let rules = StayingRules::new(wanted.config, wanted.name, MODE_DEFAULT);
        let is_full = rules.is_full();
        let base = if is_full { None } else { known.base(&source, good.as_ref())? };
        let waited = known.pending.as_ref().filter(|_| !is_full);
        let waited = waited.map(|pending| pending.entry.read_at.clone());
        let findings = if waited.is_some() { KeptFindings::Open } else { KeptFindings::Passed };
        // Asked before the files are opened: what changes while they are read is seen next time.
        let fingerprint =
            fingerprint(wanted.inputs, wanted.config, wanted.name, MODE_DEFAULT, wanted.clock)?;
        let is_same = |entry: &&Entry| fingerprint.is_some() && entry.fingerprint == fingerprint;
        let mut whole = known.pointer.iter().filter(|_| is_full).flat_map(Pointer::entries);
        let same = base.as_ref().filter(is_same).or_else(|| whole.find(is_same)).cloned();
        drop(whole);
        let (state, entry, written) = match same {
            Some(entry) => {
                source.replay(&entry, sink)?;
                (State::Unchanged, entry, None)
            }
            None => {
                let mode = rules.mode();
                let (file, written) = match base {
                    Some(base) => source.merge(wanted, (&base, findings), rules, sink)?,
                    None => source.read_whole(wanted, sink)?,
                };
                (State::Read, entry(wanted, mode, fingerprint, written), Some(file))
            }
        };
        let base = good.map(|good| good.records);
        // What takes back what waits must not be lost either, though it ends where all began.
        let is_new = base != Some(entry.records) || known.pending.is_some();
        let way = if is_full { Way::Whole } else { Way::Delta };
        let after = wanted.store.writes();
        let pending =
            is_new.then(|| (way, Pending { entry: entry.clone(), base, catalog: None, after }));
        Ok(Taken { source, state, entry, waited, known, pending, written })
    }
}

/// The mode of a source where the catalog names none: what its files say is what it says, with a cache
/// as without one.
pub(crate) const MODE_DEFAULT: Mode = Mode::Full;

impl SourceCache {
    fn replay(&self, entry: &Entry, sink: &mut dyn RecordSink) -> Result<(), CacheError> {
        let path = self.records_path(entry);
        debug!(source = self.name, path = %path.display(), "Kept records are read.");
        let file = File::open(&path).map_err(disk::failed("read", &path))?;
        records::replay(file, &path, entry.records, sink)?;
        Ok(())
    }

    /// Keeps the input as it comes.
    fn read_whole(
        &self,
        wanted: &Wanted<'_>,
        sink: &mut dyn RecordSink,
    ) -> Result<(NamedTempFile, Written), CacheError> {
        let file = disk::temp(&self.dir, Writer::Compile)?;
        let mut tee = Tee::new(RecordWriter::new(file.as_file(), file.path()), sink);
        read_files(wanted.inputs, &mut tee)?;
        let written = tee.finish()?;
        Ok((file, written))
    }

    /// Reads the input to see what it speaks of; then keeps of before what stays, and the input.
    fn merge(
        &self,
        wanted: &Wanted<'_>,
        (base, findings): (&Entry, KeptFindings),
        rules: StayingRules,
        sink: &mut dyn RecordSink,
    ) -> Result<(NamedTempFile, Written), CacheError> {
        let mut spoken = Spoken::new(rules);
        let mut new = disk::temp(&self.dir, Writer::Compile)?;
        let mut noting = Noting::new(&mut spoken, RecordWriter::new(new.as_file(), new.path()));
        read_files(wanted.inputs, &mut noting)?;
        let new_written = noting.into_writer().finish()?;
        new.seek(SeekFrom::Start(0)).map_err(disk::failed("read", new.path()))?;

        let file = disk::temp(&self.dir, Writer::Compile)?;
        let mut tee = Tee::new(RecordWriter::new(file.as_file(), file.path()), sink);
        self.replay(base, &mut Staying::new(&mut spoken, &mut tee, findings))?;
        let completing = &mut Completing::new(spoken.structure(), &mut tee);
        records::replay(new.as_file(), new.path(), new_written.hash, completing)?;
        let written = tee.finish()?;
        Ok((file, written))
    }
}

impl Taken {
    /// The source's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Writes down what would be lost if nothing were published: before the publish; and once more
    /// with the catalog that is to be published, now also what the source would say again.
    ///
    /// # Errors
    /// The system refuses.
    pub fn wait(&mut self, catalog: Option<&str>) -> Result<(), CacheError> {
        let Some((way, pending)) = &mut self.pending else { return Ok(()) };
        if *way == Way::Whole && catalog.is_none() {
            return Ok(());
        }
        // Nothing may take the place of what was published before that is written.
        self.source.settle(&mut self.known)?;
        if let Some(file) = self.written.take() {
            disk::put(file, &self.source.records_path(&self.entry))?;
        }
        pending.catalog = catalog.map(str::to_owned);
        self.source.put(*way, pending)
    }

    /// After a publish that was refused: takes away what the source says again. What would be lost
    /// waits on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn give_up(&self) -> Result<(), CacheError> {
        match self.pending {
            Some((Way::Whole, _)) => {
                self.source.end(Way::Whole)?;
                self.source.clean()
            }
            Some((Way::Delta, _)) | None => Ok(()),
        }
    }

    /// Keeps what was taken as what is good, after a publish of a catalog of this hash.
    ///
    /// # Errors
    /// The system refuses; the publish stands, and the next compile finds out or reads again.
    pub fn keep(self, catalog: &str) -> Result<(), CacheError> {
        let Self { source, state, entry, mut known, written, .. } = self;
        source.settle(&mut known)?;
        if let Some(file) = written {
            disk::put(file, &source.records_path(&entry))?;
        }
        let after = Pointer::after(known.pointer.clone(), entry, catalog);
        let is_new = known.pointer.as_ref() != Some(&after);
        if is_new {
            source.point(&after)?;
        }
        // A source that was taken as it was leaves waiting what waits.
        if !matches!(state, State::Previous | State::Held(_)) {
            source.end(Way::Delta)?;
        }
        source.end(Way::Whole)?;
        if is_new { source.clean() } else { Ok(()) }
    }
}

fn read_files(inputs: &[SourceInput<'_>], sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    inputs.iter().try_for_each(|input| input.read(sink))
}

/// What was read, as it will be kept.
fn entry(wanted: &Wanted<'_>, mode: Mode, fingerprint: Option<String>, written: Written) -> Entry {
    Entry {
        records: written.hash,
        record_count: written.record_count,
        fingerprint,
        mode: ModeWord(mode),
        read_at: wanted.now.to_owned(),
        inputs: wanted.inputs.iter().map(kept_input).collect(),
        catalogs: Vec::new(),
    }
}

fn kept_input(input: &SourceInput<'_>) -> KeptInput {
    let path = kept_path(input.path);
    let files = input.part.map(Part::names);
    KeptInput { format: input.format.name.to_owned(), path, files }
}
