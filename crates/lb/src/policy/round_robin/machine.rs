//! `round_robin`: the endpoints that are ready take turns.

use std::sync::Arc;

use farcall_core::Status;

use crate::balancer::{
    BackendErrors, Context, EndpointChildren, FailPicker, LoadBalancingPolicy, PolicyFactory,
    PolicyUpdate, QueuePicker, RotatingPicker, TimerId, WakeId,
};
use crate::connectivity::ConnectivityState::{Connecting, Idle, TransientFailure};
use crate::health::Health;
use crate::policy::pick_first::PickFirst;
use crate::subchannel::{SubchannelId, SubchannelState};

/// Makes [`RoundRobin`] policies.
///
/// ```
/// use farcall_lb::{Registry, policy::RoundRobinFactory};
///
/// let registry = Registry::empty().with_policy(RoundRobinFactory);
/// assert!(registry.policy("round_robin").is_some());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundRobinFactory;

impl PolicyFactory for RoundRobinFactory {
    fn name(&self) -> &str {
        "round_robin"
    }

    fn build(&self) -> Box<dyn LoadBalancingPolicy> {
        Box::new(RoundRobin::default())
    }
}

/// Calls go to all ready backends in turn. It has no configuration.
///
/// Every endpoint is connected at once, by a [`PickFirst`] of its own that tries the endpoint's addresses, and connected
/// again when its connection is lost. While any is ready calls go to the ready ones, from a random start; while none is
/// but one may become so they wait; when all have failed they fail with the reasons of all ([`BackendErrors`]).
///
/// With `healthCheckConfig` in the service config a backend is ready only while it says that it is healthy (gRFC A17).
///
/// ```
/// use farcall_lb::balancer::{LoadBalancingPolicy, PolicyAction, PolicyHost, PolicyUpdate};
/// use farcall_lb::{Address, policy::RoundRobin};
/// use std::time::Instant;
///
/// let mut policy = RoundRobin::default();
/// let update = PolicyUpdate::endpoints([1, 2, 3].map(|i| Address::from(([10, 0, 0, i], 443)).into()));
/// let (_, actions) = PolicyHost::new(1).run(Instant::now(), |cx| policy.on_resolver_update(cx, update));
/// let connects = actions.iter().filter(|action| matches!(action, PolicyAction::Connect(_)));
/// assert_eq!(connects.count(), 3);
/// ```
#[derive(Debug)]
pub struct RoundRobin {
    children: EndpointChildren,
}

impl Default for RoundRobin {
    fn default() -> Self {
        let children = EndpointChildren::new(|| Box::new(PickFirst::with_health()));
        Self { children }
    }
}

impl LoadBalancingPolicy for RoundRobin {
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        let endpoints = match update.endpoints {
            Ok(endpoints) => endpoints,
            Err(status) if self.children.is_empty() => {
                cx.publish(TransientFailure, FailPicker(status));
                return Ok(());
            }
            Err(status) => {
                let published = self.children.on_resolver_failure(cx, status);
                self.after(cx, published);
                return Ok(());
            }
        };
        let some: Vec<_> = endpoints
            .into_iter()
            .filter(|e| !e.addresses().is_empty())
            .collect();
        let (_, verdict) = self.children.update(cx, &some, update.attributes, None);
        if some.is_empty() {
            let status = Status::unavailable("the resolver has found no addresses");
            cx.publish(TransientFailure, FailPicker(status.clone()));
            return Err(status);
        }
        // The set has changed even if no child had anything to say.
        self.after(cx, true);
        verdict
    }

    fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) {
        let published = self.children.on_subchannel_state(cx, id, state);
        self.after(cx, published);
    }

    fn on_subchannel_health(&mut self, cx: &mut Context<'_>, id: SubchannelId, health: &Health) {
        let published = self.children.on_subchannel_health(cx, id, health);
        self.after(cx, published);
    }

    fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) {
        let published = self.children.on_timer(cx, id);
        self.after(cx, published);
    }

    fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) {
        let published = self.children.on_wake(cx, id);
        self.after(cx, published);
    }

    fn exit_idle(&mut self, cx: &mut Context<'_>) {
        let published = self.children.exit_idle(cx);
        self.after(cx, published);
    }
}

impl RoundRobin {
    /// No backend stays idle; what has changed is published.
    fn after(&mut self, cx: &mut Context<'_>, published: bool) {
        if !(self.children.reconnect_idle(cx) | published) {
            return;
        }
        let state = self.children.state();
        if matches!(state, Connecting | Idle) {
            cx.publish(Connecting, QueuePicker);
            return;
        }
        let children = self.children.iter().map(|(_, child)| child);
        if let (TransientFailure, Some(picker)) = (state, BackendErrors::picker(children.clone())) {
            cx.publish(state, picker);
            return;
        }
        let able = children.filter(|child| child.state() == state);
        let start = cx.random();
        let pickers = able.map(|child| Arc::clone(child.picker()));
        cx.publish(state, RotatingPicker::new(pickers, start));
    }
}
