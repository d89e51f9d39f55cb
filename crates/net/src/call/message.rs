//! `Request` and `Response`: a message, its metadata and what is known about the call.

use super::{arrival::Arrival, context::Context, encoding::Encoding, extensions::Extensions};
use crate::peer::Peer;
use farcall_core::Metadata;
use std::{
    future::Future,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

/// A request: a message (or the [`Streaming`](crate::Streaming) of messages) with its metadata.
///
/// Dereferences to the message.
///
/// ```
/// use farcall::Request;
/// let mut request = Request::new(String::from("hello"));
/// request.metadata_mut().insert("tenant", "blue");
/// assert_eq!(request.len(), 5);
/// assert_eq!(request.metadata().get("tenant"), Some("blue"));
/// ```
#[derive(Debug)]
pub struct Request<T> {
    message: T,
    metadata: Metadata,
    /// Present on a server.
    arrival: Option<Arrival>,
    extensions: Extensions,
}

impl<T> Request<T> {
    /// A request without metadata.
    pub fn new(message: T) -> Request<T> {
        Request {
            message,
            metadata: Metadata::new(),
            arrival: None,
            extensions: Extensions::default(),
        }
    }

    pub(crate) fn arrived(
        message: T,
        metadata: Metadata,
        arrival: Arrival,
        extensions: Extensions,
    ) -> Request<T> {
        Request {
            message,
            metadata,
            arrival: Some(arrival),
            extensions,
        }
    }

    pub(crate) fn into_sendable(self) -> (T, Metadata, Extensions) {
        (self.message, self.metadata, self.extensions)
    }

    /// The metadata: of the caller on a server, to be sent on a client.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The metadata, for changes before the call is made.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// The message alone.
    pub fn into_inner(self) -> T {
        self.message
    }

    /// Message and metadata.
    pub fn into_parts(self) -> (T, Metadata) {
        (self.message, self.metadata)
    }

    /// The same request with another message.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Request<U> {
        Request {
            message: f(self.message),
            metadata: self.metadata,
            arrival: self.arrival,
            extensions: self.extensions,
        }
    }

    /// Values that travel with the call inside this process: on a server what its interceptors have found out, on a client
    /// what the caller tells its own.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, for changes.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// (server) The full method name, `/package.Service/Method`; empty on a client.
    pub fn method(&self) -> &str {
        self.arrival.as_ref().map_or("", |arrival| arrival.method())
    }

    /// (server) When the call must be over; `None` if the caller set no deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.arrival
            .as_ref()
            .and_then(|arrival| arrival.context.deadline())
    }

    /// (server) Waits until the caller goes away or the deadline passes; for ever on a client.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn cancelled(&self) {
        match &self.arrival {
            Some(arrival) => arrival.context.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// (server) Whether the caller's connection is going to end: the server shuts down, or the connection has reached its
    /// [greatest age](crate::Server::max_connection_age). Always false on a client, and on a server that is mounted into that of somebody else.
    pub fn is_draining(&self) -> bool {
        let arrival = self.arrival.as_ref();
        arrival.is_some_and(|arrival| arrival.accepted.terms.draining.has_begun())
    }

    /// (server) Waits until the caller's connection is going to end, for ever where [`is_draining`](Self::is_draining) is always false.
    /// The caller has then been told to send its further calls elsewhere, and this one may go on for as long as the drain lasts: a stream
    /// without an end should come to one now.
    ///
    /// The future is independent of the request, so that both can be waited for at a time:
    ///
    /// ```
    /// use farcall::{Request, Sender, Status};
    /// # use farcall_examples::hello::HelloReply;
    /// # use std::time::Duration;
    ///
    /// async fn watch(request: Request<()>, replies: &mut Sender<HelloReply>) -> Result<(), Status> {
    ///     let mut draining = std::pin::pin!(request.draining());
    ///     loop {
    ///         tokio::select! {
    ///             // The caller begins again elsewhere.
    ///             () = &mut draining => return Ok(()),
    ///             () = tokio::time::sleep(Duration::from_secs(1)) => replies.send(HelloReply::default()).await?,
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        let accepted = self
            .arrival
            .as_ref()
            .map(|arrival| Arc::clone(&arrival.accepted));
        async move {
            match accepted {
                Some(accepted) => accepted.terms.draining.wait().await,
                None => std::future::pending().await,
            }
        }
    }

    /// (server) The call's deadline and cancellation as a value that can move into spawned tasks.
    ///
    /// # Panics
    /// On a request that was not received by a server.
    #[track_caller]
    pub fn context(&self) -> Context {
        match &self.arrival {
            Some(arrival) => arrival.context.clone(),
            None => panic!("only a request that a server received has a context"),
        }
    }

    /// (server) Who is calling.
    pub fn peer(&self) -> Option<&Peer> {
        self.arrival
            .as_ref()
            .map(|arrival| &arrival.accepted.terms.peer)
    }

    /// (server) The authority that the caller addressed (`:authority`); empty if it named none.
    pub fn authority(&self) -> &str {
        self.arrival
            .as_ref()
            .map_or("", |arrival| arrival.authority())
    }

    /// (server) How many attempts of this call the client has made before this one, as it says (gRFC A6).
    pub fn previous_attempts(&self) -> u32 {
        let arrival = self.arrival.as_ref();
        arrival.map_or(0, |arrival| arrival.accepted.head.previous_attempts)
    }

    /// (server) The encoding that the caller announced for its messages.
    pub fn encoding(&self) -> Encoding {
        self.arrival
            .as_ref()
            .map_or(Encoding::Identity, |arrival| arrival.encoding())
    }

    /// (server) The names of the encodings that the caller takes for responses, as it says (`grpc-accept-encoding`) and in its order; none if
    /// it says nothing. Uncompressed messages it takes in any case, and a response in an encoding that it does not take goes out so.
    ///
    /// ```
    /// use farcall::{Channel, Request, Response, Server, Status};
    /// # use farcall_examples::hello::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
    /// # struct MyGreeter;
    ///
    /// # impl Greeter for MyGreeter {
    /// async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
    ///     let message = request.accepted_encodings().collect::<Vec<_>>().join(" or ");
    ///     Ok(HelloReply { message }.into())
    /// }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let channel = Server::builder().add_service(GreeterServer::new(MyGreeter)).in_process()?;
    /// # let reply = GreeterClient::new(channel).say_hello(HelloRequest::default()).await?;
    /// # assert!(reply.message.contains("gzip"), "{}", reply.message);
    /// # Ok(()) }
    /// ```
    pub fn accepted_encodings(&self) -> impl Iterator<Item = &str> {
        let arrival = self.arrival.as_ref();
        let list = arrival.and_then(|arrival| arrival.accepted.head.accept_encoding.as_deref());
        let names = list.unwrap_or_default().split(|octet| *octet == b',');
        let names = names.filter_map(|name| std::str::from_utf8(name.trim_ascii()).ok());
        names.filter(|name| !name.is_empty())
    }

    /// (server, unary) Whether the message came compressed.
    pub fn message_was_compressed(&self) -> bool {
        self.arrival
            .as_ref()
            .is_some_and(|arrival| arrival.compressed)
    }
}

