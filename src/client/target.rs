//! Which server, and how to call it.

use std::{fmt, time::Duration};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::ClientError;

/// A server that cannot be reached says so by then.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// A call ends by then: a resync of two million readings takes some seconds.
const CALL_WAIT: Duration = Duration::from_secs(120);

/// One server.
#[derive(Clone, Debug)]
pub struct Target {
    /// `HOST:PORT`, a URL, or `unix:PATH`.
    pub address: String,
    /// What it is shown.
    pub credentials: Credentials,
}

/// In the clear, for an open listener.
impl From<&str> for Target {
    fn from(address: &str) -> Self {
        Self { address: address.to_owned(), credentials: Credentials::default() }
    }
}

/// Who calls, and whom it trusts.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Sent with each call.
    pub token: Option<String>,
    /// Roots of the server's certificate, in PEM: TLS then, whatever the address says.
    pub roots: Option<Vec<u8>>,
    /// This client's certificate and its private key, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Says no secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("token", &self.token.is_some())
            .field("roots", &self.roots.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

impl Target {
    /// A connection of its own, for who makes the calls itself.
    ///
    /// # Errors
    /// The address is none, or nobody listens there.
    pub async fn channel(&self) -> Result<Channel, ClientError> {
        let endpoint = self.endpoint().map_err(|reason| self.unreachable(reason))?;
        endpoint.connect().await.map_err(|error| self.unreachable(causes(&error)))
    }

    /// What puts the token into each call.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn bearer(&self) -> Result<Bearer, ClientError> {
        let Some(token) = &self.credentials.token else { return Ok(Bearer(None)) };
        let mut value =
            format!("Bearer {token}").parse::<MetadataValue<Ascii>>().map_err(|_| {
                self.unreachable("the token has bytes that no header may have".to_owned())
            })?;
        value.set_sensitive(true);
        Ok(Bearer(Some(value)))
    }

    fn endpoint(&self) -> Result<Endpoint, String> {
        let Credentials { roots, identity, .. } = &self.credentials;
        let is_tls = roots.is_some() || identity.is_some();
        let is_named = self.address.contains("://") || self.address.starts_with("unix:");
        let url = match (is_named, is_tls) {
            (true, _) => self.address.clone(),
            (false, true) => format!("https://{}", self.address),
            (false, false) => format!("http://{}", self.address),
        };
        let endpoint = Endpoint::from_shared(url).map_err(|error| causes(&error))?;
        let endpoint = endpoint.connect_timeout(CONNECT_WAIT).timeout(CALL_WAIT);
        if !is_tls {
            return Ok(endpoint);
        }
        let mut tls = ClientTlsConfig::new();
        if let Some(roots) = roots {
            tls = tls.ca_certificate(Certificate::from_pem(roots));
        }
        if let Some((certificate, key)) = identity {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        endpoint.tls_config(tls).map_err(|error| causes(&error))
    }

    fn unreachable(&self, reason: String) -> ClientError {
        ClientError::Unreachable { address: self.address.clone(), reason }
    }
}

/// Puts a token into calls.
#[derive(Clone, Debug)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        self.add(&mut request);
        Ok(request)
    }
}

impl Bearer {
    /// Puts it into this one.
    pub fn add<T>(&self, request: &mut Request<T>) {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
    }
}

/// What a transport error says, with its causes: its own words are "transport error".
fn causes(error: &dyn std::error::Error) -> String {
    let first = error.to_string();
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(first, |said, cause| format!("{said}: {cause}"))
}
