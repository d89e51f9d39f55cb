//! The server as a service of HTTP's: mounted into somebody else's HTTP server.

#[cfg(feature = "axum")]
mod axum;
mod call;
mod head;
mod outlet;
mod response;
mod upload;

pub use response::{ResponseBody, ResponseFuture};

use super::{
    accepting::Acceptance,
    builder::Server,
    handler::Interceptors,
    serve::ServeError,
    shared::Shared,
    tap::{Tapped, tapped},
};
use crate::{
    call::{Accepted, Terms},
    error::ConfigError,
    log::Trouble,
    peer::{Peer, SocketAddress},
};
use call::MountedCall;
use farcall_core::call::server::RequestHead;
use http::{Extensions, Request, Version};
use http_body::Body;
use std::{
    convert::Infallible,
    fmt,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

/// A server as a [`tower_service::Service`] of `http::Request`s, for HTTP servers of others: hyper, axum, warp. Made by
/// [`Server::into_service`]; a clone costs a reference count.
///
/// It wants to be polled in a tokio runtime. The guide's chapter on mounts says what works as with our own listener and what cannot.
///
/// ```
/// use farcall::{Server, server::HttpService};
/// use tower_service::Service;
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut service: HttpService = Server::builder().add_service(GreeterServer::new(MyGreeter)).into_service()?;
/// // What an HTTP server does for each of its requests; this one is not gRPC's.
/// let response = service.call(http::Request::get("/").version(http::Version::HTTP_2).body(String::new())?).await?;
/// assert_eq!(response.status(), 405);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpService {
    acceptance: Arc<Acceptance>,
    /// For callers of whom nothing is known.
    terms: Arc<Terms>,
    caller: Arc<Caller>,
}

/// Finds a caller's address.
type Caller = dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync;

impl Server {
    /// This server without its listener, its HTTP/2 and its TLS, as a service for somebody else's HTTP server.
    ///
    /// Methods, handlers, interceptors, deadlines, cancellation, limits of messages and compression are as ever. Whatever concerns
    /// connections (keepalive, windows, concurrent streams, header lists, handshakes, budgets, drain) is the business of the HTTP server,
    /// and settings of it here have no effect.
    ///
    /// What middlewares have put into the request's extensions, interceptors and handlers find as one value among theirs:
    /// `request.extensions().find::<http::Extensions>()`. The address of the caller is that in the request's extensions, if there is a [`SocketAddr`]; see [`HttpService::with_caller`].
    ///
    /// # Errors
    /// As [`bind`](Server::bind), but for the address; and TLS or [shards](Server::shards) were asked for, which the HTTP server has to see to.
    pub fn into_service(self) -> Result<HttpService, ServeError> {
        for (what, set) in [
            ("tls", self.tls.is_some()),
            ("shards", self.shards.is_some()),
        ] {
            if set {
                let problem =
                    format!("{what}: that is for the HTTP server that the service is mounted into");
                return Err(ServeError::config(ConfigError::new(problem)));
            }
        }
        let acceptance = Acceptance::new(self).map_err(ServeError::config)?;
        let unknown = || SocketAddress::Other("http".into());
        let terms = acceptance
            .shared()
            .terms(Peer::new(unknown(), unknown(), None));
        Ok(HttpService {
            acceptance,
            terms: Arc::new(terms),
            caller: Arc::new(|extensions| extensions.get().copied()),
        })
    }
}

impl HttpService {
    /// How to find the address of the caller among the request's extensions, for [`Peer::remote_address`]. Default: a [`SocketAddr`] there.
    /// With axum's `into_make_service_with_connect_info` it is `|extensions| extensions.get().map(|ConnectInfo(address)| *address)`.
    pub fn with_caller(
        mut self,
        find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> HttpService {
        self.caller = Arc::new(find);
        self
    }

    /// Tells the services that the server is about to end, as health does its watchers, and waits for
    /// [`lame_duck`](Server::lame_duck); then those calls end that would last for ever, such as the watches of health. To be called
    /// before the graceful shutdown of the HTTP server, which would wait for them.
    pub async fn lame_duck(&self) {
        self.acceptance.lame_duck().await;
        self.acceptance.tell_of_drain();
    }

    fn shared(&self) -> &Arc<Shared> {
        self.acceptance.shared()
    }

    fn terms(&self, extensions: &Extensions) -> Arc<Terms> {
        match (self.caller)(extensions) {
            None => Arc::clone(&self.terms),
            Some(address) => {
                let local = SocketAddress::Other("http".into());
                let peer = Peer::new(SocketAddress::Ip(address), local, None);
                Arc::new(self.shared().terms(peer))
            }
        }
    }

    fn serve<B: Body + Send + 'static>(&self, request: Request<B>) -> ResponseFuture {
        let (parts, body) = request.into_parts();
        if parts.version < Version::HTTP_2 {
            return ResponseFuture::wrong_version();
        }
        let terms = self.terms(&parts.extensions);
        let head = match RequestHead::parse(&head::of_request(&parts), &terms.compressors) {
            Ok(head) => head,
            Err(rejection) => {
                let log = &self.shared().log;
                log.report(Trouble::Request, &terms.peer, rejection.status());
                return ResponseFuture::reject(&rejection);
            }
        };
        let tap = self.shared().tap.as_ref();
        let seen = tap.map_or(Ok(()), |tap| tapped(tap, &Tapped::new(&head, &terms.peer)));
        match seen.and_then(|()| self.shared().router.find(&head.path)) {
            Ok(route) => {
                let accepted = Arc::new(Accepted {
                    compression: route.compression.or(terms.compression),
                    limits: route.limits,
                    head,
                    terms,
                    open: route.interceptors.is_some(),
                    immediate: route
                        .interceptors
                        .as_ref()
                        .and_then(Interceptors::immediate),
                });
                let shared = Arc::clone(self.shared());
                let mut extensions = crate::call::Extensions::default();
                if !parts.extensions.is_empty() {
                    extensions.insert(parts.extensions);
                }
                let body = upload::any(body);
                let call = MountedCall::new(accepted, route, shared, extensions, body);
                ResponseFuture::call(call)
            }
            Err(status) => {
                self.shared()
                    .log
                    .report(Trouble::Request, &terms.peer, &status);
                response::failure(&head, status)
            }
        }
    }
}

impl<B: Body + Send + 'static> tower_service::Service<Request<B>> for HttpService {
    type Response = http::Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.serve(request)
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.shared().router.services();
        f.debug_struct("HttpService")
            .field("services", &services)
            .finish()
    }
}
