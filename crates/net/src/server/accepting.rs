//! Accepting connections, driving each in a task, and ending them: what a server does with its settings, wherever its
//! connections come from.

use super::{
    LAME_DUCK_GRACE, SILENT_GRACE,
    admission::Admission,
    builder::Server,
    connection::ServerRole,
    cut::ShutdownReport,
    getting_ready::GettingReady,
    http1::{self, Begun, Http1, Http1Connection},
    lifecycle::ServiceInfo,
    lifetime::Lifetimes,
    listener::{Accepted, Handshake, Listener, Security},
    shared::Shared,
};
use crate::{
    call::Draining,
    clock,
    error::{ConfigError, check_windows},
    log::Trouble,
    peer::PeerReports,
    transport::{Driver, Mailbox, Submit, connect::ConnectError, io::TcpOptions, submit::Request},
};
use bytes::BytesMut;
use farcall_http2::{Config, Connection};
use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

/// How long connections that are cut at the end of a drain get for their last words: the driver's own limit for writing
/// them, and a little for it to say how that ended.
const CUT_GRACE: Duration = Duration::from_millis(1200);

/// What every connection needs.
pub(super) struct Acceptance {
    shared: Arc<Shared>,
    http2: Arc<Config>,
    timeout: Duration,
    polling: Duration,
    lifetimes: Lifetimes,
    lame_duck: Duration,
    handshake: Handshake,
    http1: Option<Arc<Http1>>,
    /// Of the whole server.
    draining: Arc<Draining>,
    admission: Arc<Admission>,
    connections: Connections,
}

/// The open connections, so that a shutdown can reach them.
#[derive(Default)]
struct Connections {
    list: Mutex<List>,
    next: AtomicUsize,
    /// One has gone.
    changed: Notify,
    /// Those that have not shaken hands by now need not go on.
    given_up: AtomicBool,
    give_up: Notify,
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

    /// Ends the handshakes that are under way.
    fn give_up_handshakes(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        self.give_up.notify_waiters();
    }

    /// Until [`give_up_handshakes`](Self::give_up_handshakes).
    async fn handshakes_given_up(&self) {
        let given_up = self.give_up.notified();
        if !self.given_up.load(Ordering::Relaxed) {
            given_up.await;
        }
    }

    /// Asks every connection, those to come included. How many were not over yet.
    fn request(&self, request: Request) -> usize {
        let open: Vec<_> = {
            let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
            list.request = request;
            list.open.values().cloned().collect()
        };
        open.iter().filter(|submit| submit.request(request)).count()
    }
}

impl Server {
    /// The last touches before serving.
    fn complete(&mut self) -> Result<(), ConfigError> {
        if self.all_to_completion {
            self.router.all_run_to_completion();
        }
        self.router.surround(&self.interceptors);
        if let Some(problem) = self.router.problems().first() {
            return Err(ConfigError::new(problem.as_str()));
        }
        if let Some(path) = self.unknown_methods.first() {
            let problem = self.router.nothing_at("run_method_to_completion", path);
            return Err(ConfigError::new(problem));
        }
        let compression = &self.compression;
        for (path, encoding) in &compression.of_methods {
            encoding.check(&compression.compressors)?;
            if !self.router.compress(path, *encoding) {
                let problem = self.router.nothing_at("compress_responses_of", path);
                return Err(ConfigError::new(problem));
            }
        }
        compression
            .responses
            .unwrap_or_default()
            .check(&compression.compressors)?;
        let (sizes, load) = (self.limits, &self.load);
        if let Err(path) = self.router.limit((sizes, load), &load.of_methods) {
            let problem = self.router.nothing_at("limits_of", &path);
            return Err(ConfigError::new(problem));
        }
        check_windows(&mut self.http2)?;
        self.http2
            .keepalive_interval
            .get_or_insert(Duration::from_secs(7200));
        self.http2.keepalive_without_streams = true;
        for lifecycle in self.router.lifecycles() {
            lifecycle
                .on_start(self.router.services())
                .map_err(ConfigError::service)?;
        }
        Ok(())
    }
}

