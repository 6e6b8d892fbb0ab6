//! The log behind an acknowledgement: payloads that are on the disk before the caller hears so.
//!
//! ```text
//! DIR/<20 digits>.log   segment N: a header, then records in sequence
//! DIR/<20 digits>.ckp   checkpoint N: covers every record before segment N
//! DIR/new.tmp           either of them, before it is whole
//! ```
//!
//! `JOURNAL.md` has the bytes. Invariants:
//!
//! - A name appears only when its file is whole and on the disk, so no header is ever torn.
//! - A write begins only when the one before it is on the disk. So a bad record is a torn tail
//!   unless a record of a later write, or a later segment, proves that it was acknowledged.
//! - A file that was not written to its end by this value is never written again: after a restart
//!   or a failed write a new segment says with which record it begins, and what the one before it
//!   holds from there on does not count. The tail is cut too, but nothing depends on that.
//! - A descriptor whose sync failed is closed: the kernel forgets such an error, and with it the
//!   bytes, so that a second sync would lie.
//!
//! The journal knows nothing of its payloads, reads no clock, starts no thread and takes no lock:
//! who opens it has locked the directory.

mod checkpoint;
mod error;
mod format;
mod read;
mod recover;
mod storage;
#[cfg(test)]
pub(super) mod tests;

pub(crate) use checkpoint::Sealed;
pub(crate) use error::JournalError;
#[cfg(test)]
pub(crate) use storage::Source;
pub(crate) use storage::{LocalStorage, Sink, Storage};

use zerocopy::IntoBytes;

use crate::model::limits::{JOURNAL_PAYLOAD_BYTES_MAX, JOURNAL_PIECE_BYTES};
use error::at;
use format::{Header, RECORD_HEAD_BYTES, SEGMENT_MAGIC, TEMP_NAME, push_record, segment_name};
use read::{Place, SegmentEnd};
use recover::{Listing, open_segment, recover};

/// A journal that is open for writing, or waits for its repair.
#[derive(Debug)]
pub(crate) struct Journal {
    storage: Box<dyn Storage>,
    /// The first segment that the newest checkpoint does not cover.
    base: u64,
    /// The last segment with acknowledged records, or a newer one that is ready to take some.
    segment: Segment,
    state: State,
    /// What the next segment begins with, until the first one is started.
    carry: Option<Carry>,
    next_sequence: u64,
    /// Bytes of records since the journal was opened, with those replayed then.
    bytes_total: u64,
    /// What the counter was at the end of what the newest checkpoint covers.
    bytes_covered: u64,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    first_sequence: u64,
    /// Bytes up to here are acknowledged.
    len_bytes: u64,
}

#[derive(Debug)]
enum State {
    Ready(Box<dyn Sink>),
    Broken { cause: String, is_full: bool },
}

/// What was found when a journal was opened.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// Bytes behind the last whole record, which were never acknowledged and were cut.
    pub(crate) torn_bytes: u64,
    /// Records replayed after the checkpoint.
    pub(crate) records: u64,
    /// Payloads of the checkpoint.
    pub(crate) checkpoint_records: u64,
    /// Segments read.
    pub(crate) segments: u32,
    /// Why nothing can be written yet. Everything was read, and the journal waits for
    /// [`Journal::repair`].
    pub(crate) broken: Option<JournalError>,
}

/// The last batch of a segment, to be written again: nothing proves that it is on the disk.
#[derive(Clone, Copy, Debug)]
struct Carry {
    number: u64,
    from: Place,
    end: SegmentEnd,
}

