//! One source of one compile: from its files, from what is kept, or from both.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom},
    path::{self, Path},
    time::SystemTime,
};

use tempfile::NamedTempFile;
use tracing::debug;

use super::{
    Cache, CacheError, SourceCache,
    disk::{self, Writer},
    fingerprint::fingerprint,
    hold::Hold,
    pointer::{Entry, KeptInput, ModeWord, Pointer},
};
use crate::{
    model::{
        config::{CatalogConfig, Mode},
        record::RecordSink,
    },
    sources::{
        Encoding, Format, Part, SourceError,
        records::{self, Noting, RecordWriter, Spoken, Staying, StayingRules, Tee, Written},
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
    /// The hash of the newest catalog of the store.
    pub catalog: Option<&'a str>,
    /// Now, in RFC 3339.
    pub now: &'a str,
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

/// A source whose records went into the sink. Nothing is kept of it until [`Self::keep`].
#[derive(Debug)]
pub struct Taken {
    source: SourceCache,
    /// Where the records came from.
    pub state: State,
    /// What will be kept.
    pub entry: Entry,
    before: Option<Pointer>,
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
        let before = source.pointer()?;
        let good = before.as_ref().map(|pointer| pointer.last_good(wanted.catalog).clone());
        let kept = match source.held()? {
            Some(hold) => Some((State::Held(hold), good.clone())),
            None if wanted.previous => Some((State::Previous, good.clone())),
            None => None,
        };
        if let Some((state, good)) = kept {
            let entry = good.ok_or_else(|| source.nothing_kept())?;
            source.replay(&entry, sink)?;
            return Ok(Taken { source, state, entry, before, written: None });
        }
        // Asked before the files are opened: what changes while they are read is seen next time.
        let fingerprint = fingerprint(
            wanted.inputs,
            wanted.config,
            wanted.name,
            MODE_DEFAULT,
            SystemTime::now(),
        )?;
        let same = before.as_ref().map(|pointer| &pointer.current);
        let same = same.filter(|entry| fingerprint.is_some() && entry.fingerprint == fingerprint);
        if let Some(entry) = same.cloned() {
            source.replay(&entry, sink)?;
            return Ok(Taken { source, state: State::Unchanged, entry, before, written: None });
        }
        let rules = StayingRules::new(wanted.config, wanted.name, MODE_DEFAULT);
        let mode = ModeWord(rules.mode());
        let (file, written) = match good.filter(|_| !rules.is_full()) {
            Some(good) => source.merge(wanted, &good, rules, sink)?,
            None => source.read_whole(wanted, sink)?,
        };
        let entry = Entry {
            records: written.hash,
            record_count: written.record_count,
            fingerprint,
            mode,
            read_at: wanted.now.to_owned(),
            inputs: wanted.inputs.iter().map(kept_input).collect(),
            catalogs: Vec::new(),
        };
        Ok(Taken { source, state: State::Read, entry, before, written: Some(file) })
    }
}

/// The mode of a source with a cache where the catalog names none.
pub(crate) const MODE_DEFAULT: Mode = Mode::Replace;

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
        good: &Entry,
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
        self.replay(good, &mut Staying::new(&mut spoken, &mut tee))?;
        records::replay(new.as_file(), new.path(), new_written.hash, &mut tee)?;
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

    /// Keeps what was taken as what is good, after a publish of a catalog of this hash.
    ///
    /// # Errors
    /// The system refuses; the publish stands, and the next compile reads the source again.
    pub fn keep(self, catalog: &str) -> Result<(), CacheError> {
        let Self { source, entry, before, written, .. } = self;
        if let Some(file) = written {
            disk::put(file, &source.records_path(&entry))?;
        }
        let after = Pointer::after(before.clone(), entry, catalog);
        if before.as_ref() == Some(&after) { Ok(()) } else { source.point(&after) }
    }
}

fn read_files(inputs: &[SourceInput<'_>], sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    inputs.iter().try_for_each(|input| input.read(sink))
}

fn kept_input(input: &SourceInput<'_>) -> KeptInput {
    let path = path::absolute(input.path).unwrap_or_else(|_| input.path.to_owned());
    // JSON knows UTF-8 only; a path of other bytes is found no more, and nothing else is lost.
    let path = path.to_string_lossy().into_owned().into();
    KeptInput { format: input.format.name.to_owned(), path }
}
