//! The one timer of a connection, armed lazily.

use std::{future::Future, pin::Pin, task::Context, time::Instant};
use tokio::time::{Sleep, sleep_until};

/// A sleep that is moved only when it must ring earlier: deadlines that never fire cost a comparison.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Instant>,
}

impl Timer {
    /// Sees to it that the task is woken at `at` or earlier.
    pub(crate) fn arm(&mut self, at: Instant, cx: &mut Context<'_>) {
        if self.armed.is_some_and(|armed| armed <= at) {
            return;
        }
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(at.into()),
            None => self.sleep = Some(Box::pin(sleep_until(at.into()))),
        }
        self.armed = Some(at);
        if let Some(sleep) = &mut self.sleep
            && sleep.as_mut().poll(cx).is_ready()
        {
            self.armed = None;
            cx.waker().wake_by_ref();
        }
    }

    /// Forgets an alarm that has rung.
    pub(crate) fn elapsed(&mut self, now: Instant) {
        if self.armed.is_some_and(|armed| armed <= now) {
            self.armed = None;
        }
    }
}
