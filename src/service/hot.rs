//! The hot methods, answered before the router: why, and when not.
//!
//! `GetRecommendations` and `BatchGetRecommendations` are called for every page that a shop renders. The
//! generated stub gives such a call to a router, boxes its future and its body, decodes it as a stream
//! of messages and encodes the answer into a buffer of its own. None of that is needed for one message
//! that came whole, so it is answered here: the request is read from its frame, the same functions as
//! the stub's compute the answer (`answers`), and the frame they give goes to HTTP/2 in a few pieces.
//!
//! **Only what is ordinary is answered here.** A call is ordinary if it is a POST without an encoding,
//! and its body is one uncompressed frame of at most `REQUEST_BYTES_MAX` bytes that decodes, without
//! trailers. Whatever else comes (compressed, oversized, cut, two messages, garbage, a body that
//! breaks) goes to the router with the bytes that were read put back before the rest, so that it gets
//! the stub's answer and not an imitation of it. `tests/hot.rs` holds both paths against each other,
//! byte by byte, over good and bad requests.
//!
//! A refused call is answered here too: the stub turns the same `Status` into the same headers.

mod body;
mod request;
mod timely;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{Method, Request, Response, body::Incoming, header, header::HeaderValue};
use prost::Message;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Service as _, http::request::Parts},
    service::Routes,
};

pub(super) use self::{body::ReplyBody, timely::Manners};
use self::{
    request::{Read, read, read_off},
    timely::Timely,
};
use super::{
    Access, AccessLog, Recommendations,
    access::Shown,
    call::{Call, Terms},
    measure::{Arrival, Measures},
    room::{ListenerRoom, NoRoom, Room},
    status::Refusal,
};
use crate::{
    model::limits::RESPONSE_BYTES_MAX,
    pb::{self, EncodedResponse},
    telemetry::{Connections, Metrics, Traces},
};

/// Its presence makes a call extraordinary.
const ENCODING: &str = "grpc-encoding";
const STATUS: &str = "grpc-status";
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// All services of a listener: the router, what is answered before it, and what calls are held to.
#[derive(Clone, Debug)]
pub struct Services(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    routes: Routes,
    hot: Option<Recommendations>,
    terms: Terms,
    measures: Measures,
    room: ListenerRoom,
}

impl Services {
    /// The hot methods are answered from these recommendations, all others by the router, which has
    /// them as well.
    #[must_use]
    pub fn new(routes: Routes, hot: Recommendations) -> Self {
        Self(Arc::new(Inner {
            routes,
            hot: Some(hot),
            terms: Terms::default(),
            measures: <_>::default(),
            room: <_>::default(),
        }))
    }

    /// The same, with calls and connections counted here and written to this log.
    #[must_use]
    pub fn measured(self, metrics: Metrics, access_log: AccessLog) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.measures = Measures { metrics, access_log, ..inner.measures };
        Self(Arc::new(inner))
    }

    /// The same, with spans of sampled calls going here.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.measures.traces = traces;
        Self(Arc::new(inner))
    }

    /// The same for those who may.
    #[must_use]
    pub fn for_those(self, access: Access) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.room = ListenerRoom::of(access.plane());
        inner.terms.access = access;
        Self(Arc::new(inner))
    }

    /// The same, but lookups whose turn on an overloaded runtime comes later than this are refused with
    /// `RESOURCE_EXHAUSTED` and when to try again.
    #[must_use]
    pub fn shed_after(self, wait: Option<Duration>) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.terms.shed_after = wait;
        Self(Arc::new(inner))
    }

    /// What calls are measured with.
    pub(super) fn measures(&self) -> &Measures {
        &self.0.measures
    }

    /// Room for what waits for the peer of a new connection.
    pub(super) fn room(&self) -> Room {
        self.0.room.connection()
    }

    /// Where connections are counted.
    pub(super) fn connections(&self) -> &Connections {
        self.0.measures.metrics.connections(self.0.terms.access.listener())
    }
}

/// Everything goes to the router.
impl From<Routes> for Services {
    fn from(routes: Routes) -> Self {
        Self(Arc::new(Inner {
            routes,
            hot: None,
            terms: Terms::default(),
            measures: <_>::default(),
            room: <_>::default(),
        }))
    }
}

/// What the bytes of a message are asked.
type Answer = fn(&Recommendations, Bytes) -> Option<Result<EncodedResponse, Status>>;

/// Answers any call of a connection whose peer has shown this. Its deadline and its wait count from
/// this call, not from when the answer is first asked for.
pub(super) fn answer(
    services: Services,
    shown: &Shown,
    arrival: Arrival,
    (request, manners): (Request<Incoming>, Manners),
) -> impl Future<Output = Result<Response<ReplyBody>, Infallible>> + use<> {
    let terms = &services.0.terms;
    let (parts, body) = request.into_parts();
    let call = Call::admit(terms, arrival, &parts.headers, shown);
    // Boxed: the future is moved some times on its way to its task, and they are most of its size.
    let parts = Box::new(parts);
    async move {
        let call = call.and_then(|call| call.begin(&services.0.measures.metrics));
        Ok(match call {
            Ok(call) => {
                let answer = answered(&services, call.method, parts, (body, manners));
                call.guard(pin!(answer)).await
            }
            Err(refusal) => {
                // Who holds a conversation may wait for this answer before it says more.
                if arrival.method.is_some_and(has_one_message) {
                    // What is thrown away as it comes needs no room.
                    read_off(Timely::new(body, Manners { room: None, ..manners })).await;
                }
                refused(refusal.into())
            }
        })
    }
}

