//! A client that means well: 200 lookups a second on one connection, each at its appointed time.
//!
//! A call counts from when it was to begin, not from when the one before let it, so that a server that
//! stands still for a second shows in two hundred latencies and not in one.

use std::{net::SocketAddr, time::Duration};

use kindred::pb;
use tokio::time::{Instant, error::Elapsed, sleep_until, timeout};
use tonic::{Response, Status};

use crate::calls::{CROSS_SELL, asking, client, endlessly};

/// One call each.
const PACE: Duration = Duration::from_millis(5);

/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a span of calls was like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) calls: usize,
    pub(crate) failed: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Asks the demo for this long.
pub(crate) fn run(address: SocketAddr, span: Duration) -> Seen {
    calls(address, span, asking(&[CROSS_SELL], &["toy-car"]), |answer| {
        !answer.recommendations.is_empty()
    })
}

/// Asks this for so long; an answer that is not right has failed.
pub(crate) fn calls(
    address: SocketAddr,
    span: Duration,
    request: pb::GetRecommendationsRequest,
    is_right: impl Fn(&pb::GetRecommendationsResponse) -> bool,
) -> Seen {
    let seen = endlessly(async {
        let first = client(address).await;
        let (begun, calls) = (Instant::now(), span.as_micros() / PACE.as_micros());
        let mut all = tokio::task::JoinSet::new();
        for call in 0..u32::try_from(calls).unwrap() {
            let at = begun + PACE * call;
            sleep_until(at).await;
            let (mut client, request) = (first.clone(), request.clone());
            all.spawn(async move {
                let call = timeout(PATIENCE, client.get_recommendations(request)).await;
                (call, at.elapsed())
            });
        }
        all.join_all().await
    });
    let right = |(call, took): (Result<Result<Response<_>, Status>, Elapsed>, Duration)| {
        match call {
            Ok(Ok(answer)) if is_right(answer.get_ref()) => return Some(took),
            Ok(Ok(answer)) => println!("not the right answer: {:?}", answer.into_inner()),
            Ok(Err(status)) => println!("failed: {status}"),
            Err(_) => println!("no answer within {PATIENCE:?}"),
        }
        None
    };
    Seen::of(&seen.into_iter().map(right).collect::<Vec<_>>())
}

impl Seen {
    /// What came of these calls.
    pub(crate) fn of(calls: &[Option<Duration>]) -> Self {
        let mut latencies =
            calls.iter().flatten().map(|one| one.as_secs_f64() * 1e3).collect::<Vec<_>>();
        latencies.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let place = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
            latencies.get(place).copied().unwrap_or(f64::INFINITY)
        };
        let failed = calls.len() - latencies.len();
        Self { calls: calls.len(), failed, p50_ms: at(50), p99_ms: at(99) }
    }

    /// Is this as good as the control, taken alone right before?
    ///
    /// Three times the control's p99, or ten milliseconds more: the machine is shared, and one turn
    /// of its scheduler's for somebody else (3 to 4 ms each, some in a row) says nothing about the
    /// server. Where the control is below a millisecond, its triple is below one such turn.
    pub(crate) fn is_fine(self, control: Self) -> bool {
        self.failed == 0 && self.p99_ms <= (3.0 * control.p99_ms).max(control.p99_ms + 10.0)
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { calls, failed, p50_ms, p99_ms } = self;
        write!(f, "{failed}/{calls} failed, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms")
    }
}
