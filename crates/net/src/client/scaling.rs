//! How many connections a subchannel has: more than one when the server allows too few streams on each (gRFC A105), or because
//! the user wants so.

use farcall_core::backoff::{Backoff, BackoffConfig};
use farcall_lb::Address;
use std::time::{Duration, Instant};

/// What the service config and the channel's settings say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Scale {
    /// How many there may be.
    pub(super) max: usize,
    /// How many are made at once, whether or not there are calls for them.
    pub(super) eager: usize,
}

impl Scale {
    /// One connection, as usual.
    pub(super) fn is_single(self) -> bool {
        self.max <= 1 && self.eager <= 1
    }
}

/// The connections beside the first of one subchannel. A machine: it is told the time.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) address: Address,
    /// How long an attempt may take.
    pub(super) timeout: Duration,
    scale: Scale,
    backoff: Backoff,
    /// No attempt before that.
    retry_at: Option<Instant>,
    connecting: usize,
    /// How many there have been.
    count: u64,
}

impl Group {
    pub(super) fn new(address: Address, timeout: Duration, scale: Scale, seed: u64) -> Group {
        Group {
            address,
            timeout,
            scale,
            backoff: Backoff::new(BackoffConfig::default(), seed),
            retry_at: None,
            connecting: 0,
            count: 0,
        }
    }

    /// Whether calls take turns.
    pub(super) fn spreads(&self) -> bool {
        self.scale.eager > 1
    }

    /// The number of an attempt that is to begin now, if one is: `up` connections are there, and if `full`, calls wait because
    /// none of them has room. To be asked until there is none.
    pub(super) fn poll_start(&mut self, now: Instant, up: usize, full: bool) -> Option<u64> {
        if self.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        self.retry_at = None;
        let have = up + self.connecting;
        let start =
            have < self.scale.eager || (full && self.connecting == 0 && have < self.scale.max);
        if !start {
            return None;
        }
        self.connecting += 1;
        self.count += 1;
        Some(self.count)
    }

    /// An attempt has succeeded.
    pub(super) fn on_ready(&mut self) {
        self.connecting = self.connecting.saturating_sub(1);
        self.backoff.reset();
        self.retry_at = None;
    }

    /// An attempt has failed.
    pub(super) fn on_failed(&mut self, now: Instant) {
        self.connecting = self.connecting.saturating_sub(1);
        self.pause(now);
    }

    /// A connection was of no use: the next one is made after a pause.
    pub(super) fn pause(&mut self, now: Instant) {
        self.retry_at = Some(now + self.backoff.next_delay());
    }

    /// When to ask again although nothing has happened.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(max: usize, eager: usize) -> (Group, Instant) {
        let address = Address::from(([10, 0, 0, 1], 1));
        let scale = Scale { max, eager };
        (
            Group::new(address, Duration::from_secs(20), scale, 7),
            Instant::now(),
        )
    }

    #[test]
    fn full_connections_bring_one_more_at_a_time_up_to_the_limit() {
        let (mut group, now) = group(3, 1);
        assert_eq!(group.poll_start(now, 1, false), None);
        assert_eq!(group.poll_start(now, 1, true), Some(1));
        assert_eq!(group.poll_start(now, 1, true), None, "one is being made");
        group.on_ready();
        assert_eq!(group.poll_start(now, 2, true), Some(2));
        group.on_ready();
        assert_eq!(group.poll_start(now, 3, true), None, "there are three");
        assert_eq!(group.poll_start(now, 2, true), Some(3), "one was lost");
    }

    #[test]
    fn wanted_ones_are_made_at_once_and_a_failure_pauses_them_all() {
        let (mut group, now) = group(4, 4);
        assert!(group.spreads());
        let started: Vec<_> = std::iter::from_fn(|| group.poll_start(now, 1, false)).collect();
        assert_eq!(started, [1, 2, 3]);
        group.on_ready();
        group.on_ready();
        group.on_failed(now);
        assert_eq!(group.poll_start(now, 3, true), None);
        let at = group.poll_timeout().unwrap();
        assert!(at > now && at < now + Duration::from_secs(2));
        assert_eq!(group.poll_start(at, 3, false), Some(4));
        assert_eq!(group.poll_timeout(), None);
    }
}
