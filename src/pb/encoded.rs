//! A response that is already in wire form.
//!
//! The server writes the hot reply as bytes instead of building a tree of structs, with the head of its
//! gRPC frame before it, so that the hot path can hand it to HTTP/2. The generated server stub still
//! expects a prost message, so this type plays one: it writes its bytes, and reading it skips every
//! field.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, skip_field},
};

/// Bytes before a message on a gRPC stream: whether it is compressed, and its length.
pub(crate) const FRAME_HEAD_BYTES: usize = 5;

/// One encoded `GetRecommendationsResponse` or `BatchGetRecommendationsResponse`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedResponse {
    /// Head and message; nothing at all for the empty message.
    frame: Bytes,
}

impl EncodedResponse {
    /// A response of these bytes of a message, which are copied. A message is below 4 GiB:
    /// `limits::RESPONSE_BYTES_MAX` is far below.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        let length = u32::try_from(message.len()).expect("a response is far below 4 GiB");
        // Exactly full, so that `Bytes` takes the buffer as it is.
        let mut frame = Vec::with_capacity(message.len().saturating_add(FRAME_HEAD_BYTES));
        frame.push(0);
        #[expect(clippy::big_endian_bytes, reason = "gRPC puts the high byte first")]
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(message);
        Self { frame: frame.into() }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> Bytes {
        self.frame.slice(FRAME_HEAD_BYTES.min(self.frame.len())..)
    }

    /// The message with the head of its gRPC frame, not compressed.
    #[must_use]
    pub fn into_frame(self) -> Bytes {
        if self.frame.is_empty() { Bytes::from_static(&[0; FRAME_HEAD_BYTES]) } else { self.frame }
    }

    /// The answer of a lookup as a struct, for callers in the same process.
    ///
    /// # Errors
    /// The bytes are no such message.
    pub fn decoded(&self) -> Result<super::GetRecommendationsResponse, DecodeError> {
        Message::decode(self.message())
    }

    /// The answer of a page call as a struct, likewise.
    ///
    /// # Errors
    /// The bytes are no such message.
    pub fn decoded_page(&self) -> Result<super::BatchGetRecommendationsResponse, DecodeError> {
        Message::decode(self.message())
    }
}

impl Message for EncodedResponse {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(self.frame.get(FRAME_HEAD_BYTES..).unwrap_or_default());
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, ctx)
    }

    fn encoded_len(&self) -> usize {
        self.frame.len().saturating_sub(FRAME_HEAD_BYTES)
    }

    fn clear(&mut self) {
        self.frame = Bytes::new();
    }
}
