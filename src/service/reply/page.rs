//! The reply of a page call: slot after slot in one buffer.

use std::ops::Range;

use super::{
    Showing,
    parts::Recommendation,
    wire::{Length, Message, Sink},
};
use crate::{
    lookup::{Answer, FillReport, Interval, Pick},
    pb::{self, EncodedResponse, FrameBuffer},
};

/// What the slots of a page show, until it is encoded. Keep one a thread; it grows to what the largest
/// page needed.
#[derive(Debug, Default)]
pub(in crate::service) struct PageBuffer {
    slots: Vec<Shown>,
    picks: Vec<Pick>,
    /// Of the encoded recommendations, by pick.
    lengths: Vec<usize>,
}

/// What one slot shows.
#[derive(Debug)]
enum Shown {
    Answer { picks: Range<usize>, report: FillReport, length: usize },
    Error { error: pb::SlotError, length: usize },
}

impl PageBuffer {
    /// Forgets the page before.
    pub(in crate::service) fn begin(&mut self) {
        self.slots.clear();
        self.picks.clear();
        self.lengths.clear();
    }

    /// The answer of the next slot.
    pub(in crate::service) fn push(&mut self, answer: &Answer<'_>) {
        let first = self.picks.len();
        self.picks.extend_from_slice(answer.picks);
        let picks = first..self.picks.len();
        self.slots.push(Shown::Answer { picks, report: answer.report, length: 0 });
    }

    /// Why the next slot has none.
    pub(in crate::service) fn push_error(&mut self, error: pb::SlotError) {
        self.slots.push(Shown::Error { error, length: 0 });
    }

    /// Measures every recommendation and slot; returns the length of all results.
    fn measure(&mut self, showing: &Showing<'_>, slots: &[pb::Slot]) -> usize {
        let Self { slots: shown, picks, lengths } = self;
        lengths.extend(picks.iter().map(|pick| Length::of(&Recommendation { showing, pick }).0));
        let mut all = Length::default();
        for (shown, slot) in shown.iter_mut().zip(slots) {
            let mut own = Length::default();
            own.bytes(1, slot.slot_id.as_bytes());
            let length = match shown {
                Shown::Answer { picks, report, length } => {
                    let lengths = lengths.get(picks.clone()).unwrap_or_default();
                    lengths.iter().for_each(|length| own.block(2, *length));
                    own.message(4, report);
                    length
                }
                Shown::Error { error, length } => {
                    own.message(5, error);
                    length
                }
            };
            *length = own.0;
            all.block(1, own.0);
        }
        all.0
    }

    fn write(&self, showing: &Showing<'_>, slots: &[pb::Slot], out: &mut Vec<u8>) {
        for (shown, slot) in self.slots.iter().zip(slots) {
            let (Shown::Answer { length, .. } | Shown::Error { length, .. }) = shown;
            out.head(1, *length);
            out.bytes(1, slot.slot_id.as_bytes());
            match shown {
                Shown::Answer { picks, report, .. } => {
                    let lengths = self.lengths.get(picks.clone()).unwrap_or_default();
                    let picks = self.picks.get(picks.clone()).unwrap_or_default();
                    for (pick, length) in picks.iter().zip(lengths) {
                        out.head(2, *length);
                        Recommendation { showing, pick }.write(out);
                    }
                    out.message(4, report);
                }
                Shown::Error { error, .. } => out.message(5, error),
            }
        }
    }
}

/// Encodes a `BatchGetRecommendationsResponse` of what the buffer holds, slot by slot of the request.
/// `missing` are seeds that the catalog does not know, each once.
pub(in crate::service) fn encode_page<'q>(
    showing: &Showing<'_>,
    slots: &[pb::Slot],
    buffer: &mut PageBuffer,
    missing: impl Iterator<Item = &'q str> + Clone,
    interval: Interval,
) -> EncodedResponse {
    let results = buffer.measure(showing, slots);
    let tail = Tail { showing, missing, interval };
    // Exactly full, so that `Bytes` takes the buffer as it is.
    let mut frame = FrameBuffer::with_capacity(results + Length::of(&tail).0);
    buffer.write(showing, slots, frame.message());
    tail.write(frame.message());
    frame.finish()
}

/// What follows the results.
struct Tail<'a, S> {
    showing: &'a Showing<'a>,
    missing: S,
    interval: Interval,
}

impl<'q, S: Iterator<Item = &'q str> + Clone> Message for Tail<'_, S> {
    fn write(&self, out: &mut impl Sink) {
        self.missing.clone().for_each(|id| out.element(3, id.as_bytes()));
        out.message(4, &self.showing.version(self.interval));
    }
}

impl Message for pb::SlotError {
    fn write(&self, out: &mut impl Sink) {
        out.int32(1, self.code);
        out.bytes(2, self.reason.as_bytes());
        out.bytes(3, self.field.as_bytes());
        out.bytes(4, self.message.as_bytes());
    }
}
