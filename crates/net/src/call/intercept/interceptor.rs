//! The trait, and how interceptors run inside each other.

use super::{
    super::handler::HandlerFuture,
    answer::{Outcome, OutcomeFuture},
    call::Call,
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Code around calls: one model for clients and servers and for all four kinds.
///
/// An interceptor is given the [`Call`] before it goes on, lets it go on with [`Next::run`], and is given the [`Outcome`] when the call is
/// over: for streams that is after the last message. It may change what it sees on either way, answer itself without `next`, or, on
/// a client, [run a unary call again](Next::repeatable). It may wait.
///
/// Installed by [`ChannelBuilder::interceptor`](crate::ChannelBuilder::interceptor),
/// [`Channel::with_interceptor`](crate::Channel::with_interceptor), `interceptor(…)` on a call,
/// [`Server::interceptor`](crate::Server::interceptor) and [`server::Intercepted`](crate::server::Intercepted). The first one installed is
/// outermost; those of a channel stand around those of a call, those of a server around those of a service.
///
/// One that never waits, does not answer for the server and lets every call go on once can be an
/// [`Immediate`](super::Immediate) instead, which costs unary calls about a quarter.
///
/// ```
/// use farcall::interceptor::{Call, Interceptor, Next, Outcome};
/// use std::time::Instant;
/// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, GreeterServer, HelloRequest}};
///
/// struct Logging;
///
/// impl Interceptor for Logging {
///     async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
///         let mut line = Line::new(call);
///         let outcome = next.run(call).await; // the call goes on; for streams until after the last message
///         line.end = Some(match &outcome {
///             Ok(_) => "OK".to_owned(),
///             Err(status) => status.to_string(),
///         });
///         outcome
///     }
/// }
///
/// /// The line that a call gets in the log, however it ends: one whose deadline passes or whose caller leaves is dropped in the middle of `run`.
/// struct Line {
///     what: String,
///     begun: Instant,
///     deadline: Option<Instant>,
///     end: Option<String>,
/// }
///
/// impl Line {
///     fn new(call: &Call) -> Line {
///         let side = if call.is_server() { "served" } else { "called" };
///         let what = format!("{side} {}", call.method().path());
///         Line { what, begun: Instant::now(), deadline: call.deadline(), end: None }
///     }
/// }
///
/// impl Drop for Line {
///     fn drop(&mut self) {
///         let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
///         let end = match &self.end {
///             Some(end) => end.as_str(),
///             None if late => "dropped: its deadline has passed",
///             None => "dropped: it was cancelled",
///         };
///         println!("{} in {:?}: {end}", self.what, self.begun.elapsed());
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use farcall::{Channel, Server};
///
/// let server = Server::builder()
///     .interceptor(Logging)
///     .add_service(GreeterServer::new(MyGreeter))
///     .bind("127.0.0.1:0")
///     .await?;
/// let target = server.local_addr()?.to_string();
/// tokio::spawn(server.serve());
///
/// let channel = Channel::builder(target).interceptor(Logging).insecure().build()?;
/// # GreeterClient::new(channel).say_hello(HelloRequest { name: "Ada".into() }).await?;
/// # Ok(()) }
/// ```
///
/// # Where it runs
/// On a server with the handler: under the call's [`Context`](crate::Context), deadline and cancellation; a panic is `INTERNAL`. On a client
/// in the task that awaits the call, for streams in the one that reads the responses; only while an interceptor holds a
/// stream back before it is started, a task of its own does. Dropping the call drops the interceptor at its next await, and so does the
/// deadline of a call on a server: what is to be done for those too belongs in a `Drop`, as above.
pub trait Interceptor: Send + Sync + 'static {
    /// Handles one call.
    ///
    /// # Errors
    /// Ends the call with that status.
    fn intercept(&self, call: &mut Call, next: Next<'_>) -> impl Future<Output = Outcome> + Send;
}

/// What stands inside an interceptor: further ones, then the wire or the handler. See [`Interceptor`].
pub struct Next<'a> {
    pub(super) inside: &'a [Arc<dyn Erased>],
}

