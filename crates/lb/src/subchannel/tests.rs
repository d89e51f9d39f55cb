use super::*;
use crate::Address;
use crate::connectivity::ConnectivityState::{self, *};
use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Bench {
    now: Instant,
    subchannel: Subchannel,
}

fn bench(seed: u64) -> Bench {
    let address = Address::from(([10, 0, 0, 1], 443));
    let config = SubchannelConfig::default();
    Bench {
        now: Instant::now(),
        subchannel: Subchannel::new(SubchannelId::new(1), address, config, seed),
    }
}

fn refused() -> ConnectionEvent {
    ConnectionEvent::ConnectFailed(Arc::new(std::io::Error::from(
        std::io::ErrorKind::ConnectionRefused,
    )))
}

impl Bench {
    fn connect(&mut self) -> ConnectOrder {
        self.subchannel.connect(self.now).expect("idle")
    }

    fn event(&mut self, connection: ConnectionId, event: ConnectionEvent) -> bool {
        self.subchannel
            .handle_connection(self.now, connection, event)
    }

    fn state(&self) -> ConnectivityState {
        self.subchannel.state().connectivity()
    }

    fn wait(&mut self) -> (Duration, Option<SubchannelTimeout>) {
        let at = self.subchannel.poll_timeout().expect("a timer");
        let waited = at - self.now;
        let early = at - Duration::from_nanos(1);
        if early > self.now {
            assert_eq!(self.subchannel.handle_timeout(early), None);
        }
        self.now = at;
        (waited, self.subchannel.handle_timeout(at))
    }
}

#[test]
fn pauses_grow_from_1_s_by_1_6_to_120_s_within_20_percent_and_no_attempt_starts_earlier() {
    for seed in 0..50 {
        let mut bench = bench(seed);
        let mut nominal = 1.0f64;
        for attempt in 1..=20 {
            let order = bench.connect();
            assert_eq!(bench.state(), Connecting);
            assert!(bench.event(order.connection, refused()));
            assert_eq!(bench.state(), TransientFailure);
            assert_eq!(bench.subchannel.connect(bench.now), None);
            let state = bench.subchannel.state();
            assert_eq!(state.error().unwrap().attempts(), attempt);
            let (pause, timeout) = bench.wait();
            assert_eq!(timeout, Some(SubchannelTimeout::BackoffOver));
            assert_eq!(bench.state(), Idle);
            let ratio = pause.as_secs_f64() / nominal;
            assert!((0.799..=1.201).contains(&ratio), "{attempt}: {pause:?}");
            nominal = (nominal * 1.6).min(120.0);
        }
    }
}

#[test]
fn being_ready_resets_the_backoff() {
    let mut bench = bench(3);
    for _ in 0..8 {
        let order = bench.connect();
        bench.event(order.connection, refused());
        bench.wait();
    }
    let order = bench.connect();
    assert!(bench.event(order.connection, ConnectionEvent::Connected));
    assert!(bench.event(
        order.connection,
        ConnectionEvent::Disconnected(DisconnectReason::ConnectionReset)
    ));
    assert_eq!(bench.state(), Idle);
    let order = bench.connect();
    bench.event(order.connection, refused());
    assert_eq!(bench.subchannel.state().error().unwrap().attempts(), 1);
    let (pause, _) = bench.wait();
    assert!(pause <= Duration::from_millis(1201), "{pause:?}");
}

#[test]
fn an_attempt_is_cut_after_20_s_or_after_its_backoff_if_that_is_longer() {
    let mut bench = bench(9);
    let mut longest = Duration::ZERO;
    for _ in 0..14 {
        let order = bench.connect();
        let (took, timeout) = bench.wait();
        assert_eq!(
            timeout,
            Some(SubchannelTimeout::ConnectDeadline(order.connection))
        );
        assert!(took >= Duration::from_secs(20), "{took:?}");
        longest = longest.max(took);
        let state = bench.subchannel.state();
        let text = state.error().unwrap().source().unwrap().to_string();
        assert!(text.contains("connect deadline"), "{text}");
        // The pause ran while the attempt did.
        let (pause, _) = bench.wait_or_now();
        assert_eq!(pause, Duration::ZERO);
    }
    assert!(longest >= Duration::from_secs(96), "{longest:?}");
}

