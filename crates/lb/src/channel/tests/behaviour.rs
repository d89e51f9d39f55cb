use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use farcall_core::{Code, Status};

use super::sim::{Phase, Sim, refused};
use crate::balancer::Pick;
use crate::channel::{Channel, ChannelConfig, ConfigError};
use crate::connectivity::ConnectivityState::*;
use crate::policy::ConnectErrors;
use crate::subchannel::{ConnectionEvent, DisconnectReason};
use crate::target::TargetProblem;

const A: &str = "10.0.0.1:1";
const B: &str = "10.0.0.2:1";
const C: &str = "10.0.0.3:1";
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn resolved(addresses: &[&str]) -> Sim {
    let mut sim = Sim::new("dns:///fleet:1");
    sim.connect();
    sim.resolved(addresses).unwrap();
    sim
}

#[test]
fn a_new_channel_does_nothing_until_the_first_call_which_waits_for_the_resolver() {
    let mut sim = Sim::new("dns:///fleet:1");
    assert_eq!(sim.channel.state(), Idle);
    assert_eq!(sim.channel.poll_timeout(), None);
    assert!(sim.channel.poll_action().is_none());
    assert!(matches!(sim.pick(), Pick::Queue));
    assert!(sim.resolving);
    assert_eq!(sim.states, [Connecting]);
    assert!(matches!(sim.pick(), Pick::Queue));
    sim.resolved(&[A]).unwrap();
    assert_eq!(sim.attempts(), [A]);
    sim.accept(A);
    assert_eq!(sim.picked(), A);
    assert_eq!(sim.states, [Connecting, Ready]);
}

#[test]
fn targets_that_need_no_look_up_connect_without_a_resolver_of_the_driver() {
    let table = [
        ("passthrough:///greeter:1", "greeter:1"),
        ("passthrough:10.0.0.1:1", A),
        ("10.0.0.1:1", A),
        ("[::1]", "[::1]:443"),
        ("ipv4:10.0.0.1:1", A),
        ("unix:///run/x", "unix:/run/x"),
        ("unix-abstract:x", "unix-abstract:x"),
    ];
    for (target, address) in table {
        let mut sim = Sim::new(target);
        sim.connect();
        assert!(!sim.resolving, "{target}");
        assert_eq!(sim.attempts(), [address]);
        sim.accept(address);
        assert_eq!(sim.picked(), address);
    }
}

#[test]
fn bad_targets_and_unknown_policies_are_errors_of_making_the_channel() {
    let error = |target: &str| Channel::new(target, ChannelConfig::new(1)).unwrap_err();
    assert!(matches!(
        error("dns:///host:port"),
        ConfigError::Target(e) if matches!(e.problem(), TargetProblem::BadPort { .. })
    ));
    assert!(matches!(error("passthrough:"), ConfigError::Target(_)));
    let config = ChannelConfig::new(1).with_policy("round_about", None);
    let error = Channel::new("host", config).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no load-balancing policy is registered as \"round_about\"; there are pick_first, round_robin"
    );
}

#[test]
fn a_resolver_error_before_any_address_fails_calls_with_unavailable_and_its_text() {
    let mut sim = Sim::new("dns:///fleet:1");
    sim.connect();
    let cause = std::io::Error::other("no such host");
    sim.unresolved(Status::not_found("look-up failed").with_cause(cause));
    assert_eq!(sim.channel.state(), TransientFailure);
    let status = sim.failure();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: dns:///fleet:1 cannot be resolved: NOT_FOUND: look-up failed: no such host"
    );
    sim.resolved(&[A]).unwrap();
    assert_eq!(sim.channel.state(), Connecting);
    assert!(matches!(sim.pick(), Pick::Queue));
}

#[test]
fn a_resolver_error_leaves_known_addresses_in_use() {
    let mut sim = resolved(&[A]);
    sim.unresolved(Status::unavailable("x"));
    assert_eq!(sim.channel.state(), Connecting);
    sim.accept(A);
    sim.unresolved(Status::unavailable("x"));
    assert_eq!(sim.picked(), A);
}

