//! Policies and resolvers that somebody else has written.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use farcall_core::Status;

use super::sim::{Sim, address};
use crate::balancer::{
    Context, LoadBalancingPolicy, PickInfo, PolicyFactory, PolicyUpdate, QueuePicker, TimerId,
};
use crate::channel::ChannelConfig;
use crate::connectivity::ConnectivityState::*;
use crate::resolver::{Resolver, ResolverContext, ResolverFactory, ResolverKind, ResolverUpdate};
use crate::subchannel::{SubchannelId, SubchannelState};
use crate::target::{TargetError, TargetProblem};
use crate::{Registry, Target};

const SECOND: Duration = Duration::from_secs(1);

/// Counts what happens to it, and answers every question with a question.
#[derive(Debug, Default, Clone)]
struct Counters(Arc<[AtomicUsize; 4]>);

impl Counters {
    fn bump(&self, which: usize) {
        self.0[which].fetch_add(1, SeqCst);
    }

    fn take(&self) -> [usize; 4] {
        [0, 1, 2, 3].map(|which| self.0[which].swap(0, SeqCst))
    }
}

#[derive(Debug)]
struct Restless(Counters);

impl Resolver for Restless {
    fn start(&mut self, cx: &mut ResolverContext) {
        self.0.bump(0);
        cx.set_timer(cx.now() + SECOND);
        cx.publish(ResolverUpdate::endpoints([]));
    }

    fn resolve_now(&mut self, cx: &mut ResolverContext) {
        self.0.bump(1);
        cx.publish(ResolverUpdate::endpoints([]));
    }

    fn on_timer(&mut self, cx: &mut ResolverContext) {
        self.0.bump(2);
        cx.publish(ResolverUpdate::endpoints([address("10.0.0.1:1").into()]));
    }

    fn on_update_refused(&mut self, cx: &mut ResolverContext, _why: &Status) {
        self.0.bump(3);
        cx.publish(ResolverUpdate::endpoints([]));
    }
}

impl ResolverFactory for Restless {
    fn scheme(&self) -> &str {
        "Restless"
    }

    fn build(&self, target: &Target) -> Result<ResolverKind, TargetError> {
        if target.endpoint() == "bad" {
            let problem = TargetProblem::Other("it is bad".into());
            return Err(TargetError::new(target.as_str(), problem));
        }
        Ok(ResolverKind::Machine(Box::new(Restless(self.0.clone()))))
    }

    fn default_authority(&self, _target: &Target) -> String {
        "restless.example".into()
    }
}

/// Asks for news whenever it gets some; uses timers and `exit_idle`.
#[derive(Debug, Clone)]
struct Asking(Counters);

impl LoadBalancingPolicy for Asking {
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        self.0.bump(0);
        cx.publish(Connecting, QueuePicker);
        cx.resolve_now();
        if update.endpoints?.is_empty() {
            return Err(Status::unavailable("nothing"));
        }
        let late = cx.set_timer(cx.now() + SECOND);
        cx.set_timer(cx.now() + SECOND);
        cx.cancel_timer(late);
        // A timer for a time that has passed must not fire for ever.
        cx.set_timer(cx.now());
        Ok(())
    }

    fn on_subchannel_state(
        &mut self,
        _cx: &mut Context<'_>,
        _id: SubchannelId,
        _state: &SubchannelState,
    ) {
        self.0.bump(1);
    }

    fn on_timer(&mut self, _cx: &mut Context<'_>, _id: TimerId) {
        self.0.bump(2);
    }

    fn exit_idle(&mut self, _cx: &mut Context<'_>) {
        self.0.bump(3);
    }
}

impl PolicyFactory for Asking {
    fn name(&self) -> &str {
        "asking"
    }

    fn build(&self) -> Box<dyn LoadBalancingPolicy> {
        Box::new(self.clone())
    }
}

fn plugged() -> (Sim, Counters, Counters) {
    let (resolver, policy) = (Counters::default(), Counters::default());
    let registry = Registry::built_in()
        .with_resolver(Restless(resolver.clone()))
        .with_policy(Asking(policy.clone()));
    let config = ChannelConfig::new(1)
        .with_registry(registry)
        .with_policy("asking", None);
    (Sim::with("restless:///x", config), resolver, policy)
}

#[test]
fn a_resolver_and_a_policy_that_ask_each_other_end_within_one_input() {
    let (mut sim, resolver, policy) = plugged();
    sim.connect();
    // Started once; asked once; refused once.
    assert_eq!(resolver.take(), [1, 1, 0, 1]);
    let [updates, _, _, exits] = policy.take();
    assert_eq!((updates, exits), (3, 1));
}

#[test]
fn timers_of_resolver_and_policy_fire_once_and_cancelled_ones_never() {
    let (mut sim, resolver, policy) = plugged();
    sim.connect();
    resolver.take();
    policy.take();
    sim.pass(SECOND);
    assert_eq!(resolver.take()[2], 1);
    // The timer for a time that had passed has fired too.
    let [updates, _, timers, _] = policy.take();
    assert_eq!((updates, timers), (3, 1));
    sim.pass(SECOND * 5);
    assert_eq!(policy.take(), [0, 0, 1, 0]);
    assert_eq!(sim.channel.poll_timeout(), None);
}

