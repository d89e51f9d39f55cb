//! The context of a call that is being handled: its deadline and its cancellation, as a value.

use crate::transport::{Mailbox, mailbox::Cancelled};
use std::{
    cell::Cell,
    fmt,
    future::{Future, poll_fn},
    mem,
    pin::pin,
    sync::Arc,
    time::Instant,
};

thread_local! {
    static CURRENT: Cell<Option<Context>> = const { Cell::new(None) };
}

/// The deadline and cancellation of a call that a server is handling.
///
/// Calls that a handler makes inherit both: they end when the call they are made for ends. A task that
/// the handler spawns is outside of that; move the context there and [`scope`](Context::scope) its future:
///
/// ```
/// use farcall::{Context, Request, Response, Status};
/// # use farcall_examples::{hello::{Greeter, GreeterClient, HelloReply, HelloRequest}, local};
/// # struct Relay(GreeterClient);
/// # impl Greeter for Relay {
///
/// async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
///     // Inherits: it ends when the caller goes away or the caller's deadline passes.
///     let reply = self.0.say_hello(request.clone()).await?;
///
///     // The same in a task of its own.
///     let (context, client, message) = (request.context(), self.0.clone(), request.clone());
///     tokio::spawn(context.scope(async move { client.say_hello(message).await }));
///
///     // Not bound to the caller: it lives as long as it likes.
///     let (client, message) = (self.0.clone(), request.into_inner());
///     tokio::spawn(Context::detached(async move { client.say_hello(message).await }));
///     Ok(reply)
/// }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::serve(Relay(local::greeter().await?)).await?;
/// # assert_eq!(client.say_hello(HelloRequest { name: "Ada".into() }).await?.message, "Hello, Ada!");
/// # Ok(()) }
/// ```
///
/// Cheap to clone. A task that is spawned without `scope` has no context: calls that it makes inherit nothing.
#[derive(Clone)]
pub struct Context {
    mailbox: Arc<Mailbox>,
}

impl Context {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Context {
        Context { mailbox }
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// The context of the handler that is running on this thread, if any: what a call made now inherits.
    pub fn current() -> Option<Context> {
        let current = CURRENT.take();
        let copy = current.clone();
        CURRENT.set(current);
        copy
    }

    /// When the call must be over; `None`: the caller set no deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.mailbox.deadline()
    }

    /// Whether the caller has gone away or the deadline has passed.
    pub fn is_cancelled(&self) -> bool {
        self.mailbox.cancelled().is_some()
    }

    /// Waits until the caller goes away or the deadline passes; for ever if neither happens.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn cancelled(&self) {
        let Some(cancelled) = self.mailbox.watch() else {
            return;
        };
        let mut cancelled = pin!(cancelled.notified());
        cancelled.as_mut().enable();
        if self.mailbox.cancelled().is_none() {
            cancelled.await;
        }
    }

    /// Runs `future` in this context: calls made inside inherit deadline and cancellation.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        let (mut future, mut context) = (Box::pin(future), Some(self));
        poll_fn(move |cx| Context::enter(&mut context, || future.as_mut().poll(cx)))
    }

    /// Runs `future` without a context: calls made inside live as long as they like.
    pub fn detached<F: Future>(future: F) -> impl Future<Output = F::Output> {
        let mut future = Box::pin(future);
        poll_fn(move |cx| Context::enter(&mut None, || future.as_mut().poll(cx)))
    }

    /// Runs `f` with the context in `slot` current: meanwhile `slot` holds the one that was.
    pub(crate) fn enter<T>(slot: &mut Option<Context>, f: impl FnOnce() -> T) -> T {
        swap(slot);
        let _swap_back = SwapBack(slot);
        f()
    }

    /// Ties a call to this context.
    pub(crate) fn adopt(&self, child: &Arc<Mailbox>) {
        self.mailbox.adopt(child);
    }

    pub(crate) fn cause(&self) -> Option<Cancelled> {
        self.mailbox.cancelled()
    }
}

fn swap(slot: &mut Option<Context>) {
    let other = CURRENT.replace(mem::take(slot));
    *slot = other;
}

struct SwapBack<'a>(&'a mut Option<Context>);

impl Drop for SwapBack<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("deadline", &self.deadline())
            .field("cancelled", &self.cause())
            .finish()
    }
}
