//! The helpers for policy writers, each alone.

use std::time::Instant;

use farcall_core::Status;

use super::{address, created, picked, published};
use crate::Endpoint;
use crate::balancer::*;
use crate::connectivity::ConnectivityState::*;
use crate::health::Health;
use crate::policy::PickFirst;
use crate::subchannel::SubchannelState;

fn pick_first() -> Box<dyn LoadBalancingPolicy> {
    Box::new(PickFirst::default())
}

fn endpoints<const N: usize>(last: [u8; N]) -> PolicyUpdate {
    PolicyUpdate::endpoints(last.map(|last| Endpoint::from(address(last))))
}

#[test]
fn a_lazy_child_is_made_by_the_first_call_with_the_newest_good_update() {
    let (mut host, now) = (PolicyHost::new(1), Instant::now());
    let mut lazy = LazyChild::new(pick_first);
    let (_, actions) = host.run(now, |cx| lazy.on_resolver_update(cx, endpoints([1])));
    let (state, picker) = published(&actions).unwrap();
    assert_eq!((state, actions.len()), (Idle, 1));
    for update in [
        endpoints([2]),
        PolicyUpdate::failure(Status::unavailable("no name server")),
    ] {
        let (_, actions) = host.run(now, |cx| lazy.on_resolver_update(cx, update));
        assert!(actions.is_empty());
    }
    let stranger = host.wake_id();
    assert!(host.run(now, |cx| lazy.on_wake(cx, stranger)).1.is_empty());

    let call = PickInfo::new("/s/m");
    assert!(matches!(picker.pick(&call), Pick::Queue));
    let wakes = call.take_wakes();
    let ((), actions) = host.run(now, |cx| lazy.on_wake(cx, wakes[0]));
    let made: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            PolicyAction::CreateSubchannel { spec, .. } => Some(spec.address.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(made, [address(2)]);

    let id = created(&actions)[0];
    let ready = SubchannelState::Ready;
    let ((), actions) = host.run(now, |cx| lazy.on_subchannel_state(cx, id, &ready));
    let (state, picker) = published(&actions).unwrap();
    assert_eq!((state, picked(&*picker)), (Ready, id));
}

#[test]
fn keyed_children_get_their_own_inputs_and_leave_nothing_when_they_go() {
    let (mut host, now) = (PolicyHost::new(1), Instant::now());
    let mut shards = KeyedChildren::default();
    let mut ids = Vec::new();
    for (shard, last) in [("a", 1), ("b", 2)] {
        let (_, actions) = host.run(now, |cx| {
            let child = shards.child(shard, pick_first);
            child.on_resolver_update(cx, endpoints([last])).1
        });
        ids.extend(created(&actions));
    }
    let ready = SubchannelState::Ready;
    let (any, _) = host.run(now, |cx| shards.on_subchannel_state(cx, ids[1], &ready));
    assert!(any);
    let states = |shards: &KeyedChildren<&'static str>| -> Vec<_> {
        shards
            .iter()
            .map(|(shard, child)| (*shard, child.state()))
            .collect()
    };
    assert_eq!(states(&shards), [("a", Connecting), ("b", Ready)]);
    assert_eq!(shards.state(), Ready);
    assert_eq!(shards.find(&"b").map(ChildPolicy::state), Some(Ready));

    let ((), actions) = host.run(now, |cx| shards.retain(cx, |shard| *shard == "a"));
    assert!(matches!(actions[..], [PolicyAction::RemoveSubchannel(id)] if id == ids[1]));
    assert_eq!(states(&shards), [("a", Connecting)]);
    let (any, _) = host.run(now, |cx| shards.on_subchannel_state(cx, ids[1], &ready));
    assert!(!any, "nobody owns it any more");
}

#[test]
fn the_children_of_endpoints_outlive_updates_that_name_their_addresses_in_another_order() {
    let (mut host, now) = (PolicyHost::new(1), Instant::now());
    let mut children = EndpointChildren::new(pick_first);
    let mut update = |fleet: &[Endpoint]| {
        let (outcome, actions) = host.run(now, |cx| {
            children.update(cx, fleet, Default::default(), None)
        });
        assert!(outcome.1.is_ok());
        let removed = actions
            .iter()
            .filter(|action| matches!(action, PolicyAction::RemoveSubchannel(_)));
        (
            created(&actions).len(),
            removed.count(),
            children.iter().count(),
        )
    };
    let one = Endpoint::from(address(1));
    let pair = Endpoint::new([address(2), address(3)]);
    let turned = Endpoint::new([address(3), address(2)]);
    assert_eq!(update(&[one.clone(), pair.clone()]), (2, 0, 2));
    assert_eq!(update(&[turned, one.clone()]).2, 2);
    let (made, _, count) = update(&[pair, one.clone(), one.clone()]);
    assert_eq!((made, count), (0, 2), "each once");
    assert_eq!(update(&[one]).2, 1);
}

#[test]
fn a_switch_tells_both_policies_what_is_theirs_and_closes_the_old_one() {
    let (mut host, now) = (PolicyHost::new(1), Instant::now());
    let registry = crate::Registry::built_in();
    let select = |name: &str| PolicySelection::new(registry.policy(name).unwrap().clone(), None);
    let mut switch = GracefulSwitch::default();
    let update = |switch: &mut GracefulSwitch, host: &mut PolicyHost, name: &str| {
        let selection = select(name);
        let run = |cx: &mut Context<'_>| switch.on_resolver_update(cx, &selection, endpoints([1]));
        created(&host.run(now, run).1)
    };
    let old = update(&mut switch, &mut host, "pick_first")[0];
    let ready = SubchannelState::Ready;
    host.run(now, |cx| switch.on_subchannel_state(cx, old, &ready));
    let new = update(&mut switch, &mut host, "round_robin")[0];
    assert_eq!(switch.serving(), Some("pick_first"));
    host.run(now, |cx| switch.on_subchannel_state(cx, new, &ready));
    assert_eq!(
        switch.serving(),
        Some("pick_first"),
        "it waits for the health"
    );
    let fit = Health::Serving;
    host.run(now, |cx| switch.on_subchannel_health(cx, old, &fit));
    let ((), actions) = host.run(now, |cx| switch.on_subchannel_health(cx, new, &fit));
    assert_eq!(switch.serving(), Some("round_robin"));
    let closed =
        |action: &PolicyAction| matches!(action, PolicyAction::RemoveSubchannel(id) if *id == old);
    assert!(actions.iter().any(closed));
    let (state, picker) = published(&actions).unwrap();
    assert_eq!((state, picked(&*picker)), (Ready, new));
}
