//! The tasks of streams, and the end of one whose peer does not take its answer.
//!
//! A peer that never opens its flow-control window leaves the answer in our memory, and its stream
//! waits for ever: hyper asks nobody in that case. So each stream's task looks at what it waits for. If
//! its handler or its body is at work, that is said by [`is_our_turn`] while the task is polled; if
//! nobody says so, the task waits for the peer, and an alarm runs. When it goes off the task is dropped,
//! which resets the stream. A task that never waits, as nearly all, pays for a store and a load. What is
//! left in HTTP/2 when its task is done is `untaken`'s to end.

use std::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

thread_local! {
    static IS_OUR_TURN: Cell<bool> = const { Cell::new(false) };
}

/// The stream whose task is polled now waits for us, not for its peer.
#[inline]
pub(super) fn is_our_turn() {
    IS_OUR_TURN.set(true);
}

/// Spawns the tasks of a connection's streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams {
    wait: Duration,
}

impl Streams {
    /// An answer that has waited so long for its peer is dropped.
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        tokio::spawn(Delivery { stream, wait: self.wait, alarm: None });
    }
}

pin_project! {
    /// The task of one stream.
    struct Delivery<F> {
        #[pin]
        stream: F,
        wait: Duration,
        // Runs while the stream waits for its peer. Boxed, so that others do not carry its size.
        alarm: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future<Output = ()>> Future for Delivery<F> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        IS_OUR_TURN.set(false);
        if this.stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if IS_OUR_TURN.get() {
            *this.alarm = None;
            return Poll::Pending;
        }
        this.alarm.get_or_insert_with(|| Box::pin(sleep(*this.wait))).as_mut().poll(cx)
    }
}
