//! Calls with one response: unary and client-streaming.

use super::{
    channel::Channel,
    intercepted::{self, Held},
    options::{CallOptions, call_options},
    start::{self, Started},
};
use crate::{
    call::{
        IntoRequest, Response, Sender, feed_response,
        intercept::{Around, Link, Outcome},
    },
    transport::{
        Mailbox,
        mailbox::{Finish, Incoming, Interest, Outgoing},
    },
};
use bytes::Bytes;
use farcall_core::{
    Codec, Metadata, Method, Prost, Status,
    call::{Progress, Shape, client::ResponseMachine},
    message::encode_message,
};
use farcall_http2::Reason;
use futures_core::Stream;
use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
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
        let codec = self.method.codec();
        if intercepted::is_intercepted(&self.channel, &self.options) {
            let descriptor = self.method.descriptor();
            let message = &self.message;
            let held = intercepted::unary(&self.channel, descriptor, codec, message, self.options);
            return State::Held(held, codec.clone());
        }
        let subtype = Codec::<Req>::content_subtype(codec);
        let limit = self.channel.max_send(&self.options);
        let compressor = self
            .channel
            .compressor(self.channel.encoding(&self.options));
        let data = compressor
            .and_then(|compressor| encode_message(codec, &self.message, compressor, limit));
        let started = data.and_then(|data| {
            start::start(
                &self.channel,
                self.method.descriptor(),
                subtype,
                self.options,
                Interest::End,
                Some(data),
                Finish::HalfClose,
            )
        });
        State::Started(PendingResponse::new(self.channel, codec.clone(), started))
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
    pub fn split(self) -> (Sender<Req>, PendingResponse<Res, C>) {
        let limit = self.channel.max_send(&self.options);
        let codec = self.method.codec();
        let subtype = Codec::<Req>::content_subtype(codec);
        let compressor = start::compressor(&self.channel, &self.options);
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
            self.options,
            Interest::End,
            None,
            Finish::Open,
        );
        let pending = PendingResponse::new(self.channel, codec.clone(), started);
        (
            Sender::of_client(codec, Arc::clone(&pending.mailbox), compressor, limit),
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

/// The response that a client-streaming call is waiting for: a future of `Result<Response<Res>, Status>`.
///
/// ```
/// # use farcall_examples::{hello::HelloRequest, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// let (mut names, reply) = client.say_hello_to_all().split();
/// let upload = async {
///     names.send(HelloRequest { name: "Ada".into() }).await?;
///     names.half_close();
///     Ok(())
/// };
/// let (reply, ()) = tokio::try_join!(reply, upload)?;
/// assert_eq!(reply.message, "Hello, Ada!");
/// # Ok(()) }
/// ```
///
/// # Errors
/// The call's [`Status`], also if its options cannot be used: the call is never started then.
///
/// # Cancel safety
/// Dropping it cancels the call.
#[must_use = "dropping the response cancels the call"]
pub struct PendingResponse<Res, C = Prost> {
    mailbox: Arc<Mailbox>,
    max_receive: usize,
    /// The response was whole and has been taken: nothing is left to cancel or to give back.
    finished: bool,
    /// Made for a response that is not just one message and OK.
    machine: Option<Box<ResponseMachine>>,
    codec: C,
    /// Kept alive while the call waits for a connection.
    channel: Channel,
    /// Boxed: most calls have no interceptors.
    around: Option<Box<Around>>,
    response: PhantomData<fn() -> Res>,
}

impl<Res, C: Codec<Res>> PendingResponse<Res, C> {
    pub(super) fn new(channel: Channel, codec: C, started: Result<Started, Status>) -> Self {
        let Started {
            mailbox,
            max_receive,
        } = start::started_or_failed(started);
        PendingResponse {
            mailbox,
            max_receive,
            finished: false,
            machine: None,
            codec,
            channel,
            around: None,
            response: PhantomData,
        }
    }

    /// Of a stream of requests that interceptors stand around, and may hold back.
    fn of_link(channel: Channel, codec: C, link: &Arc<Link>) -> Self {
        let mailbox = Mailbox::new(None, Interest::Any, Outgoing::default(), None);
        let max_receive = 0;
        let none = Started {
            mailbox,
            max_receive,
        };
        let mut pending = PendingResponse::new(channel, codec, Ok(none));
        pending.around = Some(Box::new(Around::new(link)));
        pending
    }

    /// Whether nothing that is sent would be of use.
    fn is_over(&self) -> bool {
        match &self.around {
            Some(around) => around.is_over(),
            None => self.mailbox.is_over(),
        }
    }

    #[cold]
    fn poll_around(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(around) = &mut self.around else {
            return Poll::Pending;
        };
        match ready!(around.poll_begun(cx)) {
            Ok(_) => around.poll_chain(cx),
            Err(outcome) => Poll::Ready(outcome),
        }
    }

    fn decode(&self, message: Bytes, metadata: &Metadata) -> Result<Res, Status> {
        decode(&self.codec, message, metadata)
    }

    /// The outcome, if what has arrived makes one; else how many bytes the message still needs.
    fn advance(&mut self, incoming: Incoming) -> Result<Result<Response<Res>, Status>, usize> {
        let machine = self.machine.get_or_insert_with(|| {
            let options = self.channel.receive_options(self.max_receive);
            let mut machine = ResponseMachine::new(Shape::One, &options);
            if let Some(limit) = self.mailbox.late_receive_limit() {
                machine.lower_max_message_size(limit);
            }
            Box::new(machine)
        });
        let reset = feed_response(machine, incoming);
        let mut message = None;
        let (status, trailers) = loop {
            match machine.poll() {
                Progress::Message(received) => message = Some(received),
                Progress::Done { status, trailers } => break (status, trailers),
                Progress::Pending { missing } => return Err(missing),
            }
        };
        let metadata = machine.metadata().cloned().unwrap_or_default();
        let compressed = machine.last_was_compressed();
        if let Some(reason) = reset.or_else(|| machine.must_reset()) {
            self.mailbox.close(reason);
        }
        let previous = self.mailbox.previous_attempts();
        let Some(message) = message.filter(|_| status.is_ok()) else {
            let status = status.mark_received().with_initial_metadata(metadata);
            return Ok(Err(status.with_previous_attempts(previous)));
        };
        let message = self.decode(message, &metadata);
        Ok(message.map(|message| {
            Response::received(message, metadata, trailers, compressed)
                .with_previous_attempts(previous.len())
        }))
    }
}

fn decode<Res, C: Codec<Res>>(
    codec: &C,
    message: Bytes,
    metadata: &Metadata,
) -> Result<Res, Status> {
    codec.decode(message).map_err(|error| {
        Status::internal(format!(
            "the response message could not be decoded: {error}"
        ))
        .mark_received()
        .with_initial_metadata(metadata.clone())
    })
}

/// The response that interceptors have let pass, or made.
fn received<Res, C: Codec<Res>>(codec: &C, outcome: Outcome) -> Result<Response<Res>, Status> {
    let answer = outcome?;
    let Some(message) = answer.message else {
        return Err(Status::internal(
            "an interceptor answered without a message",
        ));
    };
    let message = decode(codec, message.into_bytes(), &answer.metadata)?;
    let compressed = answer.compressed;
    Ok(Response::received(
        message,
        answer.metadata,
        answer.trailers,
        compressed,
    ))
}

impl<Res, C: Codec<Res>> Future for PendingResponse<Res, C> {
    type Output = Result<Response<Res>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.around.is_some() {
            let outcome = ready!(self.poll_around(cx));
            self.around = None;
            self.finished = true;
            return Poll::Ready(received(&self.codec, outcome));
        }
        let mut missing = 0;
        loop {
            match ready!(self.mailbox.poll_response(cx, missing)) {
                Ok(message) => {
                    self.finished = true;
                    let message = self.decode(message, &Metadata::new());
                    return Poll::Ready(message.map(Response::new));
                }
                Err(incoming) => match self.advance(incoming) {
                    Ok(outcome) => return Poll::Ready(outcome),
                    Err(more) => missing = more,
                },
            }
        }
    }
}

impl<Res, C> Unpin for PendingResponse<Res, C> {}

impl<Res, C> Drop for PendingResponse<Res, C> {
    fn drop(&mut self) {
        if !self.finished {
            self.mailbox.close(Reason::CANCEL);
        }
    }
}

impl<Res, C> fmt::Debug for PendingResponse<Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").finish_non_exhaustive()
    }
}
