//! A stub server on a socket.

use farcall_net::{Channel, ChannelBuilder, Server, ShutdownReport, peer::PeerReports};
use std::{net::SocketAddr, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// A stub server that listens. Dropping it cuts all connections.
///
/// ```
/// use bytes::Bytes;
/// use farcall_testkit::stub_server::StubServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), farcall_net::Status> {
/// let mut stub = StubServer::unary("/a.B/C", |_| async { Ok(Bytes::new()) }).start().await;
/// assert!(stub.address().ip().is_loopback());
/// stub.channel().connect().await?;
/// stub.begin_shutdown();
/// assert_eq!(stub.wait().await.connections_cut, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RunningStub {
    address: SocketAddr,
    reports: PeerReports,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<ShutdownReport>,
}

impl RunningStub {
    /// # Panics
    /// The server's settings are wrong, or the address is not free.
    pub(super) async fn start(server: Server, address: SocketAddr, drain: Duration) -> RunningStub {
        let bound = server
            .bind(&address.to_string())
            .await
            .expect("the stub server can be bound");
        let address = bound.local_addr().expect("it is bound to an IP address");
        let reports = bound.peer_reports();
        let (stop, stopped) = oneshot::channel::<()>();
        let signal = async move {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let task = tokio::spawn(bound.serve_with_shutdown(signal, drain));
        RunningStub {
            address,
            reports,
            stop: Some(stop),
            task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its clients do wrong.
    pub fn peer_reports(&self) -> PeerReports {
        self.reports.clone()
    }

    /// A builder of channels to it; say `.insecure()` or `.tls(..)`.
    pub fn channel_builder(&self) -> ChannelBuilder {
        Channel::builder(format!("ipv4:{}", self.address))
    }

    /// A plaintext channel to it.
    ///
    /// # Panics
    /// Never with the address that it has.
    pub fn channel(&self) -> Channel {
        self.channel_builder()
            .insecure()
            .build()
            .expect("the target is an address")
    }

    /// Begins a graceful shutdown; [`wait`](RunningStub::wait) for its end.
    pub fn begin_shutdown(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits for the end of a shutdown; what it had to cut.
    ///
    /// # Panics
    /// The server's task has panicked.
    pub async fn wait(mut self) -> ShutdownReport {
        (&mut self.task).await.expect("the server does not panic")
    }
}

impl Drop for RunningStub {
    fn drop(&mut self) {
        self.task.abort();
    }
}
