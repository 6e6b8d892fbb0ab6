//! Where `kindred serve` listens, with which certificates, and who may call what there.
//!
//! Lookups have one listener and everything that changes something another, so that a shop's network
//! reaches the one and operators the other. What is unsafe is refused at the start, unless it was asked
//! for by its name.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use tracing::warn;

use super::renew::{Marks, Renewer, Source};
use crate::{
    service::{Access, Address, Book, Listener, Plane, Role, Roles, Tls, TlsPem},
    slot::Slot,
};

/// `--admin-listen`: the lookups' listener serves everything.
const SAME: &str = "same";

/// Who may call, where and how.
#[derive(Clone, Debug, Args)]
pub(super) struct PlaneArgs {
    /// Where stock, blocks and snapshots are served: ADDR:PORT, `unix:PATH`, or `same` for the listener of
    /// lookups [default: unix:STATE/admin.sock, whose file only its owner may open]
    #[arg(long, env = "KINDRED_ADMIN_LISTEN", value_name = "WHERE")]
    admin_listen: Option<String>,
    /// This server's certificate and those that lead to its root, in PEM: TLS on each listener but Unix
    /// sockets. Changed files are taken within a second.
    #[arg(long, env = "KINDRED_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, env = "KINDRED_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Lookups only for clients with a certificate of these roots, in PEM.
    #[arg(long, env = "KINDRED_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// The admin listener only for clients with a certificate of these roots, in PEM. Without `--tokens`
    /// each of them may do everything.
    #[arg(long, env = "KINDRED_ADMIN_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    admin_tls_client_ca: Option<PathBuf>,
    /// Who may do what, by hashes of tokens and names in certificates; README, "Who may call what". Changed
    /// files are taken within a second.
    #[arg(long, env = "KINDRED_TOKENS", value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Serve other machines in the clear: something in front speaks TLS.
    #[arg(long, env = "KINDRED_INSECURE_PLAINTEXT")]
    insecure_plaintext: bool,
    /// Let whoever can connect to the admin listener do everything: for trials.
    #[arg(long, env = "KINDRED_INSECURE_ADMIN")]
    insecure_admin: bool,
    /// Connections at once from one address; 0 as many as there are, for a proxy in front of all.
    #[arg(long, env = "KINDRED_CONNECTIONS_PER_PEER", value_name = "N", default_value_t = 128)]
    connections_per_peer: usize,
    /// Under more load than there is room for, refuse lookups with RESOURCE_EXHAUSTED that waited longer for
    /// their turn, in milliseconds; 0 never.
    #[arg(long, env = "KINDRED_SHED_AFTER_MS", value_name = "MS", default_value_t = 5)]
    shed_after_ms: u64,
}

/// One listener, bound, and who may call what there.
pub(super) struct Bound {
    pub(super) listener: Listener,
    pub(super) address: Address,
    pub(super) access: Access,
}

/// All listeners.
pub(super) struct Planes {
    pub(super) lookup: Bound,
    /// None where lookups and everything else share one.
    pub(super) admin: Option<Bound>,
    /// Takes changed files.
    pub(super) renewer: Renewer,
}

/// Who asks for the listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home<'a> {
    /// A server with this state directory.
    State(&'a Path),
    /// The demo: one port, on which everybody of this machine may do everything.
    Demo,
}

