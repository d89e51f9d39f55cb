//! Pickers: the snapshots that calls are routed by.

use std::cell::RefCell;
use std::fmt;

use farcall_core::{Attributes, Metadata, Status};

use super::picked::Picked;

/// Chooses a subchannel for each call: an immutable snapshot that a policy publishes and the next one replaces.
///
/// A pick is made on the caller's task, by many callers at once. It never blocks and should take no lock; what has to
/// change from pick to pick (a position, a count) is an atomic.
///
/// ```
/// use farcall_lb::balancer::{Pick, PickInfo, Picker};
/// use farcall_lb::subchannel::SubchannelId;
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
///
/// struct RoundRobin { ready: Vec<SubchannelId>, next: AtomicUsize }
///
/// impl Picker for RoundRobin {
///     fn pick(&self, _info: &PickInfo<'_>) -> Pick {
///         let turn = self.next.fetch_add(1, Relaxed);
///         Pick::Subchannel(self.ready[turn % self.ready.len()].into())
///     }
/// }
/// ```
pub trait Picker: Send + Sync {
    /// Chooses for one attempt of a call.
    fn pick(&self, info: &PickInfo<'_>) -> Pick;
}

/// The outcome of a pick (gRPC's picker contract; gRFC A54 for the codes).
///
/// ```
/// use farcall_core::{Code, Status};
/// use farcall_lb::balancer::Pick;
///
/// let pick = Pick::Drop(Status::not_found("no route")).restricted();
/// assert!(matches!(pick, Pick::Drop(status) if status.code() == Code::Internal));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Pick {
    /// Use this subchannel. If it is no longer ready, the call picks again from the next picker.
    Subchannel(Picked),
    /// Wait for the next picker.
    Queue,
    /// Nothing is reachable: the call fails with this status, unless it waits for readiness. Then it queues, and its
    /// deadline's status tells this one. Mostly UNAVAILABLE.
    Fail(Status),
    /// The call is refused on purpose: it fails with this status even if it waits for readiness, and is not retried.
    Drop(Status),
}

impl Pick {
    /// The same pick, where a status whose code a control plane may not choose has become INTERNAL (gRFC A54). Whoever
    /// executes picks applies this to each of them.
    pub fn restricted(self) -> Self {
        use super::restrict::restrict_control_plane as restrict;
        match self {
            Self::Fail(status) => Self::Fail(restrict(status)),
            Self::Drop(status) => Self::Drop(restrict(status)),
            other => other,
        }
    }
}

/// Names what a picker wishes its policy to do; see [`PickInfo::wake`].
///
/// ```
/// use farcall_lb::balancer::{Pick, PickInfo, Picker, PolicyHost, WakePicker};
///
/// let wake = PolicyHost::new(1).wake_id();
/// let call = PickInfo::new("/s/m");
/// assert!(matches!(WakePicker(wake).pick(&call), Pick::Queue));
/// assert_eq!(call.take_wakes(), [wake]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WakeId(pub(super) u64);

/// What a picker may know about the call, and its way to wake its policy.
///
/// ```
/// use farcall_lb::balancer::PickInfo;
///
/// let info = PickInfo::new("/greeter.Greeter/SayHello");
/// assert_eq!(info.method(), "/greeter.Greeter/SayHello");
/// ```
pub struct PickInfo<'a> {
    method: &'a str,
    metadata: Option<&'a Metadata>,
    attributes: Option<&'a Attributes>,
    wakes: RefCell<Vec<WakeId>>,
}

impl<'a> PickInfo<'a> {
    /// A call of the method with this path (`/service/method`).
    pub fn new(method: &'a str) -> Self {
        Self {
            method,
            metadata: None,
            attributes: None,
            wakes: RefCell::new(Vec::new()),
        }
    }

    /// The same call with its request metadata.
    pub fn with_metadata(mut self, metadata: &'a Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// The same call with what a config selector says about it.
    pub fn with_attributes(mut self, attributes: &'a Attributes) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// The path of the method, `/service/method`.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// What the channel's [`ConfigSelector`](crate::selector::ConfigSelector) has told about this call, by type.
    pub fn attribute<T: 'static>(&self) -> Option<&'a T> {
        self.attributes?.find()
    }

    /// The call's request metadata, as the caller and the interceptors have made it; without what credentials and picks add.
    /// A channel always tells it.
    pub fn metadata(&self) -> Option<&'a Metadata> {
        self.metadata
    }

    /// Asks that the policy's `on_wake` is called with this id, soon and once for many wishes: how a picker makes an
    /// idle policy connect. The policy has got the id from [`Context::wake_id`](super::Context::wake_id).
    pub fn wake(&self, id: WakeId) {
        self.wakes.borrow_mut().push(id);
    }

    /// Takes the wishes; whoever executes the pick passes them to the channel.
    pub fn take_wakes(&self) -> Vec<WakeId> {
        self.wakes.take()
    }
}

impl fmt::Debug for PickInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PickInfo")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
