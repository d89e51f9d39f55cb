//! The submission queue of an owner.

use crate::mailbox::Mailbox;
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

/// See the module. Only the first push onto an owner at rest wakes it.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    items: Vec<Arc<Mailbox>>,
    /// Present while the owner is at rest.
    waker: Option<Waker>,
    /// Nobody has submitted or written since the owner went to rest.
    untouched: bool,
}

impl Queue {
    pub(crate) fn push(&self, mailbox: Arc<Mailbox>) {
        let mut inner = self.lock();
        inner.items.push(mailbox);
        inner.untouched = false;
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// True for the first who asks while the owner rests with nothing to do.
    pub(crate) fn claim_idle(&self) -> bool {
        mem::take(&mut self.lock().untouched)
    }

    /// Wakes an owner at rest.
    pub(crate) fn wake(&self) {
        let waker = self.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// (owner) Swaps the queued mailboxes into `items`, which is empty; the owner counts as awake.
    pub(crate) fn take(&self, items: &mut Vec<Arc<Mailbox>>) {
        let mut inner = self.lock();
        inner.waker = None;
        inner.untouched = false;
        mem::swap(&mut inner.items, items);
    }

    /// (owner) Goes to rest, unless something has come in.
    pub(crate) fn rest(&self, cx: &Context<'_>) -> bool {
        let mut inner = self.lock();
        if !inner.items.is_empty() {
            return false;
        }
        inner.waker = Some(cx.waker().clone());
        inner.untouched = true;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
