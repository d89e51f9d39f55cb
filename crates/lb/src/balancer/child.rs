//! A policy inside another one.

use std::collections::BTreeSet;
use std::sync::Arc;

use farcall_core::Status;

use crate::connectivity::ConnectivityState;
use crate::health::Health;
use crate::subchannel::{SubchannelId, SubchannelState};

use super::action::{PolicyAction, TimerId};
use super::context::Context;
use super::picker::{Picker, WakeId};
use super::pickers::QueuePicker;
use super::policy::{LoadBalancingPolicy, PolicyUpdate};

/// A child of a parent policy: runs it, keeps its newest state and picker for the parent, and knows which subchannels
/// and timers are its own, so that inputs find it and nothing is left when it is closed.
///
/// Everything that the child wants is passed on, except what it publishes: that the parent reads from
/// [`state`](Self::state) and [`picker`](Self::picker) whenever a call has returned `true`.
///
/// ```
/// use farcall_lb::balancer::*;
/// use farcall_lb::{Address, ConnectivityState, policy::PickFirst};
/// use std::time::Instant;
///
/// let mut host = PolicyHost::new(1);
/// let mut child = ChildPolicy::new(Box::new(PickFirst::default()));
/// let update = PolicyUpdate::endpoints([Address::named("a:1").into()]);
/// let (published, actions) = host.run(Instant::now(), |cx| child.on_resolver_update(cx, update).0);
/// assert!(published);
/// assert_eq!(child.state(), ConnectivityState::Connecting);
/// assert_eq!(actions.len(), 2); // create and connect, but no publish
///
/// let ((), actions) = host.run(Instant::now(), |cx| child.close(cx));
/// assert!(matches!(actions[..], [PolicyAction::RemoveSubchannel(_)]));
/// ```
pub struct ChildPolicy {
    policy: Box<dyn LoadBalancingPolicy>,
    subchannels: BTreeSet<SubchannelId>,
    timers: BTreeSet<TimerId>,
    state: ConnectivityState,
    picker: Arc<dyn Picker>,
}

impl ChildPolicy {
    /// A child that has published nothing yet: connecting, every call queues.
    pub fn new(policy: Box<dyn LoadBalancingPolicy>) -> Self {
        Self {
            policy,
            subchannels: BTreeSet::new(),
            timers: BTreeSet::new(),
            state: ConnectivityState::Connecting,
            picker: Arc::new(QueuePicker),
        }
    }

    /// What the child has published last.
    pub fn state(&self) -> ConnectivityState {
        self.state
    }

    /// What the child has published last.
    pub fn picker(&self) -> &Arc<dyn Picker> {
        &self.picker
    }

    /// Whether the subchannel is the child's.
    pub fn owns(&self, id: SubchannelId) -> bool {
        self.subchannels.contains(&id)
    }

    /// Passes an update on. Gives whether the child published, and its verdict on the update.
    pub fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> (bool, Result<(), Status>) {
        self.run(cx, |policy, cx| policy.on_resolver_update(cx, update))
    }

    /// Passes a subchannel's state on if the subchannel is the child's. Gives whether the child published.
    pub fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) -> bool {
        self.owns(id)
            && self
                .run(cx, |policy, cx| policy.on_subchannel_state(cx, id, state))
                .0
    }

    /// Passes a subchannel's health on if the subchannel is the child's. Gives whether the child published.
    pub fn on_subchannel_health(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        health: &Health,
    ) -> bool {
        self.owns(id)
            && self
                .run(cx, |policy, cx| policy.on_subchannel_health(cx, id, health))
                .0
    }

    /// Passes a timer on if it is the child's. Gives whether the child published.
    pub fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) -> bool {
        self.timers.remove(&id) && self.run(cx, |policy, cx| policy.on_timer(cx, id)).0
    }

    /// Passes a picker's wish on. Gives whether the child published.
    pub fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) -> bool {
        self.run(cx, |policy, cx| policy.on_wake(cx, id)).0
    }

    /// Tells the child to connect. Gives whether the child published.
    pub fn exit_idle(&mut self, cx: &mut Context<'_>) -> bool {
        self.run(cx, |policy, cx| policy.exit_idle(cx)).0
    }

    /// Ends the child: removes its subchannels and timers.
    pub fn close(self, cx: &mut Context<'_>) {
        for id in self.timers {
            cx.cancel_timer(id);
        }
        for id in self.subchannels {
            cx.remove_subchannel(id);
        }
    }

    fn run<R>(
        &mut self,
        cx: &mut Context<'_>,
        run: impl FnOnce(&mut dyn LoadBalancingPolicy, &mut Context<'_>) -> R,
    ) -> (bool, R) {
        let (result, actions) = cx.child(|cx| run(&mut *self.policy, cx));
        let mut published = false;
        for action in actions {
            match &action {
                PolicyAction::CreateSubchannel { id, .. } => {
                    self.subchannels.insert(*id);
                }
                PolicyAction::RemoveSubchannel(id) => {
                    self.subchannels.remove(id);
                }
                PolicyAction::SetTimer { id, .. } => {
                    self.timers.insert(*id);
                }
                PolicyAction::CancelTimer(id) => {
                    self.timers.remove(id);
                }
                PolicyAction::Publish { state, picker } => {
                    (self.state, self.picker) = (*state, Arc::clone(picker));
                    published = true;
                    continue;
                }
                PolicyAction::Connect(_) | PolicyAction::WatchHealth(_) | PolicyAction::Resolve => {
                }
            }
            cx.record(action);
        }
        (published, result)
    }
}
