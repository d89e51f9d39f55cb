//! Where a client's interceptors end and the call goes out.

use super::{answer::Outcome, parts::Parts};
use std::{
    cell::Cell,
    task::{Context, Poll},
};

/// Starts the call and waits for its end.
pub(crate) trait ClientEnd: Send + Sync {
    /// The first poll starts the call; so does the first one after an outcome.
    fn poll_run(&mut self, parts: &mut Parts, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Nobody waits for the outcome any more: the call is cancelled.
    fn abandon(&mut self);

    /// The `:authority` of the call.
    fn authority(&self) -> &str;
}

thread_local! {
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Whether a call went out, and is watched by its connection, during the poll that has just ended on this thread: whoever polls
/// interceptors has to keep the deadline himself as long as they hold the call back.
pub(crate) fn is_under_way() -> bool {
    UNDER_WAY.get()
}

/// To be called with `false` before such a poll, and with `true` by a [`ClientEnd`] that waits.
pub(crate) fn set_under_way(yes: bool) {
    UNDER_WAY.set(yes);
}
