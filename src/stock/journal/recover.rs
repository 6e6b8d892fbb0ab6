//! Finds what a directory holds: the newest checkpoint, and every record after it. Writes nothing.

use std::path::PathBuf;

use super::{
    error::{JournalError, at},
    format::{CHECKPOINT_MAGIC, Kind, SEGMENT_MAGIC, checkpoint_name, kind_of, segment_name},
    read::{Each, Reader, Record, SegmentEnd},
    storage::Storage,
};
use crate::model::limits::JOURNAL_FILES_MAX;

/// Takes the payloads of a recovery; what it refuses ends the recovery.
pub(super) type Take<'a> = dyn FnMut(&[u8]) -> Result<(), String> + 'a;

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// The first segment that the checkpoint does not cover.
    pub(super) base: u64,
    pub(super) checkpoint_records: u64,
    pub(super) segments: u32,
    pub(super) records: u64,
    /// Bytes of those records.
    pub(super) record_bytes: u64,
    /// The last segment, unless there is none yet.
    pub(super) last: Option<Last>,
    /// The sequence that follows.
    pub(super) next_sequence: u64,
}

/// The last segment.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) number: u64,
    pub(super) first_sequence: u64,
    pub(super) end: SegmentEnd,
    pub(super) len_bytes: u64,
}

/// The files of the journal, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) segments: Vec<u64>,
    pub(super) checkpoints: Vec<u64>,
    pub(super) has_temp: bool,
}

impl Listing {
    pub(super) fn read(storage: &dyn Storage) -> Result<Self, JournalError> {
        let (mut listing, mut is_over) = (Self::default(), false);
        let mut each = |name: &str| {
            match kind_of(name) {
                _ if is_over => {}
                Kind::Segment(number) => listing.segments.push(number),
                Kind::Checkpoint(number) => listing.checkpoints.push(number),
                Kind::Temp => listing.has_temp = true,
                Kind::Other => {}
            }
            is_over = listing.segments.len() + listing.checkpoints.len() > JOURNAL_FILES_MAX;
        };
        let dir = storage.path("");
        storage.names(&mut each).map_err(at("list", &dir))?;
        if is_over {
            return Err(JournalError::TooManyFiles { path: dir });
        }
        listing.segments.sort_unstable();
        listing.checkpoints.sort_unstable();
        Ok(listing)
    }
}

/// Where the replay begins.
#[derive(Clone, Copy, Debug)]
struct Base {
    number: u64,
    sequence: u64,
    has_checkpoint: bool,
}

pub(super) fn recover(
    storage: &dyn Storage,
    checkpoint: &mut Take<'_>,
    replay: &mut Take<'_>,
) -> Result<Found, JournalError> {
    let listing = Listing::read(storage)?;
    let base = choose_base(storage, &listing)?;
    let numbers: Vec<u64> =
        listing.segments.into_iter().filter(|number| *number >= base.number).collect();
    let mut segments = Vec::new();
    for number in numbers {
        let reader = open_segment(storage, number)?;
        segments.push((number, reader.sequence()));
    }
    check_sequences(storage, base, &segments)?;

    let mut checkpoint_records = 0;
    if base.has_checkpoint {
        let mut reader = open_checkpoint(storage, base.number)?;
        let path = reader.path().clone();
        checkpoint_records = reader.read_checkpoint(&mut handing_to(path, checkpoint))?;
    }
    let mut found = Found {
        base: base.number,
        checkpoint_records,
        segments: u32::try_from(segments.len()).unwrap_or(u32::MAX),
        records: 0,
        record_bytes: 0,
        last: None,
        next_sequence: base.sequence,
    };
    for (at, (number, first_sequence)) in segments.iter().copied().enumerate() {
        let mut reader = open_segment(storage, number)?;
        let until = segments.get(at + 1).map(|(_, sequence)| *sequence);
        let path = reader.path().clone();
        let end = reader.read_segment(until, &mut handing_to(path, replay))?;
        found.records += end.next_sequence - first_sequence;
        found.record_bytes += end.offset;
        found.next_sequence = end.next_sequence;
        found.last = Some(Last { number, first_sequence, end, len_bytes: reader.len_bytes() });
    }
    Ok(found)
}

