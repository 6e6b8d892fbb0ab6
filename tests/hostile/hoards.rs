//! Peers that make the server hold as much as they can: on every stream of a connection a large request, all but
//! its end.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use kindred::model::limits::{HELD_BYTES_PER_CONNECTION_MAX, REQUEST_BYTES_MAX};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{Tier, hangers::beside, raw::BATCH_GET, shop::Shop, started};

/// Streams that a connection may have.
const STREAMS: usize = 64;

/// What is sent of each request. Of all of them a connection has room for a sixteenth.
const SENT_BYTES: usize = 1 << 20;

/// How long the server takes to refuse what it refuses.
const TOLD: Duration = Duration::from_secs(2);

/// Requests under way, which hold their streams.
struct Hoard {
    refused: usize,
    /// Kept, so that nothing is reset.
    _open: Vec<(ResponseFuture, h2::SendStream<Bytes>)>,
    _sender: SendRequest<Bytes>,
}

async fn hoard(address: SocketAddr) -> Hoard {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async { connection.await.ok() });
    let claimed = u32::try_from(REQUEST_BYTES_MAX).unwrap().to_be_bytes();
    let body = Bytes::from([&[0][..], &claimed, &vec![b'x'; SENT_BYTES]].concat());
    let (mut refused, mut open) = (0, Vec::new());
    for _ in 0..STREAMS {
        let request = Request::post(format!("http://{address}{BATCH_GET}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let mut sender = sender.clone().ready().await.unwrap();
        let (answer, mut sending) = sender.send_request(request.body(()).unwrap(), false).unwrap();
        sending.send_data(body.clone(), false).unwrap();
        open.push((answer, sending));
    }
    let deadline = tokio::time::Instant::now() + TOLD;
    let mut still = Vec::new();
    for (mut answer, sending) in open {
        match tokio::time::timeout_at(deadline, &mut answer).await {
            Ok(told) => {
                let head = told.unwrap();
                let status = head.headers().get("grpc-status").map(|status| status.as_bytes());
                assert_eq!(status, Some(&b"8"[..]), "RESOURCE_EXHAUSTED");
                refused += 1;
            }
            Err(_) => still.push((answer, sending)),
        }
    }
    Hoard { refused, _open: still, _sender: sender }
}

pub(crate) fn requests(tier: Tier) -> String {
    let (count, shop) = (tier.of(2, 3), Shop::demo());
    let server = started(&shop);
    let span = tier.of(Duration::from_secs(2), Duration::from_secs(6));
    let (said, hoards) = beside(&server, span, |address| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let hoards = runtime.block_on(async {
            let all = (0..count).map(|_| hoard(address)).collect::<JoinSet<_>>();
            timeout(Duration::from_secs(60), all.join_all()).await.unwrap()
        });
        (hoards, runtime)
    });
    let (hoards, runtime) = hoards;
    // What finds no room is refused; what has some waits for its end.
    let most = HELD_BYTES_PER_CONNECTION_MAX / (SENT_BYTES / 2);
    for hoard in &hoards {
        let open = STREAMS - hoard.refused;
        assert!((1..=most).contains(&open), "{open} of {STREAMS} requests are held");
    }
    let refused = hoards.iter().map(|hoard| hoard.refused).sum::<usize>();
    drop(hoards);
    runtime.shutdown_background();
    assert_eq!(server.ended(), Some(0));
    format!(
        "{count} peers with {STREAMS} requests of 1 MiB each, {refused} of them refused; {said}"
    )
}
