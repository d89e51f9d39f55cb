//! A peer made of octets.

use crate::{
    Config, Connection, Event, Field, Name,
    error::Reason,
    frame::{
        self, Data, GoAway, HEAD_LEN, Head, Headers, Kind, Ping, RstStream, Setting, Settings,
        WindowUpdate,
    },
    headers::Part,
    hpack::Encoder,
};
use bytes::{Buf, BytesMut};
use std::time::Instant;

/// Octets to send, with a header table of their own.
pub(super) struct Raw {
    pub(super) bytes: Vec<u8>,
    encoder: Encoder,
}

impl Raw {
    pub(super) fn new() -> Raw {
        Raw {
            bytes: Vec::new(),
            encoder: Encoder::new(4096),
        }
    }

    /// What a client or server that listens and speaks properly begins with.
    pub(super) fn greeting(as_client: bool) -> Raw {
        let mut raw = Raw::new();
        if as_client {
            raw.bytes.extend_from_slice(frame::PREFACE);
        }
        raw.settings(&[]);
        raw.settings_ack();
        raw
    }

    pub(super) fn frame(&mut self, kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> &mut Raw {
        Head {
            len: payload.len() as u32,
            kind,
            flags,
            stream,
        }
        .encode(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
        self
    }

    pub(super) fn block(&mut self, list: &[(&str, &str)]) -> Vec<u8> {
        let field = |&(name, value): &(&str, &str)| {
            Field::new(Name::from_bytes(name.to_string().into()), value.to_string())
        };
        let list: Vec<_> = list.iter().map(field).collect();
        let mut block = Vec::new();
        self.encoder.encode(&[Part::Fields(&list)], &mut block);
        block
    }

    pub(super) fn headers(
        &mut self,
        stream: u32,
        list: &[(&str, &str)],
        end_stream: bool,
    ) -> &mut Raw {
        let block = self.block(list);
        Headers::encode(stream, end_stream, 16_384, &mut self.bytes, |out| {
            out.extend_from_slice(&block)
        });
        self
    }

    pub(super) fn request(&mut self, stream: u32, end_stream: bool) -> &mut Raw {
        self.headers(stream, &GET, end_stream)
    }

    pub(super) fn data(&mut self, stream: u32, payload: &[u8], end_stream: bool) -> &mut Raw {
        Data::head(stream, payload.len() as u32, end_stream).encode(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
        self
    }

    pub(super) fn reset(&mut self, stream: u32) -> &mut Raw {
        RstStream {
            stream,
            reason: Reason::CANCEL,
        }
        .encode(&mut self.bytes);
        self
    }

    pub(super) fn window_update(&mut self, stream: u32, increment: u32) -> &mut Raw {
        WindowUpdate { stream, increment }.encode(&mut self.bytes);
        self
    }

    pub(super) fn settings(&mut self, list: &[Setting]) -> &mut Raw {
        Settings::encode(list, &mut self.bytes);
        self
    }

    pub(super) fn settings_ack(&mut self) -> &mut Raw {
        Settings::encode_ack(&mut self.bytes);
        self
    }

    pub(super) fn ping(&mut self) -> &mut Raw {
        Ping {
            ack: false,
            payload: 1,
        }
        .encode(&mut self.bytes);
        self
    }

    pub(super) fn goaway(&mut self, last_stream: u32) -> &mut Raw {
        GoAway {
            last_stream,
            reason: Reason::NO_ERROR,
            debug: b"",
        }
        .encode(&mut self.bytes);
        self
    }
}

pub(super) const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "test"),
];

/// What a machine made of raw octets.
pub(super) struct Heard {
    pub(super) machine: Connection,
    pub(super) events: Vec<Event>,
    /// Kind, flags, stream and payload of what it wrote.
    pub(super) frames: Vec<(Kind, u8, u32, Vec<u8>)>,
}

impl Heard {
    /// The RST_STREAM frames: stream and reason.
    pub(super) fn resets(&self) -> Vec<(u32, Reason)> {
        let of_kind = self
            .frames
            .iter()
            .filter(|frame| frame.0 == Kind::RST_STREAM);
        of_kind
            .map(|frame| {
                (
                    frame.2,
                    Reason(u32::from_be_bytes(frame.3[..].try_into().unwrap())),
                )
            })
            .collect()
    }

    /// The GOAWAY frames: last stream and reason.
    pub(super) fn goaways(&self) -> Vec<(u32, Reason)> {
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        let of_kind = self.frames.iter().filter(|frame| frame.0 == Kind::GOAWAY);
        of_kind
            .map(|frame| (number(&frame.3[..4]), Reason(number(&frame.3[4..8]))))
            .collect()
    }
}

/// Lets a server read what `write` writes after a proper greeting.
pub(super) fn server_hears(write: impl FnOnce(&mut Raw)) -> Heard {
    let mut raw = Raw::greeting(true);
    write(&mut raw);
    hear(
        Connection::server(Config::default(), Instant::now()),
        &raw.bytes,
        0,
    )
}

/// Lets a client that has opened a stream (id 1) and ended it, and another (id 3), read what `write` writes.
pub(super) fn client_hears(write: impl FnOnce(&mut Raw)) -> Heard {
    let now = Instant::now();
    let mut machine = Connection::client(Config::default(), now);
    for end_stream in [true, false] {
        machine
            .open(now, &[Part::Fields(&super::pair::request())], end_stream)
            .unwrap();
    }
    let mut raw = Raw::greeting(false);
    write(&mut raw);
    hear(machine, &raw.bytes, frame::PREFACE.len())
}

pub(super) fn hear(mut machine: Connection, bytes: &[u8], preface: usize) -> Heard {
    let now = Instant::now();
    let mut input = BytesMut::from(bytes);
    let mut events = Vec::new();
    while let Some(event) = machine.poll_event(now, &mut input) {
        events.push(event);
    }
    machine.fill(now, usize::MAX);
    let len = machine.output().remaining();
    let written = machine.output().copy_to_bytes(len);
    let (mut rest, mut frames) = (&written[preface..], Vec::new());
    while let Some(head) = rest.first_chunk::<HEAD_LEN>() {
        let head = Head::parse(head);
        let (payload, tail) = rest[HEAD_LEN..].split_at(head.len as usize);
        frames.push((head.kind, head.flags, head.stream, payload.to_vec()));
        rest = tail;
    }
    assert!(rest.is_empty(), "half a frame was written");
    Heard {
        machine,
        events,
        frames,
    }
}
