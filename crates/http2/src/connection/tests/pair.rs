//! A client and a server in one thread, with the wire between them cut at any octet.

use crate::{Config, Connection, Event, Field, KnownName, Part, ResetCause, StreamKey};
use bytes::{Buf, Bytes, BytesMut};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A generator of random numbers that needs no crate (xorshift).
#[derive(Clone, Debug)]
pub(in crate::connection) struct Random(u64);

impl Random {
    pub(in crate::connection) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(in crate::connection) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Less than `bound`.
    pub(in crate::connection) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    pub(in crate::connection) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// One end: its machine, what has arrived and what it has reported.
#[derive(Debug)]
pub(super) struct End {
    pub(super) machine: Connection,
    pub(super) input: BytesMut,
    pub(super) wire: BytesMut,
    pub(super) events: VecDeque<Event>,
    /// What each stream's payload came to.
    pub(super) auto_release: bool,
}

impl End {
    fn new(machine: Connection) -> End {
        let (input, wire) = (BytesMut::new(), BytesMut::new());
        End {
            machine,
            input,
            wire,
            events: VecDeque::new(),
            auto_release: true,
        }
    }

    /// Writes what there is onto the wire, in steps of at most `step` octets.
    pub(super) fn flush(&mut self, now: Instant, step: usize) {
        loop {
            self.machine.fill(now, step);
            let output = self.machine.output();
            if output.is_empty() {
                return;
            }
            let len = output.remaining().min(step);
            let bytes = output.copy_to_bytes(len);
            self.wire.extend_from_slice(&bytes);
        }
    }

    /// Takes `bytes` in and collects what they lead to.
    pub(super) fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.poll(now);
    }

    pub(super) fn poll(&mut self, now: Instant) {
        while let Some(event) = self.machine.poll_event(now, &mut self.input) {
            if let Event::Data { stream, data, .. } = &event
                && self.auto_release
            {
                self.machine.release(now, *stream, data.len());
            }
            self.events.push_back(event);
        }
    }

    /// The next event that is not `Ready`.
    #[track_caller]
    pub(super) fn event(&mut self) -> Event {
        loop {
            match self.events.pop_front().expect("an event") {
                Event::Ready => {}
                event => return event,
            }
        }
    }

    pub(super) fn ignore_writable(&mut self) {
        self.events
            .retain(|event| !matches!(event, Event::Writable { .. }));
    }

