//! Many seeds: random calls between two machines, and random octets against one.

use super::pair::{Pair, Random, pattern, request, response, trailers};
use super::raw::{Raw, hear};
use crate::{Config, Connection, Event, Part, Reason, StreamKey};
use bytes::Bytes;
use std::{collections::HashMap, time::Instant};

/// What one end knows of a call.
#[derive(Debug, Default)]
struct Call {
    received: usize,
    unreleased: usize,
    ended: bool,
    sent_end: bool,
    opened: bool,
}

#[derive(Debug, Default)]
struct Side {
    calls: HashMap<StreamKey, Call>,
    /// Done in both directions, by END_STREAM or by reset.
    over: usize,
    unsettled: Vec<(StreamKey, usize)>,
    /// What all bodies repeat.
    pattern: Bytes,
}

impl Side {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Headers {
                stream, end_stream, ..
            } => {
                let call = self.calls.entry(stream).or_default();
                call.ended |= end_stream;
                call.opened = true;
            }
            Event::Data {
                stream,
                data,
                end_stream,
            } => {
                let call = self.calls.get_mut(&stream).expect("DATA of a known stream");
                assert!(!call.ended, "DATA after the end");
                let expected = self
                    .pattern
                    .iter()
                    .cycle()
                    .skip(call.received % self.pattern.len());
                assert!(data.iter().eq(expected.take(data.len())));
                call.received += data.len();
                call.unreleased += data.len();
                call.ended |= end_stream;
            }
            Event::Reset { stream, .. } => {
                // The peer may reset a stream whose end we have sent, but that still waits for a window.
                let Some(call) = self.calls.remove(&stream) else {
                    return;
                };
                self.unsettled.push((stream, call.unreleased));
                self.over += 1;
            }
            Event::Ready | Event::Writable { .. } | Event::CanOpen | Event::Pong { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self, key: StreamKey) {
        if self
            .calls
            .get(&key)
            .is_some_and(|call| call.ended && call.sent_end)
        {
            let call = self.calls.remove(&key).expect("it was there");
            self.unsettled.push((key, call.unreleased));
            self.over += 1;
        }
    }
}

/// One random deed of one end.
fn act(pair: &mut Pair, side: &mut Side, is_client: bool) {
    let now = pair.now;
    let machine = if is_client {
        &mut pair.client.machine
    } else {
        &mut pair.server.machine
    };
    let random = &mut pair.random;
    if is_client && random.one_in(3) {
        let end = random.one_in(2);
        if let Ok(key) = machine.open(now, &[Part::Fields(&request())], end) {
            side.calls.insert(
                key,
                Call {
                    sent_end: end,
                    ..Call::default()
                },
            );
        }
    }
    let mut keys: Vec<_> = side.calls.keys().copied().collect();
    keys.sort_by_key(|key| key.id());
    let Some(&key) = keys.get(random.below(keys.len())) else {
        return;
    };
    let call = side.calls.get_mut(&key).expect("it was there");
    match random.below(10) {
        0 if random.one_in(4) => {
            machine.reset(now, key, Reason::CANCEL);
            let call = side.calls.remove(&key).expect("it was there");
            side.unsettled.push((key, call.unreleased));
            side.over += 1;
        }
        1..5 => {
            machine.release(now, key, std::mem::take(&mut call.unreleased));
        }
        5 => machine.expect(now, key, random.below(200_000)),
        _ if call.sent_end => {}
        6 if !is_client => {
            let _ = machine.send_headers(now, key, &[Part::Fields(&response())], false);
        }
        7 if !is_client => {
            if machine
                .send_headers(now, key, &[Part::Fields(&trailers())], true)
                .is_ok()
            {
                call.sent_end = true;
            }
        }
        _ => {
            let end = random.one_in(2);
            let data = if random.one_in(3) {
                Bytes::new()
            } else {
                side.pattern.clone()
            };
            if machine.send_data(now, key, data, end).is_ok() {
                call.sent_end |= end;
            }
        }
    }
    // A server that ends early resets the rest: its key is dead then.
    if !is_client
        && side
            .calls
            .get(&key)
            .is_some_and(|call| call.sent_end && !call.ended)
        && machine.streams.peek(key).is_none()
    {
        let call = side.calls.remove(&key).expect("it was there");
        side.unsettled.push((key, call.unreleased));
        side.over += 1;
    }
    side.settle(key);
}

fn collect(pair: &mut Pair, client: &mut Side, server: &mut Side) {
    for (end, side, is_server) in [
        (&mut pair.client, client, false),
        (&mut pair.server, server, true),
    ] {
        end.poll(pair.now);
        while let Some(event) = end.events.pop_front() {
            side.on_event(event);
        }
        let keys: Vec<_> = side.calls.keys().copied().collect();
        keys.into_iter().for_each(|key| {
            // Buffered trailers may have left and reset the request by now.
            let call = &side.calls[&key];
            if is_server && call.sent_end && !call.ended && end.machine.streams.peek(key).is_none()
            {
                let call = side.calls.remove(&key).expect("it was there");
                side.unsettled.push((key, call.unreleased));
                side.over += 1;
            }
            side.settle(key);
        });
    }
}

