//! One end of a connection under test: the machine, its driver's buffers, an application's book, and a watch on its wire.

mod book;

use book::Book;
use bytes::{Buf, Bytes, BytesMut};
use farcall_http2::{
    Config, Connection, Field, KnownName, OpenError, Part, Reason, Role, SendError, StreamKey,
};
use farcall_simulation::naive::watch::Watch;
use std::time::{Duration, Instant};

pub(crate) struct Side {
    pub(crate) machine: Connection,
    config: Config,
    book: Book,
    watch: Watch,
    input: BytesMut,
    /// All events were taken.
    drained: bool,
    eof: bool,
}

impl Side {
    pub(crate) fn new(role: Role, config: Config, now: Instant) -> Side {
        let machine = match role {
            Role::Client => Connection::client(config.clone(), now),
            Role::Server => Connection::server(config.clone(), now),
        };
        Side {
            machine,
            book: Book::new(role),
            watch: Watch::new(role, config.initial_max_send_streams),
            config,
            input: BytesMut::new(),
            drained: true,
            eof: false,
        }
    }

    // --- The wire ---

    /// Octets arrive; of what they lead to up to `events` events are taken.
    pub(crate) fn feed(&mut self, now: Instant, octets: &[u8], events: usize) {
        if self.eof {
            return;
        }
        self.input.extend_from_slice(octets);
        self.watch.hear(octets);
        self.take_events(now, events);
    }

