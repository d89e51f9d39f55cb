//! `Server`: everything that can be said about a server before it is bound.

mod calls;
mod connections;

use super::{
    http1::{Http1, Http1Connection},
    lifecycle::ServiceInfo,
    lifetime::Lifetimes,
    method_limits::Load,
    router::{DEFAULT_LIMITS, Router},
    service::Service,
    shared::Compression,
    tap::{Tap, Tapped},
    unknown::{self, UnknownService},
};
use crate::{
    call::{
        Limits,
        intercept::{Chain, IntoInterceptor},
    },
    clock,
    peer::PeerReports,
};
use farcall_core::Status;
use farcall_http2::Config;
use std::{fmt, future::Future, num::NonZeroUsize, sync::Arc, thread, time::Duration};

#[cfg(feature = "tls")]
type Tls = crate::tls::ServerTls;
/// Without the feature there is nothing to set.
#[cfg(not(feature = "tls"))]
type Tls = std::convert::Infallible;

/// A server to be: services and settings. Made by [`Server::builder`], brought to life by
/// [`serve`](Server::serve), [`serve_with_shutdown`](Server::serve_with_shutdown) or [`bind`](Server::bind).
///
/// ```no_run
/// use farcall::Server;
/// use std::time::Duration;
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
///
/// # async fn demo() -> Result<(), farcall::ServeError> {
/// let stop = async { drop(tokio::signal::ctrl_c().await) };
/// let report = Server::builder()
///     .max_receive_message_size(16 << 20)
///     .add_service(GreeterServer::new(MyGreeter))
///     .serve_with_shutdown("[::]:50051", stop, Duration::from_secs(30))
///     .await?;
/// println!("{} calls had to be cut", report.calls_cut);
/// # Ok(()) }
/// ```
#[must_use = "a server does nothing until it serves"]
pub struct Server {
    pub(super) router: Router,
    pub(super) interceptors: Chain,
    pub(super) limits: Limits,
    pub(super) http2: Config,
    pub(super) handshake_timeout: Duration,
    pub(super) max_handshakes: usize,
    pub(super) max_connections: usize,
    pub(super) max_of_address: usize,
    pub(super) lifetimes: Lifetimes,
    pub(super) unknown_methods: Vec<String>,
    pub(super) compression: Compression,
    pub(super) load: Load,
    pub(super) all_to_completion: bool,
    pub(super) http1: Option<Arc<Http1>>,
    pub(super) tap: Option<Box<Tap>>,
    pub(super) tls: Option<Tls>,
    pub(super) shards: Option<NonZeroUsize>,
    pub(super) polling: Duration,
    pub(super) lame_duck: Duration,
    pub(super) reports: PeerReports,
}

impl Server {
    /// A server without services, with default settings, in plaintext.
    pub fn builder() -> Server {
        Server {
            router: Router::default(),
            interceptors: Chain::default(),
            limits: DEFAULT_LIMITS,
            http2: Config::default(),
            handshake_timeout: Duration::from_secs(20),
            max_handshakes: 512,
            max_connections: 100_000,
            max_of_address: usize::MAX,
            lifetimes: Lifetimes::default(),
            unknown_methods: Vec::new(),
            compression: Compression::default(),
            load: Load::default(),
            all_to_completion: false,
            http1: None,
            tap: None,
            tls: None,
            shards: None,
            polling: Duration::ZERO,
            lame_duck: Duration::ZERO,
            reports: PeerReports::default(),
        }
    }

    /// Offers a service. Adding one twice is an error of [`bind`](Server::bind).
    pub fn add_service<S: Service>(mut self, service: S) -> Self {
        self.router.add(&service);
        self
    }

    /// Puts an interceptor around the calls of all services, also of those that were added before: inside of the interceptors that
    /// were put before, outside of those [of a service](super::Intercepted). Calls of methods that the server does not have do not
    /// pass it. See [`Interceptor`](crate::interceptor::Interceptor).
    pub fn interceptor<K>(mut self, interceptor: impl IntoInterceptor<K>) -> Self {
        self.interceptors.push(interceptor);
        self
    }

    /// What answers calls of methods that the server does not have; they are `UNIMPLEMENTED` by default. Interceptors of the server stand
    /// around it, and its limits hold. A second one takes the place of the first. See [`UnknownService`].
    pub fn unknown_service(mut self, service: impl UnknownService) -> Self {
        if let Some(entry) = unknown::entry(service) {
            self.router.answer_unknown(entry);
        }
        self
    }

