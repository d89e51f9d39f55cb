//! PING by the driver and by keepalive.

use super::pair::Pair;
use crate::{ConnectionError, Event};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(30);

/// The server lets the client ask that often.
fn pair(without_streams: bool) -> Pair {
    Pair::with(
        |config| {
            config.keepalive_interval = Some(INTERVAL);
            config.keepalive_without_streams = without_streams;
        },
        |config| config.min_ping_interval = INTERVAL,
    )
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let mut pair = Pair::new();
    pair.client.machine.ping(pair.now, 7);
    pair.client.machine.ping(pair.now, 8);
    pair.run();
    for expected in [7, 8] {
        assert!(matches!(pair.client.event(), Event::Pong { payload } if payload == expected));
    }
    pair.server.no_event();
}

#[test]
fn a_peer_that_answers_is_asked_again_and_again() {
    let mut pair = pair(false);
    pair.opened(true);
    for _ in 0..5 {
        assert_eq!(
            pair.client.machine.poll_timeout(),
            Some(pair.now + INTERVAL)
        );
        pair.pass(INTERVAL);
        assert!(pair.client.machine.wants_write(), "the PING");
        pair.run();
    }
    pair.client.no_event();
}

#[test]
fn a_silent_peer_is_given_up_after_interval_and_timeout() {
    let mut pair = pair(false);
    let (call, _) = pair.opened(true);
    pair.pass(INTERVAL);
    pair.client.no_event();
    assert_eq!(
        pair.client.machine.poll_timeout(),
        Some(pair.now + Duration::from_secs(20))
    );
    pair.pass(Duration::from_secs(20));
    assert_eq!(pair.client.reset().0, call);
    assert!(matches!(
        pair.client.event(),
        Event::Closed(ConnectionError::KeepaliveTimeout)
    ));
}

#[test]
fn any_frame_is_a_sign_of_life() {
    let mut pair = pair(false);
    pair.opened(true);
    pair.pass(INTERVAL);
    pair.now += Duration::from_secs(19);
    pair.server.machine.ping(pair.now, 1);
    pair.server.flush(pair.now, usize::MAX);
    let wire = pair.server.wire.split();
    pair.client.receive(pair.now, &wire);
    assert_eq!(
        pair.client.machine.poll_timeout(),
        Some(pair.now + INTERVAL)
    );
}

#[test]
fn a_connection_without_streams_sleeps_unless_told_otherwise() {
    assert_eq!(pair(false).client.machine.poll_timeout(), None);
    let awake = pair(true);
    assert_eq!(
        awake.client.machine.poll_timeout(),
        Some(awake.now + INTERVAL)
    );
}

#[test]
fn a_stream_after_a_long_silence_asks_at_once() {
    let mut pair = pair(false);
    pair.now += INTERVAL * 10;
    pair.open(true);
    assert!(pair.client.machine.poll_timeout().unwrap() <= pair.now);
    pair.pass(Duration::ZERO);
    assert_eq!(
        pair.client.machine.poll_timeout(),
        Some(pair.now + Duration::from_secs(20))
    );
}
