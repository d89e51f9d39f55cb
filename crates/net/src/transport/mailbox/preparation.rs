//! (client) What has to be done before each attempt of a call; what comes of it travels with the call's head.

use super::{Head, Mailbox, State};
use crate::transport::{Picked, Prepared, Submit};
use farcall_core::Status;
use std::{fmt, mem, sync::Arc};

/// See the module. Few calls have one.
pub(crate) trait Preparation: Send + Sync + fmt::Debug {
    /// Begins it.
    fn begin(&self, mailbox: &Arc<Mailbox>) -> Begun;

    /// The same for another mailbox: an attempt of a hedged call.
    fn of_attempt(&self) -> Box<dyn Preparation>;
}

/// How far a preparation has come.
#[derive(Debug)]
pub(crate) enum Begun {
    /// The mailbox has what came of it.
    Done,
    /// It has to wait, and dispatches the call when it is done.
    Waits,
    Failed(Status),
}

impl Mailbox {
    /// Whether the attempt that comes is prepared.
    #[cold]
    pub(crate) fn is_prepared(&self) -> bool {
        let mut state = self.lock();
        state
            .picked()
            .is_some_and(|picked| picked.prepared.is_some())
    }

    /// Has what was done for the attempt that comes.
    #[cold]
    pub(crate) fn set_prepared(&self, prepared: Prepared) {
        let mut state = self.lock();
        let mut prepared = Some(Box::new(prepared));
        if let Some(Head::Request { picked, .. }) = &mut state.outgoing.head {
            let place = &mut picked.get_or_insert_default().prepared;
            prepared = mem::replace(place, prepared);
        }
        drop(state);
        // It may be that nobody wants it any more; told without the lock.
        drop(prepared);
    }

    /// The attempts that the call's policy has made before the one that comes.
    #[cold]
    pub(crate) fn attempts_before(&self) -> u32 {
        let mut state = self.lock();
        state.retry().map_or(0, |retry| retry.previous_attempts())
    }

    /// Whether the mailbox is with the one to whom `submit` belongs.
    pub(crate) fn is_with(&self, submit: &Arc<Submit<Mailbox>>) -> bool {
        let state = self.lock();
        let own = state.submit.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(own, submit))
    }

    /// Hears what the task wants, without taking it. True: the call is over.
    pub(crate) fn looked_at(&self) -> bool {
        let mut state = self.lock();
        state.queued = false;
        state.incoming.end.is_some()
    }
}

impl State {
    fn picked(&mut self) -> Option<&mut Box<Picked>> {
        match &mut self.outgoing.head {
            Some(Head::Request { picked, .. }) => picked.as_mut(),
            _ => None,
        }
    }

    /// Takes out what the last pick has said, and leaves what was prepared.
    pub(super) fn take_pick(&mut self) -> Option<Box<Picked>> {
        let Some(Head::Request { picked, .. }) = &mut self.outgoing.head else {
            return None;
        };
        let mut old = picked.take()?;
        *picked = old.keep_prepared();
        Some(old)
    }
}
