//! Requests and responses as they should be.

use super::pair::{Pair, pattern, request, response, trailers};
use crate::{Event, Field, KnownName, OpenError, Part, Reason, ResetCause, SendError, StreamKey};
use bytes::{Buf, Bytes};
use std::sync::Arc;

#[test]
fn a_call_with_headers_data_and_trailers_goes_through_at_any_slicing() {
    for largest in [1, 2, 7, 100, usize::MAX] {
        let mut pair = Pair::silent(|_| (), |_| ());
        let call = pair.open(false);
        let now = pair.now;
        pair.client
            .machine
            .send_data(now, call, Bytes::from_static(b"question"), true)
            .unwrap();
        pair.run_sliced(largest);
        let (served, end) = pair.server.headers();
        assert!(!end);
        assert_eq!(pair.server.body(served), (b"question".to_vec(), true));

        let machine = &mut pair.server.machine;
        machine
            .send_headers(now, served, &[Part::Fields(&response())], false)
            .unwrap();
        machine
            .send_data(now, served, Bytes::from_static(b"answer"), false)
            .unwrap();
        machine
            .send_headers(now, served, &[Part::Fields(&trailers())], true)
            .unwrap();
        assert_eq!(machine.open_streams(), 0);
        pair.run_sliced(largest);
        let Event::Headers {
            headers,
            trailers: false,
            end_stream: false,
            ..
        } = pair.client.event()
        else {
            panic!()
        };
        assert_eq!(headers.status, Some(200));
        assert_eq!(pair.client.body(call), (b"answer".to_vec(), false));
        let Event::Headers {
            headers,
            trailers: true,
            end_stream: true,
            ..
        } = pair.client.event()
        else {
            panic!()
        };
        assert_eq!(
            headers.find(KnownName::GrpcStatus).map(|v| &v[..]),
            Some(&b"0"[..])
        );
        assert_eq!(pair.client.machine.open_streams(), 0);
        pair.assert_windows_add_up();
    }
}

#[test]
fn a_repeated_header_block_gives_the_same_list() {
    let mut pair = Pair::new();
    let shared = Arc::new(request());
    let lists: Vec<_> = (0..6)
        .map(|_| {
            pair.client
                .machine
                .open(pair.now, &[Part::Shared(&shared)], true)
                .unwrap();
            pair.run();
            match pair.server.event() {
                Event::Headers { headers, .. } => headers,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert!(Arc::ptr_eq(&lists[4], &lists[5]));
    assert_eq!(lists[0], lists[5]);
}

#[test]
fn large_bodies_go_both_ways_at_once_in_random_slices() {
    for seed in 0..8 {
        let mut pair = Pair::new();
        pair.random = super::pair::Random::new(seed);
        let (up, down) = (pattern(700_000), pattern(900_001));
        let (call, served) = pair.opened(false);
        let now = pair.now;
        pair.client
            .machine
            .send_data(now, call, up.clone(), true)
            .unwrap();
        pair.server
            .machine
            .send_headers(now, served, &[Part::Fields(&response())], false)
            .unwrap();
        pair.server
            .machine
            .send_data(now, served, down.clone(), false)
            .unwrap();
        pair.server
            .machine
            .send_headers(now, served, &[Part::Fields(&trailers())], true)
            .unwrap();
        pair.run_sliced(40_000);
        pair.client.ignore_writable();
        assert_eq!(pair.client.headers().0, call);
        assert!(
            pair.server.body(served) == (up.to_vec(), true),
            "seed {seed}"
        );
        assert!(
            pair.client.body(call) == (down.to_vec(), false),
            "seed {seed}"
        );
        assert_eq!(pair.client.headers(), (call, true));
        assert_eq!(
            (
                pair.client.machine.open_streams(),
                pair.server.machine.open_streams()
            ),
            (0, 0)
        );
        pair.assert_windows_add_up();
    }
}

#[test]
fn end_stream_rides_on_the_last_data_frame() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(100_000), false)
        .unwrap();
    pair.client
        .machine
        .send_data(pair.now, call, Bytes::new(), true)
        .unwrap();
    assert_eq!(
        pair.client
            .machine
            .send_data(pair.now, call, Bytes::new(), true),
        Err(SendError::StreamGone),
        "our side will be closed"
    );
    pair.run();
    let last = pair.server.events.back().cloned();
    assert!(
        matches!(last, Some(Event::Data { end_stream: true, ref data, .. }) if !data.is_empty()),
        "{last:?}"
    );
    assert_eq!(pair.server.body(served).0.len(), 100_000);
}

#[test]
fn many_small_chunks_leave_in_few_frames() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(65_535), false)
        .unwrap(); // the whole window
    for _ in 0..1000 {
        pair.client
            .machine
            .send_data(
                pair.now,
                call,
                Bytes::from_static(b"0123456789abcdef"),
                false,
            )
            .unwrap();
    }
    assert_eq!(pair.client.machine.buffered(call), 65_535 - 16_384 + 16_000);
    pair.run();
    let frames = pair.server.events.len();
    assert_eq!(pair.server.body(served).0.len(), 81_535);
    assert!(frames < 15, "{frames}");
}

