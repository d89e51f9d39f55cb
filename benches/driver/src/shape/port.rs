//! A task's way to its connection, whatever shape that has.

use super::{Locked, Mixed, Queue};
use crate::{client::ClientRole, mailbox::Mailbox};
use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

/// See the module.
#[derive(Clone)]
pub(crate) enum Port {
    Owner(Arc<Queue>),
    Locked(Arc<Locked<ClientRole>>),
    Mixed(Arc<Mixed<ClientRole>>),
}

impl Port {
    /// Tells the connection that the mailbox has something to be sent.
    pub(crate) async fn submit(&self, now: Instant, mailbox: Arc<Mailbox>) {
        match self {
            Port::Owner(queue) => queue.push(mailbox),
            Port::Mixed(mixed) => mixed.submit(now, mailbox),
            Port::Locked(locked) => {
                if locked.submit(now, mailbox) {
                    yield_once().await;
                    poll_fn(|cx| {
                        locked.flush(cx);
                        Poll::Ready(())
                    })
                    .await;
                }
            }
        }
    }
}

/// Goes to the back of the run queue.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx: &mut Context<'_>| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
