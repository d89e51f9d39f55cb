//! Where a connection charges its budgets, and what it holds for the peer.

use super::{Connection, Life, Role, abuse::Replies};
use crate::{budget::Act, error::PeerMisbehaved, later::later};
use std::time::{Duration, Instant};

/// A client without calls has no reason to ask more often (gRFC A8), unless it is allowed to.
const MIN_IDLE_PING_INTERVAL: Duration = Duration::from_secs(2 * 60 * 60);

/// What is held for the peer on all streams together, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// Requests' header lists (server).
    pub(super) headers: u64,
    /// DATA that waits to be sent.
    pub(super) backlog: u64,
    /// Since when the backlog is above its limit and hardly any of it could be sent.
    stuck: Option<Stuck>,
}

#[derive(Clone, Copy, Debug)]
struct Stuck {
    since: Instant,
    sent: u64,
}

/// What a backlog that is too large has to move within [`Config::stuck_timeout`](crate::Config::stuck_timeout).
const PROGRESS: u64 = 64 << 10;

impl Held {
    /// Some of the backlog was sent.
    #[inline]
    pub(super) fn on_sent(&mut self, now: Instant, bytes: u64) {
        self.backlog = self.backlog.saturating_sub(bytes);
        if let Some(stuck) = &mut self.stuck {
            stuck.sent += bytes;
            if stuck.sent >= PROGRESS {
                *stuck = Stuck::begin(now);
            }
        }
    }

    /// Some of the backlog went with its stream. What gathers after a backlog that was within its `limit` in between is another one.
    #[inline]
    pub(super) fn drop_backlog(&mut self, bytes: u64, limit: u64) {
        self.backlog -= bytes;
        if self.backlog < limit {
            self.stuck = None;
        }
    }
}

impl Stuck {
    fn begin(since: Instant) -> Stuck {
        Stuck { since, sent: 0 }
    }
}

impl Connection {
    /// How often the peer did what costs us more than it, since the beginning.
    ///
    /// ```
    /// # use farcall_http2::{Act, Config, Connection};
    /// let server = Connection::server(Config::default(), std::time::Instant::now());
    /// assert_eq!(server.counted(Act::Ping), 0);
    /// ```
    pub fn counted(&self, act: Act) -> u64 {
        self.abuse.counted(act)
    }

    /// Whether the driver should read nothing for now: the peer leaves unread what it made us write
    /// ([`Config::max_unread_replies`](crate::Config::max_unread_replies), and at a server
    /// [`Config::max_unread_output`](crate::Config::max_unread_output)), or one of its
    /// [budgets](crate::Act) is almost spent. To be asked again after writing and after
    /// [`handle_timeout`](Self::handle_timeout).
    #[inline]
    pub fn reads_paused(&mut self) -> bool {
        let (end, written) = (self.output.end(), self.output.written());
        let unread = (end - written) as usize;
        // A client's output is its own doing: if both ends stopped reading for it, neither would go on.
        unread >= self.config.max_unread_output && self.role == Role::Server
            || self.abuse.pause().is_some()
            || self
                .abuse
                .replies
                .are_many(end, written, self.config.max_unread_replies)
    }

    /// Takes one from the act's budget.
    #[inline]
    pub(super) fn charge(&mut self, act: Act, now: Instant) -> Result<(), PeerMisbehaved> {
        let budget = self.config.budgets.of(act);
        self.abuse.charge(act, 1, budget, now)
    }

    /// As `charge`, where a command of the driver's leads to it and not a frame.
    pub(super) fn charge_or_fail(&mut self, act: Act, now: Instant) {
        if self.life != Life::Over
            && let Err(crime) = self.charge(act, now)
        {
            self.fail(crime);
        }
    }

    /// A frame that the peer asked for is in the output.
    pub(super) fn charge_reply(&mut self) -> Result<(), PeerMisbehaved> {
        let (end, written) = (self.output.end(), self.output.written());
        let replies: &mut Replies = &mut self.abuse.replies;
        replies.charge(end, written, self.config.max_unread_replies)
    }

    /// The same, where a command of the driver's leads to it.
    pub(super) fn charge_reply_or_fail(&mut self) {
        if self.life != Life::Over
            && let Err(crime) = self.charge_reply()
        {
            self.fail(crime);
        }
    }

    /// A PING of the peer's has come.
    pub(super) fn charge_ping(&mut self, now: Instant) -> Result<(), PeerMisbehaved> {
        self.charge(Act::Ping, now)?;
        if self.role == Role::Client {
            return Ok(());
        }
        let config = &self.config;
        let interval = if self.streams.len() == 0 && !config.allow_pings_without_streams {
            config.min_ping_interval.max(MIN_IDLE_PING_INTERVAL)
        } else {
            config.min_ping_interval
        };
        self.abuse
            .charge_keepalive(now, interval, config.max_ping_strikes)
    }

    /// Whether one more request with a header list of `size` bytes can be held.
    #[inline]
    pub(super) fn check_room(&self, size: u32) -> Result<(), PeerMisbehaved> {
        if self.streams.len() >= self.config.max_concurrent_streams as usize {
            return Err(PeerMisbehaved::StreamLimitExceeded);
        }
        if self.held.headers + u64::from(size) > self.config.header_budget as u64 {
            return Err(PeerMisbehaved::HeaderMemoryExceeded);
        }
        if self.held.backlog >= self.config.send_budget as u64 {
            return Err(PeerMisbehaved::BacklogExceeded);
        }
        Ok(())
    }

    /// DATA waits to be sent.
    pub(super) fn note_backlog(&mut self, now: Instant, bytes: usize) {
        self.held.backlog += bytes as u64;
        if self.role == Role::Server
            && self.held.backlog >= self.config.send_budget as u64
            && self.held.stuck.is_none()
        {
            self.held.stuck = Some(Stuck::begin(now));
        }
    }

    /// When a backlog of which nothing can be sent ends the connection.
    pub(super) fn stuck_deadline(&self) -> Option<Instant> {
        let stuck = self.held.stuck?;
        Some(later(stuck.since, self.config.stuck_timeout))
    }

    /// The time may be over for a backlog, for a header block or for a pause.
    pub(super) fn on_budget_timeout(&mut self, now: Instant) {
        self.abuse.on_timeout(now);
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.blocks.deadline()) {
            self.fail(PeerMisbehaved::HeaderBlockTooSlow);
        } else if due(self.stuck_deadline()) {
            if self.held.backlog >= self.config.send_budget as u64 {
                self.fail(PeerMisbehaved::ResponsesUnread);
            } else {
                self.held.stuck = None;
            }
        }
    }
}