    /// The peer closes its side.
    pub(crate) fn end_input(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.eof, true) {
            self.take_events(now, usize::MAX);
            self.machine.handle_eof(now);
            self.take_events(now, usize::MAX);
            assert!(self.is_closed());
        }
    }

    /// Takes up to `len` octets of output, of DATA no more than `target` beyond what is there.
    pub(crate) fn take_output(&mut self, now: Instant, target: usize, len: usize) -> Bytes {
        self.machine.fill(now, target);
        let output = self.machine.output();
        let len = len.min(output.remaining());
        let octets = output.copy_to_bytes(len);
        self.watch.say(&octets);
        self.drained = false; // `Writable`, perhaps
        octets
    }

    pub(crate) fn has_output(&mut self) -> bool {
        self.machine.wants_write()
    }

    /// Handles the timeout if it is due.
    pub(crate) fn pass_time(&mut self, now: Instant) {
        if self.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.machine.handle_timeout(now);
            let again = self.machine.poll_timeout();
            assert!(
                again.is_none_or(|at| at > now),
                "a timeout stays in the past"
            );
            self.drained = false;
        }
    }

    pub(crate) fn take_events(&mut self, now: Instant, limit: usize) {
        self.drained = false;
        for _ in 0..limit {
            let Some(event) = self.machine.poll_event(now, &mut self.input) else {
                self.drained = true;
                self.check();
                return;
            };
            self.book.on_event(&self.machine, event);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.book.closed
    }

    /// Why it ended, if the peer is to blame.
    pub(crate) fn crime(&self) -> Option<String> {
        self.book.crime.clone()
    }

    // --- The application ---

    pub(crate) fn open(&mut self, now: Instant, head: &[Field], end: bool) {
        match self.machine.open(now, &[Part::Fields(head)], end) {
            Ok(key) => self.book.opened(key, end),
            Err(OpenError::TooManyStreams) => self.book.refusals += 1,
            Err(_) => {}
        }
    }

    /// The keys of all streams that there ever were, dead ones too.
    pub(crate) fn pick(&self, choice: u8) -> Option<StreamKey> {
        self.book.pick(choice)
    }

    /// The head of a response, or trailers.
    pub(crate) fn send_headers(&mut self, now: Instant, key: StreamKey, end: bool) {
        let head = match self.book.has_sent_head(key) {
            false => Field::new(KnownName::Status, "200"),
            true => Field::new(KnownName::GrpcStatus, "0"),
        };
        let expected = self.book.may_send_headers(&self.machine, key, end);
        let result = self
            .machine
            .send_headers(now, key, &[Part::Fields(&[head])], end);
        if matches!(result, Err(SendError::HeaderListTooLarge { .. })) {
            return;
        }
        assert!(
            !self.drained || result == expected,
            "{result:?}, not {expected:?}"
        );
        if result.is_ok() {
            self.book.sent_headers(key, end);
        }
    }

    pub(crate) fn send_data(&mut self, now: Instant, key: StreamKey, data: Bytes, end: bool) {
        let expected = self.book.may_send_data(&self.machine, key);
        let result = self.machine.send_data(now, key, data, end);
        assert!(
            !self.drained || result == expected,
            "{result:?}, not {expected:?}"
        );
        if result.is_ok() {
            let paused = self.machine.buffered(key) >= self.config.send_high_water;
            self.book.sent_data(key, end, paused);
        }
    }

    pub(crate) fn reset(&mut self, now: Instant, key: StreamKey) {
        self.machine.reset(now, key, Reason::CANCEL);
        assert_eq!(self.machine.buffered(key), 0);
        assert!(self.machine.stream_windows(key).is_none());
        self.book.reset(key);
    }

    /// Reads up to `most` octets of what has arrived.
    pub(crate) fn release(&mut self, now: Instant, key: StreamKey, most: usize) {
        let taken = self.book.read(key, most);
        self.machine.release(now, key, taken);
    }

    pub(crate) fn release_all(&mut self, now: Instant) {
        for (key, taken) in self.book.read_all() {
            self.machine.release(now, key, taken);
        }
    }

    pub(crate) fn ping(&mut self, now: Instant, payload: u64) {
        self.machine.ping(now, payload);
        self.book.pings.push(payload);
    }

    pub(crate) fn drain(&mut self, now: Instant) {
        self.machine.drain(now, "fuzz");
        self.take_events(now, usize::MAX);
        assert!(self.is_closed() || self.machine.is_draining());
    }

    pub(crate) fn shutdown(&mut self, now: Instant) {
        self.machine.shutdown(now, Reason::NO_ERROR, "fuzz");
        self.take_events(now, usize::MAX);
        assert!(self.is_closed());
    }

    /// Says END_STREAM on all streams where that is left to say.
    pub(crate) fn finish_all(&mut self, now: Instant) {
        for key in self.book.speaking(&self.machine) {
            if self.book.may_send_data(&self.machine, key) == Err(SendError::OutOfOrder) {
                self.send_headers(now, key, true);
            } else {
                self.send_data(now, key, Bytes::new(), true);
            }
        }
    }

    // --- What must hold whenever all events have been taken ---

    fn check(&mut self) {
        let machine = &self.machine;
        if self.book.closed {
            assert!(machine.is_closed() && machine.open_streams() == 0);
            assert_eq!(machine.poll_timeout(), None);
            return;
        }
        let hint = machine.input_hint();
        assert!(hint <= self.config.max_frame_size as usize + 9);
        assert!(
            self.input.is_empty() || hint > self.input.len(),
            "it does not go on"
        );
        let alive = self.book.check(machine);
        assert_eq!(machine.open_streams(), alive);
        if machine.role() == Role::Server {
            assert!(alive <= self.config.max_concurrent_streams as usize);
        }
        if !self.watch.is_exact() || !self.input.is_empty() {
            return;
        }
        assert_eq!(machine.windows().unread, self.book.unread());
        if self.machine.output().is_empty() {
            self.check_windows();
        }
    }

    fn check_windows(&self) {
        let real = self.machine.windows();
        assert_eq!((real.send, real.receive), self.watch.windows());
        for key in self.book.keys() {
            if let Some(real) = self.machine.stream_windows(key) {
                let naive = self
                    .watch
                    .stream_windows(key.id())
                    .expect("a stream that was seen");
                assert_eq!((real.send, real.receive), naive, "stream {}", key.id());
            }
        }
        assert!(self.watch.open_streams() >= self.machine.open_streams());
    }
}

/// Time that passes at once.
pub(crate) fn later(now: &mut Instant, choice: u8) {
    const STEPS: [u64; 8] = [0, 1, 20, 300, 1000, 5000, 11_000, 100_000];
    *now += Duration::from_millis(STEPS[usize::from(choice) % STEPS.len()]);
}