    /// A look at every call when its header list has come, before anything is done for it: no message has been read, no handler or
    /// interceptor has begun, and nobody has asked whether there is such a method. It may refuse the call with a status, for the least
    /// that a refusal can cost. It is called in the task of the connection, whose other calls wait meanwhile: no place to compute, let alone to block.
    /// With one, header lists that repeat are read anew for each call. A second one takes the place of the first.
    ///
    /// ```
    /// use farcall::{Server, Status};
    ///
    /// let server = Server::builder().tap(|call| match call.metadata().contains_key("tenant") {
    ///     true => Ok(()),
    ///     false => Err(Status::permission_denied("tenants only")),
    /// });
    /// # let _ = server;
    /// ```
    pub fn tap(
        mut self,
        tap: impl Fn(&Tapped<'_>) -> Result<(), Status> + Send + Sync + 'static,
    ) -> Self {
        self.tap = Some(Box::new(tap));
        self
    }

    /// Takes clients that speak HTTP/1.1 on the port of gRPC: they are told from those of gRPC by their first octets, and the whole connection is
    /// handed over, for an HTTP/1.1 server such as hyper's to serve, or to be [refused](Http1Connection::refuse) in words. It lives as long as
    /// the future; limits of connections and of the time until the first octets are this server's, the rest is whoever's it is now. Default: none; then such
    /// clients get HTTP/2's GOAWAY, which they cannot read, and are counted ([`peer_reports`](Server::peer_reports)).
    ///
    /// With it the server says nothing until it has heard the client's first octets. Through TLS the server then offers `http/1.1` by ALPN beside `h2`
    /// (RFC 7301), prefers the latter, and hands over whoever has chosen the former, or has named nothing and speaks HTTP/1.1;
    /// who they are is in [`Http1Connection::peer`]. HTTP/2 without `h2` by ALPN is still refused.
    ///
    /// ```
    /// use farcall::Server;
    ///
    /// let server = Server::builder().http1(|connection| async move {
    ///     connection.refuse("This port is for gRPC.").await;
    /// });
    /// # let _ = server;
    /// ```
    pub fn http1<Fut>(
        mut self,
        serve: impl Fn(Http1Connection) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.http1 = Some(Arc::new(move |connection| Box::pin(serve(connection))));
        self
    }

    /// The services that were added up to now, with their methods and descriptors, in the order in which they were added.
    pub fn services(&self) -> &[ServiceInfo] {
        self.router.services()
    }

    /// TLS with these settings, on every listener.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::tls::ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Handlers of every method run to their end although the caller is gone or the deadline has passed;
    /// [`Request::cancelled`](crate::Request::cancelled) tells them. Default: they are dropped at their next await.
    pub fn run_to_completion(mut self) -> Self {
        self.all_to_completion = true;
        self
    }

    /// As [`run_to_completion`](Server::run_to_completion), for one method by its path, such as `/pkg.Service/Method`.
    /// The service must have been added before; an unknown path is an error of [`bind`](Server::bind).
    pub fn run_method_to_completion(mut self, path: &str) -> Self {
        if !self.router.run_to_completion(path) {
            self.unknown_methods.push(path.to_owned());
        }
        self
    }

    /// Thread per core: serves on so many threads of its own, each with a current-thread runtime and, on Linux, a listening
    /// socket of its own (SO_REUSEPORT); 0 is one thread per core that the process may use. A connection stays on the
    /// thread that accepted it, and its handlers run there. Default: no such threads; connections and handlers are tasks
    /// of the runtime that serves.
    ///
    /// It saves what it costs to move work between cores, and its price is that nothing is moved: a handler that computes for
    /// long holds up the connections of its thread while other threads may be idle, and few connections may be spread
    /// unevenly, since the system spreads them by a hash of their addresses. For many connections and short handlers.
    ///
    /// Handlers must not count on the runtime that serves: `tokio::spawn` in a handler uses that of its thread, which ends with
    /// the server, and handlers that [run to completion](Server::run_to_completion) end with it too.
    /// An error of [`unbound`](Server::unbound).
    ///
    /// ```
    /// # use farcall::{Channel, Server};
    /// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .add_service(GreeterServer::new(MyGreeter))
    ///     .shards(2)
    ///     .bind("127.0.0.1:0")
    ///     .await?;
    /// # let address = server.local_addr()?;
    /// tokio::spawn(server.serve());
    /// # Channel::builder(address.to_string()).insecure().build()?.connect().await?;
    /// # Ok(()) }
    /// ```
    pub fn shards(mut self, shards: usize) -> Self {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.shards = Some(NonZeroUsize::new(shards).unwrap_or_else(cores));
        self
    }

    /// Trades CPU for latency: a connection with nothing to do asks for input again and again for at most `limit` before
    /// its task goes to sleep. Default zero: it sleeps at once. At most 1 ms; 25 µs is a good value.
    ///
    /// For callers that are answered faster than a core falls asleep and is woken, which takes tens of microseconds on many
    /// virtual machines. Best when the callers do it too.
    /// Measured there with 25 µs on both sides, one call at a time: the median went from 55 to 12 µs, the CPU of a call from 23
    /// to 12 µs on each side; with 100 calls at a time there was nothing to gain (CPU +10 % on the server).
    /// The price is CPU: up to `limit` of a core for each wait that is longer than that. It is bounded for each worker
    /// thread: one connection at a time polls, and after a time in vain the next eight waits of that thread are
    /// without. Of no use where waits are long or connections many.
    pub fn poll_before_sleeping(mut self, limit: Duration) -> Self {
        self.polling = limit;
        self
    }

    /// How long the server goes on as before, new connections and calls included, after it was told to shut down and its
    /// health service has said NOT_SERVING, and before it tells clients to go away (GOAWAY) and drains. Default zero: those
    /// who watch the health are told, and GOAWAY follows.
    ///
    /// Load balancers and probes that ask from time to time, instead of watching, need as long as it takes them to ask
    /// and to act. It adds to the time that a shutdown takes.
    pub fn lame_duck(mut self, period: Duration) -> Self {
        self.lame_duck = period.min(clock::FOREVER);
        self
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("limits", &self.limits)
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}
