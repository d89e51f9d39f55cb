//! Log lines that peers can cause: escaped, limited in rate, with a count of what was left out.

use crate::peer::Peer;
use farcall_http2::ConnectionError;
use std::{
    fmt, io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// At most one line per cause in this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// The kinds of trouble that have a budget of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// A handler panicked.
    Panic,
    /// A request that the server refused.
    Request,
    /// A connection that broke the protocol.
    Protocol,
    /// A socket that failed.
    Io,
    /// A TLS handshake that failed.
    Handshake,
    /// The listener could not accept.
    Accept,
}

const KINDS: usize = 6;

/// The log of one server, through the `log` crate under the target `farcall`.
#[derive(Default)]
pub(crate) struct Log {
    budgets: Mutex<[Budget; KINDS]>,
}

#[derive(Clone, Copy, Default)]
struct Budget {
    last: Option<Instant>,
    suppressed: u64,
}

impl Budget {
    /// Whether a line may be written now, and how many were left out before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
        if self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < INTERVAL)
        {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

impl Log {
    /// One line about a peer; control characters in `what` are escaped.
    pub(crate) fn report(&self, trouble: Trouble, peer: &Peer, what: &dyn fmt::Display) {
        self.write(trouble, format_args!("{}", peer.remote_address()), what);
    }

    /// The end of a connection, if the peer is to blame for it.
    pub(crate) fn closed(&self, peer: &Peer, error: &ConnectionError) {
        if let ConnectionError::Misbehaved(..)
        | ConnectionError::KeepaliveTimeout
        | ConnectionError::SettingsTimeout = error
        {
            self.report(Trouble::Protocol, peer, error);
        }
    }

    /// A socket's failure; resets by peers are everyday life.
    pub(crate) fn io_error(&self, peer: &Peer, error: &io::Error) {
        if !matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        ) {
            self.report(Trouble::Io, peer, error);
        }
    }

    /// One line about something that has no peer yet.
    pub(crate) fn write(
        &self,
        trouble: Trouble,
        whom: fmt::Arguments<'_>,
        what: &dyn fmt::Display,
    ) {
        let suppressed = {
            let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
            budgets[trouble as usize].take(Instant::now())
        };
        let Some(suppressed) = suppressed else { return };
        let what = what.to_string();
        let what = what.escape_debug();
        if suppressed > 0 {
            log::warn!(target: "farcall", "{trouble:?}: {whom}: {what} ({suppressed} more like it were not logged)");
        } else {
            log::warn!(target: "farcall", "{trouble:?}: {whom}: {what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_allows_one_line_a_second_and_counts_the_rest() {
        let now = Instant::now();
        let mut budget = Budget::default();
        assert_eq!(budget.take(now), Some(0));
        assert_eq!(budget.take(now), None);
        assert_eq!(budget.take(now + INTERVAL / 2), None);
        assert_eq!(budget.take(now + INTERVAL), Some(2));
    }
}
