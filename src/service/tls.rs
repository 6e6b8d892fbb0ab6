//! TLS by rustls: certificates that are replaced while the server runs, clients that show theirs, and
//! handshakes that are bounded in number and time.
//!
//! A handshake holds one of few places while it is worked at, and none while it waits for its peer: peers that
//! go silent in the middle would keep all others waiting.

use std::{future::poll_fn, io, pin::pin, sync::Arc, task::Poll, time::Duration};

use rustls::{
    RootCertStore, ServerConfig, crypto,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use tokio::{net::TcpStream, sync::Semaphore, task::yield_now, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::slot::Slot;

/// HTTP/2, as its clients name it (RFC 9113, 3.1).
const ALPN_HTTP2: &[u8] = b"h2";

/// A handshake takes a round trip or two; a peer that takes longer is not worth a seat.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(5);

/// Handshakes of a listener that are worked at, or are next: a step costs as much as a hundred lookups, and
/// they share the cores. A lookup that comes waits for no more of them.
const HANDSHAKES_MAX: usize = 16;

/// The files of a listener's TLS, as texts in PEM.
#[derive(Clone, Debug)]
pub struct TlsPem<'a> {
    /// The server's certificate, then those that lead to its root.
    pub certificates: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
    /// Roots of clients' certificates: each client must show one then.
    pub client_roots: Option<&'a [u8]>,
}

/// Why no TLS can be had from files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A text holds no PEM of this kind, or a broken one.
    #[error("no {what} can be read: {reason}")]
    Pem {
        /// What was expected.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// They do not belong together, or rustls does not take them.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(String),
}

/// What greets peers. Clones are one, and [`Tls::replace`] changes all of them.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<Slot<ServerConfig>>,
    handshakes: Arc<Semaphore>,
}

impl Tls {
    /// From these files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(pem: &TlsPem<'_>) -> Result<Self, TlsError> {
        let config = Arc::<Slot<ServerConfig>>::default();
        drop(config.swap(Arc::new(read(pem)?)));
        Ok(Self { config, handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)) })
    }

    /// Greets whoever comes from now on with these; connections that are open go on.
    ///
    /// # Errors
    /// What is wrong with them; nothing changed then.
    pub fn replace(&self, pem: &TlsPem<'_>) -> Result<(), TlsError> {
        drop(self.config.swap(Arc::new(read(pem)?)));
        Ok(())
    }

    /// Greets a peer.
    ///
    /// # Errors
    /// It took too long, does not speak HTTP/2 over TLS 1.3, or shows no certificate that is asked for.
    pub(super) async fn greet(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let greeted = async {
            // Who says nothing has no memory of rustls.
            stream.readable().await?;
            let config = self.config.load().expect("there is one since `new`");
            self.in_turns(TlsAcceptor::from(config).accept(stream)).await
        };
        let stream = timeout(HANDSHAKE_WAIT, greeted).await.map_err(io::Error::from)??;
        // rustls refuses who offers other protocols only, and lets pass who offers none.
        if stream.get_ref().1.alpn_protocol() != Some(ALPN_HTTP2) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the peer does not speak h2"));
        }
        Ok(stream)
    }

    /// Does each step of a handshake in a place of its own.
    async fn in_turns<T>(&self, handshake: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let mut handshake = pin!(handshake);
        loop {
            let place = self.handshakes.acquire().await.map_err(io::Error::other)?;
            // Whoever was ready before has its turn first: no more handshakes are ahead of a lookup than
            // there are places.
            yield_now().await;
            let step = poll_fn(|cx| Poll::Ready(handshake.as_mut().poll(cx))).await;
            drop(place);
            match step {
                Poll::Ready(done) => return done,
                Poll::Pending => woken().await,
            }
        }
    }
}

/// Waits until the task is woken.
async fn woken() {
    let mut is_woken = false;
    poll_fn(|_| match std::mem::replace(&mut is_woken, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await;
}

/// The certificate that a greeted peer has shown.
pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Option<&[u8]> {
    stream.get_ref().1.peer_certificates()?.first().map(AsRef::as_ref)
}

fn read(pem: &TlsPem<'_>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let certificates = certificates("certificate", pem.certificates)?;
    let key = PrivateKeyDer::from_pem_slice(pem.key)
        .map_err(|error| TlsError::Pem { what: "private key", reason: error.to_string() })?;
    let unusable = |error: &dyn std::error::Error| TlsError::Unusable(error.to_string());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| unusable(&error))?;
    let builder = match pem.client_roots {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for root in self::certificates("root of clients' certificates", pem)? {
                roots.add(root).map_err(|error| unusable(&error))?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unusable(&error))?)
        }
    };
    let mut config =
        builder.with_single_cert(certificates, key).map_err(|error| unusable(&error))?;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    Ok(config)
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Pem { what, reason };
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() {
        return Err(wrong("there is no CERTIFICATE section".to_owned()));
    }
    Ok(all)
}
