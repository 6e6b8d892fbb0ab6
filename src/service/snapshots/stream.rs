//! `WatchActiveSnapshot`: what a cache in front must forget, and when.

use std::{pin::pin, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{SnapshotParts, news::SnapshotNews};
use crate::{
    lookup::Interval,
    model::limits::SNAPSHOT_WATCH_S,
    pb,
    service::{
        convert,
        present::Present,
        status::{Refusal, Why},
    },
    snapshot::Live,
};

/// How long the last word may take.
const FAREWELL: Duration = Duration::from_secs(1);

type Sent = Result<pb::WatchActiveSnapshotResponse, Status>;

/// Opens a stream that keeps its seat to its end. A reader that is slow misses versions, never the last.
pub(super) fn open(parts: &SnapshotParts, seat: OwnedSemaphorePermit) -> ReceiverStream<Sent> {
    let (sender, receiver) = mpsc::channel(1);
    let (live, news) = (Live::clone(&parts.live), parts.news.clone());
    let end = parts.health.watches_end();
    tokio::spawn(async move {
        let _seat = seat;
        let tell = tell(live, news, &sender);
        let why = tokio::select! {
            biased;
            () = sender.closed() => return,
            () = end => "the server is shutting down; watch another one",
            () = sleep(Duration::from_secs(SNAPSHOT_WATCH_S)) => "the stream is old; open it anew",
            () = tell => return,
        };
        let refusal = Refusal::Snapshots(Why::Unavailable, why.to_owned());
        // A reader that takes nothing does not keep the server.
        timeout(FAREWELL, sender.send(Err(refusal.into()))).await.ok();
    });
    ReceiverStream::new(receiver)
}

/// Sends what is live now, and each time that something else is.
async fn tell(live: Live, news: SnapshotNews, sender: &mpsc::Sender<Sent>) {
    let mut changes = pin!(news.subscribe());
    let mut sent = None;
    loop {
        let at = changes.borrow_and_update().at;
        if let Some(moment) = live.load() {
            let version = convert::data_version(&Present::of(&moment), Interval::UNBOUNDED);
            drop(moment);
            let now = (version.snapshot_id.clone(), version.blocks_digest);
            if sent.replace(now.clone()) != Some(now) {
                let change = pb::WatchActiveSnapshotResponse {
                    data_version: Some(version),
                    change_time: Some(at.into()),
                };
                if sender.send(Ok(change)).await.is_err() {
                    return;
                }
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}
