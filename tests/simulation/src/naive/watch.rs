//! Somebody who sits on the wire at one end of a connection, sees everything that this end hears and says, and knows what
//! RFC 9113 lets it say: its own account of stream states and windows.

use super::{
    hpack,
    scanner::{Frame, Scanner},
};
use farcall_http2::Role;
use std::collections::{BTreeMap, VecDeque};

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const MAX_WINDOW: i64 = (1 << 31) - 1;

/// The account of one end. It panics when that end breaks a rule; what the end hears may be anything.
#[derive(Debug)]
pub struct Watch {
    role: Role,
    heard: Scanner,
    said: Scanner,
    streams: BTreeMap<u32, Stream>,
    /// The highest stream that was opened, by whichever end opens them.
    last_stream: u32,
    peer: Peer,
    /// What this end gave: on all streams together.
    granted: i64,
    received: i64,
    sent: i64,
    own: Own,
    /// A header block is being heard.
    heard_block: bool,
    /// A header block that is not whole: stream, END_STREAM, octets.
    block: Option<(u32, bool, Vec<u8>)>,
    decoder: hpack::Decoder,
    pings: VecDeque<Vec<u8>>,
    goaway: Option<(u32, u32)>,
}

/// What the peer told this end.
#[derive(Debug)]
struct Peer {
    /// SETTINGS that this end has not acknowledged.
    settings: VecDeque<Vec<(u16, u32)>>,
    any_acknowledged: bool,
    max_frame: usize,
    initial_window: i64,
    max_streams: usize,
    /// What WINDOW_UPDATE gave for all streams together.
    granted: i64,
}

/// What this end told of itself.
#[derive(Debug, Default)]
struct Own {
    settings: u32,
    acknowledged: u32,
    announced_window: Option<i64>,
}

#[derive(Debug, Default)]
struct Stream {
    /// Header lists of this end that are no interim ones.
    lists: u32,
    we_ended: bool,
    we_reset: bool,
    they_ended: bool,
    they_reset: bool,
    /// Octets of DATA that this end sent, and that the peer gave beyond the initial window.
    sent: i64,
    granted_to_us: i64,
    /// The other way round.
    received: i64,
    granted: i64,
}

impl Stream {
    fn is_open(&self) -> bool {
        !(self.we_reset || self.they_reset || self.we_ended && self.they_ended)
    }
}

impl Watch {
    /// Of a fresh end; `max_streams` is what it assumes until it hears SETTINGS.
    pub fn new(role: Role, max_streams: u32) -> Watch {
        Watch {
            role,
            heard: Scanner::new(role == Role::Server),
            said: Scanner::new(role == Role::Client),
            streams: BTreeMap::new(),
            last_stream: 0,
            peer: Peer {
                settings: VecDeque::new(),
                any_acknowledged: false,
                max_frame: 16_384,
                initial_window: 65_535,
                max_streams: max_streams as usize,
                granted: 0,
            },
            granted: 0,
            received: 0,
            sent: 0,
            own: Own::default(),
            heard_block: false,
            block: None,
            decoder: hpack::Decoder::new(4096),
            pings: VecDeque::new(),
            goaway: None,
        }
    }

    /// The end was given these octets. They may be anything; once they stop to be HTTP/2, call it no more.
    pub fn hear(&mut self, octets: &[u8]) {
        self.heard.push(octets);
        while let Some(frame) = self.heard.next() {
            self.on_heard(&frame);
        }
    }

    /// The end wrote these octets.
    ///
    /// # Panics
    /// It must not.
    pub fn say(&mut self, octets: &[u8]) {
        self.said.push(octets);
        while let Some(frame) = self.said.next() {
            self.on_said(&frame);
        }
        assert!(!self.said.is_lost(), "a client begins with the preface");
    }

    /// Whether whole frames were heard so far: only then the accounts below are exact.
    pub fn is_exact(&self) -> bool {
        let frames = self.heard.is_between_frames() && self.said.is_between_frames();
        frames && !self.heard_block && self.block.is_none()
    }

    /// What the end may send, and what it may be sent, on all streams together.
    pub fn windows(&self) -> (i64, i64) {
        (
            65_535 + self.peer.granted - self.sent,
            65_535 + self.granted - self.received,
        )
    }

    /// The same of one stream.
    pub fn stream_windows(&self, stream: u32) -> Option<(i64, i64)> {
        let stream = self.streams.get(&stream)?;
        let send = self.peer.initial_window + stream.granted_to_us - stream.sent;
        Some((
            send,
            self.own.initial_window() + stream.granted - stream.received,
        ))
    }