#[test]
fn a_custom_resolver_chooses_the_authority_and_refuses_bad_targets() {
    let (sim, ..) = plugged();
    assert_eq!(sim.channel.authority(), "restless.example");
    let registry = Registry::built_in().with_resolver(Restless(Counters::default()));
    let config = ChannelConfig::new(1).with_registry(registry);
    let error = crate::channel::Channel::new("RESTLESS:///bad", config).unwrap_err();
    assert_eq!(error.to_string(), "target \"RESTLESS:///bad\": it is bad");
}

#[test]
fn connect_before_the_first_update_reaches_the_policy_after_it() {
    let policy = Counters::default();
    let registry = Registry::built_in().with_policy(Asking(policy.clone()));
    let config = ChannelConfig::new(1)
        .with_registry(registry)
        .with_policy("asking", None);
    let mut sim = Sim::with("dns:///x", config);
    sim.connect();
    sim.connect();
    assert_eq!(policy.take(), [0; 4]);
    sim.resolved(&["10.0.0.1:1"]).unwrap();
    assert_eq!(policy.take(), [1, 0, 0, 1]);
    assert_eq!(sim.resolve_hints, 1);
}

#[test]
fn a_policy_hears_nothing_before_its_first_update() {
    let policy = Counters::default();
    let registry = Registry::built_in().with_policy(Asking(policy.clone()));
    let config = ChannelConfig::new(1)
        .with_registry(registry)
        .with_policy("asking", None);
    let mut sim = Sim::with("dns:///x", config);
    let call = PickInfo::new("/s/m");
    sim.picker.pick(&call);
    sim.picker.pick(&call);
    for wake in call.take_wakes() {
        sim.channel.handle_wake(sim.now, wake);
    }
    assert_eq!(policy.take(), [0; 4]);
}

#[test]
fn one_wake_up_serves_all_timers_that_are_due() {
    let (mut sim, _, policy) = plugged();
    sim.connect();
    sim.pass(SECOND);
    policy.take();
    let late = sim.now + SECOND * 5;
    sim.channel.handle_timeout(late);
    assert_eq!(policy.take(), [0, 0, 1, 0]);
    let (mut sim, resolver, policy) = plugged();
    sim.connect();
    resolver.take();
    policy.take();
    sim.channel.handle_timeout(late);
    // The resolver's timer has made the policy set new ones; those wait for the next call.
    assert_eq!((resolver.take()[2], policy.take()[2]), (1, 0));
    sim.channel.handle_timeout(late + SECOND);
    assert_eq!(policy.take()[2], 2, "both in one call");
}

#[test]
fn a_policy_hears_nothing_of_a_subchannel_that_it_has_removed() {
    /// Changes its mind at once.
    #[derive(Debug, Clone)]
    struct Fickle(Counters);

    impl LoadBalancingPolicy for Fickle {
        fn on_resolver_update(
            &mut self,
            cx: &mut Context<'_>,
            _update: PolicyUpdate,
        ) -> Result<(), Status> {
            let id = cx.create_subchannel(address("10.0.0.1:1"));
            cx.connect(id);
            cx.remove_subchannel(id);
            cx.connect(id);
            cx.publish(Connecting, QueuePicker);
            Ok(())
        }

        fn on_subchannel_state(
            &mut self,
            _cx: &mut Context<'_>,
            _id: SubchannelId,
            _state: &SubchannelState,
        ) {
            self.0.bump(1);
        }

        fn exit_idle(&mut self, _cx: &mut Context<'_>) {}
    }

    impl PolicyFactory for Fickle {
        fn name(&self) -> &str {
            "fickle"
        }

        fn build(&self) -> Box<dyn LoadBalancingPolicy> {
            Box::new(self.clone())
        }
    }

    let policy = Counters::default();
    let registry = Registry::built_in().with_policy(Fickle(policy.clone()));
    let config = ChannelConfig::new(1)
        .with_registry(registry)
        .with_policy("fickle", None);
    let mut sim = Sim::with("10.0.0.1:1", config);
    sim.connect();
    assert!(sim.connections.is_empty());
    assert_eq!(policy.take(), [0; 4]);
    assert_eq!(sim.channel.poll_timeout(), None);
}

#[test]
fn a_resolver_that_cannot_be_made_again_fails_calls_and_not_the_channel() {
    /// Works the first time only.
    #[derive(Debug, Default)]
    struct Once(AtomicUsize);

    impl ResolverFactory for Once {
        fn scheme(&self) -> &str {
            "once"
        }

        fn build(&self, target: &Target) -> Result<ResolverKind, TargetError> {
            match self.0.fetch_add(1, SeqCst) {
                0 => Ok(ResolverKind::External),
                _ => Err(TargetError::new(
                    target.as_str(),
                    TargetProblem::Other("only once".into()),
                )),
            }
        }
    }

    let registry = Registry::built_in().with_resolver(Once::default());
    let mut sim = Sim::with("once:x", ChannelConfig::new(1).with_registry(registry));
    sim.connect();
    let status = sim.failure();
    assert!(status.to_string().contains("only once"), "{status}");
    sim.channel.enter_idle();
    sim.drain();
    assert_eq!(sim.channel.state(), Idle);
}
