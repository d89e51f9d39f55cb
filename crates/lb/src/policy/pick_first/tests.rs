//! What the channel's tests do not show: the policy alone, without subchannels behind it.

use std::sync::Arc;
use std::time::Instant;

use farcall_core::{Attributes, Status};

use super::*;
use crate::balancer::{
    LoadBalancingPolicy, PolicyAction, PolicyConfig, PolicyFactory, PolicyHost, PolicyUpdate,
    SubchannelSpec, TimerId,
};
use crate::connectivity::ConnectivityState::{self, *};
use crate::subchannel::{SubchannelError, SubchannelId, SubchannelState};
use crate::{Address, Endpoint};

struct Bench {
    host: PolicyHost,
    now: Instant,
    policy: PickFirst,
    specs: Vec<SubchannelSpec>,
    ids: Vec<SubchannelId>,
    timer: Option<TimerId>,
    /// What the last input led to, without creations and timers.
    log: Vec<String>,
}

impl Bench {
    fn new(seed: u64) -> Self {
        Self {
            host: PolicyHost::new(seed),
            now: Instant::now(),
            policy: PickFirst::default(),
            specs: Vec::new(),
            ids: Vec::new(),
            timer: None,
            log: Vec::new(),
        }
    }

    fn take(&mut self, actions: Vec<PolicyAction>) {
        self.log.clear();
        for action in actions {
            match action {
                PolicyAction::CreateSubchannel { id, spec } => {
                    self.specs.push(spec);
                    self.ids.push(id);
                }
                PolicyAction::SetTimer { id, .. } => self.timer = Some(id),
                PolicyAction::CancelTimer(id) => {
                    assert_eq!(self.timer.take(), Some(id));
                }
                other => self.log.push(self.name(&other)),
            }
        }
    }

    fn name(&self, action: &PolicyAction) -> String {
        let place = |id: &SubchannelId| self.ids.iter().position(|i| i == id).unwrap();
        match action {
            PolicyAction::Connect(id) => format!("connect {}", place(id)),
            PolicyAction::RemoveSubchannel(id) => format!("remove {}", place(id)),
            other => format!("{other:?}"),
        }
    }

    fn update(&mut self, update: PolicyUpdate) -> Result<(), Status> {
        let policy = &mut self.policy;
        let run = self
            .host
            .run(self.now, |cx| policy.on_resolver_update(cx, update));
        self.take(run.1);
        run.0
    }

    fn addresses(&mut self, last: impl IntoIterator<Item = u8>) {
        let endpoints = last.into_iter().map(|i| Endpoint::from(address(i)));
        self.update(PolicyUpdate::endpoints(endpoints)).unwrap();
    }

    fn state(&mut self, place: usize, state: SubchannelState) {
        let (policy, id) = (&mut self.policy, self.ids[place]);
        let run = self
            .host
            .run(self.now, |cx| policy.on_subchannel_state(cx, id, &state));
        self.take(run.1);
    }

    fn fail(&mut self, place: usize) {
        let cause = Arc::new(std::io::Error::other("no route"));
        let address = self.specs[place].address.clone();
        let error = SubchannelError::new(address, cause, 1, self.now, self.now);
        self.state(place, SubchannelState::TransientFailure(error));
    }

    fn head_start_over(&mut self) {
        let id = self.timer.take().expect("a head start");
        let policy = &mut self.policy;
        let run = self.host.run(self.now, |cx| policy.on_timer(cx, id));
        self.take(run.1);
    }
}

fn address(last: u8) -> Address {
    Address::from(([10, 0, 0, last], 1))
}

fn published(state: ConnectivityState) -> String {
    format!("Publish({state})")
}

#[test]
fn the_factory_makes_a_policy_called_pick_first() {
    assert_eq!(PickFirstFactory.name(), "pick_first");
    let mut policy = PickFirstFactory.build();
    let update = PolicyUpdate::endpoints([address(1).into()]);
    let run = PolicyHost::new(1).run(Instant::now(), |cx| policy.on_resolver_update(cx, update));
    assert!(run.0.is_ok());
}