#[test]
fn an_empty_list_is_refused_and_fails_calls() {
    let mut sim = resolved(&[A]);
    sim.accept(A);
    let verdict = sim.resolved(&[]);
    assert_eq!(verdict.unwrap_err().code(), Code::Unavailable);
    assert_eq!(sim.of(A, Phase::Ready), None);
    assert!(
        sim.of(A, Phase::Draining).is_some(),
        "its calls go on to their end"
    );
    assert_eq!(
        sim.failure().message(),
        "the resolver has found no addresses"
    );
    sim.resolved(&[A]).unwrap();
    assert_eq!(sim.channel.state(), Connecting);
}

#[test]
fn the_next_address_starts_after_a_head_start_of_250_ms_or_when_the_one_before_fails() {
    let mut sim = resolved(&[A, B, C]);
    assert_eq!(sim.attempts(), [A]);
    sim.pass(249 * MS);
    assert_eq!(sim.attempts(), [A]);
    sim.pass(MS);
    assert_eq!(sim.attempts(), [A, B]);
    sim.pass(100 * MS);
    sim.refuse(B);
    assert_eq!(
        sim.attempts(),
        [A, C],
        "at once, not after the rest of 250 ms"
    );
    sim.pass(SECOND);
    sim.accept(C);
    assert_eq!(sim.picked(), C);
    assert_eq!(sim.connections.len(), 1, "the other attempts are given up");
    assert_eq!(sim.channel.poll_timeout(), None);
}

#[test]
fn address_families_take_turns() {
    let mut sim = resolved(&["[::1]:1", "[::2]:1", A]);
    sim.pass(250 * MS);
    assert_eq!(sim.attempts(), ["[::1]:1", A]);
    sim.pass(250 * MS);
    assert_eq!(sim.attempts(), ["[::1]:1", A, "[::2]:1"]);
}

#[test]
fn after_a_failed_pass_the_failure_stays_published_until_ready_and_names_every_address() {
    let mut sim = resolved(&[A, B]);
    sim.refuse(A);
    assert_eq!(sim.channel.state(), Connecting);
    assert_eq!(sim.resolve_hints, 0);
    sim.refuse(B);
    assert_eq!(sim.states, [Connecting, TransientFailure]);
    assert_eq!(sim.resolve_hints, 1);
    let status = sim.failure();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "no connection to any of 2 addresses");
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: no connection to any of 2 addresses: \
         10.0.0.1:1 (try 1): connection refused; \
         10.0.0.2:1 (try 1): connection refused"
    );
    let cause = status.cause().unwrap();
    let errors = cause.downcast_ref::<ConnectErrors>().unwrap().errors();
    assert_eq!(errors.len(), 2);

    // Both try again, each at its own backoff; the state does not move.
    sim.pass(1300 * MS);
    assert_eq!(sim.attempts(), [A, B]);
    assert_eq!(sim.channel.state(), TransientFailure);
    assert_eq!(sim.failure().code(), Code::Unavailable);
    sim.refuse(A);
    assert_eq!(sim.resolve_hints, 1);
    sim.refuse(B);
    assert_eq!(
        sim.resolve_hints, 2,
        "once for as many failures as addresses"
    );
    let text = sim.failure().to_string();
    assert!(text.contains("try 2, failing for 1.3s"), "{text}");
    sim.pass(2 * SECOND);
    sim.accept(B);
    assert_eq!(sim.states, [Connecting, TransientFailure, Ready]);
    assert_eq!(sim.picked(), B);
    assert_eq!(sim.attempts(), [""; 0]);
}

#[test]
fn the_failure_of_a_single_address_has_the_networks_error_in_its_chain() {
    let mut sim = resolved(&[A]);
    sim.refuse(A);
    let status = sim.failure();
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: no connection could be made: 10.0.0.1:1 (try 1): connection refused"
    );
    let cause = status.cause().unwrap().source().unwrap();
    let error = cause.downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    sim.unresolved(Status::unavailable("look-up failed"));
    let text = sim.failure().to_string();
    assert!(
        text.contains("no newer addresses: UNAVAILABLE: dns:///fleet:1 cannot be resolved"),
        "{text}"
    );
    sim.resolved(&[A]).unwrap();
    assert!(!sim.failure().to_string().contains("no newer addresses"));
}

