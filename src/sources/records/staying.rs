//! The two streams in which a new input meets what was kept: the input is noted, and of what was kept
//! passes what stays.

use std::io::Write;

use super::{RecordWriter, Spoken};
use crate::model::{
    finding::FindingCode,
    record::{FileId, FileInfo, Location, Record, RecordSink},
};

/// What becomes of what was found in kept records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeptFindings {
    /// It was let pass when they were published.
    Passed,
    /// Nobody has let it pass yet: it is said again, once.
    Open,
}

/// Writes a new input down and remembers what it speaks of.
pub(crate) struct Noting<'s, W> {
    spoken: &'s mut Spoken,
    writer: RecordWriter<W>,
    files: Vec<String>,
}

impl<'s, W: Write> Noting<'s, W> {
    /// Writes to `writer`.
    pub(crate) fn new(spoken: &'s mut Spoken, writer: RecordWriter<W>) -> Self {
        Self { spoken, writer, files: Vec::new() }
    }

    /// What was written.
    pub(crate) fn into_writer(self) -> RecordWriter<W> {
        self.writer
    }
}

impl<W: Write> RecordSink for Noting<'_, W> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.files.push(file.name.clone());
        self.writer.open_file(file)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        self.spoken.note(&record);
        if let Record::Scope(scope) = &record
            && let Some((code, message)) = self.spoken.left(scope)
        {
            self.finding(code, at, "groups", &message);
        }
        if !matches!(record, Record::Scope(_) | Record::Tombstone(_)) {
            self.writer.record(at, record);
        }
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        let file = usize::try_from(at.file.0).ok().and_then(|index| self.files.get(index));
        let file = file.expect("rows stand in files that open_file numbered");
        self.spoken.note_finding(code, file, at.line, field, message);
        self.writer.finding(code, at, field, message);
    }
}

/// Passes on of what was kept what stays. A file of which nothing stays is named no more.
pub(crate) struct Staying<'s> {
    spoken: &'s mut Spoken,
    sink: &'s mut dyn RecordSink,
    findings: KeptFindings,
    files: Vec<(FileInfo, Option<FileId>)>,
}

impl<'s> Staying<'s> {
    /// Passes on to `sink`.
    pub(crate) fn new(
        spoken: &'s mut Spoken,
        sink: &'s mut dyn RecordSink,
        findings: KeptFindings,
    ) -> Self {
        Self { spoken, sink, findings, files: Vec::new() }
    }

    /// The place as the sink calls it.
    fn place(&mut self, at: Location) -> Location {
        let (info, opened) = file_of(&mut self.files, at);
        Location { file: *opened.get_or_insert_with(|| self.sink.open_file(info.clone())), ..at }
    }
}

/// The file of a kept record, and what the sink calls it.
fn file_of(
    files: &mut [(FileInfo, Option<FileId>)],
    at: Location,
) -> &mut (FileInfo, Option<FileId>) {
    let file = usize::try_from(at.file.0).ok().and_then(|index| files.get_mut(index));
    file.expect("rows stand in files that open_file numbered")
}

impl RecordSink for Staying<'_> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.files.push((file, None));
        FileId(u32::try_from(self.files.len() - 1).expect("files are numbered in 32 bits"))
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        if self.spoken.keeps(&record) {
            let at = self.place(at);
            self.sink.record(at, record);
        }
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        let (file, _) = file_of(&mut self.files, at);
        let is_open = self.findings == KeptFindings::Open
            && !self.spoken.has_finding(code, &file.name, at.line, field, message);
        if is_open {
            let at = self.place(at);
            self.sink.finding(code, at, field, message);
        }
    }
}