#[test]
fn shuffling_is_off_by_default_and_spreads_clients_when_on() {
    let first = |seed, shuffle_address_list| {
        let mut bench = Bench::new(seed);
        let endpoints = (1..=4).map(|i| Endpoint::from(address(i)));
        let config = PickFirstConfig {
            shuffle_address_list,
        };
        let update = PolicyUpdate::endpoints(endpoints).with_config(PolicyConfig::new(config));
        bench.update(update).unwrap();
        bench.specs[0].address.to_string()
    };
    let mut counts = std::collections::BTreeMap::<_, usize>::new();
    for seed in 0..400 {
        assert_eq!(first(seed, false), "10.0.0.1:1");
        *counts.entry(first(seed, true)).or_default() += 1;
    }
    assert_eq!(counts.len(), 4);
    assert!(counts.values().all(|n| (60..140).contains(n)), "{counts:?}");
}

#[test]
fn subchannels_carry_the_attributes_of_their_endpoint() {
    let mut bench = Bench::new(1);
    let attributes = Attributes::new().with("zone a");
    let endpoint = Endpoint::new([address(1)]).with_attributes(attributes.clone());
    bench.update(PolicyUpdate::endpoints([endpoint])).unwrap();
    assert_eq!(bench.specs[0].endpoint_attributes, attributes);
}

#[test]
fn an_address_with_other_attributes_is_another_address() {
    let mut bench = Bench::new(1);
    bench.addresses([1]);
    bench.state(0, SubchannelState::Ready);
    let changed = address(1).with_attributes(Attributes::new().with(1u8));
    bench
        .update(PolicyUpdate::endpoints([changed.into()]))
        .unwrap();
    assert_eq!(bench.log, ["remove 0", &published(Connecting), "connect 1"]);
}

#[test]
fn an_attempt_that_fails_out_of_turn_does_not_shorten_the_head_start_of_another() {
    let mut bench = Bench::new(1);
    bench.addresses([1, 2, 3]);
    bench.head_start_over();
    assert_eq!(bench.log, ["connect 1"]);
    bench.fail(0);
    assert!(bench.log.is_empty());
    assert!(
        bench.timer.is_some(),
        "the head start of the second runs on"
    );
    bench.fail(1);
    assert_eq!(bench.log, ["connect 2"]);
    assert!(bench.timer.is_none(), "the last one needs no head start");
    bench.fail(2);
    assert_eq!(bench.log, [&published(TransientFailure), "Resolve"]);
}

#[test]
fn a_backoff_that_ends_during_the_pass_waits_for_the_end_of_the_pass() {
    let mut bench = Bench::new(1);
    bench.addresses([1, 2]);
    bench.fail(0);
    assert_eq!(bench.log, ["connect 1"]);
    bench.state(0, SubchannelState::Idle);
    assert!(bench.log.is_empty());
    bench.fail(1);
    assert_eq!(
        bench.log,
        [&published(TransientFailure), "Resolve", "connect 0"]
    );
    bench.state(1, SubchannelState::Idle);
    assert_eq!(bench.log, ["connect 1"]);
}

#[test]
fn the_pass_does_not_end_while_an_attempt_of_it_runs() {
    let mut bench = Bench::new(1);
    bench.addresses([1, 2]);
    bench.head_start_over();
    // The attempt to 2 goes on under the new list, fails before its turn, and gets its turn in the new pass.
    bench.addresses([3, 2, 4]);
    bench.fail(1);
    bench.state(1, SubchannelState::Idle);
    bench.fail(2);
    assert_eq!(bench.log, ["connect 1"]);
    bench.head_start_over();
    assert_eq!(bench.log, ["connect 3"]);
    bench.fail(3);
    assert!(bench.log.is_empty(), "2 may still answer: {:?}", bench.log);
    bench.fail(1);
    assert_eq!(bench.log, [&published(TransientFailure), "Resolve"]);
}

