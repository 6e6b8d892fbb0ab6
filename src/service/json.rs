//! Protobuf messages as the JSON that every gRPC tool prints: names in camel case, zero values left
//! out, enum values by name.

use std::fmt;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::pb;

/// A message of `kindred.v1` in its wire form as JSON text on one line.
///
/// # Errors
/// The bytes are no such message.
pub fn to_json(message: &str, bytes: &[u8]) -> Result<String, JsonError> {
    let shown = |error: &dyn fmt::Display| JsonError::Shown(error.to_string());
    let descriptor = descriptor(message).map_err(JsonError::Shown)?;
    let decoded = DynamicMessage::decode(descriptor, bytes).map_err(|error| shown(&error))?;
    serde_json::to_string(&decoded).map_err(|error| shown(&error))
}

/// The wire form of a message of `kindred.v1` that is written as JSON: names in camel case or as in the
/// proto file, unknown names refused.
///
/// # Errors
/// The text is no such message; says line and column.
pub fn from_json(message: &str, text: &str) -> Result<Vec<u8>, JsonError> {
    let descriptor = descriptor(message).map_err(JsonError::Read)?;
    let read = |error: serde_json::Error| JsonError::Read(error.to_string());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let decoded = DynamicMessage::deserialize(descriptor, &mut deserializer).map_err(read)?;
    deserializer.end().map_err(read)?;
    Ok(decoded.encode_to_vec())
}

fn descriptor(message: &str) -> Result<MessageDescriptor, String> {
    let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).map_err(|error| error.to_string())?;
    let name = format!("kindred.v1.{message}");
    pool.get_message_by_name(&name).ok_or_else(|| format!("no message {name}"))
}

/// What is not the message that it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Bytes of another message, or of none.
    #[error("cannot show the message as JSON: {0}")]
    Shown(String),
    /// Text of another message, or of none. Mend it where it says.
    #[error("cannot read the message from JSON: {0}")]
    Read(String),
}
