//! Peers that begin a TLS handshake and go silent in the middle of it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

use crate::{
    Tier,
    calls::endlessly,
    certs::{Authority, replace},
    hangers::is_closed,
    readings::{own_mib, pass},
    server::Server,
    serving,
    shop::Shop,
    victim::Seen,
};

const GROWTH_MIB_MAX: f64 = 64.0;

/// A handshake has five seconds.
const CLOSED: Duration = Duration::from_secs(6);
/// What of these is sure to be there with all peers.
const BESIDE: Duration = Duration::from_secs(4);

/// How long proper handshakes are alone.
const CONTROL: Duration = Duration::from_secs(4);

/// One proper handshake each.
const PACE: Duration = Duration::from_millis(50);

/// A handshake that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Each of so many says a whole hello.
const TENTH: usize = 10;

/// The server's answers to all that say a whole hello, which are work and do not hang.
const ANSWERED: Duration = Duration::from_secs(3);

pub(crate) fn silent(tier: Tier) -> String {
    let (count, shop) = (tier.of(200, 1_000), Shop::demo());
    let authority = Authority::new();
    let (certificate, key) = (shop.path("cert.pem"), shop.path("key.pem"));
    authority.sign("localhost", 1).install(&certificate, &key);
    replace(&shop.path("root.pem"), &authority.root());
    let mut command = serving(&shop, "state");
    command.env("KINDRED_TLS_CERT", certificate).env("KINDRED_TLS_KEY", key);
    let server = Server::listening(&mut command);
    let config = config(&authority.root());
    let hello = hello(&config);
    let mut tries = 0;
    let said = loop {
        let control = greetings(server.address, &config, CONTROL);
        let before = own_mib(server.pid());
        let mut peers = (0..count).map(|number| silent_peer(server.address, &hello, number));
        let (begun, mut peers) = (Instant::now(), peers.by_ref().collect::<Vec<_>>());
        for peer in peers.iter_mut().skip(TENTH - 1).step_by(TENTH) {
            // What hangs is shown, not what answering so many costs.
            peer.set_read_timeout(Some(ANSWERED)).unwrap();
            peer.read_exact(&mut [0]).expect("a whole hello is answered, whoever else is silent");
        }
        let last = Instant::now();
        assert!(begun.elapsed() <= ANSWERED, "hellos were answered after {:?}", begun.elapsed());
        let seen = greetings(server.address, &config, BESIDE.saturating_sub(begun.elapsed()));
        let grown = own_mib(server.pid()) - before;
        pass(CLOSED.saturating_sub(last.elapsed()));
        let closed = peers.iter_mut().map(|peer| is_closed(peer, Duration::ZERO));
        let open = closed.filter(|is_closed| !is_closed).count();
        assert_eq!(open, 0, "handshakes are open {:?} after the last began", last.elapsed());
        let said = format!("{seen}; control {control}; grew {grown:.1} MiB");
        assert!(grown <= GROWTH_MIB_MAX, "{said}");
        tries += 1;
        if seen.is_fine(control) {
            break said;
        }
        assert!(tries < 2, "proper handshakes saw the silent ones: {said}");
        println!("once more, because {said}");
    };
    assert_eq!(server.ended(), Some(0));
    format!("{count} peers silent in a handshake closed within {CLOSED:?}; {said}")
}

/// A peer that says a byte or half of its hello, every tenth the whole of it, and nothing more.
fn silent_peer(address: SocketAddr, hello: &[u8], number: usize) -> TcpStream {
    let said = match number % TENTH {
        9 => hello.len(),
        even if even % 2 == 0 => 1,
        _ => hello.len() / 2,
    };
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&hello[..said]).unwrap();
    stream
}

fn config(root: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Each handshake is a whole one.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn name() -> ServerName<'static> {
    "localhost".try_into().unwrap()
}

/// What a client says first.
fn hello(config: &Arc<ClientConfig>) -> Vec<u8> {
    let mut connection = ClientConnection::new(Arc::clone(config), name()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

/// Proper handshakes for so long, each at its appointed time.
fn greetings(address: SocketAddr, config: &Arc<ClientConfig>, span: Duration) -> Seen {
    let connector = TlsConnector::from(Arc::clone(config));
    let seen = endlessly(async {
        let begun = tokio::time::Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for one in 0..u32::try_from(span.as_micros() / PACE.as_micros()).unwrap() {
            let at = begun + PACE * one;
            tokio::time::sleep_until(at).await;
            let connector = connector.clone();
            all.spawn(async move {
                let greeted = async {
                    let stream = tokio::net::TcpStream::connect(address).await?;
                    connector.connect(name(), stream).await
                };
                let greeted = tokio::time::timeout(PATIENCE, greeted).await;
                match greeted {
                    Ok(Ok(stream)) => {
                        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                        return Some(at.elapsed());
                    }
                    Ok(Err(error)) => println!("failed: {error}"),
                    Err(_) => println!("no handshake within {PATIENCE:?}"),
                }
                None
            });
        }
        all.join_all().await
    });
    Seen::of(&seen)
}
