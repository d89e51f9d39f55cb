//! The two halves of a stream of messages: [`Sender`] and [`Streaming`].

use crate::{
    client::Channel,
    encoding::Encoding,
    server::{IncomingCall, Reply, Terms, reply},
    transport::{
        Mailbox,
        mailbox::{End, Finish, Head, Incoming},
    },
};
use bytes::Bytes;
use farcall_core::{
    Code, Codec, Metadata, Status,
    call::{
        Progress, ReceiveOptions, Shape,
        client::ResponseMachine,
        server::{RequestHead, RequestMachine},
    },
    message::{Compressor, encode_message},
};
use farcall_http2::{Reason, ResetCause};
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

// Codecs are mostly values without a size: boxing such a closure allocates nothing.
type Encode<T> = Box<dyn Fn(&T, Option<&dyn Compressor>, usize) -> Result<Bytes, Status> + Send + Sync>;
type Decode<T> = Box<dyn Fn(Bytes) -> Result<T, Status> + Send + Sync>;

/// Sends a stream of messages: requests on a client, replies on a server.
///
/// Messages travel in order and are gathered: one `send` is not one packet. A sender that is faster than the
/// receiver waits in [`send`](Sender::send) once 64 KiB are on their way.
///
/// On a client the stream must be ended by [`half_close`](Sender::half_close): *dropping a sender that is not
/// half-closed cancels the call*, so that a truncated upload never looks complete. On a server the handler's
/// result ends the stream.
pub struct Sender<T> {
    mailbox: Arc<Mailbox>,
    encode: Encode<T>,
    /// What compressed messages are compressed with, if any.
    compressor: Option<Arc<dyn Compressor>>,
    /// Whether messages are compressed from now on.
    compress: bool,
    /// Largest message, in bytes.
    limit: usize,
    metadata: Metadata,
    trailers: Metadata,
    side: Side,
}

enum Side {
    Client { half_closed: bool },
    Server { request: Arc<RequestHead>, terms: Arc<Terms>, head_sent: bool },
}

impl<T> Sender<T> {
    pub(crate) fn of_client<C: Codec<T> + Clone>(
        codec: &C,
        mailbox: Arc<Mailbox>,
        compressor: Option<Arc<dyn Compressor>>,
        limit: usize,
    ) -> Self {
        Sender::new(codec, mailbox, compressor, limit, Side::Client { half_closed: false })
    }

    pub(crate) fn of_server<C: Codec<T> + Clone>(codec: &C, call: &IncomingCall) -> Self {
        let (request, terms) = (Arc::clone(&call.arrival.head), Arc::clone(&call.terms));
        let compressor = reply::compressor(&terms, &request, None);
        let limit = terms.limits.send;
        let side = Side::Server { request, terms, head_sent: false };
        Sender::new(codec, Arc::clone(&call.mailbox), compressor, limit, side)
    }

    fn new<C: Codec<T> + Clone>(
        codec: &C,
        mailbox: Arc<Mailbox>,
        compressor: Option<Arc<dyn Compressor>>,
        limit: usize,
        side: Side,
    ) -> Self {
        let codec = codec.clone();
        Sender {
            mailbox,
            encode: Box::new(move |message, compressor, limit| encode_message(&codec, message, compressor, limit)),
            compress: compressor.is_some(),
            compressor,
            limit,
            metadata: Metadata::new(),
            trailers: Metadata::new(),
            side,
        }
    }

    /// Sends one message: waits until there is room, then hands it over. It is on its way, not delivered, when this returns.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if the message is larger than the limit for sending. On a server `CANCELLED` once the
    /// caller is gone. On a client `UNAVAILABLE` once the stream has ended: the call's own status is at the receiving half.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the future has sent nothing.
    pub async fn send(&mut self, message: T) -> Result<(), Status> {
        poll_fn(|cx| self.mailbox.poll_capacity(cx)).await;
        let compressor = self.compressor.as_deref().filter(|_| self.compress);
        let data = (self.encode)(&message, compressor, self.limit)?;
        let head = self.take_head()?;
        let len = data.len();
        let sent = self.mailbox.send(len, |outgoing| {
            if head.is_some() {
                outgoing.head = head;
            }
            outgoing.data.push(data);
        });
        if sent { Ok(()) } else { Err(self.ended()) }
    }

