//! One connection from its first byte to its end.
//!
//! The HTTP/2 limits stand here because tonic's own server leaves the two that stop reset floods
//! unset. A handler that panics ends its own stream only: each stream is a task of its own.

use std::{
    error::Error,
    future::poll_fn,
    hash::{BuildHasher as _, RandomState},
    io,
    pin::pin,
    task::Poll,
    time::Duration,
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpStream, UnixStream},
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    access::Shown,
    delivery::Streams,
    hot::{self, Manners, Services},
    listener::{Accepted, AcceptedSocket},
    measure::Meter,
    socket::{Socket, Stream},
    stop::Phase,
    tls,
    untaken::{Untaken, Watch},
};

/// What an HTTP/2 client sends first (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Streams at once on one connection. Lookups never wait, so this is the longest queue one client
/// can build; hyper's default of 200 lets a few clients queue for seconds.
pub(super) const STREAMS_MAX: u32 = 64;

/// Resets our side may be driven to over a connection's life before it is closed. It stops
/// CVE-2025-8671 (MadeYouReset) and over-limit streams; tonic's default is no limit.
pub(super) const LOCAL_RESETS_MAX: usize = 1024;

/// Streams reset by the peer before we took them, before the connection is closed: rapid reset.
/// h2's own 20 also hits honest clients that hedge and cancel.
pub(super) const PENDING_RESETS_MAX: usize = 64;

/// Headers of one request: a token and a trace context with room. hyper's default is twice this.
pub(super) const HEADER_LIST_BYTES_MAX: u32 = 8 << 10;

/// The smallest frame limit the protocol allows; requests are far below it.
pub(super) const FRAME_BYTES_MAX: u32 = 16 << 10;

/// Request bytes in flight on a stream; a request is a few hundred bytes.
pub(super) const STREAM_WINDOW_BYTES: u32 = 64 << 10;

/// Request bytes in flight on a connection: what a peer can make us buffer.
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// The age of a connection that has none.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// How long a connection may do what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    /// Send its preface.
    pub(super) preface_wait: Duration,
    /// Live until its GOAWAY, a tenth more or less; for ever if nothing is said. Calls that are open then
    /// take the time they need: a resync may take minutes, and pings find a peer that is gone.
    pub(super) age: Option<Duration>,
    /// Be quiet before it is asked whether it still lives.
    pub(super) ping_interval: Duration,
    /// Leave that unanswered before it is taken for dead.
    pub(super) ping_wait: Duration,
    /// Let a request of one message be on its way.
    pub(super) request_wait: Duration,
    /// Let an answer, the last piece of one, or the whole of what is sent, wait for its peer.
    pub(super) delivery_wait: Duration,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// In good order, by the peer or by our GOAWAY.
    Closed,
    /// No TLS came to be: too slow, another protocol, or no certificate that was asked for.
    NoTls,
    /// No HTTP/2 preface came in time, or something else came in its place.
    NoPreface,
    /// An error of protocol or transport.
    Failed,
    /// Dropped by us at the drain's deadline.
    Cut,
}

/// Serves one connection to its end. The socket must be non-blocking.
pub(super) async fn serve(
    accepted: Accepted,
    services: Services,
    spans: Spans,
    mut phases: watch::Receiver<Phase>,
) -> Ending {
    let meter = Meter::new(services.measures(), accepted.socket.peer());
    // A drain does not shorten these waits: the first bytes of a peer that just connected may be on
    // their way, and its first request would be lost with them.
    let begun = tokio::select! {
        begun = Box::pin(begin(accepted, spans)) => begun,
        _ = phases.wait_for(|phase| *phase == Phase::Cut) => return Ending::Cut,
    };
    match begun {
        Ok((stream, shown)) => talk(stream, shown, (services, meter), spans, phases).await,
        Err(ending) => ending,
    }
}

