//! What has to be done before an attempt goes out.

use super::{
    Attempt, PerAttempt, task,
    work::{Work, poll, prepare},
};
use crate::{
    call::Extensions,
    client::{credentials::CallInfo, shared::Shared},
    transport::{
        Mailbox,
        mailbox::{Begun, Preparation},
    },
};
use farcall_core::MethodDescriptor;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// The preparation of the attempts of one call.
pub(in super::super) struct Preparing {
    all: Arc<PerAttempt>,
    shared: Arc<Shared>,
    method: MethodDescriptor,
    /// The attempts before the last one that was prepared; `NONE` at first.
    last: AtomicU32,
}

const NONE: u32 = u32::MAX;

impl Preparing {
    pub(in super::super) fn new(
        all: &Arc<PerAttempt>,
        shared: &Arc<Shared>,
        method: &MethodDescriptor,
    ) -> Preparing {
        Preparing {
            all: Arc::clone(all),
            shared: Arc::clone(shared),
            method: method.clone(),
            last: AtomicU32::new(NONE),
        }
    }

    fn attempt(&self, mailbox: &Mailbox) -> Option<Attempt> {
        if self.all.interceptors.is_empty() {
            return None;
        }
        let previous = mailbox.attempts_before();
        Some(Attempt {
            method: self.method.clone(),
            previous,
            // An attempt by policy has another one before it.
            transparent: self.last.swap(previous, Ordering::Relaxed) == previous,
            deadline: mailbox.deadline(),
            metadata: mailbox.metadata().clone(),
            extensions: Extensions::new(),
        })
    }
}

impl Preparation for Preparing {
    #[cold]
    fn begin(&self, mailbox: &Arc<Mailbox>) -> Begun {
        let all = Arc::clone(&self.all);
        let settings = &self.shared.settings;
        let (authority, level) = (&settings.authority, settings.security_level);
        let call = CallInfo::new(self.method.clone(), authority, level);
        let attempt = self.attempt(mailbox);
        let mut work: Work = Box::pin(prepare(all, call, attempt));
        match poll(&mut work, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(prepared)) => {
                mailbox.set_prepared(prepared);
                Begun::Done
            }
            Poll::Ready(Err(status)) => Begun::Failed(status),
            Poll::Pending => task::spawn(work, mailbox, &self.shared),
        }
    }

    fn of_attempt(&self) -> Box<dyn Preparation> {
        Box::new(Preparing::new(&self.all, &self.shared, &self.method))
    }
}

impl fmt::Debug for Preparing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.all, f)
    }
}
