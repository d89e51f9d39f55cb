//! What answers calls of methods that the server does not have.

use super::service::{Entry, Methods};
use crate::call::{Request, Sender, Streaming};
use bytes::Bytes;
use farcall_core::{Method, MethodKind, Raw, Status};
use std::{future::Future, sync::Arc};

/// Answers the calls of methods that the server does not have, of all four kinds, with messages as they are: for proxies and generic
/// servers. See [`Server::unknown_service`](crate::Server::unknown_service).
///
/// Every call looks bidirectional to it. For the caller of a unary method one message is the answer, and the end of the handler the status.
///
/// ```
/// use bytes::Bytes;
/// use farcall::{Request, Sender, Server, Status, Streaming, server::UnknownService};
/// # use farcall::{Method, MethodKind, Raw, client::UnaryCall};
///
/// /// Says what it was asked.
/// struct Echo;
///
/// impl UnknownService for Echo {
///     async fn call(&self, mut messages: Request<Streaming<Bytes>>, replies: &mut Sender<Bytes>) -> Result<(), Status> {
///         println!("{} is called", messages.method());
///         while let Some(message) = messages.message().await? {
///             replies.send(message).await?;
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = Server::builder().unknown_service(Echo).in_process()?;
/// static ANY: Method<Bytes, Bytes, Raw> = Method::with_codec("/any.Service/Method", MethodKind::Unary, Raw);
/// let reply = UnaryCall::new(&channel, &ANY, Bytes::from("hello")).await?;
/// assert_eq!(*reply, "hello");
/// # Ok(()) }
/// ```
pub trait UnknownService: Send + Sync + 'static {
    /// Answers one call; [`Request::method`] says of which method. What follows from its end is as for a generated handler that streams in
    /// both directions, being dropped when the caller is gone included.
    fn call(
        &self,
        messages: Request<Streaming<Bytes>>,
        replies: &mut Sender<Bytes>,
    ) -> impl Future<Output = Result<(), Status>> + Send;
}

/// As a method among others; its path is that of none.
pub(super) fn entry(service: impl UnknownService) -> Option<Entry> {
    let method = Method::<Bytes, Bytes, Raw>::with_codec("/*/*", MethodKind::Bidi, Raw);
    let mut methods = Methods::default();
    methods.bidi(
        &method,
        &Arc::new(service),
        |service, messages, mut replies| async move {
            let result = service.call(messages, &mut replies).await;
            (result, replies)
        },
    );
    methods.list.pop()
}
