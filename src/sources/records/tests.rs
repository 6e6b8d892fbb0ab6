//! Goal: what was kept comes back call by call, and no byte that differs is believed; of what was
//! kept stays what the modes say. Method: random calls there and back; every bit flipped, every
//! length cut; then tiny inputs before and after, against what must be left.

mod codec;
mod damage;
mod relay;
mod staying;

use std::path::Path;

use super::*;
use crate::model::{
    finding::FindingCode,
    record::{FileId, FileInfo, Location, Record, RecordSink},
};

/// A sink that writes each call down.
#[derive(Debug, Default, PartialEq)]
struct Log {
    files: u32,
    calls: Vec<String>,
}

impl RecordSink for Log {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.calls.push(format!("{file:?}"));
        self.files += 1;
        FileId(self.files - 1)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        self.calls.push(format!("{at:?} {record:?}"));
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.calls.push(format!("{at:?} {code:?} {field} {message}"));
    }
}

/// The file of these calls, and its name.
fn written(calls: impl FnOnce(&mut dyn RecordSink)) -> (Vec<u8>, Written) {
    let mut bytes = Vec::new();
    let mut writer = RecordWriter::new(&mut bytes, Path::new("new"));
    calls(&mut writer);
    let written = writer.finish().unwrap();
    (bytes, written)
}

/// The calls of a file that must be of this name.
fn read(bytes: &[u8], hash: RecordsHash) -> Result<Log, RecordsError> {
    let mut log = Log::default();
    replay(bytes, Path::new("kept"), hash, &mut log)?;
    Ok(log)
}

fn at(file: FileId, line: u32) -> Location {
    Location { file, line }
}
