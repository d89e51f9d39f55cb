//! A response on its way to whoever waits for it.

use super::{channel::Channel, start};
use crate::{
    call::{
        Awaited, Response,
        intercept::{Around, Link, Opened, Outcome},
    },
    transport::{
        Mailbox,
        mailbox::{Interest, Outgoing},
    },
};
use bytes::Bytes;
use farcall_core::{Codec, Prost, Status};
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
    awaited: Awaited,
    codec: C,
    /// Kept alive while the call waits for a connection.
    channel: Channel,
    /// Boxed: most calls have no interceptors.
    around: Option<Box<Around>>,
    response: PhantomData<fn() -> Res>,
}

impl<Res, C: Codec<Res>> PendingResponse<Res, C> {
    #[inline]
    pub(super) fn new(channel: Channel, codec: C, started: Result<Opened, Status>) -> Self {
        let opened = start::started_or_failed(started);
        PendingResponse {
            awaited: Awaited::new(opened.mailbox, opened.max_receive),
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
        let none = Opened {
            mailbox,
            max_receive,
        };
        let mut pending = PendingResponse::new(channel, codec, Ok(none));
        pending.around = Some(Box::new(Around::new(link)));
        pending
    }

    pub(super) fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(self.awaited.mailbox())
    }

    /// Whether nothing that is sent would be of use.
    pub(super) fn is_over(&self) -> bool {
        match &self.around {
            Some(around) => around.is_over(),
            None => self.awaited.mailbox().is_over(),
        }
    }

    #[cold]
    fn poll_around(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<Res>, Status>> {
        let Some(around) = &mut self.around else {
            return Poll::Pending;
        };
        let outcome = match ready!(around.poll_begun(cx)) {
            Ok(_) => ready!(around.poll_chain(cx)),
            Err(outcome) => outcome,
        };
        self.around = None;
        Poll::Ready(received(&self.codec, outcome))
    }
}

/// The response with its message decoded.
#[inline]
pub(super) fn decode<Res, C: Codec<Res>>(
    codec: &C,
    response: Response<Bytes>,
) -> Result<Response<Res>, Status> {
    let failed = |error, metadata| {
        let text = format!("the response message could not be decoded: {error}");
        let status = Status::internal(text).mark_received();
        status.with_initial_metadata(metadata)
    };
    response.try_map(|message| codec.decode(message), failed)
}

/// The response that interceptors have let pass, or made.
#[inline]
pub(super) fn received<Res, C: Codec<Res>>(
    codec: &C,
    outcome: Outcome,
) -> Result<Response<Res>, Status> {
    decode(codec, outcome?.into_response()?)
}

impl<Res, C: Codec<Res>> Future for PendingResponse<Res, C> {
    type Output = Result<Response<Res>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.around.is_some() {
            return this.poll_around(cx);
        }
        let channel = &this.channel;
        let options = |max_receive| channel.receive_options(max_receive);
        let response = ready!(this.awaited.poll(cx, options));
        Poll::Ready(response.and_then(|response| decode(&this.codec, response)))
    }
}

impl<Res, C> Unpin for PendingResponse<Res, C> {}

impl<Res, C> fmt::Debug for PendingResponse<Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").finish_non_exhaustive()
    }
}
