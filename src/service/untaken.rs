//! What was handed to HTTP/2 and is not taken yet, and the end of a peer that leaves it there.
//!
//! hyper hands a piece of an answer over as soon as the peer's window has room for one byte of it. If it
//! was the last piece, the stream's task is done then, and the rest of the piece stays in h2 until the
//! window opens: nobody waits for that, so that a peer with windows of one byte could leave the answers of
//! all its streams there for as long as it likes. No stream can be reset any more whose task is done, so
//! such a connection ends as a whole.
//!
//! h2 drops a piece once the whole of it is in its buffer for the socket, and a piece holds a mark of the
//! turn in which it was handed over: how often a mark is held says how many pieces of its turn are there,
//! for two atomic counts a piece. Turns go by only while something is there after the connection has done
//! what it could; a good peer never has a timer made. A peer that takes nothing from the socket is that
//! one's to end.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use tonic::Status;

use super::hot::ReplyBody;

/// Turns that are told apart: the one that goes on, and two that are over. A piece of the older one has
/// waited for one whole turn and the time until its own was over.
const TURNS: usize = 3;

/// Turns in the time that a piece may wait.
const TURNS_PER_WAIT: u32 = 2;

/// What the connection of these bodies has handed over. Clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Untaken(Arc<Turns>);

#[derive(Debug, Default)]
struct Turns {
    marks: [Arc<()>; TURNS],
    /// The place of the turn that goes on.
    now: AtomicUsize,
}

impl Untaken {
    /// The same body in pieces that are counted here.
    pub(super) fn counting(&self, body: ReplyBody) -> Counted {
        Counted { body, untaken: self.clone() }
    }

    #[inline]
    fn piece(&self, bytes: Bytes) -> Piece {
        let Turns { marks, now } = &*self.0;
        let mark = marks.get(now.load(Ordering::Relaxed)).or(marks.first());
        Piece { bytes, _mark: mark.cloned() }
    }

    /// Is anything there?
    #[inline]
    fn is_any(&self) -> bool {
        self.0.marks.iter().any(is_held)
    }

    /// Begins the next turn. Is anything there of the one whose place it takes?
    fn turn(&self) -> bool {
        let Turns { marks, now } = &*self.0;
        let next = (now.load(Ordering::Relaxed) + 1) % TURNS;
        now.store(next, Ordering::Relaxed);
        marks.get(next).is_some_and(is_held)
    }
}

fn is_held(mark: &Arc<()>) -> bool {
    Arc::strong_count(mark) > 1
}

/// Looks whether the peer of a connection takes what is handed over.
#[derive(Debug)]
pub(super) struct Watch {
    untaken: Untaken,
    turn: Duration,
    /// Runs while something is there.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    /// A piece may wait so long, and half as long again until that is seen.
    pub(super) fn new(untaken: Untaken, wait: Duration) -> Self {
        Self { untaken, turn: wait / TURNS_PER_WAIT, alarm: None }
    }

    /// Ready once a piece has waited for too long. To be asked whenever the connection has done what it
    /// can.
    #[inline]
    pub(super) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.alarm.is_none() && !self.untaken.is_any() {
            return Poll::Pending;
        }
        self.poll_alarm(cx)
    }

    #[cold]
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let turn = self.turn;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(turn)));
        loop {
            ready!(alarm.as_mut().poll(cx));
            if self.untaken.turn() {
                return Poll::Ready(());
            }
            if !self.untaken.is_any() {
                self.alarm = None;
                return Poll::Pending;
            }
            alarm.as_mut().reset(Instant::now() + turn);
        }
    }
}

/// A part of an answer, which is there until it is dropped.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    _mark: Option<Arc<()>>,
}

impl Buf for Piece {
    #[inline]
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

/// A body whose pieces are counted.
#[derive(Debug)]
pub(super) struct Counted {
    body: ReplyBody,
    untaken: Untaken,
}

impl HttpBody for Counted {
    type Data = Piece;
    type Error = Status;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Status>>> {
        let Self { body, untaken } = &mut *self;
        let frame = ready!(Pin::new(body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| Ok(frame?.map_data(|bytes| untaken.piece(bytes)))))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