#[test]
fn reconnects_follow_the_backoff_schedule() {
    let mut sim = resolved(&[A]);
    let mut nominal = 1.0f64;
    for _ in 0..16 {
        sim.refuse(A);
        let pause = sim.next_timer().as_secs_f64();
        assert!(
            (0.799..=1.201).contains(&(pause / nominal)),
            "{pause} {nominal}"
        );
        nominal = (nominal * 1.6).min(120.0);
        assert_eq!(sim.attempts(), [A]);
    }
}

#[test]
fn an_attempt_that_never_answers_is_cut_at_its_deadline() {
    let mut sim = resolved(&[A]);
    let first = sim.attempt(A);
    assert_eq!(sim.next_timer(), 20 * SECOND);
    let status = sim.failure();
    assert!(
        status.to_string().contains("connect deadline of 20s"),
        "{status}"
    );
    // The pause has passed meanwhile: the next attempt runs, under another name.
    let second = sim.attempt(A);
    assert_ne!(first, second);
    assert_eq!(sim.connections.len(), 1);
}

#[test]
fn a_connection_that_comes_up_after_it_was_given_up_is_closed() {
    let mut sim = resolved(&[A, B]);
    let late = sim.attempt(A);
    sim.refuse(A);
    sim.accept(B);
    sim.connections.insert(late, (A.into(), Phase::Connecting));
    sim.event(late, ConnectionEvent::Connected);
    assert_eq!(sim.of(A, Phase::Ready), None);
    assert_eq!(sim.picked(), B);
}

#[test]
fn a_lost_connection_leaves_the_channel_idle_and_the_next_call_reconnects() {
    let mut sim = resolved(&[A, B]);
    sim.refuse(A);
    sim.accept(B);
    sim.cut(B);
    assert_eq!(sim.channel.state(), Idle);
    assert_eq!(sim.resolve_hints, 1);
    assert!(sim.connections.is_empty());
    sim.pass(3600 * SECOND);
    assert!(sim.connections.is_empty(), "nobody calls, nobody connects");
    assert!(matches!(sim.pick(), Pick::Queue));
    assert_eq!(sim.channel.state(), Connecting);
    assert_eq!(
        sim.attempts(),
        [A],
        "it begins with the first address again"
    );
    sim.accept(A);
    assert_eq!(sim.picked(), A);
    sim.cut(A);
    sim.connect();
    assert_eq!(sim.attempts(), [A], "connect works like a call");
}

#[test]
fn goaway_lets_the_calls_of_the_connection_end_while_new_ones_get_another() {
    let mut sim = resolved(&[A]);
    sim.accept(A);
    let old = sim.of(A, Phase::Ready).unwrap();
    let reason = DisconnectReason::GoAway {
        code: 0,
        debug: String::new(),
    };
    sim.event(old, ConnectionEvent::Draining(reason.clone()));
    assert_eq!(sim.channel.state(), Idle);
    sim.pick();
    sim.accept(A);
    assert_eq!(sim.connections.len(), 2);
    sim.event(old, ConnectionEvent::Disconnected(reason));
    assert_eq!(sim.picked(), A);
}

#[test]
fn a_new_list_keeps_the_ready_connection_if_its_address_is_still_there() {
    let mut sim = resolved(&[A, B]);
    sim.refuse(A);
    sim.accept(B);
    let kept = sim.of(B, Phase::Ready);
    sim.resolved(&[C, B]).unwrap();
    assert_eq!(sim.of(B, Phase::Ready), kept);
    assert_eq!(sim.connections.len(), 1);
    sim.resolved(&[C]).unwrap();
    assert!(sim.of(B, Phase::Draining).is_some());
    assert_eq!(sim.channel.state(), Connecting);
    assert_eq!(sim.attempts(), [C]);
}

#[test]
fn a_new_list_during_connecting_keeps_the_attempts_to_addresses_that_stay() {
    let mut sim = resolved(&[A, B]);
    sim.pass(250 * MS);
    let kept = sim.attempt(B);
    sim.resolved(&[B, C]).unwrap();
    assert_eq!(sim.attempts(), [B]);
    assert_eq!(sim.attempt(B), kept);
    sim.pass(250 * MS);
    assert_eq!(sim.attempts(), [B, C]);
}

