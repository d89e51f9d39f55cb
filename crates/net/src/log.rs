//! Log lines that peers can cause: escaped, limited in rate, with a count of what was left out; and the counters of the same.

use crate::{
    clock,
    peer::{Peer, PeerReports},
};
use farcall_http2::{ConnectionError, PeerMisbehaved, Reason};
use std::{
    collections::HashMap,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// At most one line per cause in this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// The kinds of trouble that have a budget of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    /// A connection beyond a limit.
    Refused,
    /// A server that sent a client away for a reason.
    GoAway,
    /// A service config that is not followed to the letter.
    ServiceConfig,
}

/// The log of one server or channel, through the `log` crate under the target `farcall`.
#[derive(Default)]
pub(crate) struct Log {
    /// By kind and cause; never more than [`CAUSES`], since what peers say is not part of the key.
    budgets: Mutex<HashMap<(Trouble, u64), Budget>>,
    pub(crate) reports: PeerReports,
}

/// Further causes share the budget of their kind.
const CAUSES: usize = 256;

impl Trouble {
    /// Tells causes of one kind apart by the words of ours that are in their texts.
    fn cause(self, what: &str) -> u64 {
        let ours = match self {
            // The name of a code and the first word; whatever a peer has said comes behind them.
            Trouble::Request | Trouble::GoAway => {
                let mut words = what.splitn(3, ' ');
                (words.next(), words.next())
            }
            // A crime's sentence is wholly ours, and so is the name of a limit.
            Trouble::Protocol | Trouble::Refused => (Some(what), None),
            _ => return 0,
        };
        let mut hasher = DefaultHasher::new();
        ours.hash(&mut hasher);
        hasher.finish()
    }
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
    pub(crate) fn with(reports: PeerReports) -> Log {
        Log {
            reports,
            ..Log::default()
        }
    }

    /// One line about a peer; control characters in `what` are escaped.
    pub(crate) fn report(&self, trouble: Trouble, peer: &Peer, what: &dyn fmt::Display) {
        self.write(trouble, format_args!("{}", peer.remote_address()), what);
    }

    /// The end of a connection, if the peer is to blame for it.
    pub(crate) fn closed(&self, peer: &dyn fmt::Display, error: &ConnectionError) {
        if let ConnectionError::Misbehaved(_)
        | ConnectionError::KeepaliveTimeout
        | ConnectionError::SettingsTimeout = error
        {
            self.reports.goaway_sent();
            self.write(Trouble::Protocol, format_args!("{peer}"), error);
        }
        if let ConnectionError::Misbehaved(crime) = error {
            self.reports.misbehaved(*crime);
        }
    }

    /// A call or a frame that broke a rule, and was reset for it.
    pub(crate) fn misbehaved(&self, peer: &Peer, crime: PeerMisbehaved) {
        self.reports.misbehaved(crime);
        self.report(Trouble::Protocol, peer, &crime);
    }

    /// A GOAWAY of a server's that blames this client.
    pub(crate) fn sent_away(&self, server: &dyn fmt::Display, reason: Reason, debug: &[u8]) {
        if reason != Reason::NO_ERROR {
            let text = String::from_utf8_lossy(debug);
            let what = format!("{reason} was the server's GOAWAY: {text}");
            self.write(Trouble::GoAway, format_args!("{server}"), &what);
        }
    }

    /// A service config wants more attempts than the channel makes.
    pub(crate) fn capped_attempts(&self, target: &dyn fmt::Display, asked: u32, cap: u32) {
        let what = format!(
            "the service config asks for {asked} attempts of a call, the channel makes at most {cap}"
        );
        self.write(Trouble::ServiceConfig, format_args!("{target}"), &what);
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
        let what = what.to_string();
        let suppressed = {
            let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
            let mut key = (trouble, trouble.cause(&what));
            if budgets.len() >= CAUSES && !budgets.contains_key(&key) {
                key.1 = 0;
            }
            budgets.entry(key).or_default().take(clock::now())
        };
        let Some(suppressed) = suppressed else { return };
        let what = what.escape_debug();
        let line = || match suppressed {
            0 => log::warn!(target: "farcall", "{trouble:?}: {whom}: {what}"),
            _ => {
                log::warn!(target: "farcall", "{trouble:?}: {whom}: {what} ({suppressed} more like it were not logged)");
            }
        };
        // A logger that panics, as `eprintln!` does when the disk is full, is no reason to lose a connection.
        catch_unwind(AssertUnwindSafe(line)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_by_our_words_and_not_by_the_peers() {
        let cause = |what: &str| Trouble::Request.cause(what);
        let timeout = cause("INTERNAL: malformed grpc-timeout \"one\"");
        assert_eq!(timeout, cause("INTERNAL: malformed grpc-timeout \"two\""));
        assert_ne!(timeout, cause("INTERNAL: request headers: x-bin"));
        assert_ne!(timeout, cause("UNIMPLEMENTED: unknown service a.B"));
        assert_eq!(cause(""), cause(""));
    }

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
