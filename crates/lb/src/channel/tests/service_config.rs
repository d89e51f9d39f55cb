//! Which service config counts (gRFC A21), and what its policy does to a living channel (gRFC A24).

use std::time::Duration;

use farcall_core::{Code, ServiceConfig, Status};

use super::sim::{Phase, Sim};
use crate::balancer::Pick;
use crate::channel::{Channel, ChannelConfig, ConfigError};
use crate::connectivity::ConnectivityState::*;

const A: &str = "10.0.0.1:1";
const B: &str = "10.0.0.2:1";
const ROUND_ROBIN: &str = r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#;
const PICK_FIRST: &str = r#"{"loadBalancingConfig": [{"pick_first": {}}]}"#;
const BROKEN: &str = r#"{"methodConfig": [{"timeout": "soon"}]}"#;

/// The timeout that calls get, as a mark of the config.
fn timeout(seconds: u64) -> String {
    format!(r#"{{"methodConfig": [{{"name": [{{}}], "timeout": "{seconds}s"}}]}}"#)
}

fn given(sim: &Sim) -> Option<u64> {
    let config = sim.config.as_ref().expect("a config has been given");
    let method = config.method("/s/m")?;
    method.timeout.map(|timeout| timeout.as_secs())
}

fn started(config: ChannelConfig) -> Sim {
    let mut sim = Sim::with("dns:///fleet:1", config);
    sim.connect();
    sim
}

fn with_default(text: &str) -> ChannelConfig {
    ChannelConfig::new(1).with_default_service_config(text.parse().unwrap())
}

#[test]
fn calls_get_no_config_before_the_resolver_has_answered() {
    let mut sim = started(with_default(&timeout(1)));
    assert!(sim.config.is_none() && sim.channel.service_config().is_none());
    sim.resolved(&[A]).unwrap();
    assert_eq!(given(&sim), Some(1));
}

#[test]
fn the_resolvers_config_comes_before_the_default_and_the_default_before_none() {
    let mut sim = started(with_default(&timeout(1)));
    sim.configured(&[A], &timeout(2)).unwrap();
    assert_eq!(given(&sim), Some(2));
    sim.resolved(&[A]).unwrap();
    assert_eq!(given(&sim), Some(1), "the resolver has none any more");
    let mut sim = started(ChannelConfig::new(1));
    sim.resolved(&[A]).unwrap();
    assert_eq!(given(&sim), None);
}

#[test]
fn the_same_config_again_is_no_news() {
    let mut sim = started(ChannelConfig::new(1));
    for _ in 0..3 {
        sim.configured(&[A], &timeout(2)).unwrap();
    }
    assert_eq!(sim.configs, 1);
}

#[test]
fn a_channel_that_does_not_listen_uses_its_default() {
    let mut sim = started(with_default(&timeout(1)).without_resolver_service_config());
    sim.configured(&[A], &timeout(2)).unwrap();
    assert_eq!(given(&sim), Some(1));
    sim.configured(&[A], BROKEN).unwrap();
}

#[test]
fn a_broken_first_config_without_default_fails_calls_and_the_resolver_hears_of_it() {
    let mut sim = started(ChannelConfig::new(1));
    let verdict = sim.configured(&[A], BROKEN).unwrap_err();
    assert!(
        verdict.to_string().contains("methodConfig[0].timeout"),
        "{verdict}"
    );
    assert_eq!(sim.channel.state(), TransientFailure);
    assert!(sim.attempts().is_empty() && sim.config.is_none());
    let status = sim.failure();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        status.to_string().contains("methodConfig[0].timeout"),
        "{status}"
    );
    sim.configured(&[A], &timeout(2)).unwrap();
    sim.accept(A);
    assert_eq!((sim.picked(), given(&sim)), (A.to_owned(), Some(2)));
}

#[test]
fn a_broken_first_config_with_a_default_leaves_the_default() {
    let mut sim = started(with_default(&timeout(1)));
    assert!(sim.configured(&[A], BROKEN).is_err());
    assert_eq!(given(&sim), Some(1));
    assert_eq!(sim.attempts(), [A]);
}

#[test]
fn a_broken_later_config_leaves_the_last_good_one_and_its_addresses_count() {
    let mut sim = started(with_default(&timeout(1)));
    sim.configured(&[A], &timeout(2)).unwrap();
    sim.accept(A);
    assert!(sim.configured(&[B], BROKEN).is_err());
    assert_eq!(given(&sim), Some(2));
    assert_eq!(sim.attempts(), [B]);
}

#[test]
fn no_config_counts_as_a_good_one_when_a_broken_one_follows() {
    let mut sim = started(ChannelConfig::new(1));
    sim.resolved(&[A]).unwrap();
    sim.accept(A);
    assert!(sim.configured(&[A], BROKEN).is_err());
    assert_eq!(sim.picked(), A);
}

#[test]
fn a_failed_look_up_leaves_the_config_as_it_is() {
    let mut sim = started(ChannelConfig::new(1));
    sim.unresolved(Status::unavailable("no name server"));
    assert!(sim.config.is_none());
    assert!(sim.configured(&[A], BROKEN).is_err());
    assert_eq!(sim.channel.state(), TransientFailure);
    sim.configured(&[A], &timeout(2)).unwrap();
    sim.unresolved(Status::unavailable("no name server"));
    assert_eq!((given(&sim), sim.configs), (Some(2), 1));
}

#[test]
fn the_config_outlives_idleness() {
    let mut sim = started(ChannelConfig::new(1));
    sim.configured(&[A], &timeout(2)).unwrap();
    sim.channel.enter_idle();
    sim.drain();
    sim.connect();
    assert_eq!((given(&sim), sim.configs), (Some(2), 1));
    assert!(sim.configured(&[A], BROKEN).is_err());
    assert_eq!(sim.attempts(), [A]);
}

