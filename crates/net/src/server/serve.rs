//! Binding a server to its address, serving there, and what can go wrong with that.

use super::{
    accepting::{Acceptance, serve_listener},
    builder::Server,
    cut::ShutdownReport,
    lifecycle::ServiceInfo,
    listener::{BindError, Listen, ListenSecurity, Listener, Security, Site, Socket},
    shards::{Phase, Shards, reached},
};
use crate::{
    error::ConfigError,
    peer::{PeerReports, SocketAddress},
    transport::io::TcpOptions,
};
use std::{error::Error, fmt, future::Future, io, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// A server that has its address and does not accept yet; clients that connect already wait in the system's queue. Made by
/// [`Server::bind`].
///
/// ```
/// # use farcall::{Channel, Server};
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Server::builder().add_service(GreeterServer::new(MyGreeter));
/// let server = server.bind("127.0.0.1:0").await?;
/// let address = server.local_addr()?; // with the port that the system chose
/// tokio::spawn(server.serve());
/// # Channel::builder(address.to_string()).insecure().build()?.connect().await?;
/// # Ok(()) }
/// ```
pub struct Bound {
    listeners: Listeners,
    addresses: Vec<SocketAddress>,
    pub(super) service: Arc<Acceptance>,
}

enum Listeners {
    /// In the runtime that the server was bound in.
    Here(Vec<Listener>),
    /// In runtimes of their own.
    Shards(Shards),
}

impl Server {
    /// Binds an address: `host:port`, `[::]:port` (all interfaces), port 0 for any free one, `unix:/path`, or on Linux
    /// `unix-abstract:name`, `vsock:cid:port` and `vsock::port` (all ids of this machine). Or takes a socket that listens already, and security of its own: see [`Listen`].
    /// [`Bound::bind_also`] adds others.
    ///
    /// # Errors
    /// The address cannot be bound; a service was added twice; a method was registered as another kind than its own; a method to run to completion is unknown; the TLS
    /// settings are unusable; a service [refuses](super::Lifecycle::on_start) to be part of it; there are no threads for the
    /// [shards](Server::shards).
    pub async fn bind(self, address: impl Into<Listen>) -> Result<Bound, ServeError> {
        let shards = self.shards;
        let service = Acceptance::new(self).map_err(ServeError::config)?;
        let place = Place::open(address.into(), shards.is_some()).await?;
        let addresses = vec![place.local.clone()];
        let listeners = match shards {
            None => Listeners::Here(vec![place.into_listener().map_err(ServeError::bind)?]),
            Some(count) => {
                let socket = (place.socket, place.security);
                let shards = Shards::start(socket, &place.name, count.get()).await;
                Listeners::Shards(shards.map_err(ServeError::bind)?)
            }
        };
        Ok(Bound {
            listeners,
            addresses,
            service,
        })
    }

    /// Binds and serves until the future is dropped, which cuts every connection.
    ///
    /// # Errors
    /// As [`bind`](Server::bind).
    pub async fn serve(self, address: impl Into<Listen>) -> Result<(), ServeError> {
        self.bind(address).await?.serve().await;
        Ok(())
    }

    /// Binds and serves until `shutdown` completes; then the health service, if there is one, says NOT_SERVING, and after the
    /// [lame duck](Server::lame_duck) period, by default zero, the server accepts nothing more, tells every client to go away
    /// (GOAWAY), lets open calls finish for `drain` and cuts what remains, which the report counts.
    ///
    /// # Errors
    /// As [`bind`](Server::bind).
    ///
    /// # Cancel safety
    /// Dropping the future cuts every connection at once.
    pub async fn serve_with_shutdown(
        self,
        address: impl Into<Listen>,
        shutdown: impl Future<Output = ()>,
        drain: Duration,
    ) -> Result<ShutdownReport, ServeError> {
        Ok(self
            .bind(address)
            .await?
            .serve_with_shutdown(shutdown, drain)
            .await)
    }
}

/// A socket that listens, and what it is called in errors.
struct Place {
    name: String,
    socket: Socket,
    local: SocketAddress,
    security: Option<Security>,
}

impl Place {
    /// `shared`: several sockets are going to listen there.
    async fn open(listen: Listen, shared: bool) -> Result<Place, ServeError> {
        let security = match listen.security {
            ListenSecurity::AsServer => None,
            ListenSecurity::Plaintext => Some(Security::Plaintext),
            #[cfg(feature = "tls")]
            ListenSecurity::Tls(tls) => {
                let acceptor = tls.acceptor().map_err(ConfigError::tls);
                Some(Security::Tls(acceptor.map_err(ServeError::config)?))
            }
        };
        let (name, socket) = match listen.place {
            Site::Address(address) => {
                let socket = Socket::bind(&address, shared).await;
                (address, socket.map_err(ServeError::bind)?)
            }
            Site::Tcp(listener) => given(Socket::given(listener))?,
            #[cfg(unix)]
            Site::Unix(listener) => given(Socket::given_unix(listener))?,
        };
        let local = socket
            .local_address()
            .map_err(|cause| ServeError::bind(BindError::new(&name, cause)))?;
        Ok(Place {
            name,
            socket,
            local,
            security,
        })
    }

    fn into_listener(self) -> Result<Listener, BindError> {
        Listener::from_socket(self.socket, TcpOptions::default())
            .map(|listener| listener.secured(self.security))
            .map_err(|cause| BindError::new(&self.name, cause))
    }
}

fn given(socket: io::Result<Socket>) -> Result<(String, Socket), ServeError> {
    const NAME: &str = "a given socket";
    match socket {
        Ok(socket) => Ok((NAME.to_owned(), socket)),
        Err(cause) => Err(ServeError::bind(BindError::new(NAME, cause))),
    }
}

impl Bound {
    /// Listens at another place too, for the same services, with the same limits and one shutdown for all. Which one a call came through,
    /// its handler sees as [`Peer::local_address`](crate::Peer::local_address).
    ///
    /// # Errors
    /// The address cannot be bound, or its TLS settings are unusable; the server is gone then, and with it the places it had.
    pub async fn bind_also(mut self, address: impl Into<Listen>) -> Result<Bound, ServeError> {
        let shared = matches!(self.listeners, Listeners::Shards(_));
        let place = Place::open(address.into(), shared).await?;
        self.addresses.push(place.local.clone());
        match &mut self.listeners {
            Listeners::Here(listeners) => {
                listeners.push(place.into_listener().map_err(ServeError::bind)?);
            }
            Listeners::Shards(shards) => shards
                .listen_also(place.socket, &place.security)
                .map_err(|cause| ServeError::bind(BindError::new(&place.name, cause)))?,
        }
        Ok(self)
    }

    /// The first address: with the port that was chosen, if 0 was asked for.
    pub fn local_address(&self) -> &SocketAddress {
        &self.addresses[0]
    }

    /// All of them, in the order in which they were bound.
    pub fn local_addresses(&self) -> &[SocketAddress] {
        &self.addresses
    }

    /// The IP address and port of the first.
    ///
    /// # Errors
    /// The server listens on a socket that has none.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.local_address()
            .ip()
            .ok_or_else(|| io::Error::other("the server does not listen on an IP address"))
    }

    /// What the server offers.
    pub fn services(&self) -> &[ServiceInfo] {
        self.service.services()
    }

    /// See [`Server::peer_reports`].
    pub fn peer_reports(&self) -> PeerReports {
        self.service.reports()
    }

    /// Serves until the future is dropped, which cuts every connection.
    pub async fn serve(self) {
        self.serve_with_shutdown(std::future::pending(), Duration::ZERO)
            .await;
    }

    /// Serves until `shutdown` completes, then drains; see [`Server::serve_with_shutdown`].
    pub async fn serve_with_shutdown(
        self,
        shutdown: impl Future<Output = ()>,
        drain: Duration,
    ) -> ShutdownReport {
        let service = self.service;
        let shutdown = async {
            shutdown.await;
            service.lame_duck().await;
        };
        match self.listeners {
            Listeners::Here(listeners) => {
                let phase = watch::Sender::new(Phase::Accepting);
                let mut tasks = JoinSet::new();
                for listener in listeners {
                    let end = reached(phase.subscribe(), Phase::Draining);
                    tasks.spawn(serve_listener(end, listener, Arc::clone(&service)));
                }
                shutdown.await;
                phase.send_replace(Phase::Draining);
                let finished = async {
                    finish(&mut tasks).await;
                    service.idle().await;
                };
                service.drain(drain, finished).await
            }
            Listeners::Shards(shards) => {
                let mut serving = shards.serve(&service);
                shutdown.await;
                serving.stop_accepting();
                let finished = async {
                    serving.finish().await;
                    service.idle().await;
                };
                service.drain(drain, finished).await
            }
        }
    }
}

