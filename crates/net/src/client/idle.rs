//! When a channel without calls goes idle.
//!
//! Calls leave no trace where they start: nothing is counted for each. When the time is over, the channel asks its
//! connections when they were last used, and goes by the latest answer.

use farcall_lb::subchannel::ConnectionId;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// See the module. A machine: it is told the time.
#[derive(Debug)]
pub(super) struct Idleness {
    /// `None`: never.
    timeout: Option<Duration>,
    phase: Phase,
    /// The number of the last question.
    round: u32,
    /// When the channel was last used, as far as is known.
    used: Instant,
}

#[derive(Debug)]
enum Phase {
    /// The channel is idle, or never becomes so.
    Rest,
    /// Ask then.
    Until(Instant),
    /// These connections have not answered yet.
    Asking(BTreeSet<ConnectionId>),
}

impl Idleness {
    pub(super) fn new(timeout: Option<Duration>, now: Instant) -> Idleness {
        Idleness {
            timeout,
            phase: Phase::Rest,
            round: 0,
            used: now,
        }
    }

    /// The channel is active, or is not; to be told as often as one likes.
    pub(super) fn set_active(&mut self, active: bool, now: Instant) {
        match (active, &self.phase) {
            (true, Phase::Rest) => {
                self.used = now;
                self.wait();
            }
            (false, _) => self.phase = Phase::Rest,
            (true, _) => {}
        }
    }

    /// When [`ask`](Self::ask) is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Until(at) => Some(at),
            _ => None,
        }
    }

    /// The time may be over: puts question number so-and-so, to be answered by those for whom `put` says yes. `busy`: the
    /// channel is in use whatever connections say. True: there is nobody to ask, and the channel goes idle.
    #[must_use]
    pub(super) fn ask(
        &mut self,
        now: Instant,
        busy: bool,
        connections: impl IntoIterator<Item = ConnectionId>,
        mut put: impl FnMut(ConnectionId, u32) -> bool,
    ) -> bool {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return false;
        }
        if busy {
            self.used = now;
            self.wait();
            return false;
        }
        self.round = self.round.wrapping_add(1);
        let round = self.round;
        let asked = connections.into_iter().filter(|id| put(*id, round));
        self.phase = Phase::Asking(asked.collect());
        self.decide(now)
    }

    /// A connection was last used then; or it has ended, and was last used then. True: the channel goes idle.
    #[must_use]
    pub(super) fn answered(&mut self, now: Instant, id: ConnectionId, used: Instant) -> bool {
        self.used = self.used.max(used);
        match &mut self.phase {
            Phase::Asking(open) => {
                open.remove(&id);
                self.decide(now)
            }
            _ => false,
        }
    }

    fn decide(&mut self, now: Instant) -> bool {
        let Phase::Asking(open) = &self.phase else {
            return false;
        };
        if !open.is_empty() {
            return false;
        }
        self.wait();
        self.poll_timeout().is_some_and(|at| at <= now)
    }

    fn wait(&mut self) {
        self.phase = match self.timeout.and_then(|t| self.used.checked_add(t)) {
            Some(at) => Phase::Until(at),
            None => Phase::Rest,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farcall_lb::subchannel::SubchannelId;

    const MINUTE: Duration = Duration::from_secs(60);

    fn id(n: u64) -> ConnectionId {
        ConnectionId::new(SubchannelId::new(1), n)
    }

    fn active() -> (Idleness, Instant) {
        let now = Instant::now();
        let mut idleness = Idleness::new(Some(30 * MINUTE), now);
        assert_eq!(idleness.poll_timeout(), None);
        idleness.set_active(true, now);
        (idleness, now)
    }

    #[test]
    fn the_channel_goes_idle_when_the_latest_use_of_any_connection_is_that_long_ago() {
        let (mut idleness, start) = active();
        let at = idleness.poll_timeout().unwrap();
        assert_eq!(at, start + 30 * MINUTE);
        assert!(!idleness.ask(at, false, [id(1), id(2)], |_, round| round == 1));
        assert!(!idleness.answered(at, id(1), start));
        assert!(!idleness.answered(at, id(2), start + 10 * MINUTE));
        let at = idleness.poll_timeout().unwrap();
        assert_eq!(at, start + 40 * MINUTE);
        assert!(!idleness.ask(at, false, [id(1), id(2)], |_, round| round == 2));
        assert!(!idleness.answered(at, id(1), start));
        assert!(idleness.answered(at, id(2), start + 10 * MINUTE));
    }

    #[test]
    fn without_connections_it_goes_idle_at_once_unless_somebody_waits() {
        let (mut idleness, start) = active();
        let at = start + 30 * MINUTE;
        assert!(!idleness.ask(at, true, [], |_, _| true));
        assert_eq!(idleness.poll_timeout(), Some(at + 30 * MINUTE));
        // A connection that is gone already says nothing.
        assert!(idleness.ask(at + 30 * MINUTE, false, [id(1)], |_, _| false));
        idleness.set_active(false, at);
        assert_eq!(idleness.poll_timeout(), None);
    }

    #[test]
    fn without_a_limit_there_is_no_timer() {
        let now = Instant::now();
        let mut idleness = Idleness::new(None, now);
        idleness.set_active(true, now);
        assert_eq!(idleness.poll_timeout(), None);
    }
}
