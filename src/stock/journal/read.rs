//! Reads one file of the journal in order, never trusting a length that stands in it.
//!
//! A segment's reader decides what a bad record means. Each call of `append` writes one batch, and
//! only after the batch before it is on the disk. So a whole record of a *later* batch behind the
//! bad one proves that the bad one was acknowledged: the file is damaged, and is refused. Whole
//! records of the *same* batch prove nothing, for a power cut keeps what sectors it likes: that is a
//! torn tail, and it ends before the bad record.

use std::path::PathBuf;

use zerocopy::FromBytes;

use super::{
    error::{JournalError, at},
    format::{
        CheckpointEnd, END_BYTES, END_MAGIC, FORMAT, Fold, HEADER_BYTES, Header, NUMBER_MAX,
        RECORD_HEAD_BYTES, RecordHead, record_checksum,
    },
    storage::{Source, Storage},
};
use crate::model::limits::{JOURNAL_PAYLOAD_BYTES_MAX, JOURNAL_WINDOW_BYTES};

/// A file with its header, whole and right by its own checksum.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    number: u64,
    sequence: u64,
    source: Box<dyn Source>,
    len_bytes: u64,
    window: Vec<u8>,
    window_start: u64,
}

/// A whole record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) head: RecordHead,
    pub(super) payload: &'a [u8],
}

impl Record<'_> {
    fn len_bytes(&self) -> u64 {
        RECORD_HEAD_BYTES as u64 + u64::from(self.head.len)
    }

    /// The sequence of the first record of its batch.
    fn batch_sequence(&self) -> u64 {
        self.head.sequence.get().saturating_sub(self.head.batch_offset.get().into())
    }
}

/// Where a segment's whole records end.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentEnd {
    /// The sequence that follows.
    pub(super) next_sequence: u64,
    /// Bytes up to here are good.
    pub(super) offset: u64,
    /// Where the last batch begins. Nothing behind it proves that it is on the disk.
    pub(super) last_batch: Option<Place>,
}

/// A record's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) sequence: u64,
}

/// Takes each whole record with its offset.
pub(super) type Each<'a> = dyn FnMut(u64, Record<'_>) -> Result<(), JournalError> + 'a;

