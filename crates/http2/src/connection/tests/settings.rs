//! SETTINGS at work: what binds whom from when.

use super::pair::{Pair, pattern, request, response};
use super::raw::{Raw, hear, server_hears};
use crate::{
    Config, Connection, ConnectionError, Event, Field, KnownName, OpenError, Part, Reason,
    SendError,
    frame::{Kind, Setting},
};
use std::time::{Duration, Instant};

#[test]
fn the_first_settings_say_what_differs_from_the_defaults() {
    let settings = |machine, preface| {
        let heard = hear(machine, b"", preface);
        let (kind, _, _, payload) = &heard.frames[0];
        assert_eq!(*kind, Kind::SETTINGS);
        payload
            .chunks(6)
            .map(|entry| (entry[1], u32::from_be_bytes(entry[2..].try_into().unwrap())))
            .collect::<Vec<_>>()
    };
    let (now, preface) = (Instant::now(), crate::frame::PREFACE.len());
    assert_eq!(
        settings(Connection::client(Config::default(), now), preface),
        [(2, 0), (4, 256 << 10), (6, 8192)]
    );
    assert_eq!(
        settings(Connection::server(Config::default(), now), 0),
        [(3, 1000), (4, 256 << 10), (6, 8192)]
    );
    let mut config = Config::default();
    (
        config.header_table_size,
        config.initial_stream_window,
        config.max_frame_size,
    ) = (100, 1 << 20, 1 << 20);
    let expected = [(1, 100), (3, 1000), (4, 1 << 20), (5, 1 << 20), (6, 8192)];
    assert_eq!(settings(Connection::server(config, now), 0), expected);
}

#[test]
fn settings_and_pings_are_acknowledged() {
    let heard = server_hears(|raw| {
        raw.ping();
    });
    let acks: Vec<_> = heard
        .frames
        .iter()
        .filter(|frame| frame.1 == 1)
        .map(|frame| frame.0)
        .collect();
    assert_eq!(acks, [Kind::SETTINGS, Kind::PING]);
    assert_eq!(heard.frames.last().unwrap().3, 1_u64.to_be_bytes());
}

#[test]
fn a_client_waits_for_streams_and_is_told_when_there_are_some() {
    let mut pair = Pair::with(|_| (), |config| config.max_concurrent_streams = 2);
    let calls = [pair.open(true), pair.open(true)];
    let head = request();
    let open = |pair: &mut Pair| {
        pair.client
            .machine
            .open(pair.now, &[Part::Fields(&head)], true)
    };
    assert_eq!(open(&mut pair), Err(OpenError::TooManyStreams));
    assert_eq!(open(&mut pair), Err(OpenError::TooManyStreams));
    pair.run();
    let (served, _) = pair.server.headers();
    pair.server
        .machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], true)
        .unwrap();
    pair.run();
    assert_eq!(pair.client.headers().0, calls[0]);
    assert!(matches!(pair.client.event(), Event::CanOpen));
    pair.client.no_event();
    open(&mut pair).unwrap();
    pair.client
        .machine
        .reset(pair.now, calls[1], Reason::CANCEL);
    pair.client.poll(pair.now);
    pair.client.no_event(); // nobody was turned away since
}

#[test]
fn a_client_opens_a_hundred_streams_before_it_knows_and_is_refused_beyond_the_limit() {
    let mut pair = Pair::silent(|_| (), |config| config.max_concurrent_streams = 10);
    for _ in 0..100 {
        pair.open(true);
    }
    let head = request();
    assert_eq!(
        pair.client
            .machine
            .open(pair.now, &[Part::Fields(&head)], true),
        Err(OpenError::TooManyStreams)
    );
    pair.run();
    assert_eq!(pair.server.machine.open_streams(), 10);
    let refused = pair.client.events.iter().filter(|event| {
        matches!(
            event,
            Event::Reset {
                reason: Reason::REFUSED_STREAM,
                ..
            }
        )
    });
    assert_eq!(refused.count(), 90);
    assert_eq!(pair.client.machine.open_streams(), 10);
}

#[test]
fn header_lists_beyond_the_peers_limit_are_not_sent() {
    let mut pair = Pair::with(
        |config| config.max_header_list_size = 100,
        |config| config.max_header_list_size = 400,
    );
    let mut head = request();
    head.push(Field::new(KnownName::UserAgent, "x".repeat(400)));
    let error = pair
        .client
        .machine
        .open(pair.now, &[Part::Fields(&head)], true);
    assert!(
        matches!(
            error,
            Err(OpenError::HeaderListTooLarge {
                size: 600..,
                limit: 400
            })
        ),
        "{error:?}"
    );
    let (call, served) = pair.opened(true);
    let mut head = response();
    head.push(Field::new(KnownName::Server, "x".repeat(100)));
    let error = pair
        .server
        .machine
        .send_headers(pair.now, served, &[Part::Fields(&head)], true);
    assert_eq!(
        error,
        Err(SendError::HeaderListTooLarge {
            size: 42 + 138,
            limit: 100
        })
    );
    pair.server
        .machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], true)
        .unwrap();
    pair.run();
    assert_eq!(pair.client.headers(), (call, true));
}

