//! Server reflection in both versions: `v1`, and `v1alpha` that grpcurl 1.8 and older tools ask.
//!
//! Each version describes every service served, the other version too: tonic-reflection adds only
//! the version it builds, and a client that lists services asks for each one it was told of. Its
//! 0.14.9 resolves services, methods, messages and fields by name. It knows an enum value under its
//! enum and not, as protobuf scopes it, beside it; tools reach values through their enum. An unknown
//! name ends the stream with `NOT_FOUND`, which tools report as they should.

mod bounds;

pub(super) use self::bounds::{Bounds, Patience};

use tonic_reflection::{
    pb,
    server::{
        Builder,
        v1::{ServerReflection as ReflectionV1, ServerReflectionServer as ServerV1},
        v1alpha::{ServerReflection as ReflectionV1Alpha, ServerReflectionServer as ServerV1Alpha},
    },
};

use crate::{model::limits, pb::FILE_DESCRIPTOR_SET};

/// The service `grpc.reflection.v1`.
pub(super) fn v1() -> ServerV1<impl ReflectionV1> {
    builder()
        .build_v1()
        .expect("the descriptor sets are compiled in")
        .max_decoding_message_size(limits::REQUEST_BYTES_MAX)
        .max_encoding_message_size(limits::RESPONSE_BYTES_MAX)
}

/// The service `grpc.reflection.v1alpha`.
pub(super) fn v1alpha() -> ServerV1Alpha<impl ReflectionV1Alpha> {
    builder()
        .build_v1alpha()
        .expect("the descriptor sets are compiled in")
        .max_decoding_message_size(limits::REQUEST_BYTES_MAX)
        .max_encoding_message_size(limits::RESPONSE_BYTES_MAX)
}

fn builder() -> Builder<'static> {
    Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // So that tools can show the details of a refusal.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(pb::v1alpha::FILE_DESCRIPTOR_SET)
}
