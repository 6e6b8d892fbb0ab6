//! The socket as HTTP/2 sees it: the preface that was read already, then the stream; writes that h2
//! gathers by itself; and an end for a peer that floods it or takes nothing.
//!
//! Where a writer can take several buffers at once, h2 hands it each payload of 256 bytes or more by
//! itself: one system call an answer. Where it cannot, payloads below 1,024 bytes are copied into one
//! buffer, and the answers of all streams that are ready leave in one call. A system call costs some
//! microseconds and copying a kilobyte some tens of nanoseconds, so this socket says that it cannot;
//! `hot::body` keeps payloads below that size.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::{Sleep, sleep},
};
use tokio_rustls::server::TlsStream;

use super::budget::{Budget, FAREWELL};

/// A connected stream.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Greeted already. Boxed: it is ten times the size of the others.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connected stream whose first bytes were read before.
#[derive(Debug)]
pub(super) struct Socket {
    /// What is to be read before anything else.
    first: &'static [u8],
    stream: Stream,
    budget: Budget,
    /// Nothing more is read from the peer.
    is_cut: bool,
    /// How long the peer may take no byte.
    delivery_wait: Duration,
    /// Runs while the peer takes nothing.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// Reads these bytes first. A write fails that has waited so long for the peer.
    pub(super) fn new(first: &'static [u8], stream: Stream, delivery_wait: Duration) -> Self {
        let budget = Budget::new(Instant::now());
        Self { first, stream, budget, is_cut: false, delivery_wait, alarm: None }
    }

    /// Reads what is to be read before anything else.
    fn read_first(&mut self, into: &mut ReadBuf<'_>) {
        let (now, later) = self.first.split_at(self.first.len().min(into.remaining()));
        into.put_slice(now);
        self.first = later;
    }

    /// What became of sending, or of waiting for a peer that takes nothing.
    #[inline]
    fn taken<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_pending() {
            return self.wait(cx).map(Err);
        }
        if self.alarm.is_some() {
            self.alarm = None;
        }
        sent
    }

    #[cold]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let wait = self.delivery_wait;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(wait)));
        ready!(alarm.as_mut().poll(cx));
        let text = format!("the peer took no byte for {wait:?}");
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, text))
    }
}

/// Does the same with whatever a stream is.
macro_rules! with {
    ($stream:expr, $one:ident => $work:expr) => {
        match $stream {
            Stream::Tcp($one) => $work,
            Stream::Unix($one) => $work,
            Stream::Tls($one) => $work,
        }
    };
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        with!(&mut *self, stream => Pin::new(stream).poll_read(cx, into))
    }
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.first.is_empty() || this.is_cut {
            this.read_first(into);
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        let came = into.filled().get(before..).unwrap_or_default();
        if let Some(kept) = this.budget.charge(came, Instant::now) {
            tracing::debug!("A peer sends more frames than its requests account for.");
            into.set_filled(before + kept);
            (this.first, this.is_cut) = (&FAREWELL, true);
            this.read_first(into);
        }
        Poll::Ready(Ok(()))
    }
}

// `is_write_vectored` stays at its default, which is no.
impl AsyncWrite for Socket {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = with!(&mut this.stream, stream => Pin::new(stream).poll_write(cx, bytes));
        let written = ready!(this.taken(cx, written))?;
        this.budget.sent(written);
        Poll::Ready(Ok(written))
    }

    /// TLS keeps what its peer does not take, and says so here.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = with!(&mut this.stream, stream => Pin::new(stream).poll_flush(cx));
        this.taken(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let closed = with!(&mut this.stream, stream => Pin::new(stream).poll_shutdown(cx));
        this.taken(cx, closed)
    }
}
