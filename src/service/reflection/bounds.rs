//! How many streams of reflection there may be, and for how long.
//!
//! Reflection is a conversation: a tool asks, is answered, and asks on. Without bounds a peer that says
//! nothing would hold its stream, and a GOAWAY ends no connection that has one. The bounds stand around the
//! service, at its bodies, as tonic-reflection takes questions in a task of its own: what ends the answers
//! ends the questions, too, so that the task ends and the stream with it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response,
    body::{Body as HttpBody, Frame, SizeHint},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{Instant, Sleep, sleep},
};
use tonic::{Status, body::Body, codegen::Service, server::NamedService};

use crate::{
    model::limits::{REFLECTION_SILENCE_S, REFLECTION_STREAM_S, REFLECTION_STREAMS_MAX},
    service::{
        health::Health,
        status::{Refusal, Why},
    },
};

/// How long a stream may last.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Patience {
    /// From one answer to the next.
    pub(in crate::service) silence: Duration,
    /// In all.
    pub(in crate::service) whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(REFLECTION_SILENCE_S),
            whole: Duration::from_secs(REFLECTION_STREAM_S),
        }
    }
}

/// The bounds of all streams of a server. Clones are one.
#[derive(Clone, Debug)]
pub(in crate::service) struct Bounds {
    seats: Arc<Semaphore>,
    patience: Patience,
    /// Ends streams with the server.
    health: Health,
}

impl Bounds {
    pub(in crate::service) fn new(health: &Health, patience: Patience) -> Self {
        let seats = Arc::new(Semaphore::new(REFLECTION_STREAMS_MAX));
        Self { seats, patience, health: health.clone() }
    }

    /// This version of reflection within these bounds.
    pub(in crate::service) fn around<S>(&self, service: S) -> Bounded<S> {
        Bounded { service, bounds: self.clone() }
    }
}

/// A version of reflection within bounds.
#[derive(Clone, Debug)]
pub(in crate::service) struct Bounded<S> {
    service: S,
    bounds: Bounds,
}

impl<S: NamedService> NamedService for Bounded<S> {
    const NAME: &'static str = S::NAME;
}

type Answered = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answered {
        let Bounds { seats, patience, health } = &self.bounds;
        let Ok(seat) = Arc::clone(seats).try_acquire_owned() else {
            let text = format!(
                "{REFLECTION_STREAMS_MAX} streams of reflection are open already; try again later"
            );
            let refused = Status::from(Refusal::Reflection(Why::Busy, text)).into_http();
            return Box::pin(async { Ok(refused) });
        };
        let (open, ended) = oneshot::channel();
        let questions = request.map(|body| Body::new(Questions { body, ended }));
        let (answer, patience) = (self.service.call(questions), *patience);
        let end = Box::pin(health.watches_end());
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| {
                let (silence, whole) = (sleep(patience.silence), sleep(patience.whole));
                let (silence, whole) = (Box::pin(silence), Box::pin(whole));
                let talk = Talk { body, patience, silence, whole, end, _open: open, _seat: seat };
                Body::new(Answers(Some(talk)))
            }))
        })
    }
}

/// What a peer asks, until its answers have ended.
struct Questions {
    body: Body,
    ended: oneshot::Receiver<Infallible>,
}

impl HttpBody for Questions {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if Pin::new(&mut self.ended).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What it is answered; nothing any more once that has ended.
struct Answers(Option<Talk>);

/// A stream that goes on.
struct Talk {
    body: Body,
    patience: Patience,
    /// Runs from the last answer.
    silence: Pin<Box<Sleep>>,
    whole: Pin<Box<Sleep>>,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The questions end when this is dropped.
    _open: oneshot::Sender<Infallible>,
    _seat: OwnedSemaphorePermit,
}

/// What a body gives when it is asked for more; nothing at its end.
type Part = Option<Result<Frame<Bytes>, Status>>;

impl Talk {
    /// The next part of the answers, or why there is none any more.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, String>> {
        if self.end.as_mut().poll(cx).is_ready() {
            let text = "the server is shutting down; ask another one";
            return Poll::Ready(Err(text.to_owned()));
        }
        if self.whole.as_mut().poll(cx).is_ready() {
            let text = format!("the stream is {:?} old; open it anew", self.patience.whole);
            return Poll::Ready(Err(text));
        }
        let silence = self.patience.silence;
        if let Poll::Ready(part) = Pin::new(&mut self.body).poll_frame(cx) {
            self.silence.as_mut().reset(Instant::now() + silence);
            return Poll::Ready(Ok(part));
        }
        ready!(self.silence.as_mut().poll(cx));
        Poll::Ready(Err(format!("no question came for {silence:?}; open the stream anew")))
    }
}

impl HttpBody for Answers {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(talk) = &mut self.0 else { return Poll::Ready(None) };
        let part = match ready!(talk.poll_part(cx)) {
            Ok(part) => part,
            Err(why) => {
                let status = Status::from(Refusal::Reflection(Why::Unavailable, why));
                let mut trailers = HeaderMap::new();
                Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers)))
            }
        };
        if !part.as_ref().is_some_and(|part| part.as_ref().is_ok_and(Frame::is_data)) {
            self.0 = None;
        }
        Poll::Ready(part)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|talk| talk.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(SizeHint::default, |talk| talk.body.size_hint())
    }
}