impl Acceptance {
    pub(super) fn new(mut server: Server) -> Result<Arc<Acceptance>, ConfigError> {
        server.complete()?;
        let security = match &server.tls {
            #[cfg(feature = "tls")]
            Some(tls) => Security::Tls(tls.acceptor().map_err(ConfigError::tls)?),
            _ => Security::Plaintext,
        };
        let shared = Shared::new(
            server.router,
            server.compression,
            server.tap,
            server.reports,
        );
        Ok(Arc::new(Acceptance {
            shared: Arc::new(shared),
            http2: Arc::new(server.http2),
            timeout: server.handshake_timeout,
            polling: server.polling,
            lifetimes: server.lifetimes,
            lame_duck: server.lame_duck,
            handshake: Handshake::new(security, server.max_handshakes, server.http1.is_some()),
            http1: server.http1,
            draining: Arc::default(),
            admission: Admission::new(server.max_connections, server.max_of_address),
            connections: Connections::default(),
        }))
    }

    /// What does not depend on connections.
    #[cfg(feature = "tower")]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// TCP_USER_TIMEOUT: the timeout of keepalive, which on a server is always on (gRFC A18).
    fn tcp(&self) -> TcpOptions {
        let interval = self.http2.keepalive_interval;
        TcpOptions {
            user_timeout: interval.map(|_| self.http2.keepalive_timeout),
        }
    }

    /// The time between the order to end and the drain, when the server still serves.
    pub(super) async fn lame_duck(&self) {
        let start = Instant::now();
        let lifecycles = self.shared.router.lifecycles().iter();
        let told: Vec<_> = lifecycles
            .map(|lifecycle| lifecycle.on_lame_duck())
            .collect();
        let told = async {
            for one in told {
                one.await;
            }
        };
        timeout(LAME_DUCK_GRACE, told).await.ok();
        if !self.lame_duck.is_zero() {
            sleep_until(start + self.lame_duck).await;
        }
    }

    /// Calls that would last for ever should end now.
    pub(super) fn tell_of_drain(&self) {
        for lifecycle in self.shared.router.lifecycles() {
            lifecycle.on_drain();
        }
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
        self.draining.begin();
        self.tell_of_drain();
        let start = Instant::now();
        let silent = drain.min(SILENT_GRACE);
        let mut over = timeout(silent, finished.as_mut()).await.is_ok();
        if !over {
            self.connections.give_up_handshakes();
            let rest = drain.saturating_sub(start.elapsed());
            over = timeout(rest, finished.as_mut()).await.is_ok();
        }
        if !over {
            report.connections_cut = self.connections.request(Request::Close);
            timeout(CUT_GRACE, finished).await.ok();
            self.shared.cut.tell(&mut report);
        }
        report
    }

    pub(super) fn services(&self) -> &[ServiceInfo] {
        self.shared.router.services()
    }

    /// A listener that does not accept.
    pub(super) fn report_listener(&self, error: &std::io::Error) {
        let what = format_args!("the listener");
        self.shared.log.write(Trouble::Accept, what, error);
    }

