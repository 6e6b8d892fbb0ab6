//! Requests in the forms that other load generators read.

use bytes::BufMut as _;
use prost::Message as _;

use crate::{model::limits::REQUEST_BYTES_MAX, pb};

/// The requests one after the other, each behind its length as a varint: `ghz -B`.
#[must_use]
pub fn length_prefixed(requests: &[pb::GetRecommendationsRequest]) -> Vec<u8> {
    requests
        .iter()
        .flat_map(pb::GetRecommendationsRequest::encode_length_delimited_to_vec)
        .collect()
}

/// A request as the body of an HTTP/2 call, behind gRPC's five bytes (no compression, length): what
/// `h2load -d` sends. None if it is larger than a server takes.
#[must_use]
pub fn framed(request: &pb::GetRecommendationsRequest) -> Option<Vec<u8>> {
    let message = request.encode_to_vec();
    let fits = message.len() <= REQUEST_BYTES_MAX;
    let length = u32::try_from(message.len()).ok().filter(|_| fits)?;
    let mut body = Vec::with_capacity(message.len() + 5);
    body.put_u8(0);
    body.put_u32(length);
    body.put_slice(&message);
    Some(body)
}