#[test]
fn a_new_list_after_a_failure_is_tried_while_the_failure_stays_published() {
    let mut sim = resolved(&[A]);
    sim.refuse(A);
    sim.resolved(&[A, B]).unwrap();
    assert_eq!(sim.channel.state(), TransientFailure);
    assert_eq!(sim.attempts(), [B], "A waits out its backoff");
    sim.refuse(B);
    assert_eq!(
        sim.failure().message(),
        "no connection to any of 2 addresses"
    );
    sim.pass(1300 * MS);
    sim.accept(A);
    assert_eq!(sim.channel.state(), Ready);
}

#[test]
fn a_new_list_while_idle_waits_for_a_call() {
    let mut sim = resolved(&[A]);
    sim.accept(A);
    sim.cut(A);
    sim.resolved(&[B]).unwrap();
    assert_eq!(sim.channel.state(), Idle);
    assert!(sim.connections.is_empty());
    sim.pick();
    assert_eq!(sim.attempts(), [B]);
}

#[test]
fn resetting_the_backoff_connects_at_once() {
    let mut sim = resolved(&[A]);
    for _ in 0..5 {
        sim.refuse(A);
        sim.next_timer();
    }
    sim.refuse(A);
    assert_eq!(sim.attempts(), [""; 0]);
    sim.channel.reset_connect_backoff(sim.now);
    sim.drain();
    assert_eq!(sim.attempts(), [A]);
    sim.refuse(A);
    assert!(sim.next_timer() <= 1201 * MS);
}

#[test]
fn an_idle_channel_holds_nothing_and_the_next_call_rebuilds_everything() {
    let mut sim = resolved(&[A]);
    sim.accept(A);
    sim.channel.enter_idle();
    sim.drain();
    assert_eq!(sim.channel.state(), Idle);
    assert!(!sim.resolving);
    assert_eq!(sim.channel.poll_timeout(), None);
    assert_eq!(sim.connections.len(), 1);
    assert!(sim.of(A, Phase::Draining).is_some());
    assert!(sim.resolved(&[B]).is_ok(), "a late update is ignored");
    assert_eq!(sim.attempts(), [""; 0]);
    assert!(matches!(sim.pick(), Pick::Queue));
    assert!(sim.resolving);
    sim.resolved(&[B]).unwrap();
    sim.accept(B);
    assert_eq!(sim.picked(), B);
}

#[test]
fn going_idle_during_connecting_cuts_the_attempts() {
    let mut sim = resolved(&[A, B]);
    sim.pass(250 * MS);
    sim.channel.enter_idle();
    sim.drain();
    assert!(sim.connections.is_empty());
    assert_eq!(sim.channel.poll_timeout(), None);
}

#[test]
fn shutdown_cuts_everything_even_what_drains_and_fails_all_calls_with_cancelled() {
    let mut sim = resolved(&[A]);
    sim.accept(A);
    sim.resolved(&[B]).unwrap();
    sim.accept(B);
    assert_eq!(sim.connections.len(), 2);
    sim.channel.shutdown();
    sim.channel.shutdown();
    sim.drain();
    assert!(sim.connections.is_empty());
    assert!(!sim.resolving);
    assert_eq!(sim.channel.state(), Shutdown);
    let Pick::Drop(status) = sim.pick() else {
        panic!()
    };
    assert_eq!(status.code(), Code::Cancelled);
    sim.connect();
    assert!(sim.resolved(&[A]).is_ok());
    assert_eq!(sim.channel.state(), Shutdown);
    assert!(sim.connections.is_empty());
}

#[test]
fn a_late_failure_of_a_removed_address_changes_nothing() {
    let mut sim = resolved(&[A]);
    let old = sim.attempt(A);
    sim.resolved(&[B]).unwrap();
    sim.event(old, refused());
    assert_eq!(sim.channel.state(), Connecting);
    sim.accept(B);
    assert_eq!(sim.picked(), B);
}

#[test]
fn the_network_error_may_be_any_error() {
    #[derive(Debug)]
    struct Alert;
    impl std::fmt::Display for Alert {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("TLS alert: unknown CA")
        }
    }
    impl Error for Alert {}
    let mut sim = resolved(&[A]);
    let attempt = sim.attempt(A);
    sim.event(attempt, ConnectionEvent::ConnectFailed(Arc::new(Alert)));
    assert!(sim.failure().to_string().ends_with("TLS alert: unknown CA"));
}
