//! A resync, message by message, as far as it must come before it may count.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use super::wire;
use crate::{
    model::limits::{REPLACE_SILENCE_S, REPLACE_STREAM_S, UPDATES_PER_BATCH_MAX},
    pb::ReplaceAvailabilityRequest as Part,
    service::status::Refusal,
    stock::{ReplaceStream, Stock},
};

/// How long a resync may take: it holds one of few places meanwhile.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Patience {
    /// From one message to the next.
    pub(in crate::service) silence: Duration,
    /// From the first to the last.
    pub(in crate::service) whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(REPLACE_SILENCE_S),
            whole: Duration::from_secs(REPLACE_STREAM_S),
        }
    }
}

/// Takes messages up to the one that says it is the end. Whatever else ends the stream leaves nothing
/// of it: the caller's word alone tells a whole one from one that was cut, because a cancelled call
/// ends its messages like one that is complete.
pub(in crate::service) async fn collect(
    stock: &Stock,
    messages: impl Stream<Item = Result<Part, Status>> + Unpin,
    patience: Patience,
) -> Result<ReplaceStream, Status> {
    let end = Instant::now() + patience.whole;
    let mut parts = Parts { messages, silence: patience.silence, end };
    let first = parts.next().await?.unwrap_or_default();
    let (source_id, sequence) = (first.source_id.clone(), first.sequence);
    let mut stream = stock.replace(source_id.clone(), sequence).map_err(Refusal::from)?;
    let mut is_ended = push(&mut stream, first)?;
    while let Some(part) = parts.next().await? {
        if is_ended {
            return Err(wire::ended_before().into());
        }
        wire::same_feed(&part, &source_id, sequence)?;
        is_ended = push(&mut stream, part)?;
    }
    if is_ended { Ok(stream) } else { Err(wire::not_ended().into()) }
}

/// The messages of a resync.
struct Parts<S> {
    messages: S,
    silence: Duration,
    /// They have all come by then.
    end: Instant,
}

impl<S: Stream<Item = Result<Part, Status>> + Unpin> Parts<S> {
    async fn next(&mut self) -> Result<Option<Part>, Status> {
        let now = Instant::now();
        // Messages that are there already never let a timer run out.
        if now >= self.end {
            return Err(Refusal::Slow.into());
        }
        let wait = self.silence.min(self.end - now);
        match timeout(wait, self.messages.next()).await {
            Ok(part) => part.transpose(),
            Err(_) if wait < self.silence => Err(Refusal::Slow.into()),
            Err(_) => Err(Refusal::Silent.into()),
        }
    }
}

/// Adds a message; says whether it is the end. Another one that says nothing would hold the place for
/// nothing.
fn push(stream: &mut ReplaceStream, part: Part) -> Result<bool, Refusal> {
    let (least, count) = (usize::from(!part.end), part.updates.len());
    if !(least..=UPDATES_PER_BATCH_MAX).contains(&count) {
        return Err(wire::too_many("updates", least, UPDATES_PER_BATCH_MAX, count));
    }
    stream.push(part.updates.into_iter().map(wire::draft).collect())?;
    Ok(part.end)
}
