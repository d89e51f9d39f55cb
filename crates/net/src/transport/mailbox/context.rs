//! The call as a context: its cancellation, and the calls made under it.

use super::{Cancelled, Mailbox};
use farcall_core::{Code, Status};
use farcall_http2::Reason;
use std::sync::{Arc, Weak};
use tokio::sync::Notify;

impl Mailbox {
    pub(crate) fn cancelled(&self) -> Option<Cancelled> {
        self.lock().cancelled
    }

    /// What is notified on cancellation; `None` if it has happened.
    pub(crate) fn watch(&self) -> Option<Arc<Notify>> {
        let mut state = self.lock();
        match state.cancelled {
            Some(_) => None,
            None => Some(Arc::clone(&state.rare.get_or_insert_default().cancelled)),
        }
    }

    /// Makes `child` end when this call is cancelled.
    pub(crate) fn adopt(&self, child: &Arc<Mailbox>) {
        let mut state = self.lock();
        if let Some(cause) = state.cancelled {
            drop(state);
            child.cancel_by_parent(cause);
            return;
        }
        let children = &mut state.rare.get_or_insert_default().children;
        if children.len() >= 16 && children.len().is_power_of_two() {
            children.retain(|c| c.strong_count() > 0);
        }
        children.push(Arc::downgrade(child));
    }

    fn cancel_by_parent(self: &Arc<Self>, cause: Cancelled) {
        self.cancel(Reason::CANCEL, || match cause {
            Cancelled::Cancelled => Status::new(
                Code::Cancelled,
                "the call that this call was made for was cancelled",
            ),
            Cancelled::Deadline => Status::new(
                Code::DeadlineExceeded,
                "the deadline of the call that this call was made for passed",
            ),
        });
    }

    /// Marks the context cancelled: wakes those who wait for it and cancels the calls made under it.
    pub(crate) fn cancel_context(self: &Arc<Self>, cause: Cancelled) {
        let mut state = self.lock();
        if state.cancelled.is_some() {
            return;
        }
        state.cancelled = Some(cause);
        let rare = state.rare.take().unwrap_or_default();
        drop(state);
        rare.cancelled.notify_waiters();
        for child in rare.children.iter().filter_map(Weak::upgrade) {
            child.cancel_by_parent(cause);
        }
    }
}
