//! Counting handlers from outside.

use std::sync::Arc;
use tokio::sync::watch;

/// Sees handlers begin and end, however they end.
#[derive(Clone, Debug)]
pub struct Probe {
    counts: Arc<watch::Sender<(usize, usize)>>,
}

impl Probe {
    /// A probe that has seen nothing.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Probe {
        Probe {
            counts: Arc::new(watch::Sender::new((0, 0))),
        }
    }

    /// To be called where a handler begins, and kept until it ends.
    pub fn enter(&self) -> Guard {
        self.counts.send_modify(|(begun, _)| *begun += 1);
        Guard(self.clone())
    }

    /// Waits until `count` handlers have begun.
    pub async fn begun(&self, count: usize) {
        let mut counts = self.counts.subscribe();
        counts
            .wait_for(|(begun, _)| *begun >= count)
            .await
            .expect("the sender lives");
    }

    /// Waits until `count` handlers have ended.
    pub async fn ended(&self, count: usize) {
        let mut counts = self.counts.subscribe();
        counts
            .wait_for(|(_, ended)| *ended >= count)
            .await
            .expect("the sender lives");
    }

    /// How many have begun and ended.
    pub fn counts(&self) -> (usize, usize) {
        *self.counts.borrow()
    }
}

/// Says when the handler's future is dropped or done.
#[derive(Debug)]
pub struct Guard(Probe);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.counts.send_modify(|(_, ended)| *ended += 1);
    }
}
