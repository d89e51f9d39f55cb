//! What a channel wants done.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use farcall_core::{Attributes, ServiceConfig};

use crate::address::Address;
use crate::balancer::Picker;
use crate::connectivity::ConnectivityState;
use crate::selector::ConfigSelector;
use crate::subchannel::ConnectionId;

/// What a [`Channel`](super::Channel) wants done, to be carried out in order.
///
/// ```
/// use farcall_lb::channel::{Action, Channel, ChannelConfig};
/// use std::time::Instant;
///
/// let mut channel = Channel::new("dns:///greeter.example", ChannelConfig::new(42)).unwrap();
/// channel.connect(Instant::now());
/// let actions: Vec<_> = std::iter::from_fn(|| channel.poll_action()).collect();
/// assert!(matches!(actions[..], [Action::Publish { .. }, Action::StartResolver]));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Action {
    /// Start the resolver for the channel's target; only for schemes whose resolver is
    /// [external](crate::resolver::ResolverKind::External).
    StartResolver,
    /// A hint to that resolver: the endpoints seem to be out of date.
    ResolveNow,
    /// Stop that resolver.
    StopResolver,
    /// Connect; answer with [`ConnectionEvent::Connected`](crate::subchannel::ConnectionEvent) or `ConnectFailed`.
    Connect {
        /// The connection's name in all events and actions.
        connection: ConnectionId,
        /// Where to.
        address: Address,
        /// The attributes of the endpoint that the address belongs to.
        endpoint_attributes: Attributes,
        /// When the channel gives the attempt up; it sends [`Action::Close`] then.
        deadline: Instant,
    },
    /// Give the connection no new calls and close it when the last one has ended; report `Disconnected` then.
    Drain(ConnectionId),
    /// Cut the connection, or the attempt at it, now. No event is wanted.
    Close(ConnectionId),
    /// Call `grpc.health.v1.Health/Watch` on this connection, for this service, and report what comes of it with
    /// [`handle_health`](super::Channel::handle_health). The call is nobody's: no service config, retry or deadline is for it.
    WatchHealth {
        /// The connection, which is ready.
        connection: ConnectionId,
        /// The number of the call on the connection.
        number: u64,
        /// The service to ask for.
        service: Arc<str>,
    },
    /// Cancel that call; no event is wanted. The connection may have ended already.
    StopHealthWatch {
        /// The connection.
        connection: ConnectionId,
        /// The number of the call.
        number: u64,
    },
    /// The service config from now on, for the calls that start. The first one comes before the first picker that gives
    /// connections: calls wait for it.
    ServiceConfig {
        /// The config.
        config: Arc<ServiceConfig>,
        /// What decides about each call, in place of a look-up by its method's name.
        selector: Option<Arc<dyn ConfigSelector>>,
    },
    /// The channel's state and picker from now on. Queued calls pick again.
    Publish {
        /// The state.
        state: ConnectivityState,
        /// Chooses for all calls until the next one comes.
        picker: Arc<dyn Picker>,
    },
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartResolver => f.write_str("StartResolver"),
            Self::ResolveNow => f.write_str("ResolveNow"),
            Self::StopResolver => f.write_str("StopResolver"),
            Self::Connect {
                connection,
                address,
                ..
            } => write!(f, "Connect({connection}, {address})"),
            Self::Drain(connection) => write!(f, "Drain({connection})"),
            Self::Close(connection) => write!(f, "Close({connection})"),
            Self::WatchHealth {
                connection,
                number,
                service,
            } => write!(f, "WatchHealth({connection}, {number}, {service:?})"),
            Self::StopHealthWatch { connection, number } => {
                write!(f, "StopHealthWatch({connection}, {number})")
            }
            Self::ServiceConfig { .. } => f.write_str("ServiceConfig"),
            Self::Publish { state, .. } => write!(f, "Publish({state})"),
        }
    }
}