async fn finish(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound")
            .field("addresses", &self.addresses)
            .finish()
    }
}

/// Why a server does not serve.
///
/// ```
/// use farcall::Server;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let error = Server::builder().bind("localhost").await.unwrap_err();
/// assert!(error.is_bind());
/// assert!(error.to_string().starts_with("cannot listen on localhost: "));
///
/// // What the system says is the source.
/// use std::{error::Error, io};
/// let first = Server::builder().bind("127.0.0.1:0").await?;
/// let error = Server::builder().bind(&first.local_addr()?.to_string()).await.unwrap_err();
/// let cause: &io::Error = error.source().and_then(|cause| cause.downcast_ref()).expect("the system's");
/// assert_eq!(cause.kind(), io::ErrorKind::AddrInUse);
/// # Ok(()) }
/// ```
pub struct ServeError {
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Bind(BindError),
    Config(ConfigError),
}

impl ServeError {
    pub(super) fn bind(error: BindError) -> ServeError {
        ServeError {
            cause: Cause::Bind(error),
        }
    }

    pub(super) fn config(error: ConfigError) -> ServeError {
        ServeError {
            cause: Cause::Config(error),
        }
    }

    /// The address could not be bound.
    pub fn is_bind(&self) -> bool {
        matches!(self.cause, Cause::Bind(_))
    }

    /// Why the address could not be bound, if that is it.
    pub fn bind_error(&self) -> Option<&BindError> {
        match &self.cause {
            Cause::Bind(error) => Some(error),
            Cause::Config(_) => None,
        }
    }

    /// The services or settings are wrong.
    pub fn is_config(&self) -> bool {
        matches!(self.cause, Cause::Config(_))
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Bind(error) => write!(f, "{error}"),
            Cause::Config(error) => write!(f, "{error}"),
        }
    }
}

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServeError({self})")
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Bind(error) => error.source(),
            Cause::Config(error) => error.source(),
        }
    }
}
