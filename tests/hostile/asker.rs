//! A client of proper HTTP/2 that may say any header and any body: who it asks is told nothing else
//! than what it gives.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::{net::TcpStream, time::timeout};

/// How long an answer may take that is none.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    /// A gRPC status.
    Status(u32),
    /// An answer of HTTP without one.
    Http(u16),
    /// The stream was reset with this code.
    Reset(u32),
    /// The connection went away with this code, and the request was not processed.
    GoAway(u32),
    /// Nothing came in time, or the connection broke.
    Nothing,
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    sender: SendRequest<Bytes>,
    address: SocketAddr,
}

impl Asker {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, h2::Error> {
        let stream = TcpStream::connect(address).await.map_err(h2::Error::from_io)?;
        stream.set_nodelay(true).map_err(h2::Error::from_io)?;
        let (sender, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(async { connection.await.ok() });
        Ok(Self { sender, address })
    }

    /// A request with these headers beside what every call says, and this body.
    pub(crate) async fn ask(
        &self,
        path: &str,
        headers: &[(&str, &[u8])],
        body: impl Into<Bytes>,
    ) -> Told {
        match timeout(PATIENCE, self.asked(path, headers, body.into())).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                let code = error.reason().map(u32::from);
                match code {
                    Some(code) if error.is_go_away() => Told::GoAway(code),
                    Some(code) if error.is_reset() => Told::Reset(code),
                    _ => Told::Nothing,
                }
            }
            Err(_) => Told::Nothing,
        }
    }

    async fn asked(
        &self,
        path: &str,
        headers: &[(&str, &[u8])],
        body: Bytes,
    ) -> Result<Told, h2::Error> {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method("POST").uri(uri).header("te", "trailers");
        request = request.header("content-type", "application/grpc");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut sending) = sender.send_request(request.body(()).unwrap(), false)?;
        // A server that has answered already may have closed the stream.
        sending.send_data(body, true).ok();
        let (head, mut body) = response.await?.into_parts();
        while let Some(data) = body.data().await {
            let len = data?.len();
            body.flow_control().release_capacity(len)?;
        }
        let trailers = body.trailers().await?.unwrap_or_default();
        let status = |headers: &HeaderMap| {
            headers.get("grpc-status").map(|status| status.to_str().unwrap().parse().unwrap())
        };
        let status = status(&head.headers).or_else(|| status(&trailers));
        Ok(status.map_or(Told::Http(head.status.as_u16()), Told::Status))
    }
}

/// Fails of an [`h2::Error`] that the library has no constructor for.
trait FromIo {
    fn from_io(error: std::io::Error) -> Self;
}

impl FromIo for h2::Error {
    fn from_io(_: std::io::Error) -> Self {
        h2::Reason::CONNECT_ERROR.into()
    }
}
