//! What holds for every call: who may make it, its deadline, its turn, and that a panic is an answer.
//!
//! A client that sends `grpc-timeout` counts from when it sent the headers, so the server counts from when
//! they came, not from when the call's turn came: on a busy runtime that may be later than the deadline, and
//! then no work is begun for somebody who has gone. The deadline is looked at before each step of a call;
//! a handler that never waits is one step, and is not cut short.
//!
//! Where there is more load than room, calls wait for their turn. Lookups that waited longer than
//! [`Terms::shed_after`] on a runtime that has had no moment of rest for [`BUSY_SPAN`] are refused at once,
//! so that those behind them need not wait as long: what is answered is answered in time, and the rest
//! learns early to go elsewhere. A limit on calls at once would see nothing, since a lookup never waits once
//! it has begun; and the wait alone would also refuse calls where the machine gave the thread no time for
//! some milliseconds, though there is room for all of them.

use std::{
    any::Any,
    cell::Cell,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use hyper::{
    HeaderMap, Response,
    header::{HeaderName, HeaderValue},
};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    access::{Access, Plane, Roles, Shown, is_shed},
    delivery::is_our_turn,
    hot::{ReplyBody, refused},
    measure::Arrival,
    status::Refusal,
};
use crate::{pb::Method, telemetry::Metrics};

/// The header's name (gRPC over HTTP/2).
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// Digits that it may have.
const DIGITS_MAX: usize = 8;

/// A runtime that has worked for so long without a rest has more to do than it can: a burst is over by then,
/// or has found the room for it.
const BUSY_SPAN: Duration = Duration::from_millis(100);

/// A runtime that waits for less than this had work to fetch, and no rest.
const REST: Duration = Duration::from_micros(100);

thread_local! {
    /// Since when the runtime of this thread has had no rest.
    static BUSY_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    /// When it began to wait for work.
    static WAITS_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A runtime's thread begins to wait for work.
pub(super) fn waits() {
    WAITS_SINCE.set(Some(Instant::now()));
}

/// A runtime's thread has work.
pub(super) fn works() {
    let now = Instant::now();
    let waited = WAITS_SINCE.get().map(|since| now.saturating_duration_since(since));
    if BUSY_SINCE.get().is_none() || waited.is_some_and(|waited| waited >= REST) {
        BUSY_SINCE.set(Some(now));
    }
}

fn is_overloaded() -> bool {
    BUSY_SINCE.get().is_some_and(|since| since.elapsed() > BUSY_SPAN)
}

/// What a listener holds its calls to.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Who may call what.
    pub(super) access: Access,
    /// A lookup that waited longer for its turn on a busy runtime is refused; none is without it.
    pub(super) shed_after: Option<Duration>,
}

/// Everybody may do everything, in their own time.
impl Default for Terms {
    fn default() -> Self {
        Self { access: Access::open(Plane::Shared, Roles::ALL), shed_after: None }
    }
}

/// A call whose headers have just come and which may be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    deadline: Option<Deadline>,
    /// When its turn is to have come, if it can come too late.
    turn_by: Option<Instant>,
}

impl Call {
    /// Admits a call from a connection whose peer has shown this.
    ///
    /// # Errors
    /// It may not be made, or its deadline is none.
    pub(super) fn admit(
        terms: &Terms,
        arrival: Arrival,
        headers: &HeaderMap,
        shown: &Shown,
    ) -> Result<Self, Refusal> {
        let method = terms.access.admit(arrival.method, headers, shown)?;
        let came = Instant::from_std(arrival.at);
        let deadline = Deadline::of(headers, came)?;
        let shed_after = terms.shed_after.filter(|_| is_shed(method));
        let turn_by = shed_after.and_then(|wait| came.checked_add(wait));
        Ok(Self { method, deadline, turn_by })
    }

    /// Its turn has come.
    ///
    /// # Errors
    /// It has come too late.
    pub(super) fn begin(self, metrics: &Metrics) -> Result<Self, Refusal> {
        if let Some(deadline) = self.deadline.filter(|deadline| deadline.is_over()) {
            return Err(Refusal::Late(deadline.wait));
        }
        if self.turn_by.is_some_and(|turn_by| Instant::now() > turn_by) && is_overloaded() {
            metrics.shed();
            return Err(Refusal::Shed);
        }
        Ok(self)
    }

