//! Traffic that looks wild and is not: no budget may stop it.

use super::{
    pair::{Pair, pattern, response},
    raw::Raw,
};
use crate::{Event, Part, Reason, frame::Setting};
use bytes::Bytes;
use std::time::Duration;

/// Neither end has given up.
#[track_caller]
fn assert_alive(pair: &mut Pair) {
    for end in [&mut pair.client, &mut pair.server] {
        assert!(
            !end.machine.is_closed() && !end.machine.is_draining(),
            "{:?}",
            end.events.back()
        );
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

/// Go's HTTP/2 client takes large frames, and gives credit back to stream and connection for each 4 KiB that are read.
#[test]
fn a_reader_that_gives_back_each_small_piece_of_large_frames() {
    let mut pair = Pair::with(|_| (), |_| ());
    let (_, served) = pair.opened(true);
    pair.server
        .machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], false)
        .unwrap();
    let mut raw = Raw::new();
    raw.settings(&[Setting::MaxFrameSize(1 << 20)])
        .window_update(0, 1 << 30)
        .window_update(served.id(), 1 << 30);
    pair.server.receive(pair.now, &raw.bytes);
    for _ in 0..2000 {
        let large = Bytes::from(vec![7; 64 << 10]);
        pair.server
            .machine
            .send_data(pair.now, served, large, false)
            .unwrap();
        pair.server.flush(pair.now, usize::MAX);
        pair.server.wire.clear();
        let mut raw = Raw::new();
        for _ in 0..16 {
            raw.window_update(0, 4096).window_update(served.id(), 4096);
        }
        pair.server.receive(pair.now, &raw.bytes);
        assert!(!pair.server.machine.reads_paused());
    }
    assert!(!pair.server.machine.is_closed());
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
fn a_thousand_small_messages_at_full_speed_on_each_of_many_streams_that_are_dropped() {
    let mut pair = Pair::with(|config| config.initial_stream_window = 1 << 20, |_| ());
    let calls: Vec<_> = (0..20).map(|_| pair.opened(true)).collect();
    for (_, served) in &calls {
        let server = &mut pair.server.machine;
        server
            .send_headers(pair.now, *served, &[Part::Fields(&response())], false)
            .unwrap();
        for _ in 0..2000 {
            let tiny = Bytes::from_static(b"0123456789abcdefghijk");
            server.send_data(pair.now, *served, tiny, false).unwrap();
            server.fill(pair.now, usize::MAX); // one DATA frame each
        }
    }
    // All of it is on its way when the client loses interest.
    for (call, _) in &calls {
        pair.client.machine.reset(pair.now, *call, Reason::CANCEL);
    }
    pair.run();
    assert_alive(&mut pair);
    let late = pair.client.machine.counted(crate::Act::Late);
    assert_eq!(late, 20 * 2001);
}

/// A server that streams in small DATA frames to a client whose reader takes them now and then.
#[test]
fn small_messages_at_full_speed_to_a_slow_reader() {
    let mut pair = Pair::new();
    pair.client.auto_release = false;
    let (call, served) = pair.opened(true);
    let server = &mut pair.server.machine;
    server
        .send_headers(pair.now, served, &[Part::Fields(&response())], false)
        .unwrap();
    let mut read = 0;
    while read < 1_000_000 {
        for _ in 0..1000 {
            let tiny = Bytes::from_static(b"0123456789abcdefghijk");
            let server = &mut pair.server.machine;
            server.send_data(pair.now, served, tiny, false).unwrap();
            server.fill(pair.now, usize::MAX);
        }
        pair.run();
        let unread = pair.client.body(call).0.len();
        pair.client.machine.release(pair.now, call, unread);
        read += unread;
        assert_alive(&mut pair);
    }
}

#[test]
fn a_proxy_that_resets_all_of_its_streams_again_and_again() {
    let mut pair = Pair::new();
    for _ in 0..20 {
        let calls: Vec<_> = (0..1000).map(|_| pair.open(false)).collect();
        pair.run();
        for call in calls {
            pair.client.machine.reset(pair.now, call, Reason::CANCEL);
        }
        pair.run();
        pair.pass(Duration::from_secs(1));
        assert_alive(&mut pair);
    }
}

#[test]
fn keepalive_at_the_allowed_rate_for_days() {
    let mut pair = Pair::with(
        |config| config.keepalive_interval = Some(Duration::from_secs(300)),
        |_| (),
    );
    pair.opened(false);
    for _ in 0..1000 {
        pair.pass(Duration::from_secs(300));
        pair.run();
        assert_alive(&mut pair);
    }
    assert_eq!(pair.server.machine.counted(crate::Act::Ping), 1000);
}

#[test]
fn a_header_table_of_64_kibibytes_that_is_always_full() {
    let mut pair = Pair::with(
        |config| config.max_send_header_table_size = 64 << 10,
        |config| config.header_table_size = 64 << 10,
    );
    for call in 0..5000 {
        let mut list = super::pair::request();
        let name = crate::Name::from_bytes(format!("x-{}", call % 700).into());
        list.push(crate::Field::new(name, format!("{call:0100}")));
        let key = pair
            .client
            .machine
            .open(pair.now, &[Part::Fields(&list)], true)
            .unwrap();
        pair.run();
        let (served, _) = pair.server.headers();
        assert_eq!(served.id(), key.id());
        pair.server
            .machine
            .send_headers(pair.now, served, &[Part::Fields(&response())], true)
            .unwrap();
        pair.run();
        assert_alive(&mut pair);
    }
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
