//! A server that listens nowhere.

use super::{
    accepting::{Acceptance, connection_given, connection_in_process},
    builder::Server,
    cut::ShutdownReport,
    listener::Accepted,
    serve::{Bound, ServeError},
};
use crate::{
    error::ConfigError,
    peer::{PeerReports, SocketAddress},
    transport::io::Io,
};
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// A server without a listener: it serves the byte streams that it is given, one HTTP/2 connection on each. For
/// transports of one's own and for tests. Made by [`Server::unbound`].
///
/// ```
/// # use farcall::{Channel, Server};
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Server::builder().add_service(GreeterServer::new(MyGreeter));
/// let server = server.unbound()?;
/// let connect = move |_: &farcall::Address| {
///     let (near, far) = tokio::io::duplex(64 << 10);
///     tokio::spawn(server.serve(far));
///     Box::pin(async { Ok(Box::new(near) as Box<dyn farcall::client::ByteStream>) }) as _
/// };
/// let channel = Channel::builder("passthrough:///in-memory").connector(connect).insecure().build()?;
/// channel.connect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Unbound {
    service: Arc<Acceptance>,
}

impl Bound {
    /// The way in for byte streams that come through no listener, beside those that do: a transport of one's own, a pipe. They are served as long
    /// as somebody polls what [`serve`](Unbound::serve) gives, and a shutdown of this server drains them with the others.
    pub fn unbound(&self) -> Unbound {
        Unbound {
            service: Arc::clone(&self.service),
        }
    }
}

impl Server {
    /// A server that listens nowhere and serves the streams that it is given.
    ///
    /// # Errors
    /// As [`bind`](Server::bind), but for the address; and [shards](Server::shards) were asked for, which accept connections
    /// themselves.
    pub fn unbound(self) -> Result<Unbound, ServeError> {
        if self.shards.is_some() {
            let problem = "shards: a server that listens nowhere has none";
            return Err(ServeError::config(ConfigError::new(problem)));
        }
        let service = Acceptance::new(self).map_err(ServeError::config)?;
        Ok(Unbound { service })
    }
}

impl Unbound {
    /// Serves one connection until it is over. The future is to be spawned; dropping it cuts the connection.
    pub fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        connection_given(Arc::clone(&self.service), accepted(stream, "stream"))
    }

    /// As [`serve`](Unbound::serve), for the other end of a pipe inside the process: without TLS.
    pub(crate) fn serve_in_process(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let accepted = accepted(stream, "in-process");
        connection_in_process(Arc::clone(&self.service), accepted)
    }

    /// See [`Server::peer_reports`].
    pub fn peer_reports(&self) -> PeerReports {
        self.service.reports()
    }

    /// As [`Server::serve_with_shutdown`]: after the [lame duck](Server::lame_duck) period it tells every client to go away
    /// (GOAWAY), lets open calls finish for `drain` and cuts what remains, which the report counts. Streams that are given
    /// to it later are told the same.
    pub async fn shut_down(&self, drain: Duration) -> ShutdownReport {
        self.service.lame_duck().await;
        self.service.drain(drain, self.service.idle()).await
    }
}

fn accepted(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    name: &'static str,
) -> Accepted {
    let end = || SocketAddress::Other(name.into());
    Accepted {
        io: Io::custom(stream),
        remote: end(),
        local: end(),
        process: None,
    }
}

impl fmt::Debug for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unbound")
    }
}
