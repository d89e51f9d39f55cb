//! Who is at the other end of a connection, and what it may do.

mod report;

pub use farcall_http2::{Act, Budget, PeerMisbehaved};
pub use report::{PeerReport, PeerReports};
use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

/// The other end of a connection: its address, and what TLS has proven about it.
///
/// A clone costs one reference count; all calls of a connection share one value.
///
/// ```
/// use farcall::{Request, Response, Status};
/// # use farcall_examples::{hello::{Greeter, HelloReply, HelloRequest}, local};
/// # struct MyGreeter;
/// # impl Greeter for MyGreeter {
///
/// async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
///     let peer = request.peer().expect("known on a server");
///     println!("{} calls {}", peer.remote_address(), request.method());
///     if let Some(tls) = peer.tls() {
///         println!("over {} with {} certificates", tls.version(), tls.certificates().len());
///     }
///     Ok(HelloReply::default().into())
/// }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # local::serve(MyGreeter).await?.say_hello(HelloRequest::default()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Peer {
    inner: Arc<Inner>,
}

struct Inner {
    remote: SocketAddress,
    local: SocketAddress,
    tls: Option<TlsPeer>,
    process: Option<UnixCredentials>,
}

impl Peer {
    pub(crate) fn new(remote: SocketAddress, local: SocketAddress, tls: Option<TlsPeer>) -> Peer {
        Peer::with_process(remote, local, tls, None)
    }

    pub(crate) fn with_process(
        remote: SocketAddress,
        local: SocketAddress,
        tls: Option<TlsPeer>,
        process: Option<UnixCredentials>,
    ) -> Peer {
        Peer {
            inner: Arc::new(Inner {
                remote,
                local,
                tls,
                process,
            }),
        }
    }

    /// The peer's end of the connection.
    ///
    /// This is the next hop: behind a proxy or a load balancer it is that machine's address.
    pub fn remote_address(&self) -> &SocketAddress {
        &self.inner.remote
    }

    /// This process's end of the connection.
    pub fn local_address(&self) -> &SocketAddress {
        &self.inner.local
    }

    /// What TLS has established; `None` on a plaintext connection.
    pub fn tls(&self) -> Option<&TlsPeer> {
        self.inner.tls.as_ref()
    }

    /// (server) Whose process is at the other end, as the system says; `None` where the connection is not a Unix socket, or the system does not
    /// tell.
    pub fn unix_credentials(&self) -> Option<UnixCredentials> {
        self.inner.process
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("remote_address", &self.inner.remote)
            .field("local_address", &self.inner.local)
            .field("tls", &self.inner.tls)
            .finish()
    }
}

/// Whose process is at the other end of a Unix socket: a fact of the system's, as it was when the process connected.
///
/// ```
/// // Only for processes of the user that this one runs as.
/// # fn check(request: &farcall::Request<()>, me: u32) -> Result<(), farcall::Status> {
/// let process = request.peer().and_then(|peer| peer.unix_credentials());
/// if process.is_none_or(|process| process.user != me) {
///     return Err(farcall::Status::permission_denied("not yours"));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct UnixCredentials {
    /// The effective user.
    pub user: u32,
    /// The effective group.
    pub group: u32,
    /// The process, where the system names it. It may be gone, and its number somebody else's.
    pub process: Option<i32>,
}

/// One end of a socket.
///
/// `Display` writes `127.0.0.1:50051`, `[::1]:50051`, `unix:/run/app.sock`, `unix-abstract:app` or `vsock:2:50051`.
///
/// ```
/// use farcall::peer::SocketAddress;
///
/// let address = SocketAddress::from("127.0.0.1:50051".parse::<std::net::SocketAddr>()?);
/// assert_eq!(address.to_string(), "127.0.0.1:50051");
/// assert_eq!(SocketAddress::Unix("/run/app.sock".into()).to_string(), "unix:/run/app.sock");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketAddress {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A Unix socket in the file system.
    Unix(PathBuf),
    /// A Unix socket in Linux's abstract namespace; the name without its leading NUL.
    UnixAbstract(Vec<u8>),
    /// A Unix socket without a name: the usual client.
    UnixUnnamed,
    /// A socket between a virtual machine and its host or another machine on it (vsock(7)).
    Vsock {
        /// The machine: 2 is the host; of a listener, 4294967295 is all ids of this machine.
        cid: u32,
        /// The port.
        port: u32,
    },
    /// A transport that is not a socket; the text says which.
    Other(Arc<str>),
}

impl SocketAddress {
    /// The IP address and port, if it has them.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            SocketAddress::Ip(address) => Some(*address),
            _ => None,
        }
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> SocketAddress {
        SocketAddress::Ip(address)
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::SocketAddr> for SocketAddress {
    fn from(address: std::os::unix::net::SocketAddr) -> SocketAddress {
        #[cfg(target_os = "linux")]
        if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(&address) {
            return SocketAddress::UnixAbstract(name.to_vec());
        }
        match address.as_pathname() {
            Some(path) => SocketAddress::Unix(path.to_path_buf()),
            None => SocketAddress::UnixUnnamed,
        }
    }
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketAddress::Ip(address) => address.fmt(f),
            SocketAddress::Unix(path) => write!(f, "unix:{}", path.display()),
            SocketAddress::UnixAbstract(name) => write!(f, "unix-abstract:{}", name.escape_ascii()),
            SocketAddress::UnixUnnamed => f.write_str("unix:"),
            SocketAddress::Vsock { cid, port } => write!(f, "vsock:{cid}:{port}"),
            SocketAddress::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a TLS handshake has established about the peer.
///
/// ```
/// // The certificate that the client has proven to own, for a check of one's own.
/// # fn check(peer: &farcall::Peer) -> Option<&[u8]> {
/// let leaf: &[u8] = peer.tls()?.certificates().next()?;
/// # Some(leaf)
/// # }
/// ```
#[derive(Clone)]
pub struct TlsPeer {
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) server_name: Option<String>,
    pub(crate) version: TlsVersion,
    pub(crate) alpn: Vec<u8>,
}

impl TlsPeer {
    /// The peer's certificates in DER, its own first, as it has sent them. The chain has been verified
    /// against this side's roots (a custom verifier decides by its own rules).
    ///
    /// Empty on a server whose client has not authenticated itself.
    pub fn certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }

    /// On a server, the name that the client asked for (SNI, RFC 6066 §3): the client's claim, not a proof.
    /// On a client, the name or IP address that the server's certificate was verified for.
    ///
    /// `None` if the client sent none, as clients do that connect to an IP address.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The version of the protocol.
    pub fn version(&self) -> TlsVersion {
        self.version
    }

    /// The application protocol agreed on (RFC 7301); always `h2` for gRPC.
    pub fn alpn(&self) -> &[u8] {
        &self.alpn
    }
}

impl fmt::Debug for TlsPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Certificates by count: their bytes help nobody in a log.
        f.debug_struct("TlsPeer")
            .field("version", &self.version)
            .field("certificates", &self.certificates.len())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// A version of TLS. Older ones are not spoken.
///
/// ```
/// use farcall::peer::TlsVersion;
///
/// assert!(TlsVersion::Tls13 > TlsVersion::Tls12);
/// assert_eq!(TlsVersion::Tls13.to_string(), "TLS 1.3");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsVersion::Tls12 => "TLS 1.2",
            TlsVersion::Tls13 => "TLS 1.3",
        })
    }
}
