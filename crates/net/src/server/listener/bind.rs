//! From the text of an address to a listening socket.

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::vsock::{self, VsockListener};
use crate::{peer::SocketAddress, resolver::dns, words::words};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    error::Error,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
};
use tokio::net::TcpListener;

/// Connections that the system queues for `accept`; it cuts this down to its own limit (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// A listening socket.
pub(crate) enum Listening {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: tokio::net::UnixListener,
        address: SocketAddress,
        /// Kept for its drop.
        file: Option<unix::SocketFile>,
    },
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Vsock(VsockListener),
}

impl Listening {
    /// Listens at `address`: `127.0.0.1:50051`, `[::]:50051` (all addresses of both families), `:50051` (the same),
    /// `localhost:50051` (one address of the name, IPv4 first), `unix:/path`, `unix:///path`, `unix-abstract:name`
    /// (Linux), `vsock:cid:port`, `vsock::port` (all ids; Linux). Port 0 lets the system choose; of vsock, 4294967295.
    ///
    /// The file of a Unix socket is removed when the listener goes, and replaced if a server that is gone has left it. `shared`: other sockets of
    /// this process are going to listen there too.
    pub(super) async fn bind(address: &str, shared: bool) -> Result<Listening, BindError> {
        let bound = match Address::parse(address) {
            Some(Address::Ip(ip)) => tcp(ip, shared),
            Some(Address::Name(host, port)) => tcp_by_name(host, port, shared).await,
            #[cfg(unix)]
            Some(Address::Unix(path)) => unix::listen(path.as_ref()).await,
            #[cfg(target_os = "linux")]
            Some(Address::UnixAbstract(name)) => unix::listen_abstract(name.as_bytes()),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Some(Address::Vsock(cid, port)) => vsock::listen(cid, port, BACKLOG)
                .and_then(VsockListener::new)
                .map(Listening::Vsock),
            #[allow(
                unreachable_patterns,
                reason = "which kinds there are depends on the system"
            )]
            Some(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this system has no such sockets",
            )),
            None => {
                let expected = "not an address to listen on; examples: [::]:50051, 127.0.0.1:0, unix:/run/app.sock";
                Err(io::Error::new(io::ErrorKind::InvalidInput, expected))
            }
        };
        bound.map_err(|cause| BindError::new(address, cause))
    }

    #[cfg(test)]
    pub(super) fn local_address(&self) -> io::Result<SocketAddress> {
        match self {
            Listening::Tcp(listener) => Ok(listener.local_addr()?.into()),
            #[cfg(unix)]
            Listening::Unix { address, .. } => Ok(address.clone()),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Listening::Vsock(listener) => listener.local_address(),
        }
    }
}

#[derive(PartialEq, Debug)]
enum Address<'a> {
    Ip(SocketAddr),
    Name(&'a str, u16),
    Unix(&'a str),
    UnixAbstract(&'a str),
    /// Machine and port.
    Vsock(u32, u32),
}

impl Address<'_> {
    fn parse(text: &str) -> Option<Address<'_>> {
        if let Some(path) = text.strip_prefix("unix:") {
            // gRPC's name syntax: unix:path, unix:/path, unix:///path.
            let path = path.strip_prefix("//").unwrap_or(path);
            return (!path.is_empty()).then_some(Address::Unix(path));
        }
        if let Some(name) = text.strip_prefix("unix-abstract:") {
            return Some(Address::UnixAbstract(name));
        }
        if let Some(address) = text.strip_prefix("vsock:") {
            let (cid, port) = address.split_once(':')?;
            let cid = match cid {
                "" => u32::MAX, // VMADDR_CID_ANY
                cid => cid.parse().ok()?,
            };
            return Some(Address::Vsock(cid, port.parse().ok()?));
        }
        if let Ok(ip) = text.parse() {
            return Some(Address::Ip(ip));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        match host {
            "" => Some(Address::Ip((std::net::Ipv6Addr::UNSPECIFIED, port).into())),
            host if host.contains([':', '/', '[', ']']) => None,
            host => Some(Address::Name(host, port)),
        }
    }
}

/// `[::]` means all addresses, also where there is no IPv6 (containers often have none).
fn tcp(address: SocketAddr, shared: bool) -> io::Result<Listening> {
    let first = tcp_exactly(address, shared);
    match &first {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && lacks_family(error) => {
            tcp_exactly((Ipv4Addr::UNSPECIFIED, address.port()).into(), shared).or(first)
        }
        _ => first,
    }
}

fn lacks_family(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
    )
}

