//! What holds for every call: its deadline, and that a panic is an answer.
//!
//! A client that sends `grpc-timeout` counts from when it sent the headers, so the server counts from when
//! they came, not from when the call's turn came: on a busy runtime that may be later than the deadline, and
//! then no work is begun for somebody who has gone. The deadline is looked at before each step of a call;
//! a handler that never waits is one step, and is not cut short.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use hyper::{
    HeaderMap, Response,
    header::{HeaderName, HeaderValue},
};
use tokio::time::{Instant, sleep_until};

use super::{
    hot::{ReplyBody, refused},
    status::Refusal,
};

/// The header's name (gRPC over HTTP/2).
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// Digits that it may have.
const DIGITS_MAX: usize = 8;

/// When a call's client gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    at: Instant,
    wait: Duration,
}

impl Deadline {
    /// The deadline of a call whose headers have just come, if it has one.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the header is not what the protocol allows: a client whose deadline is not
    /// understood would wait for an answer that nobody hurries to give.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
        let found = || String::from_utf8_lossy(value.as_bytes()).into_owned();
        let wait = parse(value).ok_or_else(|| Refusal::BadTimeout(found()))?;
        // The largest, 99,999,999 hours, is eleven thousand years.
        let at = Instant::now().checked_add(wait);
        Ok(at.map(|at| Self { at, wait }))
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.at
    }

    fn exceeded(self) -> Response<ReplyBody> {
        refused(Refusal::Late(self.wait).into())
    }
}

/// A value like `50m`.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    let is_number =
        (1..=DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let digits = str::from_utf8(digits).ok().filter(|_| is_number)?;
    let count = digits.parse::<u64>().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(count * 3600)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Answers a call by its deadline, and with `INTERNAL` if its handler panics.
pub(super) async fn guarded(
    mut call: Pin<&mut impl Future<Output = Response<ReplyBody>>>,
    deadline: Option<Deadline>,
) -> Response<ReplyBody> {
    let mut alarm = pin!(deadline.map(|deadline| sleep_until(deadline.at)));
    poll_fn(|cx| {
        if let Some(deadline) = deadline.filter(|deadline| deadline.is_over()) {
            return Poll::Ready(deadline.exceeded());
        }
        match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
            Ok(Poll::Ready(answer)) => return Poll::Ready(answer),
            Ok(Poll::Pending) => {}
            Err(panicked) => {
                log(panicked.as_ref());
                return Poll::Ready(refused(Refusal::Fault.into()));
            }
        }
        let Some((alarm, deadline)) = alarm.as_mut().as_pin_mut().zip(deadline) else {
            return Poll::Pending;
        };
        alarm.poll(cx).map(|()| deadline.exceeded())
    })
    .await
}

/// The panic hook has said where it was.
fn log(panicked: &(dyn Any + Send)) {
    let text = panicked.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panicked.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("no reason given");
    tracing::error!(panic = text, "A handler panicked; its call is answered with INTERNAL.");
}
