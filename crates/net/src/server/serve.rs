//! The accept loop, the connections' tasks, and the ways to end them.

use super::{
    builder::Server,
    connection::ServerRole,
    listener::{Accepted, BindError, Handshake, Listener},
    log::Trouble,
    shared::Shared,
};
use crate::{
    clock,
    error::ConfigError,
    peer::SocketAddress,
    transport::{Driver, Mailbox, Submit, io::TcpOptions, submit::Request},
};
use farcall_http2::{Config, Connection};
use std::{
    collections::HashMap,
    error::Error,
    fmt,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

/// How long connections that are cut at the end of a drain get for their last words.
const CUT_GRACE: Duration = Duration::from_secs(1);

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
    listener: Listener,
    service: Arc<Acceptance>,
}

/// What every connection needs.
pub(super) struct Acceptance {
    shared: Arc<Shared>,
    http2: Config,
    timeout: Duration,
    handshake: Handshake,
    connections: Connections,
}

/// The open connections, so that a shutdown can reach them.
#[derive(Default)]
struct Connections {
    list: Mutex<List>,
    next: AtomicUsize,
    /// One has gone.
    changed: Notify,
}

#[derive(Default)]
struct List {
    open: HashMap<usize, Arc<Submit<Mailbox>>>,
    request: Request,
}

impl Connections {
    fn add(&self, submit: &Arc<Submit<Mailbox>>) -> usize {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.open.insert(id, Arc::clone(submit));
        let request = list.request;
        drop(list);
        submit.request(request);
        id
    }

    fn remove(&self, id: usize) {
        self.list
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open
            .remove(&id);
        self.changed.notify_waiters();
    }

    fn is_empty(&self) -> bool {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.open.is_empty()
    }

    /// Asks every connection, those to come included.
    fn request(&self, request: Request) -> usize {
        let open: Vec<_> = {
            let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
            list.request = request;
            list.open.values().cloned().collect()
        };
        open.iter().for_each(|submit| submit.request(request));
        open.len()
    }
}

/// What a shutdown had to cut.
///
/// ```
/// use farcall::Server;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().bind("127.0.0.1:0").await?;
/// let now = std::future::ready(());
/// let report = server.serve_with_shutdown(now, Duration::from_secs(30)).await;
/// assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that were still open when the drain ended.
    pub connections_cut: usize,
    /// Calls that were still running on them.
    pub calls_cut: usize,
}

impl Server {
    /// Binds `address`: `host:port`, `[::]:port` (all interfaces), port 0 for any free one, or `unix:/path`.
    ///
    /// # Errors
    /// The address cannot be bound; a service was added twice; a method to run to completion is unknown; the TLS
    /// settings are unusable.
    pub async fn bind(self, address: &str) -> Result<Bound, ServeError> {
        let service = Acceptance::new(self)?;
        let listener = Listener::bind(address, TcpOptions::default())
            .await
            .map_err(ServeError::bind)?;
        Ok(Bound { listener, service })
    }

    /// The last touches before serving.
    fn complete(&mut self) -> Result<(), ConfigError> {
        if self.all_to_completion {
            self.router.all_run_to_completion();
        }
        if let Some(problem) = self.router.duplicates().first() {
            return Err(ConfigError::new(problem.as_str()));
        }
        if let Some(path) = self.unknown_methods.first() {
            let problem = format!(
                "run_method_to_completion: no service added before offers the method {path}"
            );
            return Err(ConfigError::new(problem));
        }
        self.http2
            .keepalive_interval
            .get_or_insert(Duration::from_secs(7200));
        self.http2.keepalive_without_streams = true;
        Ok(())
    }

    /// Binds and serves until the future is dropped, which cuts every connection.
    ///
    /// # Errors
    /// As [`bind`](Server::bind).
    pub async fn serve(self, address: &str) -> Result<(), ServeError> {
        self.bind(address).await?.serve().await;
        Ok(())
    }

