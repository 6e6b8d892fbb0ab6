//! Bytes as a file of a source, read into a graph.

use std::{fs::File, io::Write as _, path::Path};

use kindred::{
    graph::{GraphBuilder, MemoryStore},
    model::{
        config::CatalogConfig,
        finding::FindingCode,
        record::{FileId, FileInfo, Location, Record, RecordSink},
    },
    sources::{Encoding, SourceError, detect, format},
};
use tempfile::TempDir;

/// A file that a system exports: the system, empty to be found, and the file's name.
pub(super) type Export = (&'static str, &'static str);

/// Reads the bytes behind the first as the export that the first chooses.
///
/// # Panics
/// A reader panicked, two readings differ, or an error says nothing.
pub(super) fn read(exports: &[Export], data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let (system, name) = exports[usize::from(*choice) % exports.len()];
    let dir = memory_dir();
    put(&dir.path().join(name), bytes);
    let (first, second) = (read_once(system, dir.path()), read_once(system, dir.path()));
    assert_eq!(first, second, "two readings of one file differ");
    if let Err(error) = first {
        assert!(error.contains("expected") || error.contains("cannot"), "unhelpful: {error}");
    }
}

/// What was read: records, findings, and the products and relations of the graph, if there is one.
type Outcome = Result<(u64, u64, Option<(usize, u64)>), String>;

fn read_once(system: &str, dir: &Path) -> Outcome {
    let mut builder = GraphBuilder::new(CatalogConfig::default(), MemoryStore::default());
    let mut counting = Counting { builder: &mut builder, records: 0, findings: 0 };
    let read = read_into(system, dir, &mut counting);
    let (records, findings) = (counting.records, counting.findings);
    read.map_err(|error| error.to_string())?;
    let graph = builder.finish().ok();
    Ok((records, findings, graph.map(|graph| (graph.products.len(), graph.counts.read()))))
}

fn read_into(system: &str, dir: &Path, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
    match format(system) {
        Some(format) => format.read(dir, sink),
        None => detect(dir, Encoding::Utf8)?.iter().try_for_each(|part| part.read(sink)),
    }
}

/// Writes a file.
pub(super) fn put(path: &Path, bytes: &[u8]) {
    let written = File::create(path).and_then(|mut file| file.write_all(bytes));
    written.expect("there is room for a file");
}

/// A directory in memory where the system has one: fuzzing writes millions of files.
pub(super) fn memory_dir() -> TempDir {
    let shared = Path::new("/dev/shm");
    let dir = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    dir.expect("a temporary directory")
}

/// Counts what goes by.
struct Counting<'a> {
    builder: &'a mut GraphBuilder<MemoryStore>,
    records: u64,
    findings: u64,
}

impl RecordSink for Counting<'_> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.builder.open_file(file)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        self.records += 1;
        self.builder.record(at, record);
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.findings += 1;
        self.builder.finding(code, at, field, message);
    }
}
