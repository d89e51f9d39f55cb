//! Interceptors that never wait.

mod several;

pub(crate) use several::{Immediates, State, begin, end};

use super::{begin::Begin, end::End};
use farcall_core::Status;
use std::any::Any;

/// An [`Interceptor`](super::Interceptor) that never waits: it looks at a call before it goes on, and at how it has ended.
///
/// Most interceptors need no more: those that add a token or an id, refuse calls, count, log. Between an interceptor's two halves lies a
/// future, with memory of its own; an `Immediate` has none, and costs a unary call about a quarter of that (where others stand
/// beside it that wait, and around streams, it is run as one of them). Everything else is the
/// same: both sides, all four kinds of call, metadata, messages (with [`Begin::on_request`] and [`Begin::on_response`]), deadline, status. It is
/// installed in the same places, and stands in one order with interceptors that wait.
///
/// ```
/// use farcall::{Status, interceptor::{Begin, End, Immediate}};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Instant;
/// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, HelloRequest}, local};
///
/// /// Adds a token, and counts the calls that fail.
/// #[derive(Default)]
/// struct Tenant {
///     failed: AtomicU64,
/// }
///
/// impl Immediate for Tenant {
///     type State = ();
///
///     fn begin(&self, call: &mut Begin<'_>) -> Result<(), Status> {
///         call.metadata_mut().insert("tenant", "blue");
///         Ok(())
///     }
///
///     fn end(&self, _: (), end: &mut End<'_>) {
///         if end.status().is_some() {
///             self.failed.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// /// Says how long calls take. What `begin` gives is what `end` gets.
/// struct Timing;
///
/// impl Immediate for Timing {
///     type State = Instant;
///
///     fn begin(&self, _: &mut Begin<'_>) -> Result<Instant, Status> {
///         Ok(Instant::now())
///     }
///
///     fn end(&self, begun: Instant, end: &mut End<'_>) {
///         println!("{} in {:?}: {}", end.method().path(), begun.elapsed(), end.code());
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let channel = local::channel(MyGreeter).await?;
///
/// let channel = channel.with_interceptor(Timing).with_interceptor(Tenant::default());
/// # GreeterClient::new(channel).say_hello(HelloRequest { name: "Ada".into() }).await?;
/// # Ok(()) }
/// ```
///
/// # Where it runs
/// Where an [`Interceptor`](super::Interceptor) would. Both halves hold up whoever drives the call: they must not block, nor compute for long.
///
/// # What is certain
/// For each `begin` that let a call go on there is one `end`, however the call ends. One that is dropped on its way (the caller has left, the
/// deadline has passed, the handler has panicked) ends with the status that says so. An `end` that panics keeps it from no other interceptor.
pub trait Immediate: Send + Sync + 'static {
    /// What `begin` leaves for `end`; `()` for nothing. What has a size costs an allocation; several interceptors around one call cost two more
    /// together, to keep what each has left.
    type State: Send + Sync + 'static;

    /// Looks at a call before it goes on. What may be changed of it by an interceptor before [`Next::run`](super::Next::run) may be changed here.
    ///
    /// # Errors
    /// Ends the call with that status: nothing inside hears of it, and there is no `end`.
    fn begin(&self, call: &mut Begin<'_>) -> Result<Self::State, Status>;

    /// Looks at how the call has ended: for streams after the last message. It may put something else in the outcome's place. Default: nothing.
    fn end(&self, state: Self::State, end: &mut End<'_>) {
        let _ = (state, end);
    }
}

/// An interceptor that never waits, without its type.
pub(crate) trait Erased: Send + Sync {
    fn begin(&self, call: &mut Begin<'_>) -> Result<Box<dyn Any + Send + Sync>, Status>;
    fn end(&self, state: Box<dyn Any + Send + Sync>, end: &mut End<'_>);
}

impl<I: Immediate> Erased for I {
    fn begin(&self, call: &mut Begin<'_>) -> Result<Box<dyn Any + Send + Sync>, Status> {
        match Immediate::begin(self, call) {
            Ok(state) => Ok(Box::new(state)),
            Err(status) => Err(status),
        }
    }

    fn end(&self, state: Box<dyn Any + Send + Sync>, end: &mut End<'_>) {
        if let Ok(state) = state.downcast() {
            Immediate::end(self, *state, end);
        }
    }
}
