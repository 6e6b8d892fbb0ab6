//! Reading a request: one whole gRPC frame, or whatever came, to be read again.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame};

use super::timely::{BoxError, Timely};
use crate::model::limits::REQUEST_BYTES_MAX;

/// What came of reading a body.
pub(super) enum Read {
    /// One message that is not compressed, and nothing else.
    Message { message: Bytes, unread: Unread },
    /// Anything else, as far as it was read.
    Other(Unread),
}

/// What ended a reading before the body did.
type Ended = Result<Frame<Bytes>, BoxError>;

/// A body as if nothing had been read of it.
#[derive(Debug)]
pub(super) struct Unread {
    /// What was read.
    first: Option<Bytes>,
    /// What ended the reading after that: trailers, or an error.
    then: Option<Box<Ended>>,
    rest: Timely,
}

/// Reads a body up to its end, or up to where it cannot be an ordinary request any more.
pub(super) async fn read(mut body: Timely) -> Read {
    let mut pieces = Pieces::default();
    let mut then = None;
    while then.is_none() && may_be_ordinary(pieces.read()) {
        if body.is_end_stream() {
            return whole(pieces, body);
        }
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => return whole(pieces, body),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => pieces.push(data),
                Err(trailers) => then = Some(Box::new(Ok(trailers))),
            },
            Some(Err(error)) => then = Some(Box::new(Err(error))),
        }
    }
    Read::Other(Unread { first: Some(pieces.join()), then, rest: body })
}

/// Reads a body that nobody needs, up to what a request may have. Whoever is answered before all of its request
/// has come goes on sending it to a stream that is no more, and HTTP/2 ends a connection that does so often.
pub(super) async fn read_off(mut body: Timely) {
    let mut left = REQUEST_BYTES_MAX;
    while !body.is_end_stream() {
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let Some(Ok(frame)) = frame else { return };
        let len = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(len) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// Can bytes that begin so still become one whole frame? What cannot goes to the router at once, which
/// refuses it without waiting for its end.
fn may_be_ordinary(mut bytes: &[u8]) -> bool {
    let (Ok(flag), Ok(length)) = (bytes.try_get_u8(), bytes.try_get_u32()) else { return true };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    flag == 0 && length <= REQUEST_BYTES_MAX && bytes.len() <= length
}

/// What a body is that has ended.
fn whole(pieces: Pieces, body: Timely) -> Read {
    let bytes = pieces.join();
    let unread = Unread { first: Some(bytes.clone()), then: None, rest: body };
    match message(bytes) {
        Some(message) => Read::Message { message, unread },
        None => Read::Other(unread),
    }
}

/// What was read: one piece nearly always, and never copied then.
#[derive(Debug, Default)]
struct Pieces {
    first: Bytes,
    /// All of them, if there are several.
    all: BytesMut,
}

impl Pieces {
    fn read(&self) -> &[u8] {
        if self.all.is_empty() { &self.first } else { &self.all }
    }

    fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
    }

    fn join(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

/// The message of the one frame that the bytes are.
fn message(mut bytes: Bytes) -> Option<Bytes> {
    let is_plain = bytes.try_get_u8().ok()? == 0;
    let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
    (is_plain && length == bytes.len() && length <= REQUEST_BYTES_MAX).then_some(bytes)
}

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match self.then.take() {
            Some(then) => Poll::Ready(Some(*then)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }
}
