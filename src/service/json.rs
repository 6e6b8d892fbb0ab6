//! Protobuf messages as the JSON that every gRPC tool prints: names in camel case, zero values left
//! out, enum values by name.

use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::pb;

/// A message of `kindred.v1` in its wire form as JSON text on one line.
///
/// # Errors
/// The bytes are no such message.
pub fn to_json(message: &str, bytes: &[u8]) -> Result<String, JsonError> {
    let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).map_err(JsonError::new)?;
    let name = format!("kindred.v1.{message}");
    let descriptor = pool.get_message_by_name(&name);
    let descriptor = descriptor.ok_or_else(|| JsonError(format!("no message {name}")))?;
    let decoded = DynamicMessage::decode(descriptor, bytes).map_err(JsonError::new)?;
    serde_json::to_string(&decoded).map_err(JsonError::new)
}

/// Bytes that are not the message they should be.
#[derive(Debug, thiserror::Error)]
#[error("cannot show the message as JSON: {0}")]
pub struct JsonError(String);

impl JsonError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
