//! A child that is made when the first call wants it.

use farcall_core::Status;

use crate::connectivity::ConnectivityState::Idle;
use crate::health::Health;
use crate::subchannel::{SubchannelId, SubchannelState};

use super::action::TimerId;
use super::context::Context;
use super::picker::WakeId;
use super::pickers::WakePicker;
use super::policy::{LoadBalancingPolicy, PolicyUpdate};

/// A policy that is made with the first call that wants it, or with `exit_idle`: until then it is idle and costs nothing
/// but its newest update.
///
/// ```
/// use farcall_lb::balancer::*;
/// use farcall_lb::{Address, policy::PickFirst};
/// use std::time::Instant;
///
/// let (mut host, now) = (PolicyHost::new(1), Instant::now());
/// let mut lazy = LazyChild::new(|| Box::new(PickFirst::default()));
/// let update = PolicyUpdate::endpoints([Address::named("a:1").into()]);
/// let (_, actions) = host.run(now, |cx| lazy.on_resolver_update(cx, update));
/// assert!(matches!(actions[..], [PolicyAction::Publish { .. }]));
/// let ((), actions) = host.run(now, |cx| lazy.exit_idle(cx));
/// assert!(matches!(actions.last(), Some(PolicyAction::Connect(_))));
/// ```
pub struct LazyChild {
    make: Box<dyn Fn() -> Box<dyn LoadBalancingPolicy> + Send>,
    state: State,
}

enum State {
    /// The newest update, for the child to come, and what its picker wakes with.
    Asleep(Option<(PolicyUpdate, WakeId)>),
    Awake(Box<dyn LoadBalancingPolicy>),
}

impl LazyChild {
    /// A child that `make` will make.
    pub fn new(make: impl Fn() -> Box<dyn LoadBalancingPolicy> + Send + 'static) -> Self {
        Self {
            make: Box::new(make),
            state: State::Asleep(None),
        }
    }
}

impl LoadBalancingPolicy for LazyChild {
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        match &mut self.state {
            State::Awake(child) => child.on_resolver_update(cx, update),
            State::Asleep(Some((newest, _))) => {
                // What was known before a failed look-up still serves.
                if update.endpoints.is_ok() || newest.endpoints.is_err() {
                    *newest = update;
                }
                Ok(())
            }
            State::Asleep(none) => {
                let wake = cx.wake_id();
                *none = Some((update, wake));
                cx.publish(Idle, WakePicker(wake));
                Ok(())
            }
        }
    }

    fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) {
        if let State::Awake(child) = &mut self.state {
            child.on_subchannel_state(cx, id, state);
        }
    }

    fn on_subchannel_health(&mut self, cx: &mut Context<'_>, id: SubchannelId, health: &Health) {
        if let State::Awake(child) = &mut self.state {
            child.on_subchannel_health(cx, id, health);
        }
    }

    fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) {
        if let State::Awake(child) = &mut self.state {
            child.on_timer(cx, id);
        }
    }

    fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) {
        match &mut self.state {
            State::Awake(child) => child.on_wake(cx, id),
            State::Asleep(Some((_, wake))) if *wake == id => self.exit_idle(cx),
            State::Asleep(_) => {}
        }
    }

    fn exit_idle(&mut self, cx: &mut Context<'_>) {
        if let State::Asleep(newest) = &mut self.state {
            let Some((update, _)) = newest.take() else {
                return;
            };
            let mut child = (self.make)();
            // Nobody is left who could be told the verdict; what calls see is what the child publishes.
            child.on_resolver_update(cx, update).ok();
            self.state = State::Awake(child);
        }
        if let State::Awake(child) = &mut self.state {
            child.exit_idle(cx);
        }
    }
}

impl std::fmt::Debug for LazyChild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let awake = matches!(self.state, State::Awake(_));
        f.debug_struct("LazyChild").field("awake", &awake).finish()
    }
}
