//! Checkpoints: what the records up to a seal amount to, in one file, so that they can go.

use zerocopy::IntoBytes;

use super::{
    Journal, create_temp,
    error::{JournalError, at},
    format::{
        CHECKPOINT_MAGIC, CheckpointEnd, Fold, Header, TEMP_NAME, checkpoint_name, push_record,
        segment_name,
    },
    put_temp,
    recover::Listing,
};
use crate::model::limits::{JOURNAL_PAYLOAD_BYTES_MAX, JOURNAL_PIECE_BYTES};

/// A point in the journal up to which a checkpoint can cover it.
#[must_use = "a seal is for a checkpoint"]
#[derive(Debug)]
pub(crate) struct Sealed {
    number: u64,
    next_sequence: u64,
    bytes_total: u64,
}

impl Sealed {
    /// Everything before this segment, which begins with this sequence.
    pub(super) fn new(number: u64, next_sequence: u64, bytes_total: u64) -> Self {
        Self { number, next_sequence, bytes_total }
    }
}

impl Journal {
    /// Writes a checkpoint of what stood before the seal, then removes what it covers. The payloads
    /// say all that the records before the seal said; records after it will be replayed on top, so
    /// that payloads which know of some of those do no harm where replaying twice does none.
    ///
    /// A journal with a newer checkpoint keeps that one.
    ///
    /// # Errors
    ///
    /// A payload is too long or the disk refused. The old checkpoint and all records stand, and the
    /// journal is as ready as before.
    pub(crate) fn checkpoint(
        &mut self,
        sealed: Sealed,
        records: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), JournalError> {
        if sealed.number < self.base {
            return Ok(());
        }
        // Gives room back before it takes some.
        self.remove_covered();
        if let Err(error) = self.write_checkpoint(&sealed, records) {
            drop(self.storage.remove(TEMP_NAME));
            return Err(error);
        }
        self.base = sealed.number;
        self.bytes_covered = sealed.bytes_total;
        self.remove_covered();
        Ok(())
    }

    fn write_checkpoint(
        &self,
        sealed: &Sealed,
        records: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), JournalError> {
        let (storage, number) = (self.storage.as_ref(), sealed.number);
        let path = storage.path(TEMP_NAME);
        let mut file = create_temp(storage)?;
        let mut piece =
            Header::new(CHECKPOINT_MAGIC, number, sealed.next_sequence).as_bytes().to_vec();
        let (mut count, mut fold) = (0, Fold::default());
        for payload in records {
            if payload.len() > JOURNAL_PAYLOAD_BYTES_MAX {
                return Err(JournalError::PayloadTooLong { found: payload.len() });
            }
            count += 1;
            fold.add(push_record(&mut piece, number, count, 0, &payload));
            if piece.len() >= JOURNAL_PIECE_BYTES {
                file.write(&piece).map_err(at("write", &path))?;
                piece.clear();
            }
        }
        piece.extend_from_slice(CheckpointEnd::new(number, count, fold.finish()).as_bytes());
        file.write(&piece).map_err(at("write", &path))?;
        put_temp(storage, file.as_mut(), &checkpoint_name(number))
    }

    /// Removes segments and checkpoints before the newest one, which is on the disk. What stays
    /// behind does not count and goes the next time.
    fn remove_covered(&self) {
        let Ok(listing) = Listing::read(self.storage.as_ref()) else { return };
        let is_covered = |number: &u64| *number < self.base;
        let segments = listing.segments.into_iter().filter(is_covered).map(segment_name);
        let checkpoints = listing.checkpoints.into_iter().filter(is_covered).map(checkpoint_name);
        for name in segments.chain(checkpoints) {
            drop(self.storage.remove(&name));
        }
    }
}
