//! The wire: messages, clients and server stubs generated from `proto/`.
//!
//! Nothing here is written by hand but [`EncodedResponse`], the answer of the hot methods that is
//! already in wire form when the server stub gets it. This room knows no other room.

mod encoded;

pub use encoded::EncodedResponse;
pub use generated::*;
pub use methods::Method;
pub use prost_types::Timestamp;

/// The compiled `proto/` files as a serialized `FileDescriptorSet`, for reflection and JSON.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

mod methods {
    include!(concat!(env!("OUT_DIR"), "/methods.rs"));
}

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

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::{FILE_DESCRIPTOR_SET, Method};

    /// Health and reflection come with libraries, and an update of one may bring a method.
    #[test]
    fn every_method_of_every_descriptor_is_listed_once() {
        let sets = [
            FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let sets = sets.map(|bytes| FileDescriptorSet::decode(bytes).unwrap());
        let mut described = Vec::new();
        for file in sets.iter().flat_map(|set| &set.file) {
            for service in &file.service {
                let path =
                    |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
                described.extend(service.method.iter().map(|method| path(method.name())));
            }
        }
        described.sort();
        let mut listed = Method::ALL.map(|method| method.path().to_owned());
        listed.sort();
        assert_eq!(listed.as_slice(), described);
    }

    #[test]
    fn a_path_leads_to_its_method_and_to_no_other() {
        for method in Method::ALL {
            assert_eq!(Method::of_path(method.path()), Some(method));
        }
        for path in ["", "/", "/kindred.v1.RecommendationService/", "/grpc.health.v1.Health/check"]
        {
            assert_eq!(Method::of_path(path), None, "{path}");
        }
    }
}
