//! Calls with a stream of responses: server-streaming and bidirectional.

use super::{
    channel::Channel,
    intercepted,
    options::{CallOptions, call_options},
    start,
};
use crate::{
    call::{IntoRequest, Sender, Streaming},
    transport::mailbox::{Finish, Interest},
};
use farcall_core::{Codec, Method, Prost, Status, message::encode_message};
use std::{
    fmt,
    future::{IntoFuture, Ready, ready},
    sync::Arc,
};

/// A call with one request and a stream of responses, to be adjusted and then awaited.
///
/// Awaiting it starts the call and yields the [`Streaming`] at once, without waiting for the server.
///
/// ```
/// use std::time::Duration;
/// # use farcall_examples::{hello::HelloRequest, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// # let request = HelloRequest { name: "Ada".into() };
/// let mut replies = client
///     .say_hello_in_every_language(request)
///     .timeout(Duration::from_secs(5)) // for the whole stream
///     .await?;
/// while let Some(reply) = replies.message().await? {
///     println!("{}", reply.message);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// Only what is wrong with the request itself; the call's status comes from the stream.
#[must_use = "a call does nothing until it is awaited"]
pub struct ServerStreamingCall<Req, Res, C = Prost> {
    channel: Channel,
    method: Method<Req, Res, C>,
    message: Req,
    options: CallOptions,
}

impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> ServerStreamingCall<Req, Res, C> {
    /// A call of `method` on `channel`; generated clients do this.
    pub fn new(
        channel: &Channel,
        method: &Method<Req, Res, C>,
        request: impl IntoRequest<Req>,
    ) -> Self {
        let (message, metadata, extensions) = request.into_request().into_sendable();
        let options = CallOptions::of_request(metadata, extensions);
        ServerStreamingCall {
            channel: channel.clone(),
            method: method.clone(),
            message,
            options,
        }
    }

    call_options!();

    fn start(mut self) -> Result<Streaming<Res>, Status> {
        let codec = self.method.codec();
        if intercepted::is_intercepted(&self.channel, &self.options) {
            let (channel, descriptor) = (&self.channel, self.method.descriptor());
            let options = channel.receive_options(channel.max_receive(&self.options.knobs));
            let message = &self.message;
            let link =
                intercepted::server_streaming(channel, descriptor, codec, message, self.options)?;
            let keep = channel.keep_alive();
            return Ok(Streaming::of_link(codec, &link, options, keep));
        }
        let subtype = Codec::<Req>::content_subtype(codec);
        let compressor = self
            .channel
            .compressor(self.channel.encoding(&self.options.knobs))?;
        let data = encode_message(
            codec,
            &self.message,
            compressor,
            self.channel.max_send(&self.options.knobs),
        )?;
        let descriptor = self.method.descriptor().clone();
        let started = start::start(
            &self.channel,
            &descriptor,
            subtype,
            &mut self.options.knobs,
            Interest::Any,
            Some(data),
            Finish::HalfClose,
        )?;
        Ok(Streaming::of_responses(
            codec,
            started.mailbox,
            self.channel.receive_options(started.max_receive),
            self.channel.keep_alive(),
        ))
    }
}

impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> IntoFuture for ServerStreamingCall<Req, Res, C> {
    type Output = Result<Streaming<Res>, Status>;
    type IntoFuture = Ready<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.start())
    }
}

impl<Req, Res, C> fmt::Debug for ServerStreamingCall<Req, Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStreamingCall")
            .field("method", &self.method.descriptor())
            .finish_non_exhaustive()
    }
}

/// A call with a stream of requests and a stream of responses.
///
/// ```
/// # use farcall_examples::{hello::HelloRequest, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// let (mut names, mut replies) = client.say_hello_to_each().split();
/// for name in ["Ada", "Grace"] {
///     names.send(HelloRequest { name: name.into() }).await?;
///     let reply = replies.message().await?.expect("each is greeted");
///     assert_eq!(reply.message, format!("Hello, {name}!"));
/// }
/// names.half_close();
/// assert!(replies.message().await?.is_none());
/// # Ok(()) }
/// ```
#[must_use = "a call does nothing until it is split"]
pub struct BidiCall<Req, Res, C = Prost> {
    channel: Channel,
    method: Method<Req, Res, C>,
    options: CallOptions,
}

impl<Req, Res, C: Codec<Req> + Codec<Res> + Clone> BidiCall<Req, Res, C> {
    /// A call of `method` on `channel`; generated clients do this.
    pub fn new(channel: &Channel, method: &Method<Req, Res, C>) -> Self {
        BidiCall {
            channel: channel.clone(),
            method: method.clone(),
            options: CallOptions::default(),
        }
    }

    call_options!();

    /// Starts the call. Both halves are usable at once and may live in different tasks. The sender must be
    /// [half-closed](Sender::half_close); dropping either half before its end cancels the call.
    ///
    /// What is wrong with the call's options is the status that the receiving half gives; nothing is sent then.
    pub fn split(mut self) -> (Sender<Req>, Streaming<Res>) {
        let compressor = start::compressor(&self.channel, &self.options.knobs);
        let limit = self.channel.max_send(&self.options.knobs);
        let codec = self.method.codec();
        let subtype = Codec::<Req>::content_subtype(codec);
        let descriptor = self.method.descriptor().clone();
        if intercepted::is_intercepted(&self.channel, &self.options) {
            let channel = &self.channel;
            let options = channel.receive_options(channel.max_receive(&self.options.knobs));
            let link = intercepted::halves(channel, &descriptor, subtype, self.options, None);
            return (
                Sender::of_link(codec, &link, compressor, limit),
                Streaming::of_link(codec, &link, options, channel.keep_alive()),
            );
        }
        let started = start::start(
            &self.channel,
            &descriptor,
            subtype,
            &mut self.options.knobs,
            Interest::Any,
            None,
            Finish::Open,
        );
        let started = start::started_or_failed(started);
        let sender = Sender::of_client(codec, Arc::clone(&started.mailbox), compressor, limit);
        (
            sender,
            Streaming::of_responses(
                codec,
                started.mailbox,
                self.channel.receive_options(started.max_receive),
                self.channel.keep_alive(),
            ),
        )
    }
}

impl<Req, Res, C> fmt::Debug for BidiCall<Req, Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BidiCall")
            .field("method", &self.method.descriptor())
            .finish_non_exhaustive()
    }
}