    /// What its peers have done wrong.
    pub(super) fn reports(&self) -> PeerReports {
        self.shared.log.reports.clone()
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

/// Accepts connections until `shutdown`, and waits until those are over. Dropping the future cuts them.
pub(super) async fn serve_listener(
    shutdown: impl Future<Output = ()>,
    mut listener: Listener,
    service: Arc<Acceptance>,
) {
    let mut tasks = JoinSet::new();
    accept_until(shutdown, &mut listener, &service, &mut tasks).await;
    drop(listener);
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
    listener.set_options(service.tcp());
    let handshake = match listener.security() {
        None => service.handshake.clone(),
        Some(own) => service.handshake.with(own.clone()),
    };
    loop {
        let mut accept = pin!(listener.accept(|error, _| {
            service.report_listener(error);
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
        tasks.spawn(connection(Arc::clone(service), handshake.clone(), accepted));
    }
}

/// One connection, from its handshake to its end; or to its end alone, if there are too many.
async fn connection(service: Arc<Acceptance>, handshake: Handshake, accepted: Accepted) {
    let _admitted = match service.admission.admit(&accepted.remote) {
        Ok(admitted) => admitted,
        Err(full) => {
            service.shared.log.reports.connection_refused();
            let log = &service.shared.log;
            return log.write(Trouble::Refused, format_args!("{}", accepted.remote), &full);
        }
    };
    connection_after(handshake, service, accepted).await;
}

/// One that came through no listener.
pub(super) async fn connection_given(service: Arc<Acceptance>, accepted: Accepted) {
    let handshake = service.handshake.clone();
    connection(service, handshake, accepted).await;
}

/// The same for a client of this process: there is nobody to hide from, so there is no TLS.
pub(super) async fn connection_in_process(service: Arc<Acceptance>, accepted: Accepted) {
    let handshake = service.handshake.with(Security::Plaintext);
    connection_after(handshake, service, accepted).await;
}

async fn connection_after(handshake: Handshake, service: Arc<Acceptance>, accepted: Accepted) {
    let log = &service.shared.log;
    let deadline = clock::now() + service.timeout;
    // Boxed: else its room would stay beside the driver as long as the connection lives.
    let (connections, tells_apart) = (&service.connections, service.http1.is_some());
    let getting_ready = Box::pin(async move {
        let given_up = connections.handshakes_given_up();
        let ready = async {
            let (io, peer, place) = handshake.run(accepted, deadline.into()).await?;
            let begun = match tells_apart {
                false => Begun::Http2(io, BytesMut::new()),
                true => http1::begin(io, &peer, &place, deadline.into()).await?,
            };
            Ok::<_, ConnectError>((begun, peer, place))
        };
        unless(given_up, ready).await
    });
    let Some(shaken) = getting_ready.await else {
        return;
    };
    let (begun, peer, place) = match shaken {
        Ok(ready) => ready,
        Err(error) => {
            log.reports.handshake_failed();
            let remote = error.address();
            return log.write(Trouble::Handshake, format_args!("{remote}"), &error.what());
        }
    };
    let (io, input) = match (begun, &service.http1) {
        (Begun::Http1(io, said), Some(http1)) => {
            drop(place);
            let draining = Arc::clone(&service.draining);
            return http1(Http1Connection::new(io, said, peer, draining)).await;
        }
        (Begun::Http1(io, input) | Begun::Http2(io, input), _) => (io, input),
    };
    let submit = Arc::new(Submit::default());
    let id = service.connections.add(&submit);
    let _registered = Registered {
        service: &service,
        id,
    };
    let machine = Connection::server(service.http2.clone(), clock::now());
    let lifetime = service
        .lifetimes
        .of_connection(clock::now(), fastrand::f64());
    let role = ServerRole::new(
        Arc::clone(&service.shared),
        service.shared.terms(peer),
        Arc::clone(&submit),
        service.http2.max_concurrent_streams as usize,
        GettingReady::new(place, deadline),
        lifetime,
    );
    Driver::new(io, machine, submit, role)
        .after(input)
        .polling(service.polling)
        .await;
}

/// What `work` gives, unless `end` comes first.
async fn unless<T>(end: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut end, mut work) = (pin!(end), pin!(work));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => end.as_mut().poll(cx).map(|()| None),
    })
    .await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn keepalive_limits_how_long_written_bytes_stay_unacknowledged() {
        let long = Duration::from_secs(60);
        for (server, timeout) in [
            (Server::builder(), 20),
            (Server::builder().keepalive(long, Duration::from_secs(7)), 7),
        ] {
            let service = Acceptance::new(server).unwrap();
            let mut listener = Listener::bind("127.0.0.1:0", TcpOptions::default())
                .await
                .unwrap();
            let address = listener.local_address().ip().unwrap();
            let mut tasks = JoinSet::new();
            let end = std::future::ready(());
            accept_until(end, &mut listener, &service, &mut tasks).await;
            let _client = std::net::TcpStream::connect(address).unwrap();
            let accepted = listener.accept(|error, _| panic!("{error}")).await;
            let crate::transport::io::Io::Tcp(stream) = accepted.io else {
                panic!("a TCP server")
            };
            let set = socket2::SockRef::from(&stream).tcp_user_timeout().unwrap();
            assert_eq!(set, Some(Duration::from_secs(timeout)));
        }
    }
}