#[test]
fn a_new_list_whose_addresses_all_wait_out_their_backoff_is_no_reason_to_ask_again() {
    let mut bench = Bench::new(1);
    bench.addresses([1, 2]);
    bench.fail(0);
    bench.fail(1);
    assert_eq!(bench.log, [&published(TransientFailure), "Resolve"]);
    bench.addresses([2, 1]);
    assert_eq!(bench.log, [published(TransientFailure)]);
    bench.state(0, SubchannelState::Idle);
    assert_eq!(bench.log, ["connect 0"]);
}

#[test]
fn the_failure_stays_the_state_while_a_new_list_is_tried() {
    let mut bench = Bench::new(1);
    bench.addresses([1]);
    bench.fail(0);
    bench.addresses([1, 2]);
    assert_eq!(bench.log, ["connect 1"]);
    assert_eq!(bench.policy.state(), TransientFailure);
    bench.addresses([1, 2, 3]);
    assert_eq!(bench.policy.state(), TransientFailure);
    bench.state(1, SubchannelState::Ready);
    bench.state(1, SubchannelState::Idle);
    assert_eq!(bench.policy.state(), Idle);
}

#[test]
fn the_first_to_answer_wins_and_the_others_are_removed() {
    let mut bench = Bench::new(1);
    bench.addresses([1, 2, 3]);
    bench.head_start_over();
    bench.head_start_over();
    bench.state(1, SubchannelState::Ready);
    assert_eq!(bench.log, ["remove 0", "remove 2", &published(Ready)]);
    assert_eq!(bench.policy.state(), Ready);
    bench.state(1, SubchannelState::Idle);
    assert_eq!(bench.log, ["remove 1", &published(Idle), "Resolve"]);
}

#[test]
fn a_failure_for_want_of_addresses_is_not_sticky() {
    let mut bench = Bench::new(1);
    assert!(bench.update(PolicyUpdate::endpoints([])).is_err());
    assert_eq!(bench.log, [published(TransientFailure)]);
    bench.addresses([1]);
    assert_eq!(bench.log, [&published(Connecting), "connect 0"]);
    assert!(bench.update(PolicyUpdate::endpoints([])).is_err());
    assert_eq!(bench.log, ["remove 0", &published(TransientFailure)]);
}

#[test]
fn inputs_with_unknown_ids_change_nothing() {
    let mut bench = Bench::new(1);
    bench.addresses([1]);
    bench.ids.push(SubchannelId::new(999));
    bench.specs.push(SubchannelSpec::new(address(9)));
    bench.fail(1);
    assert!(bench.log.is_empty());
    bench.state(1, SubchannelState::Ready);
    assert!(bench.log.is_empty());
    assert_eq!(bench.policy.state(), Connecting);
}

#[test]
fn a_text_about_a_thousand_addresses_stays_readable() {
    let now = Instant::now();
    let errors = (0..1000).map(|i| {
        let cause = Arc::new(std::io::Error::other("no route"));
        SubchannelError::new(Address::named(format!("host-{i}:1")), cause, 1, now, now)
    });
    let errors = ConnectErrors::new(errors.collect());
    let text = errors.to_string();
    assert!(
        text.ends_with("host-19:1 (try 1): no route; and 980 more"),
        "{text}"
    );
    assert_eq!(errors.errors().len(), 1000);
}

#[test]
fn an_address_whose_connection_was_of_no_use_waits_while_the_others_are_tried() {
    let mut bench = Bench::new(1);
    bench.addresses([1, 2]);
    bench.state(0, SubchannelState::Ready);
    bench.fail(0);
    assert_eq!(
        bench.log,
        [&published(Connecting), "Resolve", "connect 1"],
        "its subchannel, and with it the backoff, is kept"
    );
    bench.fail(1);
    assert_eq!(bench.log, [&published(TransientFailure), "Resolve"]);
    bench.state(0, SubchannelState::Idle);
    assert_eq!(bench.log, ["connect 0"]);
}