impl<T> Deref for Request<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T> DerefMut for Request<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.message
    }
}

impl<T> From<T> for Request<T> {
    fn from(message: T) -> Request<T> {
        Request::new(message)
    }
}

/// What a client call takes: a message, or a [`Request`] with metadata.
///
/// ```
/// use farcall::Request;
/// # use farcall_examples::{hello::HelloRequest, local};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// client.say_hello(HelloRequest { name: "Ada".into() }).await?;
///
/// let mut request = Request::new(HelloRequest { name: "Ada".into() });
/// request.metadata_mut().insert("tenant", "blue");
/// client.say_hello(request).await?;
/// # Ok(()) }
/// ```
pub trait IntoRequest<T> {
    /// The request.
    fn into_request(self) -> Request<T>;
}

impl<T> IntoRequest<T> for T {
    fn into_request(self) -> Request<T> {
        Request::new(self)
    }
}

impl<T> IntoRequest<T> for Request<T> {
    fn into_request(self) -> Request<T> {
        self
    }
}

/// A response: a message, the initial metadata (before it) and the trailers (after it).
///
/// Dereferences to the message.
///
/// ```
/// use farcall::Response;
/// let mut response = Response::new(41);
/// *response += 1;
/// response.trailers_mut().insert("cost", "7");
/// assert_eq!(response.into_inner(), 42);
/// ```
#[derive(Debug)]
pub struct Response<T> {
    message: T,
    metadata: Metadata,
    trailers: Metadata,
    compression: Option<Encoding>,
    /// Whether a received message came compressed.
    compressed: bool,
    /// Attempts before the one that brought it.
    previous_attempts: u32,
}

