//! A response on its way to whoever waits for it.

use super::{
    channel::Channel,
    start::{self, Started},
};
use crate::{
    call::{
        Response, feed_response,
        intercept::{Around, Link, Outcome},
    },
    transport::{
        Mailbox,
        mailbox::{Incoming, Interest, Outgoing},
    },
};
use bytes::Bytes;
use farcall_core::{
    Codec, Metadata, Prost, Status,
    call::{Progress, Shape, client::ResponseMachine},
};
use farcall_http2::Reason;
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

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
    pub(super) fn of_link(channel: Channel, codec: C, link: &Arc<Link>) -> Self {
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

    pub(super) fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.mailbox)
    }

    /// Whether nothing that is sent would be of use.
    pub(super) fn is_over(&self) -> bool {
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
pub(super) fn received<Res, C: Codec<Res>>(
    codec: &C,
    outcome: Outcome,
) -> Result<Response<Res>, Status> {
    let answer = outcome?;
    let Some(message) = answer.message else {
        return Err(Status::internal(
            "an interceptor answered without a message",
        ));
    };
    let message = decode(codec, message.into_bytes(), &answer.metadata)?;
    let compressed = answer.compressed;
    let response = Response::received(message, answer.metadata, answer.trailers, compressed);
    Ok(response.with_previous_attempts(answer.previous_attempts as usize))
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
