//! A parent policy over `pick_first` children, as `round_robin` will be: the seams hold without a change to either.

mod helpers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use farcall_core::{Code, Metadata, Status};

use super::*;
use crate::connectivity::ConnectivityState::{self, *};
use crate::policy::PickFirst;
use crate::subchannel::{SubchannelId, SubchannelState};
use crate::{Address, Endpoint};

/// One child for each endpoint; calls go round the ready ones.
#[derive(Default)]
struct Parent {
    children: Vec<ChildPolicy>,
}

struct RoundRobin {
    children: Vec<Arc<dyn Picker>>,
    next: AtomicUsize,
}

impl Picker for RoundRobin {
    fn pick(&self, info: &PickInfo<'_>) -> Pick {
        let turn = self.next.fetch_add(1, Relaxed);
        self.children[turn % self.children.len()].pick(info)
    }
}

impl Parent {
    fn publish(&mut self, cx: &mut Context<'_>) {
        let by_rank = [Ready, Connecting, Idle, TransientFailure];
        let has = |state: &ConnectivityState| self.children.iter().any(|c| c.state() == *state);
        let Some(state) = by_rank.into_iter().find(|state| has(state)) else {
            return;
        };
        let children = self.children.iter().filter(|c| c.state() == state);
        let children = children.map(|child| Arc::clone(child.picker())).collect();
        let next = AtomicUsize::new(0);
        cx.publish(state, RoundRobin { children, next });
    }
}

impl LoadBalancingPolicy for Parent {
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        for child in self.children.drain(..) {
            child.close(cx);
        }
        for endpoint in update.endpoints? {
            let mut child = ChildPolicy::new(Box::new(PickFirst::default()));
            child
                .on_resolver_update(cx, PolicyUpdate::endpoints([endpoint]))
                .1?;
            self.children.push(child);
        }
        self.publish(cx);
        Ok(())
    }

    fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) {
        let mut published = false;
        for child in &mut self.children {
            published |= child.on_subchannel_state(cx, id, state);
            if child.state() == Idle {
                published |= child.exit_idle(cx);
            }
        }
        if published {
            self.publish(cx);
        }
    }

    fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) {
        let mut published = false;
        for child in &mut self.children {
            published |= child.on_timer(cx, id);
        }
        if published {
            self.publish(cx);
        }
    }

    fn exit_idle(&mut self, cx: &mut Context<'_>) {
        let mut published = false;
        for child in &mut self.children {
            published |= child.exit_idle(cx);
        }
        if published {
            self.publish(cx);
        }
    }
}

fn address(last: u8) -> Address {
    Address::from(([10, 0, 0, last], 1))
}

fn created(actions: &[PolicyAction]) -> Vec<SubchannelId> {
    let ids = actions.iter().filter_map(|action| match action {
        PolicyAction::CreateSubchannel { id, .. } => Some(*id),
        _ => None,
    });
    ids.collect()
}

fn published(actions: &[PolicyAction]) -> Option<(ConnectivityState, Arc<dyn Picker>)> {
    let mut published = actions.iter().rev().filter_map(|action| match action {
        PolicyAction::Publish { state, picker } => Some((*state, Arc::clone(picker))),
        _ => None,
    });
    published.next()
}