    /// Binds and serves until `shutdown` completes; then accepts nothing more, tells every client to go away (GOAWAY),
    /// lets open calls finish for `drain` and cuts what remains, which the report counts.
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

impl Acceptance {
    pub(super) fn new(mut server: Server) -> Result<Arc<Acceptance>, ServeError> {
        server.complete().map_err(ServeError::config)?;
        let handshake = match &server.tls {
            #[cfg(feature = "tls")]
            Some(tls) => Handshake::Tls {
                acceptor: tls
                    .acceptor()
                    .map_err(|error| ServeError::config(ConfigError::tls(error)))?,
                permits: None,
            },
            _ => Handshake::Plaintext,
        };
        let shared = Shared::new(server.router, server.limits);
        Ok(Arc::new(Acceptance {
            shared: Arc::new(shared),
            http2: server.http2,
            timeout: server.connection_timeout,
            handshake,
            connections: Connections::default(),
        }))
    }

    /// Asks the open connections to end, and cuts those that have not `finished` after `drain`.
    pub(super) async fn drain(
        &self,
        drain: Duration,
        finished: impl Future<Output = ()>,
    ) -> ShutdownReport {
        let mut report = ShutdownReport::default();
        let mut finished = pin!(finished);
        // Also those that are not registered yet, being in their handshake: they are told as soon as they are.
        self.connections.request(Request::Drain);
        if timeout(drain, finished.as_mut()).await.is_err() {
            report.connections_cut = self.connections.request(Request::Close);
            timeout(CUT_GRACE, finished).await.ok();
            report.calls_cut = self.shared.cut.load(Ordering::Relaxed);
        }
        report
    }

    /// Waits until no connection is open.
    pub(super) async fn idle(&self) {
        loop {
            let changed = self.connections.changed.notified();
            if self.connections.is_empty() {
                return;
            }
            changed.await;
        }
    }
}

impl Bound {
    /// The address: with the port that was chosen, if 0 was asked for.
    pub fn local_address(&self) -> &SocketAddress {
        self.listener.local_address()
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
        let Bound {
            mut listener,
            service,
        } = self;
        let mut tasks = JoinSet::new();
        accept_until(shutdown, &mut listener, &service, &mut tasks).await;
        drop(listener);
        service.drain(drain, finish(&mut tasks)).await
    }
}

async fn finish(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// Accepts connections until `shutdown`, and reaps the tasks of those that are over.
async fn accept_until(
    shutdown: impl Future<Output = ()>,
    listener: &mut Listener,
    service: &Arc<Acceptance>,
    tasks: &mut JoinSet<()>,
) {
    let mut shutdown = pin!(shutdown);
    loop {
        let mut accept = pin!(listener.accept(|error, _| {
            service
                .shared
                .log
                .write(Trouble::Accept, format_args!("the listener"), error);
        }));
        let accepted: Option<Accepted> = poll_fn(|cx| {
            if shutdown.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            while let Poll::Ready(Some(_)) = tasks.poll_join_next(cx) {}
            accept.as_mut().poll(cx).map(Some)
        })
        .await;
        let Some(accepted) = accepted else { return };
        tasks.spawn(connection(Arc::clone(service), accepted));
    }
}

/// One connection, from its handshake to its end.
pub(super) async fn connection(service: Arc<Acceptance>, accepted: Accepted) {
    let deadline = clock::now() + service.timeout;
    let (io, peer) = match service.handshake.run(accepted, deadline.into()).await {
        Ok(ready) => ready,
        Err(error) => {
            service.shared.log.write(
                Trouble::Handshake,
                format_args!("{}", error.address()),
                &error,
            );
            return;
        }
    };
    let submit = Arc::new(Submit::default());
    let id = service.connections.add(&submit);
    let _registered = Registered {
        service: &service,
        id,
    };
    let machine = Connection::server(service.http2.clone(), clock::now());
    let role = ServerRole::new(
        Arc::clone(&service.shared),
        service.shared.terms(peer),
        Arc::clone(&submit),
        service.http2.max_concurrent_streams as usize,
        deadline,
    );
    Driver::new(io, machine, submit, role).await;
}

struct Registered<'a> {
    service: &'a Acceptance,
    id: usize,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.service.connections.remove(self.id);
    }
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