    /// Sends every message of `messages` in order. A client still has to [`half_close`](Sender::half_close).
    ///
    /// # Errors
    /// As [`send`](Sender::send).
    pub async fn send_all(&mut self, messages: impl Stream<Item = T>) -> Result<(), Status> {
        let mut messages = std::pin::pin!(messages);
        while let Some(message) = poll_fn(|cx| messages.as_mut().poll_next(cx)).await {
            self.send(message).await?;
        }
        Ok(())
    }

    /// Whether messages from now on are compressed, with the encoding that was chosen for the call. No effect
    /// if none was. Empty messages never are.
    pub fn compress(&mut self, on: bool) {
        self.compress = on && self.compressor.is_some();
    }

    /// (client) Ends the stream of requests. Nothing can be sent afterwards; on a server the handler's result does this.
    pub fn half_close(&mut self) {
        if let Side::Client { half_closed } = &mut self.side
            && !mem::replace(half_closed, true)
        {
            self.mailbox.send(0, |outgoing| outgoing.finish = Finish::HalfClose);
        }
    }

    /// Ends the call now with `CANCELLED`; the peer's handler or call ends too.
    pub fn cancel(&mut self) {
        self.mailbox.cancel(Reason::CANCEL, || Status::new(Code::Cancelled, "the call was cancelled"));
    }

    /// (server) Chooses the encoding of the replies, before the first one. Identity if the caller does not accept it.
    pub fn set_compression(&mut self, encoding: Encoding) {
        if let Side::Server { request, terms, head_sent: false } = &self.side {
            self.compressor = reply::compressor(terms, request, Some(encoding));
            self.compress = self.compressor.is_some();
        }
    }

    /// (server) The initial metadata, sent with the first reply or by [`send_metadata`](Sender::send_metadata);
    /// changes after that are lost. A client's metadata belongs to its call: what is put here is not sent.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// (server) The trailing metadata, sent with the status when the handler returns. Clients send no trailers.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// (server) Sends the initial metadata now, before the first reply.
    ///
    /// # Errors
    /// `INTERNAL` if the metadata is invalid; `CANCELLED` once the caller is gone.
    pub fn send_metadata(&mut self) -> Result<(), Status> {
        let Some(head) = self.take_head()? else { return Ok(()) };
        let sent = self.mailbox.send(0, |outgoing| outgoing.head = Some(head));
        if sent { Ok(()) } else { Err(self.ended()) }
    }

    /// The response head if it is still to be sent.
    fn take_head(&mut self) -> Result<Option<Head>, Status> {
        match &mut self.side {
            Side::Client { half_closed: false } => Ok(None),
            Side::Client { half_closed: true } => {
                Err(Status::internal("a message was sent after the half-close"))
            }
            Side::Server { request, terms, head_sent } if !*head_sent => {
                let head = reply::head(terms, request, self.compressor.as_deref(), &self.metadata)?;
                *head_sent = true;
                Ok(Some(Head::Response(head)))
            }
            Side::Server { .. } => Ok(None),
        }
    }

    /// (server) The end of the stream: the handler's result with whatever was not sent yet.
    pub(crate) fn conclude(mut self, result: Result<(), Status>) -> Reply {
        let trailers = mem::take(&mut self.trailers);
        let Side::Server { request, terms, head_sent } = &self.side else {
            return Reply::lost();
        };
        let result = result.and_then(|()| Ok(trailers.check()?));
        if *head_sent {
            return Reply::trailers(None, result, &trailers);
        }
        let head = reply::head(terms, request, self.compressor.as_deref(), &self.metadata);
        match result.and_then(|()| head) {
            Ok(head) => Reply::trailers(Some(head), Ok(()), &trailers),
            Err(status) => Reply::failure(request, status, &trailers),
        }
    }

