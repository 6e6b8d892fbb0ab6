//! Frames that are no work, and how many of them one connection may send.
//!
//! h2 bounds what a peer can make it keep, and closes floods of resets, of empty DATA and of
//! CONTINUATION. It does not bound what costs only time: PING, SETTINGS, WINDOW_UPDATE, PRIORITY,
//! RST_STREAM of streams that are gone, and frames of unknown types are taken as fast as they come. So
//! the socket walks the frames' heads before h2 reads them, and keeps an account in bytes: each frame is
//! charged a fixed sum less what it carries; a new request earns, and so do bytes that are sent; and
//! some is given each second for nothing. A well-behaved peer never sees the clock read.
//!
//! A peer whose account is empty is cut off after the frame that emptied it. h2 alone knows where a
//! frame may be put among those it is sending, so it must write the GOAWAY: in place of what the peer
//! sent next it reads [`FAREWELL`], which it refuses with `ENHANCE_YOUR_CALM`.

use std::time::Instant;

use crate::model::limits::{
    FRAME_CHARGE_BYTES, REQUEST_EARNS_BYTES, SPARE_FRAMES_MAX, SPARE_FRAMES_PER_S,
};

/// Length, type, flags and stream of a frame (RFC 9113, 4.1).
const HEAD_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// The most an account can hold, and what it is opened with.
const CREDIT_MAX: u32 = SPARE_FRAMES_MAX * FRAME_CHARGE_BYTES;

/// A request whose headers go on and on in empty frames: more than h2 lets pass for the header list
/// and frame size that `connection` sets.
pub(super) static FAREWELL: [u8; HEAD_BYTES * 32] = farewell();

const fn farewell() -> [u8; HEAD_BYTES * 32] {
    let mut frames = [0; HEAD_BYTES * 32];
    let mut at = 0;
    while at < frames.len() {
        // HEADERS once, then CONTINUATION; no flags; stream 1.
        frames[at + 3] = if at == 0 { HEADERS } else { 9 };
        frames[at + 8] = 1;
        at += HEAD_BYTES;
    }
    frames
}

/// The account of one connection.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes of payload of the current frame that are still to come.
    rest: u32,
    /// The head of the next frame, as far as it has come.
    head: [u8; HEAD_BYTES],
    head_len: usize,
    /// The highest stream that the peer has begun.
    stream: u32,
    credit: u32,
    /// Up to when time was paid for.
    paid_to: Instant,
    /// The account was empty: the frame that emptied it is the last one.
    is_spent: bool,
}

impl Budget {
    /// An account opened now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rest: 0,
            head: [0; HEAD_BYTES],
            head_len: 0,
            stream: 0,
            credit: CREDIT_MAX,
            paid_to: now,
            is_spent: false,
        }
    }

    /// Charges for what the peer sent next. If that was too much, says how many of these bytes h2 may
    /// read before its farewell.
    #[inline]
    pub(super) fn charge(&mut self, bytes: &[u8], now: impl Fn() -> Instant) -> Option<usize> {
        let mut left = bytes;
        loop {
            let payload = left.len().min(self.rest as usize);
            self.rest -= u32::try_from(payload).expect("it is at most `rest`");
            left = left.get(payload..).unwrap_or_default();
            if self.rest == 0 && self.is_spent {
                return Some(bytes.len() - left.len());
            }
            let head = if self.head_len == 0
                && let Some((head, after)) = left.split_first_chunk()
            {
                left = after;
                *head
            } else {
                let part = left.len().min(HEAD_BYTES - self.head_len);
                let (part, after) = left.split_at(part);
                for (to, from) in self.head.iter_mut().skip(self.head_len).zip(part) {
                    *to = *from;
                }
                self.head_len += part.len();
                left = after;
                if self.head_len < HEAD_BYTES {
                    return None;
                }
                self.head_len = 0;
                self.head
            };
            self.begin(head, &now);
        }
    }

    /// These bytes were sent to the peer: an answer may be followed by window updates.
    #[inline]
    pub(super) fn sent(&mut self, bytes: usize) {
        self.earn(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    fn begin(&mut self, head: [u8; HEAD_BYTES], now: &impl Fn() -> Instant) {
        let [a, b, c, kind, _, d, e, f, g] = head;
        let word =
            |bytes: [u8; 4]| bytes.into_iter().fold(0, |all, byte| all << 8 | u32::from(byte));
        let (length, stream) = (word([0, a, b, c]), word([d & 0x7f, e, f, g]));
        self.rest = length;
        if kind == HEADERS && stream > self.stream {
            self.stream = stream;
            self.earn(REQUEST_EARNS_BYTES);
            return;
        }
        let carried = if kind == DATA { length } else { 0 };
        let price = FRAME_CHARGE_BYTES.saturating_sub(carried);
        if price > self.credit {
            self.be_paid(now());
        }
        match self.credit.checked_sub(price) {
            Some(credit) => self.credit = credit,
            None => self.is_spent = true,
        }
    }

    fn earn(&mut self, bytes: u32) {
        self.credit = self.credit.saturating_add(bytes).min(CREDIT_MAX);
    }

    /// For the time since the last pay.
    fn be_paid(&mut self, now: Instant) {
        let frames = now.saturating_duration_since(self.paid_to).as_secs_f64();
        let frames = (frames * f64::from(SPARE_FRAMES_PER_S)).min(f64::from(SPARE_FRAMES_MAX));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is neither negative nor above SPARE_FRAMES_MAX"
        )]
        let frames = frames as u32;
        if frames > 0 {
            self.paid_to = now;
            self.earn(frames * FRAME_CHARGE_BYTES);
        }
    }
}
