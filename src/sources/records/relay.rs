//! Calls of a sink carried from the thread that reads to the thread that keeps: in order, in blocks,
//! and never more of them ahead than a few.
//!
//! The one that reads counts its files from 0; the sink at the other end may call them otherwise.

use std::{
    fmt, mem,
    path::Path,
    sync::mpsc::{self, Receiver, Sender, SyncSender},
};

use super::{
    RecordsError,
    decode::{Decoder, Expected},
    encode::Encoder,
    read::Files,
};
use crate::model::{
    finding::FindingCode,
    record::{FileId, FileInfo, Location, Record, RecordSink},
};

/// Bytes at which a block goes over: a wake of the other thread is no cost then, and it stays in cache.
const BLOCK_BYTES: usize = 64 << 10;
/// Blocks that wait at most: enough that neither thread waits for the other's moods.
const BLOCKS_AHEAD: usize = 32;
/// What errors call the way from thread to thread.
const NAME: &str = "(records on their way into the graph)";

/// Takes what sources yield, on the thread that reads them.
pub struct RelaySink {
    send: SyncSender<Part>,
    /// Blocks that the other end has done with.
    spare: Receiver<Block>,
    block: Block,
    file_count: u32,
}

/// Entries, and beside them their texts, which need no check at the other end: they never were bytes.
#[derive(Default)]
struct Block {
    entries: Vec<u8>,
    texts: String,
}

/// Hands it out, on the thread that keeps it.
pub struct Relayed {
    receive: Receiver<Part>,
    give_back: Sender<Block>,
    files: Files,
}

enum Part {
    Source(String),
    Calls(Block),
}

/// A sink that is told whose files come next.
pub trait SourceSink: RecordSink {
    /// Files opened from here on belong to this source.
    fn begin_source(&mut self, name: &str);
}

/// Both ends.
#[must_use]
pub fn relay() -> (RelaySink, Relayed) {
    let (send, receive) = mpsc::sync_channel(BLOCKS_AHEAD);
    let (give_back, spare) = mpsc::channel();
    let sink = RelaySink { send, spare, block: Block::default(), file_count: 0 };
    (sink, Relayed { receive, give_back, files: Files(Vec::new()) })
}

impl RelaySink {
    /// Sends what is left.
    pub fn finish(mut self) {
        self.flush();
    }

    fn push(&mut self, encode: impl FnOnce(&mut Encoder<'_>)) {
        let Block { entries, texts } = &mut self.block;
        encode(&mut Encoder(entries, Some(texts)));
        if entries.len() + texts.len() >= BLOCK_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let next = self.spare.try_recv().unwrap_or_default();
        let block = mem::replace(&mut self.block, next);
        if !block.entries.is_empty() {
            self.pass(Part::Calls(block));
        }
    }

    /// Where the other end is gone, it has failed and says why.
    fn pass(&self, part: Part) {
        drop(self.send.send(part));
    }
}

impl Relayed {
    /// Repeats every call until the other end has finished.
    ///
    /// # Errors
    /// A source has yielded a record that no importer may yield.
    pub fn pass(mut self, sink: &mut dyn SourceSink) -> Result<(), RecordsError> {
        while let Ok(part) = self.receive.recv() {
            match part {
                Part::Source(name) => sink.begin_source(&name),
                Part::Calls(mut block) => {
                    self.calls(&block, sink).map_err(|Expected(expected)| {
                        RecordsError::Damaged { path: Path::new(NAME).into(), offset: 0, expected }
                    })?;
                    block.entries.clear();
                    block.texts.clear();
                    // The last ones find nobody.
                    drop(self.give_back.send(block));
                }
            }
        }
        Ok(())
    }

    fn calls(&mut self, block: &Block, sink: &mut dyn RecordSink) -> Result<(), Expected> {
        let mut decoder = Decoder(&block.entries, Some(&block.texts));
        while let Some(entry) = decoder.entry()? {
            self.files.pass(entry, sink)?;
        }
        Ok(())
    }
}

impl SourceSink for RelaySink {
    fn begin_source(&mut self, name: &str) {
        self.flush();
        self.pass(Part::Source(name.to_owned()));
    }
}

impl RecordSink for RelaySink {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.push(|encoder| encoder.file(&file));
        self.file_count += 1;
        FileId(self.file_count - 1)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        self.push(|encoder| encoder.record(at, &record));
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.push(|encoder| encoder.finding(code, at, field, message));
    }
}

impl fmt::Debug for RelaySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelaySink").field("file_count", &self.file_count).finish_non_exhaustive()
    }
}

impl fmt::Debug for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relayed").finish_non_exhaustive()
    }
}
