//! Compiles `proto/` without protoc, writes the descriptor set that reflection serves, and lists every
//! method, so that what must be said of each of them fails to compile until it is said.
//!
//! Two passes over one descriptor set: messages and clients use the generated structs; the server
//! stubs answer the hot methods with bytes that are already encoded (`pb::EncodedResponse`).

use std::{env, error::Error, fmt::Write as _, fs, io::Write as _, path::PathBuf};

use prost::Message as _;

const PROTOS: [&str; 4] = [
    "kindred/v1/types.proto",
    "kindred/v1/recommendation_service.proto",
    "kindred/v1/availability_service.proto",
    "kindred/v1/snapshot_service.proto",
];

/// Methods of services whose protos come with a library: variant, service, method.
const FOREIGN: [(&str, &str, &str); 4] = [
    ("HealthCheck", "grpc.health.v1.Health", "Check"),
    ("HealthWatch", "grpc.health.v1.Health", "Watch"),
    ("ReflectionV1", "grpc.reflection.v1.ServerReflection", "ServerReflectionInfo"),
    ("ReflectionV1alpha", "grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    fs::File::create(out.join("descriptors.bin"))?.write_all(&descriptors.encode_to_vec())?;

    let mut methods = Vec::new();
    for file in &descriptors.file {
        for service in &file.service {
            for method in &service.method {
                let full_name = format!("{}.{}", file.package(), service.name());
                methods.push((method.name().to_owned(), full_name, method.name().to_owned()));
            }
        }
    }
    let owned = |(variant, service, method): (&str, &str, &str)| {
        (variant.to_owned(), service.to_owned(), method.to_owned())
    };
    methods.extend(FOREIGN.map(owned));
    let code = method_enum(&methods)?;
    fs::File::create(out.join("methods.rs"))?.write_all(code.as_bytes())?;

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

/// The enum of all methods. Two services with a method of one name would not compile.
fn method_enum(methods: &[(String, String, String)]) -> Result<String, std::fmt::Error> {
    let mut code = String::new();
    writeln!(code, "/// Every method that a listener may offer; made from the descriptors.")?;
    writeln!(code, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]")?;
    writeln!(code, "pub enum Method {{")?;
    for (variant, service, method) in methods {
        writeln!(code, "/// `{service}/{method}`.\n{variant},")?;
    }
    writeln!(code, "}}\nimpl Method {{")?;
    writeln!(
        code,
        "/// All of them, in their order.\npub const ALL: [Self; {}] = [",
        methods.len()
    )?;
    for (variant, ..) in methods {
        writeln!(code, "Self::{variant},")?;
    }
    writeln!(code, "];\n/// The path of its calls: `/package.Service/Method`.\n#[must_use]")?;
    writeln!(code, "pub const fn path(self) -> &'static str {{ match self {{")?;
    for (variant, service, method) in methods {
        writeln!(code, "Self::{variant} => \"/{service}/{method}\",")?;
    }
    writeln!(code, "}} }}\n/// The method of a call's path, if there is one.\n#[must_use]")?;
    writeln!(code, "pub fn of_path(path: &str) -> Option<Self> {{ match path {{")?;
    for (variant, service, method) in methods {
        writeln!(code, "\"/{service}/{method}\" => Some(Self::{variant}),")?;
    }
    writeln!(code, "_ => None,\n}} }}\n}}")?;
    Ok(code)
}
