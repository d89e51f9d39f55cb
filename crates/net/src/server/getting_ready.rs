//! The time between a connection's handshake and the client's preface.

use super::listener::Place;
use std::time::Instant;

/// A connection whose client has not sent its preface yet, and its place among those that are getting ready.
pub(super) struct GettingReady {
    by: Instant,
    look: Instant,
    place: Place,
}

impl GettingReady {
    pub(super) fn new(place: Place, by: Instant) -> GettingReady {
        let look = place.next_look().into_std();
        GettingReady { by, look, place }
    }

    /// When to ask [`overdue`](Self::overdue).
    pub(super) fn poll_timeout(&self) -> Instant {
        self.by.min(self.look)
    }

    /// Brings the deadline forward, if it is later. Answers which it is now.
    pub(super) fn hurry(&mut self, by: Instant) -> Instant {
        self.by = self.by.min(by);
        self.by
    }

    /// Why the connection ends now, if it does.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<&'static str> {
        if self.by <= now {
            return Some("no HTTP/2 preface in time (handshake_timeout)");
        }
        if self.look <= now {
            if self.place.must_yield() {
                return Some(
                    "no HTTP/2 preface yet, and others waited (max_concurrent_handshakes)",
                );
            }
            self.look = self.place.next_look().into_std();
        }
        None
    }
}
