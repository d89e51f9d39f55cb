//! A server made of closures, and calls for it, with messages as raw bytes.
//!
//! ```
//! use bytes::Bytes;
//! use farcall_testkit::stub_server::{StubServer, calls};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), farcall_net::Status> {
//! let channel = StubServer::unary("/pkg.Service/Reverse", |request| {
//!     Ok(request.iter().rev().copied().collect::<Bytes>())
//! })
//! .channel();
//! let reply = calls::unary(&channel, "/pkg.Service/Reverse", Bytes::from("abc")).await?;
//! assert_eq!(*reply, "cba");
//! # Ok(())
//! # }
//! ```

pub mod calls;
mod running;
mod service;
mod simulated;

pub use running::RunningStub;
pub use service::{Answering, Handling, Later, Now};
pub use simulated::SimulatedStub;

use crate::sim::NetConfig;
use bytes::Bytes;
use farcall_net::{Channel, ChannelBuilder, Request, Sender, Server, Streaming, server::Unbound};
use service::{Stub, Stubs};
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

/// A server whose methods are closures. See [the module](self).
///
/// Handlers get the [`Request`] with its metadata, deadline and context, and give back bytes or a whole
/// [`Response`](farcall_net::Response), at once or as a future. Those that stream replies box their future: `|request, replies| Box::pin(async move { .. })`.
#[must_use = "a stub server does nothing until it is started or has a channel"]
#[derive(Clone)]
pub struct StubServer {
    stubs: Vec<Stub>,
    settings: Arc<dyn Fn(Server) -> Server + Send + Sync>,
    drain: Duration,
}

impl StubServer {
    fn of(stub: Stub) -> StubServer {
        StubServer {
            stubs: vec![stub],
            settings: Arc::new(|server| server),
            drain: Duration::from_secs(10),
        }
    }

    /// A server with one unary method at `path`, such as `/pkg.Service/Method`.
    pub fn unary<F, A, When>(path: &'static str, handler: F) -> StubServer
    where
        F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
        A: Answering<When>,
    {
        StubServer::of(Stub::unary(path, handler))
    }

    /// A server with one method that takes a stream of requests.
    pub fn client_streaming<F, A, When>(path: &'static str, handler: F) -> StubServer
    where
        F: Fn(Request<Streaming<Bytes>>) -> A + Send + Sync + 'static,
        A: Answering<When>,
    {
        StubServer::of(Stub::client_streaming(path, handler))
    }

    /// A server with one method that sends a stream of replies.
    pub fn server_streaming<F>(path: &'static str, handler: F) -> StubServer
    where
        F: for<'a> Fn(Request<Bytes>, &'a mut Sender<Bytes>) -> Handling<'a>
            + Send
            + Sync
            + 'static,
    {
        StubServer::of(Stub::server_streaming(path, handler))
    }

    /// A server with one method that streams in both directions.
    pub fn bidi<F>(path: &'static str, handler: F) -> StubServer
    where
        F: for<'a> Fn(Request<Streaming<Bytes>>, &'a mut Sender<Bytes>) -> Handling<'a>
            + Send
            + Sync
            + 'static,
    {
        StubServer::of(Stub::bidi(path, handler))
    }

    /// The methods of both; the settings of `self`.
    pub fn and(mut self, other: StubServer) -> StubServer {
        self.stubs.extend(other.stubs);
        self
    }

    /// Adjusts the server: limits, timeouts, TLS.
    pub fn configure(
        mut self,
        settings: impl Fn(Server) -> Server + Send + Sync + 'static,
    ) -> StubServer {
        let earlier = self.settings;
        self.settings = Arc::new(move |server| settings(earlier(server)));
        self
    }

    /// How long a shutdown waits for open calls. Default 10 s.
    pub fn drain(mut self, drain: Duration) -> StubServer {
        self.drain = drain;
        self
    }

    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// The settings are wrong, or there is no free port.
    pub async fn start(self) -> RunningStub {
        self.start_at(([127, 0, 0, 1], 0).into()).await
    }

    /// Starts it at an address.
    ///
    /// # Panics
    /// The settings are wrong, or the address is not free.
    pub async fn start_at(self, address: SocketAddr) -> RunningStub {
        let drain = self.drain;
        RunningStub::start(self.server(), address, drain).await
    }

    /// This server behind a simulated network, with a channel to it. `seed` decides how bytes are cut. Time is tokio's clock:
    /// use `tokio::time::pause`.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use farcall_testkit::{sim::NetConfig, stub_server::{StubServer, calls}};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), farcall_net::Status> {
    /// let far = NetConfig { delay: Duration::from_secs(3), ..NetConfig::default() };
    /// let stub = StubServer::unary("/a.B/C", |_| async { Ok(Bytes::from("hello")) }).simulated(7, far);
    /// stub.channel().connect().await?;
    /// let start = tokio::time::Instant::now();
    /// let reply = calls::unary(stub.channel(), "/a.B/C", Bytes::new()).await?;
    /// assert_eq!((&reply[..], start.elapsed().as_secs()), (&b"hello"[..], 6));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// The settings are wrong.
    pub fn simulated(self, seed: u64, net: NetConfig) -> SimulatedStub {
        SimulatedStub::new(self, seed, net, |channel| channel)
    }

    /// As [`simulated`](StubServer::simulated), with settings of the channel.
    ///
    /// # Panics
    /// The settings are wrong.
    pub fn simulated_with(
        self,
        seed: u64,
        net: NetConfig,
        settings: impl FnOnce(ChannelBuilder) -> ChannelBuilder,
    ) -> SimulatedStub {
        SimulatedStub::new(self, seed, net, settings)
    }

    /// This server without a listener, for byte streams that the test makes.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use farcall_testkit::stub_server::StubServer;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # let _guard = runtime.enter();
    /// let server = StubServer::unary("/a.B/C", |_| async { Ok(Bytes::new()) }).unbound();
    /// let (_near, far) = tokio::io::duplex(64 << 10);
    /// tokio::spawn(server.serve(far));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// The settings are wrong.
    pub fn unbound(self) -> Unbound {
        let server = self.server();
        server
            .unbound()
            .expect("the stub server's settings are right")
    }

    /// The server itself, to be served in any other way.
    pub fn server(self) -> Server {
        (self.settings)(Server::builder().add_service(Stubs(self.stubs)))
    }

    /// A channel to this server inside the process: no socket, and the semantics of one
    /// ([`Server::in_process`](farcall_net::Server::in_process)). The server lives as long as the channel. For settings of the
    /// channel, or to shut the server down, go through [`unbound`](StubServer::unbound); for a socket through
    /// [`start`](StubServer::start).
    ///
    /// # Panics
    /// The settings are wrong.
    pub fn channel(self) -> Channel {
        self.unbound().channel()
    }
}

impl fmt::Debug for StubServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StubServer")
            .field("methods", &self.stubs.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