    /// Answers it by its deadline, and with `INTERNAL` if its handler panics.
    pub(super) async fn guard(
        self,
        call: Pin<&mut impl Future<Output = Response<ReplyBody>>>,
    ) -> Response<ReplyBody> {
        guarded(call, self.deadline).await
    }
}

/// When a call's client gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deadline {
    at: Instant,
    wait: Duration,
}

impl Deadline {
    /// The deadline of a call whose headers have just come, if it has one.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the header is not what the protocol allows: a client whose deadline is not
    /// understood would wait for an answer that nobody hurries to give.
    fn of(headers: &HeaderMap, came: Instant) -> Result<Option<Self>, Refusal> {
        let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
        let found = || String::from_utf8_lossy(value.as_bytes()).into_owned();
        let wait = parse(value).ok_or_else(|| Refusal::BadTimeout(found()))?;
        // The largest, 99,999,999 hours, is eleven thousand years.
        let at = came.checked_add(wait);
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
async fn guarded(
    mut call: Pin<&mut impl Future<Output = Response<ReplyBody>>>,
    deadline: Option<Deadline>,
) -> Response<ReplyBody> {
    // Made once a call waits, which lookups never do; else each would carry the size of a timer.
    let mut alarm: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        if let Some(deadline) = deadline.filter(|deadline| deadline.is_over()) {
            return Poll::Ready(deadline.exceeded());
        }
        match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
            Ok(Poll::Ready(answer)) => return Poll::Ready(answer),
            Ok(Poll::Pending) => is_our_turn(),
            Err(panicked) => {
                log(panicked.as_ref());
                return Poll::Ready(refused(Refusal::Fault.into()));
            }
        }
        let Some(deadline) = deadline else { return Poll::Pending };
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline.at)));
        alarm.as_mut().poll(cx).map(|()| deadline.exceeded())
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

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn, pin::pin, task::Poll, time::Duration};

    use hyper::{HeaderMap, Response, header::HeaderValue};
    use tokio::time::Instant;
    use tonic::Code;

    use super::{BUSY_SINCE, BUSY_SPAN, Call, TIMEOUT, Terms};
    use crate::{
        pb::Method,
        service::{
            access::Shown,
            hot::{ReplyBody, refused},
            measure::Arrival,
            status::Refusal,
        },
        telemetry::Metrics,
    };

    /// What a call comes to that waited so much longer than it may, or shorter, on a runtime without a rest
    /// for so long. Its handler would answer `UNAVAILABLE`.
    fn answered(method: Method, is_late: bool, busy: Option<Duration>) -> Code {
        let terms = Terms { shed_after: Some(Duration::ZERO), ..Terms::default() };
        let arrival = Arrival { method: Some(method), at: std::time::Instant::now() };
        let call = Call::admit(&terms, arrival, &HeaderMap::new(), &Shown::default()).unwrap();
        let turn_by = call
            .turn_by
            .map(|turn_by| if is_late { turn_by } else { turn_by + Duration::from_secs(60) });
        BUSY_SINCE.set(busy.and_then(|busy| Instant::now().checked_sub(busy)));
        let handler = pin!(async { refused(Refusal::NotServing.into()) });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let call = Call { turn_by, ..call }.begin(&Metrics::default());
        let answer = match call {
            Ok(call) => runtime.block_on(call.guard(handler)),
            Err(refusal) => refused(refusal.into()),
        };
        status(&answer)
    }

    fn status<T>(answer: &Response<T>) -> Code {
        Code::from_bytes(answer.headers().get("grpc-status").unwrap().as_bytes())
    }

    #[test]
    fn only_a_lookup_that_is_late_on_a_runtime_without_a_rest_is_refused() {
        let long = Some(BUSY_SPAN + Duration::from_millis(1));
        let get = Method::GetRecommendations;
        assert_eq!(answered(get, true, long), Code::ResourceExhausted);
        assert_eq!(answered(get, false, long), Code::Unavailable, "it is in time");
        assert_eq!(answered(get, true, None), Code::Unavailable, "this is no runtime's thread");
        assert_eq!(answered(get, true, Some(Duration::ZERO)), Code::Unavailable, "it has rested");
        for method in [Method::HealthCheck, Method::BlockProducts, Method::ReflectionV1] {
            assert_eq!(answered(method, true, long), Code::Unavailable, "{}", method.path());
        }
    }
    /// A call whose client waits for so long.
    fn waited_for(timeout: &'static str) -> Call {
        let headers = HeaderMap::from_iter([(TIMEOUT, HeaderValue::from_static(timeout))]);
        let method = Some(Method::GetRecommendations);
        let arrival = Arrival { method, at: std::time::Instant::now() };
        Call::admit(&Terms::default(), arrival, &headers, &Shown::default()).unwrap()
    }

    #[test]
    fn no_call_is_begun_whose_deadline_is_over() {
        let begun = waited_for("0n").begin(&Metrics::default());
        assert!(matches!(begun, Err(Refusal::Late(Duration::ZERO))), "{begun:?}");
        assert!(waited_for("1H").begin(&Metrics::default()).is_ok());
    }

    /// Over the wire only answers are seen (`tests/hostile`); here, when handlers begin. A thread that is
    /// stopped between the look at the deadline and the handler begins late all the same: a few may.
    #[test]
    fn of_ten_thousand_calls_that_waited_no_handler_begins_after_its_deadline() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let method = Some(Method::GetRecommendations);
        let (mut begun, mut late, mut refused, mut over) = (0, 0, 0, 0);
        for number in 0..10_000 {
            // From a microsecond to 50 ms, and up to twice as long in the queue.
            let wait_us = 1 + number * 7_919 % 50_000;
            let waited = Duration::from_micros(wait_us * (number % 20) / 10);
            let timeout = HeaderValue::from_str(&format!("{wait_us}u")).unwrap();
            let at = std::time::Instant::now().checked_sub(waited).unwrap();
            let deadline = at + Duration::from_micros(wait_us);
            let headers = HeaderMap::from_iter([(TIMEOUT, timeout)]);
            let arrival = Arrival { method, at };
            let terms = Terms::default();
            over += usize::from(std::time::Instant::now() >= deadline);
            let call = Call::admit(&terms, arrival, &headers, &Shown::default()).unwrap();
            let Ok(call) = call.begin(&Metrics::default()) else {
                refused += 1;
                continue;
            };
            let start = Cell::new(None);
            let handler = pin!(poll_fn(|_| {
                start.set(Some(std::time::Instant::now()));
                Poll::Ready(refused_as_not_serving())
            }));
            let answer = runtime.block_on(call.guard(handler));
            match start.get() {
                Some(start) => {
                    begun += 1;
                    late += usize::from(start >= deadline);
                }
                None => assert_eq!(status(&answer), Code::DeadlineExceeded),
            }
        }
        println!("{begun} begun, {late} of them late; {refused} refused; {over} were over before");
        assert!(over > 3_000 && begun > 3_000 && late <= 10, "{late} of {begun} begun late");
        assert!(refused >= over, "{refused} of {over} refused");
    }

    fn refused_as_not_serving() -> Response<ReplyBody> {
        refused(Refusal::NotServing.into())
    }

    /// What a call is answered with, and how often its handler was asked, which never answers.
    fn unanswered(timeout: &'static str) -> (Code, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let asked = Cell::new(0);
        let handler = pin!(poll_fn(|_| {
            asked.set(asked.get() + 1);
            Poll::Pending
        }));
        let answer = runtime.block_on(async {
            // Asked first: to be woken by this one is to have no alarm of its own.
            tokio::select! {
                biased;
                () = tokio::time::sleep(Duration::from_secs(20)) => panic!("nobody woke it"),
                answer = waited_for(timeout).guard(handler) => answer,
            }
        });
        (status(&answer), asked.get())
    }

    #[test]
    fn a_handler_is_not_asked_after_its_deadline_and_not_waited_for() {
        assert_eq!(unanswered("0n"), (Code::DeadlineExceeded, 0));
        let (code, asked) = unanswered("20m");
        assert!(code == Code::DeadlineExceeded && asked <= 1, "{code:?}, asked {asked} times");
    }
}
