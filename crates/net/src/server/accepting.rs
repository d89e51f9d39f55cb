//! Accepting connections, driving each in a task, and ending them: what a server does with its settings, wherever its
//! connections come from.

use super::{
    builder::Server,
    connection::ServerRole,
    listener::{Accepted, Handshake, Listener},
    log::Trouble,
    shared::Shared,
};
use crate::{
    clock,
    error::ConfigError,
    transport::{Driver, Mailbox, Submit, submit::Request},
};
use farcall_http2::{Config, Connection};
use std::{
    collections::HashMap,
    future::{Future, poll_fn},
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

/// What every connection needs.
pub(super) struct Acceptance {
    shared: Arc<Shared>,
    http2: Config,
    timeout: Duration,
    polling: Duration,
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
}

impl Acceptance {
    pub(super) fn new(mut server: Server) -> Result<Arc<Acceptance>, ConfigError> {
        server.complete()?;
        let handshake = match &server.tls {
            #[cfg(feature = "tls")]
            Some(tls) => Handshake::Tls {
                acceptor: tls.acceptor().map_err(ConfigError::tls)?,
                permits: None,
            },
            _ => Handshake::Plaintext,
        };
        let shared = Shared::new(server.router, server.limits);
        Ok(Arc::new(Acceptance {
            shared: Arc::new(shared),
            http2: server.http2,
            timeout: server.connection_timeout,
            polling: server.polling,
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

/// Accepts connections until `shutdown`, and reaps the tasks of those that are over.
pub(super) async fn accept_until(
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
    // Boxed: else its room would stay beside the driver as long as the connection lives.
    let handshake = Box::pin(service.handshake.run(accepted, deadline.into()));
    let (io, peer) = match handshake.await {
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
    Driver::new(io, machine, submit, role)
        .polling(service.polling)
        .await;
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