impl Bench {
    fn wait_or_now(&mut self) -> (Duration, Option<SubchannelTimeout>) {
        let at = self.subchannel.poll_timeout().expect("a timer");
        let pause = at.saturating_duration_since(self.now);
        self.now += pause;
        (pause, self.subchannel.handle_timeout(self.now))
    }
}

#[test]
fn events_of_connections_that_were_given_up_change_nothing() {
    let mut bench = bench(1);
    let first = bench.connect();
    bench.wait();
    assert_eq!(bench.state(), TransientFailure);
    assert!(!bench.event(first.connection, ConnectionEvent::Connected));
    bench.wait_or_now();
    let second = bench.connect();
    assert_ne!(first.connection, second.connection);
    assert!(!bench.event(first.connection, refused()));
    assert_eq!(bench.state(), Connecting);
    assert!(bench.event(second.connection, ConnectionEvent::Connected));
    assert!(!bench.event(
        first.connection,
        ConnectionEvent::Disconnected(DisconnectReason::Unknown)
    ));
    assert_eq!(bench.state(), Ready);
}

#[test]
fn a_draining_connection_leaves_the_subchannel_idle_at_once() {
    let mut bench = bench(1);
    let order = bench.connect();
    bench.event(order.connection, ConnectionEvent::Connected);
    assert_eq!(bench.subchannel.ready_connection(), Some(order.connection));
    let reason = DisconnectReason::GoAway {
        code: 0,
        debug: String::new(),
    };
    assert!(bench.event(order.connection, ConnectionEvent::Draining(reason)));
    assert_eq!(bench.state(), Idle);
    assert!(!bench.event(
        order.connection,
        ConnectionEvent::Disconnected(DisconnectReason::Unknown)
    ));
}

#[test]
fn a_goaway_before_settings_is_a_failed_attempt_that_tells_the_goaway() {
    let mut bench = bench(1);
    let order = bench.connect();
    let reason = DisconnectReason::GoAway {
        code: 11,
        debug: "go\naway".into(),
    };
    bench.event(order.connection, ConnectionEvent::Disconnected(reason));
    let state = bench.subchannel.state();
    let text = state.error().unwrap().cause().to_string();
    assert_eq!(text, "GOAWAY ENHANCE_YOUR_CALM, debug data \"go\\naway\"");
}

#[test]
fn resetting_the_backoff_ends_the_pause() {
    let mut bench = bench(1);
    assert!(!bench.subchannel.reset_backoff());
    let order = bench.connect();
    bench.event(order.connection, refused());
    assert!(bench.subchannel.reset_backoff());
    assert_eq!(bench.state(), Idle);
    bench.connect();
}

#[test]
fn resetting_the_backoff_during_an_attempt_lets_the_next_follow_at_once() {
    let mut bench = bench(1);
    let order = bench.connect();
    assert!(!bench.subchannel.reset_backoff());
    assert_eq!(bench.state(), Connecting);
    bench.event(order.connection, refused());
    assert_eq!(bench.wait_or_now().0, Duration::ZERO);
    assert_eq!(bench.state(), Idle);
}

#[test]
fn shutdown_tells_which_connection_is_left_and_is_final() {
    let mut bench = bench(1);
    let order = bench.connect();
    assert_eq!(bench.subchannel.shutdown(), Some((order.connection, false)));
    assert_eq!(bench.state(), Shutdown);
    assert_eq!(bench.subchannel.connect(bench.now), None);
    assert!(!bench.event(order.connection, ConnectionEvent::Connected));
    assert_eq!(bench.subchannel.poll_timeout(), None);
    assert!(!bench.subchannel.reset_backoff());
    assert_eq!(bench.subchannel.shutdown(), None);
}