#[test]
fn a_server_that_is_done_early_says_so_and_drops_the_rest_of_the_request() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(false);
    let now = pair.now;
    pair.server
        .machine
        .send_headers(now, served, &[Part::Fields(&response())], true)
        .unwrap();
    pair.client
        .machine
        .send_data(now, call, pattern(30_000), false)
        .unwrap(); // crosses on the wire
    pair.run();
    assert_eq!(pair.client.headers(), (call, true));
    assert_eq!(
        pair.client.reset(),
        (call, Reason::NO_ERROR, ResetCause::Peer)
    );
    pair.server.no_event();
    assert_eq!(pair.server.machine.open_streams(), 0);
    pair.assert_windows_add_up();
}

#[test]
fn a_reset_drops_what_was_buffered_and_reaches_the_peer() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(500_000), true)
        .unwrap();
    pair.client.machine.reset(pair.now, call, Reason::CANCEL);
    pair.client.machine.reset(pair.now, call, Reason::CANCEL); // nothing: it is gone
    assert_eq!(pair.client.machine.buffered(call), 0);
    pair.run();
    let (body, ended) = pair.server.body(served);
    assert!(body.len() <= 16_384 && !ended);
    assert_eq!(
        pair.server.reset(),
        (served, Reason::CANCEL, ResetCause::Peer)
    );
    pair.server.no_event();
    pair.client.no_event();
    pair.assert_windows_add_up();
}

#[test]
fn frames_that_cross_our_reset_are_no_crime() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(true);
    let now = pair.now;
    pair.client.machine.reset(now, call, Reason::CANCEL);
    let machine = &mut pair.server.machine;
    machine
        .send_headers(now, served, &[Part::Fields(&response())], false)
        .unwrap();
    machine
        .send_data(now, served, pattern(10_000), false)
        .unwrap();
    machine
        .send_headers(now, served, &[Part::Fields(&trailers())], true)
        .unwrap();
    pair.run();
    pair.client.no_event();
    pair.assert_windows_add_up();
    // The header tables are still in step.
    let (_, again) = pair.opened(true);
    pair.server
        .machine
        .send_headers(now, again, &[Part::Fields(&response())], true)
        .unwrap();
    pair.run();
    assert!(pair.client.headers().1);
}

#[test]
fn commands_out_of_order_change_nothing() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(false);
    let now = pair.now;
    let (response, trailers) = (response(), trailers());
    let machine = &mut pair.server.machine;
    assert_eq!(
        machine.send_data(now, served, pattern(1), false),
        Err(SendError::OutOfOrder)
    );
    machine
        .send_headers(now, served, &[Part::Fields(&response)], false)
        .unwrap();
    assert_eq!(
        machine.send_headers(now, served, &[Part::Fields(&trailers)], false),
        Err(SendError::OutOfOrder)
    );
    machine.send_data(now, served, Bytes::new(), false).unwrap();
    machine.send_data(now, served, Bytes::new(), true).unwrap();
    assert_eq!(
        machine.send_data(now, served, pattern(1), false),
        Err(SendError::StreamGone)
    );
    assert_eq!(
        machine.open(now, &[], true),
        Err(OpenError::GoingAway),
        "servers open no streams"
    );
    pair.run();
    assert_eq!(pair.client.headers().0, call);
    assert_eq!(pair.client.body(call), (vec![], true));
}