impl<'a> Next<'a> {
    /// Lets the call go on, and waits for its end.
    ///
    /// # Cancel safety
    /// Dropping the future cancels what has been started.
    pub fn run(self, call: &'a mut Call) -> Run<'a> {
        Run::new(self.inside, call)
    }

    /// For more than one run, which a unary call on a client can have: each is a call of its own to the server. `Err` gives `self`
    /// back if this call cannot be run again.
    ///
    /// What has been changed of the call by then, by those inside too, stays changed.
    ///
    /// ```
    /// use farcall::{Code, interceptor::{Call, Interceptor, Next, Outcome}};
    ///
    /// struct OnceMore;
    /// impl Interceptor for OnceMore {
    ///     async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
    ///         let mut next = match next.repeatable(call) {
    ///             Ok(next) => next,
    ///             Err(next) => return next.run(call).await,
    ///         };
    ///         match next.run(call).await {
    ///             Err(status) if status.code() == Code::Aborted => next.run(call).await,
    ///             outcome => outcome,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn repeatable(self, call: &mut Call) -> Result<Repeat<'a>, Next<'a>> {
        match call.keep() {
            true => Ok(Repeat {
                inside: self.inside,
            }),
            false => Err(self),
        }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Next({} inside)", self.inside.len())
    }
}

/// [`Next`] for any number of runs. Made by [`Next::repeatable`].
pub struct Repeat<'a> {
    inside: &'a [Arc<dyn Erased>],
}

impl Repeat<'_> {
    /// As [`Next::run`].
    pub fn run<'b>(&'b mut self, call: &'b mut Call) -> Run<'b> {
        call.forget_inside(self.inside.len());
        Run::new(self.inside, call)
    }
}

impl fmt::Debug for Repeat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repeat({} inside)", self.inside.len())
    }
}

/// The future of [`Next::run`].
#[must_use = "the call does not go on unless this is awaited"]
pub struct Run<'a>(State<'a>);

enum State<'a> {
    Inside(Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>),
    End(&'a mut Call),
    Over,
}

impl<'a> Run<'a> {
    pub(super) fn new(inside: &'a [Arc<dyn Erased>], call: &'a mut Call) -> Run<'a> {
        Run(match inside.split_first() {
            Some((first, inside)) => State::Inside(first.inner(call, Next { inside })),
            None => State::End(call),
        })
    }
}

impl Future for Run<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let polled = match &mut self.0 {
            State::Inside(future) => future.as_mut().poll(cx),
            State::End(call) => call.poll_run(cx),
            State::Over => Poll::Pending,
        };
        if polled.is_ready() {
            self.0 = State::Over;
        }
        polled
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if let State::End(call) = &mut self.0 {
            call.abandon();
        }
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

/// Those inside of the outermost one.
pub(super) type Others = Arc<[Arc<dyn Erased>]>;

/// An interceptor without its type.
pub(super) trait Erased: Send + Sync {
    /// As the outermost one of a client; owns the call.
    fn of_client(self: Arc<Self>, call: Call, inside: Option<Others>) -> OutcomeFuture;

    /// As the outermost one of a server; owns the call.
    fn of_server(self: Arc<Self>, call: Call, inside: Option<Others>) -> HandlerFuture;

    /// Inside of another one.
    fn inner<'a>(
        &'a self,
        call: &'a mut Call,
        next: Next<'a>,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;
}

impl<I: Interceptor> Erased for I {
    fn of_client(self: Arc<Self>, mut call: Call, inside: Option<Others>) -> OutcomeFuture {
        Box::pin(async move {
            let inside = inside.as_deref().unwrap_or_default();
            self.intercept(&mut call, Next { inside }).await
        })
    }

    fn of_server(self: Arc<Self>, mut call: Call, inside: Option<Others>) -> HandlerFuture {
        Box::pin(async move {
            let inside = inside.as_deref().unwrap_or_default();
            let outcome = self.intercept(&mut call, Next { inside }).await;
            call.reply(outcome)
        })
    }

    fn inner<'a>(
        &'a self,
        call: &'a mut Call,
        next: Next<'a>,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(async move {
            let level = Level::enter(call, next.inside.len());
            self.intercept(level.0, next).await
        })
    }
}

/// While an interceptor that stands inside another one is at work.
struct Level<'a>(&'a mut Call, usize);

impl Level<'_> {
    fn enter(call: &mut Call, inside: usize) -> Level<'_> {
        call.set_inside(inside);
        Level(call, inside + 1)
    }
}

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set_inside(self.1);
    }
}
