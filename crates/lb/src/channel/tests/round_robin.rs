//! `round_robin` in a whole channel, on simulated time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sim::{Phase, Sim, refused};
use crate::balancer::Pick;
use crate::channel::ChannelConfig;
use crate::connectivity::ConnectivityState::*;
use crate::resolver::ResolverUpdate;
use crate::subchannel::{ConnectionEvent, DisconnectReason};
use crate::{Address, Endpoint};

use farcall_core::{Code, Status};

const A: &str = "10.0.0.1:1";
const B: &str = "10.0.0.2:1";
const C: &str = "10.0.0.3:1";
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn fleet(addresses: &[&str]) -> Sim {
    let config = ChannelConfig::new(7).with_policy("round_robin", None);
    let mut sim = Sim::with("dns:///fleet:1", config);
    sim.connect();
    sim.resolved(addresses).unwrap();
    sim
}

fn ready(addresses: &[&str]) -> Sim {
    let mut sim = fleet(addresses);
    for address in addresses {
        sim.accept(address);
    }
    sim
}

fn spread(sim: &mut Sim, picks: usize) -> BTreeMap<String, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..picks {
        *spread.entry(sim.picked()).or_default() += 1;
    }
    spread
}

#[test]
fn all_backends_are_connected_at_once_and_calls_wait_for_the_first() {
    let mut sim = fleet(&[A, B, C]);
    assert_eq!(sim.attempts(), [A, B, C]);
    assert!(matches!(sim.pick(), Pick::Queue));
    sim.accept(B);
    assert_eq!(sim.channel.state(), Ready);
    assert_eq!(spread(&mut sim, 3), [(B.to_owned(), 3)].into());
}

#[test]
fn calls_go_to_every_ready_backend_in_turn() {
    let mut sim = ready(&[A, B, C]);
    let turn: Vec<_> = (0..3).map(|_| sim.picked()).collect();
    let again: Vec<_> = (0..3).map(|_| sim.picked()).collect();
    assert_eq!(turn, again);
    assert!(
        [A, B, C]
            .iter()
            .all(|address| turn.iter().any(|t| t == address))
    );
    assert!(spread(&mut sim, 300).values().all(|picks| *picks == 100));
}

#[test]
fn clients_begin_at_different_backends() {
    let starts = (0..32).map(|seed| {
        let config = ChannelConfig::new(seed).with_policy("round_robin", None);
        let mut sim = Sim::with("ipv4:10.0.0.1:1,10.0.0.2:1,10.0.0.3:1", config);
        sim.connect();
        for address in [A, B, C] {
            sim.accept(address);
        }
        sim.picked()
    });
    let starts: std::collections::BTreeSet<_> = starts.collect();
    assert_eq!(starts.len(), 3);
}

#[test]
fn a_lost_connection_is_made_again_at_once_and_missed_by_no_call_meanwhile() {
    let mut sim = ready(&[A, B]);
    sim.cut(A);
    assert_eq!(sim.channel.state(), Ready);
    assert_eq!(sim.attempts(), [A]);
    assert_eq!(spread(&mut sim, 4), [(B.to_owned(), 4)].into());
    sim.accept(A);
    assert_eq!(spread(&mut sim, 4).len(), 2);
}

#[test]
fn a_draining_backend_gets_no_new_calls_and_a_new_connection() {
    let mut sim = ready(&[A, B]);
    let old = sim.of(A, Phase::Ready).unwrap();
    let reason = DisconnectReason::GoAway {
        code: 0,
        debug: "bye".into(),
    };
    sim.event(old, ConnectionEvent::Draining(reason));
    assert_eq!(spread(&mut sim, 2), [(B.to_owned(), 2)].into());
    assert_eq!(sim.attempts(), [A]);
}

