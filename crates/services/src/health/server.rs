//! The service.

use super::{
    HealthReporter, ServingStatus,
    board::Board,
    places::origin,
    proto::{
        Health, HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
        HealthServer,
    },
};
use farcall_core::Status;
use farcall_net::{
    Request, Response, Sender,
    server::{Lifecycle, Methods, Service},
};
use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

/// The most services that `List` tells of (as grpc-go).
const MAX_LISTED: usize = 100;

/// A health service; see the [module](super).
pub fn service() -> HealthService {
    HealthService {
        board: Arc::new(Board::new()),
    }
}

/// A health service, to be added to a server; clones are the same service. Made by [`service`].
///
/// Added to several servers it speaks for all of them: when one is shut down everything is NOT_SERVING, and once that one
/// drains all watches end. It stays so until [`HealthReporter::resume`].
///
/// ```
/// let health = farcall::health::service().max_watchers(100);
/// let reporter = health.reporter();
/// let server = farcall::Server::builder().add_service(health);
/// reporter.set_not_serving("");
/// # drop(server);
/// ```
#[derive(Clone)]
pub struct HealthService {
    board: Arc<Board>,
}

impl HealthService {
    /// The handle through which the program says how its services are.
    pub fn reporter(&self) -> HealthReporter {
        HealthReporter::new(Arc::clone(&self.board))
    }

    /// How many calls of `Watch` there may be at a time; more end with `RESOURCE_EXHAUSTED`. Default 10,000. Each client
    /// that checks the health of its backends has one per connection. So that no client takes all of them, an IP address (of
    /// IPv6, a network of 64 bits; what has none counts as one) that has more of them than are free gets no more: alone it has half.
    /// Where all clients come through one proxy, double the number.
    pub fn max_watchers(self, watchers: usize) -> Self {
        self.board.set_max_watchers(watchers);
        self
    }
}

impl fmt::Debug for HealthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HealthService")
    }
}

impl Service for HealthService {
    const NAME: &'static str = HealthServer::<Answers>::NAME;
    const FILE_DESCRIPTOR_SET: &'static [u8] = HealthServer::<Answers>::FILE_DESCRIPTOR_SET;
    const OPERATIONAL: bool = true;

    fn methods(&self, methods: &mut Methods) {
        let answers = Answers(Arc::clone(&self.board));
        HealthServer::new(answers).methods(methods);
    }

    fn lifecycle(&self) -> Option<Arc<dyn Lifecycle>> {
        Some(Arc::new(self.clone()))
    }
}

impl Lifecycle for HealthService {
    fn on_lame_duck(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.board.announce_shut_down())
    }

    fn on_drain(&self) {
        self.board.end();
    }
}

/// What the generated code calls.
struct Answers(Arc<Board>);

impl Health for Answers {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match self.0.status(&request.service) {
            Some(status) => Ok(said(status).into()),
            None => Err(Status::not_found("unknown service")),
        }
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        let Some(all) = self.0.list(MAX_LISTED) else {
            let text = format!("there are more than {MAX_LISTED} services; Check tells of each");
            return Err(Status::resource_exhausted(text));
        };
        let statuses = all.into_iter().map(|(name, status)| (name, said(status)));
        Ok(HealthListResponse {
            statuses: statuses.collect(),
        }
        .into())
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
        replies: &mut Sender<HealthCheckResponse>,
    ) -> Result<(), Status> {
        let peer = request.peer().map(|peer| peer.remote_address());
        let mut watcher = self.0.watch(&request.service, origin(peer))?;
        let context = request.context();
        drop(request); // its message may be long
        let mut last = None;
        loop {
            let news = watcher.latest();
            if last.replace(news.status) != Some(news.status) {
                replies.send(said(news.status)).await?;
            }
            watcher.told(news);
            if news.over {
                return Err(Status::unavailable("the server is shutting down"));
            }
            // A server may run its handlers to completion; this one is complete when nobody listens.
            if first(watcher.changed(), context.cancelled()).await {
                return Err(Status::cancelled("the caller is gone"));
            }
        }
    }
}

fn said(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

/// True: `two` was ready before `one`.
async fn first(one: impl Future<Output = ()>, two: impl Future<Output = ()>) -> bool {
    let (mut one, mut two) = (pin!(one), pin!(two));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(false),
        Poll::Pending => two.as_mut().poll(cx).map(|()| true),
    })
    .await
}
