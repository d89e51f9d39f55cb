//! The connectivity of one address: connecting, backing off, trying again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farcall_core::backoff::{Backoff, BackoffConfig};

use crate::address::Address;
use crate::later::later;

use super::connection::{Cause, ConnectionEvent, ConnectionId};
use super::error::{ConnectDeadlineExceeded, SubchannelError};
use super::id::SubchannelId;
use super::state::SubchannelState;

/// How subchannels connect.
///
/// ```
/// use farcall_lb::{channel::ChannelConfig, subchannel::SubchannelConfig};
/// use std::time::Duration;
///
/// let mut subchannel = SubchannelConfig::default();
/// subchannel.min_connect_timeout = Duration::from_secs(5);
/// subchannel.backoff.max_delay = Duration::from_secs(30);
/// let config = ChannelConfig::new(42).with_subchannel(subchannel);
/// assert_eq!(config.subchannel, subchannel);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SubchannelConfig {
    /// The pauses between failed attempts. Default 1 s × 1.6 ± 20 % up to 120 s (gRPC's connection-backoff document).
    pub backoff: BackoffConfig,
    /// The least time that an attempt may take until it counts as failed. Default 20 s; longer while the backoff is
    /// longer.
    pub min_connect_timeout: Duration,
    /// The most time that an attempt may take, whatever the backoff. Default none.
    pub max_connect_timeout: Option<Duration>,
}

impl Default for SubchannelConfig {
    fn default() -> Self {
        Self {
            backoff: BackoffConfig::default(),
            min_connect_timeout: Duration::from_secs(20),
            max_connect_timeout: None,
        }
    }
}

/// The connectivity machine of one address.
///
/// ```text
///            connect            Connected
///   Idle ───────────▶ Connecting ────────▶ Ready
///    ▲                  │                    │ Draining, Disconnected
///    │  backoff over    │ ConnectFailed,     │
///    │                  ▼ deadline           │
///    ├──────── TransientFailure              │
///    └───────────────────────────────────────┘        shutdown: from everywhere to Shutdown
/// ```
///
/// The backoff counts from the start of the attempt, as gRPC's connection-backoff document has it; it begins again
/// with the shortest pause once the subchannel was ready. Each input that returns `true` has changed
/// [`state`](Self::state).
///
/// ```
/// use farcall_lb::subchannel::*;
/// use farcall_lb::{Address, ConnectivityState};
/// use std::{sync::Arc, time::{Duration, Instant}};
///
/// let now = Instant::now();
/// let address = Address::from(([10, 0, 0, 1], 443));
/// let mut subchannel = Subchannel::new(SubchannelId::new(1), address, SubchannelConfig::default(), 7);
/// let order = subchannel.connect(now).unwrap();
/// assert_eq!(order.deadline, now + Duration::from_secs(20));
///
/// let refused = Arc::new(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
/// assert!(subchannel.handle_connection(now, order.connection, ConnectionEvent::ConnectFailed(refused)));
/// assert_eq!(subchannel.state().connectivity(), ConnectivityState::TransientFailure);
/// let retry = subchannel.poll_timeout().unwrap() - now;
/// assert!(retry >= Duration::from_millis(800) && retry <= Duration::from_millis(1200));
/// ```
#[derive(Debug)]
pub struct Subchannel {
    id: SubchannelId,
    address: Address,
    min_connect_timeout: Duration,
    max_connect_timeout: Option<Duration>,
    backoff: Backoff,
    connections: u64,
    failures: Failures,
    link: Link,
}

/// The attempts that failed since the subchannel was last ready.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    since: Option<Instant>,
}

#[derive(Debug)]
enum Link {
    Idle,
    Connecting {
        connection: ConnectionId,
        started: Instant,
        deadline: Instant,
        retry_at: Instant,
    },
    Ready {
        connection: ConnectionId,
        started: Instant,
        retry_at: Instant,
    },
    Failed {
        error: SubchannelError,
        retry_at: Instant,
    },
    Shutdown,
}

/// An attempt that the network is to make.
///
/// ```
/// use farcall_lb::{Address, subchannel::{Subchannel, SubchannelConfig, SubchannelId}};
/// use std::time::Instant;
///
/// let config = SubchannelConfig::default();
/// let mut subchannel = Subchannel::new(SubchannelId::new(1), Address::named("a:1"), config, 7);
/// let order = subchannel.connect(Instant::now()).unwrap();
/// assert_eq!(order.connection.number(), 1);
/// assert!(subchannel.connect(Instant::now()).is_none()); // it is connecting already
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectOrder {
    /// The name of the connection in all its events.
    pub connection: ConnectionId,
    /// When the subchannel gives the attempt up.
    pub deadline: Instant,
}

/// What happened when time passed.
///
/// ```
/// use farcall_lb::{Address, subchannel::{Subchannel, SubchannelConfig, SubchannelId, SubchannelTimeout}};
/// use std::time::Instant;
///
/// let config = SubchannelConfig::default();
/// let mut subchannel = Subchannel::new(SubchannelId::new(1), Address::named("a:1"), config, 7);
/// let order = subchannel.connect(Instant::now()).unwrap();
/// let timeout = subchannel.handle_timeout(order.deadline);
/// assert_eq!(timeout, Some(SubchannelTimeout::ConnectDeadline(order.connection)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubchannelTimeout {
    /// The attempt took too long; it is to be cut. The subchannel is now in transient failure.
    ConnectDeadline(ConnectionId),
    /// The backoff is over. The subchannel is now idle.
    BackoffOver,
}