async fn answered(
    services: &Services,
    method: pb::Method,
    parts: Box<Parts>,
    (body, manners): (Incoming, Manners),
) -> Response<ReplyBody> {
    let Inner { routes, hot, .. } = &*services.0;
    if !has_one_message(method) {
        return routed(routes, Request::from_parts(*parts, Body::new(body)), None).await;
    }
    let room = manners.room.clone().filter(|_| !changes_something(method));
    let body = Timely::new(body, manners);
    let (Some(hot), Some(answer)) = (hot, hot_answer(method, &parts)) else {
        return routed(routes, Request::from_parts(*parts, Body::new(body)), room).await;
    };
    let unread = match read(body).await {
        Read::Message { message, unread } => match answer(hot, message) {
            Some(Ok(reply)) if is_sendable(&reply) => {
                // It was read, and its answer must find the room that it had.
                drop(unread);
                return whole(reply, room.as_ref());
            }
            Some(Err(status)) => return refused(status),
            Some(Ok(_)) | None => unread,
        },
        Read::Other(unread) => unread,
    };
    routed(routes, Request::from_parts(*parts, Body::new(unread)), room).await
}

/// Is the request of this method one message? The others are conversations, with bounds of their own.
fn has_one_message(method: pb::Method) -> bool {
    use pb::Method::{ReflectionV1, ReflectionV1alpha, ReplaceAvailability};
    ![ReplaceAvailability, ReflectionV1, ReflectionV1alpha].contains(&method)
}

/// Does a call of this method leave something changed? Its answer is never refused then: whoever is told that
/// there was no room would do it once more.
fn changes_something(method: pb::Method) -> bool {
    use pb::Method::{
        ActivateSnapshot, BatchUpdateAvailability, BlockProducts, HoldSnapshot, ReleaseSnapshot,
        RollbackSnapshot, UnblockProducts,
    };
    [
        BatchUpdateAvailability,
        BlockProducts,
        UnblockProducts,
        ActivateSnapshot,
        RollbackSnapshot,
        HoldSnapshot,
        ReleaseSnapshot,
    ]
    .contains(&method)
}

/// How to answer a request, if it may be an ordinary call of a hot method.
fn hot_answer(method: pb::Method, parts: &Parts) -> Option<Answer> {
    let answer: Answer = if method == pb::Method::GetRecommendations {
        |hot, message| Some(hot.get(&decode(message)?))
    } else if method == pb::Method::BatchGetRecommendations {
        |hot, message| Some(hot.batch_get(&decode(message)?))
    } else {
        return None;
    };
    let is_plain = parts.method == Method::POST && !parts.headers.contains_key(ENCODING);
    is_plain.then_some(answer)
}

fn decode<M: Message + Default>(message: Bytes) -> Option<M> {
    M::decode(message).ok()
}

/// Else the stub says that it is too large.
fn is_sendable(reply: &EncodedResponse) -> bool {
    reply.encoded_len() <= RESPONSE_BYTES_MAX
}

fn whole(reply: EncodedResponse, room: Option<&Room>) -> Response<ReplyBody> {
    let Ok(body) = ReplyBody::whole(reply.into_frame(), room) else {
        return refused(Refusal::NoRoom.into());
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

/// The answer to a call that is refused.
pub(super) fn refused(status: Status) -> Response<ReplyBody> {
    status.into_http::<Body>().map(ReplyBody::routed)
}

/// Boxed, so that the hot path does not carry the size of the router's future. An answer of one message has room
/// or is refused.
///
/// A message that cannot be read is the caller's fault, and tonic calls it `INTERNAL`, which operators are
/// woken for; no handler of ours does (`status`), and one that panics is answered elsewhere (`call`).
async fn routed(
    routes: &Routes,
    request: Request<Body>,
    room: Option<Room>,
) -> Response<ReplyBody> {
    let mut routes = routes.clone();
    Box::pin(async move {
        let mut response = match routes.call(request).await {
            Ok(response) => response.map(ReplyBody::routed),
            Err(never) => match never {},
        };
        if let Some(code) = response.headers_mut().get_mut(STATUS)
            && Code::from_bytes(code.as_bytes()) == Code::Internal
        {
            *code = HeaderValue::from(i32::from(Code::InvalidArgument));
        }
        let Some(room) = room else { return response };
        let (head, body) = response.into_parts();
        match body.in_room(&room).await {
            Ok(body) => Response::from_parts(head, body),
            Err(NoRoom) => refused(Refusal::NoRoom.into()),
        }
    })
    .await
}