impl PlaneArgs {
    /// The cap of connections from one address.
    pub(super) fn connections_per_peer(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.connections_per_peer)
    }

    /// How long a lookup may wait for its turn.
    pub(super) fn shed_after(&self) -> Option<Duration> {
        (self.shed_after_ms > 0).then(|| Duration::from_millis(self.shed_after_ms))
    }

    /// Binds the listeners.
    ///
    /// # Errors
    /// An address or file that cannot be had, or what is unsafe and was not asked for.
    pub(super) fn bind(&self, listen: &Address, home: Home<'_>) -> anyhow::Result<Planes> {
        let admin = match (self.admin_listen.as_deref(), home) {
            (Some(SAME), _) | (None, Home::Demo) => None,
            (None, Home::State(dir)) => Some(Address::Unix(dir.join("admin.sock"))),
            (Some(text), _) => {
                Some(text.parse().map_err(|error| anyhow::anyhow!("--admin-listen: {error}"))?)
            }
        };
        self.refuse_idle(listen, admin.as_ref(), home)?;
        let mut sources = Vec::new();
        let book = self.tokens.as_deref().map(|path| book(path, &mut sources)).transpose()?;
        let access = match &admin {
            Some(_) => self.lookup_access(listen, book.as_ref()),
            None if home == Home::Demo && listen.is_local() => {
                Access::open(Plane::Shared, Roles::ALL)
            }
            None => self.admin_access(Plane::Shared, listen, book.as_ref())?,
        };
        let lookup_roots = match admin {
            Some(_) => self.tls_client_ca.as_deref(),
            None => self.admin_tls_client_ca.as_deref().or(self.tls_client_ca.as_deref()),
        };
        let lookup = self.bound("--listen", listen, access, lookup_roots, &mut sources)?;
        let admin = admin.map(|address| {
            let access = self.admin_access(Plane::Admin, &address, book.as_ref())?;
            let roots = self.admin_tls_client_ca.as_deref();
            self.bound("--admin-listen", &address, access, roots, &mut sources)
        });
        let admin = admin.transpose()?;
        Ok(Planes { lookup, admin, renewer: Renewer::spawn(sources)? })
    }

    /// Who gives a flag relies on it, so one that nothing asks for is a mistake.
    ///
    /// # Errors
    /// There is such a flag.
    fn refuse_idle(
        &self,
        listen: &Address,
        admin: Option<&Address>,
        home: Home<'_>,
    ) -> anyhow::Result<()> {
        let is_tcp = |address: &Address| matches!(address, Address::Tcp(_));
        // Which listener asks for certificates of clients, and by which flag it is chosen.
        let lookup = (listen, "--listen");
        let of_admin = admin.map_or(lookup, |admin| (admin, "--admin-listen"));
        for (flag, path, (address, listener)) in [
            ("--tls-client-ca", &self.tls_client_ca, lookup),
            ("--admin-tls-client-ca", &self.admin_tls_client_ca, of_admin),
        ] {
            if let Some(path) = path.as_deref().filter(|_| !is_tcp(address)) {
                let path = path.display();
                bail!(
                    "{flag} {path} has no effect: expected a listener with TLS, found {address}, whose \
                     file's mode says who may connect; leave the flag out, or say {listener} ADDR:PORT"
                );
            }
        }
        if let (None, Some(lookups), Some(admins)) =
            (admin, &self.tls_client_ca, &self.admin_tls_client_ca)
            && lookups != admins
        {
            let (lookups, admins) = (lookups.display(), admins.display());
            bail!(
                "--tls-client-ca {lookups} has no effect: expected a listener for each file of \
                 roots, found --admin-listen {SAME}, which asks for certificates of \
                 --admin-tls-client-ca {admins}; leave one out, or give the admin listener an \
                 address of its own"
            );
        }
        let listeners = || {
            let both = [Some(listen), admin].into_iter().flatten().map(ToString::to_string);
            both.collect::<Vec<_>>().join(" and ")
        };
        let is_any_tcp = is_tcp(listen) || admin.is_some_and(is_tcp);
        if let Some(path) = self.tls_cert.as_deref().filter(|_| !is_any_tcp) {
            let (path, found) = (path.display(), listeners());
            bail!(
                "--tls-cert {path} has no effect: expected a listener at ADDR:PORT, found only \
                 {found}; leave it out together with --tls-key, or say --listen ADDR:PORT"
            );
        }
        if let Some(path) =
            self.tokens.as_deref().filter(|_| !self.are_tokens_asked_for(listen, admin, home))
        {
            let (path, found) = (path.display(), listeners());
            bail!(
                "--tokens {path} has no effect: expected a listener at ADDR:PORT that asks who \
                 calls, found only {found}, where whoever can connect has every role (a Unix \
                 socket, --insecure-admin, or the demo); leave it out, or say --listen ADDR:PORT \
                 without --insecure-admin"
            );
        }
        Ok(())
    }

    fn are_tokens_asked_for(
        &self,
        listen: &Address,
        admin: Option<&Address>,
        home: Home<'_>,
    ) -> bool {
        let is_asked = |address: &Address| matches!(address, Address::Tcp(_));
        match admin {
            Some(admin) => is_asked(listen) || (is_asked(admin) && !self.insecure_admin),
            None if home == Home::Demo && listen.is_local() => false,
            None => is_asked(listen) && !self.insecure_admin,
        }
    }

    fn lookup_access(&self, listen: &Address, book: Option<&Arc<Slot<Book>>>) -> Access {
        let reader = Roles::of(&[Role::Reader]);
        match (book, listen) {
            (Some(book), Address::Tcp(_)) => Access::by_book(Plane::Lookup, Arc::clone(book)),
            (Some(_), Address::Unix(_)) | (None, _) => Access::open(Plane::Lookup, reader),
        }
    }

    fn admin_access(
        &self,
        plane: Plane,
        listen: &Address,
        book: Option<&Arc<Slot<Book>>>,
    ) -> anyhow::Result<Access> {
        let is_open = matches!(listen, Address::Unix(_)) || self.insecure_admin;
        let has_roots = self.admin_tls_client_ca.is_some();
        Ok(match book {
            _ if is_open => Access::open(plane, Roles::ALL),
            Some(book) => Access::by_book(plane, Arc::clone(book)),
            None if has_roots => Access::open(plane, Roles::ALL),
            None => bail!(
                "{listen} would let whoever can connect change what shops see: give --tokens or \
                 --admin-tls-client-ca, serve it at a Unix socket (--admin-listen unix:PATH), or say \
                 --insecure-admin"
            ),
        })
    }

    fn bound(
        &self,
        flag: &str,
        address: &Address,
        access: Access,
        client_roots: Option<&Path>,
        sources: &mut Vec<Source>,
    ) -> anyhow::Result<Bound> {
        let tls = match (&self.tls_cert, &self.tls_key, address) {
            (Some(cert), Some(key), Address::Tcp(_)) => {
                let paths = TlsPaths { cert, key, client_roots };
                Some(paths.open(sources)?)
            }
            _ => None,
        };
        if tls.is_none() && !address.is_local() {
            if !self.insecure_plaintext {
                bail!(
                    "{flag} {address} can be reached from other machines in the clear: give --tls-cert \
                     and --tls-key, listen on 127.0.0.1, or say --insecure-plaintext"
                );
            }
            warn!(%address, "Listening in the clear for other machines, as asked.");
        }
        let listener = Listener::bind(address)
            .with_context(|| format!("cannot listen on {address}; choose another {flag}"))?;
        let address = listener.address().context("cannot read the listener's address")?;
        let listener = match tls {
            Some(tls) => listener.with_tls(tls),
            None => listener,
        };
        Ok(Bound { listener, address, access })
    }
}