fn picked(picker: &dyn Picker) -> SubchannelId {
    match picker.pick(&PickInfo::new("/s/m")) {
        Pick::Subchannel(picked) => picked.subchannel(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parent_runs_children_that_do_not_know_of_it_and_routes_by_id() {
    let (mut host, now) = (PolicyHost::new(1), Instant::now());
    let mut parent = Parent::default();
    let update = PolicyUpdate::endpoints([1, 2, 3].map(|i| Endpoint::from(address(i))));
    let (verdict, actions) = host.run(now, |cx| parent.on_resolver_update(cx, update));
    assert!(verdict.is_ok());
    let ids = created(&actions);
    assert_eq!(ids.len(), 3);
    let publishes = actions
        .iter()
        .filter(|a| matches!(a, PolicyAction::Publish { .. }));
    assert_eq!(publishes.count(), 1, "the parent's, not the children's");
    assert_eq!(published(&actions).unwrap().0, Connecting);

    let mut ready = |id| {
        host.run(now, |cx| {
            parent.on_subchannel_state(cx, id, &SubchannelState::Ready)
        })
        .1
    };
    ready(ids[0]);
    let (state, picker) = published(&ready(ids[2])).unwrap();
    assert_eq!(state, Ready);
    let picks: Vec<_> = (0..4).map(|_| picked(&*picker)).collect();
    assert_eq!(picks, [ids[0], ids[2], ids[0], ids[2]]);

    // A lost connection is replaced at once by this parent.
    let idle = SubchannelState::Idle;
    let ((), actions) = host.run(now, |cx| parent.on_subchannel_state(cx, ids[0], &idle));
    assert_eq!(created(&actions).len(), 1);
    let (_, picker) = published(&actions).unwrap();
    assert_eq!(picked(&*picker), ids[2]);
}

#[test]
fn closing_a_child_leaves_none_of_its_subchannels_and_timers() {
    let (mut host, now) = (PolicyHost::new(1), Instant::now());
    let mut child = ChildPolicy::new(Box::new(PickFirst::default()));
    let update = PolicyUpdate::endpoints([Endpoint::new([address(1), address(2)])]);
    let (_, actions) = host.run(now, |cx| child.on_resolver_update(cx, update).0);
    let timer = actions.iter().find_map(|action| match action {
        PolicyAction::SetTimer { id, at } => Some((*id, *at)),
        _ => None,
    });
    let (timer, at) = timer.unwrap();
    assert_eq!(at, now + Duration::from_millis(250));
    let first = created(&actions)[0];
    let (_, actions) = host.run(at, |cx| child.on_timer(cx, timer));
    let second = created(&actions)[0];
    let (again, _) = host.run(at, |cx| child.on_timer(cx, timer));
    assert!(!again, "a timer fires once");
    let ((), actions) = host.run(at, |cx| child.close(cx));
    let mut removed: Vec<_> = actions
        .iter()
        .map(|action| match action {
            PolicyAction::RemoveSubchannel(id) => *id,
            other => panic!("{other:?}"),
        })
        .collect();
    removed.sort();
    assert_eq!(removed, [first, second]);
}

#[test]
fn a_wish_wakes_only_the_child_whose_picker_it_came_from() {
    let (mut host, now) = (PolicyHost::new(1), Instant::now());
    let mut children = [1, 2].map(|last| {
        let mut child = ChildPolicy::new(Box::new(PickFirst::default()));
        let update = PolicyUpdate::endpoints([address(last).into()]);
        let (_, actions) = host.run(now, |cx| child.on_resolver_update(cx, update).0);
        let id = created(&actions)[0];
        for state in [SubchannelState::Ready, SubchannelState::Idle] {
            host.run(now, |cx| child.on_subchannel_state(cx, id, &state));
        }
        assert_eq!(child.state(), Idle);
        child
    });
    let info = PickInfo::new("/s/m");
    assert!(matches!(children[1].picker().pick(&info), Pick::Queue));
    let wakes = info.take_wakes();
    assert_eq!(wakes.len(), 1);
    assert!(info.take_wakes().is_empty());
    for child in &mut children {
        host.run(now, |cx| child.on_wake(cx, wakes[0]));
    }
    assert_eq!(
        [Idle, Connecting],
        [children[0].state(), children[1].state()]
    );
}

#[test]
fn codes_that_belong_to_applications_become_internal_in_picks() {
    let forbidden = [
        Code::Ok,
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::DataLoss,
    ];
    for number in 0..=16 {
        let code = Code::from(number);
        let expected = if forbidden.contains(&code) {
            Code::Internal
        } else {
            code
        };
        let status = Status::new(code, "why");
        let Pick::Fail(fail) = Pick::Fail(status.clone()).restricted() else {
            panic!()
        };
        let Pick::Drop(drop) = Pick::Drop(status).restricted() else {
            panic!()
        };
        assert_eq!((fail.code(), drop.code()), (expected, expected));
        assert!(fail.message().contains("why"));
    }
    assert!(matches!(Pick::Queue.restricted(), Pick::Queue));
}

#[test]
fn a_picker_sees_method_and_metadata() {
    let mut metadata = Metadata::new();
    metadata.insert("shard", "7");
    let info = PickInfo::new("/s/m").with_metadata(&metadata);
    assert_eq!(info.method(), "/s/m");
    assert_eq!(info.metadata().unwrap().get("shard"), Some("7"));
}

#[test]
fn the_built_in_pickers_do_what_their_names_say() {
    let pick = |picker: &dyn Picker| picker.pick(&PickInfo::new("/s/m"));
    let status = Status::unavailable("x");
    assert!(matches!(pick(&QueuePicker), Pick::Queue));
    assert!(matches!(pick(&FailPicker(status.clone())), Pick::Fail(s) if s == status));
    assert!(matches!(pick(&DropPicker(status.clone())), Pick::Drop(s) if s == status));
    let id = SubchannelId::new(4);
    assert!(matches!(pick(&SubchannelPicker(id)), Pick::Subchannel(p) if p.subchannel() == id));
}
