//! The bytes of segments and checkpoints, as `JOURNAL.md` says, and the names of the files.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_64_with_seed};
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    little_endian::{U32, U64},
};

use crate::model::limits::JOURNAL_PAYLOAD_BYTES_MAX;

/// First bytes of a segment.
pub(super) const SEGMENT_MAGIC: [u8; 8] = *b"\x89KDJ\r\n\x1a\n";
/// First bytes of a checkpoint.
pub(super) const CHECKPOINT_MAGIC: [u8; 8] = *b"\x89KDC\r\n\x1a\n";
/// First bytes of a checkpoint's end.
pub(super) const END_MAGIC: [u8; 8] = *b"KDCEND\r\n";
/// The version of both formats.
pub(super) const FORMAT: u32 = 1;
/// Highest number of a file and highest sequence in a header, so that counting on has room.
pub(super) const NUMBER_MAX: u64 = 1 << 62;
/// The name under which a file is written until it is whole.
pub(super) const TEMP_NAME: &str = "new.tmp";

pub(super) const HEADER_BYTES: usize = size_of::<Header>();
pub(super) const RECORD_HEAD_BYTES: usize = size_of::<RecordHead>();
pub(super) const END_BYTES: usize = size_of::<CheckpointEnd>();
const _: () = assert!(HEADER_BYTES == 40 && RECORD_HEAD_BYTES == 24 && END_BYTES == 32);

/// What a segment or a checkpoint begins with.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) format: U32,
    pub(super) reserved: U32,
    /// A segment's number; a checkpoint's is that of the first segment it does not cover.
    pub(super) number: U64,
    /// The sequence of the segment's first record, or of the first one that is not covered.
    pub(super) sequence: U64,
    pub(super) checksum: U64,
}

/// What stands before each payload.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RecordHead {
    pub(super) checksum: U64,
    pub(super) len: U32,
    /// Records before this one that were written in the same call.
    pub(super) batch_offset: U32,
    pub(super) sequence: U64,
}

/// What a whole checkpoint ends with.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct CheckpointEnd {
    pub(super) magic: [u8; 8],
    pub(super) count: U64,
    /// Over the checksums of all records.
    pub(super) fold: U64,
    pub(super) checksum: U64,
}

impl Header {
    pub(super) fn new(magic: [u8; 8], number: u64, sequence: u64) -> Self {
        let mut header = Self {
            magic,
            format: FORMAT.into(),
            reserved: 0.into(),
            number: number.into(),
            sequence: sequence.into(),
            checksum: 0.into(),
        };
        header.checksum = header.computed().into();
        header
    }

    pub(super) fn computed(&self) -> u64 {
        xxh3_64(without_last_8(self.as_bytes()))
    }
}

impl CheckpointEnd {
    pub(super) fn new(number: u64, count: u64, fold: u64) -> Self {
        let mut end =
            Self { magic: END_MAGIC, count: count.into(), fold: fold.into(), checksum: 0.into() };
        end.checksum = end.computed(number).into();
        end
    }

    pub(super) fn computed(&self, number: u64) -> u64 {
        xxh3_64_with_seed(without_last_8(self.as_bytes()), number)
    }
}

/// The checksum of all checksums of a checkpoint's records.
#[derive(Default)]
pub(super) struct Fold(Xxh3);

impl Fold {
    pub(super) fn add(&mut self, head: RecordHead) {
        self.0.update(head.checksum.as_bytes());
    }

    pub(super) fn finish(&self) -> u64 {
        self.0.digest()
    }
}

/// The checksum of a record of the file with this number, from its bytes behind the checksum. The
/// number is in it so that no record of another file passes for one of this.
pub(super) fn record_checksum(number: u64, behind_checksum: &[u8]) -> u64 {
    xxh3_64_with_seed(behind_checksum, number)
}

/// Appends a record and gives back its head. The payload is not longer than the limit.
pub(super) fn push_record(
    bytes: &mut Vec<u8>,
    number: u64,
    sequence: u64,
    batch_offset: u32,
    payload: &[u8],
) -> RecordHead {
    let len = u32::try_from(payload.len()).expect("the limit of a payload is below 2^32");
    let mut head = RecordHead {
        checksum: 0.into(),
        len: len.into(),
        batch_offset: batch_offset.into(),
        sequence: sequence.into(),
    };
    let start = bytes.len();
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(payload);
    let (_, written) = bytes.split_at_mut(start);
    let (checksum, behind) = written.split_at_mut(size_of::<U64>());
    head.checksum = record_checksum(number, behind).into();
    checksum.copy_from_slice(head.checksum.as_bytes());
    head
}
const _: () = assert!(JOURNAL_PAYLOAD_BYTES_MAX < u32::MAX as usize);

fn without_last_8(bytes: &[u8]) -> &[u8] {
    bytes.split_at(bytes.len() - size_of::<U64>()).0
}

/// What a file of the journal's directory is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Segment(u64),
    Checkpoint(u64),
    Temp,
    /// Not of the journal: it is left alone.
    Other,
}

pub(super) fn segment_name(number: u64) -> String {
    format!("{number:020}.log")
}

pub(super) fn checkpoint_name(number: u64) -> String {
    format!("{number:020}.ckp")
}

pub(super) fn kind_of(name: &str) -> Kind {
    if name == TEMP_NAME {
        return Kind::Temp;
    }
    let Some((digits, extension)) = name.split_once('.') else { return Kind::Other };
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number =
        digits.parse().ok().filter(|number| is_number && (1..=NUMBER_MAX).contains(number));
    match (number, extension) {
        (Some(number), "log") => Kind::Segment(number),
        (Some(number), "ckp") => Kind::Checkpoint(number),
        _ => Kind::Other,
    }
}