/// The first address of the name that does, IPv4 first, as Go's `net.Listen` does it.
async fn tcp_by_name(host: &str, port: u16, shared: bool) -> io::Result<Listening> {
    let mut addresses = dns::system_lookup(host, port).await?;
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut outcome = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        outcome = tcp_exactly(address, shared);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn tcp_exactly(address: SocketAddr, shared: bool) -> io::Result<Listening> {
    if shared && address.port() != 0 {
        // SO_REUSEPORT would share the port with another server that has it, silently.
        tcp_unlistening(address, false)?;
    }
    let socket = tcp_socket(address, shared)?;
    Ok(Listening::Tcp(TcpListener::from_std(socket.into())?))
}

/// A listening socket, not to be waited on yet. `shared`: see [`Listening::bind`].
pub(super) fn tcp_socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = tcp_unlistening(address, shared)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn tcp_unlistening(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    // Without it a server cannot come back while connections of its former life are in TIME_WAIT. On Windows
    // the option means something else: that others may take the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if shared {
        socket.set_reuse_port(true)?;
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = shared;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // The system's default differs (`net.ipv6.bindv6only`).
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(unix)]
pub(crate) mod unix {
    //! Unix sockets, and the files that they leave behind.

    use super::{BACKLOG, Listening};
    use crate::peer::SocketAddress;
    use socket2::{Domain, SockAddr, Socket, Type};
    use std::{
        fs, io,
        os::unix::fs::{FileTypeExt, MetadataExt},
        path::{Path, PathBuf},
    };
    use tokio::net::{UnixListener, UnixStream};

    /// The file of a socket; it goes when the listener goes.
    pub(crate) struct SocketFile {
        path: PathBuf,
        /// Device and inode: another server may have put its own socket there since.
        id: (u64, u64),
    }

    impl Drop for SocketFile {
        fn drop(&mut self) {
            if fs::symlink_metadata(&self.path)
                .is_ok_and(|file| (file.dev(), file.ino()) == self.id)
            {
                // Nobody is left to tell.
                fs::remove_file(&self.path).ok();
            }
        }
    }

    pub(super) async fn listen(path: &Path) -> io::Result<Listening> {
        let address = SockAddr::unix(path)?;
        let listener = match listen_at(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path).await => {
                fs::remove_file(path)?;
                listen_at(&address)?
            }
            outcome => outcome?,
        };
        let file = fs::symlink_metadata(path)?;
        let id = (file.dev(), file.ino());
        let address = SocketAddress::Unix(path.to_owned());
        Ok(Listening::Unix {
            listener,
            address,
            file: Some(SocketFile {
                path: path.to_owned(),
                id,
            }),
        })
    }

    #[cfg(target_os = "linux")]
    pub(super) fn listen_abstract(name: &[u8]) -> io::Result<Listening> {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let path = [b"\0", name].concat();
        let listener = listen_at(&SockAddr::unix(OsStr::from_bytes(&path))?)?;
        Ok(Listening::Unix {
            listener,
            address: SocketAddress::UnixAbstract(name.to_vec()),
            file: None,
        })
    }

    fn listen_at(address: &SockAddr) -> io::Result<UnixListener> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?;
        UnixListener::from_std(socket.into())
    }

    /// Whether a server that is gone has left its socket here. Never true of another kind of file.
    async fn is_abandoned(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
            && UnixStream::connect(path)
                .await
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// Why a server cannot listen. The text names the address: `cannot listen on 127.0.0.1:50051: address in use`.
///
/// ```
/// # fn explain(error: &farcall::server::BindError) {
/// if error.is_in_use() {
///     println!("is the server running already? {error}");
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct BindError {
    address: String,
    cause: io::Error,
}

impl BindError {
    pub(crate) fn new(address: &str, cause: io::Error) -> BindError {
        BindError {
            address: address.to_owned(),
            cause,
        }
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Somebody listens there already.
    pub fn is_in_use(&self) -> bool {
        self.cause.kind() == io::ErrorKind::AddrInUse
    }

    /// The system does not let this process listen there: a port below 1024, a folder of somebody else.
    pub fn is_permission_denied(&self) -> bool {
        self.cause.kind() == io::ErrorKind::PermissionDenied
    }

    /// It is no address to listen on.
    pub fn is_invalid(&self) -> bool {
        self.cause.kind() == io::ErrorKind::InvalidInput
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot listen on {}: {}",
            self.address.escape_debug(),
            words(&self.cause)
        )
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let ip = |text: &str| Some(Address::Ip(text.parse().unwrap()));
        assert_eq!(Address::parse("127.0.0.1:0"), ip("127.0.0.1:0"));
        assert_eq!(Address::parse("[::]:50051"), ip("[::]:50051"));
        assert_eq!(Address::parse(":50051"), ip("[::]:50051"));
        assert_eq!(
            Address::parse("localhost:1"),
            Some(Address::Name("localhost", 1))
        );
        assert_eq!(Address::parse("unix:/a/b"), Some(Address::Unix("/a/b")));
        assert_eq!(Address::parse("unix:///a/b"), Some(Address::Unix("/a/b")));
        assert_eq!(Address::parse("unix:a"), Some(Address::Unix("a")));
        assert_eq!(
            Address::parse("unix-abstract:a"),
            Some(Address::UnixAbstract("a"))
        );
        assert_eq!(
            Address::parse("vsock:3:50051"),
            Some(Address::Vsock(3, 50051))
        );
        assert_eq!(
            Address::parse("vsock::1"),
            Some(Address::Vsock(u32::MAX, 1))
        );
        for wrong in [
            "",
            "50051",
            "localhost",
            "localhost:http",
            "::1:50051",
            "localhost:65536",
            "unix:",
            "vsock:",
            "vsock:1",
            "vsock:1:",
            "vsock:a:1",
            "vsock:1:2:3",
            "vsock:1:4294967296",
            "http://a:1",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused_with_examples() {
        let error = Listening::bind("localhost", false).await.err().unwrap();
        assert!(error.is_invalid());
        assert!(
            error
                .to_string()
                .starts_with("cannot listen on localhost: not an address"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let first = Listening::bind("127.0.0.1:0", false).await.unwrap();
        let address = first.local_address().unwrap().to_string();
        let error = Listening::bind(&address, false).await.err().unwrap();
        assert!(error.is_in_use());
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {address}: address in use")
        );
        assert_eq!(error.address(), address);
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named() {
        let error = Listening::bind("192.0.2.1:50051", false)
            .await
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "cannot listen on 192.0.2.1:50051: address not available"
        );
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_named() {
        let host = "x".repeat(64);
        let error = Listening::bind(&format!("{host}:1"), false)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("cannot resolve"), "{error}");
    }

    #[tokio::test]
    async fn all_addresses_means_ipv4_too() {
        let listening = Listening::bind("[::]:0", false).await.unwrap();
        let port = listening.local_address().unwrap().ip().unwrap().port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_name_may_be_listened_on() {
        let listening = Listening::bind("localhost:0", false).await.unwrap();
        assert!(
            listening
                .local_address()
                .unwrap()
                .ip()
                .unwrap()
                .ip()
                .is_loopback()
        );
    }

    #[cfg(unix)]
    mod on_unix {
        use super::*;
        use std::path::PathBuf;

        /// A path in a folder that nobody else uses, gone with the value.
        struct Scratch(PathBuf);

        impl Scratch {
            fn new(name: &str) -> Scratch {
                let path =
                    std::env::temp_dir().join(format!("farcall-{name}-{}", std::process::id()));
                std::fs::create_dir_all(&path).unwrap();
                Scratch(path)
            }

            fn socket(&self) -> (PathBuf, String) {
                let path = self.0.join("socket");
                (path.clone(), format!("unix:{}", path.display()))
            }
        }

        impl Drop for Scratch {
            fn drop(&mut self) {
                std::fs::remove_dir_all(&self.0).ok();
            }
        }

        #[tokio::test]
        async fn a_socket_file_goes_with_its_listener() {
            let scratch = Scratch::new("goes");
            let (path, address) = scratch.socket();
            let listening = Listening::bind(&address, false).await.unwrap();
            assert!(path.exists());
            drop(listening);
            assert!(!path.exists());
        }

        #[tokio::test]
        async fn a_socket_file_of_another_listener_stays() {
            let scratch = Scratch::new("stays");
            let (path, address) = scratch.socket();
            let first = Listening::bind(&address, false).await.unwrap();
            std::fs::rename(&path, scratch.0.join("moved")).unwrap();
            let _second = Listening::bind(&address, false).await.unwrap();
            drop(first);
            assert!(path.exists());
        }

        #[tokio::test]
        async fn an_abandoned_socket_file_is_replaced() {
            let scratch = Scratch::new("abandoned");
            let (path, address) = scratch.socket();
            // std's listener leaves its file behind.
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            assert!(path.exists());
            Listening::bind(&address, false).await.unwrap();
        }

        #[tokio::test]
        async fn a_socket_in_use_is_not_taken_away() {
            let scratch = Scratch::new("in-use");
            let (_, address) = scratch.socket();
            let _first = Listening::bind(&address, false).await.unwrap();
            let error = Listening::bind(&address, false).await.err().unwrap();
            assert_eq!(
                error.to_string(),
                format!("cannot listen on {address}: address in use")
            );
        }

        #[tokio::test]
        async fn a_file_that_is_no_socket_is_not_touched() {
            let scratch = Scratch::new("file");
            let (path, address) = scratch.socket();
            std::fs::write(&path, "precious").unwrap();
            assert!(
                Listening::bind(&address, false)
                    .await
                    .err()
                    .unwrap()
                    .is_in_use()
            );
            assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        }

        #[tokio::test]
        async fn a_folder_that_is_not_there_is_named() {
            let error = Listening::bind("unix:/no/such/folder/socket", false)
                .await
                .err()
                .unwrap();
            assert_eq!(
                error.to_string(),
                "cannot listen on unix:/no/such/folder/socket: no such file"
            );
        }
    }
}
