//! The service behind a stub server: closures by path.

use bytes::Bytes;
use farcall_core::{Method, MethodKind, Raw};
use farcall_net::{
    Request, Response, Sender, Status, Streaming,
    server::{Methods, Service},
};
use std::{future::Future, pin::Pin, sync::Arc};

/// A future that may borrow from the handler's arguments.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Result<(), Status>> + Send + 'a>>;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Status>> + Send>>;

/// What a closure with one reply may give: `Result<R, Status>`, where `R` is [`Bytes`] or a [`Response`], at once or as the
/// output of a future. `When` tells the two apart and is always inferred.
///
/// ```
/// use bytes::Bytes;
/// use farcall_testkit::stub_server::StubServer;
///
/// StubServer::unary("/a.B/Now", |_| Ok(Bytes::from("now")))
///     .and(StubServer::unary("/a.B/Later", |_| async { Ok(Bytes::from("later")) }));
/// ```
pub trait Answering<When>: Send + 'static {
    /// The answer as a future.
    fn answer(self) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, Status>> + Send>>;
}

/// The closure gives its result at once.
#[derive(Debug)]
pub enum Now {}

/// The closure gives a future.
#[derive(Debug)]
pub enum Later {}

impl<R: Into<Response<Bytes>> + Send + 'static> Answering<Now> for Result<R, Status> {
    fn answer(self) -> Answer {
        let answer = self.map(Into::into);
        Box::pin(std::future::ready(answer))
    }
}

impl<Fut, R> Answering<Later> for Fut
where
    Fut: Future<Output = Result<R, Status>> + Send + 'static,
    R: Into<Response<Bytes>>,
{
    fn answer(self) -> Answer {
        Box::pin(async move { self.await.map(Into::into) })
    }
}

/// One method.
#[derive(Clone)]
pub(super) struct Stub {
    path: &'static str,
    closure: Closure,
}

/// The closure, by kind.
#[derive(Clone)]
enum Closure {
    Unary(Arc<dyn Fn(Request<Bytes>) -> Answer + Send + Sync>),
    ClientStreaming(Arc<dyn Fn(Request<Streaming<Bytes>>) -> Answer + Send + Sync>),
    ServerStreaming(Arc<StreamingClosure<Bytes>>),
    Bidi(Arc<StreamingClosure<Streaming<Bytes>>>),
}

type StreamingClosure<T> =
    dyn for<'a> Fn(Request<T>, &'a mut Sender<Bytes>) -> Handling<'a> + Send + Sync;

impl Stub {
    pub(super) fn unary<F, A, When>(path: &'static str, handler: F) -> Stub
    where
        F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
        A: Answering<When>,
    {
        let closure = move |request| handler(request).answer();
        Stub {
            path,
            closure: Closure::Unary(Arc::new(closure)),
        }
    }

    pub(super) fn client_streaming<F, A, When>(path: &'static str, handler: F) -> Stub
    where
        F: Fn(Request<Streaming<Bytes>>) -> A + Send + Sync + 'static,
        A: Answering<When>,
    {
        let closure = move |request| handler(request).answer();
        Stub {
            path,
            closure: Closure::ClientStreaming(Arc::new(closure)),
        }
    }

    pub(super) fn server_streaming<F>(path: &'static str, handler: F) -> Stub
    where
        F: for<'a> Fn(Request<Bytes>, &'a mut Sender<Bytes>) -> Handling<'a>
            + Send
            + Sync
            + 'static,
    {
        Stub {
            path,
            closure: Closure::ServerStreaming(Arc::new(handler)),
        }
    }

    pub(super) fn bidi<F>(path: &'static str, handler: F) -> Stub
    where
        F: for<'a> Fn(Request<Streaming<Bytes>>, &'a mut Sender<Bytes>) -> Handling<'a>
            + Send
            + Sync
            + 'static,
    {
        Stub {
            path,
            closure: Closure::Bidi(Arc::new(handler)),
        }
    }

    fn register(&self, methods: &mut Methods) {
        let method = |kind| Method::<Bytes, Bytes, Raw>::with_codec(self.path, kind, Raw);
        match &self.closure {
            Closure::Unary(handler) => {
                methods.unary(
                    &method(MethodKind::Unary),
                    &Arc::new(Arc::clone(handler)),
                    |handler, request| async move { handler(request).await },
                );
            }
            Closure::ClientStreaming(handler) => {
                let handler = Arc::new(Arc::clone(handler));
                methods.client_streaming(
                    &method(MethodKind::ClientStreaming),
                    &handler,
                    |handler, request| async move { handler(request).await },
                );
            }
            Closure::ServerStreaming(handler) => {
                let handler = Arc::new(Arc::clone(handler));
                methods.server_streaming(
                    &method(MethodKind::ServerStreaming),
                    &handler,
                    |handler, request, mut replies| async move {
                        (handler(request, &mut replies).await, replies)
                    },
                );
            }
            Closure::Bidi(handler) => {
                methods.bidi(
                    &method(MethodKind::Bidi),
                    &Arc::new(Arc::clone(handler)),
                    |handler, request, mut replies| async move {
                        (handler(request, &mut replies).await, replies)
                    },
                );
            }
        }
    }
}

/// All methods of a stub server, whatever services their paths name.
pub(super) struct Stubs(pub(super) Vec<Stub>);

impl Service for Stubs {
    const NAME: &'static str = "farcall.testkit.Stubs";

    fn methods(&self, methods: &mut Methods) {
        self.0.iter().for_each(|stub| stub.register(methods));
    }
}