impl Subchannel {
    /// A subchannel that is idle. The seed spreads the backoff.
    pub fn new(id: SubchannelId, address: Address, config: SubchannelConfig, seed: u64) -> Self {
        Self {
            id,
            address,
            min_connect_timeout: config.min_connect_timeout,
            max_connect_timeout: config.max_connect_timeout,
            backoff: Backoff::new(config.backoff, seed),
            connections: 0,
            failures: Failures::default(),
            link: Link::Idle,
        }
    }

    /// Its name.
    pub fn id(&self) -> SubchannelId {
        self.id
    }

    /// Where it connects to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The state as policies see it.
    pub fn state(&self) -> SubchannelState {
        match &self.link {
            Link::Idle => SubchannelState::Idle,
            Link::Connecting { .. } => SubchannelState::Connecting,
            Link::Ready { .. } => SubchannelState::Ready,
            Link::Failed { error, .. } => SubchannelState::TransientFailure(error.clone()),
            Link::Shutdown => SubchannelState::Shutdown,
        }
    }

    /// Starts an attempt if the subchannel is idle; otherwise does nothing and gives `None`.
    pub fn connect(&mut self, now: Instant) -> Option<ConnectOrder> {
        let Link::Idle = self.link else { return None };
        let delay = self.backoff.next_delay();
        self.connections += 1;
        let connection = ConnectionId::new(self.id, self.connections);
        let timeout = delay.max(self.min_connect_timeout);
        let timeout = self
            .max_connect_timeout
            .map_or(timeout, |max| timeout.min(max));
        let deadline = later(now, timeout);
        self.failures.since.get_or_insert(now);
        self.link = Link::Connecting {
            connection,
            started: now,
            deadline,
            retry_at: later(now, delay),
        };
        Some(ConnectOrder {
            connection,
            deadline,
        })
    }

    /// Something happened to a connection. Events of connections that were given up change nothing.
    pub fn handle_connection(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        event: ConnectionEvent,
    ) -> bool {
        match (&self.link, event) {
            (
                &Link::Connecting {
                    connection: c,
                    started,
                    retry_at,
                    ..
                },
                event,
            ) if c == connection => match event {
                ConnectionEvent::Connected => {
                    self.failures = Failures::default();
                    self.backoff.reset();
                    self.link = Link::Ready {
                        connection,
                        started,
                        retry_at,
                    };
                }
                ConnectionEvent::ConnectFailed(cause) => self.fail(now, cause),
                // The peer hung up between our preface and its SETTINGS.
                ConnectionEvent::Draining(reason) | ConnectionEvent::Disconnected(reason) => {
                    self.fail(now, Arc::new(reason));
                }
            },
            // It was of no use: a peer that takes connections only to end them is not to be asked without a pause.
            (
                Link::Ready {
                    connection: c,
                    retry_at,
                    ..
                },
                ConnectionEvent::ConnectFailed(cause),
            ) if *c == connection && now < *retry_at => self.fail(now, cause),
            (
                Link::Ready { connection: c, .. },
                ConnectionEvent::Draining(_)
                | ConnectionEvent::Disconnected(_)
                | ConnectionEvent::ConnectFailed(_),
            ) if *c == connection => self.link = Link::Idle,
            _ => return false,
        }
        true
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.link {
            Link::Connecting { deadline, .. } => Some(*deadline),
            Link::Failed { retry_at, .. } => Some(*retry_at),
            Link::Idle | Link::Ready { .. } | Link::Shutdown => None,
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<SubchannelTimeout> {
        match &self.link {
            Link::Connecting {
                connection,
                started,
                deadline,
                ..
            } if *deadline <= now => {
                let connection = *connection;
                let cause = ConnectDeadlineExceeded(*deadline - *started);
                self.fail(now, Arc::new(cause));
                Some(SubchannelTimeout::ConnectDeadline(connection))
            }
            Link::Failed { retry_at, .. } if *retry_at <= now => {
                self.link = Link::Idle;
                Some(SubchannelTimeout::BackoffOver)
            }
            _ => None,
        }
    }

    /// Begins again with the shortest pause, and ends the pause of a failed attempt.
    pub fn reset_backoff(&mut self) -> bool {
        self.backoff.reset();
        match &mut self.link {
            Link::Failed { .. } => {
                self.link = Link::Idle;
                true
            }
            Link::Connecting {
                started, retry_at, ..
            } => {
                *retry_at = *started;
                false
            }
            Link::Idle | Link::Ready { .. } | Link::Shutdown => false,
        }
    }

    /// Ends it. Gives the connection that is ready or being made, and whether it is ready: calls may be on it then.
    pub fn shutdown(&mut self) -> Option<(ConnectionId, bool)> {
        match std::mem::replace(&mut self.link, Link::Shutdown) {
            Link::Connecting { connection, .. } => Some((connection, false)),
            Link::Ready { connection, .. } => Some((connection, true)),
            Link::Idle | Link::Failed { .. } | Link::Shutdown => None,
        }
    }

    /// The connection that is ready.
    pub fn ready_connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::Ready { connection, .. } => Some(connection),
            _ => None,
        }
    }

    fn fail(&mut self, now: Instant, cause: Cause) {
        let (Link::Connecting {
            started, retry_at, ..
        }
        | Link::Ready {
            started, retry_at, ..
        }) = self.link
        else {
            return;
        };
        self.failures.count = self.failures.count.saturating_add(1);
        let since = self.failures.since.unwrap_or(started);
        let error =
            SubchannelError::new(self.address.clone(), cause, self.failures.count, since, now);
        self.link = Link::Failed { error, retry_at };
    }
}
