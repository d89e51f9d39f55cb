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
    pub(super) fn unary<F, Fut, R>(path: &'static str, handler: F) -> Stub
    where
        F: Fn(Request<Bytes>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, Status>> + Send + 'static,
        R: Into<Response<Bytes>>,
    {
        let closure = move |request| answer(handler(request));
        Stub {
            path,
            closure: Closure::Unary(Arc::new(closure)),
        }
    }

    pub(super) fn client_streaming<F, Fut, R>(path: &'static str, handler: F) -> Stub
    where
        F: Fn(Request<Streaming<Bytes>>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, Status>> + Send + 'static,
        R: Into<Response<Bytes>>,
    {
        let closure = move |request| answer(handler(request));
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

fn answer<R: Into<Response<Bytes>>>(
    handling: impl Future<Output = Result<R, Status>> + Send + 'static,
) -> Answer {
    Box::pin(async move { handling.await.map(Into::into) })
}

/// All methods of a stub server, whatever services their paths name.
pub(super) struct Stubs(pub(super) Vec<Stub>);

impl Service for Stubs {
    const NAME: &'static str = "farcall.testkit.Stubs";

    fn methods(&self, methods: &mut Methods) {
        self.0.iter().for_each(|stub| stub.register(methods));
    }
}
