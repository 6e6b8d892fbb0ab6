//! What is measured of every call: its method, how it ended, how long it took; the access log; spans.
//!
//! A call ends with the last of its answer: one that the hot path answers whole ends when it is handed to
//! HTTP/2, a refused one likewise, a stream with its trailers. A call whose connection or stream goes away
//! before that is counted as `CANCELLED`, on whatever way it was.

use std::{
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response,
    body::Frame,
    header::{HeaderName, HeaderValue},
};
use tonic::Status;

use super::hot::ReplyBody;
use crate::{
    model::limits::REQUEST_ID_BYTES_MAX,
    pb::Method,
    telemetry::{self, CODE_NAMES, Caller, Code, Metrics, TracedCall, Traces},
};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Which calls are written to the log when they have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessLog {
    /// Of all numbers of 64 bits so many, from 0 on; none writes nothing.
    below: u64,
}

impl AccessLog {
    /// This share of all calls, from 0 to 1. `None` outside that.
    #[must_use]
    pub fn sampled(share: f64) -> Option<Self> {
        let is_share = (0.0..=1.0).contains(&share);
        // Thirty-two bits are finer than anybody asks; the cast of a float in range is exact there.
        let below = Duration::from_secs(1 << 32).mul_f64(if is_share { share } else { 0.0 });
        is_share.then(|| Self { below: below.as_secs().saturating_mul(1 << 32) })
    }

    /// Is a call that ended so written? A fault of the program always is.
    #[inline]
    pub(super) fn takes(self, code: Code) -> bool {
        code == telemetry::INTERNAL || self.below > 0 && random() <= self.below
    }
}

/// What the calls of one listener are measured with.
#[derive(Clone, Debug, Default)]
pub(super) struct Measures {
    pub(super) metrics: Metrics,
    pub(super) access_log: AccessLog,
    pub(super) traces: Traces,
}

/// Measures the calls of one connection. One a connection, so that runtimes share no count of owners.
#[derive(Clone, Debug)]
pub(super) struct Meter(Arc<OfConnection>);

#[derive(Debug)]
struct OfConnection {
    measures: Measures,
    peer: Option<IpAddr>,
}

impl Meter {
    pub(super) fn new(measures: &Measures, peer: Option<IpAddr>) -> Self {
        Self(Arc::new(OfConnection { measures: measures.clone(), peer }))
    }

    /// The call of a request whose headers have just come.
    #[inline]
    pub(super) fn begin<B>(&self, request: &Request<B>) -> Running {
        let traceparent = || request.headers().get(TRACEPARENT).map(HeaderValue::as_bytes);
        Running {
            meter: self.clone(),
            arrival: Arrival { method: Method::of_path(request.uri().path()), at: Instant::now() },
            request_id: request.headers().get(REQUEST_ID).cloned(),
            caller: self.0.measures.traces.caller(traceparent),
            is_open: true,
        }
    }
}

/// What is known of a call from its first line, and when that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) method: Option<Method>,
    pub(super) at: Instant,
}

/// A call that is under way. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    meter: Meter,
    arrival: Arrival,
    request_id: Option<HeaderValue>,
    /// The trace that it belongs to.
    caller: Caller,
    is_open: bool,
}

/// Who is told of a call, besides the metrics.
#[derive(Clone, Copy, Debug)]
struct Told {
    log: bool,
    traces: bool,
}

impl Running {
    pub(super) const fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// The answer to it, which ends it.
    pub(super) async fn answered_by<E>(
        self,
        answer: impl Future<Output = Result<Response<ReplyBody>, E>>,
    ) -> Result<Response<ReplyBody>, E> {
        Ok(self.answered(answer.await?))
    }

    /// The head of its answer is there: it ends now, or with its body.
    #[inline]
    fn answered(mut self, response: Response<ReplyBody>) -> Response<ReplyBody> {
        if response.body().is_whole() {
            self.end(telemetry::OK);
            return response;
        }
        if let Some(code) = code(response.headers()) {
            self.end(code);
            return response;
        }
        response.map(|body| body.measured(Box::new(self)))
    }

    /// Looks at the next part of its body.
    pub(super) fn look(&mut self, part: &Poll<Option<Result<Frame<Bytes>, Status>>>) {
        match part {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.end(code(trailers).unwrap_or(telemetry::UNKNOWN));
                }
            }
            Poll::Ready(Some(Err(status))) => self.end(number(status.code())),
            // A body without trailers: somebody answered who does not speak gRPC.
            Poll::Ready(None) => self.end(telemetry::UNKNOWN),
            Poll::Pending => {}
        }
    }

    /// Counts it. Only its first end counts.
    #[inline]
    fn end(&mut self, code: Code) {
        if !std::mem::replace(&mut self.is_open, false) {
            return;
        }
        let took = self.arrival.at.elapsed();
        let Measures { metrics, access_log, traces } = &self.meter.0.measures;
        metrics.call(self.arrival.method, code, took);
        let is_logged = access_log.takes(code);
        let told = Told { log: is_logged, traces: traces.takes(self.caller, is_logged) };
        if told.log || told.traces {
            self.tell(told, code, took);
        }
    }

    #[cold]
    fn tell(&self, told: Told, code: Code, took: Duration) {
        let given = self.request_id.as_ref().and_then(taken_over);
        let request_id = given.map_or_else(made_request_id, str::to_owned);
        if told.log {
            self.log(code, took, &request_id);
        }
        if told.traces {
            let OfConnection { measures, peer } = &*self.meter.0;
            let Arrival { method, .. } = self.arrival;
            let call = TracedCall { method, code, took, request_id, peer: *peer };
            measures.traces.add(self.caller, call);
        }
    }

    fn log(&self, code: Code, took: Duration, request_id: &str) {
        let method = self.arrival.method.map_or("unknown", Method::path);
        let code = CODE_NAMES.get(code).copied().unwrap_or("UNKNOWN");
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let peer = self.meter.0.peer.map(tracing::field::display);
        tracing::info!(
            target: "kindred::access",
            method,
            code,
            duration_us,
            request_id,
            peer,
            "Call."
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(telemetry::CANCELLED);
    }
}

/// The status in headers or trailers.
fn code(headers: &HeaderMap) -> Option<Code> {
    let text = headers.get(STATUS)?.to_str().unwrap_or_default();
    let code = text.parse::<Code>().ok().filter(|code| *code < CODE_NAMES.len());
    Some(code.unwrap_or(telemetry::UNKNOWN))
}

fn number(code: tonic::Code) -> Code {
    usize::try_from(i32::from(code)).unwrap_or(telemetry::UNKNOWN)
}

/// A request id, if it is one that a line of the log can hold.
fn taken_over(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let is_id = (1..=REQUEST_ID_BYTES_MAX).contains(&text.len());
    (is_id && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

fn made_request_id() -> String {
    format!("{:016x}", random())
}

thread_local! {
    /// The state of this thread's random numbers; never zero.
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(()) | 1);
}

/// Good enough to choose which calls are logged (xorshift), in a nanosecond.
fn random() -> u64 {
    STATE.with(|state| {
        let mut next = state.get();
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        state.set(next);
        next
    })
}
