//! `grpc.health.v1` from one state that any thread may set.
//!
//! tonic-health gives the messages and the stub; its reporter is not used, because it starts the
//! name `""` as `SERVING`, can be told only from async code, and ends a Watch only by forgetting
//! the name, so that a Check during the drain answers `NOT_FOUND` instead of `NOT_SERVING`.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Sleep, sleep},
};
use tokio_stream::{Stream, StreamExt as _, wrappers::WatchStream};
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health as HealthRpc, HealthServer},
};

use crate::{
    model::limits,
    pb::server::{
        availability_service_server, recommendation_service_server, snapshot_service_server,
    },
};

/// The names that have a status: the server as a whole, and its services.
const NAMES: [&str; 4] = [
    "",
    recommendation_service_server::SERVICE_NAME,
    availability_service_server::SERVICE_NAME,
    snapshot_service_server::SERVICE_NAME,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    NotServing,
    Serving,
    Draining,
    /// Watches end here.
    Ended,
}

/// What the server says of itself. Clones share one state.
#[derive(Clone, Debug)]
pub struct Health(watch::Sender<State>);

impl Default for Health {
    fn default() -> Self {
        Self(watch::Sender::new(State::NotServing))
    }
}

impl Health {
    /// Not serving yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether lookups can be answered. Works from any thread; a drain that has begun stands.
    pub fn set_serving(&self, serving: bool) {
        let wanted = if serving { State::Serving } else { State::NotServing };
        self.move_to(|now| if now < State::Draining { wanted } else { now });
    }

    /// Would a Check answer `SERVING`?
    #[must_use]
    pub fn is_serving(&self) -> bool {
        *self.0.borrow() == State::Serving
    }

    /// Has the drain begun?
    pub(super) fn is_draining(&self) -> bool {
        *self.0.borrow() >= State::Draining
    }

    /// Not serving from here on, for good.
    pub(super) fn drain(&self) {
        self.move_to(|now| now.max(State::Draining));
    }

    /// Ends every Watch: one that stays open would hold its connection until the deadline.
    pub(super) fn end_watches(&self) {
        self.move_to(|now| now.max(State::Ended));
    }

    /// Returns when Watches are to end.
    pub(super) fn watches_end(&self) -> impl Future<Output = ()> + use<> {
        let mut states = self.0.subscribe();
        async move {
            // Without any sender nobody serves any more.
            states.wait_for(|state| *state == State::Ended).await.ok();
        }
    }

    /// The service of this state, for one listener or several.
    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService(self.0.clone()))
            .max_decoding_message_size(limits::REQUEST_BYTES_MAX)
            .max_encoding_message_size(limits::RESPONSE_BYTES_MAX)
    }

    fn move_to(&self, next: impl FnOnce(State) -> State) {
        self.0.send_if_modified(|state| {
            let before = std::mem::replace(state, next(*state));
            before != *state
        });
    }
}

/// Answers Check and Watch.
#[derive(Debug)]
pub(super) struct HealthService(watch::Sender<State>);

#[tonic::async_trait]
impl HealthRpc for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = &request.get_ref().service;
        if !is_known(name) {
            return Err(Status::not_found(format!("no status for {name:?}; known are {NAMES:?}")));
        }
        Ok(Response::new(response(status(*self.0.borrow()))))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

    /// The health protocol has an unknown name watched as `SERVICE_UNKNOWN`, not refused.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let known = is_known(&request.get_ref().service);
        let mut sent = None;
        let age = Duration::from_secs(limits::HEALTH_WATCH_S);
        let changes = WatchStream::new(self.0.subscribe()).filter_map(move |state| {
            if state == State::Ended {
                return Some(Err(Status::unavailable("the server is shutting down")));
            }
            let status = if known { status(state) } else { ServingStatus::ServiceUnknown };
            (sent.replace(status) != Some(status)).then(|| Ok(response(status)))
        });
        Ok(Response::new(Box::pin(aged(changes, age))))
    }
}

/// A Watch that ends at its age.
struct Aged<S> {
    changes: S,
    /// Nothing once it has ended.
    end: Option<Pin<Box<Sleep>>>,
}

fn aged<S>(changes: S, age: Duration) -> Aged<S> {
    Aged { changes, end: Some(Box::pin(sleep(age))) }
}

impl<S: Stream<Item = Result<HealthCheckResponse, Status>> + Unpin> Stream for Aged<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        if end.as_mut().poll(cx).is_ready() {
            self.end = None;
            let text = "the stream is old; open it anew";
            return Poll::Ready(Some(Err(Status::unavailable(text))));
        }
        Pin::new(&mut self.changes).poll_next(cx)
    }
}

fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

fn status(state: State) -> ServingStatus {
    match state {
        State::Serving => ServingStatus::Serving,
        State::NotServing | State::Draining | State::Ended => ServingStatus::NotServing,
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    /// A peer that keeps a Watch open keeps its connection, also beyond its GOAWAY.
    #[test]
    fn a_watch_ends_at_its_age() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let serving = || Ok(response(ServingStatus::Serving));
            let changes = tokio_stream::iter([serving()]).chain(tokio_stream::pending());
            let mut watch = aged(changes, Duration::from_millis(200));
            assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
            let last = watch.next().await.unwrap().unwrap_err();
            assert_eq!(last.code(), Code::Unavailable);
            assert!(watch.next().await.is_none());
        });
    }
}
