//! What generated code hands to the server.

use super::lifecycle::Lifecycle;
use crate::call::{
    Accepted, IncomingCall, Reply, Request, Response, Sender, Streaming,
    handler::{Handler, HandlerFuture},
    intercept::{Answer, Chain, Handling, Outcome, until},
    reply,
};
use farcall_core::{
    Codec, Metadata, Method, MethodDescriptor, MethodKind, Status, message::encode_message,
};
use std::{future::Future, sync::Arc};

/// A service: generated `…Server` types implement it.
///
/// ```
/// use bytes::Bytes;
/// use farcall::{Method, MethodKind, Raw, Response, server::{Methods, Service}};
/// use std::sync::Arc;
///
/// static ECHO: Method<Bytes, Bytes, Raw> = Method::with_codec("/demo.Echo/Echo", MethodKind::Unary, Raw);
///
/// struct Echo;
/// impl Service for Echo {
///     const NAME: &'static str = "demo.Echo";
///     fn methods(&self, methods: &mut Methods) {
///         methods.unary(&ECHO, &Arc::new(()), |_, request| async move { Ok(Response::new(request.into_inner())) });
///     }
/// }
/// ```
pub trait Service {
    /// The full name, `package.Service`.
    const NAME: &'static str;

    /// The encoded `google.protobuf.FileDescriptorSet` of the files that describe the service, with all that they import;
    /// what reflection serves. Default: empty, for services that have no such description.
    const FILE_DESCRIPTOR_SET: &'static [u8] = &[];

    /// Whether the calls are of the server's operation rather than its work, as those of health and reflection: they pass
    /// [`Server::overload`](crate::Server::overload) uncounted, so that streams that stay open take no place, and a server that is full
    /// still tells that it is well. [Companions](Methods::companion) are as the service they come with. Default: false; for services that
    /// are generated there is [`MethodLimits::operational`](super::MethodLimits::operational).
    const OPERATIONAL: bool = false;

    /// Registers every method.
    fn methods(&self, methods: &mut Methods);

    /// What wants to know what the server offers and when it starts and drains. Default: nothing.
    fn lifecycle(&self) -> Option<Arc<dyn Lifecycle>> {
        None
    }
}

/// The methods of one service, as [`Service::methods`] registers them.
///
/// A method is registered as what its [kind](MethodKind) says; a server with one that is not does not start.
///
/// What generated code does, for services that are not generated: an echo of any messages, in both streaming directions.
///
/// ```
/// use bytes::Bytes;
/// use farcall::{Method, MethodKind, Raw, client::BidiCall, server::{Methods, Service}};
/// use std::sync::Arc;
///
/// static CHAT: Method<Bytes, Bytes, Raw> = Method::with_codec("/demo.Echo/Chat", MethodKind::Bidi, Raw);
///
/// struct Echo;
/// impl Service for Echo {
///     const NAME: &'static str = "demo.Echo";
///     fn methods(&self, methods: &mut Methods) {
///         methods.bidi(&CHAT, &Arc::new(()), |_, mut messages, mut replies| async move {
///             let result = async {
///                 while let Some(message) = messages.message().await? {
///                     replies.send(message).await?;
///                 }
///                 Ok(())
///             };
///             (result.await, replies) // the sender goes back with the result
///         });
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = farcall::Server::builder().add_service(Echo).bind("127.0.0.1:0").await?;
/// # let channel = farcall::Channel::builder(server.local_addr()?.to_string()).insecure().build()?;
/// # tokio::spawn(server.serve());
///
/// let (mut messages, mut replies) = BidiCall::new(&channel, &CHAT).split();
/// messages.send(Bytes::from("hello")).await?;
/// assert_eq!(replies.message().await?, Some(Bytes::from("hello")));
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct Methods {
    pub(super) list: Vec<Entry>,
    pub(super) companions: Vec<Companion>,
}

/// A service that comes with another one.
pub(super) struct Companion {
    pub(super) name: &'static str,
    pub(super) file_descriptor_set: &'static [u8],
    pub(super) operational: bool,
    pub(super) methods: Methods,
    pub(super) lifecycle: Option<Arc<dyn Lifecycle>>,
}

impl Companion {
    pub(super) fn of<S: Service>(service: &S) -> Companion {
        let mut methods = Methods::default();
        service.methods(&mut methods);
        Companion {
            name: S::NAME,
            file_descriptor_set: S::FILE_DESCRIPTOR_SET,
            operational: S::OPERATIONAL,
            methods,
            lifecycle: service.lifecycle(),
        }
    }
}