impl Reader {
    /// Opens a file and checks its header against what its name says.
    pub(super) fn open(
        storage: &dyn Storage,
        name: &str,
        magic: [u8; 8],
        number: u64,
    ) -> Result<Self, JournalError> {
        let path = storage.path(name);
        let source = storage.open(name).map_err(at("open", &path))?;
        let len_bytes = source.len_bytes().map_err(at("inspect", &path))?;
        let (window, window_start, sequence) = (Vec::new(), 0, 0);
        let mut reader = Self { path, number, sequence, source, len_bytes, window, window_start };
        let Some(bytes) = reader.bytes(0, HEADER_BYTES)? else {
            let expected = format!("a header of {HEADER_BYTES} bytes");
            return Err(reader.damaged(0, expected, format!("a file of {len_bytes} bytes")));
        };
        let header = Header::read_from_bytes(bytes).expect("as many bytes as a header has");
        if header.magic != magic {
            let expected = format!("the magic {magic:02x?}");
            return Err(reader.damaged(0, expected, format!("{:02x?}", header.magic)));
        }
        let (stated, computed) = (header.checksum.get(), header.computed());
        if stated != computed {
            let expected = format!("a header with the checksum {computed:#018x}");
            return Err(reader.damaged(0, expected, format!("{stated:#018x}")));
        }
        if header.format.get() != FORMAT {
            return Err(JournalError::UnknownFormat {
                path: reader.path,
                found: header.format.get(),
            });
        }
        if header.number.get() != number {
            let expected = format!("the number {number} of its name");
            return Err(reader.damaged(0, expected, header.number.to_string()));
        }
        reader.sequence = header.sequence.get();
        if !(1..=NUMBER_MAX).contains(&reader.sequence) {
            let expected = format!("a sequence from 1 to {NUMBER_MAX}");
            return Err(reader.damaged(0, expected, header.sequence.to_string()));
        }
        Ok(reader)
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The sequence in the header.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Reads a segment. With `until` it must hold every record before that sequence, and what it
    /// holds from there on does not count; without, it is the last one and may end torn.
    pub(super) fn read_segment(
        &mut self,
        until: Option<u64>,
        each: &mut Each<'_>,
    ) -> Result<SegmentEnd, JournalError> {
        let mut end = SegmentEnd {
            next_sequence: self.sequence,
            offset: HEADER_BYTES as u64,
            last_batch: None,
        };
        while until != Some(end.next_sequence) {
            let sequence = end.next_sequence;
            if until.is_none() && end.offset == self.len_bytes {
                break;
            }
            let record = match self.record(end.offset)? {
                Ok(record) if record.head.sequence.get() == sequence => record,
                other => {
                    let found = match other {
                        Ok(record) => format!("record {}", record.head.sequence),
                        Err(found) => found,
                    };
                    self.check_torn(until, end, found)?;
                    break;
                }
            };
            if record.head.batch_offset.get() == 0 || end.last_batch.is_none() {
                end.last_batch = Some(Place { offset: end.offset, sequence });
            }
            each(end.offset, record)?;
            end.offset += record.len_bytes();
            end.next_sequence += 1;
        }
        Ok(end)
    }

    /// Hands over the records from a place up to an end, which were read before.
    pub(super) fn read_again(
        &mut self,
        from: Place,
        end: SegmentEnd,
        each: &mut Each<'_>,
    ) -> Result<(), JournalError> {
        let mut offset = from.offset;
        for sequence in from.sequence..end.next_sequence {
            match self.record(offset)? {
                Ok(record) if record.head.sequence.get() == sequence => {
                    each(offset, record)?;
                    offset += record.len_bytes();
                }
                Ok(_) | Err(_) => {
                    let expected = format!("record {sequence} as it was read before");
                    return Err(self.damaged(offset, expected, "other bytes".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Reads a checkpoint, which is whole or refused, and counts its records.
    pub(super) fn read_checkpoint(&mut self, each: &mut Each<'_>) -> Result<u64, JournalError> {
        let (mut offset, mut fold, mut count) = (HEADER_BYTES as u64, Fold::default(), 0);
        let records_end = self.len_bytes.saturating_sub(END_BYTES as u64);
        while offset < records_end {
            let expected = format!("record {}", count + 1);
            match self.record(offset)? {
                Ok(record) if record.head.sequence.get() == count + 1 => {
                    fold.add(record.head);
                    each(offset, record)?;
                    offset += record.len_bytes();
                    count += 1;
                }
                Ok(record) => {
                    let found = format!("record {}", record.head.sequence);
                    return Err(self.damaged(offset, expected, found));
                }
                Err(found) => return Err(self.damaged(offset, expected, found)),
            }
        }
        let number = self.number;
        let expected = format!("the end of a checkpoint with {count} records");
        let found = match self.bytes(offset, END_BYTES)? {
            None => "the end of the file".to_owned(),
            Some(bytes) => {
                let end =
                    CheckpointEnd::read_from_bytes(bytes).expect("as many bytes as an end has");
                let is_whole = end.magic == END_MAGIC && end.checksum.get() == end.computed(number);
                match (end.count.get(), end.fold.get()) {
                    _ if !is_whole => "other bytes".to_owned(),
                    (stated, _) if stated != count => format!("one with {stated}"),
                    (_, stated) if stated != fold.finish() => "that of other records".to_owned(),
                    _ => return Ok(count),
                }
            }
        };
        Err(self.damaged(offset, expected, found))
    }

    /// Is the bad record at this end nothing but a torn tail?
    fn check_torn(
        &mut self,
        until: Option<u64>,
        end: SegmentEnd,
        found: String,
    ) -> Result<(), JournalError> {
        let sequence = end.next_sequence;
        let proof = match until {
            Some(until) => Some(format!("the next segment begins with record {until}")),
            None => self.later_batch(end)?.map(|place| {
                format!(
                    "record {} of a later write stands at byte {}",
                    place.sequence, place.offset
                )
            }),
        };
        let Some(proof) = proof else { return Ok(()) };
        Err(self.damaged(end.offset, format!("record {sequence}, for {proof}"), found))
    }

    /// Looks behind a bad record for a whole one of a later batch.
    fn later_batch(&mut self, end: SegmentEnd) -> Result<Option<Place>, JournalError> {
        let mut offset = end.offset;
        while let Some(bytes) = self.bytes(offset, RECORD_HEAD_BYTES)? {
            let head = RecordHead::read_from_bytes(bytes).expect("as many bytes as a head has");
            let sequence = head.sequence.get();
            // Asked first, for nearly all bytes fail it and a checksum costs.
            let ahead = sequence.checked_sub(end.next_sequence);
            if ahead.is_some_and(|ahead| ahead <= self.len_bytes)
                && let Ok(record) = self.record(offset)?
            {
                if record.batch_sequence() > end.next_sequence {
                    return Ok(Some(Place { offset, sequence }));
                }
                offset += record.len_bytes();
            } else {
                offset += 1;
            }
        }
        Ok(None)
    }

    /// The record at an offset, or what is there instead.
    fn record(&mut self, offset: u64) -> Result<Result<Record<'_>, String>, JournalError> {
        let number = self.number;
        let left = self.len_bytes.saturating_sub(offset);
        let Some(bytes) = self.bytes(offset, RECORD_HEAD_BYTES)? else {
            return Ok(Err(format!("{left} bytes before the end of the file")));
        };
        let head = RecordHead::read_from_bytes(bytes).expect("as many bytes as a head has");
        let len = usize::try_from(head.len.get()).unwrap_or(usize::MAX);
        if len > JOURNAL_PAYLOAD_BYTES_MAX {
            return Ok(Err(format!("a length of {len} bytes")));
        }
        let Some(bytes) = self.bytes(offset, RECORD_HEAD_BYTES + len)? else {
            return Ok(Err(format!("a length of {len} bytes, and {left} to the end of the file")));
        };
        let (_, behind_checksum) = bytes.split_at(size_of_val(&head.checksum));
        let computed = record_checksum(number, behind_checksum);
        if computed != head.checksum.get() {
            let stated = head.checksum.get();
            return Ok(Err(format!("the checksum {stated:#018x} where {computed:#018x} is right")));
        }
        Ok(Ok(Record { head, payload: bytes.split_at(RECORD_HEAD_BYTES).1 }))
    }

    /// So many bytes from an offset on, if the file has them.
    fn bytes(&mut self, offset: u64, count: usize) -> Result<Option<&[u8]>, JournalError> {
        let left = self.len_bytes.saturating_sub(offset);
        if left < count as u64 {
            return Ok(None);
        }
        let from = offset.checked_sub(self.window_start).map(usize::try_from);
        let from = from
            .and_then(Result::ok)
            .filter(|from| from.checked_add(count).is_some_and(|end| end <= self.window.len()));
        let from = match from {
            Some(from) => from,
            None => {
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                self.window.resize(JOURNAL_WINDOW_BYTES.max(count).min(most), 0);
                self.window_start = offset;
                let read = self.source.read_at(&mut self.window, offset);
                read.map_err(at("read", &self.path))?;
                0
            }
        };
        Ok(self.window.get(from..from + count))
    }

    pub(super) fn damaged(&self, offset: u64, expected: String, found: String) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), offset, expected, found }
    }
}
