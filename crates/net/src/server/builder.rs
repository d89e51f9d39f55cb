//! `Server`: everything that can be said about a server before it is bound.

use super::{
    overload::Overload,
    router::{DEFAULT_LIMITS, Router},
    service::Service,
    shared::{Compression, Load},
};
use crate::{
    call::{
        Encoding, Limits,
        intercept::{Chain, Interceptor},
    },
    clock,
    error::MIN_UNREAD_REPLIES,
    peer::{Act, Budget, PeerReports},
};
use farcall_core::message::Compressors;
use farcall_http2::Config;
use std::{fmt, num::NonZeroUsize, thread, time::Duration};

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
    pub(super) unknown_methods: Vec<String>,
    pub(super) compression: Compression,
    pub(super) load: Load,
    pub(super) all_to_completion: bool,
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
            unknown_methods: Vec::new(),
            compression: Compression::default(),
            load: Load::default(),
            all_to_completion: false,
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
    /// pass it. See [`Interceptor`].
    pub fn interceptor(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(interceptor);
        self
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

    /// How many calls the server handles at a time, over all its connections; those that are too many are refused before their handler
    /// starts. Default: no limit but [`max_concurrent_streams`](Server::max_concurrent_streams) of each connection.
    ///
    /// ```
    /// use farcall::{Server, server::Overload};
    ///
    /// let server = Server::builder().overload(Overload::adaptive());
    /// # let _ = server;
    /// ```
    pub fn overload(mut self, overload: Overload) -> Self {
        self.load.overload = Some(overload);
        self
    }

    /// The timeout of calls whose caller has set none; then they end with `DEADLINE_EXCEEDED`. Default: they may take for ever. Streams
    /// that are meant to last need a caller who says so.
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.load.timeouts.default = Some(timeout.min(clock::FOREVER));
        self
    }

    /// The longest timeout that a caller may set, and that of those who set none, unless there is a shorter
    /// [default](Server::default_timeout). Default: none.
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.load.timeouts.max = Some(timeout.min(clock::FOREVER));
        self
    }

    /// The compressors that the server knows, announces and understands. Default: those that are built in. See the guide's chapter on
    /// compression.
    pub fn compressors(mut self, compressors: Compressors) -> Self {
        self.compression.compressors = compressors;
        self
    }

    /// How responses are compressed where the handler does not [say so](crate::Response::set_compression), for callers that accept
    /// it; others get them uncompressed. Default: as the request was. An encoding without a compressor is an error of
    /// [`bind`](Server::bind).
    pub fn compress_responses(mut self, encoding: Encoding) -> Self {
        self.compression.responses = Some(encoding);
        self
    }

    /// As [`compress_responses`](Server::compress_responses), for one method by its path, such as `/pkg.Service/Method`, or for a service:
    /// `/pkg.Service/`. What is said last counts. A path at which nothing was added is an error of [`bind`](Server::bind).
    pub fn compress_responses_of(mut self, path: &str, encoding: Encoding) -> Self {
        self.compression
            .of_methods
            .push((path.to_owned(), encoding));
        self
    }

    /// Largest message that the server accepts, in bytes, after decompression; `RESOURCE_EXHAUSTED` beyond it.
    /// Default 4 MiB. Each of a connection's concurrent calls can hold that much memory.
    pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.limits.receive = bytes;
        self
    }

    /// Largest message that handlers send, in bytes; the call ends with `RESOURCE_EXHAUSTED` beyond it. Default 2^31−1.
    pub fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.limits.send = bytes;
        self
    }

    /// Calls that one connection may have open at a time; advertised (RFC 9113 §6.5.2). More are refused with
    /// `REFUSED_STREAM`. Also the number of handlers that one connection keeps busy, those of reset calls included.
    /// Default 1,000.
    pub fn max_concurrent_streams(mut self, streams: u32) -> Self {
        self.http2.max_concurrent_streams = streams;
        self
    }

    /// Size of received header lists (names, values and 32 bytes per field), in bytes; advertised. Default 8 KiB.
    pub fn max_header_list_size(mut self, bytes: u32) -> Self {
        self.http2.max_header_list_size = bytes;
        self
    }

    /// Connections that the server has open at a time, over all its [shards](Server::shards), those that shake hands
    /// included. One more is accepted and closed at once, so that its client tries another server rather than waiting in
    /// the system's queue; nothing is read from it, and the log says so once a second. Default 100,000: mostly the process's
    /// limit of file descriptors comes first, and when that is reached new connections wait.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Connections that one client address has open at a time, as [`max_connections`](Server::max_connections) of all
    /// addresses. Addresses of IPv6 count as one if their first 64 bits are the same; Unix sockets have no such limit. Default:
    /// none, since all clients behind a proxy or a translating router share an address.
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.max_of_address = connections;
        self
    }

    /// How long a new connection may take to get ready: from its acceptance through its TLS handshake to its HTTP/2
    /// preface. Default 20 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout.min(clock::FOREVER);
        self
    }

    /// Connections that get ready (see [`handshake_timeout`](Server::handshake_timeout)) at a time; of each shard, if there
    /// are several. Others wait for their turn, and each that waits ends one that has taken more than 3 s. Default 512.
    /// Each costs some 50 KiB while its TLS handshake goes on.
    pub fn max_concurrent_handshakes(mut self, connections: usize) -> Self {
        self.max_handshakes = connections;
        self
    }

    /// How often clients may send keepalive PINGs: once in `min_interval`, and while they have no call open not more often
    /// than every 2 hours, unless `without_calls`. PINGs between which DATA or header lists were sent do not count. Two that
    /// come early are forgiven; the third ends the connection with GOAWAY(ENHANCE_YOUR_CALM, "too_many_pings") (gRFC A8,
    /// A9). Default: 5 minutes, not without calls.
    pub fn keepalive_enforcement(mut self, min_interval: Duration, without_calls: bool) -> Self {
        self.http2.min_ping_interval = min_interval;
        self.http2.allow_pings_without_streams = without_calls;
        self
    }

    /// How often a client may do what costs the server more than it, see [`Act`] for each and its default. Beyond it the
    /// connection ends with GOAWAY(ENHANCE_YOUR_CALM).
    pub fn peer_budget(mut self, act: Act, budget: Budget) -> Self {
        self.http2.budgets.set(act, budget);
        self
    }

    /// Frames that a client makes the server write (answers to PING and SETTINGS, resets) and leaves unread, on each
    /// connection. From a quarter of it on nothing more is read from the client; beyond it the connection ends with
    /// GOAWAY(ENHANCE_YOUR_CALM). Default 2,000, at least 8. A low one ends connections of clients that cancel much on slow
    /// links.
    pub fn max_unread_replies(mut self, frames: u32) -> Self {
        self.http2.max_unread_replies = frames.max(MIN_UNREAD_REPLIES);
        self
    }

    /// Bytes that the server has ready for a client's socket and the client does not read; while there are as many, nothing
    /// more is read from that client, since every request would add to them. Default 1 MiB; 0 is taken for 1. A low one lets clients wait that
    /// send much before they read; a high one costs as much memory for each connection.
    pub fn max_unread_output(mut self, bytes: usize) -> Self {
        self.http2.max_unread_output = bytes.max(1);
        self
    }

    /// CONTINUATION frames that a client may cut one header list into; one more is allowed for every 4 KiB of the size of
    /// lists that is accepted. More end the connection with GOAWAY(ENHANCE_YOUR_CALM) (CVE-2024-27316). Default 16.
    pub fn max_continuations(mut self, frames: u32) -> Self {
        self.http2.max_continuations = frames;
        self
    }

    /// How long a client may take for one header list, from its HEADERS to its last CONTINUATION; then the connection ends
    /// with GOAWAY(ENHANCE_YOUR_CALM). Default 20 s. No call of the connection goes on meanwhile. Too short: clients on bad
    /// links lose their connection.
    pub fn header_block_timeout(mut self, timeout: Duration) -> Self {
        self.http2.header_block_timeout = timeout.min(clock::FOREVER);
        self
    }

    /// Counters of what this server's clients will do wrong, and of what is done about it. To be taken before the server
    /// is served, and read at any time; [`Bound`](crate::server::Bound) and [`Unbound`](crate::server::Unbound) give them too.
    pub fn peer_reports(&self) -> PeerReports {
        self.reports.clone()
    }

    /// Header lists of a connection's open calls together, in bytes (names, values and 32 bytes per field); further calls
    /// are refused with `REFUSED_STREAM`. Default 8 MiB.
    pub fn max_header_memory(mut self, bytes: usize) -> Self {
        self.http2.header_budget = bytes;
        self
    }

    /// Responses that wait for a client to read them, in bytes of all calls of a connection: beyond it further calls are
    /// refused with `REFUSED_STREAM`, and if the client then reads less than 64 KiB in `patience`, the connection ends.
    /// Default 64 MiB and 60 s. What handlers make is taken whatever it comes to.
    pub fn max_unread_responses(mut self, bytes: usize, patience: Duration) -> Self {
        self.http2.send_budget = bytes;
        self.http2.stuck_timeout = patience.min(clock::FOREVER);
        self
    }

    /// Receive windows of streams and connections in bytes, fixed: the bandwidth-delay product is not estimated.
    /// Default: 256 KiB and 1 MiB at the start, growing with the estimate. A stream's from 1, a connection's from 65,535, to
    /// 2^31−1 bytes, else [`bind`](Server::bind) fails. A connection can make the server hold as much as its window, and
    /// 16 MiB in any case.
    pub fn static_windows(mut self, stream: u32, connection: u32) -> Self {
        self.http2.initial_stream_window = stream;
        self.http2.initial_connection_window = connection;
        self.http2.adaptive_window = false;
        self
    }

    /// Checks a silent client with a PING after `interval` and gives it `timeout` to answer, else the connection ends
    /// (gRFC A8). Default: 2 h and 20 s. `interval` below 1 s is raised to 1 s. On Linux `timeout` is also how long written
    /// bytes may stay unacknowledged, or the client's receive buffer full (TCP_USER_TIMEOUT, gRFC A18).
    pub fn keepalive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.http2.keepalive_interval =
            Some(interval.clamp(Duration::from_secs(1), clock::FOREVER));
        self.http2.keepalive_timeout = timeout.min(clock::FOREVER);
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