impl<T> Response<T> {
    /// A response without metadata.
    pub fn new(message: T) -> Response<T> {
        Response::received(message, Metadata::new(), Metadata::new(), false)
    }

    pub(crate) fn received(
        message: T,
        metadata: Metadata,
        trailers: Metadata,
        compressed: bool,
    ) -> Response<T> {
        Response {
            message,
            metadata,
            trailers,
            compression: None,
            compressed,
            previous_attempts: 0,
        }
    }

    /// The initial metadata, sent before the message.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The initial metadata, for changes.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// The trailing metadata, sent with the status.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// The trailing metadata, for changes.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// (server) How to compress the message. Default: as the request was, if the caller accepts it.
    pub fn set_compression(&mut self, encoding: Encoding) {
        self.compression = Some(encoding);
    }

    /// (client) Whether the message came compressed.
    pub fn message_was_compressed(&self) -> bool {
        self.compressed
    }

    /// (client) How many attempts the call made: more than one if it was retried or hedged by a policy (gRFC A6).
    pub fn attempts(&self) -> u32 {
        self.previous_attempts + 1
    }

    pub(crate) fn with_previous_attempts(mut self, attempts: usize) -> Response<T> {
        self.previous_attempts = u32::try_from(attempts).unwrap_or(u32::MAX - 1);
        self
    }

    /// The message alone.
    pub fn into_inner(self) -> T {
        self.message
    }

    /// Message, initial metadata and trailers.
    pub fn into_parts(self) -> (T, Metadata, Metadata) {
        (self.message, self.metadata, self.trailers)
    }

    /// The same response with another message.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Response<U> {
        Response {
            message: f(self.message),
            metadata: self.metadata,
            trailers: self.trailers,
            compression: self.compression,
            compressed: self.compressed,
            previous_attempts: self.previous_attempts,
        }
    }

    /// Whether there is nothing to it but its message.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.metadata.is_unused() && self.trailers.is_unused() && self.compression.is_none()
    }

    /// The same response with another message, if `f` makes one; `failed` is given the initial metadata otherwise.
    #[inline]
    pub(crate) fn try_map<U, E, F>(
        self,
        f: impl FnOnce(T) -> Result<U, E>,
        failed: impl FnOnce(E, Metadata) -> F,
    ) -> Result<Response<U>, F> {
        let message = match f(self.message) {
            Ok(message) => message,
            Err(error) => return Err(failed(error, self.metadata)),
        };
        Ok(Response {
            message,
            metadata: self.metadata,
            trailers: self.trailers,
            compression: self.compression,
            compressed: self.compressed,
            previous_attempts: self.previous_attempts,
        })
    }

    pub(crate) fn compression(&self) -> Option<Encoding> {
        self.compression
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T> DerefMut for Response<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.message
    }
}

impl<T> From<T> for Response<T> {
    fn from(message: T) -> Response<T> {
        Response::new(message)
    }
}
