//! Our server, in this process.

use crate::service::{Counters, Service};
use farcall::{Server, ShutdownReport, health, health::HealthReporter};
use farcall_examples::hello::GreeterServer;
use std::{error::Error, net::SocketAddr, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// How long it serves on after it has said that it does not: Envoy asks five times a second, and tells its workers of changes up to a second
/// late (`update_merge_window`).
const LAME_DUCK: Duration = Duration::from_millis(2500);

/// A backend that can be told to end.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Counters,
    pub(crate) health: HealthReporter,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<ShutdownReport>,
}

impl Backend {
    pub(crate) async fn start(name: &str) -> Result<Backend, Box<dyn Error + Send + Sync>> {
        Backend::start_at(name, "127.0.0.1:0").await
    }

    pub(crate) async fn start_at(
        name: &str,
        address: &str,
    ) -> Result<Backend, Box<dyn Error + Send + Sync>> {
        let counters = Counters::default();
        let service = Service {
            name: name.to_owned(),
            counters: counters.clone(),
        };
        let health = health::service();
        let reporter = health.reporter();
        reporter.set_serving("hello.Greeter");
        let server = Server::builder()
            .lame_duck(LAME_DUCK)
            .add_service(GreeterServer::new(service))
            .add_service(health)
            .bind(address)
            .await?;
        let address = server.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let ended = tokio::spawn(server.serve_with_shutdown(stopped, Duration::from_secs(20)));
        Ok(Backend {
            address,
            counters,
            health: reporter,
            stop,
            ended,
        })
    }

    /// NOT_SERVING, GOAWAY, drain, end.
    ///
    /// # Errors
    /// A call was cut.
    pub(crate) async fn shut_down(self) -> Result<(), Box<dyn Error + Send + Sync>> {
        // It is still there, or the next line says why not.
        let _ = self.stop.send(());
        let report = self.ended.await?;
        match report.calls_cut {
            0 => Ok(()),
            cut => Err(format!("{cut} calls were cut").into()),
        }
    }
}
