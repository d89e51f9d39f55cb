//! How many more streams a connection takes, where a call that finds none can go to another one (gRFC A105).

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

/// Counted down by the calls that are sent to the connection, and up by the connection when one of them has ended.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// Below zero when the server has come to allow less than what is open.
    room: AtomicI64,
    /// A call has found no room.
    missed: AtomicBool,
}

impl Gauge {
    /// The connection is there; the server allows so many streams.
    pub(crate) fn open(&self, limit: u32) {
        self.room.store(limit.into(), Relaxed);
    }

    /// Takes a place for a call. False: there is none.
    pub(crate) fn take(&self) -> bool {
        let taken = self
            .room
            .fetch_update(Relaxed, Relaxed, |room| (room > 0).then(|| room - 1));
        if taken.is_err() {
            self.missed.store(true, Relaxed);
        }
        taken.is_ok()
    }

    /// A call has ended. True: somebody has looked for its place.
    #[must_use]
    pub(crate) fn give_back(&self) -> bool {
        self.room.fetch_add(1, Relaxed);
        self.missed.swap(false, Relaxed)
    }

    /// The server's limit has changed.
    pub(crate) fn resize(&self, before: u32, after: u32) {
        self.room
            .fetch_add(i64::from(after) - i64::from(before), Relaxed);
    }

    pub(crate) fn has_room(&self) -> bool {
        self.room.load(Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_and_given_back_and_a_miss_is_told_once() {
        let gauge = Gauge::default();
        assert!(!gauge.take(), "it is not connected");
        gauge.open(2);
        assert!(gauge.take() && gauge.take() && !gauge.take() && !gauge.has_room());
        assert!(gauge.give_back());
        assert!(!gauge.give_back());
        gauge.resize(2, 1);
        assert!(gauge.take() && !gauge.take());
        gauge.resize(1, 3);
        assert!(gauge.take() && gauge.take() && !gauge.take());
    }

    #[test]
    fn a_limit_that_falls_below_what_is_taken_holds_when_that_has_come_back() {
        let gauge = Gauge::default();
        gauge.open(100);
        for _ in 0..100 {
            assert!(gauge.take());
        }
        gauge.resize(100, 50);
        for _ in 0..50 {
            let _ = gauge.give_back();
            assert!(!gauge.has_room());
        }
        for _ in 0..50 {
            let _ = gauge.give_back();
        }
        let free = (0..100).filter(|_| gauge.take()).count();
        assert_eq!(free, 50);
    }
}
