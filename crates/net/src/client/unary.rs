//! Calls with one response: unary and client-streaming.

use super::{
    channel::Channel,
    intercepted::{self, Held, ImmediateCall},
    options::{CallOptions, call_options},
    pending::{PendingResponse, decode, received},
    start,
};
use crate::{
    call::{IntoRequest, Response, Sender},
    transport::mailbox::{Finish, Interest},
};
use farcall_core::{Codec, Method, Prost, Status, message::encode_message};
use futures_core::Stream;
use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
};

/// A unary call, to be adjusted and then awaited. Nothing happens before the first poll.
///
/// ```
/// use std::time::Duration;
/// # use farcall_examples::{hello::HelloRequest, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// # let request = HelloRequest { name: "Ada".into() };
/// let reply = client
///     .say_hello(request)
///     .timeout(Duration::from_secs(1))
///     .metadata("tenant", "blue")
///     .wait_for_ready()
///     .await?;
/// println!("{} ({:?})", reply.message, reply.metadata());
/// # Ok(()) }
/// ```
///
/// # Errors
/// The call's [`Status`].
///
/// # Cancel safety
/// Dropping the future cancels the call: the server's handler ends at its next await.
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryCall<Req, Res, C = Prost> {
    channel: Channel,
    method: Method<Req, Res, C>,
    message: Req,
    options: CallOptions,
}

impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> UnaryCall<Req, Res, C> {
    /// A call of `method` on `channel`; generated clients do this.
    pub fn new(
        channel: &Channel,
        method: &Method<Req, Res, C>,
        request: impl IntoRequest<Req>,
    ) -> Self {
        let (message, metadata, extensions) = request.into_request().into_sendable();
        let options = CallOptions::of_request(metadata, extensions);
        UnaryCall {
            channel: channel.clone(),
            method: method.clone(),
            message,
            options,
        }
    }

    call_options!();

    fn start(self) -> State<Req, Res, C> {
        let UnaryCall {
            channel,
            method,
            message,
            mut options,
        } = self;
        let codec = method.codec();
        if intercepted::is_intercepted(&channel, &options) {
            let descriptor = method.descriptor();
            let call = intercepted::unary(&channel, descriptor, codec, &message, &mut options);
            let codec = codec.clone();
            return match call {
                Ok(call) => State::Immediate(call, codec),
                Err(held) => State::Held(held, codec),
            };
        }
        let subtype = Codec::<Req>::content_subtype(codec);
        let limit = channel.max_send(&options.knobs);
        let compressor = channel.compressor(channel.encoding(&options.knobs));
        let data =
            compressor.and_then(|compressor| encode_message(codec, &message, compressor, limit));
        let started = data.and_then(|data| {
            start::start(
                &channel,
                method.descriptor(),
                subtype,
                &mut options.knobs,
                Interest::End,
                Some(data),
                Finish::HalfClose,
            )
        });
        State::Started(PendingResponse::new(channel, codec.clone(), started))
    }
}

impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> IntoFuture for UnaryCall<Req, Res, C> {
    type Output = Result<Response<Res>, Status>;
    type IntoFuture = UnaryFuture<Req, Res, C>;

    fn into_future(self) -> Self::IntoFuture {
        UnaryFuture {
            state: State::Unstarted(Some(self)),
        }
    }
}

impl<Req, Res, C> fmt::Debug for UnaryCall<Req, Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnaryCall")
            .field("method", &self.method.descriptor())
            .finish_non_exhaustive()
    }
}

/// The future of a [`UnaryCall`].
///
/// Named so that it can be stored; `.await` on the call makes it.
///
/// ```
/// use farcall::client::UnaryFuture;
/// use std::future::IntoFuture;
/// # use farcall_examples::{hello::{HelloReply, HelloRequest}, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// # let request = HelloRequest { name: "Ada".into() };
/// let future: UnaryFuture<HelloRequest, HelloReply> = client.say_hello(request).into_future();
/// assert_eq!(future.await?.message, "Hello, Ada!");
/// # Ok(()) }
/// ```
///
/// # Cancel safety
/// Dropping it cancels the call.
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryFuture<Req, Res, C = Prost> {
    state: State<Req, Res, C>,
}

