//! Binding a server to its address, serving there, and what can go wrong with that.

use super::{
    accepting::{Acceptance, ShutdownReport, accept_until},
    builder::Server,
    listener::{BindError, Listener, Socket},
    shards::Shards,
};
use crate::{
    error::ConfigError,
    peer::{PeerReports, SocketAddress},
    transport::io::TcpOptions,
};
use std::{error::Error, fmt, future::Future, io, sync::Arc, time::Duration};
use tokio::task::JoinSet;

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
    address: SocketAddress,
    service: Arc<Acceptance>,
}

enum Listeners {
    /// In the runtime that the server was bound in.
    One(Listener),
    /// In runtimes of their own.
    Shards(Shards),
}

impl Server {
    /// Binds `address`: `host:port`, `[::]:port` (all interfaces), port 0 for any free one, or `unix:/path`.
    ///
    /// # Errors
    /// The address cannot be bound; a service was added twice; a method to run to completion is unknown; the TLS
    /// settings are unusable; a service [refuses](super::Lifecycle::on_start) to be part of it; there are no threads for the
    /// [shards](Server::shards).
    pub async fn bind(self, address: &str) -> Result<Bound, ServeError> {
        let shards = self.shards;
        let service = Acceptance::new(self).map_err(ServeError::config)?;
        let bound = match shards {
            None => Listeners::bind_one(address).await,
            Some(count) => Listeners::bind_shards(address, count.get()).await,
        };
        let (listeners, address) = bound.map_err(ServeError::bind)?;
        Ok(Bound {
            listeners,
            address,
            service,
        })
    }

    /// Binds and serves until the future is dropped, which cuts every connection.
    ///
    /// # Errors
    /// As [`bind`](Server::bind).
    pub async fn serve(self, address: &str) -> Result<(), ServeError> {
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
        address: &str,
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

impl Listeners {
    async fn bind_one(address: &str) -> Result<(Listeners, SocketAddress), BindError> {
        let listener = Listener::bind(address, TcpOptions::default()).await?;
        let local = listener.local_address().clone();
        Ok((Listeners::One(listener), local))
    }

    async fn bind_shards(
        address: &str,
        count: usize,
    ) -> Result<(Listeners, SocketAddress), BindError> {
        let socket = Socket::bind(address).await?;
        let local = socket
            .local_address()
            .map_err(|cause| BindError::new(address, cause))?;
        let shards = Shards::start(socket, address, count).await?;
        Ok((Listeners::Shards(shards), local))
    }
}

impl Bound {
    /// The address: with the port that was chosen, if 0 was asked for.
    pub fn local_address(&self) -> &SocketAddress {
        &self.address
    }

    /// The IP address and port.
    ///
    /// # Errors
    /// The server listens on a socket that has none.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.local_address()
            .ip()
            .ok_or_else(|| io::Error::other("the server does not listen on an IP address"))
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
            Listeners::One(mut listener) => {
                let mut tasks = JoinSet::new();
                accept_until(shutdown, &mut listener, &service, &mut tasks).await;
                drop(listener);
                service.drain(drain, finish(&mut tasks)).await
            }
            Listeners::Shards(shards) => {
                let mut serving = shards.serve(&service);
                shutdown.await;
                serving.stop_accepting();
                service.drain(drain, serving.finish()).await
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
            .field("address", self.local_address())
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
