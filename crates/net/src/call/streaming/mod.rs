//! The receiving half of a stream of messages.

mod watched;

use super::{arrival::IncomingCall, intercept::Link, machine::Machine};
use crate::transport::{
    Mailbox,
    mailbox::{Interest, Outgoing},
};
use bytes::Bytes;
use farcall_core::{
    Codec, Metadata, Status,
    call::{Progress, ReceiveOptions, Shape, client::ResponseMachine, server::RequestMachine},
};
use farcall_http2::Reason;
use futures_core::Stream;
use std::{
    any::Any,
    fmt,
    future::poll_fn,
    mem,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use watched::{Want, Watched};

// Codecs are mostly values without a size: boxing such a closure allocates nothing.
type Decode<T> = Box<dyn Fn(&Bytes, Range<usize>) -> Result<T, Status> + Send + Sync>;
/// Something that must not go before the call does.
type KeepAlive = Arc<dyn Any + Send + Sync>;

/// Receives a stream of messages: replies on a client, requests on a server. Also a [`Stream`] of `Result<T, Status>`.
///
/// Unread messages hold back the sender once a window's worth of them waits. Dropping it on a client cancels the
/// call if it is not over; on a server it means that further requests are of no interest.
///
/// ```
/// # use farcall_examples::{hello::HelloRequest, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// # let request = HelloRequest { name: "Ada".into() };
/// let mut replies = client.say_hello_in_every_language(request).await?;
/// while let Some(reply) = replies.message().await? {
///     println!("{}", reply.message);
/// }
/// assert!(replies.trailers().is_some()); // the call has ended, with OK
/// # Ok(()) }
/// ```
pub struct Streaming<T> {
    mailbox: Arc<Mailbox>,
    machine: Machine,
    decode: Decode<T>,
    /// (client) Keeps the channel alive while the call waits for a connection.
    _channel: Option<KeepAlive>,
    /// Boxed: open streams are many, and have none.
    done: Option<Box<(Status, Metadata)>>,
    /// Boxed: most calls have none.
    watched: Option<Box<Watched>>,
}

impl<T> Streaming<T> {
    pub(crate) fn of_requests<C: Codec<T> + Clone>(
        codec: &C,
        call: &mut IncomingCall,
    ) -> Streaming<T> {
        let machine = RequestMachine::of(
            &call.arrival.accepted.head,
            Shape::Many,
            call.arrival.accepted.limits.receive,
        );
        let mut stream = Streaming::new(
            codec,
            Arc::clone(call.arrival.context.mailbox()),
            Machine::Request(Box::new(machine)),
        );
        if let Some(changed) = &mut call.changed
            && !changed.watch.requests.is_empty()
        {
            let hooks = mem::take(&mut changed.watch.requests);
            stream.watched = Some(Box::new(Watched::Requests(hooks)));
        }
        stream
    }

    /// Of a call that interceptors stand around, and may hold back.
    pub(crate) fn of_link<C: Codec<T> + Clone>(
        codec: &C,
        link: &Arc<Link>,
        options: ReceiveOptions,
        channel: KeepAlive,
    ) -> Streaming<T> {
        let none = Mailbox::new(None, Interest::Any, Outgoing::default(), None);
        let mut stream = Streaming::of_responses(codec, none, options, channel);
        stream.watched = Some(Box::new(Watched::of_link(link)));
        stream
    }

    pub(crate) fn of_responses<C: Codec<T> + Clone>(
        codec: &C,
        mailbox: Arc<Mailbox>,
        options: ReceiveOptions,
        channel: KeepAlive,
    ) -> Streaming<T> {
        let machine = ResponseMachine::new(Shape::Many, &options);
        let mut stream = Streaming::new(codec, mailbox, Machine::Response(Box::new(machine)));
        stream._channel = Some(channel);
        stream
    }

    fn new<C: Codec<T> + Clone>(
        codec: &C,
        mailbox: Arc<Mailbox>,
        machine: Machine,
    ) -> Streaming<T> {
        let codec = codec.clone();
        let decode = Box::new(move |buffer: &Bytes, message: Range<usize>| {
            codec.decode_in(buffer, message).map_err(|error| {
                Status::internal(format!("a message could not be decoded: {error}"))
            })
        });
        Streaming {
            mailbox,
            machine,
            decode,
            _channel: None,
            done: None,
            watched: None,
        }
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
    #[inline]
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        if self.watched.is_some() {
            return self.poll_watched(cx, Want::Message);
        }
        // Most messages lie behind one that was read together with them.
        if self.done.is_none()
            && let Some(message) = self.machine.next_in_place(&self.decode)
        {
            return Poll::Ready(self.decoded(message));
        }
        self.poll_by_steps(cx)
    }

    #[inline]
    fn decoded(&mut self, message: Result<T, Status>) -> Result<Option<T>, Status> {
        match message {
            Ok(message) => Ok(Some(message)),
            Err(status) => {
                self.fail(status.clone());
                Err(status)
            }
        }
    }

    fn poll_by_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        match ready!(self.poll_payload(cx)) {
            Some(message) => {
                let message = (self.decode)(&message, 0..message.len());
                Poll::Ready(self.decoded(message))
            }
            None => Poll::Ready(self.end()),
        }
    }

    /// The next message as it came; `None`: `done` says how the stream has ended.
    #[inline]
    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if self.done.is_some() {
                return Poll::Ready(None);
            }
            match self.machine.poll() {
                Progress::Message(message) => return Poll::Ready(Some(message)),
                Progress::Done { status, trailers } => {
                    let broken = !status.is_ok();
                    let status = self.with_attempts(status);
                    self.done = Some(Box::new((status, trailers)));
                    if broken {
                        // Ended by the peer or not: there is nothing more to be said on this stream.
                        self.abandon(Reason::CANCEL);
                    }
                }
                Progress::Pending { missing } => {
                    let incoming = ready!(self.mailbox.poll_receive(cx, missing));
                    if let Some(reason) = self.machine.feed(&self.mailbox, incoming) {
                        self.abandon(reason);
                    }
                }
            }
        }
    }

    /// How the stream has ended.
    fn end(&self) -> Result<Option<T>, Status> {
        match &self.done {
            Some(done) if !done.0.is_ok() => Err(done.0.clone()),
            _ => Ok(None),
        }
    }

    /// (client) The initial metadata, as soon as it has arrived; empty if the server sent none.
    ///
    /// # Errors
    /// The call's status if it ends without any.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the future has lost nothing.
    pub async fn metadata(&mut self) -> Result<&Metadata, Status> {
        static EMPTY: Metadata = Metadata::new();
        match self.watched.is_some() {
            true => poll_fn(|cx| self.poll_watched(cx, Want::Metadata))
                .await
                .map(drop)?,
            false => poll_fn(|cx| self.poll_metadata(cx)).await?,
        }
        if let Some(Watched::Responses(responses)) = self.watched.as_deref()
            && let Some(metadata) = &responses.metadata
        {
            return Ok(metadata);
        }
        Ok(match &self.machine {
            Machine::Response(machine) => machine.metadata().unwrap_or(&EMPTY),
            Machine::Request(_) => &EMPTY,
        })
    }

    fn poll_metadata(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        loop {
            let Machine::Response(machine) = &mut self.machine else {
                return Poll::Ready(Ok(()));
            };
            if machine.metadata().is_some() {
                return Poll::Ready(Ok(()));
            }
            // Without headers there are no messages: whatever the machine has to say now is the end.
            if let Progress::Done { status, trailers } = machine.poll() {
                let status = self.with_attempts(status);
                let result = if status.is_ok() {
                    Ok(())
                } else {
                    Err(status.clone())
                };
                self.done = Some(Box::new((status, trailers)));
                return Poll::Ready(result);
            }
            let incoming = ready!(self.mailbox.poll_receive(cx, 0));
            if let Some(reason) = self.machine.feed(&self.mailbox, incoming) {
                self.abandon(reason);
            }
        }
    }

    /// (client) Ends the call now with `CANCELLED`; the server's handler ends too. Dropping does the same, but leaves nobody to
    /// look at the outcome.
    pub fn cancel(&mut self) {
        let status = || Status::cancelled("the call was cancelled");
        if let Some(Watched::Responses(responses)) = self.watched.as_deref() {
            responses.around.cancel(status());
        } else if matches!(self.machine, Machine::Response(_)) {
            self.mailbox.cancel(Reason::CANCEL, status);
        }
    }

    /// (client) The trailing metadata, once the stream has ended.
    pub fn trailers(&self) -> Option<&Metadata> {
        self.done.as_ref().map(|done| &done.1)
    }

    /// (client) How many attempts the call has made, as far as is known: more than one if it was retried by a policy
    /// (gRFC A6). What those before the last one ended with is in the [status](Status::previous_attempts) of a failed call.
    pub fn attempts(&self) -> usize {
        self.mailbox.previous_attempts().len() + 1
    }

    /// Whether the last message came compressed.
    pub fn last_was_compressed(&self) -> bool {
        match &self.machine {
            Machine::Response(machine) => machine.last_was_compressed(),
            Machine::Request(machine) => machine.last_was_compressed(),
        }
    }

    /// (client) The status of a failed call tells what happened before.
    fn with_attempts(&self, status: Status) -> Status {
        match &self.machine {
            Machine::Response(_) if !status.is_ok() => {
                status.with_previous_attempts(self.mailbox.previous_attempts())
            }
            _ => status,
        }
    }

    fn fail(&mut self, status: Status) {
        self.done = Some(Box::new((status, Metadata::new())));
        self.abandon(Reason::CANCEL);
    }

    fn abandon(&self, reason: Reason) {
        if matches!(self.machine, Machine::Response(_)) {
            self.mailbox.close(reason);
        }
    }
}

impl<T> Stream for Streaming<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done.as_ref().is_some_and(|done| !done.0.is_ok()) {
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
        f.debug_struct("Streaming")
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
