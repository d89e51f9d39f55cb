//! A call between two attempts: what it was told about them, and how it ends while it has no connection.

use super::{End, Head, Mailbox, State};
use crate::transport::Picked;
use farcall_core::{
    Status,
    retry::{RetryOptions, RetryPlan, RetryState},
};
use farcall_http2::StreamKey;
use std::{sync::Arc, time::Duration};

impl Mailbox {
    /// Remembers what the attempts before this one ended with.
    #[cold]
    pub(crate) fn set_previous(&self, previous: &[Status]) {
        if !previous.is_empty() {
            self.lock().remember(previous);
        }
    }

    /// What the attempts before the last one ended with.
    pub(crate) fn previous_attempts(&self) -> Vec<Status> {
        let state = self.lock();
        let rare = state.rare.as_ref();
        rare.map_or(Vec::new(), |rare| rare.previous.clone())
    }

    /// No connection could be picked for the call. `Some`: another attempt follows after this pause; what was prepared for the one
    /// that has failed is gone. `None`: nothing was done, and the call has to be ended. `random` is for the machine.
    #[cold]
    pub(crate) fn pick_failed(&self, status: &Status, random: f64) -> Option<Duration> {
        let mut state = self.lock();
        let retry = state.retry()?;
        let pause = retry.on_failure(status.clone().into(), random)?;
        let picked = state.take_picked();
        drop(state);
        if let Some(picked) = picked {
            picked.done(status);
        }
        Some(pause)
    }

    /// Whether the call, which has not been sent, goes out in several attempts beside each other.
    pub(crate) fn is_hedged(&self) -> bool {
        let mut state = self.lock();
        state
            .retry()
            .is_some_and(|retry| retry.plan().repeat.is_hedged())
    }

    /// Ends a call that has no connection.
    #[cold]
    pub(crate) fn fail(&self, status: Status) {
        let mut state = self.lock();
        if let Some(previous) = state.retry().map(|retry| retry.previous().to_vec()) {
            state.remember(&previous);
        }
        let picked = state.take_picked();
        drop(state);
        if let Some(picked) = picked {
            picked.done(&status);
        }
        self.deliver_end(None, End::Failed(status), Some(StreamKey::NONE));
    }

    /// Says what the pick says about the attempt that comes, in place of what another one said; `None` takes that back.
    #[cold]
    pub(crate) fn set_picked(&self, said: Option<Box<Picked>>) {
        let mut state = self.lock();
        let old = state.take_pick();
        let rest = match &mut state.outgoing.head {
            Some(Head::Request { picked, .. }) => said.and_then(|said| {
                let prepared = picked.take().and_then(|old| old.into_prepared());
                picked.insert(said).prepared = prepared;
                None
            }),
            _ => said,
        };
        drop(state);
        drop((old, rest));
    }

    /// Gives a call that waits for its first attempt the plan of its method, which has become known.
    #[cold]
    pub(super) fn plan(&self, plan: Arc<RetryPlan>) {
        let mut state = self.lock();
        if let Some(Head::Request { retry, .. }) = &mut state.outgoing.head {
            let options = retry
                .as_ref()
                .map_or(RetryOptions::default(), |retry| retry.options());
            *retry = Some(RetryState::new(plan, options));
        }
    }
}

impl State {
    pub(super) fn take_picked(&mut self) -> Option<Box<Picked>> {
        self.outgoing.head.as_mut()?.take_picked()
    }

    pub(super) fn retry(&mut self) -> Option<&mut RetryState> {
        match &mut self.outgoing.head {
            Some(Head::Request { retry, .. }) => retry.as_mut(),
            _ => None,
        }
    }

    fn remember(&mut self, previous: &[Status]) {
        if !previous.is_empty() {
            self.rare.get_or_insert_default().previous = previous.to_vec();
        }
    }
}
