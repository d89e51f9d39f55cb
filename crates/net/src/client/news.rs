//! What connections tell the channel they belong to.

use super::backoffs::Later;
use crate::{transport::Mailbox, words::words};
use bytes::Bytes;
use farcall_core::{Status, status::Explained};
use farcall_http2::{ConnectionError, Reason};
use farcall_lb::{
    health::HealthEvent,
    subchannel::{Cause, DisconnectReason},
};
use std::{fmt, io, sync::Arc, time::Instant};

#[derive(Debug)]
pub(crate) enum News {
    /// The server's settings have arrived: calls may go out.
    Ready,
    /// There is no connection: TCP, TLS or a proxy said no.
    Refused(Cause),
    /// No new calls, please; open ones go on.
    GoingAway(Arc<Disconnect>),
    /// Over.
    Closed(Arc<Disconnect>),
    /// A call has ended, and another one has looked for its place.
    Room,
    /// When the connection was last used: the answer to a question.
    Used(Instant),
    /// What has come of the call with this number that watches the backend's health.
    Health(u64, HealthEvent),
    /// Calls of which nothing was sent: they may go out on another connection.
    Unsent(Vec<Arc<Mailbox>>),
    /// Calls whose attempt has failed: another one follows.
    Later(Vec<Later>),
}

impl News {
    /// There is no channel any more to do something about it.
    pub(crate) fn fail(self) {
        let mailboxes = match self {
            News::Unsent(mailboxes) => mailboxes,
            News::Later(later) => later.into_iter().map(|later| later.mailbox).collect(),
            _ => return,
        };
        for mailbox in mailboxes {
            let status = "the connection was lost and the channel is closed";
            mailbox.fail(Status::unavailable(status));
        }
    }
}

/// Why a connection ended: the local cause of the `UNAVAILABLE` of its calls.
#[derive(Debug)]
pub(crate) struct Disconnect {
    pub(crate) peer: Arc<str>,
    pub(crate) error: Option<io::Error>,
    pub(crate) machine: Option<ConnectionError>,
    /// The server's last GOAWAY.
    pub(crate) goaway: Option<(Reason, Bytes)>,
    /// When a call last began or ended on it.
    pub(crate) used: Instant,
    /// No call was answered on the connection, none is being, and none was cut with it.
    pub(crate) useless: bool,
}

impl Disconnect {
    /// The server wants fewer pings: GOAWAY(ENHANCE_YOUR_CALM) "too_many_pings" (gRFC A8).
    pub(crate) fn is_too_many_pings(&self) -> bool {
        let goaway = self.goaway.as_ref();
        goaway.is_some_and(|(reason, debug)| {
            *reason == Reason::ENHANCE_YOUR_CALM && debug[..] == b"too_many_pings"[..]
        })
    }

    /// The class of the reason (gRFC A94).
    pub(crate) fn reason(&self) -> DisconnectReason {
        if let Some((reason, debug)) = &self.goaway {
            return DisconnectReason::GoAway {
                code: reason.0,
                debug: String::from_utf8_lossy(debug).into_owned(),
            };
        }
        if let Some(ConnectionError::KeepaliveTimeout) = &self.machine {
            return DisconnectReason::ConnectionTimedOut;
        }
        match &self.error {
            Some(error) => match error.kind() {
                io::ErrorKind::ConnectionReset => DisconnectReason::ConnectionReset,
                io::ErrorKind::TimedOut => DisconnectReason::ConnectionTimedOut,
                io::ErrorKind::ConnectionAborted => DisconnectReason::ConnectionAborted,
                kind => {
                    DisconnectReason::SocketError(Arc::new(io::Error::new(kind, error.to_string())))
                }
            },
            None => match &self.machine {
                Some(machine @ ConnectionError::Misbehaved(_)) => {
                    DisconnectReason::SocketError(Arc::new(io::Error::other(machine.to_string())))
                }
                _ => DisconnectReason::Unknown,
            },
        }
    }
}

impl Disconnect {
    /// As the reason why there is no connection, where its peer is known.
    pub(crate) fn explained(self: Arc<Self>) -> Cause {
        Arc::new(Explained::of(What(&self).to_string(), self.clone()))
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection to {}: {}", self.peer, What(self))
    }
}

/// What has happened, without the peer.
struct What<'a>(&'a Disconnect);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Disconnect {
            error,
            machine,
            goaway,
            ..
        } = self.0;
        match (error, machine) {
            (Some(error), _) => f.write_str(&words(error))?,
            // What it said follows.
            (None, Some(ConnectionError::GoAway(..))) if goaway.is_some() => {
                f.write_str("closed")?
            }
            (None, Some(machine)) => write!(f, "{machine}")?,
            (None, None) => f.write_str("the server goes away")?,
        }
        if let Some((reason, debug)) = goaway {
            write!(f, ", after GOAWAY {reason}")?;
            if !debug.is_empty() {
                write!(f, " \"{}\"", debug.escape_ascii())?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Disconnect {}
