//! Where a server listens: an address and a port, or a Unix socket; in the clear or with TLS.

use std::{
    fmt, fs, io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use socket2::{Domain, SockAddr, SockRef, TcpKeepalive, Type};
use tokio::net;

use super::tls::Tls;

/// Half-open peers on quiet networks: asked after a minute, given up after three unanswered
/// questions. HTTP/2 pings find most of them sooner; this also holds before the preface.
const KEEPALIVE_TIME: std::time::Duration = std::time::Duration::from_secs(60);
const KEEPALIVE_INTERVAL: std::time::Duration = std::time::Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// Who may connect to a Unix socket: its owner, and root.
const SOCKET_MODE: u32 = 0o600;

/// Peers that may wait until they are accepted, as far as the system allows it (Linux: `somaxconn`, 4,096 as
/// well). All clients of a replica that ends come to its neighbours at once; one that finds the queue full tries
/// again after a second, and then after two more.
pub(super) const BACKLOG: u16 = 4_096;

const UNIX: &str = "unix:";

/// Where to listen: `HOST:PORT`, or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A socket that this process makes.
    Unix(PathBuf),
}

impl Address {
    /// Can only this machine connect?
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(UNIX).filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let address = text.parse().map_err(|_| {
            format!(
                "expected an address and a port like 127.0.0.1:50051, or unix:PATH; found {text:?}"
            )
        })?;
        Ok(Self::Tcp(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// A bound socket that accepts.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// A socket's file, which goes with its listener.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever removed it before has done our work.
        fs::remove_file(&self.0).ok();
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { socket: Socket::Tcp(listener), tls: None }
    }
}

impl Listener {
    /// Binds an address. A Unix socket is its owner's alone; a file of one that nobody listens at any
    /// more is replaced.
    ///
    /// # Errors
    /// The address is in use or not ours, or what stands at the path is no socket.
    pub fn bind(address: &Address) -> io::Result<Self> {
        let socket = match address {
            Address::Tcp(address) => Socket::Tcp(bind_tcp(*address)?),
            Address::Unix(path) => Socket::Unix(bind_unix(path)?, SocketFile(path.clone())),
        };
        Ok(Self { socket, tls: None })
    }

    /// The same with TLS.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The address with its port.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<Address> {
        Ok(match &self.socket {
            Socket::Tcp(listener) => Address::Tcp(listener.local_addr()?),
            Socket::Unix(_, file) => Address::Unix(file.0.clone()),
        })
    }

    /// Hands the listener to a runtime.
    pub(super) fn watched(self) -> io::Result<Watched> {
        let socket = match self.socket {
            Socket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                WatchedSocket::Tcp(net::TcpListener::from_std(listener)?)
            }
            Socket::Unix(listener, file) => {
                listener.set_nonblocking(true)?;
                WatchedSocket::Unix(net::UnixListener::from_std(listener)?, file)
            }
        };
        Ok(Watched { socket, tls: self.tls })
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A port is free as soon as its listener is gone, whatever became of its connections.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG.into())?;
    Ok(socket.into())
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            let reason = "a file that is no socket stands at this path";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        Ok(_) => match UnixStream::connect(path) {
            // Whoever made it is gone.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?
            }
            Err(error) => return Err(error),
            Ok(_) => {
                let reason = "another process listens at this socket";
                return Err(io::Error::new(io::ErrorKind::AddrInUse, reason));
            }
        },
    }
    // Nobody can connect before it listens, and it does not before only its owner may.
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG.into())?;
    Ok(socket.into())
}

/// A listener that a runtime watches.
#[derive(Debug)]
pub(super) struct Watched {
    socket: WatchedSocket,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum WatchedSocket {
    Tcp(net::TcpListener),
    Unix(net::UnixListener, SocketFile),
}

/// A socket that was just accepted, free of any runtime.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) socket: AcceptedSocket,
    /// How its peer is to be greeted.
    pub(super) tls: Option<Tls>,
}

#[derive(Debug)]
pub(super) enum AcceptedSocket {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
}

impl Watched {
    /// The next socket: it is watched by the runtime that serves it.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        let socket = match &self.socket {
            WatchedSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                AcceptedSocket::Tcp(stream.into_std()?, peer.ip())
            }
            WatchedSocket::Unix(listener, _) => {
                AcceptedSocket::Unix(listener.accept().await?.0.into_std()?)
            }
        };
        Ok(Accepted { socket, tls: self.tls.clone() })
    }

    /// Whoever waits in the kernel, up to so many, and then nobody any more.
    pub(super) fn close(self, count_max: usize) -> io::Result<Vec<Accepted>> {
        let Self { socket, tls } = self;
        let mut next: Box<dyn FnMut() -> io::Result<AcceptedSocket>> = match socket {
            WatchedSocket::Tcp(listener) => {
                let listener = listener.into_std()?;
                Box::new(move || {
                    let (stream, peer) = listener.accept()?;
                    Ok(AcceptedSocket::Tcp(stream, peer.ip()))
                })
            }
            WatchedSocket::Unix(listener, file) => {
                let listener = listener.into_std()?;
                Box::new(move || {
                    // Kept until the last peer is in.
                    let _file = &file;
                    Ok(AcceptedSocket::Unix(listener.accept()?.0))
                })
            }
        };
        let waiting = std::iter::from_fn(|| next().ok()).take(count_max);
        Ok(waiting.map(|socket| Accepted { socket, tls: tls.clone() }).collect())
    }
}

impl AcceptedSocket {
    /// The peer's address, where it has one.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        match self {
            // The same host by both families is one peer.
            Self::Tcp(_, address) => Some(address.to_canonical()),
            Self::Unix(_) => None,
        }
    }

    /// Socket options. Without `TCP_NODELAY` a reply waits for the peer's acknowledgement of the last
    /// one, which cost 97 % of the throughput when measured.
    pub(super) fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream, _) => prepare(stream),
            Self::Unix(stream) => stream.set_nonblocking(true),
        }
    }
}

pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    // A socket from the closing listener still blocks.
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_TIME)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
