//! The body of a request of one message, which has so long to come, and room while it comes.
//!
//! A peer that claims a length and sends it byte by byte, or never, would hold its stream for as long
//! as it likes: without `grpc-timeout` nothing else ends such a call. A body that is there already, as
//! nearly all are, is read without a timer, and a small one without asking for room.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use crate::{
    model::limits::HELD_SMALL_BYTES,
    service::{
        room::{Held, NoRoom, Room},
        status::Refusal,
    },
};

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// What the requests of a connection are held to.
#[derive(Clone, Debug)]
pub(in crate::service) struct Manners {
    /// One message has so long to come.
    pub(in crate::service) wait: Duration,
    /// For what has come of it, and for its answer; nothing is counted without.
    pub(in crate::service) room: Option<Room>,
}

/// A body that fails when it has not come whole in its time, or there is no room for it.
#[derive(Debug)]
pub(super) struct Timely {
    body: Incoming,
    manners: Manners,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Bytes that have come.
    len: usize,
    held: Option<Box<Held>>,
}

impl Timely {
    /// So long from when the body is first waited for.
    pub(super) fn new(body: Incoming, manners: Manners) -> Self {
        Self { body, manners, alarm: None, len: 0, held: None }
    }

    /// So many bytes more have come.
    #[inline]
    fn hold(&mut self, more: usize) -> Result<(), NoRoom> {
        self.len += more;
        match (&mut self.held, &self.manners.room) {
            (Some(held), _) => held.grow(self.len)?,
            (None, Some(room)) if self.len > HELD_SMALL_BYTES => self.held = room.hold(self.len)?,
            (None, _) => {}
        }
        Ok(())
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BoxError;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            let len = |frame: &Frame<Bytes>| frame.data_ref().map_or(0, Bytes::len);
            let more = frame.as_ref().and_then(|frame| frame.as_ref().ok()).map_or(0, len);
            if this.hold(more).is_err() {
                return Poll::Ready(Some(Err(Status::from(Refusal::NoRoom).into())));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let wait = this.manners.wait;
        let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep(wait)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Some(Err(Status::from(Refusal::SlowRequest(wait)).into())))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
