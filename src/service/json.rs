//! Protobuf messages as the JSON that every gRPC tool prints: names in camel case, zero values left
//! out, enum values by name.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::pb;

/// A message of `kindred.v1` in its wire form as JSON text on one line.
///
/// # Errors
/// The bytes are no such message.
pub fn to_json(message: &str, bytes: &[u8]) -> Result<String, JsonError> {
    let decoded = DynamicMessage::decode(descriptor(message)?, bytes).map_err(JsonError::new)?;
    serde_json::to_string(&decoded).map_err(JsonError::new)
}

/// The same of a message that is not encoded yet.
///
/// # Errors
/// The message has another name.
pub fn message_to_json(name: &str, message: &impl Message) -> Result<String, JsonError> {
    to_json(name, &message.encode_to_vec())
}

/// A message of `kindred.v1` by its name, from JSON. Fields that the message lacks are errors.
///
/// # Errors
/// The text is no such message.
pub fn from_json<M: Message + Default>(message: &str, text: &str) -> Result<M, JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = DynamicMessage::deserialize(descriptor(message)?, &mut json);
    let read = read.map_err(JsonError::new)?;
    json.end().map_err(JsonError::new)?;
    read.transcode_to().map_err(JsonError::new)
}

fn descriptor(message: &str) -> Result<MessageDescriptor, JsonError> {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).expect("the descriptors are compiled in")
    });
    let name = format!("kindred.v1.{message}");
    let found = POOL.get_message_by_name(&name);
    found.ok_or_else(|| JsonError(format!("no message {name}")))
}

/// Bytes or a text that are not the message they should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

impl JsonError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
