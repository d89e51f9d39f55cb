//! Children of a policy, each under a key.

use std::collections::BTreeMap;

use farcall_core::Status;

use crate::connectivity::ConnectivityState;
use crate::health::Health;
use crate::subchannel::{SubchannelId, SubchannelState};

use super::action::TimerId;
use super::aggregate::aggregate_state;
use super::child::ChildPolicy;
use super::context::Context;
use super::picker::WakeId;
use super::policy::{LoadBalancingPolicy, PolicyUpdate};

/// Children of a parent policy, each under a key: for parents that choose by cluster, priority, shard or the like.
///
/// Inputs go to the child that owns the subchannel or timer; each call gives whether a child published, whereupon the
/// parent looks at the children and publishes itself.
///
/// ```
/// use farcall_lb::balancer::*;
/// use farcall_lb::{Address, ConnectivityState, policy::PickFirst};
/// use std::time::Instant;
///
/// let (mut host, now) = (PolicyHost::new(1), Instant::now());
/// let mut shards = KeyedChildren::default();
/// let ((), actions) = host.run(now, |cx| {
///     for shard in ["a", "b"] {
///         let update = PolicyUpdate::endpoints([Address::named(format!("{shard}:1")).into()]);
///         shards.child(shard, || Box::new(PickFirst::default())).on_resolver_update(cx, update).1.unwrap();
///     }
///     shards.retain(cx, |shard| *shard == "b");
/// });
/// assert_eq!(shards.state(), ConnectivityState::Connecting);
/// assert!(matches!(actions.last(), Some(PolicyAction::RemoveSubchannel(_))));
/// ```
pub struct KeyedChildren<K> {
    children: BTreeMap<K, ChildPolicy>,
}

impl<K: Ord> KeyedChildren<K> {
    /// The child with this key; it is made if there is none.
    pub fn child(
        &mut self,
        key: K,
        make: impl FnOnce() -> Box<dyn LoadBalancingPolicy>,
    ) -> &mut ChildPolicy {
        let make = || ChildPolicy::new(make());
        self.children.entry(key).or_insert_with(make)
    }

    /// The child with this key.
    pub fn find(&self, key: &K) -> Option<&ChildPolicy> {
        self.children.get(key)
    }

    /// All children, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &ChildPolicy)> + Clone {
        self.children.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Closes the children whose key is not kept.
    pub fn retain(&mut self, cx: &mut Context<'_>, mut keep: impl FnMut(&K) -> bool) {
        for (key, child) in std::mem::take(&mut self.children) {
            match keep(&key) {
                true => drop(self.children.insert(key, child)),
                false => child.close(cx),
            }
        }
    }

    /// The state of all together; see [`aggregate_state`].
    pub fn state(&self) -> ConnectivityState {
        aggregate_state(self.children.values().map(ChildPolicy::state))
    }

    /// Passes the same update to every child. Gives whether any published, and the first verdict that is an error.
    pub fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: &PolicyUpdate,
    ) -> (bool, Result<(), Status>) {
        let mut outcome = (false, Ok(()));
        for child in self.children.values_mut() {
            let (published, verdict) = child.on_resolver_update(cx, update.clone());
            outcome = (outcome.0 | published, outcome.1.and(verdict));
        }
        outcome
    }

    /// Passes a subchannel's state to its owner. Gives whether that one published.
    pub fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) -> bool {
        self.each(|child| child.on_subchannel_state(cx, id, state))
    }

    /// Passes a subchannel's health on to the child whose it is. Gives whether that one published.
    pub fn on_subchannel_health(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        health: &Health,
    ) -> bool {
        self.each(|child| child.on_subchannel_health(cx, id, health))
    }

    /// Passes a timer to its owner. Gives whether that one published.
    pub fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) -> bool {
        self.each(|child| child.on_timer(cx, id))
    }

    /// Passes a picker's wish to all: each knows its own. Gives whether any published.
    pub fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) -> bool {
        self.each(|child| child.on_wake(cx, id))
    }

    /// Tells every child to connect. Gives whether any published.
    pub fn exit_idle(&mut self, cx: &mut Context<'_>) -> bool {
        self.each(|child| child.exit_idle(cx))
    }

    /// Tells the children that are idle to connect. Gives whether any published.
    pub fn reconnect_idle(&mut self, cx: &mut Context<'_>) -> bool {
        self.each(|child| child.state() == ConnectivityState::Idle && child.exit_idle(cx))
    }

    fn each(&mut self, run: impl FnMut(&mut ChildPolicy) -> bool) -> bool {
        let published = self.children.values_mut().map(run);
        published.fold(false, |any, published| any | published)
    }
}

impl<K> Default for KeyedChildren<K> {
    fn default() -> Self {
        let children = BTreeMap::new();
        Self { children }
    }
}

impl<K: std::fmt::Debug> std::fmt::Debug for KeyedChildren<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let states = self
            .children
            .iter()
            .map(|(key, child)| (key, child.state()));
        f.debug_map().entries(states).finish()
    }
}
