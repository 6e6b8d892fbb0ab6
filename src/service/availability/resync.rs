//! A resync, message by message, as far as it must come before it may count.

use std::time::Duration;

use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use super::wire;
use crate::{
    model::limits::{REPLACE_SILENCE_S, UPDATES_PER_BATCH_MAX},
    pb::ReplaceAvailabilityRequest as Part,
    service::status::Refusal,
    stock::{ReplaceStream, Stock},
};

/// Takes messages up to the one that says it is the end. Whatever else ends the stream leaves nothing
/// of it: the caller's word alone tells a whole one from one that was cut, because a cancelled call
/// ends its messages like one that is complete.
pub(in crate::service) async fn collect(
    stock: &Stock,
    mut parts: impl Stream<Item = Result<Part, Status>> + Unpin,
) -> Result<ReplaceStream, Status> {
    let first = next(&mut parts).await?.unwrap_or_default();
    let (source_id, sequence) = (first.source_id.clone(), first.sequence);
    let mut stream = stock.replace(source_id.clone(), sequence).map_err(Refusal::from)?;
    let mut is_ended = push(&mut stream, first)?;
    while let Some(part) = next(&mut parts).await? {
        if is_ended {
            return Err(wire::ended_before().into());
        }
        wire::same_feed(&part, &source_id, sequence)?;
        is_ended = push(&mut stream, part)?;
    }
    if is_ended { Ok(stream) } else { Err(wire::not_ended().into()) }
}

/// The next message; a silent stream gives up its place.
async fn next(
    parts: &mut (impl Stream<Item = Result<Part, Status>> + Unpin),
) -> Result<Option<Part>, Status> {
    let silence = Duration::from_secs(REPLACE_SILENCE_S);
    match timeout(silence, parts.next()).await {
        Ok(part) => part.transpose(),
        Err(_) => Err(Refusal::Silent.into()),
    }
}

/// Adds a message; says whether it is the end.
fn push(stream: &mut ReplaceStream, part: Part) -> Result<bool, Refusal> {
    let count = part.updates.len();
    if count > UPDATES_PER_BATCH_MAX {
        return Err(wire::too_many("updates", 0, UPDATES_PER_BATCH_MAX, count));
    }
    stream.push(part.updates.into_iter().map(wire::draft).collect())?;
    Ok(part.end)
}
