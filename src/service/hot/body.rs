//! The body of a reply: ours in a few pieces and trailers, or the router's.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    HeaderMap,
    body::{Body as HttpBody, Frame, SizeHint},
    header::HeaderValue,
};
use tonic::{Status, body::Body};

use crate::service::{
    delivery::is_our_turn,
    measure::Running,
    room::{Held, NoRoom, Room},
};

/// Bytes of one DATA frame at most. h2 copies payloads below 1,024 bytes into its write buffer, so
/// that the replies of several streams leave in one system call; a larger one is written by itself
/// (see `service::socket`).
const PIECE_BYTES_MAX: usize = 1_000;

/// A reply on its way.
#[derive(Debug)]
pub(in crate::service) struct ReplyBody(Kind);

#[derive(Debug)]
enum Kind {
    /// A gRPC frame, then the status OK.
    Whole(Whole),
    Routed(Routed),
}

/// What a body gives when it is asked.
type Part = Option<Result<Frame<Bytes>, Status>>;

#[derive(Debug)]
struct Whole {
    /// What is left of the frame; nothing once the trailers are sent.
    rest: Option<Bytes>,
    _held: Option<Box<Held>>,
}

#[derive(Debug)]
struct Routed {
    body: Body,
    /// The first part of it, if that was asked for already.
    first: Option<Part>,
    /// What is left of the body's last data: it leaves in pieces, too, so that a peer who takes none of
    /// them is seen to wait.
    rest: Bytes,
    /// The call that ends with it.
    call: Option<Box<Running>>,
    _held: Option<Box<Held>>,
}

impl ReplyBody {
    /// This gRPC frame, then the status OK.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn whole(frame: Bytes, room: Option<&Room>) -> Result<Self, NoRoom> {
        let held = room.map(|room| room.hold(frame.len())).transpose()?.flatten();
        Ok(Self(Kind::Whole(Whole { rest: Some(frame), _held: held })))
    }

    /// Whatever the router answers.
    pub(super) fn routed(body: Body) -> Self {
        Self(Kind::Routed(Routed {
            body,
            first: None,
            rest: Bytes::new(),
            call: None,
            _held: None,
        }))
    }

    /// The same with room for its first part, which is the whole of an answer of one message. The stub
    /// writes that only when it is asked, and its size is not known before.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn in_room(self, room: &Room) -> Result<Self, NoRoom> {
        let Kind::Routed(mut routed) = self.0 else { return Ok(self) };
        let body = &mut routed.body;
        if body.is_end_stream() {
            return Ok(Self(Kind::Routed(routed)));
        }
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx))).await;
        let Poll::Ready(part) = first else { return Ok(Self(Kind::Routed(routed))) };
        let data = part.as_ref().and_then(|part| part.as_ref().ok()?.data_ref());
        let held = room.hold(data.map_or(0, Bytes::len))?;
        Ok(Self(Kind::Routed(Routed { first: Some(part), _held: held, ..routed })))
    }

    /// Is it OK, and all there?
    pub(in crate::service) fn is_whole(&self) -> bool {
        matches!(self.0, Kind::Whole(_))
    }

    /// The same; if it is the router's, the call ends with it.
    pub(in crate::service) fn measured(self, call: Box<Running>) -> Self {
        match self.0 {
            Kind::Routed(routed) => Self(Kind::Routed(Routed { call: Some(call), ..routed })),
            whole @ Kind::Whole(_) => Self(whole),
        }
    }
}

impl HttpBody for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let rest = match &mut self.0 {
            Kind::Whole(whole) => &mut whole.rest,
            Kind::Routed(routed) => return routed.poll_frame(cx),
        };
        let Some(bytes) = rest else { return Poll::Ready(None) };
        if bytes.is_empty() {
            *rest = None;
            return Poll::Ready(Some(Ok(Frame::trailers(ok()))));
        }
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(whole) => whole.rest.is_none(),
            Kind::Routed(routed) => {
                routed.rest.is_empty() && routed.first.is_none() && routed.body.is_end_stream()
            }
        }
    }

    /// Unknown, as the stub's: else hyper would send a content length.
    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(_) => SizeHint::default(),
            Kind::Routed(Routed { body, first: None, rest, .. }) if rest.is_empty() => {
                body.size_hint()
            }
            Kind::Routed(_) => SizeHint::default(),
        }
    }
}

impl Routed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.rest.is_empty() {
            let part = match self.first.take() {
                Some(part) => Poll::Ready(part),
                None => Pin::new(&mut self.body).poll_frame(cx),
            };
            if part.is_pending() {
                is_our_turn();
            }
            if let Some(call) = &mut self.call {
                call.look(&part);
            }
            let Poll::Ready(Some(Ok(frame))) = part else { return part };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers
}
