//! Traffic that looks wild and is not: no budget may stop it.

use super::pair::{Pair, pattern, response};
use crate::{Event, Part, Reason};
use bytes::Bytes;
use std::time::Duration;

/// Neither end has given up.
#[track_caller]
fn assert_alive(pair: &mut Pair) {
    for end in [&mut pair.client, &mut pair.server] {
        assert!(!end.machine.is_closed() && !end.machine.is_draining());
        end.events.clear();
    }
}

#[test]
fn a_fast_stream_of_tiny_messages() {
    let mut pair = Pair::new();
    let (call, _) = pair.opened(false);
    for _ in 0..100_000 {
        let tiny = Bytes::from_static(b"0123456789abcdef");
        pair.client
            .machine
            .send_data(pair.now, call, tiny, false)
            .unwrap();
        if pair.random.one_in(100) {
            pair.run();
            pair.server.events.clear();
        }
    }
    pair.run();
    assert_alive(&mut pair);
    pair.assert_windows_add_up();
}

#[test]
fn two_thousand_cancelled_calls_a_second_beside_as_many_that_complete() {
    let mut pair = Pair::new();
    for _ in 0..20_000 {
        let (_, served) = pair.opened(true);
        pair.server
            .machine
            .send_headers(pair.now, served, &[Part::Fields(&response())], true)
            .unwrap();
        let (cancelled, _) = pair.opened(true);
        pair.client
            .machine
            .reset(pair.now, cancelled, Reason::CANCEL);
        pair.run();
        pair.now += Duration::from_micros(500);
        assert_alive(&mut pair);
    }
}

#[test]
fn a_thousand_cancelled_calls_a_second_alone() {
    let mut pair = Pair::new();
    for _ in 0..10_000 {
        let call = pair.open(true);
        pair.client.machine.reset(pair.now, call, Reason::CANCEL);
        pair.run();
        pair.now += Duration::from_millis(1);
        assert_alive(&mut pair);
    }
}

#[test]
fn a_ping_with_every_call() {
    let mut pair = Pair::new();
    for payload in 0..20_000 {
        pair.client.machine.ping(pair.now, payload);
        let (_, served) = pair.opened(true);
        pair.server
            .machine
            .send_headers(pair.now, served, &[Part::Fields(&response())], true)
            .unwrap();
        pair.run();
        assert!(
            pair.client
                .events
                .iter()
                .any(|event| matches!(event, Event::Pong { .. }))
        );
        assert_alive(&mut pair);
    }
}

#[test]
fn a_large_transfer_with_tiny_windows() {
    let mut pair = Pair::with(|_| (), |config| config.initial_stream_window = 1000);
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(3_000_000), true)
        .unwrap();
    pair.run();
    assert_eq!(pair.server.body(served).0.len(), 3_000_000);
    assert_alive(&mut pair);
}

#[test]
fn a_slow_client_that_is_refused_a_thousand_times_at_the_start() {
    let mut pair = Pair::silent(
        |config| config.initial_max_send_streams = 1500,
        |config| config.max_concurrent_streams = 1,
    );
    for _ in 0..1500 {
        pair.open(true);
    }
    pair.run();
    assert_eq!(pair.client.machine.open_streams(), 1);
    assert_alive(&mut pair);
}

#[test]
fn an_idle_connection_owns_no_buffers() {
    let mut pair = Pair::new();
    let calls: Vec<_> = (0..500).map(|_| pair.open(false)).collect();
    for call in calls {
        pair.client
            .machine
            .send_data(pair.now, call, pattern(20_000), true)
            .unwrap();
    }
    pair.run();
    while let Some(event) = pair.server.events.pop_front() {
        if let Event::Data {
            stream,
            end_stream: true,
            ..
        } = event
        {
            let machine = &mut pair.server.machine;
            machine
                .send_headers(pair.now, stream, &[Part::Fields(&response())], false)
                .unwrap();
            machine
                .send_data(pair.now, stream, pattern(20_000), true)
                .unwrap();
        }
    }
    pair.run();
    for end in [&mut pair.client, &mut pair.server] {
        assert_eq!(end.machine.open_streams(), 0);
        end.machine.output().rest(); // as a driver does before it sleeps
        assert_eq!(end.machine.retained(), 0);
    }
    // What is left is the machine itself and its header tables.
    let size = size_of::<crate::Connection>();
    assert!(size < 2560, "{size}");
}
