//! What a policy sees, and says, during one call.

use std::sync::Arc;
use std::time::Instant;

use crate::connectivity::ConnectivityState;
use crate::subchannel::SubchannelId;

use super::action::{PolicyAction, SubchannelSpec, TimerId};
use super::picker::{Picker, WakeId};

/// What a policy sees of the world during one call: the time, random numbers, and a list for its actions.
///
/// A parent policy runs a child with [`child`](Self::child), looks at what the child wants, and records what it passes
/// on; ids are unique in the whole tree, so nothing needs translating.
///
/// ```
/// use farcall_lb::{Address, balancer::{PolicyAction, PolicyHost}};
/// use std::time::Instant;
///
/// // A parent that lets its child ask for everything but new look-ups.
/// let (_, actions) = PolicyHost::new(1).run(Instant::now(), |cx| {
///     let ((), wishes) = cx.child(|cx| {
///         let id = cx.create_subchannel(Address::named("a:1"));
///         cx.connect(id);
///         cx.resolve_now();
///     });
///     for wish in wishes {
///         if !matches!(wish, PolicyAction::Resolve) {
///             cx.record(wish);
///         }
///     }
/// });
/// assert_eq!(actions.len(), 2);
/// ```
pub struct Context<'a> {
    now: Instant,
    host: &'a mut PolicyHost,
    actions: Vec<PolicyAction>,
}

impl Context<'_> {
    /// The present. It does not move during the call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Makes a subchannel, which begins idle.
    pub fn create_subchannel(&mut self, spec: impl Into<SubchannelSpec>) -> SubchannelId {
        let id = SubchannelId::new(self.host.next_id());
        let spec = spec.into();
        self.record(PolicyAction::CreateSubchannel { id, spec });
        id
    }

    /// Starts connecting if the subchannel is idle; otherwise nothing happens.
    pub fn connect(&mut self, id: SubchannelId) {
        self.record(PolicyAction::Connect(id));
    }

    /// Has [`on_subchannel_health`](super::LoadBalancingPolicy::on_subchannel_health) called for a subchannel that is ready,
    /// until it is not ready any more; to be asked for anew each time it becomes ready (gRFC A17, A61).
    pub fn watch_health(&mut self, id: SubchannelId) {
        self.record(PolicyAction::WatchHealth(id));
    }

    /// Ends a subchannel; the policy is told nothing more about it.
    pub fn remove_subchannel(&mut self, id: SubchannelId) {
        self.record(PolicyAction::RemoveSubchannel(id));
    }

    /// Has `on_timer` called at `at`, once.
    pub fn set_timer(&mut self, at: Instant) -> TimerId {
        let id = TimerId(self.host.next_id());
        self.record(PolicyAction::SetTimer { id, at });
        id
    }

    /// Cancels a timer; one that has fired or is unknown is ignored.
    pub fn cancel_timer(&mut self, id: TimerId) {
        self.record(PolicyAction::CancelTimer(id));
    }

    /// Tells the resolver that the endpoints seem to be out of date.
    pub fn resolve_now(&mut self) {
        self.record(PolicyAction::Resolve);
    }

    /// A fresh id with which a picker can wake this policy; see [`PickInfo::wake`](super::PickInfo::wake).
    pub fn wake_id(&mut self) -> WakeId {
        WakeId(self.host.next_id())
    }

    /// Gives the policy's state and picker from now on.
    pub fn publish(&mut self, state: ConnectivityState, picker: impl Picker + 'static) {
        self.publish_shared(state, Arc::new(picker));
    }

    /// As [`publish`](Self::publish), for a picker that others hold too, such as a child's.
    pub fn publish_shared(&mut self, state: ConnectivityState, picker: Arc<dyn Picker>) {
        self.record(PolicyAction::Publish { state, picker });
    }

    /// Records an action as it is, such as one of a child.
    pub fn record(&mut self, action: PolicyAction) {
        self.actions.push(action);
    }

    /// A random number.
    pub fn random(&mut self) -> u64 {
        self.host.rng.u64(..)
    }

    /// Puts items in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.host.rng.shuffle(items);
    }

    /// Runs a child policy and gives its result and the actions that it wants. None of them is done unless recorded.
    pub fn child<R>(&mut self, run: impl FnOnce(&mut Context<'_>) -> R) -> (R, Vec<PolicyAction>) {
        self.host.run(self.now, run)
    }
}

/// Runs policies: gives out ids and random numbers and collects actions. The channel has one; a test of a policy makes
/// its own and needs nothing else.
///
/// ```
/// use farcall_lb::balancer::{LoadBalancingPolicy, PolicyAction, PolicyHost, PolicyUpdate};
/// use farcall_lb::{Address, ConnectivityState, policy::PickFirst};
/// use std::time::Instant;
///
/// let (mut host, now) = (PolicyHost::new(42), Instant::now());
/// let mut policy = PickFirst::default();
/// let update = PolicyUpdate::endpoints([Address::from(([10, 0, 0, 1], 50051)).into()]);
/// let (accepted, actions) = host.run(now, |cx| policy.on_resolver_update(cx, update));
/// assert!(accepted.is_ok());
/// assert!(matches!(actions[0], PolicyAction::Publish { state: ConnectivityState::Connecting, .. }));
/// assert!(matches!(actions[1], PolicyAction::CreateSubchannel { .. }));
/// assert!(matches!(actions[2], PolicyAction::Connect(_)));
/// ```
#[derive(Debug)]
pub struct PolicyHost {
    last_id: u64,
    rng: fastrand::Rng,
}

impl PolicyHost {
    /// A host whose random numbers follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self {
            last_id: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Runs a policy at the time `now`; gives its result and what it wants done.
    pub fn run<R>(
        &mut self,
        now: Instant,
        run: impl FnOnce(&mut Context<'_>) -> R,
    ) -> (R, Vec<PolicyAction>) {
        let mut cx = Context {
            now,
            host: self,
            actions: Vec::new(),
        };
        let result = run(&mut cx);
        let actions = cx.actions;
        (result, actions)
    }

    /// A fresh id for a picker of whoever owns the host.
    pub fn wake_id(&mut self) -> WakeId {
        WakeId(self.next_id())
    }

    /// A random number.
    pub fn random(&mut self) -> u64 {
        self.rng.u64(..)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
