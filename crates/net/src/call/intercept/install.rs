//! What interceptors are installed as, whichever trait they implement.

use super::{
    adapter::Adapter,
    immediate::{self, Immediate},
    interceptor::{self, Interceptor},
};
use std::{fmt, sync::Arc};

/// What can be installed around calls: an [`Interceptor`], an [`Immediate`], or an [`AnyInterceptor`].
///
/// `Kind` says which of them, and is found by the compiler.
///
/// ```
/// use farcall::interceptor::{AnyInterceptor, Begin, Call, Immediate, Interceptor, IntoInterceptor, Next, Outcome};
/// use farcall::{Server, Status};
///
/// struct Waiting;
/// impl Interceptor for Waiting {
///     async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
///         next.run(call).await
///     }
/// }
///
/// struct Brief;
/// impl Immediate for Brief {
///     type State = ();
///     fn begin(&self, _: &mut Begin<'_>) -> Result<(), Status> {
///         Ok(())
///     }
/// }
///
/// let some: Vec<AnyInterceptor> = vec![Waiting.into_interceptor(), Brief.into_interceptor()];
/// let mut server = Server::builder();
/// for interceptor in some {
///     server = server.interceptor(interceptor);
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no interceptor",
    note = "implement `Interceptor`, or `Immediate` for one that never waits; not both"
)]
pub trait IntoInterceptor<Kind> {
    /// The interceptor without its type.
    fn into_interceptor(self) -> AnyInterceptor;
}

/// Which trait what is installed implements; see [`IntoInterceptor`].
pub mod kind {
    /// An [`Interceptor`](super::Interceptor).
    #[derive(Debug)]
    pub enum Around {}
    /// An [`Immediate`](super::Immediate).
    #[derive(Debug)]
    pub enum Immediate {}
    /// An [`AnyInterceptor`](super::AnyInterceptor).
    #[derive(Debug)]
    pub enum Any {}
}

/// An interceptor of any type, for lists of them. Made by [`IntoInterceptor::into_interceptor`]; clones share it.
#[derive(Clone)]
pub struct AnyInterceptor {
    pub(super) around: Arc<dyn interceptor::Erased>,
    /// The same one, if it never waits.
    pub(super) immediate: Option<Arc<dyn immediate::Erased>>,
}

impl fmt::Debug for AnyInterceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyInterceptor").finish_non_exhaustive()
    }
}

impl<I: Interceptor> IntoInterceptor<kind::Around> for I {
    fn into_interceptor(self) -> AnyInterceptor {
        AnyInterceptor {
            around: Arc::new(self),
            immediate: None,
        }
    }
}

impl<I: Immediate> IntoInterceptor<kind::Immediate> for I {
    fn into_interceptor(self) -> AnyInterceptor {
        let shared = Arc::new(self);
        AnyInterceptor {
            around: Arc::new(Adapter::new(Arc::clone(&shared))),
            immediate: Some(shared),
        }
    }
}

impl IntoInterceptor<kind::Any> for AnyInterceptor {
    fn into_interceptor(self) -> AnyInterceptor {
        self
    }
}
