//! One child for each endpoint (gRFC A61).

use farcall_core::{Attributes, Status};

use crate::address::Endpoint;
use crate::connectivity::ConnectivityState;
use crate::health::Health;
use crate::subchannel::{SubchannelId, SubchannelState};

use super::action::TimerId;
use super::child::ChildPolicy;
use super::config::PolicyConfig;
use super::context::Context;
use super::keyed_children::KeyedChildren;
use super::picker::WakeId;
use super::policy::{LoadBalancingPolicy, PolicyUpdate};

/// One child for each endpoint (gRFC A61): what policies stand on that weigh backends and leave the addresses of each to
/// `pick_first`.
///
/// An endpoint is known by the set of its addresses, in whatever order; its child lives as long as updates name it.
///
/// ```
/// use farcall_lb::balancer::*;
/// use farcall_lb::{Address, Endpoint, policy::PickFirst};
/// use std::time::Instant;
///
/// let (mut host, now) = (PolicyHost::new(1), Instant::now());
/// let fleet = [1, 2, 3].map(|i| Endpoint::from(Address::from(([10, 0, 0, i], 443))));
/// let mut children = EndpointChildren::new(|| Box::new(PickFirst::default()));
/// let (outcome, _) = host.run(now, |cx| children.update(cx, &fleet, Default::default(), None));
/// assert!(outcome.0 && outcome.1.is_ok());
/// assert_eq!(children.iter().count(), 3);
/// ```
pub struct EndpointChildren {
    make: Box<dyn Fn() -> Box<dyn LoadBalancingPolicy> + Send>,
    children: KeyedChildren<Key>,
    /// In the order of their keys, as the children.
    endpoints: Vec<(Key, Endpoint)>,
}

/// The addresses as text, in order.
type Key = Vec<String>;

impl EndpointChildren {
    /// No endpoints yet; `make` makes the child of each.
    pub fn new(make: impl Fn() -> Box<dyn LoadBalancingPolicy> + Send + 'static) -> Self {
        Self {
            make: Box::new(make),
            children: KeyedChildren::default(),
            endpoints: Vec::new(),
        }
    }

    /// Takes a new list: makes the children of new endpoints, passes each its endpoint with `attributes` and `config`,
    /// and closes those whose endpoint is gone. Gives whether any published, and the first verdict that is an error.
    pub fn update(
        &mut self,
        cx: &mut Context<'_>,
        endpoints: &[Endpoint],
        attributes: Attributes,
        config: Option<PolicyConfig>,
    ) -> (bool, Result<(), Status>) {
        let keyed = endpoints
            .iter()
            .map(|endpoint| (key(endpoint), endpoint.clone()));
        self.endpoints = keyed.collect();
        self.endpoints.sort_by(|a, b| a.0.cmp(&b.0));
        self.endpoints.dedup_by(|a, b| a.0 == b.0);
        let endpoints = &self.endpoints;
        self.children.retain(cx, |key| {
            endpoints
                .binary_search_by(|(known, _)| known.cmp(key))
                .is_ok()
        });
        let mut outcome = (false, Ok(()));
        for (key, endpoint) in endpoints {
            let update = PolicyUpdate::endpoints([endpoint.clone()])
                .with_attributes(attributes.clone())
                .with_config(config.clone());
            let child = self.children.child(key.clone(), &self.make);
            let (published, verdict) = child.on_resolver_update(cx, update);
            outcome = (outcome.0 | published, outcome.1.and(verdict));
        }
        outcome
    }

    /// Tells every child that resolving has failed. Gives whether any published.
    pub fn on_resolver_failure(&mut self, cx: &mut Context<'_>, status: Status) -> bool {
        let update = PolicyUpdate::failure(status);
        self.children.on_resolver_update(cx, &update).0
    }

    /// The endpoints with their children, always in the same order.
    pub fn iter(&self) -> impl Iterator<Item = (&Endpoint, &ChildPolicy)> + Clone {
        let endpoints = self.endpoints.iter().map(|(_, endpoint)| endpoint);
        endpoints.zip(self.children.iter().map(|(_, child)| child))
    }

    /// Whether there are no endpoints.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The state of all together; see [`aggregate_state`](super::aggregate_state).
    pub fn state(&self) -> ConnectivityState {
        self.children.state()
    }

    /// As [`KeyedChildren::on_subchannel_state`].
    pub fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) -> bool {
        self.children.on_subchannel_state(cx, id, state)
    }

    /// As [`KeyedChildren::on_subchannel_health`].
    pub fn on_subchannel_health(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        health: &Health,
    ) -> bool {
        self.children.on_subchannel_health(cx, id, health)
    }

    /// As [`KeyedChildren::on_timer`].
    pub fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) -> bool {
        self.children.on_timer(cx, id)
    }

    /// As [`KeyedChildren::on_wake`].
    pub fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) -> bool {
        self.children.on_wake(cx, id)
    }

    /// As [`KeyedChildren::exit_idle`].
    pub fn exit_idle(&mut self, cx: &mut Context<'_>) -> bool {
        self.children.exit_idle(cx)
    }

    /// As [`KeyedChildren::reconnect_idle`].
    pub fn reconnect_idle(&mut self, cx: &mut Context<'_>) -> bool {
        self.children.reconnect_idle(cx)
    }
}

fn key(endpoint: &Endpoint) -> Key {
    let mut key: Key = endpoint
        .addresses()
        .iter()
        .map(ToString::to_string)
        .collect();
    key.sort();
    key.dedup();
    key
}

impl std::fmt::Debug for EndpointChildren {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.children.fmt(f)
    }
}
