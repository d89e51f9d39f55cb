//! What a policy wants done.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use farcall_core::Attributes;

use crate::address::Address;
use crate::connectivity::ConnectivityState;
use crate::subchannel::SubchannelId;

use super::picker::Picker;

/// Names a timer of a policy; never used twice in one channel.
///
/// ```
/// use farcall_lb::balancer::{PolicyAction, PolicyHost};
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let (timer, actions) = PolicyHost::new(1).run(now, |cx| cx.set_timer(now));
/// assert!(matches!(actions[..], [PolicyAction::SetTimer { id, .. }] if id == timer));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId(pub(super) u64);

/// What a subchannel is to be.
///
/// ```
/// use farcall_core::Attributes;
/// use farcall_lb::{Address, balancer::SubchannelSpec};
///
/// let spec = SubchannelSpec::new(Address::named("a:1"))
///     .with_endpoint_attributes(Attributes::new().with("zone a"));
/// assert_eq!(spec.endpoint_attributes.find(), Some(&"zone a"));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SubchannelSpec {
    /// Where it connects to.
    pub address: Address,
    /// The attributes of the endpoint that the address belongs to, for whoever connects.
    pub endpoint_attributes: Attributes,
}

impl SubchannelSpec {
    /// A subchannel to `address`.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            endpoint_attributes: Attributes::new(),
        }
    }

    /// The same with the attributes of its endpoint.
    pub fn with_endpoint_attributes(mut self, attributes: Attributes) -> Self {
        self.endpoint_attributes = attributes;
        self
    }
}

impl From<Address> for SubchannelSpec {
    fn from(address: Address) -> Self {
        Self::new(address)
    }
}

/// What a policy wants done; recorded by the [`Context`](super::Context), carried out by the channel in order. A
/// parent policy sees those of its children first and passes on what it likes.
///
/// ```
/// use farcall_lb::balancer::{PolicyAction, PolicyHost};
/// use std::time::Instant;
///
/// let ((), actions) = PolicyHost::new(1).run(Instant::now(), |cx| cx.resolve_now());
/// assert!(matches!(actions[..], [PolicyAction::Resolve]));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum PolicyAction {
    /// Make a subchannel; it begins idle.
    CreateSubchannel {
        /// Its name from now on.
        id: SubchannelId,
        /// What it is.
        spec: SubchannelSpec,
    },
    /// Start connecting, if the subchannel is idle.
    Connect(SubchannelId),
    /// Tell the policy how fit the subchannel's backend is, while the subchannel is ready.
    WatchHealth(SubchannelId),
    /// End a subchannel. Calls on its connection go on to their end; the policy hears no more of it.
    RemoveSubchannel(SubchannelId),
    /// Call `on_timer` at this time.
    SetTimer {
        /// The timer's name.
        id: TimerId,
        /// When.
        at: Instant,
    },
    /// Do not call `on_timer` with this id any more.
    CancelTimer(TimerId),
    /// Tell the resolver that the endpoints seem to be out of date.
    Resolve,
    /// The policy's state and picker from now on.
    Publish {
        /// The state.
        state: ConnectivityState,
        /// Chooses for the calls until the next one is published.
        picker: Arc<dyn Picker>,
    },
}

impl fmt::Debug for PolicyAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateSubchannel { id, spec } => {
                write!(f, "CreateSubchannel({id}, {})", spec.address)
            }
            Self::Connect(id) => write!(f, "Connect({id})"),
            Self::WatchHealth(id) => write!(f, "WatchHealth({id})"),
            Self::RemoveSubchannel(id) => write!(f, "RemoveSubchannel({id})"),
            Self::SetTimer { id, .. } => write!(f, "SetTimer({})", id.0),
            Self::CancelTimer(id) => write!(f, "CancelTimer({})", id.0),
            Self::Resolve => f.write_str("Resolve"),
            Self::Publish { state, .. } => write!(f, "Publish({state})"),
        }
    }
}
