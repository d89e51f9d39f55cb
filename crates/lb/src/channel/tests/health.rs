//! Client-side health checking (gRFC A17) in a whole channel, on simulated time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::sim::{Phase, Sim};
use crate::balancer::Pick;
use crate::channel::ChannelConfig;
use crate::connectivity::ConnectivityState::*;
use crate::health::ServingStatus::{self, *};
use crate::subchannel::{ConnectionEvent, DisconnectReason};

use farcall_core::Code;

const A: &str = "10.0.0.1:1";
const B: &str = "10.0.0.2:1";
const SECOND: Duration = Duration::from_secs(1);
const CHECKED: &str = r#"{"healthCheckConfig": {"serviceName": "shop"}, "loadBalancingConfig": [{"round_robin": {}}]}"#;
const UNCHECKED: &str = r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#;

fn channel(config: &str) -> Sim {
    channel_with(config, ChannelConfig::new(7))
}

fn channel_with(config: &str, channel: ChannelConfig) -> Sim {
    let mut sim = Sim::with("dns:///fleet:1", channel);
    sim.connect();
    sim.configured(&[A, B], config).unwrap();
    sim
}

/// Both connected, neither known to be healthy.
fn connected() -> Sim {
    let mut sim = channel(CHECKED);
    sim.accept(A);
    sim.accept(B);
    sim
}

/// Where a few calls go.
fn picked(sim: &mut Sim) -> BTreeSet<String> {
    (0..8).map(|_| sim.picked()).collect()
}

fn both() -> BTreeSet<String> {
    [A.to_owned(), B.to_owned()].into()
}

#[test]
fn a_backend_is_not_ready_before_it_says_that_it_serves() {
    let mut sim = connected();
    assert_eq!(
        (sim.watched(A), sim.watched(B)),
        (Some("shop"), Some("shop"))
    );
    assert_eq!(sim.channel.state(), Connecting);
    assert!(matches!(sim.pick(), Pick::Queue));
    sim.says(B, Serving);
    assert_eq!(sim.channel.state(), Ready);
    assert_eq!(picked(&mut sim), [B.to_owned()].into());
    sim.says(A, Serving);
    assert_eq!(picked(&mut sim), both());
}

#[test]
fn a_backend_that_says_anything_else_gets_no_calls_and_keeps_its_connection() {
    for status in [NotServing, ServiceUnknown, Unknown] {
        let mut sim = connected();
        sim.says(A, Serving);
        sim.says(B, Serving);
        sim.says(A, status);
        assert_eq!(picked(&mut sim), [B.to_owned()].into());
        assert!(sim.of(A, Phase::Ready).is_some());
        sim.says(A, Serving);
        assert_eq!(picked(&mut sim), both());
    }
}

#[test]
fn when_no_backend_is_healthy_calls_fail_with_what_the_backends_say() {
    let mut sim = connected();
    sim.says(A, NotServing);
    assert_eq!(
        sim.channel.state(),
        Connecting,
        "the other one may be healthy"
    );
    sim.says(B, ServiceUnknown);
    assert_eq!(sim.channel.state(), TransientFailure);
    let status = sim.failure();
    assert_eq!(status.code(), Code::Unavailable);
    for says in ["NOT_SERVING", "SERVICE_UNKNOWN"] {
        let text = format!("the backend says {says} for the service \"shop\"");
        assert!(status.to_string().contains(&text), "{status}");
    }
}

#[test]
fn a_failed_channel_stays_failed_until_a_backend_says_that_it_serves() {
    let mut sim = channel(CHECKED);
    sim.refuse(A);
    sim.refuse(B);
    assert_eq!(sim.channel.state(), TransientFailure);
    sim.pass(2 * SECOND);
    sim.accept(A);
    assert_eq!(
        sim.channel.state(),
        TransientFailure,
        "connected is not healthy"
    );
    sim.says(A, Serving);
    assert_eq!(sim.channel.state(), Ready);
}