impl Journal {
    /// Opens a directory: hands the payloads of the newest whole checkpoint to `checkpoint` and
    /// those of the records after it, in order, to `replay`. Cuts a torn tail and starts a new
    /// segment; where the disk refuses that, the journal is broken, and what was read counts.
    ///
    /// # Errors
    ///
    /// A file cannot be read, an acknowledged record is damaged or missing, or a payload was
    /// refused. Nothing was written.
    pub(crate) fn open(
        storage: Box<dyn Storage>,
        checkpoint: &mut dyn FnMut(&[u8]) -> Result<(), String>,
        replay: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(Self, Recovery), JournalError> {
        let found = recover(storage.as_ref(), checkpoint, replay)?;
        let last = found.last.as_ref();
        let segment = Segment {
            number: last.map_or(found.base, |last| last.number),
            first_sequence: last.map_or(found.next_sequence, |last| last.first_sequence),
            len_bytes: last.map_or(0, |last| last.end.offset),
        };
        let carry = last.and_then(|last| {
            Some(Carry { number: last.number, from: last.end.last_batch?, end: last.end })
        });
        let mut journal = Self {
            storage,
            base: found.base,
            segment,
            state: State::Broken { cause: "it was never ready".to_owned(), is_full: false },
            carry,
            next_sequence: found.next_sequence,
            bytes_total: found.record_bytes,
            bytes_covered: 0,
        };
        let torn_bytes = last.map_or(0, |last| last.len_bytes - last.end.offset);
        if torn_bytes > 0 {
            journal.cut_tail();
        }
        let broken = journal.start_segment().err();
        let recovery = Recovery {
            torn_bytes,
            records: found.records,
            checkpoint_records: found.checkpoint_records,
            segments: found.segments,
            broken,
        };
        Ok((journal, recovery))
    }

    /// Appends the payloads, in order, and returns when all of them are on the disk.
    ///
    /// # Errors
    ///
    /// A payload is too long, and nothing happened; or the disk refused, and none of the payloads
    /// counts as written: the journal is broken until [`Self::repair`].
    pub(crate) fn append(&mut self, payloads: &[&[u8]]) -> Result<(), JournalError> {
        let too_long = payloads.iter().find(|payload| payload.len() > JOURNAL_PAYLOAD_BYTES_MAX);
        if let Some(payload) = too_long {
            return Err(JournalError::PayloadTooLong { found: payload.len() });
        }
        let path = self.storage.path(&segment_name(self.segment.number));
        let file = match &mut self.state {
            State::Ready(file) => file,
            State::Broken { cause, is_full } => {
                return Err(JournalError::Broken { cause: cause.clone(), is_full: *is_full });
            }
        };
        if payloads.is_empty() {
            return Ok(());
        }
        let (mut piece, mut sequence, mut len_bytes) = (Vec::new(), self.next_sequence, 0);
        let mut written = Ok(());
        for (at, payload) in payloads.iter().enumerate() {
            let batch_offset = u32::try_from(at).unwrap_or(u32::MAX);
            push_record(&mut piece, self.segment.number, sequence, batch_offset, payload);
            sequence += 1;
            len_bytes += (RECORD_HEAD_BYTES + payload.len()) as u64;
            if piece.len() >= JOURNAL_PIECE_BYTES {
                written = written.and_then(|()| file.write(&piece));
                piece.clear();
            }
        }
        let written = written.and_then(|()| file.write(&piece)).map_err(at("write", &path));
        let synced = written.and_then(|()| file.sync_data().map_err(at("sync", &path)));
        synced.map_err(|error| self.broken_by(error))?;
        self.next_sequence = sequence;
        self.segment.len_bytes += len_bytes;
        self.bytes_total += len_bytes;
        Ok(())
    }

    /// Makes a broken journal ready again: reads what it acknowledged last from the disk, cuts
    /// what it did not, and starts a new segment. Does nothing to a journal that is ready.
    ///
    /// # Errors
    ///
    /// The disk still refuses, or an acknowledged record is damaged; the journal stays broken.
    pub(crate) fn repair(&mut self) -> Result<(), JournalError> {
        if matches!(self.state, State::Ready(_)) {
            return Ok(());
        }
        self.check_last().map_err(|error| self.broken_by(error))?;
        self.cut_tail();
        self.start_segment()
    }

    /// Is it waiting for a [`Self::repair`]?
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken { .. })
    }

    /// Bytes of the records that no checkpoint covers.
    pub(crate) fn bytes_since_checkpoint(&self) -> u64 {
        self.bytes_total - self.bytes_covered
    }

    /// Starts a new segment, so that a checkpoint can cover everything before it.
    ///
    /// # Errors
    ///
    /// The journal is broken, or is now. Nothing that was acknowledged is lost.
    pub(crate) fn rotate(&mut self) -> Result<Sealed, JournalError> {
        if let State::Broken { cause, is_full } = &self.state {
            return Err(JournalError::Broken { cause: cause.clone(), is_full: *is_full });
        }
        if self.segment.first_sequence < self.next_sequence {
            self.start_segment()?;
        }
        Ok(Sealed::new(self.segment.number, self.next_sequence, self.bytes_total))
    }

    /// Are the acknowledged records of the last segment on the disk as they were written?
    fn check_last(&self) -> Result<(), JournalError> {
        let Segment { number, first_sequence, .. } = self.segment;
        if first_sequence < self.next_sequence {
            let mut reader = open_segment(self.storage.as_ref(), number)?;
            reader.read_segment(Some(self.next_sequence), &mut |_, _| Ok(()))?;
        }
        Ok(())
    }

    /// Gives the room of the tail back. A failure harms nobody: the tail does not count.
    fn cut_tail(&self) {
        if self.segment.first_sequence < self.next_sequence {
            let name = segment_name(self.segment.number);
            drop(self.storage.cut(&name, self.segment.len_bytes));
        }
    }

    /// Starts a segment that begins with what is carried over, or else with the next record. It
    /// takes the place of the last one if that begins there, too.
    ///
    /// After a failure the file may have its name or not. The next attempt comes to the same name,
    /// for nothing that decides on it has changed.
    fn start_segment(&mut self) -> Result<(), JournalError> {
        let carried = self.carry.map(|carry| carry.from.sequence);
        let first_sequence = carried.unwrap_or(self.next_sequence);
        let follows = u64::from(first_sequence > self.segment.first_sequence);
        let number = self.segment.number + follows;
        let written = self.write_segment(number, first_sequence);
        let (file, len_bytes) = written.map_err(|error| self.broken_by(error))?;
        self.segment = Segment { number, first_sequence, len_bytes };
        self.state = State::Ready(file);
        self.carry = None;
        Ok(())
    }

    fn write_segment(
        &self,
        number: u64,
        first_sequence: u64,
    ) -> Result<(Box<dyn Sink>, u64), JournalError> {
        let storage = self.storage.as_ref();
        let temp = storage.path(TEMP_NAME);
        let mut file = create_temp(storage)?;
        let header = Header::new(SEGMENT_MAGIC, number, first_sequence);
        let mut piece = header.as_bytes().to_vec();
        let mut len_bytes = piece.len() as u64;
        if let Some(carry) = self.carry {
            let mut reader = open_segment(storage, carry.number)?;
            reader.read_again(carry.from, carry.end, &mut |_, record| {
                let (sequence, batch_offset) = (record.head.sequence, record.head.batch_offset);
                let payload = record.payload;
                push_record(&mut piece, number, sequence.get(), batch_offset.get(), payload);
                len_bytes += (RECORD_HEAD_BYTES + payload.len()) as u64;
                if piece.len() >= JOURNAL_PIECE_BYTES {
                    file.write(&piece).map_err(at("write", &temp))?;
                    piece.clear();
                }
                Ok(())
            })?;
        }
        file.write(&piece).map_err(at("write", &temp))?;
        put_temp(storage, file.as_mut(), &segment_name(number))?;
        Ok((file, len_bytes))
    }

    fn broken_by(&mut self, error: JournalError) -> JournalError {
        self.state = State::Broken { cause: error.to_string(), is_full: error.is_full() };
        error
    }
}

/// Makes the temporary file, in place of one that a dead writer left.
fn create_temp(storage: &dyn Storage) -> Result<Box<dyn Sink>, JournalError> {
    let path = storage.path(TEMP_NAME);
    if Listing::read(storage)?.has_temp {
        storage.remove(TEMP_NAME).map_err(at("remove", &path))?;
    }
    storage.create(TEMP_NAME).map_err(at("create", &path))
}

/// Gives the temporary file its name when its bytes are on the disk, and brings the name there.
fn put_temp(storage: &dyn Storage, file: &mut dyn Sink, name: &str) -> Result<(), JournalError> {
    file.sync_data().map_err(at("sync", &storage.path(TEMP_NAME)))?;
    storage.rename(TEMP_NAME, name).map_err(at("rename to", &storage.path(name)))?;
    storage.sync_dir().map_err(at("sync the directory of", &storage.path(name)))
}
