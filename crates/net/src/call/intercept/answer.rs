//! How a call ends, as interceptors see it.

use super::super::{encoding::Encoding, message::Response, payload::Payload};
use bytes::Bytes;
use farcall_core::{Codec, Metadata, Prost, Status};
use std::{future::Future, pin::Pin};

/// How a call has ended: well, or with a [`Status`] (whose [`metadata`](Status::metadata) are the trailers).
pub type Outcome = Result<Answer, Status>;

pub(crate) type OutcomeFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The end of a call that has ended well: what is left of initial metadata, message and trailers.
///
/// Of a stream of responses the messages have passed by then; [hooks](super::Call::on_response) see those. An answer that an
/// interceptor makes itself is made with [`new`](Answer::new) or [`encode`](Answer::encode).
///
/// ```
/// use farcall::interceptor::{Answer, Call, Interceptor, Next, Outcome};
/// # use farcall_examples::{greeter::MyGreeter, hello::{HelloReply, HelloRequest}, local};
///
/// struct Stamp;
/// impl Interceptor for Stamp {
///     async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
///         let mut answer = next.run(call).await?;
///         answer.trailers_mut().insert("stamp", "checked");
///         Ok(answer)
///     }
/// }
///
/// struct Closed;
/// impl Interceptor for Closed {
///     async fn intercept(&self, _call: &mut Call, _next: Next<'_>) -> Outcome {
///         Answer::encode(&HelloReply { message: "come back tomorrow".into() }) // no handler runs
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use farcall_examples::hello::{GreeterClient};
/// # let channel = local::channel(MyGreeter).await?;
/// # let client = GreeterClient::new(channel.with_interceptor(Stamp));
/// # assert_eq!(client.say_hello(HelloRequest { name: "Ada".into() }).await?.trailers().get("stamp"), Some("checked"));
/// # let client = GreeterClient::new(channel.with_interceptor(Closed));
/// # assert_eq!(client.say_hello(HelloRequest { name: "Ada".into() }).await?.message, "come back tomorrow");
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Answer {
    pub(crate) metadata: Metadata,
    pub(crate) message: Option<Payload>,
    pub(crate) trailers: Metadata,
    /// (client) The message came compressed.
    pub(crate) compressed: bool,
    /// (client) Attempts before the one that brought it.
    pub(crate) previous_attempts: u32,
    /// (server) What the handler chose.
    pub(crate) compression: Option<Encoding>,
}

impl Answer {
    /// An answer with this message and nothing else.
    pub fn new(message: Payload) -> Answer {
        Answer {
            message: Some(message),
            ..Answer::default()
        }
    }

    /// A handler's.
    #[inline]
    pub(crate) fn handled(
        data: Bytes,
        metadata: Metadata,
        trailers: Metadata,
        compression: Option<Encoding>,
    ) -> Answer {
        Answer {
            metadata,
            message: Some(Payload::prefixed(data)),
            trailers,
            compressed: false,
            previous_attempts: 0,
            compression,
        }
    }

    /// An answer without a message: an empty stream of responses.
    pub fn empty() -> Answer {
        Answer::default()
    }

    /// An answer with this Protobuf message and nothing else.
    ///
    /// # Errors
    /// `INTERNAL` if the message cannot be encoded.
    pub fn encode<T>(message: &T) -> Outcome
    where
        Prost: Codec<T>,
    {
        Payload::encode(message).map(Answer::new)
    }

    /// The message; `None` for a stream of responses, whose messages have passed.
    pub fn message(&self) -> Option<&Payload> {
        self.message.as_ref()
    }

    /// Puts `message` in place of the message. In an answer to a stream of responses it is one more message, the last.
    pub fn set_message(&mut self, message: Payload) {
        self.message = Some(message);
    }

    /// The initial metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The initial metadata, for changes. Of no effect once it has passed, as it has with the first message of a stream of
    /// responses; [`Call::on_response_metadata`](super::Call::on_response_metadata) comes before.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// The trailing metadata.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// The trailing metadata, for changes.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// (client) As the caller gets it, its message still encoded.
    ///
    /// # Errors
    /// `INTERNAL` if there is none.
    #[inline]
    pub(crate) fn into_response(self) -> Result<Response<Bytes>, Status> {
        let Some(message) = self.message else {
            return Err(Status::internal(
                "an interceptor answered without a message",
            ));
        };
        let message = message.into_bytes();
        let response = Response::received(message, self.metadata, self.trailers, self.compressed);
        Ok(response.with_previous_attempts(self.previous_attempts as usize))
    }
}
