//! Who calls servers, on the command line.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::client::{Credentials, Target};

/// What servers are shown.
#[derive(Clone, Debug, Args)]
pub(super) struct CallerArgs {
    /// A file with the token that is sent with each call.
    #[arg(long, env = "KINDRED_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Roots of the servers' certificates, in PEM: calls by TLS.
    #[arg(long, env = "KINDRED_TLS_CA", value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// This client's certificate, in PEM.
    #[arg(long, env = "KINDRED_CLIENT_CERT", value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, env = "KINDRED_CLIENT_KEY", value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

impl CallerArgs {
    /// A server at this address.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn target(&self, address: &str) -> anyhow::Result<Target> {
        let read = |path: &PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let token = self.token_file.as_ref().map(|path| {
            let text = String::from_utf8(read(path)?);
            let text = text.with_context(|| format!("{} is no text", path.display()))?;
            anyhow::Ok(text.trim_end().to_owned())
        });
        let identity = self.client_cert.as_ref().zip(self.client_key.as_ref());
        let identity = identity.map(|(cert, key)| anyhow::Ok((read(cert)?, read(key)?)));
        let credentials = Credentials {
            token: token.transpose()?,
            roots: self.tls_ca.as_ref().map(read).transpose()?,
            identity: identity.transpose()?,
        };
        Ok(Target { address: address.to_owned(), credentials })
    }
}