#[test]
fn a_backend_without_a_health_service_counts_as_healthy() {
    let mut sim = connected();
    sim.watch_ends(A, Code::Unimplemented);
    assert_eq!(picked(&mut sim), [A.to_owned()].into());
    sim.pass(300 * SECOND);
    assert_eq!(sim.watched(A), None, "it is not asked again");
    // The next connection is: it may be another program.
    sim.cut(A);
    sim.accept(A);
    assert_eq!(sim.watched(A), Some("shop"));
}

#[test]
fn a_call_that_fails_makes_its_backend_fail_and_is_made_again_after_growing_pauses() {
    let mut sim = connected();
    sim.says(B, Serving);
    let mut nominal: f64 = 1.0;
    for _ in 0..8 {
        sim.watch_ends(A, Code::Unavailable);
        assert_eq!(picked(&mut sim), [B.to_owned()].into());
        let pause = sim.next_timer().as_secs_f64();
        assert!(
            (nominal * 0.799..nominal * 1.201).contains(&pause),
            "{pause} for {nominal}"
        );
        assert_eq!(sim.watched(A), Some("shop"));
        nominal *= 1.6;
    }
    sim.says(A, Serving);
    assert_eq!(picked(&mut sim), both());
}

#[test]
fn a_watch_ends_with_its_connection_and_begins_with_the_next() {
    let mut sim = connected();
    sim.says(A, Serving);
    sim.says(B, Serving);
    let old = sim.of(A, Phase::Ready).unwrap();
    let reason = DisconnectReason::GoAway {
        code: 0,
        debug: String::new(),
    };
    sim.event(old, ConnectionEvent::Draining(reason));
    assert!(
        !sim.watches.contains_key(&old),
        "a drain must not wait for the watch"
    );
    sim.accept(A);
    assert_eq!(picked(&mut sim), [B.to_owned()].into());
    sim.says(A, Serving);
    assert_eq!(picked(&mut sim), both());
    sim.configured(&[B], CHECKED).unwrap();
    assert_eq!(
        sim.watches.len(),
        1,
        "a backend that is gone is not watched"
    );
}

#[test]
fn an_idle_or_closed_channel_watches_nobody() {
    let mut sim = connected();
    sim.channel.enter_idle();
    sim.drain();
    assert!(sim.watches.is_empty());
    let mut sim = connected();
    sim.watch_ends(A, Code::Internal);
    sim.channel.shutdown();
    sim.drain();
    assert!(sim.watches.is_empty());
    assert_eq!(sim.channel.poll_timeout(), None);
}

#[test]
fn without_a_health_check_in_the_config_nobody_is_asked() {
    let mut sim = channel(UNCHECKED);
    sim.accept(A);
    assert_eq!(picked(&mut sim), [A.to_owned()].into());
    assert!(sim.watches.is_empty());
}

#[test]
fn a_channel_can_be_told_to_ask_nobody() {
    let mut sim = channel_with(CHECKED, ChannelConfig::new(7).without_health_checks());
    sim.accept(A);
    assert_eq!(sim.channel.state(), Ready);
    assert!(sim.watches.is_empty());
}