#[test]
fn a_backend_that_fails_is_tried_again_with_growing_pauses_and_asks_for_resolution() {
    let mut sim = fleet(&[A, B]);
    sim.accept(B);
    sim.refuse(A);
    assert_eq!(sim.resolve_hints, 1);
    let mut nominal = 1.0;
    for _ in 0..6 {
        let pause = sim.next_timer().as_secs_f64();
        assert!(
            pause >= nominal * 0.8 && pause <= nominal * 1.2,
            "{pause} for {nominal}"
        );
        assert_eq!(sim.attempts(), [A]);
        let attempt = sim.attempt(A);
        sim.event(attempt, refused());
        nominal *= 1.6;
    }
    assert_eq!(spread(&mut sim, 4), [(B.to_owned(), 4)].into());
}

#[test]
fn when_all_have_failed_calls_fail_with_the_reasons_of_all_until_one_is_ready() {
    let mut sim = fleet(&[A, B]);
    sim.refuse(A);
    assert_eq!(sim.channel.state(), Connecting, "B may still answer");
    sim.refuse(B);
    assert_eq!(sim.channel.state(), TransientFailure);
    let reasons = sim.failure().to_string();
    assert!(
        reasons.contains(A) && reasons.contains(B) && reasons.contains("2 backends"),
        "{reasons}"
    );
    assert_eq!(sim.failure().code(), Code::Unavailable);
    sim.pass(2 * SECOND);
    assert_eq!(sim.channel.state(), TransientFailure, "failure is sticky");
    sim.accept(A);
    assert_eq!(sim.channel.state(), Ready);
}

#[test]
fn an_update_adds_and_removes_backends_and_leaves_the_others_alone() {
    let mut sim = ready(&[A, B]);
    let kept = sim.of(B, Phase::Ready);
    sim.resolved(&[C, B]).unwrap();
    assert!(sim.of(A, Phase::Draining).is_some());
    assert_eq!(sim.of(B, Phase::Ready), kept);
    assert_eq!(sim.attempts(), [C]);
    assert_eq!(spread(&mut sim, 2), [(B.to_owned(), 2)].into());
    sim.accept(C);
    assert_eq!(spread(&mut sim, 2).len(), 2);
}

#[test]
fn the_same_backend_twice_counts_once() {
    let mut sim = ready(&[A, B]);
    sim.resolved(&[A, B, A]).unwrap();
    assert!(sim.attempts().is_empty());
    assert_eq!(spread(&mut sim, 4)[A], 2);
}

#[test]
fn a_failed_look_up_leaves_the_known_backends_and_an_empty_list_removes_them() {
    let mut sim = ready(&[A, B]);
    sim.unresolved(Status::unavailable("no name server"));
    assert_eq!(spread(&mut sim, 4).len(), 2);
    assert!(sim.resolved(&[]).is_err());
    assert_eq!(sim.channel.state(), TransientFailure);
    assert!(sim.failure().message().contains("no addresses"));
}

#[test]
fn a_failed_first_look_up_fails_calls() {
    let config = ChannelConfig::new(7).with_policy("round_robin", None);
    let mut sim = Sim::with("dns:///fleet:1", config);
    sim.connect();
    sim.unresolved(Status::unavailable("no name server"));
    assert_eq!(sim.failure().code(), Code::Unavailable);
}

#[test]
fn the_addresses_of_one_endpoint_are_one_backend_raced_as_pick_first_does() {
    let config = ChannelConfig::new(7).with_policy("round_robin", None);
    let mut sim = Sim::with("dns:///fleet:1", config);
    sim.connect();
    let address = |text: &str| Address::from(text.parse::<std::net::SocketAddr>().unwrap());
    let both = Endpoint::new([address("[::1]:1"), address(A)]);
    let update = ResolverUpdate::endpoints([both, address(B).into()]);
    sim.channel.handle_resolver_update(sim.now, update).unwrap();
    sim.drain();
    let mut first = sim.attempts();
    first.sort();
    assert_eq!(first, [B, "[::1]:1"]);
    assert_eq!(sim.next_timer(), 250 * MS);
    assert_eq!(sim.attempts().len(), 3);
    sim.accept(A);
    sim.accept(B);
    assert!(sim.attempts().is_empty(), "the other family has lost");
    let spread = spread(&mut sim, 4);
    assert_eq!((spread[A], spread[B]), (2, 2));
}
