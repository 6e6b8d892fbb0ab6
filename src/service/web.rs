//! Metrics and probes over HTTP/1.1, on a listener, a thread and a runtime of their own: they answer
//! while the runtimes of lookups are busy, and whoever floods them holds up nobody else.
//!
//! `/metrics` is the page of OpenMetrics, `/healthz` says that the process answers, `/readyz` says 200
//! exactly while health says `SERVING`, else 503 and why. A connection is for one request, and has a
//! deadline; bodies are ignored. Nothing here is secret, and nothing can be changed.
//!
//! There are few seats. Whoever comes when all are taken has the seat of whoever has been silent for
//! longest: a probe sends its request as it connects, and waits for nobody's deadline.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hyper::{
    Method, Request, Response, StatusCode,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    runtime::Builder,
    sync::oneshot,
    task::AbortHandle,
    time::timeout,
};

use super::{
    Listener, Readiness,
    accept::Throttle,
    listener::{AcceptedSocket, Watched},
};
use crate::{
    model::limits::{WEB_CALL_WAIT, WEB_CONNECTIONS_MAX, WEB_HEAD_WAIT},
    telemetry::Metrics,
};

/// What Prometheus asks for: the text form of OpenMetrics.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Pause after an error of accept, as when descriptors run out.
const PAUSE: Duration = Duration::from_millis(100);

/// The listener's thread. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Web {
    /// The thread runs until this is dropped.
    _running: oneshot::Sender<Infallible>,
}

#[derive(Clone, Debug)]
struct Sources {
    metrics: Metrics,
    readiness: Arc<Readiness>,
    waits: Waits,
}

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// To send the head of its request.
    pub(super) head: Duration,
    /// In all.
    pub(super) call: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self { head: WEB_HEAD_WAIT, call: WEB_CALL_WAIT }
    }
}

impl Web {
    /// Answers from these metrics and this readiness until it is dropped.
    ///
    /// # Errors
    /// The system refuses the thread, the runtime or to watch the listener.
    pub fn spawn(
        listener: Listener,
        metrics: Metrics,
        readiness: Arc<Readiness>,
    ) -> io::Result<Self> {
        Self::spawn_with(listener, metrics, readiness, Waits::default())
    }

    pub(super) fn spawn_with(
        listener: Listener,
        metrics: Metrics,
        readiness: Arc<Readiness>,
        waits: Waits,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (running, stopped) = oneshot::channel::<Infallible>();
        let sources = Sources { metrics, readiness, waits };
        let watched = {
            let _context = runtime.enter();
            listener.watched()?
        };
        thread::Builder::new().name("kindred-web".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(&watched, &sources) => {}
                }
            });
        })?;
        Ok(Self { _running: running })
    }
}

/// Who is connected, in the order in which they came.
#[derive(Debug, Default)]
struct Seats(VecDeque<Seat>);

#[derive(Debug)]
struct Seat {
    connection: AbortHandle,
    /// The head of its request has come.
    has_asked: Arc<AtomicBool>,
}

impl Seats {
    /// Makes room for one more, if need be by closing the oldest that has not asked yet.
    fn make_room(&mut self) {
        self.0.retain(|seat| !seat.connection.is_finished());
        if self.0.len() < WEB_CONNECTIONS_MAX {
            return;
        }
        let silent = self.0.iter().position(|seat| !seat.has_asked.load(Ordering::Relaxed));
        if let Some(seat) = self.0.remove(silent.unwrap_or_default()) {
            tracing::debug!("All connections for metrics are taken; the oldest is closed.");
            seat.connection.abort();
        }
    }
}

/// Accepts for ever.
async fn accept(listener: &Watched, sources: &Sources) {
    let mut seats = Seats::default();
    let mut warning = Throttle::default();
    loop {
        let begun = listener.accept().await.and_then(|accepted| {
            seats.make_room();
            seats.0.push_back(match accepted.socket {
                AcceptedSocket::Tcp(stream, _) => {
                    spawn(TcpStream::from_std(stream)?, sources.clone())
                }
                AcceptedSocket::Unix(stream) => {
                    spawn(UnixStream::from_std(stream)?, sources.clone())
                }
            });
            Ok(())
        });
        if let Err(error) = begun {
            if warning.allows(Instant::now()) {
                tracing::warn!(%error, "Connections for metrics cannot be accepted.");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Serves one request on a connection.
fn spawn(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, sources: Sources) -> Seat {
    let waits = sources.waits;
    let has_asked = Arc::<AtomicBool>::default();
    let asked = Arc::clone(&has_asked);
    let connection = tokio::spawn(async move {
        let answer = service_fn(move |request| {
            asked.store(true, Ordering::Relaxed);
            let response = answer(&request, &sources);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .header_read_timeout(waits.head)
            .serve_connection(TokioIo::new(stream), answer);
        match timeout(waits.call, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "A connection for metrics failed."),
            Err(_) => tracing::debug!("A connection for metrics took too long."),
        }
    });
    Seat { connection: connection.abort_handle(), has_asked }
}

fn answer<B>(request: &Request<B>, sources: &Sources) -> Response<String> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "expected GET or HEAD\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => match sources.metrics.scrape() {
            Ok(page) => with_type(StatusCode::OK, page, OPEN_METRICS),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => match sources.readiness.why_not() {
            None => text(StatusCode::OK, "ready\n"),
            Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "expected /metrics, /healthz or /readyz\n"),
    }
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<String> {
    with_type(status, body.into(), TEXT)
}

fn with_type(status: StatusCode, body: String, content_type: HeaderValue) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
