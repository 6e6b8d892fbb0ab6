//! The asker: HTTP/2 by hand on one thread, so that it costs the least that it can, and a closed
//! loop: a stream sends its next request when it has its answer.

use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Method, Request, Version, header};
use kindred::load::METHOD;
use prost::Message;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::{Builder, Runtime},
    task::LocalSet,
};
use tokio_rustls::TlsConnector;

/// Requests as they go over the wire, in the order in which they are asked.
pub(crate) type Frames = Rc<[Bytes]>;

/// A message as one gRPC frame.
pub(crate) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(length + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap());
    message.encode(&mut frame).unwrap();
    frame.freeze()
}

/// What a burst did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// Calls that were answered.
    pub(crate) calls: u64,
    /// Bytes of the answers, with the frames' heads.
    pub(crate) bytes: u64,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

impl Done {
    pub(crate) fn calls_per_s(&self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }
}

/// The thread's event loop.
pub(crate) struct Loop {
    runtime: Runtime,
    set: LocalSet,
}

impl Loop {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, set: LocalSet::new() }
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.set.block_on(&self.runtime, work)
    }
}

/// Open connections to one gRPC server.
pub(crate) struct Connections {
    senders: Vec<SendRequest<Bytes>>,
    streams: usize,
    uri: http::Uri,
    frames: Frames,
    next: usize,
}

impl Connections {
    pub(crate) fn open(
        on: &Loop,
        address: SocketAddr,
        (connections, streams): (usize, usize),
        frames: Frames,
    ) -> Self {
        let senders = on.run(async {
            let mut senders = Vec::with_capacity(connections);
            for _ in 0..connections {
                senders.push(greet(connect(address).await).await);
            }
            senders
        });
        let uri = format!("http://{address}{METHOD}").parse().unwrap();
        Self { senders, streams, uri, frames, next: 0 }
    }

    /// The same over TLS, to a server that calls itself `localhost`.
    pub(crate) fn open_tls(
        on: &Loop,
        address: SocketAddr,
        (connections, streams): (usize, usize),
        frames: Frames,
        connector: &TlsConnector,
    ) -> Self {
        let senders = on.run(async {
            let mut senders = Vec::with_capacity(connections);
            for _ in 0..connections {
                let name = "localhost".try_into().unwrap();
                let stream = connector.connect(name, connect(address).await).await.unwrap();
                senders.push(greet(stream).await);
            }
            senders
        });
        let uri = format!("https://localhost:{}{METHOD}", address.port()).parse().unwrap();
        Self { senders, streams, uri, frames, next: 0 }
    }

    /// Asks for so long on all streams of all connections.
    pub(crate) fn burst(&mut self, on: &Loop, length: Duration) -> Done {
        let start = Instant::now();
        let end = start + length;
        let lanes = self.senders.len() * self.streams;
        let (mut done, mut asked) = (Done::default(), 0);
        on.run(async {
            let lane = |number: usize| {
                let sender = self.senders[number % self.senders.len()].clone();
                let (uri, frames) = (self.uri.clone(), Rc::clone(&self.frames));
                let first = self.next + number;
                tokio::task::spawn_local(ask(sender, uri, frames, (first, lanes), end))
            };
            let running = (0..lanes).map(lane).collect::<Vec<_>>();
            for lane in running {
                let (calls, bytes) = lane.await.unwrap();
                done.calls += calls;
                done.bytes += bytes;
                asked = asked.max(calls);
            }
        });
        done.took = start.elapsed();
        self.next += usize::try_from(asked).unwrap() * lanes;
        done
    }

    /// One answer, without its frame's head.
    pub(crate) fn answer(&self, on: &Loop, frame: &Bytes) -> Bytes {
        on.run(async {
            let mut sender = self.senders[0].clone().ready().await.unwrap();
            let mut body = BytesMut::new();
            exchange(&mut sender, &self.uri, frame, |chunk| body.extend_from_slice(chunk)).await;
            body.freeze().slice(5..)
        })
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn greet(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::task::spawn_local(async move { drop(connection.await) });
    sender
}

/// Asks one request after the other; gives how many were answered, and their bytes.
async fn ask(
    sender: SendRequest<Bytes>,
    uri: http::Uri,
    frames: Frames,
    (first, step): (usize, usize),
    end: Instant,
) -> (u64, u64) {
    let mut sender = sender.ready().await.unwrap();
    let (mut calls, mut bytes, mut next) = (0, 0, first);
    while Instant::now() < end {
        exchange(&mut sender, &uri, &frames[next % frames.len()], |chunk| {
            bytes += chunk.len() as u64;
        })
        .await;
        calls += 1;
        next += step;
        sender = sender.ready().await.unwrap();
    }
    (calls, bytes)
}

/// One call; it must succeed.
async fn exchange(
    sender: &mut SendRequest<Bytes>,
    uri: &http::Uri,
    frame: &Bytes,
    mut take: impl FnMut(&[u8]),
) {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let (response, mut body) = sender.send_request(request, false).unwrap();
    body.send_data(frame.clone(), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.unwrap();
        take(&chunk);
        body.flow_control().release_capacity(chunk.len()).unwrap();
    }
    let trailers: Option<HeaderMap> = body.trailers().await.unwrap();
    let status = trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
    assert_eq!(status.map(HeaderValue::as_bytes), Some(b"0".as_slice()), "{trailers:?}");
}