#[test]
fn a_header_list_above_the_advertised_size_is_accepted_up_to_a_second_limit() {
    let heard = server_hears(|raw| {
        let value = "x".repeat(7000);
        raw.headers(
            1,
            &[&super::raw::GET[..], &[("a", &value), ("b", &value)]].concat(),
            true,
        );
    });
    assert!(matches!(heard.events.last(), Some(Event::Headers { .. })));
}

#[test]
fn large_header_blocks_travel_in_continuations() {
    let mut pair = Pair::with(|_| (), |config| config.max_header_list_size = 100_000);
    let mut head = request();
    head.push(Field::new(KnownName::UserAgent, "|".repeat(60_000)));
    pair.client
        .machine
        .open(pair.now, &[Part::Fields(&head)], true)
        .unwrap();
    pair.run_sliced(5000);
    let Event::Headers { headers, .. } = pair.server.event() else {
        panic!()
    };
    assert_eq!(headers.find(KnownName::UserAgent).unwrap().len(), 60_000);
}

#[test]
fn a_smaller_window_binds_the_peer_only_after_its_acknowledgement() {
    let mut pair = Pair::silent(|_| (), |config| config.initial_stream_window = 10);
    let call = pair.open(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(10_000), false)
        .unwrap();
    pair.run(); // 10,000 octets were sent in good faith
    let (served, _) = pair.server.headers();
    assert_eq!(pair.server.body(served).0.len(), 10_000);
    let (call, served) = pair.opened(false);
    pair.server.auto_release = false;
    pair.client
        .machine
        .send_data(pair.now, call, pattern(10_000), true)
        .unwrap();
    pair.run();
    assert_eq!(pair.server.body(served).0.len(), 10);
    pair.server.machine.release(pair.now, served, 10);
    pair.server.auto_release = true;
    pair.run();
    assert_eq!(pair.server.body(served).0.len(), 9990);
    pair.assert_windows_add_up();
}

#[test]
fn header_tables_of_any_size_stay_in_step() {
    for (receive, send) in [
        (0, 4096),
        (4096, 0),
        (100, 100),
        (65_536, 65_536),
        (1 << 20, 4096),
    ] {
        let set = |config: &mut Config| {
            (config.header_table_size, config.max_send_header_table_size) = (receive, send);
        };
        let mut pair = Pair::silent(set, set);
        for round in 0..20 {
            let mut head = request();
            head.push(Field::new(KnownName::GrpcTagsBin, format!("{}", round % 3)));
            pair.client
                .machine
                .open(pair.now, &[Part::Fields(&head)], true)
                .unwrap();
            if round > 2 {
                pair.run();
            }
        }
        let opened = pair
            .server
            .events
            .iter()
            .filter(|event| matches!(event, Event::Headers { .. }))
            .count();
        assert_eq!(opened, 20, "{receive} {send}");
    }
}

#[test]
fn a_peer_that_does_not_acknowledge_settings_is_given_up() {
    let mut pair = Pair::silent(|_| (), |_| ());
    let deadline = pair.server.machine.poll_timeout().unwrap();
    assert_eq!(deadline, pair.now + Duration::from_secs(10));
    pair.now = deadline - Duration::from_millis(1);
    pair.pass(Duration::ZERO);
    pair.server.no_event();
    pair.pass(Duration::from_millis(1));
    assert!(matches!(
        pair.server.event(),
        Event::Closed(ConnectionError::SettingsTimeout)
    ));
    assert_eq!(pair.server.machine.poll_timeout(), None);
}

#[test]
fn an_unlimited_peer_is_unlimited() {
    let mut pair = Pair::silent(|_| (), |_| ());
    let mut raw = Raw::new();
    raw.settings(&[]);
    pair.client.receive(pair.now, &raw.bytes);
    for _ in 0..500 {
        pair.open(true);
    }
    raw.bytes.clear();
    raw.settings(&[Setting::MaxConcurrentStreams(100)]);
    pair.client.receive(pair.now, &raw.bytes);
    let head = request();
    let error = pair
        .client
        .machine
        .open(pair.now, &[Part::Fields(&head)], true);
    assert_eq!(error, Err(OpenError::TooManyStreams));
    assert_eq!(
        pair.client.machine.open_streams(),
        500,
        "those that are open stay so"
    );
}
