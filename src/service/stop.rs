//! The wish that the server end, given from any thread.

use tokio::sync::watch;

/// How near the end is. It only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Connections are accepted and served.
    Serving,
    /// What is in flight is finished; nothing new begins.
    Draining,
    /// Whatever is left is dropped.
    Cut,
}

/// Tells a server to end. Clones are the same wish; no async context is needed to give it.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Phase>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl Stop {
    /// A wish that nobody has given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the server in good order: what a first SIGTERM asks for.
    pub fn drain(&self) {
        advance(&self.0, Phase::Draining);
    }

    /// Ends the server at once, also out of a drain: what a second SIGTERM asks for.
    pub fn now(&self) {
        advance(&self.0, Phase::Cut);
    }

    /// Returns when the wish is this strong.
    pub(super) async fn reached(&self, phase: Phase) {
        let mut phases = self.0.subscribe();
        phases.wait_for(|now| *now >= phase).await.map(drop).expect("self keeps the sender alive");
    }
}

/// Moves on to a later phase; an earlier one changes nothing.
pub(super) fn advance(phases: &watch::Sender<Phase>, phase: Phase) {
    phases.send_if_modified(|now| {
        let later = phase > *now;
        *now = phase.max(*now);
        later
    });
}