/// Greets the peer, if the listener has TLS, and waits for its preface.
async fn begin(accepted: Accepted, spans: Spans) -> Result<(Stream, Shown), Ending> {
    let Accepted { socket, tls } = accepted;
    let mut shown = Shown::default();
    let mut stream = match (socket, tls) {
        (AcceptedSocket::Unix(stream), _) => {
            Stream::Unix(UnixStream::from_std(stream).map_err(|error| failed(&error))?)
        }
        (AcceptedSocket::Tcp(stream, _), tls) => {
            let stream = TcpStream::from_std(stream).map_err(|error| failed(&error))?;
            match tls {
                None => Stream::Tcp(stream),
                Some(tls) => {
                    let stream = tls.greet(stream).await.map_err(|error| {
                        tracing::debug!(%error, "A TLS handshake failed.");
                        Ending::NoTls
                    })?;
                    if let Some(certificate) = tls::certificate(&stream) {
                        shown = Shown::certificate(certificate);
                    }
                    Stream::Tls(Box::new(stream))
                }
            }
        }
    };
    match timeout(spans.preface_wait, read_preface(&mut stream)).await {
        Ok(Ok(preface)) if preface == *PREFACE => Ok((stream, shown)),
        Ok(Ok(_)) | Err(_) => Err(Ending::NoPreface),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Ending::Closed),
        Ok(Err(error)) => Err(failed(&error)),
    }
}

async fn read_preface(stream: &mut Stream) -> io::Result<[u8; PREFACE.len()]> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    Ok(preface)
}

/// HTTP/2 on a stream whose preface has been read already.
async fn talk(
    stream: Stream,
    shown: Shown,
    (services, meter): (Services, Meter),
    spans: Spans,
    mut phases: watch::Receiver<Phase>,
) -> Ending {
    let io = TokioIo::new(Socket::new(PREFACE, stream, spans.delivery_wait));
    let manners = Manners { wait: spans.request_wait, room: Some(services.room()) };
    let untaken = Untaken::default();
    let mut taken = Watch::new(untaken.clone(), spans.delivery_wait);
    let answer = service_fn(move |request| {
        let call = meter.begin(&request);
        let arrival = call.arrival();
        let request = (request, manners.clone());
        let answer = call.answered_by(hot::answer(services.clone(), &shown, arrival, request));
        let untaken = untaken.clone();
        async move { answer.await.map(|answer| answer.map(|body| untaken.counting(body))) }
    });
    let connection = builder(spans).serve_connection(io, answer);
    let mut connection = pin!(connection);
    let mut old = pin!(sleep(spans.age.map_or(FOR_EVER, jittered)));
    // So that a drain which began before this connection is seen.
    phases.mark_changed();
    loop {
        // The connection comes last: a peer that always has more to read uses up all that the runtime
        // lets a task do in one turn, and what is asked after that is never ready.
        tokio::select! {
            biased;
            changed = phases.changed() => {
                let phase = *phases.borrow_and_update();
                if changed.is_err() || phase == Phase::Cut {
                    return Ending::Cut;
                }
                if phase == Phase::Draining {
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = old.as_mut() => {
                connection.as_mut().graceful_shutdown();
                old.as_mut().reset(Instant::now() + FOR_EVER);
            }
            result = poll_fn(|cx| match connection.as_mut().poll(cx) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending => taken.poll_overdue(cx).map(|()| None),
            }) => match result {
                Some(Ok(())) => return Ending::Closed,
                Some(Err(error)) => return failed(&error),
                None => {
                    tracing::debug!("A peer does not take the rest of its answers.");
                    return Ending::Failed;
                }
            },
        }
    }
}

/// Between nine and eleven tenths of the span: connections that came together part one by one.
pub(super) fn jittered(span: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or_default();
    let more = (span / 5).mul_f64(f64::from(random) / f64::from(u32::MAX));
    (span - span / 10).saturating_add(more)
}

fn builder(spans: Spans) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams::new(spans.delivery_wait));
    builder
        .timer(TokioTimer::new())
        .adaptive_window(false)
        .max_concurrent_streams(STREAMS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(spans.ping_interval)
        .keep_alive_timeout(spans.ping_wait);
    builder
}

fn failed(error: &(impl Error + 'static)) -> Ending {
    tracing::debug!(error = error as &dyn Error, "A connection failed.");
    Ending::Failed
}