#[test]
fn random_calls_come_to_their_ends_and_all_windows_add_up() {
    for seed in 0..300 {
        let mut pair = Pair::silent(
            |config| config.adaptive_window = seed % 2 == 0,
            |config| {
                config.adaptive_window = seed % 3 == 0;
                config.initial_stream_window = [65_535, 20_000, 300_000][seed as usize % 3];
                config.max_concurrent_streams = 20;
                config.receive_budget = 1 << 20;
            },
        );
        pair.random = Random::new(seed);
        (pair.client.auto_release, pair.server.auto_release) = (false, false);
        let new_side = || Side {
            pattern: pattern(100_000),
            ..Side::default()
        };
        let (mut client, mut server) = (new_side(), new_side());
        for _ in 0..150 {
            let is_client = pair.random.one_in(2);
            act(
                &mut pair,
                if is_client { &mut client } else { &mut server },
                is_client,
            );
            pair.step(30_000);
            pair.now += std::time::Duration::from_micros(100);
            collect(&mut pair, &mut client, &mut server);
        }
        finish(&mut pair, &mut client, &mut server);
        assert!(client.calls.is_empty(), "seed {seed}: {:?}", client.calls);
        assert!(server.calls.is_empty(), "seed {seed}: {:?}", server.calls);
        let open = (
            pair.client.machine.open_streams(),
            pair.server.machine.open_streams(),
        );
        assert_eq!(open, (0, 0), "seed {seed}");
        pair.run();
        pair.assert_windows_add_up();
    }
}

/// Reads everything, ends everything.
fn finish(pair: &mut Pair, client: &mut Side, server: &mut Side) {
    for _ in 0..1000 {
        for (side, is_client) in [(&mut *client, true), (&mut *server, false)] {
            let machine = if is_client {
                &mut pair.client.machine
            } else {
                &mut pair.server.machine
            };
            for (key, bytes) in side.unsettled.drain(..) {
                machine.release(pair.now, key, bytes);
            }
            let keys: Vec<_> = side.calls.keys().copied().collect();
            for key in keys {
                let call = side.calls.get_mut(&key).expect("it was there");
                machine.release(pair.now, key, std::mem::take(&mut call.unreleased));
                if !call.sent_end && (is_client || call.ended) {
                    let _ =
                        machine.send_headers(pair.now, key, &[Part::Fields(&response())], false);
                    if machine.send_data(pair.now, key, Bytes::new(), true).is_ok() {
                        call.sent_end = true;
                    }
                }
                side.settle(key);
            }
        }
        pair.step(usize::MAX);
        collect(pair, client, server);
        let settled = |side: &Side| side.calls.is_empty() && side.unsettled.is_empty();
        if settled(client) && settled(server) && !pair.step(usize::MAX) {
            return;
        }
    }
}

/// A conversation in proper octets, to be damaged.
fn proper(random: &mut Random, as_client: bool) -> Vec<u8> {
    let mut raw = Raw::greeting(as_client);
    for stream in (1..20).step_by(2) {
        if as_client {
            raw.request(stream, random.one_in(2));
        } else if stream < 4 {
            raw.headers(stream, &[(":status", "200")], random.one_in(2));
        }
        match random.below(8) {
            0 => raw.data(stream, &[7; 300], random.one_in(2)),
            1 => raw.headers(stream, &[("x", "y")], true),
            2 => raw.reset(stream),
            3 => raw.window_update(stream * (random.next() as u32 & 1), 1000),
            4 => raw.settings(&[crate::frame::Setting::InitialWindowSize(
                random.next() as u32 >> 1,
            )]),
            5 => raw.ping(),
            6 => raw.goaway(stream),
            _ => raw.data(stream, b"", true),
        };
    }
    raw.bytes
}

#[test]
fn no_octets_make_a_machine_panic() {
    for seed in 0..6000 {
        let mut random = Random::new(seed);
        let as_client = random.one_in(2);
        let mut bytes = proper(&mut random, as_client);
        for _ in 0..random.below(6) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.drain(at..(at + random.below(12)).min(bytes.len()))),
                _ => bytes.insert(at, random.next() as u8),
            }
        }
        let now = Instant::now();
        let (mut machine, preface) = if as_client {
            (Connection::server(Config::default(), now), 0)
        } else {
            (
                Connection::client(Config::default(), now),
                crate::frame::PREFACE.len(),
            )
        };
        if !as_client {
            for end_stream in [true, false] {
                let key = machine
                    .open(now, &[Part::Fields(&request())], end_stream)
                    .unwrap();
                let _ = machine.send_data(now, key, pattern(70_000), random.one_in(2));
            }
        }
        let heard = hear(machine, &bytes, preface);
        // Whatever came: at most one end, and nothing after it.
        let closed = heard
            .events
            .iter()
            .position(|event| matches!(event, Event::Closed(_)));
        assert!(
            closed.is_none_or(|at| at + 1 == heard.events.len()),
            "seed {seed}"
        );
    }
}

#[test]
fn a_conversation_means_the_same_however_it_is_cut() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let bytes = proper(&mut random, true);
        let whole = digest(&bytes, |_| usize::MAX, &mut random);
        assert_eq!(digest(&bytes, |_| 1, &mut random), whole, "seed {seed}");
        assert_eq!(
            digest(&bytes, |random| 1 + random.below(50), &mut random),
            whole,
            "seed {seed}"
        );
    }
}

/// The events that a server makes of `bytes`, with joined payloads.
fn digest(bytes: &[u8], step: fn(&mut Random) -> usize, random: &mut Random) -> Vec<String> {
    let now = Instant::now();
    let mut machine = Connection::server(Config::default(), now);
    let (mut input, mut rest, mut texts) = (bytes::BytesMut::new(), bytes, Vec::new());
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(step(random).min(rest.len()));
        input.extend_from_slice(piece);
        rest = tail;
        while let Some(event) = machine.poll_event(now, &mut input) {
            texts.push(format!("{event:?}"));
        }
    }
    texts
}