/// A method that a service offers.
pub(super) struct Entry {
    pub(super) descriptor: MethodDescriptor,
    /// The kind that the handler is made for; a server whose method says another one does not start.
    pub(super) registered: MethodKind,
    pub(super) handler: Arc<dyn Handler>,
    /// Those of the service.
    pub(super) interceptors: Chain,
}

impl Methods {
    /// How many methods and companions there are.
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.list.len(), self.companions.len())
    }

    /// Puts interceptors around what has come since a mark was taken.
    pub(super) fn surround(&mut self, mark: (usize, usize), outside: &Chain) {
        for entry in &mut self.list[mark.0..] {
            let mut chain = outside.clone();
            chain.extend(&entry.interceptors);
            entry.interceptors = chain;
        }
        for companion in &mut self.companions[mark.1..] {
            companion.methods.surround((0, 0), outside);
        }
    }

    /// Offers another service beside this one, as if it had been added to the server too: an older version of the same
    /// service, for example.
    pub fn companion<S: Service>(&mut self, service: &S) {
        self.companions.push(Companion::of(service));
    }

    fn add(
        &mut self,
        registered: MethodKind,
        descriptor: &MethodDescriptor,
        handler: impl Fn(IncomingCall) -> HandlerFuture + Send + Sync + 'static,
    ) {
        self.list.push(Entry {
            descriptor: descriptor.clone(),
            registered,
            handler: Arc::new(handler),
            interceptors: Chain::default(),
        });
    }

    /// A method with one request and one response.
    pub fn unary<S, Req, Res, C, F, Fut>(
        &mut self,
        method: &Method<Req, Res, C>,
        service: &Arc<S>,
        handler: F,
    ) where
        S: Send + Sync + 'static,
        C: Codec<Req> + Codec<Res> + Clone,
        Req: Send + 'static,
        Res: Send + 'static,
        F: Fn(Arc<S>, Request<Req>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<Res>, Status>> + Send,
    {
        let (service, codec) = (Arc::clone(service), method.codec().clone());
        self.add(MethodKind::Unary, method.descriptor(), move |call| {
            let (service, codec) = (Arc::clone(&service), codec.clone());
            if call.arrival.accepted.immediate.is_some() {
                return Box::pin(async move {
                    let mut call = call;
                    let mut handling = match Handling::begin(&mut call) {
                        Ok(handling) => handling,
                        Err(reply) => return *reply,
                    };
                    let request = match decode_request(&codec, call) {
                        Ok(request) => request,
                        Err(status) => return handling.end(Err(status)),
                    };
                    let result = match handling.deadline() {
                        None => handler(service, request).await,
                        Some(by) => until(by, Box::pin(handler(service, request))).await,
                    };
                    handling.end(outcome(&codec, result))
                });
            }
            Box::pin(async move {
                let accepted = Arc::clone(&call.arrival.accepted);
                let request = match decode_request(&codec, call) {
                    Ok(request) => request,
                    Err(status) => {
                        return reply_unary::<Res, _>(&codec, &accepted, Err(status));
                    }
                };
                reply_unary(&codec, &accepted, handler(service, request).await)
            })
        });
    }

    /// A method with one request and a stream of responses. The handler gives the sender back with its result.
    pub fn server_streaming<S, Req, Res, C, F, Fut>(
        &mut self,
        method: &Method<Req, Res, C>,
        service: &Arc<S>,
        handler: F,
    ) where
        S: Send + Sync + 'static,
        C: Codec<Req> + Codec<Res> + Clone,
        Req: Send + 'static,
        Res: Send + 'static,
        F: Fn(Arc<S>, Request<Req>, Sender<Res>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = (Result<(), Status>, Sender<Res>)> + Send,
    {
        let (service, codec) = (Arc::clone(service), method.codec().clone());
        self.add(
            MethodKind::ServerStreaming,
            method.descriptor(),
            move |mut call| {
                let (service, codec) = (Arc::clone(&service), codec.clone());
                Box::pin(async move {
                    let replies = Sender::of_server(&codec, &mut call);
                    let request = match decode_request(&codec, call) {
                        Ok(request) => request,
                        Err(status) => return replies.conclude(Err(status)),
                    };
                    let (result, replies) = handler(service, request, replies).await;
                    replies.conclude(result)
                })
            },
        );
    }

    /// A method with a stream of requests and one response.
    pub fn client_streaming<S, Req, Res, C, F, Fut>(
        &mut self,
        method: &Method<Req, Res, C>,
        service: &Arc<S>,
        handler: F,
    ) where
        S: Send + Sync + 'static,
        C: Codec<Req> + Codec<Res> + Clone,
        Req: Send + 'static,
        Res: Send + 'static,
        F: Fn(Arc<S>, Request<Streaming<Req>>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<Res>, Status>> + Send,
    {
        let (service, codec) = (Arc::clone(service), method.codec().clone());
        self.add(
            MethodKind::ClientStreaming,
            method.descriptor(),
            move |call| {
                let (service, codec) = (Arc::clone(&service), codec.clone());
                Box::pin(async move {
                    let accepted = Arc::clone(&call.arrival.accepted);
                    let request = match stream_request(&codec, call) {
                        Ok(request) => request,
                        Err(status) => {
                            return reply_unary::<Res, _>(&codec, &accepted, Err(status));
                        }
                    };
                    reply_unary(&codec, &accepted, handler(service, request).await)
                })
            },
        );
    }

    /// A method with a stream of requests and a stream of responses. The handler gives the sender back with its result.
    pub fn bidi<S, Req, Res, C, F, Fut>(
        &mut self,
        method: &Method<Req, Res, C>,
        service: &Arc<S>,
        handler: F,
    ) where
        S: Send + Sync + 'static,
        C: Codec<Req> + Codec<Res> + Clone,
        Req: Send + 'static,
        Res: Send + 'static,
        F: Fn(Arc<S>, Request<Streaming<Req>>, Sender<Res>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = (Result<(), Status>, Sender<Res>)> + Send,
    {
        let (service, codec) = (Arc::clone(service), method.codec().clone());
        self.add(MethodKind::Bidi, method.descriptor(), move |mut call| {
            let (service, codec) = (Arc::clone(&service), codec.clone());
            Box::pin(async move {
                let replies = Sender::of_server(&codec, &mut call);
                let request = match stream_request(&codec, call) {
                    Ok(request) => request,
                    Err(status) => return replies.conclude(Err(status)),
                };
                let (result, replies) = handler(service, request, replies).await;
                replies.conclude(result)
            })
        });
    }
}

/// The answer of a method that the service does not implement: what generated traits do by default.
///
/// ```
/// use farcall::{Code, server};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let status = server::unimplemented::<_, ()>("/demo.Echo/Chat", ()).await.unwrap_err();
/// assert_eq!(status.code(), Code::Unimplemented);
/// # });
/// ```
///
/// # Errors
/// Always `UNIMPLEMENTED`, naming the method.
pub async fn unimplemented<R, T>(method: &str, request: R) -> Result<T, Status> {
    drop(request);
    Err(Status::unimplemented(format!(
        "method {method} is not implemented"
    )))
}

fn decode_request<Req, C: Codec<Req>>(
    codec: &C,
    mut call: IncomingCall,
) -> Result<Request<Req>, Status> {
    let head = &call.arrival.accepted.head;
    head.check_subtype(codec.content_subtype())?;
    let (metadata, extensions) = call.beside();
    let message = codec.decode(call.message).map_err(|error| {
        Status::internal(format!("the request message could not be decoded: {error}"))
    })?;
    Ok(Request::arrived(
        message,
        metadata,
        call.arrival,
        extensions,
    ))
}

fn stream_request<Req, C: Codec<Req> + Clone>(
    codec: &C,
    mut call: IncomingCall,
) -> Result<Request<Streaming<Req>>, Status> {
    let head = &call.arrival.accepted.head;
    head.check_subtype(codec.content_subtype())?;
    let stream = Streaming::of_requests(codec, &mut call);
    let (metadata, extensions) = call.beside();
    Ok(Request::arrived(stream, metadata, call.arrival, extensions))
}

/// A unary response as interceptors see it.
#[inline]
fn outcome<Res, C: Codec<Res>>(codec: &C, result: Result<Response<Res>, Status>) -> Outcome {
    let response = result?;
    let compression = response.compression();
    let (message, metadata, trailers) = response.into_parts();
    // Size and compression are the wire's business.
    let data = encode_message(codec, &message, None, usize::MAX)?;
    Ok(Answer::handled(data, metadata, trailers, compression))
}

fn reply_unary<Res, C: Codec<Res>>(
    codec: &C,
    accepted: &Accepted,
    result: Result<Response<Res>, Status>,
) -> Reply {
    match result {
        result if accepted.open => reply::open_unary(codec, result),
        Ok(response) => reply::unary(codec, accepted, response),
        Err(status) => Reply::failure(&accepted.head, status, &Metadata::new()),
    }
}
