//! What stands between a client and the server: TLS, and a proxy.

use std::{
    fs::File,
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::{
    Run,
    child::Server,
    client::Connections,
    duel::{Asker, Side, duel, per_core, per_second},
    figure::Figure,
    request_path::cpu_us,
    shop::Shop,
};

const LANES: (usize, usize) = (10, 10);

/// Streams that the server takes on a connection.
const STREAMS_MAX: u32 = 64;

/// Rows 13 and 14. Neither has a floor: they say what a way of running it costs.
pub(crate) fn rows(run: &Run, shop: &Shop) -> Vec<Figure> {
    vec![tls(run, shop), envoy(run, shop)]
}

/// The server with TLS beside the same in the clear.
fn tls(run: &Run, shop: &Shop) -> Figure {
    let on = &run.asker;
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let cert_file = write(&run.dir, "cert.pem", &certificate.pem());
    let key_file = write(&run.dir, "key.pem", &key.serialize_pem());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));

    let frames = shop.requests();
    // The transport is what is compared: neither side refuses what waits while the other has the core.
    let patient = ("KINDRED_SHED_AFTER_MS", PathBuf::from("0"));
    let plain = shop.unfed(1, &run.cores.server, "state", std::slice::from_ref(&patient));
    let options = [("KINDRED_TLS_CERT", cert_file), ("KINDRED_TLS_KEY", key_file), patient];
    let secret = shop.unfed(1, &run.cores.server, "state-tls", &options);
    let mut sides = [
        Side {
            server: &secret,
            asker: Asker::Grpc(Connections::open_tls(
                on,
                secret.address,
                LANES,
                frames.clone(),
                &connector,
            )),
        },
        Side {
            server: &plain,
            asker: Asker::Grpc(Connections::open(on, plain.address, LANES, frames)),
        },
    ];
    let bursts = duel(on, &mut sides, run.cycles);
    let [secret, plain] = bursts.as_slice() else { unreachable!() };
    let note = format!(
        "CPU us a call: {:.1} with TLS, {:.1} in the clear; rps ratio {:.2}",
        cpu_us(secret),
        cpu_us(plain),
        per_second(secret, plain).median,
    );
    let what = format!("lookup over TLS 1.3 / in the clear, calls per core, 10x10, {}", shop.name);
    Figure::more("13", what).measured(per_core(secret, plain)).note(note)
}

/// The server behind Envoy, which has a core's share with it, beside the same without.
fn envoy(run: &Run, shop: &Shop) -> Figure {
    let what = format!("lookup through Envoy / without it, calls a second, 10x10, {}", shop.name);
    let figure = Figure::more("14", what);
    let Some(program) = envoy_program() else {
        return figure.note("skipped: no envoy in PATH or KINDRED_ENVOY");
    };
    let on = &run.asker;
    let frames = shop.requests();
    let patient = [("KINDRED_SHED_AFTER_MS", PathBuf::from("0"))];
    let kindred = shop.unfed(1, &run.cores.server, "state", &patient);
    let address = free_address();
    let config = write(&run.dir, "envoy.json", &envoy_config(address, kindred.address));
    let mut command = Command::new(program);
    command.arg("-c").arg(config).args(["--concurrency", "1", "--log-level", "error"]);
    command.args(["--disable-hot-restart"]).stderr(Stdio::null());
    let proxy = Server::start_at(&mut command, address, &run.cores.server);
    let side = |server| Side {
        server,
        asker: Asker::Grpc(Connections::open(on, server.address, LANES, frames.clone())),
    };
    let bursts = duel(on, &mut [side(&proxy), side(&kindred)], run.cycles);
    let [through, direct] = bursts.as_slice() else { unreachable!() };
    let note = format!(
        "CPU us a call: {:.1} of Envoy beside ours, {:.1} ours alone; Envoy and the server share a core",
        cpu_us(through),
        cpu_us(direct),
    );
    figure.measured(per_second(through, direct)).note(note)
}

fn envoy_program() -> Option<PathBuf> {
    let named = std::env::var_os("KINDRED_ENVOY").map(PathBuf::from);
    named.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("envoy")).find(|file| file.is_file())
    })
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path
}

/// HTTP/2 in, HTTP/2 out, nothing else.
fn envoy_config(listen: SocketAddr, server: SocketAddr) -> String {
    let socket = |address: SocketAddr| {
        serde_json::json!({ "socket_address": {
            "address": address.ip().to_string(), "port_value": address.port(),
        }})
    };
    let options = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let manager = "type.googleapis.com/envoy.extensions.filters.network\
                   .http_connection_manager.v3.HttpConnectionManager";
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    serde_json::json!({ "static_resources": {
        "listeners": [{
            "address": socket(listen),
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": manager,
                    "stat_prefix": "lookups",
                    "codec_type": "HTTP2",
                    "route_config": { "virtual_hosts": [{
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "kindred" } }],
                    }]},
                    "http_filters": [{
                        "name": "envoy.filters.http.router",
                        "typed_config": { "@type": router },
                    }],
                },
            }]}],
        }],
        "clusters": [{
            "name": "kindred",
            "type": "STATIC",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": options,
                    // As many as the server takes: Envoy opens more before it is told, and does not try again what
                    // was refused.
                    "explicit_http_config": { "http2_protocol_options": {
                        "max_concurrent_streams": STREAMS_MAX,
                    }},
                },
            },
            "load_assignment": {
                "cluster_name": "kindred",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(server) } }] }],
            },
        }],
    }})
    .to_string()
}
