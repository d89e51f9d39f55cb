//! A whole HTTP/2 connection against anything: proper frames, damaged ones, noise, with an application's deeds in between.

use crate::{
    input::Input,
    side::{Side, later},
};
use bytes::Bytes;
use farcall_http2::{Config, Field, KnownName, Name, Part, Role, hpack::Encoder};
use std::time::{Duration, Instant};

pub(super) fn server(bytes: &[u8]) {
    run(Role::Server, bytes);
}

pub(super) fn client(bytes: &[u8]) {
    run(Role::Client, bytes);
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn run(role: Role, bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut now = Instant::now();
    let mut side = Side::new(role, config(input.u8()), now);
    let mut peer = Encoder::new(4096);
    if input.u8() & 1 == 0 {
        let preface = if role == Role::Server { PREFACE } else { b"" };
        side.feed(now, preface, usize::MAX);
        side.feed(now, &frame(4, 0, 0, b""), usize::MAX);
        side.feed(now, &frame(4, 1, 0, b""), usize::MAX);
    }
    for _ in 0..400 {
        if input.is_empty() {
            break;
        }
        match input.u8() % 16 {
            0 => {
                let octets = input.short();
                side.feed(now, octets, usize::MAX);
            }
            1..6 => any_frame(&mut side, &mut input, now),
            6..9 => headers(&mut side, &mut peer, &mut input, now),
            9 => {
                let (target, len) = (usize::from(input.u16()), usize::from(input.u16()));
                side.take_output(now, target, len);
            }
            10 => {
                side.take_output(now, usize::MAX, usize::MAX);
                side.take_events(now, usize::MAX);
            }
            11 => {
                later(&mut now, input.u8());
                side.pass_time(now);
            }
            _ => application(&mut side, &mut input, now),
        }
    }
    end(&mut side, now);
}

/// Whatever has happened, it comes to an orderly end.
fn end(side: &mut Side, now: Instant) {
    side.take_events(now, usize::MAX);
    side.end_input(now);
    while side.has_output() {
        side.take_output(now, usize::MAX, usize::MAX);
    }
    side.take_events(now, usize::MAX);
}

pub(super) fn config(choice: u8) -> Config {
    let mut config = Config::default();
    config.adaptive_window = choice & 1 == 0;
    if choice & 2 != 0 {
        config.initial_stream_window = 1000;
        config.receive_budget = 70_000;
        config.initial_connection_window = 65_535;
    }
    if choice & 4 != 0 {
        (
            config.max_concurrent_streams,
            config.initial_max_send_streams,
        ) = (2, 2);
    }
    if choice & 8 != 0 {
        (config.send_quantum, config.send_high_water) = (100, 1000);
    }
    if choice & 16 != 0 {
        (
            config.max_header_list_size,
            config.accepted_header_list_size,
        ) = (200, 300);
        config.max_header_count = 6;
        config.header_table_size = 100;
    }
    if choice & 32 != 0 {
        config.keepalive_interval = Some(Duration::from_secs(2));
        config.keepalive_without_streams = choice & 1 == 0;
    }
    if choice & 64 != 0 {
        config.initial_stream_window = 300_000;
        config.max_send_header_table_size = 0;
    }
    config
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut octets = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    octets.extend([kind, flags]);
    octets.extend(stream.to_be_bytes());
    octets.extend(payload);
    octets
}

/// A frame with a proper length; everything else is chosen.
fn any_frame(side: &mut Side, input: &mut Input<'_>, now: Instant) {
    let kind = input.u8() % 11;
    let flags = input.u8();
    let stream = match input.u8() {
        far @ 240.. => u32::from(far) << 20 | u32::from(input.u8()),
        near => u32::from(near) % 40,
    };
    let payload: Vec<u8> = match (kind, input.u8()) {
        (0, size) if size >= 128 => vec![size; usize::from(input.u16()) % 16_385],
        (3, _) => input.u32().to_be_bytes().to_vec(),
        (4, size) if size >= 64 => setting(input),
        (6, size) if size >= 64 => [u32::from(size), input.u32()]
            .map(u32::to_be_bytes)
            .concat(),
        (8, size) if size >= 64 => (input.u32() >> (size % 32)).to_be_bytes().to_vec(),
        (_, size) => input.bytes(usize::from(size)).to_vec(),
    };
    let octets = frame(kind, flags, stream, &payload);
    let events = if flags & 0x80 == 0 { usize::MAX } else { 1 };
    let cut = octets.len().min(usize::from(input.u8()) + 9);
    side.feed(now, &octets[..cut], events);
    side.feed(now, &octets[cut..], events);
}

fn setting(input: &mut Input<'_>) -> Vec<u8> {
    let (id, wide) = (u16::from(input.u8() % 8), input.u8());
    let value = match wide {
        0..100 => u32::from(input.u16()),
        100..200 => input.u32(),
        _ => [0, 1, 16_384, 65_535, 0x7fff_ffff, 0xffff_ffff][usize::from(wide) % 6],
    };
    [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat()
}

/// A header list of a proper peer, with its own compression, perhaps in pieces.
fn headers(side: &mut Side, peer: &mut Encoder, input: &mut Input<'_>, now: Instant) {
    let (stream, choice) = (u32::from(input.u8() % 20) * 2 + 1, input.u8());
    let list = list(choice, input);
    let mut block = Vec::new();
    peer.encode(&[Part::Fields(&list)], &mut block);
    let end_stream = choice >> 7;
    let mut octets = Vec::new();
    if choice & 0x40 == 0 {
        octets.extend(frame(1, 4 | end_stream, stream, &block));
    } else {
        let (first, rest) = block.split_at(block.len() / 2);
        octets.extend(frame(1, end_stream, stream, first));
        octets.extend(frame(9, 4, stream, rest));
    }
    side.feed(now, &octets, usize::MAX);
}

/// Header lists of all kinds, most of them proper.
pub(super) fn list(choice: u8, input: &mut Input<'_>) -> Vec<Field> {
    let mut list = match choice % 8 {
        0..3 => request(),
        3 | 4 => vec![Field::new(KnownName::Status, "200")],
        5 => vec![Field::new(
            KnownName::Status,
            input.pick(&["100", "103", "404", "0", "999"]),
        )],
        6 => vec![Field::new(
            KnownName::ContentLength,
            input.pick(&["0", "5", "300", "x", "18446744073709551616"]),
        )],
        _ => vec![],
    };
    for _ in 0..choice >> 3 & 7 {
        list.push(match input.u8() {
            0 => Field::new(KnownName::ContentLength, "5"),
            1 => Field::new(KnownName::Te, "gzip"),
            2 => Field::new(KnownName::Connection, "close"),
            own @ 3..20 => {
                let name = Bytes::copy_from_slice(input.bytes(usize::from(own)));
                Field::new(
                    Name::from_bytes(name),
                    Bytes::copy_from_slice(input.short()),
                )
            }
            large @ 20..30 => Field::new(
                Name::from_static("x-large"),
                vec![b'a'; usize::from(large) * 100],
            ),
            other => Field::new(Name::from_static("x-small"), vec![other]),
        });
    }
    list
}

pub(super) fn request() -> Vec<Field> {
    vec![
        Field::new(KnownName::Method, "POST"),
        Field::new(KnownName::Scheme, "http"),
        Field::new(KnownName::Path, "/p.S/M"),
    ]
}

/// What the application above the machine does.
pub(super) fn application(side: &mut Side, input: &mut Input<'_>, now: Instant) {
    let (deed, choice) = (input.u8(), input.u8());
    if deed.is_multiple_of(8) {
        let mut head = request();
        head.extend(
            (0..choice & 7).map(|at| Field::new(Name::from_static("x-n"), vec![b'0' + at; 50])),
        );
        return side.open(now, &head, choice >> 7 == 1);
    }
    if deed >= 248 {
        match deed {
            248..252 => side.ping(now, u64::from(choice)),
            252 | 253 => side.drain(now),
            254 => side.release_all(now),
            _ => side.shutdown(now),
        }
        return;
    }
    let Some(key) = side.pick(choice) else { return };
    let end = deed & 0x40 != 0;
    match deed % 8 {
        1 => side.send_headers(now, key, end),
        2 => side.send_headers(now, key, true),
        3 | 4 => {
            let len = usize::from(input.u16()) << (deed >> 7);
            side.send_data(now, key, Bytes::from(vec![7; len]), end);
        }
        5 => side.reset(now, key),
        6 => side.release(now, key, usize::from(input.u16()) << 2),
        _ => side.machine.expect(now, key, usize::from(input.u16()) << 4),
    }
}