pub(super) fn open_segment(storage: &dyn Storage, number: u64) -> Result<Reader, JournalError> {
    Reader::open(storage, &segment_name(number), SEGMENT_MAGIC, number)
}

fn open_checkpoint(storage: &dyn Storage, number: u64) -> Result<Reader, JournalError> {
    Reader::open(storage, &checkpoint_name(number), CHECKPOINT_MAGIC, number)
}

fn handing_to<'a>(
    path: PathBuf,
    take: &'a mut Take<'_>,
) -> impl FnMut(u64, Record<'_>) -> Result<(), JournalError> + 'a {
    move |offset, record| {
        take(record.payload).map_err(|reason| {
            let (path, sequence) = (path.clone(), record.head.sequence.get());
            JournalError::Refused { path, offset, sequence, reason }
        })
    }
}

/// The newest whole checkpoint from which every segment is there. An older one serves while what
/// the newest covers was not removed yet.
fn choose_base(storage: &dyn Storage, listing: &Listing) -> Result<Base, JournalError> {
    let nothing: &mut Each<'_> = &mut |_, _| Ok(());
    let mut newest_error = None;
    for number in listing.checkpoints.iter().rev().copied() {
        let read = open_checkpoint(storage, number).and_then(|mut reader| {
            reader.read_checkpoint(nothing)?;
            Ok(Base { number, sequence: reader.sequence(), has_checkpoint: true })
        });
        match read {
            Ok(base) => return with_segments(storage, listing, base, newest_error),
            Err(error @ JournalError::Damaged { .. }) => {
                newest_error = newest_error.or(Some(error))
            }
            Err(error) => return Err(error),
        }
    }
    let base = Base { number: 1, sequence: 1, has_checkpoint: false };
    with_segments(storage, listing, base, newest_error)
}

/// The base, if all segments from it on are there.
fn with_segments(
    storage: &dyn Storage,
    listing: &Listing,
    base: Base,
    newest_error: Option<JournalError>,
) -> Result<Base, JournalError> {
    // A checkpoint is written when the first segment it does not cover exists.
    let newest_checkpoint = listing.checkpoints.last().copied();
    let newest = newest_checkpoint.max(listing.segments.last().copied());
    let Some(newest) = newest else { return Ok(base) };
    let missing = (base.number..=newest).find(|number| !has(&listing.segments, *number));
    match (missing, newest_error) {
        (None, _) => Ok(base),
        (Some(_), Some(error)) => Err(error),
        (Some(number), None) => {
            let because = if newest_checkpoint == Some(number) {
                format!("{} says that it follows", checkpoint_name(number))
            } else {
                format!("{} comes after it", segment_name(newest))
            };
            let path = storage.path(&segment_name(number));
            Err(JournalError::MissingSegment { path, because })
        }
    }
}

fn has(sorted: &[u64], number: u64) -> bool {
    sorted.binary_search(&number).is_ok()
}

/// Each segment begins behind the begin of the one before it, the first one where its base says.
fn check_sequences(
    storage: &dyn Storage,
    base: Base,
    segments: &[(u64, u64)],
) -> Result<(), JournalError> {
    let mut least = base.sequence;
    for (at, (number, sequence)) in segments.iter().copied().enumerate() {
        let is_right = if at == 0 { sequence == least } else { sequence >= least };
        if !is_right {
            let exactly = if at == 0 { "" } else { " or more" };
            return Err(JournalError::Damaged {
                path: storage.path(&segment_name(number)),
                offset: 0,
                expected: format!("a segment that begins with record {least}{exactly}"),
                found: format!("record {sequence}"),
            });
        }
        least = sequence.saturating_add(1);
    }
    Ok(())
}
