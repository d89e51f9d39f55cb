//! Two HTTP/2 machines, joined by a simulated network.

use super::{Arrival, Clock, Link, NetConfig};
use crate::Rng;
use bytes::BytesMut;
use farcall_http2::{Config, Connection, Event};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// One of the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// The end that opens streams.
    Client,
    /// The end that answers.
    Server,
}

impl Side {
    /// Both.
    pub const BOTH: [Side; 2] = [Side::Client, Side::Server];

    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// One end: a machine, and what a driver keeps beside it.
pub struct End {
    /// The machine. Give it any command at [`Pair::now`]; the simulation sees to its outputs.
    pub connection: Connection,
    input: BytesMut,
    events: VecDeque<Event>,
    /// Its outgoing link.
    link: Link,
    saw_end: bool,
    /// What was read, if that is wanted.
    heard: Option<Vec<u8>>,
}

impl End {
    fn new(connection: Connection, link: Link) -> End {
        End {
            connection,
            input: BytesMut::new(),
            events: VecDeque::new(),
            link,
            saw_end: false,
            heard: None,
        }
    }

    /// The oldest event that was not yet taken.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// All events that were not yet taken.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Bytes that were read and do not make a whole frame yet.
    pub fn unparsed(&self) -> usize {
        self.input.len()
    }

    /// What it has read and what it has written since this was asked last; nothing without [`Pair::record`].
    pub fn take_record(&mut self) -> (Vec<u8>, Vec<u8>) {
        let heard = self.heard.as_mut().map(std::mem::take).unwrap_or_default();
        (heard, self.link.take_record())
    }

    /// Moves some output onto the wire. True if something moved.
    fn flush(&mut self, now: Instant, rng: &mut Rng) -> bool {
        // Now and then less than there is: a socket may take as little as it likes.
        let target = if rng.chance(70) {
            128 << 10
        } else {
            rng.range(1..4096)
        };
        self.connection.fill(now, target);
        if self.connection.output().is_empty() {
            if self.connection.is_closed() && !self.saw_end {
                self.link.close(now);
            }
            return false;
        }
        self.link.write(now, self.connection.output()) > 0
    }

    /// Lets the machine go on with its input up to the next event. True if it did anything.
    fn poll_event(&mut self, now: Instant) -> bool {
        let before = self.input.len();
        let event = self.connection.poll_event(now, &mut self.input);
        let happened = event.is_some() || self.input.len() != before;
        self.events.extend(event);
        happened
    }

    /// Calls `handle_timeout` if it is due.
    ///
    /// # Panics
    /// The machine asks again for the past: its driver would spin.
    fn fire(&mut self, now: Instant) -> bool {
        if self.connection.poll_timeout().is_none_or(|at| at > now) {
            return false;
        }
        self.connection.handle_timeout(now);
        let again = self.connection.poll_timeout();
        assert!(
            again.is_none_or(|at| at > now),
            "a timeout stays in the past after it was handled"
        );
        true
    }
}

/// A client's and a server's [`Connection`] in one thread: simulated time, a simulated network, and a random but
/// repeatable order of everything that may happen at one instant.
///
/// A test gives commands to [`client`](Pair::client) and [`server`](Pair::server), lets the simulation run by
/// [`step`](Pair::step), [`run`](Pair::run) or [`run_for`](Pair::run_for), and looks at the events.
///
/// ```
/// use farcall_http2::{Config, Event, Field, KnownName, Part};
/// use farcall_testkit::sim::{NetConfig, Pair};
///
/// let mut pair = Pair::new(42, NetConfig::default(), Config::default(), Config::default());
/// let head = [
///     Field::new(KnownName::Method, "POST"),
///     Field::new(KnownName::Scheme, "http"),
///     Field::new(KnownName::Path, "/pkg.Service/Method"),
/// ];
/// let now = pair.now();
/// let stream = pair.client.connection.open(now, &[Part::Fields(&head)], true).unwrap();
/// pair.run();
/// let events = pair.server.take_events();
/// assert!(matches!(&events[0], Event::Ready));
/// assert!(matches!(&events[1], Event::Headers { end_stream: true, .. }));
/// # let _ = stream;
/// ```
pub struct Pair {
    /// The end that opens streams.
    pub client: End,
    /// The end that answers.
    pub server: End,
    clock: Clock,
    rng: Rng,
    lost: bool,
}

impl Pair {
    /// Two fresh machines. `seed` decides how bytes are cut and in which order things happen.
    pub fn new(seed: u64, net: NetConfig, client: Config, server: Config) -> Pair {
        let (mut rng, clock) = (Rng::new(seed), Clock::new());
        let (up, down) = (
            Link::new(net.clone(), rng.fork()),
            Link::new(net, rng.fork()),
        );
        Pair {
            client: End::new(Connection::client(client, clock.now()), up),
            server: End::new(Connection::server(server, clock.now()), down),
            clock,
            rng,
            lost: false,
        }
    }

