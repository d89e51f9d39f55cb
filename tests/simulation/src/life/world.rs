//! The pair, and everything that the test knows about what it did to it.

use super::{events, invariants, plan::Plan, reader::Reader};
use crate::naive::watch::Watch;
use bytes::Bytes;
use farcall_http2::{Field, Reason, Role, StreamKey};
use farcall_testkit::{
    Rng,
    sim::{Pair, Side},
};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Display,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// One direction of one stream.
#[derive(Debug)]
pub(crate) struct Direction {
    /// The first header list, once the sender has given it.
    pub(crate) head: Option<Vec<Field>>,
    pub(crate) trailers: Option<Vec<Field>>,
    /// Payload that was sent and has not come out at the other end.
    pub(crate) under_way: VecDeque<Bytes>,
    /// END_STREAM was given.
    pub(crate) finished: bool,
    /// The sender was told to pause and waits for `Writable`.
    pub(crate) blocked: bool,
    /// How often it was told.
    pub(crate) pauses: usize,
    pub(crate) got_head: bool,
    pub(crate) got_end: bool,
    pub(crate) reader: Reader,
}

impl Direction {
    fn new(rng: &mut Rng, hoarders: bool) -> Direction {
        Direction {
            head: None,
            trailers: None,
            under_way: VecDeque::new(),
            finished: false,
            blocked: false,
            pauses: 0,
            got_head: false,
            got_end: false,
            reader: Reader::new(rng, hoarders),
        }
    }
}

/// One stream as both ends see it. Directions and marks are indexed by side.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) keys: [Option<StreamKey>; 2],
    /// By sender.
    pub(crate) directions: [Direction; 2],
    /// The side reset it.
    pub(crate) reset_by: [Option<Reason>; 2],
    /// The side was told that it is over.
    pub(crate) told: [bool; 2],
}

impl Stream {
    /// What `side` sends.
    pub(crate) fn of(&mut self, side: Side) -> &mut Direction {
        &mut self.directions[side as usize]
    }

    /// Whether the side knows the stream and has not seen its premature end.
    pub(crate) fn is_alive(&self, side: Side) -> bool {
        let i = side as usize;
        self.keys[i].is_some() && self.reset_by[i].is_none() && !self.told[i]
    }

    /// Whether the side may send on it.
    pub(crate) fn can_send(&self, side: Side) -> bool {
        self.is_alive(side) && !self.directions[side as usize].finished
    }
}

/// How often things happened, over all seeds.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    pub(crate) streams: u64,
    pub(crate) complete: u64,
    pub(crate) bytes: u64,
    pub(crate) resets: u64,
    pub(crate) early: u64,
    pub(crate) refused: u64,
    pub(crate) unprocessed: u64,
    pub(crate) cut: u64,
    pub(crate) pauses: u64,
    pub(crate) queued_opens: u64,
    pub(crate) pongs: u64,
    pub(crate) losses: u64,
    pub(crate) drains: u64,
    pub(crate) shutdowns: u64,
    pub(crate) live_windows: u64,
    pub(crate) settled_windows: u64,
    pub(crate) cuts: u64,
    pub(crate) half_opens: u64,
    pub(crate) partitions: u64,
    pub(crate) jumps: u64,
    pub(crate) exact_windows: u64,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Tally) {
        for (sum, more) in self.fields().into_iter().zip(other.clone().fields()) {
            *sum += *more;
        }
    }

    /// Whether everything has happened.
    pub fn is_rich(&self) -> bool {
        self.clone().fields().iter().all(|count| **count > 0)
    }

    fn fields(&mut self) -> [&mut u64; 21] {
        let Tally {
            streams,
            complete,
            bytes,
            resets,
            early,
            refused,
            unprocessed,
            cut,
            pauses,
            queued_opens,
            pongs,
            losses,
            drains,
            shutdowns,
            live_windows,
            settled_windows,
            cuts,
            half_opens,
            partitions,
            jumps,
            exact_windows,
        } = self;
        [
            streams,
            complete,
            bytes,
            resets,
            early,
            refused,
            unprocessed,
            cut,
            pauses,
            queued_opens,
            pongs,
            losses,
            drains,
            shutdowns,
            live_windows,
            settled_windows,
            cuts,
            half_opens,
            partitions,
            jumps,
            exact_windows,
        ]
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) pair: Pair,
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) streams: BTreeMap<u32, Stream>,
    /// By side: it saw `Ready`, `GoAway`, `Closed`; was told to drain, to shut down.
    pub(crate) ready: [bool; 2],
    pub(crate) peer_gone: [bool; 2],
    pub(crate) closed: [bool; 2],
    pub(crate) draining: [bool; 2],
    pub(crate) shut_down: [bool; 2],
    /// The client was refused a stream and waits for `CanOpen`.
    pub(crate) wants_open: bool,
    /// How often it was refused.
    pub(crate) refusals: usize,
    /// Payloads of PINGs that are not answered, by side.
    pub(crate) pings: [VecDeque<u64>; 2],
    /// By side: since when it does not read from its socket.
    pub(crate) stalled: [Option<Instant>; 2],
    /// What one end writes vanishes.
    pub(crate) half_open: bool,
    /// When the clock jumped last.
    pub(crate) jumped: Option<Instant>,
    /// By side.
    pub(crate) watches: [Watch; 2],
    pub(crate) tally: Tally,
    loud: bool,
}