#[test]
fn pick_first_asks_nobody_by_itself() {
    let mut sim = channel(r#"{"healthCheckConfig": {"serviceName": "shop"}}"#);
    sim.accept(A);
    assert_eq!(sim.channel.state(), Ready);
    assert!(sim.watches.is_empty());
}

#[test]
fn a_new_config_asks_ready_backends_anew_and_no_call_is_held_up_meanwhile() {
    let mut sim = connected();
    sim.says(A, Serving);
    sim.says(B, NotServing);
    let other = CHECKED.replace("shop", "till");
    sim.configured(&[A, B], &other).unwrap();
    assert_eq!(
        (sim.watched(A), sim.watched(B)),
        (Some("till"), Some("till"))
    );
    assert_eq!(picked(&mut sim), [A.to_owned()].into());
    sim.says(A, NotServing);
    sim.says(B, Serving);
    assert_eq!(picked(&mut sim), [B.to_owned()].into());
    sim.configured(&[A, B], UNCHECKED).unwrap();
    assert!(sim.watches.is_empty());
    assert_eq!(picked(&mut sim), both());
    sim.configured(&[A, B], CHECKED).unwrap();
    assert_eq!(sim.watched(A), Some("shop"));
    assert_eq!(picked(&mut sim), both());
}

#[test]
fn answers_to_a_call_that_was_given_up_change_nothing() {
    let mut sim = connected();
    let connection = sim.of(A, Phase::Ready).unwrap();
    let (number, _) = sim.watches[&connection];
    sim.configured(&[A, B], &CHECKED.replace("shop", "till"))
        .unwrap();
    let late = crate::health::HealthEvent::Status(Serving);
    sim.channel
        .handle_health(sim.now, connection, number, late.clone());
    sim.drain();
    assert_eq!(sim.channel.state(), Connecting);
    sim.cut(A);
    sim.channel
        .handle_health(sim.now, connection, number + 1, late);
    sim.drain();
    assert_eq!(sim.channel.state(), Connecting);
}

/// What the test knows of a backend, beside what the channel thinks.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    Nothing,
    Says(ServingStatus),
    HasNoService,
    Failed,
}

#[test]
fn in_a_thousand_random_lives_calls_go_to_healthy_backends_alone_and_no_watch_is_left() {
    let (mut served, mut refused) = (0, 0);
    for seed in 0..1000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut sim = channel_with(CHECKED, ChannelConfig::new(seed));
        let mut known: BTreeMap<&str, Known> = [(A, Known::Nothing), (B, Known::Nothing)].into();
        for _ in 0..120 {
            let address = *rng.choice(&[A, B]).unwrap();
            let watched = sim.watched(address).is_some();
            match rng.u32(..12) {
                0..=2 if sim.of(address, Phase::Connecting).is_some() => {
                    sim.accept(address);
                    known.insert(address, Known::Nothing);
                }
                3 if sim.of(address, Phase::Connecting).is_some() => sim.refuse(address),
                4 if sim.of(address, Phase::Ready).is_some() => sim.cut(address),
                5..=7 if watched => {
                    let status = *rng
                        .choice(&[Serving, Serving, NotServing, Unknown])
                        .unwrap();
                    sim.says(address, status);
                    known.insert(address, Known::Says(status));
                }
                8 if watched => {
                    let code = *rng
                        .choice(&[Code::Unavailable, Code::Unimplemented])
                        .unwrap();
                    sim.watch_ends(address, code);
                    let none = code == Code::Unimplemented;
                    known.insert(
                        address,
                        if none {
                            Known::HasNoService
                        } else {
                            Known::Failed
                        },
                    );
                }
                9 => sim.pass(SECOND * rng.u32(..20)),
                _ => {}
            }
            match sim.pick() {
                Pick::Subchannel(_) => {
                    let to = sim.picked();
                    let healthy = [Known::Says(Serving), Known::HasNoService];
                    assert!(healthy.contains(&known[&to[..]]), "seed {seed}: {to}");
                    served += 1;
                }
                _ => {
                    for (address, known) in &known {
                        let up = sim.of(address, Phase::Ready).is_some();
                        assert!(
                            !up || *known != Known::Says(Serving),
                            "seed {seed}: {address}"
                        );
                    }
                    refused += 1;
                }
            }
        }
        sim.channel.shutdown();
        sim.drain();
        assert!(sim.watches.is_empty(), "seed {seed} leaks a watch");
        assert_eq!(sim.channel.poll_timeout(), None);
    }
    assert!(served > 10_000 && refused > 10_000, "{served}, {refused}");
}
