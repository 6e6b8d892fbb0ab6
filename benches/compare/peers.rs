//! The servers that Kindred is compared with, each in a process of its own: this program, started
//! with a role.

use std::{
    convert::Infallible,
    fs,
    future::Future,
    path::Path,
    pin::Pin,
    sync::{Arc, mpsc},
    task,
};

use kindred::{
    pb::{
        EncodedResponse, GetRecommendationsRequest, GetRecommendationsResponse,
        server::availability_service_server::AvailabilityServiceServer,
    },
    service::{Availabilities, Health, Recommendations, routes},
    snapshot::{Event, Gate, Live, LivePublisher, WatchOptions, Watcher},
    stock::{Publisher as _, Stock, StockView},
    store::{MAIN_TRACK, Store},
};
use prost::Message;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::server::{Router, Server, TcpIncoming},
};
use tonic_prost::ProstCodec;

use crate::structs;

/// What this process is to be.
#[derive(Clone, Copy)]
pub(crate) enum Peer<'a> {
    /// Stock tonic that answers the bytes of this file, held as bytes.
    Echo(&'a Path),
    /// Stock tonic that answers the bytes of this file, held as a tree of structs.
    EchoStructs(&'a Path),
    /// Stock tonic over the catalog of this store, with answers built as structs.
    Structs(&'a Path),
    /// Kindred's services under tonic's own server, on one runtime of two threads.
    TwoThreads(&'a Path),
    /// Stock tonic that answers what LMDB holds in this directory.
    #[cfg(feature = "bench-peers")]
    Lmdb(&'a Path),
}

impl<'a> Peer<'a> {
    /// The role of these arguments.
    pub(crate) fn named(name: &str, path: &'a Path) -> Option<Self> {
        Some(match name {
            "echo" => Self::Echo(path),
            "echo-structs" => Self::EchoStructs(path),
            "structs" => Self::Structs(path),
            "two-threads" => Self::TwoThreads(path),
            #[cfg(feature = "bench-peers")]
            "lmdb" => Self::Lmdb(path),
            _ => return None,
        })
    }

    /// The other way round.
    pub(crate) fn arguments(self) -> (&'static str, &'a Path) {
        match self {
            Self::Echo(path) => ("echo", path),
            Self::EchoStructs(path) => ("echo-structs", path),
            Self::Structs(path) => ("structs", path),
            Self::TwoThreads(path) => ("two-threads", path),
            #[cfg(feature = "bench-peers")]
            Self::Lmdb(path) => ("lmdb", path),
        }
    }

    /// Does it answer from a catalog, and take stock?
    pub(crate) fn has_catalog(self) -> bool {
        matches!(self, Self::Structs(_) | Self::TwoThreads(_))
    }
}

/// Serves until the process is killed.
pub(crate) fn serve(role: Peer<'_>) {
    let mut builder = if matches!(role, Peer::TwoThreads(_)) {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (router, watcher) = router(role);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        println!("listening on {address}");
        router.serve_with_incoming(incoming).await.unwrap();
        drop(watcher);
    });
}

fn router(role: Peer<'_>) -> (Router, Option<Watcher>) {
    let mut server = Server::builder();
    match role {
        Peer::Echo(reply) => {
            let reply = EncodedResponse::of(&fs::read(reply).unwrap());
            (server.add_service(Stub::new(move |_| reply.clone())), None)
        }
        Peer::EchoStructs(reply) => {
            let reply = fs::read(reply).unwrap();
            let reply = GetRecommendationsResponse::decode(reply.as_slice()).unwrap();
            (server.add_service(Stub::new(move |_| reply.clone())), None)
        }
        #[cfg(feature = "bench-peers")]
        Peer::Lmdb(dir) => {
            let answers = crate::lmdb::Answers::open(dir);
            (server.add_service(Stub::new(move |request| answers.of(&request))), None)
        }
        Peer::Structs(store) => {
            let (live, stock, watcher) = follow(store);
            let availabilities = Availabilities::new(stock, Live::clone(&live));
            let answer = move |request| structs::answer(&live.load().unwrap(), &request);
            let router = server
                .add_service(Stub::new(answer))
                .add_service(AvailabilityServiceServer::new(availabilities));
            (router, Some(watcher))
        }
        Peer::TwoThreads(store) => {
            let (live, stock, watcher) = follow(store);
            let recommendations = Recommendations::new(Live::clone(&live));
            let availabilities = Availabilities::new(stock, live);
            let routes = routes(recommendations, availabilities, None, &Health::new(), false);
            (server.add_routes(routes), Some(watcher))
        }
    }
}

/// Loads what a store's track names, with stock in memory over it.
fn follow(store: &Path) -> (Live, Stock, Watcher) {
    let store = Store::open(store).unwrap();
    let track = store.track(MAIN_TRACK).unwrap();
    let live = Live::default();
    let mut publisher = LivePublisher::new(Live::clone(&live));
    let (stock, _) =
        Stock::in_memory(move |view: &Arc<StockView>| publisher.publish(view)).unwrap();
    let (loaded, is_loaded) = mpsc::channel();
    let on_event = move |event: Event<'_>| {
        if matches!(event, Event::Live(_)) {
            loaded.send(()).ok();
        }
    };
    let (options, gate) = (WatchOptions::default(), Gate::default());
    let (slot, writer) = (Live::clone(&live), stock.clone());
    let watcher = Watcher::spawn(store, track, slot, writer, options, gate, on_event).unwrap();
    is_loaded.recv().unwrap();
    (live, stock, watcher)
}

/// A stub as tonic generates it for one unary method, around a function.
struct Stub<F>(Arc<F>);

impl<F> Stub<F> {
    fn new<R>(answer: F) -> Self
    where
        F: Fn(GetRecommendationsRequest) -> R,
    {
        Self(Arc::new(answer))
    }
}

impl<F> Clone for Stub<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> NamedService for Stub<F> {
    const NAME: &'static str = "kindred.v1.RecommendationService";
}

type Answering<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl<F, R> Service<http::Request<Body>> for Stub<F>
where
    F: Fn(GetRecommendationsRequest) -> R + Send + Sync + 'static,
    R: Message + Default + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Infallible>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = Method(Arc::clone(&self.0));
        Box::pin(async move {
            let codec = ProstCodec::<R, GetRecommendationsRequest>::default();
            Ok(Grpc::new(codec).unary(method, request).await)
        })
    }
}

struct Method<F>(Arc<F>);

impl<F, R> UnaryService<GetRecommendationsRequest> for Method<F>
where
    F: Fn(GetRecommendationsRequest) -> R + Send + Sync + 'static,
    R: Message + Default + 'static,
{
    type Response = R;
    type Future = Answering<Response<R>, Status>;

    fn call(&mut self, request: Request<GetRecommendationsRequest>) -> Self::Future {
        let answer = Arc::clone(&self.0);
        Box::pin(async move { Ok(Response::new(answer(request.into_inner()))) })
    }
}