#[test]
fn the_first_policy_that_is_known_is_used() {
    let mut sim = started(ChannelConfig::new(1));
    let list = r#"{"loadBalancingConfig": [{"grid": {}}, {"round_robin": {}}, {"pick_first": {}}],
                   "loadBalancingPolicy": "pick_first"}"#;
    sim.configured(&[A, B], list).unwrap();
    assert_eq!(sim.attempts(), [A, B]);
}

#[test]
fn a_list_of_unknown_policies_and_a_bad_configuration_are_broken_configs() {
    let refused = |text: &str| {
        let config = with_default(text);
        match Channel::new("dns:///fleet:1", config).unwrap_err() {
            ConfigError::ServiceConfig(error) => (error.path().to_owned(), error.to_string()),
            other => panic!("{other}"),
        }
    };
    let (path, text) = refused(r#"{"loadBalancingConfig": [{"grid": {}}, {"mesh": {}}]}"#);
    assert_eq!(path, "loadBalancingConfig");
    assert!(
        text.ends_with(r#"none of these policies is registered: "grid", "mesh""#),
        "{text}"
    );
    let bad = r#"{"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": 1}}, {"round_robin": {}}]}"#;
    assert_eq!(
        refused(bad).0,
        "loadBalancingConfig[0].pick_first.shuffleAddressList"
    );
}

#[test]
fn the_old_field_counts_without_a_list_and_an_unknown_name_means_pick_first() {
    for (config, attempts) in [
        (r#"{"loadBalancingPolicy": "round_robin"}"#, 2),
        (
            r#"{"loadBalancingConfig": [], "loadBalancingPolicy": "round_robin"}"#,
            2,
        ),
        (
            r#"{"loadBalancingConfig": [{"pick_first": {}}], "loadBalancingPolicy": "round_robin"}"#,
            1,
        ),
        (r#"{"loadBalancingPolicy": "Round_Robin"}"#, 1),
    ] {
        let mut sim = started(ChannelConfig::new(1));
        sim.configured(&[A, B], config).unwrap();
        assert_eq!(sim.attempts().len(), attempts, "{config}");
    }
}

#[test]
fn a_config_without_a_policy_leaves_the_choice_to_the_channel() {
    let mut sim = started(ChannelConfig::new(1).with_policy("round_robin", None));
    sim.configured(&[A, B], &timeout(1)).unwrap();
    assert_eq!(sim.attempts(), [A, B]);
}

#[test]
fn the_configuration_reaches_the_policy() {
    let shuffled = r#"{"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": true}}]}"#;
    let firsts = (0..32).map(|seed| {
        let mut sim = started(ChannelConfig::new(seed));
        sim.configured(&[A, B], shuffled).unwrap();
        sim.attempts()[0].to_owned()
    });
    let firsts: std::collections::BTreeSet<_> = firsts.collect();
    assert_eq!(firsts.len(), 2);
}

#[test]
fn a_new_policy_takes_over_when_it_is_ready_and_the_old_one_serves_until_then() {
    let mut sim = started(ChannelConfig::new(1));
    sim.configured(&[A, B], PICK_FIRST).unwrap();
    sim.accept(A);
    let old = sim.of(A, Phase::Ready).unwrap();
    sim.configured(&[A, B], ROUND_ROBIN).unwrap();
    assert_eq!(sim.attempts(), [A, B]);
    assert_eq!(sim.picked(), A);
    sim.accept(B);
    assert_eq!(sim.picked(), B);
    assert_eq!(sim.connections[&old].1, Phase::Draining);
    assert_eq!(sim.states, [Connecting, Ready]);
}

#[test]
fn a_new_policy_takes_over_at_once_when_the_old_one_loses_its_connection() {
    let mut sim = started(ChannelConfig::new(1));
    sim.configured(&[A, B], PICK_FIRST).unwrap();
    sim.accept(A);
    sim.configured(&[A, B], ROUND_ROBIN).unwrap();
    sim.cut(A);
    assert!(matches!(sim.pick(), Pick::Queue));
    assert_eq!(sim.channel.state(), Connecting);
    assert_eq!(sim.attempts(), [A, B]);
}

#[test]
fn a_third_policy_replaces_the_second_that_never_served() {
    let mut sim = started(ChannelConfig::new(1));
    sim.configured(&[A], PICK_FIRST).unwrap();
    sim.accept(A);
    sim.configured(&[A, B], ROUND_ROBIN).unwrap();
    sim.configured(&[A], PICK_FIRST).unwrap();
    // Back to the first one's name: a new policy all the same, the old one serves until it is ready.
    assert_eq!(sim.attempts(), [A]);
    assert_eq!(sim.picked(), A);
    sim.accept(A);
    assert_eq!(sim.picked(), A);
    assert_eq!(
        sim.connections
            .values()
            .filter(|(_, phase)| *phase == Phase::Ready)
            .count(),
        1
    );
}

#[test]
fn without_new_timers_nothing_is_left_of_a_replaced_policy() {
    let mut sim = started(ChannelConfig::new(1));
    sim.configured(&[A, B], PICK_FIRST).unwrap();
    assert_eq!(sim.next_timer(), Duration::from_millis(250));
    sim.configured(&[B], ROUND_ROBIN).unwrap();
    sim.accept(B);
    assert_eq!(sim.channel.poll_timeout(), None);
    assert_eq!(sim.connections.len(), 1);
}

#[test]
fn an_empty_service_config_is_a_default_too() {
    let config = ChannelConfig::new(1).with_default_service_config(ServiceConfig::default());
    let mut sim = started(config);
    assert!(sim.configured(&[A], BROKEN).is_err());
    assert_eq!(sim.attempts(), [A]);
}