    /// The simulated instant: the `now` of every command.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Simulated time since the start.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// One of the two ends.
    pub fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Does one thing that can happen now, chosen at random: some output goes onto the wire, a piece arrives, a
    /// machine raises an event or has its timeout. False: nothing can happen at this instant.
    pub fn step(&mut self) -> bool {
        let first = self.rng.range(0..8);
        (0..8).any(|turn| {
            let choice = (first + turn) % 8;
            let side = Side::BOTH[choice % 2];
            match choice / 2 {
                0 => self.flush(side),
                1 => self.deliver(side),
                2 => self.poll_event(side),
                _ => {
                    let now = self.now();
                    self.end(side).fire(now)
                }
            }
        })
    }

    /// Lets time pass up to the next instant at which something can happen, but not beyond `limit`. False: nothing ever will
    /// before that; then it is `limit`.
    pub fn wait(&mut self, limit: Instant) -> bool {
        match self.next_instant().filter(|&at| at <= limit) {
            Some(at) => {
                self.clock.advance_to(at);
                true
            }
            None => {
                self.clock.advance_to(limit);
                false
            }
        }
    }

    /// Runs until nothing is under way and neither end has anything to say. Timeouts that come due meanwhile are handled;
    /// later ones are not waited for.
    ///
    /// # Panics
    /// The two are still talking after a million steps.
    pub fn run(&mut self) {
        for _ in 0..1_000_000 {
            if self.step() {
                continue;
            }
            match self.next_arrival() {
                Some(at) => self.clock.advance_to(at),
                None => return,
            }
        }
        panic!("the two ends do not come to rest");
    }

    /// Runs for `duration` of simulated time, timeouts included.
    pub fn run_for(&mut self, duration: Duration) {
        let limit = self.now() + duration;
        loop {
            while self.step() {}
            if !self.wait(limit) {
                return;
            }
        }
    }

    /// The connection breaks: a random part of what is under way still arrives, then both ends see the end of the stream.
    pub fn lose_connection(&mut self) {
        self.lost = true;
        self.client.link.lose();
        self.server.link.lose();
    }

    /// The same, and exactly `bytes` of what `writer` has under way still arrive.
    pub fn cut(&mut self, writer: Side, bytes: usize) {
        self.lost = true;
        self.end(writer).link.truncate(bytes);
        self.end(writer.other()).link.lose();
    }

    /// The connection is half-open from now on: what `writer` writes vanishes, and neither end is told.
    pub fn half_open(&mut self, writer: Side) {
        self.end(writer).link.swallow();
    }

    /// The clock jumps, as after a suspended process: nothing that falls into that time happens before its end.
    pub fn jump(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Keeps copies of all that both ends read and write, for [`End::take_record`].
    pub fn record(&mut self) {
        for end in [&mut self.client, &mut self.server] {
            end.heard.get_or_insert_default();
            end.link.record();
        }
    }

    /// Whether [`lose_connection`](Pair::lose_connection) or [`cut`](Pair::cut) was called.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// `side` stops reading from its socket (`true`) or goes on.
    pub fn stall(&mut self, side: Side, stalled: bool) {
        self.end(side.other()).link.stall(stalled);
    }

    /// Whether bytes are on their way or lie unparsed, in either direction.
    pub fn is_busy(&self) -> bool {
        [&self.client, &self.server]
            .iter()
            .any(|end| end.link.held() > 0 || end.unparsed() > 0)
    }

    fn flush(&mut self, side: Side) -> bool {
        let now = self.now();
        let mut rng = self.rng.fork();
        self.end(side).flush(now, &mut rng)
    }

    fn poll_event(&mut self, side: Side) -> bool {
        let now = self.now();
        self.end(side).poll_event(now)
    }

    /// The next piece reaches `side`.
    fn deliver(&mut self, side: Side) -> bool {
        let now = self.now();
        let (reader, writer) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        if reader.saw_end {
            return false;
        }
        match writer.link.read(now, &mut reader.input) {
            Arrival::Nothing => false,
            Arrival::Bytes(len) => {
                if let Some(heard) = &mut reader.heard {
                    heard.extend_from_slice(&reader.input[reader.input.len() - len..]);
                }
                true
            }
            Arrival::End => {
                reader.saw_end = true;
                // A driver takes the events of what it has read before it reads the end.
                while reader.poll_event(now) {}
                reader.connection.handle_eof(now);
                true
            }
        }
    }

    fn next_arrival(&self) -> Option<Instant> {
        let up = self
            .client
            .link
            .next_arrival()
            .filter(|_| !self.server.saw_end);
        let down = self
            .server
            .link
            .next_arrival()
            .filter(|_| !self.client.saw_end);
        up.into_iter().chain(down).min()
    }

    fn next_instant(&self) -> Option<Instant> {
        let timeouts = [&self.client, &self.server].map(|end| end.connection.poll_timeout());
        timeouts
            .into_iter()
            .flatten()
            .chain(self.next_arrival())
            .min()
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair")
            .field("elapsed", &self.elapsed())
            .field(
                "under_way",
                &(self.client.link.held(), self.server.link.held()),
            )
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