#[test]
fn keys_of_dead_streams_are_harmless_everywhere() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(true);
    let now = pair.now;
    pair.server
        .machine
        .send_headers(now, served, &[Part::Fields(&response())], true)
        .unwrap();
    pair.run();
    for key in [call, served, StreamKey::NONE] {
        for machine in [&mut pair.client.machine, &mut pair.server.machine] {
            machine.reset(now, key, Reason::CANCEL);
            machine.release(now, key, 10);
            machine.expect(now, key, 10);
            assert_eq!(
                machine.send_data(now, key, pattern(1), true),
                Err(SendError::StreamGone)
            );
            assert_eq!(
                machine.send_headers(now, key, &[], true),
                Err(SendError::StreamGone)
            );
            assert_eq!(machine.buffered(key), 0);
            machine.fill(now, usize::MAX);
            assert!(!machine.wants_write());
        }
    }
}

#[test]
fn streams_share_the_output_in_turns() {
    let mut pair = Pair::with(|_| (), |config| config.initial_stream_window = 1 << 20);
    let calls: Vec<_> = (0..4).map(|_| pair.open(false)).collect();
    for &call in &calls {
        pair.client
            .machine
            .send_data(pair.now, call, pattern(200_000), true)
            .unwrap();
    }
    pair.run();
    let data = |event: &Event| match event {
        Event::Data { stream, .. } => Some(stream.id()),
        _ => None,
    };
    let order: Vec<_> = pair.server.events.iter().filter_map(data).collect();
    // In any stretch of the middle no stream has two turns more than another.
    let middle = &order[8..32];
    let turns = |id| middle.iter().filter(|&&other| other == id).count();
    let counts: Vec<_> = calls.iter().map(|call| turns(call.id())).collect();
    assert!(
        counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 2,
        "{counts:?} {order:?}"
    );
}

#[test]
fn a_sender_above_the_mark_is_told_when_it_may_go_on() {
    let mut pair = Pair::with(|config| config.send_high_water = 50_000, |_| ());
    let (call, _) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(100_000), false)
        .unwrap();
    assert!(pair.client.machine.buffered(call) > 50_000);
    pair.run();
    assert!(matches!(pair.client.event(), Event::Writable { stream } if stream == call));
    pair.client.no_event();
}

#[test]
fn interim_responses_are_consumed() {
    let mut pair = Pair::new();
    let (call, _) = pair.opened(true);
    let mut wire = super::raw::Raw::new();
    wire.headers(call.id(), &[(":status", "100")], false);
    wire.headers(call.id(), &[(":status", "103"), ("link", "x")], false);
    wire.headers(call.id(), &[(":status", "204")], true);
    pair.client.receive(pair.now, &wire.bytes);
    let Event::Headers {
        headers,
        trailers: false,
        end_stream: true,
        ..
    } = pair.client.event()
    else {
        panic!()
    };
    assert_eq!(headers.status, Some(204));
    pair.client.no_event();
}

#[test]
fn sensitive_fields_arrive_as_such() {
    let mut pair = Pair::new();
    let mut list = request();
    list.push(Field::new(KnownName::Authorization, "secret"));
    pair.client
        .machine
        .open(pair.now, &[Part::Fields(&list)], true)
        .unwrap();
    pair.run();
    let Event::Headers { headers, .. } = pair.server.event() else {
        panic!()
    };
    assert!(
        headers
            .fields
            .iter()
            .any(|field| field.sensitive && field.name == KnownName::Authorization.into())
    );
    assert!(!format!("{headers:?}").contains("secret"));
}

#[test]
fn a_window_update_after_the_end_sends_nothing_again() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(100_000), true)
        .unwrap();
    pair.run();
    assert_eq!(pair.server.body(served).0.len(), 100_000);
    let mut wire = super::raw::Raw::new();
    wire.window_update(call.id(), 1000).window_update(0, 1000);
    pair.client.receive(pair.now, &wire.bytes);
    pair.client.machine.fill(pair.now, usize::MAX);
    assert!(!pair.client.machine.wants_write());
}

#[test]
fn a_machine_may_move_to_another_thread() {
    fn assert_send<T: Send + 'static>() {}
    assert_send::<crate::Connection>();
    assert_send::<Event>();
}