enum State<Req, Res, C> {
    Unstarted(Option<UnaryCall<Req, Res, C>>),
    Started(PendingResponse<Res, C>),
    /// Interceptors stand around it that never wait.
    Immediate(ImmediateCall, C),
    /// Interceptors stand around it.
    Held(Held, C),
}

impl<Req, Res, C> Unpin for UnaryFuture<Req, Res, C> {}

impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> Future for UnaryFuture<Req, Res, C> {
    type Output = Result<Response<Res>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Unstarted(call) = &mut self.state {
            let call = call.take().expect("the state changes in the same breath");
            self.state = call.start();
        }
        match &mut self.state {
            State::Started(pending) => Pin::new(pending).poll(cx),
            State::Immediate(call, codec) => call
                .poll(cx)
                .map(|end| end.and_then(|response| decode(codec, response))),
            State::Held(held, codec) => held.poll(cx).map(|outcome| received(codec, outcome)),
            State::Unstarted(_) => Poll::Pending,
        }
    }
}

impl<Req, Res, C> fmt::Debug for UnaryFuture<Req, Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnaryFuture").finish_non_exhaustive()
    }
}

/// A call with a stream of requests and one response.
///
/// [`split`](Self::split) gives both halves; [`send_all`](Self::send_all) sends a whole [`Stream`] and waits for the response.
///
/// ```
/// # use farcall_examples::{hello::HelloRequest, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// let (mut names, reply) = client.say_hello_to_all().metadata("tenant", "blue").split();
/// names.send(HelloRequest { name: "Ada".into() }).await?;
/// names.send(HelloRequest { name: "Grace".into() }).await?;
/// names.half_close();
/// assert_eq!(reply.await?.message, "Hello, Ada, Grace!");
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is split or fed"]
pub struct ClientStreamingCall<Req, Res, C = Prost> {
    channel: Channel,
    method: Method<Req, Res, C>,
    options: CallOptions,
}

impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> ClientStreamingCall<Req, Res, C> {
    /// A call of `method` on `channel`; generated clients do this.
    pub fn new(channel: &Channel, method: &Method<Req, Res, C>) -> Self {
        ClientStreamingCall {
            channel: channel.clone(),
            method: method.clone(),
            options: CallOptions::default(),
        }
    }

    call_options!();

    /// Starts the call: the requests go into the sender, the response is the future's. The sender must be
    /// [half-closed](Sender::half_close); dropping either half before the end cancels the call.
    ///
    /// What is wrong with the call's options is the status that the response gives; nothing is sent then.
    pub fn split(mut self) -> (Sender<Req>, PendingResponse<Res, C>) {
        let limit = self.channel.max_send(&self.options.knobs);
        let codec = self.method.codec();
        let subtype = Codec::<Req>::content_subtype(codec);
        let compressor = start::compressor(&self.channel, &self.options.knobs);
        let descriptor = self.method.descriptor().clone();
        if intercepted::is_intercepted(&self.channel, &self.options) {
            let (channel, options) = (&self.channel, self.options);
            let link = intercepted::halves(channel, &descriptor, subtype, options, None);
            let pending = PendingResponse::of_link(self.channel, codec.clone(), &link);
            return (Sender::of_link(codec, &link, compressor, limit), pending);
        }
        let started = start::start(
            &self.channel,
            &descriptor,
            subtype,
            &mut self.options.knobs,
            Interest::End,
            None,
            Finish::Open,
        );
        let pending = PendingResponse::new(self.channel, codec.clone(), started);
        (
            Sender::of_client(codec, pending.mailbox(), compressor, limit),
            pending,
        )
    }

    /// Sends all of `messages`, half-closes and waits for the response.
    ///
    /// # Errors
    /// The call's status.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call.
    pub async fn send_all(
        self,
        messages: impl Stream<Item = Req>,
    ) -> Result<Response<Res>, Status> {
        let (mut sender, response) = self.split();
        match sender.send_all(messages).await {
            Ok(()) => sender.half_close(),
            // An ended call says better than its sender why it ended.
            Err(status) if !response.is_over() => return Err(status),
            Err(_) => {}
        }
        response.await
    }
}

impl<Req, Res, C> fmt::Debug for ClientStreamingCall<Req, Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientStreamingCall")
            .field("method", &self.method.descriptor())
            .finish_non_exhaustive()
    }
}
