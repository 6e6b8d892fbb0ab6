//! Compiles `proto/` without protoc and writes the descriptor set that reflection serves.
//!
//! Two passes over one descriptor set: messages and clients use the generated structs; the server
//! stubs answer the hot methods with bytes that are already encoded (`pb::EncodedResponse`).

use std::{env, error::Error, fs, io::Write as _, path::PathBuf};

use prost::Message as _;

const PROTOS: [&str; 3] = [
    "kindred/v1/types.proto",
    "kindred/v1/recommendation_service.proto",
    "kindred/v1/availability_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    fs::File::create(out.join("descriptors.bin"))?.write_all(&descriptors.encode_to_vec())?;

    let (messages, server) = (out.join("messages"), out.join("server"));
    fs::create_dir_all(&messages)?;
    fs::create_dir_all(&server)?;
    tonic_prost_build::configure()
        .out_dir(&messages)
        .build_server(false)
        .compile_fds(descriptors.clone())?;
    tonic_prost_build::configure()
        .out_dir(&server)
        .build_client(false)
        .extern_path(".kindred.v1.GetRecommendationsResponse", "crate::pb::EncodedResponse")
        .extern_path(".kindred.v1.BatchGetRecommendationsResponse", "crate::pb::EncodedResponse")
        .extern_path(".kindred.v1", "crate::pb")
        .compile_fds(descriptors)?;
    Ok(())
}
