//! Calls whose messages are bytes: what the asker spends on encoding would be taken from the server
//! it shares a machine with, so a request is encoded once and of an answer only what is counted is
//! read.

use bytes::{Buf as _, BufMut as _, Bytes};
use prost::Message;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

use crate::{
    client::{Bearer, ClientError, Target},
    model::limits::RESPONSE_BYTES_MAX,
};

/// The method that is called, as a path.
pub const METHOD: &str = "/kindred.v1.RecommendationService/GetRecommendations";

/// One connection, for calls in wire form.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    calls: Grpc<Channel>,
    bearer: Bearer,
}

impl Caller {
    pub(super) async fn connect(to: &Target) -> Result<Self, ClientError> {
        let calls = Grpc::new(to.channel().await?).max_decoding_message_size(RESPONSE_BYTES_MAX);
        Ok(Self { calls, bearer: to.bearer()? })
    }

    /// Asks, and gives the answer's bytes.
    pub(super) async fn call(&mut self, request: Bytes) -> Result<Bytes, Status> {
        self.calls.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static(METHOD);
        let mut request = Request::new(request);
        self.bearer.add(&mut request);
        self.calls.unary(request, path, Raw).await.map(Response::into_inner)
    }
}

/// Messages that are bytes already.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// What is counted of a `GetRecommendationsResponse`: its other fields are passed over.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Skim {
    #[prost(message, repeated, tag = "1")]
    pub(super) recommendations: Vec<Nothing>,
    #[prost(message, optional, tag = "4")]
    data_version: Option<SkimVersion>,
}

impl Skim {
    /// The snapshot that answered.
    pub(super) fn snapshot_id(&self) -> &str {
        self.data_version.as_ref().map_or("", |version| &version.snapshot_id)
    }
}

/// A message of which only that it is there counts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Nothing {}

#[derive(Clone, PartialEq, Message)]
struct SkimVersion {
    #[prost(string, tag = "1")]
    snapshot_id: String,
}
