//! What a subchannel hears of its connections, and why they end.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use farcall_core::status::Reason;

use super::id::SubchannelId;

/// An error as it came from the network, shared by everybody who reports it.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Names one connection, or one attempt at it, of a subchannel; never used twice. Events that name a connection which
/// the subchannel has given up change nothing.
///
/// ```
/// use farcall_lb::subchannel::{ConnectionId, SubchannelId};
///
/// let connection = ConnectionId::new(SubchannelId::new(7), 2);
/// assert_eq!(connection.subchannel(), SubchannelId::new(7));
/// assert_eq!(connection.to_string(), "7.2");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    subchannel: SubchannelId,
    number: u64,
}

impl ConnectionId {
    /// The connection `number` of a subchannel; channels number them themselves.
    pub const fn new(subchannel: SubchannelId, number: u64) -> Self {
        Self { subchannel, number }
    }

    /// The subchannel that it belongs to.
    pub const fn subchannel(self) -> SubchannelId {
        self.subchannel
    }

    /// Its number within the subchannel, from 1.
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.subchannel, self.number)
    }
}

/// What the network has to say about a connection.
///
/// ```
/// use farcall_lb::subchannel::ConnectionEvent;
/// use std::{io, sync::Arc};
///
/// let error = io::Error::from(io::ErrorKind::ConnectionRefused);
/// let event = ConnectionEvent::ConnectFailed(Arc::new(error));
/// assert!(matches!(event, ConnectionEvent::ConnectFailed(cause) if cause.is::<io::Error>()));
/// ```
#[derive(Debug, Clone)]
pub enum ConnectionEvent {
    /// The handshakes are done and the peer's SETTINGS have arrived: calls can go out.
    Connected,
    /// The attempt failed; or the connection, although it was `Connected`, ended or takes no calls before it was of
    /// any use, which counts as a failure until the attempt's backoff is over.
    ConnectFailed(Cause),
    /// The connection takes no new calls (GOAWAY, ids used up), those on it go on.
    Draining(DisconnectReason),
    /// The connection is gone. Last event of its connection.
    Disconnected(DisconnectReason),
}

/// Why a connection that was ready ended (gRFC A94).
///
/// ```
/// use farcall_lb::subchannel::DisconnectReason;
///
/// let reason = DisconnectReason::GoAway { code: 11, debug: "too_many_pings".into() };
/// assert_eq!(reason.label(), "GOAWAY ENHANCE_YOUR_CALM");
/// assert_eq!(reason.to_string(), "GOAWAY ENHANCE_YOUR_CALM, debug data \"too_many_pings\"");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The peer sent GOAWAY (RFC 9113 §6.8).
    GoAway {
        /// The error code.
        code: u32,
        /// The debug data, read as UTF-8 with replacement.
        debug: String,
    },
    /// The peer reset the connection.
    ConnectionReset,
    /// The connection timed out, also by keepalive.
    ConnectionTimedOut,
    /// The connection was aborted on this side.
    ConnectionAborted,
    /// Another error of the socket or of the protocol.
    SocketError(Cause),
    /// The subchannel was removed.
    SubchannelShutdown,
    /// The peer closed without a word, or the reason is not known.
    Unknown,
}

impl DisconnectReason {
    /// The value of the metric label `grpc.disconnect_error` (gRFC A94).
    pub fn label(&self) -> String {
        match self {
            Self::GoAway { code, .. } => match Reason(*code).name() {
                Some(name) => format!("GOAWAY {name}"),
                None => format!("GOAWAY {code}"),
            },
            Self::ConnectionReset => "connection reset".into(),
            Self::ConnectionTimedOut => "connection timed out".into(),
            Self::ConnectionAborted => "connection aborted".into(),
            Self::SocketError(_) => "socket error".into(),
            Self::SubchannelShutdown => "subchannel shutdown".into(),
            Self::Unknown => "unknown".into(),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())?;
        match self {
            Self::GoAway { debug, .. } if !debug.is_empty() => {
                write!(f, ", debug data \"{}\"", debug.escape_debug())
            }
            Self::SocketError(cause) => write!(f, ": {cause}"),
            _ => Ok(()),
        }
    }
}

impl Error for DisconnectReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Its own text is already part of ours.
            Self::SocketError(cause) => cause.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn reasons_have_the_labels_of_grfc_a94() {
        let goaway = |code| DisconnectReason::GoAway {
            code,
            debug: "the peer's own words".into(),
        };
        let broken = Arc::new(std::io::Error::other("broken"));
        for (reason, label) in [
            (goaway(0), "GOAWAY NO_ERROR"),
            (goaway(11), "GOAWAY ENHANCE_YOUR_CALM"),
            (goaway(77), "GOAWAY 77"),
            (DisconnectReason::ConnectionReset, "connection reset"),
            (DisconnectReason::ConnectionTimedOut, "connection timed out"),
            (DisconnectReason::ConnectionAborted, "connection aborted"),
            (DisconnectReason::SocketError(broken), "socket error"),
            (DisconnectReason::SubchannelShutdown, "subchannel shutdown"),
            (DisconnectReason::Unknown, "unknown"),
        ] {
            assert_eq!(reason.label(), label);
        }
    }
}
