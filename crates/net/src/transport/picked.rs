//! What a pick says about its attempt, on its way with the call; and how whoever wants to know is told of its end.

use super::prepared::Prepared;
use farcall_core::{
    Metadata, Status,
    call::client::{end_of_response, trailers_only},
};
use farcall_http2::Headers;
use farcall_lb::{
    Authority,
    balancer::{PickExtras, PickObserver, PickOutcome},
};
use std::{fmt, sync::Arc};

/// See the module. Few calls have one. Those who follow the attempt are told once, at the latest when it is dropped: never drop one
/// with a lock held.
#[derive(Default)]
pub(crate) struct Picked {
    pub(crate) metadata: Metadata,
    pub(crate) authority: Option<Authority>,
    observer: Option<Arc<dyn PickObserver>>,
    /// What was done for the attempt before it was picked for; outlasts what one pick says.
    pub(crate) prepared: Option<Box<Prepared>>,
    /// The server's address, once the attempt is sent.
    pub(crate) peer: Option<Arc<str>>,
    /// The request has begun to leave.
    pub(crate) was_sent: bool,
    pub(crate) was_answered: bool,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
}

impl Picked {
    #[cold]
    pub(crate) fn new(extras: PickExtras) -> Box<Picked> {
        let mut picked = Box::<Picked>::default();
        picked.metadata = extras.metadata;
        picked.authority = extras.authority;
        picked.observer = extras.observer;
        picked
    }

    /// What was prepared, alone; the rest is void.
    pub(crate) fn keep_prepared(&mut self) -> Option<Box<Picked>> {
        let prepared = self.prepared.take()?;
        let mut alone = Box::<Picked>::default();
        alone.prepared = Some(prepared);
        Some(alone)
    }

    /// What was prepared.
    pub(crate) fn into_prepared(mut self) -> Option<Box<Prepared>> {
        self.prepared.take()
    }

    /// The metadata that goes out in place of that of the call.
    #[inline]
    pub(crate) fn in_place(&self) -> Option<&Metadata> {
        self.prepared.as_ref()?.metadata.as_ref()
    }

    /// What goes out with the attempt beside that.
    pub(crate) fn added(&self) -> impl Iterator<Item = &Metadata> {
        let proof = self.prepared.as_ref().map(|prepared| &prepared.proof);
        [Some(&self.metadata), proof].into_iter().flatten()
    }

    fn is_followed(&self) -> bool {
        let prepared = self.prepared.as_ref();
        self.observer.is_some() || prepared.is_some_and(|prepared| prepared.follower.is_some())
    }

    /// Tells the end of the attempt as the server has put it.
    #[cold]
    pub(crate) fn ended(mut self, trailers: &Headers) {
        if self.is_followed() {
            let (status, metadata) = end_of_response(trailers);
            self.was_answered = true;
            self.tell(&status, Some(&metadata));
        }
    }

    /// Tells the end of an attempt whose response is one header list.
    #[cold]
    pub(crate) fn refused(&mut self, headers: &Headers) {
        self.was_answered = true;
        let (_, metadata) = end_of_response(headers);
        self.tell(&trailers_only(headers), Some(&metadata));
    }

    /// Tells that the attempt has ended otherwise, or well and with nothing to add.
    #[cold]
    pub(crate) fn done(mut self, status: &Status) {
        self.tell(status, None);
    }

    fn tell(&mut self, status: &Status, trailers: Option<&Metadata>) {
        if !self.is_followed() {
            return;
        }
        let mut outcome = PickOutcome::new(status);
        outcome.trailers = trailers;
        outcome.peer = self.peer.as_deref();
        outcome.was_sent = self.was_sent;
        outcome.was_answered = self.was_answered;
        outcome.bytes_sent = self.bytes_sent;
        outcome.bytes_received = self.bytes_received;
        if let Some(observer) = self.observer.take() {
            observer.on_done(&outcome);
        }
        let prepared = self.prepared.as_mut();
        if let Some(mut follower) = prepared.and_then(|prepared| prepared.follower.take()) {
            follower.on_end(&outcome);
        }
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        if self.was_sent {
            if self.is_followed() {
                let status = Status::cancelled("nobody waits for the call any more");
                self.tell(&status, None);
            }
        } else if let Some(observer) = self.observer.take() {
            // The pick is void, and the call may have another one. What was prepared stays with the call: where it goes with this, nobody
            // waits for that any more, which its follower says itself.
            let status = Status::unavailable("the call was not sent on this connection");
            observer.on_done(&PickOutcome::new(&status));
        }
    }
}

impl fmt::Debug for Picked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picked")
            .field("was_sent", &self.was_sent)
            .finish_non_exhaustive()
    }
}