    fn ended(&self) -> Status {
        match self.side {
            Side::Client { .. } => Status::unavailable("the call has ended; its status is at the receiving half"),
            Side::Server { .. } => Status::cancelled("the caller is gone"),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Side::Client { half_closed: false } = self.side {
            self.mailbox.cancel(Reason::CANCEL, || {
                Status::cancelled("the sending half was dropped before half_close(): the upload is incomplete")
            });
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Receives a stream of messages: replies on a client, requests on a server. Also a [`Stream`] of `Result<T, Status>`.
///
/// Unread messages hold back the sender once a window's worth of them waits. Dropping it on a client cancels the
/// call if it is not over; on a server it means that further requests are of no interest.
pub struct Streaming<T> {
    mailbox: Arc<Mailbox>,
    machine: Machine,
    decode: Decode<T>,
    /// (client) Keeps the channel alive while the call waits for a connection.
    channel: Option<Channel>,
    done: Option<(Status, Metadata)>,
}

enum Machine {
    Response(Box<ResponseMachine>),
    Request(Box<RequestMachine>),
}

impl Machine {
    fn feed(&mut self, incoming: Incoming) -> Option<Reason> {
        match self {
            Machine::Response(machine) => feed_response(machine, incoming),
            Machine::Request(machine) => feed_request(machine, incoming),
        }
    }

    fn poll(&mut self) -> Progress {
        match self {
            Machine::Response(machine) => machine.poll(),
            Machine::Request(machine) => machine.poll(),
        }
    }
}

/// Tells the machine of one attempt what has arrived. `Some`: it is illegal, the stream must be reset.
pub(crate) fn feed_response(machine: &mut ResponseMachine, mut incoming: Incoming) -> Option<Reason> {
    let eof = matches!(incoming.end, Some(End::Eof)) && incoming.trailers.is_none();
    if let Some(head) = &incoming.head {
        machine.on_headers(head, eof && incoming.data.is_empty());
    }
    if eof && incoming.data.is_empty() && incoming.head.is_none() {
        machine.on_data(Bytes::new(), true);
    }
    while let Some(data) = incoming.data.pop() {
        machine.on_data(data, eof && incoming.data.is_empty());
    }
    if let Some(trailers) = &incoming.trailers {
        machine.on_trailers(trailers);
    }
    match incoming.end {
        Some(End::Eof) | None => {}
        Some(End::Reset(_, ResetCause::GoAway)) => {
            machine.on_failure(Status::unavailable("the server went away before it processed the call"));
        }
        Some(End::Reset(_, ResetCause::Misbehaved(crime))) => {
            machine.on_failure(Status::internal(format!("the server broke the protocol: {crime}")));
        }
        Some(End::Reset(reason, _)) => machine.on_reset(reason, false),
        Some(End::Failed(status)) => machine.on_failure(status),
    }
    machine.must_reset()
}

fn feed_request(machine: &mut RequestMachine, mut incoming: Incoming) -> Option<Reason> {
    while let Some(data) = incoming.data.pop() {
        machine.on_data(data, false);
    }
    match incoming.end {
        None => {}
        Some(End::Eof) => machine.on_end(),
        Some(End::Reset(reason, _)) => machine.on_reset(reason),
        Some(End::Failed(status)) => machine.on_failure(status),
    }
    None
}

impl<T> Streaming<T> {
    pub(crate) fn of_requests<C: Codec<T> + Clone>(codec: &C, call: &IncomingCall) -> Streaming<T> {
        let machine = RequestMachine::of(&call.arrival.head, Shape::Many, call.terms.limits.receive);
        Streaming::new(codec, Arc::clone(&call.mailbox), Machine::Request(Box::new(machine)))
    }

    pub(crate) fn of_responses<C: Codec<T> + Clone>(
        codec: &C,
        mailbox: Arc<Mailbox>,
        options: ReceiveOptions,
        channel: Channel,
    ) -> Streaming<T> {
        let machine = ResponseMachine::new(Shape::Many, &options);
        let mut stream = Streaming::new(codec, mailbox, Machine::Response(Box::new(machine)));
        stream.channel = Some(channel);
        stream
    }

    fn new<C: Codec<T> + Clone>(codec: &C, mailbox: Arc<Mailbox>, machine: Machine) -> Streaming<T> {
        let codec = codec.clone();
        let decode = Box::new(move |message: Bytes| {
            codec.decode(message).map_err(|error| Status::internal(format!("a message could not be decoded: {error}")))
        });
        Streaming { mailbox, machine, decode, channel: None, done: None }
    }

    /// The next message; `None` at the end of the stream.
    ///
    /// # Errors
    /// The call's status if it is not OK; after that every call answers the same. On a server: `CANCELLED`,
    /// `DEADLINE_EXCEEDED`, or what was wrong with the requests.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the future has lost nothing.
    pub async fn message(&mut self) -> Result<Option<T>, Status> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// As [`message`](Streaming::message), for own futures.
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        loop {
            if let Some((status, _)) = &self.done {
                return Poll::Ready(if status.is_ok() { Ok(None) } else { Err(status.clone()) });
            }
            match self.machine.poll() {
                Progress::Message(message) => {
                    return match (self.decode)(message) {
                        Ok(message) => Poll::Ready(Ok(Some(message))),
                        Err(status) => {
                            self.fail(status.clone());
                            Poll::Ready(Err(status))
                        }
                    };
                }
                Progress::Done { status, trailers } => {
                    let broken = !status.is_ok();
                    self.done = Some((status, trailers));
                    if broken {
                        // Ended by the peer or not: there is nothing more to be said on this stream.
                        self.abandon();
                    }
                }
                Progress::Pending { missing } => {
                    let incoming = ready!(self.mailbox.poll_receive(cx, missing));
                    if self.machine.feed(incoming).is_some() {
                        self.abandon();
                    }
                }
            }
        }
    }

    /// (client) The initial metadata, as soon as it has arrived; empty if the server sent none.
    ///
    /// # Errors
    /// The call's status if it ends without any.
    pub async fn metadata(&mut self) -> Result<&Metadata, Status> {
        static EMPTY: Metadata = Metadata::new();
        poll_fn(|cx| self.poll_metadata(cx)).await?;
        Ok(match &self.machine {
            Machine::Response(machine) => machine.metadata().unwrap_or(&EMPTY),
            Machine::Request(_) => &EMPTY,
        })
    }

    fn poll_metadata(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        loop {
            let Machine::Response(machine) = &mut self.machine else { return Poll::Ready(Ok(())) };
            if machine.metadata().is_some() {
                return Poll::Ready(Ok(()));
            }
            // Without headers there are no messages: whatever the machine has to say now is the end.
            if let Progress::Done { status, trailers } = machine.poll() {
                let result = if status.is_ok() { Ok(()) } else { Err(status.clone()) };
                self.done = Some((status, trailers));
                return Poll::Ready(result);
            }
            let incoming = ready!(self.mailbox.poll_receive(cx, 0));
            if self.machine.feed(incoming).is_some() {
                self.abandon();
            }
        }
    }

    /// (client) The trailing metadata, once the stream has ended.
    pub fn trailers(&self) -> Option<&Metadata> {
        self.done.as_ref().map(|(_, trailers)| trailers)
    }

    /// Whether the last message came compressed.
    pub fn last_was_compressed(&self) -> bool {
        match &self.machine {
            Machine::Response(machine) => machine.last_was_compressed(),
            Machine::Request(machine) => machine.last_was_compressed(),
        }
    }

    fn fail(&mut self, status: Status) {
        self.done = Some((status, Metadata::new()));
        self.abandon();
    }

    fn abandon(&self) {
        if matches!(self.machine, Machine::Response(_)) {
            self.mailbox.close(Reason::CANCEL);
        }
    }
}

impl<T> Stream for Streaming<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done.as_ref().is_some_and(|(status, _)| !status.is_ok()) {
            return Poll::Ready(None);
        }
        self.poll_message(cx).map(Result::transpose)
    }
}

impl<T> Unpin for Streaming<T> {}

impl<T> Drop for Streaming<T> {
    fn drop(&mut self) {
        match self.machine {
            Machine::Response(_) => self.mailbox.close(Reason::CANCEL),
            Machine::Request(_) => self.mailbox.ignore_incoming(),
        }
    }
}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("done", &self.done).finish_non_exhaustive()
    }
}
