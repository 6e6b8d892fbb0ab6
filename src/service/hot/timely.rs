//! The body of a request of one message, which has so long to come.
//!
//! A peer that claims a length and sends it byte by byte, or never, would hold its stream for as long
//! as it likes: without `grpc-timeout` nothing else ends such a call. A body that is there already, as
//! nearly all are, is read without a timer.

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

use crate::service::status::Refusal;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// A body that fails when it has not come whole in its time.
#[derive(Debug)]
pub(super) struct Timely {
    body: Incoming,
    wait: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Timely {
    /// So long from when the body is first waited for.
    pub(super) fn new(body: Incoming, wait: Duration) -> Self {
        Self { body, wait, alarm: None }
    }
}

impl Timely {
    /// The same without a bound.
    pub(super) fn in_its_own_time(self) -> Incoming {
        self.body
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
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep(this.wait)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Some(Err(Status::from(Refusal::SlowRequest(this.wait)).into())))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
