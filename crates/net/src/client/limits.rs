//! The limits that a channel's user has set for its calls; by default there are none.

use crate::clock;
use farcall_core::{Code, Status};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallLimits {
    /// For calls that have no deadline from anywhere else.
    pub(crate) default_timeout: Option<Duration>,
    /// For all calls.
    pub(crate) max_timeout: Option<Duration>,
    pub(crate) max_in_flight: Option<usize>,
    in_flight: Arc<AtomicUsize>,
}

/// A call's place among those in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// What the limits make of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    pub(crate) deadline: Option<Instant>,
    /// It is the channel's default, in place of which another one may come.
    pub(crate) is_default: bool,
    /// No later one is allowed.
    pub(crate) latest: Option<Instant>,
}

impl CallLimits {
    pub(crate) fn is_none(&self) -> bool {
        self.default_timeout.is_none() && self.max_timeout.is_none() && self.max_in_flight.is_none()
    }

    /// The same for another channel, which counts its own calls.
    pub(crate) fn apart(&self) -> CallLimits {
        CallLimits {
            in_flight: Arc::default(),
            ..CallLimits::clone(self)
        }
    }

    /// Takes a place for a call.
    ///
    /// # Errors
    /// All are taken.
    #[cold]
    pub(crate) fn admit(&self) -> Result<Option<Place>, Status> {
        let Some(limit) = self.max_in_flight else {
            return Ok(None);
        };
        let taken = self.in_flight.fetch_add(1, Relaxed);
        let place = Place(Arc::clone(&self.in_flight));
        if taken < limit {
            return Ok(Some(place));
        }
        Err(Status::new(
            Code::ResourceExhausted,
            format!("the channel has {limit} calls in flight, its limit (max_calls_in_flight)"),
        ))
    }

    /// The deadline of a call that starts now.
    #[cold]
    pub(crate) fn deadline(&self, own: Option<Instant>) -> Limited {
        let now = clock::now();
        let after = |timeout: Option<Duration>| timeout.and_then(|t| now.checked_add(t));
        let latest = after(self.max_timeout);
        let deadline = own.or_else(|| after(self.default_timeout));
        Limited {
            deadline: [deadline, latest].into_iter().flatten().min(),
            is_default: own.is_none(),
            latest,
        }
    }
}

/// The status of a call that is not let into a full queue.
#[cold]
pub(crate) fn queue_is_full(limit: usize) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!("{limit} calls wait for a connection of the channel, its limit (max_queued_calls)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_also_those_of_calls_that_were_refused() {
        let limits = CallLimits {
            max_in_flight: Some(2),
            ..CallLimits::default()
        };
        let (first, second) = (limits.admit().unwrap(), limits.admit().unwrap());
        for _ in 0..3 {
            let status = limits.admit().unwrap_err();
            assert_eq!(status.code(), Code::ResourceExhausted);
            assert!(status.message().contains("max_calls_in_flight"), "{status}");
        }
        drop(first);
        let third = limits.admit().unwrap();
        assert!(limits.admit().is_err());
        drop((second, third));
        assert!(limits.admit().unwrap().is_some());
    }
}