#[test]
fn a_response_in_one_go_is_the_same_octets_as_its_pieces() {
    let (head, end) = (Arc::new(response()), Arc::new(trailers()));
    let parts = (&[Part::Shared(&head)], &[Part::Shared(&end)]);
    let mut taken = [Vec::new(), Vec::new()];
    for whole in [false, true] {
        let mut pair = Pair::silent(|_| (), |_| ());
        // The first responses are not remembered yet, and go out in pieces either way.
        for call in 0..6 {
            pair.open(true);
            pair.run();
            let now = pair.now;
            let (served, _) = pair.server.headers();
            let data = Bytes::from(vec![b'x'; call + 1]);
            let machine = &mut pair.server.machine;
            let sent = if whole {
                machine.respond(now, served, parts.0, data, parts.1)
            } else {
                Err(data)
            };
            if let Err(data) = sent {
                assert!(!whole || call < 3, "call {call}");
                machine.send_headers(now, served, parts.0, false).unwrap();
                machine.send_data(now, served, data, false).unwrap();
                machine.send_headers(now, served, parts.1, true).unwrap();
            }
            assert_eq!(machine.open_streams(), 0);
            let output = machine.output();
            taken[usize::from(whole)].extend_from_slice(output.chunk());
            pair.run();
            assert_eq!(pair.client.machine.open_streams(), 0);
            pair.client.events.clear();
        }
        pair.assert_windows_add_up();
    }
    assert_eq!(taken[0], taken[1]);
}

#[test]
fn a_request_in_one_go_is_the_same_octets_as_its_pieces() {
    let lists = [&request()[..4], &request()[4..]].map(|fields| Arc::new(fields.to_vec()));
    let timeout = [Field::new(KnownName::GrpcTimeout, "1S")];
    let mut taken = [Vec::new(), Vec::new()];
    for whole in [false, true] {
        let mut pair = Pair::silent(|_| (), |_| ());
        // Long and empty data, a list of the call's own, and first requests go out in pieces either way.
        for (call, size) in [1, 2, 3, 4, 0, 5, 5000, 70_000, 6].into_iter().enumerate() {
            let own = if call == 5 { &timeout[..] } else { &[] };
            let parts = [
                Part::Shared(&lists[0]),
                Part::Fields(own),
                Part::Shared(&lists[1]),
                Part::Fields(&[]),
            ];
            let (now, data) = (pair.now, Bytes::from(vec![b'x'; size]));
            for end in [false, true] {
                let machine = &mut pair.client.machine;
                let key = if whole {
                    machine.request(now, &parts, &data, end).unwrap()
                } else {
                    let key = machine.open(now, &parts, false).unwrap();
                    machine.send_data(now, key, data.clone(), end).unwrap();
                    key
                };
                let windows = (machine.windows(), machine.stream_windows(key));
                pair.client.flush(now, usize::MAX);
                taken[usize::from(whole)].push((windows, pair.client.wire.clone()));
                pair.run();
                pair.client.machine.reset(now, key, Reason::CANCEL);
                pair.run();
            }
        }
        pair.assert_windows_add_up();
    }
    assert_eq!(taken[0], taken[1]);
}

#[test]
fn a_request_in_one_go_fails_as_an_open_does() {
    let list = Arc::new(request());
    let parts = [Part::Shared(&list)];
    let mut pair = Pair::silent(|_| (), |server| server.max_concurrent_streams = 4);
    pair.run();
    let (now, data) = (pair.now, Bytes::from("x"));
    for _ in 0..4 {
        let machine = &mut pair.client.machine;
        machine.request(now, &parts, &data, true).unwrap();
    }
    let machine = &mut pair.client.machine;
    assert_eq!(
        machine.request(now, &parts, &data, true),
        Err(OpenError::TooManyStreams)
    );
    machine.drain(now, "");
    assert_eq!(
        machine.request(now, &parts, &data, true),
        Err(OpenError::GoingAway)
    );
}

#[test]
fn a_response_that_cannot_go_out_at_once_is_handed_back_whole() {
    let (head, end) = (Arc::new(response()), Arc::new(trailers()));
    let parts = (&[Part::Shared(&head)], &[Part::Shared(&end)]);
    let mut pair = Pair::silent(|_| (), |_| ());
    pair.open(false);
    pair.run();
    let (served, _) = pair.server.headers();
    let now = pair.now;
    let machine = &mut pair.server.machine;
    for data in [Bytes::new(), Bytes::from(vec![0; 70_000])] {
        let back = machine.respond(now, served, parts.0, data.clone(), parts.1);
        assert_eq!(back, Err(data));
    }
    assert!(machine.output().is_empty());
    machine.send_headers(now, served, parts.0, false).unwrap();
    let late = machine.respond(now, served, parts.0, Bytes::from("x"), parts.1);
    assert_eq!(late, Err(Bytes::from("x"))); // the head is out already
    let gone = machine.respond(now, StreamKey::NONE, parts.0, Bytes::from("x"), parts.1);
    assert!(gone.is_err());
}