    /// Streams that are open or half-closed as far as the wire shows.
    pub fn open_streams(&self) -> usize {
        // What is heard on other ids opens nothing.
        let opened = self.streams.range(..=self.last_stream);
        opened
            .filter(|(id, stream)| *id % 2 == 1 && stream.is_open())
            .count()
    }

    /// The error code of the last GOAWAY that the end sent.
    pub fn goaway(&self) -> Option<u32> {
        self.goaway.map(|(_, code)| code)
    }

    // --- What is heard ---

    fn on_heard(&mut self, frame: &Frame) {
        if matches!(frame.kind, 1 | 9) {
            self.heard_block = !frame.has(END_HEADERS);
        }
        match frame.kind {
            0 => {
                let len = frame.payload.len() as i64;
                self.received += len;
                let stream = self.streams.entry(frame.stream).or_default();
                stream.received += len;
                stream.they_ended |= frame.has(END_STREAM);
            }
            1 => {
                if self.role == Role::Server && frame.stream > self.last_stream {
                    self.last_stream = frame.stream;
                }
                let stream = self.streams.entry(frame.stream).or_default();
                stream.they_ended |= frame.has(END_STREAM);
            }
            3 => self.streams.entry(frame.stream).or_default().they_reset = true,
            4 if frame.has(ACK) => self.own.acknowledged += 1,
            4 => {
                let entries = frame.payload.chunks_exact(6);
                let list = entries.map(|entry| {
                    let value = u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]);
                    (u16::from_be_bytes([entry[0], entry[1]]), value)
                });
                self.peer.settings.push_back(list.collect());
            }
            6 if !frame.has(ACK) => self.pings.push_back(frame.payload.clone()),
            8 if frame.stream == 0 => self.peer.granted += i64::from(frame.word(0)),
            8 => {
                let stream = self.streams.entry(frame.stream).or_default();
                stream.granted_to_us += i64::from(frame.word(0));
            }
            _ => {}
        }
    }

    // --- What is said ---

    fn on_said(&mut self, frame: &Frame) {
        let len = frame.payload.len();
        assert!(len <= self.peer.max_frame, "a frame of {len} octets");
        let first = self.own.settings == 0;
        assert!(
            !first || frame.kind == 4 && !frame.has(ACK),
            "SETTINGS come first: {frame:?}"
        );
        let error = self.goaway.is_some_and(|(_, code)| code != 0);
        assert!(!error, "after an error's GOAWAY: {frame:?}");
        if let Some((stream, ..)) = self.block {
            assert_eq!(
                (frame.kind, frame.stream),
                (9, stream),
                "a header block is not interrupted"
            );
        }
        match frame.kind {
            0 => self.on_data(frame),
            1 => self.on_headers(frame),
            3 => self.on_reset(frame),
            4 => self.on_settings(frame),
            6 => self.on_ping(frame),
            7 => self.on_goaway(frame),
            8 => self.on_window_update(frame),
            9 => self.on_continuation(frame),
            kind => panic!("a frame of type {kind}"),
        }
    }

    /// A stream that this end may still say something on.
    fn speaking(&mut self, frame: &Frame) -> &mut Stream {
        assert!(
            frame.stream <= self.last_stream && frame.stream % 2 == 1,
            "on an idle stream: {frame:?}"
        );
        let stream = self.streams.entry(frame.stream).or_default();
        assert!(!stream.we_reset, "after its own RST_STREAM: {frame:?}");
        stream
    }

    fn on_data(&mut self, frame: &Frame) {
        let (len, initial) = (frame.payload.len() as i64, self.peer.initial_window);
        assert!(!frame.has(0x8), "we do not pad");
        assert!(len > 0 || frame.has(END_STREAM), "DATA for nothing");
        let stream = self.speaking(frame);
        assert!(
            stream.lists == 1 && !stream.we_ended,
            "DATA out of order: {stream:?}"
        );
        stream.sent += len;
        let left = initial + stream.granted_to_us - stream.sent;
        assert!(
            len == 0 || left >= 0,
            "beyond the window of stream {}: {left}",
            frame.stream
        );
        stream.we_ended = frame.has(END_STREAM);
        self.sent += len;
        let left = 65_535 + self.peer.granted - self.sent;
        assert!(
            len == 0 || left >= 0,
            "beyond the window of the connection: {left}"
        );
    }

    fn on_headers(&mut self, frame: &Frame) {
        if self.role == Role::Client && frame.stream > self.last_stream {
            assert!(frame.stream % 2 == 1);
            assert!(self.goaway.is_none(), "a new stream after GOAWAY");
            assert!(
                self.open_streams() < self.peer.max_streams,
                "too many streams"
            );
            self.last_stream = frame.stream;
        }
        self.speaking(frame);
        let content = frame.content().expect("well-formed HEADERS").to_vec();
        self.block = Some((frame.stream, frame.has(END_STREAM), content));
        self.end_block(frame);
    }

    fn on_continuation(&mut self, frame: &Frame) {
        let (_, _, block) = self.block.as_mut().expect("CONTINUATION of something");
        block.extend_from_slice(&frame.payload);
        self.end_block(frame);
    }

    fn end_block(&mut self, frame: &Frame) {
        if !frame.has(END_HEADERS) {
            return;
        }
        let Some((id, end, block)) = self.block.take() else {
            return;
        };
        let lines = self
            .decoder
            .decode(&block)
            .expect("a header block that can be decoded");
        let has = |name: &[u8]| lines.iter().any(|(other, ..)| other == name);
        let any_pseudo = lines.iter().any(|(name, ..)| name.starts_with(b":"));
        let stream = self.streams.entry(id).or_default();
        assert!(!stream.we_ended, "a header list after END_STREAM");
        match (stream.lists, self.role) {
            (0, Role::Client) => assert!(has(b":method") && has(b":path")),
            (0, Role::Server) => assert!(has(b":status")),
            _ => assert!(
                stream.lists == 1 && end && !any_pseudo,
                "a header list out of order"
            ),
        }
        stream.lists += 1;
        stream.we_ended = end;
    }

    fn on_reset(&mut self, frame: &Frame) {
        assert_eq!(frame.payload.len(), 4);
        self.speaking(frame).we_reset = true;
    }

    fn on_settings(&mut self, frame: &Frame) {
        if !frame.has(ACK) {
            self.own.settings += 1;
            for entry in frame
                .payload
                .chunks_exact(6)
                .filter(|entry| entry[..2] == [0, 4])
            {
                let value = i64::from(u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]));
                assert!(value <= MAX_WINDOW);
                self.own.announced_window = Some(value);
            }
            return;
        }
        let list = self
            .peer
            .settings
            .pop_front()
            .expect("an acknowledgement of something");
        if !std::mem::replace(&mut self.peer.any_acknowledged, true) {
            self.peer.max_streams = usize::MAX;
        }
        for (name, value) in list {
            match name {
                1 => self.decoder.acknowledged(value as usize),
                3 => self.peer.max_streams = value as usize,
                4 => self.peer.initial_window = i64::from(value),
                5 => self.peer.max_frame = value as usize,
                _ => {}
            }
        }
    }

    fn on_ping(&mut self, frame: &Frame) {
        assert_eq!((frame.stream, frame.payload.len()), (0, 8));
        if frame.has(ACK) {
            assert_eq!(
                self.pings.pop_front().as_ref(),
                Some(&frame.payload),
                "answers come in order"
            );
        }
    }

    fn on_goaway(&mut self, frame: &Frame) {
        let (last, code) = (
            frame.word(0),
            u32::from_be_bytes([
                frame.payload[4],
                frame.payload[5],
                frame.payload[6],
                frame.payload[7],
            ]),
        );
        assert!(
            self.goaway.is_none_or(|(before, _)| last <= before),
            "GOAWAY takes back what it said"
        );
        self.goaway = Some((last, code));
    }

    fn on_window_update(&mut self, frame: &Frame) {
        let increment = i64::from(frame.word(0));
        assert!(frame.payload.len() == 4 && increment > 0);
        if frame.stream == 0 {
            self.granted += increment;
            assert!(65_535 + self.granted - self.received <= MAX_WINDOW);
            return;
        }
        let initial = self.own.initial_window();
        let stream = self.speaking(frame);
        stream.granted += increment;
        assert!(initial + stream.granted - stream.received <= MAX_WINDOW);
    }
}

impl Own {
    /// What a stream's receive window begins with, as the peer may count on and this end enforces: a smaller one binds only once
    /// it is acknowledged.
    fn initial_window(&self) -> i64 {
        let announced = self.announced_window.unwrap_or(65_535);
        if self.acknowledged > 0 {
            announced
        } else {
            announced.max(65_535)
        }
    }
}