impl World {
    pub(crate) fn new(seed: u64, loud: bool) -> World {
        let mut rng = Rng::new(seed);
        let plan = Plan::new(&mut rng);
        let mut pair = Pair::new(
            rng.next_u64(),
            plan.net.clone(),
            plan.client.clone(),
            plan.server.clone(),
        );
        pair.record();
        let watches = [(Role::Client, &plan.client), (Role::Server, &plan.server)]
            .map(|(role, config)| Watch::new(role, config.initial_max_send_streams));
        if loud {
            println!("seed {seed}: {plan:#?}");
        }
        World {
            pair,
            plan,
            rng,
            streams: BTreeMap::new(),
            ready: [false; 2],
            peer_gone: [false; 2],
            closed: [false; 2],
            draining: [false; 2],
            shut_down: [false; 2],
            wants_open: false,
            refusals: 0,
            pings: Default::default(),
            stalled: [None; 2],
            half_open: false,
            jumped: None,
            watches,
            tally: Tally::default(),
            loud,
        }
    }

    /// Most lives begin with the handshake, some in the middle of it.
    pub(crate) fn begin(&mut self) {
        if self.rng.chance(70) {
            self.run_for(Duration::from_millis(200));
        }
    }

    pub(crate) fn tell(&self, side: Side, what: impl Display) {
        if self.loud {
            println!("{:>12?} {side:?}: {what}", self.pair.elapsed());
        }
    }

    /// Whether the network has done what no connection survives.
    pub(crate) fn is_broken(&self) -> bool {
        self.half_open || self.pair.is_lost()
    }

    /// A new stream in the books, opened by the client.
    pub(crate) fn enter(&mut self, key: StreamKey, head: Vec<Field>, finished: bool) {
        let hoarders = self.plan.hoarders;
        let directions = [(); 2].map(|()| Direction::new(&mut self.rng, hoarders));
        let mut stream = Stream {
            keys: [Some(key), None],
            directions,
            reset_by: [None; 2],
            told: [false; 2],
        };
        let request = stream.of(Side::Client);
        (request.head, request.finished) = (Some(head), finished);
        assert!(
            self.streams.insert(key.id(), stream).is_none(),
            "stream id {} came twice",
            key.id()
        );
        self.tally.streams += 1;
    }

    /// Streams on which `side` may send.
    pub(crate) fn sendable(&self, side: Side) -> Vec<u32> {
        self.alive(|stream| stream.can_send(side))
    }

    pub(crate) fn alive(&self, wanted: impl Fn(&Stream) -> bool) -> Vec<u32> {
        self.streams
            .iter()
            .filter(|(_, stream)| wanted(stream))
            .map(|(id, _)| *id)
            .collect()
    }

    /// One thing happens; its events are checked.
    pub(crate) fn step(&mut self) -> bool {
        let happened = self.pair.step();
        for side in Side::BOTH {
            events::check(self, side);
        }
        invariants::check(self);
        happened
    }

    /// Between two operations: nothing, a few steps, or some time.
    pub(crate) fn pass_some_time(&mut self) {
        match self.rng.range(0..10) {
            0 => {}
            1..5 => {
                for _ in 0..self.rng.range(1..30) {
                    self.step();
                }
            }
            5..9 => self.run_for(Duration::from_micros(
                self.rng.clone().range(0..20_000) as u64
            )),
            _ => self.run_for(Duration::from_millis(self.rng.clone().range(0..2500) as u64)),
        }
        // Draws above were from a copy, so that their number does not depend on the branch.
        self.rng.next_u64();
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let limit = self.pair.now() + duration;
        loop {
            while self.step() {}
            if !self.pair.wait(limit) {
                return;
            }
        }
    }

    /// Runs until nothing is under way, nothing can be said, and no timeout is due.
    pub(crate) fn run(&mut self) {
        for _ in 0..2_000_000 {
            if self.step() {
                continue;
            }
            let busy = self.pair.is_busy();
            let limit = self.pair.now() + Duration::from_millis(200);
            if !self.pair.wait(limit) && !busy && !self.pair.is_busy() {
                return;
            }
        }
        panic!("the two ends do not come to rest");
    }
}

/// Random payload: a slice of one pool.
pub(crate) fn payload(rng: &mut Rng, len: usize) -> Bytes {
    static POOL: OnceLock<Bytes> = OnceLock::new();
    let pool = POOL.get_or_init(|| Rng::new(0).bytes(1 << 20).into());
    let start = rng.range(0..pool.len() - len);
    pool.slice(start..start + len)
}
