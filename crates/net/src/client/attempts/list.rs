//! Attempt interceptors without their types, and everything that concerns each attempt of the calls of a handle.

use super::{Attempt, AttemptInterceptor};
use crate::client::credentials;
use farcall_core::Status;
use farcall_lb::balancer::PickOutcome;
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// An [`AttemptInterceptor`] without its type.
pub(super) trait Erased: Send + Sync {
    fn on_start<'a>(
        &'a self,
        attempt: &'a mut Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<(), Status>> + Send + 'a>>;

    fn on_end(&self, attempt: &Attempt, outcome: &PickOutcome<'_>);
}

impl<A: AttemptInterceptor> Erased for A {
    fn on_start<'a>(
        &'a self,
        attempt: &'a mut Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<(), Status>> + Send + 'a>> {
        Box::pin(AttemptInterceptor::on_start(self, attempt))
    }

    fn on_end(&self, attempt: &Attempt, outcome: &PickOutcome<'_>) {
        AttemptInterceptor::on_end(self, attempt, outcome);
    }
}

/// Some attempt interceptors, in the order in which they were given.
#[derive(Clone, Default)]
pub(crate) struct Attempts(Vec<Arc<dyn Erased>>);

impl Attempts {
    pub(crate) fn push(&mut self, interceptor: impl AttemptInterceptor) {
        self.0.push(Arc::new(interceptor));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<dyn Erased>> {
        self.0.iter()
    }

    fn extend(&mut self, others: &Attempts) {
        self.0.extend(others.0.iter().cloned());
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt interceptors", self.0.len())
    }
}

/// What concerns each attempt: interceptors, then credentials.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerAttempt {
    pub(crate) interceptors: Attempts,
    pub(crate) credentials: credentials::List,
}

impl PerAttempt {
    pub(crate) fn is_empty(&self) -> bool {
        self.interceptors.is_empty() && self.credentials.is_empty()
    }

    /// With what others have, behind its own.
    pub(crate) fn extend(&mut self, others: &PerAttempt) {
        self.interceptors.extend(&others.interceptors);
        self.credentials.extend(&others.credentials);
    }
}
