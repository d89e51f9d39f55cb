//! Telling the handlers of a connection that it is going to end.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Whether the clients of a connection have been told to go away, and who waits for that.
#[derive(Default, Debug)]
pub(crate) struct Draining {
    begun: AtomicBool,
    begins: Notify,
}

impl Draining {
    /// It begins now.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.begins.notify_waiters();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Until it begins.
    pub(crate) async fn wait(&self) {
        // From its making on, it hears of `begin`.
        let begins = self.begins.notified();
        if !self.has_begun() {
            begins.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn who_waits_and_who_comes_later_are_told() {
        let draining = Arc::new(Draining::default());
        let waiting = tokio::spawn({
            let draining = Arc::clone(&draining);
            async move { draining.wait().await }
        });
        tokio::task::yield_now().await;
        assert!(!draining.has_begun() && !waiting.is_finished());
        draining.begin();
        waiting.await.unwrap();
        draining.wait().await;
    }
}
