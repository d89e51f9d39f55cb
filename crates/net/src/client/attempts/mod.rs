//! Code before and behind each attempt of a call, and the call credentials, which are asked for each of them.

mod list;
mod peer;
mod preparation;
mod task;
mod work;

pub(crate) use list::PerAttempt;
pub use peer::AskedPeers;
pub(super) use preparation::Preparing;

use crate::call::Extensions;
use farcall_core::{Metadata, MethodDescriptor, Status};
use farcall_lb::balancer::PickOutcome;
use std::{
    fmt,
    future::{Future, ready},
    time::Instant,
};

/// Code before and behind each attempt of a call (gRFC A6): the first one, retries and hedges by policy, and transparent retries.
///
/// An [`Interceptor`](crate::interceptor::Interceptor) stands around a call as its caller sees it, once; this one is asked for each time
/// that the call goes out, for calls of all four kinds. Given to a [channel](crate::ChannelBuilder::attempt_interceptor), to a
/// [handle](crate::Channel::with_attempt_interceptor) or to a call (`attempt_interceptor(…)`): those of the channel come first on the way
/// out and last on the way back. Call credentials are asked behind all of them; nobody sees what they add.
///
/// A call that has none passes no line of this.
///
/// ```
/// use farcall::{
///     Status,
///     lb::balancer::PickOutcome,
///     interceptor::{Attempt, AttemptInterceptor},
/// };
///
/// /// Tells the server which attempt it sees, and says how each ended.
/// struct Tracing;
///
/// impl AttemptInterceptor for Tracing {
///     async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
///         let number = attempt.number().to_string();
///         attempt.metadata_mut().insert("x-attempt", number);
///         Ok(())
///     }
///
///     fn on_end(&self, attempt: &Attempt, outcome: &PickOutcome<'_>) {
///         println!("{} #{}: {}", attempt.method().path(), attempt.number(), outcome.status.code());
///     }
/// }
/// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, HelloRequest}, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let channel = local::channel(MyGreeter).await?;
/// let client = GreeterClient::new(channel.with_attempt_interceptor(Tracing));
/// # client.say_hello(HelloRequest { name: "Ada".into() }).await?;
/// # Ok(()) }
/// ```
pub trait AttemptInterceptor: Send + Sync + 'static {
    /// An attempt is about to go out: a connection is ready; mostly it has not been picked yet. What waits here counts against the deadline of
    /// the call. Default: does nothing.
    ///
    /// It is polled where the call is dispatched until it has to wait, and in a task of its own then: it must not block. A panic ends the
    /// call with `INTERNAL`.
    ///
    /// Calls that wait here do not count for [`max_queued_calls`](crate::ChannelBuilder::max_queued_calls): where this hangs, they end with
    /// their deadline alone, and [`max_calls_in_flight`](crate::ChannelBuilder::max_calls_in_flight) bounds how many there are.
    ///
    /// # Errors
    /// The attempt has failed with that status, as if the server had said it: a policy may make another one, or the call ends so.
    ///
    /// # Cancel safety
    /// Dropped when the call is dropped, or its deadline passes. [`on_end`](Self::on_end) follows if it had finished.
    fn on_start(&self, attempt: &mut Attempt) -> impl Future<Output = Result<(), Status>> + Send {
        let _ = attempt;
        ready(Ok(()))
    }

    /// An attempt has ended whose [`on_start`](Self::on_start) said `Ok`; called once for each, also for those that were never sent or that
    /// another one of a hedged call has beaten (`CANCELLED`). Default: does nothing.
    ///
    /// Called by whoever learns of the end, mostly the task of the connection: it must not wait. A panic is caught and ignored.
    fn on_end(&self, attempt: &Attempt, outcome: &PickOutcome<'_>) {
        let _ = (attempt, outcome);
    }
}

/// One attempt of a call, in the hands of an [`AttemptInterceptor`].
///
/// ```
/// use farcall::{Status, interceptor::{Attempt, AttemptInterceptor}};
///
/// /// Tells servers which attempts are not the first.
/// struct Marked;
///
/// impl AttemptInterceptor for Marked {
///     async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
///         if attempt.number() > 1 || attempt.is_transparent_retry() {
///             attempt.metadata_mut().insert("x-again", "yes");
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct Attempt {
    method: MethodDescriptor,
    previous: u32,
    transparent: bool,
    deadline: Option<Instant>,
    metadata: Metadata,
    extensions: Extensions,
}

impl Attempt {
    /// The method: path, service, name and kind.
    pub fn method(&self) -> &MethodDescriptor {
        &self.method
    }

    /// Which attempt of the call this is by its policy, counted from 1. One that repeats an attempt
    /// [transparently](Self::is_transparent_retry) has the same number.
    pub fn number(&self) -> u32 {
        self.previous.saturating_add(1)
    }

    /// Whether this takes the place of an attempt that the server has not processed (gRFC A6): no policy is needed for that, and it does
    /// not count.
    pub fn is_transparent_retry(&self) -> bool {
        self.transparent
    }

    /// When the call, with all its attempts, must be over.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The metadata that this attempt goes out with.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The same, for changes. Each attempt begins with that of the call, as its interceptors have left it. What cannot be sent fails the
    /// attempt with `INTERNAL`. Pickers see that of the call.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// What interceptors keep about this attempt until its end, and tell each other. Empty when it starts.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, for changes.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("method", &self.method)
            .field("number", &self.number())
            .field("transparent", &self.transparent)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}
