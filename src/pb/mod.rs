//! The wire: messages, clients and server stubs generated from `proto/`.
//!
//! Nothing here is written by hand but [`EncodedResponse`], the answer of the hot methods that is
//! already in wire form when the server stub gets it. This room knows no other room.

mod encoded;

pub use encoded::EncodedResponse;
pub use generated::*;
pub use prost_types::Timestamp;

/// The compiled `proto/` files as a serialized `FileDescriptorSet`, for reflection and JSON.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    reason = "generated"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/messages/kindred.v1.rs"));
}

/// Server stubs. The response type of the hot methods is [`EncodedResponse`].
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    reason = "generated"
)]
pub mod server {
    include!(concat!(env!("OUT_DIR"), "/server/kindred.v1.rs"));
}
