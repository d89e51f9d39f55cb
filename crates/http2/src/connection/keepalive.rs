//! Is the peer still there? A PING after silence; any frame is an answer (gRFC A8).

use super::{Connection, ping::Purpose};
use crate::{
    config::Config,
    error::{ConnectionError, Reason},
    later::later,
};
use std::time::{Duration, Instant};

/// When the peer was heard last, and whether it has been asked.
#[derive(Debug)]
pub(super) struct Keepalive {
    interval: Option<Duration>,
    timeout: Duration,
    without_streams: bool,
    heard: Instant,
    /// A PING was sent: something must arrive until then.
    waiting: Option<Instant>,
}

impl Keepalive {
    pub(super) fn new(config: &Config, now: Instant) -> Keepalive {
        Keepalive {
            interval: config.keepalive_interval,
            timeout: config.keepalive_timeout,
            without_streams: config.keepalive_without_streams,
            heard: now,
            waiting: None,
        }
    }

    /// Octets arrived.
    #[inline]
    pub(super) fn on_heard(&mut self, now: Instant) {
        self.heard = now;
        self.waiting = None;
    }

    /// When octets arrived last.
    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    /// When to look again. A connection without streams sleeps, unless configured otherwise; it
    /// is asked as soon as a stream opens after too long a silence.
    #[inline]
    pub(super) fn deadline(&self, any_streams: bool) -> Option<Instant> {
        let interval = self.interval?;
        match self.waiting {
            Some(until) => Some(until),
            None if any_streams || self.without_streams => Some(later(self.heard, interval)),
            None => None,
        }
    }
}

impl Connection {
    pub(super) fn on_keepalive_timeout(&mut self, now: Instant) {
        let due = self.keepalive.deadline(self.streams.len() > 0);
        if due.is_none_or(|due| due > now) {
            return;
        }
        if self.keepalive.waiting.is_some() {
            self.send_goaway(
                self.last_peer_stream(),
                Reason::NO_ERROR,
                b"keepalive timeout",
            );
            self.end(ConnectionError::KeepaliveTimeout);
        } else {
            self.keepalive.waiting = Some(later(now, self.keepalive.timeout));
            self.send_ping(Purpose::Keepalive);
        }
    }
}