/// Reads who may do what, now and whenever the file changes.
fn book(path: &Path, sources: &mut Vec<Source>) -> anyhow::Result<Arc<Slot<Book>>> {
    let read = |path: &Path| -> anyhow::Result<Book> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Book::parse(&text).with_context(|| format!("{} is refused", path.display()))
    };
    let paths = vec![path.to_owned()];
    let marks = Marks::of(&paths);
    let slot = Arc::<Slot<Book>>::default();
    drop(slot.swap(Arc::new(read(path)?)));
    let (held, path) = (Arc::clone(&slot), path.to_owned());
    sources.push(Source::new("tokens", (paths, marks), move || {
        drop(held.swap(Arc::new(read(&path)?)));
        Ok(())
    }));
    Ok(slot)
}

/// Files of a listener's TLS.
#[derive(Clone, Copy)]
struct TlsPaths<'a> {
    cert: &'a Path,
    key: &'a Path,
    client_roots: Option<&'a Path>,
}

impl TlsPaths<'_> {
    /// Reads them, now and whenever one of them changes.
    fn open(self, sources: &mut Vec<Source>) -> anyhow::Result<Tls> {
        let (cert, key) = (self.cert.to_owned(), self.key.to_owned());
        let client_roots = self.client_roots.map(Path::to_owned);
        let paths = [Some(cert.clone()), Some(key.clone()), client_roots.clone()];
        let paths = paths.into_iter().flatten().collect::<Vec<_>>();
        let marks = Marks::of(&paths);
        let tls = self.with(Tls::new)?;
        let held = tls.clone();
        sources.push(Source::new("certificates", (paths, marks), move || {
            let client_roots = client_roots.as_deref();
            TlsPaths { cert: &cert, key: &key, client_roots }.with(|pem| held.replace(pem))
        }));
        Ok(tls)
    }

    fn with<T>(
        self,
        make: impl FnOnce(&TlsPem<'_>) -> Result<T, crate::service::TlsError>,
    ) -> anyhow::Result<T> {
        let read =
            |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let (certificates, key) = (read(self.cert)?, read(self.key)?);
        let client_roots = self.client_roots.map(read).transpose()?;
        let client_roots = client_roots.as_deref();
        make(&TlsPem { certificates: &certificates, key: &key, client_roots }).with_context(|| {
            let (cert, key) = (self.cert.display(), self.key.display());
            format!("TLS cannot be had from {cert} and {key}")
        })
    }
}
