//! Interceptors and credentials at work on one attempt.

use super::{Attempt, PerAttempt};
use crate::{
    client::credentials::{CallInfo, authorize},
    transport::{Follower, Prepared},
};
use farcall_core::{Metadata, Status};
use farcall_lb::balancer::PickOutcome;
use std::{
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// See the module.
pub(super) type Work = Pin<Box<dyn Future<Output = Result<Prepared, Status>> + Send>>;

/// Polls user code. After a panic it must not be polled again.
pub(super) fn poll(work: &mut Work, cx: &mut Context<'_>) -> Poll<Result<Prepared, Status>> {
    catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))).unwrap_or_else(|_| {
        let status = "an attempt interceptor, or call credentials, panicked";
        Poll::Ready(Err(Status::internal(status)))
    })
}

/// Asks interceptors, then credentials.
pub(super) async fn prepare(
    all: Arc<PerAttempt>,
    call: CallInfo,
    attempt: Option<Attempt>,
) -> Result<Prepared, Status> {
    let mut prepared = Prepared::default();
    let mut started = attempt.map(|attempt| Started::new(&all, attempt));
    let outcome = async {
        if let Some(started) = &mut started {
            started.run().await?;
        }
        if all.credentials.is_empty() {
            return Ok(Metadata::new());
        }
        authorize(&all.credentials, &call).await
    }
    .await;
    match (outcome, &mut started) {
        (Ok(proof), started) => {
            prepared.proof = proof;
            if let Some(mut started) = started.take() {
                prepared.metadata = Some(mem::take(&mut started.attempt.metadata));
                prepared.follower = Some(Box::new(started));
            }
            Ok(prepared)
        }
        (Err(status), Some(started)) => {
            started.end(&PickOutcome::new(&status));
            Err(status)
        }
        (Err(status), None) => Err(status),
    }
}

/// Interceptors that have let an attempt pass, and are told of its end.
struct Started {
    all: Arc<PerAttempt>,
    attempt: Attempt,
    /// So many have.
    count: usize,
}

impl Started {
    fn new(all: &Arc<PerAttempt>, attempt: Attempt) -> Started {
        let all = Arc::clone(all);
        let count = 0;
        Started {
            all,
            attempt,
            count,
        }
    }

    async fn run(&mut self) -> Result<(), Status> {
        for each in self.all.interceptors.iter() {
            each.on_start(&mut self.attempt).await?;
            self.count += 1;
        }
        Ok(self.attempt.metadata.check()?)
    }

    fn end(&mut self, outcome: &PickOutcome<'_>) {
        let count = mem::take(&mut self.count);
        let all: Vec<_> = self.all.interceptors.iter().take(count).collect();
        for each in all.into_iter().rev() {
            // The task of a connection may be what tells it; that must live.
            catch_unwind(AssertUnwindSafe(|| each.on_end(&self.attempt, outcome))).ok();
        }
    }
}

impl Follower for Started {
    fn on_end(&mut self, outcome: &PickOutcome<'_>) {
        self.end(outcome);
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.count > 0 {
            let status = Status::cancelled("the call was dropped before this attempt was sent");
            self.end(&PickOutcome::new(&status));
        }
    }
}