#[test]
fn the_error_names_address_attempts_duration_and_cause() {
    let mut bench = bench(1);
    let start = bench.now;
    let order = bench.connect();
    bench.event(order.connection, refused());
    bench.subchannel.reset_backoff();
    bench.now += Duration::from_millis(1500);
    let order = bench.connect();
    bench.event(order.connection, refused());
    let state = bench.subchannel.state();
    let error = state.error().unwrap();
    assert_eq!(error.to_string(), "10.0.0.1:443 (try 2, failing for 1.5s)");
    assert_eq!(error.source().unwrap().to_string(), "connection refused");
    assert_eq!((error.since(), error.at()), (start, bench.now));
}

#[test]
fn a_connection_of_no_use_is_a_failure_until_the_backoff_of_its_attempt_is_over() {
    let mut bench = bench(3);
    let order = bench.connect();
    assert!(bench.event(order.connection, ConnectionEvent::Connected));
    assert!(bench.event(order.connection, refused()));
    assert_eq!(bench.state(), TransientFailure);
    let (pause, timeout) = bench.wait();
    assert_eq!(timeout, Some(SubchannelTimeout::BackoffOver));
    assert!(pause >= Duration::from_millis(800), "{pause:?}");

    let order = bench.connect();
    bench.event(order.connection, ConnectionEvent::Connected);
    bench.now += Duration::from_millis(1201);
    bench.event(order.connection, refused());
    assert_eq!(bench.state(), Idle);
}

#[test]
fn a_greatest_connect_timeout_holds_however_long_the_backoff_is() {
    let config = SubchannelConfig {
        min_connect_timeout: Duration::from_millis(100),
        max_connect_timeout: Some(Duration::from_millis(100)),
        ..SubchannelConfig::default()
    };
    let mut subchannel = Subchannel::new(
        SubchannelId::new(1),
        Address::from(([10, 0, 0, 1], 443)),
        config,
        5,
    );
    let now = Instant::now();
    let order = subchannel.connect(now).unwrap();
    assert_eq!(order.deadline, now + Duration::from_millis(100));
}

#[test]
fn settings_of_any_size_are_times_that_come_at_once_or_never_and_no_panic() {
    let times = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ];
    let far = Duration::from_secs(99 * 365 * 24 * 3600);
    for (least, most, base, max) in times.into_iter().flat_map(|least| {
        let most = times.map(Some).into_iter().chain([None]);
        let rest = move |most| {
            times
                .into_iter()
                .flat_map(move |base| times.map(|max| (least, most, base, max)))
        };
        most.flat_map(rest)
    }) {
        for (multiplier, jitter) in [
            (1.6, 0.2),
            (0.0, 0.0),
            (f64::INFINITY, 9.0),
            (-1.0, f64::NAN),
        ] {
            let mut config = SubchannelConfig {
                min_connect_timeout: least,
                max_connect_timeout: most,
                ..SubchannelConfig::default()
            };
            config.backoff.base_delay = base;
            config.backoff.max_delay = max;
            config.backoff.multiplier = multiplier;
            config.backoff.jitter = jitter;
            let now = Instant::now();
            let address = Address::from(([10, 0, 0, 1], 443));
            let mut subchannel = Subchannel::new(SubchannelId::new(1), address, config, 5);
            for _ in 0..3 {
                let order = subchannel.connect(now).unwrap();
                let bound = most.unwrap_or(Duration::MAX);
                if bound.is_zero() || (least.is_zero() && max.is_zero()) {
                    assert_eq!(order.deadline, now);
                } else if least == Duration::MAX && bound == Duration::MAX {
                    assert!(order.deadline >= now + far);
                }
                subchannel.handle_connection(now, order.connection, refused());
                let again = subchannel.poll_timeout().unwrap();
                assert!(again >= now);
                assert!(subchannel.handle_timeout(again).is_some());
            }
        }
    }
}