    #[track_caller]
    pub(super) fn no_event(&mut self) {
        self.events.retain(|event| !matches!(event, Event::Ready));
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    /// The stream of the next event, which is a header list.
    #[track_caller]
    pub(super) fn headers(&mut self) -> (StreamKey, bool) {
        match self.event() {
            Event::Headers {
                stream, end_stream, ..
            } => (stream, end_stream),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn reset(&mut self) -> (StreamKey, crate::Reason, ResetCause) {
        match self.event() {
            Event::Reset {
                stream,
                reason,
                cause,
            } => (stream, reason, cause),
            other => panic!("{other:?}"),
        }
    }

    /// All payload of `stream` up to its end, from the events so far; other events are kept.
    #[track_caller]
    pub(super) fn body(&mut self, key: StreamKey) -> (Vec<u8>, bool) {
        let (mut body, mut ended) = (Vec::new(), false);
        self.events.retain(|event| match event {
            Event::Data {
                stream,
                data,
                end_stream,
            } if *stream == key => {
                body.extend_from_slice(data);
                ended |= end_stream;
                false
            }
            _ => true,
        });
        (body, ended)
    }
}

/// Two machines and a wire in each direction.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) client: End,
    pub(super) server: End,
    pub(super) now: Instant,
    pub(super) random: Random,
}

impl Pair {
    pub(super) fn new() -> Pair {
        Pair::with(|_| (), |_| ())
    }

    /// A pair whose prefaces and SETTINGS have been exchanged.
    pub(super) fn with(client: impl FnOnce(&mut Config), server: impl FnOnce(&mut Config)) -> Pair {
        let mut pair = Pair::silent(client, server);
        pair.run();
        pair
    }

    /// A pair that has not yet exchanged anything.
    pub(super) fn silent(
        client: impl FnOnce(&mut Config),
        server: impl FnOnce(&mut Config),
    ) -> Pair {
        let now = Instant::now();
        let (mut configs, adjust) = ([Config::default(), Config::default()], (client, server));
        // Static windows unless a test is about the others: numbers can then be predicted.
        configs.iter_mut().for_each(|config| {
            config.adaptive_window = false;
            config.initial_stream_window = 65_535;
        });
        let [mut client, mut server] = configs;
        adjust.0(&mut client);
        adjust.1(&mut server);
        Pair {
            client: End::new(Connection::client(client, now)),
            server: End::new(Connection::server(server, now)),
            now,
            random: Random::new(1),
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        for end in [&mut self.client, &mut self.server] {
            if end.machine.poll_timeout().is_some_and(|at| at <= self.now) {
                end.machine.handle_timeout(self.now);
                end.poll(self.now);
            }
        }
    }

    /// Carries octets to and fro until both ends are silent.
    pub(super) fn run(&mut self) {
        while self.step(usize::MAX) {}
    }

    /// The same in random pieces.
    pub(super) fn run_sliced(&mut self, largest: usize) {
        while self.step(largest) {}
    }

    /// One piece in each direction. Whether there was anything.
    pub(super) fn step(&mut self, largest: usize) -> bool {
        let now = self.now;
        self.client.flush(now, 16 << 10);
        self.server.flush(now, 16 << 10);
        let mut moved = false;
        let mut limit = || {
            if largest == usize::MAX {
                largest
            } else {
                1 + self.random.below(largest)
            }
        };
        let mut limits = [limit(), limit()].into_iter();
        for upwards in [true, false] {
            let (from, to) = self.direction(upwards);
            let len = from.wire.len().min(limits.next().unwrap_or(usize::MAX));
            let bytes = from.wire.split_to(len);
            if !bytes.is_empty() {
                moved = true;
                to.receive(now, &bytes);
            }
        }
        moved || self.client.machine.wants_write() || self.server.machine.wants_write()
    }

    /// Who sends and who receives.
    fn direction(&mut self, upwards: bool) -> (&mut End, &mut End) {
        let Pair { client, server, .. } = self;
        if upwards {
            (client, server)
        } else {
            (server, client)
        }
    }

    /// A request from the client.
    #[track_caller]
    pub(super) fn open(&mut self, end_stream: bool) -> StreamKey {
        self.client
            .machine
            .open(self.now, &[Part::Fields(&request())], end_stream)
            .unwrap()
    }

    /// A request that has arrived: the keys of both ends.
    #[track_caller]
    pub(super) fn opened(&mut self, end_stream: bool) -> (StreamKey, StreamKey) {
        let client = self.open(end_stream);
        self.run();
        (client, self.server.headers().0)
    }

    /// Both ends agree about every window, and nothing lies unread.
    #[track_caller]
    pub(super) fn assert_windows_add_up(&mut self) {
        for upwards in [true, false] {
            let (from, to) = self.direction(upwards);
            assert_eq!(to.machine.credit.unread(), 0);
            assert_eq!(from.machine.window.value(), to.machine.credit.window());
            for (key, stream) in from.machine.streams.iter_mut() {
                let Some(other) = to.machine.streams.find(key.id()) else {
                    continue;
                };
                let other = to.machine.streams.get(other).unwrap();
                if other.receives() {
                    assert_eq!(
                        (stream.window.value(), 0),
                        other.credit.parts(),
                        "stream {}",
                        key.id()
                    );
                }
            }
        }
    }
}

pub(super) fn request() -> Vec<Field> {
    vec![
        Field::new(KnownName::Method, "POST"),
        Field::new(KnownName::Scheme, "http"),
        Field::new(KnownName::Path, "/a.B/C"),
        Field::new(KnownName::Authority, "test"),
        Field::new(KnownName::Te, "trailers"),
    ]
}

pub(super) fn response() -> Vec<Field> {
    vec![Field::new(KnownName::Status, "200")]
}

pub(super) fn trailers() -> Vec<Field> {
    vec![Field::new(KnownName::GrpcStatus, "0")]
}

/// Octets that tell their place.
pub(super) fn pattern(len: usize) -> Bytes {
    (0..len).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}
