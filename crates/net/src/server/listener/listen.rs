//! What a server may be told to listen on.

#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use std::fmt;

/// Where a server listens, and how connections that come there are secured: an address as text, or a socket that listens already (from
/// systemd, from a parent process, bound with options of one's own). See [`Server::bind`](crate::Server::bind) and
/// [`Bound::bind_also`](crate::server::Bound::bind_also).
///
/// ```
/// use farcall::{Server, ServerTls, server::Listen};
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let certs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata"));
/// # let path = std::env::temp_dir().join(format!("farcall-listen-{}", std::process::id()));
/// # let (path, internal) = (path.display(), std::net::TcpListener::bind("127.0.0.1:0")?);
/// let tls = ServerTls::from_pem_files(certs.join("server.pem"), certs.join("server.key"))?;
/// let server = Server::builder()
///     .add_service(GreeterServer::new(MyGreeter))
///     .bind(Listen::from("127.0.0.1:0").tls(tls))     // the world
///     .await?
///     .bind_also(format!("unix:{path}"))              // the neighbours, in plaintext as the server is
///     .await?
///     .bind_also(internal)                            // a std::net::TcpListener
///     .await?;
/// assert_eq!(server.local_addresses().len(), 3);
/// # Ok(()) }
/// ```
pub struct Listen {
    pub(crate) place: Site,
    pub(crate) security: ListenSecurity,
}

/// The place itself.
pub(crate) enum Site {
    Address(String),
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

/// What was said about security.
pub(crate) enum ListenSecurity {
    /// Nothing: as the server is.
    AsServer,
    Plaintext,
    #[cfg(feature = "tls")]
    Tls(ServerTls),
}

impl Listen {
    /// TLS with these settings, whatever the server has.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ServerTls) -> Listen {
        self.security = ListenSecurity::Tls(tls);
        self
    }

    /// Plaintext, although the server has TLS.
    pub fn insecure(mut self) -> Listen {
        self.security = ListenSecurity::Plaintext;
        self
    }

    fn at(place: Site) -> Listen {
        Listen {
            place,
            security: ListenSecurity::AsServer,
        }
    }
}

impl From<String> for Listen {
    fn from(address: String) -> Listen {
        Listen::at(Site::Address(address))
    }
}

impl From<&str> for Listen {
    fn from(address: &str) -> Listen {
        address.to_owned().into()
    }
}

impl From<&String> for Listen {
    fn from(address: &String) -> Listen {
        address.clone().into()
    }
}

impl From<std::net::SocketAddr> for Listen {
    fn from(address: std::net::SocketAddr) -> Listen {
        address.to_string().into()
    }
}

impl From<std::net::TcpListener> for Listen {
    fn from(listener: std::net::TcpListener) -> Listen {
        Listen::at(Site::Tcp(listener))
    }
}

/// Its file, if it has one, stays when the server goes: whoever has made it may want it again.
#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for Listen {
    fn from(listener: std::os::unix::net::UnixListener) -> Listen {
        Listen::at(Site::Unix(listener))
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Site::Address(address) => f.debug_tuple("Listen").field(address).finish(),
            Site::Tcp(listener) => f.debug_tuple("Listen").field(listener).finish(),
            #[cfg(unix)]
            Site::Unix(listener) => f.debug_tuple("Listen").field(listener).finish(),
        }
    }
}
